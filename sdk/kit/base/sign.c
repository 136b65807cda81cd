/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/base/sign.h"

#include <openssl/evp.h>
#include <string.h>

#include "kit/base/crypt.h"

/* RFC 8410: what stands in front of the 32 bytes, and the sizes in base64. */
static const uint8_t secret_head[] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                      0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
static const uint8_t public_head[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                      0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

struct form {
  const char *begin;
  const char *end;
  const uint8_t *head;
  size_t head_len;
  size_t base64_len;
};

static const struct form secret_form = {"-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----",
                                        secret_head, sizeof secret_head, 64};
static const struct form public_form = {"-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----",
                                        public_head, sizeof public_head, 60};

enum { DER_MAX = 48, BASE64_MAX = 64 };

static void free_key(EVP_PKEY **key) {
  EVP_PKEY_free(*key);
}

static void free_context(EVP_MD_CTX **context) {
  EVP_MD_CTX_free(*context);
}

si_rc si_sign_public(const uint8_t secret[SI_SIGN_KEY], uint8_t to[SI_SIGN_KEY]) {
  EVP_PKEY *key SI_AUTO(free_key) =
      EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, secret, SI_SIGN_KEY);
  size_t len = SI_SIGN_KEY;
  return key && EVP_PKEY_get_raw_public_key(key, to, &len) == 1 && len == SI_SIGN_KEY
             ? SI_OK
             : SI_E_INTERNAL;
}

si_rc si_sign(const uint8_t secret[SI_SIGN_KEY], const void *message, size_t len,
              uint8_t to[SI_SIGNATURE]) {
  EVP_PKEY *key SI_AUTO(free_key) =
      EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, secret, SI_SIGN_KEY);
  EVP_MD_CTX *context SI_AUTO(free_context) = EVP_MD_CTX_new();
  size_t signed_len = SI_SIGNATURE;
  return key && context && EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
                 EVP_DigestSign(context, to, &signed_len, message, len) == 1 &&
                 signed_len == SI_SIGNATURE
             ? SI_OK
             : SI_E_INTERNAL;
}

si_rc si_sign_verify(const uint8_t public_key[SI_SIGN_KEY], const void *message, size_t len,
                     const uint8_t signature[SI_SIGNATURE]) {
  EVP_PKEY *key SI_AUTO(free_key) =
      EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, public_key, SI_SIGN_KEY);
  EVP_MD_CTX *context SI_AUTO(free_context) = EVP_MD_CTX_new();
  if (!key || !context || EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) != 1) {
    return SI_E_INTERNAL;
  }
  return EVP_DigestVerify(context, signature, SI_SIGNATURE, message, len) == 1 ? SI_OK
                                                                               : SI_E_CORRUPT;
}

/* --- PEM --- */

static si_rc write_pem(const struct form *form, const uint8_t bytes[SI_SIGN_KEY],
                       struct si_buf *out) {
  uint8_t der[DER_MAX];
  unsigned char text[BASE64_MAX + 1];
  memcpy(der, form->head, form->head_len);
  memcpy(der + form->head_len, bytes, SI_SIGN_KEY);
  EVP_EncodeBlock(text, der, (int)(form->head_len + SI_SIGN_KEY));
  si_rc status = si_buf_puts(out, form->begin);
  status = status == SI_OK ? si_buf_puts(out, "\n") : status;
  status = status == SI_OK ? si_buf_puts(out, (const char *)text) : status;
  status = status == SI_OK ? si_buf_puts(out, "\n") : status;
  status = status == SI_OK ? si_buf_puts(out, form->end) : status;
  status = status == SI_OK ? si_buf_puts(out, "\n") : status;
  si_wipe(der, sizeof der);
  si_wipe(text, sizeof text);
  return status;
}

si_rc si_sign_secret_pem(const uint8_t secret[SI_SIGN_KEY], struct si_buf *out) {
  return write_pem(&secret_form, secret, out);
}

si_rc si_sign_public_pem(const uint8_t key[SI_SIGN_KEY], struct si_buf *out) {
  return write_pem(&public_form, key, out);
}

static const char *line_end(const char *at) {
  at += *at == '\r';
  return *at == '\n' ? at + 1 : NULL;
}

/* The one line between BEGIN and END. */
static si_rc read_body(const struct form *form, const char *at, uint8_t to[SI_SIGN_KEY]) {
  uint8_t der[DER_MAX + 1];
  size_t len = form->head_len + SI_SIGN_KEY;
  at = line_end(at);
  if (!at || strnlen(at, form->base64_len) != form->base64_len) {
    return SI_E_INVALID;
  }
  const char *after = line_end(at + form->base64_len);
  int decoded = after ? EVP_DecodeBlock(der, (const unsigned char *)at, (int)form->base64_len) : -1;
  /* Its length counts the bytes that '=' stands for. */
  bool fine = decoded >= (int)len && strncmp(after, form->end, strlen(form->end)) == 0 &&
              memcmp(der, form->head, form->head_len) == 0;
  if (fine) {
    memcpy(to, der + form->head_len, SI_SIGN_KEY);
  }
  si_wipe(der, sizeof der);
  return fine ? SI_OK : SI_E_INVALID;
}

si_rc si_sign_read_secret(const char *text, uint8_t to[SI_SIGN_KEY]) {
  const char *at = strstr(text, secret_form.begin);
  return at ? read_body(&secret_form, at + strlen(secret_form.begin), to) : SI_E_INVALID;
}

si_rc si_sign_read_public(const char **text, uint8_t to[SI_SIGN_KEY]) {
  const char *at = strstr(*text, public_form.begin);
  if (!at) {
    return SI_E_NOT_FOUND;
  }
  *text = at + strlen(public_form.begin);
  return read_body(&public_form, *text, to);
}
