/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/interrupt.h - SIGINT, SIGTERM and SIGHUP as bytes in a pipe, for whoever waits with poll().
 * Depends on libc. A command that never asks is ended by the signal, as any program is.
 *
 * The first interrupt means "stop in order", the second "stop now": the waiter sees both. After
 * the third the signals do again what they did before, so a fourth ends the process whatever hangs.
 */
#ifndef SI_CLI_INTERRUPT_H
#define SI_CLI_INTERRUPT_H

#include "kit/base/error.h"

/* The read end (non-blocking, close-on-exec); readable while an interrupt waits to be taken. The
 * first call sets the handlers; a signal that was ignored from the start (nohup) stays so. -1 and
 * errno where there is no pipe to be had. Main thread. */
int si_interrupt_fd(void);
/* Takes one interrupt out of the pipe: the signal's number, or 0 where none waits. */
int si_interrupt_take(void);
/* How many came so far, taken or not. Any thread. */
unsigned si_interrupt_count(void);
/* The old dispositions back, the pipe closed, the count 0. Main thread. */
void si_interrupt_restore(void);

#endif
