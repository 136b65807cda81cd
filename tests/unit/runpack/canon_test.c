/* SPDX-License-Identifier: Apache-2.0 */
/* The streaming reader takes canonical JSON and nothing else, however it is cut into pieces. */
#include "core/runpack/canon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/json.h"
#include "tests/unit/unit.h"

static si_rc ignore(void *ctx, enum si_canon_event event, const char *text, size_t len,
                    struct si_error *error) {
  (void)event;
  (void)text;
  (void)len;
  (void)error;
  ++*(size_t *)ctx;
  return SI_OK;
}

/* Reads `text` in pieces of n bytes. */
static si_rc read_pieces(const char *text, size_t len, size_t n, struct si_error *error) {
  struct si_canon canon;
  size_t events = 0;
  si_rc status = SI_OK;
  si_canon_start(&canon, ignore, &events);
  for (size_t at = 0; status == SI_OK && at < len; at += n) {
    size_t piece = len - at < n ? len - at : n;
    char *copy = malloc(piece); /* of its own, so that a read beyond it is seen */
    memcpy(copy, text + at, piece);
    status = si_canon_feed(&canon, copy, piece, error);
    free(copy);
  }
  status = status == SI_OK ? si_canon_end(&canon, error) : status;
  si_canon_free(&canon);
  return status;
}

static void canonical_texts_are_read_in_pieces_of_any_size(void) {
  static const char *const good[] = {
      "{}",
      "[]",
      "0",
      "-1",
      "9007199254740992",
      "\"\"",
      "true",
      "null",
      "[false,null,[[]],{}]",
      "{\"a\":1,\"b\":{\"a\":[\"x\\n\\\"\\\\\\u001f\"]},\"c\":-12}",
      /* UTF-16 order: U+1F600 (a surrogate pair) before U+FB33 */
      "{\"\xe2\x82\xac\":1,\"\xf0\x9f\x98\x80\":2,\"\xef\xac\xb3\":3}",
      "{\"\":1,\"a\":2,\"aa\":3}",
      "\"\x7f\xc3\xa4\"",
  };
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    for (size_t n = 1; n < 8; n++) {
      struct si_error error;
      CU_ASSERT_EQUAL(read_pieces(good[i], strlen(good[i]), n, &error), SI_OK);
    }
    /* They are what our own writer writes. */
    cJSON *value = NULL;
    struct si_buf out = SI_BUF(4096);
    CU_ASSERT_EQUAL_FATAL(si_json_parse(good[i], strlen(good[i]), &value, NULL), SI_OK);
    CU_ASSERT_EQUAL(si_json_canonical(value, &out), SI_OK);
    CU_ASSERT_STRING_EQUAL(si_buf_text(&out), good[i]);
    si_buf_free(&out);
    si_json_free(&value);
  }
}

static void every_other_text_is_refused_with_its_place(void) {
  static const char *const bad[] = {
      "",
      " {}",
      "{} ",
      "{}\n",
      "{ }",
      "[1, 2]",
      "{\"b\":1,\"a\":2}",
      "{\"a\":1,\"a\":2}",
      "{\"a\":1,}",
      "[1,]",
      "01",
      "-0",
      "1.0",
      "1e3",
      "+1",
      "9007199254740993",
      "\"\\/\"",
      "\"\\u0041\"",
      "\"\\u001F\"",
      "\"\\u0000\"",
      "\"\\u000a\"",
      "\"\\ud83d\\ude00\"",
      "\"\t\"",
      "\"\xff\"",
      "\"\xed\xa0\x80\"",
      "tru",
      "trux",
      "nul",
      "[",
      "{\"a\"}",
      "{\"a\":}",
      "{a:1}",
      "]",
      "\"a",
      "1 2",
      "{\"\xef\xac\xb3\":1,\"\xf0\x9f\x98\x80\":2}",
      "\xef\xbb\xbf{}",
      "-",
      "[1}",
      "{\"a\":1]",
      "[,1]",
      "123456789012345678901234567890",
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    for (size_t n = 1; n < 8; n++) {
      struct si_error error = {.code = ""};
      si_rc status = read_pieces(bad[i], strlen(bad[i]), n, &error);
      if (status != SI_E_INVALID) {
        printf("\n  taken: %s\n", bad[i]);
      }
      CU_ASSERT_EQUAL(status, SI_E_INVALID);
      CU_ASSERT_STRING_EQUAL(error.code, "MANIFEST_INVALID");
      CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "at byte"));
    }
  }
}

static void depth_and_lengths_are_bounded(void) {
  static char text[200000];
  struct si_error error;
  memset(text, '[', SI_CANON_DEPTH);
  memset(text + SI_CANON_DEPTH, ']', SI_CANON_DEPTH);
  CU_ASSERT_EQUAL(read_pieces(text, 2 * (size_t)SI_CANON_DEPTH, 7, &error), SI_OK);
  memset(text, '[', sizeof text);
  CU_ASSERT_EQUAL(read_pieces(text, sizeof text, 4096, &error), SI_E_INVALID);
  memset(text, 'a', sizeof text);
  text[0] = '"';
  CU_ASSERT_EQUAL(read_pieces(text, sizeof text, 4096, &error), SI_E_INVALID);
  text[0] = '{';
  text[1] = '"';
  text[2000] = '"';
  CU_ASSERT_EQUAL(read_pieces(text, sizeof text, 4096, &error), SI_E_INVALID);
  CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "1 KiB"));
}

UNIT_MAIN("canonical JSON, streamed", UNIT(canonical_texts_are_read_in_pieces_of_any_size),
          UNIT(every_other_text_is_refused_with_its_place), UNIT(depth_and_lengths_are_bounded))
