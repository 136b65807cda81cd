/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdk/conform/heap.h - what the process has on its heap, counted block by block: the program's own
 * malloc() and free() stand before the C library's, for the plugin too. Under AddressSanitizer,
 * which brings its own, its hooks are used. Thread-safe.
 */
#ifndef SI_CONFORM_HEAP_H
#define SI_CONFORM_HEAP_H

#include <stddef.h>

/* Once, before anything is asked. */
void heap_watch(void);
/* Bytes of the blocks that were allocated, and not freed, since. May be below zero. */
long heap_bytes(void);
/* How often something was allocated. */
unsigned long heap_calls(void);

#endif
