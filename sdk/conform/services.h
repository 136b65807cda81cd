/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdk/conform/services.h - the host's further services as the kit has them: `si.state/1` keeps
 * documents in files of the check's directory, `si.exec/1` runs a command as a process that starts
 * in the directory of its service (--source DIR: DIR/SERVICE; else a directory that the check
 * filled). Depends on the ABI headers.
 */
#ifndef SI_CONFORM_SERVICES_H
#define SI_CONFORM_SERVICES_H

#include <si/service.h>

/* The table of a service, or NULL. */
const void *service_table(const char *id);

#endif
