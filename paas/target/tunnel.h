/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/target/tunnel.h - one run of OpenSSH's client that forwards a unix socket: started, waited
 * for, ended. It dies with the thread that started it. Private to paas/target.
 */
#ifndef SI_PAAS_TARGET_TUNNEL_H
#define SI_PAAS_TARGET_TUNNEL_H

#include <stdint.h>
#include <sys/types.h>

#include "paas/target/address.h"
#include "paas/target/den.h"

struct si_tunnel {
  pid_t pid; /* 0: it runs no more */
  int said;  /* its stderr, not blocking; -1 */
  struct si_den den;
  char socket[96];  /* where it listens, in the den; only this user gets there */
  char words[1024]; /* the end of what it said; "" */
};
#define SI_TUNNEL \
  { .said = -1, .den = SI_DEN }

struct si_tunnel_way {
  struct si_target_address address;
  const char *identity;
  const char *host_key;
  const char *socket; /* the far one */
};

/* TARGET_UNREACHABLE with what ssh said. What was begun is the caller's to end on failure, too. */
si_rc si_tunnel_start(struct si_tunnel *tunnel, const struct si_tunnel_way *way,
                      uint64_t deadline_ns, int interrupt_fd, struct si_error *error) SI_MUST_USE;
/* Reads what it said so far into words; does it still run? */
bool si_tunnel_runs(struct si_tunnel *tunnel);
void si_tunnel_end(struct si_tunnel *tunnel);

#endif
