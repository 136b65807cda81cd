/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/help.h"
#include "tests/unit/cli/run.h"

static si_rc nothing(struct si_invocation *inv) {
  (void)inv;
  return SI_OK;
}

static const struct si_option options[] = {
    {"stack", 'f', "FILE", "The compose file of the stack that the project is to run",
     SI_OPT_REQUIRED, NULL},
    {"compose-file", 0, "FILE", NULL, 0, "stack"},
    {"a-name-that-is-long", 0, "WITH-A-LONG-VALUE", "Stands on a line of its own", 0, NULL},
    {0},
};
static const struct si_command create = {
    .path = "paas project create",
    .summary = "Make a project and bring it up",
    .text =
        "The first paragraph is long enough that it has to be broken into two lines, since no "
        "line has more than eighty columns.\n\nThe second.",
    .params = {{"NAME", 0, "What it is called"},
               {"MORE", SI_PARAM_OPTIONAL | SI_PARAM_MANY, "More"}},
    .options = options,
    .flags = SI_CMD_MUTATING,
    .run = nothing,
};
static const struct si_command doctor = {.path = "paas doctor", .summary = "Look", .run = nothing};
static const struct si_command list = {
    .path = "paas project list", .summary = "List projects", .run = nothing};
static const struct si_command secret = {
    .path = "paas project poke", .summary = "Poke", .flags = SI_CMD_HIDDEN, .run = nothing};
static const struct si_command *const rows[] = {&create, &doctor, &list, &secret, NULL};
static const struct si_group groups[] = {{"paas project", "Projects and their life"}, {0}};
static const struct si_cli cli = {.commands = rows, .groups = groups};

static const char create_help[] =
    "usage: si paas project create NAME [MORE...] --stack FILE --context NAME\n"
    "    [OPTION...]\n"
    "\n"
    "Make a project and bring it up.\n"
    "\n"
    "The first paragraph is long enough that it has to be broken into two lines,\n"
    "since no line has more than eighty columns.\n"
    "\n"
    "The second.\n"
    "\n"
    "arguments:\n"
    "  NAME       What it is called\n"
    "  [MORE...]  More\n"
    "\n"
    "options:\n"
    "  -f, --stack FILE  The compose file of the stack that the project is to run\n"
    "      --a-name-that-is-long WITH-A-LONG-VALUE\n"
    "                    Stands on a line of its own\n"
    "\n"
    "global options:\n";

static const char paas_help[] =
    "usage: si paas COMMAND [ARGUMENT...] [OPTION...]\n"
    "\n"
    "si paas project: Projects and their life\n"
    "  create  Make a project and bring it up\n"
    "  list    List projects\n"
    "\n"
    "si paas\n"
    "  doctor  Look\n"
    "\n"
    "`si help paas COMMAND` explains one of them.\n";

static void a_row_is_shown_whole(void) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(65536);
  CU_ASSERT_EQUAL(si_help_command(&create, &text), SI_OK);
  CU_ASSERT_TRUE(run_holds(si_buf_text(&text), create_help, "help"));
  CU_ASSERT_PTR_NULL(strstr(si_buf_text(&text), "dry-run"));
}

static void a_level_lists_its_rows_by_group(void) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(65536);
  CU_ASSERT_EQUAL(si_help_level(&cli, "paas", &text), SI_OK);
  CU_ASSERT_STRING_EQUAL(si_buf_text(&text), paas_help);
}

UNIT_MAIN("cli help", UNIT(a_row_is_shown_whole), UNIT(a_level_lists_its_rows_by_group))
