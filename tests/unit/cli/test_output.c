/* SPDX-License-Identifier: Apache-2.0 */
/* Lines, fields and tables for people; and a stdout that cannot be written. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "cli/grid.h"
#include "tests/unit/cli/run.h"
#include "tests/unit/cli/terminal.h"

static char text[262144];

static si_rc print_all(struct si_invocation *inv) {
  struct si_grid table SI_AUTO(si_grid_free) = SI_GRID("NAME", "STATUS", "NOTE");
  si_grid_row(&table, "blog", "running", "as it should be, and for a long time now");
  si_grid_row(&table, "\xe4\xb8\xad\xe6\x96\x87", "failed", "no \x1b[31mred\nline");
  si_grid_row(&table, "x", "", NULL);
  si_out_line(inv->out, "a %s line", "\x1b[2J\nsingle");
  si_out_field(inv->out, "Name", "%s", "blog\x1b");
  si_out_field(inv->out, "A name that is long", "%d", 1);
  si_out_field(inv->out, "Error", "first\nsecond\n");
  si_out_text(inv->out, "log\x1b[1m\n\tnext\n", 14);
  si_grid_print(inv->out, &table);
  si_out_note(inv->out, "a note");
  si_out_warn(inv->out, "a %s", "warn\ring");
  si_out_debug(inv->out, "a detail");
  return SI_OK;
}

static si_rc print_much(struct si_invocation *inv) {
  for (int i = 0; i < 40000; i++) {
    si_out_line(inv->out, "line %d", i);
  }
  return SI_OK;
}

static si_rc print_wide(struct si_invocation *inv) {
  si_out_line(inv->out, "before");
  si_out_line(inv->out, "%0*d", 100000, 7);
  si_out_line(inv->out, "after");
  return SI_OK;
}

static si_rc print_nothing(struct si_invocation *inv) {
  struct si_grid table SI_AUTO(si_grid_free) = SI_GRID("NAME");
  si_grid_print(inv->out, &table);
  return SI_OK;
}

static si_rc missing(struct si_invocation *inv) {
  si_out_line(inv->out, "something");
  return si_error_set(&inv->error, SI_E_NOT_FOUND, "GONE", "it is not there");
}

static const struct si_command all = {.path = "all", .summary = "A", .run = print_all};
static const struct si_command much = {.path = "much", .summary = "M", .run = print_much};
static const struct si_command wide = {.path = "wide", .summary = "W", .run = print_wide};
static const struct si_command nothing = {.path = "nothing", .summary = "N", .run = print_nothing};
static const struct si_command gone = {.path = "gone", .summary = "G", .run = missing};
static const struct si_command *const rows[] = {&all,  &much,        &nothing, &gone,
                                                &wide, &si_cmd_help, NULL};
static const struct si_cli cli = {.commands = rows};

static struct run r;

#define FIELDS                  \
  "a \\x1b[2J\\nsingle line\n"  \
  "Name:           blog\\x1b\n" \
  "A name that is long: 1\n"    \
  "Error:          first\n"     \
  "                second\n"

static void a_file_gets_plain_whole_lines(void) {
  run_line(&cli, "all", &r);
  CU_ASSERT_EQUAL(r.code, 0);
  CU_ASSERT_STRING_EQUAL(r.out, FIELDS
                         "log\x1b[1m\n\tnext\n"
                         "NAME  STATUS   NOTE\n"
                         "blog  running  as it should be, and for a long time now\n"
                         "\xe4\xb8\xad\xe6\x96\x87  failed   no \\x1b[31mred\\nline\n"
                         "x     -        -\n");
  CU_ASSERT_STRING_EQUAL(r.err, "a note\nwarning: a warn\\ring\n");
}

static void quiet_and_verbose_choose_what_stderr_says(void) {
  run_line(&cli, "all -q", &r);
  CU_ASSERT_STRING_EQUAL(r.err, "warning: a warn\\ring\n");
  run_line(&cli, "all -v", &r);
  CU_ASSERT_STRING_EQUAL(r.err, "a note\nwarning: a warn\\ring\na detail\n");
}

static void a_list_of_nothing_prints_nothing(void) {
  run_line(&cli, "nothing", &r);
  CU_ASSERT_STRING_EQUAL(r.out, "");
  CU_ASSERT_EQUAL(r.code, 0);
}

static void a_line_larger_than_the_buffer_keeps_its_place(void) {
  run_line(&cli, "wide", &r);
  CU_ASSERT_EQUAL(r.code, 0);
  CU_ASSERT_EQUAL(strlen(r.out), 7 + 100001 + 6);
  CU_ASSERT_EQUAL(strncmp(r.out, "before\n000", 10), 0);
  CU_ASSERT_STRING_EQUAL(r.out + 7 + 99998, "07\nafter\n");
}

static int on_terminal(const char *option, unsigned short columns) {
  struct terminal t;
  const char *argv[] = {"si", "all", option, NULL};
  CU_ASSERT_TRUE_FATAL(terminal_open(&t, columns));
  int code = si_cli_run(&cli, option ? 3 : 2, (char **)argv, t.screen, t.screen, t.screen);
  terminal_seen(&t, text, sizeof text);
  terminal_close(&t);
  return code;
}

static void a_terminal_gets_colours_and_lines_that_fit(void) {
  setenv("TERM", "xterm", 1);
  unsetenv("NO_COLOR");
  CU_ASSERT_EQUAL(on_terminal(NULL, 30), 0);
  CU_ASSERT_TRUE(run_holds(text, "\x1b[1mNAME  STATUS   NOTE\n\x1b[0m", "screen"));
  CU_ASSERT_TRUE(run_holds(text, "blog  running  as it should b…\n", "screen"));
  CU_ASSERT_TRUE(run_holds(text, "log\\x1b[1m\n\tnext\n", "screen"));
  CU_ASSERT_TRUE(run_holds(text, "\x1b[1;33mwarning: \x1b[0ma warn", "screen"));
  CU_ASSERT_EQUAL(on_terminal(NULL, 5), 0);
  CU_ASSERT_TRUE(run_holds(text, "blog  running  as it s…\n", "screen"));
}

static void colours_can_be_kept_out(void) {
  setenv("TERM", "xterm", 1);
  on_terminal("--no-color", 80);
  CU_ASSERT_PTR_NULL(strchr(text, '\x1b'));
  setenv("NO_COLOR", "1", 1);
  on_terminal(NULL, 80);
  CU_ASSERT_PTR_NULL(strchr(text, '\x1b'));
  unsetenv("NO_COLOR");
  setenv("TERM", "dumb", 1);
  on_terminal(NULL, 80);
  CU_ASSERT_PTR_NULL(strchr(text, '\x1b'));
  setenv("TERM", "xterm", 1);
}

/* Runs a line on that descriptor as stdout; r.err keeps stderr. */
static int run_on(const char *command, const char *option, int out) {
  const char *argv[] = {"si", command, option, NULL};
  int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
  int err = memfd_create("err", MFD_CLOEXEC);
  int code = si_cli_run(&cli, option ? 3 : 2, (char **)argv, in, out, err);
  close(in);
  run_keep(err, r.err, sizeof r.err);
  return code;
}

static void a_stdout_that_cannot_be_written_is_a_failure(void) {
  static const struct {
    const char *command;
    const char *option;
    int code;
  } cases[] = {{"all", NULL, 1},  {"all", "--json", 1}, {"much", NULL, 1},
               {"help", NULL, 1}, {"gone", NULL, 3},    {"nothing", NULL, 0}};
  int ends[2];
  signal(SIGPIPE, SIG_IGN);
  CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
  close(ends[0]);
  int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const struct {
      int fd;
      const char *why;
    } outs[] = {{full, "not written: No space left on device"},
                {ends[1], "not written: Broken pipe"},
                {-1, "not written: Bad file descriptor"}};
    for (size_t o = 0; o < 3; o++) {
      CU_ASSERT_EQUAL(run_on(cases[i].command, cases[i].option, outs[o].fd), cases[i].code);
      if (cases[i].code) {
        CU_ASSERT_TRUE(run_holds(r.err, outs[o].why, cases[i].command));
      }
    }
  }
  close(full);
  close(ends[1]);
}

/* A pipe of somebody who made it non-blocking, read slowly: nothing is lost. */
static void a_slow_reader_gets_everything(void) {
  int ends[2];
  CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  CU_ASSERT_TRUE(fcntl(ends[1], F_SETPIPE_SZ, 4096) > 0); /* sixteen times full in one write */
  pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    _exit(run_on("much", NULL, ends[1]));
  }
  close(ends[1]);
  size_t have = 0, lines = 0;
  struct pollfd wait = {.fd = ends[0], .events = POLLIN};
  while (poll(&wait, 1, 10000) > 0) {
    ssize_t n = read(ends[0], text, 4096);
    if (n <= 0) {
      break;
    }
    for (ssize_t i = 0; i < n; i++) {
      lines += text[i] == '\n';
    }
    have += (size_t)n;
  }
  close(ends[0]);
  int status = 0;
  CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
  CU_ASSERT_EQUAL(status, 0);
  CU_ASSERT_EQUAL(lines, 40000);
  CU_ASSERT_EQUAL(have, 40000u * 6u + 10u + 180u + 2700u + 36000u + 150000u);
}

/* Descriptors 0 to 2 may be closed by whoever starts si: no file may take their place. */
static void a_closed_stdout_is_a_failure_and_takes_no_file(void) {
  pid_t child = fork();
  if (child == 0) {
    const char *argv[] = {"si", "all", NULL};
    close(0);
    close(1);
    close(2);
    int code = si_cli_main(&cli, 2, (char **)argv);
    _exit(code == 1 && open("/dev/null", O_RDONLY | O_CLOEXEC) > 2 ? 0 : 1);
  }
  int status = 0;
  CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
  CU_ASSERT_EQUAL(status, 0);
}

UNIT_MAIN("cli output", UNIT(a_file_gets_plain_whole_lines),
          UNIT(quiet_and_verbose_choose_what_stderr_says), UNIT(a_list_of_nothing_prints_nothing),
          UNIT(a_line_larger_than_the_buffer_keeps_its_place),
          UNIT(a_terminal_gets_colours_and_lines_that_fit), UNIT(colours_can_be_kept_out),
          UNIT(a_stdout_that_cannot_be_written_is_a_failure), UNIT(a_slow_reader_gets_everything),
          UNIT(a_closed_stdout_is_a_failure_and_takes_no_file))
