/* SPDX-License-Identifier: Apache-2.0 */
/* The key that a context signs its evidence with (R50): made once, told of, replaced loudly. */
#include "paas/vault/evidence_key.h"

#include <sys/stat.h>

#include "paas/events/events.h"
#include "paas/state/document.h"
#include "tests/unit/unit.h"
#include "tests/unit/vault/world.h"

static void key_path(const struct world *world, char path[SI_PATH_MAX]) {
  snprintf(path, SI_PATH_MAX, "%s/keys/%s.%s.evidence", world->root, world->context.name,
           world->context.id);
}

/* Opens the key (anew: rotates) and gives its public half. */
static si_rc open_key(struct world *world, bool anew, char key[SI_SHA256_HEX],
                      struct si_error *error) {
  struct si_evidence_key found SI_AUTO(si_evidence_key_free) = {.key = ""};
  si_rc status = anew ? si_evidence_key_rotate(&world->context, world->state, &found, error)
                      : si_evidence_key_open(&world->context, world->state, &found, error);
  memcpy(key, found.key, SI_SHA256_HEX);
  if (status == SI_OK) {
    uint8_t public_key[SI_SIGN_KEY];
    char hex[SI_SHA256_HEX];
    CU_ASSERT_EQUAL(found.secret.len, SI_SIGN_KEY);
    CU_ASSERT_EQUAL(si_sign_public(found.secret.data, public_key), SI_OK);
    si_hex(public_key, sizeof public_key, hex);
    CU_ASSERT_STRING_EQUAL(hex, found.key);
  }
  return status;
}

struct told {
  size_t count;
  char severity[16]; /* of the last one */
};

static si_rc count_told(void *ctx, const char *stream, const cJSON *event) {
  struct told *told = ctx;
  (void)stream;
  if (strcmp(si_json_str(event, "action"), "evidence.key") == 0 && told->count++ == 0) {
    snprintf(told->severity, sizeof told->severity, "%s", si_json_str(event, "severity"));
  }
  return SI_OK;
}

/* The newest comes first. */
static struct told events_of(const struct world *world) {
  const struct si_events_filter filter = {.stream = "audit"};
  struct told told = {0, ""};
  CU_ASSERT_EQUAL(si_events_list(&world->context, &filter, &told, count_told, NULL), SI_OK);
  return told;
}

static si_rc add_key(void *ctx, const char *key, const char *since) {
  struct si_buf *to = ctx;
  CU_ASSERT_EQUAL(strlen(since), 24);
  return si_buf_printf(to, "%s\n", key);
}

static void a_key_is_made_once_and_told_of(void) {
  struct world world;
  struct stat st;
  char first[SI_SHA256_HEX], second[SI_SHA256_HEX], path[SI_PATH_MAX];
  world_make(&world);
  CU_ASSERT_EQUAL(open_key(&world, false, first, NULL), SI_OK);
  CU_ASSERT_EQUAL(open_key(&world, false, second, NULL), SI_OK);
  CU_ASSERT_STRING_EQUAL(first, second);
  CU_ASSERT_EQUAL(events_of(&world).count, 1);
  CU_ASSERT_STRING_EQUAL(events_of(&world).severity, "info");
  key_path(&world, path);
  CU_ASSERT_EQUAL(stat(path, &st), 0);
  CU_ASSERT_EQUAL(st.st_mode & 07777, 0600);
  world_remove(&world);
}

static void a_rotated_key_leaves_the_old_one_trusted(void) {
  struct world world;
  struct si_buf found SI_AUTO(si_buf_free) = SI_BUF(4096);
  char first[SI_SHA256_HEX], second[SI_SHA256_HEX], wanted[200];
  world_make(&world);
  CU_ASSERT_EQUAL(open_key(&world, false, first, NULL), SI_OK);
  CU_ASSERT_EQUAL(open_key(&world, true, second, NULL), SI_OK);
  CU_ASSERT_STRING_NOT_EQUAL(first, second);
  CU_ASSERT_EQUAL(events_of(&world).count, 2);
  CU_ASSERT_STRING_EQUAL(events_of(&world).severity, "info");
  snprintf(wanted, sizeof wanted, "%s\n%s\n", first, second);
  CU_ASSERT_EQUAL(si_evidence_keys(world.state, &found, add_key, NULL), SI_OK);
  CU_ASSERT_STRING_EQUAL(si_buf_text(&found), wanted);
  world_remove(&world);
}

static void a_key_that_was_lost_is_replaced_with_a_warning(void) {
  struct world world;
  char first[SI_SHA256_HEX], second[SI_SHA256_HEX], path[SI_PATH_MAX];
  world_make(&world);
  CU_ASSERT_EQUAL(open_key(&world, false, first, NULL), SI_OK);
  key_path(&world, path);
  CU_ASSERT_EQUAL(unlink(path), 0);
  CU_ASSERT_EQUAL(open_key(&world, false, second, NULL), SI_OK);
  CU_ASSERT_STRING_NOT_EQUAL(first, second);
  CU_ASSERT_STRING_EQUAL(events_of(&world).severity, "warning");
  world_remove(&world);
}

static void expect_refused(struct world *world, si_rc status, const char *code) {
  struct si_error error = {.status = SI_OK};
  char key[SI_SHA256_HEX];
  CU_ASSERT_EQUAL(open_key(world, false, key, &error), status);
  CU_ASSERT_STRING_EQUAL(error.code, code);
}

static void what_is_no_private_key_file_is_refused(void) {
  struct world world;
  char key[SI_SHA256_HEX], path[SI_PATH_MAX];
  world_make(&world);
  key_path(&world, path);
  CU_ASSERT_EQUAL(open_key(&world, false, key, NULL), SI_OK);
  CU_ASSERT_EQUAL(chmod(path, 0640), 0);
  expect_refused(&world, SI_E_REFUSED, "VAULT_UNSAFE");
  CU_ASSERT_EQUAL(chmod(path, 0600), 0);
  world_write(path, "nothing\n", 8);
  expect_refused(&world, SI_E_CORRUPT, "EVIDENCE_KEY");
  CU_ASSERT_EQUAL(unlink(path), 0);
  CU_ASSERT_EQUAL(symlink("/dev/null", path), 0);
  expect_refused(&world, SI_E_REFUSED, "VAULT_UNSAFE");
  CU_ASSERT_EQUAL(unlink(path), 0);
  CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
  expect_refused(&world, SI_E_REFUSED, "VAULT_UNSAFE");
  world_remove(&world);
}

UNIT_MAIN("vault/evidence_key", UNIT(a_key_is_made_once_and_told_of),
          UNIT(a_rotated_key_leaves_the_old_one_trusted),
          UNIT(a_key_that_was_lost_is_replaced_with_a_warning),
          UNIT(what_is_no_private_key_file_is_refused))
