/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/state/addon.h - the rows of add-ons: which packs an app has, since when and by whom, and
 * which it had. An app is a name here, which needs no project yet. What a pack is, is paas/addon's.
 * Depends on paas/state/state.h.
 */
#ifndef SI_PAAS_STATE_ADDON_H
#define SI_PAAS_STATE_ADDON_H

#include "paas/state/state.h"

struct si_addon_row {
  char app[64];
  char pack[64];
  char version[32];
  char sha256[65]; /* of the pack's files when it was enabled (paas/addon/pack.h) */
  char enabled_at[32];
  char enabled_by[128];
  char disabled_at[32]; /* "" while it is enabled */
  char disabled_by[128];
  char *settings; /* JSON object of texts; owned */
};
void si_addon_row_free(struct si_addon_row *row);

/* The one that is enabled. ADDON_NOT_ENABLED (SI_E_NOT_FOUND). */
si_rc si_state_addon(struct si_state *state, const char *owner_id, const char *app,
                     const char *pack, struct si_addon_row *out,
                     struct si_error *error) SI_MUST_USE;
/* Each in one transaction, with the event. Enabling ends what is enabled of that pack, and begins
 * it anew: row's app, pack, version, sha256, settings and enabled_by count. */
si_rc si_state_addon_enable(struct si_state *state, const char *owner_id,
                            const struct si_addon_row *row, const struct si_state_event *event,
                            struct si_error *error) SI_MUST_USE;
si_rc si_state_addon_disable(struct si_state *state, const char *owner_id, const char *app,
                             const char *pack, const char *by, const struct si_state_event *event,
                             struct si_error *error) SI_MUST_USE;

typedef si_rc (*si_addon_each)(void *ctx, const struct si_addon_row *row);
/* By app (NULL: all), then by pack, then by time; `all`: those that were disabled, too. each() as
 * si_state_projects. */
si_rc si_state_addons(struct si_state *state, const char *owner_id, const char *app, bool all,
                      void *ctx, si_addon_each each, struct si_error *error) SI_MUST_USE;

#endif
