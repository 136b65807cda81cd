/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/progress.h - how far a long command has come, on stderr. On a terminal one line is redrawn
 * in place, and what is lasting scrolls above it; elsewhere every event is one plain line, and a
 * count that only grows is none. Nothing with --quiet, but warnings. Depends on cli/output.h.
 * All functions may be called from any thread, also beside si_out_note() and its like.
 */
#ifndef SI_CLI_PROGRESS_H
#define SI_CLI_PROGRESS_H

#include "cli/output.h"

struct si_progress;

/* `title` ("provision blog") stands before everything. NULL on lack of memory: the others then do
 * nothing. One at a time for one output. */
struct si_progress *si_progress_start(struct si_output *out, const char *title);
/* done of total (0: unknown) of `what`; redrawn at most ten times a second. */
void si_progress_update(struct si_progress *progress, uint64_t done, uint64_t total,
                        const char *what);
/* Something that happened, and stays: "created network blog_default". */
void si_progress_step(struct si_progress *progress, const char *fmt, ...) SI_PRINTF(2, 3);
void si_progress_warn(struct si_progress *progress, const char *fmt, ...) SI_PRINTF(2, 3);
/* Takes the line away and frees *progress (NULL is fine). For SI_AUTO. */
void si_progress_end(struct si_progress **progress);

#endif
