/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/resolve.h - which plugin an id stands for, and whether it may be loaded: the OSS tree,
 * the enterprise tree and the operator's pins, judged by the operator's trust. The one place that
 * decides: si-host loads by it, `si plugin list` and doctor show it. Depends on core/host/tree.h,
 * trust.h, seal.h, elf.h. One thread.
 *
 * A tree that cannot be read at all refuses everything: what ids it holds is not known. One that
 * can be read and is not trusted refuses its own plugins; their ids count all the same.
 *
 * Codes beside those of what it depends on: PLUGIN_ID_TWICE, PLUGIN_ENTERPRISE_IN_OSS,
 * PLUGIN_OSS_IN_ENTERPRISE, PLUGIN_SERIAL, PLUGIN_DENIED, PLUGIN_NEEDS.
 */
#ifndef SI_CORE_HOST_RESOLVE_H
#define SI_CORE_HOST_RESOLVE_H

#include "core/host/tree.h"
#include "core/host/trust.h"

enum si_origin { SI_ORIGIN_OSS, SI_ORIGIN_ENTERPRISE, SI_ORIGIN_PINNED };

struct si_plugin_source {
  struct si_tree tree; /* a pin is a tree of one */
  enum si_origin origin;
  struct si_error refused; /* status SI_OK: trusted */
};

struct si_plugins {
  const struct si_plugin_trust *trust; /* the caller's, to outlive this */
  struct si_plugin_source *sources;
  size_t count;
};

/* One plugin; all of it belongs to struct si_plugins. */
struct si_plugin_choice {
  const struct si_plugins *plugins;
  const struct si_plugin_source *source;
  struct si_tree_entry entry;
};

/* Opens all that `trust` and the OSS tree's directory name. */
si_rc si_plugins_open(const char *oss_dir, const struct si_plugin_trust *trust,
                      struct si_plugins *out, struct si_error *error) SI_MUST_USE;
void si_plugins_close(struct si_plugins *plugins); /* for SI_AUTO */

/* Every plugin that is listed anywhere. */
size_t si_plugins_count(const struct si_plugins *plugins);
void si_plugins_at(const struct si_plugins *plugins, size_t index, struct si_plugin_choice *out);
/* May it be loaded? All but what only its file can tell. */
si_rc si_plugin_judge(const struct si_plugin_choice *choice, struct si_error *error) SI_MUST_USE;
/* The plugin of that id, if it may be loaded and may serve `kind` (SI_KIND_*; 0: any). */
si_rc si_plugins_find(const struct si_plugins *plugins, const char *id, uint32_t kind,
                      struct si_plugin_choice *out, struct si_error *error) SI_MUST_USE;
/* Opens and checks its file; *fd is what was hashed and is what to load. */
si_rc si_plugin_open(const struct si_tree *tree, const struct si_tree_entry *entry, int *fd,
                     struct si_error *error) SI_MUST_USE;

/* Are the needs that a loaded provider tells (a JSON text) those that were listed? PLUGIN_NEEDS. */
si_rc si_plugin_needs_equal(const struct si_tree_entry *entry, const char *told,
                            struct si_error *error) SI_MUST_USE;

const char *si_origin_name(enum si_origin origin); /* "oss", "enterprise", "pinned" */

#endif
