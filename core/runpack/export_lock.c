/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/runpack/export_lock.c - an export under lock: what there is before it begins, and
 * compliance.json, in which the runpack itself says how it is locked:
 *
 *   {"clock":{"local":TIME,"store":TIME or null},"lock":{"legal_hold","mode","until":TIME or null},
 *    "policy":{} or null,"schema":"si.compliance/1","store":{what the store says of itself}}
 *
 * An attempt that did not end may have left one, locked. It is kept where it says what this attempt
 * would, of its own time: same mode, hold and policy, and an end that the policy comes to then.
 */
#include <string.h>

#include "core/runpack/export_impl.h"
#include "kit/base/json.h"
#include "kit/base/text.h"

#define SCHEMA "si.compliance/1"

enum { DOCUMENT_MAX = 128 * 1024 };

/* What differs between attempts. */
struct moment {
  int64_t told_ms; /* 0: the store has no clock */
  int64_t local_ms;
  int64_t until_ms; /* 0: none */
  const cJSON *store;
};

si_rc si_export_lock_begin(struct si_export *e, struct si_error *error) {
  si_rc status = si_lock_begin(e->store, e->prefix, e->options.lock, &e->ground, error);
  e->leftovers = e->ground.there.count > 0;
  return status == SI_OK && si_lock_there(&e->ground, SI_KEY_MANIFEST) ? si_export_exists(e, error)
                                                                       : status;
}

/* --- the document --- */

static bool add_copy(cJSON *to, const char *name, const cJSON *value) {
  cJSON *copy = value ? cJSON_Duplicate(value, true) : cJSON_CreateNull();
  if (!cJSON_AddItemToObject(to, name, copy)) {
    cJSON_Delete(copy);
    return false;
  }
  return true;
}

static si_rc write_document(const struct si_export *e, const struct moment *moment,
                            struct si_buf *out) {
  const struct si_lock_terms *terms = e->options.lock;
  cJSON *root SI_AUTO(si_json_free) = cJSON_CreateObject();
  cJSON *policy SI_AUTO(si_json_free) = NULL;
  if (terms->policy &&
      si_json_parse(terms->policy, strlen(terms->policy), &policy, NULL) != SI_OK) {
    return SI_E_INVALID;
  }
  cJSON *lock = cJSON_AddObjectToObject(root, "lock");
  cJSON *clock = cJSON_AddObjectToObject(root, "clock");
  bool added = cJSON_AddStringToObject(root, "schema", SCHEMA) &&
               cJSON_AddStringToObject(lock, "mode", si_lock_mode_name(terms->mode)) &&
               cJSON_AddBoolToObject(lock, "legal_hold", terms->held) &&
               si_lock_add_time(lock, "until", moment->until_ms) &&
               si_lock_add_time(clock, "store", moment->told_ms) &&
               si_lock_add_time(clock, "local", moment->local_ms) &&
               add_copy(root, "policy", policy) && add_copy(root, "store", moment->store);
  return added ? si_json_canonical(root, out) : SI_E_NOMEM;
}

/* What the store says of itself, without the moment at which it says it. */
static si_rc read_store(const struct si_export *e, cJSON **out, struct si_error *error) {
  const struct si_buf *about = &e->ground.about;
  if (si_json_parse(si_buf_text(about), about->len, out, NULL) != SI_OK) {
    return si_error_set(error, SI_E_CORRUPT, "LOCK_REPORT",
                        "what the store says of its locks cannot be read");
  }
  cJSON_DeleteItemFromObjectCaseSensitive(*out, "told");
  return SI_OK;
}

/* --- one that is there already --- */

struct reading {
  struct si_buf text;
  si_rc status;
};

static si_rc on_data(void *ctx, const void *data, size_t len) {
  struct reading *reading = ctx;
  return si_buf_add(&reading->text, data, len);
}

static void on_end(void *ctx, si_rc status, const struct si_error *error) {
  struct reading *reading = ctx;
  (void)error; /* one that cannot be read is no document of ours */
  reading->status = status;
}

static int64_t time_at(const cJSON *root, const char *object, const char *name) {
  const char *text = si_json_str(si_json_get(root, object), name);
  int64_t ms = 0;
  return text && si_time_parse(text, &ms) == SI_OK ? ms : 0;
}

/* Is its end the one that the terms came to at its own time? */
static bool end_fits(const struct si_lock_terms *terms, const struct moment *moment) {
  int64_t now = moment->told_ms ? moment->told_ms : moment->local_ms;
  int64_t until = terms->keep_ms ? now + terms->keep_ms : terms->until_ms;
  return terms->mode == SI_LOCK_NONE ? moment->until_ms == 0
                                     : moment->until_ms == (until + 999) / 1000 * 1000;
}

/* *document is the one that is there, where it says what ours would; else empty. */
static si_rc read_earlier(const struct si_export *e, struct si_buf *document,
                          struct si_error *error) {
  const struct si_store_vt *vt = e->store->vt;
  struct reading reading = {.text = SI_BUF(DOCUMENT_MAX), .status = SI_E_INTERNAL};
  struct si_buf ours SI_AUTO(si_buf_free) = SI_BUF(DOCUMENT_MAX);
  cJSON *root SI_AUTO(si_json_free) = NULL;
  char key[SI_KEY_SIZE];
  si_rc status = si_runpack_key(e->prefix, SI_KEY_COMPLIANCE, key);
  status = status == SI_OK ? vt->flush(e->store, error) : status;
  status = status == SI_OK ? vt->get(e->store, key, DOCUMENT_MAX, &reading, on_data, on_end, error)
                           : status;
  status = status == SI_OK ? vt->flush(e->store, error) : status;
  if (status == SI_OK && reading.status == SI_OK &&
      si_json_parse(si_buf_text(&reading.text), reading.text.len, &root, NULL) == SI_OK) {
    const cJSON *store = si_json_get(root, "store");
    const struct moment then = {time_at(root, "clock", "store"), time_at(root, "clock", "local"),
                                time_at(root, "lock", "until"),
                                cJSON_IsObject(store) ? store : NULL};
    bool same = end_fits(e->options.lock, &then) && write_document(e, &then, &ours) == SI_OK &&
                ours.len == reading.text.len && memcmp(ours.data, reading.text.data, ours.len) == 0;
    status = same ? si_buf_add(document, ours.data, ours.len) : SI_OK;
  }
  si_buf_free(&reading.text);
  return status;
}

si_rc si_export_lock_tell(struct si_export *e, struct si_error *error) {
  struct si_buf document SI_AUTO(si_buf_free) = SI_BUF(DOCUMENT_MAX);
  cJSON *store SI_AUTO(si_json_free) = NULL;
  si_rc status = read_store(e, &store, error);
  if (status == SI_OK && si_lock_there(&e->ground, SI_KEY_COMPLIANCE)) {
    status = read_earlier(e, &document, error);
  }
  if (status == SI_OK && document.len == 0) {
    const struct moment now = {e->ground.clock ? e->ground.told_ms : 0, e->ground.local_ms,
                               e->ground.lock.until_ms, store};
    status = write_document(e, &now, &document);
    if (status != SI_OK) {
      si_error_set(error, status, "RUNPACK_COMPLIANCE", "what tells of the lock cannot be made: %s",
                   si_status_text(status));
    }
  }
  if (status != SI_OK) {
    return status;
  }
  const struct si_artifact artifact = {.kind = "evidence_log",
                                       .content_type = "application/json",
                                       .required = true,
                                       .from = SI_FROM_MEMORY,
                                       .data = si_buf_text(&document),
                                       .len = document.len};
  return si_export_put(e, &artifact, SI_KEY_COMPLIANCE, 0, error);
}
