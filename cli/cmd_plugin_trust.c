/* SPDX-License-Identifier: Apache-2.0 */
/* `si plugin trust ...`: the operator's trust in plugins of others, kept in plugins.json below the
 * state root. Nothing here runs a line of a plugin. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/audit.h"
#include "cli/grid.h"
#include "cli/prompt.h"
#include "core/host/needs.h"
#include "core/host/seen.h"
#include "kit/base/text.h"
#include "paas/context/context.h"

enum { DESCRIPTION_MAX = 64 * 1024, KEY_FILE_MAX = 64 * 1024 };

/* The document, read under its lock to be changed and written. */
struct editing {
  struct si_plugin_trust trust;
  int lock;
  char path[SI_PATH_MAX];
};

static void close_editing(struct editing *editing) {
  si_plugin_trust_free(&editing->trust);
  si_close(&editing->lock);
}

static si_rc open_editing(struct si_invocation *inv, struct editing *editing) {
  char *path = editing->path;
  si_rc status = si_context_plugins_make(path, sizeof editing->path, &inv->error);
  status = status == SI_OK ? si_plugin_trust_lock(path, &editing->lock, &inv->error) : status;
  return status == SI_OK ? si_plugin_trust_load(path, &editing->trust, &inv->error) : status;
}

static si_rc save_editing(struct si_invocation *inv, const struct editing *editing) {
  return si_plugin_trust_save(editing->path, &editing->trust, &inv->error);
}

static si_rc add_pin(struct si_invocation *inv, const cJSON *pin) {
  struct editing editing SI_AUTO(close_editing) = {.lock = -1};
  si_rc status = open_editing(inv, &editing);
  if (status == SI_OK && si_opt_flag(inv, "replace")) {
    si_plugin_trust_take_out(&editing.trust, "pins", si_json_str(pin, "id"));
  }
  if (status == SI_OK &&
      si_plugin_trust_add(&editing.trust, "pins", cJSON_Duplicate(pin, true)) != SI_OK) {
    status = si_error_set(&inv->error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: the trust");
  }
  return status == SI_OK ? save_editing(inv, &editing) : status;
}

/* --- add FILE --- */

static si_rc no_description(struct si_invocation *inv, const char *file, si_rc status,
                            const char *why) {
  si_error_set(&inv->error, status, "PLUGIN_DESCRIPTION", "%s.json %s", file, why);
  return si_error_hint(
      &inv->error,
      "it says what the plugin is, without running it: {\"file\",\"sha256\",\"id\","
      "\"kinds\",\"needs\",\"abi\",\"license\"}, as its maker ships it "
      "(docs/plugin-trust.md)");
}

/* <file>.json: the members of a manifest's entry, and no others. */
static si_rc read_description(struct si_invocation *inv, const char *path, cJSON **out) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(DESCRIPTION_MAX);
  cJSON *json SI_AUTO(si_json_free) = NULL;
  struct si_tree_entry entry;
  struct stat st;
  char name[SI_PATH_MAX + 8];
  snprintf(name, sizeof name, "%s.json", path);
  int fd SI_AUTO(si_close) = open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &st) != 0) {
    return no_description(inv, path, errno == ENOENT ? SI_E_NOT_FOUND : SI_E_IO,
                          errno == ENOENT ? "is not there" : "cannot be opened, or is a link");
  }
  if (!S_ISREG(st.st_mode) || (st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 022)) {
    return no_description(inv, path, SI_E_AUTH, "can be changed by others than root and you");
  }
  if (si_read_fd(fd, &text) != SI_OK ||
      si_json_parse(si_buf_text(&text), text.len, &json, NULL) != SI_OK ||
      cJSON_GetArraySize(json) != 7 || !si_tree_entry_read(json, &entry) ||
      strcmp(entry.file, strrchr(path, '/') + 1) != 0) {
    return no_description(inv, path, SI_E_CORRUPT, "is no description of that file");
  }
  *out = json;
  json = NULL;
  return SI_OK;
}

/* The file's absolute path, its directory resolved; a link in its own place stays one. */
static si_rc real_path(struct si_invocation *inv, const char *file, char *to, size_t size) {
  char copy[SI_PATH_MAX], dir[SI_PATH_MAX];
  const char *slash = strrchr(file, '/');
  const char *base = slash ? slash + 1 : file;
  si_rc status = si_tree_file_name(base, &inv->error);
  if (status != SI_OK) {
    return status;
  }
  snprintf(copy, sizeof copy, "%.*s", slash ? (int)(slash - file + 1) : 1, slash ? file : ".");
  if (!realpath(copy, dir)) {
    return si_error_errno(&inv->error, errno, "PLUGIN_UNREADABLE", "cannot open %s", file);
  }
  return si_path_join(to, size, dir[1] ? dir : "", base) == SI_OK
             ? SI_OK
             : si_error_set(&inv->error, SI_E_INVALID, "PLUGIN_NAME", "%s is too long a path",
                            file);
}

static cJSON *make_pin(cJSON *description, const char *path) {
  char now[SI_TIME_SIZE];
  cJSON *pin = cJSON_Duplicate(description, true);
  si_now_text(now);
  cJSON_DeleteItemFromObjectCaseSensitive(pin, "file");
  if (!pin || !cJSON_AddStringToObject(pin, "path", path) ||
      !cJSON_AddStringToObject(pin, "added_at", now)) {
    cJSON_Delete(pin);
    return NULL;
  }
  return pin;
}

/* Would it be loaded, once it is pinned? Everything that si-host asks, but what only running it
 * can tell. */
static si_rc try_pin(struct si_invocation *inv, const cJSON *pin) {
  struct si_plugin_trust trust SI_AUTO(si_plugin_trust_free) = {NULL};
  struct si_plugins plugins SI_AUTO(si_plugins_close) = {.sources = NULL};
  struct si_plugin_choice choice;
  struct si_needs needs;
  char path[SI_PATH_MAX];
  int fd SI_AUTO(si_close) = -1;
  si_rc status = si_context_plugins(path, sizeof path, &inv->error);
  status = status == SI_OK ? si_plugins_open_here(path, pin, si_opt_flag(inv, "replace"), &trust,
                                                  &plugins, &inv->error)
                           : status;
  if (status != SI_OK) {
    return status;
  }
  si_plugins_at(&plugins, si_plugins_count(&plugins) - 1, &choice); /* the one just added */
  status = si_plugin_judge(&choice, &inv->error);
  status = status == SI_OK ? si_needs_read(choice.entry.needs, &needs, &inv->error) : status;
  return status == SI_OK ? si_plugin_open(&choice.source->tree, &choice.entry, &fd, &inv->error)
                         : status;
}

static si_rc show_pin(struct si_invocation *inv, const cJSON *pin) {
  static const char *const texts[] = {"id", "path", "sha256", "license", "abi"};
  static const char *const values[] = {"kinds", "needs"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    si_out_field(inv->out, texts[i], "%s", si_json_str(pin, texts[i]));
  }
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(DESCRIPTION_MAX);
    if (si_json_print(si_json_get(pin, values[i]), false, &text) != SI_OK) {
      return si_error_set(&inv->error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: the trust");
    }
    si_out_field(inv->out, values[i], "%s", si_buf_text(&text));
  }
  return si_out_flush(inv->out, &inv->error);
}

static si_rc confirm_pin(struct si_invocation *inv, const cJSON *pin) {
  const char *reviewed = si_opt(inv, "sha256");
  const char *sha256 = si_json_str(pin, "sha256");
  char question[256];
  if (reviewed && strcmp(reviewed, sha256) != 0) {
    si_error_set(&inv->error, SI_E_AUTH, "PLUGIN_HASH",
                 "%s is not the file that was reviewed: its SHA-256 is %s",
                 si_json_str(pin, "path"), sha256);
    return si_error_hint(&inv->error, "review it again, or find out who changed it");
  }
  snprintf(question, sizeof question, "Trust the plugin %.64s, and load it from now on?",
           si_json_str(pin, "id"));
  si_rc status = show_pin(inv, pin);
  status = status == SI_OK ? si_confirm(inv, question) : status;
  return status != SI_OK && strcmp(inv->error.code, "CLI_CONFIRM_REQUIRED") == 0
             ? si_error_hint(&inv->error, "add --yes --sha256 HEX, of the file that was reviewed")
             : status;
}

static si_rc add_file(struct si_invocation *inv, const char *file) {
  cJSON *description SI_AUTO(si_json_free) = NULL;
  cJSON *pin SI_AUTO(si_json_free) = NULL;
  char path[SI_PATH_MAX];
  if (inv->yes && !si_opt(inv, "sha256")) {
    return si_usage_error(inv, "--yes needs --sha256 HEX: the file that was reviewed");
  }
  si_rc status = real_path(inv, file, path, sizeof path);
  status = status == SI_OK ? read_description(inv, path, &description) : status;
  if (status == SI_OK && !(pin = make_pin(description, path))) {
    status = si_error_set(&inv->error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: the trust");
  }
  status = status == SI_OK ? try_pin(inv, pin) : status;
  status = status == SI_OK ? confirm_pin(inv, pin) : status;
  status = status == SI_OK ? add_pin(inv, pin) : status;
  if (status != SI_OK) {
    return status;
  }
  si_audit_trust(inv, "plugin.trust", pin);
  cJSON *json = pin;
  pin = NULL;
  return si_out_result(inv->out, json);
}

/* --- add --key --- */

static si_rc read_key(struct si_invocation *inv, const char *file, uint8_t key[SI_SIGN_KEY]) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(KEY_FILE_MAX);
  uint8_t more[SI_SIGN_KEY];
  if (si_read_file(AT_FDCWD, file, &text) != SI_OK) {
    return si_error_errno(&inv->error, errno, "PLUGIN_KEY_FILE", "cannot read %s", file);
  }
  const char *at = si_buf_text(&text);
  if (si_sign_read_public(&at, key) != SI_OK || si_sign_read_public(&at, more) != SI_E_NOT_FOUND) {
    si_error_set(&inv->error, SI_E_INVALID, "PLUGIN_KEY_FILE",
                 "%s does not hold one Ed25519 public key in PEM", file);
    return si_error_hint(&inv->error, "give the .pub file that `si plugin keygen` made");
  }
  return SI_OK;
}

static cJSON *key_item(const char *id, const uint8_t key[SI_SIGN_KEY], const char *tree) {
  char hex[2 * SI_SIGN_KEY + 1];
  cJSON *item = cJSON_CreateObject();
  si_hex(key, SI_SIGN_KEY, hex);
  cJSON_AddStringToObject(item, "id", id);
  cJSON_AddStringToObject(item, "public_key", hex);
  cJSON_AddItemToArray(cJSON_AddArrayToObject(item, "trees"), cJSON_CreateString(tree));
  return item;
}

/* A key that is there already gets one tree more. */
static si_rc grant(struct si_invocation *inv, const char *id, const uint8_t key[SI_SIGN_KEY],
                   const char *tree) {
  struct editing editing SI_AUTO(close_editing) = {.lock = -1};
  struct si_plugin_key known;
  si_rc status = open_editing(inv, &editing);
  if (status != SI_OK) {
    return status;
  }
  si_plugin_trust_key(&editing.trust, id, strcmp(tree, "enterprise") == 0, &known);
  if (known.granted) {
    return SI_OK;
  }
  if (!known.known) {
    status = si_plugin_trust_add(&editing.trust, "keys", key_item(id, key, tree));
  } else {
    cJSON *each;
    cJSON_ArrayForEach(each, si_plugin_trust_list(&editing.trust, "keys")) {
      if (strcmp(si_json_str(each, "id"), id) == 0) {
        cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(each, "trees"),
                             cJSON_CreateString(tree));
      }
    }
  }
  return status == SI_OK
             ? save_editing(inv, &editing)
             : si_error_set(&inv->error, status, "OUT_OF_MEMORY", "out of memory: the trust");
}

static si_rc add_key(struct si_invocation *inv, const char *file, const char *tree) {
  uint8_t key[SI_SIGN_KEY];
  char id[SI_KEY_ID_SIZE], question[256];
  si_rc status = read_key(inv, file, key);
  if (status == SI_OK && si_plugin_key_id(key, id) != SI_OK) {
    status = si_error_set(&inv->error, SI_E_INTERNAL, "PLUGIN_KEY_FILE", "%s: no hash", file);
  }
  if (status != SI_OK) {
    return status;
  }
  snprintf(question, sizeof question, "Load every %s plugin that the key %s signs?", tree, id);
  status = si_confirm(inv, question);
  status = status == SI_OK ? grant(inv, id, key, tree) : status;
  if (status != SI_OK) {
    return status;
  }
  cJSON *json = key_item(id, key, tree);
  si_audit_trust(inv, "plugin.trust", json);
  si_out_field(inv->out, "key", "%s", id);
  si_out_field(inv->out, "for", "%s", tree);
  return si_out_result(inv->out, json);
}

static si_rc add(struct si_invocation *inv) {
  const char *file = si_arg(inv, 0);
  const char *key = si_opt(inv, "key");
  const char *tree = si_opt(inv, "for");
  if (!file == !key) {
    return si_usage_error(inv, "give one of the two: a plugin's FILE, or --key FILE.pub");
  }
  if (!key != !tree || (key && (si_opt(inv, "sha256") || si_opt_flag(inv, "replace")))) {
    return si_usage_error(inv,
                          "--key goes with --for; --sha256 and --replace with a plugin's FILE");
  }
  if (tree && strcmp(tree, "oss") != 0 && strcmp(tree, "enterprise") != 0) {
    return si_usage_error(inv, "--for knows \"oss\" and \"enterprise\"");
  }
  return file ? add_file(inv, file) : add_key(inv, key, tree);
}

static const struct si_option add_options[] = {
    {"key", 0, "FILE", "Trust a maker's public key (PEM), instead of one plugin", 0, NULL},
    {"for", 0, "TREE", "With --key: the tree that it may sign, oss or enterprise", 0, NULL},
    {"sha256", 0, "HEX", "The SHA-256 of the file that was reviewed; --yes needs it", 0, NULL},
    {"replace", 0, NULL, "In the place of the pin of the same id: it was built anew", 0, NULL},
    {0}};

const struct si_command si_cmd_plugin_trust_add = {
    .path = "plugin trust add",
    .summary = "Trust a third party's plugin, or a maker's key",
    .text =
        "The plugin is not run: what it is stands in FILE.json beside it. Its path and hash are "
        "pinned, so that another file in its place is refused.",
    .params = {{"FILE", SI_PARAM_OPTIONAL, "The plugin's shared object"}},
    .options = add_options,
    .run = add,
};

/* --- list --- */

static void add_words(const cJSON *list, struct si_buf *out) {
  const cJSON *each;
  cJSON_ArrayForEach(each, list) {
    if (si_buf_printf(out, "%s%s", out->len ? ", " : "", each->valuestring) != SI_OK) {
      return;
    }
  }
}

static void print_lists(struct si_invocation *inv, const struct si_plugin_trust *trust) {
  struct si_grid table SI_AUTO(si_grid_free) = SI_GRID("WHAT", "ID", "FOR", "FROM");
  const cJSON *each;
  cJSON_ArrayForEach(each, si_plugin_trust_list(trust, "keys")) {
    struct si_buf words SI_AUTO(si_buf_free) = SI_BUF(256);
    add_words(si_json_get(each, "trees"), &words);
    si_grid_row(&table, "key", si_json_str(each, "id"), si_buf_text(&words),
                si_json_str(each, "public_key"));
  }
  cJSON_ArrayForEach(each, si_plugin_trust_list(trust, "pins")) {
    struct si_buf words SI_AUTO(si_buf_free) = SI_BUF(1024);
    add_words(si_json_get(each, "kinds"), &words);
    si_grid_row(&table, "pin", si_json_str(each, "id"), si_buf_text(&words),
                si_json_str(each, "path"));
  }
  cJSON_ArrayForEach(each, si_plugin_trust_list(trust, "deny")) {
    const char *key = si_json_str(each, "key");
    si_grid_row(&table, key ? "denied key" : "denied file", key ? key : si_json_str(each, "sha256"),
                "", "");
  }
  if (table.rows > 0) {
    si_out_line(inv->out, "%s", "");
    si_grid_print(inv->out, &table);
  }
}

static si_rc list(struct si_invocation *inv) {
  struct si_plugin_trust trust SI_AUTO(si_plugin_trust_free) = {NULL};
  char path[SI_PATH_MAX];
  si_rc status = si_context_plugins(path, sizeof path, &inv->error);
  status = status == SI_OK ? si_trust_effective(path, &trust, &inv->error) : status;
  if (status != SI_OK) {
    return status;
  }
  const char *enterprise = si_plugin_trust_enterprise(&trust);
  si_out_field(inv->out, "file", "%s", path);
  si_out_field(inv->out, "oss", "%s, serial %llu or higher",
               si_plugin_trust_signed(&trust) ? "signed" : "listed",
               (unsigned long long)si_plugin_trust_serial(&trust, false));
  si_out_field(inv->out, "enterprise", "%s, serial %llu or higher",
               enterprise ? enterprise : "none",
               (unsigned long long)si_plugin_trust_serial(&trust, true));
  print_lists(inv, &trust);
  cJSON *json = trust.document;
  trust.document = NULL;
  cJSON_AddStringToObject(json, "file", path);
  return si_out_result(inv->out, json);
}

const struct si_command si_cmd_plugin_trust_list = {
    .path = "plugin trust list",
    .summary = "Show whose plugins are trusted",
    .run = list,
};

/* --- remove --- */

static si_rc remove_id(struct si_invocation *inv) {
  struct editing editing SI_AUTO(close_editing) = {.lock = -1};
  const char *id = si_arg(inv, 0);
  si_rc status = open_editing(inv, &editing);
  if (status != SI_OK) {
    return status;
  }
  size_t keys = si_plugin_trust_take_out(&editing.trust, "keys", id);
  size_t pins = si_plugin_trust_take_out(&editing.trust, "pins", id);
  if (keys + pins != 1) {
    si_error_set(&inv->error, keys + pins ? SI_E_CONFLICT : SI_E_NOT_FOUND, "PLUGIN_TRUST_ID",
                 keys + pins ? "%.64s is a key and a plugin: edit %s" : "%.64s is in no list of %s",
                 id, editing.path);
    return si_error_hint(&inv->error, "see what there is: si plugin trust list");
  }
  status = save_editing(inv, &editing);
  if (status != SI_OK) {
    return status;
  }
  cJSON *json = cJSON_CreateObject();
  cJSON_AddStringToObject(json, "id", id);
  cJSON_AddStringToObject(json, "was", keys ? "key" : "pin");
  si_audit_trust(inv, "plugin.untrust", json);
  si_out_field(inv->out, "removed", "%s %s", keys ? "key" : "pin", id);
  return si_out_result(inv->out, json);
}

const struct si_command si_cmd_plugin_trust_remove = {
    .path = "plugin trust remove",
    .summary = "End the trust in a third party's plugin, or in a key",
    .params = {{"ID", 0, "As `si plugin trust list` shows it"}},
    .run = remove_id,
};
