/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/state/lock.h - an flock with a bound on the wait. Depends on libc alone.
 */
#ifndef SI_PAAS_STATE_LOCK_H
#define SI_PAAS_STATE_LOCK_H

/* Takes an exclusive flock on fd, waiting at most wait_ms; 0, or -1 and errno (EWOULDBLOCK when
 * the time is up). It belongs to the open file, so children that inherit the descriptor hold it
 * too, and it is free once the last of them has closed it or died. */
int si_lock_wait(int fd, unsigned wait_ms);

#endif
