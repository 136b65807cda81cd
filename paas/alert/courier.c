/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/alert/courier.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/host/places.h"
#include "kit/base/path.h"
#include "kit/base/text.h"
#include "paas/alert/net/request.h"

/* What si-net gets beyond its own time-out before it is killed. */
enum { GRACE_MS = 2000 };

/* --- where it is --- */

static si_rc find(char path[SI_PATH_MAX], struct si_error *error) {
  si_rc status = si_place_host(path, SI_PATH_MAX, error);
  if (status != SI_OK) {
    return status;
  }
  char *slash = strrchr(path, '/'); /* it stands beside si-host */
  if (!slash || (size_t)(slash - path) + sizeof "/si-net" > SI_PATH_MAX) {
    return si_error_set(error, SI_E_QUOTA, "NET_START", "si's path is too long");
  }
  memcpy(slash, "/si-net", sizeof "/si-net");
  struct si_error why;
  status = si_path_trusted(path, &why);
  if (status != SI_OK) {
    si_error_set(error, status, "NET_START", "si-net is not started: %s", why.message);
    return si_error_hint(error,
                         "is si installed whole, in a directory that only its owner can "
                         "write to? `cmake --install` puts it there");
  }
  return SI_OK;
}

/* --- the request --- */

static bool add_request(cJSON *to, const struct si_post *post) {
  cJSON *headers = cJSON_Duplicate(post->headers, true);
  if (!headers || !cJSON_AddItemToObject(to, "headers", headers)) {
    cJSON_Delete(headers);
    return false;
  }
  return cJSON_AddStringToObject(to, "schema", SI_NET_REQUEST_SCHEMA) &&
         cJSON_AddStringToObject(to, "url", post->url) &&
         cJSON_AddStringToObject(to, "body", post->body) &&
         cJSON_AddNumberToObject(to, "timeout_ms", post->timeout_ms) &&
         cJSON_AddBoolToObject(to, "allow_private", post->allow_private) &&
         cJSON_AddBoolToObject(to, "allow_http_loopback", post->allow_http_loopback) &&
         (!post->ca_file || cJSON_AddStringToObject(to, "ca_file", post->ca_file));
}

/* In a file that is nobody's: no pipe to fill, no reader to wait for. */
static si_rc write_request(const struct si_post *post, int *fd, struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_SECRET_BUF(SI_NET_REQUEST_MAX);
  cJSON *request SI_AUTO(si_json_wipe) = cJSON_CreateObject();
  if (!add_request(request, post) || si_json_canonical(request, &text) != SI_OK) {
    return si_error_set(error, SI_E_QUOTA, "NET_REQUEST", "the request is too long");
  }
  int made SI_AUTO(si_close) = memfd_create("si-net-request", MFD_CLOEXEC);
  if (made < 0 || si_write_all(made, text.data, text.len) != 0 || lseek(made, 0, SEEK_SET) != 0) {
    return si_error_errno(error, errno, "NET_START", "cannot hand the request to si-net");
  }
  *fd = made;
  made = -1;
  return SI_OK;
}

/* --- the process --- */

struct courier {
  pid_t pid;
  int in; /* its stdin */
  int out;
  int from; /* our end of its stdout */
};

static void end(struct courier *courier) {
  si_close(&courier->in);
  si_close(&courier->out);
  si_close(&courier->from);
  if (courier->pid > 0) {
    kill(courier->pid, SIGKILL); /* it has answered, or it will not */
    while (waitpid(courier->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    courier->pid = 0;
  }
}

/* Descriptors out of the way of 0 to 2; si's own are O_CLOEXEC. */
static int lift(int *fd) {
  int lifted = fcntl(*fd, F_DUPFD_CLOEXEC, 3);
  si_close(fd);
  *fd = lifted;
  return lifted;
}

static int spawn(const char *path, struct courier *courier) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  char *argv[] = {(char *)"si-net", NULL};
  char *envp[] = {NULL};
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  int err = posix_spawn_file_actions_adddup2(&actions, courier->in, 0);
  err = err ? err : posix_spawn_file_actions_adddup2(&actions, courier->out, 1);
  err = err ? err : posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  err = err ? err : posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  err = err ? err : posix_spawn_file_actions_addchdir_np(&actions, "/");
  err = err ? err : posix_spawnattr_setsigmask(&attributes, &none);
  err = err ? err : posix_spawnattr_setsigdefault(&attributes, &all);
  err = err ? err
            : posix_spawnattr_setflags(
                  &attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  err = err ? err : posix_spawn(&courier->pid, path, &actions, &attributes, argv, envp);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return err;
}

static si_rc start(const struct si_post *post, struct courier *courier, struct si_error *error) {
  char path[SI_PATH_MAX];
  int pipes[2] = {-1, -1};
  si_rc status = find(path, error);
  status = status == SI_OK ? write_request(post, &courier->in, error) : status;
  if (status != SI_OK) {
    return status;
  }
  int err = pipe2(pipes, O_CLOEXEC) == 0 ? 0 : errno;
  courier->from = pipes[0];
  courier->out = pipes[1];
  if (err == 0 && (lift(&courier->in) < 0 || lift(&courier->out) < 0)) {
    err = errno;
  }
  err = err ? err : spawn(path, courier);
  si_close(&courier->in);
  si_close(&courier->out);
  if (err) {
    si_error_errno(error, err, "NET_START", "cannot start %s", path);
    return si_error_hint(error, "is si installed whole? `cmake --install` puts it there");
  }
  return SI_OK;
}

/* --- the answer --- */

static int left_ms(uint64_t deadline) {
  uint64_t now = si_monotonic_ns();
  return now < deadline ? (int)((deadline - now) / 1000000u) + 1 : 0;
}

static si_rc read_answer(const struct si_post *post, const struct courier *courier,
                         struct si_buf *text, struct si_error *error) {
  uint64_t deadline = si_monotonic_ns() + (uint64_t)(post->timeout_ms + GRACE_MS) * 1000000u;
  struct pollfd wait[2] = {{.fd = courier->from, .events = POLLIN},
                           {.fd = post->interrupt_fd, .events = POLLIN}};
  char piece[4096];
  for (;;) {
    int ready = poll(wait, 2, left_ms(deadline));
    if (ready < 0 && errno == EINTR) {
      continue;
    }
    if (ready <= 0) {
      return si_error_set(error, SI_E_TIMEOUT, "NET_TIMEOUT", "si-net did not end in time");
    }
    if (wait[1].revents) {
      return si_error_set(error, SI_E_CANCELLED, "NET_CANCELLED", "interrupted while sending");
    }
    ssize_t n = read(courier->from, piece, sizeof piece);
    if (n == 0) {
      return SI_OK;
    }
    if ((n < 0 && errno != EINTR) || (n > 0 && si_buf_add(text, piece, (size_t)n) != SI_OK)) {
      return si_error_set(error, SI_E_INTERNAL, "NET_BROKEN", "si-net's answer cannot be read");
    }
  }
}

static si_rc take_error(const cJSON *record, struct si_error *error) {
  const char *code = si_json_str(record, "code");
  const char *message = si_json_str(record, "message");
  si_rc status = (si_rc)si_json_int(record, "status", SI_E_INVALID, SI_E_FAILED, SI_E_INTERNAL);
  si_error_set(error, status, code ? code : "NET_BROKEN", "%s", message ? message : "no reason");
  if (error) {
    error->retry = (uint32_t)si_json_int(record, "retry", 0, SI_OUTCOME_UNKNOWN, SI_RETRY_NEVER);
  }
  return status;
}

static si_rc take_answer(const struct si_buf *text, int *http, struct si_error *error) {
  cJSON *answer SI_AUTO(si_json_free) = NULL;
  struct si_error why = {.message = "no answer"};
  si_rc status = si_json_parse(si_buf_text(text), text->len, &answer, &why);
  const char *schema = status == SI_OK ? si_json_str(answer, "schema") : NULL;
  const cJSON *record = si_json_get(answer, "error");
  int64_t code = si_json_int(answer, "status", 0, 999, -1);
  if (!schema || strcmp(schema, SI_NET_ANSWER_SCHEMA) != 0 || code < 0 || (code == 0) != !!record) {
    return si_error_set(error, SI_E_INTERNAL, "NET_BROKEN",
                        "si-net gave no answer that makes sense (%s)",
                        text->len ? why.message : "it died");
  }
  if (record) {
    return take_error(record, error);
  }
  *http = (int)code;
  return SI_OK;
}

si_rc si_post(const struct si_post *post, int *http, struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_NET_ANSWER_MAX);
  struct courier courier SI_AUTO(end) = {.in = -1, .out = -1, .from = -1};
  si_rc status = start(post, &courier, error);
  status = status == SI_OK ? read_answer(post, &courier, &text, error) : status;
  return status == SI_OK ? take_answer(&text, http, error) : status;
}
