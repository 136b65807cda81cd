/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/offer.h"

#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

int si_offer_landlock(void) {
  long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);
  return abi > 0 ? (int)abi : 0;
}

bool si_offer_seccomp(void) {
  uint32_t action = SECCOMP_RET_TRAP;
  return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

si_rc si_offer_lacks(int landlock, bool seccomp, struct si_buf *out) {
  static const struct {
    int since;
    const char *what;
  } parts[] = {
      {1, "no Landlock: a provider can open what its user can"},
      {3, "Landlock before ABI 3: a provider can cut files that it cannot write"},
      {4, "Landlock before ABI 4: a provider with unix sockets is held off TCP by seccomp alone"},
      {6,
       "Landlock before ABI 6: a provider that may start programs can signal others of its "
       "user, and abstract unix sockets are not held apart"},
  };
  si_rc status = SI_OK;
  const char *before = "";
  for (size_t i = 0; status == SI_OK && i < sizeof parts / sizeof *parts; i++) {
    if (landlock < parts[i].since && (landlock > 0 || i == 0)) {
      status = si_buf_printf(out, "%s%s", before, parts[i].what);
      before = "; ";
    }
  }
  if (status == SI_OK && !seccomp) {
    status = si_buf_printf(out,
                           "%sno seccomp: a provider can call what its user can, sockets and "
                           "programs too",
                           before);
  }
  return status;
}
