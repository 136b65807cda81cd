/* SPDX-License-Identifier: Apache-2.0 */
/* A push: its headers, an empty line, its body; as each source would have sent it. */
#include <stdlib.h>
#include <string.h>

#include "paas/webhook/webhook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct si_push *push) {
  if (strlen(push->branch) > 255 ||
      strspn(push->commit, "0123456789abcdef") != strlen(push->commit) ||
      (push->deleted && push->commit[0])) {
    abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char secret[] = "sixteen bytes and more";
  const char *text = (const char *)data;
  const char *end = size > 1 ? memmem(text, size, "\n\n", 2) : NULL;
  size_t head = end ? (size_t)(end - text) : size;
  const char *body = end ? end + 2 : "";
  size_t len = end ? size - head - 2 : 0;
  struct si_webhook_headers headers SI_AUTO(si_webhook_headers_free) = {.text = NULL};
  struct si_error error;
  if (si_webhook_headers_read(text, head, &headers, &error) != SI_OK) {
    return 0;
  }
  for (int source = SI_WEBHOOK_GITHUB; source <= SI_WEBHOOK_SI; source++) {
    struct si_push push;
    /* Nobody who has not the secret is believed. */
    if (si_webhook_verify((enum si_webhook_source)source, &headers, body, len, secret,
                          sizeof secret - 1, 1000000, &error) == SI_OK &&
        source != SI_WEBHOOK_GITLAB) {
      abort();
    }
    if (si_webhook_push((enum si_webhook_source)source, &headers, body, len, &push, &error) ==
        SI_OK) {
      check(&push);
    }
  }
  return 0;
}
