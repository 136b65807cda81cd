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
/* The guard's question of one open directory alone, not of what it lies in. */
si_rc si_context_guard_at(int dir, const char *path, struct si_error *error) SI_MUST_USE;
/* Is it the guard's finding that an override is for? */
bool si_context_in_repository(const struct si_error *error);

/* --- root.c --- */

/* An open directory below which contexts live, and its real path. */
struct si_context_home {
  int root;     /* the root, or -1 where there is none yet */
  int contexts; /* its contexts/, or -1 */
  char path[SI_PATH_MAX];
  struct si_error refused; /* it lies in a repository: status SI_E_REFUSED; else SI_OK */
};
#define SI_CONTEXT_HOME \
  {                     \
    -1, -1, "", {       \
      .status = SI_OK   \
    }                   \
  }

/* Opens the root and contexts/, where they exist; guards and checks them. That they lie in a
 * repository is no failure, but stands in home->refused: the override is the single context's. */
si_rc si_context_home_open(struct si_context_home *home, struct si_error *error) SI_MUST_USE;
/* Makes what is missing of them first, durably. `unsafe`: in a repository too. */
si_rc si_context_home_make(struct si_context_home *home, bool unsafe,
                           struct si_error *error) SI_MUST_USE;
/* Copies a record; returns its status. */
si_rc si_context_give(const struct si_error *from, struct si_error *error);
/* home->refused, unless it is SI_OK or the context has the override. */
si_rc si_context_home_allowed(const struct si_context_home *home, bool unsafe,
                              struct si_error *error) SI_MUST_USE;
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
/* What a new context's config.json says beside what struct si_context does. */
struct si_context_making {
  const char *vault_file;
  const cJSON *settings; /* further fields, valid; or NULL */
  bool unsafe;
};
/* Writes config.json of a new context into dir. */
si_rc si_context_config_write(int dir, const struct si_context *context,
                              const struct si_context_making *making, uint64_t inode,
                              struct si_error *error) SI_MUST_USE;
/* Sets the field "identity". */
bool si_context_identity_put(cJSON *config, const char *path, uint64_t inode);
/* Reads dir/config.json, whichever of the two it is. */
si_rc si_context_config_read(int dir, const char *path, cJSON **out,
                             struct si_error *error) SI_MUST_USE;
/* Fills name, type, id, created_at from the config, which it takes; adds the defaults.
 * PAAS_CONTEXT_CONFIG where a field is not what it must be. */
si_rc si_context_config_take(cJSON *config, const char *dir, struct si_context *out,
                             struct si_error *error) SI_MUST_USE;
/* As much, for a context called `name` in the directory `dir` with that inode:
 * PAAS_CONTEXT_COPIED where it was made in another. */
si_rc si_context_config_use(cJSON *config, const char *name, const char *dir, uint64_t inode,
                            struct si_context *out, struct si_error *error) SI_MUST_USE;
/* "ctx-" and 32 hex digits? */
bool si_context_id_valid(const char *id);
si_rc si_context_write_json(int dir, const char *name, const cJSON *value,
                            struct si_error *error) SI_MUST_USE;

/* --- fields.c --- */

/* May config.json's field `key` hold that? False where there is no such field. */
bool si_context_field_valid(const char *key, const cJSON *value);
/* Are all there that must be, is none unknown, and does each hold what it must? False with why[]
 * as a sentence without beginning: "its type is not ...". */
bool si_context_fields_valid(const cJSON *config, char *why, size_t size);

/* --- half.c: contexts that are being made --- */

/* The mark in a --state-root directory that is being filled: this and the id of the context. */
#define SI_CONTEXT_MARK ".si-creating-"
/* Directories of contexts that are being made are called this and something. */
#define SI_CONTEXT_HALF ".new-"

/* Fills the empty directory `dir` (real path `path`): subdirectories, store, config.json. */
si_rc si_context_fill(int dir, const char *path, const struct si_context *context,
                      const struct si_context_making *making, struct si_error *error) SI_MUST_USE;
/* Removes contexts/<half>, and what it had put into a --state-root directory. */
void si_context_discard(int contexts, const char *half);
/* Discards all halves: their makers are dead, since the caller holds contexts/.lock. */
si_rc si_context_sweep(const struct si_context_home *home, struct si_error *error) SI_MUST_USE;

/* --- claim.c --- */

/* The places that a new context wants, without links. */
struct si_context_claim {
  const char *dir, *vault;
  bool elsewhere;   /* dir is not below contexts/ */
  bool vault_given; /* the vault is not where dir has it by default */
};
/* PAAS_VAULT_SHARED, PAAS_CONTEXT_OVERLAP, PAAS_VAULT_UNCHECKED (SI_E_REFUSED) where another
 * context has them, PAAS_INVALID_ARGUMENT where they are the root's. */
si_rc si_context_claim_check(const struct si_context_home *home,
                             const struct si_context_claim *claim,
                             struct si_error *error) SI_MUST_USE;
/* Is the path `dir`, or below it? */
bool si_context_lies_in(const char *path, const char *dir);

/* --- create.c --- */

/* Takes contexts/.lock: who makes, moves or removes contexts does it alone. PAAS_CONTEXT_BUSY.
 * *lock is the descriptor, the caller's to close. */
si_rc si_context_lock(const struct si_context_home *home, int *lock,
                      struct si_error *error) SI_MUST_USE;

/* --- gone.c: contexts that are being removed --- */

/* Directories of removed contexts are called this, the name, '-' and 16 hex digits. */
#define SI_CONTEXT_GONE ".gone-"
/* In it: what is removed; becomes a line of <root>/removed.jsonl. */
#define SI_CONTEXT_REMOVAL "removal.json"

/* Finishes what removals have begun, under contexts/.lock. What cannot be finished stays for the
 * next time; it is a failure only where it is of the context `name` (may be NULL). *finished (may
 * be NULL): that one was among those finished. */
si_rc si_context_finish_removals(const struct si_context_home *home, const char *name,
                                 bool *finished, struct si_error *error) SI_MUST_USE;

/* --- tree.c --- */

/* Removes all that is in the directory but `keep` (may be NULL) and what other file systems hold;
 * follows no link. -1 and errno of the first that could not be removed. */
int si_context_empty_tree(int dir, const char *keep) SI_MUST_USE;

/* --- open.c --- */

/* A context's directory and its config.json as it stands there, looked at by the guard alone. */
struct si_context_place {
  int dir;
  char path[SI_PATH_MAX]; /* its real path */
  cJSON *config;
  bool pointed;            /* contexts/<name> only points to it */
  struct si_error refused; /* it lies in a repository, and has the override */
};
#define SI_CONTEXT_PLACE   \
  {                        \
    -1, "", NULL, false, { \
      .status = SI_OK      \
    }                      \
  }
si_rc si_context_place_open(const struct si_context_home *home, const char *name,
                            struct si_context_place *place, struct si_error *error) SI_MUST_USE;
void si_context_place_close(struct si_context_place *place); /* for SI_AUTO */

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
