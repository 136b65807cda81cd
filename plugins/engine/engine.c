/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/engine/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"
#include "kit/net/http.h"

enum { MAX_ANSWER = 16 * 1024 * 1024, MAX_BODY = 4 * 1024 * 1024 };

static const unsigned spoken[2] = {1, 41}; /* what this client was written for */
static const unsigned oldest[2] = {1, 40}; /* what it can still do its work with */

struct si_engine {
  struct si_http *http;
  struct si_engine_bounds bounds;
  struct si_engine_version version; /* api is "" until it was settled */
  char socket[108];
};

si_rc si_engine_open(const char *socket, struct si_engine **out, struct si_error *error) {
  struct si_engine *engine = calloc(1, sizeof *engine);
  if (!engine) {
    return si_error_set(error, SI_E_NOMEM, "ENGINE_OPEN", "out of memory");
  }
  struct si_http_options options = {
      .base = "http://engine", .unix_socket = socket, .user_agent = "si"};
  si_rc status = si_http_open(&options, &engine->http, error);
  if (status != SI_OK) {
    free(engine);
    return status;
  }
  si_copy(engine->socket, sizeof engine->socket, socket);
  *out = engine;
  return SI_OK;
}

void si_engine_close(struct si_engine **engine) {
  if (*engine) {
    si_http_close(&(*engine)->http);
    free(*engine);
    *engine = NULL;
  }
}

void si_engine_bound(struct si_engine *engine, const struct si_engine_bounds *bounds) {
  engine->bounds = *bounds;
}

/* --- the version to speak --- */

static bool parse_version(const char *text, unsigned out[2]) {
  char major[8];
  uint64_t a, b;
  size_t dot = strcspn(text, ".");
  if (dot == 0 || dot >= sizeof major || text[dot] == '\0') {
    return false;
  }
  memcpy(major, text, dot);
  major[dot] = '\0';
  if (si_parse_u64(major, 0, 999, &a) != SI_OK ||
      si_parse_u64(text + dot + 1, 0, 9999, &b) != SI_OK) {
    return false;
  }
  out[0] = (unsigned)a;
  out[1] = (unsigned)b;
  return true;
}

static bool older(const unsigned a[2], const unsigned b[2]) {
  return a[0] < b[0] || (a[0] == b[0] && a[1] < b[1]);
}

si_rc si_engine_negotiate(const char *api, const char *least, char out[16]) {
  unsigned newest[2];
  unsigned min[2] = {0, 0};
  if (!api || !parse_version(api, newest) || (least && *least && !parse_version(least, min))) {
    return SI_E_CORRUPT;
  }
  if (older(newest, oldest)) {
    return SI_E_UNSUPPORTED;
  }
  const unsigned *use = older(newest, spoken) ? newest : older(spoken, min) ? min : spoken;
  snprintf(out, 16, "%u.%u", use[0], use[1]);
  return SI_OK;
}

/* The engine's own name: Docker says "Engine", podman "Podman Engine". */
static void engine_name(const cJSON *answer, char *to, size_t size) {
  const char *name = si_json_str(cJSON_GetArrayItem(si_json_get(answer, "Components"), 0), "Name");
  si_copy(to, size, !name || strcmp(name, "Engine") == 0 ? "Docker Engine" : name);
}

static si_rc ask(struct si_engine *engine, const struct si_engine_query *query, const char *prefix,
                 cJSON **out, struct si_error *error);

static si_rc settle(struct si_engine *engine, struct si_error *error) {
  cJSON *answer SI_AUTO(si_json_free) = NULL;
  struct si_engine_query query = {
      .method = "GET", .path = "/version", .what = "asking for the engine's version"};
  struct si_engine_version version = {0};
  if (engine->version.api[0]) {
    return SI_OK;
  }
  si_rc status = ask(engine, &query, "", &answer, error);
  if (status != SI_OK) {
    return status;
  }
  const char *api = si_json_str(answer, "ApiVersion");
  status = si_engine_negotiate(api, si_json_str(answer, "MinAPIVersion"), version.api);
  if (status == SI_E_UNSUPPORTED) {
    si_error_set(error, status, "ENGINE_TOO_OLD",
                 "the engine at %s speaks API %s; at least %u.%u is needed", engine->socket, api,
                 oldest[0], oldest[1]);
    return si_error_hint(error, "update Docker to 19.03 or podman to 4.0, or later"), status;
  }
  if (status != SI_OK) {
    return si_error_set(error, status, "ENGINE_ANSWER",
                        "what answers at %s is no container engine: it names no API version",
                        engine->socket);
  }
  engine_name(answer, version.name, sizeof version.name);
  si_copy(version.version, sizeof version.version, si_json_str(answer, "Version"));
  engine->version = version;
  return SI_OK;
}

si_rc si_engine_version(struct si_engine *engine, struct si_engine_version *out,
                        struct si_error *error) {
  si_rc status = settle(engine, error);
  if (status == SI_OK) {
    *out = engine->version;
  }
  return status;
}

/* --- one request --- */

/* podman answers a taken name with 500, where Docker has 409. */
static bool name_taken(const struct si_engine_query *query, const struct si_http_response *r,
                       const char *why) {
  return query->takes_name && r->status == 500 && why &&
         (strstr(why, "already in use") || strstr(why, "already used") ||
          strstr(why, "already exists"));
}

static si_rc refuse(const struct si_engine_query *query, const struct si_http_response *r,
                    struct si_error *error) {
  cJSON *body SI_AUTO(si_json_free) = NULL;
  const char *why = NULL;
  if (si_json_parse(si_buf_text(&r->body), r->body.len, &body, NULL) == SI_OK) {
    why = si_json_str(body, "message");
  }
  const char *code = r->status == 404   ? "ENGINE_NOT_FOUND"
                     : r->status == 409 ? "ENGINE_CONFLICT"
                                        : "ENGINE_REFUSED";
  if (name_taken(query, r, why)) {
    si_http_refusal(r, "ENGINE_CONFLICT", query->what, why, error);
    if (error) {
      error->status = SI_E_CONFLICT;
      error->retry = SI_RETRY_NEVER;
    }
    return SI_E_CONFLICT;
  }
  return si_http_refusal(r, code, query->what, why, error);
}

/* Says what to do about an engine that was not reached. */
static void unreachable(const struct si_engine *engine, struct si_error *error) {
  if (!error || strcmp(error->code, "HTTP_CONNECT") != 0) {
    return;
  }
  si_copy(error->code, sizeof error->code, "ENGINE_UNREACHABLE");
  if (error->status == SI_E_AUTH) {
    si_error_hint(error, "you may not use %s: join the group that owns it (docker), or set socket",
                  engine->socket);
  } else {
    si_error_hint(error, "start Docker or podman's service there, or set socket to where it is");
  }
}

static uint64_t call_deadline(const struct si_engine *engine, uint32_t at_most_ms) {
  uint64_t limit = at_most_ms ? at_most_ms : SI_ENGINE_CALL_MS;
  uint64_t end = si_monotonic_ns() + limit * 1000000u;
  return engine->bounds.deadline_ns && engine->bounds.deadline_ns < end ? engine->bounds.deadline_ns
                                                                        : end;
}

static si_rc read_answer(const struct si_engine_query *query, const struct si_buf *body,
                         cJSON **out, struct si_error *error) {
  struct si_error why;
  cJSON *answer = NULL;
  if (body->len > 0) {
    si_rc status = si_json_parse(si_buf_text(body), body->len, &answer, &why);
    if (status != SI_OK) {
      return si_error_set(error, SI_E_CORRUPT, "ENGINE_ANSWER", "%s: the engine's answer is %s",
                          query->what, why.message);
    }
  }
  *out = answer;
  return SI_OK;
}

static si_rc ask(struct si_engine *engine, const struct si_engine_query *query, const char *prefix,
                 cJSON **out, struct si_error *error) {
  static const struct si_http_header json = {"Content-Type", "application/json"};
  struct si_buf body SI_AUTO(si_buf_free) = SI_SECRET_BUF(MAX_BODY);
  struct si_buf target SI_AUTO(si_buf_free) = SI_BUF(32 * 1024);
  struct si_http_response response = {.body = SI_SECRET_BUF(MAX_ANSWER)};
  si_rc status = si_buf_printf(&target, "%s%s", prefix, query->path);
  if (status == SI_OK && query->body) {
    status = si_json_canonical(query->body, &body); /* cJSON would write large numbers as 1e+16 */
  }
  if (status != SI_OK) {
    return si_error_set(error, status, "ENGINE_REQUEST", "%s: the request is too large",
                        query->what);
  }
  struct si_http_request request = {.method = query->method,
                                    .target = si_buf_text(&target),
                                    .headers = query->body ? &json : NULL,
                                    .header_count = query->body ? 1 : 0,
                                    .body = query->body ? si_buf_text(&body) : NULL,
                                    .body_len = body.len,
                                    .secret = query->body != NULL,
                                    .repeatable = query->repeatable,
                                    .deadline_ns = call_deadline(engine, query->at_most_ms),
                                    .cancelled = engine->bounds.cancelled,
                                    .cancel_ctx = engine->bounds.ctx,
                                    .sink = query->sink,
                                    .sink_ctx = query->sink_ctx};
  status = si_http_send(engine->http, &request, &response, error);
  if (status != SI_OK) {
    unreachable(engine, error);
  } else if ((response.status < 200 || response.status > 299) && response.status != 304) {
    status = refuse(query, &response, error);
  } else if (out) {
    status = read_answer(query, &response.body, out, error);
  }
  si_buf_free(&response.body);
  return status;
}

si_rc si_engine_ask(struct si_engine *engine, const struct si_engine_query *query, cJSON **out,
                    struct si_error *error) {
  char prefix[20];
  si_rc status = settle(engine, error);
  if (status != SI_OK) {
    return status;
  }
  snprintf(prefix, sizeof prefix, "/v%s", engine->version.api);
  return ask(engine, query, prefix, out, error);
}
