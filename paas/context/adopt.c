/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "paas/context/private.h"
#include "paas/context/remove.h"
#include "paas/state/place.h"

static void close_state(struct si_state **state) {
  si_state_close(*state);
  *state = NULL;
}

static si_rc unchecked(const char *path, const char *why, struct si_error *error) {
  si_error_set(error, SI_E_REFUSED, "PAAS_CONTEXT_UNCHECKED",
               "cannot tell whether %s still holds the context: %s", path, why);
  si_error_hint(error, "see to it that %s can be searched by you, then run the command again",
                path);
  return SI_E_REFUSED;
}

/* Is a context of that id still in the directory it was made in? */
static si_rc original_is_gone(const char *path, const struct si_context *context,
                              struct si_error *error) {
  cJSON *config SI_AUTO(si_json_free) = NULL;
  struct si_error why;
  if (!path[0] || strcmp(path, context->dir) == 0) {
    return SI_OK;
  }
  int dir SI_AUTO(si_close) = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0) {
    return errno == ENOENT || errno == ENOTDIR ? SI_OK : unchecked(path, strerror(errno), error);
  }
  if (faccessat(dir, "config.json", F_OK, 0) != 0 && errno == ENOENT) {
    return SI_OK;
  }
  if (si_context_config_read(dir, path, &config, &why) != SI_OK) {
    return unchecked(path, why.message, error);
  }
  const char *id = si_json_str(config, "id");
  if (!id || strcmp(id, context->id) != 0) {
    return SI_OK;
  }
  si_error_set(error, SI_E_REFUSED, "PAAS_CONTEXT_COPIED",
               "%s is a copy: the context it was copied from is still in %s", context->dir, path);
  si_error_hint(error,
                "a context lives once; settings go over with: si paas context export and import");
  return SI_E_REFUSED;
}

/* A second one of that id below this root would be a copy as well. */
static si_rc no_twin(const struct si_context_home *home, const struct si_context *context,
                     struct si_error *error) {
  struct si_context_names names SI_AUTO(si_context_names_free) = {NULL, 0};
  si_rc status = si_context_names(home, &names, error);
  for (size_t i = 0; status == SI_OK && i < names.count; i++) {
    struct si_context_place place SI_AUTO(si_context_place_close) = SI_CONTEXT_PLACE;
    if (strcmp(names.list[i], context->name) == 0 ||
        si_context_place_open(home, names.list[i], &place, NULL) != SI_OK) {
      continue;
    }
    const char *id = si_json_str(place.config, "id");
    if (id && strcmp(id, context->id) == 0) {
      status = original_is_gone(place.path, context, error);
    }
  }
  return status;
}

/* --- paths that lay in the old directory --- */

static bool moved(const char *path, const char *from, const char *to, char *out) {
  size_t len = strlen(from), head = strlen(to);
  if (strncmp(path, from, len) != 0 || (path[len] != '/' && path[len] != '\0') ||
      head + strlen(path + len) >= SI_PATH_MAX) {
    return false;
  }
  si_copy(out, SI_PATH_MAX, to);
  si_copy(out + head, SI_PATH_MAX - head, path + len);
  return true;
}

static bool move_texts(cJSON *object, const char *from, const char *to) {
  char path[SI_PATH_MAX];
  cJSON *member = NULL;
  cJSON_ArrayForEach(member, object) {
    if (cJSON_IsString(member) && moved(member->valuestring, from, to, path) &&
        !cJSON_SetValuestring(member, path)) {
      return false;
    }
  }
  return true;
}

static bool move_config(cJSON *config, const char *from, const char *to) {
  cJSON *sink = cJSON_GetObjectItemCaseSensitive(config, "audit_sink");
  cJSON *retention = cJSON_GetObjectItemCaseSensitive(config, "retention");
  cJSON *replica = cJSON_GetObjectItemCaseSensitive(retention, "replica");
  cJSON *root = cJSON_CreateString(to);
  return root && cJSON_ReplaceItemInObjectCaseSensitive(config, "state_root", root) &&
         move_texts(config, from, to) &&
         move_texts(cJSON_GetObjectItemCaseSensitive(sink, "config"), from, to) &&
         move_texts(cJSON_GetObjectItemCaseSensitive(replica, "config"), from, to);
}

/* --- adopting --- */

static si_rc check(const struct si_context_home *home, const char *name,
                   const struct si_context *context, const char *claimed, const char *stored,
                   struct si_error *error) {
  if (strcmp(context->name, name) != 0) {
    si_error_set(error, SI_E_REFUSED, "PAAS_CONTEXT_COPIED",
                 "%s holds context %s, and a context keeps its name", context->dir, context->name);
    si_error_hint(error, "if it was renamed, rename it back to %s; a copy is nobody's context",
                  context->name);
    return SI_E_REFUSED;
  }
  si_rc status = original_is_gone(claimed, context, error);
  if (status == SI_OK) {
    status = original_is_gone(stored, context, error);
  }
  return status == SI_OK ? no_twin(home, context, error) : status;
}

/* The store first: config.json still says the old place then, and a second try can follow. */
static si_rc settle(struct si_context_place *place, const struct si_context *context,
                    struct si_state *state, const char *claimed, struct si_error *error) {
  struct stat st;
  if (fstat(place->dir, &st) != 0) {
    return si_context_errno(errno, "looking at", place->path, error);
  }
  if (!move_config(context->config, claimed, place->path) ||
      !si_context_identity_put(context->config, place->path, (uint64_t)st.st_ino)) {
    return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: a context's config");
  }
  si_rc status = si_state_place_set(state, context->id, place->path, error);
  return status == SI_OK ? si_context_write_json(place->dir, "config.json", context->config, error)
                         : status;
}

static si_rc adopt(const struct si_context_home *home, const char *name, char *from,
                   struct si_error *error) {
  struct si_context_place place SI_AUTO(si_context_place_close) = SI_CONTEXT_PLACE;
  struct si_context context SI_AUTO(si_context_free) = {.name = ""};
  struct si_state *state SI_AUTO(close_state) = NULL;
  char stored[SI_PATH_MAX] = "", claimed[SI_PATH_MAX];
  si_rc status = si_context_place_open(home, name, &place, error);
  if (status != SI_OK) {
    return status;
  }
  cJSON *taken = place.config;
  place.config = NULL;
  status = si_context_config_take(taken, place.path, &context, error);
  if (status == SI_OK) {
    status = si_state_open_anywhere(place.path, context.id, &state, error);
  }
  if (status == SI_OK) {
    status = si_state_place(state, stored, sizeof stored, error);
  }
  if (status != SI_OK) {
    return status;
  }
  si_copy(claimed, sizeof claimed, si_json_str(si_json_get(context.config, "identity"), "path"));
  status = check(home, name, &context, claimed, stored, error);
  if (status == SI_OK) {
    status = settle(&place, &context, state, claimed, error);
  }
  if (status == SI_OK) {
    si_copy(from, SI_PATH_MAX, claimed);
  }
  return status;
}

/* At home already: config.json and store both say so. */
static bool is_home(const struct si_context_home *home, const char *name, struct si_context *out) {
  struct si_context found SI_AUTO(si_context_free) = {.name = ""};
  struct si_state *state SI_AUTO(close_state) = NULL;
  if (si_context_open_in(home, name, &found, NULL) != SI_OK ||
      si_state_open(found.dir, found.id, SI_STATE_READ, &state, NULL) != SI_OK) {
    return false;
  }
  *out = found;
  found.config = NULL;
  return true;
}

si_rc si_context_adopt(const char *name, struct si_context *out, char *from,
                       struct si_error *error) {
  struct si_context_home home SI_AUTO(si_context_home_close) = SI_CONTEXT_HOME;
  int lock SI_AUTO(si_close) = -1;
  char was[SI_PATH_MAX] = "";
  si_rc status = si_context_check_name(name, error);
  if (status == SI_OK) {
    status = si_context_home_open(&home, error);
  }
  if (status == SI_OK && home.contexts < 0) {
    return si_context_open_in(&home, name, out, error);
  }
  if (status == SI_OK) {
    status = si_context_lock(&home, &lock, error);
  }
  if (status == SI_OK) {
    status = si_context_finish_removals(&home, name, NULL, error);
  }
  if (status != SI_OK) {
    return status;
  }
  if (is_home(&home, name, out)) {
    from[0] = '\0';
    return SI_OK;
  }
  status = adopt(&home, name, was, error);
  if (status == SI_OK) {
    status = si_context_open_in(&home, name, out, error);
  }
  if (status == SI_OK) {
    si_copy(from, SI_PATH_MAX, was);
  }
  return status;
}
