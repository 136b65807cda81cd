/* SPDX-License-Identifier: Apache-2.0 */
/*
 * si/backup.h - the Backup ABI, `si.backup/1` (R33-R37, R74): what copies a project's data out of
 * it, and brings it back. Depends on si/plugin.h.
 *
 * A provider is believed for bytes alone. What a tool calls complete may be empty, and what it
 * calls verified may not restore: the host reads the objects itself, restores, and looks at what
 * came up. A verb that cannot know says so ("unknown" in a document, the retry class
 * SI_OUTCOME_UNKNOWN of a failure), and never guesses.
 *
 * Documents are JSON texts. `project` is as in si/provisioner.h. Times are RFC 3339 in UTC with a
 * 'Z' ("2026-11-21T04:46:35.235Z"). Numbers that may pass 2^53 (bytes, a database's system id) are
 * decimal strings. What a provider does not know is null, or absent. One backup is
 *   {"id","type":"full"|"delta","parent","status":"complete"|"incomplete"|"damaged",
 *    "context_id","project_id","operation_id","started","finished","protected":bool,
 *    "stored_bytes","source_bytes","source":{"engine","version","system_id"},
 *    "from_position","to_position","timeline"}
 * where `parent` is the id of the backup that a delta stands on, positions are the database's own
 * words, and `operation_id` is the one that made it.
 *
 * An id is the provider's, 1 to 255 bytes of [A-Za-z0-9._-] without a leading dot, and never given
 * to a second backup. Every backup carries the context_id, project_id and operation_id that it was
 * made for, and no verb lists, reads, changes or removes one that does not carry the first two of
 * the `project` given. A run that was cut off is found again by its operation_id.
 *
 * Of a provider that is SI_THREADS_PARALLEL, calls of list, inventory, read and window run at once,
 * on any threads. Every other call is the only one.
 */
#ifndef SI_BACKUP_H
#define SI_BACKUP_H

#include <si/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Capabilities (si_provider.caps). */
enum {
  SI_CAP_BACKUP_DELTA = 1u << 0,   /* backup takes SI_BACKUP_DELTA */
  SI_CAP_BACKUP_TIME = 1u << 1,    /* restore takes SI_RESTORE_TIME */
  SI_CAP_BACKUP_PROTECT = 1u << 2, /* has protect */
  SI_CAP_BACKUP_EXPIRE = 1u << 3   /* has expire */
};

/* What backup makes. */
enum {
  SI_BACKUP_FULL = 0, /* stands alone */
  SI_BACKUP_DELTA = 1 /* what changed since the latest complete backup; a full one if there is none
                         to stand on: the result says which it became */
};

/* How closely verify looks. */
enum {
  SI_VERIFY_LISTED =
      0,             /* every object of the chain is in the store, with the length it must have */
  SI_VERIFY_READ = 1 /* and each byte of it was read and held against its checksum */
};

/* Where restore ends. */
enum {
  SI_RESTORE_LATEST = 0, /* the last point that can be recovered */
  SI_RESTORE_BACKUP = 1, /* the end of the backup named */
  SI_RESTORE_TIME = 2    /* a point in time */
};

/* si_restore_target.flags. */
enum {
  SI_RESTORE_REPLACE = 1u << 0 /* what the target holds may be replaced; else SI_E_EXISTS */
};

/* Flags of expire. */
enum {
  SI_EXPIRE_DRY_RUN = 1u << 0 /* changes nothing; emits what would be removed */
};

/* One object of a backup. Strings live until the receiver returns. */
typedef struct si_backup_object {
  uint32_t size; /* sizeof(si_backup_object) */
  uint32_t reserved;
  const char *name;    /* what read takes; at most 4096 bytes, within the backup unique */
  uint64_t length;     /* bytes as stored; UINT64_MAX = unknown */
  int64_t modified_ms; /* Unix time in milliseconds, 0 = unknown; information only */
  const char *sha256;  /* 64 hex digits, as the tool recorded them when it wrote; or NULL */
} si_backup_object;

/* Where a restore goes, and how far. */
typedef struct si_restore_target {
  uint32_t size;  /* sizeof(si_restore_target) */
  uint32_t end;   /* SI_RESTORE_LATEST, SI_RESTORE_BACKUP or SI_RESTORE_TIME */
  uint32_t flags; /* SI_RESTORE_REPLACE; any other bit is SI_E_UNSUPPORTED */
  uint32_t reserved;
  const char *into;   /* the `project` that receives the data; may be the one it came from */
  const char *backup; /* the id with SI_RESTORE_BACKUP; NULL otherwise */
  int64_t time_us; /* with SI_RESTORE_TIME, Unix time in microseconds: what was committed by then,
                      and nothing later */
} si_restore_target;

/* Receives one backup of a listing, as JSON. A status other than SI_OK ends the listing with it. */
typedef si_rc (*si_backup_fn)(void *ctx, const char *json, size_t len);
/* Receives one object of an inventory. A status other than SI_OK ends the inventory with it. */
typedef si_rc (*si_backup_object_fn)(void *ctx, const si_backup_object *object);
/* Takes all of `len` bytes of an object, in order; `len` is at most 1 MiB and never 0. A status
 * other than SI_OK ends the reading with it. */
typedef si_rc (*si_backup_bytes_fn)(void *ctx, const void *data, size_t len);

typedef struct si_backup_vt {
  uint32_t size;
  uint32_t reserved;

  /* --- required --- */

  /* What a stack must bring so that this provider can work, from the configuration alone: asks no
   * peer, changes nothing. Emits {"schema":"si.backup-contract/1","profile","packs":[...],
   * "services":[{"name","role":"backup"|"restore"|"database"}],
   * "env":[{"name","secret":bool,"required":bool}],"ports":[]}. A port listed is one that is
   * published on the host; a provider that needs none emits none. */
  si_rc (*contract)(si_instance *instance, si_op *op, void *ctx, si_emit emit);

  /* Can backups be made, and be read again? Changes nothing. `project` NULL: looks at the store
   * alone. Emits {"tool","version","store","source":{"engine","version","system_id"},
   * "archiving":"ok"|"behind"|"failing"|"off"|"unknown","problems":[{"code","message"}]}. Success
   * with problems means that it looked and found them; SI_E_UNAVAILABLE that it could not look. */
  si_rc (*check)(si_instance *instance, si_op *op, const char *project, void *ctx, si_emit emit);

  /* Makes a backup (`type`: SI_BACKUP_*) of the project's data while it runs. Emits the backup,
   * with the status "complete", and returns once all of it is durable in the store. The source is
   * the database of this project and no other: its system id is the same before and after, else
   * SI_E_CONFLICT. When it fails or is cancelled it removes what it wrote, or leaves it so that
   * list tells it as incomplete. SI_E_UNSUPPORTED: SI_BACKUP_DELTA without the capability.
   * SI_E_CONFLICT: another backup of the project is being made. */
  si_rc (*backup)(si_instance *instance, si_op *op, const char *project, uint32_t type, void *ctx,
                  si_emit emit);

  /* Every backup of the project, the incomplete and the damaged ones too, oldest first. Changes
   * nothing, and needs no running database. None is success. */
  si_rc (*list)(si_instance *instance, si_op *op, const char *project, void *ctx,
                si_backup_fn each);

  /* Every object that a restore to the end of this backup needs beyond what its parent's inventory
   * lists: data, metadata, and the log from its start to its end. In no order. Changes nothing. An
   * object that must be there and is not fails with SI_E_CORRUPT, its name the failure's subject.
   */
  si_rc (*inventory)(si_instance *instance, si_op *op, const char *project, const char *backup,
                     void *ctx, si_backup_object_fn each);

  /* The bytes of one object as they are stored (compressed and encrypted where the tool does so),
   * from `offset` to the end. An `offset` beyond the end is SI_E_INVALID. Repeating it gives the
   * same bytes. SI_E_NOT_FOUND: no such object. SI_OK means that the end was reached. */
  si_rc (*read)(si_instance *instance, si_op *op, const char *project, const char *backup,
                const char *object, uint64_t offset, void *ctx, si_backup_bytes_fn take);

  /* Looks at a backup and every one it stands on, to `depth` (SI_VERIFY_*). Changes nothing. Emits
   * {"depth":"listed"|"read","verdict":"pass"|"fail"|"unknown",
   * "objects":n,"bytes","findings":[{"backup","object","problem"}]}. Success means that it looked:
   * the verdict is in the document. SI_E_UNSUPPORTED: not to that depth. */
  si_rc (*verify)(si_instance *instance, si_op *op, const char *project, const char *backup,
                  uint32_t depth, void *ctx, si_emit emit);

  /* Brings back the data of `project` (whose backups they are) into `target->into`. Returns once
   * the database there has ended its recovery at the point asked for and takes writes; a recovery
   * that ended before that point has failed (SI_E_CORRUPT). Emits {"backups":[id, oldest first],
   * "source":{"engine","version","system_id"},"reached":{"time","position","timeline"},
   * "started","finished"}. Nothing of the target is changed before every object needed was found.
   * A failure after that leaves a target that is unusable until a restore succeeds, and says so:
   * its retry class is SI_OUTCOME_UNKNOWN. SI_E_NOT_FOUND: no such backup, or a time outside of
   * window's spans. SI_E_EXISTS: the target holds data, and there is no SI_RESTORE_REPLACE.
   * SI_E_UNSUPPORTED: an end or a flag it does not know. */
  si_rc (*restore)(si_instance *instance, si_op *op, const char *project,
                   const si_restore_target *target, void *ctx, si_emit emit);

  /* What can be recovered now, from what the store holds. Changes nothing, and needs no running
   * database. Emits {"spans":[{"from","to","timeline","backup"}],
   * "gaps":[{"from","to","reason"}]}, oldest first: every moment of a span can be restored to,
   * beginning from that backup, both ends included. Without SI_CAP_BACKUP_TIME each complete backup
   * is a span whose ends are the same. Log that was not stored yet is no part of a span. */
  si_rc (*window)(si_instance *instance, si_op *op, const char *project, void *ctx, si_emit emit);

  /* --- optional: SI_CAP_BACKUP_PROTECT --- */

  /* Marks a backup and every one it stands on as never to be expired (`on` 1), or takes the mark
   * off this one alone (`on` 0; SI_E_CONFLICT while a protected delta stands on it). Idempotent. A
   * mark is no lock: who can write to the store can remove what is marked. */
  si_rc (*protect)(si_instance *instance, si_op *op, const char *project, const char *backup,
                   uint32_t on);

  /* --- optional: SI_CAP_BACKUP_EXPIRE --- */

  /* Removes backups, and log that nothing kept needs. `plan` is {"keep":[id],"remove":[id],
   * "recover_from":time|null}: log from `recover_from` on stays; null: what the kept need for
   * themselves. `flags`: SI_EXPIRE_*. The plan is the host's and names every backup there is: where
   * one is in neither list or in both, or one kept stands on one removed, nothing is changed
   * (SI_E_CONFLICT); a protected one in `remove` is SI_E_RETENTION. Deltas go before what they
   * stand on. Idempotent: gone already is success. Emits {"removed":[id],"objects":n,"bytes",
   * "remaining":[{"id","reason"}]}; success means that `remaining` is empty, and that a fresh
   * listing showed none of those removed. */
  si_rc (*expire)(si_instance *instance, si_op *op, const char *project, const char *plan,
                  uint32_t flags, void *ctx, si_emit emit);
} si_backup_vt;

#ifdef __cplusplus
}
#endif
#endif
