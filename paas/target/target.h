/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/target/target.h - where a context's projects run (R24, R66): `local`, which is always there,
 * other engines' sockets on this machine, and those of other machines, forwarded by OpenSSH: no
 * agent and no shell there, its host key pinned when the target is added. Depends on paas/state,
 * paas/context, paas/events.
 */
#ifndef SI_PAAS_TARGET_TARGET_H
#define SI_PAAS_TARGET_TARGET_H

#include "paas/context/context.h"
#include "paas/state/target.h"

#define SI_TARGET_LOCAL "local" /* this machine's engine: the provisioner's own configuration */

struct si_target_new {
  const char *name;
  const char *ssh;      /* "user@host", "user@host:22", "user@[::1]:22"; NULL: a local one */
  const char *identity; /* with ssh: absolute path of a private key, which nobody else may read */
  const char *host_key; /* with ssh: "ssh-ed25519 AAAA...": what the host must show */
  const char *socket;   /* the engine's, there; NULL with ssh: /var/run/docker.sock */
  const char *labels;   /* JSON object of texts; NULL: none */
};

/* Adds it, told to the audit chain. TARGET_INVALID (SI_E_INVALID) says what of it is wrong,
 * TARGET_IDENTITY (SI_E_AUTH) that others could read the key, TARGET_EXISTS. Reaches nobody. */
si_rc si_target_add(const struct si_context *context, struct si_state *state,
                    const struct si_target_new *made, struct si_error *error) SI_MUST_USE;
si_rc si_target_remove(const struct si_context *context, struct si_state *state, const char *name,
                       struct si_error *error) SI_MUST_USE;
/* The target of a project's first deploy where none is named: the context's, else `local`. */
si_rc si_target_use(const struct si_context *context, struct si_state *state, const char *name,
                    struct si_error *error) SI_MUST_USE;
si_rc si_target_default(struct si_state *state, char name[64], struct si_error *error) SI_MUST_USE;
/* TARGET_NOT_FOUND. `local` is always there. */
si_rc si_target_exists(struct si_state *state, const char *name,
                       struct si_error *error) SI_MUST_USE;

/* --- an open way to a target's engine (link.c) --- */

struct si_target_link;

/* `base` is the provisioner's configuration, a JSON object. With ssh: starts the forwarding and
 * waits until it listens, at most until the deadline (CLOCK_MONOTONIC; 0: 30 s) and while nothing
 * can be read from interrupt_fd (-1: none). TARGET_NOT_FOUND, TARGET_UNREACHABLE (SI_E_UNAVAILABLE)
 * with what ssh said. The caller closes the link. */
si_rc si_target_open(struct si_state *state, const char *name, const char *base,
                     uint64_t deadline_ns, int interrupt_fd, struct si_target_link **out,
                     struct si_error *error) SI_MUST_USE;
/* The provisioner's configuration for this target; the link's. */
const char *si_target_link_config(const struct si_target_link *link);
/* Adds to a failure of the provider what ssh said meanwhile, if it did; where ssh has ended, the
 * failure is TARGET_UNREACHABLE. Returns the status that it has then. */
si_rc si_target_link_blame(struct si_target_link *link, struct si_error *error);
void si_target_link_close(struct si_target_link *link); /* NULL is fine */

#endif
