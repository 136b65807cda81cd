/* SPDX-License-Identifier: Apache-2.0 */
/* The command table of si. Every row stands in a cmd_*.c file of its own noun. */
#include "cli/audit.h"
#include "cli/command.h"
#include "paas/context/context.h"

extern const struct si_command si_cmd_context_create;
extern const struct si_command si_cmd_context_init;
extern const struct si_command si_cmd_context_list;
extern const struct si_command si_cmd_context_use;
extern const struct si_command si_cmd_context_show;
extern const struct si_command si_cmd_context_remove;
extern const struct si_command si_cmd_context_export;
extern const struct si_command si_cmd_context_import;
extern const struct si_command si_cmd_context_reset;
extern const struct si_command si_cmd_context_adopt;
extern const struct si_command si_cmd_stack_check;
extern const struct si_command si_cmd_stack_show;
extern const struct si_command si_cmd_stack_policy_show;
extern const struct si_command si_cmd_stack_policy_set;
extern const struct si_command si_cmd_stack_policy_clear;
extern const struct si_command si_cmd_project_create;
extern const struct si_command si_cmd_project_list;
extern const struct si_command si_cmd_project_show;
extern const struct si_command si_cmd_project_retry;
extern const struct si_command si_cmd_project_delete;
extern const struct si_command si_cmd_events_list;
extern const struct si_command si_cmd_events_verify;
extern const struct si_command si_cmd_doctor;
extern const struct si_command si_cmd_checklist;
extern const struct si_command si_cmd_reconcile;
extern const struct si_command si_cmd_alert_policy_show;
extern const struct si_command si_cmd_alert_policy_set;
extern const struct si_command si_cmd_alert_test;
extern const struct si_command si_cmd_alert_history;
extern const struct si_command si_cmd_alert_ack;
extern const struct si_command si_cmd_target_add;
extern const struct si_command si_cmd_target_list;
extern const struct si_command si_cmd_target_show;
extern const struct si_command si_cmd_target_check;
extern const struct si_command si_cmd_target_use;
extern const struct si_command si_cmd_target_remove;
extern const struct si_command si_cmd_addon_contract;
extern const struct si_command si_cmd_addon_enable;
extern const struct si_command si_cmd_addon_disable;
extern const struct si_command si_cmd_addon_list;
extern const struct si_command si_cmd_webhook_map_add;
extern const struct si_command si_cmd_webhook_map_list;
extern const struct si_command si_cmd_webhook_map_remove;
extern const struct si_command si_cmd_webhook_ingest;
extern const struct si_command si_cmd_webhook_pushes;
extern const struct si_command si_cmd_app_init;
extern const struct si_command si_cmd_app_list;
extern const struct si_command si_cmd_app_status;
extern const struct si_command si_cmd_app_reset;
extern const struct si_command si_cmd_app_remove;
extern const struct si_command si_cmd_deploy;
extern const struct si_command si_cmd_rollback;
extern const struct si_command si_cmd_plan;
extern const struct si_command si_cmd_releases;
extern const struct si_command si_cmd_status;
extern const struct si_command si_cmd_logs;
extern const struct si_command si_cmd_prune;
extern const struct si_command si_cmd_secret_set;
extern const struct si_command si_cmd_secret_get;
extern const struct si_command si_cmd_secret_list;
extern const struct si_command si_cmd_secret_unset;
extern const struct si_command si_cmd_secret_key;
extern const struct si_command si_cmd_secret_rotate;
extern const struct si_command si_cmd_vault_init;
extern const struct si_command si_cmd_vault_set;
extern const struct si_command si_cmd_vault_get;
extern const struct si_command si_cmd_vault_list;
extern const struct si_command si_cmd_vault_unset;
extern const struct si_command si_cmd_vault_rotate;
extern const struct si_command si_cmd_vault_recipients_list;
extern const struct si_command si_cmd_vault_recipients_add;
extern const struct si_command si_cmd_vault_recipients_remove;
extern const struct si_command si_cmd_vault_trust_status;
extern const struct si_command si_cmd_vault_trust_accept;
extern const struct si_command si_cmd_vault_trust_forget;
extern const struct si_command si_cmd_vault_doctor;
extern const struct si_command si_cmd_vault_export;
extern const struct si_command si_cmd_vault_import;
extern const struct si_command si_cmd_retention_show;
extern const struct si_command si_cmd_retention_set;
extern const struct si_command si_cmd_retention_clear;
extern const struct si_command si_cmd_runpack_export;
extern const struct si_command si_cmd_runpack_lock;
extern const struct si_command si_cmd_runpack_hold;
extern const struct si_command si_cmd_runpack_release;
extern const struct si_command si_cmd_runpack_status;
extern const struct si_command si_cmd_runpack_attest;
extern const struct si_command si_cmd_runpack_compliance;
extern const struct si_command si_cmd_runpack_verify;
extern const struct si_command si_cmd_runpack_list;
extern const struct si_command si_cmd_runpack_key_rotate;
extern const struct si_command si_cmd_runpack_key_show;
extern const struct si_command si_cmd_runpack_copy;
extern const struct si_command si_cmd_runpack_prune;
extern const struct si_command si_cmd_runpack_show;
extern const struct si_command si_cmd_plugin_list;
extern const struct si_command si_cmd_plugin_info;
extern const struct si_command si_cmd_plugin_conform;
extern const struct si_command si_cmd_plugin_keygen;
extern const struct si_command si_cmd_plugin_new;
extern const struct si_command si_cmd_plugin_sign;
extern const struct si_command si_cmd_plugin_trust_add;
extern const struct si_command si_cmd_plugin_trust_list;
extern const struct si_command si_cmd_plugin_trust_remove;
extern const struct si_command si_cmd_version;

/* Help keeps this order. */
static const struct si_command *const commands[] = {
    &si_cmd_context_create,
    &si_cmd_context_init,
    &si_cmd_context_list,
    &si_cmd_context_use,
    &si_cmd_context_show,
    &si_cmd_context_remove,
    &si_cmd_context_export,
    &si_cmd_context_import,
    &si_cmd_context_reset,
    &si_cmd_context_adopt,
    &si_cmd_stack_check,
    &si_cmd_stack_show,
    &si_cmd_stack_policy_show,
    &si_cmd_stack_policy_set,
    &si_cmd_stack_policy_clear,
    &si_cmd_project_create,
    &si_cmd_project_list,
    &si_cmd_project_show,
    &si_cmd_project_retry,
    &si_cmd_project_delete,
    &si_cmd_app_init,
    &si_cmd_app_list,
    &si_cmd_app_status,
    &si_cmd_app_reset,
    &si_cmd_app_remove,
    &si_cmd_target_add,
    &si_cmd_target_list,
    &si_cmd_target_show,
    &si_cmd_target_check,
    &si_cmd_target_use,
    &si_cmd_target_remove,
    &si_cmd_addon_contract,
    &si_cmd_addon_enable,
    &si_cmd_addon_disable,
    &si_cmd_addon_list,
    &si_cmd_webhook_map_add,
    &si_cmd_webhook_map_list,
    &si_cmd_webhook_map_remove,
    &si_cmd_webhook_ingest,
    &si_cmd_webhook_pushes,
    &si_cmd_plan,
    &si_cmd_deploy,
    &si_cmd_rollback,
    &si_cmd_releases,
    &si_cmd_status,
    &si_cmd_logs,
    &si_cmd_prune,
    &si_cmd_secret_set,
    &si_cmd_secret_get,
    &si_cmd_secret_list,
    &si_cmd_secret_unset,
    &si_cmd_secret_key,
    &si_cmd_secret_rotate,
    &si_cmd_events_list,
    &si_cmd_events_verify,
    &si_cmd_doctor,
    &si_cmd_checklist,
    &si_cmd_reconcile,
    &si_cmd_alert_policy_show,
    &si_cmd_alert_policy_set,
    &si_cmd_alert_test,
    &si_cmd_alert_history,
    &si_cmd_alert_ack,
    &si_cmd_retention_show,
    &si_cmd_retention_set,
    &si_cmd_retention_clear,
    &si_cmd_vault_init,
    &si_cmd_vault_set,
    &si_cmd_vault_get,
    &si_cmd_vault_list,
    &si_cmd_vault_unset,
    &si_cmd_vault_rotate,
    &si_cmd_vault_recipients_list,
    &si_cmd_vault_recipients_add,
    &si_cmd_vault_recipients_remove,
    &si_cmd_vault_trust_status,
    &si_cmd_vault_trust_accept,
    &si_cmd_vault_trust_forget,
    &si_cmd_vault_doctor,
    &si_cmd_vault_export,
    &si_cmd_vault_import,
    &si_cmd_runpack_export,
    &si_cmd_runpack_verify,
    &si_cmd_runpack_list,
    &si_cmd_runpack_show,
    &si_cmd_runpack_status,
    &si_cmd_runpack_lock,
    &si_cmd_runpack_hold,
    &si_cmd_runpack_release,
    &si_cmd_runpack_attest,
    &si_cmd_runpack_compliance,
    &si_cmd_runpack_key_show,
    &si_cmd_runpack_key_rotate,
    &si_cmd_runpack_copy,
    &si_cmd_runpack_prune,
    &si_cmd_plugin_list,
    &si_cmd_plugin_info,
    &si_cmd_plugin_new,
    &si_cmd_plugin_trust_add,
    &si_cmd_plugin_trust_list,
    &si_cmd_plugin_trust_remove,
    &si_cmd_plugin_keygen,
    &si_cmd_plugin_sign,
    &si_cmd_plugin_conform,
    &si_cmd_version,
    &si_cmd_help,
    NULL,
};

static const struct si_group groups[] = {
    {"paas", "Project stacks on your own servers"},
    {"paas context", "Isolated environments"},
    {"paas stack", "Stack files, before anything is done with them"},
    {"paas stack policy", "What a context's guard says of stacks"},
    {"paas project", "Projects and their life"},
    {"paas app", "Apps: projects, as deploys know them"},
    {"paas target", "Engines that projects are deployed to"},
    {"paas addon", "Services that come ready, beside an app's own"},
    {"paas webhook", "Pushes that deploy an app"},
    {"paas webhook map", "Which pushes may deploy what"},
    {"paas secret", "Secrets of a context and its apps"},
    {"paas events", "What happened in a context"},
    {"paas alert", "What an operator must hear of"},
    {"paas alert policy", "Where alerts go"},
    {"paas retention", "How long evidence is locked"},
    {"vault", "The sealed secrets of a context"},
    {"vault recipients", "Who can open them"},
    {"vault trust", "Which set of recipients is trusted"},
    {"runpack", "Evidence that anyone can verify offline"},
    {"runpack key", "The key that signs a context's evidence"},
    {"plugin", "The installed providers"},
    {"plugin trust", "Whose plugins may be loaded"},
    {0},
};

const struct si_cli si_commands = {.commands = commands,
                                   .groups = groups,
                                   .resolve = si_context_resolve,
                                   .failed = si_audit_failure};
