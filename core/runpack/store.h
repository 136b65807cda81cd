/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/runpack/store.h - an object store as the runpack engine sees it: the bytes go through here,
 * the judging stays with the engine. core/host gives one over a provider's child process; tests
 * give others. Depends on sdk/kit/base.
 *
 * Puts and gets are pipelined: a call returns once its request is on the way. Several objects move
 * at once, and end in any order; the bytes of one stay in order. One thread calls.
 */
#ifndef SI_CORE_RUNPACK_STORE_H
#define SI_CORE_RUNPACK_STORE_H

#include <si/retention.h>
#include <stdbool.h>

#include "kit/base/buf.h"

struct si_store;

/* Bytes of an object, in order. It may be called from threads of the store's: for one object one
 * call at a time, for several at once. The memory belongs to the store, and may be shared with a
 * process that is not trusted: look at each byte once, or copy. A status other than SI_OK drops the
 * rest of this object. */
typedef si_rc (*si_store_data)(void *ctx, const void *data, size_t len);
/* The object ended: SI_OK, or why it could not be read (error is then set). From the thread that
 * called the store, after the last call for the object's bytes has returned. */
typedef void (*si_store_end)(void *ctx, si_rc status, const struct si_error *error);

/* One listed object. The key is 1 to 4096 bytes of UTF-8 below the prefix asked for, or equal to
 * it; of a stranger's object it may be none that si would give, and hold control characters. */
struct si_store_object {
  const char *key;
  uint64_t length;
  int64_t modified_ms; /* Unix time in milliseconds; 0 = unknown */
};
/* What a writer began and never finished (si/artifact.h). The key as above, or "" for the store's
 * root; the id is 1 to 1024 printable ASCII characters. */
struct si_store_unfinished {
  const char *key;
  const char *id;
  uint64_t length;    /* UINT64_MAX = unknown */
  int64_t started_ms; /* 0 = unknown */
};
/* A status other than SI_OK ends the listing with it. No call on the store from inside. */
typedef si_rc (*si_store_each)(void *ctx, const struct si_store_object *object);
typedef si_rc (*si_store_each_unfinished)(void *ctx, const struct si_store_unfinished *found);

/* What objects are locked with as they are put. */
struct si_store_lock {
  uint32_t mode;    /* SI_LOCK_*; SI_LOCK_NONE: not locked */
  bool held;        /* under legal hold, too */
  int64_t until_ms; /* by the store's clock; 0 with SI_LOCK_NONE */
};

#define SI_STORE_ID_MAX 1024    /* bytes of an unfinished object's id */
#define SI_STORE_URI_SIZE 16384 /* a URI and its NUL */

struct si_store_vt {
  /* Begins an object of exactly `length` bytes; flags are SI_PUT_*. At most `open_max` are open at
   * a time, and one with SI_PUT_COMMIT alone. *put is for the two calls below. */
  si_rc (*put_open)(struct si_store *store, const char *key, uint32_t flags, uint64_t length,
                    const char *content_type, uint64_t *put, struct si_error *error);
  /* Copies `len` of its bytes (a call may carry any number). */
  si_rc (*put_data)(struct si_store *store, uint64_t put, const void *data, size_t len,
                    struct si_error *error);
  /* Ends it (commit), or drops it. A failure to store it shows here or at a later call. */
  si_rc (*put_close)(struct si_store *store, uint64_t put, int commit, struct si_error *error);
  /* Asks for an object, at most `limit` bytes of it; a longer one ends with SI_E_QUOTA. */
  si_rc (*get)(struct si_store *store, const char *key, uint64_t limit, void *ctx,
               si_store_data on_data, si_store_end on_end, struct si_error *error);
  /* Returns once every put is stored and every get has ended; the first failed put's error. */
  si_rc (*flush)(struct si_store *store, struct si_error *error);
  /* Length of one object; SI_E_NOT_FOUND. Waits for everything before it. */
  si_rc (*stat)(struct si_store *store, const char *key, uint64_t *length, struct si_error *error);
  /* Every object under `prefix`, at most `most` of them (more: SI_E_QUOTA). Waits. */
  si_rc (*list)(struct si_store *store, const char *prefix, uint64_t most, void *ctx,
                si_store_each each, struct si_error *error);

  /* These wait too. SI_E_UNSUPPORTED (PROVIDER_UNSUPPORTED) where the provider cannot. */

  /* Removes one object; gone is success. */
  si_rc (*remove)(struct si_store *store, const char *key, struct si_error *error);
  /* Every unfinished object under `prefix`, at most `most` of them (more: SI_E_QUOTA). */
  si_rc (*unfinished)(struct si_store *store, const char *prefix, uint64_t most, void *ctx,
                      si_store_each_unfinished each, struct si_error *error);
  /* Drops one of those; gone is success. A writer that is still at it will fail. */
  si_rc (*discard)(struct si_store *store, const char *key, const char *id, struct si_error *error);
  /* Where people find an object (key "": the store's root), in printable ASCII, beginning with the
   * provider's id and "://". Information only: nothing is ever read by it. */
  si_rc (*uri)(struct si_store *store, const char *key, char uri[SI_STORE_URI_SIZE],
               struct si_error *error);

  /* Those of a store whose provider has SI_RETENTION_ID (si/retention.h); else SI_E_UNSUPPORTED
   * (PROVIDER_UNSUPPORTED), or NULL all three. `version` NULL: the one that a reader gets. */

  /* Locks a version, and reads the lock back: *now is how it is locked now, with no strings, at
   * least as was asked for (LOCK_UNPROVEN, SI_E_RETENTION, where it is not). */
  si_rc (*lock)(struct si_store *store, const char *key, const char *version, uint32_t mode,
                int64_t until_ms, si_lock *now, struct si_error *error);
  /* Puts a version under legal hold, or ends that; *now as above. */
  si_rc (*hold)(struct si_store *store, const char *key, const char *version, bool on, si_lock *now,
                struct si_error *error);
  /* Every version of every object under `prefix` and how it is locked, at most `most` of them
   * (more: SI_E_QUOTA), asked of the store now; then *about, a JSON object, is what holds for all
   * of it (si_retention_vt.report). A key is as of a listing, a version printable ASCII or NULL. */
  si_rc (*locks)(struct si_store *store, const char *prefix, uint64_t most, void *ctx,
                 si_lock_fn each, struct si_buf *about, struct si_error *error);
};

/* The head of every implementation's own struct. */
struct si_store {
  const struct si_store_vt *vt;
  uint32_t open_max; /* objects that may be open for writing at once; 0 counts as 1 */
  /* Whoever puts sets it: every object that is put from then on is locked with it, and is stored
   * only once that was read back. LOCK_UNPROVEN (SI_E_RETENTION): the provider says it is stored,
   * and tells no lock, or a weaker one. A provider that cannot: SI_E_UNSUPPORTED. */
  struct si_store_lock lock;
};

#endif
