/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdk/conform/forms.h - finding a secret in a text or in memory: as it is, in hex, percent-encoded,
 * escaped as in JSON, in base64 at any alignment.
 */
#ifndef SI_CONFORM_FORMS_H
#define SI_CONFORM_FORMS_H

#include <stdbool.h>
#include <stddef.h>

/* The name of the form in which the text holds the value; NULL: in none. */
const char *form_found(const unsigned char *value, size_t len, const char *text);

/* Does the memory that `mem` (/proc/self/mem) shows from `from` to `to` hold the value as it is?
 * What cannot be read is passed over. */
bool form_in_memory(int mem, unsigned long from, unsigned long to, const unsigned char *value,
                    size_t len);

#endif
