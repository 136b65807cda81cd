/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/net/xml.h - reads a small XML document, and trusts it with nothing. Depends on expat;
 * thread-safe. A DOCTYPE is refused, so no entity can be declared; depth, names, texts and the
 * number of elements are bounded. Attributes and comments are passed over.
 */
#ifndef SI_KIT_NET_XML_H
#define SI_KIT_NET_XML_H

#include "kit/base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SI_XML_DEPTH 8
#define SI_XML_PATH 256
#define SI_XML_TEXT 8192
#define SI_XML_ELEMENTS 100000

/* An element ended. `path` is "Root/Child/Name"; `text` what stood in it directly ("" where only
 * elements did), without NUL inside, ended by NUL. Children are told before their parents. A
 * status other than SI_OK ends the reading with it. */
typedef si_rc (*si_xml_each)(void *ctx, const char *path, const char *text, size_t len);

/* SI_E_CORRUPT: not well-formed, or beyond a bound; `why` (may be NULL) then points to a static
 * text that says which. */
si_rc si_xml_read(const char *text, size_t len, si_xml_each each, void *ctx,
                  const char **why) SI_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
