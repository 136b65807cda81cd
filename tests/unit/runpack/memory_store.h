/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/runpack/memory_store.h - a store in memory that keeps the contract of
 * core/runpack/store.h, and can be told to break its word. Puts and gets are queued and done at
 * flush, so that the engine's pipelining is what gets tested.
 */
#ifndef SI_TESTS_MEMORY_STORE_H
#define SI_TESTS_MEMORY_STORE_H

#include <stdbool.h>

#include "core/runpack/store.h"

enum { MEMORY_PUTS = 4, MEMORY_OBJECTS = 128, MEMORY_UNFINISHED = 8 };

struct memory_object {
  char *key;
  char *data;
  size_t len;
  int64_t modified_ms;
};
struct memory_unfinished {
  const char *key; /* NULL: discarded */
  const char *id;
  int64_t started_ms;
};

struct memory_store {
  struct si_store head;
  struct memory_object objects[MEMORY_OBJECTS];
  size_t count;
  struct memory_put {
    struct memory_object object; /* no key: this place is free */
    uint32_t flags;
    size_t want;
  } putting[MEMORY_PUTS];
  uint32_t flags;   /* of the last put */
  size_t most_open; /* that were open at once */
  si_rc late;       /* a put that failed: told at flush */
  struct {
    char *key;
    uint64_t limit;
    void *ctx;
    si_store_data on_data;
    si_store_end on_end;
  } gets[MEMORY_OBJECTS];
  size_t get_count;
  size_t flushes;
  size_t commits;   /* objects put with SI_PUT_COMMIT */
  size_t unflushed; /* puts since the last flush */
  size_t unflushed_at_manifest;
  int64_t now_ms; /* the time of what is put */
  struct memory_unfinished unfinished[MEMORY_UNFINISHED];
  size_t unfinished_count;
  char *removed[MEMORY_OBJECTS]; /* keys, in order */
  size_t removed_count;
  /* Misbehaviour; a key is matched by its end. */
  const char *keep;        /* its removal, and that of an id, does nothing, and is success */
  const char *fail_remove; /* ends with SI_E_RETENTION */
  const char *fail_put;    /* SI_E_QUOTA, told at flush */
  const char *corrupt;     /* kept with its first byte changed */
  bool cannot;             /* no removal, no unfinished */
  const char *drop;        /* not found, though listed */
  const char *endless;     /* bytes without end */
  const char *fail_get;    /* ends with get_status */
  si_rc get_status;
  const char *hide;       /* missing from the listing */
  const char *extra;      /* a key that the listing adds */
  const char *list_twice; /* listed a second time */
  bool endless_listing;
  uint64_t lie_length; /* added to every listed length */
  size_t piece;        /* bytes of a delivery; 0 = all at once */
  bool silent;         /* gets never end */
};

void memory_store_init(struct memory_store *store);
void memory_store_free(struct memory_store *store);
/* The object whose key ends so, or NULL. */
struct memory_object *memory_find(struct memory_store *store, const char *key_end);
/* Replaces or adds an object. */
void memory_set(struct memory_store *store, const char *key, const void *data, size_t len);
void memory_drop(struct memory_store *store, const char *key_end);

#endif
