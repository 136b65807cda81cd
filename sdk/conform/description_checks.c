/* SPDX-License-Identifier: Apache-2.0 */
/* The room description: FILE.so.json beside the plugin, by which it is listed and trusted, says
 * what the plugin says. si holds the two against each other, and refuses a plugin that differs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "kit/base/hash.h"
#include "kit/base/text.h"
#include "sdk/conform/load.h"

enum { DESCRIPTION_MAX = 64 * 1024 };

static const char *file_name(const struct trial *t) {
  return strrchr(t->options->plugin, '/') + 1;
}

static cJSON *description(const struct trial *t) {
  char path[SI_PATH_MAX + 8];
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(DESCRIPTION_MAX);
  struct si_error why = {0};
  cJSON *json = NULL;
  snprintf(path, sizeof path, "%s.json", t->options->plugin);
  int fd SI_AUTO(si_close) = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) {
    skip_check("there is no %.64s.json beside it", file_name(t));
  }
  demand(fd >= 0, "%.64s.json cannot be read: %s", file_name(t), strerror(errno));
  demand(si_read_fd(fd, &text) == SI_OK, "%.64s.json has more than %d bytes", file_name(t),
         DESCRIPTION_MAX);
  demand(si_json_parse(si_buf_text(&text), text.len, &json, &why) == SI_OK && cJSON_IsObject(json),
         "%.64s.json is no JSON object%s%.300s", file_name(t), why.message[0] ? ": " : "",
         why.message);
  return json;
}

/* A member that is a text. */
static const char *told(const cJSON *json, const char *name) {
  const char *text = si_json_str(json, name);
  demand(text != NULL, "its description has no text `%s`", name);
  return text;
}

static void same(const char *what, const char *described, const char *found) {
  demand(strcmp(described, found) == 0,
         "its description says that %s is \"%.300s\", and it is \"%.300s\"; build again", what,
         described, found);
}

static void object(struct trial *t) {
  static const char *const texts[] = {"file", "sha256", "id", "abi", "license"};
  const cJSON *json = description(t);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    told(json, texts[i]);
  }
  demand(cJSON_GetArraySize(si_json_get(json, "kinds")) > 0 &&
             cJSON_IsArray(si_json_get(json, "kinds")),
         "its description has no list `kinds`");
  demand(cJSON_IsObject(si_json_get(json, "needs")), "its description has no object `needs`");
}

static void file(struct trial *t) {
  same("its file", told(description(t), "file"), file_name(t));
}

static void sha256(struct trial *t) {
  char hex[SI_SHA256_HEX];
  const char *described = told(description(t), "sha256");
  int fd SI_AUTO(si_close) = open(t->options->plugin, O_RDONLY | O_CLOEXEC);
  kit_needs(fd >= 0 && si_sha256_fd(fd, hex) == SI_OK, "cannot read the file");
  same("its SHA-256", described, hex);
}

static void id(struct trial *t) {
  const char *described = told(description(t), "id");
  demand(load_owns(t->handle, t->plugin->id), "id is no text of the plugin's");
  same("its id", described, t->plugin->id);
}

static void abi(struct trial *t) {
  char found[64];
  snprintf(found, sizeof found, "%u.%u-draft%u", t->plugin->abi_major, t->plugin->abi_minor,
           t->plugin->draft);
  same("its ABI", told(description(t), "abi"), found);
}

/* Calls `look` for every provider. */
static void each(const struct trial *t, const cJSON *json,
                 void (*look)(const struct trial *, const cJSON *, const si_provider *)) {
  const si_provider *const *list = t->plugin->providers;
  for (size_t i = 0; i < 16 && load_room(t->handle, &list[i]) >= sizeof *list && list[i]; i++) {
    demand(load_room(t->handle, list[i]) >= sizeof *list[i] - sizeof(void *),
           "a provider lies outside of the plugin");
    look(t, json, list[i]);
  }
}

static const char *kind_name(uint32_t kind) {
  static const char *const names[] = {[SI_KIND_PROVISIONER] = "provisioner",
                                      [SI_KIND_ARTIFACT] = "artifact",
                                      [SI_KIND_BACKUP] = "backup"};
  const char *name = kind < sizeof names / sizeof *names ? names[kind] : NULL;
  demand(name != NULL, "there is no kind %u of provider", (unsigned)kind);
  return name;
}

static void look_described(const struct trial *t, const cJSON *json, const si_provider *p) {
  const cJSON *kind;
  (void)t;
  cJSON_ArrayForEach(kind, si_json_get(json, "kinds")) {
    const char *text = cJSON_GetStringValue(kind);
    if (text && strcmp(text, kind_name(p->kind)) == 0) {
      return;
    }
  }
  demand(false, "it has a provider of the kind %s, which its description does not list",
         kind_name(p->kind));
}

static void kinds(struct trial *t) {
  const cJSON *json = description(t), *kind;
  each(t, json, look_described);
  cJSON_ArrayForEach(kind, si_json_get(json, "kinds")) {
    const char *text = cJSON_GetStringValue(kind);
    bool found = false;
    for (size_t i = 0; i < 16 && t->plugin->providers[i]; i++) {
      found = found || (text && strcmp(text, kind_name(t->plugin->providers[i]->kind)) == 0);
    }
    demand(found, "its description lists the kind %.64s, and it has no such provider",
           text ? text : "that is no text");
  }
}

static void look_needs(const struct trial *t, const cJSON *json, const si_provider *p) {
  struct si_buf described SI_AUTO(si_buf_free) = SI_BUF(DESCRIPTION_MAX);
  struct si_buf found SI_AUTO(si_buf_free) = SI_BUF(DESCRIPTION_MAX);
  cJSON *needs SI_AUTO(si_json_free) = NULL;
  size_t room = load_room(t->handle, p->needs);
  demand(si_json_parse(p->needs, room ? strnlen(p->needs, room) : 0, &needs, NULL) == SI_OK &&
             si_json_canonical(needs, &found) == SI_OK,
         "needs is no JSON object");
  demand(si_json_get(json, "needs") &&
             si_json_canonical(si_json_get(json, "needs"), &described) == SI_OK,
         "its description has no object `needs`");
  same("what it needs", si_buf_text(&described), si_buf_text(&found));
}

static void needs(struct trial *t) {
  each(t, description(t), look_needs);
}

#define DESCRIBED(id, title, wants, run) \
  { id, title, KIND_PLUGIN, wants, 0, run }
const struct check description_checks[] = {
    DESCRIBED("description.object", "FILE.so.json has every member that si lists a plugin by",
              WANTS_NOTHING, object),
    DESCRIBED("description.file", "it names this file", WANTS_NOTHING, file),
    DESCRIBED("description.sha256", "its hash is that of the file", WANTS_NOTHING, sha256),
    DESCRIBED("description.id", "its id is the descriptor's", WANTS_ENTRY, id),
    DESCRIBED("description.abi", "its abi is the descriptor's", WANTS_ENTRY, abi),
    DESCRIBED("description.kinds", "its kinds are those of the providers", WANTS_ENTRY, kinds),
    DESCRIBED("description.needs", "its needs are those of each provider", WANTS_ENTRY, needs),
    {0}};
