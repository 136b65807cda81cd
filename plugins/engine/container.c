/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/engine/container.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"
#include "kit/net/url.h"
#include "plugins/engine/frames.h"

enum { START_MS = 120000, STOP_SPARE_MS = 30000, MAX_STOP_S = 3600 };

void si_engine_container_free(struct si_engine_container *container) {
  si_json_wipe(&container->document); /* the engine tells the environment, too */
  memset(container, 0, sizeof *container);
}

static si_rc container_path(struct si_buf *path, const char *id, const char *verb,
                            struct si_error *error) {
  si_rc status = id[0] ? si_buf_puts(path, "/containers/") : SI_E_INVALID;
  status = status == SI_OK ? si_url_encode(id, strlen(id), false, path) : status;
  status = status == SI_OK ? si_buf_puts(path, verb) : status;
  return status == SI_OK
             ? status
             : si_error_set(error, status, "ENGINE_REQUEST", "\"%.200s\" is no container's id", id);
}

/* --- looking --- */

static void read_health(const cJSON *state, struct si_engine_container *out) {
  const cJSON *health = si_json_get(state, "Health");
  const char *text = si_json_str(health, "Status");
  if (text && strcmp(text, "none") != 0) {
    si_copy(out->health, sizeof out->health, text);
    out->checks = si_json_get(health, "Log");
  }
}

/* podman has words of its own for the moments between Docker's: made but not set up, asked to end,
 * ended but not tidied up. */
static const char *state_text(const cJSON *state) {
  static const char *const words[][2] = {{"configured", "created"},
                                         {"initialized", "created"},
                                         {"stopping", "running"},
                                         {"stopped", "exited"}};
  const char *text = si_json_str(state, "Status");
  for (size_t i = 0; text && i < sizeof words / sizeof *words; i++) {
    if (strcmp(text, words[i][0]) == 0) {
      return words[i][1];
    }
  }
  return text;
}

static void read_container(const cJSON *answer, struct si_engine_container *out) {
  const cJSON *config = si_json_get(answer, "Config");
  const cJSON *state = si_json_get(answer, "State");
  const cJSON *net = si_json_get(answer, "NetworkSettings");
  si_copy(out->image, sizeof out->image, si_json_str(config, "Image"));
  si_copy(out->image_id, sizeof out->image_id, si_json_str(answer, "Image"));
  si_copy(out->state, sizeof out->state, state_text(state));
  si_copy(out->started_at, sizeof out->started_at, si_json_str(state, "StartedAt"));
  si_copy(out->error, sizeof out->error, si_json_str(state, "Error"));
  out->exit_code = (int)si_json_int(state, "ExitCode", INT_MIN, INT_MAX, -1);
  out->restarts = si_json_int(answer, "RestartCount", 0, INT32_MAX, 0);
  out->oom_killed = si_json_bool(state, "OOMKilled", false);
  out->labels = si_json_get(config, "Labels");
  out->networks = si_json_get(net, "Networks");
  out->ports = si_json_get(net, "Ports");
  read_health(state, out);
}

si_rc si_engine_container(struct si_engine *engine, const char *id, struct si_engine_container *out,
                          struct si_error *error) {
  struct si_engine_item item;
  cJSON *document = NULL;
  si_rc status = si_engine_look(engine, SI_ENGINE_CONTAINER, id, &item, &document, error);
  if (status == SI_OK) {
    si_engine_container_free(out);
    out->document = document;
    si_copy(out->id, sizeof out->id, item.id);
    si_copy(out->name, sizeof out->name, item.name);
    read_container(document, out);
  }
  return status;
}

/* --- changing --- */

si_rc si_engine_container_create(struct si_engine *engine, const char *name, const cJSON *body,
                                 char id[SI_ENGINE_ID_SIZE], struct si_error *error) {
  struct si_buf path SI_AUTO(si_buf_free) = SI_BUF(1024);
  cJSON *answer SI_AUTO(si_json_free) = NULL;
  char what[320];
  snprintf(what, sizeof what, "creating container %.255s", name);
  si_rc status = si_buf_puts(&path, "/containers/create?name=");
  status = status == SI_OK ? si_url_encode(name, strlen(name), false, &path) : status;
  if (status != SI_OK) {
    return si_error_set(error, status, "ENGINE_REQUEST", "%s: the name is too long", what);
  }
  struct si_engine_query query = {
      .method = "POST", .path = si_buf_text(&path), .body = body, .takes_name = true, .what = what};
  status = si_engine_ask(engine, &query, &answer, error);
  const char *given = si_json_str(answer, "Id");
  if (status == SI_OK && (!given || !given[0] || strlen(given) >= SI_ENGINE_ID_SIZE)) {
    return si_error_set(error, SI_E_CORRUPT, "ENGINE_ANSWER", "%s: the engine names no id", what);
  }
  if (status == SI_OK) {
    si_copy(id, SI_ENGINE_ID_SIZE, given);
  }
  return status;
}

si_rc si_engine_container_start(struct si_engine *engine, const char *id, struct si_error *error) {
  struct si_buf path SI_AUTO(si_buf_free) = SI_BUF(1024);
  struct si_engine_query query = {.method = "POST",
                                  .repeatable = true,
                                  .at_most_ms = START_MS,
                                  .what = "starting the container"};
  si_rc status = container_path(&path, id, "/start", error);
  query.path = si_buf_text(&path);
  return status == SI_OK ? si_engine_ask(engine, &query, NULL, error) : status;
}

si_rc si_engine_container_stop(struct si_engine *engine, const char *id, int64_t grace_s,
                               struct si_error *error) {
  struct si_buf path SI_AUTO(si_buf_free) = SI_BUF(1024);
  char verb[40];
  struct si_engine_query query = {
      .method = "POST", .repeatable = true, .what = "stopping the container"};
  if (grace_s < 0) {
    si_copy(verb, sizeof verb, "/stop");
    query.at_most_ms = MAX_STOP_S * 1000u + STOP_SPARE_MS;
  } else {
    uint32_t seconds = grace_s > MAX_STOP_S ? MAX_STOP_S : (uint32_t)grace_s;
    snprintf(verb, sizeof verb, "/stop?t=%u", seconds);
    query.at_most_ms = seconds * 1000u + STOP_SPARE_MS;
  }
  si_rc status = container_path(&path, id, verb, error);
  query.path = si_buf_text(&path);
  status = status == SI_OK ? si_engine_ask(engine, &query, NULL, error) : status;
  return status == SI_E_NOT_FOUND ? SI_OK : status;
}

/* --- last words --- */

static si_rc feed(void *ctx, const void *data, size_t len) {
  return si_frames_feed(ctx, data, len);
}

si_rc si_engine_container_logs(struct si_engine *engine, const char *id, unsigned lines,
                               struct si_buf *out, struct si_error *error) {
  struct si_buf path SI_AUTO(si_buf_free) = SI_BUF(1024);
  struct si_frames frames = {.to = out};
  char verb[64];
  struct si_engine_query query = {
      .method = "GET", .what = "reading the container's log", .sink = feed, .sink_ctx = &frames};
  snprintf(verb, sizeof verb, "/logs?stdout=true&stderr=true&tail=%u", lines);
  si_buf_clear(out);
  si_rc status = container_path(&path, id, verb, error);
  query.path = si_buf_text(&path);
  status = status == SI_OK ? si_engine_ask(engine, &query, NULL, error) : status;
  if (status == SI_OK) {
    si_log_clean(out, lines);
  }
  return status;
}

/* --- lines --- */

struct reading {
  struct si_log_lines lines;
  si_rc status; /* why it ended early: the client knows only that it did */
};

static si_rc feed_lines(void *ctx, const void *data, size_t len) {
  struct reading *reading = ctx;
  reading->status = si_log_lines_feed(&reading->lines, data, len);
  return reading->status;
}

static si_rc lines_path(const char *id, const struct si_log_query *query, struct si_buf *path,
                        struct si_error *error) {
  char verb[160], since[48] = "", tail[32] = "all";
  if (query->since_ns > 0) {
    snprintf(since, sizeof since, "&since=%lld.%09lld", (long long)(query->since_ns / 1000000000),
             (long long)(query->since_ns % 1000000000));
  }
  if (query->tail > 0) {
    snprintf(tail, sizeof tail, "%u", query->tail);
  }
  snprintf(verb, sizeof verb, "/logs?stdout=true&stderr=true&timestamps=true&tail=%s%s", tail,
           since);
  return container_path(path, id, verb, error);
}

si_rc si_engine_container_lines(struct si_engine *engine, const char *id,
                                const struct si_log_query *query, void *ctx, si_log_each each,
                                struct si_error *error) {
  struct si_buf path SI_AUTO(si_buf_free) = SI_BUF(1024);
  struct reading reading = {.status = SI_OK};
  struct si_engine_query request = {.method = "GET",
                                    .what = "reading the container's log",
                                    .sink = feed_lines,
                                    .sink_ctx = &reading};
  si_rc status = lines_path(id, query, &path, error);
  if (status != SI_OK) {
    return status;
  }
  request.path = si_buf_text(&path);
  si_log_lines_begin(&reading.lines, ctx, each);
  status = si_engine_ask(engine, &request, NULL, error);
  if (status == SI_OK) {
    status = reading.status = si_log_lines_end(&reading.lines);
  }
  if (reading.status == SI_E_IO && reading.lines.trouble[0]) {
    status = si_error_set(error, SI_E_IO, "ENGINE_REFUSED", "the engine cannot read the log: %s",
                          reading.lines.trouble);
  } else if (reading.status == SI_E_CORRUPT) {
    status = si_error_set(error, SI_E_CORRUPT, "ENGINE_ANSWER",
                          "reading the container's log: the answer is no log with times");
  } else if (reading.status != SI_OK) {
    status = si_error_set(error, reading.status, "ENGINE_STOPPED", "reading was ended");
  }
  si_log_lines_free(&reading.lines);
  return status;
}
