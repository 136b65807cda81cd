/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/target/target.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/base/json.h"
#include "kit/base/path.h"
#include "kit/base/text.h"
#include "paas/events/events.h"
#include "paas/state/document.h"
#include "paas/target/address.h"

#define DOCUMENT "target" /* {"default":NAME} */

/* --- what is wrong with one --- */

static si_rc invalid(struct si_error *error, const char *name, const char *why, const char *hint) {
  si_error_set(error, SI_E_INVALID, "TARGET_INVALID", "target %.63s: %s", name, why);
  si_error_target(error, NULL, name);
  return si_error_hint(error, "%s", hint);
}

static si_rc check_identity(const char *name, const char *path, struct si_error *error) {
  struct stat st;
  if (!path || path[0] != '/' || strlen(path) >= SI_PATH_MAX - 16 ||
      strpbrk(path, "%$~\"'\\ \t\n\r")) {
    return invalid(error, name, "the identity is no absolute path of plain characters",
                   "name the private key's file: --identity /path/to/key");
  }
  int fd SI_AUTO(si_close) = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0 || fstat(fd, &st) != 0) {
    return si_error_errno(error, errno, "TARGET_IDENTITY", "the identity %.200s cannot be read",
                          path);
  }
  if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077)) {
    si_error_set(error, SI_E_AUTH, "TARGET_IDENTITY",
                 "the identity %.200s is not this user's alone", path);
    return si_error_hint(error, "chmod 600 %.200s; it must be a file of the user who runs si",
                         path);
  }
  return SI_OK;
}

static si_rc check(const struct si_target_new *made, struct si_error *error) {
  struct si_target_address address;
  if (!si_name_valid(made->name)) {
    return invalid(error, made->name, "that is no name",
                   "use a-z, 0-9 and '-', at most 63, not beginning with '-'");
  }
  if (strcmp(made->name, SI_TARGET_LOCAL) == 0) {
    return invalid(error, made->name, "that one is always there",
                   "it is the engine that the provisioner's own configuration names");
  }
  if (!made->ssh && !made->socket) {
    return invalid(
        error, made->name, "it says neither --ssh nor --socket",
        "--socket /run/other.sock for an engine here, --ssh user@host for one elsewhere");
  }
  if (made->socket && !si_target_socket_valid(made->socket)) {
    return invalid(error, made->name, "the socket is no absolute path of at most 107 plain bytes",
                   "such as /var/run/docker.sock");
  }
  if (!made->ssh) {
    return made->identity || made->host_key
               ? invalid(error, made->name, "--identity and --host-key belong to --ssh",
                         "leave them out, or say --ssh user@host")
               : SI_OK;
  }
  si_rc status = si_target_address_read(made->ssh, &address, error);
  if (status == SI_OK && !made->host_key) {
    return invalid(error, made->name, "its host key is not said, and none is taken on trust",
                   "read it on the host itself (ssh-keygen -lf shows its fingerprint) and give the "
                   "line of /etc/ssh/ssh_host_ed25519_key.pub: --host-key \"ssh-ed25519 AAAA...\"");
  }
  if (status == SI_OK && !si_target_host_key_valid(made->host_key)) {
    return invalid(error, made->name, "that is no host key",
                   "\"ssh-ed25519 AAAA...\": the type and the key, without the comment");
  }
  return status == SI_OK ? check_identity(made->name, made->identity, error) : status;
}

/* --- adding and removing --- */

static si_rc write_record(const struct si_context *context, const char *action, const char *name,
                          cJSON *fields, struct si_buf *record, struct si_error *error) {
  const struct si_event event = {.action = action, .target = name, .fields = fields};
  si_rc status = si_event_record(context, &event, record);
  return status == SI_OK ? SI_OK
                         : si_error_set(error, status, "EVENT_RECORD",
                                        "the event %s cannot be written down", action);
}

static bool add(cJSON *to, const char *name, const char *value) {
  return !value || cJSON_AddStringToObject(to, name, value);
}

si_rc si_target_add(const struct si_context *context, struct si_state *state,
                    const struct si_target_new *made, struct si_error *error) {
  struct si_buf config SI_AUTO(si_buf_free) = SI_BUF(65536);
  struct si_buf record SI_AUTO(si_buf_free) = SI_BUF(SI_EVENT_MAX);
  cJSON *json SI_AUTO(si_json_free) = cJSON_CreateObject();
  si_rc status = check(made, error);
  if (status != SI_OK) {
    return status;
  }
  const char *socket = made->socket ? made->socket : "/var/run/docker.sock";
  if (!add(json, "ssh", made->ssh) || !add(json, "identity", made->identity) ||
      !add(json, "host_key", made->host_key) || !add(json, "socket", socket) ||
      si_json_canonical(json, &config) != SI_OK) {
    return si_error_set(error, SI_E_NOMEM, "STATE_MEMORY", "out of memory");
  }
  struct si_target_row row = {.config = config.data,
                              .labels = (char *)(made->labels ? made->labels : "{}")};
  si_copy(row.name, sizeof row.name, made->name);
  si_copy(row.kind, sizeof row.kind, made->ssh ? "ssh" : "local");
  status = write_record(context, "target.add", made->name, json, &record, error);
  const struct si_state_event event = {"audit", record.data};
  status = status == SI_OK ? si_state_target_add(state, &row, &event, error) : status;
  return status == SI_OK ? si_events_flush(context, state, error) : status;
}

si_rc si_target_remove(const struct si_context *context, struct si_state *state, const char *name,
                       struct si_error *error) {
  struct si_buf record SI_AUTO(si_buf_free) = SI_BUF(SI_EVENT_MAX);
  char chosen[64];
  si_rc status = si_target_default(state, chosen, error);
  if (status == SI_OK && strcmp(chosen, name) == 0 && strcmp(name, SI_TARGET_LOCAL) != 0) {
    si_error_set(error, SI_E_CONFLICT, "TARGET_USED", "target %.63s is the context's default",
                 name);
    return si_error_hint(error, "first: si paas --context %s target use %s", context->name,
                         SI_TARGET_LOCAL);
  }
  status =
      status == SI_OK ? write_record(context, "target.remove", name, NULL, &record, error) : status;
  const struct si_state_event event = {"audit", record.data};
  status = status == SI_OK ? si_state_target_remove(state, name, &event, error) : status;
  return status == SI_OK ? si_events_flush(context, state, error) : status;
}

/* --- the one that is meant --- */

si_rc si_target_exists(struct si_state *state, const char *name, struct si_error *error) {
  struct si_target_row row SI_AUTO(si_target_row_free) = {.name = ""};
  return strcmp(name, SI_TARGET_LOCAL) == 0 ? SI_OK : si_state_target(state, name, &row, error);
}

si_rc si_target_default(struct si_state *state, char name[64], struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(65536);
  cJSON *json SI_AUTO(si_json_free) = NULL;
  si_copy(name, 64, SI_TARGET_LOCAL);
  si_rc status = si_state_document_get(state, DOCUMENT, &text, error);
  if (status == SI_E_NOT_FOUND) {
    return SI_OK;
  }
  if (status == SI_OK && text.len) {
    status = si_json_parse(text.data, text.len, &json, error);
    const char *chosen = si_json_str(json, "default");
    if (chosen && si_name_valid(chosen)) {
      si_copy(name, 64, chosen);
    }
  }
  return status;
}

si_rc si_target_use(const struct si_context *context, struct si_state *state, const char *name,
                    struct si_error *error) {
  struct si_buf record SI_AUTO(si_buf_free) = SI_BUF(SI_EVENT_MAX);
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(256);
  si_rc status = si_target_exists(state, name, error);
  status =
      status == SI_OK ? write_record(context, "target.use", name, NULL, &record, error) : status;
  status = status == SI_OK ? si_buf_printf(&text, "{\"default\":\"%s\"}", name) : status;
  const struct si_state_event event = {"audit", record.data};
  status =
      status == SI_OK ? si_state_document_put(state, DOCUMENT, text.data, &event, error) : status;
  return status == SI_OK ? si_events_flush(context, state, error) : status;
}
