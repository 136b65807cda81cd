/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/conform/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit/base/text.h"
#include "sdk/conform/host.h"

enum { PLACES_MAX = 16, PIECE = 64 * 1024 };

static struct {
  char project[256];
  char directory[SI_PATH_MAX];
} places[PLACES_MAX];
static size_t place_count;

void exec_allow(const char *project_id, const char *directory) {
  kit_needs(place_count < PLACES_MAX, "too many projects");
  si_copy(places[place_count].project, sizeof places->project, project_id);
  si_copy(places[place_count].directory, sizeof places->directory, directory);
  place_count++;
}

/* Where a command of that service starts. */
static si_rc find(const si_exec_command *command, char to[SI_PATH_MAX]) {
  for (size_t i = 0; i < place_count; i++) {
    if (strcmp(places[i].project, command->project_id) != 0) {
      continue;
    }
    if (!si_name_valid(command->service)) {
      return SI_E_NOT_FOUND;
    }
    if (si_path_join(to, SI_PATH_MAX, places[i].directory, command->service) != SI_OK ||
        access(to, X_OK) != 0) {
      si_copy(to, SI_PATH_MAX, places[i].directory);
    }
    return SI_OK;
  }
  return SI_E_REFUSED;
}

/* A command that runs. */
struct running {
  pid_t pid;
  int in, out, err;
  void *ctx;
  si_exec_input input;
  si_exec_output output;
  char piece[PIECE]; /* for its input */
  size_t piece_len;
  size_t piece_at;
};

static void become(const si_exec_command *command, const char *directory, const int fds[6]) {
  static const char *const none[] = {"PATH=/usr/local/bin:/usr/bin:/bin", NULL};
  setpgid(0, 0);
  signal(SIGPIPE, SIG_DFL);
  if (dup2(fds[0], 0) < 0 || dup2(fds[3], 1) < 0 || dup2(fds[5], 2) < 0 ||
      chdir(command->directory && command->directory[0] == '/' ? command->directory : directory)) {
    _exit(126);
  }
  closefrom(3);
  execvpe(command->argv[0], (char *const *)command->argv,
          (char *const *)(command->env ? command->env : none));
  _exit(127);
}

static si_rc begin(const si_exec_command *command, const char *directory, struct running *r) {
  int fds[6];
  for (int i = 0; i < 6; i += 2) {
    kit_needs(pipe2(&fds[i], O_CLOEXEC) == 0, "no pipes for a command");
  }
  r->pid = fork();
  kit_needs(r->pid >= 0, "no process for a command");
  if (r->pid == 0) {
    become(command, directory, fds);
  }
  close(fds[0]);
  close(fds[3]);
  close(fds[5]);
  r->in = fds[1];
  r->out = fds[2];
  r->err = fds[4];
  return fcntl(r->in, F_SETFL, O_NONBLOCK) == 0 ? SI_OK : SI_E_IO;
}

/* More of the command's input goes in. */
static si_rc feed(struct running *r) {
  if (r->piece_at == r->piece_len) {
    si_rc status = SI_OK;
    r->piece_at = r->piece_len = 0;
    if (r->input) {
      status = r->input(r->ctx, r->piece, sizeof r->piece, &r->piece_len);
    }
    if (status != SI_OK || r->piece_len == 0) {
      si_close(&r->in);
      return status;
    }
  }
  ssize_t n = write(r->in, r->piece + r->piece_at, r->piece_len - r->piece_at);
  if (n < 0 && errno != EAGAIN && errno != EINTR) {
    si_close(&r->in); /* it has closed its input */
  }
  r->piece_at += n > 0 ? (size_t)n : 0;
  return SI_OK;
}

static si_rc drain(struct running *r, int *fd, uint32_t stream) {
  char bytes[16384];
  ssize_t n = read(*fd, bytes, sizeof bytes);
  if (n <= 0) {
    si_close(fd);
    return SI_OK;
  }
  return r->output ? r->output(r->ctx, stream, bytes, (size_t)n) : SI_OK;
}

static si_rc serve(si_op *op, struct running *r) {
  si_rc status = SI_OK;
  while (status == SI_OK && (r->out >= 0 || r->err >= 0)) {
    struct pollfd fds[3] = {{r->in, POLLOUT, 0}, {r->out, POLLIN, 0}, {r->err, POLLIN, 0}};
    if (poll(fds, 3, 100) > 0) {
      status = fds[0].revents ? feed(r) : SI_OK;
      status = status == SI_OK && fds[1].revents ? drain(r, &r->out, SI_EXEC_STDOUT) : status;
      status = status == SI_OK && fds[2].revents ? drain(r, &r->err, SI_EXEC_STDERR) : status;
    }
    if (status == SI_OK && op_stopped(op)) {
      status = SI_E_CANCELLED;
    }
  }
  return status;
}

static si_rc run(si_op *op, const si_exec_command *command, void *ctx, si_exec_input input,
                 si_exec_output output, si_exec_result *result) {
  char directory[SI_PATH_MAX] = "";
  int ended = 0;
  if (!command || command->size < sizeof *command || !command->argv || !command->argv[0] ||
      !command->project_id || !command->service || !result ||
      command->where > SI_EXEC_LIKE_SERVICE) {
    return SI_E_INVALID;
  }
  atomic_fetch_add(&op->host->execs, 1);
  si_rc status = find(command, directory);
  if (status != SI_OK) {
    return status;
  }
  struct running r = {.in = -1, .out = -1, .err = -1, .ctx = ctx, .input = input, .output = output};
  status = begin(command, directory, &r);
  status = status == SI_OK ? serve(op, &r) : status;
  si_close(&r.in);
  si_close(&r.out);
  si_close(&r.err);
  if (status != SI_OK) {
    kill(-r.pid, SIGKILL);
  }
  waitpid(r.pid, &ended, 0);
  if (status != SI_OK) {
    return status;
  }
  if (WIFEXITED(ended) && WEXITSTATUS(ended) == 127) {
    return SI_E_NOT_FOUND;
  }
  result->exit_code = WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
  result->signal = WIFSIGNALED(ended) ? WTERMSIG(ended) : 0;
  return SI_OK;
}

const si_exec_vt exec_service = {.size = sizeof exec_service, .run = run};
