/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/output.h - everything that si prints: data to stdout, all else to stderr, for people or as
 * one JSON envelope. Depends on sdk/kit/base and pthread.
 *
 * A command calls the writers for people and the writers for JSON alike; each does nothing in the
 * other's mode. So one body serves both, and stdout under --json holds the envelope alone.
 *
 *   {"schema":"si/1","ok":true,"command":"paas project list","context":"x"|null,"count":N,
 *    "data":...}                                 (count: lists only)
 *   {"schema":"si/1","ok":false,"command":...,"context":...,"error":{"code","stage","target",
 *    "message","remediation","retry":"never"|"safe"|"after"|"unknown","detail"}}
 *                                                ("" where unknown; detail only where there is one)
 *
 * Text from outside may hold anything: control characters, bidirectional overrides and broken
 * UTF-8 are made visible (\x1b, \u202e) in every line, cell and message.
 *
 * Errors of writing to stdout are kept, and end the run with exit 1: writers of data return
 * nothing that must be looked at. Writers to stderr may be called from any thread, the others from
 * the main thread alone.
 */
#ifndef SI_CLI_OUTPUT_H
#define SI_CLI_OUTPUT_H

#include <pthread.h>
#include <stdbool.h>

#include "kit/base/json.h"

struct si_output {
  int in; /* descriptors; the caller's */
  int out;
  int err;
  bool json;
  bool quiet;
  bool color_out; /* decided from terminal, --no-color, NO_COLOR and TERM */
  bool color_err;
  bool tty_in;
  bool tty_out;
  bool tty_err;
  unsigned verbose;    /* how many -v */
  unsigned columns;    /* of the terminal at stdout; 0: no terminal, nothing is cut */
  const char *command; /* for the envelope: "paas project list" */
  const char *context; /* for the envelope; NULL: none. A body that makes one may set it */

  /* the rest belongs to cli/output.c */
  struct si_buf buf; /* waits for stdout */
  int failed;        /* errno of the first write to stdout that failed */
  cJSON *data;
  bool list;
  bool stream;          /* success has no envelope */
  pthread_mutex_t lock; /* over stderr */
  char *status;         /* the progress line that stands on the terminal, or NULL */
};

/* Looks at the descriptors and the environment. */
void si_out_init(struct si_output *out, int in, int out_fd, int err);
/* Colours off, whatever the terminal. */
void si_out_no_color(struct si_output *out);
void si_out_free(struct si_output *out);

/* --- data for people: stdout, not with --json --- */

/* One line. */
void si_out_line(struct si_output *out, const char *fmt, ...) SI_PRINTF(2, 3);
/* "name:           value" of a show; further lines of the value are indented below the first. */
void si_out_field(struct si_output *out, const char *name, const char *fmt, ...) SI_PRINTF(3, 4);
/* Bytes as they are (a log, a document); made visible (\n and \t stay) on a terminal only. A body
 * that follows something without end calls si_out_flush(out, &inv->error) after each piece, and
 * returns when that fails: nobody reads any more. */
void si_out_text(struct si_output *out, const char *text, size_t len);

/* --- data for programs: stdout, with --json --- */

/* The envelope's data. Takes it (in either mode), and frees it at the end; a second call replaces
 * the first. It is printed once the command has ended: as success, or beside the error where the
 * command failed ("data" behind "error": a doctor's findings). NULL is SI_E_NOMEM. */
si_rc si_out_result(struct si_output *out, cJSON *data);
/* As si_out_result, with "count": the array's length. */
si_rc si_out_list(struct si_output *out, cJSON *array);
/* One line of a stream, written at once. Takes it. */
si_rc si_out_record(struct si_output *out, cJSON *record);
/* 64-bit integers are strings: "18446744073709551615". SI_E_NOMEM. */
si_rc si_json_add_i64(cJSON *object, const char *name, int64_t value) SI_MUST_USE;
si_rc si_json_add_u64(cJSON *object, const char *name, uint64_t value) SI_MUST_USE;
/* Adds the text; null where it is NULL or "". SI_E_NOMEM. */
si_rc si_json_add_text(cJSON *object, const char *name, const char *value) SI_MUST_USE;

/* --- to stderr, from any thread --- */

/* What happens: not with --quiet. */
void si_out_note(struct si_output *out, const char *fmt, ...) SI_PRINTF(2, 3);
/* "warning: ...", always. */
void si_out_warn(struct si_output *out, const char *fmt, ...) SI_PRINTF(2, 3);
/* With -v only. */
void si_out_debug(struct si_output *out, const char *fmt, ...) SI_PRINTF(2, 3);

/* --- the frame's --- */

/* Prints what a command came to. `error` NULL: success, which is the envelope with --json and
 * nothing else without. A failure is the envelope on stdout with --json, else text on stderr. */
void si_out_finish(struct si_output *out, const struct si_error *error);
/* Writes out what waits. SI_E_IO once any write to stdout failed, with the reason in *error. */
si_rc si_out_flush(struct si_output *out, struct si_error *error) SI_MUST_USE;
/* The failure as text on stderr, in either mode: "si: <message>", the detail's lines indented,
 * "next: <hint>"; with -v the code, stage and target too. */
void si_out_failure(struct si_output *out, const struct si_error *error);
/* Bytes for stdout in either mode, already fit to be seen. */
void si_out_put(struct si_output *out, const char *data, size_t len);
void si_out_raw(struct si_output *out, const char *text);
/* Bytes for stderr, already fit to be seen; the line that stands there is put back below. */
void si_out_err(struct si_output *out, const char *text);
/* Data for stdout was lost: an errno value. */
void si_out_lost(struct si_output *out, int err);
/* Replaces the line that is redrawn at the bottom of the terminal; NULL takes it away. */
void si_out_status(struct si_output *out, const char *text);

#endif
