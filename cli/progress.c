/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"

#define REDRAW_NS 100000000u
#define LINE 512

struct si_progress {
  struct si_output *out;
  pthread_mutex_t lock; /* over what follows */
  uint64_t drawn_ns;
  char title[128];
  char what[256]; /* of the last update */
};

struct si_progress *si_progress_start(struct si_output *out, const char *title) {
  struct si_progress *progress = calloc(1, sizeof *progress);
  if (!progress) {
    return NULL;
  }
  progress->out = out;
  pthread_mutex_init(&progress->lock, NULL);
  si_copy(progress->title, sizeof progress->title, title);
  if (!out->quiet) {
    char line[LINE];
    snprintf(line, sizeof line, "%s ...", progress->title);
    si_out_status(out, line);
  }
  return progress;
}

static void draw(struct si_progress *progress, uint64_t done, uint64_t total, const char *what) {
  char line[LINE];
  if (total) {
    unsigned percent = (unsigned)((double)(done < total ? done : total) / (double)total * 100.0);
    snprintf(line, sizeof line, "%s: %s %u%%", progress->title, what, percent);
  } else if (done) {
    snprintf(line, sizeof line, "%s: %s %" PRIu64, progress->title, what, done);
  } else {
    snprintf(line, sizeof line, "%s: %s", progress->title, what);
  }
  si_out_status(progress->out, line);
}

void si_progress_update(struct si_progress *progress, uint64_t done, uint64_t total,
                        const char *what) {
  if (!progress || progress->out->quiet) {
    return;
  }
  pthread_mutex_lock(&progress->lock);
  uint64_t now = si_monotonic_ns();
  char text[sizeof progress->what];
  si_copy(text, sizeof text, what);
  bool other = strcmp(progress->what, text) != 0;
  bool end = total && done >= total;
  si_copy(progress->what, sizeof progress->what, text);
  if (!progress->out->tty_err) {
    if (other) {
      si_out_note(progress->out, "%s: %s", progress->title, text);
    }
  } else if (other || end || now - progress->drawn_ns >= REDRAW_NS) {
    progress->drawn_ns = now;
    draw(progress, done, total, text);
  }
  pthread_mutex_unlock(&progress->lock);
}

void si_progress_step(struct si_progress *progress, const char *fmt, ...) {
  char text[4 * LINE];
  va_list args;
  if (!progress) {
    return;
  }
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  si_out_note(progress->out, "%s: %s", progress->title, text);
}

void si_progress_warn(struct si_progress *progress, const char *fmt, ...) {
  char text[4 * LINE];
  va_list args;
  if (!progress) {
    return;
  }
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  si_out_warn(progress->out, "%s: %s", progress->title, text);
}

void si_progress_end(struct si_progress **progress) {
  if (*progress) {
    si_out_status((*progress)->out, NULL);
    pthread_mutex_destroy(&(*progress)->lock);
    free(*progress);
    *progress = NULL;
  }
}
