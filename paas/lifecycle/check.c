/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/lifecycle/check.h"

#include "paas/lifecycle/operation.h"
#include "paas/target/target.h"

si_rc si_life_check(struct si_life *life, const char *target, const char *provisioner,
                    const char *config, cJSON **answer, struct si_error *error) {
  static const struct si_listener listener = {.log = NULL};
  struct si_target_link *link = NULL;
  struct si_session *session = NULL;
  uint64_t deadline = si_life_deadline(life);
  si_rc status =
      si_target_open(life->state, target, config, deadline, life->interrupt_fd, &link, error);
  if (status == SI_OK) {
    status = si_provisioner_open(life, provisioner, si_target_link_config(link), -1, &listener,
                                 NULL, &session, error);
    status = status == SI_OK ? si_provisioner_ask(session, SI_VERB_CHECK, NULL, NULL, answer, error)
                             : status;
    si_session_close(session);
    if (status != SI_OK) {
      error->status = status;
      status = si_target_link_blame(link, error);
    }
  }
  si_target_link_close(link);
  return status;
}
