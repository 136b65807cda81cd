/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/vault/crash_test.c - writers that are killed at every system call, and writers that
 * race: the vault holds the old or the new content, a reader can open it at once, what was
 * acknowledged is there, and its event stands in the chain exactly when the change does.
 */
#include <dirent.h>

#include "paas/events/events.h"
#include "tests/unit/sweep.h"
#include "tests/unit/vault/world.h"

static struct world world;

/* What a child does; each opens all anew, as a command would. */
static si_rc open_to_write(struct world *own) {
  *own = world;
  own->vault = NULL;
  own->state = NULL;
  si_rc status =
      si_state_open(own->context.dir, own->context.id, SI_STATE_WRITE, &own->state, NULL);
  return status == SI_OK ? si_vault_open(&own->context, own->state, &own->vault, NULL) : status;
}

static int close_with(struct world *own, si_rc status) {
  world_close(own);
  return status == SI_OK ? 0 : 1;
}

static int set_new(void *ctx) {
  struct world own;
  const char *value = ctx;
  si_rc status = open_to_write(&own);
  status = status == SI_OK
               ? si_vault_set(own.vault, "blog", "KEY", value, strlen(value), "set", NULL, NULL)
               : status;
  return close_with(&own, status);
}

static int rotate(void *ctx) {
  struct world own;
  char recipient[80];
  (void)ctx;
  si_rc status = open_to_write(&own);
  status = status == SI_OK ? si_vault_rotate(own.vault, NULL, recipient, NULL) : status;
  return close_with(&own, status);
}

static int unset(void *ctx) {
  struct world own;
  (void)ctx;
  si_rc status = open_to_write(&own);
  status = status == SI_OK ? si_vault_unset(own.vault, "blog", "KEY", NULL) : status;
  return close_with(&own, status);
}

static int init(void *ctx) {
  struct world own = world;
  char recipient[80];
  (void)ctx;
  own.vault = NULL;
  own.state = NULL;
  si_rc status = si_state_open(own.context.dir, own.context.id, SI_STATE_WRITE, &own.state, NULL);
  status = status == SI_OK ? si_vault_init(&own.context, own.state, NULL, recipient, NULL) : status;
  return close_with(&own, status);
}

/* --- what must hold afterwards --- */

static size_t identities(void) {
  char path[96];
  size_t count = 0;
  snprintf(path, sizeof path, "%s/keys", world.root);
  DIR *list = opendir(path);
  for (const struct dirent *entry; list && (entry = readdir(list)) != NULL;) {
    count += entry->d_name[0] != '.';
  }
  if (list) {
    closedir(list);
  }
  return count;
}

struct counting {
  const char *action;
  size_t count;
};

static si_rc count_one(void *ctx, const char *stream, const cJSON *event) {
  struct counting *counting = ctx;
  const char *action = si_json_str(event, "action");
  (void)stream;
  counting->count += action && strcmp(action, counting->action) == 0;
  return SI_OK;
}

/* Events of that action in the chain, which must be whole. */
static size_t events(const char *action) {
  const struct si_events_filter filter = {.stream = "audit", .limit = 100000};
  struct counting counting = {action, 0};
  struct si_events_fault fault;
  CU_ASSERT_EQUAL(si_events_flush(&world.context, world.state, NULL), SI_OK);
  CU_ASSERT_EQUAL(si_events_verify(&world.context, world.state, NULL, &fault, NULL), SI_OK);
  CU_ASSERT_EQUAL(si_events_list(&world.context, &filter, &counting, count_one, NULL), SI_OK);
  return counting.count;
}

static si_rc expect_ok(void *ctx, const struct si_vault_check *check) {
  (void)ctx;
  if (!check->ok) {
    printf("\n%s: %s\n", check->id, check->detail);
  }
  return SI_OK;
}

static void expect_sound(void) {
  size_t failed = 99;
  CU_ASSERT_EQUAL(si_vault_doctor(&world.context, world.state, true, NULL, NULL, NULL, expect_ok,
                                  &failed, NULL),
                  SI_OK);
  CU_ASSERT_EQUAL(failed, 0);
}

static void read_value(struct si_buf *value) {
  si_buf_clear(value);
  si_rc status = si_vault_get(world.vault, "blog", "KEY", value, world_copy, NULL);
  CU_ASSERT(status == SI_OK || status == SI_E_NOT_FOUND);
}

/* First as a reader, who can settle nothing, then as a writer, who does: both see the same. */
static void see_value(struct si_buf *value) {
  struct si_buf first SI_AUTO(si_buf_free) = SI_BUF(SI_SECRET_MAX);
  struct si_error error = {0};
  if (world_try(&world, SI_STATE_READ, &error) != SI_OK) {
    printf("\na reader: %s: %s\n", error.code, error.message);
    CU_FAIL_FATAL("a reader opens it");
  }
  read_value(&first);
  CU_ASSERT(world_holds(&world, "", "OTHER", "another value"));
  if (world_try(&world, SI_STATE_WRITE, &error) != SI_OK) {
    printf("\na writer: %s: %s\n", error.code, error.message);
    CU_FAIL_FATAL("a writer opens it");
  }
  read_value(value);
  EXPECT_TEXT(si_buf_text(value), si_buf_text(&first));
  CU_ASSERT(world_holds(&world, "", "OTHER", "another value"));
  CU_ASSERT_EQUAL(identities(), 1);
  expect_sound();
}

static void start(void) {
  world_make(&world);
  world_set(&world, "", "OTHER", "another value");
  world_set(&world, "blog", "KEY", "value-0");
  world_close(&world);
}

static void a_set_killed_anywhere_leaves_the_old_or_the_new_value(void) {
  struct si_buf value SI_AUTO(si_buf_free) = SI_BUF(SI_SECRET_MAX);
  char before[32] = "value-0", after[32];
  size_t sets = 2, olds = 0, news = 0;
  bool killed = true;
  start();
  for (unsigned nth = sweep_first(2); killed && nth < 4000; nth += sweep_step(2)) {
    snprintf(after, sizeof after, "value-%u", nth);
    killed = killed_at(nth, set_new, after);
    see_value(&value);
    bool is_new = strcmp(si_buf_text(&value), after) == 0;
    CU_ASSERT(is_new || strcmp(si_buf_text(&value), before) == 0);
    CU_ASSERT(is_new || killed);
    sets += is_new;
    olds += !is_new;
    news += is_new;
    CU_ASSERT_EQUAL(events("secret.set"), sets);
    CU_ASSERT_EQUAL(si_vault_revision(world.vault, "blog", "KEY"), sets - 1);
    si_copy(before, sizeof before, is_new ? after : before);
    world_close(&world);
  }
  CU_ASSERT(!killed);
  CU_ASSERT(olds >= sweep_least(50) && news >= sweep_least(20)); /* it was met on both sides */
  world_remove(&world);
}

static void an_unset_killed_anywhere_leaves_the_value_or_none(void) {
  struct si_buf value SI_AUTO(si_buf_free) = SI_BUF(SI_SECRET_MAX);
  size_t unsets = 0;
  bool killed = true;
  start();
  for (unsigned nth = sweep_first(6); killed && nth < 4000; nth += sweep_step(6)) {
    killed = killed_at(nth, unset, NULL);
    see_value(&value);
    bool gone = value.len == 0;
    CU_ASSERT(gone || (killed && strcmp(si_buf_text(&value), "value-0") == 0));
    unsets += gone;
    CU_ASSERT_EQUAL(events("secret.unset"), unsets);
    if (gone) {
      world_set(&world, "blog", "KEY", "value-0");
    }
    world_close(&world);
  }
  CU_ASSERT(!killed);
  world_remove(&world);
}

static void a_rotation_killed_anywhere_leaves_a_vault_that_opens(void) {
  struct si_buf value SI_AUTO(si_buf_free) = SI_BUF(SI_SECRET_MAX);
  struct si_vault_trust before = {.found = ""}, after;
  size_t rotations = 0, olds = 0;
  bool killed = true;
  start();
  world_state(&world, SI_STATE_READ);
  NEED(si_vault_trust(&world.context, world.state, &before, NULL) == SI_OK);
  world_close(&world);
  for (unsigned nth = sweep_first(4); killed && nth < 6000; nth += sweep_step(4)) {
    killed = killed_at(nth, rotate, NULL);
    see_value(&value);
    EXPECT_TEXT(si_buf_text(&value), "value-0");
    CU_ASSERT_EQUAL(si_vault_trust(&world.context, world.state, &after, NULL), SI_OK);
    EXPECT_TEXT(after.trusted, after.found);
    bool rotated = strcmp(after.found, before.found) != 0;
    CU_ASSERT(rotated || killed);
    rotations += rotated;
    olds += !rotated;
    CU_ASSERT_EQUAL(events("vault.rotate"), rotations);
    before = after;
    world_close(&world);
  }
  CU_ASSERT(!killed);
  CU_ASSERT(olds >= sweep_least(30) && rotations >= sweep_least(10));
  world_remove(&world);
}

static void a_making_killed_anywhere_can_be_made_again(void) {
  bool killed = true;
  size_t made = 0, halves = 0;
  for (unsigned nth = sweep_first(4); killed && nth < 4000; nth += sweep_step(4)) {
    struct si_error error = {0};
    char recipient[80];
    world = (struct world){.state = NULL};
    scratch_make(world.root);
    setenv("SI_PAAS_STATE_ROOT", world.root, 1);
    world_context(&world, "t");
    killed = killed_at(nth, init, NULL);
    world_state(&world, SI_STATE_WRITE);
    si_rc status = si_vault_init(&world.context, world.state, NULL, recipient, &error);
    CU_ASSERT(status == SI_OK || status == SI_E_EXISTS);
    if (status != SI_OK && status != SI_E_EXISTS) {
      printf("\n%s: %s\n", error.code, error.message);
    }
    made += status == SI_E_EXISTS;
    halves += status == SI_OK;
    world_open(&world, SI_STATE_WRITE);
    world_set(&world, "", "KEY", "a value");
    CU_ASSERT(world_holds(&world, "", "KEY", "a value"));
    CU_ASSERT_EQUAL(identities(), 1);
    CU_ASSERT_EQUAL(events("vault.init"), 1);
    expect_sound();
    world_remove(&world);
  }
  CU_ASSERT(!killed);
  CU_ASSERT(made >= sweep_least(10) && halves >= sweep_least(20));
}

/* --- several at once --- */

static int write_many(int pipe, const char *app) {
  for (unsigned i = 0;; i++) {
    struct world own;
    char value[32];
    snprintf(value, sizeof value, "value-%u", i);
    si_rc status = open_to_write(&own);
    status = status == SI_OK
                 ? si_vault_set(own.vault, app, "KEY", value, strlen(value), "set", NULL, NULL)
                 : status;
    world_close(&own);
    if (status != SI_OK || write(pipe, &i, sizeof i) != (ssize_t)sizeof i) {
      return 1;
    }
  }
}

/* The last number that was acknowledged, -1 for none. */
static int last_ack(int pipe) {
  unsigned i;
  int last = -1;
  while (read(pipe, &i, sizeof i) == (ssize_t)sizeof i) {
    last = (int)i;
  }
  return last;
}

static void two_writers_killed_at_random_lose_nothing_they_were_told(void) {
  static const char *const apps[] = {"one", "two"};
  start();
  srand(7);
  for (int round = 0; round < 25; round++) {
    int ends[2][2];
    pid_t children[2];
    for (int i = 0; i < 2; i++) {
      NEED(pipe2(ends[i], O_CLOEXEC | O_NONBLOCK) == 0);
      children[i] = fork();
      NEED(children[i] >= 0);
      if (children[i] == 0) {
        _exit(write_many(ends[i][1], apps[i]));
      }
    }
    usleep((useconds_t)(20000 + rand() % 200000));
    for (int i = 0; i < 2; i++) {
      kill(children[i], SIGKILL);
      NEED(waitpid(children[i], NULL, 0) == children[i]);
    }
    world_open(&world, SI_STATE_WRITE);
    for (int i = 0; i < 2; i++) {
      char told[32], next[32];
      int last = last_ack(ends[i][0]);
      snprintf(told, sizeof told, "value-%d", last);
      snprintf(next, sizeof next, "value-%d", last + 1);
      CU_ASSERT(last < 0 || world_holds(&world, apps[i], "KEY", told) ||
                world_holds(&world, apps[i], "KEY", next));
      close(ends[i][0]);
      close(ends[i][1]);
    }
    expect_sound();
    world_close(&world);
  }
  world_remove(&world);
}

/* A reader never takes a writer's half-way for tampering. */
static void a_reader_beside_a_writer_sees_whole_vaults(void) {
  int ends[2];
  start();
  NEED(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    _exit(write_many(ends[1], "one"));
  }
  for (int i = 0; i < 300; i++) {
    struct si_error error = {0};
    si_rc status = world_try(&world, SI_STATE_READ, &error);
    if (status != SI_OK) {
      printf("\n%s: %s\n", error.code, error.message);
    }
    CU_ASSERT_EQUAL_FATAL(status, SI_OK);
    CU_ASSERT(world_holds(&world, "blog", "KEY", "value-0"));
  }
  kill(child, SIGKILL);
  NEED(waitpid(child, NULL, 0) == child);
  CU_ASSERT(last_ack(ends[0]) > 3); /* it did write meanwhile */
  close(ends[0]);
  close(ends[1]);
  world_remove(&world);
}

static int read_once(void *ctx) {
  struct world own = world;
  struct si_error error = {0};
  (void)ctx;
  own.vault = NULL;
  own.state = NULL;
  si_rc status = world_try(&own, SI_STATE_READ, &error);
  if (status != SI_OK) {
    printf("\na reader: %s: %s\n", error.code, error.message);
  }
  bool well = status == SI_OK && world_holds(&own, "", "OTHER", "another value");
  world_close(&own);
  return well ? 0 : 1;
}

/* Waits for it, but not for ever: true where it has ended with 0. */
static bool ended(pid_t child, int tries) {
  int status = 0;
  pid_t done = 0;
  for (int i = 0; i < tries && done == 0; i++) {
    done = waitpid(child, &status, WNOHANG);
    if (done == 0) {
      usleep(1000);
    }
  }
  return done == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Stops a reader at its nth system call, has a writer do all its work there (unless the reader is
 * what it waits for), and lets the reader go on. False where the reader had ended before. */
static bool written_under_a_reader(unsigned nth) {
  char value[32];
  int status = 0;
  pid_t reader = fork();
  NEED(reader >= 0);
  if (reader == 0) {
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
      _exit(99);
    }
    raise(SIGSTOP);
    _exit(read_once(NULL));
  }
  NEED(waitpid(reader, &status, 0) == reader);
  for (unsigned i = 0; WIFSTOPPED(status) && i < nth; i++) {
    NEED(ptrace(PTRACE_SYSCALL, reader, NULL, NULL) == 0);
    NEED(waitpid(reader, &status, 0) == reader);
  }
  if (!WIFSTOPPED(status)) {
    CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return false;
  }
  snprintf(value, sizeof value, "value-%u", nth);
  pid_t writer = fork();
  NEED(writer >= 0);
  if (writer == 0) {
    _exit(set_new(value));
  }
  bool written = ended(writer, 300);
  NEED(ptrace(PTRACE_DETACH, reader, NULL, NULL) == 0);
  CU_ASSERT(ended(reader, 20000));
  CU_ASSERT(written || ended(writer, 20000));
  return true;
}

static void a_reader_that_is_overtaken_anywhere_sees_a_whole_vault(void) {
  bool going = true;
  start();
  for (unsigned nth = sweep_first(2); going && nth < 2000; nth += sweep_step(2)) {
    going = written_under_a_reader(nth);
  }
  CU_ASSERT(!going);
  world_remove(&world);
}

UNIT_MAIN("vault crash", UNIT(a_reader_that_is_overtaken_anywhere_sees_a_whole_vault),
          UNIT(a_set_killed_anywhere_leaves_the_old_or_the_new_value),
          UNIT(an_unset_killed_anywhere_leaves_the_value_or_none),
          UNIT(a_rotation_killed_anywhere_leaves_a_vault_that_opens),
          UNIT(a_making_killed_anywhere_can_be_made_again),
          UNIT(two_writers_killed_at_random_lose_nothing_they_were_told),
          UNIT(a_reader_beside_a_writer_sees_whole_vaults))
