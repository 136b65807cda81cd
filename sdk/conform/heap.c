/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/conform/heap.h"

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>

static atomic_long bytes;
static atomic_ulong calls;

long heap_bytes(void) {
  return atomic_load(&bytes);
}

unsigned long heap_calls(void) {
  return atomic_load(&calls);
}

#if defined(__SANITIZE_ADDRESS__)
#define WITH_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_SANITIZER 1
#endif
#endif

#ifdef WITH_SANITIZER

int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                              void (*on_free)(const volatile void *));
size_t __sanitizer_get_allocated_size(const volatile void *block);

const char *__asan_default_options(void);

/* A crash shall look like one, and an end with what is still allocated is the kit's way. */
const char *__asan_default_options(void) {
  return "handle_segv=0:handle_abort=0:detect_leaks=0:abort_on_error=1";
}

static void on_malloc(const volatile void *block, size_t size) {
  (void)size;
  atomic_fetch_add(&bytes, (long)__sanitizer_get_allocated_size(block));
  atomic_fetch_add(&calls, 1);
}

static void on_free(const volatile void *block) {
  atomic_fetch_sub(&bytes, (long)__sanitizer_get_allocated_size(block));
}

void heap_watch(void) {
  __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
}

#else

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t align, size_t size);
void __libc_free(void *block);

void heap_watch(void) {
}

static void *counted(void *block) {
  if (block) {
    atomic_fetch_add(&bytes, (long)malloc_usable_size(block));
    atomic_fetch_add(&calls, 1);
  }
  return block;
}

static void uncounted(void *block) {
  if (block) {
    atomic_fetch_sub(&bytes, (long)malloc_usable_size(block));
  }
}

void *malloc(size_t size) {
  return counted(__libc_malloc(size));
}

void *calloc(size_t count, size_t size) {
  return counted(__libc_calloc(count, size));
}

void *realloc(void *block, size_t size) {
  long before = block ? (long)malloc_usable_size(block) : 0;
  void *moved = __libc_realloc(block, size);
  if (moved || size == 0) {
    atomic_fetch_sub(&bytes, before);
    counted(moved);
  }
  return moved;
}

void *memalign(size_t align, size_t size) {
  return counted(__libc_memalign(align, size));
}

void *aligned_alloc(size_t align, size_t size) {
  return counted(__libc_memalign(align, size));
}

int posix_memalign(void **out, size_t align, size_t size) {
  void *block = counted(__libc_memalign(align, size));
  if (!block) {
    return ENOMEM;
  }
  *out = block;
  return 0;
}

void free(void *block) {
  int kept = errno;
  uncounted(block);
  __libc_free(block);
  errno = kept;
}

#endif
