/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json-at PATH < DOCUMENT: what `jq -r PATH` prints of a JSON text, for paths of names and indices
 * (.data[0].name) that end at a text, a whole number, true, false or null. Whatever else is asked
 * is exit code 3 and nothing printed: ask jq. Tests ask thousands of times, and jq takes 18 ms to
 * begin (tests/functions.sh).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/json.h"

enum { ELSE = 3, MAX_DOCUMENT = 64 * 1024 * 1024 };

static bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* One part of the path, from *at on. false: this program does not know. */
static bool go_down(const char **at, const cJSON **value) {
  static const cJSON null = {.type = cJSON_NULL};
  char part[128];
  size_t len = 0;
  bool index = **at == '[';
  for (++*at; is_name(**at) && len + 1 < sizeof part; ++*at) {
    part[len++] = **at;
  }
  part[len] = '\0';
  if (len == 0 || (index && (*(*at)++ != ']' || strspn(part, "0123456789") != len || len > 6))) {
    return false;
  }
  if (cJSON_IsNull(*value)) {
    return true;
  }
  if (index ? !cJSON_IsArray(*value) : !cJSON_IsObject(*value)) {
    return false;
  }
  const cJSON *found = index ? cJSON_GetArrayItem(*value, atoi(part))
                             : cJSON_GetObjectItemCaseSensitive(*value, part);
  *value = found ? found : &null;
  return true;
}

static int print(const cJSON *value) {
  if (cJSON_IsString(value)) {
    puts(value->valuestring);
  } else if (cJSON_IsNumber(value) && value->valuedouble == (double)(long long)value->valuedouble) {
    printf("%lld\n", (long long)value->valuedouble);
  } else if (cJSON_IsBool(value) || cJSON_IsNull(value)) {
    puts(cJSON_IsNull(value) ? "null" : cJSON_IsTrue(value) ? "true" : "false");
  } else {
    return ELSE;
  }
  return fflush(stdout) == 0 ? 0 : ELSE;
}

int main(int argc, char **argv) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(MAX_DOCUMENT);
  cJSON *document SI_AUTO(si_json_free) = NULL;
  char piece[65536];
  size_t got;
  while ((got = fread(piece, 1, sizeof piece, stdin)) > 0) {
    if (si_buf_add(&text, piece, got) != SI_OK) {
      return ELSE;
    }
  }
  if (argc != 2 || argv[1][0] != '.' || argv[1][1] == '[' ||
      si_json_parse(si_buf_text(&text), text.len, &document, NULL) != SI_OK) {
    return ELSE;
  }
  const cJSON *value = document;
  for (const char *at = argv[1]; *at;) {
    if ((*at != '.' && *at != '[') || !go_down(&at, &value)) {
      return ELSE;
    }
  }
  return print(value);
}
