/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/events/verify_test.c - a chain that was touched is found, and the first bad line is
 * named (R19, R26).
 */
#include "kit/base/hash.h"
#include "tests/unit/events/world.h"

enum { EVENTS = 6 };

/* The lines of audit, without \n, for a case to change; what is NULL is left out. */
struct lines {
  char *at[EVENTS + 4];
  size_t count;
};

static char *copy(const char *text) {
  char *made = strdup(text);
  NEED(made != NULL);
  return made;
}

static void lines_read(const struct world *world, const char *stream, struct lines *lines) {
  struct si_buf text = {0};
  char *rest = NULL;
  world_read(world, stream, &text);
  memset(lines, 0, sizeof *lines);
  for (char *line = text.data ? strtok_r(text.data, "\n", &rest) : NULL; line;
       line = strtok_r(NULL, "\n", &rest)) {
    NEED(lines->count < EVENTS + 4);
    lines->at[lines->count++] = copy(line);
  }
  si_buf_free(&text);
}

static void lines_write(const struct world *world, const char *stream, const struct lines *lines) {
  struct si_buf text = SI_BUF(1 << 20);
  for (size_t i = 0; i < lines->count; i++) {
    NEED(si_buf_printf(&text, "%s\n", lines->at[i]) == SI_OK);
  }
  world_write(world, stream, si_buf_text(&text), text.len);
  si_buf_free(&text);
}

static void lines_free(struct lines *lines) {
  for (size_t i = 0; i < lines->count; i++) {
    free(lines->at[i]);
  }
}

static void lines_insert(struct lines *lines, size_t at, char *line) {
  NEED(lines->count < EVENTS + 4);
  memmove(&lines->at[at + 1], &lines->at[at], (lines->count - at) * sizeof *lines->at);
  lines->at[at] = line;
  lines->count++;
}

static void lines_remove(struct lines *lines, size_t at) {
  free(lines->at[at]);
  lines->count--;
  memmove(&lines->at[at], &lines->at[at + 1], (lines->count - at) * sizeof *lines->at);
}

static void replace(char **line, const char *from, const char *to) {
  struct si_buf made = SI_BUF(1 << 20);
  char *found = strstr(*line, from);
  NEED(found != NULL);
  NEED(si_buf_printf(&made, "%.*s%s%s", (int)(found - *line), *line, to, found + strlen(from)) ==
       SI_OK);
  free(*line);
  *line = copy(made.data);
  si_buf_free(&made);
}

/* What a forger who knows the format would do: another member, and a hash that fits. */
static char *forge(const char *line, const char *key, cJSON *value, int seq, const char *prev) {
  struct si_buf text = SI_BUF(1 << 20);
  cJSON *event = NULL;
  char hash[65];
  NEED(si_json_parse(line, strlen(line), &event, NULL) == SI_OK);
  cJSON_DeleteItemFromObjectCaseSensitive(event, "hash");
  cJSON_DeleteItemFromObjectCaseSensitive(event, key);
  cJSON_AddItemToObject(event, key, value);
  if (prev) {
    cJSON_ReplaceItemInObjectCaseSensitive(event, "prev", cJSON_CreateString(prev));
    cJSON_ReplaceItemInObjectCaseSensitive(event, "seq", cJSON_CreateNumber(seq));
  }
  NEED(si_json_canonical(event, &text) == SI_OK);
  NEED(si_sha256_hex(text.data, text.len, hash) == SI_OK);
  cJSON_AddStringToObject(event, "hash", hash);
  si_buf_clear(&text);
  NEED(si_json_canonical(event, &text) == SI_OK);
  char *made = copy(text.data);
  cJSON_Delete(event);
  si_buf_free(&text);
  return made;
}

static void hash_of(const char *line, char hash[65]) {
  const char *found = strstr(line, "\"hash\":\"");
  NEED(found != NULL);
  snprintf(hash, 65, "%.64s", found + 8);
}

static void swap_lines(struct lines *lines) {
  char *third = lines->at[2];
  lines->at[2] = lines->at[3];
  lines->at[3] = third;
}
static void double_line(struct lines *lines) {
  lines_insert(lines, 3, copy(lines->at[2]));
}
static void double_last(struct lines *lines) {
  lines_insert(lines, lines->count, copy(lines->at[lines->count - 1]));
}
static void remove_first(struct lines *lines) {
  lines_remove(lines, 0);
}
static void remove_middle(struct lines *lines) {
  lines_remove(lines, 2);
}
static void remove_last(struct lines *lines) {
  lines_remove(lines, lines->count - 1);
}
static void remove_all(struct lines *lines) {
  while (lines->count > 0) {
    lines_remove(lines, 0);
  }
}
static void edit_status(struct lines *lines) {
  replace(&lines->at[2], "\"status\":\"ok\"", "\"status\":\"no\"");
}
static void edit_time(struct lines *lines) {
  replace(&lines->at[5], "\"at\":\"20", "\"at\":\"19");
}
static void edit_hash(struct lines *lines) {
  char hash[65];
  hash_of(lines->at[2], hash);
  replace(&lines->at[2], hash, "0000000000000000000000000000000000000000000000000000000000000000");
}
static void edit_seq(struct lines *lines) {
  replace(&lines->at[2], "\"seq\":3,", "\"seq\":4,");
}
static void drop_hash(struct lines *lines) {
  char hash[65], member[80];
  hash_of(lines->at[1], hash);
  snprintf(member, sizeof member, "\"hash\":\"%s\",", hash);
  replace(&lines->at[1], member, "");
}
static void rehash(struct lines *lines, size_t i) {
  char *made = forge(lines->at[i], "action", cJSON_CreateString("innocent"), 0, NULL);
  free(lines->at[i]);
  lines->at[i] = made;
}
static void rehash_middle(struct lines *lines) {
  rehash(lines, 2);
}
static void rehash_last(struct lines *lines) {
  rehash(lines, 5);
}
static void add_forged(struct lines *lines) {
  char hash[65];
  hash_of(lines->at[5], hash);
  lines_insert(lines, 6,
               forge(lines->at[5], "action", cJSON_CreateString("extra"), EVENTS + 1, hash));
}
static void of_another_context(struct lines *lines) {
  char *made = forge(lines->at[2], "context", cJSON_CreateString("two"), 0, NULL);
  free(lines->at[2]);
  lines->at[2] = made;
}
static void add_blank(struct lines *lines) {
  replace(&lines->at[3], ",\"seq\"", ", \"seq\"");
}
static void reorder_members(struct lines *lines) {
  replace(&lines->at[3], "\"action\":\"a\",", "");
  replace(&lines->at[3], "\"actor\"", "\"action\":\"a\",\"actor\"");
  replace(&lines->at[3], "\"context\":\"one\",", "");
  replace(&lines->at[3], "\"action\"", "\"context\":\"one\",\"action\"");
}
static void escape_needlessly(struct lines *lines) {
  replace(&lines->at[3], "\"action\":\"a\"", "\"action\":\"\\u0061\"");
}
static void empty_line(struct lines *lines) {
  lines_insert(lines, 1, copy(""));
}
static void no_json(struct lines *lines) {
  lines_insert(lines, 1, copy("junk"));
}
static void array_line(struct lines *lines) {
  lines_insert(lines, 0, copy("[]"));
}
static void add_carriage_return(struct lines *lines) {
  replace(&lines->at[0], "\"target\"", "\"target\"");
  struct si_buf made = SI_BUF(1 << 20);
  NEED(si_buf_printf(&made, "%s\r", lines->at[0]) == SI_OK);
  free(lines->at[0]);
  lines->at[0] = copy(made.data);
  si_buf_free(&made);
}

static const struct {
  const char *what;
  void (*change)(struct lines *lines);
  uint64_t line;
  const char *message; /* a part of it */
} tampers[] = {
    {"a value edited", edit_status, 3, "not that of its content"},
    {"the last line's time edited", edit_time, 6, "not that of its content"},
    {"the hash edited", edit_hash, 3, "not that of its content"},
    {"the hash gone", drop_hash, 2, "not that of its content"},
    {"the number edited", edit_seq, 3, "not that of its content"},
    {"edited with a new hash", rehash_middle, 4, "does not follow line 3"},
    {"the last one, with a new hash", rehash_last, 6, "replaced"},
    {"two swapped", swap_lines, 3, "holds event 4 where event 3 belongs"},
    {"one doubled", double_line, 4, "holds event 3 where event 4 belongs"},
    {"the last one doubled", double_last, 7, "holds event 6 where event 7 belongs"},
    {"the first gone", remove_first, 1, "holds event 2 where event 1 belongs"},
    {"one gone", remove_middle, 3, "holds event 4 where event 3 belongs"},
    {"the last gone", remove_last, 6, "line 6 is missing"},
    {"all gone", remove_all, 1, "line 1 is missing"},
    {"one more, forged", add_forged, 7, "behind the last event"},
    {"of another context", of_another_context, 3, "belongs to another context (two)"},
    {"a blank put in", add_blank, 4, "not written as events are"},
    {"members in another order", reorder_members, 4, "not written as events are"},
    {"an escape that is not needed", escape_needlessly, 4, "not written as events are"},
    {"an empty line", empty_line, 2, "is no event"},
    {"no JSON", no_json, 2, "is no event"},
    {"no object", array_line, 1, "is no event"},
    {"a carriage return", add_carriage_return, 1, "not written as events are"},
};

static void fill(struct world *world) {
  world_begin(world);
  for (int i = 0; i < EVENTS; i++) {
    const struct si_event event = {.action = "a", .target = "blog"};
    NEED(si_events_append(&world->context, world->state, &event, NULL) == SI_OK);
  }
  NEED(world_append(world, "deployments", "d", NULL) == SI_OK);
}

static void whatever_is_done_to_a_line_is_found_and_named(void) {
  struct world world;
  struct si_buf whole = {0};
  struct si_events_fault fault;
  uint64_t counts[3] = {0};
  fill(&world);
  world_read(&world, "audit", &whole);
  for (size_t i = 0; i < sizeof tampers / sizeof *tampers; i++) {
    struct lines lines;
    lines_read(&world, "audit", &lines);
    tampers[i].change(&lines);
    lines_write(&world, "audit", &lines);
    lines_free(&lines);
    bool well = world_verifies(&world, NULL, &fault);
    bool named = !well && strcmp(fault.stream, "audit") == 0 && fault.line == tampers[i].line &&
                 strstr(fault.message, tampers[i].message);
    if (!named) {
      printf("\n%s: %s %llu %s\n", tampers[i].what, fault.stream, (unsigned long long)fault.line,
             fault.message);
    }
    CU_ASSERT(named);
    world_write(&world, "audit", whole.data, whole.len);
  }
  CU_ASSERT(world_verifies(&world, counts, &fault));
  CU_ASSERT_EQUAL(counts[0], EVENTS);
  CU_ASSERT_EQUAL(counts[1], 1);
  si_buf_free(&whole);
  world_end(&world);
}

static void a_file_cut_anywhere_is_found(void) {
  struct world world;
  struct si_buf whole = {0};
  fill(&world);
  world_read(&world, "audit", &whole);
  size_t line = whole.len / EVENTS;
  for (size_t len = 0; len < whole.len; len += 11) {
    struct si_events_fault fault;
    world_write(&world, "audit", whole.data, len);
    CU_ASSERT(!world_verifies(&world, NULL, &fault));
    CU_ASSERT_EQUAL(fault.line, len / line + 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(fault.message, len % line ? "cut off" : "is missing"));
  }
  char path[128];
  struct si_events_fault fault;
  NEED(si_buf_puts(&whole, "{\"action") == SI_OK);
  world_write(&world, "audit", whole.data, whole.len);
  CU_ASSERT(!world_verifies(&world, NULL, &fault));
  CU_ASSERT_EQUAL(fault.line, EVENTS + 1);
  world_path(&world, "audit", path);
  NEED(unlink(path) == 0);
  CU_ASSERT(!world_verifies(&world, NULL, &fault));
  CU_ASSERT_EQUAL(fault.line, 1);
  si_buf_free(&whole);
  world_end(&world);
}

static void a_line_of_another_stream_is_found(void) {
  struct world world;
  struct lines audit, deployments;
  struct si_events_fault fault;
  fill(&world);
  lines_read(&world, "audit", &audit);
  lines_read(&world, "deployments", &deployments);
  lines_write(&world, "deployments", &audit);
  CU_ASSERT(!world_verifies(&world, NULL, &fault));
  EXPECT_TEXT(fault.stream, "deployments");
  CU_ASSERT_EQUAL(fault.line, 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(fault.message, "chain of deployments events"));
  lines_free(&audit);
  lines_free(&deployments);
  world_end(&world);
}

/* All that one context wrote, in the place of another's of the same name. */
static void the_whole_file_of_another_context_is_found(void) {
  struct world one, two;
  struct si_buf text = {0};
  struct si_events_fault fault;
  fill(&one);
  world_begin(&two);
  si_state_close(two.state);
  scratch_remove(two.base);
  NEED(mkdir(two.base, 0700) == 0);
  si_copy(two.context.id, sizeof two.context.id, "ctx-ffeeddccbbaa99887766554433221100");
  NEED(si_state_open(two.base, two.context.id, SI_STATE_WRITE, &two.state, NULL) == SI_OK);
  for (int i = 0; i < EVENTS; i++) {
    NEED(world_append(&two, NULL, "a", NULL) == SI_OK);
  }
  CU_ASSERT(world_verifies(&two, NULL, &fault));
  world_read(&one, "audit", &text);
  world_write(&two, "audit", text.data, text.len);
  CU_ASSERT(!world_verifies(&two, NULL, &fault));
  CU_ASSERT_EQUAL(fault.line, 1);
  si_buf_free(&text);
  world_end(&one);
  world_end(&two);
}

static void a_line_that_is_too_long_ends_the_reading(void) {
  static char endless[1 << 20];
  struct world world;
  struct si_events_fault fault;
  fill(&world);
  memset(endless, 'x', sizeof endless);
  world_write(&world, "audit", endless, sizeof endless);
  CU_ASSERT(!world_verifies(&world, NULL, &fault));
  CU_ASSERT_EQUAL(fault.line, 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(fault.message, "longer than an event can be"));
  world_end(&world);
}

UNIT_MAIN("events verify", UNIT(whatever_is_done_to_a_line_is_found_and_named),
          UNIT(a_file_cut_anywhere_is_found), UNIT(a_line_of_another_stream_is_found),
          UNIT(the_whole_file_of_another_context_is_found),
          UNIT(a_line_that_is_too_long_ends_the_reading))
