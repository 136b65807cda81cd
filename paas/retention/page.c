/* SPDX-License-Identifier: Apache-2.0 */
/* paas/retention/page.c - the compliance report as one HTML page. */
#include <string.h>

#include "paas/retention/report.h"

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
    "'unsafe-inline'\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<title>Compliance report</title>\n<style>\n"
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:78rem;padding:0 1rem;"
    "color:#1b1f24;background:#fff}\n"
    "h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}\n"
    "table{border-collapse:collapse;width:100%;font-size:.86rem}\n"
    "th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid #d8dee4;"
    "overflow-wrap:anywhere}\nth{background:#f3f5f7}\n"
    "dl{display:grid;grid-template-columns:max-content auto;gap:.2rem 1.2rem}dt{color:#57606a}dd{"
    "margin:0}\n"
    ".bad{color:#a40e26;font-weight:600}.good{color:#116329;font-weight:600}\n"
    "@media print{body{margin:0}}\n</style></head><body>\n";

static si_rc escape(struct si_buf *out, const char *text) {
  si_rc status = SI_OK;
  for (; status == SI_OK && *text; text++) {
    unsigned char c = (unsigned char)*text;
    status = c == '&'    ? si_buf_puts(out, "&amp;")
             : c == '<'  ? si_buf_puts(out, "&lt;")
             : c == '>'  ? si_buf_puts(out, "&gt;")
             : c == '"'  ? si_buf_puts(out, "&quot;")
             : c == '\'' ? si_buf_puts(out, "&#39;")
             : c < ' '   ? si_buf_puts(out, " ")
                         : si_buf_add(out, text, 1);
  }
  return status;
}

/* A value as a person reads it; nothing where it is null. */
static si_rc put(struct si_buf *out, const cJSON *value) {
  return cJSON_IsString(value)   ? escape(out, value->valuestring)
         : cJSON_IsNumber(value) ? si_buf_printf(out, "%.0f", value->valuedouble)
         : cJSON_IsBool(value)   ? si_buf_puts(out, cJSON_IsTrue(value) ? "yes" : "no")
                                 : si_buf_puts(out, "&ndash;");
}

static si_rc field(struct si_buf *out, const char *name, const cJSON *value) {
  si_rc status = si_buf_printf(out, "<dt>%s</dt><dd>", name);
  status = status == SI_OK ? put(out, value) : status;
  return status == SI_OK ? si_buf_puts(out, "</dd>\n") : status;
}

struct column {
  const char *head, *key;
};

/* Is it what a reader must see first: a denial, or a runpack that is not locked? */
static const char *class_of(const cJSON *row) {
  const char *outcome = si_json_str(row, "outcome");
  const cJSON *locked = si_json_get(row, "all_locked");
  bool bad = (outcome && strcmp(outcome, "ok") != 0 && strcmp(outcome, "started") != 0) ||
             (locked && !cJSON_IsTrue(locked));
  return bad ? " class=\"bad\"" : "";
}

static si_rc table(struct si_buf *out, const cJSON *rows, const struct column *columns) {
  const cJSON *row = NULL;
  si_rc status = si_buf_puts(out, "<table><thead><tr>");
  for (size_t i = 0; status == SI_OK && columns[i].head; i++) {
    status = si_buf_printf(out, "<th>%s</th>", columns[i].head);
  }
  status = status == SI_OK ? si_buf_puts(out, "</tr></thead><tbody>\n") : status;
  cJSON_ArrayForEach(row, rows) {
    status = status == SI_OK ? si_buf_puts(out, "<tr>") : status;
    for (size_t i = 0; status == SI_OK && columns[i].head; i++) {
      status = si_buf_printf(out, "<td%s>", i == 0 ? class_of(row) : "");
      status = status == SI_OK ? put(out, si_json_get(row, columns[i].key)) : status;
      status = status == SI_OK ? si_buf_puts(out, "</td>") : status;
    }
    status = status == SI_OK ? si_buf_puts(out, "</tr>\n") : status;
  }
  return status == SI_OK ? si_buf_puts(out, "</tbody></table>\n") : status;
}

static si_rc put_chain(struct si_buf *out, const cJSON *chain) {
  const char *state = si_json_str(chain, "status");
  bool good = state && strcmp(state, "good") == 0;
  const cJSON *message = si_json_get(chain, "message");
  si_rc status = si_buf_printf(
      out, "<dt>audit chain</dt><dd class=\"%s\">%s", good ? "good" : "bad",
      good ? "whole, and verified" : "BROKEN: what follows is only what came before. ");
  status = status == SI_OK && !good ? put(out, message) : status;
  return status == SI_OK ? si_buf_puts(out, "</dd>\n") : status;
}

static si_rc put_head(struct si_buf *out, const cJSON *report) {
  const cJSON *summary = si_json_get(report, "summary");
  const cJSON *clock = si_json_get(si_json_get(report, "store"), "clock");
  const struct {
    const char *name;
    const cJSON *value;
  } fields[] = {{"context", si_json_get(si_json_get(report, "context"), "name")},
                {"from", si_json_get(report, "from")},
                {"to (without)", si_json_get(report, "to")},
                {"made at", si_json_get(report, "made_at")},
                {"store", si_json_get(si_json_get(report, "store"), "uri")},
                {"clock ahead of the store's, ms", si_json_get(clock, "skew_ms")},
                {"attempts", si_json_get(summary, "attempts")},
                {"denied or failed", si_json_get(summary, "denied")},
                {"runpacks", si_json_get(summary, "runpacks")},
                {"of them wholly locked", si_json_get(summary, "all_locked")}};
  si_rc status = si_buf_puts(out, "<h1>Compliance report</h1>\n<dl>\n");
  for (size_t i = 0; status == SI_OK && i < sizeof fields / sizeof *fields; i++) {
    status = field(out, fields[i].name, fields[i].value);
  }
  status = status == SI_OK ? put_chain(out, si_json_get(report, "chain")) : status;
  return status == SI_OK ? si_buf_puts(out, "</dl>\n") : status;
}

si_rc si_retention_page(const cJSON *report, struct si_buf *out) {
  static const struct column runpacks[] = {{"runpack", "prefix"},
                                           {"complete", "complete"},
                                           {"all locked", "all_locked"},
                                           {"objects", "objects"},
                                           {"locked", "locked"},
                                           {"weakest mode", "weakest_mode"},
                                           {"earliest end", "earliest_until"},
                                           {"held", "held"},
                                           {"why unknown", "message"},
                                           {NULL, NULL}};
  static const struct column attempts[] = {
      {"outcome", "outcome"}, {"at", "at"},       {"action", "action"},   {"who", "who"},
      {"runpack", "runpack"}, {"asked", "asked"}, {"mode", "mode"},       {"until", "until"},
      {"reason", "reason"},   {"code", "code"},   {"message", "message"}, {NULL, NULL}};
  si_rc status = si_buf_puts(out, head);
  status = status == SI_OK ? put_head(out, report) : status;
  status =
      status == SI_OK ? si_buf_puts(out, "<h2>Runpacks, as their store tells now</h2>\n") : status;
  status = status == SI_OK ? table(out, si_json_get(report, "runpacks"), runpacks) : status;
  status =
      status == SI_OK ? si_buf_puts(out, "<h2>Attempts, as the audit chain tells</h2>\n") : status;
  status = status == SI_OK ? table(out, si_json_get(report, "attempts"), attempts) : status;
  return status == SI_OK ? si_buf_puts(out, "</body></html>\n") : status;
}
