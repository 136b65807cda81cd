/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine client against peers that are no engine, or a sick one: a socket of ours answers each
 * request with the next canned reply. What a real engine answers is tests/unit/local's matter.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit/base/text.h"
#include "plugins/engine/container.h"
#include "tests/unit/unit.h"

static char directory[] = "/tmp/si-engine-test-XXXXXX";
static char path[64];

/* Answers one connection after the other with the replies, in order; the last one for ever. */
static pid_t serve(const char *const *replies, size_t count) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  si_copy(address.sun_path, sizeof address.sun_path, path);
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  unlink(path);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 8)) {
    abort();
  }
  pid_t child = fork();
  if (child != 0) {
    close(listener);
    return child;
  }
  for (size_t next = 0;; next += next + 1 < count) {
    char request[8192];
    int peer = accept(listener, NULL, NULL);
    if (peer < 0 || recv(peer, request, sizeof request, 0) < 0 ||
        send(peer, replies[next], strlen(replies[next]), MSG_NOSIGNAL) < 0) {
      _exit(0);
    }
    shutdown(peer, SHUT_WR);
    while (recv(peer, request, sizeof request, 0) > 0) {
    }
    close(peer);
  }
}

#define REPLY(status, body) "HTTP/1.1 " status "\r\nConnection: close\r\n\r\n" body
#define VERSION   \
  REPLY("200 OK", \
        "{\"ApiVersion\":\"1.41\",\"Version\":\"9\",\"Components\":[{\"Name\":\"Engine\"}]}")

static void stop(pid_t child) {
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
}

static void an_answer_that_makes_no_sense_is_an_error_that_says_so(void) {
  static const struct {
    const char *first, *second;
    si_rc status;
    const char *code;
    const char *message;
  } cases[] = {
      {"SSH-2.0-OpenSSH_9.2\r\n", "", SI_E_IO, "HTTP_PROTOCOL", "does not answer in HTTP"},
      {REPLY("200 OK", "<html>"), "", SI_E_CORRUPT, "ENGINE_ANSWER", "not valid JSON"},
      {REPLY("200 OK", "{}"), "", SI_E_CORRUPT, "ENGINE_ANSWER", "is no container engine"},
      {REPLY("200 OK", "{\"ApiVersion\":\"1.24\"}"), "", SI_E_UNSUPPORTED, "ENGINE_TOO_OLD",
       "speaks API 1.24; at least 1.40 is needed"},
      {REPLY("404 Not Found", "nothing"), "", SI_E_NOT_FOUND, "ENGINE_NOT_FOUND", "(HTTP 404)"},
      {VERSION, REPLY("500 Oops", "{\"message\":\"the disk is full\"}"), SI_E_IO, "ENGINE_REFUSED",
       "looking at container x: the disk is full (HTTP 500)"},
      {VERSION, REPLY("404 Not Found", "{\"message\":\"No such container: x\"}"), SI_E_NOT_FOUND,
       "ENGINE_NOT_FOUND", "No such container: x"},
      {VERSION, REPLY("200 OK", "{\"Id\":\"a\",\"Id\":\"b\"}"), SI_E_CORRUPT, "ENGINE_ANSWER",
       "stands twice"},
      {VERSION, REPLY("200 OK", "[]"), SI_E_CORRUPT, "ENGINE_ANSWER", "lacks what it must hold"},
      {VERSION, REPLY("200 OK", ""), SI_E_CORRUPT, "ENGINE_ANSWER", "lacks what it must hold"},
      {VERSION, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", SI_E_UNAVAILABLE, "HTTP_LOST",
       "broke during GET"},
      {VERSION, REPLY("503 Busy", "{\"message\":\"later\"}"), SI_E_UNAVAILABLE, "ENGINE_REFUSED",
       "later"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *replies[] = {cases[i].first, cases[i].second};
    struct si_engine *engine = NULL;
    struct si_engine_container out = {0};
    struct si_error error = {0};
    pid_t child = serve(replies, 2);
    CU_ASSERT_EQUAL_FATAL(si_engine_open(path, &engine, &error), SI_OK);
    si_rc status = si_engine_container(engine, "x", &out, &error);
    CU_ASSERT_EQUAL(status, cases[i].status);
    CU_ASSERT_STRING_EQUAL(error.code, cases[i].code);
    if (!strstr(error.message, cases[i].message)) {
      CU_FAIL("the message says something else");
      fprintf(stderr, "  case %zu: %s\n", i, error.message);
    }
    si_engine_close(&engine);
    stop(child);
  }
}

static void a_lost_reply_to_a_create_leaves_the_outcome_unknown(void) {
  const char *const replies[] = {VERSION, ""};
  struct si_engine *engine = NULL;
  struct si_error error = {0};
  char id[SI_ENGINE_ID_SIZE];
  cJSON *body = cJSON_CreateObject();
  pid_t child = serve(replies, 2);
  CU_ASSERT_EQUAL_FATAL(si_engine_open(path, &engine, &error), SI_OK);
  CU_ASSERT_EQUAL(si_engine_container_create(engine, "n", body, id, &error), SI_E_UNAVAILABLE);
  CU_ASSERT_EQUAL(error.retry, SI_OUTCOME_UNKNOWN);
  CU_ASSERT_EQUAL(si_engine_container_start(engine, "n", &error), SI_E_UNAVAILABLE);
  CU_ASSERT_EQUAL(error.retry, SI_RETRY_SAFE);
  cJSON_Delete(body);
  si_engine_close(&engine);
  stop(child);
}

/* Docker says 409; what podman says stands here as it was seen. */
static void a_taken_name_is_a_conflict_and_nothing_else_is(void) {
  static const struct {
    const char *reply;
    si_rc status;
  } cases[] = {
      {REPLY("409 Conflict", "{\"message\":\"Conflict. The container name is taken\"}"),
       SI_E_CONFLICT},
      {REPLY(
           "500 Internal Server Error",
           "{\"message\":\"container create: the container name \\\"n\\\" is already in use by 2b: "
           "that name is already in use\"}"),
       SI_E_CONFLICT},
      {REPLY("500 Internal Server Error",
             "{\"message\":\"network name n already used: network already exists\"}"),
       SI_E_CONFLICT},
      {REPLY("500 Internal Server Error", "{\"message\":\"the disk is full\"}"), SI_E_IO},
  };
  for (size_t i = 0; i < 2 * (sizeof cases / sizeof *cases); i++) {
    const char *const replies[] = {VERSION, cases[i / 2].reply};
    struct si_engine *engine = NULL;
    struct si_error error = {0};
    char id[SI_ENGINE_ID_SIZE];
    cJSON *body = cJSON_CreateObject();
    pid_t child = serve(replies, 2);
    CU_ASSERT_EQUAL_FATAL(si_engine_open(path, &engine, &error), SI_OK);
    si_rc status = i % 2 ? si_engine_container_create(engine, "n", body, id, &error)
                         : si_engine_network_create(engine, "n", body, id, &error);
    CU_ASSERT_EQUAL(status, cases[i / 2].status);
    CU_ASSERT_EQUAL(error.status, status);
    CU_ASSERT_EQUAL(strcmp(error.code, "ENGINE_CONFLICT") == 0, status == SI_E_CONFLICT);
    cJSON_Delete(body);
    si_engine_close(&engine);
    stop(child);
  }
}

static void an_engine_that_is_not_there_is_told_with_what_to_do(void) {
  static const struct {
    const char *socket;
    const char *message, *hint;
  } cases[] = {{"/nowhere/docker.sock", "cannot connect to /nowhere/docker.sock: No such file",
                "start Docker or podman"},
               {"/dev/null", "cannot connect to /dev/null: Connection refused", "set socket"}};
  for (size_t i = 0; i < 2; i++) {
    struct si_engine *engine = NULL;
    struct si_engine_version version;
    struct si_error error = {0};
    CU_ASSERT_EQUAL_FATAL(si_engine_open(cases[i].socket, &engine, &error), SI_OK);
    CU_ASSERT_EQUAL(si_engine_version(engine, &version, &error), SI_E_UNAVAILABLE);
    CU_ASSERT_STRING_EQUAL(error.code, "ENGINE_UNREACHABLE");
    CU_ASSERT_EQUAL(error.retry, SI_RETRY_SAFE);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, cases[i].message));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.hint, cases[i].hint));
    si_engine_close(&engine);
  }
  struct si_engine *engine = NULL;
  struct si_error error;
  CU_ASSERT_EQUAL(si_engine_open("relative.sock", &engine, &error), SI_E_INVALID);
}

static void a_containers_state_is_told_in_dockers_words(void) {
  static const char *const cases[][2] = {{"created", "created"},    {"running", "running"},
                                         {"exited", "exited"},      {"paused", "paused"},
                                         {"configured", "created"}, {"initialized", "created"},
                                         {"stopped", "exited"},     {"stopping", "running"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char reply[256];
    const char *const replies[] = {VERSION, reply};
    struct si_engine *engine = NULL;
    struct si_engine_container out SI_AUTO(si_engine_container_free) = {0};
    struct si_error error = {0};
    snprintf(reply, sizeof reply,
             REPLY("200 OK", "{\"Id\":\"a\",\"Name\":\"/n\",\"State\":{\"Status\":\"%s\"}}"),
             cases[i][0]);
    pid_t child = serve(replies, 2);
    CU_ASSERT_EQUAL_FATAL(si_engine_open(path, &engine, &error), SI_OK);
    CU_ASSERT_EQUAL(si_engine_container(engine, "x", &out, &error), SI_OK);
    CU_ASSERT_STRING_EQUAL(out.state, cases[i][1]);
    si_engine_close(&engine);
    stop(child);
  }
}

int main(void) {
  static const struct unit_test tests[] = {
      UNIT(an_answer_that_makes_no_sense_is_an_error_that_says_so),
      UNIT(a_lost_reply_to_a_create_leaves_the_outcome_unknown),
      UNIT(an_engine_that_is_not_there_is_told_with_what_to_do),
      UNIT(a_taken_name_is_a_conflict_and_nothing_else_is),
      UNIT(a_containers_state_is_told_in_dockers_words),
  };
  if (!mkdtemp(directory)) {
    return 2;
  }
  snprintf(path, sizeof path, "%s/engine.sock", directory);
  int code = unit_main("engine answers", tests, sizeof tests / sizeof *tests);
  unlink(path);
  rmdir(directory);
  return code;
}
