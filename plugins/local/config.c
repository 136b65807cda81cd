/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/local/config.h"

#include <string.h>

#include "kit/base/text.h"

const char local_config_schema[] =
    "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\","
    "\"additionalProperties\":false,\"properties\":{"
    "\"socket\":{\"type\":\"string\",\"default\":\"/var/run/docker.sock\",\"pattern\":\"^(unix://"
    ")?/"
    "\",\"description\":\"Unix socket of Docker or podman\"},"
    "\"ready_timeout_ms\":{\"type\":\"integer\",\"minimum\":100,\"maximum\":86400000,"
    "\"default\":120000,\"description\":\"How long a service may take to be ready\"},"
    "\"stop_timeout_s\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":3600,\"default\":10,"
    "\"description\":\"Grace between asking a container to end and killing it\"},"
    "\"settle_ms\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":600000,\"default\":1500,"
    "\"description\":\"How long a service without a health check must stay up\"}}}";

static si_rc wrong(struct si_error *error, const char *key, const char *why) {
  char pointer[128] = "/";
  si_copy(pointer + 1, sizeof pointer - 1, key);
  si_error_set(error, SI_E_INVALID, "LOCAL_CONFIG", "configuration of local: \"%.64s\" %s", key,
               why);
  si_error_target(error, "configuration", pointer);
  return SI_E_INVALID;
}

static si_rc read_socket(const cJSON *value, struct local_config *out, struct si_error *error) {
  const char *path = cJSON_GetStringValue(value);
  if (path && strncmp(path, "unix://", 7) == 0) {
    path += 7;
  }
  if (!path || path[0] != '/' || strlen(path) >= sizeof out->socket) {
    return wrong(error, "socket", "must be an absolute path of at most 107 bytes");
  }
  si_copy(out->socket, sizeof out->socket, path);
  return SI_OK;
}

static si_rc read_number(const cJSON *value, const char *key, uint32_t min, uint32_t max,
                         uint32_t *out, struct si_error *error) {
  double number = cJSON_IsNumber(value) ? value->valuedouble : -1;
  if (number < min || number > max || number != (double)(uint32_t)number) {
    return wrong(error, key, "must be an integer in its range (si plugin info local shows it)");
  }
  *out = (uint32_t)number;
  return SI_OK;
}

static si_rc read_member(const cJSON *m, struct local_config *out, struct si_error *error) {
  if (strcmp(m->string, "socket") == 0) {
    return read_socket(m, out, error);
  }
  if (strcmp(m->string, "ready_timeout_ms") == 0) {
    return read_number(m, m->string, 100, 86400000, &out->ready_timeout_ms, error);
  }
  if (strcmp(m->string, "stop_timeout_s") == 0) {
    return read_number(m, m->string, 0, 3600, &out->stop_timeout_s, error);
  }
  if (strcmp(m->string, "settle_ms") == 0) {
    return read_number(m, m->string, 0, 600000, &out->settle_ms, error);
  }
  return wrong(error, m->string, "is not a key of it");
}

si_rc local_config_read(const char *json, struct local_config *out, struct si_error *error) {
  struct local_config config = {"/var/run/docker.sock", 120000, 10, 1500};
  cJSON *value SI_AUTO(si_json_free) = NULL;
  si_rc status = SI_OK;
  if (json && json[0]) {
    status = si_json_parse(json, strlen(json), &value, error);
    if (status == SI_OK && !cJSON_IsObject(value)) {
      return si_error_set(error, SI_E_INVALID, "LOCAL_CONFIG",
                          "configuration of local: it must be an object");
    }
  }
  for (const cJSON *m = value ? value->child : NULL; status == SI_OK && m; m = m->next) {
    status = read_member(m, &config, error);
  }
  if (status == SI_OK) {
    *out = config;
  }
  return status;
}
