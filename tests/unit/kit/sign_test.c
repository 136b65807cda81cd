/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/kit/sign_test.c - Ed25519 against the known answers of RFC 8032, section 7.1, and its
 * keys as texts against those that OpenSSL's own command wrote. */
#include "kit/base/sign.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static void unhex(const char *hex, uint8_t *to) {
  for (; hex[0] && hex[1]; hex += 2) {
    char pair[3] = {hex[0], hex[1], '\0'};
    *to++ = (uint8_t)strtoul(pair, NULL, 16);
  }
}

static const struct {
  const char *secret, *key, *message, *signature;
} answers[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b"
     "46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11"
     "d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc"
     "6594a7c15e9716ed28dc027beceea1ec40a"},
};

static void signatures_are_those_of_rfc_8032(void) {
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
    uint8_t secret[SI_SIGN_KEY], key[SI_SIGN_KEY], wanted[SI_SIGNATURE], found[SI_SIGNATURE];
    uint8_t message[8];
    size_t len = strlen(answers[i].message) / 2;
    unhex(answers[i].secret, secret);
    unhex(answers[i].message, message);
    unhex(answers[i].signature, wanted);
    CU_ASSERT_EQUAL(si_sign(secret, message, len, found), SI_OK);
    CU_ASSERT_EQUAL(memcmp(found, wanted, sizeof wanted), 0);
    CU_ASSERT_EQUAL(si_sign_public(secret, found), SI_OK);
    unhex(answers[i].key, key);
    CU_ASSERT_EQUAL(memcmp(found, key, sizeof key), 0);
    CU_ASSERT_EQUAL(si_sign_verify(key, message, len, wanted), SI_OK);
  }
}

static void what_was_not_signed_does_not_verify(void) {
  uint8_t secret[SI_SIGN_KEY], key[SI_SIGN_KEY], signature[SI_SIGNATURE];
  uint8_t message[2] = {0xaf, 0x82};
  unhex(answers[2].secret, secret);
  unhex(answers[2].key, key);
  CU_ASSERT_EQUAL_FATAL(si_sign(secret, message, 2, signature), SI_OK);
  CU_ASSERT_EQUAL(si_sign_verify(key, message, 1, signature), SI_E_CORRUPT);
  message[1] ^= 1;
  CU_ASSERT_EQUAL(si_sign_verify(key, message, 2, signature), SI_E_CORRUPT);
  message[1] ^= 1;
  for (size_t i = 0; i < sizeof signature; i++) {
    signature[i] ^= 0x80;
    CU_ASSERT_EQUAL(si_sign_verify(key, message, 2, signature), SI_E_CORRUPT);
    signature[i] ^= 0x80;
  }
  unhex(answers[0].key, key);
  CU_ASSERT_EQUAL(si_sign_verify(key, message, 2, signature), SI_E_CORRUPT);
}

/* openssl pkey of the second answer's secret key, and openssl pkey -pubout. */
static const char secret_pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n"
    "-----END PRIVATE KEY-----\n";
static const char public_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=\n"
    "-----END PUBLIC KEY-----\n";

static void keys_are_written_as_openssl_writes_them(void) {
  uint8_t secret[SI_SIGN_KEY], key[SI_SIGN_KEY], read[SI_SIGN_KEY];
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(1024);
  unhex(answers[1].secret, secret);
  unhex(answers[1].key, key);
  CU_ASSERT_EQUAL(si_sign_secret_pem(secret, &text), SI_OK);
  CU_ASSERT_STRING_EQUAL(si_buf_text(&text), secret_pem);
  CU_ASSERT_EQUAL(si_sign_read_secret(si_buf_text(&text), read), SI_OK);
  CU_ASSERT_EQUAL(memcmp(read, secret, sizeof read), 0);
  si_buf_clear(&text);
  CU_ASSERT_EQUAL(si_buf_puts(&text, "# ours\r\n"), SI_OK);
  CU_ASSERT_EQUAL(si_sign_public_pem(key, &text), SI_OK);
  CU_ASSERT_STRING_EQUAL(si_buf_text(&text) + 8, public_pem);
  CU_ASSERT_EQUAL(si_sign_public_pem(secret, &text), SI_OK);
  const char *at = si_buf_text(&text);
  CU_ASSERT_EQUAL(si_sign_read_public(&at, read), SI_OK);
  CU_ASSERT_EQUAL(memcmp(read, key, sizeof read), 0);
  CU_ASSERT_EQUAL(si_sign_read_public(&at, read), SI_OK);
  CU_ASSERT_EQUAL(memcmp(read, secret, sizeof read), 0);
  CU_ASSERT_EQUAL(si_sign_read_public(&at, read), SI_E_NOT_FOUND);
}

static void other_texts_are_no_keys(void) {
  static const char *const texts[] = {
      "-----BEGIN PUBLIC KEY-----",
      "-----BEGIN PUBLIC KEY-----\n",
      "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA",
      /* X25519 */
      "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VuAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=\n"
      "-----END PUBLIC KEY-----\n",
      "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Z!w=\n"
      "-----END PUBLIC KEY-----\n",
      "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=",
      "-----BEGIN PUBLIC KEY-----\n\n\n-----END PUBLIC KEY-----\n",
  };
  uint8_t read[SI_SIGN_KEY];
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    const char *at = texts[i];
    CU_ASSERT_EQUAL(si_sign_read_public(&at, read), SI_E_INVALID);
  }
  CU_ASSERT_EQUAL(si_sign_read_secret(public_pem, read), SI_E_INVALID);
  CU_ASSERT_EQUAL(si_sign_read_secret("", read), SI_E_INVALID);
}

UNIT_MAIN("kit/sign", UNIT(signatures_are_those_of_rfc_8032),
          UNIT(what_was_not_signed_does_not_verify), UNIT(keys_are_written_as_openssl_writes_them),
          UNIT(other_texts_are_no_keys))
