/* SPDX-License-Identifier: Apache-2.0 */
/* Verification (R50, R51, R56, R57): any change of any byte is found and named, whatever the store
 * does, in bounded memory. */
#include "core/runpack/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/json.h"
#include "tests/unit/runpack/fixture.h"
#include "tests/unit/runpack/memory_store.h"
#include "tests/unit/unit.h"

#define P FIXTURE_PREFIX "/"

struct outcome {
  si_rc status;
  struct si_error error;
  struct si_verify_report report;
  char *json;
};

static void verify(struct memory_store *store, const char *prefix, uint64_t cap,
                   struct outcome *out) {
  const struct si_verify_options options = {.max_artifact_bytes = cap};
  struct si_buf json = SI_BUF(8u << 20);
  memset(out, 0, sizeof *out);
  out->report = (struct si_verify_report)SI_VERIFY_REPORT;
  out->status = si_runpack_verify(&store->head, prefix, &options, &out->report, &out->error);
  CU_ASSERT_EQUAL(si_report_json(&out->report, &json), SI_OK);
  /* The report is always valid JSON. */
  cJSON *parsed = NULL;
  CU_ASSERT_EQUAL(si_json_parse(si_buf_text(&json), json.len, &parsed, NULL), SI_OK);
  si_json_free(&parsed);
  out->json = json.data;
}

static void outcome_free(struct outcome *out) {
  si_report_free(&out->report);
  free(out->json);
}

static void fill(struct memory_store *store) {
  struct si_export_result result;
  memory_store_init(store);
  CU_ASSERT_EQUAL_FATAL(fixture_export(&store->head, &result, NULL), SI_OK);
}

/* After whatever was done to the store: fails, with this code and this artifact first. */
static void expect_fault(struct memory_store *store, const char *code, const char *artifact,
                         const char *message) {
  struct outcome out;
  verify(store, FIXTURE_PREFIX, 0, &out);
  CU_ASSERT_EQUAL(out.status, SI_E_CORRUPT);
  CU_ASSERT_STRING_EQUAL(out.error.code, "RUNPACK_VERIFY_FAILED");
  if (strcmp(out.report.first_code, code) != 0 ||
      strcmp(out.report.first_artifact, artifact) != 0) {
    printf("\n  wanted %s %s, got %s\n", code, artifact, out.json);
  }
  CU_ASSERT_STRING_EQUAL(out.report.first_code, code);
  CU_ASSERT_STRING_EQUAL(out.report.first_artifact, artifact);
  CU_ASSERT_STRING_EQUAL(out.error.target, artifact);
  CU_ASSERT_PTR_NOT_NULL(strstr(out.json, "\"status\":\"fail\""));
  if (message) {
    CU_ASSERT_PTR_NOT_NULL(strstr(out.error.message, message));
  }
  outcome_free(&out);
}

static void what_was_exported_verifies(void) {
  struct memory_store store;
  struct outcome out;
  fill(&store);
  for (store.piece = 0; store.piece < 40; store.piece++) {
    verify(&store, FIXTURE_PREFIX, 0, &out);
    CU_ASSERT_EQUAL(out.status, SI_OK);
    CU_ASSERT_STRING_EQUAL(
        out.json,
        "{\"anchored\":false,\"bytes\":53,\"checked_files\":3,\"errors\":[],\"failures\":0,"
        "\"manifest_sha256\":"
        "\"49dc8b5defe4fc3467918563f541ab7b8620d94ffd66a1d16d7ef1f0b296fa4c\","
        "\"placement\":\"matched\",\"rests_on\":\"self-consistent\",\"signature\":{\"key\":"
        "null,\"trusted\":false},\"status\":\"pass\"}");
    outcome_free(&out);
  }
  memory_store_free(&store);
}

static void artifacts_are_asked_for_without_a_round_trip_each(void) {
  struct memory_store store;
  struct outcome out;
  fill(&store);
  store.flushes = 0;
  verify(&store, FIXTURE_PREFIX, 0, &out);
  CU_ASSERT_EQUAL(store.flushes, 2);
  outcome_free(&out);
  memory_store_free(&store);
}

static void a_copied_runpack_verifies_with_an_unknown_placement(void) {
  struct memory_store store, copy;
  struct outcome out;
  fill(&store);
  memory_store_init(&copy);
  for (size_t i = 0; i < store.count; i++) {
    memory_set(&copy, store.objects[i].key + sizeof P - 1, store.objects[i].data,
               store.objects[i].len);
  }
  verify(&copy, "", 0, &out);
  CU_ASSERT_EQUAL(out.status, SI_OK);
  CU_ASSERT_PTR_NOT_NULL(strstr(out.json, "\"placement\":\"unknown\""));
  CU_ASSERT_STRING_EQUAL(out.report.ids.run, "r-1");
  outcome_free(&out);
  memory_store_free(&copy);
  memory_store_free(&store);
}

static void a_runpack_in_anothers_place_is_found_out(void) {
  static const char *const places[][2] = {
      {"tenant/other/namespace/p1/scenario/demo/run/r-1/" FIXTURE_SPEC_HASH, "tenant_id"},
      {"tenant/oss-demo/namespace/p2/scenario/demo/run/r-1/" FIXTURE_SPEC_HASH, "namespace_id"},
      {"tenant/oss-demo/namespace/p1/scenario/demo2/run/r-1/" FIXTURE_SPEC_HASH, "scenario_id"},
      {"tenant/oss-demo/namespace/p1/scenario/demo/run/r-2/" FIXTURE_SPEC_HASH, "run_id"},
  };
  for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
    struct memory_store store, copy;
    struct outcome out;
    fill(&store);
    memory_store_init(&copy);
    for (size_t i = 0; i < store.count; i++) {
      char key[512];
      snprintf(key, sizeof key, "%s/%s", places[p][0], store.objects[i].key + sizeof P - 1);
      memory_set(&copy, key, store.objects[i].data, store.objects[i].len);
    }
    verify(&copy, places[p][0], 0, &out);
    CU_ASSERT_EQUAL(out.status, SI_E_CORRUPT);
    CU_ASSERT_STRING_EQUAL(out.report.first_code, "RUNPACK_PLACEMENT");
    CU_ASSERT_PTR_NOT_NULL(strstr(out.error.message, places[p][1]));
    outcome_free(&out);
    memory_store_free(&copy);
    memory_store_free(&store);
  }
}

static void any_flipped_bit_of_any_object_fails(void) {
  static const char *const paths[] = {"artifacts/log.txt", "artifacts/out/result.json",
                                      "artifacts/spec.json", "manifest.json"};
  for (size_t p = 0; p < sizeof paths / sizeof *paths; p++) {
    struct memory_store store;
    fill(&store);
    struct memory_object *object = memory_find(&store, paths[p]);
    for (size_t i = 0; i < object->len; i++) {
      for (int bit = 0; bit < 8; bit += 7) {
        struct outcome out;
        object->data[i] = (char)(object->data[i] ^ (1 << bit));
        verify(&store, FIXTURE_PREFIX, 0, &out);
        object->data[i] = (char)(object->data[i] ^ (1 << bit));
        /* Of the manifest, the parts that nothing else tells (provenance, time, content types)
         * can change: its own hash then differs, which the audit record anchors. */
        if (p == 3 && out.status == SI_OK) {
          CU_ASSERT_STRING_NOT_EQUAL(
              out.report.manifest_sha256,
              "49dc8b5defe4fc3467918563f541ab7b8620d94ffd66a1d16d7ef1f0b296fa4c");
        } else {
          CU_ASSERT_EQUAL(out.status, SI_E_CORRUPT);
          if (p < 3) {
            CU_ASSERT_STRING_EQUAL(out.error.target, paths[p]);
            CU_ASSERT_PTR_NOT_NULL(strstr(out.error.message, "hash mismatch for "));
          }
        }
        outcome_free(&out);
      }
    }
    memory_store_free(&store);
  }
}

static void cut_and_lengthened_objects_fail(void) {
  struct memory_store store;
  fill(&store);
  memory_find(&store, "log.txt")->len--;
  expect_fault(&store, "RUNPACK_HASH_MISMATCH", "artifacts/log.txt",
               "hash mismatch for artifacts/log.txt");
  memory_set(&store, P "artifacts/log.txt", "hello\n\n", 7);
  expect_fault(&store, "RUNPACK_HASH_MISMATCH", "artifacts/log.txt", NULL);
  memory_set(&store, P "artifacts/log.txt", "", 0);
  expect_fault(&store, "RUNPACK_HASH_MISMATCH", "artifacts/log.txt", NULL);
  memory_set(&store, P "artifacts/log.txt", "hello\n", 6);
  memory_find(&store, "manifest.json")->len--;
  expect_fault(&store, "MANIFEST_INVALID", "manifest.json", "ends too soon");
  memory_store_free(&store);
}

static void missing_and_extra_objects_fail(void) {
  struct memory_store store;
  fill(&store);
  store.drop = "log.txt";
  expect_fault(&store, "RUNPACK_ARTIFACT_MISSING", "artifacts/log.txt",
               "artifact read failed for artifacts/log.txt: not found");
  store.drop = NULL;
  store.hide = "log.txt";
  expect_fault(&store, "RUNPACK_UNLISTED", "artifacts/log.txt", NULL);
  store.hide = NULL;
  store.list_twice = "log.txt";
  expect_fault(&store, "RUNPACK_DUPLICATE", "artifacts/log.txt", NULL);
  store.list_twice = NULL;
  store.extra = P "artifacts/planted\x1b[2J";
  expect_fault(&store, "RUNPACK_EXTRA", "artifacts/planted?[2J", NULL);
  store.extra = "elsewhere/x";
  expect_fault(&store, "RUNPACK_EXTRA", "elsewhere/x", NULL);
  store.extra = NULL;
  memory_set(&store, P "notes", "x", 1);
  expect_fault(&store, "RUNPACK_EXTRA", "notes", NULL);
  memory_drop(&store, "notes");
  memory_drop(&store, "result.json");
  expect_fault(&store, "RUNPACK_ARTIFACT_MISSING", "artifacts/out/result.json", NULL);
  memory_store_free(&store);
}

static void a_runpack_without_manifest_is_incomplete(void) {
  struct memory_store store;
  struct outcome out;
  fill(&store);
  memory_drop(&store, "/manifest.json");
  verify(&store, FIXTURE_PREFIX, 0, &out);
  CU_ASSERT_EQUAL(out.status, SI_E_CORRUPT);
  CU_ASSERT_STRING_EQUAL(out.error.code, "RUNPACK_INCOMPLETE");
  CU_ASSERT_PTR_NOT_NULL(strstr(out.json, "\"code\":\"RUNPACK_INCOMPLETE\""));
  outcome_free(&out);
  memory_store_free(&store);
  verify(&store, FIXTURE_PREFIX, 0, &out);
  CU_ASSERT_EQUAL(out.status, SI_E_NOT_FOUND);
  CU_ASSERT_STRING_EQUAL(out.error.code, "RUNPACK_NOT_FOUND");
  outcome_free(&out);
}

/* As after an export: it must be there, and be the one that was put there. */
static si_rc verify_exported(struct memory_store *store, const char *manifest_sha256,
                             struct si_verify_report *report, struct si_error *error) {
  const struct si_verify_options options = {.manifest_sha256 = manifest_sha256};
  *report = (struct si_verify_report)SI_VERIFY_REPORT;
  return si_runpack_verify(&store->head, FIXTURE_PREFIX, &options, report, error);
}

static void what_was_put_there_must_be_what_is_there(void) {
  struct memory_store store;
  struct si_verify_report report;
  struct si_error error;
  char hash[SI_SHA256_HEX];
  fill(&store);
  CU_ASSERT_EQUAL_FATAL(verify_exported(&store, NULL, &report, &error), SI_OK);
  memcpy(hash, report.manifest_sha256, sizeof hash);
  si_report_free(&report);
  CU_ASSERT_EQUAL(verify_exported(&store, hash, &report, &error), SI_OK);
  si_report_free(&report);
  hash[0] = hash[0] == '0' ? '1' : '0';
  CU_ASSERT_EQUAL(verify_exported(&store, hash, &report, &error), SI_E_CORRUPT);
  CU_ASSERT_STRING_EQUAL(error.code, "RUNPACK_VERIFY_FAILED");
  CU_ASSERT_STRING_EQUAL(report.first_code, "RUNPACK_OTHER_MANIFEST");
  si_report_free(&report);
  memory_store_free(&store); /* and nothing is left */
  CU_ASSERT_EQUAL(verify_exported(&store, hash, &report, &error), SI_E_CORRUPT);
  CU_ASSERT_STRING_EQUAL(report.first_code, "RUNPACK_NOT_KEPT");
  si_report_free(&report);
}

static void endless_answers_are_ended(void) {
  struct memory_store store;
  fill(&store);
  store.endless = "log.txt";
  expect_fault(&store, "RUNPACK_ARTIFACT_TOO_LARGE", "artifacts/log.txt", "16777216 bytes");
  store.endless = "/manifest.json";
  expect_fault(&store, "RUNPACK_MANIFEST", "manifest.json", NULL);
  store.endless = NULL;
  store.endless_listing = true;
  struct outcome out;
  verify(&store, FIXTURE_PREFIX, 0, &out);
  CU_ASSERT_EQUAL(out.status, SI_E_CORRUPT);
  CU_ASSERT(out.report.failures < 40);
  outcome_free(&out);
  memory_store_free(&store);
}

static void what_a_listing_says_of_lengths_counts_for_nothing(void) {
  struct memory_store store;
  struct outcome out;
  fill(&store);
  store.lie_length = 1ull << 60;
  verify(&store, FIXTURE_PREFIX, 0, &out);
  CU_ASSERT_EQUAL(out.status, SI_OK);
  CU_ASSERT_EQUAL(out.report.bytes, 53);
  outcome_free(&out);
  memory_store_free(&store);
}

static void the_cap_holds_at_verification_too(void) {
  struct memory_store store;
  struct outcome out;
  fill(&store);
  verify(&store, FIXTURE_PREFIX, 10, &out);
  CU_ASSERT_EQUAL(out.status, SI_E_CORRUPT);
  CU_ASSERT_STRING_EQUAL(out.report.first_code, "RUNPACK_ARTIFACT_TOO_LARGE");
  CU_ASSERT_STRING_EQUAL(out.report.first_artifact, "artifacts/out/result.json");
  outcome_free(&out);
  verify(&store, FIXTURE_PREFIX, 36, &out);
  CU_ASSERT_EQUAL(out.status, SI_OK);
  outcome_free(&out);
  memory_store_free(&store);
}

static void a_store_that_cannot_be_asked_gives_no_verdict(void) {
  static const si_rc statuses[] = {SI_E_UNAVAILABLE, SI_E_TIMEOUT, SI_E_CANCELLED, SI_E_AUTH,
                                   SI_E_NOMEM};
  static const char *const keys[] = {"log.txt", "/manifest.json"};
  for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
    for (size_t k = 0; k < 2; k++) {
      struct memory_store store;
      struct outcome out;
      fill(&store);
      store.fail_get = keys[k];
      store.get_status = statuses[i];
      verify(&store, FIXTURE_PREFIX, 0, &out);
      CU_ASSERT_EQUAL(out.status, statuses[i]);
      CU_ASSERT_STRING_EQUAL(out.error.code, "TEST");
      outcome_free(&out);
      memory_store_free(&store);
    }
  }
  struct memory_store store;
  struct outcome out;
  fill(&store);
  store.silent = true;
  verify(&store, FIXTURE_PREFIX, 0, &out);
  CU_ASSERT_EQUAL(out.status, SI_E_INTERNAL);
  outcome_free(&out);
  memory_store_free(&store);
}

static void an_unreadable_artifact_is_a_finding(void) {
  struct memory_store store;
  fill(&store);
  store.fail_get = "log.txt";
  store.get_status = SI_E_IO;
  expect_fault(&store, "RUNPACK_ARTIFACT_UNREADABLE", "artifacts/log.txt",
               "artifact read failed for artifacts/log.txt: told to fail");
  memory_store_free(&store);
}

/* --- manifests made by others --- */

/* Puts `text` with every from replaced by to in the manifest's place. */
static void edit(struct memory_store *store, const char *from, const char *to) {
  struct memory_object *m = memory_find(store, "/manifest.json");
  struct si_buf out = SI_BUF(1u << 20);
  size_t from_len = strlen(from);
  size_t changed = 0;
  for (size_t i = 0; i < m->len;) {
    if (i + from_len <= m->len && memcmp(m->data + i, from, from_len) == 0) {
      CU_ASSERT_EQUAL(si_buf_puts(&out, to), SI_OK);
      i += from_len;
      changed++;
    } else {
      CU_ASSERT_EQUAL(si_buf_add(&out, m->data + i, 1), SI_OK);
      i++;
    }
  }
  CU_ASSERT(changed > 0);
  memory_set(store, P "manifest.json", out.data, out.len);
  si_buf_free(&out);
}

static void every_wrong_field_of_a_manifest_is_told(void) {
  static const struct {
    const char *from, *to, *code, *message;
  } cases[] = {
      {"\"manifest_version\":\"v1\"", "\"manifest_version\":\"v2\"", "RUNPACK_VERSION",
       "unsupported manifest version: v2"},
      {"\"hash_algorithm\":\"sha256\"", "\"hash_algorithm\":\"md5\"", "RUNPACK_HASH_ALGORITHM",
       "hash algorithm mismatch"},
      {"offline_strict", "online", "RUNPACK_VERIFIER_MODE", NULL},
      {"unix_millis", "lunar", "RUNPACK_GENERATED_AT", NULL},
      {"\"kind\":\"custom\"", "\"kind\":\"odd\"", "MANIFEST_INVALID", "kind"},
      {"\"spec_hash\":{\"algorithm\":\"sha256\",\"value\":\"b",
       "\"spec_hash\":{\"algorithm\":\"sha256\",\"value\":\"c", "RUNPACK_SPEC",
       "spec hash mismatch for artifacts/spec.json"},
      {"\"kind\":\"scenario_spec\"", "\"kind\":\"custom\"", "RUNPACK_SPEC", "no artifact"},
      {"\"kind\":\"custom\"", "\"kind\":\"scenario_spec\"", "RUNPACK_SPEC", "not marked"},
      {"\"artifact_id\":\"artifacts/log.txt\"", "\"artifact_id\":\"artifacts/lo\"",
       "RUNPACK_ARTIFACT_ID", NULL},
      {"artifacts/log.txt", "../log.txt", "MANIFEST_INVALID", "path"},
      {"\"path\":\"artifacts/log.txt\",\"required\":false", "\"path\":\"artifacts/lot.txt\"",
       "MANIFEST_INVALID", "required"},
      {"\"required\":false", "\"required\":\"no\"", "MANIFEST_INVALID", "required"},
      {"text/plain", "text", "MANIFEST_INVALID", "content type"},
      {"\"tenant_id\":\"oss-demo\"", "\"tenant_id\":\"../x\"", "MANIFEST_INVALID", "tenant_id"},
      {"\"tenant_id\":\"oss-demo\"", "\"tenant_id\":0", "MANIFEST_INVALID", "tenant_id"},
      {"\"tenant_id\":\"oss-demo\"", "\"tenant_id\":7", "RUNPACK_PLACEMENT", "\"7\""},
      {"\"tenant_id\":\"oss-demo\",", "", "MANIFEST_INVALID", "lacks \"tenant_id\""},
      {"\"value\":1700000000000", "\"value\":-1", "MANIFEST_INVALID", "value"},
      {"{\"artifacts\"", "{ \"artifacts\"", "MANIFEST_INVALID", "not canonical"},
      {"\"verifier_mode\":\"offline_strict\"}", "\"verifier_mode\":\"offline_strict\"}\n",
       "MANIFEST_INVALID", "not canonical"},
      {"\"artifacts\":[", "\"artifacts\":[7,", "MANIFEST_INVALID", "entry"},
      {"\"algorithm\":\"sha256\",\"value\":\"5891b5b5",
       "\"algorithm\":\"sha1\",\"value\":\"5891b5b5", "RUNPACK_HASH_ALGORITHM",
       "hash algorithm mismatch"},
      {"\"value\":\"5891b5b5", "\"value\":\"5891B5B5", "MANIFEST_INVALID", "hash"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct memory_store store;
    struct outcome out;
    fill(&store);
    edit(&store, cases[i].from, cases[i].to);
    verify(&store, FIXTURE_PREFIX, 0, &out);
    CU_ASSERT_EQUAL(out.status, SI_E_CORRUPT);
    if (!strstr(out.json, cases[i].code)) {
      printf("\n  case %zu (%s): %s\n", i, cases[i].to, out.json);
    }
    CU_ASSERT_STRING_EQUAL(out.report.first_code, cases[i].code);
    if (cases[i].message) {
      CU_ASSERT_PTR_NOT_NULL(strstr(out.report.first_message, cases[i].message));
    }
    outcome_free(&out);
    memory_store_free(&store);
  }
}

static void hashes_that_two_places_tell_differently_are_found(void) {
  static const char entry[] =
      "{\"hash\":{\"algorithm\":\"sha256\",\"value\":"
      "\"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03\"},"
      "\"path\":\"artifacts/log.txt\"},";
  struct memory_store store;
  struct outcome out;
  /* file_hashes without one artifact; root hash no longer fits either */
  fill(&store);
  edit(&store, entry, "");
  verify(&store, FIXTURE_PREFIX, 0, &out);
  CU_ASSERT_EQUAL(out.status, SI_E_CORRUPT);
  CU_ASSERT_PTR_NOT_NULL(strstr(out.json, "root hash mismatch"));
  CU_ASSERT_PTR_NOT_NULL(strstr(out.json, "artifact without a file hash: artifacts/log.txt"));
  outcome_free(&out);
  memory_store_free(&store);
  /* twice */
  fill(&store);
  char twice[2 * sizeof entry];
  snprintf(twice, sizeof twice, "%s%s", entry, entry);
  edit(&store, entry, twice);
  expect_fault(&store, "RUNPACK_DUPLICATE", "artifacts/log.txt", NULL);
  memory_store_free(&store);
  /* another hash */
  fill(&store);
  char other[sizeof entry];
  memcpy(other, entry, sizeof other);
  *strstr(other, "5891") = '6';
  edit(&store, entry, other);
  expect_fault(&store, "RUNPACK_HASH_DISAGREES", "artifacts/log.txt", NULL);
  memory_store_free(&store);
  /* one of no artifact */
  fill(&store);
  edit(&store, entry,
       "{\"hash\":{\"algorithm\":\"sha256\",\"value\":"
       "\"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03\"},"
       "\"path\":\"artifacts/lug.txt\"},");
  expect_fault(&store, "RUNPACK_UNLISTED", "artifacts/lug.txt", NULL);
  memory_store_free(&store);
}

static void an_artifact_named_twice_is_found(void) {
  struct memory_store store;
  fill(&store);
  struct memory_object *m = memory_find(&store, "/manifest.json");
  const char *end = strstr(m->data, "},{\"artifact_id\":\"artifacts/out");
  char first[1024];
  snprintf(first, sizeof first, "{\"artifacts\":[%.*s},",
           (int)(end - m->data - (long)strlen("{\"artifacts\":[")),
           m->data + strlen("{\"artifacts\":["));
  edit(&store, "{\"artifacts\":[", first);
  expect_fault(&store, "RUNPACK_DUPLICATE", "artifacts/log.txt", NULL);
  memory_store_free(&store);
}

/* A runpack of the system that the format comes from: its own order, integers as ids, no
 * provenance, fields that we do not know. */
static void a_runpack_of_another_maker_verifies(void) {
  static const char manifest[] =
      "{\"artifacts\":["
      "{\"artifact_id\":\"artifacts/scenario_spec.json\",\"content_type\":\"application/json\","
      "\"hash\":{\"algorithm\":\"sha256\",\"value\":"
      "\"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"},"
      "\"kind\":\"scenario_spec\",\"path\":\"artifacts/scenario_spec.json\",\"required\":true},"
      "{\"artifact_id\":\"artifacts/decisions.json\",\"content_type\":null,"
      "\"hash\":{\"algorithm\":\"sha256\",\"value\":"
      "\"4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945\"},"
      "\"kind\":\"decision_log\",\"path\":\"artifacts/decisions.json\",\"required\":true}],"
      "\"generated_at\":{\"kind\":\"logical\",\"value\":1},\"hash_algorithm\":\"sha256\","
      "\"integrity\":{\"file_hashes\":["
      "{\"hash\":{\"algorithm\":\"sha256\",\"value\":"
      "\"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"},"
      "\"path\":\"artifacts/scenario_spec.json\"},"
      "{\"hash\":{\"algorithm\":\"sha256\",\"value\":"
      "\"4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945\"},"
      "\"path\":\"artifacts/decisions.json\"}],\"root_hash\":{\"algorithm\":\"sha256\","
      "\"value\":\"ROOT\"}},\"manifest_version\":\"v1\",\"namespace_id\":1,\"run_id\":\"run-1\","
      "\"scenario_id\":\"scenario\",\"security\":{\"dev_permissive\":false,\"x\":[1,{\"y\":null}]},"
      "\"spec_hash\":{\"algorithm\":\"sha256\",\"value\":"
      "\"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"},\"tenant_id\":100,"
      "\"verifier_mode\":\"offline_with_fetch\"}";
  struct memory_store store;
  struct outcome out;
  char root[SI_SHA256_HEX];
  const char *from = strstr(manifest, "[{\"hash\":");
  const char *to = strstr(manifest, ",\"root_hash\"");
  CU_ASSERT_EQUAL(si_sha256_hex(from, (size_t)(to - from), root), SI_OK);
  memory_store_init(&store);
  memory_set(&store, P "manifest.json", manifest, sizeof manifest - 1);
  edit(&store, "ROOT", root);
  const struct memory_object *made = memory_find(&store, "/manifest.json");
  memory_set(&store, "copy/manifest.json", made->data, made->len);
  memory_set(&store, "copy/artifacts/scenario_spec.json", "{}", 2);
  memory_set(&store, "copy/artifacts/decisions.json", "[]", 2);
  verify(&store, "copy", 0, &out);
  if (out.status != SI_OK) {
    printf("\n  %s\n  %s\n", out.error.message, out.json);
  }
  CU_ASSERT_EQUAL(out.status, SI_OK);
  CU_ASSERT_STRING_EQUAL(out.report.ids.tenant, "100");
  CU_ASSERT_STRING_EQUAL(out.report.ids.namespace_id, "1");
  CU_ASSERT_EQUAL(out.report.checked_files, 2);
  outcome_free(&out);
  memory_store_free(&store);
}

static void all_faults_count_and_the_first_hundred_are_told(void) {
  struct si_verify_report report = SI_VERIFY_REPORT;
  struct si_buf json = SI_BUF(8u << 20);
  static char path[SI_KEY_SIZE];
  cJSON *parsed = NULL;
  memset(path, 'p', sizeof path - 1);
  for (int i = 0; i < 250; i++) {
    si_report_fault(&report, "CODE", path, "fault %d of %s", i, path);
  }
  CU_ASSERT_EQUAL(report.failures, 250);
  CU_ASSERT_EQUAL_FATAL(si_report_json(&report, &json), SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_json_parse(si_buf_text(&json), json.len, &parsed, NULL), SI_OK);
  CU_ASSERT_EQUAL(cJSON_GetArraySize(si_json_get(parsed, "errors")), 100);
  CU_ASSERT_EQUAL(si_json_int(parsed, "failures", 0, 1000, 0), 250);
  CU_ASSERT_EQUAL(strncmp(report.first_message, "fault 0 of", 10), 0);
  si_json_free(&parsed);
  si_buf_free(&json);
  si_report_free(&report);
}

static void the_manifest_can_be_read_as_it_is(void) {
  struct memory_store store;
  struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(SI_MANIFEST_SHOW_MAX);
  struct si_buf small SI_AUTO(si_buf_free) = SI_BUF(100);
  struct si_error error;
  fill(&store);
  CU_ASSERT_EQUAL(si_runpack_manifest(&store.head, FIXTURE_PREFIX, &out, &error), SI_OK);
  CU_ASSERT_EQUAL(out.len, memory_find(&store, "/manifest.json")->len);
  CU_ASSERT_EQUAL(si_runpack_manifest(&store.head, FIXTURE_PREFIX, &small, &error), SI_E_QUOTA);
  memory_drop(&store, "/manifest.json");
  CU_ASSERT_EQUAL(si_runpack_manifest(&store.head, FIXTURE_PREFIX, &out, &error), SI_E_NOT_FOUND);
  CU_ASSERT_EQUAL(si_runpack_manifest(&store.head, "../x", &out, &error), SI_E_INVALID);
  memory_store_free(&store);
}

UNIT_MAIN("runpack verify", UNIT(what_was_exported_verifies),
          UNIT(artifacts_are_asked_for_without_a_round_trip_each),
          UNIT(a_copied_runpack_verifies_with_an_unknown_placement),
          UNIT(a_runpack_in_anothers_place_is_found_out), UNIT(any_flipped_bit_of_any_object_fails),
          UNIT(cut_and_lengthened_objects_fail), UNIT(missing_and_extra_objects_fail),
          UNIT(a_runpack_without_manifest_is_incomplete),
          UNIT(what_was_put_there_must_be_what_is_there), UNIT(endless_answers_are_ended),
          UNIT(what_a_listing_says_of_lengths_counts_for_nothing),
          UNIT(the_cap_holds_at_verification_too),
          UNIT(a_store_that_cannot_be_asked_gives_no_verdict),
          UNIT(an_unreadable_artifact_is_a_finding), UNIT(every_wrong_field_of_a_manifest_is_told),
          UNIT(hashes_that_two_places_tell_differently_are_found),
          UNIT(an_artifact_named_twice_is_found), UNIT(a_runpack_of_another_maker_verifies),
          UNIT(all_faults_count_and_the_first_hundred_are_told),
          UNIT(the_manifest_can_be_read_as_it_is))
