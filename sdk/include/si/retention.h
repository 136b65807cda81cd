/* SPDX-License-Identifier: Apache-2.0 */
/*
 * si/retention.h - the Retention ABI, `si.retention/1` (R54, R55, R75): an optional extension of an
 * artifact provider whose store can lock objects against change. Depends on si/artifact.h.
 *
 * An artifact provider that has it sets SI_CAP_ARTIFACT_RETENTION and answers
 * si_provider.extension(SI_RETENTION_ID) with an si_retention_vt; a provider that promises it and
 * has no table is refused. No provider of this tree implements it: the host knows that the
 * extension exists, asks for locks where it was told to, and holds what it is told against what was
 * asked for.
 *
 * Keys are as in si/artifact.h. A lock holds one version of an object. `version` is the store's own
 * name for it; NULL is the version that a reader of the key gets now. Times are Unix times in
 * milliseconds, by the store's clock where it has one. A lock that was asked for counts only once
 * read_lock told it.
 *
 * Such a provider's own sink_open and remove hold to the locks too: an object that is locked is
 * neither written over nor removed, old versions of it included (SI_E_RETENTION; the failure says
 * how it is locked, and until when). What it removes is gone with every version.
 *
 * Threads as for the artifact provider's own calls.
 */
#ifndef SI_RETENTION_H
#define SI_RETENTION_H

#include <si/artifact.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SI_RETENTION_ID "si.retention/1" /* what si_provider.extension is asked for */

/* Modes of a lock. */
enum {
  SI_LOCK_NONE = 0,       /* told alone, never asked for */
  SI_LOCK_GOVERNANCE = 1, /* those whom the store's owner allows to may end it early */
  SI_LOCK_COMPLIANCE = 2  /* nobody may, the store's owner included */
};

/* What si_lock.flags tells. */
enum {
  SI_LOCK_HELD = 1u << 0,    /* under legal hold, whatever the mode */
  SI_LOCK_CURRENT = 1u << 1, /* the version that a reader of the key gets */
  SI_LOCK_MARKER = 1u << 2   /* no object: the mark that a removal left */
};

/* One version's lock, as the store tells it. Strings live until the receiver returns. */
typedef struct si_lock {
  uint32_t size;  /* sizeof(si_lock) */
  uint32_t mode;  /* SI_LOCK_NONE, SI_LOCK_GOVERNANCE or SI_LOCK_COMPLIANCE */
  uint32_t flags; /* SI_LOCK_HELD, SI_LOCK_CURRENT, SI_LOCK_MARKER */
  uint32_t reserved;
  const char *key;     /* of the object */
  const char *version; /* the store's own name for it; NULL where it has no versions */
  int64_t until_ms;    /* locked until then; 0 with SI_LOCK_NONE */
  int64_t told_ms;     /* the store's clock when it told this; 0 = unknown */
} si_lock;

/* The lock that an object is to have from its first moment. */
typedef struct si_lock_wish {
  uint32_t size;  /* sizeof(si_lock_wish) */
  uint32_t mode;  /* SI_LOCK_GOVERNANCE or SI_LOCK_COMPLIANCE; SI_LOCK_NONE: a hold alone */
  uint32_t flags; /* SI_LOCK_HELD: under legal hold, too; nothing else */
  uint32_t reserved;
  int64_t until_ms; /* 0 with SI_LOCK_NONE */
} si_lock_wish;

/* Receives one version's lock. A status other than SI_OK ends the report with it. */
typedef si_rc (*si_lock_fn)(void *ctx, const si_lock *lock);

typedef struct si_retention_vt {
  uint32_t size;
  uint32_t reserved;

  /* --- required --- */

  /* Begins an object as si_artifact_vt.sink_open does, to be locked as `wish` says. Where the store
   * can do it the lock comes with the object; else the object is locked, by its version, before
   * sink_finish returns. SI_E_RETENTION: the key has an object that is locked, and a locked object
   * is never written over: the failure says how it is locked, and until when; it may come from
   * sink_finish alone, before anything is stored. SI_E_INVALID: a time that has passed.
   * SI_E_UNSUPPORTED: the store does not lock, or not in that mode. */
  si_rc (*sink_open)(si_instance *instance, si_op *op, const char *key,
                     const si_put_options *options, const si_lock_wish *wish, si_sink **out);
  /* Ends a sink of this table's sink_open as si_artifact_vt.sink_finish does. Reads the lock of
   * what was stored back from the store, and calls `told` once with it: the version and all. An
   * object that turns out not to be locked as it was to be is removed again, and is a failure,
   * SI_E_RETENTION. SI_E_RETENTION also as in sink_open, where the other object came in between.
   * sink_write and sink_abort are those of si_artifact_vt. */
  si_rc (*sink_finish)(si_sink *sink, si_op *op, void *ctx, si_lock_fn told);

  /* Locks a version until `until_ms` at least, in `mode` (SI_LOCK_GOVERNANCE or
   * SI_LOCK_COMPLIANCE). Idempotent. A lock only grows: where the version has a later end or a
   * stronger mode, that one is kept and nothing is weakened. SI_E_NOT_FOUND: no such version.
   * SI_E_INVALID: a time that has passed. SI_E_UNSUPPORTED: the store does not lock, or not in that
   * mode. */
  si_rc (*lock)(si_instance *instance, si_op *op, const char *key, const char *version,
                uint32_t mode, int64_t until_ms);

  /* Asks the store, never a memory of what was set, and calls `told` once. A version without a lock
   * is told as SI_LOCK_NONE. SI_E_NOT_FOUND: no such version. */
  si_rc (*read_lock)(si_instance *instance, si_op *op, const char *key, const char *version,
                     void *ctx, si_lock_fn told);

  /* Puts a version under legal hold (`on` 1), or ends the hold (`on` 0). Idempotent; the lock's
   * mode and end stay as they are. */
  si_rc (*legal_hold)(si_instance *instance, si_op *op, const char *key, const char *version,
                      uint32_t on);

  /* Tells every version of every object whose key begins with `prefix` and a '/', or equals it, the
   * old versions and the marks of removals too, in no order; then emits what holds for the whole
   * store: {"store","versioned":bool,"locking":bool,"default_mode":"governance"|"compliance"|null,
   * "default_days":n|null,"told"}, `told` being the store's clock as RFC 3339 in UTC with
   * milliseconds ("2027-01-31T12:00:00.000Z"), or null. */
  si_rc (*report)(si_instance *instance, si_op *op, const char *prefix, void *ctx, si_lock_fn each,
                  void *emit_ctx, si_emit emit);
} si_retention_vt;

#ifdef __cplusplus
}
#endif
#endif
