/* SPDX-License-Identifier: Apache-2.0 */
/* The room load: constructors and the entry. */
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "sdk/conform/footprint.h"
#include "sdk/conform/heap.h"
#include "sdk/conform/load.h"

typedef const si_plugin *(*entry_fn)(void);

static void load(struct trial *t) {
  char why[512] = "";
  t->handle = load_open(t->options->plugin, why, sizeof why);
  demand(t->handle != NULL, "%s", why);
}

static entry_fn entry_of(struct trial *t) {
  char why[512] = "";
  load(t);
  entry_fn entry = load_entry(t->handle, why, sizeof why);
  demand(entry != NULL, "%s", why);
  return entry;
}

static void binds(struct trial *t) {
  load(t);
}

static void entry(struct trial *t) {
  entry_of(t);
}

static void quiet(struct trial *t) {
  load(t);
  demand(footprint_output() == 0, "it wrote on stdout or stderr while it was loaded");
}

static void descriptors(struct trial *t) {
  struct footprint before = footprint_now();
  load(t);
  struct footprint after = footprint_now();
  demand(after.fds == before.fds, "%zu descriptors are open after loading, %zu were before",
         after.fds - 3, before.fds - 3);
}

static void threads(struct trial *t) {
  struct footprint before = footprint_now();
  load(t);
  demand(footprint_now().threads == before.threads, "it started a thread while it was loaded");
}

static void processes(struct trial *t) {
  load(t);
  demand(!footprint_children(), "it started a process while it was loaded");
}

static void surroundings(struct trial *t) {
  static struct surroundings before, after;
  surroundings_take(&before);
  load(t);
  surroundings_take(&after);
  demand(memcmp(&before, &after, sizeof before) == 0,
         "loading changed the process: a signal handler, the working directory, umask, locale, "
         "environment or limits");
}

static void same(struct trial *t) {
  entry_fn give = entry_of(t);
  const si_plugin *first = give();
  for (int i = 0; i < 100; i++) {
    demand(give() == first, "si_plugin_v1() gave another descriptor the next time");
  }
}

static void *call_entry(void *arg) {
  entry_fn give;
  memcpy(&give, arg, sizeof give);
  return (void *)(uintptr_t)give();
}

static void same_everywhere(struct trial *t) {
  entry_fn give = entry_of(t);
  pthread_t thread;
  void *found = NULL;
  kit_needs(pthread_create(&thread, NULL, call_entry, &give) == 0, "no thread");
  const si_plugin *here = give();
  pthread_join(thread, &found);
  demand(found == here, "si_plugin_v1() gave another thread another descriptor");
}

static void entry_makes_nothing(struct trial *t) {
  entry_fn give = entry_of(t);
  struct footprint before = footprint_now();
  unsigned long calls = heap_calls();
  give();
  demand(heap_calls() == calls, "si_plugin_v1() allocated memory");
  struct footprint after = footprint_now();
  demand(after.fds == before.fds && after.threads == before.threads,
         "si_plugin_v1() opened a descriptor, or started a thread");
  demand(footprint_output() == 0, "si_plugin_v1() wrote on stdout or stderr");
}

#define LOAD(id, title, run) \
  { id, title, KIND_PLUGIN, WANTS_NOTHING, 0, run }
const struct check load_checks[] = {
    LOAD("load.binds", "it loads with every symbol bound (RTLD_NOW)", binds),
    LOAD("load.entry", "si_plugin_v1 is the file's own, not a library's", entry),
    LOAD("load.quiet", "loading writes nothing on stdout and stderr", quiet),
    LOAD("load.descriptors", "loading leaves no descriptor open", descriptors),
    LOAD("load.threads", "loading starts no thread", threads),
    LOAD("load.processes", "loading starts no process", processes),
    LOAD("load.surroundings", "loading changes nothing of the process: handlers, umask, limits",
         surroundings),
    LOAD("load.entry-same", "the entry gives the same descriptor each time", same),
    LOAD("load.entry-threads", "the entry gives every thread the same descriptor", same_everywhere),
    LOAD("load.entry-pure", "the entry allocates, opens, starts and writes nothing",
         entry_makes_nothing),
    {0}};
