/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/age.h - how old something is, for people: "8s", "12m", "5h", "3d". Depends on libc. No state.
 */
#ifndef SI_CLI_AGE_H
#define SI_CLI_AGE_H

#include <stdint.h>

#define SI_AGE_SIZE 24

/* From `ms` until `now_ms`, both Unix time in milliseconds; "-" where ms is 0 (unknown), "0s" where
 * it lies ahead. */
void si_age_text(int64_t ms, int64_t now_ms, char to[SI_AGE_SIZE]);

#endif
