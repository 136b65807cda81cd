/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/sandbox_tell.h - tells which files a plugin was kept from. Landlock refuses without a
 * word, so the calls that open, make or remove by a path are trapped (SIGSYS), made once more from
 * a place that is let through, and what came back is looked at: EACCES for a path that was not
 * allowed is told on the error output. The telling decides nothing, Landlock does, and who knows of
 * that place can call from there untold. docs/decisions/0011 has why, and the price.
 *
 * A signal that must not be blocked: what would block SIGSYS blocks the others alone. In si-host
 * alone, for a plugin that starts no programs: they would die of it. Depends on Linux seccomp.
 */
#ifndef SI_CORE_HOST_SANDBOX_TELL_H
#define SI_CORE_HOST_SANDBOX_TELL_H

#include <signal.h>
#include <stdbool.h>

#include "kit/base/error.h"

/* Remembers that the path, with all that is below it, may be read, or written too: what is refused
 * there is the system's doing, and not told. */
void si_sandbox_allowed(const char *path, bool writable);
/* From here on refused files are told; SIGSYS is handled already. PLUGIN_SANDBOX. */
si_rc si_sandbox_tell_files(struct si_error *error) SI_MUST_USE;
/* In the handler: true where the call was one of these, and its result is set in *context. */
bool si_sandbox_tell(const siginfo_t *info, void *context);

#endif
