/* SPDX-License-Identifier: Apache-2.0 */
/* The room store.key: which keys are keys. */
#include <stdio.h>
#include <string.h>

#include "sdk/conform/store.h"

/* Every verb that takes a key must refuse this one. */
static void refused(struct trial *t, const char *key, const char *what) {
  struct store s = store_open(t);
  si_sink *sink = NULL;
  uint64_t length;
  size_t got;
  char byte, call[160];
  snprintf(call, sizeof call, "sink_open() with %s", what);
  demand_status(store_begin(&s, key, 1, 0, &sink), SI_E_INVALID, call);
  snprintf(call, sizeof call, "stat() with %s", what);
  demand_status(store_stat(&s, key, &length), SI_E_INVALID, call);
  snprintf(call, sizeof call, "reader_open() with %s", what);
  demand_status(store_get(&s, key, 0, 1, &byte, 1, &got), SI_E_INVALID, call);
  if (t->provider->caps & SI_CAP_ARTIFACT_REMOVE) {
    snprintf(call, sizeof call, "remove() with %s", what);
    demand_status(store_remove(&s, key), SI_E_INVALID, call);
  }
  store_close(&s);
}

static void empty(struct trial *t) {
  refused(t, "", "an empty key");
}

static void absolute(struct trial *t) {
  refused(t, "/a/b", "a key that begins with '/'");
}

static void dot_dot(struct trial *t) {
  refused(t, "a/../b", "a component \"..\"");
  refused(t, "../a", "a component \"..\" at its beginning");
  refused(t, "a/..", "a component \"..\" at its end");
}

static void dot(struct trial *t) {
  refused(t, "a/./b", "a component \".\"");
  refused(t, ".", "the key \".\"");
}

static void hidden(struct trial *t) {
  refused(t, "a/.b", "a component with a leading dot");
  refused(t, ".a/b", "a first component with a leading dot");
}

static void slashes(struct trial *t) {
  refused(t, "a//b", "an empty component");
  refused(t, "a/b/", "a '/' at its end");
}

static void letters(struct trial *t) {
  static const char others[] = " !\"#$%&'()*+,:;<=>?@[\\]^`{|}~\t\n\x01\x7f";
  for (size_t i = 0; i < sizeof others - 1; i++) {
    char key[] = "a/b?c";
    key[3] = others[i];
    refused(t, key, "a character that keys do not have");
  }
}

static void unicode(struct trial *t) {
  refused(t, "a/\xc3\xa4", "a letter beyond ASCII");
  refused(t, "a/\xff", "a byte that is no UTF-8");
}

static void long_component(struct trial *t) {
  char key[300] = "a/";
  memset(key + 2, 'b', 256);
  key[258] = '\0';
  refused(t, key, "a component of 256 bytes");
}

static void long_key(struct trial *t) {
  static char key[KEY_MAX + 2];
  memset(key, 'a', KEY_MAX + 1);
  for (size_t at = 100; at < KEY_MAX; at += 101) {
    key[at] = '/';
  }
  refused(t, key, "4097 bytes");
}

/* Stores, reads and finds an object under a key that is one. */
static void taken(struct store *s, const char *key) {
  size_t count = 0;
  store_must_put(s, key, "x", 1);
  store_must_hold(s, key, "x", 1);
  demand(store_listed(s, s->prefix, key, &count) == 1, "the key %.100s is not listed as it is",
         key);
  store_remove(s, key);
}

static void odd(struct trial *t) {
  static const char *const names[] = {"a",          "0",   "-",       "_",           "-rf",
                                      "a..b",       "a.",  "A",       "UPPER/lower", "a-b_c.d",
                                      "index.html", "con", "a.b.c.d", "--",          "a/b/c/d/e"};
  struct store s = store_open(t);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    taken(&s, store_key(&s, names[i]));
  }
  store_close(&s);
}

static void case_kept(struct trial *t) {
  struct store s = store_open(t);
  store_must_put(&s, store_key(&s, "name"), "lower", 5);
  store_must_put(&s, store_key(&s, "NAME"), "upper", 5);
  store_must_hold(&s, store_key(&s, "name"), "lower", 5);
  store_must_hold(&s, store_key(&s, "NAME"), "upper", 5);
  store_close(&s);
}

static void longest_component(struct trial *t) {
  char name[256];
  struct store s = store_open(t);
  memset(name, 'c', 255);
  name[255] = '\0';
  taken(&s, store_key(&s, name));
  store_close(&s);
}

/* Longer keys than this are allowed, and a store may not have the room for them: then it says so,
 * as a limit of its own or as a key that it does not take. */
static void long_but_fine(struct trial *t) {
  static char name[3000];
  struct store s = store_open(t);
  memset(name, 'd', sizeof name - 1);
  for (size_t at = 120; at < sizeof name - 2; at += 121) {
    name[at] = '/';
  }
  const char *key = store_key(&s, name);
  si_rc status = store_put(&s, key, "x", 1, 0);
  if (status != SI_E_QUOTA && status != SI_E_INVALID) {
    store_ok(status, "storing under a long key");
    store_must_hold(&s, key, "x", 1);
    store_remove(&s, key);
  }
  store_close(&s);
}

static void directory(struct trial *t) {
  struct store s = store_open(t);
  uint64_t length;
  store_must_put(&s, store_key(&s, "a/b"), "x", 1);
  demand_status(store_stat(&s, store_key(&s, "a"), &length), SI_E_NOT_FOUND,
                "stat() of what other keys begin with");
  store_close(&s);
}

#define STORE(id, title, run) \
  { id, title, SI_KIND_ARTIFACT, WANTS_PEER, 0, run }
const struct check store_key_checks[] = {
    STORE("store.key.empty", "an empty key is refused", empty),
    STORE("store.key.absolute", "a key that begins with '/' is refused", absolute),
    STORE("store.key.dot-dot", "a component \"..\" is refused", dot_dot),
    STORE("store.key.dot", "a component \".\" is refused", dot),
    STORE("store.key.hidden", "a component with a leading dot is refused", hidden),
    STORE("store.key.slashes", "empty components are refused", slashes),
    STORE("store.key.letters", "characters that keys do not have are refused", letters),
    STORE("store.key.unicode", "bytes beyond ASCII are refused", unicode),
    STORE("store.key.long-component", "a component of 256 bytes is refused", long_component),
    STORE("store.key.long", "a key of 4097 bytes is refused", long_key),
    STORE("store.key.odd", "every form of key that is allowed is taken", odd),
    STORE("store.key.case", "upper and lower case differ", case_kept),
    STORE("store.key.longest-component", "a component of 255 bytes is taken", longest_component),
    STORE("store.key.long-taken", "a long key is taken, or refused as too long for this store",
          long_but_fine),
    STORE("store.key.no-directory", "what keys begin with is no object", directory),
    {0}};
