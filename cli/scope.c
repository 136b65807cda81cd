/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/scope.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "cli/age.h"
#include "cli/context.h"
#include "cli/interrupt.h"
#include "kit/base/text.h"
#include "paas/doctor/doctor.h"
#include "paas/events/events.h"

enum { CONFIG_MAX = 64 * 1024 };

/* --- the voice of an operation --- */

static void say_log(void *ctx, uint32_t level, const char *message) {
  struct si_scope *scope = ctx;
  if (level >= SI_LOG_WARN) {
    si_out_warn(scope->inv->out, "%s", message);
  } else if (level == SI_LOG_INFO) {
    si_out_debug(scope->inv->out, "%s", message);
  }
}

static void say_progress(void *ctx, uint64_t done, uint64_t total, const char *what) {
  struct si_scope *scope = ctx;
  si_progress_update(scope->progress, done, total, what);
}

static void say_step(void *ctx, const char *name, uint32_t phase, const char *outside_id) {
  static const char *const phases[] = {"begin", "done", "FAILED"};
  struct si_scope *scope = ctx;
  if (phase == SI_STEP_DONE) {
    /* The engine's own ids are long, and their beginning is what people know them by. */
    int shown = strlen(outside_id) == 64 ? 12 : 64;
    si_progress_step(scope->progress, "%s%s%.*s", name, outside_id[0] ? " " : "", shown,
                     outside_id);
  }
  si_out_debug(scope->inv->out, "step %s: %s", phases[phase], name);
}

si_rc si_scope_open(struct si_scope *scope, struct si_invocation *inv, int mode) {
  memset(scope, 0, sizeof *scope);
  si_rc status = si_context_open(inv->context, &scope->context, &inv->error);
  if (status != SI_OK) {
    return status;
  }
  si_context_warn(inv, &scope->context);
  status = si_state_open(scope->context.dir, scope->context.id, mode, &scope->state, &inv->error);
  if (status != SI_OK) {
    si_context_free(&scope->context);
    return status;
  }
  char actor[128];
  si_events_actor_name(actor, sizeof actor);
  si_state_actor(scope->state, actor);
  scope->inv = inv;
  scope->life = (struct si_life){
      .context = &scope->context,
      .state = scope->state,
      .owner_id = SI_OWNER_LOCAL,
      .timeout_ms = inv->timeout_ms,
      .interrupt_fd = -1,
      .ctx = scope,
      .log = say_log,
      .progress = say_progress,
      .step = say_step,
  };
  return SI_OK;
}

si_rc si_scope_gate(struct si_invocation *inv, const struct si_context *context,
                    struct si_state *state) {
  return si_doctor_gate(context, state, &inv->error);
}

static si_rc go_on(struct si_scope *scope, const char *title, bool gated) {
  struct si_invocation *inv = scope->inv;
  size_t ended = 0;
  si_rc status = gated ? si_scope_gate(inv, &scope->context, scope->state) : SI_OK;
  status = status == SI_OK ? si_life_recover(&scope->life, &ended, &inv->error) : status;
  if (status != SI_OK) {
    return status;
  }
  if (ended > 0) {
    si_out_warn(inv->out, "%zu operation%s of a process that died %s ended as interrupted", ended,
                ended == 1 ? "" : "s", ended == 1 ? "was" : "were");
  }
  scope->life.interrupt_fd = si_interrupt_fd();
  scope->progress = si_progress_start(inv->out, title);
  return SI_OK;
}

static si_rc begin(struct si_scope *scope, struct si_invocation *inv, const char *title,
                   bool gated) {
  si_rc status = si_scope_open(scope, inv, SI_STATE_WRITE);
  if (status == SI_OK && (status = go_on(scope, title, gated)) != SI_OK) {
    si_scope_close(scope);
  }
  return status;
}

si_rc si_scope_deploy_on(struct si_scope *scope, const char *title) {
  return go_on(scope, title, true);
}

si_rc si_scope_begin(struct si_scope *scope, struct si_invocation *inv, const char *title) {
  return begin(scope, inv, title, false);
}

si_rc si_scope_deploy(struct si_scope *scope, struct si_invocation *inv, const char *title) {
  return begin(scope, inv, title, true);
}

void si_scope_close(struct si_scope *scope) {
  si_progress_end(&scope->progress);
  si_state_close(scope->state);
  scope->state = NULL;
  si_context_free(&scope->context);
}

/* --- provider options --- */

static si_rc config_file(struct si_invocation *inv, const char *name, cJSON **into) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(CONFIG_MAX);
  struct si_error why;
  if (si_read_file(AT_FDCWD, name, &text) != SI_OK) {
    return si_usage_error(inv, "\"%s\" is neither KEY=VALUE nor a file that can be read", name);
  }
  cJSON *value = NULL;
  si_rc status = si_json_parse(si_buf_text(&text), text.len, &value, &why);
  if (status == SI_OK && !cJSON_IsObject(value)) {
    cJSON_Delete(value);
    status = si_error_set(&why, SI_E_INVALID, "", "it is no object");
  }
  if (status != SI_OK) {
    return si_usage_error(inv, "%s: %s", name, why.message);
  }
  cJSON_Delete(*into);
  *into = value;
  return SI_OK;
}

static cJSON *config_value(const char *text) {
  uint64_t number;
  if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
    return cJSON_CreateBool(text[0] == 't');
  }
  if (si_parse_u64(text, 0, 9007199254740992ull, &number) == SI_OK) {
    return cJSON_CreateNumber((double)number);
  }
  return cJSON_CreateString(text);
}

static si_rc config_pair(struct si_invocation *inv, const char *pair, const char *equals,
                         cJSON *into) {
  char key[128];
  size_t len = (size_t)(equals - pair);
  if (len == 0 || len >= sizeof key || !si_utf8_valid(pair, strlen(pair))) {
    return si_usage_error(inv, "\"%.100s\" is no KEY=VALUE", pair);
  }
  memcpy(key, pair, len);
  key[len] = '\0';
  cJSON_DeleteItemFromObjectCaseSensitive(into, key);
  return cJSON_AddItemToObject(into, key, config_value(equals + 1)) ? SI_OK : SI_E_NOMEM;
}

si_rc si_config_flags(struct si_invocation *inv, const char *option, const cJSON *base,
                      struct si_buf *out) {
  cJSON *config SI_AUTO(si_json_free) = base ? cJSON_Duplicate(base, true) : cJSON_CreateObject();
  const char *given;
  size_t at = 0;
  while ((given = si_opt_each(inv, option, &at))) {
    const char *equals = strchr(given, '=');
    si_rc status =
        equals ? config_pair(inv, given, equals, config) : config_file(inv, given, &config);
    if (status != SI_OK) {
      return status;
    }
  }
  if (si_json_canonical(config, out) != SI_OK) {
    return si_usage_error(inv, "--%s: too large, or a number with a fraction", option);
  }
  return SI_OK;
}

/* --- times --- */

si_rc si_opt_since(struct si_invocation *inv, int64_t *ms) {
  const char *text = si_opt(inv, "since");
  uint64_t ago = 0;
  if (!text) {
    return SI_OK;
  }
  if (si_parse_duration_ms(text, &ago) == SI_OK) {
    *ms = si_now_ms() - (int64_t)ago;
    return SI_OK;
  }
  if (si_moment_parse(text, ms) == SI_OK && *ms > 0) {
    return SI_OK;
  }
  return si_usage_error(inv,
                        "--since %.40s is neither a time (2026-11-20T20:15:01Z, 2026-11-20) nor a "
                        "duration (90s, 3m, 1h30m)",
                        text);
}

/* --- documents --- */

void si_add_document(cJSON *to, const char *name, const char *text) {
  cJSON *value = NULL;
  if (text && si_json_parse(text, strlen(text), &value, NULL) == SI_OK) {
    cJSON_AddItemToObject(to, name, value);
  } else {
    cJSON_AddNullToObject(to, name);
  }
}

cJSON *si_project_json(const struct si_project *project) {
  cJSON *json = cJSON_CreateObject();
  if (si_json_add_text(json, "id", project->id) != SI_OK ||
      si_json_add_text(json, "name", project->slug) != SI_OK ||
      si_json_add_text(json, "owner", project->owner_id) != SI_OK ||
      si_json_add_text(json, "status", project->status) != SI_OK ||
      si_json_add_text(json, "provisioner", project->provisioner) != SI_OK ||
      si_json_add_text(json, "release", project->release) != SI_OK ||
      si_json_add_text(json, "spec_sha256", project->spec_sha256) != SI_OK ||
      si_json_add_text(json, "created_at", project->created_at) != SI_OK ||
      si_json_add_text(json, "updated_at", project->updated_at) != SI_OK) {
    cJSON_Delete(json);
    return NULL;
  }
  si_add_document(json, "last_error", project->last_error);
  return json;
}

cJSON *si_operation_json(const struct si_operation *operation) {
  cJSON *json = cJSON_CreateObject();
  if (si_json_add_text(json, "id", operation->id) != SI_OK ||
      si_json_add_text(json, "kind", operation->kind) != SI_OK ||
      si_json_add_text(json, "status", operation->status) != SI_OK ||
      si_json_add_text(json, "started_at", operation->started_at) != SI_OK ||
      si_json_add_text(json, "ended_at", operation->ended_at) != SI_OK ||
      si_json_add_text(json, "evidence", operation->evidence) != SI_OK ||
      si_json_add_text(json, "runpack", operation->runpack) != SI_OK ||
      si_json_add_text(json, "manifest_sha256", operation->manifest_sha256) != SI_OK) {
    cJSON_Delete(json);
    return NULL;
  }
  return json;
}
