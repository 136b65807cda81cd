/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/stack/addon.h - puts the fragment of an add-on beside what an app's files say
 * (docs/addons.md). It adds, and overrides nothing, and nobody overrides it: a name that stands in
 * both is an error that names both lines. Depends on paas/stack/report.h.
 *
 * Codes, all SI_E_INVALID: STACK_ADDON_CONFLICT (a service, volume, network, secret or alias of the
 * app has the name of one of the pack's), STACK_ADDON_NEEDS (the app lacks what the pack builds
 * on), STACK_ADDON_PORT, and STACK_ADDON_INVALID where the pack itself is not what its descriptor
 * says.
 */
#ifndef SI_PAAS_STACK_ADDON_H
#define SI_PAAS_STACK_ADDON_H

#include "paas/stack/report.h"
#include "paas/stack/stack.h"

/* Adds the pack's tree to the app's. `app` owns the nodes of both from then on, and `yaml` has none
 * left. Conflicts are kept as faults, all of them. */
si_rc si_addon_put(struct si_reading *r, const struct si_stack_addon *addon, struct si_yaml *app,
                   struct si_yaml *yaml) SI_MUST_USE;

/* At the end, on the services as they go into the document: no service of an add-on publishes a
 * port, none that runs an image of Databasus does, whoever wrote it (R39), and no service of the
 * app answers to the name of an add-on's. `services` is the place of the top-level key. */
si_rc si_addon_check(struct si_reading *r, const struct si_place *services) SI_MUST_USE;

/* --- addon_terms.c: the pack, held against its own descriptor --- */

/* The sections of a fragment, and the lists of the descriptor that name their members. */
struct si_addon_section {
  const char *key;  /* services */
  const char *term; /* services */
};
enum { SI_ADDON_SECTIONS = 4 };
extern const struct si_addon_section si_addon_sections[SI_ADDON_SECTIONS];

/* Puts the settings where the descriptor says. The tree has these sections and no others, declares
 * what the descriptor names and nothing else, and marks nothing. */
si_rc si_addon_settle(struct si_reading *r, const struct si_stack_addon *addon,
                      const struct si_yaml_node *root) SI_MUST_USE;
/* What the pack's values refer to in `whole`, the app's tree with the pack's: what its settings
 * name is there, and `$` stands for declared secrets alone. */
si_rc si_addon_needs(struct si_reading *r, const struct si_stack_addon *addon,
                     const struct si_yaml_node *root, const struct si_yaml_node *whole) SI_MUST_USE;

#endif
