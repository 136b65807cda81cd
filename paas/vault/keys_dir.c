/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/vault/keys_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/base/text.h"
#include "paas/vault/disk.h"

static si_rc find(char path[SI_PATH_MAX], char root[SI_PATH_MAX], struct si_error *error) {
  si_rc status = si_context_root(root, SI_PATH_MAX, error);
  status = status == SI_OK ? si_context_guard(root, error) : status;
  if (status == SI_E_REFUSED && error) {
    si_copy(error->code, sizeof error->code, "VAULT_UNSAFE");
  }
  return status == SI_OK && si_path_join(path, SI_PATH_MAX, root, "keys") != SI_OK
             ? si_vault_errno(ENAMETOOLONG, "opening the keys in", root, error)
             : status;
}

si_rc si_vault_keys_dir(bool make, char path[SI_PATH_MAX], int *dir, struct si_error *error) {
  char root[SI_PATH_MAX];
  si_rc status = find(path, root, error);
  if (status != SI_OK) {
    return status;
  }
  if (make && mkdir(path, 0700) == 0) {
    int above SI_AUTO(si_close) = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)(above < 0 || fsync(above));
  } else if (make && errno != EEXIST) {
    return si_vault_errno(errno, "making", path, error);
  }
  *dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (*dir < 0 && (errno == ELOOP || errno == ENOTDIR)) {
    return si_error_set(error, SI_E_REFUSED, "VAULT_UNSAFE", "%s is no directory, but a link",
                        path);
  }
  if (*dir < 0) {
    return errno == ENOENT ? SI_OK : si_vault_errno(errno, "opening", path, error);
  }
  status = si_vault_private(*dir, path, true, error);
  if (status != SI_OK) {
    si_close(dir);
  }
  return status;
}
