/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses take a pool that an engine makes networks from. */
#include "paas/doctor/private.h"
#include "tests/unit/unit.h"

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))

static void an_address_takes_the_pool_it_lies_in(void) {
  static const struct {
    uint32_t address;
    unsigned free;
  } cases[] = {
      {IP(127, 0, 0, 1), 31},      {IP(172, 16, 255, 255), 31},  {IP(172, 17, 0, 0), 30},
      {IP(172, 31, 255, 255), 30}, {IP(172, 32, 0, 0), 31},      {IP(192, 167, 255, 255), 31},
      {IP(192, 168, 0, 1), 30},    {IP(192, 168, 255, 255), 30}, {IP(192, 169, 0, 0), 31},
      {IP(10, 89, 0, 1), 31},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CU_ASSERT_EQUAL(si_pools_free(&cases[i].address, 1), cases[i].free);
  }
}

static void a_pool_is_taken_once(void) {
  static const uint32_t two[] = {IP(192, 168, 16, 1), IP(192, 168, 31, 254)};
  static const uint32_t three[] = {IP(192, 168, 16, 1), IP(192, 168, 32, 1), IP(172, 20, 0, 1)};
  uint32_t all[31];
  for (uint32_t i = 0; i < 31; i++) {
    all[i] = i < 15 ? IP(172, 17 + i, 0, 1) : IP(192, 168, (i - 15) * 16, 1);
  }
  CU_ASSERT_EQUAL(si_pools_free(NULL, 0), 31);
  CU_ASSERT_EQUAL(si_pools_free(two, 2), 30);
  CU_ASSERT_EQUAL(si_pools_free(three, 3), 28);
  CU_ASSERT_EQUAL(si_pools_free(all, 31), 0);
}

UNIT_MAIN("doctor: address pools", UNIT(an_address_takes_the_pool_it_lies_in),
          UNIT(a_pool_is_taken_once))
