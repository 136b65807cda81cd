/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/base/error.h - how a function of ours tells what went wrong: a status that the caller acts
 * on, and a record that a person reads. Depends on si/plugin.h for the status values.
 *
 * Functions return si_rc and write outputs on success alone. Those that can explain
 * themselves take a `struct si_error *` last; it may be NULL, and is written on failure alone.
 * A record is plain memory of fixed size: no ownership, copied by assignment. Texts that do not
 * fit are cut at a character's border.
 */
#ifndef SI_KIT_BASE_ERROR_H
#define SI_KIT_BASE_ERROR_H

#include <si/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SI_MUST_USE __attribute__((warn_unused_result))
#define SI_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
/* Runs fn(&variable) when the variable leaves its scope. */
#define SI_AUTO(fn) __attribute__((cleanup(fn)))

struct si_error {
  si_rc status;
  uint32_t retry;     /* SI_RETRY_* or SI_OUTCOME_UNKNOWN */
  char code[48];      /* stable, upper case: PAAS_PROJECT_EXISTS */
  char stage[32];     /* where in the operation: "stack", "provision"; or "" */
  char target[160];   /* what it happened to: a service, a file, an artifact; or "" */
  char message[1024]; /* what and why */
  char hint[512];     /* what to do next; or "" */
  char detail[4096];  /* more lines, such as a service's last log lines; or "" */
};

/* Fills *error (status, code, message), clears the rest, and returns `status`. */
si_rc si_error_set(struct si_error *error, si_rc status, const char *code, const char *fmt, ...)
    SI_PRINTF(4, 5);
/* Add to a record that is set already; NULL is ignored. They return error->status (or INTERNAL for
 * NULL), so that they can end a return statement. */
si_rc si_error_hint(struct si_error *error, const char *fmt, ...) SI_PRINTF(2, 3);
si_rc si_error_target(struct si_error *error, const char *stage, const char *target);
void si_error_detail(struct si_error *error, const char *text);

/* "not found", ... for people; never NULL. */
const char *si_status_text(si_rc status);
/* The status that an errno value stands for: ENOSPC is QUOTA, ENOENT NOT_FOUND, other IO. */
si_rc si_status_of_errno(int err);
/* As si_error_set, with ": <text of err>" behind the message and the status taken from it. */
si_rc si_error_errno(struct si_error *error, int err, const char *code, const char *fmt, ...)
    SI_PRINTF(4, 5);

#ifdef __cplusplus
}
#endif
#endif
