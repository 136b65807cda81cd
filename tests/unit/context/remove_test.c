/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/context/remove_test.c - a context goes whole or not at all, and only when nothing
 * lives there; a directory that was moved is adopted, a copy is not (R5, R8).
 */
#include <dirent.h>

#include "paas/context/remove.h"
#include "paas/state/place.h"
#include "tests/unit/state/scratch.h"
#include "tests/unit/sweep.h"

static char base[64];
static char root[80];
static char disk[96];

static void fresh(void) {
  snprintf(base, sizeof base, "/tmp/si-remove-XXXXXX");
  NEED(mkdtemp(base) != NULL);
  snprintf(root, sizeof root, "%s/paas", base);
  snprintf(disk, sizeof disk, "%s/disk", base);
  setenv("SI_PAAS_STATE_ROOT", root, 1);
  unsetenv("SI_PAAS_CONTEXT");
}

static void done(void) {
  scratch_remove(base);
}

static bool there(const char *where, const char *name) {
  char path[400];
  struct stat st;
  snprintf(path, sizeof path, "%s/%s", where, name);
  return lstat(path, &st) == 0;
}

static void make(const char *name, const char *state_root) {
  struct si_context made = {.name = ""};
  struct si_error error = {0};
  struct si_context_options options = {.name = name, .state_root = state_root};
  CU_ASSERT_EQUAL_FATAL(si_context_create(&options, &made, NULL, &error), SI_OK);
  si_context_free(&made);
}

static si_rc drop(const char *name, struct si_error *error) {
  const struct si_context_removal removal = {.name = name};
  return si_context_remove(&removal, error);
}

static int lines_of_removed(void) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  char path[120];
  int lines = 0;
  snprintf(path, sizeof path, "%s/removed.jsonl", root);
  if (si_read_file(AT_FDCWD, path, &text) != SI_OK) {
    return 0;
  }
  for (const char *c = si_buf_text(&text); *c; c++) {
    lines += *c == '\n';
  }
  return lines;
}

static int left_in(const char *dir) {
  int n = 0;
  DIR *list = opendir(dir);
  if (!list) {
    return 0;
  }
  for (const struct dirent *entry; (entry = readdir(list)) != NULL;) {
    n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
         strcmp(entry->d_name, ".lock") != 0;
  }
  closedir(list);
  return n;
}

static int drop_here(void *ctx) {
  return drop(ctx, NULL) == SI_OK ? 0 : 1;
}

/* Killed anywhere, the context is there, whole and usable, or gone; the next removal or creation
 * finishes, and nothing is left of it: not its state root, nor its key. */
static void a_removal_killed_at_any_system_call_is_finished_by_the_next_command(void) {
  bool killed = true;
  unsigned whole = 0, gone = 0, leftovers = 0;
  char contexts[120], keys[120], name[] = "one";
  for (unsigned nth = sweep_first(6); killed && nth < 8000; nth += sweep_step(6)) {
    for (int elsewhere = 0; elsewhere < 2; elsewhere++) {
      struct si_context found = {.name = ""};
      struct si_state *state = NULL;
      struct si_error error = {0};
      fresh();
      snprintf(contexts, sizeof contexts, "%s/contexts", root);
      snprintf(keys, sizeof keys, "%s/keys", root);
      make("one", elsewhere ? disk : NULL);
      NEED(mkdir(keys, 0700) == 0);
      scratch_file(keys, "one.identity", "x");
      scratch_file(keys, "one.identity.age1x", "x"); /* of a rotation that died */
      NEED(si_context_use("one", NULL) == SI_OK);
      killed = killed_at(nth, drop_here, name);
      if (there(contexts, "one")) {
        whole++;
        CU_ASSERT_EQUAL(si_context_open("one", &found, &error), SI_OK);
        CU_ASSERT_EQUAL(si_state_open(found.dir, found.id, SI_STATE_WRITE, &state, &error), SI_OK);
        si_state_close(state);
        si_context_free(&found);
        CU_ASSERT(there(keys, "one.identity"));
      } else {
        gone++;
        leftovers += left_in(contexts) > 0;
        CU_ASSERT_EQUAL(si_context_open("one", &found, &error), SI_E_NOT_FOUND);
      }
      bool finished = left_in(contexts) == 0;
      si_rc status = drop("one", &error);
      if (status != (finished ? SI_E_NOT_FOUND : SI_OK)) {
        printf("\nafter stop %u: %s: %s", nth, error.code, error.message);
      }
      CU_ASSERT_EQUAL(status, finished ? SI_E_NOT_FOUND : SI_OK);
      CU_ASSERT_EQUAL(left_in(contexts), 0);
      CU_ASSERT_EQUAL(left_in(keys), 0);
      CU_ASSERT_EQUAL(left_in(disk), 0);
      CU_ASSERT(!there(root, "current_context"));
      CU_ASSERT_EQUAL(lines_of_removed(), 1);
      make("one", elsewhere ? disk : NULL); /* and its name and place can be had again */
      done();
    }
  }
  CU_ASSERT(!killed);
  CU_ASSERT(whole >= sweep_least(20) && gone >= sweep_least(20) &&
            leftovers >= sweep_least(10)); /* all three were seen */
}

/* A project that begins while its context goes: one of the two is refused. */
static void of_a_removal_and_a_new_project_one_wins(void) {
  struct si_context context = {.name = ""};
  struct si_error error = {0};
  struct si_state *early = NULL;
  struct si_project project;
  struct si_operation operation;
  int lock = -1;
  fresh();
  make("one", NULL);
  CU_ASSERT_EQUAL(si_context_open("one", &context, &error), SI_OK);
  CU_ASSERT_EQUAL(si_state_open(context.dir, context.id, SI_STATE_WRITE, &early, &error), SI_OK);
  CU_ASSERT_EQUAL(si_state_retire(early, &error), SI_OK);
  CU_ASSERT_NOT_EQUAL(scratch_create(early, "late", &project, &operation, &lock, &error), SI_OK);
  CU_ASSERT_EQUAL(si_state_unretire(early, &error), SI_OK);
  CU_ASSERT_EQUAL(scratch_create(early, "late", &project, &operation, &lock, &error), SI_OK);
  close(lock);
  CU_ASSERT_EQUAL(drop("one", &error), SI_E_CONFLICT);
  EXPECT_TEXT(error.code, "PAAS_CONTEXT_NOT_EMPTY");
  EXPECT_TEXT(error.target, "late");
  si_state_close(early);
  si_context_free(&context);
  done();
}

static si_rc fail_last(void *ctx, const struct si_context *context, struct si_state *state,
                       struct si_error *error) {
  (void)ctx, (void)context, (void)state;
  return si_error_set(error, SI_E_IO, "TEST", "no last word");
}

static void a_removal_that_fails_is_taken_back(void) {
  struct si_context context = {.name = ""};
  struct si_error error = {0};
  struct si_state *state = NULL;
  struct si_project project;
  struct si_operation operation;
  int lock = -1;
  fresh();
  make("one", NULL);
  const struct si_context_removal removal = {.name = "one", .last = fail_last};
  CU_ASSERT_EQUAL(si_context_remove(&removal, &error), SI_E_IO);
  EXPECT_TEXT(error.code, "TEST");
  CU_ASSERT_EQUAL_FATAL(si_context_open("one", &context, &error), SI_OK);
  CU_ASSERT_EQUAL(si_state_open(context.dir, context.id, SI_STATE_WRITE, &state, &error), SI_OK);
  CU_ASSERT_EQUAL(scratch_create(state, "alive", &project, &operation, &lock, &error), SI_OK);
  close(lock);
  si_state_close(state);
  si_context_free(&context);
  CU_ASSERT_EQUAL(lines_of_removed(), 0);
  done();
}

static void only_what_is_the_contexts_is_removed(void) {
  struct si_error error = {0};
  char outside[120], inside[200], deep[200];
  fresh();
  make("one", disk);
  snprintf(outside, sizeof outside, "%s/outside", base);
  NEED(mkdir(outside, 0700) == 0);
  scratch_file(outside, "kept", "x");
  snprintf(inside, sizeof inside, "%s/cache/link", disk);
  NEED(symlink(outside, inside) == 0);
  snprintf(deep, sizeof deep, "%s/runpacks/a/b/c", disk);
  NEED(si_mkdir_path(deep, 0700) == 0);
  scratch_file(deep, "manifest.json", "{}");
  NEED(chmod(deep, 0500) == 0); /* evidence that was closed is the owner's all the same */
  CU_ASSERT_EQUAL(drop("one", &error), SI_OK);
  CU_ASSERT(!there(base, "disk") && there(outside, "kept"));
  /* A removal that was cut off names a place where another context is by now: that one stays. */
  struct si_context lost = {.name = ""};
  char one[160], aside[160], gone[200], record[600];
  make("one", disk);
  CU_ASSERT_EQUAL(si_context_open("one", &lost, &error), SI_OK);
  scratch_remove(disk);
  snprintf(one, sizeof one, "%s/contexts/one", root);
  snprintf(aside, sizeof aside, "%s/aside", base);
  NEED(rename(one, aside) == 0);
  make("two", disk);
  snprintf(gone, sizeof gone, "%s/contexts/.gone-one-0123456789abcdef", root);
  snprintf(record, sizeof record,
           "{\"name\":\"one\",\"id\":\"%s\",\"state_root\":\"%s\",\"elsewhere\":true}", lost.id,
           disk);
  NEED(rename(aside, gone) == 0);
  scratch_file(gone, "removal.json", record);
  CU_ASSERT_EQUAL(drop("one", &error), SI_OK);
  CU_ASSERT(there(disk, "state.db"));
  CU_ASSERT(!there(gone, "removal.json"));
  si_context_free(&lost);
  CU_ASSERT_EQUAL(lines_of_removed(), 2);
  done();
}

static void a_vault_with_secrets_is_not_removed_by_the_way(void) {
  static const struct {
    const char *text;
    bool holds;
  } cases[] = {{"", false},           {"# recipients\n\n", false}, {"# a\n  # b\n", false},
               {"A=eA==\n", true},    {"# a\nA=eA==", true},       {"  A=1\n", true},
               {"# a\r\n\r\n", false}};
  struct si_error error = {0};
  char vault[160];
  fresh();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    make("one", NULL);
    snprintf(vault, sizeof vault, "%s/contexts/one/vault", root);
    NEED(mkdir(vault, 0700) == 0);
    scratch_file(vault, "secrets.env", cases[i].text);
    CU_ASSERT_EQUAL(drop("one", &error), cases[i].holds ? SI_E_CONFLICT : SI_OK);
    const struct si_context_removal removal = {.name = "one", .with_secrets = true};
    CU_ASSERT_EQUAL(si_context_remove(&removal, &error), cases[i].holds ? SI_OK : SI_E_NOT_FOUND);
  }
  done();
}

/* What a rotation or a write that died has left of a vault that lies elsewhere goes too, also where
 * the vault itself is lost; what is another's stays. */
static void leftovers_of_a_vault_elsewhere_go_with_it(void) {
  static const struct {
    bool vault, next, others; /* there; its .new; is the vault another context's? */
    int left;
  } cases[] = {{true, true, false, 0},
               {true, false, false, 0},
               {false, true, false, 0},
               {true, true, true, 3}};
  char text[160], path[160], vault[128], keys[120];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_context made = {.name = ""};
    struct si_error error = {0};
    fresh();
    snprintf(vault, sizeof vault, "%s/vaults", base);
    snprintf(path, sizeof path, "%s/secrets.env", vault);
    snprintf(keys, sizeof keys, "%s/keys", root);
    NEED(mkdir(vault, 0700) == 0);
    const struct si_context_options options = {.name = "one", .vault_file = path};
    NEED(si_context_create(&options, &made, NULL, &error) == SI_OK);
    snprintf(text, sizeof text, "# si.vault/1\n# context %s\n", made.id);
    if (cases[i].vault) {
      scratch_file(vault, "secrets.env", cases[i].others ? "# another\n" : text);
    }
    if (cases[i].next) {
      scratch_file(vault, "secrets.env.new", text);
    }
    scratch_file(vault, "secrets.env.lock", "");
    NEED(mkdir(keys, 0700) == 0);
    scratch_file(keys, "one.identity.age1x", "x");
    scratch_file(keys, "one.identity.kept", "x"); /* a copy that somebody made */
    scratch_file(keys, "one-more.identity", "x");
    CU_ASSERT_EQUAL(drop("one", &error), SI_OK);
    CU_ASSERT_EQUAL(left_in(vault), cases[i].left);
    CU_ASSERT_EQUAL(left_in(keys), 2);
    si_context_free(&made);
    done();
  }
}

/* --- adopting --- */

static int adopt_here(void *ctx) {
  struct si_context out = {.name = ""};
  char from[SI_PATH_MAX];
  si_rc status = si_context_adopt(ctx, &out, from, NULL);
  si_context_free(&out);
  return status == SI_OK ? 0 : 1;
}

static void an_adoption_killed_at_any_system_call_can_be_made_again(void) {
  bool killed = true;
  unsigned before = 0, after = 0;
  char moved[120], name[] = "one";
  for (unsigned nth = sweep_first(6); killed && nth < 8000; nth += sweep_step(6)) {
    struct si_context found = {.name = ""};
    struct si_state *state = NULL;
    struct si_error error = {0};
    fresh();
    make("one", NULL);
    snprintf(moved, sizeof moved, "%s/moved", base);
    NEED(rename(root, moved) == 0);
    setenv("SI_PAAS_STATE_ROOT", moved, 1);
    killed = killed_at(nth, adopt_here, name);
    si_rc status = si_context_open("one", &found, &error);
    before += status == SI_E_REFUSED;
    after += status == SI_OK;
    CU_ASSERT(status == SI_OK || strcmp(error.code, "PAAS_CONTEXT_COPIED") == 0);
    si_context_free(&found);
    CU_ASSERT_EQUAL(adopt_here(name), 0);
    CU_ASSERT_EQUAL(si_context_open("one", &found, &error), SI_OK);
    CU_ASSERT_EQUAL(si_state_open(found.dir, found.id, SI_STATE_READ, &state, &error), SI_OK);
    si_state_close(state);
    si_context_free(&found);
    done();
  }
  CU_ASSERT(!killed && before >= sweep_least(10) && after >= sweep_least(1));
}

UNIT_MAIN("context remove",
          UNIT(a_removal_killed_at_any_system_call_is_finished_by_the_next_command),
          UNIT(of_a_removal_and_a_new_project_one_wins), UNIT(a_removal_that_fails_is_taken_back),
          UNIT(only_what_is_the_contexts_is_removed),
          UNIT(a_vault_with_secrets_is_not_removed_by_the_way),
          UNIT(leftovers_of_a_vault_elsewhere_go_with_it),
          UNIT(an_adoption_killed_at_any_system_call_can_be_made_again))
