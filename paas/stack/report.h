/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/stack/report.h - how the readers of this room tell what is wrong: file, line, the path of
 * the key, a predicate. "stack.yaml:12: services.web.ports[0] must be text". Depends on
 * paas/stack/reading.h. Characters that could steer a terminal never reach the message.
 */
#ifndef SI_PAAS_STACK_REPORT_H
#define SI_PAAS_STACK_REPORT_H

#include "paas/stack/reading.h"

/* Where in the file a value stands. Lives on the stack of the reader that descends. */
struct si_place {
  const struct si_place *up; /* NULL: the whole file */
  const char *key;           /* NULL: an item of a list */
  size_t index;              /* of that item, from 0 */
  unsigned line;             /* from 1 */
};

/* Each fills r->error and returns its status; `code` is a STACK_* code, the format a predicate
 * ("must be text") to which the path of the place is the subject. The status is SI_E_INVALID. */
si_rc si_stack_fail(struct si_reading *r, const char *code, const struct si_place *place,
                    const char *fmt, ...) SI_PRINTF(4, 5);
si_rc si_stack_invalid(struct si_reading *r, const struct si_place *place, const char *fmt, ...)
    SI_PRINTF(3, 4);
si_rc si_stack_nomem(struct si_reading *r);
/* Notes what a guard may mind (guard.h), of a service: no failure. The format is a predicate, as
 * above; `hint` says what to do about it. */
si_rc si_stack_find(struct si_reading *r, const char *rule, const char *service,
                    const struct si_place *place, const char *hint, const char *fmt, ...)
    SI_PRINTF(6, 7);
/* Puts the newest failure among the faults, unless it stands there, or there is no room. */
si_rc si_stack_keep(struct si_reading *r) SI_MUST_USE;
/* Keeps a failure (SI_E_INVALID), sets *failed and returns SI_OK: what stands beside it can be read
 * all the same. Any other status, and a limit that was reached, is returned as it is. */
si_rc si_stack_go_on(struct si_reading *r, si_rc status, bool *failed) SI_MUST_USE;
/* The status of a loop that went on: SI_E_INVALID where something failed. */
si_rc si_stack_came_to(si_rc status, bool failed) SI_MUST_USE;
/* "line 4", or "line 4 of base.yaml" where `from` stands in another file. */
const char *si_stack_line(const struct si_reading *r, unsigned line, unsigned from, char to[200]);
/* Adds what to do next, and returns the status of the failure. */
si_rc si_stack_hint(struct si_reading *r, const char *fmt, ...) SI_PRINTF(2, 3);

#endif
