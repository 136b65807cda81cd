/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/vault/disk.h - the vault's file on disk: guarded, locked, read, and replaced so that a crash
 * leaves the old or the new content. Depends on paas/context, paas/state/lock.h.
 *
 * Beside <file> stand <file>.lock, <file>.previous (the content before, for who must look), and,
 * while it is written, <file>.new. Failures: VAULT_UNSAFE, VAULT_MISSING, VAULT_BUSY, VAULT_IO,
 * VAULT_FULL (SI_E_QUOTA).
 */
#ifndef SI_PAAS_VAULT_DISK_H
#define SI_PAAS_VAULT_DISK_H

#include "kit/base/path.h"
#include "paas/context/context.h"

struct si_vault_disk {
  int dir;  /* the directory that the file is in */
  int lock; /* -1: not held */
  char context[64];
  char path[SI_PATH_MAX];
  char name[200];
};
#define SI_VAULT_DISK \
  { .dir = -1, .lock = -1 }

/* Guards the path and opens its directory; `make`: makes it, 0700, where it is not there. */
si_rc si_vault_disk_open(const struct si_context *context, bool make, struct si_vault_disk *out,
                         struct si_error *error) SI_MUST_USE;
void si_vault_disk_close(struct si_vault_disk *disk); /* for SI_AUTO */
si_rc si_vault_disk_lock(struct si_vault_disk *disk, unsigned wait_ms,
                         struct si_error *error) SI_MUST_USE;
void si_vault_disk_unlock(struct si_vault_disk *disk);

/* Appends the file's bytes. VAULT_MISSING where it is not there. */
si_rc si_vault_disk_read(const struct si_vault_disk *disk, struct si_buf *out,
                         struct si_error *error) SI_MUST_USE;
/* Replaces the content; the one before becomes .previous. Under the lock. After a failure the file
 * holds the old content or the new. */
si_rc si_vault_disk_write(const struct si_vault_disk *disk, const void *data, size_t len,
                          struct si_error *error) SI_MUST_USE;
/* Makes durable which content the file has: of a writer that died that is not known. */
si_rc si_vault_disk_sync(const struct si_vault_disk *disk, struct si_error *error) SI_MUST_USE;
/* Removes what an interrupted write left and, with `previous`, .previous: they are sealed for
 * whoever could read then. Under the lock. */
void si_vault_disk_tidy(const struct si_vault_disk *disk, bool previous);
/* Does .previous stand there? */
bool si_vault_disk_has_previous(const struct si_vault_disk *disk);

/* Is the open file (dir: directory) this user's alone? VAULT_UNSAFE. */
si_rc si_vault_private(int fd, const char *path, bool dir, struct si_error *error) SI_MUST_USE;
/* A failed system call: VAULT_IO or VAULT_FULL. `what` as in "reading". */
si_rc si_vault_errno(int err, const char *what, const char *path,
                     struct si_error *error) SI_MUST_USE;
si_rc si_vault_missing(const char *context, const char *path, struct si_error *error) SI_MUST_USE;

#endif
