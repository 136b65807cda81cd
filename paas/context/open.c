/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "paas/context/private.h"

si_rc si_context_check_name(const char *name, struct si_error *error) {
  if (si_name_valid(name)) {
    return SI_OK;
  }
  si_error_set(error, SI_E_INVALID, "PAAS_INVALID_ARGUMENT", "%.80s is not a context's name",
               name && name[0] ? name : "(nothing)");
  si_error_hint(error, "a name is 1 to 63 of a-z, 0-9 and -, and does not begin with -");
  return SI_E_INVALID;
}

void si_context_names_free(struct si_context_names *names) {
  for (size_t i = 0; i < names->count; i++) {
    free(names->list[i]);
  }
  free(names->list);
  *names = (struct si_context_names){NULL, 0};
}

static int by_text(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool add_name(struct si_context_names *names, const char *name) {
  char *copy = strdup(name);
  char **list = copy ? realloc(names->list, (names->count + 1) * sizeof *list) : NULL;
  if (!list) {
    free(copy);
    return false;
  }
  names->list = list;
  list[names->count++] = copy;
  return true;
}

si_rc si_context_names(const struct si_context_home *home, struct si_context_names *out,
                       struct si_error *error) {
  if (home->contexts < 0) {
    return SI_OK;
  }
  int fd = openat(home->contexts, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
  if (!list) {
    int keep = errno;
    si_close(&fd);
    return si_context_errno(keep, "listing contexts in", home->path, error);
  }
  bool fits = true;
  for (const struct dirent *entry; fits && (entry = readdir(list)) != NULL;) {
    if (entry->d_name[0] != '.') {
      fits = add_name(out, entry->d_name);
    }
  }
  closedir(list);
  if (!fits) {
    return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: listing contexts");
  }
  if (out->count > 1) {
    qsort(out->list, out->count, sizeof *out->list, by_text);
  }
  return SI_OK;
}

static si_rc not_found(const struct si_context_home *home, const char *name,
                       struct si_error *error) {
  struct si_context_names names SI_AUTO(si_context_names_free) = {NULL, 0};
  const char *near = NULL;
  if (si_context_names(home, &names, NULL) == SI_OK && names.count > 0) {
    near = si_nearest(name, (const char *const *)names.list, names.count);
  }
  si_error_set(error, SI_E_NOT_FOUND, "PAAS_CONTEXT_NOT_FOUND", "there is no context %s in %s",
               name, home->path);
  si_error_target(error, NULL, name);
  if (near) {
    si_error_hint(error, "did you mean %s? All contexts: si paas context list", near);
  } else {
    si_error_hint(error, "make it with: si paas context create %s", name);
  }
  return SI_E_NOT_FOUND;
}

/* Opens the directory a pointer leads to. */
static si_rc follow(struct si_context_place *place, const char *name, struct si_error *error) {
  const char *to = si_json_str(place->config, "state_root");
  if (!to || to[0] != '/') {
    return si_error_set(error, SI_E_CORRUPT, "PAAS_CONTEXT_CONFIG",
                        "%s/config.json points to no absolute state_root", place->path);
  }
  si_rc status = si_context_guard(to, &place->refused);
  if (status != SI_OK && !si_context_in_repository(&place->refused)) {
    return si_context_give(&place->refused, error);
  }
  status = si_context_real(to, place->path, error);
  if (status != SI_OK) {
    return status;
  }
  si_close(&place->dir);
  place->dir = open(place->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (place->dir >= 0) {
    return si_context_private(place->dir, place->path, error);
  }
  if (errno != ENOENT) {
    return si_context_errno(errno, "opening", place->path, error);
  }
  si_error_set(error, SI_E_NOT_FOUND, "PAAS_CONTEXT_UNAVAILABLE",
               "context %s keeps its state in %s, which is not there", name, place->path);
  si_error_hint(error, "mount the file system it is on, then run the command again");
  return SI_E_NOT_FOUND;
}

/* A pointer of another name, or to another context than it was made for, was copied. */
static si_rc check_pointer(const struct si_context_place *place, const cJSON *pointer,
                           const char *name, struct si_error *error) {
  const char *id = si_json_str(pointer, "id");
  const char *own_id = si_json_str(place->config, "id");
  const char *own = si_json_str(place->config, "name");
  bool other = (id && own_id && strcmp(id, own_id) != 0) || (own && strcmp(own, name) != 0);
  if (!other) {
    return SI_OK;
  }
  si_error_set(error, SI_E_REFUSED, "PAAS_CONTEXT_COPIED",
               "contexts/%s points to %s, which is context %s: the pointer was copied or changed",
               name, place->path, own ? own : "(nameless)");
  si_error_target(error, NULL, name);
  si_error_hint(error,
                "remove contexts/%s if nobody needs it; make a context with: si paas context "
                "create",
                name);
  return SI_E_REFUSED;
}

static si_rc read_pointed(struct si_context_place *place, const char *name,
                          struct si_error *error) {
  si_rc status = follow(place, name, error);
  cJSON *pointer SI_AUTO(si_json_free) = place->config;
  place->config = NULL;
  if (status == SI_OK) {
    status = si_context_config_read(place->dir, place->path, &place->config, error);
  }
  return status == SI_OK ? check_pointer(place, pointer, name, error) : status;
}

static si_rc open_dir(const struct si_context_home *home, const char *name,
                      struct si_context_place *place, struct si_error *error) {
  char below[80] = "contexts/";
  if (home->contexts < 0) {
    return not_found(home, name, error);
  }
  place->dir = openat(home->contexts, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (place->dir < 0) {
    return errno == ENOENT ? not_found(home, name, error)
                           : si_context_errno(errno, "opening context", name, error);
  }
  si_copy(below + 9, sizeof below - 9, name);
  if (si_path_join(place->path, sizeof place->path, home->path, below) != SI_OK) {
    return si_context_errno(ENAMETOOLONG, "opening context", name, error);
  }
  si_rc status = si_context_private(place->dir, place->path, error);
  if (status != SI_OK) {
    return status;
  }
  place->refused = home->refused;
  if (place->refused.status == SI_OK) {
    status = si_context_guard_at(place->dir, place->path, &place->refused);
  }
  return status == SI_OK || si_context_in_repository(&place->refused)
             ? SI_OK
             : si_context_give(&place->refused, error);
}

void si_context_place_close(struct si_context_place *place) {
  si_json_free(&place->config);
  place->config = NULL;
  si_close(&place->dir);
}

si_rc si_context_place_open(const struct si_context_home *home, const char *name,
                            struct si_context_place *place, struct si_error *error) {
  si_rc status = si_context_check_name(name, error);
  if (status == SI_OK) {
    status = open_dir(home, name, place, error);
  }
  if (status == SI_OK) {
    status = si_context_config_read(place->dir, place->path, &place->config, error);
  }
  const char *schema = status == SI_OK ? si_json_str(place->config, "schema") : NULL;
  if (schema && strcmp(schema, SI_CONTEXT_POINTER) == 0) {
    place->pointed = true;
    status = read_pointed(place, name, error);
  }
  /* The override is the context's own, and for a repository alone. */
  if (status == SI_OK && place->refused.status != SI_OK &&
      !si_json_bool(place->config, "unsafe_repo_state", false)) {
    status = si_context_give(&place->refused, error);
  }
  return status;
}

si_rc si_context_open_in(const struct si_context_home *home, const char *name,
                         struct si_context *out, struct si_error *error) {
  struct si_context_place place SI_AUTO(si_context_place_close) = SI_CONTEXT_PLACE;
  struct stat st;
  si_rc status = si_context_place_open(home, name, &place, error);
  if (status != SI_OK) {
    return status;
  }
  if (fstat(place.dir, &st) != 0) {
    return si_context_errno(errno, "looking at", place.path, error);
  }
  cJSON *taken = place.config;
  place.config = NULL;
  return si_context_config_use(taken, name, place.path, (uint64_t)st.st_ino, out, error);
}

si_rc si_context_open(const char *name, struct si_context *out, struct si_error *error) {
  struct si_context_home home SI_AUTO(si_context_home_close) = SI_CONTEXT_HOME;
  si_rc status = si_context_check_name(name, error);
  if (status == SI_OK) {
    status = si_context_home_open(&home, error);
  }
  return status == SI_OK ? si_context_open_in(&home, name, out, error) : status;
}

si_rc si_context_list(void *ctx, si_context_each each, struct si_error *error) {
  struct si_context_home home SI_AUTO(si_context_home_close) = SI_CONTEXT_HOME;
  struct si_context_names names SI_AUTO(si_context_names_free) = {NULL, 0};
  si_rc status = si_context_home_open(&home, error);
  if (status == SI_OK) {
    status = si_context_names(&home, &names, error);
  }
  bool any = false;
  for (size_t i = 0; status == SI_OK && i < names.count; i++) {
    struct si_context context SI_AUTO(si_context_free) = {.name = ""};
    struct si_error why;
    if (si_context_open_in(&home, names.list[i], &context, &why) == SI_OK) {
      any = true;
      status = each(ctx, names.list[i], &context, NULL);
    } else {
      status = each(ctx, names.list[i], NULL, &why);
    }
  }
  return status == SI_OK ? si_context_home_allowed(&home, any, error) : status;
}
