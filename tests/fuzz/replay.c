/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/replay.c - the main of a fuzz target where there is no libFuzzer: runs it once on
 * every file of the directories that are named, or on the files that are. Nothing to run is a
 * failure.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "kit/base/path.h"

enum { INPUT_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static size_t ran;

static int replay(int dir, const char *name) {
  struct si_buf bytes SI_AUTO(si_buf_free) = SI_BUF(INPUT_MAX);
  if (si_read_file(dir, name, &bytes) != SI_OK) {
    fprintf(stderr, "%s: %s\n", name, strerror(errno));
    return 1;
  }
  printf("%s\n", name);
  fflush(stdout); /* whoever dies of it is named */
  ran++;
  return LLVMFuzzerTestOneInput((const unsigned char *)si_buf_text(&bytes), bytes.len);
}

static int replay_all(const char *path) {
  DIR *dir = opendir(path);
  int failed = 0;
  if (!dir) {
    return replay(AT_FDCWD, path);
  }
  for (const struct dirent *each; (each = readdir(dir));) {
    if (each->d_name[0] != '.') {
      failed |= replay(dirfd(dir), each->d_name);
    }
  }
  closedir(dir);
  return failed;
}

int main(int argc, char **argv) {
  int failed = 0;
  for (int i = 1; i < argc; i++) {
    failed |= replay_all(argv[i]);
  }
  printf("%zu inputs\n", ran);
  return failed || ran == 0;
}
