/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/base/object.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit/base/path.h"
#include "tests/unit/unit.h"

static char root[] = "/tmp/si-object-test-XXXXXX";
static int dir = -1;
static si_failure told; /* the last failure; its texts are not kept */
static char field[64];

static si_rc on_fail(si_op *op, const si_failure *failure) {
  (void)op;
  told = *failure;
  strncpy(field, failure->field ? failure->field : "", sizeof field - 1);
  return failure->status;
}

static const si_host_vt vt = {.size = sizeof vt, .fail = on_fail};
static si_op *const op = (si_op *)&told; /* never looked into */

static struct si_object object(const char *key, const char *name) {
  struct si_object made = {.vt = &vt, .dir = dir, .key = key};
  strncpy(made.name, name, sizeof made.name - 1);
  return made;
}

static si_rc put(const char *key, const char *name, const char *text, uint32_t flags) {
  const si_put_options options = {.size = sizeof options, .flags = flags, .length = strlen(text)};
  si_sink *sink = NULL;
  si_rc status = si_object_create(object(key, name), op, &options, &sink);
  if (status == SI_OK) {
    CU_ASSERT_EQUAL(si_object_write(sink, op, text, strlen(text)), SI_OK);
    status = si_object_finish(sink, op);
  }
  return status;
}

/* The bytes of a range; "?" where it cannot be read. */
static const char *get(const char *key, const char *name, uint64_t offset, uint64_t limit) {
  static char text[64];
  si_reader *reader = NULL;
  size_t len = 0, got = 1;
  if (si_object_open(object(key, name), op, offset, limit, &reader) != SI_OK) {
    return "?";
  }
  while (got > 0 && len + 3 < sizeof text) {
    CU_ASSERT_EQUAL_FATAL(si_object_read(reader, op, text + len, 3, &got), SI_OK);
    len += got;
  }
  text[len] = '\0';
  si_object_close(reader);
  return text;
}

static int entries(void) {
  int count = 0;
  DIR *files = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY));
  while (readdir(files)) {
    count++;
  }
  closedir(files);
  return count - 2; /* "." and ".." */
}

static void empty(void) {
  unlinkat(dir, "one", 0);
  unlinkat(dir, "two", 0);
  CU_ASSERT_EQUAL(entries(), 0);
}

static void an_object_is_seen_once_it_is_finished(void) {
  const si_put_options options = {.size = sizeof options, .length = 4};
  si_sink *sink = NULL;
  si_object_info info;
  CU_ASSERT_EQUAL_FATAL(si_object_create(object("a/b", "one"), op, &options, &sink), SI_OK);
  CU_ASSERT_EQUAL(si_object_write(sink, op, "data", 4), SI_OK);
  CU_ASSERT_EQUAL(entries(), 0);
  CU_ASSERT_EQUAL(si_object_stat(object("a/b", "one"), op, &info), SI_E_NOT_FOUND);
  CU_ASSERT_EQUAL(si_object_finish(sink, op), SI_OK);
  CU_ASSERT_EQUAL(si_object_stat(object("a/b", "one"), op, &info), SI_OK);
  CU_ASSERT_EQUAL(info.length, 4);
  empty();
}

static void what_is_aborted_or_has_another_length_leaves_nothing(void) {
  const si_put_options options = {.size = sizeof options, .length = 4};
  si_sink *sink = NULL;
  CU_ASSERT_EQUAL_FATAL(si_object_create(object("a", "one"), op, &options, &sink), SI_OK);
  si_object_abort(sink);
  CU_ASSERT_EQUAL_FATAL(si_object_create(object("a", "one"), op, &options, &sink), SI_OK);
  CU_ASSERT_EQUAL(si_object_write(sink, op, "dat", 3), SI_OK);
  CU_ASSERT_EQUAL(si_object_write(sink, op, "data", 4), SI_E_INVALID);
  CU_ASSERT_EQUAL(si_object_finish(sink, op), SI_E_INVALID);
  empty();
}

static void create_only_keeps_what_is_there(void) {
  CU_ASSERT_EQUAL(put("a", "one", "first", SI_PUT_CREATE_ONLY | SI_PUT_COMMIT), SI_OK);
  CU_ASSERT_EQUAL(put("a", "one", "second", SI_PUT_CREATE_ONLY), SI_E_EXISTS);
  CU_ASSERT_STRING_EQUAL(get("a", "one", 0, UINT64_MAX), "first");
  CU_ASSERT_EQUAL(put("a", "one", "third", 0), SI_OK);
  CU_ASSERT_STRING_EQUAL(get("a", "one", 0, UINT64_MAX), "third");
  CU_ASSERT_EQUAL(entries(), 1);
  empty();
}

static void keys_and_options_that_are_none_are_refused(void) {
  static const char *const keys[] = {"",   "/",    "/a",   "a/",  "a//b", ".a",
                                     "..", "a/..", "a/.b", "a b", "a\n",  "\xc3\xa4"};
  const si_put_options odd = {.size = sizeof odd, .flags = 1u << 7, .length = 1};
  const si_put_options old = {.size = sizeof old - 8, .length = 1};
  si_sink *sink = NULL;
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    CU_ASSERT_FALSE(si_key_valid(keys[i]));
    CU_ASSERT_EQUAL(put(keys[i], "one", "x", 0), SI_E_INVALID);
  }
  CU_ASSERT_EQUAL(si_object_create(object("a", "one"), op, &odd, &sink), SI_E_UNSUPPORTED);
  CU_ASSERT_EQUAL(si_object_create(object("a", "one"), op, &old, &sink), SI_E_UNSUPPORTED);
  CU_ASSERT_EQUAL(put("a", "", "x", 0), SI_E_INTERNAL);
  empty();
}

static void a_key_may_be_as_long_as_the_abi_says(void) {
  char key[4098];
  memset(key, 'k', sizeof key);
  for (size_t i = 255; i < sizeof key; i += 256) {
    key[i] = '/';
  }
  key[4096] = '\0';
  key[4095] = 'k';
  CU_ASSERT_FALSE(si_key_valid(key)); /* its last component has 256 bytes */
  key[4000] = '/';
  CU_ASSERT_TRUE(si_key_valid(key));
  CU_ASSERT_EQUAL(put(key, "one", "x", 0), SI_OK);
  CU_ASSERT_STRING_EQUAL(get(key, "one", 0, 9), "x");
  key[4096] = 'k';
  key[4097] = '\0';
  CU_ASSERT_FALSE(si_key_valid(key));
  empty();
}

static void ranges_are_as_asked_for(void) {
  CU_ASSERT_EQUAL(put("a", "one", "0123456789", 0), SI_OK);
  CU_ASSERT_STRING_EQUAL(get("a", "one", 0, UINT64_MAX), "0123456789");
  CU_ASSERT_STRING_EQUAL(get("a", "one", 4, 3), "456");
  CU_ASSERT_STRING_EQUAL(get("a", "one", 8, 100), "89");
  CU_ASSERT_STRING_EQUAL(get("a", "one", 10, 1), "");
  CU_ASSERT_STRING_EQUAL(get("a", "one", UINT64_MAX, UINT64_MAX), "");
  CU_ASSERT_STRING_EQUAL(get("a", "one", 0, 0), "");
  CU_ASSERT_STRING_EQUAL(get("b", "one", 0, 1), "?"); /* the file is another key's */
  CU_ASSERT_EQUAL(told.status, SI_E_CORRUPT);
  empty();
}

static si_rc count(void *ctx, const char *key, const si_object_info *info) {
  CU_ASSERT_TRUE(strncmp(key, "a", 1) == 0 && info->length == 1);
  ++*(int *)ctx;
  return SI_OK;
}

static si_rc stop(void *ctx, const char *key, const si_object_info *info) {
  (void)key;
  (void)info;
  ++*(int *)ctx;
  return SI_E_QUOTA;
}

static int listed(const char *prefix) {
  int n = 0;
  CU_ASSERT_EQUAL(si_object_list(&vt, op, dir, prefix, &n, count), SI_OK);
  return n;
}

static void a_listing_has_whole_components_and_passes_over_the_rest(void) {
  int n = 0;
  CU_ASSERT_EQUAL(put("a/b/c", "one", "x", 0), SI_OK);
  CU_ASSERT_EQUAL(put("a/bc", "two", "y", 0), SI_OK);
  CU_ASSERT_EQUAL(si_write_file(dir, "other", "no key\n", 7, 0600), SI_OK);
  CU_ASSERT_EQUAL(si_write_file(dir, ".si-left", "a/left\n", 7, 0600), SI_OK);
  CU_ASSERT_EQUAL(symlinkat("one", dir, "link"), 0);
  CU_ASSERT_EQUAL(mkfifoat(dir, "fifo", 0600), 0);
  CU_ASSERT_EQUAL(listed(""), 2);
  CU_ASSERT_EQUAL(listed("a"), 2);
  CU_ASSERT_EQUAL(listed("a/b"), 1);
  CU_ASSERT_EQUAL(listed("a/b/c"), 1);
  CU_ASSERT_EQUAL(listed("a/b/"), 0);
  CU_ASSERT_EQUAL(si_object_list(&vt, op, dir, "", &n, stop), SI_E_QUOTA);
  CU_ASSERT_EQUAL(n, 1);
  unlinkat(dir, "other", 0);
  unlinkat(dir, ".si-left", 0);
  unlinkat(dir, "link", 0);
  unlinkat(dir, "fifo", 0);
  CU_ASSERT_EQUAL(si_object_remove(object("a/b/c", "one"), op), SI_OK);
  CU_ASSERT_EQUAL(si_object_remove(object("a/b/c", "one"), op), SI_OK);
  CU_ASSERT_EQUAL(entries(), 1);
  empty();
}

static void without_a_directory_there_is_no_object(void) {
  struct si_object nowhere = object("a", "one");
  si_object_info info;
  nowhere.dir = -1;
  CU_ASSERT_EQUAL(si_object_stat(nowhere, op, &info), SI_E_NOT_FOUND);
  CU_ASSERT_EQUAL(si_object_remove(nowhere, op), SI_OK);
}

/* From here on openat cannot make files without a name, as on a file system that has none. */
static void refuse_unnamed(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_openat, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_TMPFILE & ~O_DIRECTORY, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog filter = {sizeof code / sizeof *code, code};
  CU_ASSERT_EQUAL_FATAL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  CU_ASSERT_EQUAL_FATAL(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
  CU_ASSERT_EQUAL(openat(dir, ".", O_RDWR | O_TMPFILE, 0600), -1);
  CU_ASSERT_EQUAL(errno, EOPNOTSUPP);
}

static void without_files_that_have_no_name_it_is_the_same(void) {
  int status = -1;
  pid_t child = fork();
  CU_ASSERT_TRUE_FATAL(child >= 0);
  if (child == 0) {
    const si_put_options options = {.size = sizeof options, .length = 4};
    si_sink *sink = NULL;
    unsigned before = CU_get_number_of_failures();
    refuse_unnamed();
    CU_ASSERT_EQUAL_FATAL(si_object_create(object("a", "one"), op, &options, &sink), SI_OK);
    CU_ASSERT_EQUAL(entries(), 1);   /* there, under a name of its own, */
    CU_ASSERT_EQUAL(listed("a"), 0); /* and not seen */
    si_object_abort(sink);
    create_only_keeps_what_is_there();
    what_is_aborted_or_has_another_length_leaves_nothing();
    _exit(CU_get_number_of_failures() == before ? 0 : 1);
  }
  CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
  CU_ASSERT_EQUAL(status, 0);
}

static void a_configuration_names_the_setting_that_is_wrong(void) {
  static const char *const names[] = {"root", "other", NULL};
  static const struct {
    const char *json;
    si_rc status;
    const char *field;
  } table[] = {
      {"nonsense", SI_E_INVALID, ""},
      {"[]", SI_E_INVALID, ""},
      {"{\"root\":\"/tmp\",\"a/~b\":1}", SI_E_INVALID, "/a~1~0b"},
      {"{}", SI_E_INVALID, "/root"},
      {"{\"root\":1}", SI_E_INVALID, "/root"},
      {"{\"root\":\"tmp\"}", SI_E_INVALID, "/root"},
      {"{\"root\":\"/none/such\"}", SI_E_NOT_FOUND, ""},
      {"{\"root\":\"/proc/self\"}", SI_E_REFUSED, ""},
      {"{\"root\":\"/etc/passwd\"}", SI_E_NOT_FOUND, ""},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    cJSON *config SI_AUTO(si_json_free) = NULL;
    int fd = -1;
    si_rc status = si_config_read(&vt, op, table[i].json, names, &config);
    status = status == SI_OK ? si_config_dir(&vt, op, config, "root", &fd) : status;
    CU_ASSERT_EQUAL(status, table[i].status);
    CU_ASSERT_EQUAL(told.status, table[i].status);
    CU_ASSERT_STRING_EQUAL(field, table[i].field);
    CU_ASSERT_EQUAL(fd, -1);
  }
}

static void a_failure_says_whether_it_may_pass(void) {
  CU_ASSERT_EQUAL(si_fail_errno(&vt, op, 28 /* ENOSPC */, NULL, "x"), SI_E_QUOTA);
  CU_ASSERT_EQUAL(told.retry, SI_RETRY_SAFE);
  CU_ASSERT_EQUAL(told.sys_errno, 28);
  CU_ASSERT_EQUAL(si_fail_errno(&vt, op, 13 /* EACCES */, NULL, "x"), SI_E_AUTH);
  CU_ASSERT_EQUAL(told.retry, SI_RETRY_NEVER);
  told.status = SI_OK;
  CU_ASSERT_EQUAL(si_fail(&vt, NULL, SI_E_QUOTA, NULL, "x"), SI_E_QUOTA);
  CU_ASSERT_EQUAL(told.status, SI_OK); /* nobody asked */
}

static void make_root(void) {
  CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(root));
  dir = open(root, O_RDONLY | O_DIRECTORY);
  CU_ASSERT_TRUE_FATAL(dir >= 0);
}

static void remove_root(void) {
  CU_ASSERT_EQUAL(rmdir(root), 0);
  si_close(&dir);
}

UNIT_MAIN("kit/base/object", UNIT(make_root), UNIT(an_object_is_seen_once_it_is_finished),
          UNIT(what_is_aborted_or_has_another_length_leaves_nothing),
          UNIT(create_only_keeps_what_is_there), UNIT(keys_and_options_that_are_none_are_refused),
          UNIT(a_key_may_be_as_long_as_the_abi_says), UNIT(ranges_are_as_asked_for),
          UNIT(a_listing_has_whole_components_and_passes_over_the_rest),
          UNIT(without_a_directory_there_is_no_object),
          UNIT(without_files_that_have_no_name_it_is_the_same),
          UNIT(a_configuration_names_the_setting_that_is_wrong),
          UNIT(a_failure_says_whether_it_may_pass), UNIT(remove_root))
