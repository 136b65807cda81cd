/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that held a secret is overwritten when it is left: buffers, JSON, libcurl's blocks. The
 * blocks are looked at after they were given back, so malloc and free are this program's own: they
 * keep every block. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/json.h"
#include "kit/net/memory.h"
#include "tests/unit/unit.h"

#define SECRET "a value that nobody else has"

/* What cJSON frees stays readable here. */
static struct {
  char *block;
  size_t size;
} blocks[64];
static size_t block_count;

static void *keep_malloc(size_t size) {
  char *block = calloc(1, size + 1);
  if (block && block_count < sizeof blocks / sizeof *blocks) {
    blocks[block_count].block = block;
    blocks[block_count++].size = size;
  }
  return block;
}

static void keep_free(void *block) {
  (void)block;
}

static bool kept_anywhere(void) {
  for (size_t i = 0; i < block_count; i++) {
    if (memmem(blocks[i].block, blocks[i].size, SECRET, strlen(SECRET))) {
      return true;
    }
  }
  return false;
}

static void drop_blocks(void) {
  for (size_t i = 0; i < block_count; i++) {
    free(blocks[i].block);
  }
  block_count = 0;
}

static void json_is_overwritten_before_it_is_freed(void) {
  static const char *const texts[] = {"\"" SECRET "\"", "[\"" SECRET "\",{\"a\":\"" SECRET "\"}]"};
  cJSON_Hooks hooks = {keep_malloc, keep_free};
  cJSON_InitHooks(&hooks);
  for (size_t i = 0; i < 2; i++) {
    cJSON *value = NULL;
    CU_ASSERT_EQUAL(si_json_parse(texts[i], strlen(texts[i]), &value, NULL), SI_OK);
    CU_ASSERT_TRUE(kept_anywhere());
    si_json_wipe(&value);
    CU_ASSERT_PTR_NULL(value);
    CU_ASSERT_FALSE(kept_anywhere());
    drop_blocks();
  }
  cJSON *none = NULL;
  si_json_wipe(&none);
  cJSON_InitHooks(NULL);
}

static void a_buffer_for_secrets_keeps_what_it_holds_and_nothing_else(void) {
  struct si_buf buf SI_AUTO(si_buf_free) = SI_SECRET_BUF(1 << 20);
  CU_ASSERT_EQUAL(si_buf_puts(&buf, SECRET), SI_OK);
  for (int i = 0; i < 1000; i++) { /* it grows several times */
    CU_ASSERT_EQUAL(si_buf_puts(&buf, "...."), SI_OK);
  }
  CU_ASSERT_EQUAL(buf.len, strlen(SECRET) + 4000);
  CU_ASSERT_EQUAL(memcmp(buf.data, SECRET "....", strlen(SECRET) + 4), 0);
  CU_ASSERT_EQUAL(buf.data[buf.len], '\0');
  si_buf_clear(&buf);
  CU_ASSERT_EQUAL(buf.len, 0);
  for (size_t i = 0; i < buf.cap; i++) {
    if (buf.data[i]) {
      CU_FAIL_FATAL("something stayed behind");
    }
  }
  CU_ASSERT_EQUAL(si_buf_puts(&buf, SECRET), SI_OK);
  CU_ASSERT_STRING_EQUAL(buf.data, SECRET);
}

static void blocks_of_the_network_behave_as_those_of_libc(void) {
  char *text = si_net_strdup(SECRET);
  CU_ASSERT_PTR_NOT_NULL_FATAL(text);
  CU_ASSERT_STRING_EQUAL(text, SECRET);
  text = si_net_realloc(text, 5000);
  CU_ASSERT_PTR_NOT_NULL_FATAL(text);
  CU_ASSERT_STRING_EQUAL(text, SECRET);
  text = si_net_realloc(text, 6);
  CU_ASSERT_PTR_NOT_NULL_FATAL(text);
  CU_ASSERT_EQUAL(memcmp(text, SECRET, 6), 0);
  si_net_free(text);
  si_net_free(NULL);
  unsigned char *zeros = si_net_calloc(7, 11);
  CU_ASSERT_PTR_NOT_NULL_FATAL(zeros);
  for (int i = 0; i < 77; i++) {
    CU_ASSERT_EQUAL(zeros[i], 0);
  }
  CU_ASSERT_EQUAL((size_t)(void *)zeros % _Alignof(max_align_t), 0);
  si_net_free(zeros);
  CU_ASSERT_PTR_NULL(si_net_calloc((size_t)-1 / 2, 3));
  CU_ASSERT_PTR_NULL(si_net_malloc((size_t)-1));
  si_net_free(si_net_realloc(NULL, 1));
}

UNIT_MAIN("wiping", UNIT(json_is_overwritten_before_it_is_freed),
          UNIT(a_buffer_for_secrets_keeps_what_it_holds_and_nothing_else),
          UNIT(blocks_of_the_network_behave_as_those_of_libc))
