/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/vault/age.h"

#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"
#include "paas/vault/age_header.h"
#include "paas/vault/base64.h"

#define FILE_KEY_SIZE 16u
#define WRAPPED_SIZE (FILE_KEY_SIZE + SI_TAG_SIZE)
#define SALT_SIZE 16u
#define X25519_INFO "age-encryption.org/v1/X25519"
#define SCRYPT_LABEL "age-encryption.org/v1/scrypt"
#define SCRYPT_SALT_SIZE (sizeof SCRYPT_LABEL - 1 + SALT_SIZE)

static const uint8_t zero_nonce[SI_NONCE_SIZE];

static si_rc fail(struct si_error *error, si_rc status, const char *code, const char *why) {
  return si_error_set(error, status, code, "%s", why);
}

/* --- keys --- */

si_rc si_age_identity_make(struct si_age_identity *out) {
  si_rc status = si_random_bytes(out->secret, sizeof out->secret);
  return status == SI_OK ? si_x25519_public(out->secret, out->key) : status;
}

si_rc si_age_identity_parse(const char *text, size_t len, struct si_age_identity *out) {
  si_rc status = si_bech32_decode("AGE-SECRET-KEY-", text, len, out->secret);
  return status == SI_OK ? si_x25519_public(out->secret, out->key) : status;
}

si_rc si_age_identity_text(const struct si_age_identity *identity, char to[SI_BECH32_SIZE]) {
  return si_bech32_encode("AGE-SECRET-KEY-", identity->secret, to);
}

si_rc si_age_recipient_text(const uint8_t key[SI_KEY_SIZE], char to[SI_BECH32_SIZE]) {
  return si_bech32_encode("age", key, to);
}

si_rc si_age_recipient_parse(const char *text, size_t len, uint8_t key[SI_KEY_SIZE]) {
  return si_bech32_decode("age", text, len, key);
}

/* --- how a file key is wrapped --- */

/* The key that wraps for `key` what came with `share`, from the secret that both sides know. */
static si_rc x25519_wrap_key(const uint8_t shared[SI_KEY_SIZE], const uint8_t share[SI_KEY_SIZE],
                             const uint8_t key[SI_KEY_SIZE], uint8_t to[SI_KEY_SIZE]) {
  uint8_t salt[2 * SI_KEY_SIZE];
  memcpy(salt, share, SI_KEY_SIZE);
  memcpy(salt + SI_KEY_SIZE, key, SI_KEY_SIZE);
  return si_hkdf_sha256(shared, SI_KEY_SIZE, salt, sizeof salt, X25519_INFO, sizeof X25519_INFO - 1,
                        to, SI_KEY_SIZE);
}

static si_rc scrypt_wrap_key(const char *passphrase, unsigned work, const uint8_t salt[SALT_SIZE],
                             uint8_t to[SI_KEY_SIZE]) {
  uint8_t full[SCRYPT_SALT_SIZE];
  memcpy(full, SCRYPT_LABEL, sizeof SCRYPT_LABEL - 1);
  memcpy(full + sizeof SCRYPT_LABEL - 1, salt, SALT_SIZE);
  return si_scrypt(passphrase, strlen(passphrase), full, sizeof full, work, 8, 1, to, SI_KEY_SIZE);
}

/* "<body>\n": the file key under `wrap_key`. */
static si_rc add_wrapped(const uint8_t wrap_key[SI_KEY_SIZE], const uint8_t file_key[FILE_KEY_SIZE],
                         struct si_buf *out) {
  uint8_t wrapped[WRAPPED_SIZE];
  si_rc status = si_aead_seal(wrap_key, zero_nonce, NULL, 0, file_key, FILE_KEY_SIZE, wrapped);
  status = status == SI_OK ? si_base64_add(wrapped, sizeof wrapped, false, out) : status;
  return status == SI_OK ? si_buf_puts(out, "\n") : status;
}

static si_rc add_x25519(const char *recipient, const uint8_t file_key[FILE_KEY_SIZE],
                        struct si_buf *out) {
  struct si_age_identity once;
  uint8_t key[SI_KEY_SIZE], shared[SI_KEY_SIZE], wrap_key[SI_KEY_SIZE];
  si_rc status = si_age_recipient_parse(recipient, strlen(recipient), key);
  status = status == SI_OK ? si_age_identity_make(&once) : status;
  status = status == SI_OK ? si_x25519_shared(once.secret, key, shared) : status;
  status = status == SI_OK ? x25519_wrap_key(shared, once.key, key, wrap_key) : status;
  status = status == SI_OK ? si_buf_puts(out, "-> X25519 ") : status;
  status = status == SI_OK ? si_base64_add(once.key, sizeof once.key, false, out) : status;
  status = status == SI_OK ? si_buf_puts(out, "\n") : status;
  status = status == SI_OK ? add_wrapped(wrap_key, file_key, out) : status;
  si_wipe(&once, sizeof once);
  si_wipe(shared, sizeof shared);
  si_wipe(wrap_key, sizeof wrap_key);
  return status;
}

static si_rc add_scrypt(const char *passphrase, unsigned work,
                        const uint8_t file_key[FILE_KEY_SIZE], struct si_buf *out) {
  uint8_t salt[SALT_SIZE], wrap_key[SI_KEY_SIZE];
  si_rc status = si_random_bytes(salt, sizeof salt);
  status = status == SI_OK ? scrypt_wrap_key(passphrase, work, salt, wrap_key) : status;
  status = status == SI_OK ? si_buf_puts(out, "-> scrypt ") : status;
  status = status == SI_OK ? si_base64_add(salt, sizeof salt, false, out) : status;
  status = status == SI_OK ? si_buf_printf(out, " %u\n", work) : status;
  status = status == SI_OK ? add_wrapped(wrap_key, file_key, out) : status;
  si_wipe(wrap_key, sizeof wrap_key);
  return status;
}

static bool unwrap(const uint8_t wrap_key[SI_KEY_SIZE], const struct si_age_stanza *stanza,
                   uint8_t file_key[FILE_KEY_SIZE]) {
  uint8_t wrapped[WRAPPED_SIZE];
  size_t used = 0;
  return si_base64_decode(stanza->body.at, stanza->body.len, false, wrapped, sizeof wrapped,
                          &used) == SI_OK &&
         used == sizeof wrapped &&
         si_aead_open(wrap_key, zero_nonce, NULL, 0, wrapped, sizeof wrapped, file_key) == SI_OK;
}

/* Decodes the stanza's argument `n`, which must be `size` bytes, and looks at its body's length. */
static bool stanza_fits(const struct si_age_stanza *stanza, size_t args, size_t n, uint8_t *to,
                        size_t size) {
  size_t used = 0;
  return stanza->arg_count == args && stanza->body_lines == 1 &&
         stanza->body.len == SI_BASE64_LEN(WRAPPED_SIZE) &&
         si_base64_decode(stanza->args[n].at, stanza->args[n].len, false, to, size, &used) ==
             SI_OK &&
         used == size;
}

static bool try_x25519(const struct si_age_identity *identity, const uint8_t share[SI_KEY_SIZE],
                       const struct si_age_stanza *stanza, uint8_t file_key[FILE_KEY_SIZE]) {
  uint8_t shared[SI_KEY_SIZE], wrap_key[SI_KEY_SIZE];
  bool done = si_x25519_shared(identity->secret, share, shared) == SI_OK &&
              x25519_wrap_key(shared, share, identity->key, wrap_key) == SI_OK &&
              unwrap(wrap_key, stanza, file_key);
  si_wipe(shared, sizeof shared);
  si_wipe(wrap_key, sizeof wrap_key);
  return done;
}

/* --- the payload: chunks of 64 KiB, each under its number and whether it is the last --- */

#define CHUNK 65536u
#define SEALED_CHUNK (CHUNK + SI_TAG_SIZE)

static void chunk_nonce(uint64_t number, bool last, uint8_t nonce[SI_NONCE_SIZE]) {
  memset(nonce, 0, SI_NONCE_SIZE);
  for (size_t i = 0; i < 8; i++) {
    nonce[10 - i] = (uint8_t)(number >> 8 * i);
  }
  nonce[11] = last;
}

static si_rc payload_key(const uint8_t file_key[FILE_KEY_SIZE], const uint8_t salt[SALT_SIZE],
                         uint8_t to[SI_KEY_SIZE]) {
  return si_hkdf_sha256(file_key, FILE_KEY_SIZE, salt, SALT_SIZE, "payload", 7, to, SI_KEY_SIZE);
}

static si_rc header_mac(const uint8_t file_key[FILE_KEY_SIZE], const char *header, size_t len,
                        uint8_t to[SI_KEY_SIZE]) {
  uint8_t key[SI_KEY_SIZE];
  si_rc status = si_hkdf_sha256(file_key, FILE_KEY_SIZE, NULL, 0, "header", 6, key, sizeof key);
  status = status == SI_OK ? si_hmac_sha256(key, sizeof key, header, len, to) : status;
  si_wipe(key, sizeof key);
  return status;
}

static si_rc add_chunks(const uint8_t key[SI_KEY_SIZE], const unsigned char *plain, size_t len,
                        struct si_buf *out) {
  si_rc status = SI_OK;
  bool last = false;
  for (uint64_t number = 0; status == SI_OK && !last; number++) {
    uint8_t nonce[SI_NONCE_SIZE];
    size_t part = len < CHUNK ? len : CHUNK;
    last = part == len;
    chunk_nonce(number, last, nonce);
    status = si_buf_reserve(out, part + SI_TAG_SIZE);
    if (status == SI_OK) {
      status = si_aead_seal(key, nonce, NULL, 0, plain, part, out->data + out->len);
      out->len += status == SI_OK ? part + SI_TAG_SIZE : 0;
      out->data[out->len] = '\0';
    }
    plain += part;
    len -= part;
  }
  return status;
}

static si_rc add_payload(const uint8_t file_key[FILE_KEY_SIZE], const void *plain, size_t len,
                         struct si_buf *out) {
  uint8_t salt[SALT_SIZE], key[SI_KEY_SIZE];
  si_rc status = si_random_bytes(salt, sizeof salt);
  status = status == SI_OK ? payload_key(file_key, salt, key) : status;
  status = status == SI_OK ? si_buf_add(out, salt, sizeof salt) : status;
  status = status == SI_OK ? add_chunks(key, plain, len, out) : status;
  si_wipe(key, sizeof key);
  return status;
}

static si_rc open_chunks(const uint8_t key[SI_KEY_SIZE], const unsigned char *sealed, size_t len,
                         struct si_locked *out) {
  bool last = false;
  for (uint64_t number = 0; !last; number++) {
    uint8_t nonce[SI_NONCE_SIZE];
    size_t part = len < SEALED_CHUNK ? len : SEALED_CHUNK;
    last = part == len;
    /* An empty last chunk is that of an empty file alone: else a file had two forms. */
    if (part < SI_TAG_SIZE || (part == SI_TAG_SIZE && number > 0)) {
      return SI_E_CORRUPT;
    }
    chunk_nonce(number, last, nonce);
    if (part - SI_TAG_SIZE > out->size - out->len ||
        si_aead_open(key, nonce, NULL, 0, sealed, part, out->data + out->len) != SI_OK) {
      return SI_E_CORRUPT;
    }
    out->len += part - SI_TAG_SIZE;
    sealed += part;
    len -= part;
  }
  return SI_OK;
}

/* --- whole files --- */

/* Behind the stanzas: the MAC over all of it, and the payload. */
static si_rc finish(const uint8_t file_key[FILE_KEY_SIZE], size_t start, const void *plain,
                    size_t len, struct si_buf *out) {
  uint8_t mac[SI_KEY_SIZE];
  si_rc status = si_buf_puts(out, "---");
  status =
      status == SI_OK ? header_mac(file_key, out->data + start, out->len - start, mac) : status;
  status = status == SI_OK ? si_buf_puts(out, " ") : status;
  status = status == SI_OK ? si_base64_add(mac, sizeof mac, false, out) : status;
  status = status == SI_OK ? si_buf_puts(out, "\n") : status;
  return status == SI_OK ? add_payload(file_key, plain, len, out) : status;
}

static si_rc seal(const char *const *recipients, size_t count, const char *passphrase,
                  unsigned work, const void *plain, size_t len, struct si_buf *out) {
  uint8_t file_key[FILE_KEY_SIZE];
  size_t start = out->len;
  if (len > SI_AGE_SIZE_MAX) {
    return SI_E_QUOTA;
  }
  si_rc status = si_random_bytes(file_key, sizeof file_key);
  status = status == SI_OK ? si_buf_puts(out, "age-encryption.org/v1\n") : status;
  for (size_t i = 0; status == SI_OK && i < count; i++) {
    status = add_x25519(recipients[i], file_key, out);
  }
  status = status == SI_OK && passphrase ? add_scrypt(passphrase, work, file_key, out) : status;
  status = status == SI_OK ? finish(file_key, start, plain, len, out) : status;
  si_wipe(file_key, sizeof file_key);
  if (status != SI_OK && out->data) {
    out->len = start;
    out->data[start] = '\0';
  }
  return status;
}

si_rc si_age_seal(const char *const *recipients, size_t count, const void *plain, size_t len,
                  struct si_buf *out) {
  if (count == 0 || count > SI_AGE_RECIPIENTS_MAX) {
    return SI_E_INVALID;
  }
  return seal(recipients, count, NULL, 0, plain, len, out);
}

si_rc si_age_seal_passphrase(const char *passphrase, unsigned work, const void *plain, size_t len,
                             struct si_buf *out) {
  if (work < 1 || work > SI_AGE_WORK_MAX) {
    return SI_E_INVALID;
  }
  return seal(NULL, 0, passphrase, work, plain, len, out);
}

static si_rc open_with(const uint8_t file_key[FILE_KEY_SIZE], const struct si_age_header *header,
                       const char *file, size_t len, struct si_locked *out,
                       struct si_error *error) {
  uint8_t mac[SI_KEY_SIZE], key[SI_KEY_SIZE];
  si_rc status = header_mac(file_key, file, header->signed_len, mac);
  if (status == SI_OK && !si_same_bytes(mac, header->mac, sizeof mac)) {
    return fail(error, SI_E_CORRUPT, "AGE_FORMAT", "its header was changed");
  }
  const unsigned char *payload = (const unsigned char *)file + header->len;
  size_t left = len - header->len;
  if (left < SALT_SIZE + SI_TAG_SIZE || left > SI_AGE_SIZE_MAX) {
    return fail(error, SI_E_CORRUPT, "AGE_FORMAT",
                left > SI_AGE_SIZE_MAX ? "it is too large" : "it is cut off");
  }
  status = status == SI_OK ? payload_key(file_key, payload, key) : status;
  status = status == SI_OK ? si_locked_make(out, left) : status;
  if (status != SI_OK) {
    return fail(error, status, "AGE_INTERNAL", "no memory, or no algorithm, to open it with");
  }
  status = open_chunks(key, payload + SALT_SIZE, left - SALT_SIZE, out);
  si_wipe(key, sizeof key);
  if (status != SI_OK) {
    si_locked_free(out);
    return fail(error, SI_E_CORRUPT, "AGE_FORMAT", "it was changed or cut off");
  }
  return SI_OK;
}

si_rc si_age_open(const struct si_age_identity *identities, size_t count, const void *file,
                  size_t len, struct si_locked *out, struct si_error *error) {
  struct si_age_header header;
  uint8_t file_key[FILE_KEY_SIZE];
  bool found = false;
  si_rc status = si_age_header_parse(file, len, &header, error);
  for (size_t i = 0; status == SI_OK && i < header.count; i++) {
    const struct si_age_stanza *stanza = &header.stanzas[i];
    uint8_t share[SI_KEY_SIZE];
    if (si_age_span_is(&stanza->args[0], "scrypt") && header.count > 1) {
      return fail(error, SI_E_CORRUPT, "AGE_FORMAT", "a passphrase stands beside other recipients");
    }
    if (!si_age_span_is(&stanza->args[0], "X25519")) {
      continue;
    }
    if (!stanza_fits(stanza, 2, 1, share, sizeof share)) {
      return fail(error, SI_E_CORRUPT, "AGE_FORMAT", "a stanza X25519 of its header is broken");
    }
    for (size_t n = 0; !found && n < count; n++) {
      found = try_x25519(&identities[n], share, stanza, file_key);
    }
  }
  if (status != SI_OK) {
    return status;
  }
  if (!found) {
    return fail(error, SI_E_AUTH, "AGE_NO_MATCH", "none of the identities opens it");
  }
  status = open_with(file_key, &header, file, len, out, error);
  si_wipe(file_key, sizeof file_key);
  return status;
}

bool si_age_wants_passphrase(const void *file, size_t len) {
  static const char begin[] = "age-encryption.org/v1\n-> scrypt ";
  return len >= sizeof begin - 1 && memcmp(file, begin, sizeof begin - 1) == 0;
}

static si_rc read_work(const struct si_age_span *text, unsigned *work, struct si_error *error) {
  char digits[4] = "";
  uint64_t number = 0;
  if (text->len < sizeof digits) {
    memcpy(digits, text->at, text->len);
  }
  if (si_parse_u64(digits, 1, 999, &number) != SI_OK) {
    return fail(error, SI_E_CORRUPT, "AGE_FORMAT", "its work factor is broken");
  }
  if (number > SI_AGE_WORK_MAX) {
    return si_error_set(error, SI_E_UNSUPPORTED, "AGE_WORK",
                        "its work factor of %u is beyond %u, the most that is tried",
                        (unsigned)number, SI_AGE_WORK_MAX);
  }
  *work = (unsigned)number;
  return SI_OK;
}

si_rc si_age_open_passphrase(const char *passphrase, const void *file, size_t len,
                             struct si_locked *out, struct si_error *error) {
  struct si_age_header header;
  uint8_t salt[SALT_SIZE], wrap_key[SI_KEY_SIZE], file_key[FILE_KEY_SIZE];
  unsigned work = 0;
  si_rc status = si_age_header_parse(file, len, &header, error);
  if (status != SI_OK) {
    return status;
  }
  const struct si_age_stanza *stanza = &header.stanzas[0];
  if (header.count != 1 || !si_age_span_is(&stanza->args[0], "scrypt") ||
      !stanza_fits(stanza, 3, 1, salt, sizeof salt)) {
    return fail(error, SI_E_CORRUPT, "AGE_FORMAT", "it is not sealed with a passphrase alone");
  }
  status = read_work(&stanza->args[2], &work, error);
  if (status != SI_OK) {
    return status;
  }
  if (scrypt_wrap_key(passphrase, work, salt, wrap_key) != SI_OK) {
    return fail(error, SI_E_NOMEM, "OUT_OF_MEMORY", "no memory to work out its key");
  }
  bool right = unwrap(wrap_key, stanza, file_key);
  si_wipe(wrap_key, sizeof wrap_key);
  if (!right) {
    return fail(error, SI_E_AUTH, "AGE_NO_MATCH", "the passphrase is wrong");
  }
  status = open_with(file_key, &header, file, len, out, error);
  si_wipe(file_key, sizeof file_key);
  return status;
}
