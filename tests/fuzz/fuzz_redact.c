/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_redact.c - any text, in one piece and in pieces, as a line, as JSON: what comes
 * out holds no secret, and the same text is taken out whole and in pieces. The first byte says
 * which secrets are known, the second how long the pieces are. Depends on si_redact.
 */
#include <stdlib.h>
#include <string.h>

#include "paas/redact/private.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static const char *const secrets[] = {
    "hunter-seventeen", "abcabcabc",       "%25%25%25", "\\\\\\n\\u",
    "line\nline\nline", "p/w+d ~\xC3\xA9", "cabcab"};
enum { SECRETS = sizeof secrets / sizeof *secrets };

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

static void no_secret_in(const struct si_buf *shown, unsigned known) {
  for (unsigned i = 0; i < SECRETS; i++) {
    require(!(known & 1u << i) || shown->len == 0 ||
            !memmem(shown->data, shown->len, secrets[i], strlen(secrets[i])));
  }
}

static void hear(void *ctx, unsigned tag, const char *text) {
  (void)tag;
  require(si_buf_puts(ctx, text) == SI_OK);
}

static void in_pieces(const char *text, size_t len, size_t part, unsigned known) {
  struct si_redact_stream stream = {.count = 0};
  struct si_buf shown SI_AUTO(si_buf_free) = SI_BUF(1 << 24);
  char piece[260];
  for (size_t at = 0; at < len; at += part) {
    size_t n = len - at < part ? len - at : part;
    memcpy(piece, text + at, n);
    piece[n] = '\0';
    si_redact_feed(&stream, 1, piece, &shown, hear);
  }
  si_redact_end(&stream, &shown, hear);
  no_secret_in(&shown, known);
}

static void as_json(const char *text, size_t len, unsigned known) {
  cJSON *value SI_AUTO(si_json_free) = NULL;
  struct si_buf shown SI_AUTO(si_buf_free) = SI_BUF(1 << 24);
  if (si_json_parse(text, len, &value, NULL) == SI_OK) {
    require(si_redact_json(value) == SI_OK);
    require(si_json_print(value, false, &shown) == SI_OK);
    no_secret_in(&shown, known);
  }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(1 << 24);
  struct si_buf shown SI_AUTO(si_buf_free) = SI_BUF(1 << 24);
  char line[64];
  if (size < 3) {
    return 0;
  }
  si_redact_forget();
  for (unsigned i = 0; i < SECRETS; i++) {
    if (data[0] & 1u << i) {
      require(si_redact_remember(secrets[i], strlen(secrets[i])) == SI_OK);
    }
  }
  require(si_buf_add(&text, data + 2, size - 2) == SI_OK);
  require(si_redact_text(text.data, text.len, &shown) == SI_OK);
  no_secret_in(&shown, data[0]);
  as_json(text.data, text.len, data[0]);
  for (size_t i = 0; i < text.len; i++) {
    text.data[i] = text.data[i] ? text.data[i] : ' ';
  }
  in_pieces(text.data, text.len, (size_t)data[1] + 1, data[0]);
  strncpy(line, text.data, sizeof line - 1);
  line[sizeof line - 1] = '\0';
  si_redact_line(line, sizeof line);
  require(memchr(line, '\0', sizeof line) != NULL);
  return 0;
}
