/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include "tests/unit/cli/run.h"
#include "tests/unit/cli/terminal.h"

static char text[1048576];

static void tell(struct si_output *out) {
  struct si_progress *progress SI_AUTO(si_progress_end) = si_progress_start(out, "provision blog");
  CU_ASSERT_PTR_NOT_NULL_FATAL(progress);
  si_progress_update(progress, 0, 0, "checking");
  for (uint64_t i = 0; i <= 100; i++) {
    si_progress_update(progress, i, 100, "copying \x1b");
  }
  si_progress_step(progress, "created %s", "network blog_default");
  si_progress_warn(progress, "slow");
}

static void on_file(bool quiet) {
  struct si_output out;
  int fd = memfd_create("err", MFD_CLOEXEC);
  si_out_init(&out, STDIN_FILENO, STDOUT_FILENO, fd);
  out.quiet = quiet;
  tell(&out);
  si_out_free(&out);
  run_keep(fd, text, sizeof text);
}

static void elsewhere_every_event_is_one_plain_line(void) {
  on_file(false);
  CU_ASSERT_STRING_EQUAL(text,
                         "provision blog: checking\n"
                         "provision blog: copying \\x1b\n"
                         "provision blog: created network blog_default\n"
                         "warning: provision blog: slow\n");
}

static void quiet_leaves_the_warnings(void) {
  on_file(true);
  CU_ASSERT_STRING_EQUAL(text, "warning: provision blog: slow\n");
}

#define ERASE "\r\x1b[K"

static void a_terminal_line_is_redrawn_and_taken_away(void) {
  struct terminal t;
  struct si_output out;
  CU_ASSERT_TRUE_FATAL(terminal_open(&t, 40));
  si_out_init(&out, t.screen, t.screen, t.screen);
  si_out_no_color(&out);
  tell(&out);
  si_out_free(&out);
  terminal_seen(&t, text, sizeof text);
  terminal_close(&t);
  CU_ASSERT_TRUE(
      run_holds(text, "provision blog ..." ERASE "provision blog: checking" ERASE, "screen"));
  /* A step scrolls above; the line is put back below it. */
  CU_ASSERT_TRUE(run_holds(text,
                           "provision blog: copying \\x1b 100%" ERASE
                           "provision blog: created network blog_default\n"
                           "provision blog: copying \\x1b 100%" ERASE,
                           "screen"));
  size_t len = strlen(text);
  CU_ASSERT_TRUE(len > 4 && strcmp(text + len - 4, ERASE) == 0);
  /* A hundred counts within the tenth of a second are no hundred drawings. */
  CU_ASSERT_TRUE(len < 2000);
}

static void a_long_line_does_not_wrap(void) {
  struct terminal t;
  struct si_output out;
  CU_ASSERT_TRUE_FATAL(terminal_open(&t, 10));
  si_out_init(&out, t.screen, t.screen, t.screen);
  si_out_status(&out, "0123456789abcdef");
  si_out_free(&out);
  terminal_seen(&t, text, sizeof text);
  terminal_close(&t);
  CU_ASSERT_STRING_EQUAL(text, "012345678" ERASE);
}

enum { THREADS = 4, LINES = 2000 };

static void *chatter(void *arg) {
  for (int i = 0; i < LINES; i++) {
    si_out_note(arg, "a whole line of one thread");
  }
  return NULL;
}

static void lines_of_many_threads_stay_whole(void) {
  struct si_output out;
  pthread_t threads[THREADS];
  int fd = memfd_create("err", MFD_CLOEXEC);
  si_out_init(&out, STDIN_FILENO, STDOUT_FILENO, fd);
  out.tty_err = true; /* as on a terminal: the line stands below */
  struct si_progress *progress = si_progress_start(&out, "work");
  for (int i = 0; i < THREADS; i++) {
    CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, chatter, &out), 0);
  }
  for (uint64_t i = 0; i < LINES; i++) {
    si_progress_update(progress, i, LINES, i % 2 ? "odd" : "even");
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
  }
  si_progress_end(&progress);
  CU_ASSERT_PTR_NULL(progress);
  si_out_free(&out);
  run_keep(fd, text, sizeof text);
  size_t whole = 0;
  for (char *at = text; (at = strstr(at, ERASE "a whole line of one thread\nwork")) != NULL; at++) {
    whole++;
  }
  CU_ASSERT_EQUAL(whole, THREADS * LINES);
}

UNIT_MAIN("cli progress", UNIT(elsewhere_every_event_is_one_plain_line),
          UNIT(quiet_leaves_the_warnings), UNIT(a_terminal_line_is_redrawn_and_taken_away),
          UNIT(a_long_line_does_not_wrap), UNIT(lines_of_many_threads_stay_whole))
