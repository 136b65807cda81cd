/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/sandbox.h - the sandbox of si-host: what its plugin does not need, the process can no
 * longer do. Made from the manifest's needs before a line of the plugin runs and before there is a
 * second thread, because the kernel confines the thread that asks and what it starts. In si-host
 * alone. Depends on libseccomp, and on Landlock by system calls.
 *
 * Files by Landlock: what a program needs to run (libraries, certificates, time zones, /proc/self,
 * /dev/null) and the tree to read, and what is declared. System calls by seccomp: all but those
 * that reach into other processes or the kernel, those of sockets that are not declared, and, where
 * programs are not declared, those that start a process. A refused call fails with EPERM, and is
 * told once on the error output, which si logs; a refused file is EACCES, and only the plugin can
 * tell. A plugin that may start programs has its refused calls not told, because what it starts
 * would die of the telling.
 *
 * docs/sandbox.md says what is allowed, and what cannot be held.
 */
#ifndef SI_CORE_HOST_SANDBOX_H
#define SI_CORE_HOST_SANDBOX_H

#include "core/host/needs.h"
#include "core/host/tree.h"

struct si_sandbox {
  const struct si_needs *needs;
  const struct si_tree *tree;
  const cJSON *config; /* of the operation, for the paths */
  bool reading;        /* what may be written may only be read, and is not made */
  bool required;       /* where the kernel lacks a part: refuse */
};

/* *lacks (of 1 KiB at least) becomes what the kernel lacks, or "". Not to be undone. A directory
 * that may be written and is not there yet is made here, with mode 0700, where the one above it is:
 * a rule needs something to stand on, and one for the directory above would open all that is in it.
 * Codes: PLUGIN_NEEDS, PLUGIN_SANDBOX. */
si_rc si_sandbox_apply(const struct si_sandbox *sandbox, struct si_buf *lacks,
                       struct si_error *error) SI_MUST_USE;

/* Between the two files that make it. */
si_rc si_sandbox_files(const struct si_sandbox *sandbox, int landlock,
                       struct si_error *error) SI_MUST_USE;
si_rc si_sandbox_calls(const struct si_needs *needs, struct si_error *error) SI_MUST_USE;

#endif
