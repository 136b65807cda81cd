/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdk/conform/report.h - what a run came to, for people and as one JSON document.
 */
#ifndef SI_CONFORM_REPORT_H
#define SI_CONFORM_REPORT_H

#include <stdio.h>

#include "sdk/conform/run.h"

struct counts {
  size_t verdicts[4]; /* by enum verdict */
};

struct counts report_count(const struct run *run);
const char *report_verdict(enum verdict verdict);
/* "artifact"; "plugin" for what is no provider's. */
const char *report_kind(uint32_t kind);

/* One line of a check that ended. */
void report_line(FILE *to, const struct result *result);
/* What stands below the lines. */
void report_end(FILE *to, const struct run *run, const char *sha256);
/* {"schema":"si.conform/1","plugin","sha256","seed","checks":[...],"counts":{...}} */
si_rc report_json(const struct run *run, const char *sha256, struct si_buf *out) SI_MUST_USE;
/* Every check: for people, or {"schema":"si.conform-list/1","checks":[{"id","title","kind"}]}. */
si_rc report_list(bool json, struct si_buf *out) SI_MUST_USE;

#endif
