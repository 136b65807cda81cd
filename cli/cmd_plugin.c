/* SPDX-License-Identifier: Apache-2.0 */
/* `si plugin ...`: the providers that are installed. The files are checked here, but only si-host
 * ever loads one. */
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/grid.h"
#include "core/host/needs.h"
#include "core/host/seen.h"
#include "core/host/session.h"
#include "paas/context/context.h"

/* All that may be loaded from, and the operator's trust. */
struct places {
  char file[SI_PATH_MAX];
  struct si_plugin_trust trust;
  struct si_plugins plugins;
};

static void close_places(struct places *places) {
  si_plugins_close(&places->plugins);
  si_plugin_trust_free(&places->trust);
}

static si_rc open_places(struct si_invocation *inv, struct places *places) {
  si_rc status = si_context_plugins(places->file, sizeof places->file, &inv->error);
  return status == SI_OK ? si_plugins_open_here(places->file, NULL, false, &places->trust,
                                                &places->plugins, &inv->error)
                         : status;
}

static void kinds_text(const struct si_tree_entry *entry, struct si_buf *out) {
  const cJSON *kind;
  cJSON_ArrayForEach(kind, entry->kinds) {
    if (si_buf_printf(out, "%s%s", out->len ? ", " : "", kind->valuestring) != SI_OK) {
      return;
    }
  }
}

/* One row: what the manifest says, and whether the file keeps it. */
static void add_row(const struct si_plugin_choice *choice, struct si_grid *table, cJSON *json) {
  const struct si_tree_entry *entry = &choice->entry;
  const char *origin = si_origin_name(choice->source->origin);
  struct si_buf kinds SI_AUTO(si_buf_free) = SI_BUF(1024);
  struct si_error why;
  int fd SI_AUTO(si_close) = -1;
  bool trusted = si_plugin_judge(choice, &why) == SI_OK &&
                 si_plugin_open(&choice->source->tree, entry, &fd, &why) == SI_OK;
  cJSON *item = cJSON_CreateObject();
  kinds_text(entry, &kinds);
  si_grid_row(table, entry->id, si_buf_text(&kinds), origin, entry->license, entry->abi,
              trusted ? "trusted" : why.message);
  cJSON_AddStringToObject(item, "id", entry->id);
  cJSON_AddItemToObject(item, "kinds", cJSON_Duplicate(entry->kinds, true));
  cJSON_AddStringToObject(item, "from", origin);
  cJSON_AddStringToObject(item, "dir", choice->source->tree.dir);
  cJSON_AddStringToObject(item, "file", entry->file);
  cJSON_AddStringToObject(item, "sha256", entry->sha256);
  cJSON_AddStringToObject(item, "license", entry->license);
  cJSON_AddStringToObject(item, "abi", entry->abi);
  cJSON_AddBoolToObject(item, "trusted", trusted);
  if (!trusted) {
    cJSON_AddStringToObject(item, "code", why.code);
    cJSON_AddStringToObject(item, "reason", why.message);
  }
  cJSON_AddItemToArray(json, item);
}

static si_rc list(struct si_invocation *inv) {
  struct places places SI_AUTO(close_places) = {.file = ""};
  struct si_grid table SI_AUTO(si_grid_free) =
      SI_GRID("ID", "KINDS", "FROM", "LICENSE", "ABI", "TRUST");
  struct si_plugin_choice choice;
  si_rc status = open_places(inv, &places);
  if (status != SI_OK) {
    return status;
  }
  cJSON *json = cJSON_CreateArray();
  size_t count = si_plugins_count(&places.plugins);
  for (size_t i = 0; i < count; i++) {
    si_plugins_at(&places.plugins, i, &choice);
    add_row(&choice, &table, json);
  }
  si_grid_print(inv->out, &table);
  return si_out_list(inv->out, json);
}

const struct si_command si_cmd_plugin_list = {
    .path = "plugin list",
    .summary = "List the providers, where they come from, and whether they are trusted",
    .run = list,
};

/* The first kind that the manifest grants it and that this si knows; 0: none. */
static uint32_t kind_of(const struct si_tree_entry *entry) {
  const cJSON *each;
  cJSON_ArrayForEach(each, entry->kinds) {
    uint32_t kind = si_kind_of(each->valuestring);
    if (kind) {
      return kind;
    }
  }
  return 0;
}

/* Asks si-host to load it and say what it is. */
static si_rc describe(struct si_invocation *inv, const struct si_tree_entry *entry,
                      const char *trust, cJSON **out) {
  struct si_session *session = NULL;
  const struct si_session_options options = {
      .plugin = entry->id,
      .kind = kind_of(entry),
      .describe = 1,
      .trust = trust,
      .lock_fd = -1,
      .deadline_ns = inv->deadline_ns,
      .interrupt_fd = -1,
  };
  if (!options.kind) {
    return si_error_set(&inv->error, SI_E_UNSUPPORTED, "PLUGIN_KIND",
                        "plugin \"%s\" is listed with no kind that this si knows", entry->id);
  }
  si_rc status = si_session_open(&options, &session, &inv->error);
  if (status == SI_OK) {
    const char *text = si_session_descriptor(session);
    status = si_json_parse(text, strlen(text), out, &inv->error);
    si_session_close(session);
  }
  return status;
}

/* schema and needs are JSON texts inside the descriptor: shown as what they are. */
static void unfold(cJSON *descriptor, const char *key) {
  const char *text = si_json_str(descriptor, key);
  cJSON *value = NULL;
  if (text && si_json_parse(text, strlen(text), &value, NULL) == SI_OK) {
    cJSON_ReplaceItemInObjectCaseSensitive(descriptor, key, value);
  }
}

static void print_settings(struct si_invocation *inv, const cJSON *schema) {
  const cJSON *property;
  struct si_grid table SI_AUTO(si_grid_free) = SI_GRID("SETTING", "TYPE", "DEFAULT", "MEANING");
  cJSON_ArrayForEach(property, si_json_get(schema, "properties")) {
    struct si_buf otherwise SI_AUTO(si_buf_free) = SI_BUF(4096);
    const cJSON *value = si_json_get(property, "default");
    if (value && si_json_print(value, false, &otherwise) != SI_OK) {
      si_buf_clear(&otherwise);
    }
    si_grid_row(&table, property->string, si_json_str(property, "type"), si_buf_text(&otherwise),
                si_json_str(property, "description"));
  }
  if (table.rows > 0) {
    si_out_line(inv->out, "%s", "");
    si_grid_print(inv->out, &table);
  }
}

static void print_extensions(struct si_invocation *inv, const cJSON *extensions) {
  const cJSON *each;
  cJSON_ArrayForEach(each, extensions) {
    si_out_field(inv->out, "extension", "%s", cJSON_GetStringValue(each));
  }
}

/* What its sandbox lets it do: by the manifest, which is what binds. */
static si_rc print_needs(struct si_invocation *inv, const struct si_tree_entry *entry) {
  struct si_buf words SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  struct si_needs needs;
  char *rest = NULL;
  si_rc status = si_needs_read(entry->needs, &needs, &inv->error);
  if (status == SI_OK && si_needs_words(&needs, &words) != SI_OK) {
    status = si_error_set(&inv->error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: needs");
  }
  if (status != SI_OK) {
    return status;
  }
  for (char *line = strtok_r(words.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
    char *colon = strchr(line, ':');
    *colon = '\0';
    si_out_field(inv->out, line, "%s", colon + 2);
  }
  return SI_OK;
}

static si_rc info(struct si_invocation *inv) {
  static const char *const fields[] = {"id",  "version", "license", "kind",
                                       "abi", "build",   "sha256"};
  struct places places SI_AUTO(close_places) = {.file = ""};
  struct si_plugin_choice choice;
  cJSON *descriptor = NULL;
  si_rc status = open_places(inv, &places);
  status = status == SI_OK
               ? si_plugins_find(&places.plugins, si_arg(inv, 0), 0, &choice, &inv->error)
               : status;
  status = status == SI_OK ? describe(inv, &choice.entry, places.file, &descriptor) : status;
  if (status != SI_OK) {
    return status;
  }
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    si_out_field(inv->out, fields[i], "%s", si_json_str(descriptor, fields[i]));
  }
  si_out_field(inv->out, "file", "%s/%s", choice.source->tree.dir, choice.entry.file);
  si_out_field(inv->out, "from", "%s", si_origin_name(choice.source->origin));
  cJSON_AddStringToObject(descriptor, "from", si_origin_name(choice.source->origin));
  cJSON_AddStringToObject(descriptor, "dir", choice.source->tree.dir);
  status = print_needs(inv, &choice.entry);
  if (status != SI_OK) {
    cJSON_Delete(descriptor);
    return status;
  }
  print_extensions(inv, si_json_get(descriptor, "extensions"));
  unfold(descriptor, "schema");
  unfold(descriptor, "needs");
  print_settings(inv, si_json_get(descriptor, "schema"));
  return si_out_result(inv->out, descriptor);
}

const struct si_command si_cmd_plugin_info = {
    .path = "plugin info",
    .summary = "Show what a provider says of itself, and its settings",
    .params = {{"ID", 0, "As `si plugin list` shows it"}},
    .run = info,
};
