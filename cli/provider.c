/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/provider.h"

#include <string.h>

si_rc si_provisioner_given(struct si_invocation *inv, const struct si_scope *scope,
                           const char **provisioner, struct si_buf *config) {
  const cJSON *base = NULL;
  const char *own = NULL;
  si_rc status = si_context_provider(&scope->context, "provisioner", &own, &base, &inv->error);
  if (status != SI_OK) {
    return status;
  }
  const char *given = si_opt(inv, "provisioner");
  /* The context's settings belong to its own provisioner: another one starts from none. */
  bool same = !given || strcmp(given, own) == 0;
  *provisioner = given ? given : own;
  return si_config_flags(inv, "config", same ? base : NULL, config);
}

si_rc si_sink_given(struct si_invocation *inv, struct si_scope *scope, struct si_buf *config) {
  scope->life.sink = si_opt(inv, "sink");
  if (!scope->life.sink) {
    return SI_OK;
  }
  si_rc status = si_config_flags(inv, "sink-config", NULL, config);
  scope->life.sink_config = config->data;
  return status;
}
