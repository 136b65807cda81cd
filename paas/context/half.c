/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/context/half.c - contexts that are being made, and what is left of them when their maker
 * dies. contexts/.new-<name>-<hex>/ stands from the first moment and becomes contexts/<name> by
 * one rename at the end. It holds the context itself, or, with --state-root DIR, the pointer to
 * DIR; DIR is then filled in place (it may be a mount point, or its parent not ours), and what is
 * in it is only removed again when its mark or its config.json bears the pointer's id. Depends on
 * paas/state, which makes the store.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "paas/context/private.h"
#include "paas/state/place.h"

static const char *const rooms[] = {"operations", "events", "cache", "runpacks"};
static const char *const files[] = {"state.db", "state.db-journal", "state.lock"};

si_rc si_context_fill(int dir, const char *path, const struct si_context *context,
                      const struct si_context_making *making, struct si_error *error) {
  struct stat st;
  struct si_state *state = NULL;
  for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
    if (mkdirat(dir, rooms[i], 0700) != 0) {
      return si_context_errno(errno, "making directories in", path, error);
    }
  }
  if (fstat(dir, &st) != 0) {
    return si_context_errno(errno, "looking at", path, error);
  }
  si_rc status = si_state_open_anywhere(path, context->id, &state, error);
  if (status != SI_OK) {
    return status;
  }
  status = si_state_place_set(state, context->id, context->dir, error);
  si_state_close(state);
  if (status == SI_OK) {
    status = si_context_config_write(dir, context, making, (uint64_t)st.st_ino, error);
  }
  if (status == SI_OK && fsync(dir) != 0) {
    return si_context_errno(errno, "syncing", path, error);
  }
  return status;
}

/* A file of ours in a half, or what an interrupted write of config.json left. */
static bool disposable(const char *name) {
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    if (strcmp(files[i], name) == 0) {
      return true;
    }
  }
  return strncmp(name, ".config.json.", 13) == 0;
}

/* The proofs (config.json, the mark) go last, so that a second try knows what it may remove. */
static void empty(int dir, const char *mark) {
  int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
  if (!list) {
    si_close(&fd);
    return;
  }
  for (const struct dirent *entry; (entry = readdir(list)) != NULL;) {
    if (disposable(entry->d_name)) {
      unlinkat(dir, entry->d_name, 0);
    }
  }
  closedir(list);
  for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
    unlinkat(dir, rooms[i], AT_REMOVEDIR); /* only while empty */
  }
  (void)fsync(dir);
  unlinkat(dir, "config.json", 0);
  unlinkat(dir, mark, 0);
}

static bool config_is(int dir, const char *path, const char *id) {
  cJSON *config SI_AUTO(si_json_free) = NULL;
  const char *own = NULL;
  if (si_context_config_read(dir, path, &config, NULL) == SI_OK) {
    own = si_json_str(config, "id");
  }
  return own && strcmp(own, id) == 0;
}

static void discard_pointed(const cJSON *config) {
  const char *path = si_json_str(config, "state_root");
  const char *id = si_json_str(config, "id");
  const char *schema = si_json_str(config, "schema");
  /* The pointer to a context that was whole before (init) bears no id: nothing is removed. */
  if (!schema || strcmp(schema, SI_CONTEXT_POINTER) != 0 || !path || !si_context_id_valid(id)) {
    return;
  }
  char mark[64];
  struct stat st;
  snprintf(mark, sizeof mark, SI_CONTEXT_MARK "%s", id);
  int dir SI_AUTO(si_close) = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (dir >= 0 && (fstatat(dir, mark, &st, AT_SYMLINK_NOFOLLOW) == 0 || config_is(dir, path, id))) {
    empty(dir, mark);
  }
}

void si_context_discard(int contexts, const char *half) {
  cJSON *config SI_AUTO(si_json_free) = NULL;
  int dir SI_AUTO(si_close) =
      openat(contexts, half, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (dir < 0) {
    return;
  }
  if (si_context_config_read(dir, half, &config, NULL) == SI_OK) {
    discard_pointed(config);
  }
  empty(dir, SI_CONTEXT_MARK);
  unlinkat(contexts, half, AT_REMOVEDIR);
}

si_rc si_context_sweep(const struct si_context_home *home, struct si_error *error) {
  int fd = openat(home->contexts, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
  if (!list) {
    int keep = errno;
    si_close(&fd);
    return si_context_errno(keep, "listing contexts in", home->path, error);
  }
  for (const struct dirent *entry; (entry = readdir(list)) != NULL;) {
    if (strncmp(entry->d_name, SI_CONTEXT_HALF, strlen(SI_CONTEXT_HALF)) == 0) {
      si_context_discard(home->contexts, entry->d_name);
    }
  }
  closedir(list);
  return SI_OK;
}
