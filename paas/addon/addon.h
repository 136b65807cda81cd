/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/addon/addon.h - which add-ons an app has (R33, R39; docs/addons.md). Enabling one changes
 * nothing that runs: the next stack that is read for the app has it (paas/stack/addon.h). A pack is
 * pinned by its files' hash when it is enabled. Depends on paas/state, paas/events, paas/stack.
 */
#ifndef SI_PAAS_ADDON_ADDON_H
#define SI_PAAS_ADDON_ADDON_H

#include "paas/addon/pack.h"
#include "paas/context/context.h"
#include "paas/stack/stack.h"
#include "paas/state/addon.h"

/* What an app's stack is read with (struct si_stack_request), and what that points to. */
struct si_addons {
  struct si_stack_addon list[SI_STACK_ADDONS];
  struct si_pack packs[SI_STACK_ADDONS];
  cJSON *settings[SI_STACK_ADDONS];
  size_t count;
};
void si_addons_free(struct si_addons *addons); /* for SI_AUTO */

/* The packs that the app has, each as it was enabled. ADDON_CHANGED (SI_E_CONFLICT) where a pack's
 * files are not those any more; si_pack_open's codes. `dir` as there. *out is zero before. */
si_rc si_addons_of(struct si_state *state, const char *owner_id, const char *app, const char *dir,
                   struct si_addons *out, struct si_error *error) SI_MUST_USE;

/* Enables the pack as it is now, with these settings (an object of texts that si_setting_take
 * made); told to the audit chain. *changed is false, and nothing is written, where that is so
 * already. ADDON_INVALID_APP, ADDON_TOO_MANY (SI_E_CONFLICT). */
si_rc si_addon_enable(const struct si_context *context, struct si_state *state,
                      const char *owner_id, const char *app, const struct si_pack *pack,
                      const cJSON *settings, bool *changed, struct si_error *error) SI_MUST_USE;
/* ADDON_NOT_ENABLED. The pack itself need not be there any more. */
si_rc si_addon_disable(const struct si_context *context, struct si_state *state,
                       const char *owner_id, const char *app, const char *pack,
                       struct si_error *error) SI_MUST_USE;

#endif
