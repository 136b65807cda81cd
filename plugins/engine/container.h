/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/engine/container.h - containers: made, started, stopped, looked at, and their last words.
 * Depends on engine.h, whose rules on errors hold here.
 */
#ifndef SI_PLUGINS_ENGINE_CONTAINER_H
#define SI_PLUGINS_ENGINE_CONTAINER_H

#include "plugins/engine/lines.h"
#include "plugins/engine/resource.h"

struct si_engine_container {
  char id[SI_ENGINE_ID_SIZE];
  char name[SI_ENGINE_NAME_SIZE];
  char image[513];                  /* the reference it was made from */
  char image_id[SI_ENGINE_ID_SIZE]; /* what that meant then */
  char state[24];                   /* created running restarting paused removing exited dead: in
                                     * Docker's words, whatever the engine */
  char health[16];                  /* starting healthy unhealthy, or "" without a check */
  char started_at[64];              /* the engine's own text: a new one means a new start */
  char error[512];                  /* why the engine could not start it, or "" */
  int exit_code;                    /* of the last run */
  int64_t restarts;                 /* by the engine's restart policy */
  bool oom_killed;
  const cJSON *labels;   /* these four stand in document; NULL where absent */
  const cJSON *networks; /* object: name -> {NetworkID, Aliases} */
  const cJSON *ports;    /* object: "80/tcp" -> [{HostIp, HostPort}] or null */
  const cJSON *checks;   /* array: the last results of the health check, oldest first */
  cJSON *document;
};

void si_engine_container_free(struct si_engine_container *container); /* for SI_AUTO */

/* By id or name. *out must be zeroed or freed. */
si_rc si_engine_container(struct si_engine *engine, const char *id, struct si_engine_container *out,
                          struct si_error *error) SI_MUST_USE;
/* `body` is the API's own document. SI_E_CONFLICT: the name is taken. */
si_rc si_engine_container_create(struct si_engine *engine, const char *name, const cJSON *body,
                                 char id[SI_ENGINE_ID_SIZE], struct si_error *error) SI_MUST_USE;
/* Running already is success. */
si_rc si_engine_container_start(struct si_engine *engine, const char *id,
                                struct si_error *error) SI_MUST_USE;
/* Asks it to end and kills it after `grace_s` seconds; below 0: after the time that it was made
 * with, at most an hour. Stopped or gone already is success. */
si_rc si_engine_container_stop(struct si_engine *engine, const char *id, int64_t grace_s,
                               struct si_error *error) SI_MUST_USE;
/* Its last `lines` lines of both streams, as much of them as *out takes: the end is kept. Text is
 * cleaned: no control characters but newlines and tabs, no broken UTF-8. */
si_rc si_engine_container_logs(struct si_engine *engine, const char *id, unsigned lines,
                               struct si_buf *out, struct si_error *error) SI_MUST_USE;

struct si_log_query {
  unsigned tail;    /* the last so many; 0: all */
  int64_t since_ns; /* of this time and later; 0: all */
};
/* Its lines, oldest first, as they are: any bytes. What `each` says ends the reading with it. */
si_rc si_engine_container_lines(struct si_engine *engine, const char *id,
                                const struct si_log_query *query, void *ctx, si_log_each each,
                                struct si_error *error) SI_MUST_USE;

#endif
