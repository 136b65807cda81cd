/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/age.h - how old something is, for people: "8s", "12m", "5h", "3d"; and moments as people
 * write them. Depends on kit/base/text.h. No state.
 */
#ifndef SI_CLI_AGE_H
#define SI_CLI_AGE_H

#include "kit/base/text.h"

#define SI_AGE_SIZE 24

/* From `ms` until `now_ms`, both Unix time in milliseconds; "-" where ms is 0 (unknown), "0s" where
 * it lies ahead. */
void si_age_text(int64_t ms, int64_t now_ms, char to[SI_AGE_SIZE]);

/* A day, a second or a millisecond of UTC: "2026-11-20", "2026-11-20T20:15:01Z", with milliseconds.
 * SI_E_INVALID. */
si_rc si_moment_parse(const char *text, int64_t *ms) SI_MUST_USE;

#endif
