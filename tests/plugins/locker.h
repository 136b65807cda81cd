/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/plugins/locker.h - what the parts of the artifact store `locker` share: a store of versions
 * that locks objects (si/retention.h), for tests. Depends on the ABI headers and sdk/kit/base.
 *
 *   {"root": DIR, "fault"?: NAME}
 *
 * Below the root: objects/<key>/.v000000000001 is a version's bytes (.v000000000001.marker the mark
 * that a removal left: nothing here makes one, but a test may), and beside it .v000000000001.lock
 * how it is locked: "<mode> <milliseconds since 1970> <held>". The last version is what a reader
 * gets. The store's clock is this machine's and the milliseconds in the file clock-offset, where
 * there is one. Every instance and every process may use a root at once.
 *
 * Faults, one an instance:
 *   swallow         takes locks, does not keep them, and tells that there are none
 *   lies            keeps none, and tells what was asked for; a report is the truth
 *   weaker          keeps, and tells, GOVERNANCE where COMPLIANCE was asked for
 *   short           keeps, and tells, an end that is an hour early
 *   no-tell         never calls `told`
 *   twice           calls it twice
 *   not-locking     takes no locks, and says so
 *   foreign         its report tells of a key outside of what was asked for
 *   endless         its report tells until it is stopped
 *   crash-after-put ends its process when the object is there and its lock is not: with this
 *                   instance's put under lock whose number, from 1, is in the file crash-at
 *
 * Built with -DLOCKER_RULES it is the conformance kit's reference of such a store, and breaks the
 * one rule that is written into its file.
 */
#ifndef SI_TESTS_PLUGINS_LOCKER_H
#define SI_TESTS_PLUGINS_LOCKER_H

#include <pthread.h>
#include <si/retention.h>
#include <stdbool.h>
#include <string.h>

#include "kit/base/path.h"
#include "kit/base/provider.h"
#include "kit/base/text.h"

enum { LOCKER_KEY = 4096, LOCKER_PATH = LOCKER_KEY + 64 };

/* How a version is locked. */
struct locker_lock {
  uint32_t mode; /* SI_LOCK_* */
  bool held;
  int64_t until_ms;
};

struct locker_version {
  char name[24];
  bool marker;
};

struct locker_versions {
  struct locker_version *each; /* the oldest first */
  size_t count;
};

struct si_instance {
  const si_host_vt *vt;
  char root_path[SI_PATH_MAX];
  int root;
  char fault[24];
  pthread_mutex_t mutex; /* of what follows */
  unsigned puts;         /* under lock, that came to their end */
  char claimed_key[LOCKER_KEY + 1];
  struct locker_lock claimed; /* what was asked for, of a store that lies */
};

#ifdef LOCKER_RULES
extern const char bad_rule[64]; /* tests/conform/bad.c */
static inline bool locker_breaks(const char *rule) {
  return strcmp(bad_rule, rule) == 0;
}
#else
static inline bool locker_breaks(const char *rule) {
  (void)rule;
  return false;
}
#endif

static inline bool locker_faults(const si_instance *in, const char *fault) {
  return strcmp(in->fault, fault) == 0;
}

/* --- locker_version.c: what stands below the root --- */

/* Waits until nobody else is at work (LOCK_EX), or nobody changes anything (LOCK_SH); a descriptor
 * that ends this when it is closed, or -1, recorded. */
int locker_enter(const si_instance *in, si_op *op, int how) SI_MUST_USE;
/* The store's clock. */
int64_t locker_now(const si_instance *in);
/* A number from a file below the root, or `otherwise`. */
int64_t locker_number(const si_instance *in, const char *file, int64_t otherwise);

/* All of a key's, none where it has none. With the lock (locker_enter). */
si_rc locker_versions(const si_instance *in, si_op *op, const char *key,
                      struct locker_versions *out) SI_MUST_USE;
void locker_versions_free(struct locker_versions *versions); /* for SI_AUTO */
/* The one that a reader gets, or NULL. */
const struct locker_version *locker_current(const struct locker_versions *versions);
/* The one of that name (NULL: the current one), or NULL. */
const struct locker_version *locker_find(const struct locker_versions *versions, const char *name);

/* The path of one of its files, below the root; the suffix is "", ".lock" or ".marker". */
void locker_path(const char *key, const char *version, const char *suffix, char to[LOCKER_PATH]);
/* Makes room for a version more, and names it. With the lock. */
si_rc locker_next(const si_instance *in, si_op *op, const char *key, char name[24]) SI_MUST_USE;
/* Takes away every version, and the directories that this leaves empty. With the lock. */
si_rc locker_drop(const si_instance *in, si_op *op, const char *key,
                  const struct locker_versions *versions) SI_MUST_USE;

struct locker_lock locker_read(const si_instance *in, const char *key, const char *version);
si_rc locker_write(const si_instance *in, si_op *op, const char *key, const char *version,
                   const struct locker_lock *lock) SI_MUST_USE;
/* Does the lock hold now? */
bool locker_holds(const si_instance *in, const struct locker_lock *lock);
/* SI_E_RETENTION, recorded, where one of the versions is locked. */
si_rc locker_refuse(const si_instance *in, si_op *op, const char *key,
                    const struct locker_versions *versions) SI_MUST_USE;

/* Calls `each` for every directory at or below the prefix that may hold versions. */
typedef si_rc (*locker_each)(void *ctx, const char *key);
si_rc locker_walk(const si_instance *in, si_op *op, const char *prefix, void *ctx,
                  locker_each each) SI_MUST_USE;

/* --- locker_sink.c --- */
si_rc locker_sink_open(si_instance *in, si_op *op, const char *key, const si_put_options *options,
                       si_sink **out);
si_rc locker_sink_write(si_sink *sink, si_op *op, const void *data, size_t len);
si_rc locker_sink_finish(si_sink *sink, si_op *op);
void locker_sink_abort(si_sink *sink);
si_rc locker_locked_open(si_instance *in, si_op *op, const char *key, const si_put_options *options,
                         const si_lock_wish *wish, si_sink **out);
si_rc locker_locked_finish(si_sink *sink, si_op *op, void *ctx, si_lock_fn told);

/* --- locker_lock.c --- */
extern const si_retention_vt locker_retention;
/* What the store makes of a lock that it was asked for. */
struct locker_lock locker_kept(const si_instance *in, struct locker_lock asked);
/* Is it a lock that can be asked for? Recorded where not. */
si_rc locker_possible(const si_instance *in, si_op *op, const char *key, uint32_t mode,
                      int64_t until_ms) SI_MUST_USE;
/* How the version is locked now, and what `asked` (or NULL) makes of that in a store that lies. */
si_rc locker_tell(const si_instance *in, const char *key, const char *version, uint32_t flags,
                  const struct locker_lock *asked, void *ctx, si_lock_fn told) SI_MUST_USE;

#endif
