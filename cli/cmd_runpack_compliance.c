/* SPDX-License-Identifier: Apache-2.0 */
/* `si runpack compliance-report`: attempts on locks, and how everything is locked now. */
#include <string.h>

#include "cli/age.h"
#include "cli/retain.h"
#include "kit/base/text.h"
#include "paas/context/transfer.h"
#include "paas/retention/report.h"

#define DAY_MS 86400000ll

enum { REPORT_MAX = 256 << 20 };

/* A day that is named as the end is in it. */
static si_rc read_period(struct si_invocation *inv, struct si_report_options *options) {
  const char *from = si_opt(inv, "from"), *to = si_opt(inv, "to");
  if (si_moment_parse(from, &options->from_ms) != SI_OK ||
      si_moment_parse(to, &options->to_ms) != SI_OK) {
    return si_usage_error(inv, "--from and --to are times: 2026-11-20 or 2026-11-20T20:15:01Z");
  }
  options->to_ms += strlen(to) == strlen("2026-11-20") ? DAY_MS : 0;
  return options->from_ms < options->to_ms ? SI_OK
                                           : si_usage_error(inv, "--to is not after --from");
}

static si_rc write_file(struct si_invocation *inv, const char *option, const struct si_buf *text) {
  const char *file = si_opt(inv, option);
  si_rc status = file ? si_context_export_write(file, true, text, &inv->error) : SI_OK;
  if (file && status == SI_OK) {
    si_out_note(inv->out, "written: %s", file);
  }
  return status;
}

static si_rc write_out(struct si_invocation *inv, const cJSON *report) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(REPORT_MAX);
  struct si_buf page SI_AUTO(si_buf_free) = SI_BUF(REPORT_MAX);
  if (si_json_canonical(report, &text) != SI_OK || si_buf_puts(&text, "\n") != SI_OK ||
      si_retention_page(report, &page) != SI_OK) {
    return si_error_set(&inv->error, SI_E_NOMEM, "CLI_MEMORY", "the report cannot be written");
  }
  si_rc status = write_file(inv, "output", &text);
  return status == SI_OK ? write_file(inv, "page", &page) : status;
}

static void print_number(struct si_invocation *inv, const char *name, const cJSON *summary,
                         const char *key) {
  si_out_field(inv->out, name, "%lld", (long long)si_json_int(summary, key, 0, 1ll << 53, 0));
}

static si_rc print(struct si_invocation *inv, cJSON *report) {
  const cJSON *summary = si_json_get(report, "summary");
  si_out_field(inv->out, "audit chain", "%s", si_json_str(si_json_get(report, "chain"), "status"));
  print_number(inv, "attempts", summary, "attempts");
  print_number(inv, "denied", summary, "denied");
  print_number(inv, "runpacks", summary, "runpacks");
  print_number(inv, "all locked", summary, "all_locked");
  const cJSON *skew = si_json_get(si_json_get(si_json_get(report, "store"), "clock"), "skew_ms");
  si_retain_warn_skew(inv, cJSON_IsNumber(skew) ? (int64_t)skew->valuedouble : 0);
  return si_out_result(inv->out, report);
}

static si_rc report(struct si_invocation *inv) {
  struct si_place place SI_AUTO(si_place_close) = {.sink = NULL};
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  struct si_buf uri SI_AUTO(si_buf_free) = SI_BUF(SI_STORE_URI_SIZE);
  struct si_report_options options = {.si_version = SI_VERSION};
  struct si_error unasked = {.status = SI_OK};
  cJSON *json = NULL;
  si_rc status = read_period(inv, &options);
  status = status == SI_OK ? si_scope_open(&scope, inv, SI_STATE_READ) : status;
  if (status != SI_OK) {
    return status;
  }
  /* A store that cannot be reached must not keep back what the chain tells. */
  if (si_place_sink(inv, false, &place) == SI_OK) {
    options.store = si_place_store(&place);
    si_place_uri(&place, "", &uri);
  } else {
    unasked = inv->error;
    si_out_warn(inv->out, "the store cannot be asked: %s", unasked.message);
  }
  options.context = &scope.context;
  options.state = scope.state;
  options.unasked = &unasked;
  options.store_uri = si_buf_text(&uri);
  status = si_retention_report(&options, &json, &inv->error);
  if (!json) {
    return status;
  }
  struct si_error verdict = inv->error;
  si_rc written = write_out(inv, json);
  written = written == SI_OK ? print(inv, json) : written;
  if (status != SI_OK) {
    inv->error = verdict; /* a broken chain is what counts */
    return status;
  }
  return written == SI_OK && unasked.status != SI_OK ? (inv->error = unasked, unasked.status)
                                                     : written;
}

static const struct si_option report_options[] = {
    {"from", 0, "TIME", "From this day or moment on: 2026-11-01", SI_OPT_REQUIRED, NULL},
    {"to", 0, "TIME", "To the end of this day, or to this moment", SI_OPT_REQUIRED, NULL},
    {"output", 'o', "FILE", "Write it there, as JSON", 0, NULL},
    {"page", 0, "FILE", "Write it there, as a page for people (HTML)", 0, NULL},
    SI_PLACE_OPTIONS("The store; by default the context's audit sink"),
    {0},
};

const struct si_command si_cmd_runpack_compliance = {
    .path = "runpack compliance-report",
    .summary = "Report attempts on locks, and how all runpacks are locked now",
    .text =
        "Every attempt that the context's audit chain tells of in that time, allowed or denied: "
        "exports, copies, locks, holds, releases, prunes, attestations, changes of the policy. "
        "And every runpack that is named there or stands in the store, with its locks as read "
        "back now. Where the chain is broken the report says so, and the exit code is 8.",
    .options = report_options,
    .flags = SI_CMD_CONTEXT,
    .run = report,
};
