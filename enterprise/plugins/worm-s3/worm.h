/* SPDX-License-Identifier: LicenseRef-si-enterprise */
/*
 * worm.h - what the parts of the artifact store `worm-s3` share: S3 Object Lock under the store in
 * a bucket that the SDK has. Depends on si/retention.h, kit/bucket.
 *
 * A lock counts once the store told it of the version that was written: headers that a store takes
 * are no lock yet. The store's clock (the header Date) judges what has passed. No request ever asks
 * to bypass a lock.
 */
#ifndef WORM_H
#define WORM_H

#include <pthread.h>
#include <si/retention.h>

#include "kit/base/text.h"
#include "kit/bucket/store.h"

/* --- a lock, as the store tells it (look.c) --- */

struct worm_lock {
  uint32_t mode; /* SI_LOCK_* */
  bool held;
  bool marker;      /* with SI_E_NOT_FOUND: the mark of a removal stands there */
  int64_t until_ms; /* 0 with SI_LOCK_NONE */
  int64_t told_ms;  /* the store's clock; 0: it told none */
  char version[SI_S3_UPLOAD_ID];
};

/* Asks for the lock of a version (NULL: the one that a reader gets). SI_E_NOT_FOUND: there is none
 * of that name. */
si_rc worm_look(const si_instance *store, const struct si_s3_call *call, const char *full,
                const char *version, struct worm_lock *out, struct si_error *error) SI_MUST_USE;
/* Does it lock now: held, or until later than the store's clock? */
bool worm_locks(const struct worm_lock *lock);
/* "COMPLIANCE until 2027-01-01T00:00:00.000Z, legal hold" */
#define WORM_TEXT 96
void worm_describe(const struct worm_lock *lock, char to[WORM_TEXT]);
/* Tells it, as of the key; `flags` besides SI_LOCK_HELD. */
si_rc worm_tell(const struct worm_lock *lock, const char *key, uint32_t flags, si_lock_fn told,
                void *ctx);
/* Records that a locked object stands in the way. */
si_rc worm_fail_locked(const si_instance *store, si_op *op, const char *key,
                       const struct worm_lock *lock);

/* The versions of one key, the marks of removals too, newest first. */
struct worm_versions {
  struct worm_version {
    char id[SI_S3_UPLOAD_ID];
    bool marker;
  } * list;
  size_t count;
};
#define WORM_VERSIONS_MAX 10000 /* of one key; more are SI_E_QUOTA */
si_rc worm_versions(const si_instance *store, const struct si_s3_call *call, const char *full,
                    struct worm_versions *out, struct si_error *error) SI_MUST_USE;
void worm_versions_free(struct worm_versions *versions); /* for SI_AUTO */
/* Fails, recorded, where one of them is locked. */
si_rc worm_none_locked(const si_instance *store, si_op *op, const struct worm_versions *versions,
                       const char *key, const char *full) SI_MUST_USE;

/* The time as S3 takes it, to the second, upwards: "2027-01-01T00:00:00Z". */
void worm_time(int64_t ms, char to[SI_TIME_SIZE]);

/* Set the retention of a version, and its legal hold, whatever it has. */
si_rc worm_set_retention(const si_instance *store, const struct si_s3_call *call, const char *full,
                         const char *version, uint32_t mode, int64_t until_ms,
                         struct si_error *error) SI_MUST_USE;
si_rc worm_set_hold(const si_instance *store, const struct si_s3_call *call, const char *full,
                    const char *version, bool on, struct si_error *error) SI_MUST_USE;

/* --- the bucket (ground.c) --- */

struct worm_ground {
  bool versioned;
  bool locking;
  uint32_t default_mode; /* SI_LOCK_NONE: none */
  uint64_t default_days;
  int64_t told_ms; /* the store's clock then; 0: it told none */
};

/* --- where nothing can be there yet (fresh.c) --- */

struct worm_fresh {
  bool known;
  bool spoke;                 /* a look was saved */
  char prefix[SI_BUCKET_KEY]; /* the host's */
  uint64_t looked_ns;         /* when a look last found nothing */
  uint64_t *set; /* hashes: keys that were begun, keys with the version that was written */
  size_t count, room;
};

/* A report of `prefix` ended; `empty`: it told no version and no mark. */
void worm_fresh_begin(const si_instance *store, const char *prefix, bool empty);
/* Need the key not be looked at before its PUT? Takes it down as begun: asked again, it says no. */
bool worm_fresh_speaks(const si_instance *store, const char *key);
/* A look at the key that began at `at_ns` (si_monotonic_ns) found nothing. */
void worm_fresh_looked(const si_instance *store, const char *key, uint64_t at_ns);
void worm_fresh_wrote(const si_instance *store, const char *key, const char *version);
/* Where looks were saved: everything that a reader would get there was written here. Else
 * SI_E_EXISTS, recorded, for `key`, which is about to be stored. */
si_rc worm_fresh_prove(const si_instance *store, si_op *op, const char *key) SI_MUST_USE;
struct worm;
void worm_fresh_end(struct worm *worm);

/* The provider's own part of the instance. */
struct worm {
  pthread_mutex_t lock;
  struct worm_fresh fresh;
  bool known; /* ground, as asked for at asked_ns */
  bool warned;
  uint64_t asked_ns;
  struct worm_ground ground;
};

/* Asks the store. Warns, once, where its clock and ours are more than five seconds apart. */
si_rc worm_ground_ask(si_instance *store, si_op *op, struct worm_ground *out) SI_MUST_USE;
/* The bucket locks, as asked once; *now_ms is the time there (0: it tells none). Else
 * SI_E_UNSUPPORTED, recorded. */
si_rc worm_ground_stand(si_instance *store, si_op *op, int64_t *now_ms) SI_MUST_USE;
/* Records that a lock would end at a time that has passed. */
si_rc worm_fail_passed(const si_instance *store, si_op *op, const char *key, int64_t until_ms,
                       int64_t now_ms);

/* --- the verbs --- */

extern const struct si_bucket_kind worm_kind;
si_rc worm_sink_open(si_instance *store, si_op *op, const char *key, const si_put_options *options,
                     const si_lock_wish *wish, si_sink **out);
si_rc worm_sink_finish(si_sink *sink, si_op *op, void *ctx, si_lock_fn told);
si_rc worm_lock(si_instance *store, si_op *op, const char *key, const char *version, uint32_t mode,
                int64_t until_ms);
si_rc worm_read_lock(si_instance *store, si_op *op, const char *key, const char *version, void *ctx,
                     si_lock_fn told);
si_rc worm_legal_hold(si_instance *store, si_op *op, const char *key, const char *version,
                      uint32_t on);
si_rc worm_report(si_instance *store, si_op *op, const char *prefix, void *ctx, si_lock_fn each,
                  void *emit_ctx, si_emit emit);
si_rc worm_remove(si_instance *store, si_op *op, const char *key);

#endif
