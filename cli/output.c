/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/output.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/visible.h"
#include "kit/base/text.h"
#include "paas/redact/redact.h"

#define LINE_MAX_BYTES ((size_t)8 << 20)
#define WAITING_MAX 65536u
#define FIELD_INDENT 16

#define BOLD "\x1b[1m"
#define YELLOW "\x1b[1;33m"
#define PLAIN "\x1b[0m"
#define ERASE_LINE "\r\x1b[K"

/* All of it, also where the descriptor was made non-blocking by somebody who shares it. */
static int write_fd(int fd, const char *data, size_t len) {
  while (len) {
    ssize_t n = write(fd, data, len);
    if (n >= 0) {
      data += n;
      len -= (size_t)n;
    } else if (errno == EAGAIN) {
      struct pollfd wait = {.fd = fd, .events = POLLOUT};
      (void)poll(&wait, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

static unsigned terminal_columns(int fd) {
  struct winsize size;
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
    return 80;
  }
  return size.ws_col;
}

void si_out_init(struct si_output *out, int in, int out_fd, int err) {
  const char *none = getenv("NO_COLOR");
  const char *term = getenv("TERM");
  bool color = !(none && none[0]) && term && term[0] && strcmp(term, "dumb") != 0;
  *out = (struct si_output){.in = in, .out = out_fd, .err = err, .buf = SI_BUF(WAITING_MAX)};
  out->tty_in = isatty(in);
  out->tty_out = isatty(out_fd);
  out->tty_err = isatty(err);
  out->color_out = color && out->tty_out;
  out->color_err = color && out->tty_err;
  out->columns = out->tty_out ? terminal_columns(out_fd) : 0;
  out->command = "";
  pthread_mutex_init(&out->lock, NULL);
}

void si_out_no_color(struct si_output *out) {
  out->color_out = false;
  out->color_err = false;
}

void si_out_free(struct si_output *out) {
  si_out_status(out, NULL);
  si_buf_free(&out->buf);
  cJSON_Delete(out->data);
  out->data = NULL;
  pthread_mutex_destroy(&out->lock);
}

/* --- stdout --- */

static void drain(struct si_output *out) {
  if (!out->failed && out->buf.len) {
    out->failed = write_fd(out->out, out->buf.data, out->buf.len);
  }
  si_buf_clear(&out->buf);
}

void si_out_put(struct si_output *out, const char *data, size_t len) {
  if (len > WAITING_MAX - out->buf.len) {
    drain(out);
  }
  if (out->failed) {
    return;
  }
  if (len > WAITING_MAX || si_buf_add(&out->buf, data, len) != SI_OK) {
    drain(out);
    out->failed = out->failed ? out->failed : write_fd(out->out, data, len);
  }
}

void si_out_lost(struct si_output *out, int err) {
  out->failed = out->failed ? out->failed : err;
}

si_rc si_out_flush(struct si_output *out, struct si_error *error) {
  drain(out);
  if (!out->failed) {
    return SI_OK;
  }
  return si_error_set(error, SI_E_IO, "CLI_OUTPUT", "standard output was not written: %s",
                      strerror(out->failed));
}

void si_out_raw(struct si_output *out, const char *text) {
  si_out_put(out, text, strlen(text));
}

/* The formatted text, made visible but for `keep`. */
static si_rc SI_PRINTF(3, 0)
    format(struct si_buf *to, const char *keep, const char *fmt, va_list args) {
  char *text = NULL;
  int n = vasprintf(&text, fmt, args);
  if (n < 0) {
    return SI_E_NOMEM;
  }
  si_rc status = si_visible(text, (size_t)n, keep, to);
  free(text);
  return status;
}

void si_out_line(struct si_output *out, const char *fmt, ...) {
  if (out->json) {
    return;
  }
  struct si_buf line SI_AUTO(si_buf_free) = SI_BUF(LINE_MAX_BYTES);
  va_list args;
  va_start(args, fmt);
  si_rc status = format(&line, "", fmt, args);
  va_end(args);
  if (status != SI_OK || si_buf_add(&line, "\n", 1) != SI_OK) {
    si_out_lost(out, ENOMEM);
    return;
  }
  si_out_put(out, line.data, line.len);
}

/* Adds the text, every line after the first behind `indent` blanks. */
static si_rc add_indented(struct si_buf *to, const char *text, int indent) {
  si_rc status = SI_OK;
  while (status == SI_OK) {
    size_t len = strcspn(text, "\n");
    status = si_buf_add(to, text, len);
    text += len;
    if (!*text || !*++text) {
      break;
    }
    status = status == SI_OK ? si_buf_printf(to, "\n%*s", indent, "") : status;
  }
  return status == SI_OK ? si_buf_add(to, "\n", 1) : status;
}

void si_out_field(struct si_output *out, const char *name, const char *fmt, ...) {
  if (out->json) {
    return;
  }
  struct si_buf value SI_AUTO(si_buf_free) = SI_BUF(LINE_MAX_BYTES);
  struct si_buf line SI_AUTO(si_buf_free) = SI_BUF(2 * LINE_MAX_BYTES);
  va_list args;
  va_start(args, fmt);
  si_rc status = format(&value, "\n", fmt, args);
  va_end(args);
  int pad = FIELD_INDENT - (int)strnlen(name, FIELD_INDENT) - 1;
  if (status == SI_OK) {
    status = si_buf_printf(&line, "%s%s:%s%*s", out->color_out ? BOLD : "", name,
                           out->color_out ? PLAIN : "", pad > 1 ? pad : 1, "");
  }
  status = status == SI_OK ? add_indented(&line, si_buf_text(&value), FIELD_INDENT) : status;
  if (status != SI_OK) {
    si_out_lost(out, ENOMEM);
    return;
  }
  si_out_put(out, line.data, line.len);
}

void si_out_text(struct si_output *out, const char *text, size_t len) {
  if (out->json) {
    return;
  }
  if (!out->tty_out) {
    si_out_put(out, text, len);
    return;
  }
  struct si_buf seen SI_AUTO(si_buf_free) = SI_BUF(SIZE_MAX / 4);
  if (si_visible(text, len, "\n\t", &seen) != SI_OK) {
    si_out_lost(out, ENOMEM);
    return;
  }
  si_out_put(out, si_buf_text(&seen), seen.len);
}

/* --- stderr --- */

/* One write, so that lines of several threads and processes do not mix. Where memory ends, the
 * text goes out bare. Nothing can be said about a stderr that fails. */
static void write_err(struct si_output *out, const char *text, size_t len) {
  struct si_buf all SI_AUTO(si_buf_free) = SI_BUF(2 * LINE_MAX_BYTES);
  si_rc status = out->status ? si_buf_puts(&all, ERASE_LINE) : SI_OK;
  status = status == SI_OK ? si_buf_add(&all, text, len) : status;
  status = status == SI_OK && out->status ? si_buf_puts(&all, out->status) : status;
  if (status == SI_OK) {
    (void)write_fd(out->err, si_buf_text(&all), all.len);
  } else {
    (void)write_fd(out->err, text, len);
  }
}

void si_out_err(struct si_output *out, const char *text) {
  pthread_mutex_lock(&out->lock);
  write_err(out, text, strlen(text));
  pthread_mutex_unlock(&out->lock);
}

static void SI_PRINTF(4, 0)
    say(struct si_output *out, const char *lead, const char *color, const char *fmt, va_list args) {
  struct si_buf line SI_AUTO(si_buf_free) = SI_BUF(LINE_MAX_BYTES);
  bool paint = out->color_err && color[0];
  si_rc status = si_buf_printf(&line, "%s%s%s", paint ? color : "", lead, paint ? PLAIN : "");
  status = status == SI_OK ? format(&line, "", fmt, args) : status;
  status = status == SI_OK ? si_buf_add(&line, "\n", 1) : status;
  struct si_buf shown SI_AUTO(si_buf_free) = SI_BUF(2 * LINE_MAX_BYTES);
  status = status == SI_OK ? si_redact_text(line.data, line.len, &shown) : status;
  si_out_err(out, status == SI_OK ? shown.data : "si: out of memory\n");
}

void si_out_note(struct si_output *out, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  if (!out->quiet) {
    say(out, "", "", fmt, args);
  }
  va_end(args);
}

void si_out_warn(struct si_output *out, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  say(out, "warning: ", YELLOW, fmt, args);
  va_end(args);
}

void si_out_debug(struct si_output *out, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  if (out->verbose) {
    say(out, "", "", fmt, args);
  }
  va_end(args);
}

void si_out_status(struct si_output *out, const char *text) {
  if (!out->tty_err || (!text && !out->status)) {
    return;
  }
  struct si_buf line SI_AUTO(si_buf_free) = SI_BUF(LINE_MAX_BYTES);
  pthread_mutex_lock(&out->lock);
  if (out->status) {
    (void)write_fd(out->err, ERASE_LINE, sizeof ERASE_LINE - 1);
  }
  free(out->status);
  out->status = NULL;
  if (text && si_visible(text, strlen(text), "", &line) == SI_OK && line.len) {
    /* One column stays free: a full line would wrap, and could not be redrawn. */
    line.data[si_display_cut(line.data, terminal_columns(out->err) - 1)] = '\0';
    out->status = strdup(line.data);
    (void)write_fd(out->err, line.data, strlen(line.data));
  }
  pthread_mutex_unlock(&out->lock);
}
