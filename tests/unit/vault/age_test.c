/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/vault/age_test.c - age files: what is sealed opens again, and the age tool of the
 * system opens ours as we open its. What is malformed is refused.
 */
#include "paas/vault/age.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit/base/path.h"
#include "paas/vault/age_header.h"
#include "paas/vault/base64.h"
#include "tests/unit/state/scratch.h"

#define PASSPHRASE "correct horse battery staple"
#define WORK 10 /* quick, for what is sealed and opened here */

static struct si_age_identity one, two;
static char one_text[SI_BECH32_SIZE], two_text[SI_BECH32_SIZE];

static void make_identities(void) {
  NEED(si_age_identity_make(&one) == SI_OK && si_age_identity_make(&two) == SI_OK);
  NEED(si_age_recipient_text(one.key, one_text) == SI_OK);
  NEED(si_age_recipient_text(two.key, two_text) == SI_OK);
}

static struct si_buf seal(const void *plain, size_t len) {
  struct si_buf file = SI_BUF(1 << 20);
  const char *const recipients[] = {one_text, two_text};
  NEED(si_age_seal(recipients, 2, plain, len, &file) == SI_OK);
  return file;
}

static void what_is_sealed_opens_for_every_recipient_alone(void) {
  static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 131072, 200000};
  static char plain[200000];
  struct si_age_identity stranger;
  make_identities();
  NEED(si_random_bytes(plain, sizeof plain) == SI_OK);
  NEED(si_age_identity_make(&stranger) == SI_OK);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    struct si_buf file SI_AUTO(si_buf_free) = seal(plain, sizes[i]);
    const struct si_age_identity *const identities[] = {&one, &two};
    for (size_t n = 0; n < 2; n++) {
      struct si_locked out SI_AUTO(si_locked_free) = {.data = NULL};
      CU_ASSERT_EQUAL(si_age_open(identities[n], 1, file.data, file.len, &out, NULL), SI_OK);
      CU_ASSERT_EQUAL(out.len, sizes[i]);
      CU_ASSERT(memcmp(out.data, plain, out.len) == 0);
    }
    struct si_locked out SI_AUTO(si_locked_free) = {.data = NULL};
    struct si_error error = {0};
    CU_ASSERT_EQUAL(si_age_open(&stranger, 1, file.data, file.len, &out, &error), SI_E_AUTH);
    EXPECT_TEXT(error.code, "AGE_NO_MATCH");
    CU_ASSERT_PTR_NULL(out.data);
  }
}

static void a_passphrase_opens_what_it_sealed_alone(void) {
  struct si_buf file SI_AUTO(si_buf_free) = SI_BUF(4096);
  struct si_locked out SI_AUTO(si_locked_free) = {.data = NULL};
  struct si_error error = {0};
  make_identities();
  CU_ASSERT_EQUAL(si_age_seal_passphrase(PASSPHRASE, WORK, "hello", 5, &file), SI_OK);
  CU_ASSERT(si_age_wants_passphrase(file.data, file.len));
  CU_ASSERT_EQUAL(si_age_open_passphrase(PASSPHRASE, file.data, file.len, &out, NULL), SI_OK);
  CU_ASSERT(out.len == 5 && memcmp(out.data, "hello", 5) == 0);
  CU_ASSERT_EQUAL(si_age_open_passphrase("another", file.data, file.len, &out, &error), SI_E_AUTH);
  EXPECT_TEXT(error.code, "AGE_NO_MATCH");
  CU_ASSERT_EQUAL(si_age_open(&one, 1, file.data, file.len, &out, &error), SI_E_AUTH);
  CU_ASSERT_EQUAL(si_age_seal_passphrase(PASSPHRASE, 21, "hello", 5, &file), SI_E_INVALID);
}

static void every_changed_byte_is_found(void) {
  struct si_buf file SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  make_identities();
  file = seal("a secret of some length", 23);
  for (size_t i = 0; i < file.len; i++) {
    for (int bit = 0; bit < 8; bit += 3) {
      struct si_locked out SI_AUTO(si_locked_free) = {.data = NULL};
      file.data[i] = (char)(file.data[i] ^ (1 << bit));
      CU_ASSERT_NOT_EQUAL(si_age_open(&one, 1, file.data, file.len, &out, NULL), SI_OK);
      CU_ASSERT_PTR_NULL(out.data);
      file.data[i] = (char)(file.data[i] ^ (1 << bit));
    }
  }
  for (size_t len = 0; len < file.len; len++) {
    struct si_locked out SI_AUTO(si_locked_free) = {.data = NULL};
    CU_ASSERT_EQUAL(si_age_open(&one, 1, file.data, len, &out, NULL), SI_E_CORRUPT);
  }
}

/* The payload loses its last chunk, or gets another. */
static void a_file_that_is_cut_or_grown_at_a_chunks_end_is_refused(void) {
  static char plain[3 * 65536];
  struct si_locked out SI_AUTO(si_locked_free) = {.data = NULL};
  make_identities();
  struct si_buf file SI_AUTO(si_buf_free) = seal(plain, sizeof plain);
  CU_ASSERT_EQUAL(si_age_open(&one, 1, file.data, file.len, &out, NULL), SI_OK);
  CU_ASSERT_EQUAL(si_age_open(&one, 1, file.data, file.len - 65552, &out, NULL), SI_E_CORRUPT);
  NEED(si_buf_reserve(&file, 65552) == SI_OK);
  NEED(si_buf_add(&file, file.data + file.len - 65552, 65552) == SI_OK);
  CU_ASSERT_EQUAL(si_age_open(&one, 1, file.data, file.len, &out, NULL), SI_E_CORRUPT);
}

/* The key of a file's payload, taken apart by hand. */
static void payload_key(const struct si_buf *file, size_t *header_len, uint8_t key[SI_KEY_SIZE]) {
  static const uint8_t zero[SI_NONCE_SIZE];
  struct si_age_header header;
  uint8_t share[32], shared[32], salt[64], wrap[32], wrapped[32], file_key[16];
  size_t used = 0;
  NEED(si_age_header_parse(file->data, file->len, &header, NULL) == SI_OK);
  const struct si_age_stanza *stanza = &header.stanzas[0]; /* for `one` */
  NEED(si_base64_decode(stanza->args[1].at, stanza->args[1].len, false, share, 32, &used) == SI_OK);
  NEED(si_base64_decode(stanza->body.at, stanza->body.len, false, wrapped, 32, &used) == SI_OK);
  NEED(si_x25519_shared(one.secret, share, shared) == SI_OK);
  memcpy(salt, share, 32);
  memcpy(salt + 32, one.key, 32);
  NEED(si_hkdf_sha256(shared, 32, salt, 64, "age-encryption.org/v1/X25519", 28, wrap, 32) == SI_OK);
  NEED(si_aead_open(wrap, zero, NULL, 0, wrapped, 32, file_key) == SI_OK);
  NEED(si_hkdf_sha256(file_key, 16, file->data + header.len, 16, "payload", 7, key, 32) == SI_OK);
  *header_len = header.len;
}

/* A last chunk without content would be a second form of the same file. */
static void an_empty_last_chunk_behind_others_is_refused(void) {
  static char plain[65536], sealed[65536 + SI_TAG_SIZE];
  uint8_t key[SI_KEY_SIZE], nonce[SI_NONCE_SIZE] = {0}, empty[SI_TAG_SIZE];
  struct si_locked out SI_AUTO(si_locked_free) = {.data = NULL};
  size_t header_len = 0;
  make_identities();
  struct si_buf file SI_AUTO(si_buf_free) = seal(plain, sizeof plain);
  payload_key(&file, &header_len, key);
  NEED(si_aead_seal(key, nonce, NULL, 0, plain, sizeof plain, sealed) == SI_OK);
  nonce[10] = 1;
  nonce[11] = 1;
  NEED(si_aead_seal(key, nonce, NULL, 0, NULL, 0, empty) == SI_OK);
  file.len = header_len + 16;
  NEED(si_buf_add(&file, sealed, sizeof sealed) == SI_OK);
  NEED(si_buf_add(&file, empty, sizeof empty) == SI_OK);
  CU_ASSERT_EQUAL(si_age_open(&one, 1, file.data, file.len, &out, NULL), SI_E_CORRUPT);
}

#define B64_32 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define V1 "age-encryption.org/v1\n"
#define MAC "--- " B64_32 "\n"
#define PAYLOAD "0123456789abcdef0123456789abcdef"

static void malformed_headers_are_refused(void) {
  static const struct {
    const char *file, *code;
  } cases[] = {
      {"", "AGE_FORMAT"},
      {"age-encryption.org/v2\n-> X25519 " B64_32 "\n" B64_32 "\n" MAC PAYLOAD, "AGE_FORMAT"},
      {V1 MAC PAYLOAD, "AGE_FORMAT"},                                       /* no stanza */
      {V1 "-> \n" MAC PAYLOAD, "AGE_FORMAT"},                               /* no type */
      {V1 "->X25519 " B64_32 "\n" B64_32 "\n" MAC PAYLOAD, "AGE_FORMAT"},   /* no blank */
      {V1 "-> X25519  " B64_32 "\n" B64_32 "\n" MAC PAYLOAD, "AGE_FORMAT"}, /* two blanks */
      {V1 "-> X25519 " B64_32 " \n" B64_32 "\n" MAC PAYLOAD, "AGE_FORMAT"}, /* one at the end */
      {V1 "-> X25519\n" B64_32 "\n" MAC PAYLOAD, "AGE_FORMAT"},             /* no share */
      {V1 "-> X25519 " B64_32 " x\n" B64_32 "\n" MAC PAYLOAD, "AGE_FORMAT"},
      {V1 "-> X25519 AAAA\n" B64_32 "\n" MAC PAYLOAD, "AGE_FORMAT"},
      {V1 "-> X25519 " B64_32 "=\n" B64_32 "\n" MAC PAYLOAD, "AGE_FORMAT"}, /* padding */
      {V1 "-> X25519 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB\n" B64_32 "\n" MAC PAYLOAD,
       "AGE_FORMAT"},                                                /* bits behind the end */
      {V1 "-> X25519 " B64_32 "\n" MAC PAYLOAD, "AGE_FORMAT"},       /* no body */
      {V1 "-> X25519 " B64_32 "\nAAAA\n" MAC PAYLOAD, "AGE_FORMAT"}, /* a short one */
      {V1 "-> X25519 " B64_32 "\r\n" B64_32 "\n" MAC PAYLOAD, "AGE_FORMAT"},
      {V1 "-> X25519 " B64_32 "\n" B64_32 "\n---\n" PAYLOAD, "AGE_FORMAT"}, /* no MAC */
      {V1 "-> X25519 " B64_32 "\n" B64_32 "\n---" B64_32 "\n" PAYLOAD, "AGE_FORMAT"},
      {V1 "-> X25519 " B64_32 "\n" B64_32 "\n", "AGE_FORMAT"}, /* no end */
      {V1 "-> X25519 " B64_32 "\n" B64_32 "\nnonsense\n" MAC PAYLOAD, "AGE_FORMAT"},
      {V1 "-> scrypt AAAAAAAAAAAAAAAAAAAAAA 10\n" B64_32 "\n-> X25519 " B64_32 "\n" B64_32
          "\n" MAC PAYLOAD,
       "AGE_FORMAT"},                                    /* a passphrase beside others */
      {V1 "-> other x\n\n" MAC PAYLOAD, "AGE_NO_MATCH"}, /* passed over */
      {V1 "-> other x\nAAAA\n" MAC PAYLOAD, "AGE_NO_MATCH"},
      {V1 "-> X25519 " B64_32 "\n" B64_32 "\n" MAC PAYLOAD, "AGE_NO_MATCH"}, /* share of zero */
  };
  make_identities();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_locked out SI_AUTO(si_locked_free) = {.data = NULL};
    struct si_error error = {0};
    const char *file = cases[i].file;
    CU_ASSERT_NOT_EQUAL(si_age_open(&one, 1, file, strlen(file), &out, &error), SI_OK);
    EXPECT_TEXT(error.code, cases[i].code);
  }
}

static void malformed_passphrase_stanzas_are_refused(void) {
  static const struct {
    const char *args, *code;
  } cases[] = {
      {"AAAAAAAAAAAAAAAAAAAAAA 21", "AGE_WORK"},    {"AAAAAAAAAAAAAAAAAAAAAA 99", "AGE_WORK"},
      {"AAAAAAAAAAAAAAAAAAAAAA 0", "AGE_FORMAT"},   {"AAAAAAAAAAAAAAAAAAAAAA 010", "AGE_FORMAT"},
      {"AAAAAAAAAAAAAAAAAAAAAA +1", "AGE_FORMAT"},  {"AAAAAAAAAAAAAAAAAAAAAA 9999", "AGE_FORMAT"},
      {"AAAAAAAAAAAAAAAAAAAAAA", "AGE_FORMAT"},     {"AAAA 10", "AGE_FORMAT"},
      {"AAAAAAAAAAAAAAAAAAAAAA 10 x", "AGE_FORMAT"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_locked out SI_AUTO(si_locked_free) = {.data = NULL};
    struct si_error error = {0};
    char file[512];
    snprintf(file, sizeof file, V1 "-> scrypt %s\n" B64_32 "\n" MAC PAYLOAD, cases[i].args);
    CU_ASSERT_NOT_EQUAL(si_age_open_passphrase("x", file, strlen(file), &out, &error), SI_OK);
    EXPECT_TEXT(error.code, cases[i].code);
  }
}

static void a_header_has_bounds(void) {
  make_identities();
  for (int stanzas = 63; stanzas <= 65; stanzas++) {
    struct si_buf file SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
    struct si_locked out SI_AUTO(si_locked_free) = {.data = NULL};
    struct si_error error = {0};
    NEED(si_buf_puts(&file, V1) == SI_OK);
    for (int i = 0; i < stanzas; i++) {
      NEED(si_buf_puts(&file, "-> other\n\n") == SI_OK);
    }
    NEED(si_buf_puts(&file, MAC PAYLOAD) == SI_OK);
    CU_ASSERT_NOT_EQUAL(si_age_open(&one, 1, file.data, file.len, &out, &error), SI_OK);
    EXPECT_TEXT(error.code, stanzas <= 64 ? "AGE_NO_MATCH" : "AGE_FORMAT");
  }
  struct si_buf file SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  struct si_locked out SI_AUTO(si_locked_free) = {.data = NULL};
  struct si_error error = {0};
  NEED(si_buf_puts(&file, V1 "-> other\n") == SI_OK);
  for (int i = 0; i < 1100; i++) {
    NEED(si_buf_puts(&file, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n") ==
         SI_OK);
  }
  NEED(si_buf_puts(&file, "\n" MAC PAYLOAD) == SI_OK);
  CU_ASSERT_EQUAL(si_age_open(&one, 1, file.data, file.len, &out, &error), SI_E_CORRUPT);
}

/* --- beside the age tool --- */

static char dir[64];

static void write_at(const char *name, const void *data, size_t len) {
  int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  NEED(at >= 0 && si_write_file(at, name, data, len, 0600) == SI_OK);
  close(at);
}

static struct si_buf read_at(const char *name) {
  struct si_buf text = SI_BUF(1 << 20);
  int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  NEED(at >= 0 && si_read_file(at, name, &text) == SI_OK);
  close(at);
  return text;
}

/* In the scratch directory; true where it ended with 0. */
static bool shell(const char *command) {
  int status = 0;
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    if (chdir(dir) == 0) {
      execl("/bin/bash", "bash", "-c", command, (char *)NULL);
    }
    _exit(127);
  }
  NEED(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void write_identity(void) {
  char text[SI_BECH32_SIZE + 1];
  NEED(si_age_identity_text(&one, text) == SI_OK);
  strcat(text, "\n");
  write_at("key", text, strlen(text));
}

static void the_age_tool_opens_what_we_seal(void) {
  static const size_t sizes[] = {0, 5, 65536, 150000};
  static char plain[150000];
  make_identities();
  scratch_make(dir);
  write_identity();
  NEED(si_random_bytes(plain, sizeof plain) == SI_OK);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    struct si_buf file SI_AUTO(si_buf_free) = seal(plain, sizes[i]);
    write_at("sealed", file.data, file.len);
    write_at("plain", plain, sizes[i]);
    CU_ASSERT(shell("age -d -i key sealed | cmp - plain"));
  }
  scratch_remove(dir);
}

static void we_open_what_the_age_tool_seals(void) {
  make_identities();
  scratch_make(dir);
  write_identity();
  write_at("recipient", one_text, strlen(one_text));
  CU_ASSERT(shell("[ \"$(age-keygen -y key)\" = \"$(cat recipient)\" ]"));
  CU_ASSERT(
      shell("head -c 150000 /dev/urandom >plain && age-keygen -o other 2>/dev/null && "
            "age -r \"$(age-keygen -y other)\" -r \"$(age-keygen -y key)\" -o sealed plain"));
  struct si_buf file SI_AUTO(si_buf_free) = read_at("sealed");
  struct si_buf plain SI_AUTO(si_buf_free) = read_at("plain");
  struct si_locked out SI_AUTO(si_locked_free) = {.data = NULL};
  CU_ASSERT_EQUAL(si_age_open(&one, 1, file.data, file.len, &out, NULL), SI_OK);
  CU_ASSERT(out.len == plain.len && memcmp(out.data, plain.data, out.len) == 0);
  scratch_remove(dir);
}

/* age asks on a terminal: it gets one. */
#define ON_A_TERMINAL SI_TEST_TERMINAL " '" PASSPHRASE "' "

static void passphrases_go_both_ways(void) {
  struct si_buf ours SI_AUTO(si_buf_free) = SI_BUF(4096);
  struct si_locked out SI_AUTO(si_locked_free) = {.data = NULL};
  scratch_make(dir);
  CU_ASSERT_EQUAL(si_age_seal_passphrase(PASSPHRASE, SI_AGE_WORK, "hello", 5, &ours), SI_OK);
  write_at("ours", ours.data, ours.len);
  CU_ASSERT(shell(ON_A_TERMINAL "age -d -o plain ours && [ \"$(cat plain)\" = hello ]"));
  CU_ASSERT(shell("printf good >text && " ON_A_TERMINAL "age -p -o theirs text"));
  struct si_buf theirs SI_AUTO(si_buf_free) = read_at("theirs");
  CU_ASSERT_EQUAL(si_age_open_passphrase(PASSPHRASE, theirs.data, theirs.len, &out, NULL), SI_OK);
  CU_ASSERT(out.len == 4 && memcmp(out.data, "good", 4) == 0);
  scratch_remove(dir);
}

UNIT_MAIN("age", UNIT(what_is_sealed_opens_for_every_recipient_alone),
          UNIT(a_passphrase_opens_what_it_sealed_alone), UNIT(every_changed_byte_is_found),
          UNIT(a_file_that_is_cut_or_grown_at_a_chunks_end_is_refused),
          UNIT(an_empty_last_chunk_behind_others_is_refused), UNIT(malformed_headers_are_refused),
          UNIT(malformed_passphrase_stanzas_are_refused), UNIT(a_header_has_bounds),
          UNIT(the_age_tool_opens_what_we_seal), UNIT(we_open_what_the_age_tool_seals),
          UNIT(passphrases_go_both_ways))
