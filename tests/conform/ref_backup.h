/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/conform/ref_backup.h - the parts of the reference backup provider.
 */
#ifndef SI_TESTS_CONFORM_REF_BACKUP_H
#define SI_TESTS_CONFORM_REF_BACKUP_H

#include <si/backup.h>
#include <si/service.h>

#include "tests/conform/ref.h"

/* One verb about one project. */
struct ref_call {
  si_instance *in;
  si_op *op;
  char context[256];
  char project[256];
  char operation[256];
  char path[600]; /* of the project's backups, below the root */
};

si_rc ref_begin(struct ref_call *call, si_instance *in, si_op *op, const char *project);
/* Runs a command in the project's service. */
si_rc ref_run(struct ref_call *call, const char *const *argv, void *ctx, si_exec_input input,
              si_exec_output output, int32_t *code);
/* A backup's description; SI_E_NOT_FOUND, recorded. */
si_rc ref_load(struct ref_call *call, const char *id, cJSON **out);
si_rc ref_write_json(const struct ref_call *call, const char *dir, const cJSON *json);
/* Every backup of the project, oldest first. */
si_rc ref_each(struct ref_call *call, void *ctx,
               si_rc (*each)(struct ref_call *call, cJSON *backup, void *ctx));

si_rc ref_contract(si_instance *in, si_op *op, void *ctx, si_emit emit);
si_rc ref_check(si_instance *in, si_op *op, const char *project, void *ctx, si_emit emit);
si_rc ref_verify(si_instance *in, si_op *op, const char *project, const char *backup,
                 uint32_t depth, void *ctx, si_emit emit);
si_rc ref_restore(si_instance *in, si_op *op, const char *project, const si_restore_target *target,
                  void *ctx, si_emit emit);
si_rc ref_window(si_instance *in, si_op *op, const char *project, void *ctx, si_emit emit);
si_rc ref_protect(si_instance *in, si_op *op, const char *project, const char *backup, uint32_t on);
si_rc ref_expire(si_instance *in, si_op *op, const char *project, const char *plan, uint32_t flags,
                 void *ctx, si_emit emit);

#endif
