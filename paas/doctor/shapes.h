/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/doctor/shapes.h - secrets that are known by their form, wherever they stand: age identities,
 * private keys in PEM, AWS access keys, signed JSON web tokens. Thread-safe.
 */
#ifndef SI_PAAS_DOCTOR_SHAPES_H
#define SI_PAAS_DOCTOR_SHAPES_H

#include <stdbool.h>
#include <stddef.h>

/* False: no more. `at` is an offset in the text. */
typedef bool (*si_shape_found)(void *ctx, size_t at, const char *what);
void si_shapes(const char *text, size_t len, void *ctx, si_shape_found found);

#endif
