/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdk/conform/load.h - the plugin in a check's process. Depends on libdl.
 */
#ifndef SI_CONFORM_LOAD_H
#define SI_CONFORM_LOAD_H

#include "sdk/conform/run.h"

/* Brings about what the check wants; it has failed, or does not apply, where that cannot be. */
void load_for(struct trial *t, const struct offered *provider);

/* dlopen with every symbol bound; the reason in `why` where it fails. */
void *load_open(const char *path, char *why, size_t size);
/* The entry, where it is the plugin's own; else NULL and `why`. */
const si_plugin *(*load_entry(void *handle, char *why, size_t size))(void);
/* How many bytes the plugin's file brought into memory from the address on, to the end of that
 * segment; 0: none. */
size_t load_room(void *handle, const void *address);
/* Does the address lie within what the plugin's file brought into memory? Is it code there? */
bool load_owns(void *handle, const void *address);
bool load_code(void *handle, const void *address);

/* A kind's table: its size, where the required part ends, and its functions' names by place. */
struct table_shape {
  const char *name;
  size_t size;
  size_t least;
  size_t first; /* offset of the first function */
  const char *const *functions;
};
const struct table_shape *table_shape(uint32_t kind); /* NULL: no such kind */

#endif
