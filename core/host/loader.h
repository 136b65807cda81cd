/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/loader.h - loads one plugin with libltdl, in si-host alone (R74). libltdl's own dlopen
 * loader is replaced by ours, which verifies trust (core/host/tree.h) inside module_open and binds
 * every symbol at once: nothing that libltdl can be asked to do loads an unverified file. Depends
 * on libltdl.
 *
 * A plugin is never unloaded. One load a process.
 */
#ifndef SI_CORE_HOST_LOADER_H
#define SI_CORE_HOST_LOADER_H

#include "core/host/tree.h"

/* Verifies, loads, and finds the entry symbol in the plugin itself, not in a library it uses.
 * Codes: the tree's, PLUGIN_LOAD (with the linker's words), PLUGIN_ENTRY. */
si_rc si_loader_load(const struct si_tree *tree, const struct si_tree_entry *entry,
                     const si_plugin *(**entry_point)(void), struct si_error *error) SI_MUST_USE;

/* How many bytes can be read from the address on in code or data of the loaded plugin, or of a
 * library it brought; 0: it lies elsewhere. */
size_t si_loader_room(const void *address);
/* Is it code of them? */
bool si_loader_code(const void *address);

#endif
