/* SPDX-License-Identifier: Apache-2.0 */
/* `si vault export|import`: secrets on their way to and from another place. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/secrets.h"
#include "kit/base/text.h"

enum { MOVE_MAX = 64 << 20 };

/* --- export --- */

/* A new file, for this user alone, outside any repository (R16). */
static si_rc write_output(struct si_invocation *inv, const char *path,
                          const struct si_buf *sealed) {
  int fd SI_AUTO(si_close) = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0 || si_write_all(fd, sealed->data, sealed->len) != 0 || fsync(fd) != 0) {
    int keep = errno;
    if (fd >= 0) {
      (void)unlink(path);
    }
    return si_error_errno(&inv->error, keep, "VAULT_IO", "writing %s failed", path);
  }
  si_out_note(inv->out, "written: %s", path);
  return SI_OK;
}

static si_rc check_export(struct si_invocation *inv) {
  const char *path = si_opt(inv, "output");
  if (!si_opt_flag(inv, "dangerous-include-secrets")) {
    si_error_set(&inv->error, SI_E_REFUSED, "VAULT_EXPORT_REFUSED",
                 "an export holds every secret of the context");
    return si_error_hint(&inv->error, "if that is what you mean: --dangerous-include-secrets");
  }
  if (path) {
    return si_context_guard(path, &inv->error);
  }
  if (inv->out->json) {
    return si_usage_error(inv, "--json leaves no stdout for the export: name a file with --output");
  }
  if (inv->out->tty_out) {
    return si_usage_error(inv, "stdout is a terminal: name a file with --output");
  }
  return SI_OK;
}

static si_rc export_all(struct si_invocation *inv) {
  struct si_secrets secrets SI_AUTO(si_secrets_close) = {.vault = NULL};
  struct si_buf sealed SI_AUTO(si_buf_free) = SI_BUF(MOVE_MAX);
  const char *path = si_opt(inv, "output"), *recipient = si_opt(inv, "recipient");
  si_rc status = check_export(inv);
  status = status == SI_OK ? si_secrets_open(&secrets, inv, SI_STATE_WRITE, false) : status;
  status =
      status == SI_OK ? si_vault_export(secrets.vault, recipient, &sealed, &inv->error) : status;
  if (status != SI_OK) {
    return status;
  }
  if (!path) {
    si_out_put(inv->out, sealed.data, sealed.len);
    return SI_OK;
  }
  cJSON *json = cJSON_CreateObject();
  if (si_json_add_text(json, "output", path) != SI_OK ||
      si_json_add_text(json, "recipient", recipient) != SI_OK) {
    cJSON_Delete(json);
    return SI_E_NOMEM;
  }
  status = write_output(inv, path, &sealed);
  return si_out_result(inv->out, json) == SI_OK ? status : SI_E_NOMEM;
}

/* --- import --- */

static si_rc read_input(struct si_invocation *inv, struct si_locked *text) {
  const char *file = si_arg(inv, 0);
  bool from_stdin = si_opt_flag(inv, "stdin");
  if (!file == !from_stdin) {
    return si_usage_error(inv, "the secrets come from a FILE or from --stdin");
  }
  int fd SI_AUTO(si_close) = file ? open(file, O_RDONLY | O_CLOEXEC) : dup(inv->out->in);
  if (fd < 0 || si_locked_make(text, MOVE_MAX) != SI_OK) {
    return si_error_errno(&inv->error, fd < 0 ? errno : ENOMEM, "CLI_INPUT", "reading %s failed",
                          file ? file : "stdin");
  }
  si_rc status = si_locked_read(text, fd);
  return status == SI_OK ? SI_OK
                         : si_error_errno(&inv->error, status == SI_E_QUOTA ? EFBIG : errno,
                                          "CLI_INPUT", "reading %s failed", file ? file : "stdin");
}

static si_rc import_all(struct si_invocation *inv) {
  struct si_secrets secrets SI_AUTO(si_secrets_close) = {.vault = NULL};
  struct si_locked text SI_AUTO(si_locked_free) = {.data = NULL};
  const char *app = si_opt(inv, "app");
  bool plain = si_opt_flag(inv, "plain");
  size_t count = 0;
  if (app && !plain) {
    return si_usage_error(inv, "--app is for --plain: a sealed export names its apps itself");
  }
  si_rc status = read_input(inv, &text);
  status = status == SI_OK ? si_secrets_open(&secrets, inv, SI_STATE_WRITE, true) : status;
  status = status == SI_OK ? si_vault_import(secrets.vault, app ? app : "", plain,
                                             (const char *)text.data, text.len, &count, &inv->error)
                           : status;
  if (status != SI_OK) {
    return status;
  }
  si_out_note(inv->out, "%zu secret%s taken in", count, count == 1 ? "" : "s");
  cJSON *json = cJSON_CreateObject();
  cJSON_AddNumberToObject(json, "imported", (double)count);
  return si_out_result(inv->out, json);
}

/* --- rows --- */

static const struct si_option export_options[] = {
    {"recipient", 0, "RECIPIENT", "Who can open it: a public key of age (age1...)", SI_OPT_REQUIRED,
     NULL},
    {"dangerous-include-secrets", 0, NULL, "Yes: every secret of the context leaves it", 0, NULL},
    {"output", 'o', "FILE", "A new file outside any git work tree; by default stdout", 0, NULL},
    SI_SECRETS_PASSPHRASE_OPTION,
    {0}};
static const struct si_option import_options[] = {
    {"stdin", 0, NULL, "Read from stdin", 0, NULL},
    {"plain", 0, NULL, "It is a plain dotenv text, not an export", 0, NULL},
    {"app", 0, "APP", "With --plain: the app that all of them go to", 0, NULL},
    SI_SECRETS_PASSPHRASE_OPTION,
    {0}};

const struct si_command si_cmd_vault_export = {
    .path = "vault export",
    .summary = "Seal every secret of the context for one other key",
    .text =
        "One age file that holds a si.secrets/1 document; `si vault import` takes it in "
        "elsewhere. Nothing is ever exported in plain text.",
    .options = export_options,
    .flags = SI_CMD_MUTATING,
    .run = export_all,
};

const struct si_command si_cmd_vault_import = {
    .path = "vault import",
    .summary = "Take in secrets that were exported for this context's key, all or none",
    .params = {{"FILE", SI_PARAM_OPTIONAL, "The export, or with --plain a dotenv file"}},
    .options = import_options,
    .flags = SI_CMD_MUTATING,
    .run = import_all,
};
