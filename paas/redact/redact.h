/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/redact/redact.h - the one place where secrets are taken out of what is written or shown
 * (R13): log lines, errors, events, documents of providers, output. Depends on sdk/kit/base.
 * Thread-safe.
 *
 * By value: every secret that this process has opened or was given is remembered (in locked memory
 * that no core file holds) and replaced by `<redacted>` wherever it appears: as it is, in base64 or
 * base64url at any alignment, hex, percent-encoded, and escaped as in JSON, also where escaped and
 * plain bytes alternate. Secrets shorter than SI_REDACT_MIN bytes are not looked for: too much
 * else would match. A text in which looking would take far too long (it repeats the beginning of a
 * long secret again and again) is replaced from there to its end. By key: the value of a member
 * whose name contains secret, token, password, passwd, credential, private_key, api_key or
 * authorization (`_` may be `-` or nothing), in JSON and in `key=value`, `key: value` text; but
 * {"secret": KEY, "revision": N} and the text "vault:KEY" name a secret and stay.
 */
#ifndef SI_PAAS_REDACT_REDACT_H
#define SI_PAAS_REDACT_REDACT_H

#include <stdbool.h>

#include "kit/base/json.h"

#define SI_REDACT_MIN 6u
#define SI_REDACTED "<redacted>"

/* Remembers a secret for the rest of the process's life, without blanks around it; of several
 * lines each one of 16 bytes or more, too. Copies it. From the first one on the process leaves no
 * core file. SI_E_NOMEM. */
si_rc si_redact_remember(const void *value, size_t len) SI_MUST_USE;

/* Is a member of this name a secret's? Case does not matter. */
bool si_redact_key(const char *key);
/* Is the member's value a secret by its name? Not where it only refers to one: "vault:KEY". */
bool si_redact_member(const cJSON *member);

/* Appends `text` without its secrets. SI_E_QUOTA, SI_E_NOMEM: nothing was appended. */
si_rc si_redact_text(const char *text, size_t len, struct si_buf *out) SI_MUST_USE;
/* In place, in a text of at most `size` bytes with its NUL; cut where it would grow beyond. One
 * that fills its place counts as cut off: the part of a secret that it ends with is taken out, too.
 */
void si_redact_line(char *text, size_t size);
/* Every text of the record; a part of a secret, too, where the text was cut within it. */
void si_redact_error(struct si_error *error);
/* Every text of the value, keys of objects by value too; the members that si_redact_key names
 * become "<redacted>" where they are texts or numbers, or lists of these. SI_E_NOMEM: then the
 * value must not be used.
 */
si_rc si_redact_json(cJSON *value) SI_MUST_USE;

/*
 * A text that arrives in pieces (the log of a provider, line by line): a secret that is split over
 * two pieces or more is found too, also one of several lines whose pieces lack their line ends.
 * Zero before use. A piece is held back, whole, while its end could be the beginning of a secret;
 * emit() is called once for each piece, in order, with its `tag`, redacted. Where more would have
 * to be held than there is room for, what could be the beginning of a secret is taken out. A piece
 * of SI_REDACT_LINE bytes, less up to four, counts as cut off: the part of a secret that it ends
 * with is taken out, too. Not thread-safe.
 */
#define SI_REDACT_PIECE 65536u
#define SI_REDACT_PIECES 64u
#define SI_REDACT_LINE 4096u
struct si_redact_stream {
  struct si_buf held; /* raw; at most SI_REDACT_PIECE bytes */
  size_t ends[SI_REDACT_PIECES];
  unsigned tags[SI_REDACT_PIECES];
  size_t count;   /* of pieces held */
  size_t covered; /* bytes at the beginning that belong to a secret found before */
};
typedef void (*si_redact_emit)(void *ctx, unsigned tag, const char *text);
void si_redact_feed(struct si_redact_stream *stream, unsigned tag, const char *piece, void *ctx,
                    si_redact_emit emit);
/* Emits what is held back, and frees the stream, which can be used again. */
void si_redact_end(struct si_redact_stream *stream, void *ctx, si_redact_emit emit);

#endif
