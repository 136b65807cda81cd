/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/conform/work.h"
const struct check backup_checks[] = {{0}};
const struct check backup_end_checks[] = {{0}};
si_rc backup_look(struct trial *t, si_host *host, si_instance *instance) {
  (void)t;
  (void)host;
  (void)instance;
  return SI_OK;
}
si_rc backup_work(struct trial *t, si_host *host, si_instance *instance) {
  (void)t;
  (void)host;
  (void)instance;
  return SI_OK;
}
bool backup_provoke(struct trial *t, si_host *host, si_instance *instance, size_t n,
                    struct provoked *out) {
  (void)t;
  (void)host;
  (void)instance;
  (void)n;
  (void)out;
  return false;
}
