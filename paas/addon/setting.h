/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/addon/setting.h - the settings of a pack: what an operator may choose when it is enabled,
 * each of a form that leaves no room for anything else. Depends on paas/addon/pack.h.
 *
 *   image                     a name with a tag other than `latest`, or with a digest
 *   service, volume, network  of the app's stack: [a-z0-9][a-z0-9_.-]{0,62}
 *   secret                    that the app's stack declares: [A-Z_][A-Z0-9_]{0,127}
 *   word                      [A-Za-z0-9][A-Za-z0-9_.-]{0,62}
 *   size                      64m, 1g: of memory
 */
#ifndef SI_PAAS_ADDON_SETTING_H
#define SI_PAAS_ADDON_SETTING_H

#include "paas/addon/pack.h"

/* What a value of that form is, for people; NULL: there is no such form. */
const char *si_setting_form(const char *form);
bool si_setting_valid(const char *form, const char *value);
/* Adds "NAME=VALUE", as it was given, to *settings. ADDON_SETTING (SI_E_INVALID): the pack has no
 * such setting, the value is not of its form, or it was given before. */
si_rc si_setting_take(const struct si_pack *pack, const char *given, cJSON *settings,
                      struct si_error *error) SI_MUST_USE;

#endif
