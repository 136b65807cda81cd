/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/local/environment.h"

#include <string.h>

enum { VARIABLE_MAX = 1024 * 1024 };

static si_rc append(void *ctx, const void *bytes, size_t len) {
  return si_buf_add(ctx, bytes, len);
}

static si_rc no_sense(struct local_call *call, const struct local_service *service,
                      const char *variable) {
  si_error_set(&call->error, SI_E_INVALID, "LOCAL_STACK",
               "service %s: variable %.100s of its environment has a part that cannot be",
               service->name, variable);
  si_error_target(&call->error, "stack", service->name);
  return SI_E_INVALID;
}

static si_rc add_secret(struct local_call *call, const struct local_service *service,
                        const char *name, struct si_buf *to) {
  if (!SI_HAS(call->in->vt, si_host_vt, secret)) {
    return local_error(call, SI_E_UNSUPPORTED, service->name,
                       "service %s needs the secret %.128s, and this host lends none",
                       service->name, name);
  }
  si_rc status = call->in->vt->secret(call->op, name, to, append);
  if (status != SI_OK) {
    local_error(call, status, service->name,
                "service %s did not get the secret %.128s (%s): see the log of the operation",
                service->name, name, si_status_text(status));
    call->error.retry = SI_RETRY_SAFE;
  }
  return status;
}

/* "KEY=" and the parts, in a buffer that leaves nothing behind. */
static si_rc join(struct local_call *call, const struct local_service *service,
                  const cJSON *variable, struct si_buf *to) {
  const cJSON *part;
  si_rc status = si_buf_printf(to, "%s=", variable->string);
  cJSON_ArrayForEach(part, variable) {
    const char *secret = si_json_str(part, "secret");
    if (status != SI_OK) {
      break;
    }
    if (cJSON_IsString(part)) {
      status = si_buf_puts(to, part->valuestring);
    } else if (cJSON_IsObject(part) && secret) {
      status = add_secret(call, service, secret, to);
    } else {
      status = no_sense(call, service, variable->string);
    }
  }
  return status;
}

si_rc local_environment_fill(struct local_call *call, const struct local_service *service,
                             cJSON *body) {
  cJSON *list = cJSON_GetObjectItemCaseSensitive(body, "Env");
  const cJSON *variable;
  cJSON_ArrayForEach(variable, si_json_get(service->spec, "environment")) {
    struct si_buf pair SI_AUTO(si_buf_free) = SI_SECRET_BUF(VARIABLE_MAX);
    if (!cJSON_IsArray(variable)) {
      continue;
    }
    si_rc status = join(call, service, variable, &pair);
    cJSON *item = status == SI_OK ? cJSON_CreateString(pair.data) : NULL;
    if (status == SI_OK && (!item || !cJSON_AddItemToArray(list, item))) {
      si_json_wipe(&item);
      status = SI_E_NOMEM;
    }
    if (status != SI_OK) {
      return call->error.status != SI_OK
                 ? status
                 : local_error(call, status, service->name,
                               "service %s: variable %.100s of its environment cannot be made: %s",
                               service->name, variable->string, si_status_text(status));
    }
  }
  return SI_OK;
}
