/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/help.h"

#include <stdio.h>
#include <string.h>

#include "cli/parse.h"
#include "kit/base/text.h"

#define WIDTH 80u
#define HELP_MAX (1u << 20)
#define COLUMN_MAX 28u /* where the second column stands at most */

static const char exit_codes[] =
    "0 done, 1 failed, 2 wrong usage or no context, 3 not found, 4 conflict or not allowed in this "
    "state, 5 not authorised or not trusted, 6 provider unreachable, 7 timed out or outcome "
    "unknown, 8 verification failed, 9 refused by a guard, 130 interrupted";

/* Adds words, broken before `WIDTH`; `at` is the column where the first stands, `indent` the one
 * where further lines begin. Ends without a newline. */
static si_rc add_wrapped(struct si_buf *to, const char *text, size_t at, size_t indent) {
  si_rc status = SI_OK;
  bool begun = false;
  while (status == SI_OK && *text) {
    size_t len = strcspn(text, " ");
    if (begun && at + 1 + len > WIDTH) {
      status = si_buf_printf(to, "\n%*s", (int)indent, "");
      at = indent;
    } else if (begun) {
      status = si_buf_add(to, " ", 1);
      at++;
    }
    status = status == SI_OK ? si_buf_add(to, text, len) : status;
    at += len;
    begun = true;
    text += len + strspn(text + len, " ");
  }
  return status;
}

/* Two columns: a name, and behind it (or below, where the name is long) what it is. */
static si_rc add_entry(struct si_buf *to, const char *name, const char *help, size_t column) {
  size_t len = strlen(name);
  si_rc status = si_buf_printf(to, "  %s", name);
  bool below = len + 4 > column;
  if (status == SI_OK) {
    status = below ? si_buf_printf(to, "\n%*s", (int)column, "")
                   : si_buf_printf(to, "%*s", (int)(column - len - 2), "");
  }
  status = status == SI_OK ? add_wrapped(to, help, column, column) : status;
  return status == SI_OK ? si_buf_add(to, "\n", 1) : status;
}

/* --- one row --- */

static void param_text(const struct si_param *param, char *to, size_t size) {
  bool optional = param->flags & SI_PARAM_OPTIONAL;
  snprintf(to, size, "%s%s%s%s", optional ? "[" : "", param->name,
           param->flags & SI_PARAM_MANY ? "..." : "", optional ? "]" : "");
}

si_rc si_help_usage(const struct si_command *command, struct si_buf *to) {
  struct si_buf line SI_AUTO(si_buf_free) = SI_BUF(HELP_MAX);
  char text[96];
  si_rc status = si_buf_printf(&line, "usage: si %s", command->path);
  for (const struct si_param *p = command->params; status == SI_OK && p->name; p++) {
    param_text(p, text, sizeof text);
    status = si_buf_printf(&line, " %s", text);
  }
  for (const struct si_option *o = command->options; status == SI_OK && o && o->name; o++) {
    if (o->flags & SI_OPT_REQUIRED) {
      status = si_buf_printf(&line, " --%s %s", o->name, o->arg ? o->arg : "");
    }
  }
  if (status == SI_OK && (command->flags & SI_CMD_MUTATING)) {
    status = si_buf_puts(&line, " --context NAME");
  }
  status = status == SI_OK ? si_buf_puts(&line, " [OPTION...]") : status;
  return status == SI_OK ? add_wrapped(to, si_buf_text(&line), 0, 4) : status;
}

static void option_text(const struct si_option *option, char *to, size_t size) {
  char letter[8] = "    ";
  if (option->letter) {
    snprintf(letter, sizeof letter, "-%c, ", option->letter);
  }
  snprintf(to, size, "%s--%s%s%s", letter, option->name, option->arg ? " " : "",
           option->arg ? option->arg : "");
}

static si_rc add_options(struct si_buf *to, const char *title, const struct si_option *options,
                         bool dry_run) {
  char text[96];
  size_t column = 0;
  for (const struct si_option *o = options; o && o->name; o++) {
    option_text(o, text, sizeof text);
    size_t need = o->alias_of ? 0 : strlen(text) + 4;
    column = need > column && need <= COLUMN_MAX ? need : column;
  }
  column = column ? column : COLUMN_MAX;
  si_rc status = options && options->name ? si_buf_printf(to, "\n%s:\n", title) : SI_OK;
  for (const struct si_option *o = options; status == SI_OK && o && o->name; o++) {
    if (o->alias_of || (!dry_run && strcmp(o->name, "dry-run") == 0)) {
      continue;
    }
    option_text(o, text, sizeof text);
    status = add_entry(to, text, o->help, column);
  }
  return status;
}

static si_rc add_params(struct si_buf *to, const struct si_command *command) {
  char text[96];
  size_t column = 0;
  for (const struct si_param *p = command->params; p->name; p++) {
    param_text(p, text, sizeof text);
    size_t need = strlen(text) + 4;
    column = need > column && need <= COLUMN_MAX ? need : column;
  }
  si_rc status = column ? si_buf_puts(to, "\narguments:\n") : SI_OK;
  for (const struct si_param *p = command->params; status == SI_OK && p->name; p++) {
    param_text(p, text, sizeof text);
    status = add_entry(to, text, p->help ? p->help : "", column);
  }
  return status;
}

/* Paragraphs, split by an empty line. */
static si_rc add_text(struct si_buf *to, const char *text) {
  si_rc status = SI_OK;
  while (status == SI_OK && text && *text) {
    const char *end = strstr(text, "\n\n");
    size_t len = end ? (size_t)(end - text) : strlen(text);
    struct si_buf one SI_AUTO(si_buf_free) = SI_BUF(HELP_MAX);
    status = si_buf_add(&one, text, len);
    status = status == SI_OK ? si_buf_add(to, "\n", 1) : status;
    status = status == SI_OK ? add_wrapped(to, si_buf_text(&one), 0, 0) : status;
    status = status == SI_OK ? si_buf_add(to, "\n", 1) : status;
    text = end ? end + 2 : NULL;
  }
  return status;
}

si_rc si_help_command(const struct si_command *command, struct si_buf *to) {
  si_rc status = si_help_usage(command, to);
  status = status == SI_OK ? si_buf_puts(to, "\n\n") : status;
  status = status == SI_OK ? add_wrapped(to, command->summary, 0, 0) : status;
  status = status == SI_OK ? si_buf_puts(to, ".\n") : status;
  status = status == SI_OK ? add_text(to, command->text) : status;
  status = status == SI_OK ? add_params(to, command) : status;
  status = status == SI_OK ? add_options(to, "options", command->options, true) : status;
  bool dry_run = command->flags & SI_CMD_DRY_RUN;
  return status == SI_OK ? add_options(to, "global options", si_global_options, dry_run) : status;
}

/* --- a level --- */

/* Length of the path without its last word; 0 for "version". */
static size_t group_len(const char *path) {
  const char *last = strrchr(path, ' ');
  return last ? (size_t)(last - path) : 0;
}

/* The last word: what the row is called in its group. */
static const char *label(const char *path) {
  size_t len = group_len(path);
  return path + (len ? len + 1 : 0);
}

static bool same_group(const char *a, const char *b) {
  return group_len(a) == group_len(b) && strncmp(a, b, group_len(a)) == 0;
}

static bool is_shown(const struct si_command *command, const char *level) {
  size_t len = strlen(level);
  bool below = len == 0 || (strncmp(command->path, level, len) == 0 && command->path[len] == ' ');
  return below && !(command->flags & SI_CMD_HIDDEN);
}

static const char *group_summary(const struct si_cli *cli, const char *path, size_t len) {
  for (const struct si_group *g = cli->groups; g && g->path; g++) {
    if (strncmp(g->path, path, len) == 0 && g->path[len] == '\0') {
      return g->summary;
    }
  }
  return NULL;
}

static si_rc add_group(const struct si_cli *cli, const char *level, const char *path, size_t column,
                       struct si_buf *to) {
  size_t len = group_len(path);
  const char *summary = group_summary(cli, path, len);
  si_rc status = si_buf_printf(to, "\nsi%s%.*s%s%s\n", len ? " " : "", (int)len, path,
                               summary ? ": " : "", summary ? summary : "");
  for (size_t i = 0; status == SI_OK && cli->commands[i]; i++) {
    const struct si_command *c = cli->commands[i];
    if (is_shown(c, level) && same_group(c->path, path)) {
      status = add_entry(to, label(c->path), c->summary, column);
    }
  }
  return status;
}

static bool seen_before(const struct si_cli *cli, const char *level, size_t until) {
  for (size_t i = 0; i < until; i++) {
    if (is_shown(cli->commands[i], level) &&
        same_group(cli->commands[i]->path, cli->commands[until]->path)) {
      return true;
    }
  }
  return false;
}

si_rc si_help_level(const struct si_cli *cli, const char *level, struct si_buf *to) {
  const char *gap = level[0] ? " " : "";
  size_t column = 0;
  si_rc status = si_buf_printf(to, "usage: si%s%s COMMAND [ARGUMENT...] [OPTION...]\n", gap, level);
  for (size_t i = 0; cli->commands[i]; i++) {
    size_t len = strlen(label(cli->commands[i]->path)) + 4;
    column = is_shown(cli->commands[i], level) && len > column ? len : column;
  }
  for (size_t i = 0; status == SI_OK && cli->commands[i]; i++) {
    if (is_shown(cli->commands[i], level) && !seen_before(cli, level, i)) {
      status = add_group(cli, level, cli->commands[i]->path, column, to);
    }
  }
  if (status == SI_OK && !level[0]) {
    status = add_options(to, "options of every command", si_global_options, true);
    status = status == SI_OK ? si_buf_puts(to, "\nexit codes: ") : status;
    status = status == SI_OK ? add_wrapped(to, exit_codes, 12, 12) : status;
    status = status == SI_OK ? si_buf_puts(to, "\n") : status;
  }
  return status == SI_OK
             ? si_buf_printf(to, "\n`si help%s%s COMMAND` explains one of them.\n", gap, level)
             : status;
}

/* --- printing --- */

si_rc si_help_print(const struct si_cli *cli, const char *path, struct si_output *out,
                    struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(HELP_MAX);
  const struct si_command *command = si_find_command(cli, path);
  si_rc status = command ? si_help_command(command, &text) : si_help_level(cli, path, &text);
  if (status != SI_OK) {
    return si_error_set(error, status, "CLI_MEMORY", "the help could not be put together");
  }
  out->stream = true; /* text also with --json: no envelope behind it */
  si_out_raw(out, si_buf_text(&text));
  return SI_OK;
}

static si_rc help(struct si_invocation *inv) {
  char path[128] = "";
  for (size_t i = 0; i < si_arg_count(inv); i++) {
    const char *word = si_arg(inv, i);
    size_t have = strlen(path);
    char next[sizeof path];
    int n = snprintf(next, sizeof next, "%s%s%s", path, have ? " " : "", word);
    bool fits = n > 0 && (size_t)n < sizeof next && !strchr(word, ' ');
    if (!fits || (!si_is_level(inv->cli, next) && !si_find_command(inv->cli, next))) {
      return si_unknown_command(inv->cli, path, word, &inv->error);
    }
    si_copy(path, sizeof path, next);
  }
  return si_help_print(inv->cli, path, inv->out, &inv->error);
}

const struct si_command si_cmd_help = {
    .path = "help",
    .summary = "Show the help of a command, or of all commands",
    .params = {{"COMMAND", SI_PARAM_OPTIONAL | SI_PARAM_MANY, "The words of the command"}},
    .run = help,
};
