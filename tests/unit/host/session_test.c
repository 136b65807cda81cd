/* SPDX-License-Identifier: Apache-2.0 */
/* core/host/session.h against a child that lies: whatever it does, the session ends in time with a
 * clear error, bounded, and leaves no process and no descriptor behind. R74. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/host/session_impl.h"
#include "core/wire/ring.h"
#include "kit/base/path.h"
#include "kit/base/text.h"
#include "tests/unit/unit.h"

/* --- what was heard --- */

static struct {
  size_t lines;
  size_t steps;
  bool dropped; /* "... were dropped" was said */
} heard;

static void on_log(void *ctx, uint32_t level, const char *message) {
  (void)ctx;
  (void)level;
  heard.lines++;
  heard.dropped = heard.dropped || strstr(message, "were dropped");
}

static si_rc on_step(void *ctx, const char *name, uint32_t phase, const char *outside_id) {
  (void)ctx;
  (void)name;
  (void)phase;
  (void)outside_id;
  heard.steps++;
  return SI_OK;
}

/* --- what is done with a session --- */

static si_rc drop_data(void *ctx, const void *data, size_t len) {
  (void)ctx;
  (void)data;
  (void)len;
  return SI_OK;
}

static void note_end(void *ctx, si_rc status, const struct si_error *error) {
  (void)error;
  *(si_rc *)ctx = status;
}

static si_rc drop_item(void *ctx, const struct si_store_object *object) {
  (void)ctx;
  CU_ASSERT_STRING_EQUAL(object->key, "prefix/k");
  return SI_OK;
}

static si_rc call(struct si_session *session, struct si_error *error) {
  struct si_buf result SI_AUTO(si_buf_free) = SI_BUF(10000);
  return si_session_call(session, SI_VERB_PROVISION, "{}", "{}", &result, error);
}

/* The opening itself must have failed. */
static si_rc never(struct si_session *session, struct si_error *error) {
  (void)session;
  return si_error_set(error, SI_OK, "OPENED", "the session opened");
}

static si_rc call_twice(struct si_session *session, struct si_error *error) {
  si_rc status = call(session, error);
  return status == SI_OK ? call(session, error) : status;
}

static si_rc get(struct si_session *session, struct si_error *error) {
  struct si_store *store = si_session_store(session);
  si_rc end = SI_E_INTERNAL;
  si_rc status = store->vt->get(store, "key", 10, &end, drop_data, note_end, error);
  status = status == SI_OK ? store->vt->flush(store, error) : status;
  return status == SI_OK && end != SI_OK
             ? si_error_set(error, end, "ENDED", "the object ended with %d", (int)end)
             : status;
}

/* As much as it likes, read slowly. */
static si_rc read_slowly(void *ctx, const void *data, size_t len) {
  const struct timespec pause = {0, 1000000};
  (void)ctx;
  (void)data;
  nanosleep(&pause, NULL);
  return len > SI_RING_RUN_BYTES ? SI_E_INTERNAL : SI_OK;
}

static si_rc get_all(struct si_session *session, struct si_error *error) {
  struct si_store *store = si_session_store(session);
  si_rc end = SI_E_INTERNAL;
  si_rc status = store->vt->get(store, "key", UINT64_MAX, &end, read_slowly, note_end, error);
  return status == SI_OK ? store->vt->flush(store, error) : status;
}

static si_rc get_again(struct si_session *session, struct si_error *error) {
  si_rc status = get_all(session, error);
  return status == SI_OK ? get_all(session, error) : status;
}

static si_rc list(struct si_session *session, struct si_error *error) {
  struct si_store *store = si_session_store(session);
  return store->vt->list(store, "prefix", 3, NULL, drop_item, error);
}

static si_rc list_all(struct si_session *session, struct si_error *error) {
  struct si_store *store = si_session_store(session);
  return store->vt->list(store, "", 3, NULL, drop_item, error);
}

static si_rc one_object(void *ctx, const struct si_store_object *object) {
  ++*(int *)ctx;
  CU_ASSERT_STRING_EQUAL(object->key, "prefix");
  CU_ASSERT_EQUAL(object->length, 5);
  CU_ASSERT_EQUAL(object->modified_ms, 0); /* what it said is no time */
  return SI_OK;
}

static si_rc list_one(struct si_session *session, struct si_error *error) {
  struct si_store *store = si_session_store(session);
  int seen = 0;
  si_rc status = store->vt->list(store, "prefix", 3, &seen, one_object, error);
  CU_ASSERT_EQUAL(seen, status == SI_OK);
  return status;
}

static si_rc one_unfinished(void *ctx, const struct si_store_unfinished *found) {
  ++*(int *)ctx;
  CU_ASSERT_STRING_EQUAL(found->key, "prefix/k");
  CU_ASSERT_STRING_EQUAL(found->id, "id-1");
  return SI_OK;
}

static si_rc unfinished(struct si_session *session, struct si_error *error) {
  struct si_store *store = si_session_store(session);
  int seen = 0;
  si_rc status = store->vt->unfinished(store, "prefix", 3, &seen, one_unfinished, error);
  CU_ASSERT_EQUAL(seen, status == SI_OK);
  return status;
}

static si_rc uri(struct si_session *session, struct si_error *error) {
  struct si_store *store = si_session_store(session);
  char text[SI_STORE_URI_SIZE] = "";
  si_rc status = store->vt->uri(store, "key", text, error);
  CU_ASSERT_STRING_EQUAL(text, status == SI_OK ? "uri_of_its_own://bucket/key" : "");
  return status;
}

static si_rc remove_and_discard(struct si_session *session, struct si_error *error) {
  struct si_store *store = si_session_store(session);
  si_rc status = store->vt->remove(store, "key", error);
  return status == SI_OK ? store->vt->discard(store, "key", "id", error) : status;
}

/* More than the ring holds. */
static si_rc put(struct si_session *session, struct si_error *error) {
  static char bytes[3 * SI_RING_SLOT + 17];
  struct si_store *store = si_session_store(session);
  const uint64_t length = 40 * sizeof bytes;
  uint64_t id = 0;
  si_rc status = store->vt->put_open(store, "key", 0, length, "text/plain", &id, error);
  for (uint64_t at = 0; status == SI_OK && at < length; at += sizeof bytes) {
    for (size_t i = 0; i < sizeof bytes; i++) {
      bytes[i] = (char)(at + i);
    }
    status = store->vt->put_data(store, id, bytes, sizeof bytes, error);
  }
  status = status == SI_OK ? store->vt->put_close(store, id, 1, error) : status;
  status = status == SI_OK ? store->vt->flush(store, error) : status;
  uint64_t stored = 0;
  status = status == SI_OK ? store->vt->stat(store, "key", &stored, error) : status;
  CU_ASSERT(status != SI_OK || stored == length);
  return status;
}

/* --- running one --- */

static size_t entries(const char *path) {
  size_t count = 0;
  DIR *dir = opendir(path);
  while (dir && readdir(dir)) {
    count++;
  }
  if (dir) {
    closedir(dir);
  }
  return count;
}

static si_rc run(const char *behaviour, si_rc (*drive)(struct si_session *, struct si_error *),
                 uint64_t deadline_ms, int interrupt_fd, struct si_error *error) {
  struct si_session *session = NULL;
  const struct si_session_options options = {
      .plugin = behaviour,
      .kind = SI_KIND_PROVISIONER,
      .lock_fd = -1,
      .deadline_ns = si_monotonic_ns() + deadline_ms * 1000000,
      .interrupt_fd = interrupt_fd,
      .listener = {.log = on_log, .step = on_step},
  };
  memset(&heard, 0, sizeof heard);
  memset(error, 0, sizeof *error);
  size_t descriptors = entries("/proc/self/fd");
  si_rc status = si_session_open(&options, &session, error);
  if (status == SI_OK) {
    status = drive(session, error);
  }
  si_session_close(session);
  CU_ASSERT_EQUAL(entries("/proc/self/fd"), descriptors);
  CU_ASSERT(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD); /* nobody is left */
  return status;
}

static const struct hostile {
  const char *behaviour;
  si_rc (*drive)(struct si_session *, struct si_error *);
  const char *code;
  si_rc status;
  unsigned deadline_ms; /* 0: far away */
} hostiles[] = {
    {"exit_after_open", never, "PLUGIN_EXITED", SI_E_INTERNAL, 0},
    {"killed_after_open", never, "PLUGIN_CRASHED", SI_E_INTERNAL, 0},
    {"half_a_header", never, "PLUGIN_EXITED", SI_E_INTERNAL, 0},
    {"half_a_frame", never, "PLUGIN_EXITED", SI_E_INTERNAL, 0},
    {"huge_frame", never, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"ready_malformed", never, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"unknown_frame", never, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"a_request_of_ours", never, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"refused", never, "HOSTILE", SI_E_AUTH, 0},
    {"prints_and_exits", never, "PLUGIN_EXITED", SI_E_INTERNAL, 0},
    {"wait_for_ever", never, "OPERATION_TIMED_OUT", SI_E_TIMEOUT, 300},
    {"deaf", never, "OPERATION_TIMED_OUT", SI_E_TIMEOUT, 300},
    {"ready_twice", call, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"done_for_nobody", call, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"done_twice", call_twice, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"done_of_no_status", call, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"done_cut_off", call, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"data_for_nobody", call, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"item_for_nobody", call, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"result_twice", call, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"result_too_large", call, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"step_malformed", call, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"step_of_no_phase", call, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"gives_back_what_it_never_had", call, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"gives_back_a_slot_of_its_own", call, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"endless_log", call, "OPERATION_TIMED_OUT", SI_E_TIMEOUT, 300},
    {"endless_progress", call, "OPERATION_TIMED_OUT", SI_E_TIMEOUT, 300},
    {"endless_output", call, "OPERATION_TIMED_OUT", SI_E_TIMEOUT, 300},
    {"endless_steps", call, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"secret_malformed", call, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"endless_secrets", call, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"closes_the_wire_and_stays", call, "PLUGIN_CRASHED", SI_E_INTERNAL, 0},
    {"exits_in_the_call", call, "PLUGIN_EXITED", SI_E_INTERNAL, 0},
    {"answers_then_dies", call_twice, "PLUGIN_EXITED", SI_E_INTERNAL, 0},
    {"grandchild_holds_the_wire", call, "PLUGIN_EXITED", SI_E_INTERNAL, 0},
    {"grandchild_holds_the_output", call, "PLUGIN_EXITED", SI_E_INTERNAL, 0},
    {"stops_when_asked", call, "OPERATION_TIMED_OUT", SI_E_TIMEOUT, 300},
    {"fails_in_words", call, "HOSTILE", SI_E_CONFLICT, 0},
    {"data_in_our_half", get, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"data_beyond_the_ring", get, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"data_longer_than_a_slot", get, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"data_without_end", get, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"data_where_si_still_reads", get_all, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"data_after_the_end", get_again, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"answered_twice_while_it_is_read", get_all, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"dies_while_its_bytes_are_read", get_all, "PLUGIN_EXITED", SI_E_INTERNAL, 0},
    {"one_byte_too_many", get, "ENDED", SI_E_QUOTA, 0},
    {"items_without_end", list, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"one_item_too_many", list, "STORE_STOPPED", SI_E_QUOTA, 0},
    {"item_outside_the_prefix", list, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"item_without_a_key", list_all, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"item_that_is_no_text", list, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"item_with_an_id", list, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"item_with_a_long_key", list, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"item_cut_off", list, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"items_without_end", unfinished, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"item_outside_the_prefix", unfinished, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"item_that_is_no_text", unfinished, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"unfinished_without_an_id", unfinished, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"unfinished_with_a_strange_id", unfinished, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"unfinished_with_a_long_id", unfinished, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"item_for_nobody", remove_and_discard, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"fails_in_words", remove_and_discard, "HOSTILE", SI_E_CONFLICT, 0},
    {"fails_in_words", unfinished, "HOSTILE", SI_E_CONFLICT, 0},
    {"uri_of_another", uri, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"uri_that_moves_the_cursor", uri, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"uri_never_told", uri, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"uri_without_end", uri, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"result_twice", uri, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"gives_a_slot_back_twice", put, "PLUGIN_PROTOCOL", SI_E_INTERNAL, 0},
    {"never_gives_a_slot_back", put, "OPERATION_TIMED_OUT", SI_E_TIMEOUT, 300},
};

static void whatever_the_child_does_ends_in_time_with_a_clear_error(void) {
  for (size_t i = 0; i < sizeof hostiles / sizeof *hostiles; i++) {
    const struct hostile *h = &hostiles[i];
    struct si_error error;
    uint64_t began = si_monotonic_ns();
    si_rc status = run(h->behaviour, h->drive, h->deadline_ms ? h->deadline_ms : 30000, -1, &error);
    uint64_t took_ms = (si_monotonic_ns() - began) / 1000000;
    if (status != h->status || strcmp(error.code, h->code) != 0 || error.status != h->status ||
        took_ms > 20000) {
      printf("  %s: %s (%d) in %llu ms, %s (%d) was to come: %s\n", h->behaviour, error.code,
             (int)status, (unsigned long long)took_ms, h->code, (int)h->status, error.message);
      CU_FAIL("another end than this was to come");
    }
    CU_ASSERT(error.message[0]);
  }
}

static void a_flood_of_lines_is_cut_and_said_to_be(void) {
  struct si_error error;
  static const char *const floods[] = {"endless_log", "endless_output"};
  for (size_t i = 0; i < 2; i++) {
    CU_ASSERT_EQUAL(run(floods[i], call, 300, -1, &error), SI_E_TIMEOUT);
    CU_ASSERT(heard.lines <= 2001);
    CU_ASSERT(heard.dropped);
  }
}

static void what_the_child_printed_last_is_in_the_error(void) {
  struct si_error error;
  CU_ASSERT_EQUAL(run("prints_and_exits", call, 60000, -1, &error), SI_E_INTERNAL);
  CU_ASSERT_PTR_NOT_NULL(strstr(error.detail, "cannot find my socks"));
}

/* --- results of a verb that goes on --- */

static struct {
  unsigned count;
  si_rc answer;
} pieces;

static si_rc take_piece(void *ctx, const char *json) {
  CU_ASSERT_PTR_EQUAL(ctx, &pieces);
  CU_ASSERT_STRING_EQUAL(json, "{}");
  pieces.count++;
  return pieces.answer;
}

static si_rc stream(struct si_session *session, struct si_error *error) {
  return si_session_stream(session, SI_VERB_LOGS, "{}", "{}", &pieces, take_piece, error);
}

static void each_result_of_a_stream_is_handed_on_until_the_receiver_has_enough(void) {
  struct si_error error;
  pieces.count = 0;
  pieces.answer = SI_OK; /* two come, and then the child waits for ever */
  CU_ASSERT_EQUAL(run("result_twice", stream, 300, -1, &error), SI_E_TIMEOUT);
  CU_ASSERT_EQUAL(pieces.count, 2);
  pieces.count = 0;
  pieces.answer = SI_E_QUOTA;
  uint64_t began = si_monotonic_ns();
  CU_ASSERT_EQUAL(run("result_twice", stream, 60000, -1, &error), SI_E_QUOTA);
  CU_ASSERT_STRING_EQUAL(error.code, "OPERATION_STOPPED");
  CU_ASSERT_EQUAL(pieces.count, 1);
  CU_ASSERT(si_monotonic_ns() - began < 10000000000ull);
}

static void a_result_before_the_end_is_kept(void) {
  struct si_error error;
  CU_ASSERT_EQUAL(run("answers_then_dies", call, 60000, -1, &error), SI_OK);
}

static void a_store_that_is_honest_gets_every_byte_through_the_ring(void) {
  struct si_error error;
  CU_ASSERT_EQUAL(run("honest", put, 60000, -1, &error), SI_OK);
}

static void what_a_store_tells_of_its_objects_is_heard(void) {
  struct si_error error;
  CU_ASSERT_EQUAL(run("item_without_a_time", list_one, 60000, -1, &error), SI_OK);
  CU_ASSERT_EQUAL(run("unfinished_object", unfinished, 60000, -1, &error), SI_OK);
  CU_ASSERT_EQUAL(run("uri_of_its_own", uri, 60000, -1, &error), SI_OK);
  CU_ASSERT_EQUAL(run("removes", remove_and_discard, 60000, -1, &error), SI_OK);
}

static void a_child_that_will_not_leave_is_ended(void) {
  struct si_error error;
  uint64_t began = si_monotonic_ns();
  CU_ASSERT_EQUAL(run("will_not_leave", call, 60000, -1, &error), SI_OK);
  CU_ASSERT(si_monotonic_ns() - began < 15000000000ull);
}

static void interrupts_stop_first_in_order_then_at_once(void) {
  static const struct {
    const char *behaviour;
    size_t wishes;
    uint64_t most_ms;
  } cases[] = {{"stops_when_asked", 1, 9000}, {"deaf", 2, 9000}, {"endless_log", 2, 9000}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int ends[2];
    struct si_error error;
    CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    CU_ASSERT_EQUAL(write(ends[1], "\2\2", cases[i].wishes), (ssize_t)cases[i].wishes);
    uint64_t began = si_monotonic_ns();
    CU_ASSERT_EQUAL(run(cases[i].behaviour, call, 60000, ends[0], &error), SI_E_CANCELLED);
    CU_ASSERT((si_monotonic_ns() - began) / 1000000 < cases[i].most_ms);
    close(ends[0]);
    close(ends[1]);
  }
}

#define VALUE "a value that nobody else has"

static si_rc lend(void *ctx, const char *name, void *use_ctx, si_secret_use use,
                  struct si_error *error) {
  (void)ctx;
  if (strcmp(name, "KNOWN") == 0) {
    return use(use_ctx, VALUE, strlen(VALUE));
  }
  if (strcmp(name, "WITH_NUL") == 0) {
    return use(use_ctx, "a\0b", 3);
  }
  if (strcmp(name, "TWICE") == 0) {
    si_rc status = use(use_ctx, "once", 4);
    CU_ASSERT_EQUAL(use(use_ctx, "twice", 5), SI_E_INVALID);
    return status;
  }
  return si_error_set(error, SI_E_NOT_FOUND, "NOT_DECLARED", "the stack declares no %s", name);
}

static void secrets_are_lent_by_name_and_nothing_of_them_stays_behind(void) {
  static const struct {
    bool lends;
    const char *answers;
  } cases[] = {
      {true, VALUE ";NOT_DECLARED;SECRET_UNUSABLE;once;" VALUE ";"},
      {false,
       "SECRET_NOT_REFERRED;SECRET_NOT_REFERRED;SECRET_NOT_REFERRED;SECRET_NOT_REFERRED;SECRET_NOT_"
       "REFERRED;"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_error error;
    struct si_session *session = NULL;
    struct si_buf result SI_AUTO(si_buf_free) = SI_BUF(2000);
    const struct si_session_options options = {
        .plugin = "asks_for_secrets",
        .kind = SI_KIND_PROVISIONER,
        .lock_fd = -1,
        .interrupt_fd = -1,
        .listener = {.secret = cases[i].lends ? lend : NULL},
    };
    CU_ASSERT_EQUAL_FATAL(si_session_open(&options, &session, &error), SI_OK);
    CU_ASSERT_EQUAL(si_session_call(session, SI_VERB_PROVISION, "{}", "{}", &result, &error),
                    SI_OK);
    CU_ASSERT_STRING_EQUAL(si_buf_text(&result), cases[i].answers);
    CU_ASSERT_PTR_NULL(memmem(session->out.data, session->out.cap, VALUE, strlen(VALUE)));
    si_session_close(session);
  }
}

/* A process that was ours before, and is not of a provider, is left alone. */
static void a_child_of_another_origin_lives_on(void) {
  struct si_error error;
  pid_t other = fork();
  if (other == 0) {
    for (;;) {
      pause();
    }
  }
  CU_ASSERT_FATAL(other > 0);
  struct si_session *session = NULL;
  const struct si_session_options options = {
      .plugin = "exit_after_open", .kind = SI_KIND_ARTIFACT, .lock_fd = -1, .interrupt_fd = -1};
  CU_ASSERT_EQUAL(si_session_open(&options, &session, &error), SI_E_INTERNAL);
  CU_ASSERT_EQUAL(waitpid(other, NULL, WNOHANG), 0);
  kill(other, SIGKILL);
  CU_ASSERT_EQUAL(waitpid(other, NULL, 0), other);
}

static void a_request_larger_than_a_frame_is_refused_before_it_is_sent(void) {
  struct si_error error;
  struct si_session *session = NULL;
  struct si_buf result SI_AUTO(si_buf_free) = SI_BUF(1000);
  const struct si_session_options options = {
      .plugin = "fails_in_words", .kind = SI_KIND_PROVISIONER, .lock_fd = -1, .interrupt_fd = -1};
  char *large = calloc(1, SI_FRAME_MAX + 2);
  CU_ASSERT_PTR_NOT_NULL_FATAL(large);
  memset(large, ' ', SI_FRAME_MAX + 1);
  CU_ASSERT_EQUAL_FATAL(si_session_open(&options, &session, &error), SI_OK);
  CU_ASSERT_EQUAL(si_session_call(session, SI_VERB_PROVISION, large, "{}", &result, &error),
                  SI_E_QUOTA);
  CU_ASSERT_STRING_EQUAL(error.code, "PLUGIN_REQUEST");
  /* The session is none the worse for it. */
  CU_ASSERT_EQUAL(si_session_call(session, SI_VERB_PROVISION, "{}", "{}", &result, &error),
                  SI_E_CONFLICT);
  si_session_close(session);
  free(large);
}

UNIT_MAIN("host session", UNIT(whatever_the_child_does_ends_in_time_with_a_clear_error),
          UNIT(a_flood_of_lines_is_cut_and_said_to_be),
          UNIT(what_the_child_printed_last_is_in_the_error),
          UNIT(each_result_of_a_stream_is_handed_on_until_the_receiver_has_enough),
          UNIT(a_result_before_the_end_is_kept),
          UNIT(a_store_that_is_honest_gets_every_byte_through_the_ring),
          UNIT(what_a_store_tells_of_its_objects_is_heard),
          UNIT(a_child_that_will_not_leave_is_ended),
          UNIT(interrupts_stop_first_in_order_then_at_once),
          UNIT(secrets_are_lent_by_name_and_nothing_of_them_stays_behind),
          UNIT(a_child_of_another_origin_lives_on),
          UNIT(a_request_larger_than_a_frame_is_refused_before_it_is_sent))
