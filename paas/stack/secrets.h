/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/stack/secrets.h - the secrets that a stack declares (`x-si-secrets`), and values of
 * variables that stand for them (`${KEY}`). Depends on paas/stack/report.h. Pure: no secret is
 * made, none is read; every revision is 0 here.
 */
#ifndef SI_PAAS_STACK_SECRETS_H
#define SI_PAAS_STACK_SECRETS_H

#include "paas/stack/report.h"

enum {
  SI_STACK_SECRETS = 200, /* in a file */
  SI_SECRET_KEY = 128,    /* bytes of a name */
  SI_PASSWORD_LEAST = 16,
  SI_PASSWORD_MOST = 128,
  SI_PASSWORD_LENGTH = 32 /* where the file says nothing */
};

/* Reads the map into r->secrets, sorted by name. */
si_rc si_secrets_read(struct si_reading *r, const struct si_yaml_node *value,
                      const struct si_place *place) SI_MUST_USE;

/* Does x-si-secrets have that key? */
bool si_secret_declared(const struct si_reading *r, const char *name);

/* Adds member `key` to `object`: a text where `text` (as it is written in the file) stands for no
 * secret, else the list of its parts, [text or {"secret", "revision"}]. Variables are put in
 * (expand.h). */
si_rc si_secrets_put(struct si_reading *r, const struct si_place *place, cJSON *object,
                     const char *key, const char *text) SI_MUST_USE;

#endif
