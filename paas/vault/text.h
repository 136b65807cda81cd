/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/vault/text.h - the vault file's text (docs/vault.md), taken apart and put together; no
 * cryptography, no files. Depends on kit/base, age.h for the bound on recipients.
 *
 *   # si.vault/1
 *   # context ctx-...
 *   # recipient age1...          (one or more)
 *   API_TOKEN=<base64>
 *   blog.DB_PASSWORD=<base64>
 *
 * Nothing else may stand in it: no blank line, no other comment, no line twice, no carriage return;
 * every line ends with a newline. Failures: VAULT_TAMPERED (SI_E_CORRUPT), with the line.
 */
#ifndef SI_PAAS_VAULT_TEXT_H
#define SI_PAAS_VAULT_TEXT_H

#include "paas/vault/age.h"

#define SI_VAULT_TEXT_MAX (64u << 20)
#define SI_VAULT_SECRETS_MAX 10000u
#define SI_RECIPIENT_SIZE 63 /* with its NUL */

struct si_vault_line {
  char app[64];
  char key[132];
  char *text; /* the whole line without its newline; owned */
  size_t len;
  size_t value_at; /* where the Base64 begins */
  char sha256[65]; /* of the line */
};

struct si_vault_text {
  char context[40];
  char recipients[SI_AGE_RECIPIENTS_MAX][SI_RECIPIENT_SIZE]; /* sorted */
  size_t recipient_count;
  struct si_vault_line *lines; /* by app, then key; owned */
  size_t count;
};

/* `header_alone`: what stands behind it is not looked at. */
si_rc si_vault_text_parse(const char *text, size_t len, bool header_alone,
                          struct si_vault_text *out, struct si_error *error) SI_MUST_USE;
si_rc si_vault_text_write(const struct si_vault_text *text, struct si_buf *out) SI_MUST_USE;
void si_vault_text_free(struct si_vault_text *text); /* for SI_AUTO */
si_rc si_vault_text_copy(const struct si_vault_text *from, struct si_vault_text *to) SI_MUST_USE;

/* Is it a key, and an app's name ("" is)? */
bool si_vault_key_valid(const char *key);
bool si_vault_app_valid(const char *app);

struct si_vault_line *si_vault_text_find(const struct si_vault_text *text, const char *app,
                                         const char *key);
/* Sets or replaces the line of a secret; `sealed` are the bytes of an age file. SI_E_QUOTA: too
 * many. */
si_rc si_vault_text_put(struct si_vault_text *text, const char *app, const char *key,
                        const void *sealed, size_t len) SI_MUST_USE;
void si_vault_text_remove(struct si_vault_text *text, const char *app, const char *key);

/* SHA-256 over the sorted recipients, each followed by a newline. */
si_rc si_vault_text_fingerprint(const struct si_vault_text *text, char to[65]) SI_MUST_USE;
bool si_vault_text_has_recipient(const struct si_vault_text *text, const char *recipient);
/* SI_E_EXISTS, SI_E_QUOTA, SI_E_INVALID; SI_E_NOT_FOUND. */
si_rc si_vault_text_add_recipient(struct si_vault_text *text, const char *recipient) SI_MUST_USE;
si_rc si_vault_text_drop_recipient(struct si_vault_text *text, const char *recipient) SI_MUST_USE;

#endif
