/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_age.c - any bytes as an age file: either its plain text, with nothing changed, or
 * a refusal that says why. The corpus holds a file that the identity below opens. Depends on
 * si_vault.
 */
#include <stdlib.h>
#include <string.h>

#include "paas/vault/age_header.h"
#include "paas/vault/base64.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static const char text[] =
    "AGE-SECRET-KEY-"
    "1P37STYX65QWXKY9644SX73UM3Q2L0KZM68T5P7VETEQDHZHYRK5QNKE68W";

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

/* What stands between two arguments or lines of a header that was taken is within it. */
static void judge_header(const char *file, size_t size) {
  struct si_age_header header;
  struct si_error error = {0};
  if (si_age_header_parse(file, size, &header, &error) != SI_OK) {
    require(strcmp(error.code, "AGE_FORMAT") == 0 && error.message[0]);
    return;
  }
  require(header.count >= 1 && header.count <= SI_AGE_STANZAS_MAX);
  require(header.len <= size && header.len <= SI_AGE_HEADER_MAX && header.signed_len < header.len);
  for (size_t i = 0; i < header.count; i++) {
    const struct si_age_stanza *stanza = &header.stanzas[i];
    require(stanza->arg_count >= 1 && stanza->body_lines >= 1);
    for (size_t n = 0; n < stanza->arg_count && n < SI_AGE_ARGS_MAX; n++) {
      const struct si_age_span *arg = &stanza->args[n];
      require(arg->at > file && arg->len > 0 && arg->at + arg->len < file + header.signed_len);
    }
  }
}

/* Base64 has one form for each value. */
static void judge_base64(const char *file, size_t size, bool padded) {
  struct si_buf again SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  unsigned char *bytes = malloc(size + 1);
  size_t used = 0;
  require(bytes != NULL);
  if (si_base64_decode(file, size, padded, bytes, size, &used) == SI_OK) {
    require(si_base64_add(bytes, used, padded, &again) == SI_OK);
    require(again.len == size && (size == 0 || memcmp(again.data, file, size) == 0));
  }
  free(bytes);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  static struct si_age_identity identity;
  static bool known;
  struct si_locked out SI_AUTO(si_locked_free) = {.data = NULL};
  struct si_error error = {0};
  const char *file = (const char *)data;
  if (!known) {
    require(si_age_identity_parse(text, sizeof text - 1, &identity) == SI_OK);
    known = true;
  }
  judge_header(file, size);
  judge_base64(file, size, false);
  judge_base64(file, size, true);
  si_rc status = si_age_open(&identity, 1, file, size, &out, &error);
  if (status == SI_OK) {
    require(out.data && out.len < size);
  } else {
    require(!out.data && error.status == status && error.message[0]);
    require(status == SI_E_CORRUPT || status == SI_E_AUTH);
  }
  return 0;
}
