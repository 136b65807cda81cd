/* SPDX-License-Identifier: Apache-2.0 */
/* The command table of si. Every row stands in a cmd_*.c file of its own noun. */
#include "cli/command.h"

#include "paas/context/context.h"

extern const struct si_command si_cmd_context_create;
extern const struct si_command si_cmd_context_init;
extern const struct si_command si_cmd_context_list;
extern const struct si_command si_cmd_context_use;
extern const struct si_command si_cmd_context_show;
extern const struct si_command si_cmd_project_create;
extern const struct si_command si_cmd_project_list;
extern const struct si_command si_cmd_project_show;
extern const struct si_command si_cmd_project_retry;
extern const struct si_command si_cmd_project_delete;
extern const struct si_command si_cmd_reconcile;
extern const struct si_command si_cmd_runpack_export;
extern const struct si_command si_cmd_runpack_verify;
extern const struct si_command si_cmd_runpack_list;
extern const struct si_command si_cmd_runpack_show;
extern const struct si_command si_cmd_plugin_list;
extern const struct si_command si_cmd_plugin_info;
extern const struct si_command si_cmd_version;

/* Help keeps this order. */
static const struct si_command *const commands[] = {
    &si_cmd_context_create, &si_cmd_context_init,   &si_cmd_context_list, &si_cmd_context_use,
    &si_cmd_context_show,   &si_cmd_project_create, &si_cmd_project_list, &si_cmd_project_show,
    &si_cmd_project_retry,  &si_cmd_project_delete, &si_cmd_reconcile,    &si_cmd_runpack_export,
    &si_cmd_runpack_verify, &si_cmd_runpack_list,   &si_cmd_runpack_show, &si_cmd_plugin_list,
    &si_cmd_plugin_info,    &si_cmd_version,        &si_cmd_help,         NULL,
};

static const struct si_group groups[] = {
    {"paas", "Project stacks on your own servers"},
    {"paas context", "Isolated environments"},
    {"paas project", "Projects and their life"},
    {"runpack", "Evidence that anyone can verify offline"},
    {"plugin", "The installed providers"},
    {0},
};

const struct si_cli si_commands = {
    .commands = commands, .groups = groups, .resolve = si_context_resolve};
