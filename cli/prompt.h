/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/prompt.h - confirmations. A question is asked on stderr and answered on stdin, and only where
 * both are terminals and neither --no-input nor --json was given; else the failure names the flags
 * to give. Depends on cli/command.h and cli/interrupt.h. Main thread.
 *
 * Failures, in inv->error: CLI_CONFIRM_REQUIRED (SI_E_INVALID: nobody can be asked),
 * CLI_CONFIRM_MISMATCH (SI_E_INVALID: another name was given), CLI_CONFIRM_DECLINED
 * (SI_E_CANCELLED: answered no, end of input, or interrupted).
 */
#ifndef SI_CLI_PROMPT_H
#define SI_CLI_PROMPT_H

#include "cli/command.h"

/* --yes, or a typed "y" or "yes". `question` as "Remove the volume blog_data?". */
si_rc si_confirm(struct si_invocation *inv, const char *question) SI_MUST_USE;

/* For what cannot be undone: --yes together with --confirm `name`, or the name typed exactly at the
 * question (which --yes alone does not answer). With --confirm alone a "y" is still asked for. A
 * --confirm that differs fails, whatever else was given. */
si_rc si_confirm_name(struct si_invocation *inv, const char *question,
                      const char *name) SI_MUST_USE;

#endif
