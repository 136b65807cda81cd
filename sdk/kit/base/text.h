/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/base/text.h - small work on strings, numbers from outside, times and random ids. Every
 * length is bounded, every number parsed is checked. Depends on libc alone. Thread-safe.
 */
#ifndef SI_KIT_BASE_TEXT_H
#define SI_KIT_BASE_TEXT_H

#include <stdbool.h>

#include "kit/base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Copies `from` (NULL: "") into to[size], cut at a character's border; always ends it. */
void si_copy(char *to, size_t size, const char *from);
/* The largest n' <= n at which the UTF-8 text can be cut. */
size_t si_utf8_cut(const char *text, size_t n);
/* Is it well-formed UTF-8 (no surrogates, no overlong forms)? */
bool si_utf8_valid(const char *text, size_t len);

/* Decimal, no sign, no blanks, no leading zero but "0" itself; within [min, max], else
 * SI_E_INVALID. */
si_rc si_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *out) SI_MUST_USE;
/* "90s", "3m", "1h30m", "250ms", "1m30s" -> milliseconds, at most 365 days; SI_E_INVALID else. */
si_rc si_parse_duration_ms(const char *text, uint64_t *out) SI_MUST_USE;
/* The same, or a number of days that is longer than one may be: "36h", "3650d", at most 36500 days;
 * and more than none. */
si_rc si_parse_span_ms(const char *text, uint64_t *out) SI_MUST_USE;

/* A name: [a-z0-9][a-z0-9-]{0,62}. Contexts, projects, providers, services. */
bool si_name_valid(const char *name);
/* A component of a key: [A-Za-z0-9._-]{1,255}, no leading dot. */
bool si_component_valid(const char *component, size_t len);

/* Lower-case hex; `to` holds 2 * len + 1 bytes. */
void si_hex(const void *bytes, size_t len, char *to);
/* The reverse: false unless it is exactly 2 * len lower-case digits. */
bool si_unhex(const char *hex, size_t len, void *to);
/* Random bytes of the kernel as hex: `to` holds 2 * bytes + 1. */
si_rc si_random_hex(char *to, size_t bytes) SI_MUST_USE;

#define SI_TIME_SIZE 32
/* Now, as "2026-11-20T20:15:01.042Z". */
void si_now_text(char to[SI_TIME_SIZE]);
/* Unix time in milliseconds, from 1970 to 9999, as such a text; else "". */
void si_time_text(int64_t ms, char to[SI_TIME_SIZE]);
/* Such a text as Unix time in milliseconds; SI_E_INVALID. */
si_rc si_time_parse(const char *text, int64_t *ms) SI_MUST_USE;
int64_t si_now_ms(void);        /* Unix time, milliseconds */
uint64_t si_monotonic_ns(void); /* CLOCK_MONOTONIC */

/* The nearest of names[] to a mistyped word, or NULL where none is near. */
const char *si_nearest(const char *word, const char *const *names, size_t count);

#ifdef __cplusplus
}
#endif
#endif
