/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/conform/services.h"

#include <string.h>

#include "sdk/conform/exec.h"
#include "sdk/conform/state.h"

const void *service_table(const char *id) {
  if (strcmp(id, SI_EXEC_ID) == 0) {
    return &exec_service;
  }
  return strcmp(id, SI_STATE_ID) == 0 ? &state_service : NULL;
}
