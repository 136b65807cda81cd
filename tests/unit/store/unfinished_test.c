/* SPDX-License-Identifier: Apache-2.0 */
/* The artifact store `file` tells what dead writers left, drops that and nothing else, and says
 * where people find its objects. R48, R52. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/base/text.h"
#include "tests/unit/store/recorder.h"
#include "tests/unit/unit.h"

#define FATAL_OK(x) CU_ASSERT_EQUAL_FATAL((x), SI_OK)
#define DEAD ".si-0123456789ab-0"

static char root[64];
static si_instance *store;
static si_op op;

static void begin(void) {
  scratch_make(root);
  FATAL_OK(recorder_open(root, &op, &store));
}

static void end(void) {
  recorder_close(store);
  scratch_drop(root);
}

static void leave(const char *path, const char *text) {
  char full[SI_PATH_MAX];
  CU_ASSERT_FATAL(si_path_join(full, sizeof full, root, path) == SI_OK);
  int fd SI_AUTO(si_close) = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  CU_ASSERT_FATAL(fd >= 0 && si_write_all(fd, text, strlen(text)) == 0);
}

static bool there(const char *path) {
  char full[SI_PATH_MAX];
  struct stat st;
  CU_ASSERT_FATAL(si_path_join(full, sizeof full, root, path) == SI_OK);
  return lstat(full, &st) == 0;
}

struct found {
  char text[512]; /* "key|id=length", joined by ' ' */
  int64_t started_ms;
};

static si_rc on_found(void *ctx, const si_unfinished *u) {
  struct found *found = ctx;
  size_t at = strlen(found->text);
  snprintf(found->text + at, sizeof found->text - at, "%s%s|%s=%llu", at ? " " : "", u->key, u->id,
           (unsigned long long)u->length);
  found->started_ms = u->started_ms;
  CU_ASSERT_EQUAL(u->size, sizeof *u);
  return SI_OK;
}

static const char *unfinished(const char *prefix, struct found *found) {
  memset(found, 0, sizeof *found);
  FATAL_OK(recorder_table()->unfinished(store, &op, prefix, found, on_found));
  return found->text;
}

static void what_dead_writers_left_is_told_by_its_directory(void) {
  struct found found;
  begin();
  FATAL_OK(put_all(store, &op, "a/b/c", 0, "x", 1));
  leave("a/b/" DEAD, "half");
  leave("a/.hidden", "");
  leave("a/.si-not-ours", "");
  CU_ASSERT_STRING_EQUAL(unfinished("", &found), "a/b|" DEAD "=4");
  CU_ASSERT(found.started_ms > si_now_ms() - 60000 && found.started_ms <= si_now_ms());
  CU_ASSERT_STRING_EQUAL(unfinished("a", &found), "a/b|" DEAD "=4");
  CU_ASSERT_STRING_EQUAL(unfinished("a/b", &found), "a/b|" DEAD "=4");
  CU_ASSERT_STRING_EQUAL(unfinished("a/b/c", &found), "");
  CU_ASSERT_STRING_EQUAL(unfinished("b", &found), "");
  leave(DEAD, "");
  CU_ASSERT_PTR_NOT_NULL(strstr(unfinished("", &found), "|" DEAD "=0")); /* at the root: key "" */
  CU_ASSERT_EQUAL(recorder_table()->unfinished(store, &op, "../a", &found, on_found), SI_E_INVALID);
  end();
}

/* One that has a name: small objects without an option have none until they are whole. */
static void a_writer_at_work_is_told_too_and_fails_once_it_is_dropped(void) {
  const si_put_options options = {.size = sizeof options, .length = 3, .flags = SI_PUT_CREATE_ONLY};
  struct found found;
  char id[64] = "";
  si_sink *sink = NULL;
  begin();
  FATAL_OK(recorder_table()->sink_open(store, &op, "a/n", &options, &sink));
  FATAL_OK(recorder_table()->sink_write(sink, &op, "abc", 3));
  CU_ASSERT_EQUAL_FATAL(strncmp(unfinished("", &found), "a|.si-", 6), 0);
  snprintf(id, sizeof id, "%.*s", (int)strcspn(found.text + 2, "="), found.text + 2);
  FATAL_OK(recorder_table()->discard(store, &op, "a", id));
  CU_ASSERT_EQUAL(recorder_table()->sink_finish(sink, &op), SI_E_NOT_FOUND);
  CU_ASSERT_FALSE(there("a/n"));
  end();
}

static void dropping_takes_the_file_and_the_directories_that_it_leaves_empty(void) {
  begin();
  FATAL_OK(put_all(store, &op, "a/x", 0, "x", 1));
  FATAL_OK(put_all(store, &op, "a/b/c", 0, "x", 1));
  leave("a/b/" DEAD, "half");
  FATAL_OK(recorder_table()->remove(store, &op, "a/b/c"));
  CU_ASSERT_TRUE(there("a/b/" DEAD));
  FATAL_OK(recorder_table()->discard(store, &op, "a/b", DEAD));
  CU_ASSERT_FALSE(there("a/b"));
  CU_ASSERT_TRUE(there("a/x"));
  leave(DEAD, "");
  FATAL_OK(recorder_table()->discard(store, &op, "", DEAD));
  CU_ASSERT_FALSE(there(DEAD));
  /* Gone is success. */
  CU_ASSERT_EQUAL(recorder_table()->discard(store, &op, "", DEAD), SI_OK);
  CU_ASSERT_EQUAL(recorder_table()->discard(store, &op, "no/where", DEAD), SI_OK);
  end();
}

static void only_the_stores_own_temporary_files_are_dropped(void) {
  static const char *const ids[] = {
      "",
      "c",
      ".hidden",
      "../" DEAD,
      "b/" DEAD,
      ".si-0123456789ab",
      ".si-0123456789ab-",
      ".si-0123456789ab-g",
      ".si-0123456789AB-0",
      ".si-0123456789abc-0",
      ".si-0123456789ab-0/",
      ".si-0123456789ab-00000000000000000",
  };
  begin();
  FATAL_OK(put_all(store, &op, "a/c", 0, "x", 1));
  for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
    CU_ASSERT_EQUAL(recorder_table()->discard(store, &op, "a", ids[i]), SI_E_INVALID);
  }
  CU_ASSERT_EQUAL(recorder_table()->discard(store, &op, "../a", DEAD), SI_E_INVALID);
  CU_ASSERT_EQUAL(recorder_table()->discard(store, &op, "/a", DEAD), SI_E_INVALID);
  CU_ASSERT_TRUE(there("a/c"));
  end();
}

static void traps_in_the_place_of_a_temporary_file_are_left_alone(void) {
  char outside[64], path[256];
  struct found found;
  begin();
  scratch_make(outside);
  FATAL_OK(put_all(store, &op, "a/c", 0, "x", 1));
  snprintf(path, sizeof path, "%s/a/link", root);
  CU_ASSERT_EQUAL_FATAL(symlink(outside, path), 0);
  snprintf(path, sizeof path, "%s/" DEAD, outside);
  int fd SI_AUTO(si_close) = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  CU_ASSERT_FATAL(fd >= 0);
  CU_ASSERT_EQUAL(recorder_table()->discard(store, &op, "a/link", DEAD), SI_E_REFUSED);
  CU_ASSERT_EQUAL(access(path, F_OK), 0);
  snprintf(path, sizeof path, "%s/a/" DEAD, root);
  CU_ASSERT_EQUAL_FATAL(mkdir(path, 0700), 0);
  CU_ASSERT_STRING_EQUAL(unfinished("", &found), "");
  CU_ASSERT_EQUAL(recorder_table()->discard(store, &op, "a", DEAD), SI_E_REFUSED);
  CU_ASSERT_TRUE(there("a/" DEAD));
  scratch_drop(outside);
  end();
}

static void a_store_that_is_not_there_yet_has_nothing_unfinished(void) {
  char path[128];
  struct found found;
  begin();
  si_instance *other = NULL;
  snprintf(path, sizeof path, "%s/new", root);
  FATAL_OK(recorder_open(path, &op, &other));
  memset(&found, 0, sizeof found);
  CU_ASSERT_EQUAL(recorder_table()->unfinished(other, &op, "", &found, on_found), SI_OK);
  CU_ASSERT_STRING_EQUAL(found.text, "");
  CU_ASSERT_EQUAL(recorder_table()->discard(other, &op, "a", DEAD), SI_OK);
  CU_ASSERT_FALSE(there("new"));
  recorder_close(other);
  end();
}

static void a_uri_is_the_path_with_what_it_cannot_hold_written_out(void) {
  static const struct {
    const char *root, *key, *uri;
  } cases[] = {
      {"", "", "file://%s"},
      {"", "a/b.json", "file://%s/a/b.json"},
      {"/with a%\xc3\xa4", "k", "file://%s/with%%20a%%25%%C3%%A4/k"},
  };
  begin();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char path[128], want[256], uri[256];
    si_instance *other = NULL;
    snprintf(path, sizeof path, "%s%s", root, cases[i].root);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(want, sizeof want, cases[i].uri, root);
#pragma GCC diagnostic pop
    FATAL_OK(recorder_open(path, &op, &other));
    for (size_t cap = 0; cap < sizeof uri; cap++) {
      memset(uri, '#', sizeof uri);
      si_rc status = recorder_table()->uri(other, cases[i].key, uri, cap);
      CU_ASSERT(status == SI_OK ? strcmp(uri, want) == 0 : status == SI_E_QUOTA);
      CU_ASSERT(status != SI_OK || cap > strlen(want));
      CU_ASSERT_EQUAL(uri[cap], '#');
    }
    CU_ASSERT_EQUAL(recorder_table()->uri(other, cases[i].key, uri, strlen(want) + 4), SI_OK);
    CU_ASSERT_EQUAL(recorder_table()->uri(other, "../a", uri, sizeof uri), SI_E_INVALID);
    recorder_close(other);
  }
  si_instance *whole = NULL;
  char uri[64];
  FATAL_OK(recorder_open("/", &op, &whole));
  CU_ASSERT_EQUAL(recorder_table()->uri(whole, "", uri, sizeof uri), SI_OK);
  CU_ASSERT_STRING_EQUAL(uri, "file:///");
  CU_ASSERT_EQUAL(recorder_table()->uri(whole, "a", uri, sizeof uri), SI_OK);
  CU_ASSERT_STRING_EQUAL(uri, "file:///a");
  recorder_close(whole);
  end();
}

UNIT_MAIN("artifact store: file, unfinished objects and URIs",
          UNIT(what_dead_writers_left_is_told_by_its_directory),
          UNIT(a_writer_at_work_is_told_too_and_fails_once_it_is_dropped),
          UNIT(dropping_takes_the_file_and_the_directories_that_it_leaves_empty),
          UNIT(only_the_stores_own_temporary_files_are_dropped),
          UNIT(traps_in_the_place_of_a_temporary_file_are_left_alone),
          UNIT(a_store_that_is_not_there_yet_has_nothing_unfinished),
          UNIT(a_uri_is_the_path_with_what_it_cannot_hold_written_out))
