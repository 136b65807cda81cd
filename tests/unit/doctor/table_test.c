/* SPDX-License-Identifier: Apache-2.0 */
/* docs/doctor.md lists every check, as the table of the checks has it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "paas/doctor/private.h"
#include "tests/unit/unit.h"

static struct si_buf docs = SI_BUF(1 << 20);

static void expect_line(const struct si_doctor_row *row) {
  char line[256];
  const char *scope = row->scope == SI_SCOPE_ROOT      ? "root"
                      : row->scope == SI_SCOPE_CONTEXT ? "context"
                                                       : "root, context";
  snprintf(line, sizeof line, "\n| `%s` | %s | %s | %s| ", row->id,
           si_doctor_severity(row->severity), scope, row->gate ? "gate " : "");
  if (!strstr(si_buf_text(&docs), line)) {
    printf("\nmissing in docs/doctor.md: %s\n", line + 1);
    CU_FAIL("a check is not documented as it is");
  }
}

static size_t documented(void) {
  size_t count = 0;
  for (const char *at = si_buf_text(&docs); (at = strstr(at, "\n| `")) != NULL; at++) {
    const char *end = strchr(at + 1, '\n');
    size_t len = end ? (size_t)(end - at) : strlen(at);
    count += memmem(at, len, "critical |", 10) || memmem(at, len, "warning |", 9) ||
             memmem(at, len, "info |", 6);
  }
  return count;
}

static void every_check_is_documented_and_no_other(void) {
  size_t count;
  const struct si_doctor_row *rows = si_doctor_rows(&count);
  int dir SI_AUTO(si_close) = open(SI_DOCS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  CU_ASSERT_EQUAL_FATAL(si_read_file(dir, "doctor.md", &docs), SI_OK);
  for (size_t i = 0; i < count; i++) {
    expect_line(&rows[i]);
  }
  expect_line(&si_doctor_context_opens);
  CU_ASSERT_EQUAL(documented(), count + 1);
  si_buf_free(&docs);
}

static void ids_are_unique(void) {
  size_t count;
  const struct si_doctor_row *rows = si_doctor_rows(&count);
  for (size_t i = 0; i < count; i++) {
    CU_ASSERT_PTR_EQUAL(si_doctor_row(rows[i].id), &rows[i]);
  }
}

UNIT_MAIN("doctor: the table of the checks", UNIT(every_check_is_documented_and_no_other),
          UNIT(ids_are_unique))
