/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/lifecycle/logs.h"

#include <string.h>

#include "kit/base/text.h"
#include "paas/lifecycle/operation.h"
#include "paas/lifecycle/run.h"
#include "paas/lifecycle/secrets.h"
#include "paas/lifecycle/stopped.h"
#include "paas/redact/redact.h"

enum { SHOWN_MAX = 64 * 1024, REDACTED_MAX = 1024 * 1024, LINK_MS = 30000 };

struct reader {
  void *ctx;
  si_logs_each each;
  struct si_stopped stopped;
  const char *wrong; /* why a document was refused */
};

/* --- where --- */

static si_rc ambiguous(const struct si_target_names *targets, const struct si_project *project,
                       struct si_error *error) {
  struct si_buf names SI_AUTO(si_buf_free) = SI_BUF(400);
  for (size_t i = 0; i < targets->count; i++) {
    if (si_buf_printf(&names, "%s%s", i ? ", " : "", targets->list[i]) != SI_OK) {
      break;
    }
  }
  si_error_set(error, SI_E_INVALID, "PAAS_TARGET_AMBIGUOUS", "app %s lives on several targets: %s",
               project->slug, si_buf_text(&names));
  return si_error_hint(error, "name one of them: --target %s", targets->list[0]);
}

static si_rc choose_target(struct si_life *life, const struct si_project *project,
                           const char *wanted, char target[64], struct si_error *error) {
  struct si_target_names targets SI_AUTO(si_target_names_free) = {NULL, 0};
  si_rc status = si_run_targets(life, project->id, &targets, error);
  if (status != SI_OK) {
    return status;
  }
  for (size_t i = 0; i < targets.count; i++) {
    if (targets.count == 1 ? !wanted || strcmp(wanted, targets.list[0]) == 0
                           : wanted && strcmp(wanted, targets.list[i]) == 0) {
      si_copy(target, 64, targets.list[i]);
      return SI_OK;
    }
  }
  if (!wanted && targets.count > 1) {
    return ambiguous(&targets, project, error);
  }
  return si_error_set(error, SI_E_NOT_FOUND, "PAAS_NOT_DEPLOYED", "app %s does not live on %s%s",
                      project->slug, wanted ? "target " : "any target", wanted ? wanted : "");
}

/* --- what --- */

static si_rc query_of(const struct si_logs *logs, struct si_buf *out, struct si_error *error) {
  char since[SI_TIME_SIZE];
  cJSON *query SI_AUTO(si_json_free) = cJSON_CreateObject();
  cJSON *services = cJSON_AddArrayToObject(query, "services");
  bool ok = services && cJSON_AddNumberToObject(query, "tail", (double)logs->tail) &&
            cJSON_AddBoolToObject(query, "follow", logs->follow);
  for (size_t i = 0; ok && i < logs->service_count; i++) {
    ok = cJSON_AddItemToArray(services, cJSON_CreateString(logs->services[i]));
  }
  si_time_text(logs->since_ms, since);
  ok = ok && (logs->since_ms > 0 ? cJSON_AddStringToObject(query, "since", since)
                                 : cJSON_AddNullToObject(query, "since"));
  return ok && si_json_canonical(query, out) == SI_OK
             ? SI_OK
             : si_error_set(error, SI_E_NOMEM, "STATE_MEMORY", "out of memory");
}

/* A line's secrets are looked for in the whole of it. One that was cut may end in part of one. */
static si_rc redact(const char *text, bool cut, struct si_buf *out) {
  size_t len = strlen(text);
  si_rc status = SI_OK;
  si_buf_clear(out);
  if (!cut) {
    return si_redact_text(text, len, out);
  }
  status = si_buf_puts(out, text);
  if (status == SI_OK && len > 0) {
    si_redact_line(out->data, len + 1);
    out->len = strlen(out->data);
  }
  return status;
}

static si_rc one_line(struct reader *reader, const cJSON *json, struct si_buf *room) {
  const char *stream = si_json_str(json, "stream");
  struct si_logs_line line = {
      .time = si_json_str(json, "time"),
      .service = si_json_str(json, "service"),
      .stream = stream && strcmp(stream, "stderr") == 0 ? "stderr" : "stdout",
      .line = si_json_str(json, "line"),
      .cut = si_json_bool(json, "cut", false)};
  if (!line.time || !line.service || !line.line || !stream || strlen(line.time) > 64 ||
      strlen(line.service) > 255 || strlen(line.line) > SHOWN_MAX || strchr(line.line, '\n')) {
    reader->wrong = "a line of it is none";
    return SI_E_CORRUPT;
  }
  si_rc status = redact(line.line, line.cut, room);
  line.line = si_buf_text(room);
  return status == SI_OK ? reader->each(reader->ctx, &line) : status;
}

static si_rc piece(void *ctx, const char *text) {
  struct reader *reader = ctx;
  struct si_buf room SI_AUTO(si_buf_free) = SI_BUF(REDACTED_MAX);
  cJSON *document SI_AUTO(si_json_free) = NULL;
  const cJSON *each;
  si_rc status = si_json_parse(text, strlen(text), &document, NULL);
  if (status != SI_OK || !cJSON_IsArray(si_json_get(document, "lines"))) {
    reader->wrong = "it has no list of lines";
    return SI_E_CORRUPT;
  }
  cJSON_ArrayForEach(each, si_json_get(document, "lines")) {
    status = one_line(reader, each, &room);
    if (status != SI_OK) {
      return status;
    }
  }
  return SI_OK;
}

static void on_stopped(void *ctx, const char *kind, const char *what) {
  struct reader *reader = ctx;
  si_stopped_tell(&reader->stopped, kind, what);
}

static si_rc read_through(struct si_life *life, const struct si_project *project,
                          const char *config, const char *query, struct reader *reader,
                          struct si_error *error) {
  static const struct si_listener listener = {.stopped = on_stopped};
  struct si_buf document SI_AUTO(si_buf_free) = SI_BUF(4096);
  struct si_session *session = NULL;
  if (si_project_document(life, project, "", NULL, &document) != SI_OK) {
    return si_error_set(error, SI_E_NOMEM, "STATE_MEMORY", "out of memory");
  }
  si_rc status = si_provisioner_open(life, project->provisioner, config, -1, &listener, reader,
                                     &session, error);
  if (status == SI_OK) {
    status = si_session_stream(session, SI_VERB_LOGS, document.data, query, reader, piece, error);
    if (reader->wrong) {
      status =
          si_error_set(error, SI_E_INTERNAL, "PROVIDER_RESULT",
                       "the provider's answer to logs is not what it must be: %s", reader->wrong);
    }
    if (status != SI_OK) {
      si_redact_error(error);
    }
  }
  si_session_close(session);
  return status;
}

si_rc si_life_logs(struct si_life *life, const struct si_logs *logs, void *ctx, si_logs_each each,
                   struct si_error *error) {
  struct si_project project SI_AUTO(si_project_free) = {.id = ""};
  struct si_buf query SI_AUTO(si_buf_free) = SI_BUF(256 * 1024);
  struct si_target_link *link = NULL;
  char target[64];
  struct reader reader = {.ctx = ctx, .each = each};
  uint64_t wait = si_monotonic_ns() + (uint64_t)LINK_MS * 1000000u;
  uint64_t deadline = si_life_deadline(life);
  si_rc status = si_state_project(life->state, life->owner_id, logs->slug, false, &project, error);
  status = status == SI_OK ? choose_target(life, &project, logs->target, target, error) : status;
  status = status == SI_OK ? query_of(logs, &query, error) : status;
  status =
      status == SI_OK ? si_life_secrets_remember(life, project.slug, project.stack, error) : status;
  status = status == SI_OK
               ? si_target_open(life->state, target, project.config,
                                wait < deadline ? wait : deadline, life->interrupt_fd, &link, error)
               : status;
  if (status == SI_OK) {
    reader.stopped = (struct si_stopped){.context = life->context, .plugin = project.provisioner};
    status = read_through(life, &project, si_target_link_config(link), query.data, &reader, error);
    if (status != SI_OK) {
      error->status = status;
      status = si_target_link_blame(link, error);
    }
  }
  si_target_link_close(link);
  return status;
}
