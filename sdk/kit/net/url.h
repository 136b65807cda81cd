/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/net/url.h - percent-encoding of the parts of a URL. Depends on kit/base alone; thread-safe.
 */
#ifndef SI_KIT_NET_URL_H
#define SI_KIT_NET_URL_H

#include <stdbool.h>

#include "kit/base/buf.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Appends `text` with every byte but A-Z a-z 0-9 - . _ ~ as %XX, upper case (RFC 3986, and what
 * request signatures expect). With keep_slash, '/' stays: for a path of several components. */
si_rc si_url_encode(const char *text, size_t len, bool keep_slash, struct si_buf *out) SI_MUST_USE;

/* Appends the bytes that `text` stands for; '+' is a blank. SI_E_CORRUPT: a % without two hex
 * digits, or a NUL. */
si_rc si_url_decode(const char *text, size_t len, struct si_buf *out) SI_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
