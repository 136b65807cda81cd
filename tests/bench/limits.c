/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/bench/limits.c - what this machine can do at most, to hold si against: writing a large file
 * as fast as the disk takes it, and hashing on two threads. Depends on libcrypto and Linux.
 *
 *   limits write FILE BYTES      a window of 8 MiB at a time is pushed to the disk and let go of,
 *                                the last one waited for; the bytes are random
 *   limits hash BYTES            SHA-256 of so many bytes, half of them on each of two threads,
 *                                from memory that no cache of the processor holds
 *   limits read FILE...          SHA-256 of the files, on two threads that take one after the other
 *
 * Prints the milliseconds it took.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define WINDOW (8ull << 20)
#define BLOCK (256u << 10)
#define MEMORY (64ull << 20) /* a thread's */

static _Noreturn void give_up(const char *what) {
  fprintf(stderr, "limits: %s: %s\n", what, strerror(errno));
  exit(2);
}

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static unsigned char *random_bytes(size_t len) {
  unsigned char *bytes = malloc(len);
  if (!bytes) {
    give_up("memory");
  }
  for (size_t at = 0; at < len;) {
    ssize_t n = getrandom(bytes + at, len - at, 0);
    if (n < 0) {
      give_up("random bytes");
    }
    at += (size_t)n;
  }
  return bytes;
}

/* --- write --- */

static void push(int fd, uint64_t from, unsigned flags) {
  if (sync_file_range(fd, (off_t)from, (off_t)WINDOW, flags) != 0) {
    give_up("sync_file_range");
  }
}

static double write_file(const char *path, uint64_t bytes) {
  unsigned char *window = random_bytes(WINDOW);
  double begin = now_ms();
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) {
    give_up(path);
  }
  for (uint64_t done = 0; done < bytes; done += WINDOW) {
    for (size_t at = 0; at < WINDOW;) {
      ssize_t n = write(fd, window + at, WINDOW - at);
      if (n < 0) {
        give_up(path);
      }
      at += (size_t)n;
    }
    push(fd, done, SYNC_FILE_RANGE_WRITE);
    if (done) {
      push(fd, done - WINDOW,
           SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
      (void)posix_fadvise(fd, (off_t)(done - WINDOW), (off_t)WINDOW, POSIX_FADV_DONTNEED);
    }
  }
  if (fdatasync(fd) != 0 || close(fd) != 0) {
    give_up(path);
  }
  double took = now_ms() - begin;
  free(window);
  return took;
}

/* --- hash, read --- */

static struct {
  uint64_t bytes; /* of each thread, from `memory` */
  unsigned char *memory;
  char **files; /* in place of memory; ended by NULL for each thread */
  atomic_size_t next;
} work;

static void hash_memory(EVP_MD_CTX *context) {
  for (uint64_t done = 0; done < work.bytes; done += BLOCK) {
    if (!EVP_DigestUpdate(context, work.memory + done % MEMORY, BLOCK)) {
      give_up("hash");
    }
  }
}

static void hash_file(EVP_MD_CTX *context, const char *path, unsigned char *block) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = -1;
  while (fd >= 0 && (n = read(fd, block, BLOCK)) > 0) {
    if (!EVP_DigestUpdate(context, block, (size_t)n)) {
      give_up("hash");
    }
  }
  if (n < 0) {
    give_up(path);
  }
  close(fd);
}

static void *hash_some(void *argument) {
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  unsigned char *block = malloc(BLOCK), digest[EVP_MAX_MD_SIZE];
  const char *file = NULL;
  (void)argument;
  do {
    file = work.files ? work.files[atomic_fetch_add(&work.next, 1)] : NULL;
    if (!context || !block || !EVP_DigestInit_ex2(context, EVP_sha256(), NULL)) {
      give_up("hash");
    }
    if (file) {
      hash_file(context, file, block);
    } else if (work.memory) {
      hash_memory(context);
    }
    if (!EVP_DigestFinal_ex(context, digest, NULL)) {
      give_up("hash");
    }
  } while (file);
  EVP_MD_CTX_free(context);
  free(block);
  return NULL;
}

static double hash_on_two_threads(void) {
  pthread_t other;
  double begin = now_ms();
  if (pthread_create(&other, NULL, hash_some, NULL) != 0) {
    give_up("thread");
  }
  hash_some(NULL);
  pthread_join(other, NULL);
  return now_ms() - begin;
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  if (argc == 4 && strcmp(what, "write") == 0) {
    printf("%.3f\n", write_file(argv[2], strtoull(argv[3], NULL, 10)));
  } else if (argc == 3 && strcmp(what, "hash") == 0) {
    work.bytes = strtoull(argv[2], NULL, 10) / 2;
    work.memory = random_bytes(MEMORY);
    printf("%.3f\n", hash_on_two_threads());
    free(work.memory);
  } else if (argc > 2 && strcmp(what, "read") == 0) {
    work.files = calloc((size_t)argc, sizeof *work.files);
    if (!work.files) {
      give_up("memory");
    }
    memcpy(work.files, argv + 2, (size_t)(argc - 2) * sizeof *work.files);
    printf("%.3f\n", hash_on_two_threads());
    free(work.files);
  } else {
    fprintf(stderr, "usage: limits write FILE BYTES | hash BYTES | read FILE...\n");
    return 2;
  }
  return 0;
}
