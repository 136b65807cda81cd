/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/local/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit/base/text.h"

static const char *socket_path(void) {
  return getenv("SI_TEST_SOCKET");
}

bool world_missing(void) {
  if (!socket_path()) {
    fprintf(stderr, "no SI_TEST_SOCKET: run this through with_images.sh\n");
    return true;
  }
  return false;
}

bool world_podman(void) {
  const char *engine = getenv("SI_TEST_ENGINE");
  return engine && strcmp(engine, "podman") == 0;
}

si_instance *world_open(const char *extra) {
  char config[512];
  struct si_op op;
  si_instance *instance = NULL;
  op_begin(&op);
  snprintf(
      config, sizeof config,
      "{\"socket\":\"%s\",\"settle_ms\":400,\"stop_timeout_s\":2,\"ready_timeout_ms\":15000%s}",
      socket_path(), extra);
  if (local_open(&test_host, NULL, &op, config, &instance) != SI_OK) {
    fprintf(stderr, "open: %s\n", op.failure.message);
    exit(1);
  }
  op_end(&op);
  return instance;
}

si_rc world_provision(struct si_op *op, const char *project, const char *stack) {
  si_instance *instance = world_open("");
  op_begin(op);
  si_rc status = local_provision(instance, op, project, stack, op, op_emit);
  local_close(instance);
  return status;
}

si_rc world_destroy(struct si_op *op, const char *project) {
  si_instance *instance = world_open("");
  op_begin(op);
  si_rc status = local_destroy(instance, op, project, op, op_emit);
  local_close(instance);
  return status;
}

si_rc world_inspect(struct si_op *op, const char *project) {
  si_instance *instance = world_open("");
  op_begin(op);
  si_rc status = local_inspect(instance, op, project, op, op_emit);
  local_close(instance);
  return status;
}

static si_rc count_one(void *ctx, const struct si_engine_item *item) {
  (void)item;
  ++*(size_t *)ctx;
  return SI_OK;
}

size_t world_count(const char *label) {
  struct si_engine *engine SI_AUTO(si_engine_close) = NULL;
  struct si_error error;
  size_t count = 0;
  if (si_engine_open(socket_path(), &engine, &error) != SI_OK) {
    exit(1);
  }
  for (int type = SI_ENGINE_CONTAINER; type <= SI_ENGINE_VOLUME; type++) {
    if (si_engine_list(engine, (enum si_engine_type)type, &label, 1, &count, count_one, &error) !=
        SI_OK) {
      fprintf(stderr, "count: %s\n", error.message);
      exit(1);
    }
  }
  return count;
}

int world_shell(const char *line) {
  pid_t child = fork();
  if (child == 0) {
    execl("/bin/bash", "bash", "-c", line, (char *)NULL);
    _exit(127);
  }
  int state = 0;
  waitpid(child, &state, 0);
  return WIFEXITED(state) ? WEXITSTATUS(state) : 128;
}

void world_service(const struct si_op *op, const char *name, const char *member, char out[160]) {
  cJSON *result SI_AUTO(si_json_free) = op_result(op);
  const cJSON *service;
  out[0] = '\0';
  cJSON_ArrayForEach(service, si_json_get(result, "services")) {
    const char *found = si_json_str(service, "name");
    if (found && strcmp(found, name) == 0) {
      const cJSON *value = si_json_get(service, member);
      if (cJSON_IsNumber(value)) {
        snprintf(out, 160, "%d", value->valueint);
      } else {
        si_copy(out, 160, cJSON_GetStringValue(value));
      }
    }
  }
}
