/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/host/lock_world.h - a plugin tree of the test's own with the stores `locker`
 * (tests/plugins/locker.h) and bare-store, fresh roots for the first, and sessions with both.
 * Depends on LOCK_PLUGINS, where they were built.
 */
#ifndef SI_TESTS_LOCK_WORLD_H
#define SI_TESTS_LOCK_WORLD_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/host/session.h"
#include "kit/base/hash.h"
#include "kit/base/path.h"
#include "kit/base/text.h"
#include "tests/unit/unit.h"

#define FATAL_OK(x) CU_ASSERT_EQUAL_FATAL((x), SI_OK)
enum { HOUR = 3600000 };

static struct si_session *session;
static struct si_store *store;
static struct si_error error;
static char tree[] = "/tmp/host-lock-XXXXXX";
static char root[64];
static int roots;

/* --- a tree with both plugins, as safe as one must be --- */

static void copy_plugin(int dir, const char *id, const char *needs, struct si_buf *manifest) {
  struct si_buf bytes SI_AUTO(si_buf_free) = SI_BUF(64u << 20);
  char name[64], hash[SI_SHA256_HEX];
  int from SI_AUTO(si_close) = open(LOCK_PLUGINS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  snprintf(name, sizeof name, "%s.so", id);
  FATAL_OK(si_read_file(from, name, &bytes));
  FATAL_OK(si_write_file(dir, name, bytes.data, bytes.len, 0644));
  FATAL_OK(si_sha256_hex(bytes.data, bytes.len, hash));
  FATAL_OK(si_buf_printf(manifest,
                         "%s{\"id\":\"%s\",\"file\":\"%s\",\"sha256\":\"%s\",\"kinds\":"
                         "[\"artifact\"],\"needs\":%s,\"abi\":\"1.0\",\"license\":\"Apache-2.0\"}",
                         manifest->data[manifest->len - 1] == '[' ? "" : ",", id, name, hash,
                         needs));
}

static void make_tree(void) {
  struct si_buf manifest SI_AUTO(si_buf_free) = SI_BUF(10000);
  CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(tree));
  int dir SI_AUTO(si_close) = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  FATAL_OK(si_buf_puts(&manifest, "{\"schema\":\"si.plugins/1\",\"serial\":1,\"plugins\":["));
  copy_plugin(dir, "locker", "{\"write\":[\"${config.root}\"]}", &manifest);
  copy_plugin(dir, "bare-store", "{}", &manifest);
  FATAL_OK(si_buf_puts(&manifest, "]}"));
  FATAL_OK(si_write_file(dir, "manifest.json", manifest.data, manifest.len, 0644));
  setenv("SI_PLUGIN_DIR", tree, 1);
}

static int drop(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)st;
  (void)type;
  (void)at;
  return remove(path);
}

static void drop_tree(void) {
  CU_ASSERT_EQUAL(nftw(tree, drop, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* --- a store --- */

/* From now on an empty one. */
static void fresh(void) {
  snprintf(root, sizeof root, "%s/store-%d", tree, ++roots);
  CU_ASSERT_EQUAL_FATAL(mkdir(root, 0700), 0);
}

/* The file `name` of the store's root. */
static void set_number(const char *name, int64_t number) {
  char text[32];
  int dir SI_AUTO(si_close) = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  snprintf(text, sizeof text, "%lld\n", (long long)number);
  FATAL_OK(si_write_file(dir, name, text, strlen(text), 0600));
}

static struct si_session *open_session(const char *plugin, const char *fault) {
  char config[200] = "{}";
  struct si_session *opened = NULL;
  if (strcmp(plugin, "locker") == 0) {
    snprintf(config, sizeof config, "{\"root\":\"%s\"%s%s%s}", root, fault ? ",\"fault\":\"" : "",
             fault ? fault : "", fault ? "\"" : "");
  }
  const struct si_session_options options = {
      .plugin = plugin,
      .kind = SI_KIND_ARTIFACT,
      .config = config,
      .lock_fd = -1,
      .interrupt_fd = -1,
      .deadline_ns = si_monotonic_ns() + 60000000000ull,
  };
  memset(&error, 0, sizeof error);
  if (si_session_open(&options, &opened, &error) != SI_OK) {
    printf("  %s: %s\n", error.code, error.message);
    CU_FAIL_FATAL("the child did not open");
  }
  return opened;
}

static void begin(const char *fault) {
  session = open_session("locker", fault);
  store = si_session_store(session);
}

static void end(void) {
  si_session_close(session);
  session = NULL;
}

#endif
