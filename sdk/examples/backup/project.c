/* SPDX-License-Identifier: Apache-2.0 */
#include "project.h"

#include <errno.h>
#include <si/service.h>
#include <string.h>
#include <unistd.h>

#include "kit/base/path.h"

/* A command's streams. */
struct streams {
  int in;                   /* read as its input, from where it stands; or -1 */
  int out;                  /* takes its output; or -1 */
  int err;                  /* errno of the first failure of either */
  struct si_hasher *hasher; /* of its output; or NULL */
  uint64_t bytes;           /* of its output */
  char said[1024];          /* the end of what it wrote to its standard error */
};

static void remember(struct streams *s, const char *text, size_t len) {
  const size_t room = sizeof s->said - 1;
  size_t had = strlen(s->said);
  size_t skip = len > room ? len - room : 0;
  len -= skip;
  size_t drop = had + len > room ? had + len - room : 0;
  memmove(s->said, s->said + drop, had - drop);
  memcpy(s->said + had - drop, text + skip, len);
  s->said[had - drop + len] = '\0';
}

static si_rc on_output(void *ctx, uint32_t stream, const void *data, size_t len) {
  struct streams *s = ctx;
  if (stream != SI_EXEC_STDOUT) {
    remember(s, data, len);
    return SI_OK;
  }
  if (s->out < 0) {
    return SI_OK;
  }
  if (si_write_all(s->out, data, len) != 0) {
    s->err = errno;
    return si_status_of_errno(errno);
  }
  s->bytes += len;
  return si_hasher_add(s->hasher, data, len);
}

static si_rc on_input(void *ctx, void *buf, size_t cap, size_t *got) {
  struct streams *s = ctx;
  ssize_t n;
  do {
    n = read(s->in, buf, cap);
  } while (n < 0 && errno == EINTR);
  if (n < 0) {
    s->err = errno;
    return SI_E_IO;
  }
  *got = (size_t)n;
  return SI_OK;
}

/* Runs a command to its end. *code is its exit code, 256 where a signal ended it. */
static si_rc run(const struct call *call, const char *const *argv, struct streams *s, int *code) {
  const si_exec_vt *exec = call->store->exec;
  const si_exec_command command = {.size = sizeof command,
                                   .where = SI_EXEC_IN_SERVICE,
                                   .project_id = call->project_id,
                                   .service = call->store->service,
                                   .argv = argv};
  si_exec_result result = {.size = sizeof result};
  si_rc status = exec->run(call->op, &command, s, s->in < 0 ? NULL : on_input, on_output, &result);
  if (status == SI_OK) {
    *code = result.signal ? 256 : result.exit_code;
    return SI_OK;
  }
  return s->err ? si_fail_errno(call->store->vt, call->op, s->err, argv[0],
                                "cannot pass on the data of %s", argv[0])
                : si_fail(call->store->vt, call->op, status, call->store->service,
                          "cannot run %s in service %s: %s", argv[0], call->store->service,
                          si_status_text(status));
}

/* The command ended, and not well. */
static si_rc went_wrong(const struct call *call, const char *what, uint32_t retry, int code,
                        const struct streams *s) {
  struct si_error error;
  si_error_set(&error, SI_E_FAILED, "", "%s in service %s ended with exit code %d", what,
               call->store->service, code);
  error.retry = retry;
  si_error_detail(&error, s->said);
  return si_fail_error(call->store->vt, call->op, &error, call->store->service);
}

si_rc project_save(const struct call *call, int fd, struct backup *backup) {
  const char *const argv[] = {"tar", "-cf", "-", "--", call->store->path, NULL};
  struct si_hasher hasher SI_AUTO(si_hasher_free) = {NULL};
  struct streams s = {.in = -1, .out = fd, .hasher = &hasher};
  int code = 0;
  si_rc status = si_hasher_start(&hasher);
  status = status == SI_OK ? run(call, argv, &s, &code) : status;
  if (status == SI_OK && code != 0) {
    return went_wrong(call, "tar", SI_RETRY_SAFE, code, &s);
  }
  backup->bytes = s.bytes;
  return status == SI_OK ? si_hasher_end(&hasher, backup->sha256) : status;
}

si_rc project_holds(const struct call *call, bool *out) {
  const char *const argv[] = {"test", "-e", call->store->path, NULL};
  struct streams s = {.in = -1, .out = -1};
  int code = 0;
  si_rc status = run(call, argv, &s, &code);
  if (status == SI_OK && code > 1) {
    return went_wrong(call, "test", SI_RETRY_SAFE, code, &s);
  }
  *out = code == 0;
  return status;
}

si_rc project_check(const struct call *call, bool *out) {
  const char *const argv[] = {"tar", "--version", NULL};
  struct streams s = {.in = -1, .out = -1};
  int code = 0;
  si_rc status = run(call, argv, &s, &code);
  *out = code == 0;
  return status;
}

/* What fails from here on has begun. */
static si_rc unknown(const struct call *call, si_rc status) {
  struct si_error error;
  si_error_set(&error, status, "", "the restore was cut off (%s): the project's data is not whole",
               si_status_text(status));
  error.retry = SI_OUTCOME_UNKNOWN;
  si_error_hint(&error, "restore again");
  return si_fail_error(call->store->vt, call->op, &error, call->project_id);
}

si_rc project_replace(const struct call *call, int fd, bool holds) {
  const char *const clear[] = {"rm", "-rf", "--", call->store->path, NULL};
  const char *const unpack[] = {"tar", "-xf", "-", NULL};
  struct streams s = {.in = -1, .out = -1};
  int code = 0;
  si_rc status = holds ? run(call, clear, &s, &code) : SI_OK;
  if (status == SI_OK && code == 0) {
    s.in = fd;
    status = run(call, unpack, &s, &code);
  }
  if (status == SI_OK && code != 0) {
    return went_wrong(call, s.in < 0 ? "rm" : "tar", SI_OUTCOME_UNKNOWN, code, &s);
  }
  return status == SI_OK ? SI_OK : unknown(call, status);
}
