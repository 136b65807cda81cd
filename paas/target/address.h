/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/target/address.h - the words of an ssh target, taken apart and held to what ssh could take
 * for nothing else: no option, no token, no variable. Pure. Private to paas/target.
 */
#ifndef SI_PAAS_TARGET_ADDRESS_H
#define SI_PAAS_TARGET_ADDRESS_H

#include <stdbool.h>

#include "kit/base/error.h"

struct si_target_address {
  char user[33];
  char host[254]; /* a name, or an address without brackets */
  char port[6];
};

/* "user@host[:port]"; TARGET_INVALID. */
si_rc si_target_address_read(const char *text, struct si_target_address *out,
                             struct si_error *error) SI_MUST_USE;
/* "TYPE BASE64", as ssh-keyscan and known_hosts have it behind the host. */
bool si_target_host_key_valid(const char *text);
/* An absolute path to forward to: short enough for a socket, nothing in it that ssh expands. */
bool si_target_socket_valid(const char *path);

#endif
