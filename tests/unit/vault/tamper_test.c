/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/vault/tamper_test.c - whatever is done to the vault's file behind si's back is refused
 * with a clear error; put back, the vault opens again (R10, R15).
 */
#include "kit/base/hash.h"
#include "tests/unit/vault/world.h"

#define ESCROW "age19gcws5lz9r6g42xyv4hysl59y76u87gl690deqcmg2skemlhdejsz3hux8"

static struct world world;

/* The n-th line that begins with `with`, newline included. */
static char *line_of(const char *text, const char *with) {
  for (const char *p = text; *p; p = strchr(p, '\n') + 1) {
    if (strncmp(p, with, strlen(with)) == 0) {
      return strndup(p, (size_t)(strchr(p, '\n') - p) + 1);
    }
  }
  return NULL;
}

/* The text with `from` replaced by `to`, once; `from` must be there. */
static char *replaced(const char *text, const char *from, const char *to) {
  const char *at = strstr(text, from);
  NEED(at != NULL);
  char *result = malloc(strlen(text) + strlen(to) + 1);
  NEED(result != NULL);
  size_t head = (size_t)(at - text);
  memcpy(result, text, head);
  strcpy(result + head, to);
  strcat(result, at + strlen(from));
  return result;
}

static char *swapped_values(const char *text, const char *a, const char *b) {
  char *one = line_of(text, a), *two = line_of(text, b);
  NEED(one && two);
  char new_one[4096], new_two[4096];
  snprintf(new_one, sizeof new_one, "%s%s", a, two + strlen(b));
  snprintf(new_two, sizeof new_two, "%s%s", b, one + strlen(a));
  char *half = replaced(text, one, "@one@\n");
  char *most = replaced(half, two, new_two);
  char *all = replaced(most, "@one@\n", new_one);
  free(one), free(two), free(half), free(most);
  return all;
}

static char *without_line(const char *text, const char *with) {
  char *line = line_of(text, with);
  char *result = replaced(text, line, "");
  free(line);
  return result;
}

static char *doubled_line(const char *text, const char *with) {
  char *line = line_of(text, with), twice[8192];
  snprintf(twice, sizeof twice, "%s%s", line, line);
  char *result = replaced(text, line, twice);
  free(line);
  return result;
}

static char *with_value_of(const char *text, const char *with, const char *older) {
  char *line = line_of(text, with), *old = line_of(older, with);
  char *result = replaced(text, line, old);
  free(line), free(old);
  return result;
}

/* Both ways of opening refuse it, and a value is not handed out. */
static void refused(const char *what, char *text, si_rc status, const char *code,
                    const char *target) {
  world_close(&world);
  world_write(world.path, text, strlen(text));
  for (int mode = SI_STATE_READ; mode <= SI_STATE_WRITE; mode++) {
    struct si_error error = {0};
    si_rc found = world_try(&world, mode, &error);
    if (found != status || strcmp(error.code, code) != 0) {
      printf("\n%s: %s (%s)\n", what, error.code, error.message);
    }
    CU_ASSERT_EQUAL(found, status);
    EXPECT_TEXT(error.code, code);
    CU_ASSERT(!target || strcmp(error.target, target) == 0);
    CU_ASSERT(error.message[0] != '\0');
  }
  free(text);
}

static void every_change_behind_its_back_is_refused(void) {
  world_make(&world);
  world_set(&world, "", "API_TOKEN", "the context's token");
  world_set(&world, "blog", "PASSWORD", "the first password");
  struct si_buf old SI_AUTO(si_buf_free) = world_read(world.path);
  world_set(&world, "blog", "PASSWORD", "the second password");
  world_set(&world, "shop", "PASSWORD", "another's password");
  struct si_buf good SI_AUTO(si_buf_free) = world_read(world.path);
  const char *text = good.data;
  char recipient_line[128], with_escrow[256], instead[128];
  snprintf(recipient_line, sizeof recipient_line, "# recipient %s\n", world.recipient);
  snprintf(with_escrow, sizeof with_escrow, "%s# recipient " ESCROW "\n", recipient_line);
  snprintf(instead, sizeof instead, "# recipient " ESCROW "\n");
  char *cut = strdup(text);
  cut[strlen(cut) - 100] = '\0';
  char *stranger = replaced(text, "shop.PASSWORD=", "shop.ADDED=");

  refused("swapped between keys", swapped_values(text, "API_TOKEN=", "blog.PASSWORD="),
          SI_E_CORRUPT, "VAULT_TAMPERED", "API_TOKEN");
  refused("swapped between apps", swapped_values(text, "blog.PASSWORD=", "shop.PASSWORD="),
          SI_E_CORRUPT, "VAULT_TAMPERED", "blog/PASSWORD");
  refused("one value rolled back", with_value_of(text, "blog.PASSWORD=", old.data), SI_E_CORRUPT,
          "VAULT_TAMPERED", "blog/PASSWORD");
  refused("the whole file rolled back", strdup(old.data), SI_E_CORRUPT, "VAULT_TAMPERED", NULL);
  refused("a recipient added", replaced(text, recipient_line, with_escrow), SI_E_AUTH,
          "VAULT_UNTRUSTED", NULL);
  refused("a recipient replaced", replaced(text, recipient_line, instead), SI_E_AUTH,
          "VAULT_UNTRUSTED", NULL);
  refused("a recipient named twice", doubled_line(text, "# recipient"), SI_E_CORRUPT,
          "VAULT_TAMPERED", "line 4");
  refused("no recipient", replaced(text, recipient_line, ""), SI_E_CORRUPT, "VAULT_TAMPERED", NULL);
  refused("cut within a line", cut, SI_E_CORRUPT, "VAULT_TAMPERED", NULL);
  refused("cut at a line's end", without_line(text, "shop.PASSWORD="), SI_E_CORRUPT,
          "VAULT_TAMPERED", "shop/PASSWORD");
  refused("a line taken out", without_line(text, "API_TOKEN="), SI_E_CORRUPT, "VAULT_TAMPERED",
          "API_TOKEN");
  refused("a line doubled", doubled_line(text, "blog.PASSWORD="), SI_E_CORRUPT, "VAULT_TAMPERED",
          NULL);
  refused("a line under another name", stranger, SI_E_CORRUPT, "VAULT_TAMPERED", "shop/ADDED");
  refused("another schema", replaced(text, "si.vault/1", "si.vault/2"), SI_E_CORRUPT,
          "VAULT_TAMPERED", "line 1");
  refused("another context", replaced(text, world.context.id, CONTEXT_ID), SI_E_REFUSED,
          "PAAS_VAULT_SHARED", NULL);
  refused("a comment", replaced(text, "API_TOKEN=", "# note\nAPI_TOKEN="), SI_E_CORRUPT,
          "VAULT_TAMPERED", NULL);
  refused("a blank line", replaced(text, "API_TOKEN=", "\nAPI_TOKEN="), SI_E_CORRUPT,
          "VAULT_TAMPERED", NULL);
  refused("carriage returns", replaced(text, "=\n", "=\r\n"), SI_E_CORRUPT, "VAULT_TAMPERED", NULL);
  refused("a plain value", replaced(text, "shop.PASSWORD=", "shop.PASSWORD=plain text\nX="),
          SI_E_CORRUPT, "VAULT_TAMPERED", NULL);
  refused("empty", strdup(""), SI_E_CORRUPT, "VAULT_TAMPERED", NULL);

  world_write(world.path, good.data, good.len);
  world_open(&world, SI_STATE_WRITE);
  CU_ASSERT(world_holds(&world, "blog", "PASSWORD", "the second password"));
  CU_ASSERT(world_holds(&world, "shop", "PASSWORD", "another's password"));
  world_remove(&world);
}

/* Lines may stand in any order: what they are is bound, not where. */
static void another_order_of_lines_is_the_same_vault(void) {
  world_make(&world);
  world_set(&world, "", "A", "value-a");
  world_set(&world, "", "B", "value-b");
  struct si_buf text SI_AUTO(si_buf_free) = world_read(world.path);
  char *a = line_of(text.data, "A="), *without = without_line(text.data, "A="), other[8192];
  snprintf(other, sizeof other, "%s%s", without, a);
  world_write(world.path, other, strlen(other));
  world_open(&world, SI_STATE_WRITE);
  CU_ASSERT(world_holds(&world, "", "A", "value-a"));
  free(a), free(without);
  world_remove(&world);
}

/* Even where somebody could write the ledger too, a value opens in its own place alone. */
static void a_value_is_bound_to_its_place_itself(void) {
  world_make(&world);
  world_set(&world, "blog", "A", "value-a");
  world_set(&world, "shop", "A", "value-b");
  struct si_buf text SI_AUTO(si_buf_free) = world_read(world.path);
  char *swap = swapped_values(text.data, "blog.A=", "shop.A="), path[SI_PATH_MAX + 16];
  world_close(&world);
  world_write(world.path, swap, strlen(swap));
  snprintf(path, sizeof path, "%s/state.db", world.context.dir);
  for (int i = 0; i < 2; i++) {
    const char *app = i ? "blog" : "shop";
    char with[16], sql[256], hash[65];
    snprintf(with, sizeof with, "%s.A=", app);
    char *line = line_of(swap, with);
    NEED(si_sha256_hex(line, strlen(line) - 1, hash) == SI_OK);
    snprintf(sql, sizeof sql, "UPDATE ledger SET sha256='%s' WHERE app='%s'", hash, app);
    sqlite3 *db = NULL;
    NEED(sqlite3_open(path, &db) == SQLITE_OK &&
         sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
    free(line);
  }
  free(swap);
  world_open(&world, SI_STATE_READ);
  struct si_buf value SI_AUTO(si_buf_free) = SI_BUF(64);
  struct si_error error = {0};
  CU_ASSERT_EQUAL(si_vault_get(world.vault, "blog", "A", &value, world_copy, &error), SI_E_CORRUPT);
  EXPECT_TEXT(error.code, "VAULT_TAMPERED");
  EXPECT_TEXT(error.target, "blog/A");
  world_remove(&world);
}

static void the_ledger_refuses_what_would_forget(void) {
  static const char *const refusals[] = {
      "DELETE FROM ledger",
      "UPDATE ledger SET revision=0",
      "UPDATE ledger SET key='OTHER'",
      "UPDATE ledger SET sha256='x'",
      "INSERT OR REPLACE INTO ledger(app,key,revision,origin,created_at,updated_at)"
      "VALUES('','A',0,'set','','')",
      "INSERT INTO ledger(app,key,revision,origin,created_at,updated_at)"
      "VALUES('','lower',0,'set','','')",
      "UPDATE vault SET trusted='x'",
      "UPDATE vault SET own='age1x'",
      "INSERT INTO vault(one)VALUES(2)",
  };
  char path[SI_PATH_MAX + 16];
  sqlite3 *db = NULL;
  world_make(&world);
  world_set(&world, "", "A", "value-a");
  world_close(&world);
  snprintf(path, sizeof path, "%s/state.db", world.context.dir);
  NEED(sqlite3_open(path, &db) == SQLITE_OK);
  for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
    CU_ASSERT_EQUAL(sqlite3_exec(db, refusals[i], NULL, NULL, NULL), SQLITE_CONSTRAINT);
  }
  sqlite3_close(db);
  world_remove(&world);
}

static void trust_is_accepted_for_the_very_set_alone(void) {
  struct si_vault_trust trust;
  struct si_error error = {0};
  char with_escrow[256], recipient_line[128];
  world_make(&world);
  world_set(&world, "", "A", "value-a");
  struct si_buf text SI_AUTO(si_buf_free) = world_read(world.path);
  snprintf(recipient_line, sizeof recipient_line, "# recipient %s\n", world.recipient);
  snprintf(with_escrow, sizeof with_escrow, "%s# recipient " ESCROW "\n", recipient_line);
  char *other = replaced(text.data, recipient_line, with_escrow);
  world_state(&world, SI_STATE_WRITE);
  world_write(world.path, other, strlen(other));
  CU_ASSERT_EQUAL(si_vault_trust(&world.context, world.state, &trust, NULL), SI_OK);
  CU_ASSERT_STRING_NOT_EQUAL(trust.found, trust.trusted);
  CU_ASSERT_EQUAL(si_vault_trust_accept(&world.context, world.state, trust.trusted, &error),
                  SI_E_AUTH);
  EXPECT_TEXT(error.code, "VAULT_UNTRUSTED");
  CU_ASSERT_EQUAL(si_vault_trust_accept(&world.context, world.state, trust.found, NULL), SI_OK);
  world_open(&world, SI_STATE_WRITE);
  CU_ASSERT(world_holds(&world, "", "A", "value-a"));
  world_state(&world, SI_STATE_WRITE);
  CU_ASSERT_EQUAL(si_vault_trust_forget(&world.context, world.state, NULL), SI_OK);
  CU_ASSERT_EQUAL(world_try(&world, SI_STATE_READ, &error), SI_E_AUTH);
  EXPECT_TEXT(error.code, "VAULT_UNTRUSTED");
  free(other);
  world_remove(&world);
}

/* A set without the context's own key would seal for others alone. */
static void a_set_without_the_own_key_is_never_trusted(void) {
  struct si_vault_trust trust;
  struct si_error error = {0};
  char recipient_line[128];
  world_make(&world);
  struct si_buf text SI_AUTO(si_buf_free) = world_read(world.path);
  snprintf(recipient_line, sizeof recipient_line, "# recipient %s\n", world.recipient);
  char *other = replaced(text.data, recipient_line, "# recipient " ESCROW "\n");
  world_state(&world, SI_STATE_WRITE);
  world_write(world.path, other, strlen(other));
  CU_ASSERT_EQUAL(si_vault_trust(&world.context, world.state, &trust, NULL), SI_OK);
  CU_ASSERT_EQUAL(si_vault_trust_accept(&world.context, world.state, trust.found, &error),
                  SI_E_AUTH);
  CU_ASSERT(strstr(error.message, world.recipient) != NULL);
  free(other);
  world_remove(&world);
}

UNIT_MAIN("vault tampering", UNIT(every_change_behind_its_back_is_refused),
          UNIT(another_order_of_lines_is_the_same_vault),
          UNIT(a_value_is_bound_to_its_place_itself), UNIT(the_ledger_refuses_what_would_forget),
          UNIT(trust_is_accepted_for_the_very_set_alone),
          UNIT(a_set_without_the_own_key_is_never_trusted))
