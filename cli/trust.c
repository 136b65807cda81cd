/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "kit/base/text.h"
#include "paas/events/anchor.h"
#include "paas/vault/evidence_key.h"

#define KEYS_FILE_MAX (256u * 1024)

static si_rc no_keys(struct si_invocation *inv, const char *file, si_rc status, const char *why) {
  si_error_set(&inv->error, status, "RUNPACK_KEY_FILE", "%s %s", file, why);
  return si_error_hint(&inv->error,
                       "give a PEM file with Ed25519 public keys, as `si runpack key show` writes");
}

/* Every public key of a file; there must be one. */
static si_rc read_keys(struct si_trust *trust, const char *file) {
  struct si_invocation *inv = trust->inv;
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(KEYS_FILE_MAX);
  uint8_t key[SI_SIGN_KEY];
  char hex[SI_SHA256_HEX];
  size_t found = 0;
  if (si_read_file(AT_FDCWD, file, &text) != SI_OK) {
    return si_error_errno(&inv->error, errno, "RUNPACK_KEY_FILE", "cannot read %s", file);
  }
  const char *at = si_buf_text(&text);
  for (si_rc status; (status = si_sign_read_public(&at, key)) != SI_E_NOT_FOUND; found++) {
    if (status != SI_OK) {
      return no_keys(inv, file, status, "holds a key that is no Ed25519 public key");
    }
    si_hex(key, sizeof key, hex);
    if ((status = si_key_set_add(&trust->keys, hex)) != SI_OK) {
      return no_keys(inv, file, status, "holds too many keys");
    }
  }
  return found ? SI_OK : no_keys(inv, file, SI_E_INVALID, "holds no public key");
}

static si_rc take_key(void *ctx, const char *key, const char *since) {
  struct si_trust *trust = ctx;
  (void)since;
  return si_key_set_add(&trust->keys, key);
}

/* The context's own keys, and perhaps its chain. */
static si_rc use_context(struct si_trust *trust) {
  struct si_invocation *inv = trust->inv;
  si_rc status = si_scope_open(&trust->scope, inv, SI_STATE_READ);
  if (status == SI_OK) {
    status = si_evidence_keys(trust->scope.state, trust, take_key, &inv->error);
  }
  if (status != SI_OK && !inv->context_flag && trust->require != SI_REQUIRE_ANCHORED) {
    si_out_debug(inv->out, "the context %s is passed over: %s", inv->context, inv->error.message);
    memset(&inv->error, 0, sizeof inv->error);
    return SI_OK;
  }
  trust->chain =
      !si_opt(inv, "audit") && (inv->context_flag || trust->require == SI_REQUIRE_ANCHORED);
  return status;
}

si_rc si_trust_open(struct si_trust *trust, struct si_invocation *inv) {
  const char *require = si_opt(inv, "require");
  const char *file;
  size_t at = 0;
  *trust = (struct si_trust){.inv = inv};
  if (require && strcmp(require, "signed") != 0 && strcmp(require, "anchored") != 0) {
    return si_usage_error(inv, "--require knows \"signed\" and \"anchored\"");
  }
  trust->require = !require            ? SI_REQUIRE_NOTHING
                   : require[0] == 's' ? SI_REQUIRE_SIGNED
                                       : SI_REQUIRE_ANCHORED;
  while ((file = si_opt_each(inv, "key", &at))) {
    si_rc status = read_keys(trust, file);
    if (status != SI_OK) {
      return status;
    }
  }
  si_rc status = inv->context[0] ? use_context(trust) : SI_OK;
  if (status == SI_OK && trust->require == SI_REQUIRE_SIGNED && trust->keys.count == 0) {
    return si_usage_error(inv,
                          "--require signed needs a key to trust: --key FILE, or --context "
                          "NAME of one that has signed");
  }
  if (status == SI_OK && trust->require == SI_REQUIRE_ANCHORED && !trust->chain &&
      !si_opt(inv, "audit")) {
    return si_usage_error(inv, "--require anchored needs a chain: --audit FILE, or --context NAME");
  }
  return status;
}

static si_rc anchored(void *ctx, const char manifest_sha256[SI_SHA256_HEX], bool *found,
                      struct si_error *error) {
  const struct si_trust *trust = ctx;
  const char *file = si_opt(trust->inv, "audit");
  return file ? si_events_anchored_in(file, manifest_sha256, found, error)
              : si_events_anchored(&trust->scope.context, trust->scope.state, manifest_sha256,
                                   found, error);
}

void si_trust_apply(struct si_trust *trust, struct si_verify_options *options) {
  options->keys = &trust->keys;
  options->require = trust->require;
  options->ctx = trust;
  options->anchored = trust->chain || si_opt(trust->inv, "audit") ? anchored : NULL;
}

void si_trust_close(struct si_trust *trust) {
  si_key_set_free(&trust->keys);
  si_scope_close(&trust->scope);
}
