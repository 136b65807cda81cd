/* SPDX-License-Identifier: Apache-2.0 */
/* `si runpack export`: evidence, put into a store. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cli/context.h"
#include "cli/retain.h"
#include "cli/scope.h"
#include "cli/signer.h"
#include "core/runpack/folder.h"
#include "core/runpack/verify.h"
#include "kit/base/text.h"
#include "paas/lifecycle/evidence.h"

/* What is exported, and how it is to be locked. */
struct exporting {
  struct si_invocation *inv;
  struct si_place place;
  struct si_retention_ask ask;
  struct si_retention_terms terms;
  struct si_export_result result;
  bool told; /* it is an event of a context */
};

static void close_exporting(struct exporting *x) {
  si_retention_terms_free(&x->terms);
  si_place_close(&x->place);
}

static const struct si_lock_terms *lock_of(const struct exporting *x) {
  return x->terms.locked ? &x->terms.lock : NULL;
}

/* The terms, once it is known whose policy holds and for which scenario. */
static si_rc reckon(struct exporting *x, const char *scenario) {
  const struct si_context *owner = si_place_owner(&x->place);
  bool asked = x->ask.keep_ms || x->ask.until_ms || x->ask.held || x->ask.mode != SI_LOCK_NONE;
  if (owner && (asked || si_json_get(owner->config, "retention"))) {
    x->told = true;
    si_changes(x->inv, x->inv->context);
    cJSON_AddStringToObject(si_about(x->inv), "scenario", scenario);
  }
  return si_retention_terms(owner, scenario, &x->ask, &x->terms, &x->inv->error);
}

static si_rc print_export(struct si_invocation *inv, const struct si_export_result *result,
                          struct si_place *place) {
  struct si_buf uri SI_AUTO(si_buf_free) = SI_BUF(SI_STORE_URI_SIZE);
  cJSON *json = cJSON_CreateObject();
  si_place_uri(place, result->prefix, &uri);
  si_out_field(inv->out, "runpack", "%s", result->prefix);
  if (uri.len) {
    si_out_field(inv->out, "stored at", "%s", uri.data);
  }
  si_out_field(inv->out, "manifest", "sha256:%s", result->manifest_sha256);
  si_out_field(inv->out, "artifacts", "%llu, %llu bytes", (unsigned long long)result->artifacts,
               (unsigned long long)result->bytes);
  cJSON_AddStringToObject(json, "prefix", result->prefix);
  cJSON_AddStringToObject(json, "manifest_sha256", result->manifest_sha256);
  cJSON_AddNumberToObject(json, "artifacts", (double)result->artifacts);
  if (si_json_add_u64(json, "bytes", result->bytes) != SI_OK ||
      si_json_add_text(json, "storage_uri", uri.data) != SI_OK ||
      si_retain_add(inv, &result->lock, result->skew_ms, json) != SI_OK) {
    cJSON_Delete(json);
    json = NULL;
  }
  return si_out_result(inv->out, json);
}

static si_rc export_operation(struct exporting *x) {
  struct si_invocation *inv = x->inv;
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  struct si_operation operation SI_AUTO(si_operation_free) = {.id = ""};
  char scenario[40] = "op.";
  if (!inv->context[0]) {
    return si_usage_error(inv, "--operation needs a context: --context NAME");
  }
  si_rc status = si_scope_open(&scope, inv, SI_STATE_WRITE);
  status = status == SI_OK
               ? si_state_operation(scope.state, si_opt(inv, "operation"), &operation, &inv->error)
               : status;
  if (status == SI_OK) {
    strncat(scenario, operation.kind, sizeof scenario - 4);
    status = reckon(x, scenario);
  }
  if (status == SI_OK && x->terms.locked) {
    status = si_evidence_note_lock(&scope.life, &operation, &x->terms.lock, &inv->error);
  }
  return status == SI_OK ? si_evidence_export(&scope.life, &operation, si_place_store(&x->place),
                                              lock_of(x), &x->result, &inv->error)
                         : status;
}

static si_rc clock_option(struct si_invocation *inv, struct si_export_options *options) {
  uint64_t value = 0;
  bool logical = si_opt(inv, "logical-time") != NULL;
  si_rc status =
      logical ? si_opt_u64(inv, "logical-time", 0, 1ull << 53, 0, &value)
              : si_opt_u64(inv, "generated-at", 0, 1ull << 53, (uint64_t)si_now_ms(), &value);
  options->generated = logical ? SI_GENERATED_LOGICAL : SI_GENERATED_UNIX_MILLIS;
  options->generated_value = (int64_t)value;
  return status;
}

static si_rc read_description(struct si_invocation *inv, struct si_description *out) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_DESCRIBE_MAX);
  const char *file = si_opt(inv, "describe");
  if (!file) {
    return SI_OK;
  }
  if (si_read_file(AT_FDCWD, file, &text) != SI_OK) {
    return si_error_errno(&inv->error, errno, "RUNPACK_DESCRIPTION", "cannot read %s", file);
  }
  return si_description_read(si_buf_text(&text), text.len, out, &inv->error);
}

static si_rc export_folder(struct exporting *x) {
  struct si_invocation *inv = x->inv;
  struct si_store *store = si_place_store(&x->place);
  struct si_buf spec SI_AUTO(si_buf_free) = SI_BUF(16u << 20);
  struct si_description description SI_AUTO(si_description_free) = {NULL};
  struct si_locked key SI_AUTO(si_locked_free) = {.data = NULL};
  struct si_export *e SI_AUTO(si_export_free) = NULL;
  struct si_export_options options = {
      .tenant = si_opt(inv, "tenant") ? si_opt(inv, "tenant") : inv->context,
      .namespace_id = si_opt(inv, "namespace"),
      .scenario = si_opt(inv, "scenario"),
      .run = si_opt(inv, "run"),
      .si_version = SI_VERSION,
  };
  const char *from = si_opt(inv, "from");
  const char *spec_file = si_opt(inv, "spec");
  if (!options.namespace_id || !options.scenario || !options.run || !spec_file ||
      !options.tenant[0]) {
    return si_usage_error(inv,
                          "--from needs --namespace, --scenario, --run and --spec, and "
                          "--tenant or --context");
  }
  int dir SI_AUTO(si_close) = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0) {
    return si_error_errno(&inv->error, errno, "RUNPACK_FOLDER", "cannot open the directory %s",
                          from);
  }
  if (si_read_file(AT_FDCWD, spec_file, &spec) != SI_OK) {
    return si_error_errno(&inv->error, errno, "RUNPACK_SPEC", "cannot read %s", spec_file);
  }
  si_rc status = clock_option(inv, &options);
  status = status == SI_OK ? reckon(x, options.scenario) : status;
  status =
      status == SI_OK ? si_place_max_artifact(inv, &x->place, &options.max_artifact_bytes) : status;
  status = status == SI_OK ? read_description(inv, &description) : status;
  status = status == SI_OK ? si_signer_open(inv, options.tenant, &key) : status;
  options.sign_key = key.data;
  options.lock = lock_of(x);
  status = status == SI_OK
               ? si_export_begin(store, &options, si_buf_text(&spec), spec.len, &e, &inv->error)
               : status;
  status = status == SI_OK ? si_export_add_folder(e, dir, &description, &inv->error) : status;
  return status == SI_OK ? si_export_finish(e, &x->result, &inv->error) : status;
}

/* All of it, as an auditor would: what the store holds, not what it said that it took. */
static si_rc read_back(struct exporting *x) {
  struct si_invocation *inv = x->inv;
  struct si_store *store = si_place_store(&x->place);
  const struct si_store_lock *lock = &x->result.lock;
  struct si_verify_report report SI_AUTO(si_report_free) = SI_VERIFY_REPORT;
  struct si_locks locks SI_AUTO(si_locks_free) = SI_LOCKS;
  struct si_verify_options options = {.manifest_sha256 = x->result.manifest_sha256};
  si_rc status = si_place_max_artifact(inv, &x->place, &options.max_artifact_bytes);
  status = status == SI_OK
               ? si_runpack_verify(store, x->result.prefix, &options, &report, &inv->error)
               : status;
  if (status != SI_OK || lock->mode == SI_LOCK_NONE) {
    return status;
  }
  status = si_locks_read(store, x->result.prefix, &locks, &inv->error);
  return status == SI_OK ? si_locks_demand(&locks, lock->mode, lock->until_ms, &inv->error)
                         : status;
}

/* What goes into a context's own evidence, or comes from it, is an event of that context. */
static si_rc tell_export(struct exporting *x) {
  struct si_context context SI_AUTO(si_context_free) = {.config = NULL};
  struct si_invocation *inv = x->inv;
  cJSON *fields = si_about(inv);
  cJSON_AddStringToObject(fields, "manifest_sha256", x->result.manifest_sha256);
  cJSON_AddStringToObject(fields, "runpack", x->result.prefix);
  si_retain_about(inv, x->result.lock.mode, x->result.lock.until_ms);
  si_rc status = si_context_open(inv->context, &context, &inv->error);
  return status == SI_OK
             ? si_context_audit(inv, &context, "runpack.export", cJSON_Duplicate(fields, true))
             : status;
}

static si_rc export_runpack(struct si_invocation *inv) {
  struct exporting x SI_AUTO(close_exporting) = {.inv = inv, .terms = SI_RETENTION_TERMS};
  const char *from = si_opt(inv, "from");
  const char *operation = si_opt(inv, "operation");
  if (!from == !operation) {
    return si_usage_error(inv, "say what to export: --from DIR, or --operation ID");
  }
  x.told = inv->context[0] && (operation || !si_opt(inv, "sink"));
  if (x.told) {
    si_changes(inv, inv->context);
  }
  si_rc status = si_retain_ask(inv, true, &x.ask);
  status = status == SI_OK ? si_place_sink(inv, true, &x.place) : status;
  if (status == SI_OK) {
    status = operation ? export_operation(&x) : export_folder(&x);
  }
  status = status == SI_OK && si_opt_flag(inv, "verify") ? read_back(&x) : status;
  status = status == SI_OK && x.told ? tell_export(&x) : status;
  return status == SI_OK ? print_export(inv, &x.result, &x.place) : status;
}

static const struct si_option export_options[] = {
    {"operation", 0, "ID", "Export the evidence of this operation again", 0, NULL},
    {"from", 0, "DIR", "Export every file below DIR", 0, NULL},
    {"spec", 0, "FILE", "With --from: the JSON document that says what was run", 0, NULL},
    {"describe", 0, "FILE",
     "With --from: a JSON object of names, each with its kind, content_type, required", 0, NULL},
    {"tenant", 0, "T", "With --from: by default the context's name", 0, NULL},
    {"namespace", 0, "N", "With --from", 0, NULL},
    {"scenario", 0, "S", "With --from; names that begin with op. are si's own", 0, NULL},
    {"run", 0, "R", "With --from", 0, NULL},
    {"generated-at", 0, "MS", "With --from: the clock, in milliseconds since 1970", 0, NULL},
    {"logical-time", 0, "N", "With --from: a count of your own in place of the clock", 0, NULL},
    SI_PLACE_CAP_OPTION,
    SI_PLACE_OPTIONS("The store; by default the context's audit sink"),
    SI_SIGNER_OPTION,
    SI_RETAIN_OPTIONS,
    SI_RETAIN_HOLD_OPTION,
    {"verify", 0, NULL, "Read all of it back from the store, and hold it to account", 0, NULL},
    {0},
};

const struct si_command si_cmd_runpack_export = {
    .path = "runpack export",
    .summary = "Put a runpack into a store: an operation's evidence, or a directory",
    .text =
        "Under lock, where that is asked for or the context's retention policy has it, every "
        "object is locked from its first moment on, and that is read back; a store that does not "
        "lock is refused before anything is stored (LOCK_UNSUPPORTED).",
    .options = export_options,
    .flags = SI_CMD_CONTEXT_MAYBE,
    .run = export_runpack,
};
