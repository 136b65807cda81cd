/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/conform/footprint.h"

#include <dirent.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sdk/conform/heap.h"

extern char **environ;

static size_t entries(const char *path) {
  DIR *dir = opendir(path);
  size_t count = 0;
  while (dir && readdir(dir)) {
    count++;
  }
  if (dir) {
    closedir(dir);
  }
  return count;
}

struct footprint footprint_now(void) {
  struct footprint now = {.fds = entries("/proc/self/fd"), .threads = entries("/proc/self/task")};
  now.bytes = heap_bytes();
  now.calls = heap_calls();
  return now;
}

uint64_t footprint_peak(void) {
  FILE *file = fopen("/proc/self/status", "re");
  char line[256];
  unsigned long long kib = 0;
  while (file && fgets(line, sizeof line, file)) {
    if (strncmp(line, "VmHWM:", 6) == 0) {
      kib = strtoull(line + 6, NULL, 10);
    }
  }
  if (file) {
    fclose(file);
  }
  return kib * 1024u;
}

bool footprint_children(void) {
  return waitpid(-1, NULL, WNOHANG) >= 0;
}

size_t footprint_output(void) {
  fflush(NULL);
  off_t end = lseek(1, 0, SEEK_END);
  return end > 0 ? (size_t)end : 0;
}

static uint64_t add_bytes(uint64_t hash, const void *bytes, size_t len) {
  for (size_t i = 0; i < len; i++) {
    hash = (hash ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3u;
  }
  return hash;
}

void surroundings_take(struct surroundings *to) {
  const char *locale = setlocale(LC_ALL, NULL);
  memset(to, 0, sizeof *to);
  sigset_t blocked;
  sigprocmask(SIG_BLOCK, NULL, &blocked);
  for (int number = 1; number < 65; number++) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) == 0) {
      to->handlers[number] = (uintptr_t)action.sa_handler;
      to->flags[number] = action.sa_flags;
    }
    to->blocked[number] = sigismember(&blocked, number) == 1;
  }
  if (!getcwd(to->directory, sizeof to->directory)) {
    to->directory[0] = '\0';
  }
  mode_t mask = umask(077);
  umask(mask);
  to->mask = mask;
  for (char **at = environ; at && *at; at++) {
    to->environment = add_bytes(to->environment + 1, *at, strlen(*at));
  }
  for (int which = 0; which < RLIM_NLIMITS; which++) {
    struct rlimit limit = {0, 0};
    getrlimit((__rlimit_resource_t)which, &limit);
    to->limits = add_bytes(to->limits, &limit, sizeof limit);
  }
  snprintf(to->locale, sizeof to->locale, "%s", locale ? locale : "");
}
