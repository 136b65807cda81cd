/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/visible.h - text from outside on its way to a terminal: what would steer the terminal or hide
 * itself is written out, and what is left is measured in columns. Independent of the locale (UTF-8
 * always). Depends on sdk/kit/base.
 */
#ifndef SI_CLI_VISIBLE_H
#define SI_CLI_VISIBLE_H

#include "kit/base/buf.h"

/* Appends `text`: C0 controls and DEL as \x1b, \n, \t or \r, C1 controls and invisible or
 * bidirectional marks as \u202e, bytes that are no UTF-8 as \xff. Characters of `keep` ("\n\t")
 * pass as they are. A backslash is not doubled: this is for reading, not for parsing. */
si_rc si_visible(const char *text, size_t len, const char *keep, struct si_buf *out) SI_MUST_USE;

/* The same for a finished JSON text: \u escapes for DEL and what is not C0 in its strings. */
si_rc si_visible_json(const char *text, size_t len, struct si_buf *out) SI_MUST_USE;

/* Columns that a text (made visible, one line) takes: 0 for combining marks, 2 for wide ones. */
size_t si_display_width(const char *text);
/* The longest beginning, in bytes, that fits into `columns`. */
size_t si_display_cut(const char *text, size_t columns);

#endif
