/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/context/context_test.c - contexts are made whole or not at all, apart from each other
 * and private (R1 to R4, R7, R10).
 */
#include <dirent.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "paas/context/context.h"
#include "tests/unit/state/scratch.h"
#include "tests/unit/sweep.h"

static char base[64];
static char root[80];

/* A root that does not exist yet, below a directory that does. */
static void fresh(void) {
  snprintf(base, sizeof base, "/tmp/si-context-XXXXXX");
  NEED(mkdtemp(base) != NULL);
  snprintf(root, sizeof root, "%s/dot/paas", base);
  setenv("SI_PAAS_STATE_ROOT", root, 1);
  unsetenv("SI_PAAS_CONTEXT");
}

static void done(void) {
  scratch_remove(base);
}

static bool there(const char *where, const char *name) {
  char path[400];
  snprintf(path, sizeof path, "%s/%s", where, name);
  return access(path, F_OK) == 0;
}

static unsigned mode_of(const char *where, const char *name) {
  char path[400];
  struct stat st = {0};
  snprintf(path, sizeof path, "%s/%s", where, name);
  NEED(stat(path, &st) == 0);
  return st.st_mode & 07777;
}

static si_rc create(const char *name, struct si_context *out, struct si_error *error) {
  struct si_context_options options = {.name = name};
  return si_context_create(&options, out, NULL, error);
}

static void a_new_context_is_whole_and_private(void) {
  static const char *const directories[] = {"", "operations", "events", "cache", "runpacks"};
  static const char *const files[] = {"config.json", "state.db", "state.lock"};
  struct si_context made = {.name = ""}, found = {.name = ""};
  struct si_error error = {0};
  struct si_state *state = NULL;
  mode_t old = umask(0);
  fresh();
  CU_ASSERT_EQUAL_FATAL(create("internal-dogfood", &made, &error), SI_OK);
  umask(old);
  char dir[160];
  snprintf(dir, sizeof dir, "%s/contexts/internal-dogfood", root);
  EXPECT_TEXT(made.dir, dir);
  EXPECT_TEXT(made.name, "internal-dogfood");
  CU_ASSERT_EQUAL(strncmp(made.id, "ctx-", 4), 0);
  CU_ASSERT_EQUAL(strlen(made.id), 36);
  for (size_t i = 0; i < 5; i++) {
    CU_ASSERT_EQUAL(mode_of(dir, directories[i]), 0700);
  }
  for (size_t i = 0; i < 3; i++) {
    CU_ASSERT_EQUAL(mode_of(dir, files[i]), 0600);
  }
  CU_ASSERT_EQUAL(mode_of(root, "contexts"), 0700);
  CU_ASSERT_EQUAL(mode_of(root, ""), 0700);
  CU_ASSERT_EQUAL_FATAL(si_context_open("internal-dogfood", &found, &error), SI_OK);
  EXPECT_TEXT(found.id, made.id);
  EXPECT_TEXT(found.type, "internal");
  EXPECT_TEXT(found.created_at, made.created_at);
  CU_ASSERT_EQUAL(si_state_open(found.dir, found.id, SI_STATE_READ, &state, &error), SI_OK);
  si_state_close(state);
  si_context_free(&made);
  si_context_free(&found);
  done();
}

static void the_config_says_everything_that_was_settled(void) {
  static const char *const want =
      "{\"audit_sink\":{\"config\":{\"root\":\"%s/runpacks\"},\"provider\":\"file\"},"
      "\"created_at\":\"%s\",\"default_targets\":[],\"id\":\"%s\",\"identity\":{\"inode\":\"%llu\","
      "\"path\":\"%s\"},\"name\":\"oss-demo\",\"provisioner\":{\"config\":{},\"provider\":"
      "\"local\"},\"repositories\":[],\"schema\":\"si.context/"
      "1\",\"state_root\":\"%s\",\"type\":\"demo\","
      "\"vault_file\":\"%s/vault/secrets.env\",\"webhook_policy\":{\"mode\":\"deny\"}}";
  struct si_context made = {.name = ""};
  struct si_buf text = SI_BUF(65536), expected = SI_BUF(65536);
  struct stat st;
  const char *provider = NULL;
  const cJSON *config = NULL;
  struct si_error error;
  fresh();
  CU_ASSERT_EQUAL_FATAL(create("oss-demo", &made, NULL), SI_OK);
  NEED(stat(made.dir, &st) == 0);
  CU_ASSERT_EQUAL(si_json_canonical(made.config, &text), SI_OK);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  CU_ASSERT_EQUAL(si_buf_printf(&expected, want, made.dir, made.created_at, made.id,
                                (unsigned long long)st.st_ino, made.dir, made.dir, made.dir),
                  SI_OK);
#pragma GCC diagnostic pop
  EXPECT_TEXT(si_buf_text(&text), si_buf_text(&expected));
  CU_ASSERT_EQUAL(si_context_provider(&made, "provisioner", &provider, &config, NULL), SI_OK);
  EXPECT_TEXT(provider, "local");
  CU_ASSERT(cJSON_IsObject(config) && config->child == NULL);
  CU_ASSERT_EQUAL(si_context_provider(&made, "sink", &provider, &config, NULL), SI_OK);
  EXPECT_TEXT(provider, "file");
  CU_ASSERT(strstr(si_json_str(config, "root"), "/oss-demo/runpacks") != NULL);
  CU_ASSERT_EQUAL(si_context_provider(&made, "backup", &provider, &config, &error), SI_E_INVALID);
  si_buf_free(&text);
  si_buf_free(&expected);
  si_context_free(&made);
  done();
}

static void the_type_follows_from_the_name_unless_it_is_given(void) {
  static const struct {
    const char *name, *type, *want;
  } cases[] = {
      {"internal-dogfood", NULL, "internal"},
      {"oss-demo", NULL, "demo"},
      {"customer-acme", NULL, "customer"},
      {"anything", NULL, "internal"},
      {"a", "demo", "demo"},
      {"b", "oss-demo", "demo"},
      {"c", "internal-dogfood", "internal"},
      {"customer-x", "internal", "internal"},
      {"d", "production", NULL},
      {"e", "", NULL},
      {"", NULL, NULL},
      {"Upper", NULL, NULL},
      {"../up", NULL, NULL},
      {"-dash", NULL, NULL},
      {".new-x", NULL, NULL},
      {NULL, NULL, NULL},
  };
  fresh();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_context_options options = {.name = cases[i].name, .type = cases[i].type};
    struct si_context made = {.name = ""};
    struct si_error error = {0};
    si_rc status = si_context_create(&options, &made, NULL, &error);
    CU_ASSERT_EQUAL(status, cases[i].want ? SI_OK : SI_E_INVALID);
    EXPECT_TEXT(made.type, cases[i].want ? cases[i].want : "");
    EXPECT_TEXT(error.code, cases[i].want ? "" : "PAAS_INVALID_ARGUMENT");
    si_context_free(&made);
  }
  done();
}

static void create_refuses_and_init_accepts_what_exists(void) {
  struct si_context made = {.name = ""}, again = {.name = ""};
  struct si_error error = {0};
  bool created = false;
  fresh();
  struct si_context_options options = {.name = "one", .type = "demo", .exist_ok = true};
  CU_ASSERT_EQUAL(si_context_create(&options, &made, &created, NULL), SI_OK);
  CU_ASSERT(created);
  CU_ASSERT_EQUAL(si_context_create(&options, &again, &created, NULL), SI_OK);
  CU_ASSERT(!created);
  EXPECT_TEXT(again.id, made.id);
  si_context_free(&again);
  options.type = NULL;
  CU_ASSERT_EQUAL(si_context_create(&options, &again, &created, NULL), SI_OK);
  si_context_free(&again);
  options.type = "customer";
  CU_ASSERT_EQUAL(si_context_create(&options, &again, &created, &error), SI_E_EXISTS);
  options = (struct si_context_options){.name = "one"};
  CU_ASSERT_EQUAL(si_context_create(&options, &again, &created, &error), SI_E_EXISTS);
  EXPECT_TEXT(error.code, "PAAS_CONTEXT_EXISTS");
  si_context_free(&made);
  done();
}

static void a_state_root_elsewhere_holds_the_context(void) {
  struct si_context made = {.name = ""}, found = {.name = ""};
  struct si_error error = {0};
  bool created = false;
  char dir[120], inside[160], moved[140], pointer[200];
  fresh();
  snprintf(dir, sizeof dir, "%s/disk/acme", base);
  snprintf(moved, sizeof moved, "%s-away", dir);
  snprintf(inside, sizeof inside, "%s/contexts/other", root);
  struct si_context_options options = {.name = "customer-acme", .state_root = dir};
  CU_ASSERT_EQUAL_FATAL(si_context_create(&options, &made, &created, &error), SI_OK);
  EXPECT_TEXT(made.dir, dir);
  CU_ASSERT(there(dir, "state.db") && there(dir, "config.json"));
  CU_ASSERT_EQUAL_FATAL(si_context_open("customer-acme", &found, &error), SI_OK);
  EXPECT_TEXT(found.dir, dir);
  EXPECT_TEXT(found.id, made.id);
  si_context_free(&found);

  options.exist_ok = true;
  CU_ASSERT_EQUAL(si_context_create(&options, &found, &created, &error), SI_OK);
  CU_ASSERT(!created);
  si_context_free(&found);
  /* The pointer is lost, the disk is not: init finds the context again, create does not. */
  snprintf(pointer, sizeof pointer, "%s/contexts/customer-acme", root);
  scratch_remove(pointer);
  options.exist_ok = false;
  CU_ASSERT_EQUAL(si_context_create(&options, &found, &created, &error), SI_E_EXISTS);
  EXPECT_TEXT(error.code, "STATE_ROOT_NOT_EMPTY");
  options.exist_ok = true;
  CU_ASSERT_EQUAL(si_context_create(&options, &found, &created, &error), SI_OK);
  EXPECT_TEXT(found.id, made.id);
  si_context_free(&found);

  options = (struct si_context_options){.name = "second", .state_root = dir, .exist_ok = true};
  CU_ASSERT_EQUAL(si_context_create(&options, &found, &created, &error), SI_E_EXISTS);
  EXPECT_TEXT(error.code, "STATE_ROOT_NOT_EMPTY");
  options.state_root = inside;
  CU_ASSERT_EQUAL(si_context_create(&options, &found, &created, &error), SI_E_INVALID);
  NEED(rename(dir, moved) == 0);
  CU_ASSERT_EQUAL(si_context_open("customer-acme", &found, &error), SI_E_NOT_FOUND);
  EXPECT_TEXT(error.code, "PAAS_CONTEXT_UNAVAILABLE");
  si_context_free(&made);
  done();
}

static void a_vault_belongs_to_one_context(void) {
  struct si_context made = {.name = ""}, other = {.name = ""};
  struct si_error error = {0};
  char vault[120];
  fresh();
  snprintf(vault, sizeof vault, "%s/secrets.env", base);
  struct si_context_options options = {.name = "one", .vault_file = vault};
  CU_ASSERT_EQUAL(si_context_create(&options, &made, NULL, &error), SI_OK);
  EXPECT_TEXT(si_json_str(made.config, "vault_file"), vault);
  options.name = "two";
  CU_ASSERT_EQUAL(si_context_create(&options, &other, NULL, &error), SI_E_REFUSED);
  EXPECT_TEXT(error.code, "PAAS_VAULT_SHARED");
  si_context_free(&made);

  /* Nor in another spelling of a place that does not exist yet. */
  static const char *const spellings[] = {"new/vault/env", "new/./vault/env", "./new//vault/./env",
                                          "new/vault/./env"};
  for (size_t i = 0; i < 4; i++) {
    char name[16];
    snprintf(name, sizeof name, "spelt-%zu", i);
    snprintf(vault, sizeof vault, "%s/%s", base, spellings[i]);
    options.name = name;
    CU_ASSERT_EQUAL(si_context_create(&options, &made, NULL, &error), i ? SI_E_REFUSED : SI_OK);
    EXPECT_TEXT(error.code, "PAAS_VAULT_SHARED");
    si_context_free(&made);
    made.config = NULL;
  }
  done();
}

/* --- places within places ----------------------------------------------------------------- */

static void no_context_lies_in_another(void) {
  char inner[6][160];
  struct si_context made = {.name = ""};
  struct si_error error = {0};
  fresh();
  const char *const in[] = {"disk/cache/x",
                            "disk",
                            "disk/vault/v",
                            "far",
                            "dot/paas/contexts/soon/v",
                            "dot/paas/keys/one.identity"};
  for (size_t i = 0; i < 6; i++) {
    snprintf(inner[i], sizeof inner[i], "%s/%s", base, in[i]);
  }
  char far_vault[160];
  snprintf(far_vault, sizeof far_vault, "%s/far/deep/v", base);
  const struct si_context_options first = {
      .name = "one", .state_root = inner[1], .vault_file = far_vault};
  CU_ASSERT_EQUAL(si_context_create(&first, &made, NULL, &error), SI_OK);
  si_context_free(&made);
  const struct {
    struct si_context_options options;
    si_rc status;
    const char *code;
  } cases[] = {
      {{.name = "two", .state_root = inner[0]}, SI_E_REFUSED, "PAAS_CONTEXT_OVERLAP"},
      {{.name = "two", .vault_file = inner[2]}, SI_E_REFUSED, "PAAS_CONTEXT_OVERLAP"},
      /* The vault of the other is not there yet; the directory would take it in. */
      {{.name = "two", .state_root = inner[3]}, SI_E_REFUSED, "PAAS_CONTEXT_OVERLAP"},
      {{.name = "two", .vault_file = inner[4]}, SI_E_INVALID, "PAAS_INVALID_ARGUMENT"},
      {{.name = "two", .vault_file = inner[5]}, SI_E_INVALID, "PAAS_INVALID_ARGUMENT"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CU_ASSERT_EQUAL(si_context_create(&cases[i].options, &made, NULL, &error), cases[i].status);
    EXPECT_TEXT(error.code, cases[i].code);
  }
  done();
}

/* flock() fails with ENOLCK in this process from here on. */
static void forbid_flock(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_flock, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOLCK),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog program = {sizeof code / sizeof *code, code};
  NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  NEED(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0);
}

static void only_a_held_lock_is_told_as_busy(void) {
  int status = -1;
  fresh();
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    struct si_context made = {.name = ""};
    struct si_error error = {0};
    const struct si_context_options options = {.name = "one"};
    forbid_flock();
    si_rc rc = si_context_create(&options, &made, NULL, &error);
    _exit(rc == SI_E_IO && strcmp(error.code, "STATE_ROOT_IO") == 0 ? 0 : 1);
  }
  NEED(waitpid(child, &status, 0) == child);
  CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  done();
}

static void a_root_that_others_can_reach_is_refused(void) {
  struct si_context made = {.name = ""};
  struct si_error error = {0};
  static const unsigned modes[] = {0755, 0750, 0701, 0770};
  fresh();
  NEED(si_mkdir_path(root, 0700) == 0);
  for (size_t i = 0; i < 4; i++) {
    NEED(chmod(root, modes[i]) == 0);
    CU_ASSERT_EQUAL(create("one", &made, &error), SI_E_REFUSED);
    EXPECT_TEXT(error.code, "STATE_ROOT_PERMISSIONS");
    CU_ASSERT(strstr(error.hint, "chmod 700") != NULL);
    CU_ASSERT(!there(root, "contexts"));
  }
  NEED(chmod(root, 0700) == 0);
  CU_ASSERT_EQUAL(create("one", &made, &error), SI_OK);
  si_context_free(&made);
  NEED(chmod(root, 0755) == 0);
  CU_ASSERT_EQUAL(si_context_open("one", &made, &error), SI_E_REFUSED);
  if (geteuid() == 0) { /* only root can give a directory away */
    NEED(chmod(root, 0700) == 0 && chown(root, 65534, 65534) == 0);
    CU_ASSERT_EQUAL(si_context_open("one", &made, &error), SI_E_REFUSED);
    EXPECT_TEXT(error.code, "STATE_ROOT_OWNER");
  }
  done();
}

static void only_a_full_disk_is_told_to_be_freed(void) {
  struct si_context made = {.name = ""};
  struct si_error error = {0};
  struct rlimit limit, none;
  fresh();
  CU_ASSERT_EQUAL(create("one", &made, &error), SI_OK);
  si_context_free(&made);
  NEED(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  none = (struct rlimit){3, limit.rlim_max};
  NEED(setrlimit(RLIMIT_NOFILE, &none) == 0);
  si_rc status = si_context_open("one", &made, &error);
  NEED(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  CU_ASSERT_EQUAL(status, SI_E_QUOTA);
  EXPECT_TEXT(error.code, "STATE_ROOT_IO");
  EXPECT_TEXT(error.hint, "");
  done();
}

static void the_guard_holds_for_root_state_root_and_vault(void) {
  struct si_context made = {.name = ""};
  struct si_error error = {0};
  char tree[120], inside[160];
  fresh();
  snprintf(tree, sizeof tree, "%s/tree", base);
  snprintf(inside, sizeof inside, "%s/.git", tree);
  NEED(si_mkdir_path(inside, 0700) == 0);
  snprintf(inside, sizeof inside, "%s/state", tree);
  struct si_context_options options = {.name = "one", .state_root = inside};
  CU_ASSERT_EQUAL(si_context_create(&options, &made, NULL, &error), SI_E_REFUSED);
  EXPECT_TEXT(error.code, "STATE_ROOT_IN_REPOSITORY");
  options = (struct si_context_options){.name = "one", .vault_file = inside};
  CU_ASSERT_EQUAL(si_context_create(&options, &made, NULL, &error), SI_E_REFUSED);
  CU_ASSERT_EQUAL(create("one", &made, NULL), SI_OK);
  si_context_free(&made);

  setenv("SI_PAAS_STATE_ROOT", inside, 1);
  CU_ASSERT_EQUAL(create("one", &made, &error), SI_E_REFUSED);
  CU_ASSERT(!there(tree, "state"));
  /* A repository that is made around a context afterwards is noticed when it is opened. */
  setenv("SI_PAAS_STATE_ROOT", root, 1);
  snprintf(inside, sizeof inside, "%s/.git", base);
  NEED(mkdir(inside, 0700) == 0);
  CU_ASSERT_EQUAL(si_context_open("one", &made, &error), SI_E_REFUSED);
  EXPECT_TEXT(error.code, "STATE_ROOT_IN_REPOSITORY");
  done();
}

static void where_the_root_is(void) {
  static const struct {
    const char *set, *home, *want, *code;
  } cases[] = {
      {"/srv/si", "/home/a", "/srv/si", ""},    {NULL, "/home/a", "/home/a/.si/paas", ""},
      {"", "/home/a", "/home/a/.si/paas", ""},  {"si", "/home/a", "", "STATE_ROOT_RELATIVE"},
      {NULL, NULL, "", "STATE_ROOT_UNKNOWN"},   {NULL, "", "", "STATE_ROOT_UNKNOWN"},
      {NULL, "home", "", "STATE_ROOT_UNKNOWN"},
  };
  char home[SI_PATH_MAX];
  const char *own = getenv("HOME");
  si_copy(home, sizeof home, own);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char to[SI_PATH_MAX] = "";
    struct si_error error = {0};
    (void)(cases[i].set ? setenv("SI_PAAS_STATE_ROOT", cases[i].set, 1)
                        : unsetenv("SI_PAAS_STATE_ROOT"));
    (void)(cases[i].home ? setenv("HOME", cases[i].home, 1) : unsetenv("HOME"));
    CU_ASSERT_EQUAL(si_context_root(to, sizeof to, &error),
                    cases[i].code[0] ? SI_E_INVALID : SI_OK);
    EXPECT_TEXT(to, cases[i].want);
    EXPECT_TEXT(error.code, cases[i].code);
  }
  setenv("HOME", home, 1);
}

static void a_command_means_the_flag_then_the_variable_then_the_one_in_use(void) {
  struct si_context made = {.name = ""};
  struct si_error error = {0};
  char name[64] = "";
  fresh();
  CU_ASSERT_EQUAL(si_context_resolve(NULL, name, sizeof name, &error), SI_E_INVALID);
  EXPECT_TEXT(error.code, "PAAS_CONTEXT_REQUIRED");
  CU_ASSERT(strstr(error.hint, "--context") != NULL);
  CU_ASSERT(!there(base, "dot")); /* asking makes nothing */
  CU_ASSERT_EQUAL(create("one", &made, &error), SI_OK);
  si_context_free(&made);
  CU_ASSERT_EQUAL(si_context_resolve(NULL, name, sizeof name, &error), SI_E_INVALID);
  CU_ASSERT_EQUAL(si_context_use("two", &error), SI_E_NOT_FOUND);
  CU_ASSERT_EQUAL(si_context_use("one", &error), SI_OK);
  CU_ASSERT_EQUAL(si_context_resolve(NULL, name, sizeof name, &error), SI_OK);
  EXPECT_TEXT(name, "one");
  setenv("SI_PAAS_CONTEXT", "two", 1);
  CU_ASSERT_EQUAL(si_context_resolve(NULL, name, sizeof name, &error), SI_OK);
  EXPECT_TEXT(name, "two");
  CU_ASSERT_EQUAL(si_context_resolve("three", name, sizeof name, &error), SI_OK);
  EXPECT_TEXT(name, "three");
  static const char *const bad[] = {"", "../one", "One"};
  for (size_t i = 0; i < 3; i++) {
    CU_ASSERT_EQUAL(si_context_resolve(bad[i], name, sizeof name, &error), SI_E_INVALID);
    EXPECT_TEXT(error.code, "PAAS_INVALID_ARGUMENT");
  }
  unsetenv("SI_PAAS_CONTEXT");
  static char longer[200];
  memset(longer, 'a', sizeof longer - 1);
  const struct {
    const char *text;
    size_t len;
  } files[] = {{"../../etc\n", 10}, {"one\0two\n", 8}, {"one\n\n", 5}, {"", 0}, {longer, 199}};
  int at SI_AUTO(si_close) = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    NEED(si_write_file(at, "current_context", files[i].text, files[i].len, 0600) == SI_OK);
    CU_ASSERT_EQUAL(si_context_resolve(NULL, name, sizeof name, &error), SI_E_INVALID);
    EXPECT_TEXT(error.code, "PAAS_CONTEXT_REQUIRED");
  }
  done();
}

struct listing {
  char text[512];
};

static si_rc list_one(void *ctx, const char *name, const struct si_context *context,
                      const struct si_error *error) {
  struct listing *listing = ctx;
  size_t len = strlen(listing->text);
  snprintf(listing->text + len, sizeof listing->text - len, "%s=%s ", name,
           context ? context->type : error->code);
  return SI_OK;
}

static void a_list_shows_every_context_and_what_is_wrong_with_it(void) {
  static const char *const names[] = {"oss-demo", "broken", "renamed", "customer-a", "linked"};
  struct listing listing = {""};
  struct si_error error = {0};
  struct si_context found = {.name = ""};
  char contexts[160], from[300], to[300];
  fresh();
  CU_ASSERT_EQUAL(si_context_list(&listing, list_one, &error), SI_OK);
  EXPECT_TEXT(listing.text, "");
  for (size_t i = 0; i < 4; i++) {
    CU_ASSERT_EQUAL(create(names[i], &found, &error), SI_OK);
    si_context_free(&found);
  }
  snprintf(contexts, sizeof contexts, "%s/contexts", root);
  scratch_file(contexts, "broken/config.json", "{\"schema\":\"si.context/1\",");
  snprintf(from, sizeof from, "%s/renamed", contexts);
  snprintf(to, sizeof to, "%s/moved", contexts);
  NEED(rename(from, to) == 0);
  snprintf(to, sizeof to, "%s/linked", contexts);
  NEED(symlink("oss-demo", to) == 0);
  CU_ASSERT_EQUAL(si_context_list(&listing, list_one, &error), SI_OK);
  EXPECT_TEXT(listing.text,
              "broken=PAAS_CONTEXT_CONFIG customer-a=customer linked=STATE_ROOT_IO "
              "moved=PAAS_CONTEXT_COPIED oss-demo=demo ");
  CU_ASSERT_EQUAL(si_context_open("oss-dmeo", &found, &error), SI_E_NOT_FOUND);
  EXPECT_TEXT(error.code, "PAAS_CONTEXT_NOT_FOUND");
  CU_ASSERT(strstr(error.hint, "did you mean oss-demo?") != NULL);
  CU_ASSERT_EQUAL(si_context_open("../contexts/oss-demo", &found, &error), SI_E_INVALID);
  done();
}

/* The config of context one with `key` as `json` says (NULL: without it). */
static void change_config(const cJSON *config, const char *key, const char *json) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  cJSON *copy SI_AUTO(si_json_free) = cJSON_Duplicate(config, true);
  char contexts[160];
  cJSON_DeleteItemFromObjectCaseSensitive(copy, key);
  if (json) {
    cJSON *value = cJSON_Parse(json);
    NEED(value && cJSON_AddItemToObject(copy, key, value));
  }
  NEED(si_json_print(copy, true, &text) == SI_OK);
  snprintf(contexts, sizeof contexts, "%s/contexts", root);
  scratch_file(contexts, "one/config.json", si_buf_text(&text));
}

static void a_config_that_makes_no_sense_is_refused(void) {
  static const struct {
    const char *key, *json;
    bool fine;
  } cases[] = {
      {"schema", "\"si.context/1\"", true},
      {"audit_sink", NULL, true}, /* what may be missing has its default, or is none */
      {"vault_file", NULL, true},
      {"vault_file", "null", true},
      {"default_targets", "[\"a\",\"b\"]", true},
      {"repositories", "[\"/srv/a\"]", true},
      {"runpacks", "{\"max_artifact_bytes\":1048576}", true},
      {"webhook_policy", "{\"mode\":\"allow\",\"allow\":[\"example.org\"]}", true},
      {"sandbox", "\"warn\"", true},
      {"sandbox", "\"required\"", true},
      {"unsafe_repo_state", "true", true},
      {"type", "\"oss-demo\"", true},
      {"schema", "\"si.context/2\"", false},
      {"schema", NULL, false},
      {"name", "\"two\"", false},
      {"name", "\"../two\"", false},
      {"type", "\"x\"", false},
      {"type", "1", false},
      {"id", NULL, false},
      {"id", "\"ctx-12\"", false},
      {"created_at", "\"2026\"", false},
      {"state_root", "\"/srv\"", false},
      {"state_root", NULL, false},
      {"vault_file", "\"secrets.env\"", false},
      {"vault_file", "\"/a\\nb\"", false},
      {"default_targets", "[\"a\",\"a\"]", false},
      {"default_targets", "[\"A\"]", false},
      {"default_targets", "{}", false},
      {"webhook_policy", "{\"mode\":\"maybe\"}", false},
      {"webhook_policy", "{\"mode\":\"deny\",\"x\":1}", false},
      {"audit_sink", "{\"provider\":\"file\"}", false},
      {"provisioner", "\"local\"", false},
      {"provisioner", "{\"provider\":\"../x\",\"config\":{}}", false},
      {"repositories", "[\"here\"]", false},
      {"runpacks", "{}", false},
      {"runpacks", "{\"max_artifact_bytes\":0}", false},
      {"runpacks", "{\"max_artifact_bytes\":\"1\"}", false},
      {"runpacks", "{\"max_artifact_bytes\":1,\"more\":1}", false},
      {"identity", NULL, false},
      {"identity", "{\"path\":\"/x\",\"inode\":7}", false},
      {"sandbox", "\"none\"", false},
      {"sandbox", "true", false},
      {"unsafe_repo_state", "1", false},
      {"vault_fiel", "\"/x\"", false},
  };
  static const char *const texts[] = {
      "{\"schema\":\"si.context-pointer/1\"}",
      "{\"schema\":\"si.context-pointer/1\",\"state_root\":\"here\"}", "[]", "",
      "{\"schema\":\"a\",\"schema\":\"a\"}"};
  struct si_context made = {.name = ""}, found = {.name = ""};
  struct si_error error = {0};
  char contexts[160];
  const char *provider;
  const cJSON *config;
  fresh();
  CU_ASSERT_EQUAL_FATAL(create("one", &made, &error), SI_OK);
  snprintf(contexts, sizeof contexts, "%s/contexts", root);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    change_config(made.config, cases[i].key, cases[i].json);
    si_rc status = si_context_open("one", &found, &error);
    if (status != (cases[i].fine ? SI_OK : SI_E_CORRUPT)) {
      printf("\n%s: %s: %s", cases[i].key, cases[i].json ? cases[i].json : "(none)", error.message);
    }
    CU_ASSERT_EQUAL(status, cases[i].fine ? SI_OK : SI_E_CORRUPT);
    if (status == SI_OK) {
      CU_ASSERT_EQUAL(si_context_provider(&found, "sink", &provider, &config, NULL), SI_OK);
      EXPECT_TEXT(provider, "file");
      si_context_free(&found);
    } else {
      EXPECT_TEXT(error.code, "PAAS_CONTEXT_CONFIG");
      CU_ASSERT(strstr(error.message, cases[i].key) != NULL);
    }
  }
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    scratch_file(contexts, "one/config.json", texts[i]);
    CU_ASSERT_EQUAL(si_context_open("one", &found, &error), SI_E_CORRUPT);
    EXPECT_TEXT(error.code, "PAAS_CONTEXT_CONFIG");
  }
  static char large[(1 << 20) + 2];
  memset(large, ' ', sizeof large - 1);
  scratch_file(contexts, "one/config.json", large);
  CU_ASSERT_EQUAL(si_context_open("one", &found, &error), SI_E_CORRUPT);
  EXPECT_TEXT(error.code, "PAAS_CONTEXT_CONFIG");
  CU_ASSERT(strstr(error.message, "larger than 1 MiB") != NULL);
  si_context_free(&made);
  done();
}

static int create_here(void *ctx) {
  const struct si_context_options *options = ctx;
  struct si_context made = {.name = ""};
  if (si_context_create(options, &made, NULL, NULL) != SI_OK) {
    return 1;
  }
  si_context_free(&made);
  return 0;
}

static int halves(void) {
  char path[160];
  int n = 0;
  snprintf(path, sizeof path, "%s/contexts", root);
  DIR *list = opendir(path);
  if (!list) {
    return 0;
  }
  for (const struct dirent *entry; (entry = readdir(list)) != NULL;) {
    n += strncmp(entry->d_name, ".new-", 5) == 0;
  }
  closedir(list);
  return n;
}

/* Killed anywhere, a create has made the context whole, or the next one makes it. */
static void a_create_killed_at_any_system_call_leaves_all_or_nothing(void) {
  bool killed = true;
  unsigned whole = 0, none = 0, swept = 0;
  char disk[120], contexts[120];
  for (unsigned nth = sweep_first(2); killed && nth < 8000; nth += sweep_step(2)) {
    for (int elsewhere = 0; elsewhere < 2; elsewhere++) {
      struct si_context made = {.name = ""}, found = {.name = ""};
      struct si_state *state = NULL;
      struct si_error error = {0};
      fresh();
      snprintf(disk, sizeof disk, "%s/disk", base);
      snprintf(contexts, sizeof contexts, "%s/contexts", root);
      struct si_context_options options = {.name = "one", .state_root = elsewhere ? disk : NULL};
      killed = killed_at(nth, create_here, &options);
      swept += (unsigned)halves();
      bool visible = there(contexts, "one");
      si_rc status = si_context_open("one", &found, &error);
      CU_ASSERT_EQUAL(status, visible ? SI_OK : SI_E_NOT_FOUND);
      if (visible) {
        CU_ASSERT_EQUAL(si_state_open(found.dir, found.id, SI_STATE_READ, &state, &error), SI_OK);
        si_state_close(state);
      }
      si_context_free(&found);
      whole += visible;
      none += !visible;
      status = si_context_create(&options, &made, NULL, &error);
      if (status != (visible ? SI_E_EXISTS : SI_OK)) {
        printf("\nafter stop %u: %s: %s\n", nth, error.code, error.message);
      }
      CU_ASSERT_EQUAL(status, visible ? SI_E_EXISTS : SI_OK);
      CU_ASSERT_EQUAL(halves(), 0);
      si_context_free(&made);
      done();
    }
  }
  CU_ASSERT(!killed);
  CU_ASSERT(whole >= sweep_least(1) && none >= sweep_least(50) &&
            swept >= sweep_least(50)); /* all three were seen */
}

static void of_two_creates_of_one_name_one_wins(void) {
  fresh();
  for (unsigned round = 0; round < 10; round++) {
    char name[16];
    int wins = 0;
    pid_t children[2];
    snprintf(name, sizeof name, "one-%u", round);
    struct si_context_options options = {.name = name};
    for (size_t i = 0; i < 2; i++) {
      children[i] = fork();
      NEED(children[i] >= 0);
      if (children[i] == 0) {
        _exit(create_here(&options));
      }
    }
    for (size_t i = 0; i < 2; i++) {
      int status;
      NEED(waitpid(children[i], &status, 0) == children[i]);
      wins += WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    CU_ASSERT_EQUAL(wins, 1);
  }
  done();
}

UNIT_MAIN("context", UNIT(a_new_context_is_whole_and_private),
          UNIT(the_config_says_everything_that_was_settled),
          UNIT(the_type_follows_from_the_name_unless_it_is_given),
          UNIT(create_refuses_and_init_accepts_what_exists),
          UNIT(a_state_root_elsewhere_holds_the_context), UNIT(a_vault_belongs_to_one_context),
          UNIT(no_context_lies_in_another), UNIT(only_a_held_lock_is_told_as_busy),
          UNIT(a_root_that_others_can_reach_is_refused), UNIT(only_a_full_disk_is_told_to_be_freed),
          UNIT(the_guard_holds_for_root_state_root_and_vault), UNIT(where_the_root_is),
          UNIT(a_command_means_the_flag_then_the_variable_then_the_one_in_use),
          UNIT(a_list_shows_every_context_and_what_is_wrong_with_it),
          UNIT(a_config_that_makes_no_sense_is_refused),
          UNIT(a_create_killed_at_any_system_call_leaves_all_or_nothing),
          UNIT(of_two_creates_of_one_name_one_wins))
