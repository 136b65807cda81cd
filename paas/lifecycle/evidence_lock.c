/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/lifecycle/evidence_lock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/runpack/copy.h"
#include "core/runpack/locks.h"
#include "kit/base/text.h"
#include "paas/events/events.h"
#include "paas/state/document.h"

enum { TRIED_MAX = 16 };

si_rc si_evidence_terms(const struct si_life *life, const struct si_operation *operation,
                        struct si_retention_terms *out, struct si_error *error) {
  const struct si_retention_ask nothing = {.mode = SI_LOCK_NONE};
  char scenario[40];
  snprintf(scenario, sizeof scenario, "op.%s", operation->kind);
  return si_retention_terms(life->context, scenario, &nothing, out, error);
}

/* --- the terms of every attempt --- */

static void document_name(const struct si_operation *operation, char name[80]) {
  snprintf(name, 80, "evidence_lock/%s", operation->id);
}

static si_rc read_tried(const struct si_life *life, const struct si_operation *operation,
                        cJSON **out, struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_DOCUMENT_MAX);
  char name[80];
  document_name(operation, name);
  si_rc status = si_state_document_get(life->state, name, &text, error);
  if (status == SI_E_NOT_FOUND) {
    *out = cJSON_CreateObject();
    return cJSON_AddArrayToObject(*out, "tried") ? SI_OK : SI_E_NOMEM;
  }
  return status == SI_OK ? si_json_parse(si_buf_text(&text), text.len, out, error) : status;
}

static cJSON *attempt_json(const struct si_lock_terms *lock) {
  char keep[32], until[32];
  cJSON *json = cJSON_CreateObject();
  snprintf(keep, sizeof keep, "%" PRId64, lock->keep_ms);
  snprintf(until, sizeof until, "%" PRId64, lock->until_ms);
  if (!cJSON_AddStringToObject(json, "mode", si_lock_mode_name(lock->mode)) ||
      !cJSON_AddStringToObject(json, "keep_ms", keep) ||
      !cJSON_AddStringToObject(json, "until_ms", until) ||
      !cJSON_AddBoolToObject(json, "held", lock->held) ||
      !cJSON_AddStringToObject(json, "policy", lock->policy ? lock->policy : "")) {
    cJSON_Delete(json);
    json = NULL;
  }
  return json;
}

/* The reverse; the policy's text is the attempt's. */
static bool attempt_lock(const cJSON *json, struct si_lock_terms *lock) {
  const char *mode = si_json_str(json, "mode");
  const char *keep = si_json_str(json, "keep_ms");
  const char *until = si_json_str(json, "until_ms");
  const char *policy = si_json_str(json, "policy");
  uint64_t keep_ms = 0, until_ms = 0;
  if (!mode || !keep || !until || si_parse_u64(keep, 0, INT64_MAX, &keep_ms) != SI_OK ||
      si_parse_u64(until, 0, INT64_MAX, &until_ms) != SI_OK) {
    return false;
  }
  *lock = (struct si_lock_terms){.mode = si_lock_mode_of(mode),
                                 .held = si_json_bool(json, "held", false),
                                 .keep_ms = (int64_t)keep_ms,
                                 .until_ms = (int64_t)until_ms,
                                 .policy = policy && policy[0] ? policy : NULL};
  return lock->mode != SI_LOCK_NONE || lock->held;
}

static bool is_among(const cJSON *tried, const cJSON *attempt) {
  const cJSON *each = NULL;
  cJSON_ArrayForEach(each, si_json_get(tried, "tried")) {
    if (cJSON_Compare(each, attempt, true)) {
      return true;
    }
  }
  return false;
}

static si_rc no_memory(struct si_error *error) {
  return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: the terms of a lock");
}

/* Written down before anything is put. */
static si_rc note_attempt(const struct si_life *life, const struct si_operation *operation,
                          cJSON *tried, const struct si_lock_terms *lock, struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_DOCUMENT_MAX);
  char name[80];
  cJSON *list = cJSON_GetObjectItemCaseSensitive(tried, "tried");
  cJSON *attempt = attempt_json(lock);
  if (!attempt) {
    return no_memory(error);
  }
  if (is_among(tried, attempt)) {
    cJSON_Delete(attempt);
    return SI_OK;
  }
  if (cJSON_GetArraySize(list) >= TRIED_MAX) {
    cJSON_DeleteItemFromArray(list, 1); /* the first one has the most objects */
  }
  if (!cJSON_AddItemToArray(list, attempt)) {
    cJSON_Delete(attempt);
    return no_memory(error);
  }
  document_name(operation, name);
  si_rc status = si_json_canonical(tried, &text);
  return status == SI_OK ? si_state_document_put(life->state, name, text.data, NULL, error)
                         : no_memory(error);
}

si_rc si_evidence_note_lock(const struct si_life *life, const struct si_operation *operation,
                            const struct si_lock_terms *lock, struct si_error *error) {
  cJSON *tried SI_AUTO(si_json_free) = NULL;
  si_rc status = read_tried(life, operation, &tried, error);
  return status == SI_OK ? note_attempt(life, operation, tried, lock, error) : status;
}

/* Is it in the way of this attempt that another one was under other terms? */
static bool is_of_other_terms(si_rc status, const struct si_error *why) {
  return status == SI_E_RETENTION ||
         (status == SI_E_CONFLICT && strcmp(why->code, "RUNPACK_LEFTOVERS") == 0);
}

static bool is_there(si_rc status) {
  return status == SI_OK || status == SI_E_EXISTS;
}

static void warn_skew(const struct si_life *life, int64_t skew_ms) {
  char line[160];
  if ((skew_ms > SI_LOCK_SKEW_MS || skew_ms < -SI_LOCK_SKEW_MS) && life->log) {
    snprintf(line, sizeof line,
             "this machine's clock is %" PRId64 " s %s the store's, which the locks go by",
             (skew_ms < 0 ? -skew_ms : skew_ms) / 1000, skew_ms < 0 ? "behind" : "ahead of");
    life->log(life->ctx, SI_LOG_WARN, line);
  }
}

si_rc si_evidence_export_locked(struct si_life *life, const struct si_operation *operation,
                                struct si_store *store, const struct si_retention_terms *terms,
                                struct si_export_result *result, struct si_error *error) {
  cJSON *tried SI_AUTO(si_json_free) = NULL;
  struct si_error why;
  si_rc status = read_tried(life, operation, &tried, error);
  if (status == SI_OK && terms->locked) {
    status = note_attempt(life, operation, tried, &terms->lock, error);
  }
  if (status != SI_OK) {
    return status;
  }
  const cJSON *list = si_json_get(tried, "tried");
  status =
      si_evidence_export(life, operation, store, terms->locked ? &terms->lock : NULL, result, &why);
  if (is_of_other_terms(status, &why)) {
    const struct si_error first = why;
    for (int i = cJSON_GetArraySize(list) - 1; !is_there(status) && i >= 0; i--) {
      struct si_lock_terms earlier;
      if (attempt_lock(cJSON_GetArrayItem(list, i), &earlier)) {
        status = si_evidence_export(life, operation, store, &earlier, result, &why);
      }
    }
    if (!is_there(status)) {
      why = first;
      status = first.status;
    }
  }
  if (status == SI_OK) {
    warn_skew(life, result->skew_ms);
  } else if (error) {
    *error = why;
  }
  return status;
}

/* --- held against the policy --- */

/* To the terms from now on; never weaker than it is. */
static si_rc lock_anew(struct si_store *store, struct si_locks *locks,
                       const struct si_retention_terms *terms, struct si_error *error) {
  int64_t until = (locks->told_ms + terms->lock.keep_ms + 999) / 1000 * 1000;
  uint32_t mode = terms->lock.mode;
  until = until > locks->latest_ms ? until : locks->latest_ms;
  for (size_t i = 0; i < locks->count; i++) {
    const struct si_lock_row *row = &locks->rows[i];
    bool counts = si_locks_current(row) && si_locks_locked(locks, row);
    mode = counts && row->mode > mode ? row->mode : mode;
  }
  return si_locks_extend(store, locks, mode, until, error);
}

si_rc si_evidence_demand(const struct si_operation *operation, struct si_store *store,
                         const char *prefix, const struct si_retention_terms *terms,
                         struct si_store_lock *now, struct si_error *error) {
  struct si_locks locks SI_AUTO(si_locks_free) = SI_LOCKS;
  int64_t ended = 0;
  *now = (struct si_store_lock){.mode = SI_LOCK_NONE};
  if (!terms->locked) {
    return SI_OK;
  }
  if (si_time_parse(operation->ended_at, &ended) != SI_OK) {
    return si_error_set(error, SI_E_CORRUPT, "STATE_CORRUPT", "the end of operation %s is no time",
                        operation->id);
  }
  si_rc status = si_locks_read(store, prefix, &locks, error);
  if (status == SI_OK &&
      si_locks_demand(&locks, terms->lock.mode, ended + terms->lock.keep_ms, NULL) != SI_OK) {
    status = lock_anew(store, &locks, terms, error);
  }
  if (status == SI_OK) {
    *now = (struct si_store_lock){.mode = locks.weakest, .until_ms = locks.earliest_ms};
  }
  return status;
}

void si_evidence_tell_denied(const struct si_life *life, const struct si_operation *operation,
                             const struct si_retention_terms *terms, const struct si_error *why) {
  cJSON *fields SI_AUTO(si_json_free) = cJSON_CreateObject();
  char prefix[SI_KEY_SIZE];
  struct si_error untold;
  if (!terms->locked || why->status == SI_E_UNAVAILABLE || why->status == SI_E_TIMEOUT ||
      why->status == SI_E_CANCELLED) {
    return; /* that nobody answered is no denial */
  }
  cJSON_AddStringToObject(fields, "mode", si_lock_mode_name(terms->lock.mode));
  if (si_evidence_prefix(life, operation, prefix, &untold) == SI_OK) {
    cJSON_AddStringToObject(fields, "runpack", prefix);
  }
  const struct si_event event = {
      .action = "runpack.export", .operation = operation->id, .fields = fields, .error = why};
  if (si_events_append(life->context, life->state, &event, &untold) != SI_OK && life->log) {
    life->log(life->ctx, SI_LOG_WARN, untold.message);
  }
}

/* --- the replica --- */

static si_rc open_replica(struct si_life *life, const struct si_operation *operation,
                          const char *provider, const cJSON *config, struct si_buf *text,
                          struct si_sink_session **out, struct si_error *error) {
  si_rc status =
      si_context_unsafe(life->context) ? SI_OK : si_context_guard_provider(config, error);
  if (status != SI_OK) {
    return status;
  }
  if (si_json_print(config, false, text) != SI_OK) {
    return si_error_set(error, SI_E_QUOTA, "PAAS_CONFIG",
                        "the replica's configuration is too large");
  }
  return si_evidence_open(life, operation, provider, text->data, out, error);
}

static si_rc copy(struct si_life *life, const struct si_operation *operation,
                  struct si_store *store, struct si_store *replica,
                  const struct si_export_result *result, const struct si_retention_terms *terms,
                  struct si_error *error) {
  struct si_copy_result copied;
  struct si_store_lock now;
  const struct si_copy_options options = {
      .max_artifact_bytes = si_context_max_artifact(life->context), .lock = &terms->lock};
  si_rc status = si_runpack_copy(store, result->prefix, replica, &options, &copied, error);
  if (status == SI_OK && strcmp(copied.manifest_sha256, result->manifest_sha256) != 0) {
    return si_error_set(error, SI_E_CONFLICT, "RUNPACK_COPY_CHANGED",
                        "the runpack became another while it was copied to the replica");
  }
  if (status == SI_OK) {
    warn_skew(life, copied.skew_ms);
    status = si_evidence_demand(operation, replica, copied.prefix, terms, &now, error);
  }
  return status;
}

si_rc si_evidence_replicate(struct si_life *life, const struct si_operation *operation,
                            struct si_store *store, const struct si_export_result *result,
                            const struct si_retention_terms *terms, struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(65536);
  struct si_sink_session *sink SI_AUTO(si_sink_close) = NULL;
  const cJSON *config = NULL;
  const char *provider = NULL;
  struct si_error why;
  if (!terms->locked ||
      !si_retention_replica(si_json_get(life->context->config, "retention"), &provider, &config)) {
    return SI_OK;
  }
  si_rc status = open_replica(life, operation, provider, config, &text, &sink, &why);
  status = status == SI_OK ? copy(life, operation, store, si_sink_store(sink), result, terms, &why)
                           : status;
  if (status != SI_OK && error) {
    *error = why;
    snprintf(error->message, sizeof error->message, "the replica (%.63s): %.900s", provider,
             why.message);
  }
  return status;
}
