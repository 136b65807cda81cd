/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/vault/text_test.c - the vault file's text: read, changed and written again it is the
 * same; everything that is not exactly a vault is refused. And plain dotenv texts.
 */
#include "paas/vault/text.h"

#include "paas/vault/dotenv.h"
#include "tests/unit/state/scratch.h"

#define ONE "age149ww4sfpk7aq632fzlnpn2ajz8rsm5sn3mmvz05xlf5jpzd5dq0syyc28k"
#define TWO "age1mca36mezed4r2v3wdxxl27p573jf0f7wz496y5pg93r7vefa2a7qdlu0jy"
#define HEAD "# si.vault/1\n# context " CONTEXT_ID "\n# recipient " ONE "\n"

static void a_text_is_read_changed_and_written(void) {
  static const char text[] = HEAD "# recipient " TWO "\nA=eA==\nblog.A=eQ==\nblog.B=eg==\n";
  struct si_vault_text vault SI_AUTO(si_vault_text_free) = {.count = 0};
  struct si_buf again SI_AUTO(si_buf_free) = SI_BUF(4096);
  CU_ASSERT_EQUAL_FATAL(si_vault_text_parse(text, sizeof text - 1, false, &vault, NULL), SI_OK);
  CU_ASSERT_EQUAL(vault.count, 3);
  CU_ASSERT_EQUAL(si_vault_text_write(&vault, &again), SI_OK);
  EXPECT_TEXT(si_buf_text(&again), text);
  CU_ASSERT_EQUAL(si_vault_text_put(&vault, "blog", "AA", "z", 1), SI_OK);
  CU_ASSERT_EQUAL(si_vault_text_put(&vault, "", "A", "yy", 2), SI_OK);
  si_vault_text_remove(&vault, "blog", "B");
  si_vault_text_remove(&vault, "blog", "NONE");
  CU_ASSERT_EQUAL(si_vault_text_drop_recipient(&vault, ONE), SI_OK);
  CU_ASSERT_EQUAL(si_vault_text_drop_recipient(&vault, ONE), SI_E_NOT_FOUND);
  si_buf_clear(&again);
  CU_ASSERT_EQUAL(si_vault_text_write(&vault, &again), SI_OK);
  EXPECT_TEXT(si_buf_text(&again), "# si.vault/1\n# context " CONTEXT_ID "\n# recipient " TWO
                                   "\nA=eXk=\nblog.A=eQ==\nblog.AA=eg==\n");
}

static void many_lines_come_and_go(void) {
  struct si_vault_text vault SI_AUTO(si_vault_text_free) = {.count = 0};
  char key[32];
  for (unsigned i = 0; i < 300; i++) {
    snprintf(key, sizeof key, "K%u", i * 7919 % 300);
    CU_ASSERT_EQUAL(si_vault_text_put(&vault, i % 2 ? "blog" : "", key, "v", 1), SI_OK);
    if (i % 3 == 0) {
      si_vault_text_remove(&vault, i % 2 ? "blog" : "", key);
    }
  }
  CU_ASSERT_EQUAL(vault.count, 200);
  for (size_t i = 1; i < vault.count; i++) {
    int order = strcmp(vault.lines[i - 1].app, vault.lines[i].app);
    CU_ASSERT(order < 0 || (order == 0 && strcmp(vault.lines[i - 1].key, vault.lines[i].key) < 0));
  }
}

static void what_is_no_vault_is_refused(void) {
  static const struct {
    const char *text, *target;
  } cases[] = {
      {"", "line 3"},
      {"# si.vault/1\n", "line 3"},
      {"# si.vault/2\n", "line 1"},
      {"A=eA==\n", "line 1"},
      {"# si.vault/1\n# recipient " ONE "\n", "line 2"},
      {"# si.vault/1\n# context ctx-1\n# recipient " ONE "\n", "line 2"},
      {"# si.vault/1\n# context " CONTEXT_ID "\n", "line 3"},
      {"# si.vault/1\n# context " CONTEXT_ID "\n# recipient age1x\n", "line 3"},
      {HEAD "# recipient " ONE "\n", "line 4"},
      {HEAD "# note\n", "line 4"},
      {HEAD "\n", "line 4"},
      {HEAD "A=eA==", "line 4"},
      {HEAD "A\n", "line 4"},
      {HEAD "=eA==\n", "line 4"},
      {HEAD "a=eA==\n", "line 4"},
      {HEAD ".A=eA==\n", "line 4"},
      {HEAD "Blog.A=eA==\n", "line 4"},
      {HEAD "blog.shop.A=eA==\n", "line 4"},
      {HEAD " A=eA==\n", "line 4"},
      {HEAD "A =eA==\n", "line 4"},
      {HEAD "A=eA==\nA=eA==\n", "line 5"},
      {HEAD "A=eA==\n# recipient " TWO "\n", "line 5"}, /* a recipient behind the header */
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_vault_text vault SI_AUTO(si_vault_text_free) = {.count = 0};
    struct si_error error = {0};
    CU_ASSERT_EQUAL(
        si_vault_text_parse(cases[i].text, strlen(cases[i].text), false, &vault, &error),
        SI_E_CORRUPT);
    EXPECT_TEXT(error.code, "VAULT_TAMPERED");
    EXPECT_TEXT(error.target, cases[i].target);
    CU_ASSERT(error.hint[0] != '\0');
  }
  static const char nul[] = HEAD "A=eA\0=\n";
  struct si_vault_text vault SI_AUTO(si_vault_text_free) = {.count = 0};
  CU_ASSERT_EQUAL(si_vault_text_parse(nul, sizeof nul - 1, false, &vault, NULL), SI_E_CORRUPT);
}

static void a_fingerprint_does_not_depend_on_the_order_of_recipients(void) {
  static const char ab[] = HEAD "# recipient " TWO "\n";
  static const char ba[] =
      "# si.vault/1\n# context " CONTEXT_ID "\n# recipient " TWO "\n# recipient " ONE "\n";
  struct si_vault_text one SI_AUTO(si_vault_text_free) = {.count = 0};
  struct si_vault_text two SI_AUTO(si_vault_text_free) = {.count = 0};
  char first[65], second[65];
  CU_ASSERT_EQUAL(si_vault_text_parse(ab, sizeof ab - 1, true, &one, NULL), SI_OK);
  CU_ASSERT_EQUAL(si_vault_text_parse(ba, sizeof ba - 1, true, &two, NULL), SI_OK);
  CU_ASSERT_EQUAL(si_vault_text_fingerprint(&one, first), SI_OK);
  CU_ASSERT_EQUAL(si_vault_text_fingerprint(&two, second), SI_OK);
  EXPECT_TEXT(first, second);
  EXPECT_TEXT(first, "500b120c9f8705e1cbeff1ebe82c0733cc5cd6038b92eb7ee4c01e5b8b852d88");
}

static void a_dotenv_text_is_read(void) {
  static const char text[] =
      "# a comment\n\nA=plain\n  B = spaced out \t\r\nexport C='as $it is \\n'\n"
      "D=\"two\\nlines \\\"q\\\" \\\\ \\$x\"\nE=\nF=a=b==\nG='#'\nH=a#b\nI=last";
  static const struct {
    const char *key, *value;
  } pairs[] = {{"A", "plain"},
               {"B", "spaced out"},
               {"C", "as $it is \\n"},
               {"D", "two\nlines \"q\" \\ $x"},
               {"E", ""},
               {"F", "a=b=="},
               {"G", "#"},
               {"H", "a#b"},
               {"I", "last"}};
  struct si_dotenv reader = {.at = text, .end = text + sizeof text - 1};
  struct si_locked room SI_AUTO(si_locked_free) = {.data = NULL};
  bool more = false;
  NEED(si_locked_make(&room, sizeof text) == SI_OK);
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    CU_ASSERT_EQUAL_FATAL(si_dotenv_next(&reader, &room, &more, NULL), SI_OK);
    CU_ASSERT(more);
    EXPECT_TEXT(reader.key, pairs[i].key);
    CU_ASSERT(reader.len == strlen(pairs[i].value) &&
              memcmp(reader.value, pairs[i].value, reader.len) == 0);
  }
  CU_ASSERT_EQUAL(si_dotenv_next(&reader, &room, &more, NULL), SI_OK);
  CU_ASSERT(!more);
}

static void an_ambiguous_dotenv_line_is_refused_without_its_content(void) {
  static const char *const lines[] = {
      "hunter2",          "a=hunter2",        "1A=hunter2",  "A B=hunter2",
      "=hunter2",         "A='hunter2",       "A=\"hunter2", "A='hunter2' x",
      "A=\"hunter2\\x\"", "A=hunter2 # note", "A=# hunter2", "export hunter2",
  };
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    char text[64];
    snprintf(text, sizeof text, "OK=1\n%s\n", lines[i]);
    struct si_dotenv reader = {.at = text, .end = text + strlen(text)};
    struct si_locked room SI_AUTO(si_locked_free) = {.data = NULL};
    struct si_error error = {0};
    bool more = false;
    NEED(si_locked_make(&room, sizeof text) == SI_OK);
    CU_ASSERT_EQUAL(si_dotenv_next(&reader, &room, &more, &error), SI_OK);
    CU_ASSERT_EQUAL(si_dotenv_next(&reader, &room, &more, &error), SI_E_INVALID);
    CU_ASSERT(strstr(error.message, "line 2 ") != NULL);
    CU_ASSERT(strstr(error.message, "hunter2") == NULL);
  }
}

UNIT_MAIN("vault text", UNIT(a_text_is_read_changed_and_written), UNIT(many_lines_come_and_go),
          UNIT(what_is_no_vault_is_refused),
          UNIT(a_fingerprint_does_not_depend_on_the_order_of_recipients),
          UNIT(a_dotenv_text_is_read),
          UNIT(an_ambiguous_dotenv_line_is_refused_without_its_content))
