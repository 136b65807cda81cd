/* SPDX-License-Identifier: Apache-2.0 */
/* paas/lifecycle/journal.h: what a provider says is written down, bounded, one line a saying; a
 * step that cannot be written down is not done. R64, R65. */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit/base/text.h"
#include "paas/events/events.h"
#include "paas/lifecycle/journal.h"
#include "tests/unit/unit.h"

struct world {
  struct si_context context;
  struct si_state *state;
  struct si_life life;
  struct si_operation operation;
  int lock;
  struct si_journal journal;
};

static void begin(struct world *world) {
  struct si_error error;
  struct si_project project = {.slug = "blog",
                               .owner_id = "local",
                               .provisioner = "local",
                               .config = (char *)"{}",
                               .stack = (char *)"{}"};
  memset(world, 0, sizeof *world);
  si_copy(world->context.dir, sizeof world->context.dir, "/tmp/si-journal-XXXXXX");
  CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(world->context.dir));
  si_copy(world->context.id, sizeof world->context.id, "ctx-1");
  memset(project.spec_sha256, 'a', 64);
  CU_ASSERT_EQUAL_FATAL(
      si_state_open(world->context.dir, "ctx-1", SI_STATE_WRITE, &world->state, &error), SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_state_project_create(world->state, &project, NULL, &world->operation,
                                                &world->lock, &error),
                        SI_OK);
  world->life = (struct si_life){.context = &world->context, .state = world->state};
  si_journal_open(&world->journal, &world->life, world->operation.id, "local", world->lock);
}

static int unlink_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
  (void)st;
  (void)flag;
  (void)ftw;
  return remove(path);
}

static void end(struct world *world) {
  si_journal_close(&world->journal);
  si_close(&world->lock);
  si_operation_free(&world->operation);
  si_state_close(world->state);
  CU_ASSERT_EQUAL(nftw(world->context.dir, unlink_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void read_log(const struct world *world, struct si_buf *out) {
  char path[SI_PATH_MAX];
  CU_ASSERT_EQUAL_FATAL(
      si_journal_path(&world->context, world->operation.id, "log", path, sizeof path), SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_read_file(AT_FDCWD, path, out), SI_OK);
}

static size_t lines(const struct si_buf *text) {
  size_t count = 0;
  for (size_t i = 0; i < text->len; i++) {
    count += text->data[i] == '\n';
  }
  return count;
}

static void a_message_cannot_forge_a_line(void) {
  struct world world;
  struct si_buf log SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  begin(&world);
  si_journal_listener.log(&world.journal, SI_LOG_INFO,
                          "well\n2026-01-01T00:00:00.000Z step volume done x\r\x1b[2J");
  read_log(&world, &log);
  CU_ASSERT_EQUAL(lines(&log), 1);
  CU_ASSERT_PTR_NULL(strpbrk(log.data, "\r\x1b"));
  CU_ASSERT_PTR_NOT_NULL(strstr(log.data, " info well 2026"));
  end(&world);
}

/* Every one is another, so none is left out as told already. */
static void progress_without_end_fills_no_disk(void) {
  struct world world;
  struct si_buf log SI_AUTO(si_buf_free) = SI_BUF(16 << 20);
  static char what[8000];
  begin(&world);
  memset(what, 'x', sizeof what - 1);
  for (int i = 0; i < 15000; i++) {
    what[0] = (char)('a' + i % 26);
    si_journal_listener.progress(&world.journal, 0, 0, what);
  }
  read_log(&world, &log);
  CU_ASSERT(log.len < 4u << 20);
  CU_ASSERT_PTR_NOT_NULL(strstr(log.data, "the log is full"));
  end(&world);
}

static struct si_buf told = SI_BUF(1 << 16);

static void on_log(void *ctx, uint32_t level, const char *message) {
  (void)ctx;
  CU_ASSERT_EQUAL(si_buf_printf(&told, "%u:%s\n", level, message), SI_OK);
}

static void on_step(void *ctx, const char *name, uint32_t phase, const char *outside_id) {
  (void)ctx;
  CU_ASSERT_EQUAL(si_buf_printf(&told, "%u:%s %s\n", phase, name, outside_id), SI_OK);
}

static void on_progress(void *ctx, uint64_t done, uint64_t total, const char *what) {
  (void)ctx, (void)done, (void)total;
  CU_ASSERT_EQUAL(si_buf_printf(&told, "p:%s\n", what), SI_OK);
}

/* R13: in the log, in the store, and to whoever listens. */
static void a_secret_is_taken_out_of_all_that_a_provider_says(void) {
  static const char secret[] = "hunter-seventeen";
  struct world world;
  struct si_error error;
  struct si_buf log SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  struct si_buf steps SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  const struct si_listener *to = &si_journal_listener;
  begin(&world);
  world.life.log = on_log;
  world.life.step = on_step;
  world.life.progress = on_progress;
  CU_ASSERT_EQUAL(si_redact_remember(secret, strlen(secret)), SI_OK);
  to->log(&world.journal, SI_LOG_WARN, "it is hunter-seventeen");
  to->log(&world.journal, SI_LOG_INFO, "begins hunter-");
  to->log(&world.journal, SI_LOG_INFO, "seventeen, and goes on");
  to->progress(&world.journal, 1, 2, "at hunter-seventeen");
  CU_ASSERT_EQUAL(to->step(&world.journal, "make hunter-seventeen", SI_STEP_DONE, secret), SI_OK);
  to->log(&world.journal, SI_LOG_INFO, "ends like one: hunter-");
  si_journal_close(&world.journal); /* the last line waited for more */
  CU_ASSERT_STRING_EQUAL(si_buf_text(&told),
                         "2:it is <redacted>\n1:begins <redacted>\n1:<redacted>, and goes on\n"
                         "p:at <redacted>\n1:make <redacted> <redacted>\n"
                         "1:ends like one: hunter-\n");
  read_log(&world, &log);
  CU_ASSERT_PTR_NULL(strstr(log.data, "seventeen"));
  CU_ASSERT_EQUAL(lines(&log), 6);
  CU_ASSERT_EQUAL(si_state_steps(world.state, world.operation.id, &steps, &error), SI_OK);
  CU_ASSERT_PTR_NULL(strstr(steps.data, "seventeen"));
  CU_ASSERT_PTR_NOT_NULL(strstr(steps.data, "\"name\":\"make <redacted>\""));
  si_buf_free(&told);
  end(&world);
}

/* Fills the place, the last 8 bytes with the beginning of the secret. */
static void end_within(char *text, size_t size, const char *secret) {
  memset(text, '.', size - 9);
  memcpy(text + size - 9, secret, 8);
  text[size - 1] = '\0';
}

/* si-host cuts what is too long, and the cut may run through a secret. */
static void a_secret_that_was_cut_is_taken_out_too(void) {
  static const char secret[] = "hunter-seventeen";
  struct world world;
  struct si_error error;
  struct si_buf log SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  struct si_buf steps SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  const struct si_listener *to = &si_journal_listener;
  char what[SI_PROGRESS_WHAT], name[SI_STEP_NAME], id[SI_STEP_ID];
  begin(&world);
  CU_ASSERT_EQUAL(si_redact_remember(secret, strlen(secret)), SI_OK);
  end_within(what, sizeof what, secret);
  end_within(name, sizeof name, secret);
  end_within(id, sizeof id, secret);
  to->progress(&world.journal, 1, 2, what);
  CU_ASSERT_EQUAL(to->step(&world.journal, name, SI_STEP_DONE, id), SI_OK);
  read_log(&world, &log);
  CU_ASSERT_EQUAL(si_state_steps(world.state, world.operation.id, &steps, &error), SI_OK);
  CU_ASSERT_PTR_NULL(strstr(log.data, "hunter"));
  CU_ASSERT_PTR_NULL(strstr(steps.data, "hunter"));
  end(&world);
}

/* One that asks without end must not fill the log, nor the terminal. */
static void a_provider_that_asks_for_ever_is_told_of_some_refusals(void) {
  struct world world;
  struct si_buf log SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  begin(&world);
  for (int i = 0; i < 10000; i++) {
    struct si_error error = {.status = SI_OK};
    CU_ASSERT_EQUAL(si_journal_listener.secret(&world.journal, "NOT_MINE", NULL, NULL, &error),
                    SI_E_REFUSED);
    CU_ASSERT_STRING_EQUAL(error.code, "SECRET_NOT_REFERRED");
  }
  read_log(&world, &log);
  CU_ASSERT(lines(&log) > 0 && lines(&log) < 100);
  CU_ASSERT_PTR_NOT_NULL(strstr(log.data, "\"NOT_MINE\", and this operation lends none"));
  end(&world);
}

static si_rc count_event(void *ctx, const char *stream, const cJSON *event) {
  size_t *count = ctx;
  (void)stream;
  const cJSON *fields = si_json_get(event, "fields");
  CU_ASSERT_STRING_EQUAL(si_json_str(event, "action"), "plugin.stop");
  CU_ASSERT_PTR_NOT_NULL(si_json_str(event, "operation"));
  CU_ASSERT_PTR_NULL(strchr(si_json_str(fields, "what"), '\n'));
  ++*count;
  return SI_OK;
}

/* Nor the audit chain, whatever it makes of the name. */
static void the_chain_is_told_of_each_once_and_of_so_many(void) {
  struct world world;
  struct si_error error;
  const struct si_events_filter filter = {.stream = "audit", .limit = 1000};
  size_t count = 0;
  char name[5000];
  begin(&world);
  snprintf(name, sizeof name, "%s/events", world.context.dir);
  CU_ASSERT_EQUAL_FATAL(mkdir(name, 0700), 0);
  for (int i = 0; i < 100; i++) {
    si_journal_listener.stopped(&world.journal, SI_STOPPED_SECRET, "ONE\nMORE\xff");
  }
  CU_ASSERT_EQUAL(si_events_list(&world.context, &filter, &count, count_event, &error), SI_OK);
  CU_ASSERT_EQUAL(count, 1);
  for (int i = 0; i < 100; i++) {
    memset(name, 'x', sizeof name - 1);
    snprintf(name, 16, "%d", i);
    name[strlen(name)] = i % 2 ? 'x' : '\0';
    name[sizeof name - 1] = '\0';
    si_journal_listener.stopped(&world.journal, SI_STOPPED_FILE, name);
  }
  count = 0;
  CU_ASSERT_EQUAL(si_events_list(&world.context, &filter, &count, count_event, &error), SI_OK);
  CU_ASSERT_EQUAL(count, SI_STOPPED_TOLD);
  end(&world);
}

static void steps_are_kept_with_their_outside_ids(void) {
  struct world world;
  struct si_error error;
  struct si_buf steps SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  begin(&world);
  CU_ASSERT_EQUAL(si_journal_listener.step(&world.journal, "volume", SI_STEP_BEGIN, ""), SI_OK);
  CU_ASSERT_EQUAL(si_journal_listener.step(&world.journal, "volume", SI_STEP_DONE, "v1"), SI_OK);
  CU_ASSERT_EQUAL(si_journal_listener.step(&world.journal, "", SI_STEP_BEGIN, ""), SI_E_INVALID);
  CU_ASSERT_EQUAL(si_state_steps(world.state, world.operation.id, &steps, &error), SI_OK);
  CU_ASSERT_EQUAL(lines(&steps), 2);
  CU_ASSERT_PTR_NOT_NULL(strstr(steps.data, "\"outside_id\":\"v1\""));
  end(&world);
}

/* Else the evidence of an operation with too many could never be made. */
static void no_step_is_begun_that_the_evidence_cannot_hold(void) {
  struct world world;
  static char name[200], id[500];
  size_t begun = 0;
  begin(&world);
  memset(name, 1, sizeof name - 1);
  memset(id, 1, sizeof id - 1);
  while (begun < 5000 &&
         si_journal_listener.step(&world.journal, name, SI_STEP_BEGIN, id) == SI_OK) {
    begun++;
  }
  CU_ASSERT(begun > 500 && begun < 5000);
  /* What was begun can be ended. */
  CU_ASSERT_EQUAL(si_journal_listener.step(&world.journal, name, SI_STEP_DONE, id), SI_OK);
  struct si_error error;
  struct si_buf steps SI_AUTO(si_buf_free) = SI_BUF(16 << 20);
  CU_ASSERT_EQUAL(si_state_steps(world.state, world.operation.id, &steps, &error), SI_OK);
  end(&world);
}

static void an_owner_that_died_is_told_from_one_that_lives(void) {
  struct world world;
  char path[SI_PATH_MAX], text[32];
  begin(&world);
  CU_ASSERT_FALSE(si_journal_owner_gone(&world.context, world.operation.id));
  CU_ASSERT_FALSE(si_journal_owner_gone(&world.context, "op-of-nobody"));
  pid_t gone = fork();
  if (gone == 0) {
    _exit(0);
  }
  CU_ASSERT_EQUAL_FATAL(waitpid(gone, NULL, 0), gone);
  snprintf(text, sizeof text, "%d\n", (int)gone);
  CU_ASSERT_EQUAL(si_journal_path(&world.context, world.operation.id, "lock", path, sizeof path),
                  SI_OK);
  CU_ASSERT_FATAL(truncate(path, 0) == 0 && write(world.lock, text, strlen(text)) > 0);
  CU_ASSERT_TRUE(si_journal_owner_gone(&world.context, world.operation.id));
  static const char *const none[] = {
      "", "\n", "x\n", "-1\n", "0\n", "99999999999999999999999\n", "1 2\n"};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    CU_ASSERT_EQUAL_FATAL(truncate(path, 0), 0);
    CU_ASSERT_EQUAL(pwrite(world.lock, none[i], strlen(none[i]), 0), (ssize_t)strlen(none[i]));
    CU_ASSERT_FALSE(si_journal_owner_gone(&world.context, world.operation.id));
  }
  end(&world);
}

UNIT_MAIN("journal", UNIT(a_message_cannot_forge_a_line), UNIT(progress_without_end_fills_no_disk),
          UNIT(a_secret_is_taken_out_of_all_that_a_provider_says),
          UNIT(a_secret_that_was_cut_is_taken_out_too),
          UNIT(a_provider_that_asks_for_ever_is_told_of_some_refusals),
          UNIT(the_chain_is_told_of_each_once_and_of_so_many),
          UNIT(steps_are_kept_with_their_outside_ids),
          UNIT(no_step_is_begun_that_the_evidence_cannot_hold),
          UNIT(an_owner_that_died_is_told_from_one_that_lives))
