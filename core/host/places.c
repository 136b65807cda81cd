/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/places.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kit/base/path.h"
#include "kit/base/text.h"

/* <prefix of this program>/<relative>: programs are installed in SI_BINDIR below the prefix. */
static si_rc from_prefix(const char *relative, char *to, size_t size, struct si_error *error) {
  char self[SI_PATH_MAX];
  ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
  if (n < 0) {
    return si_error_errno(error, errno, "PLACE_UNKNOWN", "cannot tell where si is installed");
  }
  self[n] = '\0';
  /* Up from the file, and from every component of the directory for programs. */
  size_t up = 1;
  for (const char *p = SI_BINDIR; *p; p++) {
    up += *p == '/';
  }
  for (size_t i = 0; i <= up; i++) {
    char *slash = strrchr(self, '/');
    if (!slash) {
      return si_error_set(error, SI_E_NOT_FOUND, "PLACE_UNKNOWN",
                          "si does not run from a " SI_BINDIR " directory");
    }
    *slash = '\0';
  }
  if (si_path_join(to, size, self, relative) != SI_OK) {
    return si_error_set(error, SI_E_QUOTA, "PLACE_UNKNOWN", "si's path is too long");
  }
  return SI_OK;
}

si_rc si_place_host(char *to, size_t size, struct si_error *error) {
  return from_prefix(SI_HOST_PATH, to, size, error);
}

/* "" where it is not set. */
static si_rc from_environment(const char *name, char *to, size_t size, struct si_error *error) {
  const char *set = secure_getenv(name);
  if (set && set[0] && (set[0] != '/' || strlen(set) >= size)) {
    return si_error_set(error, SI_E_INVALID, "PLACE_UNKNOWN", "%s is not an absolute path: %.200s",
                        name, set);
  }
  si_copy(to, size, set);
  return SI_OK;
}

si_rc si_place_plugins(char *to, size_t size, struct si_error *error) {
  si_rc status = from_environment("SI_PLUGIN_DIR", to, size, error);
  return status == SI_OK && !to[0] ? from_prefix(SI_PLUGIN_PATH, to, size, error) : status;
}

si_rc si_place_enterprise(char *to, size_t size, struct si_error *error) {
  return from_environment("SI_ENTERPRISE_PLUGIN_DIR", to, size, error);
}

si_rc si_place_data(const char *variable, const char *name, char *to, size_t size,
                    struct si_error *error) {
  char relative[256];
  si_rc status = from_environment(variable, to, size, error);
  if (status != SI_OK || to[0]) {
    return status;
  }
  snprintf(relative, sizeof relative, SI_DATA_PATH "/%s", name);
  return from_prefix(relative, to, size, error);
}
