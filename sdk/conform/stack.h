/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdk/conform/stack.h - a provisioner in the hands of a check.
 */
#ifndef SI_CONFORM_STACK_H
#define SI_CONFORM_STACK_H

#include <si/provisioner.h>

#include "sdk/conform/document.h"
#include "sdk/conform/work.h"

struct stack {
  struct trial *trial;
  si_host *host;
  const si_provisioner_vt *vt;
  si_instance *in;
  si_op *op; /* the last call's */
};

/* Opens it; what an earlier run left of the projects a and b is destroyed. */
struct stack stack_open(struct trial *t);
/* Destroys the projects a and b, and closes. */
void stack_close(struct stack *s);

/* The stack document of the check (--stack, or the kit's own), as text. */
const char *stack_text(struct trial *t);

/* As demand_ok, for the last call. */
void stack_ok(const struct stack *s, si_rc status, const char *what);

/* The verbs. `out` may be NULL. */
si_rc stack_check(struct stack *s, struct document *out);
si_rc stack_provision(struct stack *s, const char *project, const char *stack,
                      struct document *out);
si_rc stack_destroy(struct stack *s, const char *project, struct document *out);
si_rc stack_inspect(struct stack *s, const char *project, struct document *out);
si_rc stack_list(struct stack *s, const char *context_id, struct document *out);
si_rc stack_remove(struct stack *s, const char *context_id, const cJSON *resource);

/* Checks of the optional verb logs (stack_logs_checks.c); skipped where the table has none. */
void stack_logs_lines(struct trial *t);
void stack_logs_nothing(struct trial *t);
void stack_logs_query(struct trial *t);

/* Brings project `letter` up, and shows that it is. */
void stack_must_be_up(struct stack *s, char letter, const char *stack);
/* How many resources of the project the context's listing shows; -1: of any project. */
size_t stack_count(struct stack *s, char letter);
/* The canonical text of what inspect shows of names and ids. To be freed. */
char *stack_seen(struct stack *s, char letter);

#endif
