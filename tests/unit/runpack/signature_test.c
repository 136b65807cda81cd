/* SPDX-License-Identifier: Apache-2.0 */
/* The manifest's signature (R50): what was signed verifies, with the key that made it and no other,
 * and nothing in the manifest can be changed, moved or left out behind it. */
#include "core/runpack/signature.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/runpack/verify.h"
#include "kit/base/json.h"
#include "tests/unit/runpack/fixture.h"
#include "tests/unit/runpack/memory_store.h"
#include "tests/unit/unit.h"

static const uint8_t secret[SI_SIGN_KEY] = {1, 2, 3};
static const uint8_t other_secret[SI_SIGN_KEY] = {9};

static void public_hex(const uint8_t key[SI_SIGN_KEY], char hex[SI_SHA256_HEX]) {
  struct si_signature signature;
  static const char any[SI_SHA256_HEX] = "00";
  CU_ASSERT_EQUAL_FATAL(si_signature_make(key, any, &signature), SI_OK);
  memcpy(hex, signature.key, SI_SHA256_HEX);
}

static void fill(struct memory_store *store) {
  struct si_export_options options = fixture_options();
  struct si_export *e SI_AUTO(si_export_free) = NULL;
  struct si_artifact log = fixture_artifact("log.txt", "hello\n");
  struct si_export_result result;
  options.sign_key = secret;
  memory_store_init(store);
  CU_ASSERT_EQUAL_FATAL(
      si_export_begin(&store->head, &options, FIXTURE_SPEC, sizeof FIXTURE_SPEC - 1, &e, NULL),
      SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_export_add(e, &log, NULL), SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_export_finish(e, &result, NULL), SI_OK);
}

struct chain {
  bool found;
  si_rc status;
  char asked[SI_SHA256_HEX];
};

static si_rc in_chain(void *ctx, const char sha256[SI_SHA256_HEX], bool *found,
                      struct si_error *error) {
  struct chain *chain = ctx;
  memcpy(chain->asked, sha256, SI_SHA256_HEX);
  *found = chain->found;
  return chain->status == SI_OK
             ? SI_OK
             : si_error_set(error, chain->status, "EVENTS_TAMPERED", "the chain is broken");
}

/* Verifies with these options; the verdict's first code goes to `code`. */
static si_rc verify(struct memory_store *store, const struct si_verify_options *options,
                    struct si_verify_report *report, char code[48]) {
  struct si_error error = {.status = SI_OK};
  *report = (struct si_verify_report)SI_VERIFY_REPORT;
  si_rc status = si_runpack_verify(&store->head, FIXTURE_PREFIX, options, report, &error);
  snprintf(code, 48, "%s", report->first_code[0] ? report->first_code : error.code);
  si_report_free(report);
  return status;
}

static void a_pass_rests_on_a_trusted_key(void) {
  struct memory_store store;
  struct si_verify_report report;
  struct si_key_set keys SI_AUTO(si_key_set_free) = {NULL, 0};
  char ours[SI_SHA256_HEX], theirs[SI_SHA256_HEX], code[48];
  fill(&store);
  public_hex(other_secret, theirs);
  public_hex(secret, ours);
  CU_ASSERT_EQUAL(si_key_set_add(&keys, theirs), SI_OK);
  CU_ASSERT_EQUAL(si_key_set_add(&keys, ours), SI_OK);
  CU_ASSERT_EQUAL(si_key_set_add(&keys, ours), SI_OK);
  CU_ASSERT_EQUAL(si_key_set_add(&keys, "00"), SI_E_INVALID);
  CU_ASSERT_EQUAL(keys.count, 2);
  struct si_verify_options options = {.keys = &keys, .require = SI_REQUIRE_SIGNED};
  CU_ASSERT_EQUAL(verify(&store, &options, &report, code), SI_OK);
  CU_ASSERT_STRING_EQUAL(report.signer, ours);
  CU_ASSERT_STRING_EQUAL(si_report_rests_on(&report), "signed");
  keys.count = 1;
  CU_ASSERT_EQUAL(verify(&store, &options, &report, code), SI_E_CORRUPT);
  CU_ASSERT_STRING_EQUAL(code, "RUNPACK_UNTRUSTED_KEY");
  options.require = SI_REQUIRE_NOTHING;
  CU_ASSERT_EQUAL(verify(&store, &options, &report, code), SI_OK);
  CU_ASSERT_FALSE(report.trusted);
  CU_ASSERT_STRING_EQUAL(si_report_rests_on(&report), "self-consistent");
  CU_ASSERT_EQUAL(verify(&store, NULL, &report, code), SI_OK);
  CU_ASSERT_STRING_EQUAL(report.signer, ours);
  memory_store_free(&store);
}

static void without_a_signature_none_can_be_required(void) {
  struct memory_store store;
  struct si_verify_report report;
  struct si_export_result result;
  struct si_key_set keys SI_AUTO(si_key_set_free) = {NULL, 0};
  char ours[SI_SHA256_HEX], code[48];
  memory_store_init(&store);
  CU_ASSERT_EQUAL_FATAL(fixture_export(&store.head, &result, NULL), SI_OK);
  public_hex(secret, ours);
  CU_ASSERT_EQUAL(si_key_set_add(&keys, ours), SI_OK);
  const struct si_verify_options options = {.keys = &keys, .require = SI_REQUIRE_SIGNED};
  CU_ASSERT_EQUAL(verify(&store, &options, &report, code), SI_E_CORRUPT);
  CU_ASSERT_STRING_EQUAL(code, "RUNPACK_UNSIGNED");
  memory_store_free(&store);
}

static void a_pass_rests_on_an_audit_chain(void) {
  struct memory_store store;
  struct si_verify_report report;
  struct chain chain = {.found = true};
  char code[48];
  fill(&store);
  struct si_verify_options options = {
      .require = SI_REQUIRE_ANCHORED, .anchored = in_chain, .ctx = &chain};
  CU_ASSERT_EQUAL(verify(&store, &options, &report, code), SI_OK);
  CU_ASSERT_STRING_EQUAL(si_report_rests_on(&report), "anchored");
  CU_ASSERT_STRING_EQUAL(chain.asked, report.manifest_sha256);
  chain.found = false;
  CU_ASSERT_EQUAL(verify(&store, &options, &report, code), SI_E_CORRUPT);
  CU_ASSERT_STRING_EQUAL(code, "RUNPACK_NOT_ANCHORED");
  options.anchored = NULL;
  CU_ASSERT_EQUAL(verify(&store, &options, &report, code), SI_E_CORRUPT);
  CU_ASSERT_STRING_EQUAL(code, "RUNPACK_NOT_ANCHORED");
  options.anchored = in_chain;
  chain.status = SI_E_CORRUPT;
  CU_ASSERT_EQUAL(verify(&store, &options, &report, code), SI_E_CORRUPT);
  CU_ASSERT_STRING_EQUAL(code, "EVENTS_TAMPERED");
  memory_store_free(&store);
}

/* The manifest, its text `from` replaced by `to` of the same length or another. */
static void edit(struct memory_store *store, const char *from, const char *to) {
  struct memory_object *manifest = memory_find(store, "manifest.json");
  char text[8192];
  snprintf(text, sizeof text, "%.*s", (int)manifest->len, manifest->data);
  char *at = strstr(text, from);
  CU_ASSERT_PTR_NOT_NULL_FATAL(at);
  char key[512], rest[8192];
  snprintf(key, sizeof key, "%s", manifest->key);
  snprintf(rest, sizeof rest, "%s%s", to, at + strlen(from));
  snprintf(at, sizeof text - (size_t)(at - text), "%s", rest);
  memory_set(store, key, text, strlen(text));
}

static void expect_edited(const char *from, const char *to, const char *wanted) {
  struct memory_store store;
  struct si_verify_report report;
  char code[48];
  fill(&store);
  edit(&store, from, to);
  CU_ASSERT_EQUAL(verify(&store, NULL, &report, code), SI_E_CORRUPT);
  if (strcmp(code, wanted) != 0) {
    printf("\n  %s -> %s: wanted %s, got %s\n", from, to, wanted, code);
  }
  CU_ASSERT_STRING_EQUAL(code, wanted);
  CU_ASSERT_STRING_EQUAL(report.signer, "");
  memory_store_free(&store);
}

static void nothing_can_be_changed_behind_a_signature(void) {
  /* Each is a manifest that would verify, were it not signed. */
  expect_edited("\"value\":1700000000000", "\"value\":1700000000001", "RUNPACK_SIGNATURE");
  expect_edited("offline_strict", "offline_with_fetch", "RUNPACK_SIGNATURE");
  expect_edited("{\"version\":\"0.1.0\"}", "{\"version\":\"0.1.1\"}", "RUNPACK_SIGNATURE");
  expect_edited(",\"tenant_id\"", ",\"sworn_to\":true,\"tenant_id\"", "RUNPACK_SIGNATURE");
  expect_edited("\"required\":false", "\"required\":true", "RUNPACK_SIGNATURE");
  expect_edited("\"algorithm\":\"ed25519\"", "\"algorithm\":\"none\"", "RUNPACK_SIGNATURE");
}

static void a_signature_is_whole_or_no_manifest_at_all(void) {
  expect_edited("\"signature\":{\"algorithm\":\"ed25519\",", "\"signature\":{", "MANIFEST_INVALID");
  expect_edited("\"signature\":{", "\"signature\":[{", "MANIFEST_INVALID");
  expect_edited("\"signature\":{\"algorithm\":\"ed25519\",\"key\":\"",
                "\"signature\":{\"algorithm\":\"ed25519\",\"key\":\"00", "MANIFEST_INVALID");
}

static void a_key_put_in_its_place_or_none_is_found_out(void) {
  char ours[SI_SHA256_HEX], theirs[SI_SHA256_HEX];
  public_hex(secret, ours);
  public_hex(other_secret, theirs);
  expect_edited(ours, theirs, "RUNPACK_SIGNATURE");
  expect_edited(ours, "", "RUNPACK_SIGNATURE");
}

static void a_hash_leaves_out_its_gap_however_the_bytes_come(void) {
  static const char text[] = "0123456789abcdefghijklmnopqrstuvwxyz";
  const size_t len = sizeof text - 1;
  for (size_t from = 0; from <= len; from += 3) {
    for (size_t to = from; to <= len; to += 5) {
      char without[64], wanted[SI_SHA256_HEX], found[SI_SHA256_HEX];
      memcpy(without, text, from);
      memcpy(without + from, text + to, len - to);
      CU_ASSERT_EQUAL(si_sha256_hex(without, len - (to - from), wanted), SI_OK);
      for (size_t piece = 1; piece <= len; piece++) {
        struct si_gap_hasher gap;
        memset(&gap, 0, sizeof gap);
        CU_ASSERT_EQUAL(si_gap_start(&gap), SI_OK);
        for (size_t at = 0; at < len; at += piece) {
          size_t n = len - at < piece ? len - at : piece;
          /* Named as late as it may be: once its first byte is SI_GAP_BEHIND behind. */
          if (gap.to == 0 && at + n + 1 > from + SI_GAP_BEHIND - 11) {
            gap.from = from;
            gap.to = to;
          }
          CU_ASSERT_EQUAL(si_gap_add(&gap, text + at, n), SI_OK);
        }
        gap.from = from;
        gap.to = to;
        CU_ASSERT_EQUAL(si_gap_end(&gap, found), SI_OK);
        CU_ASSERT_STRING_EQUAL(found, wanted);
        si_gap_free(&gap);
      }
    }
  }
}

static void the_same_input_gives_the_same_signed_bytes(void) {
  struct memory_store a, b;
  fill(&a);
  fill(&b);
  const struct memory_object *one = memory_find(&a, "manifest.json");
  const struct memory_object *two = memory_find(&b, "manifest.json");
  CU_ASSERT_EQUAL(one->len, two->len);
  CU_ASSERT_EQUAL(memcmp(one->data, two->data, one->len), 0);
  memory_store_free(&a);
  memory_store_free(&b);
}

UNIT_MAIN("runpack/signature", UNIT(a_pass_rests_on_a_trusted_key),
          UNIT(without_a_signature_none_can_be_required), UNIT(a_pass_rests_on_an_audit_chain),
          UNIT(nothing_can_be_changed_behind_a_signature),
          UNIT(a_signature_is_whole_or_no_manifest_at_all),
          UNIT(a_key_put_in_its_place_or_none_is_found_out),
          UNIT(a_hash_leaves_out_its_gap_however_the_bytes_come),
          UNIT(the_same_input_gives_the_same_signed_bytes))
