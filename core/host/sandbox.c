/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/sandbox.h"

#include <errno.h>
#include <sys/resource.h>

#include "core/host/offer.h"
#include "core/host/sandbox_tell.h"

enum { DESCRIPTORS_MAX = 1024 };

static bool lower(__rlimit_resource_t resource, rlim_t most) {
  struct rlimit limit;
  if (getrlimit(resource, &limit) != 0) {
    return false;
  }
  limit.rlim_max = limit.rlim_max < most ? limit.rlim_max : most;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(resource, &limit) == 0;
}

/* Not the number of processes: the kernel counts those of the user, not of this one. */
static si_rc limit(const struct si_needs *needs, struct si_error *error) {
  bool done = lower(RLIMIT_NOFILE, DESCRIPTORS_MAX) && lower(RLIMIT_CORE, 0);
#ifndef __SANITIZE_ADDRESS__ /* whose shadow is private memory, too */
  /* Address space would count what is only reserved, and what is shared with si. */
  done = done && (!needs->memory_mb || lower(RLIMIT_DATA, (rlim_t)needs->memory_mb << 20));
#else
  (void)needs;
#endif
  return done ? SI_OK : si_error_errno(error, errno, "PLUGIN_SANDBOX", "cannot limit the provider");
}

si_rc si_sandbox_apply(const struct si_sandbox *sandbox, struct si_buf *lacks,
                       struct si_error *error) {
  const int landlock = si_offer_landlock();
  const bool seccomp = si_offer_seccomp();
  if (si_offer_lacks(landlock, seccomp, lacks) != SI_OK) {
    return si_error_set(error, SI_E_NOMEM, "PLUGIN_SANDBOX", "out of memory: the sandbox");
  }
  if (sandbox->required && lacks->len > 0) {
    si_error_set(error, SI_E_REFUSED, "PLUGIN_SANDBOX",
                 "this kernel cannot hold the provider in its sandbox: %s", si_buf_text(lacks));
    return si_error_hint(error,
                         "run a newer kernel, or, where you trust the plugin, set "
                         "\"sandbox\": \"warn\" in the context's config.json");
  }
  si_rc status = limit(sandbox->needs, error);
  if (status == SI_OK && landlock > 0) {
    status = si_sandbox_files(sandbox, landlock, error);
  }
  status = status == SI_OK && seccomp ? si_sandbox_calls(sandbox->needs, error) : status;
#ifndef __SANITIZE_ADDRESS__ /* whose search for leaks blocks all signals, and opens files */
  if (status == SI_OK && seccomp && landlock > 0 && !sandbox->needs->exec) {
    status = si_sandbox_tell_files(error);
  }
#endif
  return status;
}
