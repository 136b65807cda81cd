/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/events/disk_test.c - a full disk under the event files, made for real: a small tmpfs
 * in a mount namespace of this program's own. Skipped (77) where that is not allowed, except under
 * CI=true.
 */
#include "tests/unit/events/world.h"
#include "tests/unit/mounts.h"

static void mount_events(const struct world *world, char path[96]) {
  snprintf(path, 96, "%s/events", world->base);
  NEED(mount("small", path, "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,mode=700") == 0);
}

/* The file is cut off within a line when the disk is full; nothing of that is a failure, nothing is
 * lost, and with room again the line is completed. */
static void a_full_disk_delays_lines_and_loses_none(void) {
  struct world world;
  struct si_error error = {0};
  struct si_events_fault fault;
  char path[96], ballast[128];
  uint64_t counts[3] = {0};
  world_begin(&world);
  mount_events(&world, path);
  CU_ASSERT_EQUAL(world_append(&world, NULL, "first", NULL), SI_OK);
  snprintf(ballast, sizeof ballast, "%s/ballast", path);
  int fd = open(ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  static const char block[512];
  while (write(fd, block, sizeof block) > 0) {
  }
  NEED(errno == ENOSPC);
  close(fd);
  int sent = 1;
  while (world_waiting(&world, "audit") < 3 && sent < 1000) {
    CU_ASSERT_EQUAL(world_append(&world, NULL, "next", NULL), SI_OK);
    sent++;
  }
  CU_ASSERT(sent < 1000);
  CU_ASSERT_NOT_EQUAL(si_events_flush(&world.context, world.state, &error), SI_OK);
  EXPECT_TEXT(error.code, "EVENTS_IO");
  CU_ASSERT(world_verifies(&world, counts, &fault)); /* file and store together have all */
  CU_ASSERT_EQUAL(counts[0], (uint64_t)sent);
  NEED(unlink(ballast) == 0);
  CU_ASSERT_EQUAL(si_events_flush(&world.context, world.state, &error), SI_OK);
  CU_ASSERT_EQUAL(world_waiting(&world, "audit"), 0);
  CU_ASSERT(world_verifies(&world, counts, &fault));
  CU_ASSERT_EQUAL(counts[0], (uint64_t)sent);
  NEED(umount2(path, MNT_DETACH) == 0);
  world_end(&world);
}

static void a_read_only_disk_keeps_lines_in_the_store(void) {
  struct world world;
  struct si_events_fault fault;
  char path[96];
  unsigned long flags = MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV;
  world_begin(&world);
  mount_events(&world, path);
  CU_ASSERT_EQUAL(world_append(&world, NULL, "first", NULL), SI_OK);
  NEED(mount(NULL, path, NULL, flags | MS_RDONLY, NULL) == 0);
  CU_ASSERT_EQUAL(world_append(&world, NULL, "second", NULL), SI_OK);
  CU_ASSERT_EQUAL(world_waiting(&world, "audit"), 1);
  CU_ASSERT(world_verifies(&world, NULL, &fault));
  NEED(mount(NULL, path, NULL, flags, NULL) == 0);
  CU_ASSERT_EQUAL(world_append(&world, NULL, "third", NULL), SI_OK);
  CU_ASSERT_EQUAL(world_waiting(&world, "audit"), 0);
  CU_ASSERT(world_verifies(&world, NULL, &fault));
  NEED(umount2(path, MNT_DETACH) == 0);
  world_end(&world);
}

int main(void) {
  static const struct unit_test tests[] = {
      UNIT(a_full_disk_delays_lines_and_loses_none),
      UNIT(a_read_only_disk_keeps_lines_in_the_store),
  };
  const char *ci = getenv("CI");
  if (!own_mounts()) {
    printf("skipped: no mount namespace of its own without root: %s\n", strerror(errno));
    return ci && strcmp(ci, "true") == 0 ? 1 : 77;
  }
  return unit_main("events disk", tests, sizeof tests / sizeof *tests);
}
