/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdk/conform/exec.h - `si.exec/1`: a command as a process of its own, in the directory of its
 * service. The projects that an operation may touch are those that exec_allow() named.
 */
#ifndef SI_CONFORM_EXEC_H
#define SI_CONFORM_EXEC_H

#include <si/service.h>

extern const si_exec_vt exec_service;

/* From now on commands of the project's service S start in `directory`/S, or, where that is not
 * there, in `directory`. At most 16 projects. */
void exec_allow(const char *project_id, const char *directory);

#endif
