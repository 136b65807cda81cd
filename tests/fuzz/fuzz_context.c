/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_context.c - any bytes as a context's config.json: what is taken has all that the
 * rest of si relies on, and every question about it has an answer. Depends on si_context.
 */
#include <stdlib.h>
#include <string.h>

#include "paas/context/private.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

static void ask(const struct si_context *context) {
  const char *provider = NULL;
  const cJSON *config = NULL;
  struct si_error error = {.status = SI_OK};
  require(si_name_valid(context->name) && si_context_id_valid(context->id));
  require(si_context_type(context->type) && context->created_at[0]);
  require(si_context_provider(context, "provisioner", &provider, &config, &error) == SI_OK);
  require(si_name_valid(provider) && cJSON_IsObject(config));
  require(si_context_provider(context, "elsewhere", &provider, &config, &error) == SI_E_INVALID);
  require(si_context_max_artifact(context) <= 1ull << 50);
  (void)si_context_sandbox_required(context);
  (void)si_context_unsafe(context);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  static const char *const dirs[] = {"/c", "/elsewhere"};
  for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
    struct si_context context = {.config = NULL};
    struct si_error error = {.status = SI_OK};
    cJSON *config = NULL;
    if (si_json_parse((const char *)data, size, &config, NULL) != SI_OK) {
      return 0;
    }
    si_rc status = i == 0 ? si_context_config_use(config, "demo", dirs[i], 7, &context, &error)
                          : si_context_config_take(config, dirs[i], &context, &error);
    require(status == error.status && (status == SI_OK) == (context.config != NULL));
    if (status == SI_OK) {
      ask(&context);
    } else {
      require(error.code[0] && error.message[0]);
    }
    si_context_free(&context);
  }
  return 0;
}
