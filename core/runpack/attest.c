/* SPDX-License-Identifier: Apache-2.0 */
#include "core/runpack/attest.h"

#include <string.h>

#include "kit/base/text.h"

static si_rc failed(si_rc status, struct si_error *error) {
  return si_error_set(error, status, "ATTEST_FAILED", "the statement cannot be made: %s",
                      si_status_text(status));
}

/* --- what it says --- */

static cJSON *hashes_of(const struct si_attest_facts *facts) {
  const cJSON *artifact = NULL;
  cJSON *hashes = cJSON_CreateObject();
  cJSON_ArrayForEach(artifact, si_json_get(facts->manifest, "artifacts")) {
    const char *path = si_json_str(artifact, "path");
    const char *hash = si_json_str(si_json_get(artifact, "hash"), "value");
    if (path && hash) {
      cJSON_AddStringToObject(hashes, path, hash);
    }
  }
  cJSON_AddStringToObject(hashes, SI_KEY_MANIFEST, facts->manifest_sha256);
  return hashes;
}

/* si_locks_json tells of every version; here those that a reader gets stand, with their hashes. */
static bool keep_current(cJSON *root, const cJSON *hashes) {
  cJSON *objects = cJSON_GetObjectItemCaseSensitive(root, "objects");
  for (cJSON *next, *object = objects->child; object; object = next) {
    next = object->next;
    const char *hash = si_json_str(hashes, si_json_str(object, "key"));
    if (!si_json_bool(object, "current", false) || si_json_bool(object, "marker", false)) {
      cJSON_Delete(cJSON_DetachItemViaPointer(objects, object));
      continue;
    }
    cJSON_DeleteItemFromObjectCaseSensitive(object, "current");
    cJSON_DeleteItemFromObjectCaseSensitive(object, "marker");
    if (hash && !cJSON_AddStringToObject(object, "sha256", hash)) {
      return false;
    }
  }
  cJSON_DeleteItemFromObjectCaseSensitive(root, "held");
  cJSON_DeleteItemFromObjectCaseSensitive(root, "complete");
  return true;
}

static bool fill(const struct si_attest_facts *facts, const char *key, cJSON *root) {
  char made[SI_TIME_SIZE];
  cJSON *hashes SI_AUTO(si_json_free) = hashes_of(facts);
  si_time_text(facts->made_ms, made);
  cJSON *own = cJSON_AddObjectToObject(root, "si");
  return cJSON_AddStringToObject(own, "version", facts->si_version) &&
         cJSON_AddStringToObject(root, "schema", SI_ATTESTATION) &&
         cJSON_AddStringToObject(root, "runpack", facts->locks->prefix) &&
         cJSON_AddStringToObject(root, "storage_uri", facts->storage_uri) &&
         cJSON_AddStringToObject(root, "manifest_sha256", facts->manifest_sha256) &&
         cJSON_AddStringToObject(root, "made_at", made) &&
         cJSON_AddStringToObject(root, "key", key) && hashes &&
         si_locks_json(facts->locks, root) == SI_OK && keep_current(root, hashes);
}

static si_rc hash_of(const cJSON *root, char hex[SI_SHA256_HEX]) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_ATTESTATION_MAX);
  si_rc status = si_json_canonical(root, &text);
  return status == SI_OK ? si_sha256_hex(text.data, text.len, hex) : status;
}

static si_rc sign(cJSON *root, const uint8_t secret[SI_SIGN_KEY]) {
  char hex[SI_SHA256_HEX];
  struct si_signature signature;
  si_rc status = hash_of(root, hex);
  status =
      status == SI_OK ? si_signature_make_for(SI_ATTESTATION, secret, hex, &signature) : status;
  if (status != SI_OK) {
    return status;
  }
  cJSON *own = cJSON_AddObjectToObject(root, "signature");
  return cJSON_AddStringToObject(own, "algorithm", SI_SIGNATURE_ALGORITHM) &&
                 cJSON_AddStringToObject(own, "key", signature.key) &&
                 cJSON_AddStringToObject(own, "value", signature.value)
             ? SI_OK
             : SI_E_NOMEM;
}

si_rc si_attest_make(const struct si_attest_facts *facts, const uint8_t secret[SI_SIGN_KEY],
                     struct si_buf *out, struct si_error *error) {
  cJSON *root SI_AUTO(si_json_free) = cJSON_CreateObject();
  uint8_t public[SI_SIGN_KEY];
  char key[SI_SHA256_HEX];
  si_rc status = si_sign_public(secret, public);
  if (status == SI_OK) {
    si_hex(public, sizeof public, key);
    status = fill(facts, key, root) ? sign(root, secret) : SI_E_NOMEM;
  }
  status = status == SI_OK ? si_json_canonical(root, out) : status;
  return status == SI_OK ? SI_OK : failed(status, error);
}

/* --- is it one? --- */

static si_rc invalid(const char *why, struct si_error *error) {
  return si_error_set(error, SI_E_CORRUPT, "ATTESTATION_INVALID",
                      "this is no attestation as si makes it: %s", why);
}

static bool is_canonical(const cJSON *root, const char *text, size_t len) {
  struct si_buf canonical SI_AUTO(si_buf_free) = SI_BUF(SI_ATTESTATION_MAX);
  return si_json_canonical(root, &canonical) == SI_OK && canonical.len == len &&
         memcmp(canonical.data, text, len) == 0;
}

static si_rc check_signature(cJSON *root, char signer[SI_SHA256_HEX], struct si_error *error) {
  char hex[SI_SHA256_HEX];
  struct si_signature signature;
  cJSON *own SI_AUTO(si_json_free) = cJSON_DetachItemFromObjectCaseSensitive(root, "signature");
  const char *algorithm = si_json_str(own, "algorithm");
  const char *key = si_json_str(own, "key");
  const char *value = si_json_str(own, "value");
  const char *named = si_json_str(root, "key");
  if (!algorithm || strcmp(algorithm, SI_SIGNATURE_ALGORITHM) != 0 || !key ||
      !si_sha256_hex_valid(key) || !value || strlen(value) + 1 != SI_SIGNATURE_HEX || !named) {
    return invalid("it has no signature", error);
  }
  si_copy(signature.key, sizeof signature.key, key);
  si_copy(signature.value, sizeof signature.value, value);
  if (hash_of(root, hex) != SI_OK) {
    return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: an attestation");
  }
  if (strcmp(named, key) != 0 || si_signature_check_for(SI_ATTESTATION, &signature, hex) != SI_OK) {
    return si_error_set(error, SI_E_CORRUPT, "ATTESTATION_SIGNATURE",
                        "the attestation is not what was signed");
  }
  si_copy(signer, SI_SHA256_HEX, key);
  return SI_OK;
}

si_rc si_attest_check(const char *text, size_t len, cJSON **statement, char signer[SI_SHA256_HEX],
                      struct si_error *error) {
  cJSON *root SI_AUTO(si_json_free) = NULL;
  struct si_error why;
  len -= len && text[len - 1] == '\n';
  if (si_json_parse(text, len, &root, &why) != SI_OK) {
    return invalid(why.message, error);
  }
  const char *schema = si_json_str(root, "schema");
  if (!schema || strcmp(schema, SI_ATTESTATION) != 0) {
    return invalid("its schema is not " SI_ATTESTATION, error);
  }
  if (!is_canonical(root, text, len)) {
    return invalid("it is not in canonical form", error);
  }
  si_rc status = check_signature(root, signer, error);
  if (status == SI_OK) {
    *statement = root;
    root = NULL;
  }
  return status;
}

/* --- one moment --- */

static const struct si_lock_row *next_current(const struct si_locks *locks, size_t *at) {
  while (*at < locks->count) {
    const struct si_lock_row *row = &locks->rows[(*at)++];
    if (si_locks_current(row)) {
      return row;
    }
  }
  return NULL;
}

si_rc si_attest_same(const struct si_locks *before, const struct si_locks *after,
                     struct si_error *error) {
  size_t i = 0, j = 0;
  for (;;) {
    const struct si_lock_row *a = next_current(before, &i), *b = next_current(after, &j);
    if (!a && !b) {
      return SI_OK;
    }
    if (!a || !b || strcmp(si_locks_text(before, a->key), si_locks_text(after, b->key)) != 0 ||
        strcmp(si_locks_text(before, a->version), si_locks_text(after, b->version)) != 0) {
      si_error_set(error, SI_E_CONFLICT, "RUNPACK_CHANGED",
                   "the runpack was written to while it was verified");
      return si_error_hint(error, "look who writes there, then run the command again");
    }
  }
}
