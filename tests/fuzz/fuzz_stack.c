/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_stack.c - any bytes as a stack file: either a document that is strict, canonical
 * JSON and the same a second time, or a refusal that says where and why. Bytes with a NUL among
 * them are several files: up to the first NUL the first one, up to the next a file of variables,
 * what follows a second file over the first. Depends on si_stack.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "paas/stack/stack.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

static void judge_document(const struct si_stack *stack) {
  struct si_buf again SI_AUTO(si_buf_free) = SI_BUF(16 << 20);
  cJSON *json SI_AUTO(si_json_free) = NULL;
  require(si_json_parse(stack->json, stack->len, &json, NULL) == SI_OK);
  require(si_json_canonical(json, &again) == SI_OK);
  require(again.len == stack->len && memcmp(again.data, stack->json, stack->len) == 0);
  require(strlen(stack->json) == stack->len && strlen(stack->sha256) == 64);
}

static void judge_refusal(si_rc status, const struct si_error *error) {
  require(status == SI_E_INVALID && error->status == status);
  require(strncmp(error->code, "STACK_", 6) == 0 && strcmp(error->code, "STACK_UNREADABLE") != 0);
  require(strncmp(error->target, "s.yaml:", 7) == 0 && atoi(error->target + 7) > 0);
  require(strncmp(error->message, error->target, strlen(error->target)) == 0);
  for (const char *p = error->message; *p; p++) {
    require((unsigned char)*p >= 0x20 && *p != 0x7F);
  }
}

/* --- several files --- */

struct part {
  int fd;
  char path[64];
};

static void put(struct part *part, const unsigned char *data, size_t size) {
  part->fd = memfd_create("part", MFD_CLOEXEC);
  require(part->fd >= 0 && write(part->fd, data, size) == (ssize_t)size);
  snprintf(part->path, sizeof part->path, "/proc/self/fd/%d", part->fd);
}

static void judge_several(const unsigned char *data, size_t size, const unsigned char *end) {
  struct part first, env, second;
  struct si_stack one SI_AUTO(si_stack_free) = {0};
  struct si_stack two SI_AUTO(si_stack_free) = {0};
  struct si_faults faults SI_AUTO(si_faults_free) = {0};
  struct si_error error = {0};
  const unsigned char *next = end + 1;
  size_t left = size - (size_t)(next - data);
  const unsigned char *middle = left ? memchr(next, '\0', left) : NULL;
  size_t env_size = middle ? (size_t)(middle - next) : left;
  put(&first, data, (size_t)(end - data));
  put(&env, next, env_size);
  put(&second, next + env_size, 0);
  if (middle) {
    close(second.fd);
    put(&second, middle + 1, left - env_size - 1);
  }
  const char *const files[] = {first.path, second.path};
  const char *const env_files[] = {env.path};
  const struct si_stack_request request = {
      .files = files, .file_count = middle ? 2 : 1, .env_files = env_files, .env_file_count = 1};
  if (si_stack_read(&request, &one, &faults, &error) == SI_OK) {
    judge_document(&one);
    require(faults.count == 0 && si_stack_read(&request, &two, NULL, NULL) == SI_OK);
    require(strcmp(one.json, two.json) == 0);
  } else {
    require(!one.json && error.status == SI_E_INVALID && faults.count > 0);
    require(strcmp(error.message, faults.list[0].message) == 0);
    for (size_t i = 0; i < faults.count; i++) {
      require(strncmp(faults.list[i].code, "STACK_", 6) == 0 && faults.list[i].target[0]);
    }
  }
  close(first.fd);
  close(env.fd);
  close(second.fd);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  const unsigned char *end = size ? memchr(data, '\0', size) : NULL;
  if (end) {
    judge_several(data, size, end);
  }
  struct si_stack one SI_AUTO(si_stack_free) = {0};
  struct si_stack two SI_AUTO(si_stack_free) = {0};
  struct si_error error = {0};
  si_rc status = si_stack_parse("s.yaml", (const char *)data, size, &one, &error);
  if (status != SI_OK) {
    require(one.json == NULL);
    judge_refusal(status, &error);
    return 0;
  }
  judge_document(&one);
  require(si_stack_parse("s.yaml", (const char *)data, size, &two, NULL) == SI_OK);
  require(strcmp(one.json, two.json) == 0 && strcmp(one.sha256, two.sha256) == 0);
  return 0;
}
