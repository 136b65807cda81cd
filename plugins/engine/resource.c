/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/engine/resource.h"

#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"
#include "kit/net/url.h"

enum { REMOVE_MS = 120000 };

const char *si_engine_type_text(enum si_engine_type type) {
  static const char *const texts[] = {"container", "network", "volume"};
  return texts[type];
}

const char *si_engine_label(const cJSON *labels, const char *key) {
  return si_json_str(labels, key);
}

/* "<before><encoded id><after>" */
static si_rc make_path(struct si_buf *path, const char *before, const char *id, const char *after) {
  si_rc status = id[0] ? si_buf_puts(path, before) : SI_E_INVALID;
  status = status == SI_OK ? si_url_encode(id, strlen(id), false, path) : status;
  return status == SI_OK ? si_buf_puts(path, after) : status;
}

static si_rc bad_answer(const char *what, struct si_error *error) {
  return si_error_set(error, SI_E_CORRUPT, "ENGINE_ANSWER",
                      "%s: the engine's answer lacks what it must hold", what);
}

/* Copies an id or a name; false where it is missing or too long: a cut one would name another. */
static bool take(char *to, size_t size, const char *from) {
  if (!from || !from[0] || strlen(from) >= size) {
    return false;
  }
  si_copy(to, size, from);
  return true;
}

/* --- listings --- */

static si_rc add_filters(struct si_buf *path, const char *key, const char *const *values,
                         size_t count) {
  cJSON *filters SI_AUTO(si_json_free) = cJSON_CreateObject();
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(8192);
  cJSON *list = cJSON_AddArrayToObject(filters, key);
  for (size_t i = 0; i < count; i++) {
    cJSON *value = cJSON_CreateString(values[i]);
    if (!list || !cJSON_AddItemToArray(list, value)) {
      cJSON_Delete(value);
      return SI_E_NOMEM;
    }
  }
  si_rc status = si_json_print(filters, false, &text);
  status = status == SI_OK ? si_buf_puts(path, "filters=") : status;
  return status == SI_OK ? si_url_encode(si_buf_text(&text), text.len, false, path) : status;
}

static bool read_item(enum si_engine_type type, const cJSON *entry, struct si_engine_item *item) {
  const char *name = type == SI_ENGINE_CONTAINER
                         ? cJSON_GetStringValue(cJSON_GetArrayItem(si_json_get(entry, "Names"), 0))
                         : si_json_str(entry, "Name");
  const char *id = type == SI_ENGINE_VOLUME ? name : si_json_str(entry, "Id");
  item->type = type;
  item->labels = si_json_get(entry, "Labels");
  if (type == SI_ENGINE_CONTAINER && !name) {
    name = id; /* one that is being removed may have lost its name */
  }
  if (name && name[0] == '/') {
    name++;
  }
  return take(item->id, sizeof item->id, id) && take(item->name, sizeof item->name, name);
}

/* Has it all the labels? The engine filtered already; what acts on the answer must be sure. */
static bool carries(const cJSON *labels, const char *const *wanted, size_t count) {
  for (size_t i = 0; i < count; i++) {
    size_t key_len = strcspn(wanted[i], "=");
    char key[128];
    if (key_len >= sizeof key || wanted[i][key_len] == '\0') {
      return false;
    }
    memcpy(key, wanted[i], key_len);
    key[key_len] = '\0';
    const char *value = si_engine_label(labels, key);
    if (!value || strcmp(value, wanted[i] + key_len + 1) != 0) {
      return false;
    }
  }
  return true;
}

/* What a listing is asked for: things that `filter` lets through with any of its values, and that
 * carry all the labels (NULL: whatever they carry). */
struct asked {
  enum si_engine_type type;
  const char *filter;
  const char *const *values;
  size_t value_count;
  const char *const *labels;
  size_t label_count;
};

static si_rc list_items(struct si_engine *engine, const struct asked *asked, void *ctx,
                        si_engine_each each, struct si_error *error) {
  static const char *const paths[] = {"/containers/json?all=true&", "/networks?", "/volumes?"};
  static const char *const whats[] = {"listing containers", "listing networks", "listing volumes"};
  const char *what = whats[asked->type];
  struct si_buf path SI_AUTO(si_buf_free) = SI_BUF(16384);
  cJSON *answer SI_AUTO(si_json_free) = NULL;
  si_rc status = si_buf_puts(&path, paths[asked->type]);
  if (status == SI_OK) {
    status = add_filters(&path, asked->filter, asked->values, asked->value_count);
  }
  if (status != SI_OK) {
    return si_error_set(error, status, "ENGINE_REQUEST", "%s: the filters are too long", what);
  }
  struct si_engine_query query = {.method = "GET", .path = si_buf_text(&path), .what = what};
  status = si_engine_ask(engine, &query, &answer, error);
  const cJSON *list = asked->type == SI_ENGINE_VOLUME ? si_json_get(answer, "Volumes") : answer;
  if (status == SI_OK && list && !cJSON_IsArray(list) && !cJSON_IsNull(list)) {
    return bad_answer(what, error);
  }
  for (const cJSON *entry = list ? list->child : NULL; status == SI_OK && entry;
       entry = entry->next) {
    struct si_engine_item item;
    if (!read_item(asked->type, entry, &item)) {
      return bad_answer(what, error);
    }
    status = carries(item.labels, asked->labels, asked->label_count) ? each(ctx, &item) : SI_OK;
  }
  return status;
}

si_rc si_engine_list(struct si_engine *engine, enum si_engine_type type, const char *const *labels,
                     size_t count, void *ctx, si_engine_each each, struct si_error *error) {
  const struct asked asked = {type, "label", labels, count, labels, count};
  return list_items(engine, &asked, ctx, each, error);
}

si_rc si_engine_network_users(struct si_engine *engine, const struct si_engine_item *network,
                              void *ctx, si_engine_each each, struct si_error *error) {
  /* A container that never ran may know its network by name alone. */
  const char *const either[] = {network->id, network->name};
  const struct asked asked = {SI_ENGINE_CONTAINER, "network", either, 2, NULL, 0};
  return list_items(engine, &asked, ctx, each, error);
}

si_rc si_engine_networks_named(struct si_engine *engine, const char *name, void *ctx,
                               si_engine_each each, struct si_error *error) {
  struct si_buf path SI_AUTO(si_buf_free) = SI_BUF(16384);
  cJSON *answer SI_AUTO(si_json_free) = NULL;
  const char *what = "looking for a network's name";
  si_rc status = si_buf_puts(&path, "/networks?");
  status = status == SI_OK ? add_filters(&path, "name", &name, 1) : status;
  if (status != SI_OK) {
    return si_error_set(error, status, "ENGINE_REQUEST", "%s: it is too long", what);
  }
  struct si_engine_query query = {.method = "GET", .path = si_buf_text(&path), .what = what};
  status = si_engine_ask(engine, &query, &answer, error);
  for (const cJSON *entry = answer ? answer->child : NULL; status == SI_OK && entry;
       entry = entry->next) {
    struct si_engine_item item;
    if (!read_item(SI_ENGINE_NETWORK, entry, &item)) {
      return bad_answer(what, error);
    }
    /* The filter matches parts of names, too. */
    status = strcmp(item.name, name) == 0 ? each(ctx, &item) : SI_OK;
  }
  return status;
}

/* --- one thing --- */

si_rc si_engine_image(struct si_engine *engine, const char *reference, char id[SI_ENGINE_ID_SIZE],
                      struct si_error *error) {
  struct si_buf path SI_AUTO(si_buf_free) = SI_BUF(4096);
  cJSON *answer SI_AUTO(si_json_free) = NULL;
  char what[640];
  snprintf(what, sizeof what, "looking for image %.512s", reference);
  /* Slashes belong to the reference and are part of the path. */
  si_rc status = reference[0] ? si_buf_puts(&path, "/images/") : SI_E_INVALID;
  status = status == SI_OK ? si_url_encode(reference, strlen(reference), true, &path) : status;
  status = status == SI_OK ? si_buf_puts(&path, "/json") : status;
  if (status != SI_OK || strstr(reference, "..")) {
    return si_error_set(error, SI_E_INVALID, "ENGINE_REQUEST", "\"%.200s\" is no image reference",
                        reference);
  }
  struct si_engine_query query = {.method = "GET", .path = si_buf_text(&path), .what = what};
  status = si_engine_ask(engine, &query, &answer, error);
  if (status == SI_OK && !take(id, SI_ENGINE_ID_SIZE, si_json_str(answer, "Id"))) {
    return bad_answer(what, error);
  }
  return status;
}

si_rc si_engine_network_create(struct si_engine *engine, const char *name, const cJSON *body,
                               char id[SI_ENGINE_ID_SIZE], struct si_error *error) {
  cJSON *answer SI_AUTO(si_json_free) = NULL;
  char what[320];
  snprintf(what, sizeof what, "creating network %.255s", name);
  struct si_engine_query query = {
      .method = "POST", .path = "/networks/create", .body = body, .takes_name = true, .what = what};
  si_rc status = si_engine_ask(engine, &query, &answer, error);
  if (status == SI_OK && !take(id, SI_ENGINE_ID_SIZE, si_json_str(answer, "Id"))) {
    return bad_answer(what, error);
  }
  return status;
}

si_rc si_engine_network_connect(struct si_engine *engine, const char *network,
                                const char *container, const cJSON *aliases,
                                struct si_error *error) {
  struct si_buf path SI_AUTO(si_buf_free) = SI_BUF(1024);
  cJSON *body SI_AUTO(si_json_free) = cJSON_CreateObject();
  cJSON *endpoint = cJSON_AddObjectToObject(body, "EndpointConfig");
  cJSON *copy = cJSON_Duplicate(aliases, 1);
  if (!cJSON_AddStringToObject(body, "Container", container) || !endpoint || !copy ||
      !cJSON_AddItemToObject(endpoint, "Aliases", copy)) {
    cJSON_Delete(copy);
    return si_error_set(error, SI_E_NOMEM, "ENGINE_REQUEST", "out of memory");
  }
  si_rc status = make_path(&path, "/networks/", network, "/connect");
  if (status != SI_OK) {
    return si_error_set(error, status, "ENGINE_REQUEST", "\"%.200s\" is no network's id", network);
  }
  struct si_engine_query query = {.method = "POST",
                                  .path = si_buf_text(&path),
                                  .body = body,
                                  .what = "connecting a container to a network"};
  return si_engine_ask(engine, &query, NULL, error);
}

si_rc si_engine_volume_create(struct si_engine *engine, const char *name, const cJSON *body,
                              struct si_error *error) {
  char what[320];
  snprintf(what, sizeof what, "creating volume %.255s", name);
  struct si_engine_query query = {
      .method = "POST", .path = "/volumes/create", .body = body, .repeatable = true, .what = what};
  return si_engine_ask(engine, &query, NULL, error);
}

si_rc si_engine_look(struct si_engine *engine, enum si_engine_type type, const char *id,
                     struct si_engine_item *item, cJSON **document, struct si_error *error) {
  static const char *const before[] = {"/containers/", "/networks/", "/volumes/"};
  static const char *const after[] = {"/json", "", ""};
  struct si_buf path SI_AUTO(si_buf_free) = SI_BUF(1024);
  struct si_engine_item found = {.type = type};
  cJSON *answer SI_AUTO(si_json_wipe) = NULL;
  char what[320];
  snprintf(what, sizeof what, "looking at %s %.255s", si_engine_type_text(type), id);
  si_rc status = make_path(&path, before[type], id, after[type]);
  if (status != SI_OK) {
    return si_error_set(error, status, "ENGINE_REQUEST", "\"%.200s\" is no id", id);
  }
  struct si_engine_query query = {.method = "GET", .path = si_buf_text(&path), .what = what};
  status = si_engine_ask(engine, &query, &answer, error);
  if (status != SI_OK) {
    return status;
  }
  const char *name = si_json_str(answer, "Name");
  const char *own = type == SI_ENGINE_VOLUME ? name : si_json_str(answer, "Id");
  found.labels = type == SI_ENGINE_CONTAINER ? si_json_get(si_json_get(answer, "Config"), "Labels")
                                             : si_json_get(answer, "Labels");
  if (!take(found.id, sizeof found.id, own) ||
      !take(found.name, sizeof found.name, name && name[0] == '/' ? name + 1 : name)) {
    return bad_answer(what, error);
  }
  *item = found;
  *document = answer;
  answer = NULL;
  return SI_OK;
}

si_rc si_engine_remove(struct si_engine *engine, enum si_engine_type type, const char *id,
                       struct si_error *error) {
  static const char *const before[] = {"/containers/", "/networks/", "/volumes/"};
  static const char *const after[] = {"?v=true&force=true", "", ""};
  struct si_buf path SI_AUTO(si_buf_free) = SI_BUF(1024);
  char what[320];
  snprintf(what, sizeof what, "removing %s %.255s", si_engine_type_text(type), id);
  si_rc status = make_path(&path, before[type], id, after[type]);
  if (status != SI_OK) {
    return si_error_set(error, status, "ENGINE_REQUEST", "\"%.200s\" is no id", id);
  }
  struct si_engine_query query = {
      .method = "DELETE", .path = si_buf_text(&path), .at_most_ms = REMOVE_MS, .what = what};
  status = si_engine_ask(engine, &query, NULL, error);
  return status == SI_E_NOT_FOUND ? SI_OK : status;
}
