/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/golden/parts.h - what the golden plugins share: an instance that holds nothing, texts, and
 * the descriptor. KIND and PLUGIN_ID come first. Depends on the ABI headers alone.
 */
#include <string.h>

struct si_instance {
  int nothing;
};

static si_instance instance;

static si_rc open_instance(const si_host_vt *vt, si_host *host, si_op *op, const char *config_json,
                           si_instance **out) {
  (void)host;
  (void)config_json;
  *out = &instance;
  return vt->cancelled(op) ? SI_E_CANCELLED : SI_OK;
}

static void close_instance(si_instance *self) {
  (void)self;
}

static const si_provider provider = {
    .size = sizeof(si_provider),
    .kind = KIND,
    .threads = SI_THREADS_SERIAL,
    .id = PLUGIN_ID,
    .schema = "{\"type\":\"object\"}",
    .needs = "{}",
    .open = open_instance,
    .close = close_instance,
    .vt = &table,
};

static const si_provider *const providers[] = {&provider, NULL};

static const si_plugin plugin = {
    .magic = SI_ABI_MAGIC,
    .size = sizeof(si_plugin),
    .abi_major = SI_ABI_MAJOR,
    .abi_minor = SI_ABI_MINOR,
    .draft = SI_ABI_DRAFT,
    .id = PLUGIN_ID,
    .version = "1",
    .license = "Apache-2.0",
    .build = "golden",
    .providers = providers,
};

SI_EXPORT const si_plugin *si_plugin_v1(void) {
  return &plugin;
}
