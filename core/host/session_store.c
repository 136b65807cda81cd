/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/session_store.c - a session's artifact provider as the store that the runpack engine
 * works on. Puts and gets are queued; bytes cross the ring.
 */
#include <string.h>

#include "core/host/session_impl.h"

enum { SEND_AT = 8 }; /* small requests */

/* Every call begins here: a store whose child is gone has one answer. */
static struct si_session *session_of(struct si_store *store) {
  return (struct si_session *)store;
}

static si_rc first_put_failure(struct si_session *session, struct si_error *error) {
  if (session->put.status == SI_OK) {
    return SI_OK;
  }
  si_rc status = session->put.status;
  if (error) {
    *error = session->put;
  }
  session->put.status = SI_OK;
  return status;
}

static si_rc no_memory(struct si_session *session, struct si_error *error) {
  si_session_violated(session, "out of memory");
  return si_error_set(error, SI_E_NOMEM, "STORE_MEMORY", "out of memory");
}

static struct si_put *find_put(struct si_session *session, uint64_t id) {
  for (size_t i = 0; i < SI_PUTS_MAX; i++) {
    if (session->puts[i].id == id) {
      return &session->puts[i];
    }
  }
  return NULL;
}

/* A place for one more, or NULL where the store's contract forbids it now. */
static struct si_put *place_for(struct si_session *session, bool commits) {
  unsigned open = 0;
  for (size_t i = 0; i < SI_PUTS_MAX; i++) {
    open += session->puts[i].id != 0;
    commits = commits || session->puts[i].commits;
  }
  unsigned most = session->store.open_max ? session->store.open_max : 1;
  return open < (commits ? 1 : most) ? find_put(session, 0) : NULL;
}

static si_rc put_open(struct si_store *store, const char *key, uint32_t flags, uint64_t length,
                      const char *content_type, uint64_t *id, struct si_error *error) {
  struct si_session *session = session_of(store);
  struct si_buf *out = &session->out;
  size_t mark;
  si_rc status = first_put_failure(session, error);
  if (status != SI_OK) {
    return status;
  }
  struct si_put *put = place_for(session, flags & SI_PUT_COMMIT);
  if (!put) {
    return si_error_set(error, SI_E_CONFLICT, "STORE_OPEN", "another object is open");
  }
  struct si_pending *pending = si_session_request(session, SI_FRAME_PUT_OPEN);
  if (!pending) {
    return si_session_death(session, error);
  }
  session->doing = "put";
  *put = (struct si_put){.id = pending->id, .left = length, .commits = flags & SI_PUT_COMMIT};
  *id = put->id;
  pending->wanted = store->lock;
  status = si_frame_begin(out, SI_FRAME_PUT_OPEN, pending->id, &mark);
  status = status == SI_OK ? si_pack_text(out, key) : status;
  status = status == SI_OK ? si_pack_u32(out, flags) : status;
  status = status == SI_OK ? si_pack_u64(out, length) : status;
  status = status == SI_OK ? si_pack_text(out, content_type) : status;
  status = status == SI_OK ? si_pack_u32(out, store->lock.mode) : status;
  status = status == SI_OK ? si_pack_u32(out, store->lock.held ? SI_LOCK_HELD : 0) : status;
  status = status == SI_OK ? si_pack_u64(out, (uint64_t)store->lock.until_ms) : status;
  status = status == SI_OK ? si_frame_end(out, mark) : status;
  return status == SI_OK ? SI_OK : no_memory(session, error);
}

/* Lets the run go to the child. */
static si_rc hand_over(struct si_session *session, struct si_put *put, struct si_error *error) {
  size_t mark;
  if (si_frame_begin(&session->out, SI_FRAME_PUT_DATA, put->id, &mark) != SI_OK ||
      si_pack_u32(&session->out, put->slot) != SI_OK ||
      si_pack_u32(&session->out, put->used) != SI_OK ||
      si_frame_end(&session->out, mark) != SI_OK) {
    return no_memory(session, error);
  }
  if (put->used >= SI_RING_SLOT) {
    si_session_send(session);
  }
  put->used = 0;
  put->room = 0;
  return SI_OK;
}

/* The other objects that are open hold a run each, and wait for more bytes: what they leave is
 * free, or on its way back from the child. So the wait for a run ends. */
_Static_assert((SI_PUTS_MAX - 1) * SI_RING_RUN < SI_RING_HALF, "open objects can hold the ring");

/* A run to fill with what is left of the object, as far as it holds that. */
static si_rc take_run(struct si_session *session, struct si_put *put, uint64_t len,
                      struct si_error *error) {
  while (si_ring_take_run(&session->ring, len, &put->slot, &put->room) != SI_OK) {
    if (session->dead) {
      return si_session_death(session, error);
    }
    si_session_pump(session);
  }
  return session->dead ? si_session_death(session, error) : SI_OK;
}

static si_rc put_data(struct si_store *store, uint64_t id, const void *data, size_t len,
                      struct si_error *error) {
  struct si_session *session = session_of(store);
  struct si_put *put = id ? find_put(session, id) : NULL;
  const char *from = data;
  if (!put || len > put->left) {
    return si_error_set(error, SI_E_INVALID, "STORE_LENGTH",
                        "more bytes than were announced for the object");
  }
  si_rc status = SI_OK;
  while (status == SI_OK && len > 0) {
    status = put->room ? SI_OK : take_run(session, put, put->left, error);
    if (status != SI_OK) {
      break;
    }
    uint32_t room = put->room - put->used;
    uint32_t part = len < room ? (uint32_t)len : room;
    memcpy((char *)si_ring_slot(&session->ring, put->slot) + put->used, from, part);
    put->used += part;
    put->left -= part;
    from += part;
    len -= part;
    if (part == room || put->left == 0) {
      status = hand_over(session, put, error);
    }
  }
  return status;
}

/* Small requests travel together, but the child is not to wait for many of them. */
static void send_some(struct si_session *session) {
  if (++session->unsent >= SEND_AT) {
    si_session_send(session);
  }
}

static si_rc put_close(struct si_store *store, uint64_t id, int commit, struct si_error *error) {
  struct si_session *session = session_of(store);
  struct si_put *put = id ? find_put(session, id) : NULL;
  size_t mark;
  si_rc status = SI_OK;
  if (!put) {
    return si_error_set(error, SI_E_INVALID, "STORE_OPEN", "the object is not open");
  }
  if (commit && put->left > 0) {
    commit = 0;
    status = si_error_set(error, SI_E_INVALID, "STORE_LENGTH",
                          "fewer bytes than were announced for the object");
  }
  if (put->room && si_ring_give(&session->ring, put->slot) != SI_OK) {
    si_session_violated(session, "a run is lost");
  }
  *put = (struct si_put){.id = 0};
  if (session->dead) {
    return si_session_death(session, error);
  }
  if (si_frame_begin(&session->out, SI_FRAME_PUT_CLOSE, id, &mark) != SI_OK ||
      si_pack_u32(&session->out, commit != 0) != SI_OK ||
      si_frame_end(&session->out, mark) != SI_OK) {
    return no_memory(session, error);
  }
  send_some(session);
  return status;
}

struct si_pending *si_session_ask(struct si_session *session, uint32_t type, const char *key,
                                  const char *id, const uint64_t *number) {
  size_t mark;
  struct si_pending *pending = si_session_request(session, type);
  if (!pending) {
    return NULL;
  }
  if (si_frame_begin(&session->out, type, pending->id, &mark) != SI_OK ||
      si_pack_text(&session->out, key) != SI_OK ||
      (id && si_pack_text(&session->out, id) != SI_OK) ||
      (number && si_pack_u64(&session->out, *number) != SI_OK) ||
      si_frame_end(&session->out, mark) != SI_OK) {
    (void)no_memory(session, NULL);
  }
  return pending;
}

static si_rc get(struct si_store *store, const char *key, uint64_t limit, void *ctx,
                 si_store_data on_data, si_store_end on_end, struct si_error *error) {
  struct si_session *session = session_of(store);
  /* One byte more tells a longer object from one that fits. */
  uint64_t wanted = limit == UINT64_MAX ? limit : limit + 1;
  session->doing = "get";
  struct si_pending *pending = si_session_ask(session, SI_FRAME_GET, key, NULL, &wanted);
  if (!pending) {
    return si_session_death(session, error);
  }
  pending->limit = limit;
  pending->ctx = ctx;
  pending->on_data = on_data;
  pending->on_end = on_end;
  send_some(session);
  return SI_OK;
}

static si_rc flush(struct si_store *store, struct si_error *error) {
  struct si_session *session = session_of(store);
  si_rc status = si_session_drain(session, 0, error);
  return status == SI_OK ? first_put_failure(session, error) : status;
}

si_rc si_session_outcome(struct si_session *session, struct si_error *error) {
  si_rc status = si_session_drain(session, 0, error);
  if (status == SI_OK && session->done.status != SI_OK) {
    if (error) {
      *error = session->done;
    }
    status = session->done.status;
  }
  return status;
}

static si_rc stat_object(struct si_store *store, const char *key, uint64_t *length,
                         struct si_error *error) {
  struct si_session *session = session_of(store);
  session->doing = "stat";
  if (!si_session_ask(session, SI_FRAME_STAT, key, NULL, NULL)) {
    return si_session_death(session, error);
  }
  si_rc status = si_session_outcome(session, error);
  if (status == SI_OK) {
    *length = session->value;
  }
  return status;
}

const struct si_store_vt si_session_store_vt = {
    .put_open = put_open,
    .put_data = put_data,
    .put_close = put_close,
    .get = get,
    .flush = flush,
    .stat = stat_object,
    .list = si_session_list,
    .remove = si_session_remove,
    .unfinished = si_session_unfinished,
    .discard = si_session_discard,
    .uri = si_session_uri,
    .lock = si_session_lock,
    .hold = si_session_hold,
    .locks = si_session_locks,
};
