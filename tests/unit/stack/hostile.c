/* SPDX-License-Identifier: Apache-2.0 */
/* Files made to hurt: each is refused, soon, with its code; limits are met to the very number. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kit/base/text.h"
#include "paas/stack/stack.h"
#include "tests/unit/unit.h"

enum { TEXT_MOST = 4 << 20 };

/* "" where the text is accepted, else the code of the refusal. Bounded in time, too. */
static const char *code_of(const struct si_buf *text, struct si_error *error) {
  struct si_stack stack SI_AUTO(si_stack_free) = {0};
  uint64_t start = si_monotonic_ns();
  memset(error, 0, sizeof *error);
  si_rc status = si_stack_parse("stack.yaml", si_buf_text(text), text->len, &stack, error);
  CU_ASSERT_TRUE(si_monotonic_ns() - start < 5000000000ull);
  CU_ASSERT_EQUAL(status == SI_OK, stack.json != NULL);
  return status == SI_OK ? "" : error->code;
}

static void expect_code(const struct si_buf *text, const char *code) {
  struct si_error error;
  const char *got = code_of(text, &error);
  if (strcmp(got, code) != 0) {
    printf("\n  got \"%s\" (%s), want \"%s\": %.60s...\n", got, error.message, code,
           si_buf_text(text));
  }
  CU_ASSERT_STRING_EQUAL(got, code);
}

static void put(struct si_buf *text, const char *what) {
  CU_ASSERT_EQUAL_FATAL(si_buf_puts(text, what), SI_OK);
}

static void put_many(struct si_buf *text, const char *what, size_t count) {
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < count; i++) {
    status = si_buf_puts(text, what);
  }
  CU_ASSERT_EQUAL_FATAL(status, SI_OK);
}

#define TEXT(name) struct si_buf name SI_AUTO(si_buf_free) = SI_BUF(TEXT_MOST)
#define WEB "services: {web: {image: w}}\n"

static void a_billion_laughs_stay_ten_thousand_nodes(void) {
  TEXT(text);
  put(&text, "x-0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
  for (int i = 1; i <= 7; i++) { /* 63 aliases: it is the nodes that stop it */
    CU_ASSERT_EQUAL_FATAL(si_buf_printf(&text, "x-%d: &a%d [", i, i), SI_OK);
    for (int k = 0; k < 9; k++) {
      CU_ASSERT_EQUAL_FATAL(si_buf_printf(&text, "*a%d%s", i - 1, k < 8 ? ", " : "]\n"), SI_OK);
    }
  }
  put(&text, WEB);
  expect_code(&text, "STACK_TOO_LARGE");
}

static void aliases_of_long_text_count_as_that_text(void) {
  TEXT(text);
  put(&text, "x-a: &a \"");
  put_many(&text, "0123456789abcdef", 4096); /* 64 KiB */
  put(&text, "\"\nx-b: [");
  put_many(&text, "*a, ", 14);
  put(&text, "*a]\n" WEB);
  expect_code(&text, "STACK_TOO_LARGE");
}

static void aliases_are_counted(void) {
  for (size_t count = 64; count <= 65; count++) {
    TEXT(text);
    put(&text, "x-a: &a b\nx-b: [");
    put_many(&text, "*a, ", count);
    put(&text, "]\n" WEB);
    expect_code(&text, count == 64 ? "" : "STACK_TOO_LARGE");
  }
}

static void nodes_are_counted(void) {
  /* The map, x-a, its list, services, {web: {image: w}}: 1 + 2 + 6. */
  for (size_t count = 9991; count <= 9992; count++) {
    TEXT(text);
    put(&text, "x-a:\n");
    put_many(&text, "- b\n", count);
    put(&text, WEB);
    expect_code(&text, count == 9991 ? "" : "STACK_TOO_LARGE");
  }
}

static void an_alias_counts_as_the_nodes_it_stands_for(void) {
  /* 211 nodes stand in the file itself, each alias brings 201. */
  for (size_t count = 48; count <= 49; count++) {
    TEXT(text);
    put(&text, "x-a: &a [");
    put_many(&text, "b, ", 200);
    put(&text, "]\nx-b: [");
    put_many(&text, "*a, ", count);
    put(&text, "]\n" WEB);
    expect_code(&text, count == 48 ? "" : "STACK_TOO_LARGE");
  }
}

/* The file's map, and then lists: 64 levels. */
static void levels_are_counted(void) {
  static const size_t depths[] = {63, 64, 1000, 100000, 500000};
  for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
    TEXT(text);
    put(&text, "x-a: ");
    put_many(&text, "[", depths[i]);
    put_many(&text, "]", depths[i]);
    put(&text, "\n" WEB);
    expect_code(&text, i == 0 ? "" : "STACK_TOO_LARGE");
  }
}

static void levels_are_counted_through_aliases(void) {
  for (size_t depth = 31; depth <= 32; depth++) {
    TEXT(text);
    put(&text, "x-a: &a ");
    put_many(&text, "[", 32);
    put_many(&text, "]", 32);
    put(&text, "\nx-b: ");
    put_many(&text, "[", depth);
    put(&text, "*a");
    put_many(&text, "]", depth);
    put(&text, "\n" WEB);
    expect_code(&text, depth == 31 ? "" : "STACK_TOO_LARGE");
  }
}

static void bytes_are_counted(void) {
  TEXT(text);
  put(&text, WEB "#");
  put_many(&text, "x", (1 << 20) - text.len);
  CU_ASSERT_EQUAL(text.len, 1 << 20);
  expect_code(&text, "");
  put(&text, "x");
  expect_code(&text, "STACK_TOO_LARGE");
  put_many(&text, "x", 1 << 20);
  expect_code(&text, "STACK_TOO_LARGE");
}

static void a_file_of_two_mebibytes_is_too_large(void) {
  char path[] = "/tmp/si-stack-XXXXXX";
  struct si_stack stack = {0};
  struct si_error error = {0};
  int fd = mkstemp(path);
  CU_ASSERT_TRUE_FATAL(fd >= 0);
  CU_ASSERT_EQUAL(ftruncate(fd, 2 << 20), 0);
  close(fd);
  CU_ASSERT_EQUAL(si_stack_load(path, &stack, &error), SI_E_INVALID);
  CU_ASSERT_STRING_EQUAL(error.code, "STACK_TOO_LARGE");
  unlink(path);
}

static void services_and_ports_and_mounts_are_counted(void) {
  for (int count = 100; count <= 101; count++) {
    TEXT(text);
    put(&text, "services:\n");
    for (int i = 0; i < count; i++) {
      CU_ASSERT_EQUAL_FATAL(si_buf_printf(&text, "  s%d: {image: w}\n", i), SI_OK);
    }
    expect_code(&text, count == 100 ? "" : "STACK_TOO_LARGE");
  }
  for (int count = 1024; count <= 1025; count++) {
    TEXT(text);
    put(&text, "services: {web: {image: w, ports: [");
    for (int i = 0; i < count; i++) {
      CU_ASSERT_EQUAL_FATAL(si_buf_printf(&text, "\"%d:80\", ", 2000 + i), SI_OK);
    }
    put(&text, "]}}");
    expect_code(&text, count == 1024 ? "" : "STACK_TOO_LARGE");
  }
  for (int count = 64; count <= 65; count++) {
    TEXT(text);
    put(&text, "services: {web: {image: w, tmpfs: [");
    for (int i = 0; i < count; i++) {
      CU_ASSERT_EQUAL_FATAL(si_buf_printf(&text, "/t%d, ", i), SI_OK);
    }
    put(&text, "]}}");
    expect_code(&text, count == 64 ? "" : "STACK_TOO_LARGE");
  }
}

static void variables_and_values_are_bounded(void) {
  for (int count = 1000; count <= 1001; count++) {
    TEXT(text);
    put(&text, "services: {web: {image: w, environment: [");
    for (int i = 0; i < count; i++) {
      CU_ASSERT_EQUAL_FATAL(si_buf_printf(&text, "K%d=, ", i), SI_OK);
    }
    put(&text, "]}}");
    expect_code(&text, count == 1000 ? "" : "STACK_TOO_LARGE");
  }
  for (size_t count = 65536; count <= 65537; count++) {
    TEXT(text);
    put(&text, "services: {web: {image: w, environment: {A: \"");
    put_many(&text, "x", count);
    put(&text, "\"}}}");
    expect_code(&text, count == 65536 ? "" : "STACK_INVALID");
  }
  for (size_t count = 4094; count <= 4095; count++) {
    TEXT(text);
    put(&text, "services: {web: {image: w, working_dir: \"/");
    put_many(&text, "x", count);
    put(&text, "\"}}");
    expect_code(&text, count == 4094 ? "" : "STACK_INVALID");
  }
  for (size_t count = 512; count <= 513; count++) {
    TEXT(text);
    put(&text, "services: {web: {image: ");
    put_many(&text, "x", count);
    put(&text, "}}");
    expect_code(&text, count == 512 ? "" : "STACK_INVALID");
  }
}

static void a_chain_of_a_hundred_services_is_no_cycle(void) {
  TEXT(text);
  put(&text, "services:\n  s0: {image: w}\n");
  for (int i = 1; i < 100; i++) {
    CU_ASSERT_EQUAL_FATAL(si_buf_printf(&text, "  s%d: {image: w, depends_on: [s%d]}\n", i, i - 1),
                          SI_OK);
  }
  expect_code(&text, "");
}

/* Bytes that are no text: the line is told all the same. */
static void bytes_that_are_no_text_are_refused_with_their_line(void) {
  static const struct {
    const char *text;
    size_t len;
    unsigned line;
  } table[] = {
      {"a: b\n\0c: d\n", 11, 2},
      {"\0", 1, 1},
      {"a: b\nc: \xff\n", 10, 2},
      {"a: b\nc: \xc0\x80\n", 11, 2},
      {"a: \xed\xa0\x80\n", 7, 1},
      {"a: b\n\nc: \xe2\x82", 11, 3},
      {"a: \x07\n", 5, 1},
      {"\xff\xfe"
       "a\0:\0 \0b\0",
       10, 1},
      {"\xef\xbb\xbf"
       "a: \xff",
       7, 1},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    struct si_stack stack = {0};
    struct si_error error = {0};
    char target[32];
    snprintf(target, sizeof target, "stack.yaml:%u", table[i].line);
    CU_ASSERT_EQUAL(si_stack_parse("stack.yaml", table[i].text, table[i].len, &stack, &error),
                    SI_E_INVALID);
    if (strcmp(error.code, "STACK_YAML") != 0 || strcmp(error.target, target) != 0) {
      printf("\n  case %zu: %s %s\n", i, error.code, error.message);
    }
    CU_ASSERT_STRING_EQUAL(error.code, "STACK_YAML");
    CU_ASSERT_STRING_EQUAL(error.target, target);
  }
}

/* Shapes on which readers of YAML are known to take quadratic time or much memory. */
static void shapes_known_to_be_slow_end_soon(void) {
  static const struct {
    const char *head;
    const char *again;
    size_t count;
  } table[] = {
      {"", "? ", 500000},         {"", "- ", 500000},
      {"", "[", 1000000},         {"", "{", 1000000},
      {"", "a: ", 300000},        {"", "&a ", 300000},
      {"", "!!str ", 170000},     {"", "*a ", 300000},
      {"", "\n", 1000000},        {"", "#\n", 500000},
      {"a: \"", "\\n", 500000},   {"a: '", "''", 500000},
      {"a: |\n", " b\n", 340000}, {"%TAG ! a\n", "%TAG !b! c\n", 90000},
      {"", "{a: ", 250000},       {"x-a: [", "\"a\": b, ", 120000},
      {"", "---\n", 250000},      {"x-a: {", "a, ", 340000},
      {"", "\r", 1000000},        {"a: ", "\xe2\x80\xa8", 340000},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    struct si_error error;
    TEXT(text);
    put(&text, table[i].head);
    put_many(&text, table[i].again, table[i].count);
    CU_ASSERT_STRING_NOT_EQUAL(code_of(&text, &error), "");
  }
}

/* Nothing that is cut short may crash or be half accepted: every prefix gets a verdict. */
static void every_prefix_of_a_good_file_gets_a_verdict(void) {
  static const char good[] =
      "x-e: &e {A: 1, \"B\": 'c'}\nvolumes: {d: }\nservices:\n  web:\n    image: w\n"
      "    environment: *e\n    ports: [\"[::1]:80-81:80-81/udp\", {target: 5}]\n"
      "    volumes: [\"d:/x:ro\"]\n    command: a 'b' \"c\\\"\" d\n    healthcheck: {test: [CMD, "
      "x]}\n"
      "    depends_on: {b: {condition: service_completed_successfully}}\n  b: {image: b}\n";
  for (size_t len = 0; len < sizeof good; len++) {
    char *exact = malloc(len ? len : 1); /* of that very size: reading on is found out */
    struct si_stack stack SI_AUTO(si_stack_free) = {0};
    struct si_error error = {0};
    CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
    memcpy(exact, good, len);
    si_rc status = si_stack_parse("s", exact, len, &stack, &error);
    CU_ASSERT_TRUE(status == SI_OK || (status == SI_E_INVALID && error.message[0]));
    free(exact);
  }
}

UNIT_MAIN("stack: hostile files", UNIT(a_billion_laughs_stay_ten_thousand_nodes),
          UNIT(aliases_of_long_text_count_as_that_text), UNIT(aliases_are_counted),
          UNIT(nodes_are_counted), UNIT(an_alias_counts_as_the_nodes_it_stands_for),
          UNIT(levels_are_counted), UNIT(levels_are_counted_through_aliases),
          UNIT(bytes_are_counted), UNIT(a_file_of_two_mebibytes_is_too_large),
          UNIT(services_and_ports_and_mounts_are_counted), UNIT(variables_and_values_are_bounded),
          UNIT(a_chain_of_a_hundred_services_is_no_cycle),
          UNIT(bytes_that_are_no_text_are_refused_with_their_line),
          UNIT(shapes_known_to_be_slow_end_soon), UNIT(every_prefix_of_a_good_file_gets_a_verdict))
