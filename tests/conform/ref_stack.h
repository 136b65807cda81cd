/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/conform/ref_stack.h - the parts of the reference provisioner.
 */
#ifndef SI_TESTS_CONFORM_REF_STACK_H
#define SI_TESTS_CONFORM_REF_STACK_H

#include <si/provisioner.h>

#include "tests/conform/ref.h"

struct project {
  char path[600]; /* CONTEXT/PROJECT, below the root */
  char context[256];
  char id[256];
};

struct ref_call {
  si_instance *in;
  si_op *op;
  struct project project;
};

/* Its id and what was asked for, "ID SPEC"; false where it is not there. */
bool ref_read_resource(const struct ref_call *call, const char *type, const char *name,
                       char to[4096]);
si_rc ref_write_resource(struct ref_call *call, const char *type, const char *name,
                         const char *spec);
/* Makes it what `spec` says, unless it is. */
si_rc ref_converge(struct ref_call *call, const char *type, const char *name, const char *spec);
/* Calls `each` for every resource of a type, until one fails. */
si_rc ref_walk(struct ref_call *call, const char *type, void *ctx,
               si_rc (*each)(struct ref_call *call, const char *type, const char *name, void *ctx));
/* Gone is success. */
si_rc ref_remove_named(struct ref_call *call, const char *type, const char *name);

#endif
