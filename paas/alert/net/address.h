/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/alert/net/address.h - which addresses an alert may be sent to. Judged on the address that
 * is connected to, not on the name it came from. Depends on libc alone. Thread-safe.
 */
#ifndef SI_PAAS_ALERT_NET_ADDRESS_H
#define SI_PAAS_ALERT_NET_ADDRESS_H

#include <sys/socket.h>

enum si_reach {
  SI_REACH_PUBLIC,
  SI_REACH_LOOPBACK, /* this machine */
  SI_REACH_PRIVATE,  /* networks of one's own: RFC 1918, shared, unique local, benchmarks */
  SI_REACH_NEVER     /* link-local, where clouds serve credentials; unspecified, multicast */
};

/* IPv4 in IPv6 (mapped, compatible, NAT64, 6to4) is judged as the IPv4 address within. */
enum si_reach si_address_reach(const struct sockaddr *address, socklen_t len);

#endif
