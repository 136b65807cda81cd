/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/redact/memory.c - the secrets that this process knows. They, and the index that would tell
 * of them, stand in mappings of their own: locked where the system's limit allows it, and left out
 * of core files, which the process does not write any more from its first secret on.
 */
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "paas/redact/private.h"

/* Under AddressSanitizer, however the compiler says so. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

enum { CHUNK = 64 * 1024, LINE_MIN = 16, ALIGN = 16 };

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static const struct si_redact_form *heads[256];
static bool any;

struct chunk {
  struct chunk *before;
  size_t size;
  size_t used;
};
static struct chunk *chunks;

void si_redact_lock(void) {
  pthread_rwlock_rdlock(&lock);
}

void si_redact_unlock(void) {
  pthread_rwlock_unlock(&lock);
}

const struct si_redact_form *si_redact_forms(unsigned char first) {
  return heads[first];
}

bool si_redact_any(void) {
  return any;
}

/* --- memory --- */

static bool grow(size_t need) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t size = need + sizeof(struct chunk) + ALIGN;
  size = size < CHUNK ? CHUNK : (size + page - 1) / page * page;
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    return false;
  }
  if (madvise(memory, size, MADV_DONTDUMP) != 0) {
    munmap(memory, size);
    return false;
  }
  (void)mlock(memory, size); /* a limit of none must not cost the redaction itself */
  struct chunk *chunk = memory;
  chunk->before = chunks;
  chunk->size = size;
  chunk->used = (sizeof *chunk + ALIGN - 1) / ALIGN * ALIGN;
  chunks = chunk;
  return true;
}

static void *take(size_t len) {
  size_t need = (len + ALIGN - 1) / ALIGN * ALIGN;
  if (need < len || ((!chunks || chunks->size - chunks->used < need) && !grow(need))) {
    return NULL;
  }
  void *at = (char *)chunks + chunks->used;
  chunks->used += need;
  return at;
}

void si_redact_forget(void) {
  while (chunks) {
    struct chunk *before = chunks->before;
    size_t size = chunks->size;
    explicit_bzero(chunks, size);
    munmap(chunks, size);
    chunks = before;
  }
  memset(heads, 0, sizeof heads);
  any = false;
}

/* --- forms --- */

size_t si_redact_units(const struct si_redact_form *form) {
  static const unsigned skipped[] = {0, 4, 2}; /* bits in a character that another byte shares */
  switch (form->kind) {
    case SI_REDACT_RAW: return form->len;
    case SI_REDACT_HEX: return 2 * form->len;
    default: return (8 * form->len - skipped[form->kind - SI_REDACT_BASE64]) / 6;
  }
}

unsigned char si_redact_unit(const struct si_redact_form *form, size_t n) {
  static const char hex[] = "0123456789abcdef";
  static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  static const unsigned skipped[] = {0, 4, 2};
  if (form->kind == SI_REDACT_RAW) {
    return form->bytes[n];
  }
  if (form->kind == SI_REDACT_HEX) {
    return (unsigned char)hex[n % 2 ? form->bytes[n / 2] & 15 : form->bytes[n / 2] >> 4];
  }
  size_t bit = skipped[form->kind - SI_REDACT_BASE64] + 6 * n;
  size_t byte = bit / 8;
  unsigned pair = (unsigned)form->bytes[byte] << 8;
  if (byte + 1 < form->len) {
    pair |= form->bytes[byte + 1];
  }
  return (unsigned char)base64[pair >> (10 - bit % 8) & 63];
}

static bool index_form(const struct si_redact_form *form, unsigned char first) {
  struct si_redact_form *node = take(sizeof *node);
  if (!node) {
    return false;
  }
  *node = *form;
  node->next = heads[first];
  heads[first] = node;
  return true;
}

/* Under each unit that the form can begin with: hex has two cases, base64 two alphabets. */
static bool index_all(const unsigned char *bytes, size_t len) {
  for (unsigned kind = 0; kind < SI_REDACT_KINDS; kind++) {
    const struct si_redact_form form = {NULL, bytes, len, kind};
    unsigned char first = si_redact_unit(&form, 0);
    unsigned char other = first;
    if (kind == SI_REDACT_HEX && first >= 'a') {
      other = (unsigned char)(first - 'a' + 'A');
    } else if (kind >= SI_REDACT_BASE64 && (first == '+' || first == '/')) {
      other = first == '+' ? '-' : '_';
    }
    if (!index_form(&form, first) || (other != first && !index_form(&form, other))) {
      return false;
    }
  }
  return true;
}

static bool known(const unsigned char *value, size_t len) {
  for (const struct si_redact_form *form = heads[value[0]]; form; form = form->next) {
    if (form->kind == SI_REDACT_RAW && form->len == len && memcmp(form->bytes, value, len) == 0) {
      return true;
    }
  }
  return false;
}

static bool keep(const unsigned char *value, size_t len) {
  if (len < SI_REDACT_MIN || known(value, len)) {
    return true;
  }
  unsigned char *bytes = take(len);
  if (!bytes) {
    return false;
  }
  memcpy(bytes, value, len);
  return index_all(bytes, len);
}

/* From its first secret on the process leaves no core file, and nobody but root traces it. */
static void close_process(void) {
  const struct rlimit none = {0, 0};
  (void)setrlimit(RLIMIT_CORE, &none);
#ifndef SANITIZED /* whose search for leaks traces the process */
  (void)prctl(PR_SET_DUMPABLE, 0);
#endif
}

static bool blank(unsigned char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Of a value of several lines (a key in PEM) each line is a secret of its own: it may be shown by
 * somebody who reads line by line. */
static bool keep_lines(const unsigned char *value, size_t len) {
  for (size_t at = 0; at < len;) {
    const unsigned char *end = memchr(value + at, '\n', len - at);
    size_t line = end ? (size_t)(end - value) - at : len - at;
    size_t text = line && value[at + line - 1] == '\r' ? line - 1 : line;
    if (text < len && text >= LINE_MIN && !keep(value + at, text)) {
      return false;
    }
    at += line + 1;
  }
  return true;
}

si_rc si_redact_remember(const void *value, size_t len) {
  const unsigned char *bytes = value;
  size_t from = 0, to = len;
  /* Blanks around it (the newline of a file) get lost on the way: they are no part of it. */
  while (from < to && blank(bytes[from])) {
    from++;
  }
  while (to > from && blank(bytes[to - 1])) {
    to--;
  }
  if (to - from < SI_REDACT_MIN) {
    from = 0;
    to = len;
  }
  if (to - from < SI_REDACT_MIN) {
    return SI_OK;
  }
  pthread_rwlock_wrlock(&lock);
  if (!any) {
    close_process();
  }
  bool kept = keep(bytes + from, to - from) && keep_lines(bytes + from, to - from);
  any = true;
  pthread_rwlock_unlock(&lock);
  return kept ? SI_OK : SI_E_NOMEM;
}
