/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/net/memory.h - memory for libcurl, overwritten when it is given back: what is sent and
 * received may hold secrets, and libcurl's buffers are not ours to wipe. Depends on libc alone.
 * Thread-safe, as malloc is.
 */
#ifndef SI_KIT_NET_MEMORY_H
#define SI_KIT_NET_MEMORY_H

#include <stddef.h>

/* As the functions of libc that they are named after. */
void *si_net_malloc(size_t size);
void *si_net_calloc(size_t count, size_t size);
void *si_net_realloc(void *memory, size_t size);
char *si_net_strdup(const char *text);
void si_net_free(void *memory);

#endif
