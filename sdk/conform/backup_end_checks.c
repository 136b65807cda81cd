/* SPDX-License-Identifier: Apache-2.0 */
/* The room backup, its other end: verify, restore, window, protect, expire. */
#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"
#include "sdk/conform/backup.h"

static si_rc verify(struct backup *b, const char *id, uint32_t depth, struct document *out) {
  b->op = op_begin(b->host);
  return op_end(b->op, CALL(b->vt, verify)(b->in, b->op, project_text(b->trial, 'a'), id, depth,
                                           out, document_emit));
}

static void verified(struct trial *t) {
  struct backup b = backup_open(t);
  char id[BACKUP_ID];
  backup_must_make(&b, 'a', SI_BACKUP_FULL, id);
  for (uint32_t depth = SI_VERIFY_LISTED; depth <= SI_VERIFY_READ; depth++) {
    struct document out = {.json = NULL};
    si_rc status = verify(&b, id, depth, &out);
    if (status == SI_E_UNSUPPORTED) {
      continue;
    }
    backup_ok(&b, status, "verify()");
    document_must_be(&out, "verify()");
    const char *verdict = si_json_str(out.json, "verdict");
    demand(verdict && (strcmp(verdict, "pass") == 0 || strcmp(verdict, "unknown") == 0),
           "verify() of a whole backup says \"%s\"", verdict ? verdict : "");
    demand(cJSON_IsArray(si_json_get(out.json, "findings")), "verify() emits no findings");
  }
  backup_close(&b);
}

static void verify_depth(struct trial *t) {
  struct backup b = backup_open(t);
  char id[BACKUP_ID];
  struct document out = {.json = NULL};
  backup_must_make(&b, 'a', SI_BACKUP_FULL, id);
  demand_status(verify(&b, id, 9, &out), SI_E_UNSUPPORTED, "verify() to a depth that there is not");
  demand_status(verify(&b, "no-such-backup", SI_VERIFY_LISTED, &out), SI_E_NOT_FOUND,
                "verify() of a backup that is not there");
  backup_close(&b);
}

/* --- restore --- */

static void restored(struct trial *t) {
  struct backup b = backup_open(t);
  char id[BACKUP_ID], hash[65];
  struct document out = {.json = NULL};
  si_copy(hash, sizeof hash, source_hash(t, 'a'));
  backup_must_make(&b, 'a', SI_BACKUP_FULL, id);
  source_empty(t, 'b');
  backup_ok(&b, backup_restore(&b, 'a', 'b', SI_RESTORE_BACKUP, 0, id, &out), "restore()");
  document_must_be(&out, "restore()");
  const cJSON *first = cJSON_GetArrayItem(si_json_get(out.json, "backups"), 0);
  demand(cJSON_IsString(first), "restore() does not say from which backups");
  demand(t->options->source || strcmp(source_hash(t, 'b'), hash) == 0,
         "what was restored is not what was backed up");
  backup_close(&b);
}

static void restored_older(struct trial *t) {
  struct backup b = backup_open(t);
  char old[BACKUP_ID], new[BACKUP_ID], old_hash[65], new_hash[65];
  struct document out = {.json = NULL}, latest = {.json = NULL};
  si_copy(old_hash, sizeof old_hash, source_hash(t, 'a'));
  backup_must_make(&b, 'a', SI_BACKUP_FULL, old);
  source_change(t, 'a');
  si_copy(new_hash, sizeof new_hash, source_hash(t, 'a'));
  backup_must_make(&b, 'a', SI_BACKUP_FULL, new);
  backup_ok(&b, backup_restore(&b, 'a', 'b', SI_RESTORE_BACKUP, SI_RESTORE_REPLACE, old, &out),
            "restore() of the older backup");
  demand(t->options->source || strcmp(source_hash(t, 'b'), old_hash) == 0,
         "asked for the older backup, restore() brought back something else");
  backup_ok(&b, backup_restore(&b, 'a', 'b', SI_RESTORE_LATEST, SI_RESTORE_REPLACE, NULL, &latest),
            "restore() of the latest");
  demand(t->options->source || strcmp(source_hash(t, 'b'), new_hash) == 0,
         "asked for the latest, restore() brought back something else");
  backup_close(&b);
}

static void restore_exists(struct trial *t) {
  struct backup b = backup_open(t);
  char id[BACKUP_ID], hash[65];
  struct document out = {.json = NULL};
  if (t->options->source) {
    skip_check("the kit does not know what --source holds");
  }
  backup_must_make(&b, 'a', SI_BACKUP_FULL, id);
  si_copy(hash, sizeof hash, source_hash(t, 'b'));
  demand_status(backup_restore(&b, 'a', 'b', SI_RESTORE_BACKUP, 0, id, &out), SI_E_EXISTS,
                "restore() over data without SI_RESTORE_REPLACE");
  demand(strcmp(source_hash(t, 'b'), hash) == 0, "a refused restore() changed its target");
  backup_close(&b);
}

static void restore_missing(struct trial *t) {
  struct backup b = backup_open(t);
  char hash[65];
  struct document out = {.json = NULL};
  si_copy(hash, sizeof hash, source_hash(t, 'b'));
  demand_status(
      backup_restore(&b, 'a', 'b', SI_RESTORE_BACKUP, SI_RESTORE_REPLACE, "no-such-backup", &out),
      SI_E_NOT_FOUND, "restore() of a backup that is not there");
  demand(strcmp(source_hash(t, 'b'), hash) == 0,
         "restore() of a backup that is not there changed its target");
  backup_close(&b);
}

static void restore_flags(struct trial *t) {
  struct backup b = backup_open(t);
  char id[BACKUP_ID], hash[65];
  struct document out = {.json = NULL};
  backup_must_make(&b, 'a', SI_BACKUP_FULL, id);
  si_copy(hash, sizeof hash, source_hash(t, 'b'));
  demand_status(
      backup_restore(&b, 'a', 'b', SI_RESTORE_BACKUP, SI_RESTORE_REPLACE | 1u << 30, id, &out),
      SI_E_UNSUPPORTED, "restore() with a flag that there is not");
  demand(strcmp(source_hash(t, 'b'), hash) == 0, "a refused restore() changed its target");
  backup_close(&b);
}

static void restore_end(struct trial *t) {
  struct backup b = backup_open(t);
  char id[BACKUP_ID];
  struct document out = {.json = NULL};
  backup_must_make(&b, 'a', SI_BACKUP_FULL, id);
  demand_status(backup_restore(&b, 'a', 'b', 9, SI_RESTORE_REPLACE, NULL, &out), SI_E_UNSUPPORTED,
                "restore() to an end that there is not");
  if (!(t->provider->caps & SI_CAP_BACKUP_TIME)) {
    demand_status(backup_restore(&b, 'a', 'b', SI_RESTORE_TIME, SI_RESTORE_REPLACE, NULL, &out),
                  SI_E_UNSUPPORTED, "restore() to a time without the capability");
  }
  backup_close(&b);
}

/* --- window --- */

static si_rc window(struct backup *b, struct document *out) {
  b->op = op_begin(b->host);
  return op_end(b->op,
                CALL(b->vt, window)(b->in, b->op, project_text(b->trial, 'a'), out, document_emit));
}

static void windowed(struct trial *t) {
  struct backup b = backup_open(t);
  char id[BACKUP_ID];
  struct document empty = {.json = NULL}, out = {.json = NULL};
  const cJSON *span;
  bool found = false;
  backup_ok(&b, window(&b, &empty), "window()");
  document_must_be(&empty, "window()");
  demand(cJSON_GetArraySize(si_json_get(empty.json, "spans")) == 0,
         "without a backup there is a span that can be recovered");
  backup_must_make(&b, 'a', SI_BACKUP_FULL, id);
  backup_ok(&b, window(&b, &out), "window()");
  document_must_be(&out, "window()");
  cJSON_ArrayForEach(span, si_json_get(out.json, "spans")) {
    int64_t from = 0, to = 0;
    const char *backup = si_json_str(span, "backup");
    const char *a = si_json_str(span, "from"), *z = si_json_str(span, "to");
    demand(
        a && z && si_time_parse(a, &from) == SI_OK && si_time_parse(z, &to) == SI_OK && from <= to,
        "a span's ends are no times in order");
    demand((t->provider->caps & SI_CAP_BACKUP_TIME) || from == to,
           "without SI_CAP_BACKUP_TIME a span's ends differ");
    found = found || (backup && strcmp(backup, id) == 0);
  }
  demand(found, "a complete backup is in no span");
  demand(cJSON_IsArray(si_json_get(out.json, "gaps")), "window() emits no gaps");
  backup_close(&b);
}

/* --- protect --- */

static si_rc protect(struct backup *b, const char *id, uint32_t on) {
  b->op = op_begin(b->host);
  return op_end(b->op, CALL(b->vt, protect)(b->in, b->op, project_text(b->trial, 'a'), id, on));
}

static bool is_protected(struct backup *b, const char *id) {
  cJSON *listed SI_AUTO(si_json_free) = backup_listed(b, 'a');
  return si_json_bool(backup_find(listed, id), "protected", false);
}

static void protected(struct trial *t) {
  struct backup b = backup_open(t);
  char id[BACKUP_ID];
  backup_must_make(&b, 'a', SI_BACKUP_FULL, id);
  demand(!is_protected(&b, id), "a new backup is protected");
  for (int i = 0; i < 2; i++) {
    backup_ok(&b, protect(&b, id, 1), i ? "protect() of what is protected" : "protect()");
    demand(is_protected(&b, id), "a protected backup is not listed as that");
  }
  for (int i = 0; i < 2; i++) {
    backup_ok(&b, protect(&b, id, 0), "protect() with `on` 0");
    demand(!is_protected(&b, id), "the mark was taken off, and is still listed");
  }
  demand_status(protect(&b, "no-such-backup", 1), SI_E_NOT_FOUND,
                "protect() of a backup that is not there");
  backup_close(&b);
}

/* --- expire --- */

static void plan_text(char *to, size_t size, const char *keep, const char *remove) {
  snprintf(to, size, "{\"keep\":[%s%s%s],\"remove\":[%s%s%s],\"recover_from\":null}",
           keep ? "\"" : "", keep ? keep : "", keep ? "\"" : "", remove ? "\"" : "",
           remove ? remove : "", remove ? "\"" : "");
}

/* Two backups, and the plan that keeps the second. */
static struct backup two(struct trial *t, char ids[2][BACKUP_ID], char *plan, size_t size) {
  struct backup b = backup_open(t);
  backup_must_make(&b, 'a', SI_BACKUP_FULL, ids[0]);
  backup_must_make(&b, 'a', SI_BACKUP_FULL, ids[1]);
  plan_text(plan, size, ids[1], ids[0]);
  return b;
}

static bool there(struct backup *b, const char *id) {
  cJSON *listed SI_AUTO(si_json_free) = backup_listed(b, 'a');
  return backup_find(listed, id) != NULL;
}

static void expired(struct trial *t) {
  char ids[2][BACKUP_ID], plan[1200];
  struct document out = {.json = NULL};
  struct backup b = two(t, ids, plan, sizeof plan);
  backup_ok(&b, backup_expire(&b, 'a', plan, 0, &out), "expire()");
  document_must_be(&out, "expire()");
  const cJSON *first = cJSON_GetArrayItem(si_json_get(out.json, "removed"), 0);
  demand(cJSON_IsString(first) && strcmp(first->valuestring, ids[0]) == 0,
         "expire() does not tell what it removed");
  demand(cJSON_GetArraySize(si_json_get(out.json, "remaining")) == 0,
         "expire() succeeded, and says that something remains");
  demand(!there(&b, ids[0]), "what was expired is still listed");
  demand(there(&b, ids[1]), "expire() removed what the plan keeps");
  backup_close(&b);
}

static void expired_twice(struct trial *t) {
  char ids[2][BACKUP_ID], plan[1200];
  struct document out = {.json = NULL}, again = {.json = NULL};
  struct backup b = two(t, ids, plan, sizeof plan);
  backup_ok(&b, backup_expire(&b, 'a', plan, 0, &out), "expire()");
  backup_ok(&b, backup_expire(&b, 'a', plan, 0, &again), "expire() of what is gone already");
  demand(there(&b, ids[1]), "expire() removed what the plan keeps");
  backup_close(&b);
}

static void dry_run(struct trial *t) {
  char ids[2][BACKUP_ID], plan[1200];
  struct document out = {.json = NULL};
  struct backup b = two(t, ids, plan, sizeof plan);
  backup_ok(&b, backup_expire(&b, 'a', plan, SI_EXPIRE_DRY_RUN, &out), "expire() as a dry run");
  document_must_be(&out, "expire()");
  demand(cJSON_GetArraySize(si_json_get(out.json, "removed")) == 1,
         "a dry run does not tell what it would remove");
  demand(there(&b, ids[0]) && there(&b, ids[1]), "a dry run removed a backup");
  backup_close(&b);
}

static void plan_gaps(struct trial *t) {
  char ids[2][BACKUP_ID], plan[1200], text[1200];
  struct document out = {.json = NULL};
  struct backup b = two(t, ids, plan, sizeof plan);
  plan_text(text, sizeof text, NULL, ids[0]);
  demand_status(backup_expire(&b, 'a', text, 0, &out), SI_E_CONFLICT,
                "expire() by a plan that leaves a backup out");
  plan_text(text, sizeof text, ids[0], ids[0]);
  demand_status(backup_expire(&b, 'a', text, 0, &out), SI_E_CONFLICT,
                "expire() by a plan that keeps and removes a backup");
  demand(there(&b, ids[0]) && there(&b, ids[1]), "expire() by a wrong plan removed a backup");
  backup_close(&b);
}

static void plan_nonsense(struct trial *t) {
  static const char *const texts[] = {"", "{", "[]", "{\"keep\":1,\"remove\":[]}",
                                      "{\"keep\":[1],\"remove\":[2]}"};
  char ids[2][BACKUP_ID], plan[1200];
  struct document out = {.json = NULL};
  struct backup b = two(t, ids, plan, sizeof plan);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    demand_status(backup_expire(&b, 'a', texts[i], 0, &out), SI_E_INVALID,
                  "expire() by what is no plan");
  }
  demand_status(backup_expire(&b, 'a', plan, 1u << 30, &out), SI_E_UNSUPPORTED,
                "expire() with a flag that there is not");
  demand(there(&b, ids[0]) && there(&b, ids[1]), "expire() by what is no plan removed a backup");
  backup_close(&b);
}

static void plan_protected(struct trial *t) {
  char ids[2][BACKUP_ID], plan[1200];
  struct document out = {.json = NULL};
  struct backup b = two(t, ids, plan, sizeof plan);
  backup_ok(&b, protect(&b, ids[0], 1), "protect()");
  demand_status(backup_expire(&b, 'a', plan, 0, &out), SI_E_RETENTION,
                "expire() of a protected backup");
  demand(there(&b, ids[0]), "expire() removed a protected backup");
  backup_close(&b);
}

/* --- cut off --- */

static void cancelled(struct trial *t) {
  struct backup b = backup_open(t);
  for (unsigned n = 1; n <= 10; n++) {
    struct document out SI_AUTO(document_free) = {.json = NULL};
    const cJSON *one;
    atomic_store(&b.host->calls, 0);
    atomic_store(&b.host->cancel_at, n);
    b.op = op_begin(b.host);
    si_rc status =
        CALL(b.vt, backup)(b.in, b.op, project_text(t, 'a'), SI_BACKUP_FULL, &out, document_emit);
    op_end(b.op, status);
    atomic_store(&b.host->cancel_at, 0);
    demand(status == SI_OK || status == SI_E_CANCELLED || status == SI_E_TIMEOUT,
           "cancelled, backup() came to \"%s\"", si_status_text(status));
    cJSON *listed SI_AUTO(si_json_free) = backup_listed(&b, 'a');
    size_t complete = 0;
    cJSON_ArrayForEach(one, listed) {
      const char *state = si_json_str(one, "status");
      complete += state && strcmp(state, "complete") == 0;
    }
    if (status == SI_OK) {
      break; /* there are no more calls of the host */
    }
    demand(complete == 0, "a backup() that was cancelled is listed as complete");
  }
  backup_close(&b);
}

#define BACKUP(id, title, caps, run) \
  { id, title, SI_KIND_BACKUP, WANTS_PEER, caps, run }
const struct check backup_end_checks[] = {
    BACKUP("backup.make.cancelled", "what was cancelled is not listed as complete", 0, cancelled),
    BACKUP("backup.verify.whole", "a whole backup passes, or is unknown", 0, verified),
    BACKUP("backup.verify.refused", "an unknown depth, or backup, is refused", 0, verify_depth),
    BACKUP("backup.restore.same", "what is restored is what was backed up", 0, restored),
    BACKUP("backup.restore.which", "the backup named, or the latest, is what comes back", 0,
           restored_older),
    BACKUP("backup.restore.exists", "data is not replaced without SI_RESTORE_REPLACE", 0,
           restore_exists),
    BACKUP("backup.restore.missing", "without the backup the target stays as it is", 0,
           restore_missing),
    BACKUP("backup.restore.flags", "a flag that it does not know is refused", 0, restore_flags),
    BACKUP("backup.restore.end", "an end that it does not know is refused", 0, restore_end),
    BACKUP("backup.window.spans", "every complete backup is in a span", 0, windowed),
    BACKUP("backup.protect.marks", "protect sets the mark and takes it off, repeatedly",
           SI_CAP_BACKUP_PROTECT, protected),
    BACKUP("backup.expire.removes", "expire removes what the plan says, and tells it",
           SI_CAP_BACKUP_EXPIRE, expired),
    BACKUP("backup.expire.twice", "expiring what is gone is success", SI_CAP_BACKUP_EXPIRE,
           expired_twice),
    BACKUP("backup.expire.dry-run", "a dry run tells, and changes nothing", SI_CAP_BACKUP_EXPIRE,
           dry_run),
    BACKUP("backup.expire.whole-plan", "a plan that is not about every backup is refused",
           SI_CAP_BACKUP_EXPIRE, plan_gaps),
    BACKUP("backup.expire.no-plan", "what is no plan, or an unknown flag, is refused",
           SI_CAP_BACKUP_EXPIRE, plan_nonsense),
    BACKUP("backup.expire.protected", "a protected backup is not removed",
           SI_CAP_BACKUP_EXPIRE | SI_CAP_BACKUP_PROTECT, plan_protected),
    {0}};
