/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/context/context.h - contexts: isolated environments, each with a directory, a state store
 * and defaults of its own (R1 to R4, R7, R10, R11). Depends on paas/state, which makes the store of
 * a new context, and on sdk/kit/base. Thread-safe but for the environment, which it reads.
 *
 * Layout under the root (SI_PAAS_STATE_ROOT, or ~/.si/paas), directories 0700, files 0600:
 *   contexts/<name>/{config.json, state.db, state.lock, operations/, events/, cache/, runpacks/}
 *   current_context, removed.jsonl (paas/context/remove.h)
 * With --state-root DIR the context's own directories live in DIR, and contexts/<name>/config.json
 * under the root is a pointer {"schema":"si.context-pointer/1","state_root":DIR,"id"}.
 *
 * Every function that looks below the root guards it first (si_context_guard), and refuses a root,
 * a contexts/ or a context's directory that belongs to another user (STATE_ROOT_OWNER) or is open
 * to group or others (STATE_ROOT_PERMISSIONS), both SI_E_REFUSED. A failing system call is
 * STATE_ROOT_IO, a full disk STATE_FULL (SI_E_QUOTA), a config.json that makes no sense, or has a
 * field that means nothing, PAAS_CONTEXT_CONFIG (SI_E_CORRUPT).
 *
 * A context knows the directory it was made in: path and inode stand in config.json ("identity")
 * and in state.db (paas/state/place.h). A directory that was copied, moved or restored is refused
 * by whoever opens it: PAAS_CONTEXT_COPIED (SI_E_REFUSED).
 */
#ifndef SI_PAAS_CONTEXT_CONTEXT_H
#define SI_PAAS_CONTEXT_CONTEXT_H

#include <stdbool.h>

#include "kit/base/json.h"
#include "kit/base/path.h"

struct si_context {
  char name[64];
  char type[16];         /* internal, demo, customer */
  char id[40];           /* "ctx-" and 32 hex digits, made once */
  char dir[SI_PATH_MAX]; /* absolute, resolved: where state.db lives */
  char created_at[32];
  cJSON *config; /* the whole of config.json; owned */
};

struct si_context_options {
  const char *name;
  const char *type;       /* internal, demo, customer, or the aliases internal-dogfood and oss-demo;
                             NULL: from the recommended names, else internal */
  const char *state_root; /* NULL: under the root; else absent or empty, or (init) this context */
  const char *vault_file; /* NULL: <dir>/vault/secrets.env */
  bool exist_ok;          /* init: an existing context is success, if it is what is asked for */
  bool unsafe_repo_state; /* the one override of the guard, for state in a repository: stays with
                             the context as its field of that name */
  const cJSON *settings;  /* further fields of config.json (an import's), or NULL */
};

/* The root for all contexts: absolute, not yet created. STATE_ROOT_* errors; relative values of
 * SI_PAAS_STATE_ROOT and a missing HOME are errors. */
si_rc si_context_root(char *to, size_t size, struct si_error *error) SI_MUST_USE;

/* <root>/plugins.json, where the operator's trust in plugins stands (core/host/trust.h); it need
 * not be there. "" where nothing says where the root is. _make makes the root. */
si_rc si_context_plugins(char *to, size_t size, struct si_error *error) SI_MUST_USE;
si_rc si_context_plugins_make(char *to, size_t size, struct si_error *error) SI_MUST_USE;

/* Refuses (SI_E_REFUSED, STATE_ROOT_IN_REPOSITORY) a path that lies in a git work tree or in a bare
 * repository once every link is resolved; what does not exist yet is judged by its nearest
 * existing parent; what cannot be looked at is refused too (STATE_ROOT_UNCHECKED): a directory that
 * cannot be searched, a link to nothing, `..` behind a directory that does not exist. Git is not
 * run and its environment is not read. A work tree that only a core.worktree elsewhere or a
 * --work-tree points to bears no sign of it, and is not found. */
si_rc si_context_guard(const char *path, struct si_error *error) SI_MUST_USE;

/* Makes a context, its store included, whole or not at all: until the last step nothing is visible,
 * and what a crash leaves is removed by the next create. *created (which may be NULL) says whether
 * it is new (init). Errors: PAAS_CONTEXT_EXISTS, STATE_ROOT_NOT_EMPTY (SI_E_EXISTS),
 * PAAS_INVALID_ARGUMENT, PAAS_CONTEXT_BUSY (SI_E_CONFLICT), the guard's, the store's; SI_E_REFUSED:
 * PAAS_VAULT_SHARED, PAAS_CONTEXT_OVERLAP where its directory or vault lies in another context's
 * directory or the reverse, PAAS_VAULT_UNCHECKED where a context that cannot be read may own it. */
si_rc si_context_create(const struct si_context_options *options, struct si_context *out,
                        bool *created, struct si_error *error) SI_MUST_USE;

/* Opens a context by name and runs the guard, which only the context's own unsafe_repo_state can
 * overrule, and only where it has found a repository. SI_E_NOT_FOUND: PAAS_CONTEXT_NOT_FOUND with
 * the nearest name, PAAS_CONTEXT_UNAVAILABLE where its --state-root directory is not there. */
si_rc si_context_open(const char *name, struct si_context *out, struct si_error *error) SI_MUST_USE;

/* Which context a command means: `flag`, SI_PAAS_CONTEXT, then current_context. None:
 * PAAS_CONTEXT_REQUIRED (SI_E_INVALID) with what to type. Whether it exists shows when it is
 * opened. to[64]. */
si_rc si_context_resolve(const char *flag, char *to, size_t size,
                         struct si_error *error) SI_MUST_USE;

/* Makes `name` (which must exist) the current one. */
si_rc si_context_use(const char *name, struct si_error *error) SI_MUST_USE;

/* Calls each() for every context, by name. A context that cannot be read is reported with its
 * error and context NULL. */
typedef si_rc (*si_context_each)(void *ctx, const char *name, const struct si_context *context,
                                 const struct si_error *error);
si_rc si_context_list(void *ctx, si_context_each each, struct si_error *error) SI_MUST_USE;

/* A provider's configuration: no text in it, however deep, may be an absolute path in a repository
 * (R16). Errors as the guard's. */
si_rc si_context_guard_provider(const cJSON *config, struct si_error *error) SI_MUST_USE;
/* The same of a configuration as text; NULL and "" are none. */
si_rc si_context_guard_settings(const char *config, struct si_error *error) SI_MUST_USE;

/* A provider's default of this context: kind "provisioner" or "sink". *provider and *config belong
 * to the context. Without a setting: provisioner "local" with {}, sink "file" with
 * {"root": "<dir>/runpacks"}; config.json's audit_sink is {"provider","config"}. A sink in a
 * repository is refused as by si_context_guard_provider. */
si_rc si_context_provider(const struct si_context *context, const char *kind, const char **provider,
                          const cJSON **config, struct si_error *error) SI_MUST_USE;

/* Sets the field `key` of the context's config.json, where it stands, or takes it out (`value`
 * NULL), whole or not at all; *before (or NULL) becomes what it was, the caller's, or NULL. What it
 * may not hold is PAAS_INVALID_ARGUMENT. The open context keeps what it has read. */
si_rc si_context_setting_put(const struct si_context *context, const char *key, const cJSON *value,
                             cJSON **before, struct si_error *error) SI_MUST_USE;

/* The largest artifact that its runpacks may have, in bytes (runpacks.max_artifact_bytes); 0: it
 * says nothing. */
uint64_t si_context_max_artifact(const struct si_context *context);
/* Must providers be refused where the kernel cannot hold all of their sandbox ("sandbox":
 * "required")? */
bool si_context_sandbox_required(const struct si_context *context);

/* Was it made in a repository with the one override there is? Who works on it then says so. */
bool si_context_unsafe(const struct si_context *context);

void si_context_free(struct si_context *context);

#endif
