/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/session.h - si's side of one provider in one child process: starts si-host, speaks the
 * wire, holds the deadline, and turns whatever becomes of the child into a clear error. Depends on
 * core/wire and core/host/places.h. One thread.
 *
 * Nothing that comes from the child is believed: frames are checked, logs and results bounded, and
 * a child that breaks the protocol is killed. After close nothing that the child started is left.
 *
 * Codes of its own: PLUGIN_CRASHED, PLUGIN_EXITED, PLUGIN_PROTOCOL, PLUGIN_START,
 * OPERATION_CANCELLED (SI_E_CANCELLED), OPERATION_TIMED_OUT (SI_E_TIMEOUT), SECRET_NOT_REFERRED.
 */
#ifndef SI_CORE_HOST_SESSION_H
#define SI_CORE_HOST_SESSION_H

#include "core/runpack/store.h"
#include "core/wire/wire.h"

struct si_session;

/* What the operation hears while it waits. All may be NULL. */
struct si_listener {
  void (*log)(void *ctx, uint32_t level, const char *message);
  void (*progress)(void *ctx, uint64_t done, uint64_t total, const char *what);
  /* Journals a step; its status goes back to the provider. Without it every step is refused. */
  si_rc (*step)(void *ctx, const char *name, uint32_t phase, const char *outside_id);
  /* Lends the value of a secret that the provider asks for by name to use(), once, for the time of
   * the call: at most SI_SECRET_BYTES, no NUL within. What it returns, and the error where that is
   * no success, goes to the provider. A name that the provider was not given to use is refused with
   * SI_SECRET_NOT_REFERRED (SI_E_REFUSED), as every name is without this. */
  si_rc (*secret)(void *ctx, const char *name, void *use_ctx, si_secret_use use,
                  struct si_error *error);
  /* What the provider tried and was kept from: SI_STOPPED_*, and the secret's name, the system
   * call's, or the path. As the provider says it: any text of less than 4 KiB. */
  void (*stopped)(void *ctx, const char *kind, const char *what);
};

#define SI_SECRET_NOT_REFERRED "SECRET_NOT_REFERRED"
#define SI_STOPPED_SECRET "secret"
#define SI_STOPPED_CALL "system call"
#define SI_STOPPED_FILE "file"

struct si_session_options {
  const char *plugin;   /* id in the tree */
  uint32_t kind;        /* SI_KIND_* */
  const char *config;   /* JSON object; NULL: {} */
  int describe;         /* load it and read its descriptor, no more */
  const char *trust;    /* file of the operator's trust in plugins; NULL or "": none, the OSS tree
                           alone, and no edition is remembered */
  uint32_t sandbox;     /* SI_SANDBOX_* */
  int lock_fd;          /* inherited by the child, or -1 */
  uint64_t deadline_ns; /* CLOCK_MONOTONIC; 0: ten minutes from now */
  int interrupt_fd;     /* each byte read is one wish to stop; or -1 */
  void *ctx;            /* for the listener */
  struct si_listener listener;
};

/* Starts the child and waits until the provider is open. */
si_rc si_session_open(const struct si_session_options *options, struct si_session **out,
                      struct si_error *error) SI_MUST_USE;

/* What the plugin says of itself, JSON as core/host/descriptor.h. The session's. */
const char *si_session_descriptor(const struct si_session *session);

/* Calls a verb of a provisioner and waits. What it emitted is appended to *result, on failure
 * too. Arguments are JSON texts, or NULL. */
si_rc si_session_call(struct si_session *session, uint32_t verb, const char *first,
                      const char *second, struct si_buf *result,
                      struct si_error *error) SI_MUST_USE;

/* Takes one document of those that a verb emits as it goes on. A status other than SI_OK ends the
 * verb, as a wish to stop does. */
typedef si_rc (*si_session_piece)(void *ctx, const char *json);
/* As si_session_call, of a verb that emits any number of documents (SI_VERB_LOGS): each is handed
 * on as it comes, nothing is kept. What the receiver said is returned where it ended the verb. */
si_rc si_session_stream(struct si_session *session, uint32_t verb, const char *first,
                        const char *second, void *ctx, si_session_piece piece,
                        struct si_error *error) SI_MUST_USE;

/* The artifact provider as a store; the session's. Between its calls the session is at rest. */
struct si_store *si_session_store(struct si_session *session);

/* Ends the child: politely, then by force. NULL is fine. */
void si_session_close(struct si_session *session);

#endif
