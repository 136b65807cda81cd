/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/command.h - the command table and one invocation of a row of it. The table is the only
 * description of the command line: parser, help and (later) man pages and completions are made from
 * it. Depends on sdk/kit/base and cli/output.h. One thread.
 *
 * How to add a command: write `const struct si_command si_cmd_project_list = {...}` in a
 * cli/cmd_*.c file (listed in cli/CMakeLists.txt), declare it in cli/commands.c and add it to the
 * table there. Its run():
 *
 *   static si_rc list(struct si_invocation *inv) {
 *     cJSON *projects = cJSON_CreateArray();
 *     ... on failure: fill inv->error and return its status; the frame prints it ...
 *     si_grid_print(inv->out, &table);          // shown without --json
 *     return si_out_list(inv->out, projects);    // shown with --json; takes the array
 *   }
 *
 * A body never writes to a descriptor of its own, never calls exit(), and never prints its error.
 */
#ifndef SI_CLI_COMMAND_H
#define SI_CLI_COMMAND_H

#include <stdbool.h>

#include "cli/output.h"

/* No argument and no value of an option is longer. */
#define SI_ARG_MAX 65536u
#define SI_PARAMS_MAX 4

enum {
  SI_OPT_REPEAT = 1,  /* may be given more than once: read it with si_opt_each */
  SI_OPT_REQUIRED = 2 /* must be given */
};

/* In the order in which a row is written, not the one that packs best. */
struct si_option {      // NOLINT(clang-analyzer-optin.performance.Padding)
  const char *name;     /* the long name, without dashes; NULL ends a table */
  char letter;          /* the short one, or 0 */
  const char *arg;      /* what the value is called ("FILE"); NULL: a flag */
  const char *help;     /* one sentence, no period at its end */
  unsigned flags;       /* SI_OPT_* */
  const char *alias_of; /* another spelling of that option of the row: hidden, needs no help */
};

enum {
  SI_PARAM_OPTIONAL = 1, /* only optional ones may follow */
  SI_PARAM_MANY = 2      /* takes all that is left, at least one unless optional; the last */
};

struct si_param {
  const char *name; /* "NAME"; NULL ends the list */
  unsigned flags;   /* SI_PARAM_* */
  const char *help; /* one sentence, no period at its end */
};

enum {
  /* Works on a context: --context, SI_PAAS_CONTEXT, or the one in use; none is exit 2. */
  SI_CMD_CONTEXT = 1,
  /* As CONTEXT, but can do without: inv->context is "" then. */
  SI_CMD_CONTEXT_MAYBE = 2,
  /* Changes what belongs to a context: --context itself must be given (PAAS_CONTEXT_EXPLICIT).
   * A row that makes a context, or names it as argument, has none of these three. */
  SI_CMD_MUTATING = 4,
  /* Honours inv->dry_run. --dry-run is refused by every row without this flag. */
  SI_CMD_DRY_RUN = 8,
  /* A stream: with --json the body writes si_out_record() lines, and success has no envelope. */
  SI_CMD_STREAM = 16,
  SI_CMD_HIDDEN = 32, /* not listed in the help of its level */
  /* Takes a secret, though never as an argument: no message repeats what was typed. */
  SI_CMD_SECRET = 64
};

struct si_invocation;

struct si_command {
  const char *path;    /* "paas project create"; never the beginning of another row's path */
  const char *summary; /* one line for lists, no period at its end */
  const char *text;    /* more for the row's own help (paragraphs split by \n\n), or NULL */
  struct si_param params[SI_PARAMS_MAX + 1];
  const struct si_option *options; /* ended by {0}; or NULL */
  unsigned flags;                  /* SI_CMD_* */
  /* Returns SI_OK, or a status whose record stands in inv->error. */
  si_rc (*run)(struct si_invocation *inv);
};

/* A heading for the rows below a path: {"paas project", "Projects and their life"}. */
struct si_group {
  const char *path;
  const char *summary;
};

struct si_cli {
  const struct si_command *const *commands; /* ended by NULL; help keeps their order */
  const struct si_group *groups;            /* ended by path NULL */
  /* Which context is meant: `flag` is --context or NULL. Fails with SI_E_INVALID and code
   * PAAS_CONTEXT_REQUIRED where there is none. si_context_resolve fits. */
  si_rc (*resolve)(const char *flag, char *to, size_t size, struct si_error *error);
  /* A row with SI_CMD_MUTATING, or a body after si_changes(), failed before an operation ran:
   * inv->context and inv->error say where and how. NULL: nobody is told. */
  void (*failed)(const struct si_invocation *inv);
};

struct si_invocation {
  const struct si_cli *cli;
  const struct si_command *command;
  struct si_output *out;    /* knows --json, --quiet, -v, --no-color */
  char context[64];         /* resolved; "" where the row needs none */
  const char *context_flag; /* --context as given, or NULL */
  const char *confirm;      /* --confirm NAME, or NULL */
  bool yes;
  bool no_input;
  bool dry_run;
  uint64_t timeout_ms;  /* --timeout; 0: none given */
  uint64_t deadline_ns; /* CLOCK_MONOTONIC at which --timeout ends; 0: none */
  struct si_error error;
  bool changes;             /* si_changes() */
  cJSON *about;             /* si_about() */
  bool ran;                 /* si_exit_failed() */
  struct si_parsed *parsed; /* the frame's */
};

/* --- what was given; names are those of the row's table, and must stand in it --- */

/* The option's value, or NULL where it was not given. Lives as long as the invocation. */
const char *si_opt(const struct si_invocation *inv, const char *name);
/* Was it given? Of a flag or any other. */
bool si_opt_flag(const struct si_invocation *inv, const char *name);
/* Each value of a repeated option, in order: `size_t at = 0; while ((v = si_opt_each(inv, "config",
 * &at)))`. */
const char *si_opt_each(const struct si_invocation *inv, const char *name, size_t *at);
/* A number: `otherwise` where not given; SI_E_INVALID (in inv->error) unless within [min, max]. */
si_rc si_opt_u64(struct si_invocation *inv, const char *name, uint64_t min, uint64_t max,
                 uint64_t otherwise, uint64_t *out) SI_MUST_USE;
/* The n-th argument behind the command, from 0; NULL where there are fewer. */
const char *si_arg(const struct si_invocation *inv, size_t n);
size_t si_arg_count(const struct si_invocation *inv);

/* The body is about to change what belongs to `context`, in a row without SI_CMD_MUTATING: should
 * it fail, that is told as for such a row. What is no name of a context is left alone. */
void si_changes(struct si_invocation *inv, const char *context);

/* What the event of this command tells besides who and what: an object that the body adds to as it
 * learns more. The frame tells of it where the body fails, and frees it. NULL without memory, which
 * cJSON takes for an object that nothing can be added to. */
cJSON *si_about(struct si_invocation *inv);

/* A wrong use that only the body can see ("--stdin and --file exclude each other"): fills
 * inv->error with code CLI_USAGE, the usage line and exit 2. */
si_rc si_usage_error(struct si_invocation *inv, const char *fmt, ...) SI_PRINTF(2, 3);

/* --- the frame --- */

/* One whole run: parses, resolves the context, runs the row, prints, and returns the exit code.
 * Ignores SIGPIPE for the whole process; a child that is spawned needs it back at its default. */
int si_cli_main(const struct si_cli *cli, int argc, char **argv);
/* The same on descriptors of the caller's choice, which stay open. */
int si_cli_run(const struct si_cli *cli, int argc, char **argv, int in, int out, int err);

extern const struct si_command si_cmd_help; /* `si help [COMMAND...]` */
extern const struct si_cli si_commands;     /* the table: cli/commands.c */

#endif
