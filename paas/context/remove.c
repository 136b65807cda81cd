/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/context/remove.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "paas/context/private.h"
#include "paas/state/event.h"
#include "paas/state/place.h"

#define VAULT_MAX (64u << 20)

static void close_state(struct si_state **state) {
  si_state_close(*state);
  *state = NULL;
}

si_rc si_context_vault_holds(const struct si_context *context, bool *holds,
                             struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(VAULT_MAX);
  const char *path = si_json_str(context->config, "vault_file");
  *holds = false;
  if (!path) {
    return SI_OK;
  }
  if (si_read_file(AT_FDCWD, path, &text) != SI_OK) {
    return errno == ENOENT || errno == ENOTDIR
               ? SI_OK
               : si_context_errno(errno, "reading the vault", path, error);
  }
  const char *line = si_buf_text(&text);
  while (*line && !*holds) {
    size_t blank = strspn(line, " \t\r");
    *holds = line[blank] != '\0' && line[blank] != '\n' && line[blank] != '#';
    line += strcspn(line, "\n");
    line += *line == '\n';
  }
  return SI_OK;
}

static si_rc refuse_secrets(const struct si_context *context, struct si_error *error) {
  bool holds = false;
  si_rc status = si_context_vault_holds(context, &holds, error);
  if (status != SI_OK || !holds) {
    return status;
  }
  si_error_set(error, SI_E_CONFLICT, "PAAS_CONTEXT_SECRETS",
               "the vault of context %s still holds secrets, and the key that opens them would go "
               "with it",
               context->name);
  si_error_target(error, NULL, context->name);
  si_error_hint(error,
                "keep them first, sealed for a key of yours: si vault export --context %s "
                "--dangerous-include-secrets --recipient age1... --output FILE; then the same line "
                "with --with-secrets",
                context->name);
  return SI_E_CONFLICT;
}

/* --- the record of a removal --- */

static bool add_audit(cJSON *record, struct si_state *state) {
  uint64_t seq = 0;
  char hash[65] = "";
  char number[24];
  if (si_state_event_head(state, "audit", &seq, hash, NULL) != SI_OK || seq == 0) {
    return cJSON_AddNullToObject(record, "audit") != NULL;
  }
  cJSON *audit = cJSON_AddObjectToObject(record, "audit");
  snprintf(number, sizeof number, "%llu", (unsigned long long)seq);
  return audit && cJSON_AddStringToObject(audit, "seq", number) &&
         cJSON_AddStringToObject(audit, "hash", hash);
}

static cJSON *new_record(const struct si_context *context, bool elsewhere, struct si_state *state) {
  char now[SI_TIME_SIZE];
  const char *vault = si_json_str(context->config, "vault_file");
  cJSON *record = cJSON_CreateObject();
  si_now_text(now);
  bool done = cJSON_AddStringToObject(record, "schema", "si.context-removal/1") &&
              cJSON_AddStringToObject(record, "at", now) &&
              cJSON_AddStringToObject(record, "name", context->name) &&
              cJSON_AddStringToObject(record, "id", context->id) &&
              cJSON_AddStringToObject(record, "type", context->type) &&
              cJSON_AddStringToObject(record, "created_at", context->created_at) &&
              cJSON_AddStringToObject(record, "state_root", context->dir) &&
              cJSON_AddBoolToObject(record, "elsewhere", elsewhere) &&
              (!vault || cJSON_AddStringToObject(record, "vault_file", vault)) &&
              add_audit(record, state);
  cJSON *actor = done ? cJSON_AddObjectToObject(record, "actor") : NULL;
  if (!actor || !cJSON_AddNumberToObject(actor, "uid", (double)getuid())) {
    cJSON_Delete(record);
    return NULL;
  }
  return record;
}

/* --- the removal --- */

struct removing {
  const struct si_context_removal *asked;
  const struct si_context_home *home;
  struct si_context context;
  bool elsewhere;
};

/* The moment at which it is gone. */
static si_rc put_aside(const struct removing *removing, const cJSON *record,
                       struct si_error *error) {
  char gone[128], suffix[17];
  int at = removing->home->contexts;
  int dir SI_AUTO(si_close) =
      openat(at, removing->context.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (dir < 0) {
    return si_context_errno(errno, "opening context", removing->context.name, error);
  }
  si_rc status = si_context_write_json(dir, SI_CONTEXT_REMOVAL, record, error);
  if (status != SI_OK) {
    return status;
  }
  if (si_random_hex(suffix, 8) != SI_OK) {
    return si_error_set(error, SI_E_IO, "RANDOM", "the kernel gave no random bytes");
  }
  snprintf(gone, sizeof gone, SI_CONTEXT_GONE "%s-%s", removing->context.name, suffix);
  if (renameat(at, removing->context.name, at, gone) != 0) {
    int keep = errno;
    (void)unlinkat(dir, SI_CONTEXT_REMOVAL, 0);
    return si_context_errno(keep, "removing context", removing->context.name, error);
  }
  (void)fsync(at);
  return SI_OK;
}

static si_rc say_last(const struct removing *removing, struct si_state *state,
                      struct si_error *error) {
  const struct si_context_removal *asked = removing->asked;
  return asked->last ? asked->last(asked->ctx, &removing->context, state, error) : SI_OK;
}

static si_rc retire_and_go(const struct removing *removing, struct si_error *error) {
  struct si_state *state SI_AUTO(close_state) = NULL;
  const struct si_context *context = &removing->context;
  si_rc status = si_state_open(context->dir, context->id, SI_STATE_WRITE, &state, error);
  if (status == SI_OK) {
    status = si_state_retire(state, error);
  }
  if (status != SI_OK) {
    return status;
  }
  status = say_last(removing, state, error);
  if (status == SI_OK) {
    cJSON *record SI_AUTO(si_json_free) = new_record(context, removing->elsewhere, state);
    status = record ? put_aside(removing, record, error)
                    : si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY",
                                   "out of memory: removing a context");
  }
  if (status != SI_OK && si_state_unretire(state, NULL) != SI_OK) {
    si_error_hint(error, "no project can begin in context %s: remove it again", context->name);
  }
  return status;
}

static si_rc find(struct removing *removing, struct si_error *error) {
  struct si_context_place place SI_AUTO(si_context_place_close) = SI_CONTEXT_PLACE;
  const char *name = removing->asked->name;
  si_rc status = si_context_place_open(removing->home, name, &place, error);
  if (status == SI_OK) {
    removing->elsewhere = place.pointed;
    status = si_context_open_in(removing->home, name, &removing->context, error);
  }
  return status;
}

static si_rc remove_locked(struct removing *removing, struct si_error *error) {
  struct stat st;
  bool finished = false;
  const struct si_context_home *home = removing->home;
  const char *name = removing->asked->name;
  si_rc status = si_context_finish_removals(home, name, &finished, error);
  if (status != SI_OK) {
    return status;
  }
  if (finished && fstatat(home->contexts, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
    return SI_OK; /* a removal that had been cut off */
  }
  status = find(removing, error);
  if (status == SI_OK && !removing->asked->with_secrets) {
    status = refuse_secrets(&removing->context, error);
  }
  if (status == SI_OK) {
    status = retire_and_go(removing, error);
  }
  return status == SI_OK ? si_context_finish_removals(home, name, NULL, error) : status;
}

si_rc si_context_remove(const struct si_context_removal *removal, struct si_error *error) {
  struct si_context_home home SI_AUTO(si_context_home_close) = SI_CONTEXT_HOME;
  struct si_context none SI_AUTO(si_context_free) = {.name = ""};
  struct removing removing = {.asked = removal, .home = &home};
  int lock SI_AUTO(si_close) = -1;
  si_rc status = si_context_check_name(removal->name, error);
  if (status == SI_OK) {
    status = si_context_home_open(&home, error);
  }
  if (status == SI_OK && home.contexts < 0) {
    return si_context_open_in(&home, removal->name, &none, error); /* says that there is none */
  }
  if (status == SI_OK) {
    status = si_context_lock(&home, &lock, error);
  }
  if (status == SI_OK) {
    status = remove_locked(&removing, error);
    si_context_free(&removing.context);
  }
  return status;
}

/* --- what a reset clears --- */

static si_rc clear_logs(int operations, const char *path, struct si_error *error) {
  int fd = openat(operations, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
  si_rc status = SI_OK;
  if (!list) {
    int keep = errno;
    si_close(&fd);
    return si_context_errno(keep, "listing operations/ in", path, error);
  }
  for (const struct dirent *entry; (entry = readdir(list)) != NULL;) {
    size_t len = strlen(entry->d_name);
    if (len > 4 && strcmp(entry->d_name + len - 4, ".log") == 0 &&
        unlinkat(operations, entry->d_name, 0) != 0 && status == SI_OK) {
      status = si_context_errno(errno, "removing a log in", path, error);
    }
  }
  closedir(list);
  return status;
}

si_rc si_context_clear(const struct si_context *context, struct si_error *error) {
  static const char *const rooms[] = {"cache", "operations"};
  int dir SI_AUTO(si_close) = open(context->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (dir < 0) {
    return si_context_errno(errno, "opening", context->dir, error);
  }
  for (size_t i = 0; i < 2; i++) {
    int room SI_AUTO(si_close) =
        openat(dir, rooms[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (room < 0 && errno == ENOENT) {
      continue;
    }
    if (room < 0 || (i == 0 && si_context_empty_tree(room, NULL) != 0)) {
      return si_context_errno(errno, "clearing", context->dir, error);
    }
    si_rc status = i == 1 ? clear_logs(room, context->dir, error) : SI_OK;
    if (status != SI_OK) {
      return status;
    }
  }
  return SI_OK;
}
