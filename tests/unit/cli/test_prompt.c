/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/prompt.h"

#include <signal.h>

#include "cli/interrupt.h"
#include "tests/unit/cli/run.h"
#include "tests/unit/cli/terminal.h"

static si_rc wipe(struct si_invocation *inv) {
  si_rc status = si_confirm(inv, "Remove the volume\x1b?");
  if (status == SI_OK) {
    si_out_line(inv->out, "done");
  }
  return status;
}

static si_rc delete (struct si_invocation *inv) {
  si_rc status = si_confirm_name(inv, "This removes blog and its data.", "blog");
  if (status == SI_OK) {
    si_out_line(inv->out, "done");
  }
  return status;
}

static const struct si_command row_wipe = {.path = "wipe", .summary = "W", .run = wipe};
static const struct si_command row_delete = {.path = "delete", .summary = "D", .run = delete};
static const struct si_command *const rows[] = {&row_wipe, &row_delete, NULL};
static const struct si_cli cli = {.commands = rows};

static struct run r;
static char seen[8192];

static void without_a_terminal_the_flags_are_named(void) {
  static const struct {
    const char *line;
    int code;
    const char *says;
  } cases[] = {
      {"wipe", 2, "next: add --yes\n"},
      {"wipe --yes", 0, "done"},
      {"wipe --json", 2, "\"code\":\"CLI_CONFIRM_REQUIRED\""},
      {"delete", 2, "next: add --yes --confirm blog\n"},
      {"delete --yes", 2, "next: add --yes --confirm blog\n"},
      {"delete --confirm blog", 2, "next: add --yes\n"},
      {"delete --yes --confirm blog", 0, "done"},
      {"delete --yes --confirm Blog", 2, "--confirm Blog does not name blog"},
      {"delete --yes --confirm blo", 2, "--confirm blo does not name blog"},
      {"delete --yes --confirm blogs", 2, "nothing was changed"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    run_line(&cli, cases[i].line, &r);
    CU_ASSERT_EQUAL(r.code, cases[i].code);
    CU_ASSERT_TRUE(run_holds(r.out[0] ? r.out : r.err, cases[i].says, cases[i].line));
  }
}

static int typed(const char *line, const char *keys) {
  struct terminal t;
  char copy[128];
  char *argv[16] = {(char *)"si"};
  int argc = 1;
  snprintf(copy, sizeof copy, "%s", line);
  char *rest = copy;
  for (char *word = strsep(&rest, " "); word; word = strsep(&rest, " ")) {
    argv[argc++] = word;
  }
  CU_ASSERT_TRUE_FATAL(terminal_open(&t, 80));
  terminal_type(&t, keys);
  int code = si_cli_run(&cli, argc, argv, t.screen, t.screen, t.screen);
  terminal_seen(&t, seen, sizeof seen);
  terminal_close(&t);
  si_interrupt_restore();
  return code;
}

static void a_terminal_is_asked(void) {
  static const struct {
    const char *line;
    const char *keys; /* \x04: end of input */
    int code;
    const char *says;
  } cases[] = {
      {"wipe", "y\n", 0, "Remove the volume\\x1b? [y/N] done"},
      {"wipe", "YES\n", 0, "done"},
      {"wipe", "n\n", 130, "not confirmed: nothing was changed"},
      {"wipe", "\n", 130, "not confirmed"},
      {"wipe", "yo\n", 130, "not confirmed"},
      {"wipe", "\x04", 130, "not confirmed"},
      {"wipe --no-input", "y\n", 2, "add --yes"},
      {"wipe --json", "y\n", 2, "CLI_CONFIRM_REQUIRED"},
      {"delete", "blog\n", 0, "This removes blog and its data. Type its name to confirm: done"},
      {"delete", "y\n", 130, "not confirmed"},
      {"delete", "Blog\n", 130, "not confirmed"},
      {"delete", "blog \n", 130, "not confirmed"},
      {"delete --yes", "blog\n", 0, "done"},
      {"delete --yes", "\n", 130, "not confirmed"},
      {"delete --confirm blog", "y\n", 0, "[y/N] done"},
      {"delete --confirm blog", "\n", 130, "not confirmed"},
      {"delete --confirm other", "blog\n", 2, "does not name blog"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CU_ASSERT_EQUAL(typed(cases[i].line, cases[i].keys), cases[i].code);
    CU_ASSERT_TRUE(run_holds(seen, cases[i].says, cases[i].line));
  }
}

static void an_interrupt_is_no(void) {
  CU_ASSERT_TRUE_FATAL(si_interrupt_fd() >= 0);
  raise(SIGINT);
  CU_ASSERT_EQUAL(typed("wipe", "y\n"), 130);
}

UNIT_MAIN("cli prompt", UNIT(without_a_terminal_the_flags_are_named), UNIT(a_terminal_is_asked),
          UNIT(an_interrupt_is_no))
