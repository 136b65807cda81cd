/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/vault/race_test.c - between two system calls of a writer: somebody puts the old file
 * back, the writer dies, the disk cannot say what it holds. Nothing is acknowledged or settled that
 * is not so.
 */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "paas/state/ledger.h"
#include "tests/unit/sweep.h"
#include "tests/unit/vault/world.h"

static struct world world;

static si_rc open_to_write(struct world *own, struct si_error *error) {
  *own = world;
  own->vault = NULL;
  own->state = NULL;
  return world_try(own, SI_STATE_WRITE, error);
}

static int set_new(void *ctx) {
  struct world own;
  si_rc status = open_to_write(&own, NULL);
  (void)ctx;
  status =
      status == SI_OK ? si_vault_set(own.vault, "", "KEY", "new", 3, "set", NULL, NULL) : status;
  world_close(&own);
  return status == SI_OK ? 0 : 1;
}

static int rotate(void *ctx) {
  struct world own;
  char recipient[80];
  (void)ctx;
  si_rc status = open_to_write(&own, NULL);
  status = status == SI_OK ? si_vault_rotate(own.vault, NULL, recipient, NULL) : status;
  world_close(&own);
  return status == SI_OK ? 0 : 1;
}

static void start(void) {
  world_make(&world);
  world_set(&world, "", "KEY", "old");
  world_set(&world, "", "OTHER", "another value"); /* there is a .previous from here on */
  world_close(&world);
}

/* Stops set_new() at its nth system call and gives the old file back, as somebody does who writes
 * to the directory and asks nobody; lets it go on. *ack: it said that it had set the value. */
static bool put_back_under(unsigned nth, const struct si_buf *old, bool *ack) {
  char beside[SI_PATH_MAX + 16];
  struct stat st;
  int status = 0;
  pid_t writer = fork();
  NEED(writer >= 0);
  if (writer == 0) {
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
      _exit(99);
    }
    raise(SIGSTOP);
    _exit(set_new(NULL));
  }
  NEED(waitpid(writer, &status, 0) == writer);
  for (unsigned i = 0; WIFSTOPPED(status) && i < nth; i++) {
    NEED(ptrace(PTRACE_SYSCALL, writer, NULL, NULL) == 0);
    NEED(waitpid(writer, &status, 0) == writer);
  }
  bool stopped = WIFSTOPPED(status);
  if (stopped) {
    CU_ASSERT(stat(world.path, &st) == 0 && st.st_nlink == 1);
    snprintf(beside, sizeof beside, "%s.other", world.path);
    world_write(beside, old->data, old->len);
    NEED(rename(beside, world.path) == 0);
    NEED(ptrace(PTRACE_DETACH, writer, NULL, NULL) == 0);
    NEED(waitpid(writer, &status, 0) == writer);
  }
  *ack = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return stopped;
}

static void what_was_acknowledged_is_there_or_is_missed(void) {
  size_t refused = 0, missed = 0;
  bool going = true;
  start();
  for (unsigned nth = sweep_first(2); going && nth < 4000; nth += sweep_step(2)) {
    struct si_error error = {0};
    bool ack = false;
    struct si_buf old SI_AUTO(si_buf_free) = world_read(world.path);
    going = put_back_under(nth, &old, &ack);
    si_rc status = world_try(&world, SI_STATE_WRITE, &error);
    /* Put back behind the end, it is a roll-back: refused. Never is it taken for what was set. */
    CU_ASSERT(status == SI_OK || (status == SI_E_CORRUPT && ack));
    CU_ASSERT(status != SI_OK || world_holds(&world, "", "KEY", ack ? "new" : "old"));
    refused += !ack;
    missed += status == SI_E_CORRUPT;
    world_close(&world);
    if (ack) {
      world_remove(&world);
      start();
    }
  }
  world_remove(&world);
  CU_ASSERT(!going);
  CU_ASSERT(refused >= sweep_least(3) && missed >= sweep_least(3)); /* it was met on both sides */
}

/* --- a rotation or a set that died with its file in place, and not settled --- */

static bool pending(void) {
  struct si_ledger ledger SI_AUTO(si_ledger_free) = {.rows = NULL};
  world_state(&world, SI_STATE_READ);
  NEED(si_ledger_read(world.state, &ledger, NULL) == SI_OK);
  world_close(&world);
  return ledger.pending;
}

static void die_in_between(int (*work)(void *ctx)) {
  bool killed = true;
  start();
  for (unsigned nth = 1; killed; nth += 8) {
    struct si_buf before SI_AUTO(si_buf_free) = world_read(world.path);
    killed = killed_at(nth, work, NULL);
    struct si_buf after SI_AUTO(si_buf_free) = world_read(world.path);
    if (pending() && strcmp(si_buf_text(&before), si_buf_text(&after)) != 0) {
      return;
    }
  }
  NEED(false);
}

static void trust_that_was_forgotten_does_not_come_back(void) {
  struct si_vault_trust trust;
  struct si_error error = {0};
  die_in_between(rotate);
  world_state(&world, SI_STATE_READ);
  CU_ASSERT_EQUAL(si_vault_trust(&world.context, world.state, &trust, NULL), SI_OK);
  EXPECT_TEXT(trust.trusted, trust.found); /* as every other reader sees it */
  world_state(&world, SI_STATE_WRITE);
  CU_ASSERT_EQUAL(si_vault_trust_forget(&world.context, world.state, NULL), SI_OK);
  CU_ASSERT_EQUAL(world_try(&world, SI_STATE_WRITE, &error), SI_E_AUTH);
  EXPECT_TEXT(error.code, "VAULT_UNTRUSTED");
  CU_ASSERT_EQUAL(si_vault_trust_accept(&world.context, world.state, trust.found, NULL), SI_OK);
  world_open(&world, SI_STATE_WRITE);
  CU_ASSERT(world_holds(&world, "", "KEY", "old"));
  world_remove(&world);
}

/* From here on fsync() fails; the store's own syncs are fdatasync(). */
static void fail_fsync(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fsync, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EIO),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog program = {sizeof code / sizeof *code, code};
  NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  NEED(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

/* Else the machine could lose the file's new name, and the ledger know of no other. */
static void nothing_is_settled_that_the_disk_has_not_got(void) {
  int status = 0;
  die_in_between(set_new);
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    struct world own;
    struct si_error error = {0};
    fail_fsync();
    si_rc opened = open_to_write(&own, &error);
    world_close(&own);
    _exit(opened == SI_E_IO && strcmp(error.code, "VAULT_IO") == 0 ? 0 : 1);
  }
  NEED(waitpid(child, &status, 0) == child);
  CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  CU_ASSERT(pending());
  world_open(&world, SI_STATE_WRITE);
  CU_ASSERT(world_holds(&world, "", "KEY", "new"));
  world_remove(&world);
}

/* It may be sealed for whoever was to become a reader, and did not. */
static void what_a_dead_writer_left_beside_it_goes(void) {
  char left[SI_PATH_MAX + 8];
  start();
  snprintf(left, sizeof left, "%s.new", world.path);
  world_write(left, "x", 1);
  world_open(&world, SI_STATE_WRITE);
  CU_ASSERT_NOT_EQUAL(access(left, F_OK), 0);
  world_remove(&world);
}

UNIT_MAIN("vault races", UNIT(what_was_acknowledged_is_there_or_is_missed),
          UNIT(trust_that_was_forgotten_does_not_come_back),
          UNIT(nothing_is_settled_that_the_disk_has_not_got),
          UNIT(what_a_dead_writer_left_beside_it_goes))
