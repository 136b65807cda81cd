/* SPDX-License-Identifier: Apache-2.0 */
/* `si paas context export` and `import`: settings from context to context. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cli/context.h"
#include "cli/secrets.h"
#include "kit/base/path.h"
#include "kit/base/text.h"
#include "paas/context/transfer.h"
#include "paas/vault/base64.h"

static void close_state(struct si_state **state) {
  si_state_close(*state);
  *state = NULL;
}

/* --- export --- */

static si_rc export_name(struct si_invocation *inv, char *to, size_t size) {
  const char *argument = si_arg(inv, 0);
  if (argument && inv->context_flag && strcmp(argument, inv->context_flag) != 0) {
    return si_usage_error(inv, "name one context: as argument or with --context");
  }
  return si_context_resolve(argument ? argument : inv->context_flag, to, size, &inv->error);
}

static si_rc write_export(struct si_invocation *inv, const char *name, const struct si_buf *text) {
  const char *output = si_opt(inv, "output");
  struct si_error unread;
  cJSON *document = NULL;
  if (!output || strcmp(output, "-") == 0) {
    si_out_text(inv->out, text->data, text->len);
    si_rc status = si_json_parse(text->data, text->len, &document, &unread);
    return status == SI_OK ? si_out_result(inv->out, document) : status;
  }
  si_rc status = si_context_export_write(output, si_opt_flag(inv, "force"), text, &inv->error);
  if (status != SI_OK) {
    return status;
  }
  si_out_note(inv->out, "the settings of context %s are in %s, its secrets %s", name, output,
              si_opt_flag(inv, "recipient") ? "too, sealed" : "are not");
  cJSON *json = cJSON_CreateObject();
  cJSON_AddStringToObject(json, "name", name);
  cJSON_AddStringToObject(json, "output", output);
  return si_out_result(inv->out, json);
}

/* Settings alone. */
static si_rc export_settings(struct si_invocation *inv, const char *name, struct si_buf *text) {
  struct si_context context SI_AUTO(si_context_free) = {.config = NULL};
  struct si_state *state SI_AUTO(close_state) = NULL;
  si_rc status = si_context_open(name, &context, &inv->error);
  if (status == SI_OK) {
    si_context_warn(inv, &context);
    status = si_state_open(context.dir, context.id, SI_STATE_READ, &state, &inv->error);
  }
  return status == SI_OK ? si_context_export(&context, state, NULL, text, &inv->error) : status;
}

/* With every secret, sealed for the recipient: they leave the context, so it is named. */
static si_rc export_secrets(struct si_invocation *inv, const char *name, struct si_buf *text) {
  struct si_secrets secrets SI_AUTO(si_secrets_close) = {.vault = NULL};
  struct si_buf sealed SI_AUTO(si_buf_free) = SI_BUF(SI_CONTEXT_EXPORT_MAX);
  struct si_buf coded SI_AUTO(si_buf_free) = SI_BUF(SI_CONTEXT_EXPORT_MAX);
  if (!si_arg(inv, 0) && !inv->context_flag) {
    si_error_set(&inv->error, SI_E_INVALID, "PAAS_CONTEXT_EXPLICIT",
                 "secrets would leave context %s, so it must be named", name);
    return si_error_hint(&inv->error, "the same line with --context %s", name);
  }
  si_copy(inv->context, sizeof inv->context, name);
  si_changes(inv, name);
  si_rc status = si_secrets_open(&secrets, inv, SI_STATE_WRITE, false);
  if (status == SI_OK) {
    status = si_vault_export(secrets.vault, si_opt(inv, "recipient"), &sealed, &inv->error);
  }
  if (status != SI_OK) {
    return status;
  }
  if (si_base64_add(sealed.data, sealed.len, true, &coded) != SI_OK) {
    return si_error_set(&inv->error, SI_E_QUOTA, "PAAS_EXPORT_SIZE",
                        "the secrets are too many for one export");
  }
  const struct si_context_sealed part = {si_opt(inv, "recipient"), si_buf_text(&coded)};
  return si_context_export(&secrets.scope.context, secrets.scope.state, &part, text, &inv->error);
}

static si_rc export_context(struct si_invocation *inv) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_CONTEXT_EXPORT_MAX);
  bool secrets = si_opt_flag(inv, "dangerous-include-secrets");
  const char *output = si_opt(inv, "output");
  char name[64];
  if (secrets != si_opt_flag(inv, "recipient")) {
    return si_usage_error(inv,
                          "secrets leave a context sealed: --dangerous-include-secrets and "
                          "--recipient go together");
  }
  si_rc status = export_name(inv, name, sizeof name);
  if (status == SI_OK && output && strcmp(output, "-") != 0) { /* before any secret is opened */
    status = si_context_guard(output, &inv->error);
  }
  if (status == SI_OK) {
    status = secrets ? export_secrets(inv, name, &text) : export_settings(inv, name, &text);
  }
  return status == SI_OK ? write_export(inv, name, &text) : status;
}

static const struct si_option export_options[] = {
    {"output", 'o', "FILE", "Write to FILE, which must not exist; - is stdout", 0, NULL},
    {"force", 0, NULL, "Replace FILE where it exists", 0, NULL},
    {"dangerous-include-secrets", 0, NULL, "Every secret too, sealed for --recipient", 0, NULL},
    {"recipient", 0, "RECIPIENT", "Who can open them: a public key of age (age1...)", 0, NULL},
    SI_SECRETS_PASSPHRASE_OPTION,
    {0},
};

const struct si_command si_cmd_context_export = {
    .path = "paas context export",
    .summary = "Write a context's settings for another to import",
    .text =
        "Type, targets, policies, providers, and the names of its projects; no path of this "
        "machine, and no secret, unless it is told to add them sealed for one key. What is left "
        "out is listed in the document.",
    .params = {{"NAME", SI_PARAM_OPTIONAL, "By default the one that is chosen"}},
    .options = export_options,
    .flags = SI_CMD_CONTEXT_MAYBE,
    .run = export_context,
};

/* --- import --- */

static si_rc read_file(struct si_invocation *inv, const char *path, struct si_buf *text) {
  bool in = strcmp(path, "-") == 0;
  si_rc status = in ? si_read_fd(inv->out->in, text) : si_read_file(AT_FDCWD, path, text);
  return status == SI_OK ? SI_OK
                         : si_error_errno(&inv->error, errno, "PAAS_IMPORT_FILE",
                                          "reading %s failed", in ? "stdin" : path);
}

static cJSON *import_fields(const struct si_context *context, const cJSON *document) {
  cJSON *fields = cJSON_CreateObject();
  const char *from = si_json_str(si_json_get(document, "from"), "id");
  cJSON_AddStringToObject(fields, "type", context->type);
  cJSON_AddStringToObject(fields, "id", context->id);
  cJSON_AddStringToObject(fields, "from_id", from ? from : "");
  cJSON_AddStringToObject(fields, "from_name", si_json_str(document, "name"));
  return fields;
}

static void say_what_is_left(struct si_invocation *inv, const cJSON *document, const char *name) {
  int projects = cJSON_GetArraySize(si_json_get(document, "projects"));
  int omitted = cJSON_GetArraySize(si_json_get(document, "omitted"));
  if (projects > 0) {
    si_out_note(inv->out,
                "it had %d project%s, which are not made: si paas --context %s project create",
                projects, projects == 1 ? "" : "s", name);
  }
  if (omitted > 0) {
    si_out_note(inv->out, "%d setting%s left out of the export: see its \"omitted\"", omitted,
                omitted == 1 ? " was" : "s were");
  }
  if (si_json_get(document, "secrets")) {
    si_out_note(
        inv->out,
        "the sealed secrets in it are not imported. Where they are sealed for the key of this "
        "context (si paas secret key): jq -r .secrets.age FILE | base64 -d | si vault import "
        "--context %s --stdin",
        name);
  }
}

static si_rc import_context(struct si_invocation *inv) {
  struct si_context context SI_AUTO(si_context_free) = {.config = NULL};
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_CONTEXT_EXPORT_MAX);
  cJSON *document SI_AUTO(si_json_free) = NULL;
  struct si_context_options options = {
      .name = si_opt(inv, "name"),
      .state_root = si_opt(inv, "state-root"),
      .vault_file = si_opt(inv, "vault-file"),
  };
  si_changes(inv, options.name); /* one that exists hears of who tried to replace it */
  si_rc status = read_file(inv, si_arg(inv, 0), &text);
  if (status == SI_OK) {
    status =
        si_context_import(si_buf_text(&text), text.len, &options, &context, &document, &inv->error);
  }
  if (status == SI_OK) {
    status = si_context_audit(inv, &context, "context.import", import_fields(&context, document));
  }
  if (status != SI_OK) {
    return status;
  }
  si_out_note(inv->out, "context %s created from the settings of %s", context.name,
              si_json_str(document, "name"));
  say_what_is_left(inv, document, context.name);
  si_context_print(inv, &context);
  return si_out_result(inv->out, si_context_json(&context));
}

static const struct si_option import_options[] = {
    {"name", 0, "NAME", "What the new context is called", SI_OPT_REQUIRED, NULL},
    {"state-root", 0, "DIR", "Keep its state in DIR, outside any git work tree", 0, NULL},
    {"vault-file", 0, "FILE", "The context's own vault file", 0, NULL},
    {0},
};

const struct si_command si_cmd_context_import = {
    .path = "paas context import",
    .summary = "Make a new context from another's exported settings",
    .text = "It has an id and a store of its own, and no secret. An existing context is an error.",
    .params = {{"FILE", 0, "What si paas context export wrote; - is stdin"}},
    .options = import_options,
    .run = import_context,
};
