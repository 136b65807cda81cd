/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/seal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"

#define FILE_NAME "manifest.sig"
#define SCHEMA "si.plugins.sig/1"
#define ALGORITHM "ed25519"

enum { SEAL_MAX = 4096, MESSAGE_SIZE = 128 };

struct seal {
  char key[SI_KEY_ID_SIZE];
  uint8_t value[SI_SIGNATURE];
};

static size_t message(const char sha256[SI_SHA256_HEX], char to[MESSAGE_SIZE]) {
  return (size_t)snprintf(to, MESSAGE_SIZE, "si.plugins/1 manifest sha256:%s", sha256);
}

static bool is(const cJSON *object, const char *member, const char *value) {
  const char *found = si_json_str(object, member);
  return found && strcmp(found, value) == 0;
}

static bool parse(const struct si_buf *text, struct seal *out) {
  cJSON *json SI_AUTO(si_json_free) = NULL;
  uint8_t id[(SI_KEY_ID_SIZE - 1) / 2];
  if (si_json_parse(si_buf_text(text), text->len, &json, NULL) != SI_OK) {
    return false;
  }
  const char *key = si_json_str(json, "key");
  const char *value = si_json_str(json, "value");
  if (cJSON_GetArraySize(json) != 4 || !is(json, "schema", SCHEMA) ||
      !is(json, "algorithm", ALGORITHM) || !key || !si_unhex(key, sizeof id, id) || !value ||
      !si_unhex(value, sizeof out->value, out->value)) {
    return false;
  }
  si_copy(out->key, sizeof out->key, key);
  return true;
}

static si_rc read_seal(const struct si_tree *tree, struct seal *out, struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SEAL_MAX);
  si_rc status = si_read_file(tree->fd, FILE_NAME, &text);
  if (status == SI_E_NOT_FOUND) {
    si_error_set(error, SI_E_AUTH, "PLUGIN_SIGNATURE_MISSING",
                 "%s/" FILE_NAME " is not there: this tree must be signed", tree->dir);
    return si_error_hint(error,
                         "install it as its maker ships it; the maker signs it with: si "
                         "plugin sign DIR --key FILE");
  }
  if (status != SI_OK || !parse(&text, out)) {
    si_error_set(error, SI_E_AUTH, "PLUGIN_SIGNATURE_INVALID",
                 "%s/" FILE_NAME " is no signature of a plugin tree", tree->dir);
    return si_error_hint(error, "it was damaged: install the tree again");
  }
  return SI_OK;
}

static si_rc check_key(const struct si_tree *tree, const char *id, bool enterprise,
                       const struct si_plugin_key *key, struct si_error *error) {
  const char *name = si_plugin_tree_name(enterprise);
  if (key->denied) {
    si_error_set(error, SI_E_AUTH, "PLUGIN_KEY_DENIED",
                 "%s is signed by the key %s, which is denied", tree->dir, id);
    return si_error_hint(error, "ask its maker for a tree that is signed by another key");
  }
  if (!key->known || !key->granted) {
    si_error_set(error, SI_E_AUTH, "PLUGIN_KEY_UNTRUSTED",
                 "%s is signed by the key %s, which is %s", tree->dir, id,
                 !key->known  ? "not trusted"
                 : enterprise ? "trusted, but not for the enterprise tree"
                              : "trusted, but not for the OSS tree");
    return si_error_hint(error,
                         "if that is its maker's key, which you have from the maker and not from "
                         "the package: si plugin trust add --key FILE.pub --for %s",
                         name);
  }
  return SI_OK;
}

si_rc si_seal_check(const struct si_tree *tree, bool enterprise,
                    const struct si_plugin_trust *trust, struct si_error *error) {
  char text[MESSAGE_SIZE];
  struct seal seal;
  struct si_plugin_key key;
  si_rc status = read_seal(tree, &seal, error);
  if (status != SI_OK) {
    return status;
  }
  si_plugin_trust_key(trust, seal.key, enterprise, &key);
  status = check_key(tree, seal.key, enterprise, &key, error);
  if (status != SI_OK) {
    return status;
  }
  status = si_sign_verify(key.bytes, text, message(tree->sha256, text), seal.value);
  if (status == SI_E_CORRUPT) {
    si_error_set(error, SI_E_AUTH, "PLUGIN_SIGNATURE_WRONG",
                 "%s/" FILE_NAME " is not the signature of this manifest by the key %s", tree->dir,
                 seal.key);
    return si_error_hint(error, "one of the two was changed: install the tree again");
  }
  return status == SI_OK ? SI_OK
                         : si_error_set(error, status, "PLUGIN_SIGNATURE_WRONG",
                                        "the signature of %s cannot be verified", tree->dir);
}

si_rc si_seal_make(const uint8_t secret[SI_SIGN_KEY], const char sha256[SI_SHA256_HEX],
                   struct si_buf *out) {
  uint8_t key[SI_SIGN_KEY], value[SI_SIGNATURE];
  char id[SI_KEY_ID_SIZE], hex[2 * SI_SIGNATURE + 1], text[MESSAGE_SIZE];
  size_t len = message(sha256, text);
  si_rc status = si_sign_public(secret, key);
  status = status == SI_OK ? si_plugin_key_id(key, id) : status;
  status = status == SI_OK ? si_sign(secret, text, len, value) : status;
  if (status != SI_OK) {
    return status;
  }
  si_hex(value, sizeof value, hex);
  return si_buf_printf(out,
                       "{\"schema\":\"" SCHEMA "\",\"algorithm\":\"" ALGORITHM
                       "\",\"key\":\"%s\",\"value\":\"%s\"}\n",
                       id, hex);
}
