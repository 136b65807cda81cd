/* SPDX-License-Identifier: Apache-2.0 */
/* The descriptor, and what loading does. */
#include "tests/conform/ref.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const si_provider *providers[18] = {&ref_provider, NULL};
static si_provider twin;

static si_plugin plugin = {
    .magic = SI_ABI_MAGIC,
    .size = sizeof(si_plugin),
    .abi_major = SI_ABI_MAJOR,
    .abi_minor = SI_ABI_MINOR,
    .draft = SI_ABI_DRAFT,
    .id = "reference",
    .version = "1.0",
    .license = "Apache-2.0",
    .build = "test",
    .providers = providers,
};

static void *rest(void *arg) {
  for (;;) {
    pause();
  }
  return arg;
}

static void break_descriptor(void) {
  plugin.magic += bad("descriptor.magic");
  plugin.size -= bad("descriptor.size") ? 8 : 0;
  plugin.abi_major = (uint16_t)(plugin.abi_major + bad("descriptor.major"));
  plugin.draft = (uint16_t)(plugin.draft + bad("descriptor.draft"));
  plugin.need_minor =
      bad("descriptor.need-minor") || bad("descriptor.minor") ? SI_ABI_MINOR + 1 : 0;
  plugin.id = bad("descriptor.id") ? "Reference" : plugin.id;
  plugin.version = bad("descriptor.version") ? "1.0\n" : plugin.version;
  plugin.license = bad("descriptor.license") ? "mine!" : plugin.license;
  plugin.build = bad("descriptor.build") ? "" : plugin.build;
  for (size_t i = 0; bad("descriptor.providers") && i < 18; i++) {
    providers[i] = &ref_provider;
  }
  if (bad("provider.ids-differ")) {
    twin = ref_provider;
    providers[1] = &twin;
  }
}

__attribute__((constructor)) static void loaded(void) {
  pthread_t thread;
  break_descriptor();
  if (bad("load.quiet") && write(1, "hello\n", 6) < 0) {
    abort();
  }
  if (bad("load.descriptors") && open("/dev/null", O_RDONLY) < 0) {
    abort();
  }
  if (bad("load.threads")) {
    pthread_create(&thread, NULL, rest, NULL);
  }
  if (bad("load.processes") && fork() == 0) {
    rest(NULL);
  }
  if (bad("load.surroundings")) {
    umask(0);
  }
}

#ifndef NO_ENTRY
SI_EXPORT const si_plugin *si_plugin_v1(void) {
  static __thread si_plugin own;
  static si_plugin other;
  static int turn;
  if (bad("load.entry-same")) {
    other = plugin;
    return turn++ % 2 ? &other : &plugin;
  }
  if (bad("load.entry-threads")) {
    own = plugin;
    return &own;
  }
  if (bad("load.entry-pure")) {
    void *kept = malloc(100);
    plugin.build = kept ? plugin.build : NULL;
  }
  return &plugin;
}
#endif
