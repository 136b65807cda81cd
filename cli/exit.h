/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/exit.h - the one place where a status becomes an exit code. Depends on kit/base/error.h.
 *
 *   0 done
 *   1 failed (everything else)
 *   2 usage, or no context (INVALID)
 *   3 not found (NOT_FOUND)
 *   4 conflict, locked, not allowed in this state (EXISTS, CONFLICT, RETENTION)
 *   5 not authorised, not trusted (AUTH)
 *   6 provider unreachable (UNAVAILABLE)
 *   7 timed out, or outcome unknown (TIMEOUT; any status but CANCELLED whose record says
 *     SI_OUTCOME_UNKNOWN)
 *   8 verification failed (CORRUPT)
 *   9 refused by a guard (REFUSED)
 * 130 interrupted, or declined at a question (CANCELLED)
 *
 * 2, 3, 4 and 9 say that the command was not carried out because of what was typed or of how
 * things stand. An operation that ran and failed must not look like that: what its provider found
 * missing, taken, refused or invalid (an image, a port) is exit 1. A body says so with
 * si_exit_failed(). The codes 5, 6, 7, 8 and 130 keep their meaning either way.
 */
#ifndef SI_CLI_EXIT_H
#define SI_CLI_EXIT_H

#include "cli/command.h"

/* `ran`: the operation ran, and failed. `error` NULL, or its status SI_OK: 0. */
int si_exit_code(const struct si_error *error, bool ran);

/* Marks the failure in inv->error as that of an operation that ran. Returns its status. */
si_rc si_exit_failed(struct si_invocation *inv);

#endif
