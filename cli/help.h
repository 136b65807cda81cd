/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/help.h - what the table says, as text of at most 80 columns. Depends on cli/command.h. The
 * frame's own.
 */
#ifndef SI_CLI_HELP_H
#define SI_CLI_HELP_H

#include "cli/command.h"

/* "usage: si paas project create NAME --stack FILE [OPTION...]", further lines indented; no newline
 * at its end. */
si_rc si_help_usage(const struct si_command *command, struct si_buf *to) SI_MUST_USE;
/* The help of one row. */
si_rc si_help_command(const struct si_command *command, struct si_buf *to) SI_MUST_USE;
/* The rows below a level ("" is all of them), by group. */
si_rc si_help_level(const struct si_cli *cli, const char *level, struct si_buf *to) SI_MUST_USE;

/* Prints the help of a path that is a row or a level. */
si_rc si_help_print(const struct si_cli *cli, const char *path, struct si_output *out,
                    struct si_error *error) SI_MUST_USE;

#endif
