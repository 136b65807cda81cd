/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/offer.h - what this kernel offers to confine a process with: asked of it, never guessed
 * from its version. core/host/sandbox.h uses it, the doctor tells it. Depends on kit/base/buf.h.
 */
#ifndef SI_CORE_HOST_OFFER_H
#define SI_CORE_HOST_OFFER_H

#include <stdbool.h>

#include "kit/base/buf.h"

/* The ABI from which on Landlock has all that a sandbox is made of. */
enum { SI_LANDLOCK_WHOLE = 6 };

int si_offer_landlock(void); /* its ABI; 0: none */
bool si_offer_seccomp(void);

/* Appends what a sandbox on a kernel with these would lack, for people, "; " between; nothing where
 * it would be whole. */
si_rc si_offer_lacks(int landlock, bool seccomp, struct si_buf *out) SI_MUST_USE;

#endif
