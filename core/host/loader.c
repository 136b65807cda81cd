/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/loader.h"

#include <dlfcn.h>
#include <link.h>
#include <ltdl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/host/resolve.h"
#include "kit/base/text.h"

#define ENTRY_SYMBOL "si_plugin_v1"

/* What module_open may load, and where it says why not: libltdl passes a file name alone. */
static struct {
  const struct si_tree *tree;
  const struct si_tree_entry *entry;
  void *handle;
  char linker[512];
  struct si_error error;
} load;

static lt_module module_open(lt_user_data data, const char *name, lt_dladvise advise) {
  char path[64];
  int fd = -1;
  (void)data;
  (void)name; /* the entry says what to open; no name leads elsewhere */
  (void)advise;
  if (!load.tree || load.handle ||
      si_plugin_open(load.tree, load.entry, &fd, &load.error) != SI_OK) {
    return NULL;
  }
  /* The descriptor that was hashed is what gets mapped. It stays open: debuggers and sanitizers
   * find the file again by this name. */
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  load.handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!load.handle) {
    const char *words = dlerror(); /* libltdl would say "file not found" */
    si_copy(load.linker, sizeof load.linker, words ? words : "unknown error");
  }
  return load.handle;
}

static int module_close(lt_user_data data, lt_module module) {
  (void)data;
  (void)module; /* never unloaded */
  return 0;
}

static void *find_symbol(lt_user_data data, lt_module module, const char *symbol) {
  (void)data;
  return dlsym(module, symbol);
}

static si_rc replace_loader(struct si_error *error) {
  lt_dlvtable *ours = calloc(1, sizeof *ours); /* libltdl frees it */
  if (!ours || lt_dlinit() != 0) {
    free(ours);
    return si_error_set(error, SI_E_INTERNAL, "PLUGIN_LOAD", "cannot start the plugin loader");
  }
  /* libltdl falls through from one loader to the next: its own dlopen goes. What stays,
   * "lt_preload", cannot be removed and knows only modules linked into this program, of which there
   * are none. */
  free(lt_dlloader_remove("lt_dlopen"));
  if (lt_dlloader_find("lt_dlopen")) {
    free(ours);
    return si_error_set(error, SI_E_INTERNAL, "PLUGIN_LOAD", "libltdl keeps a loader of its own");
  }
  ours->name = "si-trusted";
  ours->module_open = module_open;
  ours->module_close = module_close;
  ours->find_sym = find_symbol;
  ours->priority = LT_DLLOADER_PREPEND;
  if (lt_dlloader_add(ours) != 0) {
    free(ours);
    return si_error_set(error, SI_E_INTERNAL, "PLUGIN_LOAD", "cannot set the plugin loader");
  }
  return SI_OK;
}

static si_rc load_failed(const char *path, struct si_error *error) {
  if (load.error.status != SI_OK) {
    if (error) {
      *error = load.error;
    }
    return load.error.status;
  }
  return si_error_set(error, SI_E_UNSUPPORTED, "PLUGIN_LOAD", "cannot load %s: %s", path,
                      load.linker[0] ? load.linker : lt_dlerror());
}

/* dlsym searches dependencies too: a symbol counts only when the plugin's own map holds it. */
static bool own_symbol(const void *symbol) {
  Dl_info info;
  struct link_map *owner = NULL;
  struct link_map *own = NULL;
  return dladdr1(symbol, &info, (void **)&owner, RTLD_DL_LINKMAP) != 0 &&
         dlinfo(load.handle, RTLD_DI_LINKMAP, &own) == 0 && owner == own;
}

si_rc si_loader_load(const struct si_tree *tree, const struct si_tree_entry *entry,
                     const si_plugin *(**entry_point)(void), struct si_error *error) {
  char path[SI_PATH_MAX + 300];
  si_rc status = replace_loader(error);
  if (status != SI_OK) {
    return status;
  }
  snprintf(path, sizeof path, "%s/%s", tree->dir, entry->file);
  load.tree = tree;
  load.entry = entry;
  lt_dlhandle handle = lt_dlopen(path);
  load.tree = NULL;
  if (!handle) {
    return load_failed(path, error);
  }
  void *symbol = dlsym(load.handle, ENTRY_SYMBOL);
  if (!symbol || !own_symbol(symbol)) {
    si_error_set(error, SI_E_UNSUPPORTED, "PLUGIN_ENTRY",
                 "%s is no si plugin: it does not define " ENTRY_SYMBOL, path);
    return si_error_hint(
        error,
        "its maker's to mend: it must export it (SI_PROVIDER at its end), and be built for "
        "this ABI version; si-conform tells more");
  }
  memcpy(entry_point, &symbol, sizeof symbol);
  return SI_OK;
}

/* The map of the plugin, or of a library that it brought, that holds the address; else NULL. */
static const struct link_map *own_map(const void *address) {
  Dl_info info;
  struct link_map *owner = NULL;
  struct link_map *first = NULL;
  if (!load.handle || dladdr1(address, &info, (void **)&owner, RTLD_DL_LINKMAP) == 0 ||
      dlinfo(load.handle, RTLD_DI_LINKMAP, &first) != 0) {
    return NULL;
  }
  /* The maps from the plugin's own on came with it; those before it are si-host's. */
  for (const struct link_map *map = first; map; map = map->l_next) {
    if (map == owner) {
      return map;
    }
  }
  return NULL;
}

/* An address, and the segment of its object that it was found in. */
struct place {
  uintptr_t address;
  uintptr_t base; /* where its object was loaded */
  size_t room;    /* to the segment's end; 0: not found */
  uint32_t flags; /* PF_* */
};

static int find_segment(struct dl_phdr_info *object, size_t size, void *ctx) {
  struct place *place = ctx;
  (void)size;
  for (size_t i = 0; object->dlpi_addr == place->base && i < object->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
    uintptr_t start = place->base + segment->p_vaddr;
    if (segment->p_type == PT_LOAD && (segment->p_flags & PF_R) && place->address >= start &&
        place->address - start < segment->p_memsz) {
      place->room = segment->p_memsz - (place->address - start);
      place->flags = segment->p_flags;
      return 1;
    }
  }
  return 0;
}

static struct place place_of(const void *address) {
  const struct link_map *map = own_map(address);
  struct place place = {.address = (uintptr_t)address, .base = map ? map->l_addr : 0};
  if (map) {
    dl_iterate_phdr(find_segment, &place);
  }
  return place;
}

size_t si_loader_room(const void *address) {
  return place_of(address).room;
}

bool si_loader_code(const void *address) {
  struct place place = place_of(address);
  return place.room > 0 && (place.flags & PF_X);
}
