/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/webhook/webhook.h - a push that a git server tells of (docs/webhooks.md): its headers, its
 * signature, what it says. Pure, all of it bounded, and nothing is read out of a body before the
 * signature over its bytes was seen to be right. Depends on kit/base.
 */
#ifndef SI_PAAS_WEBHOOK_WEBHOOK_H
#define SI_PAAS_WEBHOOK_WEBHOOK_H

#include "kit/base/hash.h"
#include "kit/base/json.h"

enum {
  SI_WEBHOOK_BODY = 1 << 20,  /* bytes of a body at most */
  SI_WEBHOOK_HEADERS = 65536, /* bytes of all headers at most */
  SI_WEBHOOK_STALE_S = 300,   /* how far a timestamp may be from now, either way */
  SI_WEBHOOK_SECRET = 16      /* bytes of a secret at least */
};

enum si_webhook_source { SI_WEBHOOK_GITHUB, SI_WEBHOOK_GITEA, SI_WEBHOOK_GITLAB, SI_WEBHOOK_SI };

/* "github", "gitea", "gitlab", "si". */
const char *si_webhook_source_name(enum si_webhook_source source);
bool si_webhook_source_read(const char *name, enum si_webhook_source *out);

/* --- headers --- */

/* What was sent as headers: lines "Name: value". Texts point into `text`, which the reading cuts
 * up. */
struct si_webhook_headers {
  char *text;
  struct {
    const char *name;
    const char *value;
  } list[100];
  size_t count;
};
void si_webhook_headers_free(struct si_webhook_headers *headers); /* for SI_AUTO */
/* WEBHOOK_MALFORMED (SI_E_INVALID) for what is no block of headers. */
si_rc si_webhook_headers_read(const char *text, size_t len, struct si_webhook_headers *out,
                              struct si_error *error) SI_MUST_USE;
/* The value, or NULL; also where a header that counts was sent twice. */
const char *si_webhook_header(const struct si_webhook_headers *headers, const char *name);

/* --- signature --- */

/* Was the body sent by who knows the secret? `now` is Unix time in seconds, which only source `si`
 * signs. WEBHOOK_SIGNATURE (SI_E_AUTH), whatever it was that did not fit: a caller learns no more.
 * WEBHOOK_STALE (SI_E_REFUSED): signed well, and too old or of a clock that is wrong. */
si_rc si_webhook_verify(enum si_webhook_source source, const struct si_webhook_headers *headers,
                        const void *body, size_t len, const void *secret, size_t secret_len,
                        int64_t now, struct si_error *error) SI_MUST_USE;

/* --- what it says --- */

struct si_push {
  bool push;          /* false: another event, which is nobody's matter here */
  bool deleted;       /* the branch is gone */
  char branch[256];   /* without refs/heads/; "" where it is none (a tag) */
  char commit[65];    /* lower-case hex, 40 or 64 digits; "" where it is deleted or no push */
  char delivery[129]; /* the sender's name for it, or "" */
  char digest[SI_SHA256_HEX]; /* of the body: the same push again has the same */
};

/* WEBHOOK_MALFORMED. `headers` tell what kind of event it is. */
si_rc si_webhook_push(enum si_webhook_source source, const struct si_webhook_headers *headers,
                      const char *body, size_t len, struct si_push *out,
                      struct si_error *error) SI_MUST_USE;

/* --- branches --- */

/* A pattern is a branch, or one that ends in a star, which stands for anything: "release/" and a
 * star. Nothing else is a pattern. */
bool si_branch_pattern_valid(const char *pattern);
bool si_branch_matches(const char *pattern, const char *branch);

#endif
