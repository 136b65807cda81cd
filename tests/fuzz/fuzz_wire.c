/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_wire.c - any bytes on the wire, in any portions: frames come out whole and inside
 * the inbox, every field is inside its frame, and a text ends where it says. The first byte says
 * how large the portions are. Depends on si_wire.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/wire/ring.h"
#include "core/wire/wire.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

static void read_text(struct si_unpack *in) {
  const char *before = in->at;
  const char *text = si_unpack_text(in);
  size_t len = strlen(text);
  require(in->bad ? len == 0 : text == before + 4 && in->at == text + len + 1 && in->at <= in->end);
}

/* Those about locks, from either end. */
static void read_lock(const struct si_frame *frame, struct si_unpack *in) {
  read_text(in); /* key, or prefix */
  if (frame->type == SI_FRAME_LOCKS) {
    (void)si_unpack_u64(in);
    return;
  }
  if (frame->type == SI_FRAME_PUT_OPEN) {
    (void)si_unpack_u32(in);
    (void)si_unpack_u64(in);
  }
  read_text(in); /* version, or content type */
  (void)si_unpack_u32(in);
  if (frame->type == SI_FRAME_PUT_OPEN || frame->type == SI_FRAME_LOCKED) {
    (void)si_unpack_u32(in);
  }
  if (frame->type != SI_FRAME_HOLD) {
    (void)si_unpack_u64(in);
  }
  if (frame->type == SI_FRAME_LOCKED) {
    (void)si_unpack_u64(in);
  }
}

/* The fields of each frame from si-host, as si reads them; of others, whatever is there. */
static void read_fields(const struct si_frame *frame, struct si_ring *ring) {
  struct si_unpack in = si_unpack_of(frame);
  struct si_error error;
  uint32_t slot;
  switch (frame->type) {
    case SI_FRAME_LOG:
      (void)si_unpack_u32(&in);
      read_text(&in);
      break;
    case SI_FRAME_STEP:
      read_text(&in);
      (void)si_unpack_u32(&in);
      read_text(&in);
      break;
    case SI_FRAME_SECRET: read_text(&in); break;
    case SI_FRAME_LENT: /* from si; si-host reads it as carefully */
      si_unpack_error(&in, &error);
      if (error.status == SI_OK) {
        read_text(&in);
      }
      break;
    case SI_FRAME_DONE:
      (void)si_unpack_u64(&in);
      si_unpack_error(&in, &error);
      require(memchr(error.detail, '\0', sizeof error.detail) &&
              memchr(error.message, '\0', sizeof error.message) &&
              memchr(error.code, '\0', sizeof error.code));
      break;
    case SI_FRAME_TAKEN:
      slot = si_unpack_u32(&in);
      if (si_ring_give(ring, slot) == SI_OK) {
        require(slot < SI_RING_HALF && (ring->free >> slot & 1));
        require(si_ring_give(ring, slot) == SI_E_CORRUPT);
        require(si_ring_take(ring, &slot) == SI_OK);
      }
      break;
    case SI_FRAME_DATA:
      slot = si_unpack_u32(&in);
      if (si_ring_theirs(ring, slot, si_unpack_u32(&in))) {
        require(slot >= SI_RING_HALF && slot < SI_RING_SLOTS);
      }
      break;
    case SI_FRAME_ITEM:
      read_text(&in);
      (void)si_unpack_u64(&in);
      (void)si_unpack_u64(&in);
      read_text(&in);
      break;
    case SI_FRAME_LOCKED:
    case SI_FRAME_PUT_OPEN:
    case SI_FRAME_LOCK:
    case SI_FRAME_HOLD:
    case SI_FRAME_LOCKS: read_lock(frame, &in); break;
    default:
      while (!in.bad && in.at < in.end) {
        read_text(&in);
      }
      break;
  }
  require(in.at <= in.end);
  if (in.bad) {
    require(si_unpack_u32(&in) == 0 && si_unpack_u64(&in) == 0 && !si_unpack_text(&in)[0]);
  }
}

static void read_frames(struct si_inbox *inbox, struct si_ring *ring, size_t *taken) {
  struct si_frame frame;
  si_rc status;
  while ((status = si_inbox_next(inbox, &frame)) == SI_OK) {
    require(frame.len <= SI_FRAME_MAX && frame.data >= inbox->bytes.data);
    require(frame.data + frame.len == inbox->bytes.data + inbox->from);
    require(inbox->from <= inbox->bytes.len);
    *taken += 16 + frame.len;
    read_fields(&frame, ring);
    if (frame.type == SI_FRAME_LENT) {
      si_inbox_wipe(inbox, &frame);
      for (size_t i = 0; i < frame.len; i++) {
        require(frame.data[i] == 0);
      }
    }
  }
  require(status == SI_E_NOT_FOUND || status == SI_E_CORRUPT);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  struct si_inbox inbox = SI_INBOX;
  struct si_ring ring = {.free = UINT64_MAX};
  int ends[2];
  size_t taken = 0;
  size_t part = size ? (size_t)data[0] + 1 : 1;
  for (uint32_t i = 0, slot, room; i < 4; i++) { /* two runs of one slot, two of many */
    require(si_ring_take_run(&ring, i % 2 ? SI_RING_RUN_BYTES : 1, &slot, &room) == SI_OK);
  }
  require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
  for (size_t at = 1; at < size; at += part) {
    size_t n = size - at < part ? size - at : part;
    require(write(ends[1], data + at, n) == (ssize_t)n);
    require(si_inbox_fill(&inbox, ends[0]) == SI_OK);
    read_frames(&inbox, &ring, &taken);
    require(taken + (inbox.bytes.len - inbox.from) == at + n - 1); /* no byte lost or made */
  }
  close(ends[1]);
  require(si_inbox_fill(&inbox, ends[0]) == SI_E_UNAVAILABLE);
  close(ends[0]);
  si_inbox_free(&inbox);
  return 0;
}
