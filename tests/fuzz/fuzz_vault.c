/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_vault.c - any bytes as a vault file, and as a dotenv text: a vault that is taken
 * is the same once it was written and read again; everything else is refused with its line. Depends
 * on si_vault.
 */
#include <stdlib.h>
#include <string.h>

#include "paas/vault/dotenv.h"
#include "paas/vault/text.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

static void judge_vault(const struct si_vault_text *vault) {
  struct si_vault_text again SI_AUTO(si_vault_text_free) = {.count = 0};
  struct si_vault_text copy SI_AUTO(si_vault_text_free) = {.count = 0};
  struct si_buf one SI_AUTO(si_buf_free) = SI_BUF(1 << 22);
  struct si_buf two SI_AUTO(si_buf_free) = SI_BUF(1 << 22);
  require(vault->recipient_count >= 1 && strlen(vault->context) == 36);
  for (size_t i = 0; i < vault->count; i++) {
    const struct si_vault_line *line = &vault->lines[i];
    require(si_vault_key_valid(line->key) && si_vault_app_valid(line->app));
    require(strlen(line->text) == line->len && line->text[line->value_at - 1] == '=');
    require(si_vault_text_find(vault, line->app, line->key) == line);
  }
  require(si_vault_text_write(vault, &one) == SI_OK);
  require(si_vault_text_parse(one.data, one.len, false, &again, NULL) == SI_OK);
  require(si_vault_text_copy(&again, &copy) == SI_OK);
  require(si_vault_text_write(&copy, &two) == SI_OK);
  require(one.len == two.len && memcmp(one.data, two.data, one.len) == 0);
}

static void judge_dotenv(const char *text, size_t size) {
  struct si_dotenv reader = {.at = text, .end = text + size};
  struct si_locked room SI_AUTO(si_locked_free) = {.data = NULL};
  struct si_error error = {0};
  bool more = true;
  si_rc status = si_locked_make(&room, size);
  require(status == SI_OK);
  for (size_t pairs = 0; status == SI_OK && more; pairs++) {
    status = si_dotenv_next(&reader, &room, &more, &error);
    require(pairs <= size);
    if (status == SI_OK && more) {
      require(si_vault_key_valid(reader.key));
      require(reader.value + reader.len == (const char *)room.data + room.len);
    }
  }
  require(status == SI_OK || strcmp(error.code, "PAAS_INVALID_ARGUMENT") == 0);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  struct si_vault_text vault SI_AUTO(si_vault_text_free) = {.count = 0};
  struct si_error error = {0};
  const char *text = (const char *)data;
  si_rc status = si_vault_text_parse(text, size, false, &vault, &error);
  if (status == SI_OK) {
    judge_vault(&vault);
  } else {
    require(status == SI_E_CORRUPT && strcmp(error.code, "VAULT_TAMPERED") == 0);
    require(strncmp(error.target, "line ", 5) == 0 && vault.lines == NULL);
  }
  judge_dotenv(text, size);
  return 0;
}
