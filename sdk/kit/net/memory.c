/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/net/memory.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* In front of each block, so that it is known how much to overwrite. */
struct block {
  alignas(max_align_t) size_t size;
};

void *si_net_malloc(size_t size) {
  struct block *block = size <= SIZE_MAX - sizeof *block ? malloc(sizeof *block + size) : NULL;
  if (!block) {
    return NULL;
  }
  block->size = size;
  return block + 1;
}

void *si_net_calloc(size_t count, size_t size) {
  if (size > 0 && count > SIZE_MAX / size) {
    return NULL;
  }
  void *memory = si_net_malloc(count * size);
  return memory ? memset(memory, 0, count * size) : NULL;
}

void si_net_free(void *memory) {
  if (memory) {
    struct block *block = (struct block *)memory - 1;
    explicit_bzero(memory, block->size);
    free(block);
  }
}

void *si_net_realloc(void *memory, size_t size) {
  void *grown = si_net_malloc(size);
  if (grown && memory) {
    size_t had = ((struct block *)memory - 1)->size;
    memcpy(grown, memory, had < size ? had : size);
    si_net_free(memory);
  }
  return grown;
}

char *si_net_strdup(const char *text) {
  size_t size = strlen(text) + 1;
  char *copy = si_net_malloc(size);
  return copy ? memcpy(copy, text, size) : NULL;
}
