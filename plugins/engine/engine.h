/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/engine/engine.h - a client of the Docker Engine API over its unix socket; Docker and
 * podman's compatible service alike. Depends on sdk/kit/net and sdk/kit/base. One thread a handle.
 *
 * Every call answers typed data, read strictly and within bounds. A refusal of the engine becomes
 * an error with the engine's own words: SI_E_NOT_FOUND (ENGINE_NOT_FOUND), SI_E_CONFLICT
 * (ENGINE_CONFLICT), else ENGINE_REFUSED; an engine that cannot be reached is ENGINE_UNREACHABLE,
 * an answer that makes no sense ENGINE_ANSWER (SI_E_CORRUPT). error->retry says whether the call
 * may be repeated: an engine may finish a request although its answer never came.
 */
#ifndef SI_PLUGINS_ENGINE_ENGINE_H
#define SI_PLUGINS_ENGINE_ENGINE_H

#include <stdbool.h>

#include "kit/base/json.h"

struct si_engine;

enum { SI_ENGINE_CALL_MS = 60000 }; /* an ordinary call takes no longer, whatever the deadline */

/* What bounds the calls that follow. */
struct si_engine_bounds {
  uint64_t deadline_ns;        /* CLOCK_MONOTONIC; 0 = none */
  int (*cancelled)(void *ctx); /* non-zero: stop; or NULL */
  void *ctx;
};

/* `socket` is an absolute path. Nothing is sent before the first call. */
si_rc si_engine_open(const char *socket, struct si_engine **out,
                     struct si_error *error) SI_MUST_USE;
void si_engine_close(struct si_engine **engine); /* for SI_AUTO */
void si_engine_bound(struct si_engine *engine, const struct si_engine_bounds *bounds);

struct si_engine_version {
  char name[64];    /* "Docker Engine", "Podman Engine" */
  char version[64]; /* the engine's own */
  char api[16];     /* the API version that this client speaks with it */
};

/* Asks who is there and settles the API version: 1.41, or the engine's own where that is older,
 * or the oldest one it still speaks where that is newer. Every other call does this first, once.
 * SI_E_UNSUPPORTED (ENGINE_TOO_OLD) below 1.40. */
si_rc si_engine_version(struct si_engine *engine, struct si_engine_version *out,
                        struct si_error *error) SI_MUST_USE;
/* The version to speak, from the engine's ApiVersion and MinAPIVersion ("" or NULL: none given).
 * Pure. SI_E_UNSUPPORTED as above, SI_E_CORRUPT where a text is no version. */
si_rc si_engine_negotiate(const char *api, const char *least, char out[16]) SI_MUST_USE;

/* --- the ground of the typed calls (request.c); for this room alone --- */

struct si_engine_query {
  const char *method;
  const char *path;    /* "/containers/json?all=true": encoded, without the version */
  const cJSON *body;   /* or NULL */
  bool repeatable;     /* a POST that does no more when it is done twice */
  bool takes_name;     /* it is SI_E_CONFLICT where the name that it gives is taken */
  uint32_t at_most_ms; /* 0: SI_ENGINE_CALL_MS */
  const char *what;    /* for messages: "creating container si-x-db" */
  /* Takes the body of a good answer in place of *out, or NULL. */
  si_rc (*sink)(void *ctx, const void *data, size_t len);
  void *sink_ctx;
};

/* *out is the answer's JSON (NULL where it has none); out may be NULL. 304 counts as success. */
si_rc si_engine_ask(struct si_engine *engine, const struct si_engine_query *query, cJSON **out,
                    struct si_error *error) SI_MUST_USE;

#endif
