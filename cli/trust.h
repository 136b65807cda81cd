/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/trust.h - on what a verdict may rest, as the options of a row say it: public keys, and an
 * audit chain. Depends on cli/scope.h, core/runpack, paas/events, paas/vault.
 *
 * Trusted are the keys of every --key FILE, and those of the context where there is one. The chain
 * is --audit FILE, else that of a context named by --context or needed by --require anchored. A
 * context that is only in use and cannot be opened is passed over: verification needs no state.
 */
#ifndef SI_CLI_TRUST_H
#define SI_CLI_TRUST_H

#include "cli/scope.h"
#include "core/runpack/verify.h"

struct si_trust {
  struct si_invocation *inv;
  struct si_scope scope; /* of the context; without one its state is NULL */
  struct si_key_set keys;
  enum si_require require;
  bool chain; /* the context's audit chain is asked */
};

#define SI_TRUST_OPTIONS                                                                            \
  {                                                                                                 \
      "key",         0,   "FILE", "Trust signatures by the public keys (PEM) of this file",         \
      SI_OPT_REPEAT, NULL},                                                                         \
      {"audit", 0,   "FILE", "An audit chain that may tell of the manifest: a copy of audit.jsonl", \
       0,       NULL},                                                                              \
  {                                                                                                 \
    "require", 0, "WHAT", "What the verdict has to rest on: signed, or anchored", 0, NULL           \
  }

/* Reads the options and what they name. */
si_rc si_trust_open(struct si_trust *trust, struct si_invocation *inv) SI_MUST_USE;
/* Sets keys, require, anchored and, for the latter, ctx; *trust must live as long as *options. */
void si_trust_apply(struct si_trust *trust, struct si_verify_options *options);
void si_trust_close(struct si_trust *trust); /* for SI_AUTO */

#endif
