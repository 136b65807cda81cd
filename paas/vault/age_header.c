/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/vault/age_header.h"

#include <string.h>

#include "paas/vault/base64.h"

#define BODY_COLUMNS 64u
#define MAC_LEN SI_BASE64_LEN(SI_KEY_SIZE)

static si_rc malformed(struct si_error *error, const char *why) {
  return si_error_set(error, SI_E_CORRUPT, "AGE_FORMAT", "%s", why);
}

bool si_age_span_is(const struct si_age_span *span, const char *text) {
  return span->len == strlen(text) && memcmp(span->at, text, span->len) == 0;
}

struct reader {
  const char *at;
  const char *end; /* of what may be header */
};

static bool next_line(struct reader *reader, struct si_age_span *line) {
  const char *end = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));
  if (!end) {
    return false;
  }
  *line = (struct si_age_span){reader->at, (size_t)(end - reader->at)};
  reader->at = end + 1;
  return true;
}

/* "-> " and arguments of visible characters, with one blank between two. */
static bool read_args(const struct si_age_span *line, struct si_age_stanza *stanza) {
  const char *p = line->at + 2, *end = line->at + line->len;
  while (p < end) {
    if (*p++ != ' ') {
      return false;
    }
    const char *start = p;
    while (p<end && * p> ' ' && *p < 127) {
      p++;
    }
    if (p == start) {
      return false;
    }
    if (stanza->arg_count < SI_AGE_ARGS_MAX) {
      stanza->args[stanza->arg_count] = (struct si_age_span){start, (size_t)(p - start)};
    }
    stanza->arg_count++;
  }
  return stanza->arg_count > 0;
}

/* Lines of 64 characters, and a shorter one that ends it. */
static bool read_body(struct reader *reader, struct si_age_stanza *stanza) {
  for (;;) {
    uint8_t bytes[BODY_COLUMNS];
    struct si_age_span line;
    size_t used = 0;
    if (!next_line(reader, &line) || line.len > BODY_COLUMNS ||
        si_base64_decode(line.at, line.len, false, bytes, sizeof bytes, &used) != SI_OK) {
      return false;
    }
    if (stanza->body_lines++ == 0) {
      stanza->body = line;
    }
    if (line.len < BODY_COLUMNS) {
      return true;
    }
  }
}

static si_rc read_mac(const struct si_age_span *line, struct si_age_header *out,
                      struct si_error *error) {
  size_t used = 0;
  if (line->len != 4 + MAC_LEN || memcmp(line->at, "--- ", 4) != 0 ||
      si_base64_decode(line->at + 4, MAC_LEN, false, out->mac, sizeof out->mac, &used) != SI_OK) {
    return malformed(error, "the last line of its header is broken");
  }
  return SI_OK;
}

si_rc si_age_header_parse(const char *file, size_t len, struct si_age_header *out,
                          struct si_error *error) {
  struct reader reader = {file, file + (len < SI_AGE_HEADER_MAX ? len : SI_AGE_HEADER_MAX)};
  struct si_age_span line;
  memset(out, 0, sizeof *out);
  if (len == 0 || !next_line(&reader, &line) || !si_age_span_is(&line, "age-encryption.org/v1")) {
    return malformed(error, "it does not begin as a file of age, version 1");
  }
  while (next_line(&reader, &line)) {
    if (line.len >= 3 && memcmp(line.at, "---", 3) == 0) {
      out->signed_len = (size_t)(line.at - file) + 3;
      out->len = (size_t)(reader.at - file);
      return out->count > 0 ? read_mac(&line, out, error)
                            : malformed(error, "its header names no recipient");
    }
    if (line.len < 2 || memcmp(line.at, "->", 2) != 0) {
      return malformed(error, "a line of its header is neither a stanza nor its end");
    }
    if (out->count == SI_AGE_STANZAS_MAX) {
      return malformed(error, "its header has more than 64 stanzas");
    }
    struct si_age_stanza *stanza = &out->stanzas[out->count++];
    if (!read_args(&line, stanza) || !read_body(&reader, stanza)) {
      return malformed(error, "a stanza of its header is broken");
    }
  }
  return malformed(error, "its header has no end within 64 KiB");
}
