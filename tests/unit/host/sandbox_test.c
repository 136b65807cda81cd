/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox of si-host, by a plugin that tries what it does not declare
 * (tests/plugins/hostile.c): each attempt fails, the operation's log says which call was stopped,
 * and the same attempt with the need declared, or without a sandbox, succeeds. The child is the
 * real si-host. Design 4, R74. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/host/offer.h"
#include "core/host/session.h"
#include "kit/base/hash.h"
#include "kit/base/json.h"
#include "kit/base/path.h"
#include "kit/base/text.h"
#include "tests/plugins/attempts.h"
#include "tests/unit/unit.h"

#define FATAL_OK(x) CU_ASSERT_EQUAL_FATAL((x), SI_OK)

static const char *const ids[] = {"hostile",      "hostile-files", "hostile-net",
                                  "hostile-unix", "hostile-exec",  "hostile-odd"};
enum { IDS = sizeof ids / sizeof *ids };
static char top[] = "/tmp/host-sandbox-XXXXXX"; /* with tree/, in/ and out/ in it */
static struct si_buf heard = SI_BUF(1 << 20);
static struct si_buf record = SI_BUF(1 << 16); /* what the operation's record is told */

/* --- a tree with all of them, as safe as one must be --- */

static void copy_plugin(int dir, const char *id, struct si_buf *manifest) {
  struct si_buf bytes SI_AUTO(si_buf_free) = SI_BUF(64u << 20);
  struct si_buf needs SI_AUTO(si_buf_free) = SI_BUF(4096);
  char name[64], hash[SI_SHA256_HEX];
  int from SI_AUTO(si_close) = open(SANDBOX_PLUGINS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  snprintf(name, sizeof name, "%s.needs", id);
  FATAL_OK(si_read_file(from, name, &needs));
  snprintf(name, sizeof name, "%s.so", id);
  FATAL_OK(si_read_file(from, name, &bytes));
  FATAL_OK(si_write_file(dir, name, bytes.data, bytes.len, 0644));
  FATAL_OK(si_sha256_hex(bytes.data, bytes.len, hash));
  FATAL_OK(si_buf_printf(manifest,
                         "%s{\"id\":\"%s\",\"file\":\"%s\",\"sha256\":\"%s\",\"kinds\":"
                         "[\"provisioner\"],\"needs\":%s,\"abi\":\"1.0\",\"license\":\"MIT\"}",
                         manifest->data[manifest->len - 1] == '[' ? "" : ",", id, name, hash,
                         si_buf_text(&needs)));
}

static const char *below(const char *name) {
  static char path[64][128];
  static unsigned next;
  char *to = path[next++ % 64];
  snprintf(to, sizeof path[0], "%s/%s", top, name);
  return to;
}

static void put(const char *name) {
  int fd SI_AUTO(si_close) = open(below(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  CU_ASSERT_FATAL(fd >= 0 && write(fd, "x", 1) == 1);
}

static bool there(const char *name) {
  return access(below(name), F_OK) == 0;
}

static void make_tree(void) {
  struct si_buf manifest SI_AUTO(si_buf_free) = SI_BUF(10000);
  CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(top));
  CU_ASSERT_FATAL(mkdir(below("tree"), 0755) == 0 && mkdir(below("in"), 0700) == 0 &&
                  mkdir(below("out"), 0700) == 0);
  put("in/file");
  put("out/file");
  int dir SI_AUTO(si_close) = open(below("tree"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  FATAL_OK(si_buf_puts(&manifest, "{\"schema\":\"si.plugins/1\",\"serial\":1,\"plugins\":["));
  for (size_t i = 0; i < IDS; i++) {
    copy_plugin(dir, ids[i], &manifest);
  }
  FATAL_OK(si_buf_puts(&manifest, "]}"));
  FATAL_OK(si_write_file(dir, "manifest.json", manifest.data, manifest.len, 0644));
  setenv("SI_PLUGIN_DIR", below("tree"), 1);
}

static void drop_tree(void) {
  static const char *const names[] = {"in/file", "in/new", "in",       "out/file",
                                      "out/new", "out",    "made/new", "made"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    (void)remove(below(names[i]));
  }
  for (size_t i = 0; i < IDS; i++) {
    char name[80];
    snprintf(name, sizeof name, "tree/%s.so", ids[i]);
    (void)remove(below(name));
  }
  (void)remove(below("tree/manifest.json"));
  (void)remove(below("tree"));
  CU_ASSERT_EQUAL(rmdir(top), 0);
  si_buf_free(&heard);
  si_buf_free(&record);
}

/* --- one attempt in one operation --- */

/* The constructor of `hostile` tries first: what is told of that is kept apart. */
static bool constructor_told;

static bool is_constructors(const char *message) {
  if (constructor_told || !strstr(message, "/etc/shadow")) {
    return false;
  }
  constructor_told = true;
  return true;
}

static void on_log(void *ctx, uint32_t level, const char *message) {
  (void)ctx;
  CU_ASSERT_EQUAL(level, SI_LOG_WARN);
  if (is_constructors(message)) {
    return;
  }
  CU_ASSERT_EQUAL(si_buf_printf(&heard, "%s\n", message), SI_OK);
}

static void on_stopped(void *ctx, const char *kind, const char *what) {
  (void)ctx;
  if (strcmp(what, "/etc/shadow") == 0 && record.len == 0) {
    return; /* the constructor's */
  }
  CU_ASSERT_EQUAL(si_buf_printf(&record, "%s %s\n", kind, what), SI_OK);
}

#define VALUE "a value that nobody else has, 7d1f"

static si_rc lend(void *ctx, const char *name, void *use_ctx, si_secret_use use,
                  struct si_error *error) {
  (void)ctx;
  return strcmp(name, "KNOWN") == 0
             ? use(use_ctx, VALUE, strlen(VALUE))
             : si_error_set(error, SI_E_REFUSED, SI_SECRET_NOT_REFERRED, "not %s", name);
}

struct trial {
  const char *plugin;
  const char *what;
  const char *path;
  uint32_t sandbox;
  bool declared; /* `path` stands under "read" and "write", too */
};

static si_rc start(const struct trial *t, struct si_session **out, struct si_error *error) {
  char config[600];
  const char *path = t->path ? t->path : "";
  int n = snprintf(config, sizeof config, "{\"do\":\"%s\",\"path\":\"%s\"", t->what, path);
  if (t->declared) {
    n += snprintf(config + n, sizeof config - (size_t)n, ",\"read\":\"%s\",\"write\":\"%s\"",
                  below("in"), below("made"));
  }
  snprintf(config + n, sizeof config - (size_t)n, "}");
  const struct si_session_options options = {
      .plugin = t->plugin,
      .kind = SI_KIND_PROVISIONER,
      .config = config,
      .sandbox = t->sandbox,
      .lock_fd = -1,
      .interrupt_fd = -1,
      .deadline_ns = si_monotonic_ns() + 60000000000ull,
      .listener = {.log = on_log, .secret = lend, .stopped = on_stopped},
  };
  constructor_told = false;
  si_buf_clear(&heard);
  si_buf_clear(&record);
  memset(error, 0, sizeof *error);
  return si_session_open(&options, out, error);
}

/* What the plugin tells, or NULL; the caller's. */
static cJSON *outcome(const struct trial *t) {
  struct si_session *session = NULL;
  struct si_error error;
  struct si_buf result SI_AUTO(si_buf_free) = SI_BUF(4096);
  cJSON *json = NULL;
  si_rc status = start(t, &session, &error);
  if (status == SI_OK) {
    status = si_session_call(session, SI_VERB_CHECK, NULL, NULL, &result, &error);
    si_session_close(session);
  }
  if (status != SI_OK || si_json_parse(si_buf_text(&result), result.len, &json, &error) != SI_OK) {
    printf("\n  %s of %s: %s: %s\n%s", t->what, t->plugin, error.code, error.message, error.detail);
    CU_FAIL("the operation did not end well");
    return NULL;
  }
  return json;
}

/* The errno value that the plugin tells. */
static int attempted(const struct trial *t) {
  cJSON *json SI_AUTO(si_json_free) = outcome(t);
  return (int)si_json_int(json, "errno", 0, 4096, -1);
}

/* The errno value, and what was told: `stopped` of kind `what`, or nothing where it is NULL. */
static void expect_told(const struct trial *t, int wanted, const char *what, const char *stopped) {
  char line[200];
  int err = attempted(t);
  const char *log = heard.len ? si_buf_text(&heard) : "";
  snprintf(line, sizeof line, "the sandbox stopped the %s %s,", what, stopped ? stopped : "");
  bool told = strstr(log, line) != NULL;
  bool any = strstr(log, "the sandbox stopped") != NULL;
  if (err != wanted || (stopped ? !told : any)) {
    printf("\n  %s of %s: errno %d where %d was expected; log: %s", t->what, t->plugin, err, wanted,
           log);
    CU_FAIL("the attempt ended otherwise");
  }
}

static void expect(const struct trial *t, int wanted, const char *stopped) {
  expect_told(t, wanted, "system call", stopped);
}

/* Refused, and told by its path. */
static void expect_file(const struct trial *t, const char *path) {
#ifdef __SANITIZE_ADDRESS__ /* where files are not told */
  path = NULL;
#endif
  expect_told(t, EACCES, "opening of", path);
}

/* --- what is shown --- */

static void calls_that_are_not_declared_fail_and_are_told(void) {
  static const struct {
    const char *what;
    const char *call;
  } cases[] = {
      {"tcp", "socket"},        {"unix", "socket"},     {"vsock", "socket"}, {"mount", "mount"},
      {"namespace", "unshare"}, {"limit", "prlimit64"}, {"chmod", "chmod"},
#ifndef __SANITIZE_ADDRESS__ /* whose search for leaks needs these */
      {"ptrace", "ptrace"},     {"outlive", "prctl"},   {"kill", "kill"},    {"fork", "clone"},
      {"exec", "execve"},
#else
      {"exec", "execve"},
#endif
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const struct trial t = {.plugin = "hostile", .what = cases[i].what, .path = below("out")};
    expect(&t, EPERM, cases[i].call);
  }
}

/* Structured, beside the log: this is what the audit chain is made of. */
static void what_is_stopped_is_told_by_kind_and_name(void) {
  expect(&(struct trial){.plugin = "hostile", .what = "tcp"}, EPERM, "socket");
  CU_ASSERT_STRING_EQUAL(si_buf_text(&record), "system call socket\n");
  CU_ASSERT_EQUAL(attempted(&(struct trial){.plugin = "hostile", .what = "usual"}), 0);
}

static void what_it_says_itself_does_not_hide_what_is_told(void) {
  expect(&(struct trial){.plugin = "hostile", .what = "murmur"}, EPERM, "socket");
  CU_ASSERT_STRING_EQUAL(si_buf_text(&record), "system call socket\n");
}

static void a_secret_that_was_not_given_is_refused_and_told(void) {
  const struct trial t = {.plugin = "hostile", .what = "secret", .path = "ANOTHER"};
  CU_ASSERT_EQUAL(attempted(&t), SI_E_REFUSED);
  CU_ASSERT_STRING_EQUAL(si_buf_text(&record), "secret ANOTHER\n");
}

/* As the plugin itself sees it, which looks through all the memory of its process. */
static void a_secret_lies_in_locked_memory_and_is_gone_afterwards(void) {
  const struct trial t = {.plugin = "hostile", .what = "secret", .path = "KNOWN"};
  cJSON *json SI_AUTO(si_json_free) = outcome(&t);
  const char *flags = si_json_str(json, "flags");
  CU_ASSERT_EQUAL(si_json_int(json, "errno", 0, 99, -1), SI_OK);
  CU_ASSERT_EQUAL(si_json_int(json, "during", 0, 99, -1), 1); /* it finds what is there */
  CU_ASSERT_EQUAL(si_json_int(json, "after", 0, 99, -1), 0);
  CU_ASSERT_PTR_NOT_NULL_FATAL(flags);
  CU_ASSERT_PTR_NOT_NULL(strstr(flags, "dd")); /* in no core file */
#ifndef __SANITIZE_ADDRESS__                   /* which makes mlock do nothing */
  CU_ASSERT_PTR_NOT_NULL(strstr(flags, "lo"));
#endif
  CU_ASSERT_EQUAL(record.len, 0);
}

/* What is told can neither be hushed nor made deadly. */
static void the_telling_cannot_be_turned_off(void) {
  expect(&(struct trial){.plugin = "hostile", .what = "silence"}, EPERM, NULL);
}

static void a_constructor_is_held_already(void) {
  const struct trial t = {.plugin = "hostile", .what = "constructor"};
  expect(&t, EACCES, NULL);
#ifndef __SANITIZE_ADDRESS__ /* where files are not told */
  CU_ASSERT(constructor_told);
#endif
}

static void files_that_are_not_declared_are_out_of_reach(void) {
  static const struct {
    const char *what;
    const char *path;
  } cases[] = {
      {"read", "in/file"},           {"read", "in"},        {"read", "tree/../in"},
      {"write", "out/new"},          {"write", "out/file"}, {"cut", "out/file"},
      {"remove", "out/file"},        {"mkdir", "out/new"},  {"write", "tree/manifest.json"},
      {"remove", "tree/hostile.so"}, {"masked", "in/file"}};
  char environ_of_si[40];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const struct trial t = {
        .plugin = "hostile", .what = cases[i].what, .path = below(cases[i].path)};
    expect_file(&t, t.path);
  }
  expect_file(&(struct trial){.plugin = "hostile", .what = "shadow"}, "/etc/shadow");
  snprintf(environ_of_si, sizeof environ_of_si, "/proc/%d/environ", (int)getpid());
  expect_file(&(struct trial){.plugin = "hostile", .what = "environ"}, environ_of_si);
  CU_ASSERT(!there("out/new"));
  CU_ASSERT(there("out/file"));
  CU_ASSERT(there("tree/hostile.so"));
}

static void what_every_program_needs_goes_on(void) {
  for (size_t i = 0; i < IDS - 1; i++) {
    const struct trial thread = {.plugin = ids[i], .what = "thread"};
    const struct trial usual = {.plugin = ids[i], .what = "usual"};
    expect(&thread, 0, NULL);
    if (strcmp(ids[i], "hostile-net") == 0) { /* it asks the resolver, too */
      expect(&usual, 0, NULL);
    } else {
      CU_ASSERT_EQUAL(attempted(&usual), 0);
    }
  }
}

static void what_is_declared_can_be_done(void) {
  const struct trial allowed[] = {
      {.plugin = "hostile-net", .what = "tcp"},
      {.plugin = "hostile-unix", .what = "unix"},
      {.plugin = "hostile-exec", .what = "exec"},
      {.plugin = "hostile-exec", .what = "fork"},
      {.plugin = "hostile-files", .what = "read", .path = below("in/file"), .declared = true},
      {.plugin = "hostile-files", .what = "write", .path = below("made/new"), .declared = true},
      {.plugin = "hostile-files", .what = "cut", .path = below("made/new"), .declared = true},
      {.plugin = "hostile-files", .what = "remove", .path = below("made/new"), .declared = true},
  };
  for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
    expect(&allowed[i], 0, NULL);
  }
  if (geteuid() == 0) { /* who else may not read it anyway */
    expect(&(struct trial){.plugin = "hostile-files", .what = "shadow"}, 0, NULL);
  }
}

static void one_need_gives_no_other(void) {
  expect(&(struct trial){.plugin = "hostile-files", .what = "tcp"}, EPERM, "socket");
  expect(&(struct trial){.plugin = "hostile-unix", .what = "tcp"}, EPERM, "socket");
  /* Not told: the C library's resolver tries one, and does without. */
  expect(&(struct trial){.plugin = "hostile-net", .what = "unix"}, EPERM, NULL);
  expect(&(struct trial){.plugin = "hostile-net", .what = "vsock"}, EPERM, "socket");
  expect(&(struct trial){.plugin = "hostile-exec", .what = "tcp"}, EPERM, NULL);
  expect(&(struct trial){.plugin = "hostile-exec", .what = "mount", .path = below("out")}, EPERM,
         NULL);
  if (si_offer_landlock() >= 6) { /* signals are held within */
    expect(&(struct trial){.plugin = "hostile-exec", .what = "kill"}, EPERM, NULL);
  }
  expect_file(
      &(struct trial){
          .plugin = "hostile-files", .what = "write", .path = below("in/new"), .declared = true},
      below("in/new"));
  expect_file(
      &(struct trial){
          .plugin = "hostile-files", .what = "write", .path = below("out/new"), .declared = true},
      below("out/new"));
}

static void who_reads_makes_and_changes_nothing(void) {
  struct trial t = {.plugin = "hostile-files",
                    .what = "write",
                    .path = below("made/new"),
                    .declared = true,
                    .sandbox = SI_SANDBOX_READING};
  (void)rmdir(below("made"));
  expect(&t, ENOENT, NULL);
  CU_ASSERT(!there("made"));
  t.sandbox = 0;
  expect(&t, 0, NULL);
  t.sandbox = SI_SANDBOX_READING;
  t.what = "cut";
  expect_file(&t, t.path);
  t.what = "read";
  expect(&t, 0, NULL);
}

static void refused(const struct trial *t, const char *code) {
  struct si_session *session = NULL;
  struct si_error error;
  CU_ASSERT_NOT_EQUAL(start(t, &session, &error), SI_OK);
  CU_ASSERT_STRING_EQUAL(error.code, code);
  si_session_close(session);
}

static void needs_that_are_not_understood_are_refused(void) {
  refused(&(struct trial){.plugin = "hostile-odd", .what = "usual"}, "PLUGIN_NEEDS");
  const struct trial crooked = {.plugin = "hostile-files",
                                .what = "usual\",\"write\":\"/tmp/../etc\",\"x\":\""};
  refused(&crooked, "PLUGIN_NEEDS");
}

static void a_kernel_that_has_all_is_taken_where_it_must(void) {
  const struct trial t = {.plugin = "hostile", .what = "thread", .sandbox = SI_SANDBOX_REQUIRED};
  if (si_offer_landlock() >= SI_LANDLOCK_WHOLE && si_offer_seccomp()) {
    expect(&t, 0, NULL);
    CU_ASSERT_EQUAL(heard.len, 0); /* nothing is lacking, nothing is said */
  } else {
    refused(&t, "PLUGIN_SANDBOX");
  }
}

/* The controls: here, without a sandbox, the same attempts succeed. */
static void without_a_sandbox_the_attempts_succeed(void) {
  static const char *const any[] = {"tcp",     "unix", "fork",  "exec",    "silence",
                                    "outlive", "kill", "limit", "environ", "chmod"};
  static const char *const of_root[] = {"shadow", "ptrace", "mount"};
  pid_t pid = fork();
  CU_ASSERT_FATAL(pid >= 0);
  if (pid == 0) {
    int failed = 0;
    for (size_t i = 0; i < sizeof any / sizeof *any; i++) {
      failed |= attempt(any[i], below("out")) ? 1 << i : 0;
    }
    if (geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0) {
      for (size_t i = 0; i < sizeof of_root / sizeof *of_root; i++) {
        failed |= attempt(of_root[i], below("out")) ? 1 << (16 + i) : 0;
      }
    }
    if (forked > 0) {
      kill(forked, SIGKILL);
    }
    dprintf(2, "%s", failed ? "an attempt fails without a sandbox, too\n" : "");
    _exit(failed != 0);
  }
  int status = 0;
  CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
  CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void begin(void) {
  make_tree();
}

UNIT_MAIN("host sandbox", {"begin", begin},
          {"calls_that_are_not_declared_fail_and_are_told",
           calls_that_are_not_declared_fail_and_are_told},
          UNIT(what_is_stopped_is_told_by_kind_and_name),
          UNIT(what_it_says_itself_does_not_hide_what_is_told),
          UNIT(a_secret_that_was_not_given_is_refused_and_told),
          UNIT(a_secret_lies_in_locked_memory_and_is_gone_afterwards),
          {"the_telling_cannot_be_turned_off", the_telling_cannot_be_turned_off},
          {"a_constructor_is_held_already", a_constructor_is_held_already},
          {"files_that_are_not_declared_are_out_of_reach",
           files_that_are_not_declared_are_out_of_reach},
          {"what_every_program_needs_goes_on", what_every_program_needs_goes_on},
          {"what_is_declared_can_be_done", what_is_declared_can_be_done},
          {"one_need_gives_no_other", one_need_gives_no_other},
          {"who_reads_makes_and_changes_nothing", who_reads_makes_and_changes_nothing},
          {"needs_that_are_not_understood_are_refused", needs_that_are_not_understood_are_refused},
          {"a_kernel_that_has_all_is_taken_where_it_must",
           a_kernel_that_has_all_is_taken_where_it_must},
          {"without_a_sandbox_the_attempts_succeed", without_a_sandbox_the_attempts_succeed},
          {"drop_tree", drop_tree})
