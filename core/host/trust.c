/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/host/tree.h"
#include "kit/base/path.h"
#include "kit/base/text.h"

enum { KEYS_MAX = 64, PINS_MAX = 100, DENY_MAX = 1000 };
#define SERIAL_MAX (INT64_C(1) << 53)
#define NOTHING "{\"schema\":\"si.trust/1\"}"

const char *si_plugin_tree_name(bool enterprise) {
  return enterprise ? "enterprise" : "oss";
}

si_rc si_plugin_key_id(const uint8_t key[SI_SIGN_KEY], char id[SI_KEY_ID_SIZE]) {
  char hex[SI_SHA256_HEX];
  si_rc status = si_sha256_hex(key, SI_SIGN_KEY, hex);
  if (status == SI_OK) {
    si_copy(id, SI_KEY_ID_SIZE, hex);
  }
  return status;
}

/* --- strict reading --- */

static bool among(const char *word, const char *const *words) {
  for (; *words; words++) {
    if (strcmp(word, *words) == 0) {
      return true;
    }
  }
  return false;
}

/* An object whose members are all among `names`. */
static bool has_only(const cJSON *object, const char *const *names) {
  if (!cJSON_IsObject(object)) {
    return false;
  }
  for (const cJSON *member = object->child; member; member = member->next) {
    if (!among(member->string, names)) {
      return false;
    }
  }
  return true;
}

/* A list of at most `most` values that `valid` takes; absent is fine. */
static bool list_valid(const cJSON *list, int most, bool (*valid)(const cJSON *)) {
  const cJSON *each;
  if (!list) {
    return true;
  }
  if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > most) {
    return false;
  }
  cJSON_ArrayForEach(each, list) {
    if (!valid(each)) {
      return false;
    }
  }
  return true;
}

static bool tree_name_valid(const cJSON *value) {
  static const char *const names[] = {"oss", "enterprise", NULL};
  return cJSON_IsString(value) && among(value->valuestring, names);
}

static bool key_id_valid(const char *id) {
  uint8_t bytes[(SI_KEY_ID_SIZE - 1) / 2];
  return id && si_unhex(id, sizeof bytes, bytes);
}

/* The id follows from the key: none can pass for another. */
static bool key_valid(const cJSON *key) {
  static const char *const members[] = {"id", "public_key", "trees", NULL};
  const char *hex = si_json_str(key, "public_key");
  const char *id = si_json_str(key, "id");
  const cJSON *trees = si_json_get(key, "trees");
  uint8_t bytes[SI_SIGN_KEY];
  char real[SI_KEY_ID_SIZE];
  return has_only(key, members) && id && hex && si_unhex(hex, sizeof bytes, bytes) &&
         si_plugin_key_id(bytes, real) == SI_OK && strcmp(id, real) == 0 && trees && trees->child &&
         list_valid(trees, 2, tree_name_valid);
}

static bool path_valid(const char *path) {
  return path && path[0] == '/' && strlen(path) < SI_PATH_MAX;
}

static bool pin_valid(const cJSON *pin) {
  static const char *const members[] = {"path", "sha256",  "id",       "kinds", "needs",
                                        "abi",  "license", "added_at", NULL};
  const char *path = si_json_str(pin, "path");
  const char *added = si_json_str(pin, "added_at");
  const cJSON *kinds = si_json_get(pin, "kinds");
  const cJSON *each;
  int64_t when;
  struct si_error why;
  if (!has_only(pin, members) || !path_valid(path) ||
      si_tree_file_name(strrchr(path, '/') + 1, &why) != SI_OK ||
      !si_sha256_hex_valid(si_json_str(pin, "sha256") ? si_json_str(pin, "sha256") : "") ||
      !si_name_valid(si_json_str(pin, "id")) || !cJSON_IsObject(si_json_get(pin, "needs")) ||
      !si_json_str(pin, "abi") || !si_json_str(pin, "license") || !added ||
      si_time_parse(added, &when) != SI_OK || !cJSON_IsArray(kinds) || !kinds->child) {
    return false;
  }
  cJSON_ArrayForEach(each, kinds) {
    if (!cJSON_IsString(each)) {
      return false;
    }
  }
  return true;
}

static bool denial_valid(const cJSON *denial) {
  static const char *const file[] = {"sha256", NULL};
  static const char *const key[] = {"key", NULL};
  const char *sha256 = si_json_str(denial, "sha256");
  return sha256 ? has_only(denial, file) && si_sha256_hex_valid(sha256)
                : has_only(denial, key) && key_id_valid(si_json_str(denial, "key"));
}

static bool serials_valid(const cJSON *serials) {
  static const char *const members[] = {"oss", "enterprise", NULL};
  const cJSON *each;
  if (!serials) {
    return true;
  }
  if (!has_only(serials, members)) {
    return false;
  }
  cJSON_ArrayForEach(each, serials) {
    if (si_json_int(serials, each->string, 1, SERIAL_MAX, 0) == 0) {
      return false;
    }
  }
  return true;
}

static bool each_once(const cJSON *list, const char *member) {
  const cJSON *each, *other;
  cJSON_ArrayForEach(each, list) {
    for (other = list->child; other != each; other = other->next) {
      if (strcmp(si_json_str(other, member), si_json_str(each, member)) == 0) {
        return false;
      }
    }
  }
  return true;
}

/* What is wrong with it; NULL: nothing. */
static const char *fault(const cJSON *document) {
  static const char *const members[] = {"schema", "trust", "enterprise_dir", "keys",
                                        "pins",   "deny",  "serials",        NULL};
  static const char *const modes[] = {"listed", "signed", NULL};
  const char *schema = si_json_str(document, "schema");
  const cJSON *trust = si_json_get(document, "trust");
  const cJSON *dir = si_json_get(document, "enterprise_dir");
  if (!schema || strcmp(schema, "si.trust/1") != 0) {
    return "its schema is not si.trust/1";
  }
  if (!has_only(document, members)) {
    return "it has a member that is not known";
  }
  if (trust && (!cJSON_IsString(trust) || !among(trust->valuestring, modes))) {
    return "`trust` is neither listed nor signed";
  }
  if (dir && (!cJSON_IsString(dir) || !path_valid(dir->valuestring))) {
    return "`enterprise_dir` is no absolute path";
  }
  const cJSON *keys = si_json_get(document, "keys");
  if (!list_valid(keys, KEYS_MAX, key_valid) || !each_once(keys, "id")) {
    return "`keys` is not a list of at most 64 keys, each with its own id, public_key and trees";
  }
  const cJSON *pins = si_json_get(document, "pins");
  if (!list_valid(pins, PINS_MAX, pin_valid) || !each_once(pins, "id")) {
    return "`pins` is not a list of at most 100 plugins, each once, with path, sha256, id, kinds, "
           "needs, abi, license and added_at";
  }
  if (!list_valid(si_json_get(document, "deny"), DENY_MAX, denial_valid)) {
    return "`deny` is not a list of at most 1000 of {\"sha256\"} or {\"key\"}";
  }
  return serials_valid(si_json_get(document, "serials")) ? NULL
                                                         : "`serials` are not numbers from 1 on";
}

si_rc si_plugin_trust_parse(const char *text, size_t len, struct si_plugin_trust *out,
                            struct si_error *error) {
  cJSON *document SI_AUTO(si_json_free) = NULL;
  struct si_error why = {.message = "it is larger than 1 MiB"};
  const char *wrong = why.message;
  if (len <= SI_TRUST_MAX && si_json_parse(text, len, &document, &why) == SI_OK) {
    wrong = fault(document);
  }
  if (wrong) {
    return si_error_set(error, SI_E_CORRUPT, "PLUGIN_TRUST_INVALID",
                        "the trust in plugins cannot be read: %s", wrong);
  }
  out->document = document;
  document = NULL;
  return SI_OK;
}

void si_plugin_trust_free(struct si_plugin_trust *trust) {
  si_json_free(&trust->document);
}

/* --- the file --- */

static si_rc unsafe(const char *path, const char *what, struct si_error *error) {
  si_error_set(error, SI_E_AUTH, "PLUGIN_TRUST_UNSAFE", "%s %s: what it says cannot be relied on",
               path, what);
  return si_error_hint(error, "look at what it says, then: chown it to yourself and chmod 600 it");
}

static si_rc check_file(const char *path, int fd, struct si_error *error) {
  struct stat st;
  if (fstat(fd, &st) != 0) {
    return si_error_errno(error, errno, "PLUGIN_TRUST_UNREADABLE", "cannot look at %s", path);
  }
  if (!S_ISREG(st.st_mode)) {
    return unsafe(path, "is not a regular file", error);
  }
  if (st.st_uid != 0 && st.st_uid != geteuid()) {
    return unsafe(path, "belongs to another user", error);
  }
  return st.st_mode & 077 ? unsafe(path, "is open to its group or to others", error) : SI_OK;
}

/* The directory that holds it: whoever may write there may replace it. */
static si_rc check_directory(const char *path, struct si_error *error) {
  char dir[SI_PATH_MAX];
  struct stat st;
  si_copy(dir, sizeof dir, path);
  if (stat(dirname(dir), &st) != 0) {
    return si_error_errno(error, errno, "PLUGIN_TRUST_UNREADABLE", "cannot look at %s", dir);
  }
  return (st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 022)
             ? unsafe(path, "lies in a directory that others may change", error)
             : SI_OK;
}

si_rc si_plugin_trust_load(const char *path, struct si_plugin_trust *out, struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_TRUST_MAX);
  int fd SI_AUTO(si_close) =
      path && path[0] ? open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;
  if (!path || !path[0] || (fd < 0 && (errno == ENOENT || errno == ENOTDIR))) {
    return si_plugin_trust_parse(NOTHING, strlen(NOTHING), out, error);
  }
  if (fd < 0 && errno == ELOOP) {
    return unsafe(path, "is a symbolic link", error);
  }
  if (fd < 0) {
    return si_error_errno(error, errno, "PLUGIN_TRUST_UNREADABLE", "cannot open %s", path);
  }
  si_rc status = check_file(path, fd, error);
  status = status == SI_OK ? check_directory(path, error) : status;
  if (status != SI_OK) {
    return status;
  }
  status = si_read_fd(fd, &text);
  if (status != SI_OK && status != SI_E_QUOTA) {
    return si_error_errno(error, errno, "PLUGIN_TRUST_UNREADABLE", "cannot read %s", path);
  }
  struct si_error why;
  status = status == SI_OK ? si_plugin_trust_parse(si_buf_text(&text), text.len, out, &why)
                           : si_error_set(&why, SI_E_CORRUPT, "", "it is larger than 1 MiB");
  if (status != SI_OK) {
    si_error_set(error, SI_E_CORRUPT, "PLUGIN_TRUST_INVALID", "%s: %s", path, why.message);
    return si_error_hint(error, "no plugin is loaded until it is mended (docs/plugin-trust.md)");
  }
  return SI_OK;
}

static si_rc open_directory(const char *path, int *dir, char *name, size_t size,
                            struct si_error *error) {
  char copy[SI_PATH_MAX];
  si_copy(copy, sizeof copy, path);
  char *slash = strrchr(copy, '/');
  if (!slash || slash == copy) {
    return si_error_set(error, SI_E_INVALID, "PLUGIN_TRUST_WRITE", "%s is no place for it", path);
  }
  *slash = '\0';
  si_copy(name, size, slash + 1);
  *dir = open(copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return *dir >= 0 ? SI_OK
                   : si_error_errno(error, errno, "PLUGIN_TRUST_WRITE", "cannot open %s", copy);
}

si_rc si_plugin_trust_save(const char *path, const struct si_plugin_trust *trust,
                           struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_TRUST_MAX);
  int dir SI_AUTO(si_close) = -1;
  char name[256];
  const char *wrong = fault(trust->document);
  if (wrong) {
    return si_error_set(error, SI_E_INVALID, "PLUGIN_TRUST_WRITE", "%s is not written: %s", path,
                        wrong);
  }
  si_rc status = open_directory(path, &dir, name, sizeof name, error);
  if (status != SI_OK) {
    return status;
  }
  if (si_json_print(trust->document, true, &text) != SI_OK || si_buf_puts(&text, "\n") != SI_OK) {
    return si_error_set(error, SI_E_QUOTA, "PLUGIN_TRUST_WRITE", "%s would be larger than 1 MiB",
                        path);
  }
  status = si_write_file(dir, name, text.data, text.len, 0600);
  return status == SI_OK
             ? SI_OK
             : si_error_errno(error, errno, "PLUGIN_TRUST_WRITE", "cannot write %s", path);
}

si_rc si_plugin_trust_lock(const char *path, int *lock, struct si_error *error) {
  char name[SI_PATH_MAX + 8];
  snprintf(name, sizeof name, "%.*s.lock", SI_PATH_MAX, path);
  int fd = open(name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0 || flock(fd, LOCK_EX) != 0) {
    si_error_errno(error, errno, "PLUGIN_TRUST_WRITE", "cannot lock %s", name);
    si_close(&fd);
    return error ? error->status : SI_E_IO;
  }
  *lock = fd;
  return SI_OK;
}

si_rc si_plugin_trust_text(const struct si_plugin_trust *trust, struct si_buf *out) {
  return si_json_print(trust->document, false, out);
}

/* --- what it says --- */

bool si_plugin_trust_signed(const struct si_plugin_trust *trust) {
  const char *mode = si_json_str(trust->document, "trust");
  return mode && strcmp(mode, "signed") == 0;
}

const char *si_plugin_trust_enterprise(const struct si_plugin_trust *trust) {
  return si_json_str(trust->document, "enterprise_dir");
}

si_rc si_plugin_trust_set_enterprise(struct si_plugin_trust *trust, const char *dir) {
  cJSON_DeleteItemFromObjectCaseSensitive(trust->document, "enterprise_dir");
  return cJSON_AddStringToObject(trust->document, "enterprise_dir", dir) ? SI_OK : SI_E_NOMEM;
}

cJSON *si_plugin_trust_list(const struct si_plugin_trust *trust, const char *name) {
  return cJSON_GetObjectItemCaseSensitive(trust->document, name);
}

si_rc si_plugin_trust_add(struct si_plugin_trust *trust, const char *list, cJSON *item) {
  cJSON *array = si_plugin_trust_list(trust, list);
  if (!array) {
    array = cJSON_AddArrayToObject(trust->document, list);
  }
  if (!array || !item || !cJSON_AddItemToArray(array, item)) {
    cJSON_Delete(item);
    return SI_E_NOMEM;
  }
  return SI_OK;
}

size_t si_plugin_trust_take_out(struct si_plugin_trust *trust, const char *list, const char *id) {
  cJSON *array = si_plugin_trust_list(trust, list);
  size_t taken = 0;
  for (cJSON *each = array ? array->child : NULL, *next; each; each = next) {
    next = each->next;
    if (strcmp(si_json_str(each, "id"), id) == 0) {
      cJSON_Delete(cJSON_DetachItemViaPointer(array, each));
      taken++;
    }
  }
  return taken;
}

static const cJSON *find(const cJSON *list, const char *member, const char *value) {
  const cJSON *each;
  cJSON_ArrayForEach(each, list) {
    const char *found = si_json_str(each, member);
    if (found && strcmp(found, value) == 0) {
      return each;
    }
  }
  return NULL;
}

void si_plugin_trust_key(const struct si_plugin_trust *trust, const char *id, bool enterprise,
                         struct si_plugin_key *out) {
  const cJSON *key = find(si_plugin_trust_list(trust, "keys"), "id", id);
  const char *hex = si_json_str(key, "public_key");
  const cJSON *tree;
  memset(out, 0, sizeof *out);
  out->known = hex && si_unhex(hex, sizeof out->bytes, out->bytes);
  out->denied = find(si_plugin_trust_list(trust, "deny"), "key", id) != NULL;
  cJSON_ArrayForEach(tree, si_json_get(key, "trees")) {
    out->granted |= strcmp(tree->valuestring, si_plugin_tree_name(enterprise)) == 0;
  }
}

bool si_plugin_trust_denies(const struct si_plugin_trust *trust, const char *sha256) {
  return find(si_plugin_trust_list(trust, "deny"), "sha256", sha256) != NULL;
}

uint64_t si_plugin_trust_serial(const struct si_plugin_trust *trust, bool enterprise) {
  return (uint64_t)si_json_int(si_plugin_trust_list(trust, "serials"),
                               si_plugin_tree_name(enterprise), 1, SERIAL_MAX, 1);
}

si_rc si_plugin_trust_set_serial(struct si_plugin_trust *trust, bool enterprise, uint64_t serial) {
  const char *name = si_plugin_tree_name(enterprise);
  cJSON *serials = si_plugin_trust_list(trust, "serials");
  if (!serials) {
    serials = cJSON_AddObjectToObject(trust->document, "serials");
  }
  cJSON_DeleteItemFromObjectCaseSensitive(serials, name);
  return serials && cJSON_AddNumberToObject(serials, name, (double)serial) ? SI_OK : SI_E_NOMEM;
}
