/* SPDX-License-Identifier: Apache-2.0 */
#include "core/runpack/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kit/base/json.h"
#include "kit/base/text.h"

/* What a store or a manifest says may reach a terminal: nothing in it moves the cursor. */
static void plain(char *text) {
  for (; *text; text++) {
    if ((unsigned char)*text < 0x20 || *text == 0x7f) {
      *text = '?';
    }
  }
}

static si_rc add_fault(struct si_buf *faults, const char *code, const char *artifact,
                       const char *message) {
  si_rc status = si_buf_puts(faults, faults->len ? ",{\"artifact\":" : "{\"artifact\":");
  status = status == SI_OK ? si_json_quote(artifact, strlen(artifact), faults) : status;
  status = status == SI_OK ? si_buf_puts(faults, ",\"code\":") : status;
  status = status == SI_OK ? si_json_quote(code, strlen(code), faults) : status;
  status = status == SI_OK ? si_buf_puts(faults, ",\"message\":") : status;
  status = status == SI_OK ? si_json_quote(message, strlen(message), faults) : status;
  return status == SI_OK ? si_buf_puts(faults, "}") : status;
}

void si_report_fault(struct si_verify_report *report, const char *code, const char *artifact,
                     const char *fmt, ...) {
  char message[SI_KEY_SIZE + 256];
  char name[SI_KEY_SIZE];
  if (report->failures++ >= SI_REPORT_FAULTS) {
    return;
  }
  va_list args;
  va_start(args, fmt);
  int n = vsnprintf(message, sizeof message, fmt, args);
  va_end(args);
  if (n < 0) {
    message[0] = '\0';
  }
  si_copy(name, sizeof name, artifact);
  plain(message);
  plain(name);
  if (report->failures == 1) {
    si_copy(report->first_code, sizeof report->first_code, code);
    si_copy(report->first_artifact, sizeof report->first_artifact, name);
    si_copy(report->first_message, sizeof report->first_message, message);
  }
  size_t before = report->faults.len;
  if (add_fault(&report->faults, code, name, message) != SI_OK) {
    report->faults.len = before; /* no memory for its text: it still counts */
  }
}

const char *si_report_rests_on(const struct si_verify_report *report) {
  return report->anchored ? "anchored" : report->trusted ? "signed" : "self-consistent";
}

si_rc si_report_json(const struct si_verify_report *report, struct si_buf *out) {
  const char *quote = report->signer[0] ? "\"" : "";
  si_rc status =
      si_buf_printf(out, "{\"anchored\":%s,\"bytes\":%llu,\"checked_files\":%llu,\"errors\":[",
                    report->anchored ? "true" : "false", (unsigned long long)report->bytes,
                    (unsigned long long)report->checked_files);
  status =
      status == SI_OK ? si_buf_add(out, si_buf_text(&report->faults), report->faults.len) : status;
  status = status == SI_OK
               ? si_buf_printf(out,
                               "],\"failures\":%llu,\"manifest_sha256\":\"%s\",\"placement\":"
                               "\"%s\",\"rests_on\":\"%s\",",
                               (unsigned long long)report->failures, report->manifest_sha256,
                               report->placed ? "matched" : "unknown", si_report_rests_on(report))
               : status;
  return status == SI_OK
             ? si_buf_printf(out,
                             "\"signature\":{\"key\":%s%s%s,\"trusted\":%s},\"status\":\"%s\"}",
                             quote, report->signer[0] ? report->signer : "null", quote,
                             report->trusted ? "true" : "false", report->failures ? "fail" : "pass")
             : status;
}

void si_report_free(struct si_verify_report *report) {
  si_buf_free(&report->faults);
}
