/* SPDX-License-Identifier: Apache-2.0 */
/* The two pure rooms below the reader: scalars by the core schema, words by a shell's rules. */
#include <stdio.h>
#include <string.h>

#include "paas/stack/scalar.h"
#include "paas/stack/words.h"
#include "tests/unit/unit.h"

static void scalars_mean_what_yaml_1_2_says(void) {
  static const struct {
    const char *text;
    enum si_scalar type;
  } table[] = {
      {"", SI_SCALAR_NULL},      {"~", SI_SCALAR_NULL},          {"null", SI_SCALAR_NULL},
      {"NULL", SI_SCALAR_NULL},  {"nULL", SI_SCALAR_TEXT},       {"true", SI_SCALAR_BOOL},
      {"False", SI_SCALAR_BOOL}, {"TRUE", SI_SCALAR_BOOL},       {"tRUE", SI_SCALAR_TEXT},
      {"yes", SI_SCALAR_TEXT},   {"on", SI_SCALAR_TEXT},         {"n", SI_SCALAR_TEXT},
      {"0", SI_SCALAR_INT},      {"-12", SI_SCALAR_INT},         {"+1", SI_SCALAR_INT},
      {"010", SI_SCALAR_INT},    {"0o17", SI_SCALAR_INT},        {"0o8", SI_SCALAR_TEXT},
      {"0xfF", SI_SCALAR_INT},   {"-0x1", SI_SCALAR_TEXT},       {"0b1", SI_SCALAR_TEXT},
      {"1_000", SI_SCALAR_TEXT}, {"22:22", SI_SCALAR_TEXT},      {"-", SI_SCALAR_TEXT},
      {"1.5", SI_SCALAR_FLOAT},  {"1.", SI_SCALAR_FLOAT},        {".5", SI_SCALAR_FLOAT},
      {"-1e3", SI_SCALAR_FLOAT}, {"1.e+3", SI_SCALAR_FLOAT},     {"1e", SI_SCALAR_TEXT},
      {".", SI_SCALAR_TEXT},     {"-.", SI_SCALAR_TEXT},         {".e1", SI_SCALAR_TEXT},
      {"1.2.3", SI_SCALAR_TEXT}, {"-.inf", SI_SCALAR_FLOAT},     {".NaN", SI_SCALAR_FLOAT},
      {"-.nan", SI_SCALAR_TEXT}, {"2026-11-20", SI_SCALAR_TEXT},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    enum si_scalar got = si_scalar_resolve(table[i].text);
    if (got != table[i].type) {
      printf("\n  \"%s\" is %d, want %d\n", table[i].text, (int)got, (int)table[i].type);
    }
    CU_ASSERT_EQUAL(got, table[i].type);
  }
}

static void lines_are_split_as_a_shell_would(void) {
  static const struct {
    const char *line;
    const char *words; /* JSON, or NULL where the line is refused */
  } table[] = {
      {"", "[]"},
      {" \t\r\n ", "[]"},
      {"a", "[\"a\"]"},
      {"  a \t b\nc  ", "[\"a\",\"b\",\"c\"]"},
      {"'a b'c\"d e\"", "[\"a bcd e\"]"},
      {"'' \"\"", "[\"\",\"\"]"},
      {"a\\ b \\'c \\\\", "[\"a b\",\"'c\",\"\\\\\"]"},
      {"'a\\b' \"a\\b\" \"a\\\\b\" \"\\\"\"", "[\"a\\\\b\",\"a\\\\b\",\"a\\\\b\",\"\\\"\"]"},
      {"'a\\\\b' 'c\\\"d'", "[\"a\\\\\\\\b\",\"c\\\\\\\"d\"]"},
      {"\"a;b\" 'c|d' e\\;f", "[\"a;b\",\"c|d\",\"e;f\"]"},
      {"*.c ~ #x !y {a,b} k=v", "[\"*.c\",\"~\",\"#x\",\"!y\",\"{a,b}\",\"k=v\"]"},
      {"'a", NULL},
      {"\"a", NULL},
      {"\"a\\", NULL},
      {"\"a\\\"", NULL},
      {"a\\", NULL},
      {"a;b", NULL},
      {"a && b", NULL},
      {"a > b", NULL},
      {"(a)", NULL},
      {"`a`", NULL},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    cJSON *list SI_AUTO(si_json_free) = cJSON_CreateArray();
    struct si_buf json SI_AUTO(si_buf_free) = SI_BUF(1024);
    const char *why = NULL;
    si_rc status = si_words_split(table[i].line, list, &why);
    CU_ASSERT_EQUAL(status, table[i].words ? SI_OK : SI_E_INVALID);
    CU_ASSERT_EQUAL(why == NULL, status == SI_OK);
    if (table[i].words && si_json_canonical(list, &json) == SI_OK) {
      CU_ASSERT_STRING_EQUAL(si_buf_text(&json), table[i].words);
    }
  }
}

UNIT_MAIN("stack: parts", UNIT(scalars_mean_what_yaml_1_2_says),
          UNIT(lines_are_split_as_a_shell_would))
