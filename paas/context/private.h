/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/context/private.h - what the files of this room share. Nothing outside it includes this.
 * Depends on sdk/kit/base.
 */
#ifndef SI_PAAS_CONTEXT_PRIVATE_H
#define SI_PAAS_CONTEXT_PRIVATE_H

#include "kit/base/text.h"
#include "paas/context/context.h"

#define SI_CONTEXT_SCHEMA "si.context/1"
#define SI_CONTEXT_POINTER "si.context-pointer/1"
#define SI_CONTEXT_CONFIG_MAX (1u << 20)

/* --- guard.c --- */

/* The absolute path without links that `path` is, or would be once it is made. STATE_ROOT_UNCHECKED
 * where that cannot be said. to[SI_PATH_MAX] */
si_rc si_context_real(const char *path, char *to, struct si_error *error) SI_MUST_USE;

/* --- root.c --- */

/* An open directory below which contexts live, and its real path. */
struct si_context_home {
  int root;     /* the root, or -1 where there is none yet */
  int contexts; /* its contexts/, or -1 */
  char path[SI_PATH_MAX];
};
#define SI_CONTEXT_HOME \
  { -1, -1, "" }

/* Opens the root and contexts/, where they exist; guards and checks them. */
si_rc si_context_home_open(struct si_context_home *home, struct si_error *error) SI_MUST_USE;
/* Makes what is missing of them first, durably. */
si_rc si_context_home_make(struct si_context_home *home, struct si_error *error) SI_MUST_USE;
void si_context_home_close(struct si_context_home *home); /* for SI_AUTO */

/* Is the open directory this user's alone? STATE_ROOT_OWNER, STATE_ROOT_PERMISSIONS. */
si_rc si_context_private(int dir, const char *path, struct si_error *error) SI_MUST_USE;
/* A failed system call on a path of a context; `what` as in "making". */
si_rc si_context_errno(int err, const char *what, const char *path,
                       struct si_error *error) SI_MUST_USE;
/* Every directory from path upwards, so that new names in them survive a power cut. */
void si_context_sync_up(const char *path);

/* --- config.c --- */

/* The stored name of a type or of an alias of it; NULL where it is none. */
const char *si_context_type(const char *type);
const char *si_context_type_of_name(const char *name);
/* Writes config.json of a new context into dir. */
si_rc si_context_config_write(int dir, const struct si_context *context, const char *vault_file,
                              uint64_t inode, struct si_error *error) SI_MUST_USE;
/* Reads dir/config.json, whichever of the two it is. */
si_rc si_context_config_read(int dir, const char *path, cJSON **out,
                             struct si_error *error) SI_MUST_USE;
/* Fills name, type, id, created_at from the config, which it takes; adds the defaults. */
si_rc si_context_config_use(cJSON *config, const char *name, const char *dir,
                            struct si_context *out, struct si_error *error) SI_MUST_USE;
/* "ctx-" and 32 hex digits? */
bool si_context_id_valid(const char *id);
si_rc si_context_write_json(int dir, const char *name, const cJSON *value,
                            struct si_error *error) SI_MUST_USE;

/* --- half.c: contexts that are being made --- */

/* The mark in a --state-root directory that is being filled: this and the id of the context. */
#define SI_CONTEXT_MARK ".si-creating-"
/* Directories of contexts that are being made are called this and something. */
#define SI_CONTEXT_HALF ".new-"

/* Fills the empty directory `dir` (real path `path`): subdirectories, store, config.json. */
si_rc si_context_fill(int dir, const char *path, const struct si_context *context,
                      const char *vault_file, struct si_error *error) SI_MUST_USE;
/* Removes contexts/<half>, and what it had put into a --state-root directory. */
void si_context_discard(int contexts, const char *half);
/* Discards all halves: their makers are dead, since the caller holds contexts/.lock. */
si_rc si_context_sweep(const struct si_context_home *home, struct si_error *error) SI_MUST_USE;

/* --- open.c --- */

si_rc si_context_open_in(const struct si_context_home *home, const char *name,
                         struct si_context *out, struct si_error *error) SI_MUST_USE;
/* PAAS_INVALID_ARGUMENT. */
si_rc si_context_check_name(const char *name, struct si_error *error) SI_MUST_USE;

/* The names below contexts/, sorted; free with si_context_names_free (SI_AUTO). */
struct si_context_names {
  char **list;
  size_t count;
};
si_rc si_context_names(const struct si_context_home *home, struct si_context_names *out,
                       struct si_error *error) SI_MUST_USE;
void si_context_names_free(struct si_context_names *names);

#endif
