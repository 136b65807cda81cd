/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/base/crypt.h"
#include "kit/base/path.h"
#include "paas/vault/evidence_key.h"

enum { KEY_FILE_MAX = 65536 };

static si_rc refuse(struct si_invocation *inv, const char *file, const char *code, si_rc status,
                    const char *why) {
  si_error_set(&inv->error, status, code, "%s %s", file, why);
  return si_error_hint(&inv->error, "make one with: openssl genpkey -algorithm ed25519, mode 0600");
}

si_rc si_signer_read(struct si_invocation *inv, const char *file, const char *code,
                     struct si_locked *key) {
  struct si_locked text SI_AUTO(si_locked_free) = {.data = NULL};
  uint8_t secret[SI_SIGN_KEY];
  struct stat st;
  int fd SI_AUTO(si_close) = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0 || fstat(fd, &st) != 0) {
    return si_error_errno(&inv->error, errno, code, "cannot open %s", file);
  }
  if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0) {
    return refuse(inv, file, code, SI_E_REFUSED,
                  "is no file, or can be read by others (chmod 600)");
  }
  if (si_locked_make(&text, KEY_FILE_MAX) != SI_OK) {
    return si_error_set(&inv->error, SI_E_NOMEM, "CLI_MEMORY", "out of memory");
  }
  if (si_locked_read(&text, fd) != SI_OK ||
      si_sign_read_secret((const char *)text.data, secret) != SI_OK) {
    return refuse(inv, file, code, SI_E_INVALID, "holds no Ed25519 private key in PEM");
  }
  si_rc status = si_locked_make(key, sizeof secret);
  status = status == SI_OK ? si_locked_add(key, secret, sizeof secret) : status;
  si_wipe(secret, sizeof secret);
  return status == SI_OK ? SI_OK : si_error_set(&inv->error, status, "CLI_MEMORY", "out of memory");
}

si_rc si_signer_open(struct si_invocation *inv, const char *tenant, struct si_locked *key) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  struct si_evidence_key own SI_AUTO(si_evidence_key_free) = {.key = ""};
  const char *file = si_opt(inv, "sign-key");
  if (file) {
    return si_signer_read(inv, file, "RUNPACK_KEY_FILE", key);
  }
  if (!inv->context[0] || strcmp(tenant, inv->context) != 0) {
    return SI_OK;
  }
  si_rc status = si_scope_open(&scope, inv, SI_STATE_WRITE);
  status = status == SI_OK ? si_evidence_key_open(&scope.context, scope.state, &own, &inv->error)
                           : status;
  if (status == SI_OK) {
    *key = own.secret;
    own.secret = (struct si_locked){.data = NULL};
  }
  return status;
}
