/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/vault/age.h - files of age, version 1 (age-encryption.org/v1): sealed for X25519 recipients
 * or with a passphrase, in memory. Depends on kit/base/crypt.h,
 * kit/base/locked.h, bech32.h, base64.h. What it writes the age tool opens, and the reverse.
 * Thread-safe.
 *
 * Reading is strict: a header of at most 64 KiB with at most 64 stanzas, canonical Base64, nothing
 * skipped; stanzas of unknown types are passed over, as the format asks; one of scrypt stands
 * alone, with a work factor of at most SI_AGE_WORK_MAX. Failures: AGE_FORMAT (SI_E_CORRUPT: no age
 * file, or a damaged one), AGE_NO_MATCH (SI_E_AUTH: none of the identities, or a wrong
 * passphrase), AGE_WORK (SI_E_UNSUPPORTED: a work factor beyond the bound).
 */
#ifndef SI_PAAS_VAULT_AGE_H
#define SI_PAAS_VAULT_AGE_H

#include "kit/base/buf.h"
#include "kit/base/locked.h"
#include "paas/vault/bech32.h"

#define SI_AGE_RECIPIENTS_MAX 32u
#define SI_AGE_WORK 18u     /* what age itself takes: 256 MiB, about a second */
#define SI_AGE_WORK_MAX 20u /* 1 GiB */
#define SI_AGE_SIZE_MAX (64u << 20)

struct si_age_identity {
  uint8_t secret[SI_KEY_SIZE];
  uint8_t key[SI_KEY_SIZE]; /* the recipient */
};

/* A new one, of random bytes. The caller wipes it. */
si_rc si_age_identity_make(struct si_age_identity *out) SI_MUST_USE;
/* AGE-SECRET-KEY-1...; SI_E_INVALID. */
si_rc si_age_identity_parse(const char *text, size_t len, struct si_age_identity *out) SI_MUST_USE;
si_rc si_age_identity_text(const struct si_age_identity *identity,
                           char to[SI_BECH32_SIZE]) SI_MUST_USE;
/* age1... */
si_rc si_age_recipient_text(const uint8_t key[SI_KEY_SIZE], char to[SI_BECH32_SIZE]) SI_MUST_USE;
si_rc si_age_recipient_parse(const char *text, size_t len, uint8_t key[SI_KEY_SIZE]) SI_MUST_USE;

/* Append an age file to *out. SI_E_INVALID: no recipient, too many, one that is none. */
si_rc si_age_seal(const char *const *recipients, size_t count, const void *plain, size_t len,
                  struct si_buf *out) SI_MUST_USE;
si_rc si_age_seal_passphrase(const char *passphrase, unsigned work, const void *plain, size_t len,
                             struct si_buf *out) SI_MUST_USE;

/* Is it sealed with a passphrase, as far as its beginning tells? */
bool si_age_wants_passphrase(const void *file, size_t len);
/* Makes *out, which holds the plain text then. */
si_rc si_age_open(const struct si_age_identity *identities, size_t count, const void *file,
                  size_t len, struct si_locked *out, struct si_error *error) SI_MUST_USE;
si_rc si_age_open_passphrase(const char *passphrase, const void *file, size_t len,
                             struct si_locked *out, struct si_error *error) SI_MUST_USE;

#endif
