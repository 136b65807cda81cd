/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/session_impl.h - what session.c and the other session_*.c share: the session itself.
 * Private to core/host.
 */
#ifndef SI_CORE_HOST_SESSION_IMPL_H
#define SI_CORE_HOST_SESSION_IMPL_H

#include "core/host/child.h"
#include "core/host/session.h"
#include "core/wire/ring.h"

enum { SI_PENDING_MAX = 256, SI_STDERR_TAIL = 3000, SI_PUTS_MAX = 4 };

/* A request on its way. The child answers GET and PUT_OPEN in any order, all else in turn. */
struct si_pending {
  uint64_t id;    /* its place is the last byte; 0: none is here */
  uint32_t type;  /* SI_FRAME_* */
  uint64_t limit; /* GET: bytes allowed; LIST, UNFINISHED, LOCKS: items allowed */
  uint64_t received;
  si_rc status; /* SI_OK until the receiver, or a bound, ends it */
  void *ctx;
  si_store_data on_data;
  si_store_end on_end;
  const char *prefix; /* LIST, UNFINISHED, LOCKS: the asker's, who waits */
  si_store_each on_item;
  si_store_each_unfinished on_unfinished;
  /* PUT_OPEN, LOCK, HOLD: what is asked for, and whether it was told; `now` (or NULL) is the
   * asker's. LOCKS: on_lock. */
  struct si_store_lock wanted;
  bool told; /* `seen` is what was read back */
  si_lock seen;
  bool release; /* HOLD: the hold is to end */
  si_lock *now;
  si_lock_fn on_lock;
  /* session_receive.c's */
  uint64_t beyond; /* bytes that came beyond the limit */
  struct si_pending *next;
  struct si_error *done; /* the child's answer, where bytes still wait and it is no success */
  uint8_t part, part_last;
  bool busy;
  bool answered;
};

/* An object being written. */
struct si_put {
  uint64_t id; /* 0: none */
  uint64_t left;
  bool commits;
  /* The run that is being filled: long objects travel, and are written, in long pieces. */
  uint32_t slot;
  uint32_t used;
  uint32_t room; /* 0: there is none */
};

enum si_session_phase {
  SI_SESSION_RUNNING,
  SI_SESSION_ASKED,  /* CANCEL was sent */
  SI_SESSION_TERMED, /* SIGTERM was sent */
  SI_SESSION_KILLED
};

struct si_session {
  struct si_store store; /* first: the store is the session */
  struct si_child child;
  struct si_ring ring;
  struct si_buf out;
  size_t sent; /* of out */
  struct si_inbox inbox;

  struct si_pending pending[SI_PENDING_MAX];
  size_t count; /* of those that have not ended */
  size_t next;  /* where to look for a place */
  uint64_t next_id;
  uint64_t value;         /* of the latest DONE of a request that is waited for */
  struct si_error done;   /* of the same */
  struct si_error put;    /* the first put that failed since the last flush */
  struct si_buf *result;  /* where RESULT goes */
  si_session_piece piece; /* or who takes each of them */
  void *piece_ctx;
  si_rc pieces; /* SI_OK until that one wanted no more */
  struct si_buf descriptor;
  bool ready;

  struct si_put puts[SI_PUTS_MAX];
  unsigned unsent; /* small requests packed since something was sent */
  struct si_receiver *receiver;

  enum si_session_phase phase;
  bool cancelled;   /* by the operator; else by the deadline */
  uint64_t next_ns; /* when the next phase begins */
  uint64_t deadline_ns;
  int interrupt_fd;
  const char *doing; /* for messages */

  bool dead; /* the stream ended; `death` says why */
  struct si_error death;
  bool protocol;             /* we ended it: it broke the protocol */
  struct si_buf tail;        /* the last of its stderr */
  char line[SI_STDERR_TAIL]; /* of it, as far as it came */
  size_t line_len;
  size_t log_lines, log_bytes, log_dropped;

  void *ctx;
  struct si_listener listener;
  char plugin[64];
};

/* --- session_watch.c: the child's life --- */

/* Waits for something, and handles it: frames, stderr, interrupts, the clock. */
void si_session_pump(struct si_session *session);
/* Asks the child to end what it does; after a while it is made to. */
void si_session_stop(struct si_session *session);
/* Ends the child at once because it broke the protocol. */
void si_session_violated(struct si_session *session, const char *what);
void si_session_log(struct si_session *session, uint32_t level, const char *message);
/* Sends what the socket takes now. */
void si_session_send(struct si_session *session);

/* --- session.c --- */

/* One frame from the child. */
void si_session_take(struct si_session *session, const struct si_frame *frame);
/* The request of that id, or NULL where it has ended, or never was. */
struct si_pending *si_session_pending(struct si_session *session, uint64_t id);
/* It has ended, as `done` says. */
void si_session_end(struct si_session *session, struct si_pending *pending,
                    const struct si_error *done);
/* Adds a request to the queue; NULL once the session is dead. Waits for room. */
struct si_pending *si_session_request(struct si_session *session, uint32_t type);
/* Pumps until `more` requests at most are on the way. SI_OK, or the death's status and record
 * where the child died before. */
si_rc si_session_drain(struct si_session *session, size_t more, struct si_error *error) SI_MUST_USE;
si_rc si_session_death(const struct si_session *session, struct si_error *error);

/* --- session_secret.c --- */
void si_session_take_secret(struct si_session *session, const struct si_frame *frame,
                            struct si_unpack *in);

/* --- session_store.c --- */
extern const struct si_store_vt si_session_store_vt;
/* Queues a request about a key; `id` and `number` where not NULL. */
struct si_pending *si_session_ask(struct si_session *session, uint32_t type, const char *key,
                                  const char *id, const uint64_t *number);
/* Waits for the one request that was just queued, and gives its outcome. */
si_rc si_session_outcome(struct si_session *session, struct si_error *error) SI_MUST_USE;

/* --- session_list.c: members of the store's table, and the frame that answers them --- */
si_rc si_session_list(struct si_store *store, const char *prefix, uint64_t most, void *ctx,
                      si_store_each each, struct si_error *error);
si_rc si_session_unfinished(struct si_store *store, const char *prefix, uint64_t most, void *ctx,
                            si_store_each_unfinished each, struct si_error *error);
si_rc si_session_remove(struct si_store *store, const char *key, struct si_error *error);
si_rc si_session_discard(struct si_store *store, const char *key, const char *id,
                         struct si_error *error);
si_rc si_session_uri(struct si_store *store, const char *key, char uri[SI_STORE_URI_SIZE],
                     struct si_error *error);
void si_session_take_item(struct si_session *session, uint64_t id, struct si_unpack *in);
/* `prefix` itself, or a key below it? */
bool si_session_lies_below(const char *key, const char *prefix);
bool si_session_printable(const char *text, size_t most);
/* One more item of a listing: false where it came to more than may be, and the session is over. */
bool si_session_counts(struct si_session *session, struct si_pending *pending);

/* --- session_lock.c: members of the store's table, and the frame that answers them --- */
si_rc si_session_lock(struct si_store *store, const char *key, const char *version, uint32_t mode,
                      int64_t until_ms, si_lock *now, struct si_error *error);
si_rc si_session_hold(struct si_store *store, const char *key, const char *version, bool on,
                      si_lock *now, struct si_error *error);
si_rc si_session_locks(struct si_store *store, const char *prefix, uint64_t most, void *ctx,
                       si_lock_fn each, struct si_buf *about, struct si_error *error);
void si_session_take_locked(struct si_session *session, uint64_t id, struct si_unpack *in);
/* Success, or LOCK_UNPROVEN where a lock was asked for that nobody told of. */
const struct si_error *si_session_locked_done(const struct si_pending *pending,
                                              const struct si_error *done, struct si_error *room);

/* --- session_receive.c --- */
void si_session_take_data(struct si_session *session, uint64_t id, uint32_t slot, uint32_t len);
/* The child ended the request: have all its bytes been read? If not, collect will end it. */
bool si_session_receive_ends(struct si_session *session, struct si_pending *pending,
                             const struct si_error *done);
/* Readable once collect has something to do; -1 while there is nothing to wait for. */
int si_session_receive_fd(const struct si_session *session);
/* Gives back memory that was read, and ends what can be ended; says whether there was any. */
bool si_session_receive_collect(struct si_session *session);
/* Drops what waits, and returns once no thread calls a receiver any more. */
void si_session_receive_rest(struct si_session *session);
/* Ends the threads. */
void si_session_receive_stop(struct si_session *session);

#endif
