/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/vault/disk_test.c - a full disk, made for real (a small tmpfs in a mount namespace of
 * this program's own), met at every page that a change needs: the vault holds the old or the new
 * content, the failure says so, and once there is room the same change passes. Skipped (77) where
 * there is no such namespace, except under CI=true.
 */
#include <sched.h>
#include <sys/mount.h>

#include "tests/unit/vault/world.h"

static struct world world;

static bool write_text(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  bool well = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
  if (fd >= 0) {
    close(fd);
  }
  return well;
}

static bool own_mounts(void) {
  char map[64];
  uid_t uid = geteuid();
  gid_t gid = getegid();
  if (uid == 0) {
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
  }
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
    return false;
  }
  snprintf(map, sizeof map, "%u %u 1", (unsigned)uid, (unsigned)uid);
  bool well = write_text("/proc/self/setgroups", "deny") && write_text("/proc/self/uid_map", map);
  snprintf(map, sizeof map, "%u %u 1", (unsigned)gid, (unsigned)gid);
  return well && write_text("/proc/self/gid_map", map);
}

static void make_disk(void) {
  world = (struct world){.state = NULL};
  scratch_make(world.root);
  NEED(mount("small", world.root, "tmpfs", MS_NOSUID | MS_NODEV, "size=2m,mode=700") == 0);
  setenv("SI_PAAS_STATE_ROOT", world.root, 1);
  world_context(&world, "t");
}

static void remove_disk(void) {
  world_close(&world);
  si_context_free(&world.context);
  NEED(umount2(world.root, MNT_DETACH) == 0);
  NEED(rmdir(world.root) == 0);
}

/* Fills the disk but for `pages` of 4 KiB. */
static void fill(unsigned pages) {
  static const char block[4096];
  char path[96];
  off_t size = 0;
  snprintf(path, sizeof path, "%s/ballast", world.root);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  NEED(fd >= 0);
  while (write(fd, block, sizeof block) == (ssize_t)sizeof block) {
    size += (off_t)sizeof block;
  }
  NEED(errno == ENOSPC && size > (off_t)(pages * sizeof block));
  NEED(ftruncate(fd, size - (off_t)(pages * sizeof block)) == 0);
  close(fd);
}

static void empty(void) {
  char path[96];
  snprintf(path, sizeof path, "%s/ballast", world.root);
  NEED(unlink(path) == 0);
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
  world_open(&world, SI_STATE_WRITE);
  CU_ASSERT_EQUAL(si_vault_doctor(&world.context, world.state, true, NULL, NULL, NULL, expect_ok,
                                  &failed, NULL),
                  SI_OK);
  CU_ASSERT_EQUAL(failed, 0);
}

static bool says_full(si_rc status, const struct si_error *error) {
  bool well = status == SI_E_QUOTA && error->hint[0] != '\0' &&
              (strcmp(error->code, "VAULT_FULL") == 0 || strcmp(error->code, "STATE_FULL") == 0);
  if (!well) {
    printf("\n%d %s: %s\n", (int)status, error->code, error->message);
  }
  return well;
}

static si_rc change(const char *value, struct si_error *error) {
  struct world own = world;
  own.state = NULL;
  own.vault = NULL;
  si_rc status = si_state_open(own.context.dir, own.context.id, SI_STATE_WRITE, &own.state, error);
  status = status == SI_OK ? si_vault_open(&own.context, own.state, &own.vault, error) : status;
  status = status == SI_OK
               ? si_vault_set(own.vault, "blog", "KEY", value, strlen(value), "set", NULL, error)
               : status;
  world_close(&own);
  return status;
}

static void a_full_disk_leaves_the_old_or_the_new_value(void) {
  static char values[2][30000];
  char half[SI_PATH_MAX + 8];
  size_t failures = 0, successes = 0;
  memset(values[0], 'a', sizeof values[0] - 1);
  memset(values[1], 'b', sizeof values[1] - 1);
  make_disk();
  world_state(&world, SI_STATE_WRITE);
  NEED(si_vault_init(&world.context, world.state, NULL, world.recipient, NULL) == SI_OK);
  world_close(&world);
  NEED(change(values[0], NULL) == SI_OK);
  unsigned now = 0;
  for (unsigned pages = 0; pages < 60; pages++) {
    struct si_error error = {0};
    fill(pages);
    si_rc status = change(values[!now], &error);
    empty();
    snprintf(half, sizeof half, "%s.new", world.path);
    CU_ASSERT_NOT_EQUAL(access(half, F_OK), 0); /* nothing half-written stays */
    CU_ASSERT(status == SI_OK || says_full(status, &error));
    expect_sound();
    bool is_new = world_holds(&world, "blog", "KEY", values[!now]);
    CU_ASSERT(is_new || world_holds(&world, "blog", "KEY", values[now]));
    CU_ASSERT(is_new || status != SI_OK);
    failures += status != SI_OK;
    successes += status == SI_OK;
    world_close(&world);
    now = is_new ? !now : now;
    NEED(change(values[!now], NULL) == SI_OK);
    now = !now;
  }
  CU_ASSERT(failures > 5 && successes > 5);
  remove_disk();
}

static void the_same_handle_goes_on_after_a_failure(void) {
  static char values[2][30000];
  size_t failures = 0;
  memset(values[0], 'a', sizeof values[0] - 1);
  memset(values[1], 'b', sizeof values[1] - 1);
  make_disk();
  world_state(&world, SI_STATE_WRITE);
  NEED(si_vault_init(&world.context, world.state, NULL, world.recipient, NULL) == SI_OK);
  for (unsigned pages = 0; pages < 60; pages++) {
    world_open(&world, SI_STATE_WRITE);
    fill(pages);
    failures += si_vault_set(world.vault, "", "KEY", values[0], strlen(values[0]), "set", NULL,
                             NULL) != SI_OK;
    empty();
    world_set(&world, "", "KEY", values[1]);
    CU_ASSERT(world_holds(&world, "", "KEY", values[1]));
  }
  CU_ASSERT(failures > 5);
  remove_disk();
}

static void a_rotation_on_a_full_disk_leaves_a_vault_that_opens(void) {
  size_t failures = 0, successes = 0;
  make_disk();
  world_state(&world, SI_STATE_WRITE);
  NEED(si_vault_init(&world.context, world.state, NULL, world.recipient, NULL) == SI_OK);
  world_close(&world);
  NEED(change("a value of some length", NULL) == SI_OK);
  for (unsigned pages = 0; pages < 30; pages++) {
    struct si_error error = {0};
    char recipient[80];
    world_open(&world, SI_STATE_WRITE);
    fill(pages);
    si_rc status = si_vault_rotate(world.vault, NULL, recipient, &error);
    empty();
    world_close(&world);
    CU_ASSERT(status == SI_OK || says_full(status, &error));
    expect_sound();
    CU_ASSERT(world_holds(&world, "blog", "KEY", "a value of some length"));
    failures += status != SI_OK;
    successes += status == SI_OK;
  }
  CU_ASSERT(failures > 1 && successes > 1);
  remove_disk();
}

static void a_vault_that_finds_no_room_is_made_later(void) {
  size_t failures = 0;
  bool made = false;
  for (unsigned pages = 0; pages < 40 && !made; pages++) {
    struct si_error error = {0};
    make_disk();
    world_state(&world, SI_STATE_WRITE);
    fill(pages);
    si_rc status = si_vault_init(&world.context, world.state, NULL, world.recipient, &error);
    empty();
    made = status == SI_OK;
    CU_ASSERT(made || says_full(status, &error));
    failures += !made;
    if (!made) {
      status = si_vault_init(&world.context, world.state, NULL, world.recipient, &error);
      CU_ASSERT(status == SI_OK || status == SI_E_EXISTS);
    }
    expect_sound();
    remove_disk();
  }
  CU_ASSERT(made && failures > 1);
}

int main(void) {
  static const struct unit_test tests[] = {
      UNIT(a_full_disk_leaves_the_old_or_the_new_value),
      UNIT(the_same_handle_goes_on_after_a_failure),
      UNIT(a_rotation_on_a_full_disk_leaves_a_vault_that_opens),
      UNIT(a_vault_that_finds_no_room_is_made_later),
  };
  const char *ci = getenv("CI");
  if (!own_mounts()) {
    printf("skipped: no mount namespace of its own without root: %s\n", strerror(errno));
    return ci && strcmp(ci, "true") == 0 ? 1 : 77;
  }
  return unit_main("vault disk", tests, sizeof tests / sizeof *tests);
}
