/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/alert/credential.h"

#include <stdio.h>
#include <string.h>

#include "paas/redact/redact.h"

static bool name_is_credential(const char *name, size_t len) {
  static const char *const names[] = {"key",  "apikey",    "sig",        "signature", "auth",
                                      "code", "accesskey", "access_key", "pass",      "pwd",
                                      "hmac", "jwt",       "session",    "sid",       "bearer"};
  char text[128];
  snprintf(text, sizeof text, "%.*s", (int)(len < 127 ? len : 127), name);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (strcmp(text, names[i]) == 0) {
      return true;
    }
  }
  return si_redact_key(text);
}

/* Letters and digits mixed, in a run that is no word; or long, with capitals between. */
static bool token_like(const char *text, size_t len) {
  bool digit = false, lower = false, upper = false;
  size_t run = 0, longest = 0, breaks = 0;
  for (size_t i = 0; i < len; i++) {
    bool is_digit = text[i] >= '0' && text[i] <= '9';
    bool is_lower = text[i] >= 'a' && text[i] <= 'z';
    bool is_upper = text[i] >= 'A' && text[i] <= 'Z';
    digit = digit || is_digit;
    lower = lower || is_lower;
    upper = upper || is_upper;
    run = is_digit || is_lower || is_upper ? run + 1 : 0;
    longest = run > longest ? run : longest;
    breaks += text[i] == '.';
  }
  return digit && breaks == 0 &&
         ((longest >= 16 && (lower || upper)) || (len >= 20 && lower && upper));
}

static bool query_holds_credential(const char *query) {
  for (const char *at = query; at && *at;) {
    size_t len = strcspn(at, "&;");
    size_t name = strcspn(at, "=&;");
    if (name_is_credential(at, name) || token_like(at, name) ||
        (name < len && token_like(at + name + 1, len - name - 1))) {
      return true;
    }
    at += len + (at[len] != '\0');
  }
  return false;
}

static bool path_holds_credential(const struct si_url *url) {
  for (const char *at = url->target; *at == '/';) {
    size_t len = strcspn(++at, "/?");
    if (token_like(at, len)) {
      return true;
    }
    at += len;
  }
  return false;
}

bool si_url_holds_credential(const struct si_url *url) {
  return query_holds_credential(url->query) || path_holds_credential(url);
}
