/* SPDX-License-Identifier: Apache-2.0 */
/* tests/golden/backup.c - a backup provider whose project has nothing to keep. */
#include <si/backup.h>

static si_rc one(si_instance *self, si_op *op, const char *project, void *ctx, si_emit emit) {
  (void)self, (void)op, (void)project;
  return emit(ctx, "{}", 2);
}

static si_rc contract(si_instance *self, si_op *op, void *ctx, si_emit emit) {
  return one(self, op, NULL, ctx, emit);
}

static si_rc backup(si_instance *self, si_op *op, const char *project, uint32_t type, void *ctx,
                    si_emit emit) {
  (void)self, (void)op, (void)project, (void)type, (void)ctx, (void)emit;
  return SI_E_UNSUPPORTED;
}

static si_rc list(si_instance *self, si_op *op, const char *project, void *ctx, si_backup_fn each) {
  (void)self, (void)op, (void)project, (void)ctx, (void)each;
  return SI_OK;
}

static si_rc inventory(si_instance *self, si_op *op, const char *project, const char *id, void *ctx,
                       si_backup_object_fn each) {
  (void)self, (void)op, (void)project, (void)id, (void)ctx, (void)each;
  return SI_E_NOT_FOUND;
}

static si_rc read_object(si_instance *self, si_op *op, const char *project, const char *id,
                         const char *object, uint64_t offset, void *ctx, si_backup_bytes_fn take) {
  (void)self, (void)op, (void)project, (void)id, (void)object, (void)offset, (void)ctx, (void)take;
  return SI_E_NOT_FOUND;
}

static si_rc verify(si_instance *self, si_op *op, const char *project, const char *id,
                    uint32_t depth, void *ctx, si_emit emit) {
  (void)self, (void)op, (void)project, (void)id, (void)depth, (void)ctx, (void)emit;
  return SI_E_NOT_FOUND;
}

static si_rc restore(si_instance *self, si_op *op, const char *project,
                     const si_restore_target *target, void *ctx, si_emit emit) {
  (void)self, (void)op, (void)project, (void)target, (void)ctx, (void)emit;
  return SI_E_NOT_FOUND;
}

static const si_backup_vt table = {
    .size = sizeof(si_backup_vt),
    .contract = contract,
    .check = one,
    .backup = backup,
    .list = list,
    .inventory = inventory,
    .read = read_object,
    .verify = verify,
    .restore = restore,
    .window = one,
};

#define KIND SI_KIND_BACKUP
#define PLUGIN_ID "golden-backup"
#include "parts.h"
