/* SPDX-License-Identifier: Apache-2.0 */
/* `si runpack ...`: evidence, put into a store and held to account. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/context.h"
#include "cli/grid.h"
#include "cli/interrupt.h"
#include "cli/scope.h"
#include "cli/signer.h"
#include "cli/trust.h"
#include "core/runpack/folder.h"
#include "core/runpack/list.h"
#include "core/runpack/verify.h"
#include "kit/base/text.h"
#include "paas/lifecycle/evidence.h"

static void close_session(struct si_session **session) {
  si_session_close(*session);
  *session = NULL;
}

static si_rc open_store(struct si_invocation *inv, const char *provider, const char *config,
                        struct si_session **out) {
  const struct si_session_options options = {
      .plugin = provider,
      .kind = SI_KIND_ARTIFACT,
      .config = config,
      .lock_fd = -1,
      .deadline_ns =
          inv->deadline_ns ? inv->deadline_ns : si_monotonic_ns() + 24ull * 3600 * 1000000000,
      .interrupt_fd = si_interrupt_fd(),
  };
  return si_session_open(&options, out, &inv->error);
}

/* The store that --sink and --config name; else the context's audit sink. `guarded`: something
 * goes there, and evidence must not lie in a repository (R16). */
static si_rc open_sink(struct si_invocation *inv, bool guarded, struct si_session **out) {
  struct si_context context SI_AUTO(si_context_free) = {.config = NULL};
  struct si_buf config SI_AUTO(si_buf_free) = SI_BUF(SI_ARG_MAX);
  const char *provider = si_opt(inv, "sink");
  const cJSON *base = NULL;
  si_rc status = SI_OK;
  if (!provider) {
    if (!inv->context[0]) {
      return si_usage_error(inv, "which store? give --sink with its --config, or --context NAME");
    }
    status = si_context_open(inv->context, &context, &inv->error);
    status = status == SI_OK ? si_context_provider(&context, "sink", &provider, &base, &inv->error)
                             : status;
  }
  status = status == SI_OK ? si_config_flags(inv, "config", base, &config) : status;
  if (status == SI_OK && guarded && !(context.config && si_context_unsafe(&context))) {
    status = si_context_guard_settings(config.data, &inv->error);
  }
  return status == SI_OK ? open_store(inv, provider, config.data, out) : status;
}

/* --- where a runpack is: a path or file:// URI, or the operation that left it --- */

struct place {
  struct si_session *session;
  char prefix[SI_KEY_SIZE];
};

static void place_free(struct place *place) {
  close_session(&place->session);
}

static si_rc place_of_path(struct si_invocation *inv, const char *path, struct place *place) {
  char absolute[SI_PATH_MAX];
  struct stat st;
  struct si_buf config SI_AUTO(si_buf_free) = SI_BUF(SI_ARG_MAX);
  const char *prefix = "";
  size_t root_len;
  if (si_path_absolute(path, absolute, sizeof absolute) != SI_OK) {
    return si_usage_error(inv, "the path is too long");
  }
  for (size_t len = strlen(absolute); len > 1 && absolute[len - 1] == '/'; len--) {
    absolute[len - 1] = '\0';
  }
  int err = stat(absolute, &st) != 0 ? errno : S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
  if (err) {
    si_error_set(&inv->error, SI_E_NOT_FOUND, "RUNPACK_NOT_FOUND", "%s: %s", path, strerror(err));
    return si_error_hint(&inv->error, "a runpack is the directory that holds manifest.json");
  }
  /* A runpack at its place tells the store's root; a copied one is a store by itself. */
  if (si_runpack_path_split(absolute, &root_len, &prefix) == SI_OK) {
    si_copy(place->prefix, sizeof place->prefix, prefix);
    absolute[root_len] = '\0';
  }
  si_rc status = si_buf_puts(&config, "{\"root\":");
  status = status == SI_OK ? si_json_quote(absolute, strlen(absolute), &config) : status;
  status = status == SI_OK ? si_buf_puts(&config, "}") : status;
  return status == SI_OK ? open_store(inv, "file", config.data, &place->session) : status;
}

static si_rc place_of_operation(struct si_invocation *inv, const char *id, struct place *place) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  struct si_operation operation SI_AUTO(si_operation_free) = {.id = ""};
  if (!inv->context[0]) {
    return si_usage_error(inv, "--operation needs a context: --context NAME");
  }
  si_rc status = si_scope_open(&scope, inv, SI_STATE_READ);
  status = status == SI_OK ? si_state_operation(scope.state, id, &operation, &inv->error) : status;
  if (status == SI_OK && strcmp(operation.evidence, "stored") != 0) {
    si_error_set(&inv->error, SI_E_NOT_FOUND, "RUNPACK_NOT_FOUND",
                 "the evidence of operation %s is not stored (%s)", operation.id,
                 operation.evidence);
    si_error_hint(&inv->error, "si paas --context %s reconcile --apply", inv->context);
    status = SI_E_NOT_FOUND;
  }
  if (status == SI_OK) {
    si_copy(place->prefix, sizeof place->prefix, operation.runpack);
    status = open_sink(inv, false, &place->session);
  }
  return status;
}

static si_rc find_place(struct si_invocation *inv, struct place *place) {
  const char *uri = si_arg(inv, 0);
  const char *operation = si_opt(inv, "operation");
  if (!uri == !operation) {
    return si_usage_error(inv, "name one runpack: a directory, or --operation ID");
  }
  if (operation) {
    return place_of_operation(inv, operation, place);
  }
  const char *scheme = strstr(uri, "://");
  if (scheme && strncmp(uri, "file://", 7) != 0) {
    si_error_set(&inv->error, SI_E_UNSUPPORTED, "RUNPACK_URI",
                 "\"%.100s\" names no store that this "
                 "si can open",
                 uri);
    return si_error_hint(&inv->error, "give a directory or file:///PATH");
  }
  return place_of_path(inv, scheme ? uri + 7 : uri, place);
}

/* --- verify --- */

static si_rc print_verdict(struct si_invocation *inv, const struct si_verify_report *report) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(8u << 20);
  cJSON *json = NULL;
  const cJSON *fault;
  si_rc status = si_report_json(report, &text);
  status = status == SI_OK ? si_json_parse(text.data, text.len, &json, NULL) : status;
  if (status != SI_OK) {
    return si_error_set(&inv->error, status, "CLI_MEMORY", "the report cannot be shown");
  }
  si_out_field(inv->out, "verdict", "%s", report->failures ? "FAIL" : "pass");
  si_out_field(inv->out, "checked", "%llu artifacts, %llu bytes",
               (unsigned long long)report->checked_files, (unsigned long long)report->bytes);
  si_out_field(inv->out, "rests on", "%s", si_report_rests_on(report));
  if (report->signer[0]) {
    si_out_field(inv->out, "signed by", "%s%s", report->signer,
                 report->trusted ? "" : " (not trusted here)");
  }
  si_out_field(inv->out, "placement", "%s", report->placed ? "matched" : "unknown");
  si_out_field(inv->out, "manifest", "sha256:%s", report->manifest_sha256);
  cJSON_ArrayForEach(fault, si_json_get(json, "errors")) {
    si_out_line(inv->out, "  %s", si_json_str(fault, "message"));
  }
  return si_out_result(inv->out, json);
}

static si_rc verify(struct si_invocation *inv) {
  struct place place SI_AUTO(place_free) = {.session = NULL};
  struct si_trust trust SI_AUTO(si_trust_close) = {.inv = inv};
  struct si_verify_report report SI_AUTO(si_report_free) = SI_VERIFY_REPORT;
  struct si_verify_options options = {.max_artifact_bytes = 0};
  si_rc status =
      si_opt_u64(inv, "max-artifact-bytes", 1, 1ull << 50, 0, &options.max_artifact_bytes);
  status = status == SI_OK ? si_trust_open(&trust, inv) : status;
  status = status == SI_OK ? find_place(inv, &place) : status;
  if (status != SI_OK) {
    return status;
  }
  struct si_store *store = si_session_store(place.session);
  si_trust_apply(&trust, &options);
  status = si_runpack_verify(store, place.prefix, &options, &report, &inv->error);
  if (status == SI_OK || status == SI_E_CORRUPT) {
    struct si_error verdict = inv->error;
    si_rc printed = print_verdict(inv, &report);
    if (printed == SI_OK || status != SI_OK) {
      inv->error = verdict; /* a report that cannot be shown changes no verdict */
    }
    return status == SI_OK ? printed : status;
  }
  return status;
}

static const struct si_option verify_options[] = {
    {"operation", 0, "ID", "The runpack that this operation left", 0, NULL},
    {"sink", 0, "ID", "The store, with --operation; by default the context's", 0, NULL},
    {"config", 0, "K=V", "A setting of the store, or a JSON file of them", SI_OPT_REPEAT, NULL},
    {"max-artifact-bytes", 0, "N", "The largest artifact that is accepted; 16777216 by default", 0,
     NULL},
    SI_TRUST_OPTIONS,
    {0},
};

const struct si_command si_cmd_runpack_verify = {
    .path = "runpack verify",
    .summary = "Read every byte of a runpack again and hold it against its manifest",
    .text =
        "Needs no state, and no network but the store's. Exit code 8, and the artifact's name, "
        "where anything differs.\n\n"
        "A pass rests on a signature by a key that is trusted (--key, or the context's own), on an "
        "audit chain that tells of it (--audit, or --context), or on nothing but itself.",
    .params = {{"URI", SI_PARAM_OPTIONAL, "The runpack's directory, or file:///DIR"}},
    .options = verify_options,
    .flags = SI_CMD_CONTEXT_MAYBE,
    .run = verify,
};

/* --- show --- */

static si_rc show(struct si_invocation *inv) {
  static const char *const fields[] = {"tenant_id", "namespace_id", "scenario_id", "run_id",
                                       "spec_hash"};
  struct place place SI_AUTO(place_free) = {.session = NULL};
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_MANIFEST_MAX);
  cJSON *manifest = NULL;
  const cJSON *artifact;
  struct si_grid table SI_AUTO(si_grid_free) = SI_GRID("ARTIFACT", "KIND", "TYPE", "SHA256");
  si_rc status = find_place(inv, &place);
  status = status == SI_OK ? si_runpack_manifest(si_session_store(place.session), place.prefix,
                                                 &text, &inv->error)
                           : status;
  status = status == SI_OK ? si_json_parse(si_buf_text(&text), text.len, &manifest, &inv->error)
                           : status;
  if (status != SI_OK) {
    return status;
  }
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    const cJSON *field = si_json_get(manifest, fields[i]);
    /* A hash is {algorithm, value}. */
    const char *value =
        cJSON_IsObject(field) ? si_json_str(field, "value") : cJSON_GetStringValue(field);
    si_out_field(inv->out, fields[i], "%s", value ? value : "-");
  }
  cJSON_ArrayForEach(artifact, si_json_get(manifest, "artifacts")) {
    const char *path = si_json_str(artifact, "path");
    si_grid_row(&table, path ? path : "-", si_json_str(artifact, "kind"),
                si_json_str(artifact, "content_type"),
                si_json_str(si_json_get(artifact, "hash"), "value"));
  }
  si_out_line(inv->out, "%s", "");
  si_grid_print(inv->out, &table);
  return si_out_result(inv->out, manifest);
}

static const struct si_option show_options[] = {
    {"operation", 0, "ID", "The runpack that this operation left", 0, NULL},
    {"sink", 0, "ID", "The store, with --operation; by default the context's", 0, NULL},
    {"config", 0, "K=V", "A setting of the store, or a JSON file of them", SI_OPT_REPEAT, NULL},
    {0},
};

const struct si_command si_cmd_runpack_show = {
    .path = "runpack show",
    .summary = "Show a runpack's manifest, unverified",
    .params = {{"URI", SI_PARAM_OPTIONAL, "The runpack's directory, or file:///DIR"}},
    .options = show_options,
    .flags = SI_CMD_CONTEXT_MAYBE,
    .run = show,
};

/* --- list --- */

struct listing {
  struct si_grid table;
  cJSON *json;
};

static si_rc list_one(void *ctx, const struct si_runpack_found *found) {
  struct listing *listing = ctx;
  cJSON *item = cJSON_CreateObject();
  si_grid_row(&listing->table, found->ids.run, found->ids.scenario, found->ids.namespace_id,
              found->complete ? "complete" : "incomplete");
  cJSON_AddStringToObject(item, "tenant", found->ids.tenant);
  cJSON_AddStringToObject(item, "namespace", found->ids.namespace_id);
  cJSON_AddStringToObject(item, "scenario", found->ids.scenario);
  cJSON_AddStringToObject(item, "run", found->ids.run);
  cJSON_AddStringToObject(item, "prefix", found->prefix);
  cJSON_AddBoolToObject(item, "complete", found->complete);
  return cJSON_AddItemToArray(listing->json, item) ? SI_OK : SI_E_NOMEM;
}

static si_rc list(struct si_invocation *inv) {
  struct si_session *session SI_AUTO(close_session) = NULL;
  struct listing listing = {.table = SI_GRID("RUN", "SCENARIO", "NAMESPACE", "STATE"),
                            .json = cJSON_CreateArray()};
  char under[SI_KEY_SIZE] = "";
  si_rc status = open_sink(inv, false, &session);
  if (status == SI_OK) {
    if (inv->context[0]) {
      si_rc fits = si_path_join(under, sizeof under, "tenant", inv->context);
      (void)fits; /* a context's name is short */
    }
    status =
        si_runpack_list(si_session_store(session), under, &listing, list_one, NULL, &inv->error);
  }
  si_grid_print(inv->out, &listing.table);
  si_grid_free(&listing.table);
  if (status != SI_OK) {
    cJSON_Delete(listing.json);
    return status;
  }
  return si_out_list(inv->out, listing.json);
}

static const struct si_option sink_options[] = {
    {"sink", 0, "ID", "The store; by default the context's audit sink", 0, NULL},
    {"config", 0, "K=V", "A setting of the store, or a JSON file of them", SI_OPT_REPEAT, NULL},
    {0},
};

const struct si_command si_cmd_runpack_list = {
    .path = "runpack list",
    .summary = "List the runpacks of a store",
    .options = sink_options,
    .flags = SI_CMD_CONTEXT_MAYBE,
    .run = list,
};

/* --- export --- */

static si_rc print_export(struct si_invocation *inv, const struct si_export_result *result) {
  cJSON *json = cJSON_CreateObject();
  si_out_field(inv->out, "runpack", "%s", result->prefix);
  si_out_field(inv->out, "manifest", "sha256:%s", result->manifest_sha256);
  si_out_field(inv->out, "artifacts", "%llu, %llu bytes", (unsigned long long)result->artifacts,
               (unsigned long long)result->bytes);
  cJSON_AddStringToObject(json, "prefix", result->prefix);
  cJSON_AddStringToObject(json, "manifest_sha256", result->manifest_sha256);
  cJSON_AddNumberToObject(json, "artifacts", (double)result->artifacts);
  if (si_json_add_u64(json, "bytes", result->bytes) != SI_OK) {
    cJSON_Delete(json);
    json = NULL;
  }
  return si_out_result(inv->out, json);
}

static si_rc export_operation(struct si_invocation *inv, struct si_store *store,
                              struct si_export_result *result) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  struct si_operation operation SI_AUTO(si_operation_free) = {.id = ""};
  if (!inv->context[0]) {
    return si_usage_error(inv, "--operation needs a context: --context NAME");
  }
  si_rc status = si_scope_open(&scope, inv, SI_STATE_WRITE);
  status = status == SI_OK
               ? si_state_operation(scope.state, si_opt(inv, "operation"), &operation, &inv->error)
               : status;
  return status == SI_OK ? si_evidence_export(&scope.life, &operation, store, result, &inv->error)
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

static si_rc export_folder(struct si_invocation *inv, struct si_store *store,
                           struct si_export_result *result) {
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
  status = status == SI_OK ? si_opt_u64(inv, "max-artifact-bytes", 1, 1ull << 50, 0,
                                        &options.max_artifact_bytes)
                           : status;
  status = status == SI_OK ? read_description(inv, &description) : status;
  status = status == SI_OK ? si_signer_open(inv, options.tenant, &key) : status;
  options.sign_key = key.data;
  status = status == SI_OK
               ? si_export_begin(store, &options, si_buf_text(&spec), spec.len, &e, &inv->error)
               : status;
  status = status == SI_OK ? si_export_add_folder(e, dir, &description, &inv->error) : status;
  return status == SI_OK ? si_export_finish(e, result, &inv->error) : status;
}

/* What goes into a context's own evidence, or comes from it, is an event of that context. */
static si_rc tell_export(struct si_invocation *inv, const struct si_export_result *result) {
  struct si_context context SI_AUTO(si_context_free) = {.config = NULL};
  cJSON *fields = cJSON_CreateObject();
  cJSON_AddStringToObject(fields, "manifest_sha256", result->manifest_sha256);
  cJSON_AddStringToObject(fields, "runpack", result->prefix);
  si_rc status = si_context_open(inv->context, &context, &inv->error);
  if (status != SI_OK) {
    cJSON_Delete(fields);
    return status;
  }
  return si_context_audit(inv, &context, "runpack.export", fields);
}

static si_rc export_runpack(struct si_invocation *inv) {
  struct si_session *session SI_AUTO(close_session) = NULL;
  struct si_export_result result;
  const char *from = si_opt(inv, "from");
  const char *operation = si_opt(inv, "operation");
  if (!from == !operation) {
    return si_usage_error(inv, "say what to export: --from DIR, or --operation ID");
  }
  bool contexts = inv->context[0] && (operation || !si_opt(inv, "sink"));
  if (contexts) {
    si_changes(inv, inv->context);
  }
  si_rc status = open_sink(inv, true, &session);
  if (status != SI_OK) {
    return status;
  }
  struct si_store *store = si_session_store(session);
  status = operation ? export_operation(inv, store, &result) : export_folder(inv, store, &result);
  status = status == SI_OK && contexts ? tell_export(inv, &result) : status;
  return status == SI_OK ? print_export(inv, &result) : status;
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
    {"max-artifact-bytes", 0, "N", "The largest artifact that is accepted; 16777216 by default", 0,
     NULL},
    SI_SIGNER_OPTION,
    {"sink", 0, "ID", "The store; by default the context's audit sink", 0, NULL},
    {"config", 0, "K=V", "A setting of the store, or a JSON file of them", SI_OPT_REPEAT, NULL},
    {0},
};

const struct si_command si_cmd_runpack_export = {
    .path = "runpack export",
    .summary = "Put a runpack into a store: an operation's evidence, or a directory",
    .options = export_options,
    .flags = SI_CMD_CONTEXT_MAYBE,
    .run = export_runpack,
};
