/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/local/ready.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"
#include "plugins/engine/frames.h"

enum { LAST_LINES = 30, MAX_DETAIL = 4000, MAX_CHECK = 600 };

void local_watch_begin(struct local_watch *watch, const struct local_service *service,
                       const char *id) {
  *watch = (struct local_watch){.service = service, .from_ns = si_monotonic_ns(), .restarts = -1};
  si_copy(watch->id, sizeof watch->id, id);
}

/* --- judging --- */

static si_rc lost(const struct local_watch *watch, struct si_error *error, const char *fmt, ...)
    SI_PRINTF(3, 4);

static si_rc lost(const struct local_watch *watch, struct si_error *error, const char *fmt, ...) {
  char why[512];
  va_list args;
  va_start(args, fmt);
  vsnprintf(why, sizeof why, fmt, args);
  va_end(args);
  si_error_set(error, SI_E_FAILED, "LOCAL_NOT_READY", "service %s: %s", watch->service->name, why);
  si_error_target(error, NULL, watch->service->name);
  error->retry = SI_RETRY_SAFE;
  return SI_E_FAILED;
}

static si_rc ended(const struct local_watch *watch, const struct si_engine_container *c,
                   struct si_error *error) {
  if (c->oom_killed) {
    return lost(watch, error, "the container was killed for lack of memory before it was ready");
  }
  if (watch->service->oneshot) {
    return lost(watch, error, "the one-shot ended with code %d; it must end with 0", c->exit_code);
  }
  return lost(watch, error, "the container exited with code %d before it was ready", c->exit_code);
}

/* Where a container runs again at once, as podman has it, no look may ever see it ended. */
static si_rc restarted(const struct local_watch *watch, int times, struct si_error *error) {
  if (!watch->ended) {
    return lost(watch, error, "the container was restarted %d times", times);
  }
  return lost(watch, error, "the container was restarted %d times; it last exited with code %d",
              times, watch->exit_code);
}

/* Will the engine start an ended container again? */
static bool comes_back(const struct local_watch *watch, const struct si_engine_container *c) {
  const cJSON *restart = si_json_get(watch->service->spec, "restart");
  const char *policy = si_json_str(restart, "policy");
  if (!policy || strcmp(policy, "no") == 0) {
    return false;
  }
  if (strcmp(policy, "on-failure") == 0) {
    int64_t most = si_json_int(restart, "retries", 0, INT32_MAX, 0);
    return c->exit_code != 0 && (most == 0 || c->restarts < most);
  }
  return true;
}

static void judge_running(struct local_watch *watch, const struct si_engine_container *c,
                          const struct local_config *config, uint64_t now_ns) {
  if (watch->settled_ns == 0 || strcmp(watch->started_at, c->started_at) != 0) {
    si_copy(watch->started_at, sizeof watch->started_at, c->started_at);
    watch->settled_ns = now_ns;
  }
  uint64_t up_ms = (now_ns - watch->settled_ns) / 1000000u;
  if (c->health[0]) {
    watch->ready = strcmp(c->health, "healthy") == 0;
  } else {
    watch->ready = !watch->service->oneshot && up_ms >= config->settle_ms;
  }
}

static si_rc judge_time(const struct local_watch *watch, const struct si_engine_container *c,
                        const struct local_config *config, uint64_t now_ns,
                        struct si_error *error) {
  unsigned limit = config->ready_timeout_ms;
  if ((now_ns - watch->from_ns) / 1000000u < limit) {
    return SI_OK;
  }
  if (watch->service->oneshot) {
    return lost(watch, error, "the one-shot did not end within %u.%u s", limit / 1000,
                limit / 100 % 10);
  }
  if (c->health[0] && cJSON_GetArraySize(c->checks) > 0) {
    return lost(watch, error, "its health check never passed within %u.%u s", limit / 1000,
                limit / 100 % 10);
  }
  if (c->health[0]) {
    lost(watch, error, "the engine did not once run its health check within %u.%u s", limit / 1000,
         limit / 100 % 10);
    si_error_hint(error,
                  "podman leaves that to timers of systemd, which must be running; with any "
                  "engine, the check's interval must be shorter than ready_timeout_ms");
    return SI_E_FAILED;
  }
  return lost(watch, error, "it did not stay up within %u.%u s (its container is %s)", limit / 1000,
              limit / 100 % 10, c->state);
}

si_rc local_watch_judge(struct local_watch *watch, const struct si_engine_container *c,
                        const struct local_config *config, uint64_t now_ns,
                        struct si_error *error) {
  bool running = strcmp(c->state, "running") == 0;
  bool over = strcmp(c->state, "exited") == 0 || strcmp(c->state, "dead") == 0;
  if (watch->restarts < 0) {
    watch->restarts = c->restarts;
  }
  watch->ready = false;
  if (watch->service->oneshot && over && c->exit_code == 0) {
    watch->ready = true;
    return SI_OK;
  }
  if (over || strcmp(c->state, "restarting") == 0) {
    watch->ended = true;
    watch->exit_code = c->exit_code;
  }
  if (c->restarts - watch->restarts >= LOCAL_MAX_RESTARTS) {
    return restarted(watch, (int)(c->restarts - watch->restarts), error);
  }
  if (over && !comes_back(watch, c)) {
    return ended(watch, c, error);
  }
  if (running && strcmp(c->health, "unhealthy") == 0) {
    return lost(watch, error, "its health check failed");
  }
  if (running) {
    judge_running(watch, c, config, now_ns);
  } else {
    watch->settled_ns = 0;
  }
  return watch->ready ? SI_OK : judge_time(watch, c, config, now_ns, error);
}

/* --- last words --- */

/* What the last check said, if it failed. */
static void add_check(const cJSON *checks, struct si_buf *to) {
  const cJSON *last = cJSON_GetArrayItem(checks, cJSON_GetArraySize(checks) - 1);
  const char *output = si_json_str(last, "Output");
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(MAX_CHECK);
  int64_t code = si_json_int(last, "ExitCode", -1, 255, 0);
  if (code == 0) {
    return;
  }
  size_t len = output ? strlen(output) : 0;
  if (si_buf_add(&text, output, len < MAX_CHECK ? len : MAX_CHECK) != SI_OK) {
    return;
  }
  si_log_clean(&text, 5);
  if (si_buf_printf(to, "health check (code %d): %s\n", (int)code,
                    text.len ? si_buf_text(&text) : "it said nothing") != SI_OK) {
    si_buf_clear(to);
  }
}

void local_last_words(struct local_call *call, const char *id, const cJSON *checks) {
  struct si_buf detail SI_AUTO(si_buf_free) = SI_BUF(sizeof call->error.detail - 1);
  struct si_buf log SI_AUTO(si_buf_free) = SI_BUF(MAX_DETAIL - MAX_CHECK - 100);
  add_check(checks, &detail);
  /* Where the log cannot be read the failure itself still stands. */
  if (si_engine_container_logs(call->in->engine, id, LAST_LINES, &log, NULL) == SI_OK &&
      si_buf_add(&detail, si_buf_text(&log), log.len) != SI_OK) {
    return;
  }
  si_error_detail(&call->error, si_buf_text(&detail));
}

/* --- waiting --- */

si_rc local_watch_look(struct local_call *call, struct local_watch *watch) {
  struct si_engine_container container SI_AUTO(si_engine_container_free) = {0};
  si_rc status = si_engine_container(call->in->engine, watch->id, &container, &call->error);
  if (status == SI_E_NOT_FOUND) {
    return local_error(call, SI_E_CONFLICT, watch->service->name,
                       "service %s: its container was removed while it came up: retry",
                       watch->service->name);
  }
  if (status != SI_OK) {
    return status;
  }
  status = local_watch_judge(watch, &container, &call->in->config, si_monotonic_ns(), &call->error);
  if (status != SI_OK) {
    local_last_words(call, watch->id, container.checks);
  }
  return status;
}

si_rc local_watch_wait(struct local_call *call, struct local_watch *watch) {
  si_rc status = local_watch_look(call, watch);
  while (status == SI_OK && !watch->ready) {
    status = local_pause(call, LOCAL_POLL_MS);
    status = status == SI_OK ? local_watch_look(call, watch) : status;
  }
  return status;
}
