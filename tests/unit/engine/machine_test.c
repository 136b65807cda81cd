/* SPDX-License-Identifier: Apache-2.0 */
/* The times that engines tell. Pure. */
#include "plugins/engine/machine.h"

#include "tests/unit/unit.h"

static void times_are_read_in_every_zone_and_precision(void) {
  static const struct {
    const char *text;
    int64_t ms;
  } table[] = {
      {"1970-01-01T00:00:00Z", 0},
      {"2026-12-01T13:56:21Z", 1796133381000},
      {"2026-12-01T13:56:21.5Z", 1796133381500},
      {"2026-12-01T13:56:21.123456789Z", 1796133381123},
      {"2026-12-01T14:56:21.123456789+01:00", 1796133381123},
      {"2026-12-01T08:26:21.1-05:30", 1796133381100},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    int64_t ms = -1;
    CU_ASSERT_EQUAL(si_engine_time(table[i].text, &ms), SI_OK);
    CU_ASSERT_EQUAL(ms, table[i].ms);
  }
}

static void what_is_no_time_is_refused(void) {
  static const char *const wrong[] = {"",
                                      "now",
                                      "2026-12-01",
                                      "2026-12-01T13:56:21",
                                      "2026-12-01T13:56:21.Z",
                                      "2026-12-01T13:56:21.1",
                                      "2026-12-01T13:56:21+1:00",
                                      "2026-12-01T13:56:21+01:60",
                                      "2026-13-01T13:56:21Z",
                                      "2026-12-01T13:56:21Zulu",
                                      "2026-12-01 13:56:21Z"};
  int64_t ms = 0;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    CU_ASSERT_EQUAL(si_engine_time(wrong[i], &ms), SI_E_INVALID);
  }
  CU_ASSERT_EQUAL(si_engine_time(NULL, &ms), SI_E_INVALID);
}

UNIT_MAIN("engine: machine", UNIT(times_are_read_in_every_zone_and_precision),
          UNIT(what_is_no_time_is_refused))
