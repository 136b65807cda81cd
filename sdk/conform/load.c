/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/conform/load.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <si/artifact.h>
#include <si/backup.h>
#include <si/provisioner.h>

#include "kit/base/text.h"

#define END_OF(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

static const char *const store_functions[] = {
    "sink_open",   "sink_write",   "sink_finish", "sink_abort", "reader_open",
    "reader_read", "reader_close", "stat",        "list",       "remove",
    "unfinished",  "discard",      "uri",         NULL};
static const char *const stack_functions[] = {"check", "provision", "destroy", "inspect",
                                              "list",  "remove",    NULL};
static const char *const backup_functions[] = {"contract",  "check",   "backup", "list",
                                               "inventory", "read",    "verify", "restore",
                                               "window",    "protect", "expire", NULL};

static const struct table_shape shapes[] = {
    [SI_KIND_PROVISIONER] = {"si_provisioner_vt", sizeof(si_provisioner_vt),
                             END_OF(si_provisioner_vt, remove), offsetof(si_provisioner_vt, check),
                             stack_functions},
    [SI_KIND_ARTIFACT] = {"si_artifact_vt", sizeof(si_artifact_vt), END_OF(si_artifact_vt, list),
                          offsetof(si_artifact_vt, sink_open), store_functions},
    [SI_KIND_BACKUP] = {"si_backup_vt", sizeof(si_backup_vt), END_OF(si_backup_vt, window),
                        offsetof(si_backup_vt, contract), backup_functions},
};

const struct table_shape *table_shape(uint32_t kind) {
  return kind < sizeof shapes / sizeof *shapes && shapes[kind].name ? &shapes[kind] : NULL;
}

void *load_open(const char *path, char *why, size_t size) {
  calling = "a constructor, while it was loaded";
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *reason = dlerror();
    snprintf(why, size, "it cannot be loaded: %s", reason ? reason : "for no reason told");
  }
  return handle;
}

const si_plugin *(*load_entry(void *handle, char *why, size_t size))(void) {
  const si_plugin *(*entry)(void) = NULL;
  calling = "si_plugin_v1()";
  void *symbol = dlsym(handle, "si_plugin_v1");
  if (!symbol) {
    snprintf(why, size, "it does not export si_plugin_v1");
  } else if (!load_owns(handle, symbol)) {
    snprintf(why, size, "si_plugin_v1 is that of a library which it needs, not its own");
  } else {
    memcpy(&entry, &symbol, sizeof entry);
  }
  return entry;
}

/* A place in memory, and what of the plugin's own lies there. */
struct place {
  uintptr_t base; /* where the plugin was loaded */
  uintptr_t address;
  size_t room;    /* to the segment's end; 0: none of the plugin's */
  uint32_t flags; /* PF_* */
};

static int visit(struct dl_phdr_info *info, size_t size, void *data) {
  struct place *place = data;
  (void)size;
  for (size_t i = 0; info->dlpi_addr == place->base && i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &info->dlpi_phdr[i];
    uintptr_t from = info->dlpi_addr + part->p_vaddr;
    if (part->p_type == PT_LOAD && (part->p_flags & PF_R) && place->address >= from &&
        place->address - from < part->p_memsz) {
      place->room = part->p_memsz - (place->address - from);
      place->flags = part->p_flags;
    }
  }
  return place->room != 0;
}

static struct place place_of(void *handle, const void *address) {
  struct link_map *map = NULL;
  struct place place = {.address = (uintptr_t)address};
  if (address && dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0) {
    place.base = map->l_addr;
    dl_iterate_phdr(visit, &place);
  }
  return place;
}

size_t load_room(void *handle, const void *address) {
  return place_of(handle, address).room;
}

bool load_owns(void *handle, const void *address) {
  return load_room(handle, address) > 0;
}

bool load_code(void *handle, const void *address) {
  struct place place = place_of(handle, address);
  return place.room > 0 && (place.flags & PF_X);
}

/* Enough of the descriptor to find the providers by; what it says is for other checks. */
static void read_plugin(struct trial *t, const si_plugin *plugin) {
  demand(load_room(t->handle, plugin) >= sizeof *plugin,
         "si_plugin_v1() gives no descriptor of its own");
  demand(plugin->magic == SI_ABI_MAGIC && plugin->abi_major == SI_ABI_MAJOR &&
             plugin->draft == SI_ABI_DRAFT && plugin->size >= sizeof *plugin &&
             plugin->need_minor <= SI_ABI_MINOR,
         "its descriptor is not of ABI %u.%u draft %u (see --only descriptor)", SI_ABI_MAJOR,
         SI_ABI_MINOR, SI_ABI_DRAFT);
  demand(load_owns(t->handle, plugin->providers),
         "it has no list of providers (see --only descriptor)");
  for (size_t i = 0; i <= 16; i++) {
    demand(i < 16 && load_room(t->handle, &plugin->providers[i]) >= sizeof(void *),
           "its list of providers does not end (see --only descriptor)");
    const si_provider *p = plugin->providers[i];
    if (!p) {
      break;
    }
    demand(load_room(t->handle, p) >= END_OF(si_provider, vt) &&
               p->size >= END_OF(si_provider, vt) && load_owns(t->handle, p->id) && p->vt &&
               load_owns(t->handle, p->vt) && p->open && p->close &&
               load_owns(t->handle, p->schema),
           "a provider lacks its id, schema, functions or table (see --only provider)");
  }
  t->plugin = plugin;
}

/* min(size) into zeroed memory, as a host does. */
static void read_table(struct trial *t) {
  const struct table_shape *shape = table_shape(t->provider->kind);
  uint32_t size = 0;
  if (!shape) {
    return;
  }
  void *copy = calloc(1, shape->size);
  kit_needs(copy != NULL, "out of memory");
  memcpy(&size, t->provider->vt, sizeof size);
  demand(load_room(t->handle, t->provider->vt) >= size,
         "its %s ends outside of the plugin (see --only provider.table-size)", shape->name);
  memcpy(copy, t->provider->vt, size < shape->size ? size : shape->size);
  t->vt = copy;
}

static void check_applies(const struct trial *t) {
  const struct check *check = t->check;
  if (t->options->offline && (check->wants & WANTS_PEER)) {
    skip_check("it needs what the provider stands on (--offline)");
  }
  if (t->provider && (t->provider->caps & check->caps) != check->caps) {
    skip_check("the provider does not promise that capability");
  }
  if ((check->wants & WANTS_SECRET) && t->options->secret_count == 0) {
    skip_check("no secret was given (--secret NAME=@FILE, and a --config that refers to it)");
  }
}

void load_for(struct trial *t, const struct offered *provider) {
  char why[512] = "";
  if (t->check->wants & (WANTS_DYNAMIC | WANTS_NOTHING)) {
    return;
  }
  t->handle = load_open(t->options->plugin, why, sizeof why);
  demand(t->handle != NULL, "%s", why);
  const si_plugin *(*entry)(void) = load_entry(t->handle, why, sizeof why);
  demand(entry != NULL, "%s", why);
  if (t->check->wants & WANTS_ENTRY) {
    t->plugin = entry();
    demand(load_room(t->handle, t->plugin) >= sizeof *t->plugin,
           "si_plugin_v1() gives no descriptor of its own");
    return;
  }
  read_plugin(t, entry());
  for (size_t i = 0; provider && t->plugin->providers[i]; i++) {
    if (strcmp(t->plugin->providers[i]->id, provider->id) == 0 &&
        t->plugin->providers[i]->kind == provider->kind && !t->provider) {
      t->provider = t->plugin->providers[i];
      read_table(t);
    }
  }
  check_applies(t);
}
