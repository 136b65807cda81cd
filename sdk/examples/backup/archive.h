/* SPDX-License-Identifier: Apache-2.0 */
/*
 * archive.h - where backups are kept: <root>/<context id>/<project id>/<backup id>/ holds data.tar
 * and, written first as incomplete and last as complete, backup.json. The path is the mark of whose
 * a backup is. Functions that fail have told the host. Depends on the kit.
 */
#ifndef ARCHIVE_H
#define ARCHIVE_H

#include <si/backup.h>

#include "kit/base/hash.h"
#include "kit/base/provider.h"
#include "kit/base/text.h"

#define DATA "data.tar" /* a backup's one object */

struct si_instance {
  const si_host_vt *vt;
  const void *exec; /* si_exec_vt */
  int root;
  char service[64]; /* where commands run */
  char path[512];   /* what is backed up, below where they start */
};

/* One call about one project. */
struct call {
  si_instance *store;
  si_op *op;
  cJSON *project;
  const char *context_id;
  const char *project_id;
  const char *operation_id; /* "" where the document has none */
  char path[1024];          /* of the project's backups, below root */
};

/* What backup.json says, and what there is. */
struct backup {
  char id[64];
  char started[SI_TIME_SIZE];
  char finished[SI_TIME_SIZE]; /* "" until it is complete */
  char operation_id[256];
  char sha256[SI_SHA256_HEX]; /* of data.tar */
  uint64_t bytes;             /* of data.tar, as it was written */
  uint64_t stored;            /* of data.tar, as it is there; UINT64_MAX: it is not */
  int64_t modified_ms;
};

/* Reads the project's document. To be ended, whatever it returns. */
si_rc call_begin(struct call *call, const char *json) SI_MUST_USE;
void call_end(struct call *call); /* for SI_AUTO */
int call_cancelled(const struct call *call);

/* Opens the directory of the project's backups, made where it is missing; -1, and the failure told.
 */
int archive_open(const struct call *call);
/* A new backup: its directory, and what it is so far. The directory is the caller's to close. */
si_rc archive_new(const struct call *call, int project, struct backup *out, int *dir) SI_MUST_USE;
/* Writes backup.json, durably. */
si_rc archive_note(const struct call *call, int dir, const struct backup *backup) SI_MUST_USE;
/* Finds one. SI_E_NOT_FOUND: there is none of that id. dir may be NULL. */
si_rc archive_find(const struct call *call, const char *id, struct backup *out,
                   int *dir) SI_MUST_USE;
/* Every backup, oldest first. */
typedef si_rc (*archive_each)(void *ctx, const struct backup *backup);
si_rc archive_list(const struct call *call, void *ctx, archive_each each) SI_MUST_USE;
/* Removes what a failed run left; where that fails it stays, as incomplete. */
void archive_drop(int project, const char *id);

/* "complete", "incomplete" or "damaged". */
const char *archive_status(const struct backup *backup);
/* The backup as the ABI tells it. NULL: no memory. */
cJSON *archive_json(const struct call *call, const struct backup *backup);

#endif
