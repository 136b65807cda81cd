/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/alert/net/address.h"

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

static enum si_reach reach_4(uint32_t address) {
  static const struct {
    uint32_t net;
    unsigned bits;
    enum si_reach reach;
  } nets[] = {
      {0x64646400u, 24, SI_REACH_NEVER},   /* 100.100.100.0: a cloud's metadata */
      {0xA83F8110u, 32, SI_REACH_NEVER},   /* 168.63.129.16: another's */
      {0xC00000C0u, 32, SI_REACH_NEVER},   /* 192.0.0.192: another's */
      {0x00000000u, 8, SI_REACH_NEVER},    /* "this" network: connects to the machine itself */
      {0xA9FE0000u, 16, SI_REACH_NEVER},   /* 169.254: link-local, metadata */
      {0xE0000000u, 3, SI_REACH_NEVER},    /* multicast, reserved, broadcast */
      {0x7F000000u, 8, SI_REACH_LOOPBACK}, /* 127 */
      {0x0A000000u, 8, SI_REACH_PRIVATE},  /* 10 */
      {0xAC100000u, 12, SI_REACH_PRIVATE}, /* 172.16 */
      {0xC0A80000u, 16, SI_REACH_PRIVATE}, /* 192.168 */
      {0x64400000u, 10, SI_REACH_PRIVATE}, /* 100.64: shared address space */
      {0xC0000000u, 24, SI_REACH_PRIVATE}, /* 192.0.0: protocol assignments */
      {0xC6120000u, 15, SI_REACH_PRIVATE}, /* 198.18: benchmarks */
  };
  for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
    if ((address ^ nets[i].net) >> (32 - nets[i].bits) == 0) {
      return nets[i].reach;
    }
  }
  return SI_REACH_PUBLIC;
}

static uint32_t four_at(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static enum si_reach reach_6(const uint8_t a[16]) {
  static const uint8_t zero[16] = {0};
  static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  static const uint8_t nat64[12] = {0, 0x64, 0xFF, 0x9B};
  static const uint8_t cloud[6] = {0xFD, 0x00, 0x0E, 0xC2}; /* fd00:ec2::/48: metadata */
  if (memcmp(a, zero, 15) == 0 && a[15] <= 1) {
    return a[15] ? SI_REACH_LOOPBACK : SI_REACH_NEVER;
  }
  if (memcmp(a, zero, 12) == 0 || memcmp(a, mapped, 12) == 0 || memcmp(a, nat64, 12) == 0) {
    return reach_4(four_at(a + 12));
  }
  if (a[0] == 0x20 && a[1] == 0x02) { /* 6to4 */
    return reach_4(four_at(a + 2));
  }
  if ((a[0] == 0xFE && (a[1] & 0xC0) == 0x80) || a[0] == 0xFF || memcmp(a, cloud, 6) == 0) {
    return SI_REACH_NEVER;
  }
  if ((a[0] & 0xFE) == 0xFC || (a[0] == 0xFE && (a[1] & 0xC0) == 0xC0)) {
    return SI_REACH_PRIVATE; /* unique local; site-local of old */
  }
  return SI_REACH_PUBLIC;
}

enum si_reach si_address_reach(const struct sockaddr *address, socklen_t len) {
  struct sockaddr_in four;
  struct sockaddr_in6 six;
  if (address->sa_family == AF_INET && len >= sizeof four) {
    memcpy(&four, address, sizeof four);
    return reach_4(ntohl(four.sin_addr.s_addr));
  }
  if (address->sa_family == AF_INET6 && len >= sizeof six) {
    memcpy(&six, address, sizeof six);
    return reach_6(six.sin6_addr.s6_addr);
  }
  return SI_REACH_NEVER;
}
