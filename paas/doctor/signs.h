/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/doctor/signs.h - how a private file of si is recognised, whatever it is called: stores,
 * settings, vaults, identities, events, operation logs, runpacks (R16, R20). Thread-safe.
 */
#ifndef SI_PAAS_DOCTOR_SIGNS_H
#define SI_PAAS_DOCTOR_SIGNS_H

#include <stdbool.h>
#include <stddef.h>

/* What the file is ("a state store"), or NULL: told from its name and its first `len` bytes, at
 * best SI_SIGN_HEAD of them. */
#define SI_SIGN_HEAD 65536u
const char *si_private_sign(const char *name, const char *head, size_t len);
/* Is it called like one? The gate opens no others. */
bool si_private_name(const char *name);

#endif
