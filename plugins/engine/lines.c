/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/engine/lines.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "kit/base/text.h"

enum { TROUBLE = 3 };

static const int64_t second_ns = 1000000000;

/* --- times --- */

/* `count` digits at *at, within [least, most]; moves on. */
static bool digits(const char **at, int count, int least, int most, int *out) {
  int value = 0;
  for (int i = 0; i < count; i++, (*at)++) {
    if (**at < '0' || **at > '9') {
      return false;
    }
    value = value * 10 + (**at - '0');
  }
  *out = value;
  return value >= least && value <= most;
}

static bool sign(const char **at, char wanted) {
  return **at == wanted && (*at)++;
}

/* ".5" is half a second; what is finer than a nanosecond is dropped. */
static bool fraction(const char **at, int64_t *ns) {
  int64_t unit = second_ns;
  if (!sign(at, '.')) {
    return true;
  }
  if (**at < '0' || **at > '9') {
    return false;
  }
  for (; **at >= '0' && **at <= '9'; (*at)++) {
    unit /= 10;
    *ns += unit * (**at - '0');
  }
  return true;
}

static bool offset(const char **at, int64_t *seconds) {
  int hours = 0, minutes = 0;
  if (sign(at, 'Z')) {
    return true;
  }
  int way = **at == '-' ? -1 : 1;
  if ((!sign(at, '+') && !sign(at, '-')) || !digits(at, 2, 0, 23, &hours) || !sign(at, ':') ||
      !digits(at, 2, 0, 59, &minutes)) {
    return false;
  }
  *seconds -= (int64_t)way * (hours * 3600 + minutes * 60);
  return true;
}

si_rc si_log_time_parse(const char *text, int64_t *ns) {
  struct tm tm = {0};
  int64_t part = 0;
  const char *at = text;
  if (!digits(&at, 4, 1970, 2261, &tm.tm_year) || !sign(&at, '-') ||
      !digits(&at, 2, 1, 12, &tm.tm_mon) || !sign(&at, '-') ||
      !digits(&at, 2, 1, 31, &tm.tm_mday) || !sign(&at, 'T') ||
      !digits(&at, 2, 0, 23, &tm.tm_hour) || !sign(&at, ':') ||
      !digits(&at, 2, 0, 59, &tm.tm_min) || !sign(&at, ':') || !digits(&at, 2, 0, 60, &tm.tm_sec) ||
      !fraction(&at, &part)) {
    return SI_E_INVALID;
  }
  tm.tm_year -= 1900;
  tm.tm_mon -= 1;
  int64_t seconds = (int64_t)timegm(&tm);
  if (!offset(&at, &seconds) || *at || seconds < 0) {
    return SI_E_INVALID;
  }
  *ns = seconds * second_ns + part;
  return SI_OK;
}

void si_log_time_text(int64_t ns, char to[SI_LOG_TIME_SIZE]) {
  time_t seconds = (time_t)(ns / second_ns);
  struct tm tm = {0};
  char day[24];
  gmtime_r(&seconds, &tm);
  strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
  snprintf(to, SI_LOG_TIME_SIZE, "%s.%09dZ", day, (int)(ns % second_ns));
}

/* --- lines --- */

void si_log_lines_begin(struct si_log_lines *lines, void *ctx, si_log_each each) {
  memset(lines, 0, sizeof *lines);
  lines->parts[0].text.max = lines->parts[1].text.max = SI_LOG_LINE_MAX + 1; /* with the NUL */
  lines->ctx = ctx;
  lines->each = each;
}

void si_log_lines_free(struct si_log_lines *lines) {
  si_buf_free(&lines->parts[0].text);
  si_buf_free(&lines->parts[1].text);
}

static si_rc hand_out(struct si_log_lines *lines, int stream) {
  struct si_log_part *part = &lines->parts[stream - 1];
  const struct si_log_line line = {.time_ns = part->time_ns,
                                   .stream = stream,
                                   .text = si_buf_text(&part->text),
                                   .len = part->text.len,
                                   .cut = part->cut};
  si_rc status = lines->each(lines->ctx, &line);
  si_buf_clear(&part->text);
  part->begun = part->cut = false;
  return status;
}

/* Bytes of a frame's time; how many of `n` were used. A frame that goes on with a line that has
 * begun has a time too, which nobody wants. */
static si_rc take_time(struct si_log_part *part, const char *p, size_t n, size_t *used) {
  int64_t ns = 0;
  for (*used = 0; *used < n && !part->timed; ++*used) {
    if (p[*used] != ' ' && part->time_len + 1 < sizeof part->time) {
      part->time[part->time_len++] = p[*used];
      continue;
    }
    part->time[part->time_len] = '\0';
    if (p[*used] != ' ' || si_log_time_parse(part->time, &ns) != SI_OK) {
      return SI_E_CORRUPT;
    }
    part->timed = true;
    part->time_ns = part->begun ? part->time_ns : ns;
    part->begun = true;
  }
  return SI_OK;
}

static si_rc take_text(struct si_log_lines *lines, const char *p, size_t n) {
  struct si_log_part *part = &lines->parts[lines->stream - 1];
  while (n > 0) {
    const char *end = memchr(p, '\n', n);
    size_t len = end ? (size_t)(end - p) : n;
    size_t room = SI_LOG_LINE_MAX - part->text.len;
    si_rc status = si_buf_add(&part->text, p, len < room ? len : room);
    part->cut = part->cut || len > room;
    part->begun = true;
    if (status == SI_OK && end) {
      status = hand_out(lines, lines->stream);
      len++;
    }
    if (status != SI_OK) {
      return status;
    }
    p += len;
    n -= len;
  }
  return SI_OK;
}

static si_rc take(struct si_log_lines *lines, const char *p, size_t n) {
  size_t used = 0;
  if (lines->stream == TROUBLE) {
    size_t have = strlen(lines->trouble);
    snprintf(lines->trouble + have, sizeof lines->trouble - have, "%.*s", (int)(n < 256 ? n : 256),
             p);
    return SI_OK;
  }
  si_rc status = take_time(&lines->parts[lines->stream - 1], p, n, &used);
  return status == SI_OK ? take_text(lines, p + used, n - used) : status;
}

static si_rc begin_frame(struct si_log_lines *lines) {
  const unsigned char *h = lines->header;
  lines->have = 0;
  if (h[0] > TROUBLE || h[1] || h[2] || h[3]) {
    return SI_E_CORRUPT;
  }
  lines->left = (uint64_t)h[4] << 24 | (uint64_t)h[5] << 16 | (uint64_t)h[6] << 8 | h[7];
  lines->stream = h[0] ? h[0] : SI_LOG_STDOUT; /* 0 is what was written to its input */
  if (lines->stream != TROUBLE) {
    lines->parts[lines->stream - 1].timed = false;
    lines->parts[lines->stream - 1].time_len = 0;
  }
  return SI_OK;
}

si_rc si_log_lines_feed(struct si_log_lines *lines, const void *data, size_t len) {
  const char *p = data;
  si_rc status = SI_OK;
  while (status == SI_OK && len > 0) {
    size_t n = 1;
    if (lines->left > 0) {
      n = lines->left < len ? (size_t)lines->left : len;
      status = take(lines, p, n);
      lines->left -= n;
      if (status == SI_OK && lines->left == 0 && lines->stream != TROUBLE &&
          !lines->parts[lines->stream - 1].timed) {
        status = SI_E_CORRUPT; /* a frame that is shorter than its time */
      }
    } else {
      lines->header[lines->have++] = (unsigned char)*p;
      status = lines->have == sizeof lines->header ? begin_frame(lines) : SI_OK;
    }
    p += n;
    len -= n;
  }
  return status;
}

si_rc si_log_lines_end(struct si_log_lines *lines) {
  for (int stream = SI_LOG_STDOUT; stream <= SI_LOG_STDERR; stream++) {
    si_rc status = lines->parts[stream - 1].begun ? hand_out(lines, stream) : SI_OK;
    if (status != SI_OK) {
      return status;
    }
  }
  return lines->trouble[0] ? SI_E_IO : SI_OK;
}
