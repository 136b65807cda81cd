/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/doctor/check_pools.c - how many networks an engine on this machine can still make. Docker
 * takes them from 31 pools unless it is told otherwise: 172.17 to 172.31 (/16), and 192.168.0 to
 * 192.168.240 (/20). A pool that an interface of the machine has an address in is taken. Depends on
 * libc.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include "paas/doctor/private.h"

enum { POOLS = 31, FEW = 4 };

/* Which pool an address (host order) lies in, or -1. */
static int pool_of(uint32_t address) {
  if (address >> 24 == 172 && (address >> 16 & 0xff) >= 17 && (address >> 16 & 0xff) <= 31) {
    return (int)(address >> 16 & 0xff) - 17;
  }
  return address >> 16 == (192u << 8 | 168) ? 15 + (int)(address >> 12 & 0xf) : -1;
}

unsigned si_pools_free(const uint32_t *addresses, size_t count) {
  uint32_t taken = 0;
  for (size_t i = 0; i < count; i++) {
    int pool = pool_of(addresses[i]);
    taken |= pool < 0 ? 0 : 1u << pool;
  }
  return POOLS - (unsigned)__builtin_popcount(taken);
}

void si_check_pools(struct si_doctor *doctor) {
  uint32_t addresses[1024];
  size_t count = 0;
  struct ifaddrs *list = NULL;
  struct si_error why;
  if (getifaddrs(&list) != 0) {
    si_error_errno(&why, errno, "DOCTOR_INTERFACES", "listing the network interfaces");
    si_doctor_failed(doctor, "the address pools of engines", &why);
    return;
  }
  for (const struct ifaddrs *at = list; at && count < sizeof addresses / sizeof *addresses;
       at = at->ifa_next) {
    if (at->ifa_addr && at->ifa_addr->sa_family == AF_INET) {
      addresses[count++] =
          ntohl(((const struct sockaddr_in *)(const void *)at->ifa_addr)->sin_addr.s_addr);
    }
  }
  freeifaddrs(list);
  unsigned free = si_pools_free(addresses, count);
  if (free > FEW) {
    si_doctor_ok(doctor, "%u of the %d address pools that Docker takes networks from are free",
                 free, POOLS);
    return;
  }
  si_doctor_tell(doctor, SI_FINDING_WARNING,
                 "remove networks that nothing uses (docker network prune), or give the engine "
                 "smaller pools (default-address-pools in daemon.json)",
                 "%u of the %d address pools that Docker takes networks from are free: soon no "
                 "network can be made",
                 free, POOLS);
}
