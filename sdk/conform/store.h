/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdk/conform/store.h - an artifact store in the hands of a check: one instance, keys of the
 * check's own, and calls that say what failed.
 */
#ifndef SI_CONFORM_STORE_H
#define SI_CONFORM_STORE_H

#include <si/artifact.h>

#include "sdk/conform/work.h"

enum { KEY_MAX = 4096 };

struct store {
  struct trial *trial;
  si_host *host;
  const si_artifact_vt *vt;
  si_instance *in;
  char prefix[256]; /* every key begins with it and a '/' */
};

/* Opens the store; what an earlier run left under the check's prefix is removed where it can be. */
struct store store_open(struct trial *t);
/* Closes it, and removes what the check made where the store can do that. */
void store_close(struct store *s);

/* "<prefix>/<name>", in one of 16 places that are used in turn; not from several threads. */
const char *store_key(const struct store *s, const char *name);

/* The calls, each with an operation of its own. store_op is the last one's. */
extern __thread si_op *store_op;
/* As demand_ok, for the last call of this thread. */
void store_ok(si_rc status, const char *what);
si_rc store_begin(const struct store *s, const char *key, uint64_t length, uint32_t flags,
                  si_sink **out);
si_rc store_write(const struct store *s, si_sink *sink, const void *data, size_t len);
si_rc store_finish(const struct store *s, si_sink *sink);
void store_abort(const struct store *s, si_sink *sink);
si_rc store_stat(const struct store *s, const char *key, uint64_t *length);
si_rc store_remove(const struct store *s, const char *key);

/* A whole object; aborts what cannot be written. */
si_rc store_put(const struct store *s, const char *key, const void *data, size_t len,
                uint32_t flags);
/* Reads into `to`, at most `cap` bytes; *len of them. Ends the process where a read breaks its
 * contract. */
si_rc store_get(const struct store *s, const char *key, uint64_t offset, uint64_t limit, void *to,
                size_t cap, size_t *len);

/* The same, and the check has failed where they fail or differ. */
void store_must_put(const struct store *s, const char *key, const void *data, size_t len);
void store_must_hold(const struct store *s, const char *key, const void *data, size_t len);
/* Nothing is visible under the key: not by stat, not by reading, not in a listing. */
void store_must_lack(const struct store *s, const char *key);

/* How often the key stands in the listing of `prefix`; *count objects in all. */
size_t store_listed(const struct store *s, const char *prefix, const char *key, size_t *count);

#endif
