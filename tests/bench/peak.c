/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/bench/peak.c - the most memory that a command, and each process that it starts, ever had
 * resident. The kernel keeps that mark (VmHWM) as long as the process lives, so it is read again
 * and again. Depends on Linux's /proc alone.
 *
 *   peak COMMAND ARGUMENT...
 *
 * Prints a line per name of a process: <name> <KiB>, the highest where several had that name.
 * Memory shared between processes counts in each that touched it. The command's stdout goes to
 * /dev/null; it must succeed.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { NAMES_MAX = 32, DEPTH = 4 };

static struct {
  char name[16];
  long kib;
} peaks[NAMES_MAX];
static size_t names;

static void remember(const char *name, long kib) {
  size_t i = 0;
  while (i < names && strcmp(peaks[i].name, name) != 0) {
    i++;
  }
  if (i == NAMES_MAX) {
    return;
  }
  if (i == names) {
    snprintf(peaks[names++].name, sizeof peaks[i].name, "%s", name);
  }
  if (kib > peaks[i].kib) {
    peaks[i].kib = kib;
  }
}

static FILE *open_proc(long pid, const char *what) {
  char path[96];
  snprintf(path, sizeof path, "/proc/%ld/%s", pid, what);
  return fopen(path, "re");
}

static void read_mark(long pid) {
  char line[256], name[16] = "?";
  FILE *file = open_proc(pid, "status");
  while (file && fgets(line, sizeof line, file)) {
    if (strncmp(line, "Name:\t", 6) == 0) {
      line[strcspn(line, "\n")] = '\0';
      snprintf(name, sizeof name, "%.15s", line + 6);
    } else if (strncmp(line, "VmHWM:", 6) == 0) {
      remember(name, strtol(line + 6, NULL, 10));
    }
  }
  if (file) {
    fclose(file);
  }
}

/* A process and what it started, of any of its threads. */
static void look(long pid, int depth) {
  char path[64];
  long child;
  read_mark(pid);
  snprintf(path, sizeof path, "task/%ld/children", pid);
  FILE *file = depth < DEPTH ? open_proc(pid, path) : NULL;
  while (file && fscanf(file, "%ld", &child) == 1) {
    look(child, depth + 1);
  }
  if (file) {
    fclose(file);
  }
}

static pid_t start(char **command) {
  posix_spawn_file_actions_t quiet;
  pid_t pid = -1;
  int failed = posix_spawn_file_actions_init(&quiet);
  if (!failed) {
    failed = posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    failed = failed ? failed : posix_spawnp(&pid, command[0], &quiet, NULL, command, environ);
    posix_spawn_file_actions_destroy(&quiet);
  }
  if (failed) {
    fprintf(stderr, "peak: %s: %s\n", command[0], strerror(failed));
    exit(2);
  }
  return pid;
}

int main(int argc, char **argv) {
  const struct timespec pause = {0, 2000000};
  int status = 0;
  if (argc < 2) {
    fprintf(stderr, "usage: peak COMMAND ARGUMENT...\n");
    return 2;
  }
  pid_t pid = start(argv + 1);
  while (waitpid(pid, &status, WNOHANG) == 0) {
    look(pid, 0);
    nanosleep(&pause, NULL);
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    fprintf(stderr, "peak: this command failed: %s\n", argv[1]);
    return 2;
  }
  for (size_t i = 0; i < names; i++) {
    printf("%s %ld\n", peaks[i].name, peaks[i].kib);
  }
  return 0;
}
