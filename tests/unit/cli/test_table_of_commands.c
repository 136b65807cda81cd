/* SPDX-License-Identifier: Apache-2.0 */
/* The real command table keeps the rules of cli/command.h. */
#include "cli/help.h"
#include "cli/parse.h"
#include "tests/unit/cli/run.h"

/* Prints which row breaks a rule. */
static void holds(bool rule, const char *path, const char *what) {
  if (!rule) {
    printf("\n  `si %s`: %s", path, what);
  }
  CU_ASSERT_TRUE(rule);
}

static bool is_sentence(const char *text) {
  size_t len = text ? strlen(text) : 0;
  return len > 1 && text[len - 1] != '.' && !strchr(text, '\n');
}

static const struct si_option *find(const struct si_option *options, const char *name) {
  for (; options && options->name; options++) {
    if (strcmp(options->name, name) == 0) {
      return options;
    }
  }
  return NULL;
}

static void every_row_is_complete(void) {
  for (size_t i = 0; si_commands.commands[i]; i++) {
    const struct si_command *c = si_commands.commands[i];
    const char *path = c->path;
    holds(path[strspn(path, "abcdefghijklmnopqrstuvwxyz0123456789- ")] == '\0', path, "odd path");
    holds(strlen(path) < 100 && !strstr(path, "  "), path, "odd path");
    holds(is_sentence(c->summary) && strlen(c->summary) <= 72, path, "summary");
    holds(c->run != NULL, path, "no body");
    unsigned needs = c->flags & (SI_CMD_CONTEXT | SI_CMD_CONTEXT_MAYBE | SI_CMD_MUTATING);
    holds((needs & (needs - 1)) == 0, path, "more than one kind of context");
  }
}

static void paths_are_unique_and_none_begins_another(void) {
  for (size_t i = 0; si_commands.commands[i]; i++) {
    const char *path = si_commands.commands[i]->path;
    holds(si_find_command(&si_commands, path) == si_commands.commands[i], path, "twice");
    holds(!si_is_level(&si_commands, path), path, "begins another row's path");
  }
  for (const struct si_group *g = si_commands.groups; g && g->path; g++) {
    holds(si_is_level(&si_commands, g->path) && is_sentence(g->summary), g->path, "group");
  }
}

static void check_option(const struct si_command *c, const struct si_option *o) {
  size_t len = strlen(o->name);
  holds(find(c->options, o->name) == o, c->path, o->name);
  holds(!find(si_global_options, o->name), c->path, "an option hides a global one");
  holds(len > 1 && strspn(o->name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len, c->path,
        "odd name of an option");
  for (const struct si_option *g = si_global_options; o->letter && g->name; g++) {
    holds(g->letter != o->letter, c->path, "a letter hides a global one");
  }
  for (const struct si_option *other = c->options; o->letter && other->name; other++) {
    holds(other == o || other->letter != o->letter, c->path, "a letter stands twice");
  }
  if (o->alias_of) {
    const struct si_option *real = find(c->options, o->alias_of);
    holds(real && !real->alias_of && !real->arg == !o->arg, c->path, "alias of what?");
  } else {
    holds(is_sentence(o->help), c->path, o->name);
  }
  holds(o->arg || !(o->flags & SI_OPT_REQUIRED), c->path, "a flag that must be given");
}

static void every_option_is_sound(void) {
  for (size_t i = 0; si_commands.commands[i]; i++) {
    const struct si_command *c = si_commands.commands[i];
    for (const struct si_option *o = c->options; o && o->name; o++) {
      check_option(c, o);
    }
  }
  for (const struct si_option *o = si_global_options; o->name; o++) {
    holds(is_sentence(o->help), "", o->name);
  }
}

static void every_argument_is_sound(void) {
  for (size_t i = 0; si_commands.commands[i]; i++) {
    const struct si_command *c = si_commands.commands[i];
    unsigned before = 0;
    for (const struct si_param *p = c->params; p->name; p++) {
      holds(p < c->params + SI_PARAMS_MAX, c->path, "the list of arguments has no end");
      holds(is_sentence(p->help), c->path, p->name);
      holds(!(before & SI_PARAM_MANY), c->path, "an argument behind one that takes all");
      holds(!(before & SI_PARAM_OPTIONAL) || (p->flags & SI_PARAM_OPTIONAL), c->path,
            "a required argument behind an optional one");
      before = p->flags;
    }
  }
}

static void check_width(const char *text, const char *path) {
  while (*text) {
    size_t len = strcspn(text, "\n");
    holds(len <= 100, path, "a line of its help is longer than 100 columns");
    text += len + (text[len] == '\n');
  }
}

static void every_help_fits(void) {
  struct si_buf all SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  CU_ASSERT_EQUAL(si_help_level(&si_commands, "", &all), SI_OK);
  check_width(si_buf_text(&all), "");
  for (size_t i = 0; si_commands.commands[i]; i++) {
    struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
    CU_ASSERT_EQUAL(si_help_command(si_commands.commands[i], &text), SI_OK);
    check_width(si_buf_text(&text), si_commands.commands[i]->path);
  }
}

/* Through the parser, as it is typed. */
static void every_row_answers_help(void) {
  static struct run r;
  for (size_t i = 0; si_commands.commands[i]; i++) {
    const char *path = si_commands.commands[i]->path;
    char line[256], usage[256];
    snprintf(line, sizeof line, "%s --help", path);
    snprintf(usage, sizeof usage, "usage: si %s", path);
    run_line(&si_commands, line, &r);
    CU_ASSERT_EQUAL(r.code, 0);
    CU_ASSERT_TRUE(run_holds(r.out, usage, path));
  }
}

static void version_tells_the_abi(void) {
  static struct run r;
  run_line(&si_commands, "version --json", &r);
  CU_ASSERT_EQUAL(r.code, 0);
  cJSON *json SI_AUTO(si_json_free) = NULL;
  CU_ASSERT_EQUAL_FATAL(si_json_parse(r.out, strlen(r.out), &json, NULL), SI_OK);
  const cJSON *abi = si_json_get(si_json_get(json, "data"), "abi");
  CU_ASSERT_EQUAL(si_json_int(abi, "major", 0, 9, -1), SI_ABI_MAJOR);
  CU_ASSERT_EQUAL(si_json_int(abi, "minor", 0, 99, -1), SI_ABI_MINOR);
  CU_ASSERT_EQUAL(si_json_int(abi, "draft", 0, 99, -1), SI_ABI_DRAFT);
  run_line(&si_commands, "--version", &r);
  CU_ASSERT_TRUE(run_holds(r.out, "plugin ABI 1.", "stdout"));
}

UNIT_MAIN("cli table of commands", UNIT(every_row_is_complete),
          UNIT(paths_are_unique_and_none_begins_another), UNIT(every_option_is_sound),
          UNIT(every_argument_is_sound), UNIT(every_help_fits), UNIT(every_row_answers_help),
          UNIT(version_tells_the_abi))
