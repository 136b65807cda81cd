/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/stack/plain.h"

#include <string.h>

#include "kit/base/text.h"
#include "paas/redact/literal.h"
#include "paas/stack/document.h"
#include "paas/stack/literal.h"
#include "paas/stack/yaml.h"

enum { WORD = 512 /* a longer word is looked at up to here */ };

/* What parts the words of a line, for a shell or for no one. */
#define BETWEEN " \t\r\n'\"`;&|()<>"

static bool is_secret(const char *key, const char *value) {
  return si_literal_key(key) && !si_is_setting(value) &&
         si_literal_value(key, value, strlen(value), true);
}

/* A URL's password; `$NAME` and the like are references. */
static bool has_password(const char *word) {
  const char *host = strstr(word, "://");
  const char *colon = host ? strchr(host + 3, ':') : NULL;
  return colon && colon[1] != '$' && si_has_password(word);
}

/* `flag` is the name that the word before has, or "": its value may be this one. */
static bool word_tells(char *word, char flag[70], char name[70]) {
  char *key = word + strspn(word, "-");
  char *equals = strchr(key, '=');
  bool tells = false;
  if (has_password(word)) {
    si_copy(name, 70, "a URL");
    return true;
  }
  if (flag[0] && key == word) {
    si_copy(name, 70, flag);
    tells = is_secret(flag, word);
  }
  flag[0] = '\0';
  if (equals) {
    *equals = '\0';
    if (!tells) {
      si_copy(name, 70, key);
      tells = is_secret(key, equals + 1);
    }
  } else if (key > word) {
    si_copy(flag, 70, key);
  }
  return tells;
}

bool si_plain_line(const char *line, char name[70]) {
  char word[WORD];
  char flag[70] = "";
  for (const char *at = line + strspn(line, BETWEEN); *at; at += strspn(at, BETWEEN)) {
    size_t len = strcspn(at, BETWEEN);
    si_copy(word, len < sizeof word ? len + 1 : sizeof word, at);
    if (word_tells(word, flag, name)) {
      return true;
    }
    at += len;
  }
  return false;
}

static si_rc find(struct si_reading *r, const struct si_place *place,
                  const struct si_service *service, const char *name) {
  return si_stack_find(
      r, "secret.literal", service->name, place,
      "declare it at the top of the file, `x-si-secrets: {NAME: }`, set a variable "
      "under `environment` to \"${NAME}\", and have the program read that: a "
      "shell's line as \"$$NAME\"",
      "holds what looks like a secret in plain text (%.70s)", name);
}

si_rc si_plain_words(struct si_reading *r, const struct si_place *place,
                     const struct si_service *service, const cJSON *words) {
  struct si_buf line SI_AUTO(si_buf_free) = SI_SECRET_BUF(2 * SI_YAML_BYTES);
  char name[70];
  const cJSON *word;
  cJSON_ArrayForEach(word, words) {
    if (si_buf_printf(&line, "%s\n", word->valuestring) != SI_OK) {
      return si_stack_nomem(r);
    }
  }
  return si_plain_line(si_buf_text(&line), name) ? find(r, place, service, name) : SI_OK;
}

si_rc si_plain_label(struct si_reading *r, const struct si_place *place,
                     const struct si_service *service, const char *key, const char *value) {
  return has_password(value) || is_secret(key, value) ? find(r, place, service, key) : SI_OK;
}
