/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/session_secret.c - lends the child a secret that it asks for by name. The value passes
 * through the session's outgoing buffer, which is overwritten when it is emptied.
 */
#include <string.h>

#include "core/host/session_impl.h"

/* One answer to one question: the value where it is lent, else why not. */
struct lending {
  struct si_session *session;
  uint64_t id;
  bool lent;
};

static si_rc send_lent(struct lending *lending, const char *value, size_t len,
                       const struct si_error *error) {
  struct si_buf *out = &lending->session->out;
  size_t mark;
  uint32_t length = (uint32_t)len;
  si_rc status = si_frame_begin(out, SI_FRAME_LENT, lending->id, &mark);
  status = status == SI_OK ? si_pack_error(out, error) : status;
  if (!error) {
    status = status == SI_OK ? si_pack_u32(out, length) : status;
    status = status == SI_OK ? si_buf_add(out, value, len) : status;
    status = status == SI_OK ? si_buf_add(out, "", 1) : status;
  }
  return status == SI_OK ? si_frame_end(out, mark) : status;
}

static si_rc lend(void *ctx, const void *value, size_t len) {
  struct lending *lending = ctx;
  if (lending->lent || len > SI_SECRET_BYTES || memchr(value, '\0', len)) {
    return SI_E_INVALID;
  }
  si_rc status = send_lent(lending, value, len, NULL);
  if (status != SI_OK) {
    si_session_violated(lending->session, "out of memory"); /* half a frame may stand there */
    return status;
  }
  lending->lent = true;
  return SI_OK;
}

void si_session_take_secret(struct si_session *session, const struct si_frame *frame,
                            struct si_unpack *in) {
  const char *name = si_unpack_text(in);
  struct lending lending = {session, frame->id, false};
  struct si_error error = {.status = SI_OK};
  if (in->bad) {
    return; /* the caller ends it */
  }
  si_rc status =
      session->listener.secret
          ? session->listener.secret(session->ctx, name, &lending, lend, &error)
          : si_error_set(&error, SI_E_REFUSED, SI_SECRET_NOT_REFERRED,
                         "no secret is given to this call of provider \"%s\"", session->plugin);
  if (lending.lent || session->protocol) {
    return;
  }
  if (status == SI_OK || error.status == SI_OK) {
    si_error_set(&error, status == SI_OK ? SI_E_INTERNAL : status, "SECRET_UNUSABLE",
                 "the value of secret %.100s cannot be lent: it is empty, holds a NUL, or is "
                 "longer than %u bytes",
                 name, SI_SECRET_BYTES);
  }
  if (session->listener.stopped && strcmp(error.code, SI_SECRET_NOT_REFERRED) == 0) {
    session->listener.stopped(session->ctx, SI_STOPPED_SECRET, name);
  }
  if (send_lent(&lending, NULL, 0, &error) != SI_OK) {
    si_session_violated(session, "out of memory");
  }
}
