/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/context/explicit_test.c - no row of the whole command table changes a context that was
 * not named in the same line (R25): it has SI_CMD_MUTATING, or names the context as its argument,
 * or is known to change nothing of any. A new row is one that changes something until it is listed
 * here.
 */
#include <string.h>

#include "cli/command.h"
#include "tests/unit/unit.h"

/* The last words of rows that change nothing. */
static const char *const reading[] = {
    "list",   "show",      "verify",  "info",       "version", "help",
    "doctor", "checklist", "history", "status",     "key",     "export",
    "check",  "contract",  "get",     "completion", "conform", "compliance-report",
    "plan",   "releases",  "logs",    "pushes"};

/* They ask for --context themselves where they change what is a context's (contexts.sh,
 * runpacks.sh); a copy goes into a store that was named. */
static const char *const sometimes[] = {"paas reconcile", "runpack copy", "runpack prune",
                                        "runpack lock",   "runpack hold", "runpack release",
                                        "runpack attest"};

/* They name their context themselves, or belong to none. */
static const char *const naming[] = {"paas context create",
                                     "paas context init",
                                     "paas context use",
                                     "paas context remove",
                                     "paas context import",
                                     "paas context reset",
                                     "paas context adopt",
                                     "plugin trust add",
                                     "plugin trust remove",
                                     "plugin keygen",
                                     "paas app init",
                                     "plugin new",
                                     "plugin sign",
                                     "serve",
                                     "worker"};

static bool is_among(const char *const *list, size_t count, const char *word) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(list[i], word) == 0) {
      return true;
    }
  }
  return false;
}
#define AMONG(list, word) is_among(list, sizeof(list) / sizeof *(list), word)

static void every_row_that_changes_a_context_wants_it_named(void) {
  size_t mutating = 0;
  for (size_t i = 0; si_commands.commands[i]; i++) {
    const struct si_command *row = si_commands.commands[i];
    const char *space = strrchr(row->path, ' ');
    bool fine = (row->flags & SI_CMD_MUTATING) || AMONG(reading, space ? space + 1 : row->path) ||
                AMONG(naming, row->path) || AMONG(sometimes, row->path);
    mutating += (row->flags & SI_CMD_MUTATING) != 0;
    if (!fine) {
      printf("\n`si %s` may change a context that nobody named", row->path);
    }
    CU_ASSERT(fine);
  }
  CU_ASSERT(mutating >= 5);
}

static void a_row_that_names_its_context_must_be_told_it(void) {
  size_t seen = 0;
  for (size_t i = 0; si_commands.commands[i]; i++) {
    const struct si_command *row = si_commands.commands[i];
    if (!AMONG(naming, row->path) || strncmp(row->path, "paas context ", 13) != 0) {
      continue;
    }
    bool argument = row->params[0].name && strcmp(row->params[0].name, "NAME") == 0;
    const struct si_option *option = row->options;
    while (option && option->name && strcmp(option->name, "name") != 0) {
      option++;
    }
    CU_ASSERT(argument || (option && option->name && (option->flags & SI_OPT_REQUIRED)));
    CU_ASSERT(!(row->flags & (SI_CMD_CONTEXT | SI_CMD_CONTEXT_MAYBE)));
    seen++;
  }
  CU_ASSERT_EQUAL(seen, 7);
}

UNIT_MAIN("explicit contexts", UNIT(every_row_that_changes_a_context_wants_it_named),
          UNIT(a_row_that_names_its_context_must_be_told_it))
