/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "paas/context/private.h"

#define FILE_NAME "plugins.json"

si_rc si_context_plugins(char *to, size_t size, struct si_error *error) {
  char root[SI_PATH_MAX], real[SI_PATH_MAX];
  struct si_error why;
  si_rc status = si_context_root(root, sizeof root, &why);
  if (status != SI_OK && strcmp(why.code, "STATE_ROOT_UNKNOWN") == 0) {
    to[0] = '\0'; /* no state, as `si runpack verify` can do without */
    return SI_OK;
  }
  if (status != SI_OK) {
    return si_context_give(&why, error);
  }
  status = si_context_real(root, real, error);
  if (status == SI_OK && si_path_join(to, size, real, FILE_NAME) != SI_OK) {
    status =
        si_error_set(error, SI_E_INVALID, "STATE_ROOT_TOO_LONG", "%s is too long a path", root);
  }
  return status;
}

si_rc si_context_plugins_make(char *to, size_t size, struct si_error *error) {
  struct si_context_home home SI_AUTO(si_context_home_close) = SI_CONTEXT_HOME;
  si_rc status = si_context_home_make(&home, false, error);
  return status == SI_OK ? si_context_plugins(to, size, error) : status;
}
