/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/base/json.h - strict JSON on cJSON: what comes from outside is checked before cJSON sees it,
 * and what is hashed is written in canonical form (RFC 8785 for strings, integers, booleans, null,
 * arrays and objects; other numbers are refused). Depends on libcjson. Values are the caller's, to
 * be freed with cJSON_Delete (or SI_AUTO(si_json_free)).
 */
#ifndef SI_KIT_BASE_JSON_H
#define SI_KIT_BASE_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "kit/base/buf.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Parses one JSON text of `len` bytes. Refused (SI_E_INVALID, with the byte offset): a BOM, bad
 * UTF-8, lone surrogates, \u0000, duplicate keys, `01`, `1.`, trailing bytes, depth over 64,
 * integers beyond 2^53. */
si_rc si_json_parse(const char *text, size_t len, cJSON **out, struct si_error *error) SI_MUST_USE;
void si_json_free(cJSON **value); /* for SI_AUTO */
/* The same; every text in it is overwritten first. */
void si_json_wipe(cJSON **value);

/* Members of an object, exact case; NULL or the default where absent or of another type. */
const char *si_json_str(const cJSON *object, const char *key);
const cJSON *si_json_get(const cJSON *object, const char *key);
bool si_json_bool(const cJSON *object, const char *key, bool otherwise);
/* Integers only; `otherwise` where absent, not integral, or out of [min, max]. */
int64_t si_json_int(const cJSON *object, const char *key, int64_t min, int64_t max,
                    int64_t otherwise);

/* Appends the canonical form: keys sorted by UTF-16 code units, no blanks. */
si_rc si_json_canonical(const cJSON *value, struct si_buf *out) SI_MUST_USE;
/* Appends `text` as a JSON string with quotes; bad UTF-8 becomes U+FFFD. */
si_rc si_json_quote(const char *text, size_t len, struct si_buf *out) SI_MUST_USE;
/* Appends cJSON's compact or indented text. */
si_rc si_json_print(const cJSON *value, bool indented, struct si_buf *out) SI_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
