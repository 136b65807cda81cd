/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/vault/identity_test.c - where the vault and its identity may lie, and who may have a
 * hand on them; identities sealed with a passphrase (R10, R15, R16).
 */
#include "tests/unit/vault/world.h"

static struct world world;
static char identity[SI_PATH_MAX];

static void start(void) {
  world_make(&world);
  world_set(&world, "", "KEY", "the value");
  NEED(si_vault_identity_path(&world.context, identity, sizeof identity, NULL) == SI_OK);
  world_close(&world);
}

static si_rc get(struct si_error *error) {
  struct si_buf value SI_AUTO(si_buf_free) = SI_BUF(64);
  si_rc status = world_try(&world, SI_STATE_READ, error);
  return status == SI_OK ? si_vault_get(world.vault, "", "KEY", &value, world_copy, error) : status;
}

static void expect(si_rc status, const char *code, const char *what) {
  struct si_error error = {0};
  si_rc found = get(&error);
  if (found != status || strcmp(error.code, code) != 0) {
    printf("\n%s: %s (%s)\n", what, error.code, error.message);
  }
  CU_ASSERT_EQUAL(found, status);
  EXPECT_TEXT(error.code, code);
  CU_ASSERT(status == SI_OK || error.message[0] != '\0');
  world_close(&world);
}

static void modes_and_links_are_refused(void) {
  char dir[SI_PATH_MAX], keys[SI_PATH_MAX], moved[SI_PATH_MAX + 8], contexts[80];
  start();
  si_copy(dir, sizeof dir, world.path);
  *strrchr(dir, '/') = '\0';
  si_copy(keys, sizeof keys, identity);
  *strrchr(keys, '/') = '\0';
  expect(SI_OK, "", "as it was made");
  const struct {
    const char *path;
    mode_t bad, good;
  } modes[] = {{world.path, 0640, 0600}, {world.path, 0604, 0600}, {identity, 0640, 0600},
               {identity, 0601, 0600},   {keys, 0750, 0700},       {keys, 0701, 0700},
               {dir, 0770, 0700},        {dir, 0702, 0700}};
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    NEED(chmod(modes[i].path, modes[i].bad) == 0);
    expect(SI_E_REFUSED, "VAULT_UNSAFE", modes[i].path);
    NEED(chmod(modes[i].path, modes[i].good) == 0);
  }
  snprintf(contexts, sizeof contexts, "%s/contexts", world.root);
  const char *const links[] = {world.path, identity, keys, dir, contexts};
  for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
    snprintf(moved, sizeof moved, "%s.moved", links[i]);
    NEED(rename(links[i], moved) == 0 && symlink(moved, links[i]) == 0);
    expect(SI_E_REFUSED, "VAULT_UNSAFE", links[i]);
    NEED(unlink(links[i]) == 0 && rename(moved, links[i]) == 0);
  }
  expect(SI_OK, "", "put back");
  world_remove(&world);
}

static void another_owner_is_refused(void) {
  if (geteuid() != 0) {
    return; /* only root can give files away */
  }
  start();
  NEED(chown(world.path, 65534, 65534) == 0);
  expect(SI_E_REFUSED, "VAULT_UNSAFE", "another's vault");
  NEED(chown(world.path, 0, 0) == 0 && chown(identity, 65534, 65534) == 0);
  expect(SI_E_REFUSED, "VAULT_UNSAFE", "another's identity");
  NEED(chown(identity, 0, 0) == 0);
  expect(SI_OK, "", "given back");
  world_remove(&world);
}

static void a_repository_around_it_is_refused_at_every_open(void) {
  char git[SI_PATH_MAX + 8];
  start();
  si_copy(git, sizeof git, world.path);
  strcpy(strrchr(git, '/'), "/.git");
  NEED(mkdir(git, 0700) == 0);
  expect(SI_E_REFUSED, "VAULT_UNSAFE", "a repository around the vault");
  NEED(rmdir(git) == 0);
  expect(SI_OK, "", "taken away");
  world_remove(&world);
}

static void what_is_no_identity_is_said(void) {
  start();
  struct si_buf own SI_AUTO(si_buf_free) = world_read(identity);
  world_write(identity, "nonsense\n", 9);
  expect(SI_E_CORRUPT, "VAULT_IDENTITY", "nonsense");
  world_write(identity, "# a comment\n", 12);
  expect(SI_E_CORRUPT, "VAULT_IDENTITY", "none in it");
  NEED(unlink(identity) == 0);
  expect(SI_E_AUTH, "VAULT_LOCKED", "not there");
  world_write(identity, own.data, own.len);
  expect(SI_OK, "", "put back");
  world_remove(&world);
}

/* --- passphrases --- */

struct asked {
  const char *answer;
  int times;
};

static si_rc answer(void *ctx, const char *what, struct si_buf *out, struct si_error *error) {
  struct asked *asked = ctx;
  (void)what, (void)error;
  asked->times++;
  return si_buf_puts(out, asked->answer);
}

static void a_sealed_identity_opens_with_its_passphrase_alone(void) {
  struct asked right = {"correct horse", 0}, wrong = {"another", 0};
  struct si_buf value SI_AUTO(si_buf_free) = SI_BUF(64);
  struct si_error error = {0};
  bool sealed = false;
  char recipient[80];
  start();
  CU_ASSERT_EQUAL(si_vault_identity_sealed(&world.context, &sealed, NULL), SI_OK);
  CU_ASSERT(!sealed);
  world_open(&world, SI_STATE_WRITE);
  CU_ASSERT_EQUAL(si_vault_rotate(world.vault, "correct horse", recipient, NULL), SI_OK);
  CU_ASSERT_EQUAL(si_vault_identity_sealed(&world.context, &sealed, NULL), SI_OK);
  CU_ASSERT(sealed);
  expect(SI_E_AUTH, "VAULT_LOCKED", "nobody to ask");
  world_open(&world, SI_STATE_READ);
  si_vault_asker(world.vault, answer, &wrong);
  CU_ASSERT_EQUAL(si_vault_get(world.vault, "", "KEY", &value, world_copy, &error), SI_E_AUTH);
  EXPECT_TEXT(error.code, "VAULT_PASSPHRASE");
  si_vault_asker(world.vault, answer, &right);
  CU_ASSERT_EQUAL(si_vault_get(world.vault, "", "KEY", &value, world_copy, NULL), SI_OK);
  CU_ASSERT_EQUAL(si_vault_get(world.vault, "", "KEY", &value, world_copy, NULL), SI_OK);
  EXPECT_TEXT(si_buf_text(&value), "the value");
  CU_ASSERT_EQUAL(right.times, 1); /* once for all values */
  world_remove(&world);
}

/* An identity that `age -p` sealed is one of ours. */
static void an_identity_sealed_by_the_age_tool_is_read(void) {
  struct asked right = {"correct horse", 0};
  struct si_buf value SI_AUTO(si_buf_free) = SI_BUF(64);
  char command[6 * SI_PATH_MAX];
  start();
  snprintf(command, sizeof command,
           SI_TEST_TERMINAL
           " 'correct horse' age -p -o '%s.sealed' '%s' 2>/dev/null && "
           "chmod 600 '%s.sealed' && mv '%s.sealed' '%s'",
           identity, identity, identity, identity, identity);
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
  }
  int status = 0;
  NEED(waitpid(child, &status, 0) == child);
  CU_ASSERT_EQUAL_FATAL(status, 0);
  world_open(&world, SI_STATE_READ);
  si_vault_asker(world.vault, answer, &right);
  CU_ASSERT_EQUAL(si_vault_get(world.vault, "", "KEY", &value, world_copy, NULL), SI_OK);
  EXPECT_TEXT(si_buf_text(&value), "the value");
  world_remove(&world);
}

UNIT_MAIN("vault identity", UNIT(modes_and_links_are_refused), UNIT(another_owner_is_refused),
          UNIT(a_repository_around_it_is_refused_at_every_open), UNIT(what_is_no_identity_is_said),
          UNIT(a_sealed_identity_opens_with_its_passphrase_alone),
          UNIT(an_identity_sealed_by_the_age_tool_is_read))
