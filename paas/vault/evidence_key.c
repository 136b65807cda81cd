/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/vault/evidence_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kit/base/crypt.h"
#include "kit/base/text.h"
#include "paas/events/events.h"
#include "paas/state/document.h"
#include "paas/vault/disk.h"
#include "paas/vault/keys_dir.h"

#define FILE_MAX 4096u
#define DOCUMENT "evidence_keys"

/* --- the file --- */

struct place {
  int dir;
  char path[SI_PATH_MAX];
  char name[128];
};

static void close_place(struct place *place) {
  si_close(&place->dir);
}

static si_rc open_place(const struct si_context *context, struct place *out,
                        struct si_error *error) {
  snprintf(out->name, sizeof out->name, "%s.%s.evidence", context->name, context->id);
  return si_vault_keys_dir(true, out->path, &out->dir, error);
}

static si_rc no_memory(struct si_error *error) {
  return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: the evidence key");
}

static si_rc take(const uint8_t secret[SI_SIGN_KEY], struct si_evidence_key *out,
                  struct si_error *error) {
  uint8_t key[SI_SIGN_KEY];
  if (si_locked_make(&out->secret, SI_SIGN_KEY) != SI_OK ||
      si_locked_add(&out->secret, secret, SI_SIGN_KEY) != SI_OK) {
    return no_memory(error);
  }
  si_rc status = si_sign_public(secret, key);
  if (status != SI_OK) {
    return si_error_set(error, status, "EVIDENCE_KEY", "the evidence key cannot be used: %s",
                        si_status_text(status));
  }
  si_hex(key, sizeof key, out->key);
  return SI_OK;
}

static si_rc unusable(const struct place *place, struct si_error *error) {
  si_error_set(error, SI_E_CORRUPT, "EVIDENCE_KEY", "%s/%s holds no Ed25519 key", place->path,
               place->name);
  return si_error_hint(error,
                       "put the file back from a copy, or move it away: a new key is made, "
                       "and the audit chain tells of it");
}

/* SI_E_NOT_FOUND: there is no file. */
static si_rc read_key(const struct place *place, struct si_evidence_key *out,
                      struct si_error *error) {
  struct si_locked text SI_AUTO(si_locked_free) = {.data = NULL};
  char path[SI_PATH_MAX + 160];
  uint8_t secret[SI_SIGN_KEY];
  snprintf(path, sizeof path, "%s/%s", place->path, place->name);
  int fd SI_AUTO(si_close) =
      openat(place->dir, place->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 && errno == ENOENT) {
    return SI_E_NOT_FOUND;
  }
  if (fd < 0) {
    return errno == ELOOP
               ? si_error_set(error, SI_E_REFUSED, "VAULT_UNSAFE", "%s is a symbolic link", path)
               : si_vault_errno(errno, "opening", path, error);
  }
  si_rc status = si_vault_private(fd, path, false, error);
  if (status != SI_OK) {
    return status;
  }
  if (si_locked_make(&text, FILE_MAX) != SI_OK) {
    return no_memory(error);
  }
  status = si_locked_read(&text, fd);
  if (status == SI_E_IO) {
    return si_vault_errno(errno, "reading", path, error);
  }
  if (status != SI_OK || si_sign_read_secret((const char *)text.data, secret) != SI_OK) {
    return unusable(place, error);
  }
  status = take(secret, out, error);
  si_wipe(secret, sizeof secret);
  return status;
}

/* A new key, durable under its name. SI_E_EXISTS: another process made one meanwhile. */
static si_rc write_key(const struct place *place, bool replace, struct si_error *error) {
  uint8_t secret[SI_SIGN_KEY];
  struct si_buf text SI_AUTO(si_buf_free) = SI_SECRET_BUF(FILE_MAX);
  char random[17], temp[160];
  si_rc status = si_random_bytes(secret, sizeof secret);
  status = status == SI_OK ? si_random_hex(random, 8) : status;
  status = status == SI_OK ? si_sign_secret_pem(secret, &text) : status;
  si_wipe(secret, sizeof secret);
  if (status != SI_OK) {
    return si_error_set(error, status, "EVIDENCE_KEY", "no evidence key can be made: %s",
                        si_status_text(status));
  }
  snprintf(temp, sizeof temp, "%.120s.%s", place->name, random);
  int fd SI_AUTO(si_close) =
      openat(place->dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0 || si_write_all(fd, text.data, text.len) != 0 || fsync(fd) != 0 ||
      renameat2(place->dir, temp, place->dir, place->name, replace ? 0 : RENAME_NOREPLACE) != 0 ||
      fsync(place->dir) != 0) {
    int err = errno;
    (void)unlinkat(place->dir, temp, 0);
    return err == EEXIST ? SI_E_EXISTS
                         : si_vault_errno(err, "writing the evidence key in", place->path, error);
  }
  return SI_OK;
}

/* --- the keys that were told of --- */

static si_rc read_document(struct si_state *state, cJSON **out, struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_DOCUMENT_MAX);
  si_rc status = si_state_document_get(state, DOCUMENT, &text, error);
  if (status == SI_E_NOT_FOUND) {
    *out = cJSON_CreateObject();
    return *out && cJSON_AddArrayToObject(*out, "keys") ? SI_OK : no_memory(error);
  }
  return status == SI_OK ? si_json_parse(si_buf_text(&text), text.len, out, error) : status;
}

static bool holds(const cJSON *document, const char *key) {
  const cJSON *item;
  cJSON_ArrayForEach(item, si_json_get(document, "keys")) {
    const char *found = si_json_str(item, "key");
    if (found && strcmp(found, key) == 0) {
      return true;
    }
  }
  return false;
}

static si_rc add_to(cJSON *document, const char *key) {
  char now[SI_TIME_SIZE];
  cJSON *item = cJSON_CreateObject();
  si_now_text(now);
  if (!cJSON_AddStringToObject(item, "key", key) || !cJSON_AddStringToObject(item, "since", now) ||
      !cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(document, "keys"), item)) {
    cJSON_Delete(item);
    return SI_E_NOMEM;
  }
  return SI_OK;
}

/* Tells of a key that is new to the store, and what it replaces. */
static si_rc tell(const struct si_context *context, struct si_state *state, cJSON *document,
                  const char *key, bool wanted, struct si_error *error) {
  struct si_buf record SI_AUTO(si_buf_free) = SI_BUF(SI_EVENT_MAX);
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_DOCUMENT_MAX);
  cJSON *fields SI_AUTO(si_json_free) = cJSON_CreateObject();
  const cJSON *keys = si_json_get(document, "keys");
  const cJSON *last = cJSON_GetArrayItem(keys, cJSON_GetArraySize(keys) - 1);
  const char *before = si_json_str(last, "key");
  bool told = cJSON_AddStringToObject(fields, "public_key", key) &&
              (!before || cJSON_AddStringToObject(fields, "replaces", before));
  const struct si_event event = {.action = "evidence.key",
                                 .severity = before && !wanted ? "warning" : "info",
                                 .fields = fields};
  if (!told || add_to(document, key) != SI_OK || si_json_canonical(document, &text) != SI_OK ||
      si_event_record(context, &event, &record) != SI_OK) {
    return no_memory(error);
  }
  const struct si_state_event stored = {"audit", si_buf_text(&record)};
  si_rc status = si_state_document_put(state, DOCUMENT, si_buf_text(&text), &stored, error);
  /* The line waits in the store where it cannot be written now. */
  return status == SI_OK && si_events_flush(context, state, NULL) == SI_OK ? SI_OK : status;
}

static si_rc tell_new(const struct si_context *context, struct si_state *state, const char *key,
                      bool wanted, struct si_error *error) {
  cJSON *document SI_AUTO(si_json_free) = NULL;
  si_rc status = read_document(state, &document, error);
  return status == SI_OK && !holds(document, key)
             ? tell(context, state, document, key, wanted, error)
             : status;
}

/* --- the whole --- */

static si_rc read_or_make(const struct si_context *context, bool anew, struct si_evidence_key *out,
                          struct si_error *error) {
  struct place place SI_AUTO(close_place) = {.dir = -1};
  si_rc status = open_place(context, &place, error);
  if (status == SI_OK && anew) {
    status = write_key(&place, true, error);
  }
  status = status == SI_OK ? read_key(&place, out, error) : status;
  if (status == SI_E_NOT_FOUND) {
    status = write_key(&place, false, error);
    status = status == SI_OK || status == SI_E_EXISTS ? read_key(&place, out, error) : status;
  }
  return status == SI_E_NOT_FOUND ? unusable(&place, error) : status;
}

si_rc si_evidence_key_open(const struct si_context *context, struct si_state *state,
                           struct si_evidence_key *out, struct si_error *error) {
  si_rc status = read_or_make(context, false, out, error);
  return status == SI_OK ? tell_new(context, state, out->key, false, error) : status;
}

si_rc si_evidence_key_rotate(const struct si_context *context, struct si_state *state,
                             struct si_evidence_key *out, struct si_error *error) {
  si_rc status = read_or_make(context, true, out, error);
  return status == SI_OK ? tell_new(context, state, out->key, true, error) : status;
}

void si_evidence_key_free(struct si_evidence_key *key) {
  si_locked_free(&key->secret);
}

si_rc si_evidence_keys(struct si_state *state, void *ctx, si_evidence_key_each each,
                       struct si_error *error) {
  cJSON *document SI_AUTO(si_json_free) = NULL;
  const cJSON *item;
  si_rc status = read_document(state, &document, error);
  cJSON_ArrayForEach(item, si_json_get(document, "keys")) {
    const char *key = si_json_str(item, "key");
    const char *since = si_json_str(item, "since");
    status = status == SI_OK && key && since ? each(ctx, key, since) : status;
  }
  return status;
}
