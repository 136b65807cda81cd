/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/vault/reading.h"

void si_vault_reading_close(struct si_vault_reading *reading) {
  si_vault_close(reading->vault);
  si_state_close(reading->state);
  *reading = (struct si_vault_reading){.state = NULL};
}

si_rc si_vault_reading_open(const struct si_context *context, si_vault_ask ask, void *ask_ctx,
                            struct si_vault_reading *reading, struct si_error *error) {
  struct si_vault_reading opened = {.state = NULL};
  si_rc status = si_state_open(context->dir, context->id, SI_STATE_READ, &opened.state, error);
  status = status == SI_OK ? si_vault_open(context, opened.state, &opened.vault, error) : status;
  if (status != SI_OK) {
    si_vault_reading_close(&opened);
    return status;
  }
  if (ask) {
    si_vault_asker(opened.vault, ask, ask_ctx);
  }
  *reading = opened;
  return SI_OK;
}
