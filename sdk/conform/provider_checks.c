/* SPDX-License-Identifier: Apache-2.0 */
/* The room provider: what si_provider and its tables say. Every provider of the plugin is looked
 * at; nothing that they say is believed. */
#include <stdio.h>
#include <string.h>

#include <si/artifact.h>
#include <si/backup.h>
#include <si/retention.h>

#include "kit/base/text.h"
#include "sdk/conform/heap.h"
#include "sdk/conform/load.h"
#include "sdk/conform/schema.h"

#define END_OF(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

/* The n-th provider, or NULL behind the last. */
static const si_provider *provider_at(const struct trial *t, size_t n) {
  const si_provider *const *list = t->plugin->providers;
  demand(list && load_owns(t->handle, list) && n < 16, "there is no list of providers that ends");
  demand(!list[n] || load_room(t->handle, list[n]) >= END_OF(si_provider, vt),
         "a provider lies outside of the plugin");
  return list[n];
}

static void each(const struct trial *t, void (*look)(const struct trial *, const si_provider *)) {
  const si_provider *provider;
  for (size_t i = 0; (provider = provider_at(t, i)); i++) {
    look(t, provider);
  }
}

static void look_size(const struct trial *t, const si_provider *p) {
  demand(p->size >= END_OF(si_provider, vt) && p->size <= SI_TABLE_MAX,
         "size of a provider is %u, %zu to %u are possible", (unsigned)p->size,
         END_OF(si_provider, vt), SI_TABLE_MAX);
  demand(load_room(t->handle, p) >= p->size,
         "size of a provider is %u, and it ends outside of the plugin there", (unsigned)p->size);
}

static void look_kind(const struct trial *t, const si_provider *p) {
  (void)t;
  demand(table_shape(p->kind) != NULL, "there is no kind %u of provider", (unsigned)p->kind);
}

static void look_caps(const struct trial *t, const si_provider *p) {
  (void)t;
  uint64_t known =
      p->kind == SI_KIND_ARTIFACT
          ? SI_CAP_ARTIFACT_REMOVE | SI_CAP_ARTIFACT_UNFINISHED | SI_CAP_ARTIFACT_RETENTION
      : p->kind == SI_KIND_BACKUP
          ? SI_CAP_BACKUP_DELTA | SI_CAP_BACKUP_TIME | SI_CAP_BACKUP_PROTECT | SI_CAP_BACKUP_EXPIRE
          : 0;
  demand((p->caps & ~known) == 0, "caps %llx has bits that its kind does not have",
         (unsigned long long)p->caps);
}

static void look_threads(const struct trial *t, const si_provider *p) {
  (void)t;
  demand(p->threads <= SI_THREADS_PARALLEL, "threads is %u, which is none of SI_THREADS_*",
         (unsigned)p->threads);
}

static void look_id(const struct trial *t, const si_provider *p) {
  demand(p->id && load_owns(t->handle, p->id) && si_name_valid(p->id),
         "a provider's id is not of the form [a-z0-9][a-z0-9-]{0,62}");
}

static void ids_differ(struct trial *t) {
  const si_provider *one, *other;
  for (size_t i = 0; (one = provider_at(t, i)); i++) {
    for (size_t n = i + 1; (other = provider_at(t, n)); n++) {
      demand(one->kind != other->kind || !one->id || !other->id || strcmp(one->id, other->id) != 0,
             "two providers of one kind have the id \"%s\"", one->id);
    }
  }
}

static cJSON *schema_of(const struct trial *t, const si_provider *p) {
  const char *why = "is no text of the plugin's";
  cJSON *schema = load_owns(t->handle, p->schema) ? schema_parse(p->schema, &why) : NULL;
  demand(schema != NULL, "the schema %s", why);
  return schema;
}

static void look_schema(const struct trial *t, const si_provider *p) {
  schema_of(t, p);
}

static void look_schema_object(const struct trial *t, const si_provider *p) {
  const cJSON *schema = schema_of(t, p);
  const char *type = si_json_str(schema, "type");
  demand(type && strcmp(type, "object") == 0, "the schema's type is not \"object\"");
  const cJSON *properties = si_json_get(schema, "properties");
  demand(!properties || cJSON_IsObject(properties), "the schema's properties are no object");
  const cJSON *closed = si_json_get(schema, "additionalProperties");
  demand(cJSON_IsFalse(closed),
         "the schema takes settings that it does not name "
         "(\"additionalProperties\":false is missing)");
}

static void look_schema_types(const struct trial *t, const si_provider *p) {
  static const char types[] = " string integer number boolean object array null ";
  const cJSON *schema = schema_of(t, p), *property;
  cJSON_ArrayForEach(property, schema_properties(schema)) {
    char word[32];
    const cJSON *type = si_json_get(property, "type");
    demand(cJSON_IsObject(property), "the schema's property %.64s is no object", property->string);
    demand(!type || cJSON_IsString(type), "the type of property %.64s is no text",
           property->string);
    snprintf(word, sizeof word, " %.28s ", type ? type->valuestring : "null");
    demand(strstr(types, word) != NULL,
           "property %.64s has the type \"%.20s\", which JSON Schema "
           "does not have",
           property->string, word + 1);
    demand(type || si_json_get(property, "enum") || si_json_get(property, "const") ||
               si_json_get(property, "oneOf") || si_json_get(property, "anyOf"),
           "the schema does not say what property %.64s is", property->string);
  }
}

static void look_schema_required(const struct trial *t, const si_provider *p) {
  const cJSON *schema = schema_of(t, p), *name;
  const cJSON *required = si_json_get(schema, "required");
  demand(!required || cJSON_IsArray(required), "the schema's required is no list");
  cJSON_ArrayForEach(name, required) {
    demand(cJSON_IsString(name) && si_json_get(schema_properties(schema), name->valuestring),
           "the schema requires what is none of its properties");
  }
}

static void look_schema_secret(const struct trial *t, const si_provider *p) {
  const cJSON *schema = schema_of(t, p), *property;
  cJSON_ArrayForEach(property, schema_properties(schema)) {
    const cJSON *secret = si_json_get(property, "x-secret");
    const char *type = si_json_str(property, "type");
    demand(!secret || cJSON_IsBool(secret), "x-secret of %.64s is not true or false",
           property->string);
    demand(!cJSON_IsTrue(secret) || (type && strcmp(type, "string") == 0),
           "%.64s refers to a secret, and is no string", property->string);
    demand(!cJSON_IsTrue(secret) || !si_json_get(property, "default"),
           "%.64s refers to a secret, and has a default", property->string);
  }
}

static cJSON *needs_of(const struct trial *t, const si_provider *p) {
  cJSON *needs = NULL;
  demand(p->needs && load_owns(t->handle, p->needs), "needs is no text of the plugin's");
  size_t room = load_room(t->handle, p->needs);
  demand(si_json_parse(p->needs, strnlen(p->needs, room < 65536 ? room : 65536), &needs, NULL) ==
                 SI_OK &&
             cJSON_IsObject(needs),
         "needs is no JSON object");
  return needs;
}

static void look_needs(const struct trial *t, const si_provider *p) {
  needs_of(t, p);
}

static bool path_fits(const char *text) {
  if (text && strncmp(text, "${config.", 9) == 0) {
    const char *brace = strchr(text, '}');
    return brace && brace > text + 9 && (brace[1] == '\0' || brace[1] == '/') &&
           !strstr(brace, "..");
  }
  return text && text[0] == '/' && !strstr(text, "/../") && !strstr(text, "//") &&
         !strstr(text, "${");
}

static void look_needs_members(const struct trial *t, const si_provider *p) {
  const cJSON *needs = needs_of(t, p), *member, *path;
  cJSON_ArrayForEach(member, needs) {
    const char *name = member->string;
    if (strcmp(name, "network") == 0 || strcmp(name, "unix") == 0 || strcmp(name, "exec") == 0) {
      demand(cJSON_IsBool(member), "the need %s is not true or false", name);
    } else if (strcmp(name, "memory_mb") == 0) {
      demand(si_json_int(needs, name, 16, 1 << 20, 0) != 0,
             "the need memory_mb is no integer from 16 to 1048576");
    } else if (strcmp(name, "read") == 0 || strcmp(name, "write") == 0) {
      demand(cJSON_IsArray(member) && cJSON_GetArraySize(member) <= 64,
             "the need %s is no list of at most 64 paths", name);
      cJSON_ArrayForEach(path, member) {
        demand(path_fits(cJSON_GetStringValue(path)),
               "the need %s has what is no absolute path and no ${config.KEY}", name);
      }
    } else {
      demand(false, "the need \"%.64s\" is none that a host can allow", name);
    }
  }
}

static void look_needs_config(const struct trial *t, const si_provider *p) {
  const cJSON *schema = schema_of(t, p), *list, *path;
  const cJSON *needs = needs_of(t, p);
  cJSON_ArrayForEach(list, needs) {
    cJSON_ArrayForEach(path, list) {
      char key[65] = "";
      const char *text = cJSON_GetStringValue(path);
      if (text && sscanf(text, "${config.%64[^}]}", key) == 1) {
        demand(si_json_get(schema_properties(schema), key) != NULL,
               "the need ${config.%s} is of a setting that the schema does not have", key);
      }
    }
  }
}

/* The table's size, within the kind's bounds. */
static const struct table_shape *shape_of(const struct trial *t, const si_provider *p,
                                          uint32_t *said) {
  const struct table_shape *shape = table_shape(p->kind);
  demand(shape != NULL, "there is no kind %u of provider", (unsigned)p->kind);
  demand(p->vt && load_owns(t->handle, p->vt), "vt is no table of the plugin's");
  memcpy(said, p->vt, sizeof *said);
  return shape;
}

static void look_table_size(const struct trial *t, const si_provider *p) {
  uint32_t said = 0;
  const struct table_shape *shape = shape_of(t, p, &said);
  demand(said >= shape->least && said <= SI_TABLE_MAX && said % sizeof(void *) == 0,
         "size of its %s is %u, %zu to %u are possible", shape->name, (unsigned)said, shape->least,
         SI_TABLE_MAX);
  demand(load_room(t->handle, p->vt) >= said,
         "size of its %s is %u, and it ends outside of the plugin there", shape->name,
         (unsigned)said);
}

/* The function at place `n`, or NULL. */
static const void *function_at(const struct trial *t, const si_provider *p, size_t n,
                               const char **name, bool *required) {
  uint32_t said = 0;
  const void *function = NULL;
  const struct table_shape *shape = shape_of(t, p, &said);
  size_t offset = shape->first + n * sizeof function;
  *name = shape->functions[n];
  *required = offset < shape->least;
  if (*name && offset + sizeof function <= said &&
      offset + sizeof function <= load_room(t->handle, p->vt)) {
    memcpy(&function, (const char *)p->vt + offset, sizeof function);
  }
  return function;
}

static void look_required(const struct trial *t, const si_provider *p) {
  const char *name;
  bool required;
  for (size_t n = 0;; n++) {
    const void *function = function_at(t, p, n, &name, &required);
    if (!name) {
      return;
    }
    demand(!required || function, "the required function %s is missing", name);
  }
}

static void look_owned(const struct trial *t, const si_provider *p) {
  const char *name;
  bool required;
  for (size_t n = 0;; n++) {
    const void *function = function_at(t, p, n, &name, &required);
    if (!name) {
      return;
    }
    demand(!function || load_code(t->handle, function), "%s is no function of the plugin's own",
           name);
  }
}

static void look_functions(const struct trial *t, const si_provider *p) {
  const void *open = NULL, *close = NULL;
  memcpy(&open, &p->open, sizeof open);
  memcpy(&close, &p->close, sizeof close);
  demand(load_code(t->handle, open), "open is missing, or no function of the plugin's own");
  demand(load_code(t->handle, close), "close is missing, or no function of the plugin's own");
}

static void look_promises(const struct trial *t, const si_provider *p) {
  static const struct {
    uint32_t kind;
    uint64_t cap;
    const char *functions[2];
  } promises[] = {
      {SI_KIND_ARTIFACT, SI_CAP_ARTIFACT_REMOVE, {"remove", NULL}},
      {SI_KIND_ARTIFACT, SI_CAP_ARTIFACT_UNFINISHED, {"unfinished", "discard"}},
      {SI_KIND_BACKUP, SI_CAP_BACKUP_PROTECT, {"protect", NULL}},
      {SI_KIND_BACKUP, SI_CAP_BACKUP_EXPIRE, {"expire", NULL}},
  };
  const char *name;
  bool required;
  for (size_t n = 0;; n++) {
    const void *function = function_at(t, p, n, &name, &required);
    if (!name) {
      return;
    }
    for (size_t i = 0; i < sizeof promises / sizeof *promises; i++) {
      for (size_t k = 0; p->kind == promises[i].kind && (p->caps & promises[i].cap) && k < 2; k++) {
        demand(!promises[i].functions[k] || strcmp(promises[i].functions[k], name) != 0 || function,
               "it promises %s, and has no such function", name);
      }
    }
  }
}

static void look_extension(const struct trial *t, const si_provider *p) {
  if (p->size < sizeof *p || !p->extension) {
    demand(!(p->kind == SI_KIND_ARTIFACT && (p->caps & SI_CAP_ARTIFACT_RETENTION)),
           "it promises %s, and has no extension()", SI_RETENTION_ID);
    return;
  }
  unsigned long calls = heap_calls();
  const void *unknown = CALL(p, extension)("si.no-such-extension/1");
  const void *first = CALL(p, extension)(SI_RETENTION_ID);
  demand(!unknown, "extension() gives a table for an id that there is not");
  demand(first == CALL(p, extension)(SI_RETENTION_ID),
         "extension() gives another table the next time");
  demand(heap_calls() == calls, "extension() allocated memory");
  if (p->kind == SI_KIND_ARTIFACT && (p->caps & SI_CAP_ARTIFACT_RETENTION)) {
    uint32_t size = 0;
    demand(first && load_owns(t->handle, first), "it promises %s, and has no table of it",
           SI_RETENTION_ID);
    memcpy(&size, first, sizeof size);
    demand(size >= END_OF(si_retention_vt, report), "its si_retention_vt is cut off");
    demand(size <= SI_TABLE_MAX && load_room(t->handle, first) >= size,
           "its si_retention_vt ends outside of the plugin: size is %u", (unsigned)size);
    for (size_t at = offsetof(si_retention_vt, sink_open); at < END_OF(si_retention_vt, report);
         at += sizeof(void *)) {
      const void *function;
      memcpy(&function, (const char *)first + at, sizeof function);
      demand(load_code(t->handle, function),
             "a function of its si_retention_vt is missing, or none "
             "of the plugin's own");
    }
  }
}

static void look_reserved(const struct trial *t, const si_provider *p) {
  uint32_t words[2] = {0, 0};
  uint32_t said = 0;
  shape_of(t, p, &said);
  memcpy(words, p->vt, sizeof words);
  demand(p->reserved == 0 && words[1] == 0, "a reserved member is not 0");
}

#define LOOK(name)                    \
  static void name(struct trial *t) { \
    each(t, look_##name);             \
  }
LOOK(size)
LOOK(kind)
LOOK(caps)
LOOK(threads)
LOOK(id)
LOOK(schema)
LOOK(schema_object)
LOOK(schema_types)
LOOK(schema_required)
LOOK(schema_secret)
LOOK(needs)
LOOK(needs_members)
LOOK(needs_config)
LOOK(table_size)
LOOK(required)
LOOK(owned)
LOOK(functions)
LOOK(promises)
LOOK(extension)
LOOK(reserved)

#define SAID(id, title, run) \
  { id, title, KIND_PLUGIN, WANTS_ENTRY, 0, run }
const struct check provider_checks[] = {
    SAID("provider.size", "size of si_provider is possible", size),
    SAID("provider.kind", "kind is one of SI_KIND_*", kind),
    SAID("provider.caps", "caps has only bits of its kind", caps),
    SAID("provider.threads", "threads is one of SI_THREADS_*", threads),
    SAID("provider.id", "id has the form [a-z0-9][a-z0-9-]{0,62}", id),
    SAID("provider.ids-differ", "no two providers of a kind share an id", ids_differ),
    SAID("provider.schema", "the configuration's schema is a JSON object", schema),
    SAID("provider.schema-object", "the schema is that of an object without further members",
         schema_object),
    SAID("provider.schema-types", "every property has a type of JSON Schema", schema_types),
    SAID("provider.schema-required", "what is required is a property", schema_required),
    SAID("provider.schema-secret", "x-secret stands at strings without a default", schema_secret),
    SAID("provider.needs", "needs is a JSON object", needs),
    SAID("provider.needs-members", "every need is one that a host can allow", needs_members),
    SAID("provider.needs-config", "needs refer to settings that the schema has", needs_config),
    SAID("provider.table-size", "its kind's table holds all that is required", table_size),
    SAID("provider.required", "every required function is there", required),
    SAID("provider.owned", "every function is the plugin's own", owned),
    SAID("provider.functions", "open and close are there", functions),
    SAID("provider.promises", "what caps promises has its functions", promises),
    SAID("provider.extension", "extension() is pure, and has what caps promises", extension),
    SAID("provider.reserved", "reserved members are 0", reserved),
    {0}};
