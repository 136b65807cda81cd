/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/host/locks.h - what hostile_host.c is asked for, and tells, of locks. */
#ifndef SI_TESTS_LOCKS_H
#define SI_TESTS_LOCKS_H

#include <si/retention.h>

#define LOCK_UNTIL 1893456000000ll /* 2030 */
#define LOCK_TOLD 1798675200000ll

#endif
