/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/parse.h - a command line held against the table. Depends on cli/command.h. The frame's own.
 *
 * Options and words may stand in any order, but an option of a row stands behind the words that
 * name the row. The first mistake counts; reading goes on behind it, so that --json, --quiet and
 * --no-color hold for the report of the mistake too. Nothing is copied: argv must live on.
 */
#ifndef SI_CLI_PARSE_H
#define SI_CLI_PARSE_H

#include "cli/command.h"

/* --context NAME, --json, ...: valid for every row. Ended by {0}. */
extern const struct si_option si_global_options[];

struct si_given {
  const struct si_option *option; /* never an alias */
  const char *value;              /* "" for a flag */
};

struct si_parsed {
  const struct si_cli *cli;
  const struct si_command *command; /* NULL: only a level was named */
  char path[128];                   /* the words that were understood: "paas project" */
  int first_word;                   /* where argv begins to name the command; 0: nowhere */
  bool lost;                        /* the words name nothing */
  struct si_given *given;
  size_t given_count;
  const char **args;
  size_t arg_count;
};

/* Fills *out, which si_parsed_free() empties, on failure too. */
si_rc si_parse(const struct si_cli *cli, int argc, char **argv, struct si_parsed *out,
               struct si_error *error) SI_MUST_USE;
void si_parsed_free(struct si_parsed *parsed);

/* How often that option (by its long name) was given, and its last value. */
size_t si_parsed_count(const struct si_parsed *parsed, const char *name, const char **value);

/* Is `path` a level above some row ("paas project")? "" is. */
bool si_is_level(const struct si_cli *cli, const char *path);
/* The row of that path, or NULL. */
const struct si_command *si_find_command(const struct si_cli *cli, const char *path);

/* "there is no command ..." with the nearest one as hint: level "paas", word "projet". */
si_rc si_unknown_command(const struct si_cli *cli, const char *level, const char *word,
                         struct si_error *error);

#endif
