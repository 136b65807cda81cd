/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdk/conform/backup.h - a backup provider in the hands of a check. Its projects are directories:
 * what `si.exec/1` runs for the project `letter` starts in source_dir(), which holds random bytes
 * in the files `data` and `id` unless --source names another.
 */
#ifndef SI_CONFORM_BACKUP_H
#define SI_CONFORM_BACKUP_H

#include <si/backup.h>

#include "sdk/conform/document.h"
#include "sdk/conform/work.h"

enum { BACKUP_ID = 256 };

struct backup {
  struct trial *trial;
  si_host *host;
  const si_backup_vt *vt;
  si_instance *in;
  si_op *op; /* the last call's */
};

/* Opens it; the projects a and b have their data. */
struct backup backup_open(struct trial *t);
void backup_close(struct backup *b);

/* As demand_ok, for the last call. */
void backup_ok(const struct backup *b, si_rc status, const char *what);

/* Where the commands of the project run. */
const char *source_dir(struct trial *t, char letter);
/* Other bytes in the project's file `data`. */
void source_change(struct trial *t, char letter);
/* The project holds nothing. */
void source_empty(struct trial *t, char letter);
/* The SHA-256 of its data; "" where there is none. The process's own. */
const char *source_hash(struct trial *t, char letter);

/* Makes a backup; it is complete. Its id. */
void backup_must_make(struct backup *b, char letter, uint32_t type, char id[BACKUP_ID]);

/* The listing of a project as an array of objects; ends the process where it is not as demanded. To
 * be freed. */
cJSON *backup_listed(struct backup *b, char letter);
/* The one of that id, or NULL. */
const cJSON *backup_find(const cJSON *listed, const char *id);

/* The objects of a backup, at most OBJECTS_MAX. */
enum { OBJECTS_MAX = 64 };
struct object {
  char name[1024];
  uint64_t length;
  char sha256[65];
};
struct objects {
  struct object items[OBJECTS_MAX];
  size_t count;
};
si_rc backup_inventory(struct backup *b, char letter, const char *id, struct objects *out);

/* The bytes of an object; at most 1 MiB is kept. */
struct taken {
  struct si_buf bytes;
  si_rc answer;       /* what the receiver says */
  bool out_of_bounds; /* a piece was empty, or longer than 1 MiB */
};
si_rc backup_read(struct backup *b, char letter, const char *id, const char *object,
                  uint64_t offset, struct taken *out);

si_rc backup_restore(struct backup *b, char from, char into, uint32_t end, uint32_t flags,
                     const char *id, struct document *out);
si_rc backup_expire(struct backup *b, char letter, const char *plan, uint32_t flags,
                    struct document *out);

#endif
