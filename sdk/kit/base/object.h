/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/base/object.h - the mechanical half of an artifact provider (si/artifact.h) whose objects are
 * files: the sink and the reader. What a file is called is the provider's own; the key stands in
 * its first line, so that a listing finds it. Depends on si/artifact.h, kit/base/provider.h, Linux.
 *
 * An object that is being written is a file without a name: whatever happens to its writer, nothing
 * is left behind. (A file system that has no such files gets one named ".si-<hex>".) It gets its
 * name in one step; an object that exists stays whole until then.
 *
 * si_object_write, _finish, _abort, _read and _close fit into si_artifact_vt as they are. Functions
 * that fail have told the host. Thread-safe, but for one sink or reader.
 */
#ifndef SI_KIT_BASE_OBJECT_H
#define SI_KIT_BASE_OBJECT_H

#include <si/artifact.h>

#include "kit/base/provider.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where an object is; passed by value. */
struct si_object {
  const si_host_vt *vt;
  int dir; /* open directory; stays open while sinks are. -1: there is none, and no object */
  const char *key; /* as the host gave it: it is checked here */
  char name[256];  /* of its file in dir, not beginning with '.'; "" is SI_E_INTERNAL */
};

/* Begins an object, as si_artifact_vt.sink_open says: refuses what is no key and any option it does
 * not know. */
si_rc si_object_create(struct si_object object, si_op *op, const si_put_options *options,
                       si_sink **out) SI_MUST_USE;
si_rc si_object_write(si_sink *sink, si_op *op, const void *data, size_t len);
si_rc si_object_finish(si_sink *sink, si_op *op);
void si_object_abort(si_sink *sink);

/* Begins to read, as si_artifact_vt.reader_open says. SI_E_CORRUPT: the file is another key's. */
si_rc si_object_open(struct si_object object, si_op *op, uint64_t offset, uint64_t limit,
                     si_reader **out) SI_MUST_USE;
si_rc si_object_read(si_reader *reader, si_op *op, void *buf, size_t cap, size_t *got);
void si_object_close(si_reader *reader);

si_rc si_object_stat(struct si_object object, si_op *op, si_object_info *out) SI_MUST_USE;
/* Gone is success. */
si_rc si_object_remove(struct si_object object, si_op *op) SI_MUST_USE;
/* Tells every object of `dir` whose key is below `prefix`, in no order. Other files are passed
 * over, and those that are gone meanwhile. */
si_rc si_object_list(const si_host_vt *vt, si_op *op, int dir, const char *prefix, void *ctx,
                     si_list_fn each) SI_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
