/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/bucket/ini.h - finds the credentials of a profile in a text in the form of the AWS tools'
 * credentials file. Depends on kit/base. Nothing is copied: what is found points into the text.
 */
#ifndef SI_KIT_BUCKET_INI_H
#define SI_KIT_BUCKET_INI_H

#include "kit/base/error.h"

struct si_bucket_piece {
  const char *data; /* NULL: not there */
  size_t len;
};

struct si_bucket_ini {
  struct si_bucket_piece access_key_id;
  struct si_bucket_piece secret_access_key;
  struct si_bucket_piece session_token;
};

/* SI_E_NOT_FOUND: no such profile. SI_E_INVALID: a line is neither "[profile]" nor "name = value"
 * nor a comment, or a value stands twice; error tells the line's number, never its content. */
si_rc si_bucket_ini_read(const char *text, size_t len, const char *profile,
                         struct si_bucket_ini *out, struct si_error *error) SI_MUST_USE;

#endif
