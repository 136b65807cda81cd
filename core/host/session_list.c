/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/session_list.c - what a session's artifact provider holds: listings, removal, and where
 * people find an object. What it tells is checked before anyone sees it.
 */
#include <string.h>

#include "core/host/session_impl.h"
#include "core/runpack/key.h"
#include "kit/base/text.h"

/* A listing may be longer than was asked for by this much before its teller is ended. */
enum { ITEMS_DROPPED_MAX = 1000000 };

/* Is it `prefix` itself, or below it? */
bool si_session_lies_below(const char *key, const char *prefix) {
  size_t len = strnlen(key, SI_KEY_SIZE);
  size_t head = strlen(prefix);
  return len < SI_KEY_SIZE && si_utf8_valid(key, len) && strncmp(key, prefix, head) == 0 &&
         (head == 0 || key[head] == '/' || key[head] == '\0');
}

bool si_session_printable(const char *text, size_t most) {
  size_t len = strnlen(text, most + 1);
  for (size_t i = 0; i < len; i++) {
    if (text[i] <= ' ' || text[i] > '~') {
      return false;
    }
  }
  return len > 0 && len <= most;
}

/* A time that cannot be is none. */
static int64_t time_of(uint64_t ms) {
  return ms <= 1ull << 53 ? (int64_t)ms : 0;
}

static si_rc ask_for_items(struct si_session *session, uint32_t type, const char *prefix,
                           uint64_t most, struct si_pending **out, struct si_error *error) {
  struct si_pending *pending = si_session_ask(session, type, prefix, NULL, &most);
  if (!pending) {
    return si_session_death(session, error);
  }
  pending->limit = most;
  pending->prefix = prefix;
  *out = pending;
  return SI_OK;
}

si_rc si_session_list(struct si_store *store, const char *prefix, uint64_t most, void *ctx,
                      si_store_each each, struct si_error *error) {
  struct si_session *session = (struct si_session *)store;
  struct si_pending *pending = NULL;
  session->doing = "list";
  si_rc status = ask_for_items(session, SI_FRAME_LIST, prefix, most, &pending, error);
  if (status != SI_OK) {
    return status;
  }
  pending->ctx = ctx;
  pending->on_item = each;
  return si_session_outcome(session, error);
}

si_rc si_session_unfinished(struct si_store *store, const char *prefix, uint64_t most, void *ctx,
                            si_store_each_unfinished each, struct si_error *error) {
  struct si_session *session = (struct si_session *)store;
  struct si_pending *pending = NULL;
  session->doing = "unfinished";
  si_rc status = ask_for_items(session, SI_FRAME_UNFINISHED, prefix, most, &pending, error);
  if (status != SI_OK) {
    return status;
  }
  pending->ctx = ctx;
  pending->on_unfinished = each;
  return si_session_outcome(session, error);
}

/* Hands on one item; *fault where it cannot be one. */
static si_rc hand_on(struct si_pending *pending, struct si_unpack *in, const char **fault) {
  const char *key = si_unpack_text(in);
  uint64_t length = si_unpack_u64(in);
  int64_t ms = time_of(si_unpack_u64(in));
  const char *id = si_unpack_text(in);
  const bool object = pending->type == SI_FRAME_LIST;
  if (in->bad) {
    *fault = "an item of a listing is malformed";
  } else if (!si_session_lies_below(key, pending->prefix) || (object && !key[0])) {
    *fault = "a listing has a key that nobody asked for";
  } else if (object ? id[0] != '\0' : !si_session_printable(id, SI_STORE_ID_MAX)) {
    *fault = "an unfinished object has an id that cannot be";
  }
  if (*fault || pending->status != SI_OK) {
    return pending->status;
  }
  const struct si_store_object found = {.key = key, .length = length, .modified_ms = ms};
  const struct si_store_unfinished unfinished = {
      .key = key, .id = id, .length = length, .started_ms = ms};
  return object ? pending->on_item(pending->ctx, &found)
                : pending->on_unfinished(pending->ctx, &unfinished);
}

bool si_session_counts(struct si_session *session, struct si_pending *pending) {
  if (pending->received++ >= pending->limit && pending->status == SI_OK) {
    pending->status = SI_E_QUOTA; /* what still comes is dropped */
  }
  if (pending->received > pending->limit &&
      pending->received - pending->limit > ITEMS_DROPPED_MAX) {
    si_session_violated(session, "a listing does not end");
    return false;
  }
  return true;
}

void si_session_take_item(struct si_session *session, uint64_t id, struct si_unpack *in) {
  struct si_pending *pending = si_session_pending(session, id);
  const char *fault = NULL;
  if (!pending || (pending->type != SI_FRAME_LIST && pending->type != SI_FRAME_UNFINISHED)) {
    si_session_violated(session, "a listing came that nobody asked for");
    return;
  }
  if (!si_session_counts(session, pending)) {
    return;
  }
  pending->status = hand_on(pending, in, &fault);
  if (fault) {
    si_session_violated(session, fault);
  }
}

si_rc si_session_remove(struct si_store *store, const char *key, struct si_error *error) {
  struct si_session *session = (struct si_session *)store;
  session->doing = "remove";
  return si_session_ask(session, SI_FRAME_REMOVE, key, NULL, NULL)
             ? si_session_outcome(session, error)
             : si_session_death(session, error);
}

si_rc si_session_discard(struct si_store *store, const char *key, const char *id,
                         struct si_error *error) {
  struct si_session *session = (struct si_session *)store;
  session->doing = "discard";
  return si_session_ask(session, SI_FRAME_DISCARD, key, id, NULL)
             ? si_session_outcome(session, error)
             : si_session_death(session, error);
}

/* "<provider>://" and printable ASCII behind it. */
static bool uri_of(const struct si_session *session, const char *uri) {
  size_t len = strlen(session->plugin);
  return si_session_printable(uri, SI_STORE_URI_SIZE - 1) &&
         strncmp(uri, session->plugin, len) == 0 && strncmp(uri + len, "://", 3) == 0;
}

si_rc si_session_uri(struct si_store *store, const char *key, char uri[SI_STORE_URI_SIZE],
                     struct si_error *error) {
  struct si_session *session = (struct si_session *)store;
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_STORE_URI_SIZE - 1);
  session->doing = "uri";
  if (!si_session_ask(session, SI_FRAME_URI, key, NULL, NULL)) {
    return si_session_death(session, error);
  }
  session->result = &text;
  si_rc status = si_session_outcome(session, error);
  session->result = NULL;
  if (status == SI_OK && !uri_of(session, si_buf_text(&text))) {
    si_session_violated(session, "the URI that it tells is none of its own");
    return si_session_death(session, error);
  }
  if (status == SI_OK) {
    memcpy(uri, text.data, text.len + 1);
  }
  return status;
}
