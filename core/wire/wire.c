/* SPDX-License-Identifier: Apache-2.0 */
#include "core/wire/wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "kit/base/text.h"

struct header {
  uint32_t len;
  uint32_t type;
  uint64_t id;
};

const char *si_verb_name(uint32_t verb) {
  static const char *const names[] = {"?",       "check", "provision", "destroy",
                                      "inspect", "list",  "remove",    "logs"};
  return names[verb < sizeof names / sizeof *names ? verb : 0];
}

/* --- writing --- */

si_rc si_frame_begin(struct si_buf *out, uint32_t type, uint64_t id, size_t *mark) {
  struct header header = {0, type, id};
  *mark = out->len;
  return si_buf_add(out, &header, sizeof header);
}

si_rc si_frame_end(struct si_buf *out, size_t mark) {
  size_t len = out->len - mark - sizeof(struct header);
  if (len > SI_FRAME_MAX) {
    out->len = mark;
    return SI_E_QUOTA;
  }
  uint32_t field = (uint32_t)len;
  memcpy(out->data + mark, &field, sizeof field);
  return SI_OK;
}

si_rc si_pack_u32(struct si_buf *out, uint32_t value) {
  return si_buf_add(out, &value, sizeof value);
}

si_rc si_pack_u64(struct si_buf *out, uint64_t value) {
  return si_buf_add(out, &value, sizeof value);
}

si_rc si_pack_text(struct si_buf *out, const char *text) {
  size_t len = text ? strlen(text) : 0;
  if (len > SI_FRAME_MAX) {
    return SI_E_QUOTA;
  }
  si_rc status = si_pack_u32(out, (uint32_t)len);
  return status == SI_OK ? si_buf_add(out, text ? text : "", len + 1) : status;
}

si_rc si_pack_error(struct si_buf *out, const struct si_error *error) {
  static const struct si_error none;
  const struct si_error *e = error ? error : &none;
  const char *texts[] = {e->code, e->stage, e->target, e->message, e->hint, e->detail};
  si_rc status = si_pack_u32(out, (uint32_t)e->status);
  status = status == SI_OK ? si_pack_u32(out, e->retry) : status;
  /* Success is the common case, and needs no texts. */
  for (size_t i = 0; e->status != SI_OK && status == SI_OK && i < sizeof texts / sizeof *texts;
       i++) {
    status = si_pack_text(out, texts[i]);
  }
  return status;
}

/* --- reading --- */

struct si_unpack si_unpack_of(const struct si_frame *frame) {
  struct si_unpack in = {frame->data, frame->data + frame->len, false};
  return in;
}

static bool unpack_bytes(struct si_unpack *in, void *to, size_t len) {
  if (in->bad || (size_t)(in->end - in->at) < len) {
    in->bad = true;
    return false;
  }
  memcpy(to, in->at, len);
  in->at += len;
  return true;
}

uint32_t si_unpack_u32(struct si_unpack *in) {
  uint32_t value = 0;
  return unpack_bytes(in, &value, sizeof value) ? value : 0;
}

uint64_t si_unpack_u64(struct si_unpack *in) {
  uint64_t value = 0;
  return unpack_bytes(in, &value, sizeof value) ? value : 0;
}

const char *si_unpack_text(struct si_unpack *in) {
  size_t len = si_unpack_u32(in);
  if (in->bad || (size_t)(in->end - in->at) <= len || memchr(in->at, '\0', len) ||
      in->at[len] != '\0') {
    in->bad = true;
    return "";
  }
  const char *text = in->at;
  in->at += len + 1;
  return text;
}

void si_unpack_error(struct si_unpack *in, struct si_error *error) {
  memset(error, 0, sizeof *error);
  error->status = (si_rc)si_unpack_u32(in);
  error->retry = si_unpack_u32(in);
  if (error->status == SI_OK) {
    return;
  }
  const struct {
    char *to;
    size_t size;
  } texts[] = {
      {error->code, sizeof error->code},     {error->stage, sizeof error->stage},
      {error->target, sizeof error->target}, {error->message, sizeof error->message},
      {error->hint, sizeof error->hint},     {error->detail, sizeof error->detail},
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    si_copy(texts[i].to, texts[i].size, si_unpack_text(in));
  }
}

si_rc si_inbox_fill(struct si_inbox *inbox, int fd) {
  /* What was consumed makes room first: the buffer's bound is a frame and one read. */
  if (inbox->from > 0) {
    size_t left = inbox->bytes.len - inbox->from;
    memmove(inbox->bytes.data, inbox->bytes.data + inbox->from, left);
    if (inbox->bytes.wipe) { /* a frame that moved left its end where it was */
      explicit_bzero(inbox->bytes.data + left, inbox->bytes.len - left);
    }
    inbox->bytes.len = left;
    inbox->from = 0;
  }
  const size_t want = 65536;
  si_rc status = si_buf_reserve(&inbox->bytes, want);
  if (status != SI_OK) {
    return status;
  }
  ssize_t n;
  do {
    n = recv(fd, inbox->bytes.data + inbox->bytes.len, want, 0);
  } while (n < 0 && errno == EINTR);
  if (n < 0) {
    bool empty = errno == EAGAIN || errno == EWOULDBLOCK;
    return empty ? SI_E_NOT_FOUND : errno == ECONNRESET ? SI_E_UNAVAILABLE : SI_E_IO;
  }
  inbox->bytes.len += (size_t)n;
  return n > 0 ? SI_OK : SI_E_UNAVAILABLE;
}

si_rc si_inbox_next(struct si_inbox *inbox, struct si_frame *frame) {
  struct header header;
  size_t have = inbox->bytes.len - inbox->from;
  if (have < sizeof header) {
    return SI_E_NOT_FOUND;
  }
  memcpy(&header, inbox->bytes.data + inbox->from, sizeof header);
  if (header.len > SI_FRAME_MAX) {
    return SI_E_CORRUPT;
  }
  if (have - sizeof header < header.len) {
    return SI_E_NOT_FOUND;
  }
  frame->type = header.type;
  frame->id = header.id;
  frame->data = inbox->bytes.data + inbox->from + sizeof header;
  frame->len = header.len;
  inbox->from += sizeof header + header.len;
  return SI_OK;
}

void si_inbox_wipe(struct si_inbox *inbox, const struct si_frame *frame) {
  explicit_bzero(inbox->bytes.data + (frame->data - inbox->bytes.data), frame->len);
}

void si_inbox_free(struct si_inbox *inbox) {
  si_buf_free(&inbox->bytes);
  inbox->from = 0;
}
