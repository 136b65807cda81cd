/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/host/hostile_locks.h - what the si-host that lies does when it is asked for locks: one
 * line a behaviour. A part of hostile_host.c; session_lock_test.c knows the names, and what is
 * wanted: COMPLIANCE until LOCK_UNTIL.
 */
#ifndef SI_TESTS_HOSTILE_LOCKS_H
#define SI_TESTS_HOSTILE_LOCKS_H

#include "tests/unit/host/locks.h"

static void locked_of(uint64_t id, const char *key, const char *version, uint32_t mode,
                      uint32_t flags, uint64_t until, uint64_t told) {
  struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(65536);
  if (si_pack_text(&out, key) != SI_OK || si_pack_text(&out, version) != SI_OK ||
      si_pack_u32(&out, mode) != SI_OK || si_pack_u32(&out, flags) != SI_OK ||
      si_pack_u64(&out, until) != SI_OK || si_pack_u64(&out, told) != SI_OK) {
    _exit(8);
  }
  raw(SI_FRAME_LOCKED, id, out.data, out.len);
}

/* Ready, then waits for a request, and where that is an object for all of its bytes. */
static void asked_for_all(void) {
  asked();
  if (first_type != SI_FRAME_PUT_OPEN) {
    return;
  }
  for (;;) {
    struct si_frame frame = next();
    uint32_t slot;
    if (frame.type == SI_FRAME_PUT_CLOSE) {
      return;
    }
    memcpy(&slot, frame.data, 4);
    words(SI_FRAME_TAKEN, request, slot, 0);
  }
}

static _Noreturn void leave(void) {
  while (next().type != SI_FRAME_BYE) {
  }
  _exit(0);
}

enum { H = SI_LOCK_HELD, C = SI_LOCK_CURRENT, G = SI_LOCK_GOVERNANCE, W = SI_LOCK_COMPLIANCE };
#define LONG_VERSION              \
  (char[SI_STORE_ID_MAX + 2]) {   \
    [0 ... SI_STORE_ID_MAX] = 'v' \
  }
#define LONG_KEY                                          \
  (char[5000]) {                                          \
    'p', 'r', 'e', 'f', 'i', 'x', '/', [7 ... 4998] = 'k' \
  }

/* What it tells before it says that all is well. */
static const struct lock_told {
  const char *name;
  const char *key;
  const char *version;
  uint32_t mode;
  uint32_t flags;
  uint64_t until;
  uint64_t told;
  unsigned times; /* UINT32_MAX: without end */
  si_rc status;   /* that it ends with */
} locks_told[] = {
    {"lock_kept", "prefix/k", "v1", W, C, LOCK_UNTIL, LOCK_TOLD, 1, SI_OK},
    {"lock_kept_and_more", "prefix/k", "v1", W, C | H, LOCK_UNTIL + 1, LOCK_TOLD, 1, SI_OK},
    {"lock_without_a_version", "prefix", "", W, C, LOCK_UNTIL, 0, 1, SI_OK},
    {"lock_of_a_wild_clock", "prefix/k", "v1", W, C, LOCK_UNTIL, UINT64_MAX, 1, SI_OK},
    {"lock_of_another_object", "prefix/other", "v1", W, C, LOCK_UNTIL, LOCK_TOLD, 1, SI_OK},
    {"lock_untold", "prefix/k", "v1", W, C, LOCK_UNTIL, LOCK_TOLD, 0, SI_OK},
    {"lock_weaker", "prefix/k", "v1", G, C, LOCK_UNTIL, LOCK_TOLD, 1, SI_OK},
    {"lock_short", "prefix/k", "v1", W, C, LOCK_UNTIL - 1, LOCK_TOLD, 1, SI_OK},
    {"lock_none", "prefix/k", "v1", 0, C, 0, LOCK_TOLD, 1, SI_OK},
    {"lock_held_alone", "prefix/k", "v1", 0, C | H, 0, LOCK_TOLD, 1, SI_OK},
    {"lock_refused", "prefix/k", "v1", W, C, LOCK_UNTIL, LOCK_TOLD, 1, SI_E_CONFLICT},
    {"lock_told_twice", "prefix/k", "v1", W, C, LOCK_UNTIL, LOCK_TOLD, 2, SI_OK},
    {"lock_of_no_mode", "prefix/k", "v1", 3, C, LOCK_UNTIL, LOCK_TOLD, 1, SI_OK},
    {"lock_of_a_wild_mode", "prefix/k", "v1", UINT32_MAX, C, LOCK_UNTIL, LOCK_TOLD, 1, SI_OK},
    {"lock_of_wild_flags", "prefix/k", "v1", W, 8, LOCK_UNTIL, LOCK_TOLD, 1, SI_OK},
    {"lock_for_ever", "prefix/k", "v1", W, C, UINT64_MAX, LOCK_TOLD, 1, SI_OK},
    {"lock_past_the_years", "prefix/k", "v1", W, C, (1ull << 53) + 1, LOCK_TOLD, 1, SI_OK},
    {"lock_without_an_end", "prefix/k", "v1", W, C, 0, LOCK_TOLD, 1, SI_OK},
    {"lock_none_with_an_end", "prefix/k", "v1", 0, C, LOCK_UNTIL, LOCK_TOLD, 1, SI_OK},
    {"lock_of_a_strange_version", "prefix/k", "v\33[2J", W, C, LOCK_UNTIL, LOCK_TOLD, 1, SI_OK},
    {"lock_of_a_long_version", "prefix/k", LONG_VERSION, W, C, LOCK_UNTIL, LOCK_TOLD, 1, SI_OK},
    {"lock_outside_the_prefix", "prefix2/k", "v1", W, C, LOCK_UNTIL, LOCK_TOLD, 1, SI_OK},
    {"lock_above_the_prefix", "", "v1", W, C, LOCK_UNTIL, LOCK_TOLD, 1, SI_OK},
    {"lock_of_a_key_that_is_no_text", "prefix/\xff", "v1", W, C, LOCK_UNTIL, 0, 1, SI_OK},
    {"lock_of_a_long_key", LONG_KEY, "v1", W, C, LOCK_UNTIL, LOCK_TOLD, 1, SI_OK},
    {"lock_of_three", "prefix/k", "v1", W, C, LOCK_UNTIL, LOCK_TOLD, 3, SI_OK},
    {"lock_of_four", "prefix/k", "v1", W, C, LOCK_UNTIL, LOCK_TOLD, 4, SI_OK},
    {"locks_without_end", "prefix/k", "v1", W, C, LOCK_UNTIL, LOCK_TOLD, UINT32_MAX, SI_OK},
};

static void tell_lock(const struct lock_told *l) {
  asked_for_all();
  for (unsigned i = 0; i < l->times || l->times == UINT32_MAX; i++) {
    locked_of(request, l->key, l->version, l->mode, l->flags, l->until, l->told);
  }
  if (first_type == SI_FRAME_LOCKS) {
    text(SI_FRAME_RESULT, request, "{\"locking\":true}");
  }
  done(request, 0, l->status);
  leave();
}

/* --- and those that no such line can say --- */

static void lock_for_nobody(void) {
  asked_for_all();
  locked_of(request + 1000, "prefix/k", "v1", W, C, LOCK_UNTIL, LOCK_TOLD);
  wait_for_ever();
}
static void lock_before_it_is_asked(void) {
  ready();
  locked_of(1, "prefix/k", "v1", W, C, LOCK_UNTIL, LOCK_TOLD);
  wait_for_ever();
}
static void lock_after_the_end(void) {
  asked_for_all();
  together = true;
  locked_of(request, "prefix/k", "v1", W, C, LOCK_UNTIL, LOCK_TOLD);
  done(request, 0, SI_OK);
  locked_of(request, "prefix/k", "v1", W, C, LOCK_UNTIL, LOCK_TOLD);
  together = false;
  send_all(waiting.data, waiting.len);
  wait_for_ever();
}
static void lock_cut_off(void) {
  asked_for_all();
  raw(SI_FRAME_LOCKED, request, "\1\0\0\0k\0\0\0\0\0\0\2\0\0\0", 15);
  wait_for_ever();
}
static void lock_that_is_no_frame(void) {
  asked_for_all();
  raw(SI_FRAME_LOCKED, request, "\377\377\377\377", 4);
  wait_for_ever();
}
static void item_for_locks(void) {
  asked_for_all();
  item_of("prefix/k", "");
  wait_for_ever();
}

/* false where it is no behaviour of these. */
static bool run_lock(const char *name) {
  for (size_t i = 0; i < sizeof locks_told / sizeof *locks_told; i++) {
    if (strcmp(locks_told[i].name, name) == 0) {
      tell_lock(&locks_told[i]);
      return true;
    }
  }
  return false;
}

#endif
