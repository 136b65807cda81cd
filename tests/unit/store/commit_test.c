/* SPDX-License-Identifier: Apache-2.0 */
/* SI_PUT_COMMIT: what came before is durable before the object can be seen, and a failure of any
 * of the calls that make it so is told. The calls are this program's own: they write down their
 * order and fail on demand. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/store/recorder.h"
#include "tests/unit/unit.h"

static char order[256];
static const char *failing; /* the event that fails with failure */
static int failure = EIO;

static int happen(const char *event) {
  size_t at = strlen(order);
  snprintf(order + at, sizeof order - at, "%s%s", at ? " " : "", event);
  if (failing && strcmp(failing, event) == 0) {
    errno = failure;
    return 0;
  }
  return 1;
}

int syncfs(int fd) {
  return happen("syncfs") ? (int)syscall(SYS_syncfs, fd) : -1;
}

int fsync(int fd) {
  struct stat st;
  int dir = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
  return happen(dir ? "fsync-dir" : "fsync-file") ? (int)syscall(SYS_fsync, fd) : -1;
}

int renameat(int from_dir, const char *from, int to_dir, const char *to) {
  return happen("rename") ? (int)syscall(SYS_renameat, from_dir, from, to_dir, to) : -1;
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
  return happen("rename-new") ? (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags) : -1;
}

static char root[64];
static si_instance *store;
static si_op op;

static si_rc put_one(const char *key, uint32_t flags, const char *fail_at) {
  order[0] = '\0';
  failing = fail_at;
  si_rc status = put_all(store, &op, key, flags, "x", 1);
  failing = NULL;
  return status;
}

static void begin(void) {
  scratch_make(root);
  CU_ASSERT_EQUAL_FATAL(recorder_open(root, &op, &store), SI_OK);
}

static void end(void) {
  recorder_close(store);
  CU_ASSERT_EQUAL(count_temps(root), 0);
  scratch_drop(root);
}

static void a_commit_syncs_in_the_order_that_makes_it_one(void) {
  begin();
  CU_ASSERT_EQUAL(put_one("d/plain", 0, NULL), SI_OK);
  CU_ASSERT_STRING_EQUAL(order, ""); /* linked: there is nothing to replace */
  CU_ASSERT_EQUAL(put_one("d/plain", 0, NULL), SI_OK);
  CU_ASSERT_STRING_EQUAL(order, "rename");
  CU_ASSERT_EQUAL(put_one("d/committed", SI_PUT_COMMIT, NULL), SI_OK);
  CU_ASSERT_STRING_EQUAL(order, "syncfs fsync-file rename fsync-dir");
  CU_ASSERT_EQUAL(put_one("d/created", SI_PUT_COMMIT | SI_PUT_CREATE_ONLY, NULL), SI_OK);
  CU_ASSERT_STRING_EQUAL(order, "syncfs fsync-file rename-new fsync-dir");
  end();
}

static void a_failure_of_any_of_its_calls_is_told(void) {
  static const struct {
    const char *event;
    int seen; /* the object stands, though it may not be durable */
  } cases[] = {{"syncfs", 0}, {"fsync-file", 0}, {"rename-new", 0}, {"fsync-dir", 1}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[4];
    begin();
    CU_ASSERT_EQUAL(put_one("d/n", SI_PUT_COMMIT | SI_PUT_CREATE_ONLY, cases[i].event), SI_E_IO);
    CU_ASSERT_EQUAL(op.sys_errno, EIO);
    CU_ASSERT_STRING_EQUAL(op.subject, "d/n");
    CU_ASSERT_EQUAL(read_all(store, &op, "d/n", text, sizeof text), cases[i].seen ? 1 : -1);
    end();
  }
}

/* Both look before either stands; the second name decides in place of the rename. */
static void a_file_system_without_exclusive_renames_still_lets_one_win(void) {
  const si_put_options options = {.size = sizeof options, .flags = SI_PUT_CREATE_ONLY, .length = 1};
  si_sink *sinks[2] = {NULL, NULL};
  char text[4];
  begin();
  for (int i = 0; i < 2; i++) {
    CU_ASSERT_EQUAL_FATAL(recorder_table()->sink_open(store, &op, "d/n", &options, &sinks[i]),
                          SI_OK);
    CU_ASSERT_EQUAL(recorder_table()->sink_write(sinks[i], &op, i ? "b" : "a", 1), SI_OK);
  }
  failing = "rename-new";
  failure = EINVAL;
  CU_ASSERT_EQUAL(recorder_table()->sink_finish(sinks[0], &op), SI_OK);
  CU_ASSERT_EQUAL(recorder_table()->sink_finish(sinks[1], &op), SI_E_EXISTS);
  failing = NULL;
  failure = EIO;
  CU_ASSERT_EQUAL(read_all(store, &op, "d/n", text, sizeof text), 1);
  CU_ASSERT_EQUAL(text[0], 'a');
  end();
}

UNIT_MAIN("artifact store: file, commit", UNIT(a_commit_syncs_in_the_order_that_makes_it_one),
          UNIT(a_failure_of_any_of_its_calls_is_told),
          UNIT(a_file_system_without_exclusive_renames_still_lets_one_win))
