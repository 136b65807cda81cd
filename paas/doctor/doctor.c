/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/doctor/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "paas/doctor/engine.h"
#include "paas/doctor/private.h"
#include "paas/doctor/record.h"
#include "paas/doctor/repos.h"
#include "paas/doctor/vaults.h"

enum { DETAIL_MAX = 2048, REMEDY_MAX = 1200 };

const char *si_doctor_severity(int severity) {
  static const char *const names[] = {"ok", "info", "warning", "critical"};
  return severity >= 0 && severity < 4 ? names[severity] : "?";
}

/* --- what a check tells --- */

/* A remedy is a text of the table's; the command in it is to be typed as it stands. */
static const char *with_name(const struct si_doctor *doctor, const char *remedy, char *to,
                             size_t size) {
  static const char place[] = "--context NAME";
  const char *at = doctor->name[0] ? strstr(remedy, place) : NULL;
  if (!at) {
    return remedy;
  }
  snprintf(to, size, "%.*s--context %s%s", (int)(at - remedy), remedy, doctor->name,
           at + sizeof place - 1);
  return to;
}

static void tell(struct si_doctor *doctor, int severity, const char *remedy, const char *detail) {
  if (doctor->status != SI_OK) {
    return;
  }
  char own[REMEDY_MAX];
  const struct si_finding finding = {
      .check = doctor->row->id,
      .context = doctor->name,
      .severity = severity,
      .detail = detail,
      .remedy = with_name(doctor, remedy, own, sizeof own),
  };
  doctor->told++;
  doctor->status = doctor->each(doctor->ctx, &finding);
}

void si_doctor_ok(struct si_doctor *doctor, const char *fmt, ...) {
  char detail[DETAIL_MAX];
  va_list args;
  va_start(args, fmt);
  vsnprintf(detail, sizeof detail, fmt, args);
  va_end(args);
  tell(doctor, SI_FINDING_OK, "", detail);
}

void si_doctor_tell(struct si_doctor *doctor, int severity, const char *remedy, const char *fmt,
                    ...) {
  char detail[DETAIL_MAX];
  va_list args;
  va_start(args, fmt);
  vsnprintf(detail, sizeof detail, fmt, args);
  va_end(args);
  tell(doctor, severity, remedy, detail);
}

void si_doctor_failed(struct si_doctor *doctor, const char *what, const struct si_error *error) {
  char detail[DETAIL_MAX];
  snprintf(detail, sizeof detail, "%s cannot be checked: %s", what, error->message);
  tell(doctor, doctor->row->severity,
       error->hint[0] ? error->hint : "mend what the detail names, then run si paas doctor again",
       detail);
}

/* --- a run over one scope --- */

void si_doctor_start(struct si_doctor *doctor) {
  char root[SI_PATH_MAX];
  doctor->root[0] = '\0';
  if (si_context_root(root, sizeof root, &doctor->root_error) != SI_OK) {
    return;
  }
  char *real = realpath(root, NULL);
  si_copy(doctor->root, sizeof doctor->root, real ? real : root);
  free(real);
}

si_rc si_doctor_go(struct si_doctor *doctor) {
  size_t count;
  const struct si_doctor_row *rows = si_doctor_rows(&count);
  unsigned scope = doctor->context ? SI_SCOPE_CONTEXT : SI_SCOPE_ROOT;
  for (size_t i = 0; i < count && doctor->status == SI_OK; i++) {
    if (!(rows[i].scope & scope) || (doctor->mode == SI_DOCTOR_GATE && !rows[i].gate)) {
      continue;
    }
    doctor->row = &rows[i];
    doctor->told = 0;
    doctor->allowed = false;
    doctor->elsewhere = false;
    rows[i].run(doctor);
  }
  return doctor->status;
}

static si_rc run_one(const struct si_context *context, struct si_state *state,
                     const struct si_doctor_options *options, void *ctx, si_finding_each each,
                     struct si_error *error) {
  struct si_repos repos SI_AUTO(si_repos_free) = {.first = NULL};
  struct si_engines engines SI_AUTO(si_engines_free) = {NULL};
  struct si_vaults vaults SI_AUTO(si_vaults_free) = {.list = NULL};
  struct si_doctor doctor = {
      .mode = options ? options->mode : SI_DOCTOR_ALL,
      .repositories = options ? options->repositories : NULL,
      .context = context,
      .name = context ? context->name : "",
      .state = state,
      .repos = &repos,
      .engines = &engines,
      .vaults = &vaults,
      .ctx = ctx,
      .each = each,
  };
  si_doctor_start(&doctor);
  si_rc status = si_doctor_go(&doctor);
  return status == SI_OK ? SI_OK
                         : si_error_set(error, status, "PAAS_DOCTOR_ENDED",
                                        "the checks were ended: %s", si_status_text(status));
}

si_rc si_doctor_context(const struct si_context *context, struct si_state *state,
                        const struct si_doctor_options *options, void *ctx, si_finding_each each,
                        struct si_error *error) {
  return run_one(context, state, options, ctx, each, error);
}

si_rc si_doctor_root(const struct si_doctor_options *options, void *ctx, si_finding_each each,
                     struct si_error *error) {
  return run_one(NULL, NULL, options, ctx, each, error);
}
