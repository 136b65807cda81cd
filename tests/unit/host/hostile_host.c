/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A si-host that lies. The plugin's name in OPEN says how: each behaviour speaks raw frames where
 * an honest host would not. Depends on core/wire; session_test.c knows the names.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/runpack/store.h"
#include "core/wire/ring.h"
#include "core/wire/wire.h"

static struct si_inbox inbox = SI_INBOX;
static struct si_ring ring;
static uint64_t request;    /* the id of the latest CALL, GET, LIST, STAT or PUT_OPEN */
static uint32_t first_type; /* of the first request */

/* While it is set, frames wait: si is to see them all at once. */
static bool together;
static struct si_buf waiting = SI_BUF(65536);

static void send_all(const void *data, size_t len) {
  const char *at = data;
  if (together) {
    if (si_buf_add(&waiting, data, len) != SI_OK) {
      _exit(8);
    }
    return;
  }
  while (len > 0) {
    ssize_t n = send(SI_HOST_FD_WIRE, at, len, MSG_NOSIGNAL);
    if (n <= 0) {
      _exit(9);
    }
    at += n;
    len -= (size_t)n;
  }
}

static void raw(uint32_t type, uint64_t id, const void *payload, size_t len) {
  static char frame[16 + 65536];
  uint32_t length = (uint32_t)len;
  memcpy(frame, &length, 4);
  memcpy(frame + 4, &type, 4);
  memcpy(frame + 8, &id, 8);
  if (len) {
    memcpy(frame + 16, payload, len);
  }
  send_all(frame, 16 + len);
}

static void words(uint32_t type, uint64_t id, uint32_t a, uint32_t b) {
  const uint32_t both[2] = {a, b};
  raw(type, id, both, type == SI_FRAME_TAKEN ? 4 : 8);
}

static void text(uint32_t type, uint64_t id, const char *value) {
  char payload[1024];
  uint32_t len = (uint32_t)strlen(value);
  memcpy(payload, &len, 4);
  memcpy(payload + 4, value, len + 1);
  raw(type, id, payload, len + 5);
}

static void log_line(const char *value) {
  char payload[1024];
  uint32_t level = 1, len = (uint32_t)strlen(value);
  memcpy(payload, &level, 4);
  memcpy(payload + 4, &len, 4);
  memcpy(payload + 8, value, len + 1);
  raw(SI_FRAME_LOG, 0, payload, len + 9);
}

static void done(uint64_t id, uint64_t value, si_rc status) {
  struct si_buf out = SI_BUF(16384);
  struct si_error error = {.status = SI_OK};
  if (status != SI_OK) {
    si_error_set(&error, status, "HOSTILE", "as it was told");
  }
  if (si_pack_u64(&out, value) != SI_OK || si_pack_error(&out, &error) != SI_OK) {
    _exit(8);
  }
  raw(SI_FRAME_DONE, id, out.data, out.len);
}

static struct si_frame next(void) {
  struct si_frame frame;
  for (;;) {
    si_rc status = si_inbox_next(&inbox, &frame);
    if (status == SI_OK) {
      return frame;
    }
    if (status != SI_E_NOT_FOUND || si_inbox_fill(&inbox, SI_HOST_FD_WIRE) != SI_OK) {
      _exit(3);
    }
  }
}

/* A provider that does several things at once: more may be asked of it. */
static void ready(void) {
  raw(SI_FRAME_READY, 0, "\2\0\0\0{}\0\2\0\0\0", 11);
}

/* Ready, then waits for the first request that is not about an object's bytes. */
static void asked(void) {
  ready();
  struct si_frame frame = next();
  request = frame.id;
  first_type = frame.type;
}

static _Noreturn void wait_for_ever(void) {
  for (;;) {
    pause();
  }
}

static void step(uint64_t id, uint32_t phase, bool ended) {
  char payload[32];
  uint32_t len = 1, none = 0;
  memcpy(payload, &len, 4);
  memcpy(payload + 4, "s", 2);
  memcpy(payload + 6, &phase, 4);
  memcpy(payload + 10, &none, 4);
  payload[14] = ended ? '\0' : 'x';
  raw(SI_FRAME_STEP, id, payload, 15);
}

/* --- before it is ready --- */

static void exit_after_open(void) {
  _exit(7);
}
static void killed_after_open(void) {
  kill(getpid(), SIGKILL);
}
static void half_a_header(void) {
  send_all("\1\0\0", 3);
  _exit(0);
}
static void half_a_frame(void) {
  const uint32_t header[4] = {100, SI_FRAME_READY, 0, 0};
  send_all(header, sizeof header);
  send_all("half", 4);
  _exit(0);
}
static void huge_frame(void) {
  const uint32_t header[4] = {UINT32_MAX, SI_FRAME_READY, 0, 0};
  send_all(header, sizeof header);
  wait_for_ever();
}
static void ready_malformed(void) {
  raw(SI_FRAME_READY, 0, "\377\377\377\377{}", 7);
  wait_for_ever();
}
static void unknown_frame(void) {
  raw(99, 0, "", 0);
  wait_for_ever();
}
static void a_request_of_ours(void) {
  text(SI_FRAME_CALL, 1, "{}");
  wait_for_ever();
}
static void refused(void) {
  done(0, 0, SI_E_AUTH);
  wait_for_ever();
}
static void prints_and_exits(void) {
  fprintf(stderr, "cannot find my socks\n");
  fflush(NULL);
  _exit(5);
}
static void deaf(void) {
  signal(SIGTERM, SIG_IGN);
  wait_for_ever();
}

/* --- after a request --- */

static void ready_twice(void) {
  ready();
  ready();
  wait_for_ever();
}
static void done_for_nobody(void) {
  asked();
  done(request + 1000, 0, SI_OK);
  wait_for_ever();
}
static void done_twice(void) {
  asked();
  text(SI_FRAME_RESULT, request, "{}");
  done(request, 0, SI_OK);
  done(request, 0, SI_OK);
  wait_for_ever();
}
static void done_of_no_status(void) {
  asked();
  const uint32_t payload[4] = {0, 0, 4711, 0};
  raw(SI_FRAME_DONE, request, payload, sizeof payload);
  wait_for_ever();
}
static void done_cut_off(void) {
  asked();
  const uint32_t payload[4] = {0, 0, SI_E_IO, 0};
  raw(SI_FRAME_DONE, request, payload, sizeof payload);
  wait_for_ever();
}
static void data_for_nobody(void) {
  asked();
  words(SI_FRAME_DATA, request, SI_RING_HALF, 1);
  wait_for_ever();
}
static void item_for_nobody(void) {
  asked();
  text(SI_FRAME_ITEM, request, "key");
  wait_for_ever();
}
static void result_twice(void) {
  asked();
  text(SI_FRAME_RESULT, request, "{}");
  text(SI_FRAME_RESULT, request, "{}");
  wait_for_ever();
}
static void result_too_large(void) {
  asked();
  static char payload[60005];
  uint32_t len = sizeof payload - 5;
  memset(payload, 'x', sizeof payload - 1);
  memcpy(payload, &len, 4);
  raw(SI_FRAME_RESULT, request, payload, sizeof payload);
  wait_for_ever();
}
static void step_malformed(void) {
  asked();
  step(1, 0, false);
  wait_for_ever();
}
static void step_of_no_phase(void) {
  asked();
  step(1, 3, true);
  wait_for_ever();
}
static void gives_back_what_it_never_had(void) {
  asked();
  words(SI_FRAME_TAKEN, request, 3, 0);
  wait_for_ever();
}
static void gives_back_a_slot_of_its_own(void) {
  asked();
  words(SI_FRAME_TAKEN, request, SI_RING_HALF, 0);
  wait_for_ever();
}
static void endless_log(void) {
  asked();
  for (;;) {
    log_line("again and again");
  }
}
static void endless_progress(void) {
  asked();
  for (char payload[21] = {0};;) {
    payload[16] = 0;
    raw(SI_FRAME_PROGRESS, request, payload, 21);
  }
}
static void endless_output(void) {
  asked();
  for (;;) {
    (void)!write(STDERR_FILENO, "spam and eggs\n", 14);
  }
}
/* Steps without end, and never reads an answer. */
static void endless_steps(void) {
  asked();
  for (uint64_t id = 1;; id++) {
    step(id, 0, true);
  }
}
static void secret_malformed(void) {
  asked();
  raw(SI_FRAME_SECRET, 1, "\377\377\377\377K", 6);
  wait_for_ever();
}
/* Questions without end, and never reads an answer. */
static void endless_secrets(void) {
  asked();
  for (uint64_t id = 1;; id++) {
    text(SI_FRAME_SECRET, id, "KNOWN");
  }
}
/* Asks for one secret, and gives back what it was told: an honest provider never would. */
static const char *ask_for(uint64_t id, const char *name) {
  static char answer[256];
  struct si_error error;
  text(SI_FRAME_SECRET, id, name);
  struct si_frame frame = next();
  struct si_unpack in = si_unpack_of(&frame);
  si_unpack_error(&in, &error);
  const char *value = error.status == SI_OK ? si_unpack_text(&in) : error.code;
  bool mine = frame.type == SI_FRAME_LENT && frame.id == id && !in.bad && in.at == in.end;
  snprintf(answer, sizeof answer, "%s", mine ? value : "malformed");
  return answer;
}
static void asks_for_secrets(void) {
  static const char *const names[] = {"KNOWN", "OTHER", "WITH_NUL", "TWICE", "KNOWN"};
  struct si_buf result = SI_BUF(2048);
  asked();
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (si_buf_printf(&result, "%s;", ask_for(i + 1, names[i])) != SI_OK) {
      _exit(9);
    }
  }
  text(SI_FRAME_RESULT, request, si_buf_text(&result));
  done(request, 0, SI_OK);
  while (next().type != SI_FRAME_BYE) {
  }
  _exit(0);
}
static void closes_the_wire_and_stays(void) {
  asked();
  close(SI_HOST_FD_WIRE);
  deaf();
}
static void exits_in_the_call(void) {
  asked();
  _exit(7);
}
static void answers_then_dies(void) {
  asked();
  text(SI_FRAME_RESULT, request, "{\"a\":1}");
  done(request, 0, SI_OK);
  _exit(1);
}
/* A grandchild of a session of its own holds the wire, and floods it, when the child is gone. */
static void grandchild_on(int fd) {
  asked();
  if (fork() == 0) {
    setsid();
    for (;;) {
      if (fd == SI_HOST_FD_WIRE) {
        log_line("still here");
      } else {
        (void)!write(fd, "still here\n", 11);
      }
    }
  }
  _exit(7);
}
static void grandchild_holds_the_wire(void) {
  grandchild_on(SI_HOST_FD_WIRE);
}
static void grandchild_holds_the_output(void) {
  grandchild_on(STDERR_FILENO);
}
/* As an honest provider does that sees `cancelled`. */
static void stops_when_asked(void) {
  bool called = false, cancelled = false;
  ready();
  while (!called || !cancelled) { /* in either order */
    struct si_frame frame = next();
    request = frame.type == SI_FRAME_CALL ? frame.id : request;
    called = called || frame.type == SI_FRAME_CALL;
    cancelled = cancelled || frame.type == SI_FRAME_CANCEL;
  }
  done(request, 0, SI_E_CANCELLED);
  while (next().type != SI_FRAME_BYE) {
  }
  _exit(0);
}
static void fails_in_words(void) {
  asked();
  done(request, 0, SI_E_CONFLICT);
  while (next().type != SI_FRAME_BYE) {
  }
  _exit(0);
}
static void will_not_leave(void) {
  asked();
  text(SI_FRAME_RESULT, request, "{\"a\":1}");
  done(request, 0, SI_OK);
  deaf();
}

/* --- stores --- */

static void data_in_our_half(void) {
  asked();
  words(SI_FRAME_DATA, request, 3, 1);
  wait_for_ever();
}
static void data_beyond_the_ring(void) {
  asked();
  words(SI_FRAME_DATA, request, SI_RING_SLOTS, 1);
  wait_for_ever();
}
static void data_longer_than_a_slot(void) {
  asked();
  words(SI_FRAME_DATA, request, SI_RING_HALF, SI_RING_RUN_BYTES + 1);
  wait_for_ever();
}
/* It reads what it is answered, so that nothing but the bytes themselves can end it. */
static void data_without_end(void) {
  static char answers[65536];
  asked();
  for (;;) {
    words(SI_FRAME_DATA, request, SI_RING_HALF, SI_RING_SLOT);
    (void)!recv(SI_HOST_FD_WIRE, answers, sizeof answers, MSG_DONTWAIT);
  }
}
/* Its bytes wait to be read there: whatever comes there now would be read as if it were they. */
static void data_where_si_still_reads(void) {
  asked();
  words(SI_FRAME_DATA, request, SI_RING_HALF, 10);
  words(SI_FRAME_DATA, request, SI_RING_HALF, SI_RING_RUN_BYTES);
  words(SI_FRAME_DATA, request, SI_RING_HALF + 1, SI_RING_RUN_BYTES);
  wait_for_ever();
}
static void data_after_the_end(void) {
  asked();
  words(SI_FRAME_DATA, request, SI_RING_HALF, 5);
  done(request, 0, SI_OK);
  words(SI_FRAME_DATA, request, SI_RING_HALF, 5);
  wait_for_ever();
}
/* The second answer comes while the first still waits for its bytes to be read. */
static void answered_twice_while_it_is_read(void) {
  asked();
  together = true;
  words(SI_FRAME_DATA, request, SI_RING_HALF, SI_RING_RUN_BYTES);
  words(SI_FRAME_DATA, request, SI_RING_HALF + SI_RING_RUN, SI_RING_RUN_BYTES);
  done(request, 0, SI_OK);
  done(request, 0, SI_E_IO);
  together = false;
  send_all(waiting.data, waiting.len);
  wait_for_ever();
}
static void dies_while_its_bytes_are_read(void) {
  asked();
  for (uint32_t i = 0; i < SI_RING_HALF; i += SI_RING_RUN) {
    words(SI_FRAME_DATA, request, SI_RING_HALF + i, SI_RING_RUN_BYTES);
  }
  _exit(7);
}
static void one_byte_too_many(void) {
  asked();
  words(SI_FRAME_DATA, request, SI_RING_HALF, 11);
  done(request, 0, SI_OK);
  while (next().type != SI_FRAME_BYE) {
  }
  _exit(0);
}
static void item_of(const char *key, const char *id) {
  struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(65536);
  if (si_pack_text(&out, key) != SI_OK || si_pack_u64(&out, 5) != SI_OK ||
      si_pack_u64(&out, UINT64_MAX) != SI_OK || si_pack_text(&out, id) != SI_OK) {
    _exit(8);
  }
  raw(SI_FRAME_ITEM, request, out.data, out.len);
}
static void item(void) {
  item_of("prefix/k", "");
}
static void items_without_end(void) {
  asked();
  for (;;) {
    item();
  }
}
static void one_item_too_many(void) {
  asked();
  for (int i = 0; i < 4; i++) {
    item();
  }
  done(request, 0, SI_OK);
  while (next().type != SI_FRAME_BYE) {
  }
  _exit(0);
}
/* An item, and then as if all were well. */
static void one_item(const char *key, const char *id) {
  asked();
  item_of(key, id);
  done(request, 0, SI_OK);
  while (next().type != SI_FRAME_BYE) {
  }
  _exit(0);
}
static void item_without_a_time(void) {
  one_item("prefix", "");
}
static void item_outside_the_prefix(void) {
  one_item("prefix2/k", "");
}
static void item_without_a_key(void) {
  one_item("", "");
}
static void item_that_is_no_text(void) {
  one_item("prefix/\xff", "");
}
static void item_with_an_id(void) {
  one_item("prefix/k", "id");
}
static void item_with_a_long_key(void) {
  static char key[5000];
  memset(key, 'k', sizeof key - 1);
  memcpy(key, "prefix/", 7);
  one_item(key, "");
}
static void item_cut_off(void) {
  asked();
  raw(SI_FRAME_ITEM, request, "\1\0\0\0k\0\5\0\0\0\0\0\0\0", 14);
  wait_for_ever();
}
static void unfinished_object(void) {
  one_item("prefix/k", "id-1");
}
static void unfinished_without_an_id(void) {
  one_item("prefix/k", "");
}
static void unfinished_with_a_strange_id(void) {
  one_item("prefix/k", "an id");
}
static void unfinished_with_a_long_id(void) {
  static char id[SI_STORE_ID_MAX + 2];
  memset(id, 'i', sizeof id - 1);
  one_item("prefix/k", id);
}
static void tell_uri(const char *uri) {
  asked();
  text(SI_FRAME_RESULT, request, uri);
  done(request, 0, SI_OK);
  while (next().type != SI_FRAME_BYE) {
  }
  _exit(0);
}
/* An object and an unfinished one, and nothing else. */
static void removes(void) {
  static const char key[] = "\3\0\0\0key", both[] = "\3\0\0\0key\0\2\0\0\0id";
  ready();
  struct si_frame frame = next();
  if (frame.type != SI_FRAME_REMOVE || frame.len != sizeof key ||
      memcmp(frame.data, key, sizeof key) != 0) {
    _exit(6);
  }
  done(frame.id, 0, SI_OK);
  frame = next();
  if (frame.type != SI_FRAME_DISCARD || frame.len != sizeof both ||
      memcmp(frame.data, both, sizeof both) != 0) {
    _exit(6);
  }
  done(frame.id, 0, SI_OK);
  while (next().type != SI_FRAME_BYE) {
  }
  _exit(0);
}
static void uri_of_its_own(void) {
  tell_uri("uri_of_its_own://bucket/key");
}
static void uri_of_another(void) {
  tell_uri("URI_of_another://bucket/key");
}
static void uri_that_moves_the_cursor(void) {
  tell_uri("uri_that_moves_the_cursor://\33[2J");
}
static void uri_never_told(void) {
  asked();
  done(request, 0, SI_OK);
  wait_for_ever();
}
static void uri_without_end(void) {
  static char payload[SI_STORE_URI_SIZE + 5];
  uint32_t len = SI_STORE_URI_SIZE;
  asked();
  memset(payload, 'x', sizeof payload - 1);
  memcpy(payload, &len, 4);
  raw(SI_FRAME_RESULT, request, payload, sizeof payload);
  wait_for_ever();
}
static void gives_a_slot_back_twice(void) {
  asked();
  for (;;) {
    struct si_frame frame = next();
    if (frame.type == SI_FRAME_PUT_DATA) {
      uint32_t slot;
      memcpy(&slot, frame.data, 4);
      words(SI_FRAME_TAKEN, request, slot, 0);
      words(SI_FRAME_TAKEN, request, slot, 0);
    }
  }
}
static void never_gives_a_slot_back(void) {
  asked();
  for (;;) {
    (void)next();
  }
}

/* Keeps one object, counts its bytes, and gives them back: an honest store. */
static void honest(void) {
  uint64_t length = 0;
  ready();
  for (;;) {
    struct si_frame frame = next();
    struct si_unpack in = si_unpack_of(&frame);
    switch (frame.type) {
      case SI_FRAME_PUT_OPEN:
        request = frame.id;
        length = 0;
        break;
      case SI_FRAME_PUT_DATA: {
        uint32_t slot = si_unpack_u32(&in);
        uint32_t len = si_unpack_u32(&in);
        const char *bytes = si_ring_slot(&ring, slot);
        for (uint32_t i = 0; i < len; i++) {
          if (bytes[i] != (char)(length + i)) {
            _exit(6);
          }
        }
        length += len;
        words(SI_FRAME_TAKEN, request, slot, 0);
        break;
      }
      case SI_FRAME_PUT_CLOSE: done(request, 0, SI_OK); break;
      case SI_FRAME_STAT: done(frame.id, length, SI_OK); break;
      case SI_FRAME_BYE: _exit(0);
      default: _exit(5);
    }
  }
}

#include "tests/unit/host/hostile_locks.h"

#define BEHAVIOUR(fn) \
  { #fn, fn }
static const struct {
  const char *name;
  void (*run)(void);
} behaviours[] = {
    BEHAVIOUR(exit_after_open),
    BEHAVIOUR(killed_after_open),
    BEHAVIOUR(half_a_header),
    BEHAVIOUR(half_a_frame),
    BEHAVIOUR(huge_frame),
    BEHAVIOUR(ready_malformed),
    BEHAVIOUR(unknown_frame),
    BEHAVIOUR(a_request_of_ours),
    BEHAVIOUR(refused),
    BEHAVIOUR(prints_and_exits),
    BEHAVIOUR(wait_for_ever),
    BEHAVIOUR(deaf),
    BEHAVIOUR(ready_twice),
    BEHAVIOUR(done_for_nobody),
    BEHAVIOUR(done_twice),
    BEHAVIOUR(done_of_no_status),
    BEHAVIOUR(done_cut_off),
    BEHAVIOUR(data_for_nobody),
    BEHAVIOUR(item_for_nobody),
    BEHAVIOUR(result_twice),
    BEHAVIOUR(result_too_large),
    BEHAVIOUR(step_malformed),
    BEHAVIOUR(step_of_no_phase),
    BEHAVIOUR(gives_back_what_it_never_had),
    BEHAVIOUR(gives_back_a_slot_of_its_own),
    BEHAVIOUR(endless_log),
    BEHAVIOUR(endless_progress),
    BEHAVIOUR(endless_output),
    BEHAVIOUR(endless_steps),
    BEHAVIOUR(secret_malformed),
    BEHAVIOUR(endless_secrets),
    BEHAVIOUR(asks_for_secrets),
    BEHAVIOUR(closes_the_wire_and_stays),
    BEHAVIOUR(exits_in_the_call),
    BEHAVIOUR(answers_then_dies),
    BEHAVIOUR(grandchild_holds_the_wire),
    BEHAVIOUR(grandchild_holds_the_output),
    BEHAVIOUR(stops_when_asked),
    BEHAVIOUR(fails_in_words),
    BEHAVIOUR(will_not_leave),
    BEHAVIOUR(data_in_our_half),
    BEHAVIOUR(data_beyond_the_ring),
    BEHAVIOUR(data_longer_than_a_slot),
    BEHAVIOUR(data_without_end),
    BEHAVIOUR(data_where_si_still_reads),
    BEHAVIOUR(data_after_the_end),
    BEHAVIOUR(answered_twice_while_it_is_read),
    BEHAVIOUR(dies_while_its_bytes_are_read),
    BEHAVIOUR(one_byte_too_many),
    BEHAVIOUR(items_without_end),
    BEHAVIOUR(one_item_too_many),
    BEHAVIOUR(item_without_a_time),
    BEHAVIOUR(item_outside_the_prefix),
    BEHAVIOUR(item_without_a_key),
    BEHAVIOUR(item_that_is_no_text),
    BEHAVIOUR(item_with_an_id),
    BEHAVIOUR(item_with_a_long_key),
    BEHAVIOUR(item_cut_off),
    BEHAVIOUR(unfinished_object),
    BEHAVIOUR(unfinished_without_an_id),
    BEHAVIOUR(unfinished_with_a_strange_id),
    BEHAVIOUR(unfinished_with_a_long_id),
    BEHAVIOUR(removes),
    BEHAVIOUR(uri_of_its_own),
    BEHAVIOUR(uri_of_another),
    BEHAVIOUR(uri_that_moves_the_cursor),
    BEHAVIOUR(uri_never_told),
    BEHAVIOUR(uri_without_end),
    BEHAVIOUR(gives_a_slot_back_twice),
    BEHAVIOUR(never_gives_a_slot_back),
    BEHAVIOUR(honest),
    BEHAVIOUR(lock_for_nobody),
    BEHAVIOUR(lock_before_it_is_asked),
    BEHAVIOUR(lock_after_the_end),
    BEHAVIOUR(lock_cut_off),
    BEHAVIOUR(lock_that_is_no_frame),
    BEHAVIOUR(item_for_locks),
};

int main(void) {
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failing test must not leave a flood behind */
  if (si_ring_attach(&ring, SI_HOST_FD_RING) != SI_OK) {
    return 8;
  }
  struct si_frame frame = next();
  struct si_unpack in = si_unpack_of(&frame);
  (void)si_unpack_text(&in);
  const char *name = si_unpack_text(&in);
  for (size_t i = 0; i < sizeof behaviours / sizeof *behaviours; i++) {
    if (strcmp(behaviours[i].name, name) == 0) {
      behaviours[i].run();
      return 0;
    }
  }
  if (run_lock(name)) {
    return 0;
  }
  fprintf(stderr, "no behaviour is called %s\n", name);
  return 2;
}
