/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin `local`: one provider, one exported symbol. */
#include "plugins/local/verbs.h"

static const si_provider provider = {
    .size = sizeof provider,
    .kind = SI_KIND_PROVISIONER,
    .threads = SI_THREADS_SERIAL,
    .id = "local",
    .schema = local_config_schema,
    .needs = SI_PLUGIN_NEEDS,
    .open = local_open,
    .close = local_close,
    .vt = &local_provisioner,
};

static const si_provider *const providers[] = {&provider, NULL};

static const si_plugin plugin = {
    .magic = SI_ABI_MAGIC,
    .size = sizeof plugin,
    .abi_major = SI_ABI_MAJOR,
    .abi_minor = SI_ABI_MINOR,
    .need_minor = 0,
    .draft = SI_ABI_DRAFT,
    .id = "local",
    .version = SI_PLUGIN_VERSION,
    .license = "Apache-2.0",
    .build = __VERSION__,
    .providers = providers,
};

const si_plugin *si_plugin_v1(void) {
  return &plugin;
}
