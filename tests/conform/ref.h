/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/conform/ref.h - what the reference providers share: they keep the contract, but for the one
 * rule that a variant breaks. A rule is the id of the check that must find it; bad_rule is "" in
 * the reference itself. Depends on the ABI headers and sdk/kit/base.
 */
#ifndef SI_TESTS_CONFORM_REF_H
#define SI_TESTS_CONFORM_REF_H

#include <stdbool.h>
#include <string.h>

#include <si/plugin.h>

#include "kit/base/json.h"
#include "kit/base/path.h"
#include "kit/base/text.h"

extern const char bad_rule[64]; /* bad.c */

static inline bool bad(const char *rule) {
  return strcmp(bad_rule, rule) == 0;
}

struct si_instance {
  const si_host_vt *vt;
  si_host *host;
  char root[SI_PATH_MAX];
  int dir; /* the root, open */
  unsigned char *secret;
  size_t secret_len;
  const char *config; /* kept by the one that must not */
};

/* The kind's part: its provider without what is common, and what open() wants beyond. */
extern si_provider ref_provider;
si_rc ref_kind_open(si_instance *in, si_op *op);

si_rc ref_fail(si_instance *in, si_op *op, si_rc status, const char *subject, const char *fmt, ...)
    SI_PRINTF(5, 6);
si_rc ref_fail_errno(si_instance *in, si_op *op, const char *subject);
/* SI_OK, or why the call must end: SI_E_CANCELLED, SI_E_TIMEOUT. Recorded. */
si_rc ref_stop(si_instance *in, si_op *op);
si_rc ref_step(si_instance *in, si_op *op, const char *name, uint32_t phase, const char *id);
/* Emits the object, and frees it. */
si_rc ref_emit(si_instance *in, si_op *op, cJSON *json, void *ctx, si_emit emit);

#endif
