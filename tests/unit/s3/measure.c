/* SPDX-License-Identifier: Apache-2.0 */
/* How fast the store `s3` is against a real server:
 *   s3_measure CONFIG-FILE put|get BYTES      one object
 *   s3_measure CONFIG-FILE puts|gets COUNT BYTES THREADS
 * Prints seconds. The objects are left behind. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/path.h"
#include "kit/base/text.h"
#include "tests/unit/s3/bucket.h"

enum { PIECE = 256 * 1024 };

static si_instance *store;
static size_t bytes, count;
static bool writes;
static atomic_size_t next;
static atomic_int failed;
static char *data;

/* Reads in pieces, as the host does, and holds each against what was written. */
static bool get_one(si_op *op, const char *key, char *piece) {
  const si_artifact_vt *vt = bucket_table();
  si_reader *reader = NULL;
  size_t have = 0, got = 1;
  bool good = vt->reader_open(store, op, key, 0, UINT64_MAX, &reader) == SI_OK;
  while (good && got) {
    good = vt->reader_read(reader, op, piece, PIECE, &got) == SI_OK && got <= bytes - have &&
           memcmp(piece, data + have, got) == 0;
    have += got;
  }
  if (reader) {
    vt->reader_close(reader);
  }
  return good && have == bytes;
}

static void *work(void *arg) {
  si_op *op = calloc(1, sizeof *op);
  char *to = malloc(PIECE);
  (void)arg;
  for (size_t i = atomic_fetch_add(&next, 1); op && to && i < count;
       i = atomic_fetch_add(&next, 1)) {
    char key[64];
    snprintf(key, sizeof key, "measure/%zu/%05zu", bytes, i);
    bool good = writes ? bucket_put(store, op, key, 0, data, bytes) == SI_OK : get_one(op, key, to);
    if (!good) {
      fprintf(stderr, "%s: %s\n", key, op->message);
      atomic_store(&failed, 1);
      break;
    }
  }
  free(to);
  free(op);
  return NULL;
}

int main(int argc, char **argv) {
  struct si_buf config SI_AUTO(si_buf_free) = SI_BUF(65536);
  si_op op = {.status = SI_OK};
  pthread_t threads[16];
  if (argc < 4 || si_read_file(AT_FDCWD, argv[1], &config) != SI_OK) {
    return 2;
  }
  bool many = argv[2][strlen(argv[2]) - 1] == 's';
  size_t crew = many ? strtoul(argv[5], NULL, 10) : 1;
  writes = argv[2][0] == 'p';
  count = many ? strtoul(argv[3], NULL, 10) : 1;
  bytes = strtoul(argv[many ? 4 : 3], NULL, 10);
  data = malloc(bytes);
  if (!data || crew > 16 || bucket_open(si_buf_text(&config), &op, &store) != SI_OK) {
    fprintf(stderr, "%s\n", op.message);
    return 1;
  }
  for (size_t i = 0; i < bytes; i++) {
    data[i] = (char)(i * 2654435761u >> 13);
  }
  uint64_t began = si_monotonic_ns();
  for (size_t i = 0; i < crew; i++) {
    if (pthread_create(&threads[i], NULL, work, NULL) != 0) {
      return 1;
    }
  }
  for (size_t i = 0; i < crew; i++) {
    pthread_join(threads[i], NULL);
  }
  printf("%.3f\n", (double)(si_monotonic_ns() - began) / 1e9);
  bucket_close(store);
  free(data);
  return atomic_load(&failed);
}
