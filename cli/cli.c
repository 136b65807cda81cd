/* SPDX-License-Identifier: Apache-2.0 */
/* One run of si, from argv to the exit code. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/exit.h"
#include "cli/help.h"
#include "cli/parse.h"
#include "cli/visible.h"
#include "kit/base/text.h"
#include "paas/redact/redact.h"

/* --- what was given --- */

/* The row's option of that name; a name that stands nowhere in the row is a defect of the body. */
static const struct si_option *option_of(const struct si_invocation *inv, const char *name) {
  const struct si_option *option = inv->command->options;
  while (option && option->name && strcmp(option->name, name) != 0) {
    option++;
  }
  assert(option && option->name && !option->alias_of);
  return option;
}

const char *si_opt(const struct si_invocation *inv, const char *name) {
  const char *value = NULL;
  size_t at = 0;
  for (const char *next = si_opt_each(inv, name, &at); next; next = si_opt_each(inv, name, &at)) {
    value = next;
  }
  return value;
}

bool si_opt_flag(const struct si_invocation *inv, const char *name) {
  return si_opt(inv, name) != NULL;
}

const char *si_opt_each(const struct si_invocation *inv, const char *name, size_t *at) {
  const struct si_option *option = option_of(inv, name);
  while (*at < inv->parsed->given_count) {
    const struct si_given *given = &inv->parsed->given[(*at)++];
    if (given->option == option) {
      return given->value;
    }
  }
  return NULL;
}

si_rc si_opt_u64(struct si_invocation *inv, const char *name, uint64_t min, uint64_t max,
                 uint64_t otherwise, uint64_t *out) {
  const char *text = si_opt(inv, name);
  if (!text) {
    *out = otherwise;
    return SI_OK;
  }
  if (si_parse_u64(text, min, max, out) == SI_OK) {
    return SI_OK;
  }
  return si_usage_error(inv, "--%s %.40s: a whole number from %llu to %llu is needed", name, text,
                        (unsigned long long)min, (unsigned long long)max);
}

const char *si_arg(const struct si_invocation *inv, size_t n) {
  return n < inv->parsed->arg_count ? inv->parsed->args[n] : NULL;
}

size_t si_arg_count(const struct si_invocation *inv) {
  return inv->parsed->arg_count;
}

void si_changes(struct si_invocation *inv, const char *context) {
  if (si_name_valid(context)) {
    if (context != inv->context) {
      si_copy(inv->context, sizeof inv->context, context);
    }
    inv->changes = true;
  }
}

cJSON *si_about(struct si_invocation *inv) {
  if (!inv->about) {
    inv->about = cJSON_CreateObject();
  }
  return inv->about;
}

si_rc si_usage_error(struct si_invocation *inv, const char *fmt, ...) {
  struct si_buf usage SI_AUTO(si_buf_free) = SI_BUF(sizeof inv->error.detail);
  char text[sizeof inv->error.message];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  si_error_set(&inv->error, SI_E_INVALID, "CLI_USAGE", "%s", text);
  si_error_target(&inv->error, "usage", NULL);
  if (si_help_usage(inv->command, &usage) == SI_OK) {
    si_error_detail(&inv->error, si_buf_text(&usage));
  }
  return si_error_hint(&inv->error, "`si %s --help` explains", inv->command->path);
}

/* --- the line to type --- */

static si_rc add_quoted(struct si_buf *to, const char *word) {
  static const char plain[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=@%+,";
  if (word[0] && word[strspn(word, plain)] == '\0') {
    return si_buf_puts(to, word);
  }
  si_rc status = si_buf_add(to, "'", 1);
  for (; status == SI_OK && *word; word++) {
    status = *word == '\'' ? si_buf_puts(to, "'\\''") : si_buf_add(to, word, 1);
  }
  return status == SI_OK ? si_buf_add(to, "'", 1) : status;
}

/* The line as it was typed, with --context behind the first word of the command. */
static si_rc add_line(struct si_buf *to, const struct si_parsed *parsed, int argc, char **argv,
                      const char *context) {
  si_rc status = si_buf_puts(to, "si");
  for (int i = 1; status == SI_OK && i < argc; i++) {
    status = si_buf_add(to, " ", 1);
    status = status == SI_OK ? add_quoted(to, argv[i]) : status;
    if (status == SI_OK && i == parsed->first_word) {
      status = si_buf_printf(to, " --context %s", context);
    }
  }
  return status;
}

static si_rc context_explicit(struct si_invocation *inv, int argc, char **argv) {
  char name[64];
  struct si_buf line SI_AUTO(si_buf_free) = SI_BUF(sizeof inv->error.hint - 1);
  struct si_buf seen SI_AUTO(si_buf_free) = SI_BUF(8 * sizeof inv->error.hint);
  if (!inv->cli->resolve || inv->cli->resolve(NULL, name, sizeof name, NULL) != SI_OK) {
    si_copy(name, sizeof name, "NAME");
  }
  si_error_set(&inv->error, SI_E_INVALID, "PAAS_CONTEXT_EXPLICIT",
               "`si %s` changes things, so the context must be named with --context",
               inv->command->path);
  si_error_target(&inv->error, "context", NULL);
  /* A line that would be cut, or shown other than it is typed, is no line to type. */
  if ((inv->command->flags & SI_CMD_SECRET) ||
      add_line(&line, inv->parsed, argc, argv, name) != SI_OK ||
      si_visible(si_buf_text(&line), line.len, "", &seen) != SI_OK ||
      strcmp(si_buf_text(&line), si_buf_text(&seen)) != 0) {
    return si_error_hint(&inv->error, "the same line with --context %s", name);
  }
  return si_error_hint(&inv->error, "%s", si_buf_text(&line));
}

/* --- one run --- */

static si_rc take_context(struct si_invocation *inv, int argc, char **argv) {
  unsigned flags = inv->command->flags;
  if (inv->context_flag && !si_name_valid(inv->context_flag)) {
    si_error_set(&inv->error, SI_E_INVALID, "PAAS_INVALID_ARGUMENT",
                 "--context %.80s is not the name of a context", inv->context_flag);
    return si_error_hint(&inv->error, "a name has lower-case letters, digits and '-', at most 63");
  }
  if (!(flags & (SI_CMD_CONTEXT | SI_CMD_CONTEXT_MAYBE | SI_CMD_MUTATING))) {
    return SI_OK;
  }
  if ((flags & SI_CMD_MUTATING) && !inv->context_flag) {
    return context_explicit(inv, argc, argv);
  }
  if (!inv->cli->resolve) {
    si_copy(inv->context, sizeof inv->context, inv->context_flag);
    return SI_OK;
  }
  si_rc status =
      inv->cli->resolve(inv->context_flag, inv->context, sizeof inv->context, &inv->error);
  if (status != SI_OK) {
    inv->context[0] = '\0';
    bool none = strcmp(inv->error.code, "PAAS_CONTEXT_REQUIRED") == 0;
    status = none && (flags & SI_CMD_CONTEXT_MAYBE) ? SI_OK : status;
  }
  return status;
}

static si_rc take_globals(struct si_invocation *inv) {
  const struct si_parsed *parsed = inv->parsed;
  const char *timeout = NULL;
  si_parsed_count(parsed, "context", &inv->context_flag);
  si_parsed_count(parsed, "confirm", &inv->confirm);
  inv->yes = si_parsed_count(parsed, "yes", NULL) > 0;
  inv->no_input = si_parsed_count(parsed, "no-input", NULL) > 0;
  inv->dry_run = si_parsed_count(parsed, "dry-run", NULL) > 0;
  if (inv->dry_run && !(inv->command->flags & SI_CMD_DRY_RUN)) {
    return si_usage_error(inv, "`si %s` has no --dry-run", inv->command->path);
  }
  if (si_parsed_count(parsed, "timeout", &timeout)) {
    if (si_parse_duration_ms(timeout, &inv->timeout_ms) != SI_OK || inv->timeout_ms == 0) {
      return si_usage_error(inv, "--timeout %.40s is no duration: write 90s, 3m or 1h30m", timeout);
    }
    inv->deadline_ns = si_monotonic_ns() + inv->timeout_ms * 1000000u;
  }
  return SI_OK;
}

static void take_output(const struct si_parsed *parsed, struct si_output *out) {
  out->command = parsed->path;
  out->json = si_parsed_count(parsed, "json", NULL) > 0;
  out->quiet = si_parsed_count(parsed, "quiet", NULL) > 0;
  out->verbose = (unsigned)si_parsed_count(parsed, "verbose", NULL);
  if (si_parsed_count(parsed, "no-color", NULL)) {
    si_out_no_color(out);
  }
}

/* A status without a record of its own still tells something. */
static void complete_error(struct si_invocation *inv, si_rc status) {
  if (inv->error.status != status) {
    si_error_set(&inv->error, status, "CLI_FAILED", "`si %s` failed: %s", inv->command->path,
                 si_status_text(status));
  }
}

static si_rc run_command(struct si_invocation *inv, int argc, char **argv) {
  bool body = false;
  inv->out->stream = inv->command->flags & SI_CMD_STREAM;
  si_rc status = take_globals(inv);
  if (status == SI_OK) {
    status = take_context(inv, argc, argv);
    if (inv->command->flags & (SI_CMD_CONTEXT | SI_CMD_CONTEXT_MAYBE | SI_CMD_MUTATING)) {
      inv->out->context = inv->context[0] ? inv->context : inv->context_flag;
    }
  }
  if (status == SI_OK) {
    memset(&inv->error, 0, sizeof inv->error);
    status = inv->command->run(inv);
    body = true;
  }
  if (status != SI_OK) {
    complete_error(inv, status);
  }
  bool mutating = (inv->command->flags & SI_CMD_MUTATING) || inv->changes;
  if (status != SI_OK && body && mutating && !inv->ran && inv->cli->failed) {
    inv->cli->failed(inv);
  }
  return status;
}

/* What the parsed line asks for; SI_OK or the status whose record stands in inv->error. */
static si_rc dispatch(struct si_invocation *inv, si_rc parsed, int argc, char **argv) {
  struct si_parsed *line = inv->parsed;
  bool help = si_parsed_count(line, "help", NULL) > 0;
  if (help && !line->lost) {
    return si_help_print(inv->cli, line->path, inv->out, &inv->error);
  }
  if (parsed != SI_OK) {
    return parsed;
  }
  if (si_parsed_count(line, "version", NULL)) {
    inv->command = si_find_command(inv->cli, "version");
    inv->out->command = "version";
  }
  if (inv->command) {
    return run_command(inv, argc, argv);
  }
  if (inv->out->json) { /* a program left the command out: help would be no answer */
    si_error_set(&inv->error, SI_E_INVALID, "CLI_MISSING_COMMAND", "a command is missing");
    si_error_target(&inv->error, "usage", NULL);
    return si_error_hint(&inv->error, "`si help%s%s` lists the commands", line->path[0] ? " " : "",
                         line->path);
  }
  return si_help_print(inv->cli, line->path, inv->out, &inv->error);
}

/* Prints what it came to, and sees to it that it was written. */
static int finish(struct si_invocation *inv, si_rc status) {
  struct si_error lost;
  si_out_status(inv->out, NULL);
  si_redact_error(&inv->error);
  si_out_finish(inv->out, status == SI_OK ? NULL : &inv->error);
  int code = status == SI_OK ? 0 : si_exit_code(&inv->error, inv->ran);
  if (si_out_flush(inv->out, &lost) != SI_OK) {
    bool said = !inv->out->json && status != SI_OK && strcmp(inv->error.code, lost.code) == 0;
    if (!said) {
      si_out_failure(inv->out, &lost);
    }
    code = code ? code : 1;
  }
  return code;
}

int si_cli_run(const struct si_cli *cli, int argc, char **argv, int in, int out_fd, int err) {
  struct si_output out;
  struct si_parsed parsed;
  struct si_invocation inv = {.cli = cli, .out = &out, .parsed = &parsed};
  si_out_init(&out, in, out_fd, err);
  si_rc status = si_parse(cli, argc, argv, &parsed, &inv.error);
  take_output(&parsed, &out);
  inv.command = parsed.command;
  status = dispatch(&inv, status, argc, argv);
  int code = finish(&inv, status);
  cJSON_Delete(inv.about);
  si_parsed_free(&parsed);
  si_out_free(&out);
  return code;
}

/* A closed standard descriptor would be given to the next file opened, and written over. Put one in
 * its place that fails when used for data, and swallows what stderr says. */
static bool fill_gaps(void) {
  static const int modes[] = {O_WRONLY, O_RDONLY, O_WRONLY};
  for (int fd = 0; fd < 3; fd++) {
    if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", modes[fd]) != fd) {
      return false;
    }
  }
  return true;
}

int si_cli_main(const struct si_cli *cli, int argc, char **argv) {
  if (!fill_gaps()) {
    return 1;
  }
  signal(SIGPIPE, SIG_IGN);
  return si_cli_run(cli, argc, argv, STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO);
}
