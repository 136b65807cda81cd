/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing but tables, one of which says that it is longer than all that the plugin has:
 * BEYOND_PLUGIN, BEYOND_PROVIDER or BEYOND_TABLE. No function of it is ever called. */
#include <si/artifact.h>

#define MUCH 4000

static void nothing(void) {
}

static const si_artifact_vt table = {
#ifdef BEYOND_TABLE
    .size = MUCH,
#else
    .size = sizeof table,
#endif
    .sink_open = (void *)nothing,
    .sink_write = (void *)nothing,
    .sink_finish = (void *)nothing,
    .sink_abort = (void *)nothing,
    .reader_open = (void *)nothing,
    .reader_read = (void *)nothing,
    .reader_close = (void *)nothing,
    .stat = (void *)nothing,
    .list = (void *)nothing,
};

static const si_provider provider = {
#ifdef BEYOND_PROVIDER
    .size = MUCH,
#else
    .size = sizeof provider,
#endif
    .kind = SI_KIND_ARTIFACT,
    .id = "beyond",
    .schema = "{\"type\":\"object\",\"additionalProperties\":false}",
    .needs = "{}",
    .open = (void *)nothing,
    .close = (void *)nothing,
    .vt = &table,
};

static const si_provider *const providers[] = {&provider, NULL};

static const si_plugin plugin = {
    .magic = SI_ABI_MAGIC,
#ifdef BEYOND_PLUGIN
    .size = MUCH,
#else
    .size = sizeof plugin,
#endif
    .abi_major = SI_ABI_MAJOR,
    .draft = SI_ABI_DRAFT,
    .id = "beyond",
    .version = "1",
    .license = "Apache-2.0",
    .build = "test",
    .providers = providers,
};

SI_EXPORT const si_plugin *si_plugin_v1(void) {
  return &plugin;
}
