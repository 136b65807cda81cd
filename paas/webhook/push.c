/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "kit/base/text.h"
#include "paas/webhook/webhook.h"

#define HEX "0123456789abcdef"
#define HEADS "refs/heads/"
#define WORD "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/+@#"

/* How a source names its events, and what it calls a push. `si` has one kind alone. */
static const struct {
  const char *event, *push, *delivery;
} kinds[] = {
    [SI_WEBHOOK_GITHUB] = {"X-GitHub-Event", "push", "X-GitHub-Delivery"},
    [SI_WEBHOOK_GITEA] = {"X-Gitea-Event", "push", "X-Gitea-Delivery"},
    [SI_WEBHOOK_GITLAB] = {"X-Gitlab-Event", "Push Hook", "X-Gitlab-Event-UUID"},
    [SI_WEBHOOK_SI] = {NULL, NULL, "X-Si-Delivery"},
};

static si_rc malformed(struct si_error *error, const char *why) {
  return si_error_set(error, SI_E_INVALID, "WEBHOOK_MALFORMED", "the push %s", why);
}

/* Git takes more than this as a branch's name; what is beyond it nobody maps. */
static bool branch_valid(const char *name) {
  size_t len = strlen(name);
  return len > 0 && len < 256 && strspn(name, WORD) == len && name[0] != '-' && name[0] != '/' &&
         !strstr(name, "..");
}

bool si_branch_pattern_valid(const char *pattern) {
  char name[256];
  size_t len = strlen(pattern);
  if (strcmp(pattern, "*") == 0) {
    return true;
  }
  if (len == 0 || len >= sizeof name) {
    return false;
  }
  si_copy(name, sizeof name, pattern);
  if (name[len - 1] == '*') {
    name[len - 1] = '\0';
  }
  return branch_valid(name);
}

bool si_branch_matches(const char *pattern, const char *branch) {
  size_t len = strlen(pattern);
  if (len > 0 && pattern[len - 1] == '*') {
    return strncmp(pattern, branch, len - 1) == 0 && branch[0];
  }
  return strcmp(pattern, branch) == 0;
}

static bool is_zero(const char *commit) {
  return commit[strspn(commit, "0")] == '\0';
}

static si_rc read_commit(const char *text, struct si_push *out, struct si_error *error) {
  size_t len = text ? strlen(text) : 0;
  if ((len != 40 && len != 64) || strspn(text, HEX) != len) {
    return malformed(error, "names no commit");
  }
  out->deleted = out->deleted || is_zero(text);
  si_copy(out->commit, sizeof out->commit, out->deleted ? "" : text);
  return SI_OK;
}

static si_rc read_push(const cJSON *body, struct si_push *out, struct si_error *error) {
  const char *ref = si_json_str(body, "ref");
  if (!ref) {
    return malformed(error, "names no ref");
  }
  if (strncmp(ref, HEADS, strlen(HEADS)) != 0) {
    return SI_OK; /* a tag, say */
  }
  if (!branch_valid(ref + strlen(HEADS))) {
    return malformed(error, "names a branch that is none");
  }
  si_copy(out->branch, sizeof out->branch, ref + strlen(HEADS));
  out->deleted = si_json_bool(body, "deleted", false);
  return read_commit(si_json_str(body, "after"), out, error);
}

/* A delivery's name is kept and shown: plain words alone. */
static void read_delivery(const char *name, struct si_push *out) {
  if (name && strlen(name) < sizeof out->delivery && strspn(name, WORD) == strlen(name)) {
    si_copy(out->delivery, sizeof out->delivery, name);
  }
}

si_rc si_webhook_push(enum si_webhook_source source, const struct si_webhook_headers *headers,
                      const char *body, size_t len, struct si_push *out, struct si_error *error) {
  cJSON *document SI_AUTO(si_json_free) = NULL;
  struct si_error why;
  *out = (struct si_push){.push = true};
  if (len > SI_WEBHOOK_BODY) {
    return si_error_set(error, SI_E_QUOTA, "WEBHOOK_MALFORMED", "the body is longer than 1 MiB");
  }
  si_rc status = si_sha256_hex(body, len, out->digest);
  if (status != SI_OK) {
    return si_error_set(error, status, "WEBHOOK_MEMORY", "the body could not be hashed");
  }
  read_delivery(si_webhook_header(headers, kinds[source].delivery), out);
  if (kinds[source].event) {
    const char *event = si_webhook_header(headers, kinds[source].event);
    out->push = event && strcmp(event, kinds[source].push) == 0;
  }
  if (!out->push) {
    return SI_OK;
  }
  if (si_json_parse(body, len, &document, &why) != SI_OK) {
    return si_error_set(error, SI_E_INVALID, "WEBHOOK_MALFORMED", "the body is %s", why.message);
  }
  return cJSON_IsObject(document) ? read_push(document, out, error)
                                  : malformed(error, "is no object");
}
