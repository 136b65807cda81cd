/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/webhook/push_test.c - headers, signatures and bodies of pushes, good and hostile.
 * Pure.
 */
#include <stdlib.h>
#include <string.h>

#include "paas/webhook/map.h"
#include "paas/webhook/webhook.h"
#include "tests/unit/unit.h"

#define A40 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define Z40 "0000000000000000000000000000000000000000"

static struct si_error error;

static struct si_webhook_headers headers_of(const char *text) {
  struct si_webhook_headers headers;
  CU_ASSERT_EQUAL(si_webhook_headers_read(text, strlen(text), &headers, &error), SI_OK);
  return headers;
}

static si_rc verify(enum si_webhook_source source, const char *head, const char *body,
                    const char *secret, int64_t now) {
  struct si_webhook_headers headers SI_AUTO(si_webhook_headers_free) = headers_of(head);
  return si_webhook_verify(source, &headers, body, strlen(body), secret, strlen(secret), now,
                           &error);
}

static void headers_are_read_as_http_has_them(void) {
  struct si_webhook_headers headers SI_AUTO(si_webhook_headers_free) =
      headers_of("X-One: 1\r\nx-TWO:\ttwo words \r\n\r\nTwice: a\ntwice: a\nEmpty:\n");
  CU_ASSERT_EQUAL(headers.count, 5);
  CU_ASSERT_STRING_EQUAL(si_webhook_header(&headers, "x-one"), "1");
  CU_ASSERT_STRING_EQUAL(si_webhook_header(&headers, "X-Two"), "two words");
  CU_ASSERT_STRING_EQUAL(si_webhook_header(&headers, "empty"), "");
  CU_ASSERT_PTR_NULL(si_webhook_header(&headers, "Twice"));
  CU_ASSERT_PTR_NULL(si_webhook_header(&headers, "None"));
}

static void what_is_no_header_is_refused(void) {
  static const char *const wrong[] = {"none", ": value", "a b: c", " folded: x", "\x01: x"};
  struct si_webhook_headers headers;
  char *many = calloc(1, SI_WEBHOOK_HEADERS + 2);
  CU_ASSERT_PTR_NOT_NULL_FATAL(many);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    CU_ASSERT_EQUAL(si_webhook_headers_read(wrong[i], strlen(wrong[i]), &headers, &error),
                    SI_E_INVALID);
    si_webhook_headers_free(&headers);
  }
  CU_ASSERT_EQUAL(si_webhook_headers_read("a: b\0c", 6, &headers, &error), SI_E_INVALID);
  for (size_t i = 0; i < 101; i++) {
    memcpy(many + i * 5, "a: b\n", 5);
  }
  CU_ASSERT_EQUAL(si_webhook_headers_read(many, 101 * 5, &headers, &error), SI_E_INVALID);
  si_webhook_headers_free(&headers);
  CU_ASSERT_EQUAL(si_webhook_headers_read(many, 100 * 5, &headers, &error), SI_OK);
  si_webhook_headers_free(&headers);
  CU_ASSERT_EQUAL(si_webhook_headers_read(many, SI_WEBHOOK_HEADERS + 1, &headers, &error),
                  SI_E_INVALID);
  free(many);
}

static void each_source_is_believed_by_its_own_signature_alone(void) {
  /* GitHub's own example. */
  static const char secret[] = "It's a Secret to Everybody", body[] = "Hello, World!";
#define MAC "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
  CU_ASSERT_EQUAL(verify(SI_WEBHOOK_GITHUB, "X-Hub-Signature-256: sha256=" MAC, body, secret, 0),
                  SI_OK);
  CU_ASSERT_EQUAL(verify(SI_WEBHOOK_GITEA, "X-Gitea-Signature: " MAC, body, secret, 0), SI_OK);
  CU_ASSERT_EQUAL(
      verify(SI_WEBHOOK_GITLAB, "X-Gitlab-Token: It's a Secret to Everybody", body, secret, 0),
      SI_OK);
  static const struct {
    enum si_webhook_source source;
    const char *head, *body, *secret;
  } wrong[] = {
      {SI_WEBHOOK_GITHUB, "X-Hub-Signature-256: " MAC, body, secret},
      {SI_WEBHOOK_GITHUB, "X-Hub-Signature-256: sha256=" MAC "0", body, secret},
      {SI_WEBHOOK_GITHUB, "X-Hub-Signature-256: sha256=", body, secret},
      {SI_WEBHOOK_GITHUB, "X-Hub-Signature: sha256=" MAC, body, secret},
      {SI_WEBHOOK_GITHUB, "X-Gitea-Signature: " MAC, body, secret},
      {SI_WEBHOOK_GITHUB, "X-Hub-Signature-256: sha256=" MAC, "Hello, World", secret},
      {SI_WEBHOOK_GITHUB, "X-Hub-Signature-256: sha256=" MAC, body, "It's a Secret to Somebody.."},
      {SI_WEBHOOK_GITHUB, "X-Hub-Signature-256: sha256=" MAC "\nX-Hub-Signature-256: sha256=" MAC,
       body, secret},
      {SI_WEBHOOK_GITLAB, "X-Gitlab-Token: ", body, secret},
      {SI_WEBHOOK_GITLAB, "X-Gitlab-Token: short", body, "short"}, /* as good as none */
      {SI_WEBHOOK_GITLAB, "X-Gitlab-Token: ", body, ""},
      {SI_WEBHOOK_SI, "X-Si-Signature: sha256=" MAC, body, secret},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    CU_ASSERT_EQUAL(verify(wrong[i].source, wrong[i].head, wrong[i].body, wrong[i].secret, 0),
                    SI_E_AUTH);
  }
}

static void a_time_that_was_signed_is_held_to_the_clock(void) {
  /* printf '1000000.Hello, World!' | openssl dgst -sha256 -hmac "It's a Secret to Everybody" */
  static const char head[] =
      "X-Si-Timestamp: 1000000\nX-Si-Signature: sha256="
      "389248fa31e664c9adaa9dcc9f21685aa4bb468d908d68615932bd4c68211b4e";
  static const char secret[] = "It's a Secret to Everybody", body[] = "Hello, World!";
  CU_ASSERT_EQUAL(verify(SI_WEBHOOK_SI, head, body, secret, 1000000), SI_OK);
  CU_ASSERT_EQUAL(verify(SI_WEBHOOK_SI, head, body, secret, 1000300), SI_OK);
  CU_ASSERT_EQUAL(verify(SI_WEBHOOK_SI, head, body, secret, 1000301), SI_E_REFUSED);
  CU_ASSERT_EQUAL(verify(SI_WEBHOOK_SI, head, body, secret, 999699), SI_E_REFUSED);
  CU_ASSERT_EQUAL(verify(SI_WEBHOOK_SI, head, "Hello, World?", secret, 1000000), SI_E_AUTH);
}

static void a_push_says_which_branch_and_which_commit(void) {
  struct si_webhook_headers github SI_AUTO(si_webhook_headers_free) =
      headers_of("X-GitHub-Event: push\nX-GitHub-Delivery: 72d3162e-cc78-11e3");
  struct si_webhook_headers none SI_AUTO(si_webhook_headers_free) =
      headers_of("X-Gitea-Event: ping");
  struct si_push push, same;
  static const char body[] = "{\"ref\":\"refs/heads/release/1.0\",\"after\":\"" A40 "\",\"x\":[1]}";
  CU_ASSERT_EQUAL(si_webhook_push(SI_WEBHOOK_GITHUB, &github, body, strlen(body), &push, &error),
                  SI_OK);
  CU_ASSERT(push.push && !push.deleted);
  CU_ASSERT_STRING_EQUAL(push.branch, "release/1.0");
  CU_ASSERT_STRING_EQUAL(push.commit, A40);
  CU_ASSERT_STRING_EQUAL(push.delivery, "72d3162e-cc78-11e3");
  CU_ASSERT_EQUAL(si_webhook_push(SI_WEBHOOK_GITEA, &none, body, strlen(body), &same, &error),
                  SI_OK);
  CU_ASSERT(!same.push);
  CU_ASSERT_STRING_EQUAL(same.digest, push.digest);
  static const char gone[] = "{\"ref\":\"refs/heads/main\",\"after\":\"" Z40 "\"}";
  CU_ASSERT_EQUAL(si_webhook_push(SI_WEBHOOK_GITHUB, &github, gone, strlen(gone), &push, &error),
                  SI_OK);
  CU_ASSERT(push.deleted);
  CU_ASSERT_STRING_EQUAL(push.commit, "");
  static const char tag[] = "{\"ref\":\"refs/tags/v1\",\"after\":\"" A40 "\"}";
  CU_ASSERT_EQUAL(si_webhook_push(SI_WEBHOOK_GITHUB, &github, tag, strlen(tag), &push, &error),
                  SI_OK);
  CU_ASSERT_STRING_EQUAL(push.branch, "");
}

static void what_is_no_push_is_refused(void) {
  static const char *const wrong[] = {
      "",
      "[]",
      "{",
      "1",
      "{}",
      "{\"ref\":1}",
      "{\"ref\":\"refs/heads/main\"}",
      "{\"ref\":\"refs/heads/main\",\"after\":\"main\"}",
      "{\"ref\":\"refs/heads/main\",\"after\":\"" A40 "a\"}",
      "{\"ref\":\"refs/heads/main\",\"after\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
      "{\"ref\":\"refs/heads/\",\"after\":\"" A40 "\"}",
      "{\"ref\":\"refs/heads/a b\",\"after\":\"" A40 "\"}",
      "{\"ref\":\"refs/heads/../x\",\"after\":\"" A40 "\"}",
      "{\"ref\":\"refs/heads/$(x)\",\"after\":\"" A40 "\"}",
      "{\"ref\":\"refs/heads/main\",\"ref\":\"refs/heads/x\",\"after\":\"" A40 "\"}",
  };
  struct si_webhook_headers headers SI_AUTO(si_webhook_headers_free) =
      headers_of("X-GitHub-Event: push");
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    struct si_push push;
    CU_ASSERT_EQUAL(
        si_webhook_push(SI_WEBHOOK_GITHUB, &headers, wrong[i], strlen(wrong[i]), &push, &error),
        SI_E_INVALID);
  }
}

static void patterns_stand_for_branches(void) {
  static const char *const valid[] = {"main", "release/*", "*", "a*", "feature/x_y-1.2"};
  static const char *const wrong[] = {"", "a*b", "**", "/a", "-a", "a b", "../x", "a/../b", "$(x)"};
  for (size_t i = 0; i < sizeof valid / sizeof *valid; i++) {
    CU_ASSERT(si_branch_pattern_valid(valid[i]));
  }
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    CU_ASSERT(!si_branch_pattern_valid(wrong[i]));
  }
  CU_ASSERT(si_branch_matches("main", "main"));
  CU_ASSERT(!si_branch_matches("main", "main2"));
  CU_ASSERT(!si_branch_matches("main", "mai"));
  CU_ASSERT(si_branch_matches("release/*", "release/1"));
  CU_ASSERT(!si_branch_matches("release/*", "release"));
  CU_ASSERT(si_branch_matches("*", "any/thing"));
  CU_ASSERT(!si_branch_matches("*", ""));
  CU_ASSERT(si_webhook_matches("[\"a\",\"b/*\"]", "b/c"));
  CU_ASSERT(!si_webhook_matches("[\"a\",\"b/*\"]", "c"));
}

UNIT_MAIN("webhook: push", UNIT(headers_are_read_as_http_has_them),
          UNIT(what_is_no_header_is_refused),
          UNIT(each_source_is_believed_by_its_own_signature_alone),
          UNIT(a_time_that_was_signed_is_held_to_the_clock),
          UNIT(a_push_says_which_branch_and_which_commit), UNIT(what_is_no_push_is_refused),
          UNIT(patterns_stand_for_branches))
