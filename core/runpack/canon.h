/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/runpack/canon.h - reads canonical JSON (RFC 8785) as it streams by, in bounded memory, and
 * refuses every byte that the canonical form would not have: blanks, keys out of order or twice,
 * escapes that need not be, numbers that are not integers within 2^53. So what was read is known
 * to be canonical without being written again. Depends on sdk/kit/base. One thread.
 *
 * Bounds: depth 32, a key 1 KiB, a string 64 KiB.
 */
#ifndef SI_CORE_RUNPACK_CANON_H
#define SI_CORE_RUNPACK_CANON_H

#include "kit/base/buf.h"
#include "kit/base/hash.h"

#define SI_CANON_DEPTH 32
#define SI_CANON_KEY_MAX 1024
#define SI_CANON_STRING_MAX 65536

enum si_canon_event {
  SI_CANON_OBJECT,
  SI_CANON_OBJECT_END,
  SI_CANON_ARRAY,
  SI_CANON_ARRAY_END,
  SI_CANON_KEY,
  SI_CANON_STRING, /* text: unescaped, without NUL inside */
  SI_CANON_INTEGER,
  SI_CANON_TRUE,
  SI_CANON_FALSE,
  SI_CANON_NULL
};

struct si_canon;

/* text and len belong to KEY, STRING and INTEGER (its digits); valid until it returns, ended by
 * NUL. A status other than SI_OK ends the reading with it; *error is then the callee's. */
typedef si_rc (*si_canon_on)(void *ctx, enum si_canon_event event, const char *text, size_t len,
                             struct si_error *error);

struct si_canon {
  si_canon_on on;
  void *ctx;
  struct si_buf token;
  struct si_buf keys; /* the last key of every open object, one behind the other */
  struct {
    char kind; /* '{' or '[' */
    size_t key;
    size_t key_len;
    int any; /* has a member already */
  } frames[SI_CANON_DEPTH];
  int depth;
  int state;
  int is_key; /* the string being read is a key */
  const char *word;
  char hex[5];
  int hex_len;
  uint64_t bytes; /* read before this chunk */
  const char *chunk;
  const char *at;
  struct si_hasher *tee;
  const char *tee_from;
};

void si_canon_start(struct si_canon *canon, si_canon_on on, void *ctx);
/* Reads the next bytes. SI_E_INVALID with MANIFEST_INVALID and the byte's offset where they are
 * not canonical JSON. After a failure only si_canon_free is allowed. */
si_rc si_canon_feed(struct si_canon *canon, const char *data, size_t len,
                    struct si_error *error) SI_MUST_USE;
/* The text ends here: SI_E_INVALID where the value is not complete. */
si_rc si_canon_end(struct si_canon *canon, struct si_error *error) SI_MUST_USE;
void si_canon_free(struct si_canon *canon);

/* For use inside the callback: the offset of the byte that ends the event: a key's or a text's last
 * quote, the bracket of a container. */
uint64_t si_canon_offset(const struct si_canon *canon);

/* For use inside the callback: hash the raw bytes from the bracket of this ARRAY or OBJECT event
 * on; until the bracket of this ARRAY_END or OBJECT_END event, it included. The hasher is started
 * and ended by the caller. */
void si_canon_tee(struct si_canon *canon, struct si_hasher *hasher);
si_rc si_canon_untee(struct si_canon *canon) SI_MUST_USE;

#endif
