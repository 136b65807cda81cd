/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/state/disk_test.c - a full disk and a read-only one, made for real: a small tmpfs in a
 * mount namespace of this program's own (as root, or in a user namespace). Skipped (77) where
 * neither is allowed, except under CI=true.
 */
#include "tests/unit/mounts.h"
#include "tests/unit/state/scratch.h"

static char base[64]; /* where the small disk is mounted */

static void mount_disk(const char *size) {
  char options[64];
  snprintf(options, sizeof options, "size=%s,mode=700", size);
  scratch_make(base);
  NEED(mount("small", base, "tmpfs", MS_NOSUID | MS_NODEV, options) == 0);
}

static void unmount_disk(void) {
  NEED(umount2(base, MNT_DETACH) == 0);
  NEED(rmdir(base) == 0);
}

static void fill(char path[96]) {
  static const char block[4096];
  snprintf(path, 96, "%s/ballast", base);
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  NEED(fd >= 0);
  while (write(fd, block, sizeof block) > 0) {
  }
  NEED(errno == ENOSPC);
  close(fd);
}

static si_rc count_it(void *ctx, const struct si_project *project) {
  (void)project;
  ++*(int *)ctx;
  return SI_OK;
}

static int lines(const char *text) {
  int n = 0;
  for (; *text; text++) {
    n += *text == '\n';
  }
  return n;
}

static int projects(struct si_state *state) {
  int n = 0;
  CU_ASSERT_EQUAL(si_state_projects(state, NULL, true, &n, count_it, NULL), SI_OK);
  return n;
}

/* Each write in turn meets the full disk; freed, the same write passes. */
static void a_full_disk_is_said_and_changes_nothing(void) {
  static char stack[70000]; /* more than the free pages of the file */
  struct si_project big = scratch_project("big"), project;
  struct si_operation operation, other, read = {.id = ""};
  struct si_error error = {0};
  struct si_buf steps = SI_BUF(1 << 20);
  char ballast[96];
  char name[256];
  int lock = -1, none = -1;
  memset(stack, ' ', sizeof stack - 1);
  stack[0] = '{';
  stack[sizeof stack - 2] = '}';
  memset(name, 'n', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  mount_disk("512k");
  struct si_state *state = scratch_open(base, SI_STATE_WRITE);
  NEED(scratch_create(state, "small", &project, &operation, &lock, NULL) == SI_OK);
  fill(ballast);

  big.stack = stack;
  CU_ASSERT_EQUAL(si_state_project_create(state, &big, NULL, &other, &none, &error), SI_E_QUOTA);
  EXPECT_TEXT(error.code, "STATE_FULL");
  CU_ASSERT(error.hint[0] != '\0');
  CU_ASSERT_EQUAL(none, -1);
  EXPECT_TEXT(big.id, "");
  int stepped = 0;
  si_rc status = SI_OK;
  while (stepped < 1000 &&
         (status = si_state_step(state, operation.id, name, "begin", name, &error)) == SI_OK) {
    stepped++;
  }
  CU_ASSERT_EQUAL(status, SI_E_QUOTA);
  EXPECT_TEXT(error.code, "STATE_FULL");
  CU_ASSERT_EQUAL(projects(state), 1);

  NEED(unlink(ballast) == 0);
  CU_ASSERT_EQUAL(si_state_steps(state, operation.id, &steps, NULL), SI_OK);
  CU_ASSERT_EQUAL(lines(si_buf_text(&steps)), stepped); /* those that passed, no others */
  CU_ASSERT_EQUAL(si_state_project_create(state, &big, NULL, &other, &none, &error), SI_OK);
  close(none);
  CU_ASSERT_EQUAL(si_state_step(state, operation.id, "after", "done", NULL, NULL), SI_OK);
  CU_ASSERT_EQUAL(si_state_operation_end(state, operation.id, "ok", NULL, NULL, NULL, 0, NULL),
                  SI_OK);
  CU_ASSERT_EQUAL(si_state_operation(state, operation.id, &read, NULL), SI_OK);
  EXPECT_TEXT(read.status, "ok");
  CU_ASSERT_EQUAL(projects(state), 2);
  si_operation_free(&read);
  si_buf_free(&steps);
  close(lock);
  si_state_close(state);
  unmount_disk();
}

static void a_store_that_finds_no_room_is_made_later(void) {
  struct si_state *state = NULL;
  struct si_error error = {0};
  char ballast[96];
  mount_disk("256k");
  fill(ballast);
  CU_ASSERT_EQUAL(si_state_open(base, CONTEXT_ID, SI_STATE_WRITE, &state, &error), SI_E_QUOTA);
  EXPECT_TEXT(error.code, "STATE_FULL");
  CU_ASSERT_EQUAL(si_state_open(base, CONTEXT_ID, SI_STATE_WRITE, &state, &error), SI_E_QUOTA);
  NEED(unlink(ballast) == 0);
  si_state_close(scratch_open(base, SI_STATE_WRITE));
  si_state_close(scratch_open(base, SI_STATE_READ));
  unmount_disk();
}

static void remount(bool readonly) {
  unsigned long flags = MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV;
  NEED(mount(NULL, base, NULL, flags | (readonly ? MS_RDONLY : 0), NULL) == 0);
}

static void a_read_only_disk_is_read_and_not_written(void) {
  struct si_project project;
  struct si_operation operation;
  struct si_error error = {0};
  int lock = -1;
  mount_disk("512k");
  struct si_state *state = scratch_open(base, SI_STATE_WRITE);
  NEED(scratch_create(state, "blog", &project, &operation, &lock, NULL) == SI_OK);
  close(lock);
  si_state_close(state);
  remount(true);
  state = NULL;
  CU_ASSERT_EQUAL(si_state_open(base, CONTEXT_ID, SI_STATE_WRITE, &state, &error), SI_E_IO);
  EXPECT_TEXT(error.code, "STATE_READONLY");
  CU_ASSERT(error.hint[0] != '\0');
  state = scratch_open(base, SI_STATE_READ);
  CU_ASSERT_EQUAL(projects(state), 1);
  CU_ASSERT(!si_state_owned(state, operation.id));
  si_state_close(state);
  remount(false);
  state = scratch_open(base, SI_STATE_WRITE);
  CU_ASSERT_EQUAL(si_state_operation_end(state, operation.id, "ok", NULL, NULL, NULL, 0, NULL),
                  SI_OK);
  si_state_close(state);
  unmount_disk();
}

/* What a dead writer left half-done cannot be rolled back here, and is not read as if it were
 * whole. */
static void a_hot_journal_on_a_read_only_disk_is_said(void) {
  struct si_project project;
  struct si_operation operation;
  struct si_state *state = NULL;
  struct si_error error = {0};
  int lock = -1;
  mount_disk("1m");
  state = scratch_open(base, SI_STATE_WRITE);
  NEED(scratch_create(state, "blog", &project, &operation, &lock, NULL) == SI_OK);
  close(lock);
  si_state_close(state);
  scratch_hot_journal(base);
  remount(true);
  CU_ASSERT_EQUAL(si_state_open(base, CONTEXT_ID, SI_STATE_READ, &state, &error), SI_E_IO);
  EXPECT_TEXT(error.code, "STATE_READONLY");
  CU_ASSERT(strstr(error.message, "rolled back") != NULL);
  remount(false);
  state = scratch_open(base, SI_STATE_READ);
  CU_ASSERT_EQUAL(projects(state), 1);
  si_state_close(state);
  unmount_disk();
}

int main(void) {
  static const struct unit_test tests[] = {
      UNIT(a_full_disk_is_said_and_changes_nothing),
      UNIT(a_store_that_finds_no_room_is_made_later),
      UNIT(a_read_only_disk_is_read_and_not_written),
      UNIT(a_hot_journal_on_a_read_only_disk_is_said),
  };
  const char *ci = getenv("CI");
  if (!own_mounts()) {
    printf("skipped: no mount namespace of its own without root: %s\n", strerror(errno));
    return ci && strcmp(ci, "true") == 0 ? 1 : 77;
  }
  return unit_main("state disk", tests, sizeof tests / sizeof *tests);
}
