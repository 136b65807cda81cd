/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/lifecycle/sink.h"

#include <stdlib.h>
#include <string.h>

#include "kit/base/json.h"
#include "paas/context/context.h"
#include "paas/lifecycle/stopped.h"
#include "paas/redact/redact.h"
#include "paas/vault/reading.h"

struct si_sink_session {
  struct si_sink_options options;
  cJSON *config;
  struct si_session *session;
  struct si_stopped stopped;
};

/* Does a member of the configuration refer to this secret? */
static bool refers_to(const cJSON *config, const char *name) {
  static const char scheme[] = "vault:";
  for (const cJSON *member = config ? config->child : NULL; member; member = member->next) {
    const char *value = cJSON_GetStringValue(member);
    if (value && strncmp(value, scheme, sizeof scheme - 1) == 0 &&
        strcmp(value + sizeof scheme - 1, name) == 0) {
      return true;
    }
  }
  return false;
}

static si_rc refuse(const struct si_sink_session *sink, const char *name, struct si_error *error) {
  return si_error_set(error, SI_E_REFUSED, SI_SECRET_NOT_REFERRED,
                      "the configuration of store \"%.63s\" refers to no secret %.100s",
                      sink->options.provider, name);
}

/* --- the environment --- */

static bool asks_environment(const struct si_sink_session *sink, const char *variable) {
  static const char *const variables[] = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
                                          "AWS_SESSION_TOKEN"};
  const char *source = si_json_str(sink->config, "auth");
  for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
    if (strcmp(variable, variables[i]) == 0) {
      return source && strcmp(source, "environment") == 0;
    }
  }
  return false;
}

static si_rc lend_variable(const char *variable, void *use_ctx, si_secret_use use,
                           struct si_error *error) {
  const char *value = secure_getenv(variable);
  size_t len = value ? strlen(value) : 0;
  if (len == 0) {
    return si_error_set(error, SI_E_NOT_FOUND, "SECRET_NOT_FOUND",
                        "%s is not set in si's environment", variable);
  }
  if (si_redact_remember(value, len) != SI_OK) {
    return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: a secret");
  }
  return use(use_ctx, value, len);
}

/* --- the vault --- */

static si_rc lend_secret(const struct si_sink_session *sink, const char *key, void *use_ctx,
                         si_secret_use use, struct si_error *error) {
  struct si_vault_reading reading SI_AUTO(si_vault_reading_close) = {.state = NULL};
  const struct si_context *context = sink->options.context;
  if (!context) {
    si_error_set(error, SI_E_NOT_FOUND, "SECRET_NOT_FOUND",
                 "the store's secret %.100s stands in a vault, and no context says in which", key);
    return si_error_hint(error, "name it with --context NAME, or give credentials of another kind");
  }
  si_rc status =
      si_vault_reading_open(context, sink->options.ask, sink->options.ask_ctx, &reading, error);
  return status == SI_OK ? si_vault_get(reading.vault, "", key, use_ctx, use, error) : status;
}

static si_rc lend(void *ctx, const char *name, void *use_ctx, si_secret_use use,
                  struct si_error *error) {
  static const char environment[] = "env:";
  const struct si_sink_session *sink = ctx;
  if (strncmp(name, environment, sizeof environment - 1) == 0) {
    const char *variable = name + sizeof environment - 1;
    return asks_environment(sink, variable) ? lend_variable(variable, use_ctx, use, error)
                                            : refuse(sink, name, error);
  }
  return refers_to(sink->config, name) ? lend_secret(sink, name, use_ctx, use, error)
                                       : refuse(sink, name, error);
}

/* --- the session --- */

static void on_stopped(void *ctx, const char *kind, const char *what) {
  struct si_sink_session *sink = ctx;
  si_stopped_tell(&sink->stopped, kind, what);
}

si_rc si_sink_open(const struct si_sink_options *options, struct si_sink_session **out,
                   struct si_error *error) {
  const char *config = options->config ? options->config : "{}";
  char trust[SI_PATH_MAX];
  struct si_sink_session *sink SI_AUTO(si_sink_close) = calloc(1, sizeof *sink);
  if (!sink) {
    return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: a store");
  }
  sink->options = *options;
  sink->stopped = (struct si_stopped){.context = options->context,
                                      .state = options->state,
                                      .plugin = options->provider,
                                      .operation = options->operation,
                                      .ctx = options->log_ctx,
                                      .log = options->log};
  si_rc status = si_json_parse(config, strlen(config), &sink->config, error);
  status = status == SI_OK ? si_context_plugins(trust, sizeof trust, error) : status;
  const bool required = options->context && si_context_sandbox_required(options->context);
  const struct si_session_options session = {
      .plugin = options->provider,
      .kind = SI_KIND_ARTIFACT,
      .config = config,
      .trust = trust,
      .sandbox =
          (required ? SI_SANDBOX_REQUIRED : 0u) | (options->reading ? SI_SANDBOX_READING : 0u),
      .lock_fd = -1,
      .deadline_ns = options->deadline_ns,
      .interrupt_fd = options->interrupt_fd,
      .ctx = sink,
      .listener = {.secret = lend, .stopped = on_stopped}};
  status = status == SI_OK ? si_session_open(&session, &sink->session, error) : status;
  if (status == SI_OK) {
    *out = sink;
    sink = NULL;
  }
  return status;
}

struct si_store *si_sink_store(struct si_sink_session *sink) {
  return si_session_store(sink->session);
}

void si_sink_close(struct si_sink_session **sink) {
  if (*sink) {
    si_session_close((*sink)->session);
    cJSON_Delete((*sink)->config);
    free(*sink);
  }
  *sink = NULL;
}
