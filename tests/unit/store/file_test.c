/* SPDX-License-Identifier: Apache-2.0 */
/* The artifact store `file` keeps si/artifact.h: objects appear whole or not at all, are read back
 * as written, listed, removed; one creator wins (R46, R51). */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/base/json.h"
#include "plugins/local/store/store.h"
#include "tests/unit/store/recorder.h"
#include "tests/unit/unit.h"

#define FATAL_OK(x) CU_ASSERT_EQUAL_FATAL((x), SI_OK)

static char root[64];
static si_instance *store;
static si_op op;

static void begin(void) {
  scratch_make(root);
  FATAL_OK(recorder_open(root, &op, &store));
}

static void end(void) {
  recorder_close(store);
  CU_ASSERT_EQUAL(count_temps(root), 0);
  scratch_drop(root);
}

static void the_descriptor_keeps_the_abi(void) {
  const si_plugin *plugin = si_plugin_v1();
  cJSON *schema = NULL;
  CU_ASSERT_EQUAL(plugin->magic, SI_ABI_MAGIC);
  CU_ASSERT_EQUAL(plugin->draft, SI_ABI_DRAFT);
  CU_ASSERT_STRING_EQUAL(plugin->id, "file");
  CU_ASSERT_EQUAL(recorder_provider()->kind, SI_KIND_ARTIFACT);
  CU_ASSERT_PTR_NULL(plugin->providers[1]);
  CU_ASSERT_EQUAL(si_json_parse(recorder_provider()->schema, strlen(recorder_provider()->schema),
                                &schema, NULL),
                  SI_OK);
  si_json_free(&schema);
}

static void a_configuration_is_checked_field_by_field(void) {
  static const struct {
    const char *config, *field;
  } cases[] = {
      {"", ""},
      {"[]", ""},
      {"{}", "/root"},
      {"{\"root\":7}", "/root"},
      {"{\"root\":\"relative\"}", "/root"},
      {"{\"root\":\"/tmp/../etc\"}", "/root"},
      {"{\"root\":\"/tmp//x\"}", "/root"},
      {"{\"root\":\"/tmp\",\"max_object_bytes\":0}", "/max_object_bytes"},
      {"{\"root\":\"/tmp\",\"max_object_bytes\":\"1\"}", "/max_object_bytes"},
      {"{\"root\":\"/tmp\",\"rot\":1}", "/rot"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    si_instance *none = NULL;
    memset(&op, 0, sizeof op);
    CU_ASSERT_EQUAL(
        recorder_provider()->open(&recorder_vt, &recorder_host, &op, cases[i].config, &none),
        SI_E_INVALID);
    CU_ASSERT_EQUAL(op.status, SI_E_INVALID);
    CU_ASSERT_STRING_EQUAL(op.field, cases[i].field);
    CU_ASSERT_PTR_NULL(none);
  }
}

static void the_root_is_made_by_the_first_object_where_its_parent_exists(void) {
  char path[128], list[256];
  struct stat st;
  begin();
  si_instance *other = NULL;
  snprintf(path, sizeof path, "%s/new", root);
  FATAL_OK(recorder_open(path, &op, &other));
  CU_ASSERT_EQUAL(listing(other, &op, "", list, sizeof list), SI_OK);
  CU_ASSERT_EQUAL(listing(other, &op, "../a", list, sizeof list), SI_E_INVALID);
  CU_ASSERT_EQUAL(read_all(other, &op, "a", list, sizeof list), -1);
  CU_ASSERT_EQUAL(op.status, SI_E_NOT_FOUND);
  CU_ASSERT_NOT_EQUAL(lstat(path, &st), 0);
  CU_ASSERT_EQUAL(put_all(other, &op, "a", 0, "x", 1), SI_OK);
  CU_ASSERT_EQUAL_FATAL(lstat(path, &st), 0);
  CU_ASSERT_EQUAL(st.st_mode & 07777, 0700);
  recorder_close(other);
  snprintf(path, sizeof path, "%s/no/where", root);
  CU_ASSERT_EQUAL(recorder_open(path, &op, &other), SI_E_NOT_FOUND);
  CU_ASSERT_PTR_NOT_NULL(strstr(op.message, "/no,"));
  end();
}

static void objects_come_back_as_they_were_put(void) {
  static const char *const keys[] = {"a", "b/c", "tenant/t/run/1/manifest.json"};
  char text[64];
  si_object_info info;
  begin();
  for (size_t i = 0; i < 3; i++) {
    FATAL_OK(put_all(store, &op, keys[i], i == 2 ? SI_PUT_CREATE_ONLY | SI_PUT_COMMIT : 0, keys[i],
                     strlen(keys[i])));
    CU_ASSERT_EQUAL(read_all(store, &op, keys[i], text, sizeof text), (long)strlen(keys[i]));
    CU_ASSERT_EQUAL(memcmp(text, keys[i], strlen(keys[i])), 0);
    CU_ASSERT_EQUAL(recorder_table()->stat(store, &op, keys[i], &info), SI_OK);
    CU_ASSERT_EQUAL(info.length, strlen(keys[i]));
    CU_ASSERT(info.modified_ms > 1500000000000);
  }
  FATAL_OK(put_all(store, &op, "a", 0, "", 0));
  CU_ASSERT_EQUAL(read_all(store, &op, "a", text, sizeof text), 0);
  CU_ASSERT_EQUAL(recorder_table()->stat(store, &op, "b", &info), SI_E_NOT_FOUND);
  CU_ASSERT_EQUAL(recorder_table()->stat(store, &op, "none", &info), SI_E_NOT_FOUND);
  CU_ASSERT_STRING_EQUAL(op.subject, "none");
  end();
}

static void a_part_of_an_object_can_be_read(void) {
  static const struct {
    uint64_t offset, limit;
    const char *expect;
  } cases[] = {{0, UINT64_MAX, "0123456789"},
               {3, 4, "3456"},
               {8, 100, "89"},
               {10, 5, ""},
               {99, 5, ""},
               {0, 0, ""}};
  begin();
  FATAL_OK(put_all(store, &op, "d/n", 0, "0123456789", 10));
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    si_reader *reader = NULL;
    char text[16] = "";
    size_t have = 0, got = 1;
    FATAL_OK(
        recorder_table()->reader_open(store, &op, "d/n", cases[i].offset, cases[i].limit, &reader));
    while (got) {
      FATAL_OK(recorder_table()->reader_read(reader, &op, text + have, 3, &got));
      have += got;
    }
    text[have] = '\0';
    CU_ASSERT_STRING_EQUAL(text, cases[i].expect);
    recorder_table()->reader_close(reader);
  }
  si_reader *reader = NULL;
  CU_ASSERT_EQUAL(recorder_table()->reader_open(store, &op, "d/n", UINT64_MAX, 1, &reader),
                  SI_E_INVALID);
  end();
}

static void nothing_is_seen_before_finish_and_nothing_stays_after_abort(void) {
  /* A small one that may replace another has no name at all while it is written. */
  static const struct {
    uint32_t flags;
    int temps;
  } cases[] = {{0, 0}, {SI_PUT_CREATE_ONLY, 1}};
  char text[64];
  for (int i = 0; i < 4; i++) {
    const int finish = i % 2;
    const si_put_options options = {
        .size = sizeof options, .flags = cases[i / 2].flags, .length = 3};
    si_sink *sink = NULL;
    begin();
    FATAL_OK(recorder_table()->sink_open(store, &op, "d/n", &options, &sink));
    FATAL_OK(recorder_table()->sink_write(sink, &op, "abc", 3));
    CU_ASSERT_EQUAL(read_all(store, &op, "d/n", text, sizeof text), -1);
    CU_ASSERT_EQUAL(listing(store, &op, "", text, sizeof text), SI_OK);
    CU_ASSERT_STRING_EQUAL(text, "");
    CU_ASSERT_EQUAL(count_temps(root), cases[i / 2].temps);
    if (finish) {
      FATAL_OK(recorder_table()->sink_finish(sink, &op));
      CU_ASSERT_EQUAL(read_all(store, &op, "d/n", text, sizeof text), 3);
    } else {
      recorder_table()->sink_abort(sink);
      CU_ASSERT_EQUAL(count_temps(root), 0);
    }
    end();
  }
}

static void the_announced_length_is_kept_exactly(void) {
  const si_put_options options = {.size = sizeof options, .length = 3};
  char text[64];
  si_sink *sink = NULL;
  begin();
  FATAL_OK(recorder_table()->sink_open(store, &op, "n", &options, &sink));
  CU_ASSERT_EQUAL(recorder_table()->sink_write(sink, &op, "abcd", 4), SI_E_INVALID);
  CU_ASSERT_STRING_EQUAL(op.subject, "n");
  recorder_table()->sink_abort(sink);
  FATAL_OK(recorder_table()->sink_open(store, &op, "n", &options, &sink));
  FATAL_OK(recorder_table()->sink_write(sink, &op, "ab", 2));
  CU_ASSERT_EQUAL(recorder_table()->sink_finish(sink, &op), SI_E_INVALID);
  CU_ASSERT_EQUAL(read_all(store, &op, "n", text, sizeof text), -1);
  end();
}

static void options_that_are_not_known_are_refused(void) {
  si_put_options options = {.size = sizeof options, .flags = 1u << 7, .length = 1};
  si_sink *sink = NULL;
  begin();
  CU_ASSERT_EQUAL(recorder_table()->sink_open(store, &op, "n", &options, &sink), SI_E_UNSUPPORTED);
  end();
}

static void an_object_over_the_limit_is_refused_before_it_is_written(void) {
  char config[128];
  si_instance *small = NULL;
  begin();
  snprintf(config, sizeof config, "{\"max_object_bytes\":4,\"root\":\"%s/\"}", root);
  FATAL_OK(recorder_provider()->open(&recorder_vt, &recorder_host, &op, config, &small));
  CU_ASSERT_EQUAL(put_all(small, &op, "n", 0, "abcd", 4), SI_OK);
  CU_ASSERT_EQUAL(put_all(small, &op, "n", 0, "abcde", 5), SI_E_QUOTA);
  CU_ASSERT_STRING_EQUAL(op.subject, "n");
  recorder_close(small);
  end();
}

static void create_only_never_replaces_and_a_plain_put_does(void) {
  char text[64];
  begin();
  FATAL_OK(put_all(store, &op, "d/n", SI_PUT_CREATE_ONLY, "one", 3));
  CU_ASSERT_EQUAL(put_all(store, &op, "d/n", SI_PUT_CREATE_ONLY, "two", 3), SI_E_EXISTS);
  CU_ASSERT_STRING_EQUAL(op.subject, "d/n");
  CU_ASSERT_EQUAL(read_all(store, &op, "d/n", text, sizeof text), 3);
  CU_ASSERT_EQUAL(memcmp(text, "one", 3), 0);
  FATAL_OK(put_all(store, &op, "d/n", 0, "three", 5));
  CU_ASSERT_EQUAL(read_all(store, &op, "d/n", text, sizeof text), 5);
  end();
}

/* Two instances open the same key before either finishes. */
static void of_two_creators_one_wins(void) {
  const si_put_options options = {
      .size = sizeof options, .flags = SI_PUT_CREATE_ONLY | SI_PUT_COMMIT, .length = 1};
  si_instance *other = NULL;
  si_sink *a = NULL, *b = NULL;
  char text[4];
  begin();
  FATAL_OK(recorder_open(root, &op, &other));
  FATAL_OK(recorder_table()->sink_open(store, &op, "d/n", &options, &a));
  FATAL_OK(recorder_table()->sink_open(other, &op, "d/n", &options, &b));
  FATAL_OK(recorder_table()->sink_write(a, &op, "a", 1));
  FATAL_OK(recorder_table()->sink_write(b, &op, "b", 1));
  CU_ASSERT_EQUAL(recorder_table()->sink_finish(b, &op), SI_OK);
  CU_ASSERT_EQUAL(recorder_table()->sink_finish(a, &op), SI_E_EXISTS);
  CU_ASSERT_EQUAL(read_all(store, &op, "d/n", text, sizeof text), 1);
  CU_ASSERT_EQUAL(text[0], 'b');
  recorder_close(other);
  end();
}

struct racer {
  pthread_barrier_t *start;
  int won[64];
  char letter;
};

static void *race(void *arg) {
  struct racer *racer = arg;
  si_instance *own = NULL;
  si_op own_op;
  if (recorder_open(root, &own_op, &own) != SI_OK) {
    return NULL;
  }
  for (int i = 0; i < 64; i++) {
    char key[32];
    snprintf(key, sizeof key, "race/%d/manifest.json", i);
    pthread_barrier_wait(racer->start);
    si_rc status = put_all(own, &own_op, key, SI_PUT_CREATE_ONLY, &racer->letter, 1);
    racer->won[i] = status == SI_OK ? 1 : status == SI_E_EXISTS ? 0 : 100;
  }
  recorder_close(own);
  return NULL;
}

static void of_many_racing_creators_one_wins_each_time(void) {
  pthread_barrier_t start;
  pthread_t threads[2];
  struct racer racers[2] = {{&start, {0}, 'a'}, {&start, {0}, 'b'}};
  begin();
  pthread_barrier_init(&start, NULL, 2);
  for (int i = 0; i < 2; i++) {
    CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
  }
  for (int i = 0; i < 2; i++) {
    pthread_join(threads[i], NULL);
  }
  pthread_barrier_destroy(&start);
  for (int i = 0; i < 64; i++) {
    char key[32], text[2];
    snprintf(key, sizeof key, "race/%d/manifest.json", i);
    CU_ASSERT_EQUAL(racers[0].won[i] + racers[1].won[i], 1);
    CU_ASSERT_EQUAL(read_all(store, &op, key, text, sizeof text), 1);
    CU_ASSERT_EQUAL(text[0], racers[0].won[i] ? 'a' : 'b');
  }
  end();
}

static void a_big_object_passes_the_windows_whole(void) {
  const size_t len = (20u << 20) + 12345;
  const si_put_options options = {.size = sizeof options, .length = len};
  char *text = malloc(len), *back = malloc(len + 1);
  si_sink *sink = NULL;
  begin();
  for (size_t i = 0; i < len; i++) {
    text[i] = (char)(i * 2654435761u >> 13);
  }
  FATAL_OK(recorder_table()->sink_open(store, &op, "big", &options, &sink));
  for (size_t at = 0; at < len; at += 999983) {
    FATAL_OK(
        recorder_table()->sink_write(sink, &op, text + at, len - at < 999983 ? len - at : 999983));
  }
  FATAL_OK(recorder_table()->sink_finish(sink, &op));
  CU_ASSERT_EQUAL(read_all(store, &op, "big", back, len + 1), (long)len);
  CU_ASSERT_EQUAL(memcmp(text, back, len), 0);
  free(text);
  free(back);
  end();
}

static void a_listing_has_what_lies_under_the_prefix_and_no_more(void) {
  static const char *const keys[] = {"a/b", "a/c/d", "ab/x", "a/b2", "z"};
  static const struct {
    const char *prefix, *expect;
  } cases[] = {
      {"a", "a/b2=1 a/b=1 a/c/d=1"},
      {"a/c", "a/c/d=1"},
      {"a/b", "a/b=1"},
      {"none", ""},
      {"z/x", ""},
      {"", "a/b2=1 a/b=1 a/c/d=1 ab/x=1 z=1"},
  };
  char text[512];
  begin();
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    FATAL_OK(put_all(store, &op, keys[i], 0, "x", 1));
  }
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CU_ASSERT_EQUAL(listing(store, &op, cases[i].prefix, text, sizeof text), SI_OK);
    CU_ASSERT_STRING_EQUAL(text, cases[i].expect);
  }
  end();
}

static si_rc stop(void *ctx, const char *key, const si_object_info *info) {
  (void)key;
  (void)info;
  return ++*(int *)ctx == 2 ? SI_E_CANCELLED : SI_OK;
}

static void a_listing_ends_when_the_receiver_says_so(void) {
  int seen = 0;
  begin();
  for (int i = 0; i < 5; i++) {
    char key[8] = {'d', '/', (char)('0' + i), '\0'};
    FATAL_OK(put_all(store, &op, key, 0, "x", 1));
  }
  CU_ASSERT_EQUAL(recorder_table()->list(store, &op, "", &seen, stop), SI_E_CANCELLED);
  CU_ASSERT_EQUAL(seen, 2);
  end();
}

static void removing_takes_the_object_and_the_empty_directories(void) {
  char text[64], path[128];
  struct stat st;
  begin();
  FATAL_OK(put_all(store, &op, "a/b/c", 0, "x", 1));
  FATAL_OK(put_all(store, &op, "a/d", 0, "x", 1));
  CU_ASSERT_EQUAL(recorder_table()->remove(store, &op, "a/b/c"), SI_OK);
  CU_ASSERT_EQUAL(recorder_table()->remove(store, &op, "a/b/c"), SI_OK);
  CU_ASSERT_EQUAL(listing(store, &op, "", text, sizeof text), SI_OK);
  CU_ASSERT_STRING_EQUAL(text, "a/d=1");
  snprintf(path, sizeof path, "%s/a/b", root);
  CU_ASSERT_NOT_EQUAL(lstat(path, &st), 0);
  /* The directory kept open is gone: putting there again must work. */
  FATAL_OK(put_all(store, &op, "a/b/c", 0, "y", 1));
  CU_ASSERT_EQUAL(read_all(store, &op, "a/b/c", text, sizeof text), 1);
  end();
}

/* Where the kernel does not name a file by its descriptor, /proc does. */
static void objects_get_their_names_by_way_of_proc_too(void) {
  static const char *const texts[] = {"first", "second"};
  begin();
  atomic_store(&store->link_by_fd, false);
  for (size_t i = 0; i < 2; i++) { /* a name of its own; then that of another */
    char back[16] = "";
    si_reader *reader = NULL;
    size_t got = 0;
    FATAL_OK(put_all(store, &op, "a/b", 0, texts[i], strlen(texts[i])));
    FATAL_OK(recorder_table()->reader_open(store, &op, "a/b", 0, UINT64_MAX, &reader));
    FATAL_OK(recorder_table()->reader_read(reader, &op, back, sizeof back - 1, &got));
    recorder_table()->reader_close(reader);
    CU_ASSERT_EQUAL(got, strlen(texts[i]));
    CU_ASSERT_STRING_EQUAL(back, texts[i]);
  }
  end();
}

static void a_directory_that_another_removed_is_made_again(void) {
  si_instance *other = NULL;
  char text[8];
  begin();
  FATAL_OK(recorder_open(root, &op, &other));
  FATAL_OK(put_all(store, &op, "a/b/c", 0, "x", 1));
  CU_ASSERT_EQUAL(recorder_table()->remove(other, &op, "a/b/c"), SI_OK);
  FATAL_OK(put_all(store, &op, "a/b/d", 0, "y", 1));
  CU_ASSERT_EQUAL(read_all(other, &op, "a/b/d", text, sizeof text), 1);
  /* And a reader that kept it open finds the new one. */
  CU_ASSERT_EQUAL(recorder_table()->remove(store, &op, "a/b/d"), SI_OK);
  FATAL_OK(put_all(store, &op, "a/b/e", 0, "z", 1));
  CU_ASSERT_EQUAL(read_all(other, &op, "a/b/e", text, sizeof text), 1);
  recorder_close(other);
  end();
}

static void an_object_and_a_directory_cannot_share_a_name(void) {
  begin();
  FATAL_OK(put_all(store, &op, "a/b", 0, "x", 1));
  CU_ASSERT_EQUAL(put_all(store, &op, "a", 0, "x", 1), SI_E_CONFLICT);
  CU_ASSERT_EQUAL(put_all(store, &op, "a/b/c", 0, "x", 1), SI_E_CONFLICT);
  CU_ASSERT_STRING_EQUAL(op.subject, "a/b/c");
  end();
}

UNIT_MAIN("artifact store: file", UNIT(the_descriptor_keeps_the_abi),
          UNIT(a_configuration_is_checked_field_by_field),
          UNIT(the_root_is_made_by_the_first_object_where_its_parent_exists),
          UNIT(objects_come_back_as_they_were_put), UNIT(a_part_of_an_object_can_be_read),
          UNIT(nothing_is_seen_before_finish_and_nothing_stays_after_abort),
          UNIT(the_announced_length_is_kept_exactly), UNIT(options_that_are_not_known_are_refused),
          UNIT(an_object_over_the_limit_is_refused_before_it_is_written),
          UNIT(create_only_never_replaces_and_a_plain_put_does), UNIT(of_two_creators_one_wins),
          UNIT(of_many_racing_creators_one_wins_each_time),
          UNIT(a_big_object_passes_the_windows_whole),
          UNIT(a_listing_has_what_lies_under_the_prefix_and_no_more),
          UNIT(a_listing_ends_when_the_receiver_says_so),
          UNIT(removing_takes_the_object_and_the_empty_directories),
          UNIT(objects_get_their_names_by_way_of_proc_too),
          UNIT(a_directory_that_another_removed_is_made_again),
          UNIT(an_object_and_a_directory_cannot_share_a_name))
