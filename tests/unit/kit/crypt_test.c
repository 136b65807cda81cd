/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/kit/crypt_test.c - the primitives against the known answers of their RFCs: 4231
 * (HMAC), 5869 (HKDF), 7748 (X25519), 7914 (scrypt), 8439 (ChaCha20-Poly1305).
 */
#include "kit/base/crypt.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static size_t unhex(const char *hex, uint8_t *to, size_t size) {
  size_t n = 0;
  for (; hex[0] && hex[1] && n < size; hex += 2) {
    char pair[3] = {hex[0], hex[1], '\0'};
    to[n++] = (uint8_t)strtoul(pair, NULL, 16);
  }
  return n;
}

static void expect_bytes(const void *found, const char *hex) {
  uint8_t wanted[256];
  size_t len = unhex(hex, wanted, sizeof wanted);
  CU_ASSERT_EQUAL(memcmp(found, wanted, len), 0);
}

static void hmac_gives_the_answers_of_rfc_4231(void) {
  static const struct {
    const char *key, *data, *mac;
  } cases[] = {
      {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {"", "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    uint8_t key[64], data[64], mac[SI_KEY_SIZE];
    size_t key_len = unhex(cases[i].key, key, sizeof key);
    size_t len = unhex(cases[i].data, data, sizeof data);
    CU_ASSERT_EQUAL(si_hmac_sha256(key, key_len, data, len, mac), SI_OK);
    expect_bytes(mac, cases[i].mac);
  }
}

static void hkdf_gives_the_answers_of_rfc_5869(void) {
  static const struct {
    const char *ikm, *salt, *info;
    size_t len;
    const char *okm;
  } cases[] = {
      {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
       "f0f1f2f3f4f5f6f7f8f9", 42,
       "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
      {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2"
       "d"
       "2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f",
       "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8"
       "d"
       "8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
       "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcd"
       "d"
       "dedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
       82,
       "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e5"
       "9"
       "0e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"},
      {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", NULL, "", 42,
       "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    uint8_t ikm[96], salt[96], info[96], okm[96];
    size_t ikm_len = unhex(cases[i].ikm, ikm, sizeof ikm);
    size_t salt_len = cases[i].salt ? unhex(cases[i].salt, salt, sizeof salt) : 0;
    size_t info_len = unhex(cases[i].info, info, sizeof info);
    CU_ASSERT_EQUAL(si_hkdf_sha256(ikm, ikm_len, cases[i].salt ? salt : NULL, salt_len, info,
                                   info_len, okm, cases[i].len),
                    SI_OK);
    expect_bytes(okm, cases[i].okm);
  }
  static uint8_t long_one[255 * 32 + 1];
  CU_ASSERT_EQUAL(si_hkdf_sha256("k", 1, NULL, 0, NULL, 0, long_one, sizeof long_one - 1), SI_OK);
  CU_ASSERT_EQUAL(si_hkdf_sha256("k", 1, NULL, 0, NULL, 0, long_one, sizeof long_one),
                  SI_E_INVALID);
}

static void x25519_gives_the_answers_of_rfc_7748(void) {
  static const struct {
    const char *secret, *peer, *shared;
  } cases[] = {
      {"a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
       "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
       "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
      {"4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
       "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
       "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"},
      {"77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
       "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
       "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"},
  };
  uint8_t secret[32], peer[32], to[32];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    unhex(cases[i].secret, secret, sizeof secret);
    unhex(cases[i].peer, peer, sizeof peer);
    CU_ASSERT_EQUAL(si_x25519_shared(secret, peer, to), SI_OK);
    expect_bytes(to, cases[i].shared);
  }
  CU_ASSERT_EQUAL(si_x25519_public(secret, to), SI_OK);
  expect_bytes(to, "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
}

/* Points of low order: whatever the secret, the result is zero, and everybody knows it. */
static void a_peer_that_makes_the_shared_secret_zero_is_refused(void) {
  static const char *const points[] = {
      "0000000000000000000000000000000000000000000000000000000000000000",
      "0100000000000000000000000000000000000000000000000000000000000000",
      "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
      "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  };
  uint8_t secret[32], peer[32];
  CU_ASSERT_EQUAL(si_random_bytes(secret, sizeof secret), SI_OK);
  for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
    uint8_t to[32] = "unchanged";
    unhex(points[i], peer, sizeof peer);
    CU_ASSERT_EQUAL(si_x25519_shared(secret, peer, to), SI_E_REFUSED);
    CU_ASSERT_STRING_EQUAL((const char *)to, "unchanged");
  }
}

static void scrypt_gives_the_answers_of_rfc_7914(void) {
  static const struct {
    const char *password, *salt;
    unsigned log_n, r, p;
    const char *key;
  } cases[] = {
      {"", "", 4, 1, 1,
       "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
       "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"},
      {"password", "NaCl", 10, 8, 16,
       "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
       "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"},
      {"pleaseletmein", "SodiumChloride", 14, 8, 1,
       "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
       "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"},
  };
  uint8_t key[64];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CU_ASSERT_EQUAL(
        si_scrypt(cases[i].password, strlen(cases[i].password), cases[i].salt,
                  strlen(cases[i].salt), cases[i].log_n, cases[i].r, cases[i].p, key, sizeof key),
        SI_OK);
    expect_bytes(key, cases[i].key);
  }
  CU_ASSERT_EQUAL(si_scrypt("p", 1, "s", 1, 25, 8, 1, key, sizeof key), SI_E_INVALID);
  CU_ASSERT_EQUAL(si_scrypt("p", 1, "s", 1, 0, 8, 1, key, sizeof key), SI_E_INVALID);
  CU_ASSERT_EQUAL(si_scrypt("p", 1, "s", 1, 4, 33, 1, key, sizeof key), SI_E_INVALID);
}

static const char sunscreen[] =
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
    "sunscreen would be it.";
static const char sunscreen_sealed[] =
    "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92"
    "728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b"
    "4831d7bc3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691";

static void chacha20_poly1305_gives_the_answer_of_rfc_8439(void) {
  enum { LEN = sizeof sunscreen - 1 };
  uint8_t key[32], nonce[12], ad[12], sealed[LEN + SI_TAG_SIZE], plain[LEN];
  unhex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", key, sizeof key);
  unhex("070000004041424344454647", nonce, sizeof nonce);
  unhex("50515253c0c1c2c3c4c5c6c7", ad, sizeof ad);
  CU_ASSERT_EQUAL(si_aead_seal(key, nonce, ad, sizeof ad, sunscreen, LEN, sealed), SI_OK);
  expect_bytes(sealed, sunscreen_sealed);
  CU_ASSERT_EQUAL(si_aead_open(key, nonce, ad, sizeof ad, sealed, sizeof sealed, plain), SI_OK);
  CU_ASSERT_EQUAL(memcmp(plain, sunscreen, LEN), 0);
  CU_ASSERT_EQUAL(si_aead_open(key, nonce, NULL, 0, sealed, sizeof sealed, plain), SI_E_CORRUPT);
}

static void a_changed_bit_anywhere_opens_nothing(void) {
  uint8_t key[32] = {1}, nonce[12] = {2}, sealed[5 + SI_TAG_SIZE], plain[5];
  static const uint8_t zero[5];
  CU_ASSERT_EQUAL(si_aead_seal(key, nonce, NULL, 0, "hello", 5, sealed), SI_OK);
  for (size_t bit = 0; bit < sizeof sealed * 8; bit++) {
    sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
    memset(plain, 'x', sizeof plain);
    CU_ASSERT_EQUAL(si_aead_open(key, nonce, NULL, 0, sealed, sizeof sealed, plain), SI_E_CORRUPT);
    CU_ASSERT_EQUAL(memcmp(plain, zero, sizeof zero), 0); /* nothing unproven is left behind */
    sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
  }
  CU_ASSERT_EQUAL(si_aead_open(key, nonce, NULL, 0, sealed, SI_TAG_SIZE - 1, plain), SI_E_CORRUPT);
  CU_ASSERT_EQUAL(si_aead_open(key, nonce, NULL, 0, sealed, sizeof sealed, plain), SI_OK);
}

static void nothing_can_be_sealed_too(void) {
  uint8_t key[32] = {1}, nonce[12] = {2}, sealed[SI_TAG_SIZE], plain[1];
  CU_ASSERT_EQUAL(si_aead_seal(key, nonce, NULL, 0, NULL, 0, sealed), SI_OK);
  CU_ASSERT_EQUAL(si_aead_open(key, nonce, NULL, 0, sealed, sizeof sealed, plain), SI_OK);
  sealed[0] ^= 1;
  CU_ASSERT_EQUAL(si_aead_open(key, nonce, NULL, 0, sealed, sizeof sealed, plain), SI_E_CORRUPT);
}

static void bytes_are_compared_and_wiped(void) {
  char text[] = "secret";
  CU_ASSERT_TRUE(si_same_bytes("abc", "abd", 2));
  CU_ASSERT_FALSE(si_same_bytes("abc", "abd", 3));
  si_wipe(text, sizeof text);
  CU_ASSERT_EQUAL(memcmp(text, "\0\0\0\0\0\0", sizeof text), 0);
  si_wipe(NULL, 0);
}

UNIT_MAIN("crypt", UNIT(hmac_gives_the_answers_of_rfc_4231),
          UNIT(hkdf_gives_the_answers_of_rfc_5869), UNIT(x25519_gives_the_answers_of_rfc_7748),
          UNIT(a_peer_that_makes_the_shared_secret_zero_is_refused),
          UNIT(scrypt_gives_the_answers_of_rfc_7914),
          UNIT(chacha20_poly1305_gives_the_answer_of_rfc_8439),
          UNIT(a_changed_bit_anywhere_opens_nothing), UNIT(nothing_can_be_sealed_too),
          UNIT(bytes_are_compared_and_wiped))
