/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/retention/report.h - the compliance report of a context: every attempt on locks that its
 * audit chain tells of, allowed or denied, and how every runpack is locked now. Depends on
 * paas/events, core/runpack/locks.h.
 *
 *   {"attempts":[{"action","asked","at","code","message","mode","outcome","operation","reason","runpack",
 *    "seq","until","who"}],"chain":{"events","head","message","status":"good"|"broken"},"context":
 *    {"id","name"},"from","made_at","policy","runpacks":[{"all_locked","code","complete",
 *    "earliest_until","held","locked","message","objects","prefix","weakest_mode"}],"schema":
 *    "si.compliance-report/1","si":{"version"},"store":{"clock":{},"uri"},"summary":{},"to"}
 *
 * What does not apply is null.
 */
#ifndef SI_PAAS_RETENTION_REPORT_H
#define SI_PAAS_RETENTION_REPORT_H

#include "core/runpack/store.h"
#include "paas/events/events.h"

#define SI_COMPLIANCE_REPORT "si.compliance-report/1"

struct si_report_options {
  const struct si_context *context;
  struct si_state *state;
  int64_t from_ms, to_ms; /* attempts from (with) to to (without) */
  struct si_store *store; /* the context's; NULL: it cannot be asked, and `unasked` says why */
  const struct si_error *unasked;
  const char *store_uri;
  const char *si_version;
};

/* *out is the caller's, also where the chain is broken: EVENTS_TAMPERED (SI_E_CORRUPT), and the
 * report says so and has what came before. Otherwise NULL on failure. */
si_rc si_retention_report(const struct si_report_options *options, cJSON **out,
                          struct si_error *error) SI_MUST_USE;

/* The report as a page for people: one HTML document with no script, that fetches nothing. */
si_rc si_retention_page(const cJSON *report, struct si_buf *out) SI_MUST_USE;

#endif
