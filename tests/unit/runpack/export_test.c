/* SPDX-License-Identifier: Apache-2.0 */
/* Export (R47 to R50, R56, R80): deterministic, manifest last and once, bounded, nothing refused
 * too late. */
#include "core/runpack/export.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/runpack/folder.h"
#include "core/runpack/verify.h"
#include "kit/base/path.h"
#include "tests/unit/runpack/fixture.h"
#include "tests/unit/runpack/memory_store.h"
#include "tests/unit/unit.h"

/* Made by another program from the description of the format. */
static const char golden[] =
    "{\"artifacts\":[{\"artifact_id\":\"artifacts/log.txt\",\"content_type\":\"text/plain\","
    "\"hash\":{\"algorithm\":\"sha256\",\"value\":\"5891b5b522d5df086d0ff0b110fbd9d21bb4fc716"
    "3af34d08286a2e846f6be03\"},\"kind\":\"custom\",\"path\":\"artifacts/log.txt\",\"required"
    "\":false},{\"artifact_id\":\"artifacts/out/result.json\",\"content_type\":\"application/"
    "json\",\"hash\":{\"algorithm\":\"sha256\",\"value\":\"4062edaf750fb8074e7e83e0c9028c94e3"
    "2468a8b6f1614774328ef045150f93\"},\"kind\":\"evidence_log\",\"path\":\"artifacts/out/res"
    "ult.json\",\"required\":true},{\"artifact_id\":\"artifacts/spec.json\",\"content_type\":"
    "\"application/json\",\"hash\":{\"algorithm\":\"sha256\",\"value\":\"bbb06b7cda261a523ee0"
    "87f177cb40906f823ded5b40c023567b49bd1a579c77\"},\"kind\":\"scenario_spec\",\"path\":\"ar"
    "tifacts/spec.json\",\"required\":true}],\"generated_at\":{\"kind\":\"unix_millis\",\"val"
    "ue\":1700000000000},\"hash_algorithm\":\"sha256\",\"integrity\":{\"file_hashes\":[{\"has"
    "h\":{\"algorithm\":\"sha256\",\"value\":\"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34"
    "d08286a2e846f6be03\"},\"path\":\"artifacts/log.txt\"},{\"hash\":{\"algorithm\":\"sha256"
    "\",\"value\":\"4062edaf750fb8074e7e83e0c9028c94e32468a8b6f1614774328ef045150f93\"},\"pat"
    "h\":\"artifacts/out/result.json\"},{\"hash\":{\"algorithm\":\"sha256\",\"value\":\"bbb06"
    "b7cda261a523ee087f177cb40906f823ded5b40c023567b49bd1a579c77\"},\"path\":\"artifacts/spec"
    ".json\"}],\"root_hash\":{\"algorithm\":\"sha256\",\"value\":\"0303612bab56c9ae3a652d50ce"
    "7a3dd6740c3513abdad13ada742c2edc85e04e\"}},\"manifest_version\":\"v1\",\"namespace_id\":"
    "\"p1\",\"provenance\":{\"plugins\":[{\"id\":\"file\",\"sha256\":\"0000000000000000000000"
    "000000000000000000000000000000000000000000\",\"version\":\"0.1.0\"}],\"si\":{\"version\""
    ":\"0.1.0\"}},\"run_id\":\"r-1\",\"scenario_id\":\"demo\",\"spec_hash\":{\"algorithm\":\""
    "sha256\",\"value\":\"bbb06b7cda261a523ee087f177cb40906f823ded5b40c023567b49bd1a579c77\"}"
    ",\"tenant_id\":\"oss-demo\",\"verifier_mode\":\"offline_strict\"}";
#define GOLDEN_HASH "49dc8b5defe4fc3467918563f541ab7b8620d94ffd66a1d16d7ef1f0b296fa4c"

static void the_same_input_and_clock_give_the_same_bytes(void) {
  for (int i = 0; i < 2; i++) {
    struct memory_store store;
    struct si_export_result result;
    struct si_error error;
    memory_store_init(&store);
    CU_ASSERT_EQUAL_FATAL(fixture_export(&store.head, &result, &error), SI_OK);
    const struct memory_object *manifest = memory_find(&store, "/manifest.json");
    CU_ASSERT_PTR_NOT_NULL_FATAL(manifest);
    CU_ASSERT_EQUAL(manifest->len, sizeof golden - 1);
    CU_ASSERT_EQUAL(memcmp(manifest->data, golden, sizeof golden - 1), 0);
    CU_ASSERT_STRING_EQUAL(result.manifest_sha256, GOLDEN_HASH);
    CU_ASSERT_STRING_EQUAL(result.prefix, FIXTURE_PREFIX);
    CU_ASSERT_EQUAL(result.artifacts, 3);
    CU_ASSERT_EQUAL(store.count, 4);
    memory_store_free(&store);
  }
}

static void the_spec_is_stored_in_canonical_form(void) {
  struct memory_store store;
  struct si_export_result result;
  memory_store_init(&store);
  CU_ASSERT_EQUAL_FATAL(fixture_export(&store.head, &result, NULL), SI_OK);
  const struct memory_object *spec = memory_find(&store, "/artifacts/spec.json");
  CU_ASSERT_PTR_NOT_NULL_FATAL(spec);
  const char *canonical = "{\"name\":\"blog\",\"services\":{\"db\":{}}}";
  CU_ASSERT_EQUAL(spec->len, strlen(canonical));
  CU_ASSERT_EQUAL(memcmp(spec->data, canonical, spec->len), 0);
  memory_store_free(&store);
}

static void the_manifest_comes_last_after_a_flush_and_commits(void) {
  struct memory_store store;
  struct si_export_result result;
  memory_store_init(&store);
  CU_ASSERT_EQUAL_FATAL(fixture_export(&store.head, &result, NULL), SI_OK);
  CU_ASSERT_EQUAL(store.unflushed_at_manifest, 0);
  CU_ASSERT_EQUAL(store.commits, 1);
  CU_ASSERT(strstr(store.objects[store.count - 1].key, "/manifest.json") != NULL);
  CU_ASSERT_EQUAL(store.unflushed, 0);
  /* No round trip an artifact. */
  CU_ASSERT(store.flushes <= 3);
  memory_store_free(&store);
}

static void a_complete_runpack_is_never_overwritten(void) {
  struct memory_store store;
  struct si_export_result result;
  struct si_error error;
  memory_store_init(&store);
  CU_ASSERT_EQUAL_FATAL(fixture_export(&store.head, &result, &error), SI_OK);
  memory_set(&store, FIXTURE_PREFIX "/artifacts/log.txt", "kept", 4);
  CU_ASSERT_EQUAL(fixture_export(&store.head, &result, &error), SI_E_EXISTS);
  CU_ASSERT_STRING_EQUAL(error.code, "RUNPACK_EXISTS");
  CU_ASSERT_EQUAL(memory_find(&store, "log.txt")->len, 4);
  memory_store_free(&store);
}

static void the_second_of_two_exports_at_once_does_not_make_the_manifest(void) {
  struct memory_store store;
  struct si_export_result result;
  struct si_error error;
  const struct si_export_options options = fixture_options();
  struct si_export *late = NULL;
  memory_store_init(&store);
  CU_ASSERT_EQUAL_FATAL(
      si_export_begin(&store.head, &options, FIXTURE_SPEC, sizeof FIXTURE_SPEC - 1, &late, &error),
      SI_OK);
  CU_ASSERT_EQUAL_FATAL(fixture_export(&store.head, &result, &error), SI_OK);
  CU_ASSERT_EQUAL(si_export_finish(late, &result, &error), SI_E_EXISTS);
  CU_ASSERT_STRING_EQUAL(error.code, "RUNPACK_EXISTS");
  CU_ASSERT_EQUAL(memory_find(&store, "/manifest.json")->len, sizeof golden - 1);
  si_export_free(&late);
  memory_store_free(&store);
}

static void an_unfinished_export_can_be_repeated_unless_it_left_something_else(void) {
  struct memory_store store;
  struct si_export_result result;
  struct si_error error;
  memory_store_init(&store);
  memory_set(&store, FIXTURE_PREFIX "/artifacts/log.txt", "half", 4);
  CU_ASSERT_EQUAL(fixture_export(&store.head, &result, &error), SI_OK);
  memory_drop(&store, "/manifest.json");
  memory_set(&store, FIXTURE_PREFIX "/artifacts/other", "x", 1);
  CU_ASSERT_EQUAL(fixture_export(&store.head, &result, &error), SI_E_CONFLICT);
  CU_ASSERT_STRING_EQUAL(error.code, "RUNPACK_LEFTOVERS");
  CU_ASSERT_STRING_EQUAL(error.target, "artifacts/other");
  CU_ASSERT_PTR_NULL(memory_find(&store, "/manifest.json"));
  memory_store_free(&store);
}

/* Adds one artifact to a fresh export; then tries to finish. */
static si_rc add_one(const struct si_artifact *artifact, uint64_t cap, struct si_error *error) {
  struct memory_store store;
  struct si_export_result result;
  struct si_export_options options = fixture_options();
  struct si_export *e = NULL;
  options.max_artifact_bytes = cap;
  memory_store_init(&store);
  CU_ASSERT_EQUAL_FATAL(
      si_export_begin(&store.head, &options, FIXTURE_SPEC, sizeof FIXTURE_SPEC - 1, &e, error),
      SI_OK);
  si_rc status = si_export_add(e, artifact, error);
  struct si_error later;
  CU_ASSERT_EQUAL(si_export_finish(e, &result, &later), status == SI_OK ? SI_OK : SI_E_CONFLICT);
  CU_ASSERT_EQUAL(memory_find(&store, "/manifest.json") != NULL, status == SI_OK);
  si_export_free(&e);
  memory_store_free(&store);
  return status;
}

static void names_kinds_and_types_are_checked(void) {
  static char long_name[5000];
  memset(long_name, 'a', sizeof long_name - 1);
  const struct {
    const char *name, *kind, *type;
    si_rc status;
  } cases[] = {
      {"a", NULL, NULL, SI_OK},
      {"a/b/c.txt", "custom", "text/plain; charset=utf-8", SI_OK},
      {"", NULL, NULL, SI_E_INVALID},
      {"/a", NULL, NULL, SI_E_INVALID},
      {"../a", NULL, NULL, SI_E_INVALID},
      {"a/../b", NULL, NULL, SI_E_INVALID},
      {"a//b", NULL, NULL, SI_E_INVALID},
      {".a", NULL, NULL, SI_E_INVALID},
      {"a b", NULL, NULL, SI_E_INVALID},
      {"a\n", NULL, NULL, SI_E_INVALID},
      {long_name, NULL, NULL, SI_E_INVALID},
      {"spec.json", NULL, NULL, SI_E_EXISTS},
      {"a", "odd", NULL, SI_E_INVALID},
      {"a", "scenario_spec", NULL, SI_E_INVALID},
      {"a", NULL, "text", SI_E_INVALID},
      {"a", NULL, "", SI_E_INVALID},
      {"a", NULL, "text/plain\r\nX: y", SI_E_INVALID},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_error error;
    struct si_artifact artifact = fixture_artifact(cases[i].name, "x");
    artifact.kind = cases[i].kind;
    artifact.content_type = cases[i].type;
    CU_ASSERT_EQUAL(add_one(&artifact, 0, &error), cases[i].status);
  }
}

static void an_artifact_over_the_cap_is_refused_by_name(void) {
  struct si_error error;
  char *big = calloc(1, (16u << 20) + 1);
  struct si_artifact artifact = {.name = "big", .data = big, .len = 16u << 20};
  CU_ASSERT_EQUAL(add_one(&artifact, 0, &error), SI_OK);
  artifact.len++;
  CU_ASSERT_EQUAL(add_one(&artifact, 0, &error), SI_E_QUOTA);
  CU_ASSERT_STRING_EQUAL(error.code, "RUNPACK_ARTIFACT_TOO_LARGE");
  CU_ASSERT_STRING_EQUAL(error.target, "artifacts/big");
  CU_ASSERT_EQUAL(add_one(&artifact, 32u << 20, &error), SI_OK);
  artifact.len = 0;
  CU_ASSERT_EQUAL(add_one(&artifact, 0, &error), SI_OK);
  free(big);
}

static void a_name_added_twice_ends_without_a_manifest(void) {
  struct memory_store store;
  struct si_export_result result;
  struct si_error error;
  const struct si_export_options options = fixture_options();
  const struct si_artifact a = fixture_artifact("a", "1"), b = fixture_artifact("b", "2");
  struct si_export *e = NULL;
  memory_store_init(&store);
  CU_ASSERT_EQUAL_FATAL(si_export_begin(&store.head, &options, "{}", 2, &e, &error), SI_OK);
  CU_ASSERT_EQUAL(si_export_add(e, &a, &error), SI_OK);
  CU_ASSERT_EQUAL(si_export_add(e, &b, &error), SI_OK);
  CU_ASSERT_EQUAL(si_export_add(e, &a, &error), SI_OK);
  CU_ASSERT_EQUAL(si_export_finish(e, &result, &error), SI_E_EXISTS);
  CU_ASSERT_STRING_EQUAL(error.code, "RUNPACK_DUPLICATE");
  CU_ASSERT_STRING_EQUAL(error.target, "artifacts/a");
  CU_ASSERT_PTR_NULL(memory_find(&store, "/manifest.json"));
  si_export_free(&e);
  memory_store_free(&store);
}

static void a_failed_put_ends_without_a_manifest(void) {
  struct memory_store store;
  struct si_export_result result;
  struct si_error error;
  memory_store_init(&store);
  store.late = SI_E_QUOTA;
  CU_ASSERT_EQUAL(fixture_export(&store.head, &result, &error), SI_E_QUOTA);
  CU_ASSERT_PTR_NULL(memory_find(&store, "/manifest.json"));
  memory_store_free(&store);
}

static void specs_without_a_canonical_form_are_refused(void) {
  static const char *const bad[] = {"", "{", "{\"a\":1.5}", "{\"a\":1,\"a\":2}", "\xff"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct memory_store store;
    struct si_error error;
    const struct si_export_options options = fixture_options();
    struct si_export *e = NULL;
    memory_store_init(&store);
    CU_ASSERT_EQUAL(si_export_begin(&store.head, &options, bad[i], strlen(bad[i]), &e, &error),
                    SI_E_INVALID);
    CU_ASSERT_STRING_EQUAL(error.target, "artifacts/spec.json");
    CU_ASSERT_EQUAL(store.count, 0);
    memory_store_free(&store);
  }
}

/* --- from files --- */

static int make_folder(char *path) {
  CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(path));
  int dir = open(path, O_RDONLY | O_DIRECTORY);
  CU_ASSERT_FATAL(dir >= 0);
  return dir;
}

static void put_file(int dir, const char *name, const char *text) {
  CU_ASSERT_EQUAL_FATAL(si_write_file(dir, name, text, strlen(text), 0600), SI_OK);
}

static void drop_folder(int dir, const char *path, const char *const *names) {
  for (; *names; names++) {
    if (unlinkat(dir, *names, 0) != 0) {
      unlinkat(dir, *names, AT_REMOVEDIR);
    }
  }
  close(dir);
  CU_ASSERT_EQUAL(rmdir(path), 0);
}

static si_rc export_folder(struct memory_store *store, int dir, struct si_error *error) {
  struct si_export_result result;
  const struct si_export_options options = fixture_options();
  struct si_export *e SI_AUTO(si_export_free) = NULL;
  memory_store_init(store);
  si_rc status = si_export_begin(&store->head, &options, "{}", 2, &e, error);
  status = status == SI_OK ? si_export_add_folder(e, dir, NULL, error) : status;
  return status == SI_OK ? si_export_finish(e, &result, error) : status;
}

static void a_folder_is_exported_whole_and_its_manifest_last(void) {
  static const char *const names[] = {"logs/web.txt", "logs", "b.json", "a", NULL};
  char path[] = "/tmp/runpack-test-XXXXXX";
  struct memory_store store;
  struct si_error error;
  int dir = make_folder(path);
  put_file(dir, "b.json", "{}");
  put_file(dir, "a", "1");
  CU_ASSERT_EQUAL_FATAL(mkdirat(dir, "logs", 0700), 0);
  int logs = openat(dir, "logs", O_RDONLY | O_DIRECTORY);
  put_file(logs, "web.txt", "up\n");
  close(logs);
  CU_ASSERT_EQUAL_FATAL(export_folder(&store, dir, &error), SI_OK);
  static const char *const keys[] = {"/artifacts/spec.json", "/artifacts/a", "/artifacts/b.json",
                                     "/artifacts/logs/web.txt", "/manifest.json"};
  CU_ASSERT_EQUAL_FATAL(store.count, 5);
  for (size_t i = 0; i < 5; i++) {
    CU_ASSERT_PTR_NOT_NULL(memory_find(&store, keys[i]));
  }
  CU_ASSERT_PTR_NOT_NULL(strstr(store.objects[0].key, keys[0]));
  CU_ASSERT_PTR_NOT_NULL(strstr(store.objects[4].key, keys[4]));
  CU_ASSERT_PTR_NOT_NULL(strstr(memory_find(&store, "/manifest.json")->data,
                                "\"content_type\":\"application/json\",\"hash\":{\"algorithm\":"
                                "\"sha256\",\"value\":\"44136fa355b3678a1146ad16f7e8649e94fb4fc2"
                                "1fe77e8310c060f61caaff8a\"},\"kind\":\"custom\",\"path\":"
                                "\"artifacts/b.json\""));
  memory_store_free(&store);
  drop_folder(dir, path, names);
}

/* Around every size that the reading threads know, to stores that take one object at a time, and
 * several. */
static void files_of_every_length_are_stored_and_hashed_as_they_are(void) {
  static const size_t lengths[] = {0,      1,      4095,    4096,    65535,   65536,   65537,
                                   131071, 131072, 262143,  262144,  262145,  266240,  524287,
                                   524288, 524289, 1048576, 1048577, 3000000, 1310720, 100000};
  enum { LENGTHS = sizeof lengths / sizeof *lengths, FILES = 3 * LENGTHS };
  static char bytes[3000000];
  char path[] = "/tmp/runpack-test-XXXXXX";
  char name[FILES][16], key[64];
  int dir = make_folder(path);
  for (size_t i = 0; i < FILES; i++) {
    size_t len = lengths[i % LENGTHS];
    for (size_t j = 0; j < len; j++) {
      bytes[j] = (char)(j * 3 + (j >> 12) + i);
    }
    snprintf(name[i], sizeof name[i], "f%zu", i);
    CU_ASSERT_EQUAL_FATAL(si_write_file(dir, name[i], bytes, len, 0600), SI_OK);
  }
  for (unsigned most = 1; most <= MEMORY_PUTS; most += MEMORY_PUTS - 1) {
    static struct memory_store store;
    struct si_verify_report report = SI_VERIFY_REPORT;
    struct si_error error = {.status = SI_OK};
    const struct si_export_options options = fixture_options();
    struct si_export_result result;
    struct si_export *e = NULL;
    memory_store_init(&store);
    store.head.open_max = most;
    CU_ASSERT_EQUAL_FATAL(si_export_begin(&store.head, &options, "{}", 2, &e, &error), SI_OK);
    CU_ASSERT_EQUAL_FATAL(si_export_add_folder(e, dir, NULL, &error), SI_OK);
    CU_ASSERT_EQUAL_FATAL(si_export_finish(e, &result, &error), SI_OK);
    CU_ASSERT_EQUAL(result.artifacts, FILES + 1);
    CU_ASSERT(store.most_open <= most);
    for (size_t i = 0; i < FILES; i++) {
      snprintf(key, sizeof key, "/artifacts/f%zu", i);
      const struct memory_object *object = memory_find(&store, key);
      CU_ASSERT_PTR_NOT_NULL_FATAL(object);
      CU_ASSERT_EQUAL_FATAL(object->len, lengths[i % LENGTHS]);
      bool same = true;
      for (size_t j = 0; same && j < object->len; j++) {
        same = object->data[j] == (char)(j * 3 + (j >> 12) + i);
      }
      CU_ASSERT(same);
    }
    CU_ASSERT_EQUAL(si_runpack_verify(&store.head, result.prefix, NULL, &report, &error), SI_OK);
    si_report_free(&report);
    si_export_free(&e);
    memory_store_free(&store);
  }
  for (size_t i = 0; i < FILES; i++) {
    unlinkat(dir, name[i], 0);
  }
  drop_folder(dir, path, (const char *const[]){NULL});
}

static void one_bad_file_among_many_is_named(void) {
  static const struct {
    const char *what;
    si_rc status;
    const char *code;
  } cases[] = {{"a link", SI_E_REFUSED, "RUNPACK_ARTIFACT_INVALID"},
               {"gone", SI_E_NOT_FOUND, "RUNPACK_ARTIFACT_INVALID"},
               {"too long", SI_E_QUOTA, "RUNPACK_ARTIFACT_TOO_LARGE"}};
  char path[] = "/tmp/runpack-test-XXXXXX", name[40][16];
  int dir = make_folder(path);
  for (size_t i = 0; i < 40; i++) {
    snprintf(name[i], sizeof name[i], "f%zu", i);
    put_file(dir, name[i], "some bytes");
  }
  put_file(dir, "long", "more bytes than may be");
  CU_ASSERT_EQUAL_FATAL(symlinkat("f1", dir, "link"), 0);
  for (size_t c = 0; c < 3; c++) {
    static const char *const bad[] = {"link", "gone", "long"};
    static struct memory_store store;
    struct si_error error;
    struct si_export_options options = fixture_options();
    struct si_export *e = NULL;
    options.max_artifact_bytes = 15;
    memory_store_init(&store);
    CU_ASSERT_EQUAL_FATAL(si_export_begin(&store.head, &options, "{}", 2, &e, &error), SI_OK);
    si_rc status = SI_OK;
    for (size_t i = 0; status == SI_OK && i < 40; i++) {
      const char *file = i == 20 ? bad[c] : name[i];
      const struct si_artifact artifact = {
          .name = file, .from = SI_FROM_FILE, .dir = dir, .file = file};
      status = si_export_queue(e, &artifact, &error);
    }
    status = status == SI_OK ? si_export_settle(e, &error) : status;
    CU_ASSERT_EQUAL(status, cases[c].status);
    CU_ASSERT_STRING_EQUAL(error.code, cases[c].code);
    CU_ASSERT_EQUAL(strncmp(error.target, "artifacts/", 10), 0);
    CU_ASSERT_STRING_EQUAL(error.target + 10, bad[c]);
    CU_ASSERT_EQUAL(si_export_settle(e, &error), SI_OK); /* there is nothing left */
    CU_ASSERT_NOT_EQUAL(si_export_add(e, &(struct si_artifact){.name = "x"}, &error), SI_OK);
    si_export_free(&e);
    memory_store_free(&store);
  }
  for (size_t i = 0; i < 40; i++) {
    unlinkat(dir, name[i], 0);
  }
  drop_folder(dir, path, (const char *const[]){"long", "link", NULL});
}

static void links_devices_and_odd_names_in_a_folder_are_refused(void) {
  for (int kind = 0; kind < 4; kind++) {
    static const char *const odd[] = {"link", "pipe", ".hidden", "a b"};
    const char *names[] = {"a", odd[kind], NULL};
    char path[] = "/tmp/runpack-test-XXXXXX";
    struct memory_store store;
    struct si_error error;
    int dir = make_folder(path);
    put_file(dir, "a", "1");
    if (kind == 0) {
      CU_ASSERT_EQUAL_FATAL(symlinkat("/etc/passwd", dir, "link"), 0);
    } else if (kind == 1) {
      CU_ASSERT_EQUAL_FATAL(mkfifoat(dir, "pipe", 0600), 0);
    } else {
      put_file(dir, odd[kind], "x");
    }
    CU_ASSERT_EQUAL(export_folder(&store, dir, &error), SI_E_REFUSED);
    CU_ASSERT_STRING_EQUAL(error.code, "RUNPACK_FOLDER_INVALID");
    CU_ASSERT_STRING_EQUAL(error.target, odd[kind]);
    /* Refused before any of its files was stored. */
    CU_ASSERT_PTR_NULL(memory_find(&store, "/artifacts/a"));
    memory_store_free(&store);
    drop_folder(dir, path, names);
  }
}

static void files_of_any_length_around_a_block_arrive_whole(void) {
  static const size_t lengths[] = {0, 1, 262143, 262144, 262145, 524288, 700001};
  char path[] = "/tmp/runpack-test-XXXXXX";
  int dir = make_folder(path);
  char *text = malloc(700002);
  memset(text, 'x', 700001);
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    struct memory_store store;
    struct si_verify_report report = SI_VERIFY_REPORT;
    struct si_error error;
    CU_ASSERT_EQUAL_FATAL(si_write_file(dir, "f", text, lengths[i], 0600), SI_OK);
    CU_ASSERT_EQUAL_FATAL(export_folder(&store, dir, &error), SI_OK);
    CU_ASSERT_EQUAL(memory_find(&store, "/artifacts/f")->len, lengths[i]);
    char *prefix = strndup(store.objects[0].key,
                           strlen(store.objects[0].key) - strlen("/artifacts/spec.json"));
    CU_ASSERT_EQUAL(si_runpack_verify(&store.head, prefix, NULL, &report, &error), SI_OK);
    CU_ASSERT_EQUAL(report.bytes, lengths[i] + 2);
    free(prefix);
    si_report_free(&report);
    memory_store_free(&store);
  }
  free(text);
  drop_folder(dir, path, (const char *const[]){"f", NULL});
}

/* put_data of a store that changes the file under the exporter. */
static int growing = -1;
static int shrink;
static si_rc (*real_put)(struct si_store *, uint64_t, const void *, size_t, struct si_error *);
static si_rc put_and_change(struct si_store *store, uint64_t put, const void *data, size_t len,
                            struct si_error *error) {
  if (growing >= 0) {
    CU_ASSERT_EQUAL(ftruncate(growing, shrink ? 300000 : 2000000), 0);
  }
  return real_put(store, put, data, len, error);
}

static void a_file_that_changes_its_length_is_refused(void) {
  for (shrink = 0; shrink < 2; shrink++) {
    char path[] = "/tmp/runpack-test-XXXXXX";
    int dir = make_folder(path);
    int fd = openat(dir, "f", O_RDWR | O_CREAT, 0600);
    CU_ASSERT_EQUAL_FATAL(ftruncate(fd, 1000000), 0);
    struct memory_store store;
    struct si_error error;
    const struct si_export_options options = fixture_options();
    const struct si_artifact artifact = {.name = "f", .from = SI_FROM_FD, .fd = fd};
    struct si_export *e = NULL;
    memory_store_init(&store);
    CU_ASSERT_EQUAL_FATAL(si_export_begin(&store.head, &options, "{}", 2, &e, &error), SI_OK);
    struct si_store_vt vt = *store.head.vt;
    real_put = vt.put_data;
    vt.put_data = put_and_change;
    store.head.vt = &vt;
    growing = fd;
    CU_ASSERT_EQUAL(si_export_add(e, &artifact, &error), SI_E_CONFLICT);
    growing = -1;
    CU_ASSERT_STRING_EQUAL(error.code, "RUNPACK_ARTIFACT_CHANGED");
    CU_ASSERT_PTR_NULL(memory_find(&store, "/artifacts/f"));
    si_export_free(&e);
    memory_store_free(&store);
    close(fd);
    drop_folder(dir, path, (const char *const[]){"f", NULL});
  }
}

UNIT_MAIN("runpack export", UNIT(the_same_input_and_clock_give_the_same_bytes),
          UNIT(the_spec_is_stored_in_canonical_form),
          UNIT(the_manifest_comes_last_after_a_flush_and_commits),
          UNIT(a_complete_runpack_is_never_overwritten),
          UNIT(the_second_of_two_exports_at_once_does_not_make_the_manifest),
          UNIT(an_unfinished_export_can_be_repeated_unless_it_left_something_else),
          UNIT(names_kinds_and_types_are_checked),
          UNIT(an_artifact_over_the_cap_is_refused_by_name),
          UNIT(a_name_added_twice_ends_without_a_manifest),
          UNIT(a_failed_put_ends_without_a_manifest),
          UNIT(specs_without_a_canonical_form_are_refused),
          UNIT(a_folder_is_exported_whole_and_its_manifest_last),
          UNIT(files_of_every_length_are_stored_and_hashed_as_they_are),
          UNIT(one_bad_file_among_many_is_named),
          UNIT(links_devices_and_odd_names_in_a_folder_are_refused),
          UNIT(files_of_any_length_around_a_block_arrive_whole),
          UNIT(a_file_that_changes_its_length_is_refused))
