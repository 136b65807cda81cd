/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/runpack/report.h - the verdict on a runpack: every fault that was found (the first 100 with
 * their texts, the rest counted), and on what the verdict rests. Plain data but for one buffer,
 * which si_report_free frees. Depends on sdk/kit/base.
 */
#ifndef SI_CORE_RUNPACK_REPORT_H
#define SI_CORE_RUNPACK_REPORT_H

#include <stdbool.h>

#include "core/runpack/key.h"
#include "kit/base/buf.h"

#define SI_REPORT_FAULTS 100

struct si_verify_report {
  uint64_t checked_files;              /* artifacts read to their end and hashed */
  uint64_t bytes;                      /* of artifacts */
  uint64_t failures;                   /* faults found; 0 = pass */
  bool placed;                         /* the ids were held against the key prefix */
  char manifest_sha256[SI_SHA256_HEX]; /* "" where the manifest could not be read */
  char signer[SI_SHA256_HEX];          /* the key whose signature holds; "" = there is none */
  bool trusted;                        /* that key is one of those that the caller trusts */
  bool anchored;                       /* the manifest's hash stands in an audit chain */
  struct si_runpack_ids ids;           /* as the manifest tells them; "" where unknown */
  char first_code[48];                 /* of the first fault */
  char first_artifact[SI_KEY_SIZE];    /* path, or "" */
  char first_message[1024];
  struct si_buf faults; /* JSON objects, joined by ',' */
};

#define SI_VERIFY_REPORT \
  { .faults = SI_BUF(4u << 20) }

/* Adds a fault; artifact may be "". Control characters in either text become '?'. */
void si_report_fault(struct si_verify_report *report, const char *code, const char *artifact,
                     const char *fmt, ...) SI_PRINTF(4, 5);

/* On what a pass rests, the strongest of them: "anchored", "signed" (by a trusted key), or
 * "self-consistent". */
const char *si_report_rests_on(const struct si_verify_report *report);

/* Appends {"anchored":bool,"bytes","checked_files","errors":[{"artifact","code","message"}],
 * "failures","manifest_sha256","placement":"matched"|"unknown","rests_on","signature":
 * {"key":hex|null,"trusted":bool},"status":"pass"|"fail"}. */
si_rc si_report_json(const struct si_verify_report *report, struct si_buf *out) SI_MUST_USE;
void si_report_free(struct si_verify_report *report);

#endif
