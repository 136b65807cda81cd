/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/vault/age_header.h - the header of an age file, taken apart without a copy. Private to
 * age.c and age_header.c. Depends on paas/vault/age.h.
 */
#ifndef SI_PAAS_VAULT_AGE_HEADER_H
#define SI_PAAS_VAULT_AGE_HEADER_H

#include "paas/vault/age.h"

#define SI_AGE_HEADER_MAX 65536u
#define SI_AGE_STANZAS_MAX 64u
#define SI_AGE_ARGS_MAX 4u /* more are counted, and not kept: no known stanza has them */

struct si_age_span {
  const char *at;
  size_t len;
};

struct si_age_stanza {
  struct si_age_span args[SI_AGE_ARGS_MAX]; /* the first is the type */
  size_t arg_count;
  struct si_age_span body; /* its first line */
  size_t body_lines;
};

struct si_age_header {
  struct si_age_stanza stanzas[SI_AGE_STANZAS_MAX];
  size_t count;
  size_t signed_len; /* bytes up to "---", which the MAC is over */
  uint8_t mac[SI_KEY_SIZE];
  size_t len; /* of the whole: here the payload begins */
};

/* AGE_FORMAT. */
si_rc si_age_header_parse(const char *file, size_t len, struct si_age_header *out,
                          struct si_error *error) SI_MUST_USE;
bool si_age_span_is(const struct si_age_span *span, const char *text);

#endif
