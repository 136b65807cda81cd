/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/vault/load.c - the file held against the ledger: what is there must be exactly what was
 * written last, or, while a write is unsettled, what it was to be.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "kit/base/text.h"
#include "paas/vault/private.h"

/* A reader meets a writer between file and ledger now and then; it looks again. */
#define LOOKS 200

si_rc si_vault_no_memory(struct si_error *error) {
  return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: the vault");
}

void si_vault_target(const char *app, const char *key, char to[200]) {
  snprintf(to, 200, "%s%s%s", app, app[0] ? "/" : "", key);
}

static si_rc tampered(const char *app, const char *key, const char *why, struct si_error *error) {
  char target[200];
  si_vault_target(app, key, target);
  si_error_set(error, SI_E_CORRUPT, "VAULT_TAMPERED", "the vault's secret %s %s", target, why);
  si_error_target(error, "vault", target);
  si_error_hint(error,
                "put back the file as it was after its last change (.previous beside it is older: "
                "age opens it, si refuses it); what differs says: si vault doctor");
  return SI_E_CORRUPT;
}

static si_rc untrusted(const char *found, const char *trusted, struct si_error *error) {
  if (trusted[0]) {
    si_error_set(error, SI_E_AUTH, "VAULT_UNTRUSTED",
                 "the vault names other recipients than the trusted ones: its set is %s, trusted "
                 "is %s",
                 found, trusted);
  } else {
    si_error_set(error, SI_E_AUTH, "VAULT_UNTRUSTED",
                 "the recipients of the vault are not trusted yet: their set is %s", found);
  }
  si_error_hint(error,
                "look at them with: si vault trust status; if they are the right ones: si vault "
                "trust accept --fingerprint %s",
                found);
  return SI_E_AUTH;
}

si_rc si_vault_text_read(const struct si_vault_disk *disk, const struct si_context *context,
                         bool header_alone, struct si_vault_text *out, struct si_error *error) {
  struct si_vault_text text SI_AUTO(si_vault_text_free) = {.count = 0};
  struct si_buf bytes SI_AUTO(si_buf_free) = SI_BUF(SI_VAULT_TEXT_MAX);
  si_rc status = si_vault_disk_read(disk, &bytes, error);
  if (status == SI_OK) {
    status = si_vault_text_parse(si_buf_text(&bytes), bytes.len, header_alone, &text, error);
  }
  if (status == SI_OK && strcmp(text.context, context->id) != 0) {
    si_error_set(error, SI_E_REFUSED, "PAAS_VAULT_SHARED", "%s is the vault of another context, %s",
                 disk->path, text.context);
    si_error_target(error, "vault", disk->path);
    si_error_hint(error, "give each context a vault file of its own");
    return SI_E_REFUSED;
  }
  if (status == SI_OK) {
    *out = text;
    text = (struct si_vault_text){.count = 0};
  }
  return status;
}

/* --- judging --- */

static const char *wanted(const struct si_ledger_row *row, bool next) {
  return next && row->pending ? row->next_sha256 : row->sha256;
}

static si_rc judge_lines(const struct si_vault_text *text, const struct si_ledger *ledger,
                         bool next, struct si_error *error) {
  for (size_t i = 0; i < text->count; i++) {
    const struct si_vault_line *line = &text->lines[i];
    const struct si_ledger_row *row = si_ledger_find(ledger, line->app, line->key);
    const char *hash = row ? wanted(row, next) : "";
    if (!hash[0]) {
      return tampered(line->app, line->key, "was added by somebody else, or had been removed",
                      error);
    }
    if (strcmp(hash, line->sha256) != 0) {
      return tampered(line->app, line->key,
                      "is not what was written last: it was changed, swapped or rolled back",
                      error);
    }
  }
  for (size_t i = 0; i < ledger->count; i++) {
    const struct si_ledger_row *row = &ledger->rows[i];
    if (wanted(row, next)[0] && !si_vault_text_find(text, row->app, row->key)) {
      return tampered(row->app, row->key, "is missing: the file was cut off, or the line taken out",
                      error);
    }
  }
  return SI_OK;
}

static si_rc judge(const struct si_vault_text *text, const struct si_ledger *ledger, bool next,
                   struct si_error *error) {
  char found[65];
  const char *trusted = next && ledger->next_trusted[0] ? ledger->next_trusted : ledger->trusted;
  if (si_vault_text_fingerprint(text, found) != SI_OK) {
    return si_vault_no_memory(error);
  }
  if (strcmp(found, trusted) != 0) {
    return untrusted(found, trusted, error);
  }
  return judge_lines(text, ledger, next, error);
}

/* --- a reader --- */

static bool same_ledger(const struct si_ledger *a, const struct si_ledger *b) {
  if (a->count != b->count || a->pending != b->pending || strcmp(a->trusted, b->trusted) != 0 ||
      strcmp(a->next_trusted, b->next_trusted) != 0) {
    return false;
  }
  for (size_t i = 0; i < a->count; i++) {
    const struct si_ledger_row *one = &a->rows[i], *two = &b->rows[i];
    if (strcmp(one->app, two->app) != 0 || strcmp(one->key, two->key) != 0 ||
        strcmp(one->sha256, two->sha256) != 0 || strcmp(one->next_sha256, two->next_sha256) != 0 ||
        one->pending != two->pending) {
      return false;
    }
  }
  return true;
}

/* What the ledger will be once the intent is taken. */
static void take_next(struct si_ledger *ledger) {
  for (size_t i = 0; i < ledger->count; i++) {
    struct si_ledger_row *row = &ledger->rows[i];
    if (row->pending) {
      row->revision = row->next_revision;
      si_copy(row->sha256, sizeof row->sha256, row->next_sha256);
    }
  }
  if (ledger->next_own[0]) {
    si_copy(ledger->own, sizeof ledger->own, ledger->next_own);
  }
}

/* One look: *again where a writer was between the two. */
static si_rc look(struct si_vault *vault, struct si_vault_text *text, struct si_ledger *ledger,
                  bool *again, struct si_error *error) {
  struct si_ledger after SI_AUTO(si_ledger_free) = {.rows = NULL};
  si_vault_text_free(text);
  si_ledger_free(ledger);
  si_rc status = si_ledger_read(vault->state, ledger, error);
  status = status == SI_OK ? si_vault_text_read(&vault->disk, vault->context, false, text, error)
                           : status;
  if (status != SI_OK) {
    return status;
  }
  if (ledger->pending && judge(text, ledger, true, NULL) == SI_OK) {
    take_next(ledger);
    return SI_OK;
  }
  status = judge(text, ledger, false, error);
  if (status != SI_OK && si_ledger_read(vault->state, &after, NULL) == SI_OK) {
    *again = !same_ledger(ledger, &after);
  }
  return status;
}

static si_rc load_to_read(struct si_vault *vault, struct si_vault_text *text,
                          struct si_ledger *ledger, struct si_error *error) {
  si_rc status = SI_OK;
  bool again = true;
  for (int i = 0; again && i < LOOKS; i++) {
    if (i > 0) {
      nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    again = false;
    status = look(vault, text, ledger, &again, error);
  }
  return status;
}

/* --- a writer, under the lock --- */

static si_rc settle(struct si_vault *vault, bool taken, struct si_ledger *ledger,
                    struct si_error *error) {
  si_rc status = si_ledger_settle(vault->state, taken, error);
  if (status == SI_OK) {
    si_ledger_free(ledger);
    status = si_ledger_read(vault->state, ledger, error);
  }
  return status;
}

/* What rests on the file being settled: which identity is the context's own, and that nothing is
 * kept that is sealed for somebody who may read no more. */
static si_rc tidy(struct si_vault *vault, const struct si_vault_text *text,
                  const struct si_ledger *ledger, struct si_error *error) {
  struct si_buf bytes SI_AUTO(si_buf_free) = SI_BUF(SI_VAULT_TEXT_MAX);
  struct si_vault_text before SI_AUTO(si_vault_text_free) = {.count = 0};
  char name[256], old[65], now[65];
  snprintf(name, sizeof name, "%s.previous", vault->disk.name);
  bool others =
      si_read_file(vault->disk.dir, name, &bytes) == SI_OK &&
      (si_vault_text_parse(si_buf_text(&bytes), bytes.len, true, &before, NULL) != SI_OK ||
       si_vault_text_fingerprint(&before, old) != SI_OK ||
       si_vault_text_fingerprint(text, now) != SI_OK || strcmp(old, now) != 0);
  si_vault_disk_tidy(&vault->disk, others);
  return si_vault_identity_settle(vault->context, ledger->own, error);
}

static si_rc load_to_write(struct si_vault *vault, struct si_vault_text *text,
                           struct si_ledger *ledger, struct si_error *error) {
  si_rc status = si_ledger_read(vault->state, ledger, error);
  if (status != SI_OK) {
    return status;
  }
  status = si_vault_text_read(&vault->disk, vault->context, false, text, error);
  if (status == SI_E_NOT_FOUND && ledger->pending && !ledger->own[0]) {
    /* Its making died before there was a file. */
    si_rc dropped = settle(vault, false, ledger, error);
    return dropped == SI_OK ? si_vault_missing(vault->context->name, vault->disk.path, error)
                            : dropped;
  }
  if (status != SI_OK) {
    return status;
  }
  bool taken = ledger->pending && judge(text, ledger, true, NULL) == SI_OK;
  status = taken ? si_vault_disk_sync(&vault->disk, error) : judge(text, ledger, false, error);
  if (status == SI_OK && ledger->pending) {
    status = settle(vault, taken, ledger, error);
  }
  vault->taken = status == SI_OK && taken;
  return status == SI_OK ? tidy(vault, text, ledger, error) : status;
}

si_rc si_vault_load(struct si_vault *vault, struct si_error *error) {
  struct si_vault_text text SI_AUTO(si_vault_text_free) = {.count = 0};
  struct si_ledger ledger SI_AUTO(si_ledger_free) = {.rows = NULL};
  si_rc status = vault->disk.lock >= 0 ? load_to_write(vault, &text, &ledger, error)
                                       : load_to_read(vault, &text, &ledger, error);
  if (status != SI_OK) {
    return status;
  }
  si_vault_text_free(&vault->text);
  si_ledger_free(&vault->ledger);
  vault->text = text;
  vault->ledger = ledger;
  text = (struct si_vault_text){.count = 0};
  ledger = (struct si_ledger){.rows = NULL};
  return SI_OK;
}
