/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/local/store/store.h - what the parts of the artifact store `file` share: the instance,
 * its directories, its way of failing. An object is one regular file below the configured root,
 * under its key. Depends on si/artifact.h, sdk/kit/base.
 *
 * What stands below the root is not trusted: every path goes component by component without
 * following a link, and what is not a regular file is refused or passed over. A file with more
 * than one name (a hard link) is read: whoever could make it could as well have written the file,
 * and the host judges the bytes. Writing never changes a file that exists: each object is a new
 * file, renamed into place.
 *
 * Names that begin with a dot are the store's own; no key can have one. An object being written is
 * `.si-<12 hex digits>-<count>` beside its place, and an unfinished one where its writer died: its
 * key is the directory, its id that name, its time that of the last write.
 */
#ifndef SI_PLUGINS_LOCAL_STORE_H
#define SI_PLUGINS_LOCAL_STORE_H

#include <pthread.h>
#include <si/artifact.h>
#include <stdatomic.h>

#include "kit/base/path.h"
#include "kit/base/provider.h"

#define STORE_DEPTH 64 /* components of a key */
#define STORE_DESCRIPTORS "/proc/self/fd"

/* The name of an object being written: this, hex digits of its instance, '-', a count in hex. */
#define STORE_TEMP ".si-"
#define STORE_TEMP_HEX 12

#define STORE_PATH (SI_PATH_MAX + 64) /* of any of the store's files, below the root */

struct si_instance {
  const si_host_vt *vt;
  si_host *host;
  char root_path[SI_PATH_MAX];
  int root; /* -1 until it exists: it is made with the first object */
  uint64_t max_object_bytes;
  int unnamed;                     /* files without a name can be linked into place */
  atomic_bool link_by_fd;          /* as far as is known, without /proc */
  char temp[24];                   /* prefix of temporary names, this instance's own */
  atomic_uint_least64_t temp_next; /* their counter */
  pthread_mutex_t lock;            /* of root and what follows */
  /* The directory used last: many objects in one directory cost one walk. */
  char dir_path[SI_PATH_MAX];
  int dir;
};

/* --- failing --- */

/* As si_fail() (kit/base/provider.h), for an errno value: "<what> <root>/<key>[ (what to do)]: <its
 * text>". */
si_rc store_fail_errno(si_instance *store, si_op *op, int err, const char *key, const char *what);

/* --- directories --- */

/* Is it a key that this store takes? Records the failure where not. */
si_rc store_check_key(si_instance *store, si_op *op, const char *key) SI_MUST_USE;
/* With the lock: the open directory that holds the object (the instance's; valid until the next
 * call) and the object's name in it (points into key). With `make` missing directories are made;
 * without, a missing one is SI_E_NOT_FOUND. */
si_rc store_directory(si_instance *store, si_op *op, const char *key, int make, int *dir,
                      const char **name) SI_MUST_USE;
/* With the lock: is there a root by now? Another instance may have made it since this one was
 * opened.
 */
int store_has_root(si_instance *store);
/* Forgets the directory used last, after it turned out to be gone. With the lock. */
void store_forget(si_instance *store);
/* Takes away the directories that the file `key`, now gone, leaves empty; stops at the first that
 * is not. */
void store_prune(si_instance *store, const char *key);
/* Is it the name of an object being written? */
int store_is_temp(const char *name);
/* Without the lock: as store_directory, with a descriptor of the caller's own. With `fresh` the one
 * used last is forgotten first. */
si_rc store_own_directory(si_instance *store, si_op *op, const char *key, int make, int fresh,
                          int *dir, const char **name) SI_MUST_USE;

/* --- the verbs: those about bytes run in parallel, the others with the lock --- */

si_rc store_sink_open(si_instance *store, si_op *op, const char *key, const si_put_options *options,
                      si_sink **out);
si_rc store_sink_write(si_sink *sink, si_op *op, const void *data, size_t len);
si_rc store_sink_finish(si_sink *sink, si_op *op);
void store_sink_abort(si_sink *sink);
si_rc store_reader_open(si_instance *store, si_op *op, const char *key, uint64_t offset,
                        uint64_t limit, si_reader **out);
si_rc store_reader_read(si_reader *reader, si_op *op, void *buf, size_t cap, size_t *got);
void store_reader_close(si_reader *reader);
si_rc store_stat(si_instance *store, si_op *op, const char *key, si_object_info *out);
si_rc store_list(si_instance *store, si_op *op, const char *prefix, void *ctx, si_list_fn each);
si_rc store_remove(si_instance *store, si_op *op, const char *key);
si_rc store_unfinished(si_instance *store, si_op *op, const char *prefix, void *ctx,
                       si_unfinished_fn each);
si_rc store_discard(si_instance *store, si_op *op, const char *key, const char *id);
si_rc store_uri(si_instance *store, const char *key, char *out, size_t cap);

#endif
