/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/help.h"
#include "kit/base/text.h"

#define NAMES_MAX 128 /* words compared with a mistyped one */

const struct si_option si_global_options[] = {
    {"context", 0, "NAME", "The context to work on", 0, NULL},
    {"json", 0, NULL, "One JSON document on standard output instead of text", 0, NULL},
    {"quiet", 'q', NULL, "No progress and no notes on standard error", 0, NULL},
    {"verbose", 'v', NULL, "More on standard error; error codes", SI_OPT_REPEAT, NULL},
    {"no-input", 0, NULL, "Never ask: fail where a question would be asked", 0, NULL},
    {"yes", 'y', NULL, "Answer yes to every question", 0, NULL},
    {"confirm", 0, "NAME", "Name what is to be removed, as typing it at the question would", 0,
     NULL},
    {"dry-run", 0, NULL, "Say what would be done, and do nothing", 0, NULL},
    {"timeout", 0, "DURATION", "Give up after that time: 90s, 3m, 1h30m", 0, NULL},
    {"no-color", 0, NULL, "No colours on a terminal", 0, NULL},
    {"help", 'h', NULL, "Show the help of this command or level", 0, NULL},
    {"version", 0, NULL, "Show the version, as `si version` does", 0, NULL},
    {0},
};

struct parser {
  struct si_parsed *out;
  struct si_error *error; /* status SI_OK until the first mistake */
  int argc;
  char **argv;
  int at; /* what is read */
};

/* --- levels and rows --- */

static bool starts_with_words(const char *path, const char *level, size_t len) {
  return len == 0 || (strncmp(path, level, len) == 0 && path[len] == ' ');
}

bool si_is_level(const struct si_cli *cli, const char *path) {
  for (size_t i = 0; cli->commands[i]; i++) {
    if (starts_with_words(cli->commands[i]->path, path, strlen(path))) {
      return true;
    }
  }
  return false;
}

const struct si_command *si_find_command(const struct si_cli *cli, const char *path) {
  for (size_t i = 0; cli->commands[i]; i++) {
    if (strcmp(cli->commands[i]->path, path) == 0) {
      return cli->commands[i];
    }
  }
  return NULL;
}

/* The nearest word below `level`, or NULL. to[64] holds it. */
static const char *nearest_below(const struct si_cli *cli, const char *level, const char *word,
                                 char to[64]) {
  char words[NAMES_MAX][64];
  const char *names[NAMES_MAX];
  size_t count = 0, len = strlen(level);
  for (size_t i = 0; cli->commands[i] && count < NAMES_MAX; i++) {
    const char *path = cli->commands[i]->path;
    if (!starts_with_words(path, level, len) || (cli->commands[i]->flags & SI_CMD_HIDDEN)) {
      continue;
    }
    path += len ? len + 1 : 0;
    size_t n = strcspn(path, " ");
    si_copy(words[count], n + 1 < sizeof words[count] ? n + 1 : sizeof words[count], path);
    names[count] = words[count];
    count++;
  }
  const char *nearest = si_nearest(word, names, count);
  si_copy(to, 64, nearest);
  return nearest ? to : NULL;
}

/* The level or row elsewhere that ends in this word: `si project` means `si paas project`. */
static bool find_elsewhere(const struct si_cli *cli, const char *word, char *to, size_t size) {
  size_t len = strlen(word);
  for (size_t i = 0; len && cli->commands[i]; i++) {
    const char *path = cli->commands[i]->path;
    for (const char *at = strchr(path, ' '); at; at = strchr(at + 1, ' ')) {
      if (strncmp(at + 1, word, len) == 0 && (at[1 + len] == ' ' || at[1 + len] == '\0')) {
        size_t n = (size_t)(at - path) + 1 + len;
        si_copy(to, n + 1 < size ? n + 1 : size, path);
        return true;
      }
    }
  }
  return false;
}

si_rc si_unknown_command(const struct si_cli *cli, const char *level, const char *word,
                         struct si_error *error) {
  char near[128];
  const char *gap = level[0] ? " " : "";
  si_error_set(error, SI_E_INVALID, "CLI_UNKNOWN_COMMAND", "there is no command `si %s%s%.80s`",
               level, gap, word);
  si_error_target(error, "usage", NULL);
  if (nearest_below(cli, level, word, near)) {
    return si_error_hint(error, "did you mean `si %s%s%s`?", level, gap, near);
  }
  if (find_elsewhere(cli, word, near, sizeof near)) {
    return si_error_hint(error, "did you mean `si %s`?", near);
  }
  return si_error_hint(error, "`si %s%s--help` lists the commands", level, gap);
}

/* --- mistakes --- */

/* May a mistake be recorded? Only the first counts. */
static bool first_mistake(const struct parser *p) {
  return p->error->status == SI_OK;
}

/* What stands in every mistake behind a known command: its usage, and where to read on. */
static void add_usage(const struct parser *p) {
  const struct si_parsed *out = p->out;
  si_error_target(p->error, "usage", NULL);
  if (out->command) {
    struct si_buf usage SI_AUTO(si_buf_free) = SI_BUF(4096);
    if (si_help_usage(out->command, &usage) == SI_OK) {
      si_error_detail(p->error, si_buf_text(&usage));
    }
  }
  if (!p->error->hint[0]) {
    si_error_hint(p->error, "`si %s%s--help` explains", out->path, out->path[0] ? " " : "");
  }
}

static void SI_PRINTF(3, 4) mistake(struct parser *p, const char *code, const char *fmt, ...) {
  char text[sizeof p->error->message];
  va_list args;
  if (!first_mistake(p)) {
    return;
  }
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  si_error_set(p->error, SI_E_INVALID, code, "%s", text);
  add_usage(p);
}

/* --- words --- */

static void take_argument(struct parser *p, const char *word) {
  if (!word[0]) {
    mistake(p, "CLI_INVALID_VALUE", "argument %zu is empty", p->out->arg_count + 1);
  } else if (strnlen(word, SI_ARG_MAX + 1) > SI_ARG_MAX) {
    mistake(p, "CLI_VALUE_TOO_LONG", "argument %zu is longer than %u bytes", p->out->arg_count + 1,
            SI_ARG_MAX);
  }
  p->out->args[p->out->arg_count++] = word;
}

static void take_word(struct parser *p, const char *word) {
  struct si_parsed *out = p->out;
  if (out->lost) {
    return;
  }
  if (out->command) {
    take_argument(p, word);
    return;
  }
  char path[sizeof out->path];
  size_t have = strlen(out->path), len = strnlen(word, sizeof path);
  bool fits = have + 1 + len < sizeof path && len && !strchr(word, ' ');
  if (fits) {
    memcpy(path, out->path, have);
    path[have] = ' ';
    memcpy(path + have + (have ? 1 : 0), word, len + 1);
  }
  if (!fits || (!si_find_command(out->cli, path) && !si_is_level(out->cli, path))) {
    out->lost = true;
    if (first_mistake(p)) {
      si_unknown_command(out->cli, out->path, word, p->error);
    }
    return;
  }
  si_copy(out->path, sizeof out->path, path);
  out->command = si_find_command(out->cli, path);
  out->first_word = out->first_word ? out->first_word : p->at;
}

/* --- options --- */

static const struct si_option *find_long(const struct si_option *options, const char *name,
                                         size_t len) {
  for (; options && options->name; options++) {
    if (strncmp(options->name, name, len) == 0 && options->name[len] == '\0') {
      return options;
    }
  }
  return NULL;
}

static const struct si_option *find_letter(const struct si_option *options, char letter) {
  for (; options && options->name; options++) {
    if (options->letter == letter) {
      return options;
    }
  }
  return NULL;
}

static size_t add_names(const struct si_option *options, const char **names, size_t count) {
  for (; options && options->name && count < NAMES_MAX; options++) {
    if (!options->alias_of) {
      names[count++] = options->name;
    }
  }
  return count;
}

static void unknown_option(struct parser *p, const char *text, const char *name, size_t len) {
  if (!first_mistake(p)) {
    return;
  }
  const struct si_parsed *out = p->out;
  const char *names[NAMES_MAX];
  char typed[64];
  si_copy(typed, len + 1 < sizeof typed ? len + 1 : sizeof typed, name);
  size_t count = add_names(si_global_options, names, 0);
  count = add_names(out->command ? out->command->options : NULL, names, count);
  const char *near = si_nearest(typed, names, count);
  /* Without its value, which may be a secret. */
  si_error_set(p->error, SI_E_INVALID, "CLI_UNKNOWN_OPTION", "there is no option %.*s%s%s%s",
               (int)strcspn(text, "=") < 80 ? (int)strcspn(text, "=") : 80, text,
               out->path[0] ? " for `si " : "", out->path, out->path[0] ? "`" : "");
  if (near) {
    si_error_hint(p->error, "did you mean --%s?", near);
  } else if (!out->command) {
    si_error_hint(p->error, "the options of a command stand behind its name");
  }
  add_usage(p);
}

static void give(struct parser *p, const struct si_option *option, const char *value,
                 const char *as) {
  struct si_parsed *out = p->out;
  const struct si_option *real = option;
  if (option->alias_of) {
    const struct si_option *row = out->command ? out->command->options : NULL;
    real = find_long(row, option->alias_of, strlen(option->alias_of));
    if (!real) {
      mistake(p, "CLI_TABLE", "the table has no option --%s, which --%s stands for",
              option->alias_of, option->name);
      return;
    }
  }
  if (!(real->flags & SI_OPT_REPEAT) && si_parsed_count(out, real->name, NULL)) {
    mistake(p, "CLI_OPTION_TWICE", "%s is given twice%s%s", as, option->alias_of ? ", as --" : "",
            option->alias_of ? real->name : "");
    return;
  }
  if (real->arg && !value[0]) {
    mistake(p, "CLI_INVALID_VALUE", "%s needs a %s, and got nothing", as, real->arg);
  } else if (strnlen(value, SI_ARG_MAX + 1) > SI_ARG_MAX) {
    mistake(p, "CLI_VALUE_TOO_LONG", "the value of %s is longer than %u bytes", as, SI_ARG_MAX);
  }
  out->given[out->given_count++] = (struct si_given){real, value};
}

/* The value that follows as a word of its own. What looks like an option is none: a forgotten value
 * must not swallow the next option. */
static const char *next_value(struct parser *p, const struct si_option *option, const char *as) {
  const char *next = p->at + 1 < p->argc ? p->argv[p->at + 1] : NULL;
  if (next && (next[0] != '-' || next[1] == '\0')) {
    p->at++;
    return next;
  }
  if (next) {
    mistake(p, "CLI_MISSING_VALUE",
            "%s needs a %s, but %.80s follows; write %s=%.80s if you mean it", as, option->arg,
            next, as, next);
  } else {
    mistake(p, "CLI_MISSING_VALUE", "%s needs a %s", as, option->arg);
  }
  return NULL;
}

static void take_long(struct parser *p, const char *text) {
  const char *name = text + 2;
  size_t len = strcspn(name, "=");
  const char *value = name[len] == '=' ? name + len + 1 : NULL;
  const struct si_command *command = p->out->command;
  const struct si_option *option = find_long(si_global_options, name, len);
  option = option ? option : find_long(command ? command->options : NULL, name, len);
  if (!option) {
    unknown_option(p, text, name, len);
    return;
  }
  char as[72];
  si_copy(as, len + 3 < sizeof as ? len + 3 : sizeof as, text);
  if (!option->arg) {
    if (value) {
      mistake(p, "CLI_INVALID_VALUE", "%s takes no value", as);
    }
    value = "";
  } else if (!value) {
    value = next_value(p, option, as);
  }
  if (value) {
    give(p, option, value, as);
  }
}

/* -q, -qv, -fFILE, -f FILE */
static void take_letters(struct parser *p, const char *text) {
  const struct si_command *command = p->out->command;
  for (const char *letter = text + 1; *letter; letter++) {
    const struct si_option *option = find_letter(si_global_options, *letter);
    option = option ? option : find_letter(command ? command->options : NULL, *letter);
    if (!option) {
      unknown_option(p, text, letter, 0);
      return;
    }
    char as[3] = {'-', *letter, '\0'};
    if (!option->arg) {
      give(p, option, "", as);
      continue;
    }
    const char *value = letter[1] ? letter + 1 : next_value(p, option, as);
    if (value) {
      give(p, option, value, as);
    }
    return;
  }
}

/* --- the whole --- */

static void check_params(struct parser *p) {
  const struct si_command *command = p->out->command;
  size_t n = 0;
  for (; command->params[n].name; n++) {
    const struct si_param *param = &command->params[n];
    if (n >= p->out->arg_count && !(param->flags & SI_PARAM_OPTIONAL)) {
      mistake(p, "CLI_MISSING_ARGUMENT", "%s is missing", param->name);
    }
    if (param->flags & SI_PARAM_MANY) {
      return;
    }
  }
  if (p->out->arg_count > n && (p->out->command->flags & SI_CMD_SECRET)) {
    mistake(p, "CLI_SECRET_ARGUMENT",
            "a secret is never given as an argument, where the list of processes and the shell's "
            "history show it: use --stdin, --file or --fd");
  } else if (p->out->arg_count > n) {
    mistake(p, "CLI_EXTRA_ARGUMENT", "%.80s is one argument too many", p->out->args[n]);
  }
}

static void check_required(struct parser *p) {
  const struct si_option *option = p->out->command->options;
  for (; option && option->name; option++) {
    if ((option->flags & SI_OPT_REQUIRED) && !si_parsed_count(p->out, option->name, NULL)) {
      mistake(p, "CLI_MISSING_OPTION", "--%s %s is missing", option->name,
              option->arg ? option->arg : "");
    }
  }
}

si_rc si_parse(const struct si_cli *cli, int argc, char **argv, struct si_parsed *out,
               struct si_error *error) {
  size_t room = argc > 0 ? (size_t)argc : 1;
  struct si_error found = {.status = SI_OK};
  *out = (struct si_parsed){.cli = cli};
  /* A cluster (-vvv) gives several options by one word: room for its letters too. */
  size_t letters = 0;
  for (int i = 1; i < argc; i++) {
    letters += argv[i][0] == '-' && argv[i][1] != '-' ? strnlen(argv[i], SI_ARG_MAX) : 0;
  }
  out->given = calloc(room + letters, sizeof *out->given);
  out->args = calloc(room, sizeof *out->args);
  if (!out->given || !out->args) {
    return si_error_set(error, SI_E_NOMEM, "CLI_MEMORY", "out of memory");
  }
  struct parser p = {.out = out, .error = &found, .argc = argc, .argv = argv};
  bool words_only = false;
  for (p.at = 1; p.at < argc; p.at++) {
    const char *text = argv[p.at];
    if (words_only || text[0] != '-' || text[1] == '\0') {
      take_word(&p, text);
    } else if (strcmp(text, "--") == 0) {
      words_only = true;
    } else if (text[1] == '-') {
      take_long(&p, text);
    } else {
      take_letters(&p, text);
    }
  }
  if (out->command) {
    check_params(&p);
    check_required(&p);
  }
  if (found.status != SI_OK && error) {
    *error = found;
  }
  return found.status;
}

void si_parsed_free(struct si_parsed *parsed) {
  free(parsed->given);
  free(parsed->args);
  parsed->given = NULL;
  parsed->args = NULL;
}

size_t si_parsed_count(const struct si_parsed *parsed, const char *name, const char **value) {
  size_t count = 0;
  for (size_t i = 0; i < parsed->given_count; i++) {
    const struct si_option *option = parsed->given[i].option;
    if (option && strcmp(option->name, name) == 0) {
      count++;
      if (value) {
        *value = parsed->given[i].value;
      }
    }
  }
  return count;
}
