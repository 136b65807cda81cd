/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/alert/sign.h"

#include <string.h>

#include "kit/base/buf.h"
#include "kit/base/crypt.h"
#include "kit/base/text.h"

si_rc si_alert_sign(const void *secret, size_t secret_len, const char *timestamp, const char *body,
                    char to[SI_SIGNATURE_SIZE]) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(1u << 20);
  uint8_t mac[SI_KEY_SIZE];
  si_rc status = si_buf_printf(&text, "%s.", timestamp);
  status = status == SI_OK ? si_buf_puts(&text, body) : status;
  status = status == SI_OK ? si_hmac_sha256(secret, secret_len, text.data, text.len, mac) : status;
  if (status == SI_OK) {
    si_copy(to, SI_SIGNATURE_SIZE, "sha256=");
    si_hex(mac, sizeof mac, to + strlen(to));
  }
  return status;
}
