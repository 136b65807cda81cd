/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/s3/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kit/base/json.h"
#include "kit/net/http.h"
#include "tests/unit/unit.h"

#define MIB (1u << 20)

char base[64];
char tls_base[64];

void ask(const char *method, const char *target, const char *body, struct si_buf *out) {
  struct si_http_options options = {.base = base};
  struct si_http *http SI_AUTO(si_http_close) = NULL;
  struct si_http_response response = {.body = SI_BUF(MIB)};
  struct si_error error;
  const struct si_http_request request = {
      .method = method, .target = target, .body = body, .body_len = body ? strlen(body) : 0};
  if (si_http_open(&options, &http, &error) != SI_OK ||
      si_http_send(http, &request, &response, &error) != SI_OK) {
    fprintf(stderr, "%s\n", error.message);
    abort();
  }
  if (out) {
    CU_ASSERT_EQUAL(si_buf_add(out, response.body.data, response.body.len), SI_OK);
  }
  si_buf_free(&response.body);
}

void rules(const char *json) {
  ask("PUT", "/__rules", json, NULL);
}

int asked(const char *what) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(MIB);
  cJSON *lines SI_AUTO(si_json_free) = NULL;
  int n = 0;
  ask("GET", "/__log", NULL, &text);
  CU_ASSERT_EQUAL_FATAL(si_json_parse(si_buf_text(&text), text.len, &lines, NULL), SI_OK);
  for (const cJSON *line = lines->child; line; line = line->next) {
    n += strstr(line->valuestring, what) != NULL;
  }
  return n;
}

void state_is(const char *wanted) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(MIB);
  ask("GET", "/__state", NULL, &text);
  CU_ASSERT_STRING_EQUAL(si_buf_text(&text), wanted);
}

bool start(const char *script, const char *directory, pid_t *pid, int *keep) {
  int in[2], out[2];
  if (pipe(in) != 0 || pipe(out) != 0) {
    return false;
  }
  *pid = fork();
  if (*pid == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    close(in[1]);
    close(out[0]);
    execlp("python3", "python3", script, directory, (char *)NULL);
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  *keep = in[1];
  char text[32] = "";
  ssize_t n = read(out[0], text, sizeof text - 1);
  close(out[0]);
  char *rest = text;
  snprintf(base, sizeof base, "http://127.0.0.1:%ld", strtol(text, &rest, 10));
  snprintf(tls_base, sizeof tls_base, "https://127.0.0.1:%ld", strtol(rest, NULL, 10));
  return n > 0;
}
