/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/stack/scalar.h - what a plain YAML scalar means by the core schema of YAML 1.2 (so `no`,
 * `on` and `22:22` are text, which they were not in 1.1). Depends on libc alone.
 */
#ifndef SI_PAAS_STACK_SCALAR_H
#define SI_PAAS_STACK_SCALAR_H

enum si_scalar { SI_SCALAR_TEXT, SI_SCALAR_NULL, SI_SCALAR_BOOL, SI_SCALAR_INT, SI_SCALAR_FLOAT };

/* `text` is ended by NUL. Never fails: what is nothing else is text. */
enum si_scalar si_scalar_resolve(const char *text);

#endif
