/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/lifecycle/sink.h - a store of runpacks, opened with the secrets that its configuration
 * refers to (R69). Depends on core/host, paas/vault, paas/redact. One thread.
 *
 * What the provider may ask for, and nothing else:
 *   KEY       where a member of the configuration is "vault:KEY": the secret of that name in the
 *             context's vault, opened when it is asked for
 *   env:NAME  where the configuration says "auth": "environment": AWS_ACCESS_KEY_ID,
 *             AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN of si's own environment (the opt-in)
 * Every value is remembered by paas/redact. Refusals: SECRET_NOT_REFERRED (SI_E_REFUSED; told to
 * the context's audit chain, as everything is that the sandbox stopped), SECRET_NOT_FOUND
 * (SI_E_NOT_FOUND: not set, or there is no context), and the vault's own.
 */
#ifndef SI_PAAS_LIFECYCLE_SINK_H
#define SI_PAAS_LIFECYCLE_SINK_H

#include "core/host/session.h"
#include "paas/context/context.h"
#include "paas/vault/vault.h"

struct si_sink_options {
  const char *provider;             /* id of an artifact provider */
  const char *config;               /* JSON object; NULL: {} */
  const struct si_context *context; /* whose vault is meant; or NULL */
  bool reading;                     /* nothing is stored or removed: nothing can be */
  uint64_t deadline_ns;             /* as struct si_session_options */
  int interrupt_fd;                 /* likewise */
  si_vault_ask ask;                 /* for the passphrase of the vault's identity; or NULL */
  void *ask_ctx;
  /* Who hears what the provider tried and was kept from, besides the context's audit chain. */
  struct si_state *state; /* the context's, opened for writing; NULL: it is opened when needed */
  const char *operation;  /* whose evidence is stored; or NULL */
  void *log_ctx;
  void (*log)(void *ctx, uint32_t level, const char *message); /* or NULL */
};

struct si_sink_session;

/* The provider's id, the operation's and the context must live as long as the session. */
si_rc si_sink_open(const struct si_sink_options *options, struct si_sink_session **out,
                   struct si_error *error) SI_MUST_USE;
struct si_store *si_sink_store(struct si_sink_session *sink); /* the sink's */
void si_sink_close(struct si_sink_session **sink);            /* for SI_AUTO; NULL inside is fine */

#endif
