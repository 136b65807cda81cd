/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_stack.c - any bytes as a stack file: either a document that is strict, canonical
 * JSON and the same a second time, or a refusal that says where and why. Depends on si_stack.
 */
#include <stdlib.h>
#include <string.h>

#include "paas/stack/stack.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

static void judge_document(const struct si_stack *stack) {
  struct si_buf again SI_AUTO(si_buf_free) = SI_BUF(16 << 20);
  cJSON *json SI_AUTO(si_json_free) = NULL;
  require(si_json_parse(stack->json, stack->len, &json, NULL) == SI_OK);
  require(si_json_canonical(json, &again) == SI_OK);
  require(again.len == stack->len && memcmp(again.data, stack->json, stack->len) == 0);
  require(strlen(stack->json) == stack->len && strlen(stack->sha256) == 64);
}

static void judge_refusal(si_rc status, const struct si_error *error) {
  require(status == SI_E_INVALID && error->status == status);
  require(strncmp(error->code, "STACK_", 6) == 0 && strcmp(error->code, "STACK_UNREADABLE") != 0);
  require(strncmp(error->target, "s.yaml:", 7) == 0 && atoi(error->target + 7) > 0);
  require(strncmp(error->message, error->target, strlen(error->target)) == 0);
  for (const char *p = error->message; *p; p++) {
    require((unsigned char)*p >= 0x20 && *p != 0x7F);
  }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  struct si_stack one SI_AUTO(si_stack_free) = {0};
  struct si_stack two SI_AUTO(si_stack_free) = {0};
  struct si_error error = {0};
  si_rc status = si_stack_parse("s.yaml", (const char *)data, size, &one, &error);
  if (status != SI_OK) {
    require(one.json == NULL);
    judge_refusal(status, &error);
    return 0;
  }
  judge_document(&one);
  require(si_stack_parse("s.yaml", (const char *)data, size, &two, NULL) == SI_OK);
  require(strcmp(one.json, two.json) == 0 && strcmp(one.sha256, two.sha256) == 0);
  return 0;
}
