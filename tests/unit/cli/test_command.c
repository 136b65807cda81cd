/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines against a table: what they come to, their exit codes and what they say. */
#include <stdlib.h>

#include "kit/base/text.h"
#include "tests/unit/cli/run.h"

/* Says what it was given. */
static si_rc echo(struct si_invocation *inv) {
  char line[2048];
  size_t at = 0;
  int n = snprintf(line, sizeof line, "%s:", inv->command->path);
  for (size_t i = 0; i < si_arg_count(inv); i++) {
    n += snprintf(line + n, sizeof line - (size_t)n, " [%.40s]", si_arg(inv, i));
  }
  for (const struct si_option *o = inv->command->options; o && o->name; o++) {
    at = 0;
    for (const char *v; !o->alias_of && (v = si_opt_each(inv, o->name, &at)) != NULL;) {
      n += snprintf(line + n, sizeof line - (size_t)n, " %s=%.40s", o->name, v);
    }
  }
  si_out_line(inv->out, "%s context=%s yes=%d no-input=%d dry=%d confirm=%s timeout=%llu q=%d v=%u",
              line, inv->context, inv->yes, inv->no_input, inv->dry_run,
              inv->confirm ? inv->confirm : "", (unsigned long long)inv->timeout_ms,
              inv->out->quiet, inv->out->verbose);
  return SI_OK;
}

static si_rc events(struct si_invocation *inv) {
  uint64_t limit;
  si_rc status = si_opt_u64(inv, "limit", 1, 1000, 20, &limit);
  if (status == SI_OK) {
    si_out_line(inv->out, "limit %llu", (unsigned long long)limit);
  }
  return status;
}

static si_rc exclude(struct si_invocation *inv) {
  return si_usage_error(inv, "--stdin and --file exclude each other");
}

static const struct si_option create_options[] = {
    {"stack", 'f', "FILE", "The compose file", SI_OPT_REQUIRED, NULL},
    {"compose-file", 0, "FILE", NULL, 0, "stack"},
    {"config", 0, "KEY=VALUE", "A setting of the provisioner", SI_OPT_REPEAT, NULL},
    {"force", 0, NULL, "Even so", 0, NULL},
    {0},
};
static const struct si_command create = {
    .path = "paas project create",
    .summary = "Make a project",
    .params = {{"NAME", 0, "Its name"}},
    .options = create_options,
    .flags = SI_CMD_MUTATING | SI_CMD_DRY_RUN,
    .run = echo,
};
static const struct si_command list = {
    .path = "paas project list", .summary = "List", .flags = SI_CMD_CONTEXT, .run = echo};
static const struct si_command doctor = {
    .path = "paas doctor", .summary = "Look", .flags = SI_CMD_CONTEXT_MAYBE, .run = echo};
static const struct si_command use = {
    .path = "paas context use", .summary = "Use", .params = {{"NAME", 0, "It"}}, .run = echo};
static const struct si_option events_options[] = {{"limit", 'n', "N", "At most so many", 0, NULL},
                                                  {0}};
static const struct si_command events_list = {
    .path = "paas events list", .summary = "List", .options = events_options, .run = events};
static const struct si_command verify = {
    .path = "runpack verify",
    .summary = "Verify",
    .params = {{"URI", 0, "Where"}, {"ARTIFACT", SI_PARAM_OPTIONAL | SI_PARAM_MANY, "Which"}},
    .run = echo};
static const struct si_command secret = {
    .path = "paas secret set", .summary = "Set", .run = exclude};
static const struct si_command version = {.path = "version", .summary = "Version", .run = echo};

static const struct si_command *const rows[] = {&si_cmd_help, &create, &list,   &doctor,  &use,
                                                &events_list, &verify, &secret, &version, NULL};
static const char *in_use; /* what `use` chose */

static si_rc resolve(const char *flag, char *to, size_t size, struct si_error *error) {
  const char *name = flag ? flag : in_use;
  if (!name) {
    si_error_set(error, SI_E_INVALID, "PAAS_CONTEXT_REQUIRED", "no context");
    si_error_hint(error, "give --context NAME");
    return SI_E_INVALID;
  }
  if (strcmp(name, "ghost") == 0) {
    return si_error_set(error, SI_E_NOT_FOUND, "PAAS_CONTEXT_NOT_FOUND", "no such context");
  }
  si_copy(to, size, name);
  return SI_OK;
}

static const struct si_cli cli = {.commands = rows, .resolve = resolve};

static struct run r;

struct line {
  const char *line;
  int code;
  const char *out; /* stands in stdout; NULL: stdout is empty */
  const char *err; /* the same of stderr */
};

static void check_lines(const struct line *lines, size_t count) {
  for (size_t i = 0; i < count; i++) {
    run_line(&cli, lines[i].line, &r);
    bool ok = r.code == lines[i].code;
    ok = ok && (lines[i].out ? run_holds(r.out, lines[i].out, "stdout") : !r.out[0]);
    ok = ok && (lines[i].err ? run_holds(r.err, lines[i].err, "stderr") : !r.err[0]);
    if (!ok) {
      printf("\n  si %s: exit %d\n%s%s", lines[i].line, r.code, r.out, r.err);
    }
    CU_ASSERT_TRUE(ok);
  }
}
#define CHECK(lines) check_lines((lines), sizeof(lines) / sizeof *(lines))

static void options_stand_anywhere_behind_their_command(void) {
  static const struct line lines[] = {
      {"paas project create blog --stack s.yaml --context demo", 0,
       "paas project create: [blog] stack=s.yaml context=demo yes=0", NULL},
      {"--context demo paas project create --stack=s.yaml blog", 0, "[blog] stack=s.yaml", NULL},
      {"paas --context=demo project create --stack s.yaml -- blog", 0, "[blog] stack=s.yaml", NULL},
      {"paas project --context demo create -f s.yaml -- -blog", 0, "[-blog] stack=s.yaml", NULL},
      {"paas project create -fs.yaml -qy blog --context demo", 0, "yes=1", NULL},
      {"paas project create --compose-file s.yaml blog --context demo", 0, "stack=s.yaml", NULL},
      {"paas project create blog --stack - --context demo", 0, "stack=-", NULL},
      {"paas project create blog --stack=-x --context demo --force", 0, "stack=-x force=", NULL},
      {"paas project create b -f s --config a=1 --config b=2=3 --context demo", 0,
       "config=a=1 config=b=2=3", NULL},
      {"-vv -q --no-input --confirm blog --timeout 1m30s version", 0,
       "yes=0 no-input=1 dry=0 confirm=blog timeout=90000 q=1 v=2", NULL},
      {"paas project create b -f s --context d --dry-run", 0, "dry=1", NULL},
      {"runpack verify u a b c", 0, "[u] [a] [b] [c]", NULL},
      {"runpack verify u", 0, "runpack verify: [u] ", NULL},
      {"paas events list", 0, "limit 20", NULL},
      {"paas events list -n5", 0, "limit 5", NULL},
      {"--version", 0, "version:", NULL},
  };
  CHECK(lines);
}

static void a_mistake_is_named_with_the_usage(void) {
  static const struct line lines[] = {
      {"paas project create --stack s --context d", 2, NULL,
       "si: NAME is missing\n  usage: si paas"},
      {"paas project create b --context d", 2, NULL,
       "si: --stack FILE is missing\n  usage: si paas"},
      {"paas project create b c -f s --context d", 2, NULL, "si: c is one argument too many\n"},
      {"paas project list extra", 2, NULL, "next: `si paas project list --help` explains\n"},
      {"paas project create b -f s -f t --context d", 2, NULL, "si: -f is given twice\n"},
      {"paas project create b -f s --compose-file t --context d", 2, NULL,
       "si: --compose-file is given twice, as --stack\n"},
      {"--context a version --context b", 2, NULL, "si: --context is given twice\n"},
      {"version --json=1", 2, NULL, "\"message\":\"--json takes no value\""},
      {"paas project create b --stack", 2, NULL, "si: --stack needs a FILE\n"},
      {"paas project create b --stack --yes", 2, NULL, "write --stack=--yes if you mean it"},
      {"paas project create b --stack=", 2, NULL, "si: --stack needs a FILE, and got nothing\n"},
      {"paas project create b --stak s", 2, NULL, "did you mean --stack?"},
      {"paas project create b --passwort=geheim", 2, NULL, "no option --passwort for `si paas"},
      {"--stack s paas project create b", 2, NULL, "stand behind its name"},
      {"version -x", 2, NULL, "there is no option -x for `si version`"},
      {"version -", 2, NULL, "- is one argument too many"},
      {"version --timeout soon", 2, NULL, "--timeout soon is no duration"},
      {"version --timeout 0s", 2, NULL, "--timeout 0s is no duration"},
      {"version --dry-run", 2, NULL, "`si version` has no --dry-run"},
      {"paas events list --limit 0", 2, NULL, "a whole number from 1 to 1000"},
      {"paas events list --limit 1001", 2, NULL, "a whole number from 1 to 1000"},
      {"paas events list --limit 5x", 2, NULL, "--limit 5x"},
      {"paas secret set", 2, NULL, "exclude each other\n  usage: si paas secret set"},
      {"projet", 2, NULL, "si: there is no command `si projet`"},
      {"project list", 2, NULL, "did you mean `si paas project`?"},
      {"pas project list", 2, NULL, "did you mean `si paas`?"},
      {"paas project crate b", 2, NULL, "did you mean `si paas project create`?"},
      {"paas project xyzzyplugh", 2, NULL, "`si paas project --help` lists the commands"},
      {"help paas projct", 2, NULL, "did you mean `si paas project`?"},
      {"paas project crate --help", 2, NULL, "there is no command"},
  };
  struct line json = lines[7];
  json.out = json.err;
  json.err = NULL;
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    check_lines(i == 7 ? &json : &lines[i], 1);
  }
}

static void a_value_of_an_unknown_option_is_not_repeated(void) {
  run_line(&cli, "paas project create b --passwort=geheim", &r);
  CU_ASSERT_PTR_NULL(strstr(r.err, "geheim"));
}

static void every_level_has_its_help(void) {
  static const struct line lines[] = {
      {"", 0, "usage: si COMMAND", NULL},
      {"help", 0, "options of every command:", NULL},
      {"paas", 0, "\nsi paas project\n  create ", NULL},
      {"paas project", 0, "usage: si paas project COMMAND", NULL},
      {"paas project --help", 0, "usage: si paas project COMMAND", NULL},
      {"paas project create --help", 0, "usage: si paas project create NAME --stack FILE", NULL},
      {"paas project create --bogus -h", 0, "usage: si paas project create NAME", NULL},
      {"help paas project create", 0, "arguments:\n  NAME", NULL},
      {"help paas project create --json", 0, "usage: si paas project create", NULL},
  };
  CHECK(lines);
  run_line(&cli, "paas project", &r);
  CU_ASSERT_PTR_NULL(strstr(r.out, "doctor"));
  run_line(&cli, "paas project create --help", &r);
  CU_ASSERT_PTR_NULL(strstr(r.out, "compose-file"));
}

static void a_program_that_leaves_the_command_out_gets_no_help_text(void) {
  static const struct line lines[] = {
      {"--json", 2, "\"code\":\"CLI_MISSING_COMMAND\"", NULL},
      {"paas project --json", 2, "\"remediation\":\"`si help paas project` lists", NULL},
  };
  CHECK(lines);
}

static void a_changing_command_wants_the_context_by_flag(void) {
  static const struct line lines[] = {
      {"paas project create blog -f s.yaml -y", 2, NULL,
       "next: si paas --context demo project create blog -f s.yaml -y\n"},
      {"-v paas project create blog --stack=a'b", 2, NULL,
       "next: si -v paas --context demo project create blog '--stack=a'\\''b'\n"},
      {"-v paas project create blog -f s", 2, NULL, "[PAAS_CONTEXT_EXPLICIT, in context]"},
  };
  in_use = "demo";
  CHECK(lines);
  in_use = NULL;
  run_line(&cli, "paas project create blog -f s.yaml", &r);
  CU_ASSERT_EQUAL(r.code, 2);
  CU_ASSERT_TRUE(run_holds(r.err, "next: si paas --context NAME project create blog", "stderr"));
}

static void a_line_too_long_or_odd_to_type_is_described(void) {
  char value[600];
  memset(value, 'x', sizeof value - 1);
  value[sizeof value - 1] = '\0';
  const char *const values[] = {value, "a\x1b[2Jb", "a\nb"};
  in_use = "demo";
  for (size_t i = 0; i < 3; i++) {
    const char *argv[] = {"si", "paas", "project", "create", "blog", "--stack", values[i]};
    run_argv(&cli, 7, argv, &r);
    CU_ASSERT_EQUAL(r.code, 2);
    CU_ASSERT_TRUE(run_holds(r.err, "next: the same line with --context demo\n", "stderr"));
  }
  in_use = NULL;
}

static void the_context_is_resolved_where_a_row_wants_one(void) {
  static const struct line none[] = {
      {"paas project list", 2, NULL, "next: give --context NAME"},
      {"paas project list --context a", 0, "context=a ", NULL},
      {"paas doctor", 0, "paas doctor: context= yes", NULL},
      {"paas doctor --context ghost", 3, NULL, "no such context"},
      {"paas project list --context ../up", 2, NULL, "is not the name of a context"},
      {"paas context use a --context b", 0, "[a] context= ", NULL},
  };
  static const struct line some[] = {
      {"paas project list", 0, "context=demo ", NULL},
      {"paas doctor", 0, "context=demo ", NULL},
      {"paas doctor --context other", 0, "context=other ", NULL},
      {"paas context use a", 0, "[a] context= ", NULL},
  };
  in_use = NULL;
  CHECK(none);
  in_use = "demo";
  CHECK(some);
  in_use = NULL;
}

static void empty_and_huge_values_are_refused(void) {
  size_t size = SI_ARG_MAX + 2;
  char *huge = malloc(size);
  CU_ASSERT_PTR_NOT_NULL_FATAL(huge);
  memset(huge, 'x', size - 1);
  huge[size - 1] = '\0';
  const char *empty[] = {"si", "paas", "context", "use", ""};
  run_argv(&cli, 5, empty, &r);
  CU_ASSERT_EQUAL(r.code, 2);
  CU_ASSERT_TRUE(run_holds(r.err, "argument 1 is empty", "stderr"));
  const char *word[] = {"si", "", "version"};
  run_argv(&cli, 3, word, &r);
  CU_ASSERT_EQUAL(r.code, 2);
  const char *two[] = {"si", "paas project list"};
  run_argv(&cli, 2, two, &r);
  CU_ASSERT_EQUAL(r.code, 2);
  const char *arg[] = {"si", "paas", "context", "use", huge};
  run_argv(&cli, 5, arg, &r);
  CU_ASSERT_EQUAL(r.code, 2);
  CU_ASSERT_TRUE(run_holds(r.err, "longer than 65536 bytes", "stderr"));
  const char *value[] = {"si", "version", "--confirm", huge};
  run_argv(&cli, 4, value, &r);
  CU_ASSERT_EQUAL(r.code, 2);
  CU_ASSERT_TRUE(run_holds(r.err, "the value of --confirm is longer", "stderr"));
  const char *command[] = {"si", huge};
  run_argv(&cli, 2, command, &r);
  CU_ASSERT_EQUAL(r.code, 2);
  CU_ASSERT_TRUE(strlen(r.err) < 400);
  huge[SI_ARG_MAX] = '\0';
  run_argv(&cli, 5, arg, &r);
  CU_ASSERT_EQUAL(r.code, 0);
  memset(huge, 'v', SI_ARG_MAX);
  huge[0] = '-';
  const char *letters[] = {"si", "version", huge};
  run_argv(&cli, 3, letters, &r);
  CU_ASSERT_EQUAL(r.code, 0);
  CU_ASSERT_TRUE(run_holds(r.out, "v=65535", "stdout"));
  free(huge);
}

static void no_argv_at_all_is_the_help(void) {
  const char *none[] = {NULL};
  run_argv(&cli, 0, none, &r);
  CU_ASSERT_EQUAL(r.code, 0);
  CU_ASSERT_TRUE(run_holds(r.out, "usage: si COMMAND", "stdout"));
}

UNIT_MAIN("cli command", UNIT(options_stand_anywhere_behind_their_command),
          UNIT(a_mistake_is_named_with_the_usage),
          UNIT(a_value_of_an_unknown_option_is_not_repeated), UNIT(every_level_has_its_help),
          UNIT(a_program_that_leaves_the_command_out_gets_no_help_text),
          UNIT(a_changing_command_wants_the_context_by_flag),
          UNIT(a_line_too_long_or_odd_to_type_is_described),
          UNIT(the_context_is_resolved_where_a_row_wants_one),
          UNIT(empty_and_huge_values_are_refused), UNIT(no_argv_at_all_is_the_help))
