/* SPDX-License-Identifier: Apache-2.0 */
/* `si version`: which build this is, and which plugins it can load. Touches no file. */
#include "cli/command.h"

static si_rc version(struct si_invocation *inv) {
  cJSON *data = cJSON_CreateObject();
  bool ok = cJSON_AddStringToObject(data, "version", SI_VERSION);
  cJSON *abi = cJSON_AddObjectToObject(data, "abi");
  ok = ok && cJSON_AddNumberToObject(abi, "major", SI_ABI_MAJOR) &&
       cJSON_AddNumberToObject(abi, "minor", SI_ABI_MINOR) &&
       cJSON_AddNumberToObject(abi, "draft", SI_ABI_DRAFT) &&
       cJSON_AddStringToObject(data, "build", SI_BUILD_TYPE);
  if (!ok) {
    cJSON_Delete(data);
    return si_error_set(&inv->error, SI_E_NOMEM, "CLI_MEMORY", "out of memory");
  }
  si_out_line(inv->out, "si %s (plugin ABI %u.%u draft %u, %s build)", SI_VERSION, SI_ABI_MAJOR,
              SI_ABI_MINOR, SI_ABI_DRAFT, SI_BUILD_TYPE);
  return si_out_result(inv->out, data);
}

const struct si_command si_cmd_version = {
    .path = "version",
    .summary = "Show the version, the plugin ABI and the kind of build",
    .run = version,
};
