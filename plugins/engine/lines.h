/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/engine/lines.h - the lines of a container's log, with their times, taken out of the
 * engine's framed stream (plugins/engine/frames.h says how that looks). Depends on kit/base. Pure.
 *
 * A frame is a piece of one stream that begins with the time and a blank. A line may come in
 * several frames (the engine cuts at 16 KiB): it has the time of the first. Memory is bounded by
 * two lines of SI_LOG_LINE_MAX, whatever the stream says.
 */
#ifndef SI_PLUGINS_ENGINE_LINES_H
#define SI_PLUGINS_ENGINE_LINES_H

#include <stdbool.h>

#include "kit/base/buf.h"

enum { SI_LOG_LINE_MAX = 32768, SI_LOG_TIME_SIZE = 40 };

enum { SI_LOG_STDOUT = 1, SI_LOG_STDERR = 2 };

struct si_log_line {
  int64_t time_ns; /* since 1970 */
  int stream;      /* SI_LOG_* */
  const char *text;
  size_t len;
  bool cut; /* there was more of it */
};
/* A status other than SI_OK ends the reading with it. */
typedef si_rc (*si_log_each)(void *ctx, const struct si_log_line *line);

struct si_log_part { /* of one stream: the line that is being read */
  struct si_buf text;
  char time[SI_LOG_TIME_SIZE];
  size_t time_len;
  int64_t time_ns;
  bool timed; /* the present frame's time was read */
  bool begun; /* there is a line */
  bool cut;
};

struct si_log_lines {
  unsigned char header[8];
  size_t have;
  uint64_t left;
  int stream; /* of the present frame; 3: the engine's own words of why it cannot go on */
  struct si_log_part parts[2];
  char trouble[256];
  void *ctx;
  si_log_each each;
};

void si_log_lines_begin(struct si_log_lines *lines, void *ctx, si_log_each each);
/* Takes the next piece of the stream, cut anywhere. SI_E_CORRUPT: this is no framed stream with
 * times. */
si_rc si_log_lines_feed(struct si_log_lines *lines, const void *data, size_t len) SI_MUST_USE;
/* Hands out the lines that have no end yet. SI_E_IO: the engine broke off, and lines->trouble says
 * why. */
si_rc si_log_lines_end(struct si_log_lines *lines) SI_MUST_USE;
void si_log_lines_free(struct si_log_lines *lines); /* for SI_AUTO */

/* "2026-11-20T20:15:01.123456789Z", or with an offset, as nanoseconds since 1970 (until 2261).
 * SI_E_INVALID. */
si_rc si_log_time_parse(const char *text, int64_t *ns) SI_MUST_USE;
/* The same back, always with nine digits and Z. */
void si_log_time_text(int64_t ns, char to[SI_LOG_TIME_SIZE]);

#endif
