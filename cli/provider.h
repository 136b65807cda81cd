/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/provider.h - the options that say who provisions a project and who stores its evidence.
 * Depends on cli/scope.h.
 */
#ifndef SI_CLI_PROVIDER_H
#define SI_CLI_PROVIDER_H

#include "cli/scope.h"

/* clang-format off */
#define SI_PROVIDER_OPTIONS \
  {"provisioner", 0, "ID", "Who provisions; by default the context's, else local", 0, NULL}, \
  {"config", 0, "K=V", "A setting of the provisioner, or a JSON file of them", SI_OPT_REPEAT, NULL}, \
  {"sink", 0, "ID", "Who stores the evidence; by default the context's", 0, NULL}, \
  {"sink-config", 0, "K=V", "A setting of the sink, or a JSON file of them", SI_OPT_REPEAT, NULL}
/* clang-format on */

/* The provisioner that is given, or the context's; its settings are appended to *config, which they
 * live in. */
si_rc si_provisioner_given(struct si_invocation *inv, const struct si_scope *scope,
                           const char **provisioner, struct si_buf *config) SI_MUST_USE;
/* Sets the life cycle's sink, where one is given; its settings live in *config. */
si_rc si_sink_given(struct si_invocation *inv, struct si_scope *scope,
                    struct si_buf *config) SI_MUST_USE;

#endif
