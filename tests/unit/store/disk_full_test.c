/* SPDX-License-Identifier: Apache-2.0 */
/* A full disk: a clear failure that names the path, nothing half-written, and a store that works
 * again once there is room. On a small tmpfs in a mount namespace of its own: needs root. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/store/recorder.h"
#include "tests/unit/unit.h"

static char root[64];

static void a_full_disk_is_told_and_leaves_nothing_behind(void) {
  static char block[1 << 20];
  si_instance *store = NULL;
  si_op op;
  char text[512];
  CU_ASSERT_EQUAL_FATAL(recorder_open(root, &op, &store), SI_OK);
  CU_ASSERT_EQUAL(put_all(store, &op, "d/first", SI_PUT_COMMIT, block, sizeof block), SI_OK);
  CU_ASSERT_EQUAL(put_all(store, &op, "d/second", 0, block, sizeof block), SI_E_QUOTA);
  CU_ASSERT_EQUAL(op.sys_errno, ENOSPC);
  CU_ASSERT_STRING_EQUAL(op.subject, "d/second");
  CU_ASSERT_PTR_NOT_NULL(strstr(op.message, root));
  CU_ASSERT_EQUAL(count_temps(root), 0);
  CU_ASSERT_EQUAL(listing(store, &op, "", text, sizeof text), SI_OK);
  CU_ASSERT_STRING_EQUAL(text, "d/first=1048576");
  CU_ASSERT_EQUAL(recorder_table()->remove(store, &op, "d/first"), SI_OK);
  CU_ASSERT_EQUAL(put_all(store, &op, "d/second", SI_PUT_COMMIT, block, sizeof block), SI_OK);
  recorder_close(store);
}

static void no_room_for_a_directory_is_told(void) {
  si_instance *store = NULL;
  si_op op;
  char key[32];
  si_rc status = SI_OK;
  CU_ASSERT_EQUAL_FATAL(recorder_open(root, &op, &store), SI_OK);
  for (int i = 0; status == SI_OK && i < 200; i++) {
    snprintf(key, sizeof key, "n%d/x", i);
    status = put_all(store, &op, key, 0, "", 0);
  }
  CU_ASSERT_EQUAL(status, SI_E_QUOTA);
  CU_ASSERT_STRING_EQUAL(op.subject, key);
  CU_ASSERT_EQUAL(count_temps(root), 0);
  recorder_close(store);
}

int main(void) {
  static const struct unit_test tests[] = {UNIT(a_full_disk_is_told_and_leaves_nothing_behind),
                                           UNIT(no_room_for_a_directory_is_told)};
  const char *ci = getenv("CI");
  scratch_make(root);
  if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
      mount("none", root, "tmpfs", 0, "size=1536k,nr_inodes=40,mode=0700") != 0) {
    fprintf(stderr, "skipped: cannot mount a tmpfs in a private namespace: %s\n", strerror(errno));
    rmdir(root);
    return ci && strcmp(ci, "true") == 0 ? 1 : 77;
  }
  int result = unit_main("artifact store: file, disk full", tests, 2);
  if (umount(root) != 0 || rmdir(root) != 0) {
    return 1;
  }
  return result;
}
