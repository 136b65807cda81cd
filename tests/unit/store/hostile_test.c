/* SPDX-License-Identifier: Apache-2.0 */
/* What somebody else planted below the store's root leads nowhere (R51, R56). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/store/recorder.h"
#include "tests/unit/unit.h"

#define FATAL_OK(x) CU_ASSERT_EQUAL_FATAL((x), SI_OK)

static char root[64], outside[64];
static si_instance *store;
static si_op op;

static void at(char path[256], const char *dir, const char *name) {
  snprintf(path, 256, "%s/%s", dir, name);
}

static void begin(void) {
  char path[256];
  scratch_make(root);
  scratch_make(outside);
  at(path, outside, "secret");
  int fd = open(path, O_WRONLY | O_CREAT, 0600);
  CU_ASSERT_EQUAL_FATAL(write(fd, "keep", 4), 4);
  close(fd);
  FATAL_OK(recorder_open(root, &op, &store));
}

static void end(void) {
  char path[256];
  struct stat st;
  recorder_close(store);
  /* Whatever was tried: outside, nothing changed. */
  at(path, outside, "secret");
  CU_ASSERT_EQUAL(lstat(path, &st), 0);
  CU_ASSERT_EQUAL(st.st_size, 4);
  CU_ASSERT_EQUAL(count_temps(root), 0);
  CU_ASSERT_EQUAL(count_temps(outside), 0);
  scratch_drop(root);
  scratch_drop(outside);
}

static void a_key_that_is_none_is_refused_by_every_verb(void) {
  static char long_part[300], long_key[4200], deep[200];
  memset(long_part, 'a', 256);
  memset(long_key, 'a', sizeof long_key - 1);
  for (size_t i = 100; i < sizeof long_key; i += 100) {
    long_key[i] = '/';
  }
  for (size_t i = 0; i < 130; i++) {
    deep[i] = i % 2 ? '/' : 'a';
  }
  deep[130] = 'a';
  const char *const keys[] = {"/etc/passwd", "..",  "../x", "a/../b",   "a//b",    "a/",     ".a",
                              "a/.b",        "a b", "a\nb", "\xc3\xa4", long_part, long_key, deep};
  si_object_info info;
  char text[16];
  begin();
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    CU_ASSERT_EQUAL(put_all(store, &op, keys[i], 0, "x", 1), SI_E_INVALID);
    CU_ASSERT_EQUAL(op.status, SI_E_INVALID);
    CU_ASSERT_EQUAL(read_all(store, &op, keys[i], text, sizeof text), -1);
    CU_ASSERT_EQUAL(op.status, SI_E_INVALID);
    CU_ASSERT_EQUAL(recorder_table()->stat(store, &op, keys[i], &info), SI_E_INVALID);
    CU_ASSERT_EQUAL(recorder_table()->remove(store, &op, keys[i]), SI_E_INVALID);
    CU_ASSERT_EQUAL(listing(store, &op, keys[i], text, sizeof text), SI_E_INVALID);
  }
  CU_ASSERT_EQUAL(put_all(store, &op, "", 0, "x", 1), SI_E_INVALID);
  end();
}

static void a_link_in_the_path_is_not_followed(void) {
  char path[256], text[64];
  si_object_info info;
  begin();
  at(path, root, "dir");
  CU_ASSERT_EQUAL_FATAL(symlink(outside, path), 0);
  CU_ASSERT_EQUAL(put_all(store, &op, "dir/secret", 0, "x", 1), SI_E_REFUSED);
  CU_ASSERT_STRING_EQUAL(op.subject, "dir/secret");
  CU_ASSERT_PTR_NOT_NULL(strstr(op.message, "symbolic link"));
  CU_ASSERT_EQUAL(put_all(store, &op, "dir/sub/new", 0, "x", 1), SI_E_REFUSED);
  CU_ASSERT_EQUAL(read_all(store, &op, "dir/secret", text, sizeof text), -1);
  CU_ASSERT_EQUAL(op.status, SI_E_REFUSED);
  CU_ASSERT_EQUAL(recorder_table()->stat(store, &op, "dir/secret", &info), SI_E_REFUSED);
  CU_ASSERT_EQUAL(recorder_table()->remove(store, &op, "dir/secret"), SI_E_REFUSED);
  /* It is told as what lies there, not gone into. */
  CU_ASSERT_EQUAL(listing(store, &op, "dir", text, sizeof text), SI_OK);
  CU_ASSERT_STRING_EQUAL(text, "dir=0");
  CU_ASSERT_EQUAL(listing(store, &op, "", text, sizeof text), SI_OK);
  CU_ASSERT_STRING_EQUAL(text, "dir=0");
  end();
}

static void a_link_in_the_objects_place_is_neither_read_nor_written_through(void) {
  char path[256], secret[256], text[64];
  struct stat st;
  begin();
  at(path, root, "obj");
  at(secret, outside, "secret");
  CU_ASSERT_EQUAL_FATAL(symlink(secret, path), 0);
  CU_ASSERT_EQUAL(read_all(store, &op, "obj", text, sizeof text), -1);
  CU_ASSERT_EQUAL(op.status, SI_E_REFUSED);
  CU_ASSERT_EQUAL(put_all(store, &op, "obj", SI_PUT_CREATE_ONLY, "new", 3), SI_E_EXISTS);
  CU_ASSERT_EQUAL(recorder_table()->remove(store, &op, "obj"), SI_E_REFUSED);
  /* A plain put takes the link's place; what it led to stays (end() looks). */
  FATAL_OK(put_all(store, &op, "obj", 0, "new", 3));
  CU_ASSERT_EQUAL(lstat(path, &st), 0);
  CU_ASSERT(S_ISREG(st.st_mode));
  end();
}

static void what_is_no_regular_file_is_not_opened(void) {
  static const char *const names[] = {"pipe", "dir", "socket"};
  char path[256], text[64];
  begin();
  at(path, root, "pipe");
  CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
  at(path, root, "dir");
  CU_ASSERT_EQUAL_FATAL(mkdir(path, 0700), 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", root);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
  for (size_t i = 0; i < 3; i++) {
    /* A FIFO without a writer must not hold the reader, either. */
    CU_ASSERT_EQUAL(read_all(store, &op, names[i], text, sizeof text), -1);
    CU_ASSERT_EQUAL(op.status, SI_E_REFUSED);
  }
  CU_ASSERT_EQUAL(listing(store, &op, "", text, sizeof text), SI_OK);
  CU_ASSERT_STRING_EQUAL(text, "pipe=0 socket=0");
  close(fd);
  end();
}

static void a_second_name_of_an_object_never_sees_the_next_one(void) {
  char path[256], secret[256], text[64];
  begin();
  at(path, root, "obj");
  at(secret, outside, "secret");
  CU_ASSERT_EQUAL_FATAL(link(secret, path), 0);
  /* It is read: the bytes are judged by the host. */
  CU_ASSERT_EQUAL(read_all(store, &op, "obj", text, sizeof text), 4);
  FATAL_OK(put_all(store, &op, "obj", 0, "other text", 10));
  CU_ASSERT_EQUAL(read_all(store, &op, "obj", text, sizeof text), 10);
  end();
}

static void a_root_that_is_a_link_is_refused(void) {
  char path[256];
  si_instance *other = NULL;
  begin();
  at(path, root, "link");
  CU_ASSERT_EQUAL_FATAL(symlink(outside, path), 0);
  CU_ASSERT_EQUAL(recorder_open(path, &op, &other), SI_E_REFUSED);
  CU_ASSERT_PTR_NOT_NULL(strstr(op.message, "symbolic link"));
  at(path, root, "link/");
  CU_ASSERT_EQUAL(recorder_open(path, &op, &other), SI_E_REFUSED);
  at(path, root, "dangling");
  CU_ASSERT_EQUAL_FATAL(symlink("/none/at/all", path), 0);
  CU_ASSERT_EQUAL(recorder_open(path, &op, &other), SI_E_REFUSED);
  at(path, outside, "secret");
  CU_ASSERT_EQUAL(recorder_open(path, &op, &other), SI_E_INVALID);
  end();
}

static void a_root_that_becomes_a_link_is_refused_by_the_first_object(void) {
  char path[256];
  si_instance *other = NULL;
  begin();
  at(path, root, "later");
  FATAL_OK(recorder_open(path, &op, &other));
  CU_ASSERT_EQUAL_FATAL(symlink(outside, path), 0);
  CU_ASSERT_NOT_EQUAL(put_all(other, &op, "x", 0, "x", 1), SI_OK);
  recorder_close(other);
  end();
}

/* A key has 64 components at most: 63 directories and a name. */
static void a_tree_deeper_than_a_key_ends_the_listing(void) {
  static const char *const prefixes[] = {"", "d", "d/d"};
  char text[256];
  static const int depths[] = {63, 64, 80};
  for (size_t d = 0; d < 3; d++) {
    const int deep = depths[d];
    begin();
    int fd = open(root, O_PATH | O_DIRECTORY);
    for (int i = 0; i < deep; i++) {
      CU_ASSERT_EQUAL_FATAL(mkdirat(fd, "d", 0700), 0);
      int next = openat(fd, "d", O_PATH | O_DIRECTORY);
      close(fd);
      fd = next;
    }
    int file = openat(fd, "x", O_WRONLY | O_CREAT, 0600);
    CU_ASSERT_FATAL(file >= 0);
    close(file);
    close(fd);
    for (size_t i = 0; i < 3; i++) {
      si_rc status = listing(store, &op, prefixes[i], text, sizeof text);
      CU_ASSERT_EQUAL(status, deep < 64 ? SI_OK : SI_E_QUOTA);
      CU_ASSERT_EQUAL(strlen(text), deep < 64 ? 2 * 63 + strlen("x=0") : 0);
    }
    end();
  }
}

UNIT_MAIN("artifact store: file, planted traps", UNIT(a_key_that_is_none_is_refused_by_every_verb),
          UNIT(a_link_in_the_path_is_not_followed),
          UNIT(a_link_in_the_objects_place_is_neither_read_nor_written_through),
          UNIT(what_is_no_regular_file_is_not_opened),
          UNIT(a_second_name_of_an_object_never_sees_the_next_one),
          UNIT(a_root_that_is_a_link_is_refused),
          UNIT(a_root_that_becomes_a_link_is_refused_by_the_first_object),
          UNIT(a_tree_deeper_than_a_key_ends_the_listing))
