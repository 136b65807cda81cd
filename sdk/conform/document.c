/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/conform/document.h"

#include <stdio.h>
#include <string.h>

si_rc document_emit(void *ctx, const char *json, size_t len) {
  struct document *document = ctx;
  document->count++;
  cJSON_Delete(document->json);
  document->json = NULL;
  if (!json || si_json_parse(json, len, &document->json, NULL) != SI_OK ||
      !cJSON_IsObject(document->json)) {
    document->nonsense = true;
  }
  return document->answer;
}

void document_free(struct document *document) {
  cJSON_Delete(document->json);
  document->json = NULL;
}

void document_must_be(const struct document *document, const char *what) {
  demand(document->count == 1, "%s succeeded, and emitted %zu documents, not one", what,
         document->count);
  demand(!document->nonsense, "what %s emitted is no JSON object", what);
}

/* 20 hex digits that are the same for the same seed and check. */
static void mark(const struct trial *t, char letter, char to[21]) {
  uint64_t hash = 0xcbf29ce484222325u ^ t->options->seed;
  for (const char *at = t->check->id; *at; at++) {
    hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
  }
  snprintf(to, 21, "%016llx%04x", (unsigned long long)hash, (unsigned)(unsigned char)letter);
}

const char *project_id(struct trial *t, char letter) {
  static char ids[26][32];
  char digits[21];
  mark(t, letter, digits);
  char *id = ids[(unsigned)(letter - 'a') % 26];
  snprintf(id, sizeof ids[0], "prj-%s", digits);
  return id;
}

const char *context_id(struct trial *t) {
  static char id[48];
  char digits[21];
  mark(t, '!', digits);
  snprintf(id, sizeof id, "ctx-%s000000000000", digits);
  return id;
}

const char *project_text(struct trial *t, char letter) {
  static char texts[26][640];
  char *text = texts[(unsigned)(letter - 'a') % 26];
  snprintf(text, sizeof texts[0],
           "{\"schema\":\"si.project/1\",\"context_id\":\"%s\",\"project_id\":\"%s\","
           "\"slug\":\"conform-%c\",\"operation_id\":\"op-20260101T000000-%010llx\","
           "\"release\":\"rel-e3b0c44298fc\",\"spec_sha256\":"
           "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"}",
           context_id(t), project_id(t, letter), letter,
           (unsigned long long)(t->options->seed % 0xffffffffffu));
  return text;
}
