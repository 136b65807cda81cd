/* SPDX-License-Identifier: Apache-2.0 */
/* The signature that a receiver checks: against one that another program made. */
#include "paas/alert/sign.h"

#include <string.h>

#include "tests/unit/unit.h"

/* printf '1700000000.{"id":"alr-1"}' | openssl dgst -sha256 -hmac 'a secret' */
static void the_signature_is_that_of_the_timestamp_and_the_body(void) {
  char signature[SI_SIGNATURE_SIZE];
  CU_ASSERT_EQUAL(si_alert_sign("a secret", 8, "1700000000", "{\"id\":\"alr-1\"}", signature), 0);
  CU_ASSERT_STRING_EQUAL(signature,
                         "sha256=15b9fac75ee8a8f7066bdd0fdb7ee0b18d2b4b5052477b38a04ed9cfdc1f64cd");
}

static void nothing_that_is_signed_can_be_changed(void) {
  static const struct {
    const char *secret, *timestamp, *body;
  } cases[] = {{"a secret", "1700000001", "{}"},
               {"b secret", "1700000000", "{}"},
               {"a secret", "1700000000", "{ }"},
               {"a secret", "170000000", "0.{}"}};
  char first[SI_SIGNATURE_SIZE], other[SI_SIGNATURE_SIZE];
  CU_ASSERT_EQUAL(si_alert_sign("a secret", 8, "1700000000", "{}", first), 0);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CU_ASSERT_EQUAL(si_alert_sign(cases[i].secret, 8, cases[i].timestamp, cases[i].body, other), 0);
    CU_ASSERT_STRING_NOT_EQUAL(first, other);
  }
}

UNIT_MAIN("alert.sign", UNIT(the_signature_is_that_of_the_timestamp_and_the_body),
          UNIT(nothing_that_is_signed_can_be_changed))
