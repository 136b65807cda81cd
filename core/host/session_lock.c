/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/session_lock.c - locks of a session's artifact provider (si/retention.h): what was
 * asked for is held against what the provider read back, and only that counts.
 */
#include <stdio.h>
#include <string.h>

#include "core/host/session_impl.h"
#include "core/runpack/lock.h"
#include "kit/base/text.h"

#define TIME_MAX_MS (1ull << 53)

/* Is the lock what was wanted, or more? */
static bool enough(const struct si_pending *pending) {
  const struct si_store_lock *wanted = &pending->wanted;
  const si_lock *seen = &pending->seen;
  bool held = seen->flags & SI_LOCK_HELD;
  return pending->told && seen->mode >= wanted->mode &&
         (wanted->mode == SI_LOCK_NONE || seen->until_ms >= wanted->until_ms) &&
         (!wanted->held || held) && !(pending->release && held);
}

static bool asked(const struct si_pending *pending) {
  return pending->wanted.mode != SI_LOCK_NONE || pending->wanted.held || pending->release;
}

/* "COMPLIANCE until 2027-01-01T00:00:00.000Z, legal hold" */
static void describe(uint32_t mode, int64_t until_ms, bool held, char *to, size_t size) {
  char until[SI_TIME_SIZE] = "";
  if (mode != SI_LOCK_NONE) {
    si_time_text(until_ms, until);
  }
  snprintf(to, size, "%s%s%s%s", mode == SI_LOCK_NONE && held ? "" : si_lock_mode_name(mode),
           until[0] ? " until " : "", until,
           !held                  ? ""
           : mode == SI_LOCK_NONE ? "legal hold"
                                  : ", legal hold");
}

const struct si_error *si_session_locked_done(const struct si_pending *pending,
                                              const struct si_error *done, struct si_error *room) {
  const struct si_store_lock *wanted = &pending->wanted;
  char want[96], have[96];
  if (done->status != SI_OK || !asked(pending)) {
    return done;
  }
  if (enough(pending)) {
    if (pending->now) {
      *pending->now = pending->seen;
    }
    return done;
  }
  describe(wanted->mode, wanted->until_ms, wanted->held, want, sizeof want);
  if (pending->told) {
    describe(pending->seen.mode, pending->seen.until_ms, pending->seen.flags & SI_LOCK_HELD, have,
             sizeof have);
  }
  si_error_set(room, SI_E_RETENTION, "LOCK_UNPROVEN",
               pending->release ? "the store was to end a legal hold, and %s%s"
                                : "the store was to lock an object, and %s%s",
               pending->told ? "what it read back is: " : "told nothing that it read back",
               pending->told ? have : "");
  if (!pending->release) {
    size_t len = strlen(room->message);
    snprintf(room->message + len, sizeof room->message - len, "; wanted: %s", want);
  }
  si_error_hint(room, "a store that takes locks and does not keep them is no place for this");
  return room;
}

static bool possible(const char *version, uint32_t mode, uint32_t flags, uint64_t until) {
  return (!version[0] || si_session_printable(version, SI_STORE_ID_MAX)) &&
         mode <= SI_LOCK_COMPLIANCE &&
         !(flags & ~(uint32_t)(SI_LOCK_HELD | SI_LOCK_CURRENT | SI_LOCK_MARKER)) &&
         until <= TIME_MAX_MS && (mode == SI_LOCK_NONE) == (until == 0);
}

void si_session_take_locked(struct si_session *session, uint64_t id, struct si_unpack *in) {
  struct si_pending *pending = si_session_pending(session, id);
  const char *key = si_unpack_text(in);
  const char *version = si_unpack_text(in);
  uint32_t mode = si_unpack_u32(in);
  uint32_t flags = si_unpack_u32(in);
  uint64_t until = si_unpack_u64(in);
  uint64_t told = si_unpack_u64(in);
  if (in->bad || !possible(version, mode, flags, until)) {
    si_session_violated(session, "it tells of a lock that cannot be");
    return;
  }
  si_lock lock = {.size = sizeof lock,
                  .mode = mode,
                  .flags = flags,
                  .until_ms = (int64_t)until,
                  .told_ms = told <= TIME_MAX_MS ? (int64_t)told : 0};
  if (pending && pending->type == SI_FRAME_LOCKS) {
    if (!key[0] || !si_session_lies_below(key, pending->prefix)) {
      si_session_violated(session, "it tells of a lock that nobody asked for");
    } else if (si_session_counts(session, pending) && pending->status == SI_OK) {
      lock.key = key;
      lock.version = version[0] ? version : NULL;
      pending->status = pending->on_lock(pending->ctx, &lock);
    }
    return;
  }
  if (!pending || !asked(pending) || pending->told) {
    si_session_violated(session, "it tells of a lock that nobody asked for");
    return;
  }
  pending->told = true;
  pending->seen = lock;
}

/* Packs what follows the key and the version; the answer is waited for. */
static si_rc ask(struct si_session *session, uint32_t type, const char *key, const char *version,
                 const struct si_pending *wish, uint32_t word, const uint64_t *number,
                 struct si_error *error) {
  struct si_buf *out = &session->out;
  size_t mark;
  struct si_pending *pending = si_session_request(session, type);
  if (!pending) {
    return si_session_death(session, error);
  }
  pending->wanted = wish->wanted;
  pending->release = wish->release;
  pending->now = wish->now;
  if (si_frame_begin(out, type, pending->id, &mark) != SI_OK || si_pack_text(out, key) != SI_OK ||
      si_pack_text(out, version) != SI_OK || si_pack_u32(out, word) != SI_OK ||
      (number && si_pack_u64(out, *number) != SI_OK) || si_frame_end(out, mark) != SI_OK) {
    si_session_violated(session, "out of memory");
  }
  return si_session_outcome(session, error);
}

si_rc si_session_lock(struct si_store *store, const char *key, const char *version, uint32_t mode,
                      int64_t until_ms, si_lock *now, struct si_error *error) {
  struct si_session *session = (struct si_session *)store;
  const uint64_t until = (uint64_t)until_ms;
  const struct si_pending wish = {.wanted = {.mode = mode, .until_ms = until_ms}, .now = now};
  session->doing = "lock";
  return ask(session, SI_FRAME_LOCK, key, version, &wish, mode, &until, error);
}

si_rc si_session_hold(struct si_store *store, const char *key, const char *version, bool on,
                      si_lock *now, struct si_error *error) {
  struct si_session *session = (struct si_session *)store;
  const struct si_pending wish = {.wanted = {.held = on}, .release = !on, .now = now};
  session->doing = "legal_hold";
  return ask(session, SI_FRAME_HOLD, key, version, &wish, on, NULL, error);
}

si_rc si_session_locks(struct si_store *store, const char *prefix, uint64_t most, void *ctx,
                       si_lock_fn each, struct si_buf *about, struct si_error *error) {
  struct si_session *session = (struct si_session *)store;
  session->doing = "report";
  struct si_pending *pending = si_session_ask(session, SI_FRAME_LOCKS, prefix, NULL, &most);
  if (!pending) {
    return si_session_death(session, error);
  }
  pending->limit = most;
  pending->prefix = prefix;
  pending->ctx = ctx;
  pending->on_lock = each;
  session->result = about;
  si_rc status = si_session_outcome(session, error);
  session->result = NULL;
  return status;
}
