/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/state/schema.h - what the texts of the migrations share. Private to paas/state. Depends on
 * nothing.
 */
#ifndef SI_PAAS_STATE_SCHEMA_H
#define SI_PAAS_STATE_SCHEMA_H

#define HEX64(column) "length(" column ")=64 AND " column " NOT GLOB '*[^0-9a-f]*'"
#define NAME(column)                                                                       \
  "length(" column ") BETWEEN 1 AND 63 AND " column " NOT GLOB '*[^a-z0-9-]*' AND " column \
  " NOT GLOB '-*'"
/* A JSON object, as far as it can be told: json_valid() may not be used by an untrusted schema. */
#define DOCUMENT(column, max) "length(" column ")<=" max " AND " column " GLOB '{*}'"

extern const char si_state_migration_2[];        /* schema_2.c */
extern const char si_state_migration_releases[]; /* schema_releases.c: the third */
extern const char si_state_migration_targets[];  /* schema_targets.c: the fourth */
extern const char si_state_migration_addons[];   /* schema_addons.c: the fifth */
extern const char si_state_migration_prune[];    /* schema_prune.c: the sixth */
extern const char si_state_migration_webhooks[]; /* schema_webhooks.c: the seventh */

#endif
