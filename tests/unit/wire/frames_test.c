/* SPDX-License-Identifier: Apache-2.0 */
/* core/wire/wire.h: frames survive the way, and nothing that is not one is taken for one. R74. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/wire/wire.h"
#include "tests/unit/unit.h"

enum { HEADER = 16 };

static void pack(struct si_buf *out) {
  size_t mark;
  CU_ASSERT_EQUAL_FATAL(si_frame_begin(out, SI_FRAME_STEP, 77, &mark), SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_pack_text(out, "volume"), SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_pack_u32(out, 2), SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_pack_text(out, NULL), SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_pack_u64(out, UINT64_MAX), SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_frame_end(out, mark), SI_OK);
}

/* Reads what pack() wrote; true where it is whole. */
static bool unpack(const struct si_frame *frame) {
  struct si_unpack in = si_unpack_of(frame);
  bool same = strcmp(si_unpack_text(&in), "volume") == 0;
  same = si_unpack_u32(&in) == 2 && same;
  same = strcmp(si_unpack_text(&in), "") == 0 && same;
  same = si_unpack_u64(&in) == UINT64_MAX && same;
  CU_ASSERT(in.bad || same);
  return !in.bad;
}

static void fields_come_back_as_they_were_packed(void) {
  struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(4096);
  pack(&out);
  const struct si_frame frame = {SI_FRAME_STEP, 77, out.data + HEADER, out.len - HEADER};
  CU_ASSERT(unpack(&frame));
}

static void every_truncation_of_a_payload_is_bad(void) {
  struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(4096);
  pack(&out);
  for (size_t len = 0; len < out.len - HEADER; len++) {
    /* Of its very size, so that a sanitizer sees a step too far. */
    char *exact = len ? malloc(len) : NULL;
    if (exact) {
      memcpy(exact, out.data + HEADER, len);
    }
    const struct si_frame frame = {SI_FRAME_STEP, 77, exact, len};
    CU_ASSERT_FALSE(unpack(&frame));
    free(exact);
  }
}

static void a_bad_field_spoils_all_that_follow(void) {
  const char zeros[12] = {0};
  const struct si_frame frame = {SI_FRAME_LOG, 0, zeros, sizeof zeros};
  struct si_unpack in = si_unpack_of(&frame);
  (void)si_unpack_u64(&in);
  (void)si_unpack_u64(&in); /* four bytes are left */
  CU_ASSERT(in.bad);
  CU_ASSERT_EQUAL(si_unpack_u32(&in), 0);
  CU_ASSERT_STRING_EQUAL(si_unpack_text(&in), "");
  CU_ASSERT(in.bad);
}

static void texts_that_lie_are_refused(void) {
  static const struct {
    const char *what;
    uint32_t len;
    const char *bytes;
    size_t count;
    bool good;
  } cases[] = {
      {"as it should be", 3, "abc\0", 4, true},
      {"empty", 0, "\0", 1, true},
      {"a NUL inside", 3, "a\0c\0", 4, false},
      {"no NUL behind it", 3, "abcd", 4, false},
      {"the frame ends with it", 3, "abc", 3, false},
      {"empty, and the frame ends", 0, "", 0, false},
      {"longer than the frame", 4, "abc\0", 4, false},
      {"as long as can be said", UINT32_MAX, "abc\0", 4, false},
      {"one less", UINT32_MAX - 1, "abc\0", 4, false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char bytes[16];
    memcpy(bytes, &cases[i].len, 4);
    memcpy(bytes + 4, cases[i].bytes, cases[i].count);
    const struct si_frame frame = {SI_FRAME_LOG, 0, bytes, 4 + cases[i].count};
    struct si_unpack in = si_unpack_of(&frame);
    const char *text = si_unpack_text(&in);
    if (in.bad == cases[i].good || (!cases[i].good && text[0])) {
      CU_FAIL(cases[i].what);
      printf("  text: %s\n", cases[i].what);
    }
  }
}

static void errors_come_back_whole_and_success_needs_no_texts(void) {
  struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(16384);
  struct si_error error, back;
  si_error_set(&error, SI_E_FAILED, "PROVIDER_FAILED", "service web ended with 3");
  si_error_target(&error, "provision", "web");
  si_error_hint(&error, "look at its log");
  si_error_detail(&error, "line 1\nline 2");
  error.retry = SI_RETRY_SAFE;
  CU_ASSERT_EQUAL(si_pack_error(&out, &error), SI_OK);
  struct si_frame frame = {SI_FRAME_DONE, 1, out.data, out.len};
  struct si_unpack in = si_unpack_of(&frame);
  si_unpack_error(&in, &back);
  CU_ASSERT_FALSE(in.bad);
  CU_ASSERT_PTR_EQUAL(in.at, in.end);
  CU_ASSERT_EQUAL(back.status, SI_E_FAILED);
  CU_ASSERT_EQUAL(back.retry, SI_RETRY_SAFE);
  CU_ASSERT_STRING_EQUAL(back.code, error.code);
  CU_ASSERT_STRING_EQUAL(back.stage, "provision");
  CU_ASSERT_STRING_EQUAL(back.target, "web");
  CU_ASSERT_STRING_EQUAL(back.message, error.message);
  CU_ASSERT_STRING_EQUAL(back.hint, "look at its log");
  CU_ASSERT_STRING_EQUAL(back.detail, "line 1\nline 2");

  si_buf_clear(&out);
  CU_ASSERT_EQUAL(si_pack_error(&out, NULL), SI_OK);
  CU_ASSERT_EQUAL(out.len, 8);
  frame = (struct si_frame){SI_FRAME_DONE, 1, out.data, out.len};
  in = si_unpack_of(&frame);
  si_unpack_error(&in, &back);
  CU_ASSERT_FALSE(in.bad);
  CU_ASSERT_EQUAL(back.status, SI_OK);
}

static void texts_longer_than_a_record_are_cut(void) {
  struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  struct si_error back;
  static char longest[100000];
  memset(longest, 'x', sizeof longest - 1);
  CU_ASSERT_EQUAL(si_pack_u32(&out, SI_E_IO), SI_OK);
  CU_ASSERT_EQUAL(si_pack_u32(&out, 0), SI_OK);
  for (int i = 0; i < 6; i++) {
    CU_ASSERT_EQUAL(si_pack_text(&out, longest), SI_OK);
  }
  const struct si_frame frame = {SI_FRAME_DONE, 1, out.data, out.len};
  struct si_unpack in = si_unpack_of(&frame);
  si_unpack_error(&in, &back);
  CU_ASSERT_FALSE(in.bad);
  CU_ASSERT_EQUAL(strlen(back.code), sizeof back.code - 1);
  CU_ASSERT_EQUAL(strlen(back.detail), sizeof back.detail - 1);
}

static void a_frame_that_is_too_long_is_not_packed(void) {
  struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(3 * SI_FRAME_MAX);
  size_t mark;
  char *text = malloc(SI_FRAME_MAX + 2);
  CU_ASSERT_PTR_NOT_NULL_FATAL(text);
  memset(text, 'x', SI_FRAME_MAX + 1);
  text[SI_FRAME_MAX + 1] = '\0';
  pack(&out);
  size_t before = out.len;
  CU_ASSERT_EQUAL(si_frame_begin(&out, SI_FRAME_CALL, 1, &mark), SI_OK);
  CU_ASSERT_EQUAL(si_pack_text(&out, text), SI_E_QUOTA);
  text[SI_FRAME_MAX - 2] = '\0'; /* it fits a frame, but not with its length and NUL */
  CU_ASSERT_EQUAL(si_pack_text(&out, text), SI_OK);
  CU_ASSERT_EQUAL(si_frame_end(&out, mark), SI_E_QUOTA);
  CU_ASSERT_EQUAL(out.len, before); /* what was there stays, the rest is gone */
  free(text);
}

/* --- the inbox --- */

struct pipe {
  int ends[2];
  struct si_inbox inbox;
};

static void open_pipe(struct pipe *pipe) {
  CU_ASSERT_EQUAL_FATAL(
      socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pipe->ends), 0);
  pipe->inbox = (struct si_inbox)SI_INBOX;
}

static void close_pipe(struct pipe *pipe) {
  close(pipe->ends[0]);
  close(pipe->ends[1]);
  si_inbox_free(&pipe->inbox);
}

static void frames_arrive_whole_however_they_are_split(void) {
  struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(4096);
  pack(&out);
  pack(&out);
  for (size_t part = 1; part <= out.len; part++) {
    struct pipe pipe;
    struct si_frame frame;
    size_t frames = 0;
    open_pipe(&pipe);
    for (size_t at = 0; at < out.len; at += part) {
      size_t n = out.len - at < part ? out.len - at : part;
      CU_ASSERT_EQUAL(write(pipe.ends[1], out.data + at, n), (ssize_t)n);
      CU_ASSERT_EQUAL(si_inbox_fill(&pipe.inbox, pipe.ends[0]), SI_OK);
      while (si_inbox_next(&pipe.inbox, &frame) == SI_OK) {
        CU_ASSERT(frame.type == SI_FRAME_STEP && frame.id == 77 && unpack(&frame));
        frames++;
      }
    }
    CU_ASSERT_EQUAL(frames, 2);
    CU_ASSERT_EQUAL(si_inbox_fill(&pipe.inbox, pipe.ends[0]), SI_E_NOT_FOUND);
    close_pipe(&pipe);
  }
}

static void the_largest_frame_passes_and_one_byte_more_is_corrupt(void) {
  for (uint32_t more = 0; more < 2; more++) {
    struct pipe pipe;
    struct si_frame frame;
    struct {
      uint32_t len, type;
      uint64_t id;
    } header = {SI_FRAME_MAX + more, SI_FRAME_LOG, 5};
    static char block[65536];
    si_rc status;
    open_pipe(&pipe);
    CU_ASSERT_EQUAL(write(pipe.ends[1], &header, sizeof header), (ssize_t)sizeof header);
    CU_ASSERT_EQUAL(si_inbox_fill(&pipe.inbox, pipe.ends[0]), SI_OK);
    status = si_inbox_next(&pipe.inbox, &frame);
    CU_ASSERT_EQUAL(status, more ? SI_E_CORRUPT : SI_E_NOT_FOUND);
    for (size_t sent = 0; !more && sent < SI_FRAME_MAX;) {
      size_t left = SI_FRAME_MAX - sent < sizeof block ? SI_FRAME_MAX - sent : sizeof block;
      ssize_t n = write(pipe.ends[1], block, left);
      sent += n > 0 ? (size_t)n : 0;
      CU_ASSERT_EQUAL_FATAL(si_inbox_fill(&pipe.inbox, pipe.ends[0]), SI_OK);
    }
    while (!more && (status = si_inbox_next(&pipe.inbox, &frame)) == SI_E_NOT_FOUND &&
           si_inbox_fill(&pipe.inbox, pipe.ends[0]) == SI_OK) {
    }
    CU_ASSERT(more || (status == SI_OK && frame.len == SI_FRAME_MAX));
    close_pipe(&pipe);
  }
}

static void a_closed_end_is_told_from_an_empty_one(void) {
  struct pipe pipe;
  struct si_frame frame;
  open_pipe(&pipe);
  CU_ASSERT_EQUAL(si_inbox_next(&pipe.inbox, &frame), SI_E_NOT_FOUND);
  CU_ASSERT_EQUAL(si_inbox_fill(&pipe.inbox, pipe.ends[0]), SI_E_NOT_FOUND);
  CU_ASSERT_EQUAL(write(pipe.ends[1], "half", 4), 4);
  shutdown(pipe.ends[1], SHUT_WR);
  CU_ASSERT_EQUAL(si_inbox_fill(&pipe.inbox, pipe.ends[0]), SI_OK);
  CU_ASSERT_EQUAL(si_inbox_next(&pipe.inbox, &frame), SI_E_NOT_FOUND);
  CU_ASSERT_EQUAL(si_inbox_fill(&pipe.inbox, pipe.ends[0]), SI_E_UNAVAILABLE);
  close_pipe(&pipe);
}

static void a_verb_that_nobody_knows_has_a_name_too(void) {
  CU_ASSERT_STRING_EQUAL(si_verb_name(SI_VERB_REMOVE), "remove");
  CU_ASSERT_STRING_EQUAL(si_verb_name(SI_VERB_LOGS + 1), "?");
  CU_ASSERT_STRING_EQUAL(si_verb_name(UINT32_MAX), "?");
}

UNIT_MAIN("wire frames", UNIT(fields_come_back_as_they_were_packed),
          UNIT(every_truncation_of_a_payload_is_bad), UNIT(a_bad_field_spoils_all_that_follow),
          UNIT(texts_that_lie_are_refused), UNIT(errors_come_back_whole_and_success_needs_no_texts),
          UNIT(texts_longer_than_a_record_are_cut), UNIT(a_frame_that_is_too_long_is_not_packed),
          UNIT(frames_arrive_whole_however_they_are_split),
          UNIT(the_largest_frame_passes_and_one_byte_more_is_corrupt),
          UNIT(a_closed_end_is_told_from_an_empty_one),
          UNIT(a_verb_that_nobody_knows_has_a_name_too))
