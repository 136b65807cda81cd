/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/stack/words.h"

#include <string.h>

#define BLANKS " \t\r\n"

static si_rc refuse(const char **why, const char *what) {
  *why = what;
  return SI_E_INVALID;
}

/* The rest of '...' or "..." behind the opening quote; *at ends behind the closing one. */
static si_rc quoted(const char **at, char quote, struct si_buf *word, const char **why) {
  const char *p = *at;
  si_rc status = SI_OK;
  for (; status == SI_OK && *p != quote; p++) {
    if (*p == '\\' && quote == '"' && p[1] && strchr("\"\\$`", p[1])) {
      p++;
    }
    if (!*p) {
      return refuse(why, "a quote is not closed");
    }
    status = si_buf_add(word, p, 1);
  }
  *at = p + 1;
  return status;
}

/* One word from *at on, which is no blank. */
static si_rc read_word(const char **at, struct si_buf *word, const char **why) {
  si_rc status = SI_OK;
  const char *p = *at;
  while (status == SI_OK && *p && !strchr(BLANKS, *p)) {
    char c = *p++;
    if (c == '\'' || c == '"') {
      status = quoted(&p, c, word, why);
      continue;
    }
    if (strchr("|&;<>()`", c)) {
      return refuse(why, "it uses what only a shell understands");
    }
    if (c == '\\') {
      c = *p;
      if (!c) {
        return refuse(why, "it ends in a backslash");
      }
      p++;
    }
    status = si_buf_add(word, &c, 1);
  }
  *at = p;
  return status;
}

si_rc si_words_split(const char *text, cJSON *list, const char **why) {
  struct si_buf word SI_AUTO(si_buf_free) = SI_BUF(strlen(text));
  si_rc status = SI_OK;
  for (const char *p = text + strspn(text, BLANKS); status == SI_OK && *p; p += strspn(p, BLANKS)) {
    si_buf_clear(&word);
    status = read_word(&p, &word, why);
    if (status == SI_OK) {
      cJSON *item = cJSON_CreateString(si_buf_text(&word));
      if (!item || !cJSON_AddItemToArray(list, item)) {
        cJSON_Delete(item);
        return SI_E_NOMEM;
      }
    }
  }
  return status;
}
