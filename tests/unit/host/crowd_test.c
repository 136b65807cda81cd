/* SPDX-License-Identifier: Apache-2.0 */
/* Many objects through one child: those of a parallel provider move at once, what must move alone
 * does, and failures find their object. The child is the real si-host; the store in it watches how
 * it is called (tests/plugins/crowd.c). R46, R74. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/host/session_impl.h"
#include "core/wire/ring.h"
#include "kit/base/hash.h"
#include "kit/base/path.h"
#include "kit/base/text.h"
#include "tests/unit/unit.h"

#define FATAL_OK(x) CU_ASSERT_EQUAL_FATAL((x), SI_OK)

static struct si_session *session;
static struct si_store *store;
static struct si_error error;
static char tree[] = "/tmp/host-crowd-XXXXXX";

/* --- a tree with both plugins, as safe as one must be --- */

static void copy_plugin(int dir, const char *id, struct si_buf *manifest) {
  struct si_buf bytes SI_AUTO(si_buf_free) = SI_BUF(64u << 20);
  char name[64], hash[SI_SHA256_HEX];
  int from SI_AUTO(si_close) = open(CROWD_PLUGINS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  snprintf(name, sizeof name, "%s.so", id);
  FATAL_OK(si_read_file(from, name, &bytes));
  FATAL_OK(si_write_file(dir, name, bytes.data, bytes.len, 0644));
  FATAL_OK(si_sha256_hex(bytes.data, bytes.len, hash));
  FATAL_OK(si_buf_printf(manifest,
                         "%s{\"id\":\"%s\",\"file\":\"%s\",\"sha256\":\"%s\",\"kinds\":"
                         "[\"artifact\"],\"needs\":{},\"abi\":\"1.0\",\"license\":\"Apache-2.0\"}",
                         manifest->data[manifest->len - 1] == '[' ? "" : ",", id, name, hash));
}

static void make_tree(void) {
  struct si_buf manifest SI_AUTO(si_buf_free) = SI_BUF(10000);
  CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(tree));
  int dir SI_AUTO(si_close) = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  FATAL_OK(si_buf_puts(&manifest, "{\"schema\":\"si.plugins/1\",\"serial\":1,\"plugins\":["));
  copy_plugin(dir, "crowd", &manifest);
  copy_plugin(dir, "crowd-serial", &manifest);
  FATAL_OK(si_buf_puts(&manifest, "]}"));
  FATAL_OK(si_write_file(dir, "manifest.json", manifest.data, manifest.len, 0644));
  setenv("SI_PLUGIN_DIR", tree, 1);
}

static void drop_tree(void) {
  static const char *const names[] = {"crowd.so", "crowd-serial.so", "manifest.json"};
  int dir SI_AUTO(si_close) = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    unlinkat(dir, names[i], 0);
  }
  CU_ASSERT_EQUAL(rmdir(tree), 0);
}

/* --- a session --- */

static void begin(const char *plugin, int interrupt_fd) {
  const struct si_session_options options = {
      .plugin = plugin,
      .kind = SI_KIND_ARTIFACT,
      .lock_fd = -1,
      .interrupt_fd = interrupt_fd,
      .deadline_ns = si_monotonic_ns() + 60000000000ull,
  };
  memset(&error, 0, sizeof error);
  if (si_session_open(&options, &session, &error) != SI_OK) {
    printf("  %s: %s\n", error.code, error.message);
    CU_FAIL_FATAL("the child did not open");
  }
  store = si_session_store(session);
}

static uint64_t seen(const char *what) {
  uint64_t value = UINT64_MAX;
  FATAL_OK(store->vt->stat(store, what, &value, &error));
  return value;
}

static void end(void) {
  CU_ASSERT_EQUAL(seen("violations"), 0);
  CU_ASSERT_EQUAL(seen("corrupt"), 0);
  CU_ASSERT_EQUAL(seen("open"), 0);
  si_session_close(session);
}

/* --- objects: every byte is told by its place --- */

static unsigned char byte_at(uint64_t at) {
  return (unsigned char)(at * 7 + (at >> 13));
}

static si_rc put_part(uint64_t put, uint64_t from, size_t len) {
  static unsigned char bytes[1 << 20];
  CU_ASSERT_FATAL(len <= sizeof bytes);
  for (size_t i = 0; i < len; i++) {
    bytes[i] = byte_at(from + i);
  }
  return store->vt->put_data(store, put, bytes, len, &error);
}

static si_rc put(const char *key, size_t len, uint32_t flags) {
  uint64_t id = 0;
  si_rc status = store->vt->put_open(store, key, flags, len, "x/y", &id, &error);
  status = status == SI_OK ? put_part(id, 0, len) : status;
  return status == SI_OK ? store->vt->put_close(store, id, 1, &error) : status;
}

struct got {
  uint64_t len;
  bool wrong;
  atomic_int inside;
  int ends;
  si_rc status;
  char target[160];
};

static si_rc on_data(void *ctx, const void *data, size_t len) {
  struct got *got = ctx;
  const unsigned char *bytes = data;
  got->wrong = got->wrong || atomic_fetch_add(&got->inside, 1);
  for (size_t i = 0; i < len; i++) {
    got->wrong = got->wrong || bytes[i] != byte_at(got->len + i);
  }
  got->len += len;
  atomic_fetch_sub(&got->inside, 1);
  return SI_OK;
}

static void on_end(void *ctx, si_rc status, const struct si_error *why) {
  struct got *got = ctx;
  got->ends++;
  got->status = status;
  si_copy(got->target, sizeof got->target, why ? why->target : "");
}

static si_rc get(const char *key, struct got *got) {
  memset(got, 0, sizeof *got);
  return store->vt->get(store, key, 64u << 20, got, on_data, on_end, &error);
}

/* --- what is shown --- */

static void the_calls_for_several_objects_are_inside_at_once(void) {
  struct got got[4];
  char key[64];
  begin("crowd", -1);
  CU_ASSERT(store->open_max > 1);
  for (int i = 0; i < 4; i++) { /* each waits for the others */
    snprintf(key, sizeof key, "meet/put-%d", i);
    FATAL_OK(put(key, 1000, 0));
  }
  FATAL_OK(store->vt->flush(store, &error));
  CU_ASSERT(seen("most-inside") >= 4);
  CU_ASSERT_EQUAL(seen("finished"), 4);
  for (int i = 0; i < 4; i++) {
    snprintf(key, sizeof key, "meet/len-%d", 1000000 * i);
    FATAL_OK(get(key, &got[i]));
  }
  FATAL_OK(store->vt->flush(store, &error));
  for (int i = 0; i < 4; i++) {
    CU_ASSERT(got[i].ends == 1 && got[i].status == SI_OK && !got[i].wrong);
    CU_ASSERT_EQUAL(got[i].len, 1000000ull * (unsigned)i);
  }
  end();
}

static void a_provider_that_is_not_parallel_sees_one_call_and_one_object(void) {
  uint64_t one = 0, other = 0;
  char key[64];
  begin("crowd-serial", -1);
  for (int i = 0; i < 100; i++) {
    snprintf(key, sizeof key, "put-%d", i);
    FATAL_OK(put(key, 3000, 0));
  }
  CU_ASSERT_EQUAL(seen("most-inside"), 1);
  CU_ASSERT_EQUAL(seen("finished"), 100);
  FATAL_OK(store->vt->put_open(store, "a", 0, 1, "x/y", &one, &error));
  CU_ASSERT_EQUAL(store->vt->put_open(store, "b", 0, 1, "x/y", &other, &error), SI_E_CONFLICT);
  FATAL_OK(put_part(one, 0, 1));
  FATAL_OK(store->vt->put_close(store, one, 1, &error));
  end();
}

/* Far more than the ring holds, in every order that the contract allows: nothing waits for ever. */
static void objects_that_are_written_by_turns_all_end(void) {
  enum { LONG = 5000011, PART = 700000 };
  struct got got[60];
  uint64_t put_of[4] = {0}, at[4] = {0};
  char key[64];
  size_t gets = 0, puts = 0;
  begin("crowd", -1);
  CU_ASSERT_EQUAL_FATAL(store->open_max, 4);
  for (int i = 0; i < 3; i++) { /* the fourth place is for the small ones */
    snprintf(key, sizeof key, "long-%d", i);
    FATAL_OK(store->vt->put_open(store, key, 0, LONG, "x/y", &put_of[i], &error));
  }
  while (at[0] < LONG) {
    for (int i = 0; i < 3; i++) {
      size_t part = LONG - at[i] < PART ? (size_t)(LONG - at[i]) : PART;
      FATAL_OK(put_part(put_of[i], at[i], part));
      at[i] += part;
    }
    for (int i = 0; i < 40; i++, puts++) {
      snprintf(key, sizeof key, "small-%zu", puts);
      FATAL_OK(put(key, 1 + (size_t)i * 100, 0));
    }
    for (int i = 0; i < 7; i++, gets++) {
      snprintf(key, sizeof key, "len-%zu", gets * 77777);
      FATAL_OK(get(key, &got[gets]));
    }
  }
  for (int i = 0; i < 3; i++) {
    FATAL_OK(store->vt->put_close(store, put_of[i], 1, &error));
  }
  FATAL_OK(store->vt->flush(store, &error));
  CU_ASSERT_EQUAL(seen("finished"), 3 + puts);
  for (size_t i = 0; i < gets; i++) {
    CU_ASSERT(got[i].ends == 1 && got[i].status == SI_OK && !got[i].wrong);
    CU_ASSERT_EQUAL(got[i].len, i * 77777);
  }
  end();
}

static si_rc no_item(void *ctx, const struct si_store_object *object) {
  (void)ctx;
  (void)object;
  return SI_OK;
}

/* The store itself counts what is inside when such a call comes: end() looks at its violations. */
static void what_must_come_alone_does(void) {
  uint64_t id = 0, other = 0;
  char key[64];
  begin("crowd", -1);
  for (int round = 0; round < 20; round++) {
    for (int i = 0; i < 12; i++) {
      snprintf(key, sizeof key, "meet/put-%d-%d", round, i);
      FATAL_OK(put(key, 200000, 0));
    }
    if (round % 2) {
      FATAL_OK(store->vt->list(store, "p", 10, NULL, no_item, &error));
    } else {
      snprintf(key, sizeof key, "commit-%d", round);
      FATAL_OK(put(key, 300000, SI_PUT_COMMIT));
    }
  }
  CU_ASSERT_EQUAL(seen("finished"), 20 * 12 + 10);
  CU_ASSERT(seen("most-inside") > 1); /* or nothing was shown */
  /* And nothing else can be begun beside it. */
  FATAL_OK(store->vt->put_open(store, "c", SI_PUT_COMMIT, 1, "x/y", &id, &error));
  CU_ASSERT_EQUAL(store->vt->put_open(store, "d", 0, 1, "x/y", &other, &error), SI_E_CONFLICT);
  FATAL_OK(put_part(id, 0, 1));
  FATAL_OK(store->vt->put_close(store, id, 1, &error));
  FATAL_OK(store->vt->put_open(store, "e", 0, 1, "x/y", &id, &error));
  CU_ASSERT_EQUAL(store->vt->put_open(store, "f", SI_PUT_COMMIT, 1, "x/y", &other, &error),
                  SI_E_CONFLICT);
  FATAL_OK(store->vt->put_close(store, id, 0, &error));
  end();
}

static void the_failure_of_one_object_is_told_with_its_key(void) {
  static const struct {
    const char *key;
    si_rc status;
  } cases[] = {{"some/silent-one", SI_E_UNAVAILABLE}, {"some/worded-one", SI_E_QUOTA}};
  struct got got[20];
  char key[64];
  for (size_t c = 0; c < 2; c++) {
    begin("crowd", -1);
    si_rc status = SI_OK;
    for (int i = 0; status == SI_OK && i < 30; i++) {
      snprintf(key, sizeof key, "put-%d", i);
      status = put(i == 9 ? cases[c].key : key, 5000, 0);
    }
    status = status == SI_OK ? store->vt->flush(store, &error) : status;
    CU_ASSERT_EQUAL(status, cases[c].status);
    CU_ASSERT_STRING_EQUAL(error.target, cases[c].key);
    FATAL_OK(store->vt->flush(store, &error)); /* it is told once */
    for (int i = 0; i < 20; i++) {
      snprintf(key, sizeof key, i == 7 ? "missing-%d" : "len-%d", i);
      FATAL_OK(get(key, &got[i]));
    }
    FATAL_OK(store->vt->flush(store, &error));
    for (int i = 0; i < 20; i++) {
      CU_ASSERT_EQUAL(got[i].ends, 1);
      CU_ASSERT_EQUAL(got[i].status, i == 7 ? SI_E_NOT_FOUND : SI_OK);
    }
    CU_ASSERT_STRING_EQUAL(got[7].target, "missing-7");
    end();
  }
}

static void a_crash_in_one_of_them_names_what_it_did(void) {
  struct got got;
  char key[64];
  begin("crowd", -1);
  FATAL_OK(get("crash-len-1000", &got));
  for (int i = 0; i < 3; i++) {
    snprintf(key, sizeof key, "wait-%d", i);
    FATAL_OK(put(key, 10, 0));
  }
  CU_ASSERT_EQUAL(store->vt->flush(store, &error), SI_E_INTERNAL);
#ifndef __SANITIZE_ADDRESS__ /* which has a report of its own */
  CU_ASSERT_STRING_EQUAL(error.code, "PLUGIN_CRASHED");
  CU_ASSERT_PTR_NOT_NULL(strstr(error.detail, "in reader_read"));
#endif
  si_session_close(session);
}

static void a_cancel_reaches_all_of_them(void) {
  int ends[2];
  char key[64];
  CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  begin("crowd", ends[0]);
  for (int i = 0; i < 6; i++) {
    snprintf(key, sizeof key, "wait-%d", i);
    FATAL_OK(put(key, 10, 0));
  }
  CU_ASSERT_EQUAL(write(ends[1], "\2", 1), 1);
  CU_ASSERT_EQUAL(store->vt->flush(store, &error), SI_E_CANCELLED);
  CU_ASSERT_EQUAL(strncmp(error.target, "wait-", 5), 0);
  end();
  close(ends[0]);
  close(ends[1]);
}

/* What was begun and never ended is dropped with the session. */
static void an_object_that_is_left_open_holds_nothing_up(void) {
  uint64_t id = 0;
  begin("crowd", -1);
  FATAL_OK(store->vt->put_open(store, "left", 0, 100, "x/y", &id, &error));
  FATAL_OK(put_part(id, 0, 50));
  uint64_t began = si_monotonic_ns();
  si_session_close(session);
  CU_ASSERT(si_monotonic_ns() - began < 4000000000ull);
}

/* The first and the last are no tests: the tree is made before, and removed after. */
UNIT_MAIN("host crowd", UNIT(make_tree), UNIT(the_calls_for_several_objects_are_inside_at_once),
          UNIT(a_provider_that_is_not_parallel_sees_one_call_and_one_object),
          UNIT(objects_that_are_written_by_turns_all_end), UNIT(what_must_come_alone_does),
          UNIT(the_failure_of_one_object_is_told_with_its_key),
          UNIT(a_crash_in_one_of_them_names_what_it_did), UNIT(a_cancel_reaches_all_of_them),
          UNIT(an_object_that_is_left_open_holds_nothing_up), UNIT(drop_tree))
