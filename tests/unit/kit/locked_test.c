/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/kit/locked_test.c - memory for secrets: bounded, never grown, and by the kernel's own
 * account in no core file and in no child.
 */
#include "kit/base/locked.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static void what_does_not_fit_is_not_added(void) {
  struct si_locked locked SI_AUTO(si_locked_free) = {.data = NULL};
  CU_ASSERT_EQUAL(si_locked_add(&locked, "x", 1), SI_E_QUOTA);
  CU_ASSERT_EQUAL(si_locked_make(&locked, 3), SI_OK);
  CU_ASSERT_EQUAL(si_locked_add(&locked, "abc", 3), SI_OK);
  CU_ASSERT_EQUAL(si_locked_add(&locked, "d", 1), SI_E_QUOTA);
  CU_ASSERT_EQUAL(si_locked_add(&locked, "d", (size_t)-1), SI_E_QUOTA);
  CU_ASSERT_EQUAL(strcmp((char *)locked.data, "abc"), 0);
}

static void a_descriptor_is_read_to_its_end_with_a_byte_to_spare(void) {
  for (size_t size = 3; size <= 6; size++) {
    struct si_locked locked SI_AUTO(si_locked_free) = {.data = NULL};
    int ends[2];
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    CU_ASSERT_EQUAL(write(ends[1], "abcde", 5), 5);
    close(ends[1]);
    CU_ASSERT_EQUAL(si_locked_make(&locked, size), SI_OK);
    CU_ASSERT_EQUAL(si_locked_read(&locked, ends[0]), size > 5 ? SI_OK : SI_E_QUOTA);
    CU_ASSERT_EQUAL(memcmp(locked.data, "abcde", locked.len), 0);
    close(ends[0]);
    CU_ASSERT(size <= 5 || si_locked_read(&locked, ends[0]) == SI_E_IO);
  }
}

/* The kernel's flags of the pages at `data`. */
static void flags_of(const void *data, char *to, size_t size) {
  char line[512], begin[32];
  bool found = false;
  FILE *maps = fopen("/proc/self/smaps", "r");
  snprintf(begin, sizeof begin, "%lx-", (unsigned long)(uintptr_t)data);
  to[0] = '\0';
  while (maps && fgets(line, sizeof line, maps)) {
    found = found || strncmp(line, begin, strlen(begin)) == 0;
    if (found && strncmp(line, "VmFlags:", 8) == 0) {
      snprintf(to, size, "%s", line);
      break;
    }
  }
  if (maps) {
    fclose(maps);
  }
}

static void it_is_in_no_core_file_and_in_no_child(void) {
  struct si_locked locked SI_AUTO(si_locked_free) = {.data = NULL};
  char flags[512];
  int status = 0;
  CU_ASSERT_EQUAL(si_locked_make(&locked, 5000), SI_OK);
  CU_ASSERT_EQUAL(si_locked_add(&locked, "secret", 6), SI_OK);
  flags_of(locked.data, flags, sizeof flags);
  CU_ASSERT(strstr(flags, " dd") != NULL);
  pid_t child = fork();
  if (child == 0) {
    _exit(locked.data[0] == '\0' ? 0 : 1);
  }
  CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
  CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

UNIT_MAIN("locked memory", UNIT(what_does_not_fit_is_not_added),
          UNIT(a_descriptor_is_read_to_its_end_with_a_byte_to_spare),
          UNIT(it_is_in_no_core_file_and_in_no_child))
