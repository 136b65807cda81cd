/* SPDX-License-Identifier: Apache-2.0 */
/* A backup provider in the real si-host: it is opened and described, tables of one that lie are
 * refused, and a call is answered as unsupported, for this si has none to make (the plugins:
 * tests/plugins/idle_backup.c). R74. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/host/session.h"
#include "kit/base/hash.h"
#include "kit/base/json.h"
#include "kit/base/path.h"
#include "kit/base/text.h"
#include "tests/unit/unit.h"

#define FATAL_OK(x) CU_ASSERT_EQUAL_FATAL((x), SI_OK)

static const char *const ids[] = {"idle-backup",    "short-backup",   "huge-backup",
                                  "missing-backup", "outside-backup", "other-backup"};
enum { IDS = sizeof ids / sizeof *ids };

static char tree[] = "/tmp/host-backup-XXXXXX";
static struct si_error error;

static void copy_plugin(int dir, const char *id, struct si_buf *manifest) {
  struct si_buf bytes SI_AUTO(si_buf_free) = SI_BUF(64u << 20);
  char name[64], hash[SI_SHA256_HEX];
  int from SI_AUTO(si_close) = open(BACKUP_PLUGINS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  snprintf(name, sizeof name, "%s.so", id);
  FATAL_OK(si_read_file(from, name, &bytes));
  FATAL_OK(si_write_file(dir, name, bytes.data, bytes.len, 0644));
  FATAL_OK(si_sha256_hex(bytes.data, bytes.len, hash));
  FATAL_OK(
      si_buf_printf(manifest,
                    "%s{\"id\":\"%s\",\"file\":\"%s\",\"sha256\":\"%s\",\"kinds\":[\"backup\"],"
                    "\"needs\":{},\"abi\":\"x\",\"license\":\"MIT\"}",
                    manifest->data[manifest->len - 1] == '[' ? "" : ",", id, name, hash));
}

/* A tree with all of them, as safe as one must be. */
static void make_tree(void) {
  struct si_buf manifest SI_AUTO(si_buf_free) = SI_BUF(10000);
  CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(tree));
  int dir SI_AUTO(si_close) = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  FATAL_OK(si_buf_puts(&manifest, "{\"schema\":\"si.plugins/1\",\"serial\":1,\"plugins\":["));
  for (size_t i = 0; i < IDS; i++) {
    copy_plugin(dir, ids[i], &manifest);
  }
  FATAL_OK(si_buf_puts(&manifest, "]}"));
  FATAL_OK(si_write_file(dir, "manifest.json", manifest.data, manifest.len, 0644));
  setenv("SI_PLUGIN_DIR", tree, 1);
}

static void drop_tree(void) {
  char name[64];
  int dir SI_AUTO(si_close) = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (size_t i = 0; i < IDS; i++) {
    snprintf(name, sizeof name, "%s.so", ids[i]);
    unlinkat(dir, name, 0);
  }
  unlinkat(dir, "manifest.json", 0);
  CU_ASSERT_EQUAL(rmdir(tree), 0);
}

static si_rc begin(const char *id, uint32_t kind, int describe, struct si_session **session) {
  const struct si_session_options options = {
      .plugin = id,
      .kind = kind,
      .describe = describe,
      .lock_fd = -1,
      .interrupt_fd = -1,
      .deadline_ns = si_monotonic_ns() + 60000000000ull,
  };
  memset(&error, 0, sizeof error);
  return si_session_open(&options, session, &error);
}

static void it_says_what_it_is(void) {
  struct si_session *session = NULL;
  cJSON *said = NULL;
  FATAL_OK(begin("idle-backup", SI_KIND_BACKUP, 1, &session));
  const char *text = si_session_descriptor(session);
  FATAL_OK(si_json_parse(text, strlen(text), &said, NULL));
  CU_ASSERT_STRING_EQUAL(si_json_str(said, "kind"), "backup");
  CU_ASSERT_STRING_EQUAL(si_json_str(said, "provider"), "idle-backup");
  CU_ASSERT_EQUAL(cJSON_GetArraySize(si_json_get(said, "extensions")), 0);
  si_json_free(&said);
  si_session_close(session);
}

static void a_call_is_unsupported_and_the_session_lives_on(void) {
  struct si_session *session = NULL;
  struct si_buf result SI_AUTO(si_buf_free) = SI_BUF(4096);
  FATAL_OK(begin("idle-backup", SI_KIND_BACKUP, 0, &session));
  for (uint32_t verb = SI_VERB_CHECK; verb <= SI_VERB_LOGS; verb++) {
    CU_ASSERT_EQUAL(si_session_call(session, verb, NULL, NULL, &result, &error), SI_E_UNSUPPORTED);
    CU_ASSERT_STRING_EQUAL(error.code, "PROVIDER_UNSUPPORTED");
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "\"idle-backup\""));
    CU_ASSERT_EQUAL(result.len, 0);
  }
  si_session_close(session);
}

static void tables_that_lie_are_refused(void) {
  static const struct {
    const char *id;
    const char *code;
    const char *words;
  } cases[] = {
      {"short-backup", "PLUGIN_TABLE", "says it is"},
      {"huge-backup", "PLUGIN_TABLE", "says it is 4097 bytes"},
      {"missing-backup", "PLUGIN_TABLE", "member 6 of the backup provider's table is missing"},
      {"outside-backup", "PLUGIN_TABLE",
       "member 7 of the backup provider's table points to no code"},
      {"other-backup", "PLUGIN_KIND", "has none"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_session *session = NULL;
    CU_ASSERT_NOT_EQUAL(begin(cases[i].id, SI_KIND_BACKUP, 1, &session), SI_OK);
    CU_ASSERT_STRING_EQUAL(error.code, cases[i].code);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, cases[i].words));
    si_session_close(session);
  }
}

static void it_serves_no_other_kind(void) {
  struct si_session *session = NULL;
  CU_ASSERT_NOT_EQUAL(begin("idle-backup", SI_KIND_ARTIFACT, 1, &session), SI_OK);
  CU_ASSERT_STRING_EQUAL(error.code, "PLUGIN_KIND");
  si_session_close(session);
}

UNIT_MAIN("host_backup", UNIT(make_tree), UNIT(it_says_what_it_is),
          UNIT(a_call_is_unsupported_and_the_session_lives_on), UNIT(tables_that_lie_are_refused),
          UNIT(it_serves_no_other_kind), UNIT(drop_tree))
