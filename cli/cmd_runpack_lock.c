/* SPDX-License-Identifier: Apache-2.0 */
/* `si runpack lock|hold|release`: what is stored already, locked for longer or held. */
#include <string.h>

#include "cli/locks_show.h"
#include "kit/base/text.h"

enum { REASON_MAX = 500 };

struct locking {
  struct si_invocation *inv;
  struct si_place place;
  struct si_locks locks;
};
#define LOCKING(invocation) \
  { .inv = (invocation), .place = {.writes = true, .begun = true}, .locks = SI_LOCKS }

static void close_locking(struct locking *l) {
  si_locks_free(&l->locks);
  si_place_close(&l->place);
}

/* Opens the place, tells about it, and reads how it is locked. */
static si_rc look(struct locking *l) {
  struct si_invocation *inv = l->inv;
  si_rc status = si_retain_changes(inv);
  status = status == SI_OK ? si_place_runpack(inv, &l->place) : status;
  if (status == SI_OK) {
    cJSON_AddStringToObject(si_about(inv), "runpack", l->place.prefix);
    status = si_locks_read(si_place_store(&l->place), l->place.prefix, &l->locks, &inv->error);
  }
  return status;
}

static si_rc show(struct locking *l) {
  cJSON *json = NULL;
  si_rc status = si_locks_show(l->inv, &l->place, &l->locks, &json);
  return status == SI_OK ? si_out_result(l->inv->out, json) : status;
}

/* --- lock --- */

static uint32_t strongest(const struct si_locks *locks) {
  uint32_t mode = SI_LOCK_NONE;
  for (size_t i = 0; i < locks->count; i++) {
    const struct si_lock_row *row = &locks->rows[i];
    if (si_locks_current(row) && si_locks_locked(locks, row) && row->mode > mode) {
      mode = row->mode;
    }
  }
  return mode;
}

static si_rc reckon(struct locking *l, struct si_retention_ask *ask, uint32_t *mode,
                    int64_t *until_ms) {
  struct si_retention_terms terms SI_AUTO(si_retention_terms_free) = SI_RETENTION_TERMS;
  struct si_invocation *inv = l->inv;
  struct si_runpack_ids ids = {.scenario = ""};
  uint32_t present = strongest(&l->locks);
  if (si_runpack_prefix_parse(l->place.prefix, &ids) != SI_OK) {
    ids.scenario[0] = '\0'; /* a place of no shape: only a rule for all fits it */
  }
  ask->now_ms = l->locks.told_ms;
  si_rc status =
      si_retention_extend(si_place_owner(&l->place), ids.scenario, ask, &terms, &inv->error);
  if (status == SI_OK && !terms.locked) {
    return si_usage_error(inv, "say how long: --retain-for or --retain-until");
  }
  int64_t until = terms.lock.keep_ms ? l->locks.told_ms + terms.lock.keep_ms : terms.lock.until_ms;
  *until_ms = (until + 999) / 1000 * 1000;
  *mode = ask->mode == SI_LOCK_NONE && present > terms.lock.mode ? present : terms.lock.mode;
  return status;
}

static si_rc lock(struct si_invocation *inv) {
  struct locking l SI_AUTO(close_locking) = LOCKING(inv);
  struct si_retention_ask ask;
  uint32_t mode = SI_LOCK_NONE;
  int64_t until_ms = 0;
  si_rc status = si_retain_ask(inv, false, &ask);
  status = status == SI_OK ? look(&l) : status;
  status = status == SI_OK ? reckon(&l, &ask, &mode, &until_ms) : status;
  if (status != SI_OK) {
    return status;
  }
  si_retain_about(inv, mode, until_ms);
  status = si_locks_may_extend(&l.locks, mode, until_ms, &inv->error);
  status = status == SI_OK ? si_retain_tell(inv, &l.place, "runpack.lock", "started") : status;
  status = status == SI_OK
               ? si_locks_extend(si_place_store(&l.place), &l.locks, mode, until_ms, &inv->error)
               : status;
  status = status == SI_OK ? si_retain_tell(inv, &l.place, "runpack.lock", NULL) : status;
  return status == SI_OK ? show(&l) : status;
}

static const struct si_option lock_options[] = {
    {"operation", 0, "ID", "The runpack that this operation left", 0, NULL},
    SI_RETAIN_OPTIONS,
    SI_PLACE_OPTIONS("The store, with --operation or a URI; by default the context's"),
    {0},
};

const struct si_command si_cmd_runpack_lock = {
    .path = "runpack lock",
    .summary = "Lock a stored runpack, or lock it for longer",
    .text =
        "Every object that a reader gets is locked, and read back. A lock only grows: an earlier "
        "end (LOCK_SHORTEN) and a weaker mode (LOCK_DOWNGRADE) are refused before the store is "
        "asked, and so is more than the context's retention policy allows. What is there of an "
        "incomplete runpack can be locked, too.",
    .params = {{"URI", SI_PARAM_OPTIONAL, SI_PLACE_PARAM}},
    .options = lock_options,
    .flags = SI_CMD_CONTEXT_MAYBE,
    .run = lock,
};

/* --- hold, release --- */

static si_rc hold_as(struct si_invocation *inv, bool on) {
  struct locking l SI_AUTO(close_locking) = LOCKING(inv);
  const char *action = on ? "runpack.hold" : "runpack.release";
  const char *reason = si_opt(inv, "reason");
  if (!reason[0] || strlen(reason) > REASON_MAX || !si_utf8_valid(reason, strlen(reason))) {
    return si_usage_error(inv, "--reason needs a text, of at most %d bytes", REASON_MAX);
  }
  cJSON_AddStringToObject(si_about(inv), "reason", reason);
  si_rc status = look(&l);
  status = status == SI_OK ? si_retain_tell(inv, &l.place, action, "started") : status;
  status =
      status == SI_OK ? si_locks_hold(si_place_store(&l.place), &l.locks, on, &inv->error) : status;
  status = status == SI_OK ? si_retain_tell(inv, &l.place, action, NULL) : status;
  return status == SI_OK ? show(&l) : status;
}

static si_rc hold(struct si_invocation *inv) {
  return hold_as(inv, true);
}

static si_rc release(struct si_invocation *inv) {
  return hold_as(inv, false);
}

static const struct si_option hold_options[] = {
    {"operation", 0, "ID", "The runpack that this operation left", 0, NULL},
    {"reason", 0, "TEXT", "Why; it stands in the audit chain", SI_OPT_REQUIRED, NULL},
    SI_PLACE_OPTIONS("The store, with --operation or a URI; by default the context's"),
    {0},
};

const struct si_command si_cmd_runpack_hold = {
    .path = "runpack hold",
    .summary = "Put a runpack under legal hold",
    .text = "Nothing of it can be removed, whatever its locks say, until the hold is released.",
    .params = {{"URI", SI_PARAM_OPTIONAL, SI_PLACE_PARAM}},
    .options = hold_options,
    .flags = SI_CMD_CONTEXT_MAYBE,
    .run = hold,
};

const struct si_command si_cmd_runpack_release = {
    .path = "runpack release",
    .summary = "End a runpack's legal hold",
    .text = "Its locks stay as they are.",
    .params = {{"URI", SI_PARAM_OPTIONAL, SI_PLACE_PARAM}},
    .options = hold_options,
    .flags = SI_CMD_CONTEXT_MAYBE,
    .run = release,
};
