/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/plugins/descriptor.h - the end of a test plugin's source: the descriptor of a plugin with
 * the one provider `provider`, named PLUGIN_ID, and its entry. Depends on the ABI headers alone.
 */
static const si_provider *const providers[] = {&provider, NULL};

static const si_plugin plugin = {
    .magic = SI_ABI_MAGIC,
    .size = sizeof(si_plugin),
    .abi_major = SI_ABI_MAJOR,
    .abi_minor = SI_ABI_MINOR,
    .need_minor = 0,
    .draft = SI_ABI_DRAFT,
    .id = PLUGIN_ID,
    .version = "0",
    .license = "Apache-2.0",
    .build = "test",
    .providers = providers,
};

SI_EXPORT const si_plugin *si_plugin_v1(void) {
  return &plugin;
}
