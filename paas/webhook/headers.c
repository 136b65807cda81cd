/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "kit/base/crypt.h"
#include "kit/base/text.h"
#include "paas/webhook/webhook.h"

#define TOKEN "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

void si_webhook_headers_free(struct si_webhook_headers *headers) {
  if (headers->text) { /* one of them may be a secret */
    si_wipe(headers->text, strlen(headers->text));
  }
  free(headers->text);
  headers->text = NULL;
}

static si_rc malformed(struct si_error *error, const char *why) {
  si_error_set(error, SI_E_INVALID, "WEBHOOK_MALFORMED", "the headers %s", why);
  return si_error_hint(error, "pass them as they came, a line each: Name: value");
}

/* Takes one line without its end. */
static si_rc take_line(char *line, struct si_webhook_headers *out, struct si_error *error) {
  char *colon = strchr(line, ':');
  size_t most = sizeof out->list / sizeof *out->list;
  if (line[0] == '\0') {
    return SI_OK;
  }
  if (out->count == most) {
    return malformed(error, "are more than 100");
  }
  if (!colon || colon == line || strspn(line, TOKEN) != (size_t)(colon - line)) {
    return malformed(error, "hold a line that is none");
  }
  *colon++ = '\0';
  colon += strspn(colon, " \t");
  for (char *end = colon + strlen(colon); end > colon && strchr(" \t", end[-1]);) {
    *--end = '\0';
  }
  out->list[out->count].name = line;
  out->list[out->count++].value = colon;
  return SI_OK;
}

si_rc si_webhook_headers_read(const char *text, size_t len, struct si_webhook_headers *out,
                              struct si_error *error) {
  *out = (struct si_webhook_headers){.text = NULL};
  if (len > SI_WEBHOOK_HEADERS || memchr(text, '\0', len)) {
    return malformed(error, len > SI_WEBHOOK_HEADERS ? "are longer than 64 KiB" : "hold a NUL");
  }
  out->text = calloc(1, len + 1);
  if (!out->text) {
    return si_error_set(error, SI_E_NOMEM, "WEBHOOK_MEMORY", "out of memory");
  }
  memcpy(out->text, text, len);
  si_rc status = SI_OK;
  for (char *line = out->text; status == SI_OK && line;) {
    char *next = strchr(line, '\n');
    if (next) {
      *next++ = '\0';
    }
    line[strcspn(line, "\r")] = '\0';
    status = take_line(line, out, error);
    line = next;
  }
  return status;
}

const char *si_webhook_header(const struct si_webhook_headers *headers, const char *name) {
  const char *found = NULL;
  for (size_t i = 0; i < headers->count; i++) {
    if (strcasecmp(headers->list[i].name, name) == 0) {
      if (found) {
        return NULL;
      }
      found = headers->list[i].value;
    }
  }
  return found;
}
