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
  struct si_store_lock lock;
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
    struct si_store_lock lock;
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

  /* Locks: of a store that memory_store_locks made one that has them. What is locked is neither
   * removed nor written over. */
  int64_t clock_ms;     /* its clock; 0: it has none, and what is locked stays so */
  const char *about;    /* what it says of itself; NULL: the truth */
  const char *unproven; /* kept without its lock, which is told at flush (LOCK_UNPROVEN) */
  const char *forget;   /* kept without its lock, and nothing is said */
  const char *stubborn; /* lock() and hold() change nothing (LOCK_UNPROVEN) */
  const char *old;      /* a key that its report adds as an old version */
  const char *marker;   /* a key that its report adds as the mark of a removal */
  size_t lock_calls;    /* lock() and hold(), that were no failure */
  size_t stored;        /* objects put */
  /* The calls that put or lock are counted, and with the one of number `crash_at` the child dies.
   */
  unsigned calls, crash_at; /* crash_at 0: it lives */
  enum memory_crash {
    MEMORY_BEFORE, /* the call did nothing */
    MEMORY_AFTER,  /* what it asked for was done, and never told */
    MEMORY_BETWEEN /* the object was stored, and not locked */
  } crash;
  bool dead;
};

void memory_store_init(struct memory_store *store);
void memory_store_free(struct memory_store *store);
/* From now on it locks. */
void memory_store_locks(struct memory_store *store, int64_t clock_ms);
/* Another child, after a crash: it has what was stored, and nothing that was on the way. */
void memory_revive(struct memory_store *store);
/* For memory_locks.c: does the key end so (NULL: no); the object of that very key; why a call fails
 * whose child is dead, and whether this call is its last. */
bool memory_ends(const char *key, const char *end);
struct memory_object *memory_exact(struct memory_store *store, const char *key);
si_rc memory_death(const struct memory_store *store, struct si_error *error);
bool memory_dies(struct memory_store *store);
/* Does the object's lock hold now? */
bool memory_locked(const struct memory_store *store, const struct memory_object *object);
/* The object whose key ends so, or NULL. */
struct memory_object *memory_find(struct memory_store *store, const char *key_end);
/* Replaces or adds an object. */
void memory_set(struct memory_store *store, const char *key, const void *data, size_t len);
void memory_drop(struct memory_store *store, const char *key_end);

#endif
