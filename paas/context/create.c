/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "paas/context/private.h"
#include "paas/state/lock.h"

#define LOCK_WAIT_MS 30000u

/* What is to be made. */
struct plan {
  const struct si_context_options *options;
  struct si_context context; /* without config */
  char vault[SI_PATH_MAX];   /* real path */
  struct si_context_making making;
  char half[128]; /* name below contexts/ while it is made */
  bool elsewhere; /* --state-root: context.dir is not below contexts/ */
  bool attach;    /* and is this context already: only the pointer is missing */
  const struct si_context_home *home;
};

static si_rc exists(const struct plan *plan, const char *how, struct si_error *error) {
  const char *name = plan->context.name;
  si_error_set(error, SI_E_EXISTS, "PAAS_CONTEXT_EXISTS", "context %s exists already%s", name, how);
  si_error_target(error, NULL, name);
  si_error_hint(error, "use it with: si paas context use %s; or choose another name", name);
  return SI_E_EXISTS;
}

static si_rc plan_type(struct plan *plan, struct si_error *error) {
  const char *given = plan->options->type;
  const char *type = given ? si_context_type(given) : si_context_type_of_name(plan->options->name);
  if (!type) {
    si_error_set(error, SI_E_INVALID, "PAAS_INVALID_ARGUMENT", "%.40s is not a type of context",
                 given);
    si_error_hint(error, "types are internal, demo and customer");
    return SI_E_INVALID;
  }
  si_copy(plan->context.type, sizeof plan->context.type, type);
  return SI_OK;
}

/* The override is for the state alone: a vault in a repository is never made. */
static si_rc guard_state(const struct plan *plan, const char *path, struct si_error *error) {
  struct si_error why = {.status = SI_OK};
  si_rc status = si_context_guard(path, &why);
  if (status == SI_OK || (plan->options->unsafe_repo_state && si_context_in_repository(&why))) {
    return SI_OK;
  }
  return si_context_give(&why, error);
}

/* What config.json can hold. */
static si_rc check_path(const char *path, struct si_error *error) {
  if (si_utf8_valid(path, strlen(path)) && !strpbrk(path, "\n\r")) {
    return SI_OK;
  }
  return si_error_set(error, SI_E_INVALID, "PAAS_INVALID_ARGUMENT",
                      "%s is not UTF-8, or has a line break in it", path);
}

static si_rc plan_dir(struct plan *plan, struct si_error *error) {
  const char *given = plan->options->state_root;
  if (!given) {
    int n = snprintf(plan->context.dir, sizeof plan->context.dir, "%s/contexts/%s",
                     plan->home->path, plan->context.name);
    return n > 0 && (size_t)n < sizeof plan->context.dir
               ? SI_OK
               : si_context_errno(ENAMETOOLONG, "making a context in", plan->home->path, error);
  }
  plan->elsewhere = true;
  si_rc status = guard_state(plan, given, error);
  if (status == SI_OK) {
    status = si_context_real(given, plan->context.dir, error);
  }
  if (status == SI_OK) {
    status = check_path(plan->context.dir, error);
  }
  if (status == SI_OK && si_context_lies_in(plan->context.dir, plan->home->path)) {
    si_error_set(error, SI_E_INVALID, "PAAS_INVALID_ARGUMENT",
                 "the state root %s lies in %s, where si keeps all contexts", plan->context.dir,
                 plan->home->path);
    si_error_hint(error, "leave --state-root out, or name a directory elsewhere");
    return SI_E_INVALID;
  }
  return status;
}

static si_rc plan_vault(struct plan *plan, struct si_error *error) {
  const char *given = plan->options->vault_file;
  if (!given) {
    return si_path_join(plan->vault, sizeof plan->vault, plan->context.dir, "vault/secrets.env") ==
                   SI_OK
               ? SI_OK
               : si_context_errno(ENAMETOOLONG, "placing a vault in", plan->context.dir, error);
  }
  si_rc status = si_context_guard(given, error);
  if (status == SI_OK) {
    status = si_context_real(given, plan->vault, error);
  }
  return status == SI_OK ? check_path(plan->vault, error) : status;
}

static si_rc plan_ids(struct plan *plan, struct si_error *error) {
  char suffix[17];
  memcpy(plan->context.id, "ctx-", 4);
  if (si_random_hex(plan->context.id + 4, 16) != SI_OK || si_random_hex(suffix, 8) != SI_OK) {
    return si_error_set(error, SI_E_IO, "RANDOM", "the kernel gave no random bytes");
  }
  si_now_text(plan->context.created_at);
  snprintf(plan->half, sizeof plan->half, SI_CONTEXT_HALF "%s-%s", plan->context.name, suffix);
  return SI_OK;
}

static si_rc make_plan(struct plan *plan, struct si_error *error) {
  si_copy(plan->context.name, sizeof plan->context.name, plan->options->name);
  si_rc status = plan_type(plan, error);
  if (status == SI_OK) {
    status = plan_dir(plan, error);
  }
  if (status == SI_OK) {
    status = plan_vault(plan, error);
  }
  plan->making = (struct si_context_making){plan->vault, plan->options->settings,
                                            plan->options->unsafe_repo_state};
  return status == SI_OK ? plan_ids(plan, error) : status;
}

/* init: an existing context is fine where it is what was asked for. */
static si_rc accept_existing(const struct plan *plan, struct si_context *out,
                             struct si_error *error) {
  struct si_context found SI_AUTO(si_context_free) = {.name = ""};
  if (!plan->options->exist_ok) {
    return exists(plan, "", error);
  }
  si_rc status = si_context_open_in(plan->home, plan->context.name, &found, error);
  if (status != SI_OK) {
    return status;
  }
  const char *vault = si_json_str(found.config, "vault_file");
  if (plan->options->type && strcmp(found.type, plan->context.type) != 0) {
    return exists(plan, ", with another type", error);
  }
  if (plan->elsewhere && strcmp(found.dir, plan->context.dir) != 0) {
    return exists(plan, ", with another state root", error);
  }
  if (plan->options->vault_file && (!vault || strcmp(vault, plan->vault) != 0)) {
    return exists(plan, ", with another vault file", error);
  }
  *out = found;
  found.config = NULL;
  return SI_OK;
}

/* Is it the context that is to be made, at the place where it was made? */
static bool is_this_context(int dir, const struct plan *plan) {
  cJSON *config SI_AUTO(si_json_free) = NULL;
  struct si_context found SI_AUTO(si_context_free) = {.name = ""};
  struct stat st;
  if (fstat(dir, &st) != 0 ||
      si_context_config_read(dir, plan->context.dir, &config, NULL) != SI_OK) {
    return false;
  }
  cJSON *taken = config;
  config = NULL;
  return si_context_config_use(taken, plan->context.name, plan->context.dir, (uint64_t)st.st_ino,
                               &found, NULL) == SI_OK &&
         (!plan->options->type || strcmp(found.type, plan->context.type) == 0);
}

static bool is_empty(int dir) {
  int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
  bool empty = list != NULL;
  if (!list) {
    si_close(&fd);
    return false;
  }
  for (const struct dirent *entry; empty && (entry = readdir(list)) != NULL;) {
    /* A new file system has its lost+found. */
    empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            strcmp(entry->d_name, "lost+found") == 0;
  }
  closedir(list);
  return empty;
}

/* The --state-root directory: absent or empty, or (init) this context already. */
static si_rc check_elsewhere(struct plan *plan, struct si_error *error) {
  const char *path = plan->context.dir;
  int dir SI_AUTO(si_close) = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (dir < 0) {
    return errno == ENOENT ? SI_OK : si_context_errno(errno, "opening", path, error);
  }
  si_rc status = si_context_private(dir, path, error);
  if (status != SI_OK || is_empty(dir)) {
    return status;
  }
  if (plan->options->exist_ok && is_this_context(dir, plan)) {
    plan->attach = true;
    return SI_OK;
  }
  si_error_set(error, SI_E_EXISTS, "STATE_ROOT_NOT_EMPTY", "the state root %s is not empty", path);
  si_error_hint(error, "name an empty directory, or one that does not exist yet");
  return SI_E_EXISTS;
}

static si_rc write_pointer(int half, const struct plan *plan, struct si_error *error) {
  cJSON *pointer SI_AUTO(si_json_free) = cJSON_CreateObject();
  if (!cJSON_AddStringToObject(pointer, "schema", SI_CONTEXT_POINTER) ||
      !cJSON_AddStringToObject(pointer, "state_root", plan->context.dir) ||
      (!plan->attach && !cJSON_AddStringToObject(pointer, "id", plan->context.id))) {
    return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: a context's pointer");
  }
  return si_context_write_json(half, "config.json", pointer, error);
}

static si_rc fill_elsewhere(int half, const struct plan *plan, struct si_error *error) {
  const char *path = plan->context.dir;
  char mark[64];
  si_rc status = write_pointer(half, plan, error);
  if (status != SI_OK || plan->attach) {
    return status;
  }
  if (fsync(plan->home->contexts) != 0 || si_mkdir_path(path, 0700) != 0) {
    return si_context_errno(errno, "making", path, error);
  }
  int dir SI_AUTO(si_close) = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (dir < 0) {
    return si_context_errno(errno, "opening", path, error);
  }
  /* Somebody else may have made it in the meantime, where others may write to its parent. */
  status = si_context_private(dir, path, error);
  if (status != SI_OK) {
    return status;
  }
  snprintf(mark, sizeof mark, SI_CONTEXT_MARK "%s", plan->context.id);
  int fd SI_AUTO(si_close) = openat(dir, mark, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 || fsync(dir) != 0) {
    return si_context_errno(errno, "marking", path, error);
  }
  status = si_context_fill(dir, path, &plan->context, &plan->making, error);
  if (status == SI_OK && (unlinkat(dir, mark, 0) != 0 || fsync(dir) != 0)) {
    return si_context_errno(errno, "finishing", path, error);
  }
  si_context_sync_up(path);
  return status;
}

static si_rc fill_half(const struct plan *plan, struct si_error *error) {
  char path[SI_PATH_MAX + 160];
  if (mkdirat(plan->home->contexts, plan->half, 0700) != 0) {
    return si_context_errno(errno, "making a context in", plan->home->path, error);
  }
  int half SI_AUTO(si_close) =
      openat(plan->home->contexts, plan->half, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (half < 0) {
    return si_context_errno(errno, "opening a new context in", plan->home->path, error);
  }
  if (plan->elsewhere) {
    return fill_elsewhere(half, plan, error);
  }
  snprintf(path, sizeof path, "%s/contexts/%s", plan->home->path, plan->half);
  return si_context_fill(half, path, &plan->context, &plan->making, error);
}

/* The moment at which the context exists. */
static si_rc show(const struct plan *plan, struct si_error *error) {
  int at = plan->home->contexts;
  int done = renameat2(at, plan->half, at, plan->context.name, RENAME_NOREPLACE);
  if (done != 0 && (errno == EINVAL || errno == ENOSYS)) {
    /* Not on this file system; contexts/.lock keeps every other si away. */
    done = renameat(at, plan->half, at, plan->context.name);
  }
  if (done != 0) {
    return errno == EEXIST
               ? exists(plan, "", error)
               : si_context_errno(errno, "finishing a context in", plan->home->path, error);
  }
  (void)fsync(at);
  return SI_OK;
}

static si_rc make(struct plan *plan, struct si_context *out, struct si_error *error) {
  si_rc status = plan->elsewhere ? check_elsewhere(plan, error) : SI_OK;
  if (status == SI_OK && !plan->attach) {
    const struct si_context_claim claim = {plan->context.dir, plan->vault, plan->elsewhere,
                                           plan->options->vault_file != NULL};
    status = si_context_claim_check(plan->home, &claim, error);
  }
  if (status != SI_OK) {
    return status;
  }
  status = fill_half(plan, error);
  if (status == SI_OK) {
    status = show(plan, error);
  }
  if (status != SI_OK) {
    si_context_discard(plan->home->contexts, plan->half);
    return status;
  }
  return si_context_open_in(plan->home, plan->context.name, out, error);
}

si_rc si_context_lock(const struct si_context_home *home, int *lock, struct si_error *error) {
  int fd SI_AUTO(si_close) =
      openat(home->contexts, ".lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) {
    return si_context_errno(errno, "opening contexts/.lock in", home->path, error);
  }
  if (si_lock_wait(fd, LOCK_WAIT_MS) != 0) {
    if (errno != EWOULDBLOCK) {
      return si_context_errno(errno, "locking contexts/.lock in", home->path, error);
    }
    si_error_set(error, SI_E_CONFLICT, "PAAS_CONTEXT_BUSY",
                 "another si has been making or removing a context in %s for too long", home->path);
    si_error_hint(error, "run the command again");
    return SI_E_CONFLICT;
  }
  *lock = fd;
  fd = -1;
  return SI_OK;
}

si_rc si_context_create(const struct si_context_options *options, struct si_context *out,
                        bool *created, struct si_error *error) {
  struct si_context_home home SI_AUTO(si_context_home_close) = SI_CONTEXT_HOME;
  struct plan plan = {.options = options, .home = &home};
  struct stat st;
  int lock SI_AUTO(si_close) = -1;
  si_rc status = si_context_check_name(options->name, error);
  if (status == SI_OK) {
    status = si_context_home_make(&home, options->unsafe_repo_state, error);
  }
  if (status == SI_OK) {
    status = make_plan(&plan, error);
  }
  if (status == SI_OK) {
    status = si_context_lock(&home, &lock, error);
  }
  if (status == SI_OK) {
    status = si_context_sweep(&home, error);
  }
  if (status == SI_OK) {
    status = si_context_finish_removals(&home, options->name, NULL, error);
  }
  if (status != SI_OK) {
    return status;
  }
  bool found = fstatat(home.contexts, options->name, &st, AT_SYMLINK_NOFOLLOW) == 0;
  status = found ? accept_existing(&plan, out, error) : make(&plan, out, error);
  if (status == SI_OK && created) {
    *created = !found;
  }
  return status;
}
