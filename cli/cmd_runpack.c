/* SPDX-License-Identifier: Apache-2.0 */
/* `si runpack verify|show|list`: evidence, held to account. */
#include <stdio.h>
#include <string.h>

#include "cli/age.h"
#include "cli/grid.h"
#include "cli/runpack_store.h"
#include "cli/trust.h"
#include "core/runpack/list.h"
#include "core/runpack/manifest.h"
#include "core/runpack/verify.h"
#include "kit/base/path.h"
#include "kit/base/text.h"

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
  struct si_place place SI_AUTO(si_place_close) = {.sink = NULL};
  struct si_trust trust SI_AUTO(si_trust_close) = {.inv = inv};
  struct si_verify_report report SI_AUTO(si_report_free) = SI_VERIFY_REPORT;
  struct si_verify_options options = {.max_artifact_bytes = 0};
  si_rc status = si_trust_open(&trust, inv);
  status = status == SI_OK ? si_place_runpack(inv, &place) : status;
  status =
      status == SI_OK ? si_place_max_artifact(inv, &place, &options.max_artifact_bytes) : status;
  if (status != SI_OK) {
    return status;
  }
  struct si_store *store = si_place_store(&place);
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
    SI_PLACE_OPTIONS("The store, with --operation or a URI; by default the context's"),
    SI_PLACE_CAP_OPTION,
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
    .params = {{"URI", SI_PARAM_OPTIONAL, SI_PLACE_PARAM}},
    .options = verify_options,
    .flags = SI_CMD_CONTEXT_MAYBE,
    .run = verify,
};

/* --- show --- */

/* Where it was found; a manifest that has such a field keeps its own. */
static void show_uri(struct si_invocation *inv, struct si_place *place, cJSON *manifest) {
  struct si_buf uri SI_AUTO(si_buf_free) = SI_BUF(SI_STORE_URI_SIZE);
  si_place_uri(place, place->prefix, &uri);
  if (uri.len) {
    si_out_field(inv->out, "stored at", "%s", uri.data);
  }
  if (!si_json_get(manifest, "storage_uri")) {
    si_rc added = si_json_add_text(manifest, "storage_uri", uri.data);
    (void)added; /* information only */
  }
}

static si_rc show(struct si_invocation *inv) {
  static const char *const fields[] = {"tenant_id", "namespace_id", "scenario_id", "run_id",
                                       "spec_hash"};
  struct si_place place SI_AUTO(si_place_close) = {.sink = NULL};
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_MANIFEST_SHOW_MAX);
  cJSON *manifest = NULL;
  const cJSON *artifact;
  struct si_grid table SI_AUTO(si_grid_free) = SI_GRID("ARTIFACT", "KIND", "TYPE", "SHA256");
  si_rc status = si_place_runpack(inv, &place);
  status = status == SI_OK
               ? si_runpack_manifest(si_place_store(&place), place.prefix, &text, &inv->error)
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
  show_uri(inv, &place, manifest);
  si_out_line(inv->out, "%s", "");
  si_grid_print(inv->out, &table);
  return si_out_result(inv->out, manifest);
}

static const struct si_option show_options[] = {
    {"operation", 0, "ID", "The runpack that this operation left", 0, NULL},
    SI_PLACE_OPTIONS("The store, with --operation or a URI; by default the context's"),
    {0},
};

const struct si_command si_cmd_runpack_show = {
    .path = "runpack show",
    .summary = "Show a runpack's manifest, unverified",
    .params = {{"URI", SI_PARAM_OPTIONAL, SI_PLACE_PARAM}},
    .options = show_options,
    .flags = SI_CMD_CONTEXT_MAYBE,
    .run = show,
};

/* --- list --- */

struct listing {
  struct si_grid table;
  cJSON *json;
  const char *root; /* the store's URI, without a '/' at its end; "" where it tells none */
  int64_t now_ms;
};

static si_rc list_json(const struct listing *listing, const struct si_runpack_found *found,
                       cJSON *item) {
  char uri[SI_STORE_URI_SIZE + SI_KEY_SIZE] = "";
  char newest[SI_TIME_SIZE] = "";
  if (listing->root[0]) {
    snprintf(uri, sizeof uri, "%s/%s", listing->root, found->prefix);
  }
  if (found->newest_ms) {
    si_time_text(found->newest_ms, newest);
  }
  cJSON_AddStringToObject(item, "tenant", found->ids.tenant);
  cJSON_AddStringToObject(item, "namespace", found->ids.namespace_id);
  cJSON_AddStringToObject(item, "scenario", found->ids.scenario);
  cJSON_AddStringToObject(item, "run", found->ids.run);
  cJSON_AddStringToObject(item, "prefix", found->prefix);
  cJSON_AddBoolToObject(item, "complete", found->complete);
  si_rc status = si_json_add_u64(item, "objects", found->objects);
  status = status == SI_OK ? si_json_add_u64(item, "bytes", found->bytes) : status;
  status = status == SI_OK ? si_json_add_text(item, "newest_at", newest) : status;
  return status == SI_OK ? si_json_add_text(item, "storage_uri", uri) : status;
}

static si_rc list_one(void *ctx, const struct si_runpack_found *found) {
  struct listing *listing = ctx;
  char age[SI_AGE_SIZE];
  cJSON *item = cJSON_CreateObject();
  si_age_text(found->newest_ms, listing->now_ms, age);
  si_grid_row(&listing->table, found->ids.run, found->ids.scenario, found->ids.namespace_id,
              found->complete ? "complete" : "incomplete", age);
  if (!cJSON_AddItemToArray(listing->json, item)) {
    return SI_E_NOMEM;
  }
  return list_json(listing, found, item);
}

static si_rc list(struct si_invocation *inv) {
  struct si_place place SI_AUTO(si_place_close) = {.sink = NULL};
  struct si_buf root SI_AUTO(si_buf_free) = SI_BUF(SI_STORE_URI_SIZE);
  struct listing listing = {.table = SI_GRID("RUN", "SCENARIO", "NAMESPACE", "STATE", "AGE"),
                            .json = cJSON_CreateArray(),
                            .now_ms = si_now_ms()};
  char under[SI_KEY_SIZE] = "";
  si_rc status = si_place_sink(inv, false, &place);
  if (status == SI_OK) {
    if (inv->context[0]) {
      si_rc fits = si_path_join(under, sizeof under, "tenant", inv->context);
      (void)fits; /* a context's name is short */
    }
    si_place_uri(&place, "", &root);
    if (root.len && root.data[root.len - 1] == '/') {
      root.data[--root.len] = '\0';
    }
    listing.root = si_buf_text(&root);
    status = si_runpack_list(si_place_store(&place), under, &listing, list_one, NULL, &inv->error);
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
    SI_PLACE_OPTIONS("The store; by default the context's audit sink"),
    {0},
};

const struct si_command si_cmd_runpack_list = {
    .path = "runpack list",
    .summary = "List the runpacks of a store",
    .text = "With a context only those of its own tenant, which bears its name.",
    .options = sink_options,
    .flags = SI_CMD_CONTEXT_MAYBE,
    .run = list,
};
