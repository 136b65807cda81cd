/* SPDX-License-Identifier: Apache-2.0 */
/* `si runpack attest`: a signed statement on how a runpack is locked, and its check. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cli/retain.h"
#include "cli/signer.h"
#include "cli/trust.h"
#include "core/runpack/attest.h"
#include "kit/base/path.h"
#include "kit/base/text.h"
#include "paas/context/transfer.h"

struct attesting {
  struct si_invocation *inv;
  struct si_place place;
  struct si_trust trust;
  struct si_locks before, locks;
  struct si_verify_report report;
  struct si_locked key;
  cJSON *manifest;
  struct si_buf statement;
};

static void close_attesting(struct attesting *a) {
  si_json_free(&a->manifest);
  si_locked_free(&a->key);
  si_report_free(&a->report);
  si_locks_free(&a->before);
  si_locks_free(&a->locks);
  si_trust_close(&a->trust);
  si_place_close(&a->place);
  si_buf_free(&a->statement);
}

static si_rc open_signer(struct attesting *a) {
  struct si_invocation *inv = a->inv;
  si_rc status = si_signer_open(inv, inv->context, &a->key);
  if (status == SI_OK && !a->key.data) {
    return si_usage_error(inv, "who signs? --sign-key FILE, or --context NAME");
  }
  return status;
}

/* The locks before and after: what is verified in between is what they are told of. */
static si_rc verify(struct attesting *a) {
  struct si_invocation *inv = a->inv;
  struct si_store *store = si_place_store(&a->place);
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_MANIFEST_SHOW_MAX);
  struct si_verify_options options = {.max_artifact_bytes = 0};
  char hex[SI_SHA256_HEX];
  si_rc status = si_locks_read(store, a->place.prefix, &a->before, &inv->error);
  status =
      status == SI_OK ? si_place_max_artifact(inv, &a->place, &options.max_artifact_bytes) : status;
  if (status == SI_OK) {
    si_trust_apply(&a->trust, &options);
    status = si_runpack_verify(store, a->place.prefix, &options, &a->report, &inv->error);
  }
  status =
      status == SI_OK ? si_runpack_manifest(store, a->place.prefix, &text, &inv->error) : status;
  status = status == SI_OK ? si_json_parse(si_buf_text(&text), text.len, &a->manifest, &inv->error)
                           : status;
  status = status == SI_OK ? si_sha256_hex(text.data, text.len, hex) : status;
  status = status == SI_OK ? si_locks_read(store, a->place.prefix, &a->locks, &inv->error) : status;
  status = status == SI_OK ? si_attest_same(&a->before, &a->locks, &inv->error) : status;
  if (status == SI_OK && strcmp(hex, a->report.manifest_sha256) != 0) {
    return si_error_set(&inv->error, SI_E_CONFLICT, "RUNPACK_CHANGED",
                        "the runpack was written to while it was verified");
  }
  return status;
}

static si_rc write_out(struct attesting *a) {
  struct si_invocation *inv = a->inv;
  const char *file = si_opt(inv, "output");
  char hex[SI_SHA256_HEX];
  cJSON *json = NULL;
  si_rc status = si_sha256_hex(a->statement.data, a->statement.len, hex);
  status = status == SI_OK ? si_json_parse(a->statement.data, a->statement.len, &json, &inv->error)
                           : status;
  status = status == SI_OK ? si_buf_puts(&a->statement, "\n") : status;
  if (status == SI_OK && file) {
    status = si_context_export_write(file, true, &a->statement, &inv->error);
  }
  if (status == SI_OK) {
    cJSON_AddStringToObject(si_about(inv), "attestation_sha256", hex);
    status = si_retain_tell(inv, &a->place, "runpack.attest", NULL);
  }
  if (status != SI_OK) {
    cJSON_Delete(json);
    return status;
  }
  if (file) {
    si_out_note(inv->out, "the attestation is in %s", file);
  } else {
    si_out_text(inv->out, a->statement.data, a->statement.len);
  }
  return si_out_result(inv->out, json);
}

static si_rc make(struct si_invocation *inv) {
  struct attesting a SI_AUTO(close_attesting) = {.inv = inv,
                                                 .trust = {.inv = inv},
                                                 .before = SI_LOCKS,
                                                 .locks = SI_LOCKS,
                                                 .report = SI_VERIFY_REPORT,
                                                 .key = {.data = NULL},
                                                 .statement = SI_BUF(SI_ATTESTATION_MAX)};
  struct si_buf uri SI_AUTO(si_buf_free) = SI_BUF(SI_STORE_URI_SIZE);
  si_rc status = si_retain_changes(inv);
  status = status == SI_OK ? open_signer(&a) : status;
  status = status == SI_OK ? si_trust_open(&a.trust, inv) : status;
  status = status == SI_OK ? si_place_runpack(inv, &a.place) : status;
  if (status == SI_OK) {
    cJSON_AddStringToObject(si_about(inv), "runpack", a.place.prefix);
    status = verify(&a);
  }
  if (status != SI_OK) {
    return status;
  }
  si_place_uri(&a.place, a.place.prefix, &uri);
  si_retain_about(inv, a.locks.weakest, a.locks.earliest_ms);
  si_retain_warn_skew(inv, si_locks_skew_ms(&a.locks));
  cJSON_AddStringToObject(si_about(inv), "manifest_sha256", a.report.manifest_sha256);
  const struct si_attest_facts facts = {.locks = &a.locks,
                                        .manifest_sha256 = a.report.manifest_sha256,
                                        .manifest = a.manifest,
                                        .storage_uri = si_buf_text(&uri),
                                        .si_version = SI_VERSION,
                                        .made_ms = si_now_ms()};
  status = si_attest_make(&facts, a.key.data, &a.statement, &inv->error);
  return status == SI_OK ? write_out(&a) : status;
}

/* --- the check --- */

static si_rc untrusted(struct si_invocation *inv, const char *signer) {
  si_error_set(&inv->error, SI_E_CORRUPT, "ATTESTATION_UNTRUSTED_KEY",
               "the attestation is signed by %s, which is none of the keys that are trusted",
               signer);
  return si_error_hint(&inv->error, "compare the key with the one that its maker gave you");
}

static si_rc print_check(struct si_invocation *inv, cJSON *statement, const char *signer,
                         bool trusted) {
  const char *until = si_json_str(statement, "earliest_until");
  si_out_field(inv->out, "verdict", "%s", "pass");
  si_out_field(inv->out, "signed by", "%s%s", signer, trusted ? "" : " (not known to be trusted)");
  si_out_field(inv->out, "runpack", "%s", si_json_str(statement, "runpack"));
  si_out_field(inv->out, "manifest", "sha256:%s", si_json_str(statement, "manifest_sha256"));
  si_out_field(inv->out, "made at", "%s", si_json_str(statement, "made_at"));
  si_out_field(inv->out, "all locked", "%s",
               si_json_bool(statement, "all_locked", false) ? "yes" : "no");
  si_out_field(inv->out, "weakest mode", "%s", si_json_str(statement, "weakest_mode"));
  si_out_field(inv->out, "earliest end", "%s", until ? until : "-");
  cJSON *json = cJSON_CreateObject();
  cJSON_AddBoolToObject(json, "trusted", trusted);
  cJSON_AddStringToObject(json, "signer", signer);
  cJSON_AddItemToObject(json, "statement", statement);
  return si_out_result(inv->out, json);
}

static si_rc check(struct si_invocation *inv, const char *file) {
  struct si_trust trust SI_AUTO(si_trust_close) = {.inv = inv};
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_ATTESTATION_MAX);
  char signer[SI_SHA256_HEX];
  cJSON *statement = NULL;
  const char *require = si_opt(inv, "require");
  if (si_arg(inv, 0) || si_opt(inv, "operation") || si_opt(inv, "sink")) {
    return si_usage_error(inv, "--check needs the attestation alone, and no store");
  }
  if (si_opt(inv, "audit") || (require && strcmp(require, "signed") != 0)) {
    return si_usage_error(inv, "an attestation rests on its signature: --require signed");
  }
  si_rc status = si_trust_open(&trust, inv);
  if (status == SI_OK && si_read_file(AT_FDCWD, file, &text) != SI_OK) {
    return si_error_errno(&inv->error, errno, "ATTESTATION_FILE", "cannot read %s", file);
  }
  status = status == SI_OK
               ? si_attest_check(si_buf_text(&text), text.len, &statement, signer, &inv->error)
               : status;
  if (status != SI_OK) {
    return status;
  }
  bool trusted = si_key_set_has(&trust.keys, signer);
  if (!trusted && trust.keys.count > 0) {
    cJSON_Delete(statement);
    return untrusted(inv, signer);
  }
  return print_check(inv, statement, signer, trusted);
}

static si_rc attest(struct si_invocation *inv) {
  const char *file = si_opt(inv, "check");
  return file ? check(inv, file) : make(inv);
}

static const struct si_option attest_options[] = {
    {"operation", 0, "ID", "The runpack that this operation left", 0, NULL},
    {"output", 'o', "FILE", "Where the statement goes; by default to standard output", 0, NULL},
    {"check", 0, "FILE", "Check such a statement, offline, in place of making one", 0, NULL},
    {"sign-key", 0, "FILE",
     "Sign with the Ed25519 key (PEM) of this file; by default the context's", 0, NULL},
    SI_PLACE_OPTIONS("The store, with --operation or a URI; by default the context's"),
    SI_PLACE_CAP_OPTION,
    SI_TRUST_OPTIONS,
    {0},
};

const struct si_command si_cmd_runpack_attest = {
    .path = "runpack attest",
    .summary = "Sign a statement on how a runpack is locked, or check one",
    .text =
        "Verifies the runpack, reads every lock back from the store, and signs what was found "
        "with the context's evidence key: a statement that an auditor can check offline, with the "
        "public key (si runpack key show).\n\n"
        "--check: exit code 8 where the statement is not what was signed, or where keys are "
        "trusted (--key, or the context's own) and none of them signed it.",
    .params = {{"URI", SI_PARAM_OPTIONAL, SI_PLACE_PARAM}},
    .options = attest_options,
    .flags = SI_CMD_CONTEXT_MAYBE,
    .run = attest,
};
