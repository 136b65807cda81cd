/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdk/conform/crash.h - where a check's process crashed: which call of the plugin's it was in, and
 * the place in the plugin's file. Depends on glibc (backtrace, dladdr).
 */
#ifndef SI_CONFORM_CRASH_H
#define SI_CONFORM_CRASH_H

/* What this thread called last of the plugin's, for people: "stat()". */
extern _Thread_local const char *calling;

/* A function of one of the plugin's tables, noted as called:  CALL(s->vt, stat)(s->in, op, ...)  */
#define CALL(table, member) (calling = #member "()", (table)->member)

/* Before the first fork: what the handler needs is brought into memory, so that it allocates
 * nothing. */
void crash_prepare(void);

/* From now on a fatal signal of this process writes CRASH_MARK and one line to `fd`, such as "in
 * stat(), at drawer.so+0x25b0; ...", and the signal ends the process as ever. `plugin` is the path
 * that it was loaded by, and stays where it is. */
enum { CRASH_MARK = 'C' };
void crash_watch(const char *plugin, int fd);

#endif
