/* SPDX-License-Identifier: Apache-2.0 */
/* `si runpack copy`: evidence, on its way to another store. */
#include <string.h>

#include "cli/context.h"
#include "cli/progress.h"
#include "cli/retain.h"
#include "core/runpack/copy.h"
#include "core/runpack/verify.h"
#include "kit/base/text.h"

struct copying {
  struct si_place from;
  struct si_place to;
  struct si_retention_terms terms; /* in the destination */
  struct si_progress *progress;
};

static void close_copying(struct copying *c) {
  si_progress_end(&c->progress);
  si_retention_terms_free(&c->terms);
  si_place_close(&c->from);
  si_place_close(&c->to);
}

static void on_progress(void *ctx, enum si_copy_stage stage, uint64_t done, uint64_t total) {
  static const char *const stages[] = {"verifying the source", "copying", "verifying the copy"};
  struct copying *c = ctx;
  si_progress_update(c->progress, done, total, stages[stage]);
}

/* What leaves a context's own evidence is an event of that context. */
static si_rc tell(struct si_invocation *inv, const struct si_copy_result *result,
                  const struct si_buf *uri) {
  struct si_context context SI_AUTO(si_context_free) = {.config = NULL};
  cJSON *fields = si_about(inv);
  cJSON_AddStringToObject(fields, "manifest_sha256", result->manifest_sha256);
  cJSON_DeleteItemFromObjectCaseSensitive(fields, "runpack");
  cJSON_AddStringToObject(fields, "runpack", result->prefix);
  cJSON_AddStringToObject(fields, "to", si_buf_text(uri));
  si_retain_about(inv, result->lock.mode, result->lock.until_ms);
  si_rc status = si_context_open(inv->context, &context, &inv->error);
  return status == SI_OK
             ? si_context_audit(inv, &context, "runpack.copy", cJSON_Duplicate(fields, true))
             : status;
}

/* The scenario that a policy knows it by: of its place, or as its manifest says. */
static si_rc scenario_of(struct si_invocation *inv, struct si_place *from,
                         struct si_runpack_ids *ids) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_MANIFEST_SHOW_MAX);
  cJSON *manifest SI_AUTO(si_json_free) = NULL;
  if (si_runpack_prefix_parse(from->prefix, ids) == SI_OK) {
    return SI_OK;
  }
  si_rc status = si_runpack_manifest(si_place_store(from), from->prefix, &text, &inv->error);
  status = status == SI_OK ? si_json_parse(si_buf_text(&text), text.len, &manifest, &inv->error)
                           : status;
  if (status == SI_OK) {
    si_copy(ids->scenario, sizeof ids->scenario, si_json_str(manifest, "scenario_id"));
  }
  return status;
}

/* What the destination is to lock it with. */
static si_rc reckon(struct si_invocation *inv, struct copying *c,
                    const struct si_retention_ask *ask, bool *told) {
  struct si_runpack_ids ids = {.scenario = ""};
  const struct si_context *owner = si_place_owner(&c->from);
  owner = owner ? owner : si_place_owner(&c->to);
  bool asked = ask->keep_ms || ask->until_ms || ask->held || ask->mode != SI_LOCK_NONE;
  const cJSON *policy = owner ? si_json_get(owner->config, "retention") : NULL;
  if (!asked && !policy) {
    return SI_OK;
  }
  if (owner) {
    *told = true;
    si_changes(inv, inv->context);
    cJSON_AddStringToObject(si_about(inv), "runpack", c->from.prefix);
  }
  si_rc status = scenario_of(inv, &c->from, &ids);
  return status == SI_OK ? si_retention_terms(owner, ids.scenario, ask, &c->terms, &inv->error)
                         : status;
}

static si_rc print(struct si_invocation *inv, const struct si_copy_result *result,
                   const struct si_buf *uri) {
  cJSON *json = cJSON_CreateObject();
  si_out_field(inv->out, "runpack", "%s", result->prefix);
  if (uri->len) {
    si_out_field(inv->out, "stored at", "%s", uri->data);
  }
  si_out_field(inv->out, "manifest", "sha256:%s", result->manifest_sha256);
  si_out_field(inv->out, "artifacts", "%llu, %llu bytes", (unsigned long long)result->artifacts,
               (unsigned long long)result->bytes);
  si_out_field(inv->out, "outcome", "%s",
               result->already ? "was there already, and verifies" : "copied, and verifies");
  cJSON_AddStringToObject(json, "prefix", result->prefix);
  cJSON_AddStringToObject(json, "manifest_sha256", result->manifest_sha256);
  cJSON_AddNumberToObject(json, "artifacts", (double)result->artifacts);
  cJSON_AddBoolToObject(json, "already", result->already);
  if (si_json_add_u64(json, "bytes", result->bytes) != SI_OK ||
      si_json_add_text(json, "storage_uri", uri->data) != SI_OK ||
      si_retain_add(inv, &result->lock, result->skew_ms, json) != SI_OK) {
    cJSON_Delete(json);
    json = NULL;
  }
  return si_out_result(inv->out, json);
}

static si_rc copy(struct si_invocation *inv) {
  struct copying c SI_AUTO(close_copying) = {.terms = SI_RETENTION_TERMS};
  struct si_buf uri SI_AUTO(si_buf_free) = SI_BUF(SI_STORE_URI_SIZE);
  struct si_copy_options options = {.progress = on_progress, .ctx = &c};
  struct si_copy_result result;
  struct si_retention_ask ask;
  bool contexts = inv->context[0] && si_opt(inv, "operation");
  if (contexts) {
    si_changes(inv, inv->context);
  }
  si_rc status = si_retain_ask(inv, true, &ask);
  status = status == SI_OK ? si_place_runpack(inv, &c.from) : status;
  status =
      status == SI_OK ? si_place_max_artifact(inv, &c.from, &options.max_artifact_bytes) : status;
  if (status == SI_OK && c.from.context.config) {
    contexts = true;
    si_changes(inv, inv->context);
  }
  status = status == SI_OK ? si_place_destination(inv, &c.to) : status;
  status = status == SI_OK ? reckon(inv, &c, &ask, &contexts) : status;
  options.lock = c.terms.locked ? &c.terms.lock : NULL;
  if (status != SI_OK) {
    return status;
  }
  c.progress = si_progress_start(inv->out, "copy");
  status = si_runpack_copy(si_place_store(&c.from), c.from.prefix, si_place_store(&c.to), &options,
                           &result, &inv->error);
  si_progress_end(&c.progress);
  if (status != SI_OK) {
    return status;
  }
  si_place_uri(&c.to, result.prefix, &uri);
  status = contexts ? tell(inv, &result, &uri) : SI_OK;
  return status == SI_OK ? print(inv, &result, &uri) : status;
}

static const struct si_option copy_options[] = {
    {"to-sink", 0, "ID", "The store that it goes to", SI_OPT_REQUIRED, NULL},
    {"to-config", 0, "K=V", "A setting of that store, or a JSON file of them", SI_OPT_REPEAT, NULL},
    {"operation", 0, "ID", "The runpack that this operation left", 0, NULL},
    SI_PLACE_OPTIONS("The store it comes from, with --operation or a URI; else the context's"),
    SI_PLACE_CAP_OPTION,
    SI_RETAIN_OPTIONS,
    SI_RETAIN_HOLD_OPTION,
    {0},
};

const struct si_command si_cmd_runpack_copy = {
    .path = "runpack copy",
    .summary = "Copy a runpack to another store, verified before and after",
    .text =
        "It goes to the place that its ids say, byte for byte, the manifest last and never over "
        "another. What does not verify is not copied; an interrupted copy is incomplete, and "
        "copying again completes it. The same runpack at that place already is success. Under "
        "lock, "
        "where that is asked for or the context's retention policy has it, the copy is locked, and "
        "that is read back.",
    .params = {{"URI", SI_PARAM_OPTIONAL, SI_PLACE_PARAM}},
    .options = copy_options,
    .flags = SI_CMD_CONTEXT_MAYBE,
    .run = copy,
};
