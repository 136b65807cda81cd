/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/conform/work.h"
const struct check stack_checks[] = {{0}};
si_rc stack_look(struct trial *t, si_host *host, si_instance *instance) {
  (void)t;
  (void)host;
  (void)instance;
  return SI_OK;
}
si_rc stack_work(struct trial *t, si_host *host, si_instance *instance) {
  (void)t;
  (void)host;
  (void)instance;
  return SI_OK;
}
bool stack_provoke(struct trial *t, si_host *host, si_instance *instance, size_t n,
                   struct provoked *out) {
  (void)t;
  (void)host;
  (void)instance;
  (void)n;
  (void)out;
  return false;
}
