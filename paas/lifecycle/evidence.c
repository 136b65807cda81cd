/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/lifecycle/evidence.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "core/runpack/verify.h"
#include "kit/base/text.h"
#include "paas/lifecycle/evidence_lock.h"
#include "paas/lifecycle/journal.h"
#include "paas/lifecycle/telling.h"
#include "paas/redact/redact.h"
#include "paas/vault/evidence_key.h"

enum { DOCUMENT_MAX = 16 << 20 };

/* --- the documents --- */

static si_rc add_json(cJSON *to, const char *name, const char *text) {
  cJSON *value = NULL;
  if (!text) {
    return cJSON_AddNullToObject(to, name) ? SI_OK : SI_E_NOMEM;
  }
  si_rc status = si_json_parse(text, strlen(text), &value, NULL);
  if (status == SI_OK && !cJSON_AddItemToObject(to, name, value)) {
    cJSON_Delete(value);
    status = SI_E_NOMEM;
  }
  return status;
}

static si_rc add_texts(cJSON *to, const char *const (*members)[2], size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (!cJSON_AddStringToObject(to, members[i][0], members[i][1])) {
      return SI_E_NOMEM;
    }
  }
  return SI_OK;
}

/* operation.json: who, what, when, and what came of it. */
static si_rc operation_document(const struct si_life *life, const struct si_project *project,
                                const struct si_operation *operation, const char *config,
                                struct si_buf *out) {
  const char *const own[][2] = {
      {"schema", "si.operation/1"},
      {"id", operation->id},
      {"kind", operation->kind},
      {"status", operation->status},
      {"started_at", operation->started_at},
      {"ended_at", operation->ended_at},
      {"provisioner", project->provisioner},
  };
  const char *const of_project[][2] = {
      {"id", project->id}, {"slug", project->slug}, {"owner_id", project->owner_id}};
  const char *const of_context[][2] = {
      {"id", life->context->id}, {"name", life->context->name}, {"type", life->context->type}};
  cJSON *root SI_AUTO(si_json_free) = cJSON_CreateObject();
  si_rc status = add_texts(root, own, sizeof own / sizeof *own);
  status =
      status == SI_OK ? add_texts(cJSON_AddObjectToObject(root, "project"), of_project, 3) : status;
  status =
      status == SI_OK ? add_texts(cJSON_AddObjectToObject(root, "context"), of_context, 3) : status;
  status = status == SI_OK ? add_json(root, "config", config) : status;
  status = status == SI_OK ? add_json(root, "error", operation->error) : status;
  status = status == SI_OK ? si_redact_json(root) : status;
  return status == SI_OK ? si_json_canonical(root, out) : status;
}

/* What the operation kept, taken apart: its stack is the spec, its configuration a part of
 * operation.json, the rest result.json. */
struct kept {
  cJSON *document;
  cJSON *stack;
  cJSON *config; /* a JSON text; NULL where it was not kept */
  struct si_buf spec;
  struct si_buf result;
};

static void kept_free(struct kept *kept) {
  cJSON_Delete(kept->document);
  cJSON_Delete(kept->stack);
  cJSON_Delete(kept->config);
  si_buf_free(&kept->spec);
  si_buf_free(&kept->result);
}

static si_rc read_kept(const struct si_operation *operation, struct kept *kept) {
  kept->spec.max = DOCUMENT_MAX;
  kept->result.max = DOCUMENT_MAX;
  const char *text = operation->result ? operation->result : "{}";
  si_rc status = si_json_parse(text, strlen(text), &kept->document, NULL);
  if (status != SI_OK) {
    return status;
  }
  kept->stack = cJSON_DetachItemFromObjectCaseSensitive(kept->document, "stack");
  kept->config = cJSON_DetachItemFromObjectCaseSensitive(kept->document, "config");
  status =
      kept->stack ? si_json_canonical(kept->stack, &kept->spec) : si_buf_puts(&kept->spec, "{}");
  return status == SI_OK ? si_json_print(kept->document, false, &kept->result) : status;
}

/* --- the export --- */

static si_rc add_text(struct si_export *e, const char *name, const char *kind,
                      const char *content_type, const struct si_buf *text, struct si_error *error) {
  const struct si_artifact artifact = {.name = name,
                                       .kind = kind,
                                       .content_type = content_type,
                                       .required = true,
                                       .from = SI_FROM_MEMORY,
                                       .data = si_buf_text(text),
                                       .len = text->len};
  return si_export_add(e, &artifact, error);
}

static si_rc add_log(struct si_export *e, const struct si_life *life, const char *operation_id,
                     struct si_error *error) {
  char path[SI_PATH_MAX];
  struct si_buf log SI_AUTO(si_buf_free) = SI_BUF(4 << 20);
  if (si_journal_path(life->context, operation_id, "log", path, sizeof path) != SI_OK ||
      si_read_file(AT_FDCWD, path, &log) == SI_E_NOMEM) {
    return si_error_set(error, SI_E_NOMEM, "RUNPACK_MEMORY", "the operation's log cannot be read");
  }
  /* A log that was never begun, or was lost, is an empty one: the steps are the journal. */
  return add_text(e, "log.txt", "tool_transcript", "text/plain; charset=utf-8", &log, error);
}

static si_rc add_all(struct si_export *e, struct si_life *life, const struct si_project *project,
                     const struct si_operation *operation, const struct kept *kept,
                     struct si_error *error) {
  struct si_buf document SI_AUTO(si_buf_free) = SI_BUF(DOCUMENT_MAX);
  struct si_buf steps SI_AUTO(si_buf_free) = SI_BUF(DOCUMENT_MAX);
  const char *config = cJSON_GetStringValue(kept->config);
  si_rc status =
      operation_document(life, project, operation, config ? config : project->config, &document);
  if (status != SI_OK) {
    return si_error_set(error, status, "RUNPACK_MEMORY", "the operation cannot be written down");
  }
  status = si_state_steps(life->state, operation->id, &steps, error);
  status = status == SI_OK
               ? add_text(e, "operation.json", "decision_log", "application/json", &document, error)
               : status;
  status = status == SI_OK ? add_text(e, "result.json", "evidence_log", "application/json",
                                      &kept->result, error)
                           : status;
  status = status == SI_OK
               ? add_text(e, "steps.jsonl", "dispatch_log", "application/jsonl", &steps, error)
               : status;
  return status == SI_OK ? add_log(e, life, operation->id, error) : status;
}

si_rc si_evidence_export(struct si_life *life, const struct si_operation *operation,
                         struct si_store *store, const struct si_lock_terms *lock,
                         struct si_export_result *result, struct si_error *error) {
  struct si_project project SI_AUTO(si_project_free) = {.id = ""};
  struct kept kept SI_AUTO(kept_free) = {.document = NULL};
  struct si_evidence_key key SI_AUTO(si_evidence_key_free) = {.key = ""};
  struct si_export *e SI_AUTO(si_export_free) = NULL;
  char scenario[40] = "op.";
  int64_t ended = 0;
  si_rc status = si_state_project_by_id(life->state, operation->project_id, &project, error);
  if (status != SI_OK) {
    return status;
  }
  if (si_time_parse(operation->ended_at, &ended) != SI_OK) {
    return si_error_set(error, SI_E_CONFLICT, "PAAS_OPERATION_RUNNING",
                        "operation %s has not ended: there is no evidence of it yet",
                        operation->id);
  }
  status = read_kept(operation, &kept);
  if (status != SI_OK) {
    return si_error_set(error, status, "STATE_CORRUPT", "the result of operation %s is unreadable",
                        operation->id);
  }
  status = si_evidence_key_open(life->context, life->state, &key, error);
  if (status != SI_OK) {
    return status;
  }
  const cJSON *provider = si_json_get(kept.document, "provider");
  const struct si_plugin_ref plugin = {.id = si_json_str(provider, "id"),
                                       .version = si_json_str(provider, "version"),
                                       .sha256 = si_json_str(provider, "sha256")};
  strncat(scenario, operation->kind, sizeof scenario - 4);
  const struct si_export_options options = {
      .tenant = life->context->name,
      .namespace_id = project.id,
      .scenario = scenario,
      .run = operation->id,
      .flags = SI_KEY_OPERATION,
      .max_artifact_bytes = si_context_max_artifact(life->context),
      .generated = SI_GENERATED_UNIX_MILLIS,
      .generated_value = ended,
      .si_version = SI_VERSION,
      .plugins = &plugin,
      .plugin_count = plugin.id && plugin.version && plugin.sha256 ? 1 : 0,
      .sign_key = key.secret.data,
      .lock = lock,
  };
  status = si_export_begin(store, &options, kept.spec.data, kept.spec.len, &e, error);
  status = status == SI_OK ? add_all(e, life, &project, operation, &kept, error) : status;
  return status == SI_OK ? si_export_finish(e, result, error) : status;
}

si_rc si_evidence_open(struct si_life *life, const struct si_operation *operation,
                       const char *provider, const char *config, struct si_sink_session **out,
                       struct si_error *error) {
  const struct si_sink_options options = {.provider = provider,
                                          .config = config,
                                          .context = life->context,
                                          .interrupt_fd = life->interrupt_fd,
                                          .ask = life->ask,
                                          .ask_ctx = life->ask_ctx,
                                          .state = life->state,
                                          .operation = operation->id,
                                          .log_ctx = life->ctx,
                                          .log = life->log};
  return si_sink_open(&options, out, error);
}

si_rc si_evidence_sink(struct si_life *life, const struct si_operation *operation,
                       struct si_sink_session **out, struct si_error *error) {
  const char *sink = life->sink;
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(65536);
  const cJSON *settings = NULL;
  si_rc status = sink ? si_context_guard_settings(life->sink_config, error)
                      : si_context_provider(life->context, "sink", &sink, &settings, error);
  if (status == SI_OK && settings && si_json_print(settings, false, &text) != SI_OK) {
    status = si_error_set(error, SI_E_QUOTA, "PAAS_CONFIG",
                          "the audit sink's configuration is too large");
  }
  if (status != SI_OK) {
    return status;
  }
  return si_evidence_open(life, operation, sink, settings ? text.data : life->sink_config, out,
                          error);
}

static si_rc trust_key(void *ctx, const char *key, const char *since) {
  (void)since;
  return si_key_set_add(ctx, key);
}

si_rc si_evidence_prefix(const struct si_life *life, const struct si_operation *operation,
                         char *prefix, struct si_error *error) {
  struct kept kept SI_AUTO(kept_free) = {.document = NULL};
  struct si_runpack_ids ids;
  char scenario[40] = "op.";
  char hash[SI_SHA256_HEX];
  strncat(scenario, operation->kind, sizeof scenario - 4);
  si_rc status = read_kept(operation, &kept);
  status = status == SI_OK ? si_sha256_hex(kept.spec.data, kept.spec.len, hash) : status;
  if (status != SI_OK) {
    return si_error_set(error, status, "STATE_CORRUPT", "the result of operation %s is unreadable",
                        operation->id);
  }
  status = si_runpack_ids_set(&ids, life->context->name, operation->project_id, scenario,
                              operation->id, hash, SI_KEY_OPERATION, error);
  return status == SI_OK ? si_runpack_prefix(&ids, prefix, error) : status;
}

/* What stands in the store counts once it was read back: what was just exported, or what a crash
 * between the export and its note has left, if it is signed by this context; others may write to
 * the store, too. */
static si_rc read_back(const struct si_life *life, const struct si_operation *operation,
                       struct si_store *store, struct si_export_result *result,
                       struct si_error *error) {
  struct si_verify_report report SI_AUTO(si_report_free) = SI_VERIFY_REPORT;
  struct si_key_set keys SI_AUTO(si_key_set_free) = {NULL, 0};
  const struct si_verify_options options = {
      .max_artifact_bytes = si_context_max_artifact(life->context),
      .keys = &keys,
      .require = SI_REQUIRE_SIGNED,
      .manifest_sha256 = result->manifest_sha256[0] ? result->manifest_sha256 : NULL};
  si_rc status = si_evidence_prefix(life, operation, result->prefix, error);
  status = status == SI_OK ? si_evidence_keys(life->state, &keys, trust_key, error) : status;
  status =
      status == SI_OK ? si_runpack_verify(store, result->prefix, &options, &report, error) : status;
  if (status == SI_OK) {
    si_copy(result->manifest_sha256, sizeof result->manifest_sha256, report.manifest_sha256);
  }
  return status;
}

/* All that must hold before the evidence counts as stored: there, ours, locked, and in the replica
 * likewise. */
static si_rc store_it(struct si_life *life, const struct si_operation *operation,
                      struct si_store *store, struct si_export_result *result,
                      struct si_error *error) {
  struct si_retention_terms terms SI_AUTO(si_retention_terms_free) = SI_RETENTION_TERMS;
  struct si_store_lock *now = &result->lock;
  si_rc status = si_evidence_terms(life, operation, &terms, error);
  if (status != SI_OK) {
    return status;
  }
  status = si_evidence_export_locked(life, operation, store, &terms, result, error);
  if (status == SI_OK || status == SI_E_EXISTS) {
    status = read_back(life, operation, store, result, error);
  }
  status = status == SI_OK
               ? si_evidence_demand(operation, store, result->prefix, &terms, now, error)
               : status;
  status = status == SI_OK ? si_evidence_replicate(life, operation, store, result, &terms, error)
                           : status;
  if (status != SI_OK) {
    si_redact_error(error); /* the words may be the sink's */
    si_evidence_tell_denied(life, operation, &terms, error);
  }
  return status;
}

static si_rc note_stored(const struct si_life *life, const struct si_operation *operation,
                         const struct si_export_result *result, struct si_error *error) {
  struct si_buf record SI_AUTO(si_buf_free) = SI_BUF(SI_EVENT_MAX);
  si_rc status = si_tell_evidence(life, operation, result, &record, error);
  if (status == SI_OK) {
    const struct si_state_event event = {"audit", record.data};
    status = si_state_evidence(life->state, operation->id, result->prefix, result->manifest_sha256,
                               &event, error);
  }
  if (status == SI_OK) {
    si_tell_flush(life);
  }
  return status;
}

si_rc si_life_evidence(struct si_life *life, const char *operation_id, struct si_error *error) {
  struct si_operation operation SI_AUTO(si_operation_free) = {.id = ""};
  struct si_sink_session *sink SI_AUTO(si_sink_close) = NULL;
  struct si_export_result result;
  struct si_error why;
  memset(&result, 0, sizeof result);
  si_rc status = si_state_operation(life->state, operation_id, &operation, error);
  if (status != SI_OK || strcmp(operation.evidence, "stored") == 0) {
    return status;
  }
  status = si_evidence_sink(life, &operation, &sink, &why);
  if (status == SI_OK) {
    status = store_it(life, &operation, si_sink_store(sink), &result, &why);
  }
  if (status != SI_OK) {
    si_redact_error(&why); /* the words may be the sink's */
    if (error) {
      *error = why;
    }
    return status;
  }
  return note_stored(life, &operation, &result, error);
}

void si_life_evidence_try(struct si_life *life, const char *operation_id) {
  struct si_error why;
  if (si_life_evidence(life, operation_id, &why) != SI_OK && life->log) {
    char line[sizeof why.message + 64];
    snprintf(line, sizeof line, "the evidence stays pending: %s", why.message);
    life->log(life->ctx, SI_LOG_WARN, line);
  }
}

struct draining {
  struct si_life *life;
  size_t stored;
  si_rc first; /* the first failure */
  struct si_error *error;
};

static si_rc drain_one(void *ctx, const struct si_operation *operation) {
  struct draining *draining = ctx;
  struct si_error why;
  si_rc status = si_life_evidence(draining->life, operation->id, &why);
  if (status == SI_OK) {
    draining->stored++;
    return SI_OK;
  }
  if (draining->first == SI_OK) {
    draining->first = status;
    if (draining->error) {
      *draining->error = why;
    }
  }
  /* One that cannot be stored must not keep back those behind it; a sink that is not there would
   * fail for each. */
  bool hopeless = status == SI_E_UNAVAILABLE || status == SI_E_TIMEOUT || status == SI_E_CANCELLED;
  return hopeless ? status : SI_OK;
}

si_rc si_life_evidence_all(struct si_life *life, size_t *stored, struct si_error *error) {
  struct draining draining = {.life = life, .error = error};
  si_rc status = si_state_operations(life->state, NULL, SI_OPERATIONS_EVIDENCE_PENDING, &draining,
                                     drain_one, error);
  *stored = draining.stored;
  return draining.first != SI_OK ? draining.first : status;
}
