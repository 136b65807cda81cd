/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/target/address.h"

#include <stdint.h>
#include <string.h>

#include "kit/base/text.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

enum { KEY_MAX = 8192, SOCKET_MAX = 107 };

static si_rc wrong(struct si_error *error, const char *text, const char *why) {
  si_error_set(error, SI_E_INVALID, "TARGET_INVALID", "\"%.100s\" is no ssh address: %s", text,
               why);
  return si_error_hint(error, "write user@host, user@host:22 or user@[2001:db8::1]:22");
}

static bool copy(char *to, size_t size, const char *from, size_t len) {
  if (len == 0 || len >= size) {
    return false;
  }
  memcpy(to, from, len);
  to[len] = '\0';
  return true;
}

static bool user_valid(const char *user) {
  return strspn(user, LOWER UPPER DIGITS "_.-") == strlen(user) && user[0] != '-' && user[0] != '.';
}

static bool host_valid(const char *host, bool bracketed) {
  return strspn(host, bracketed ? DIGITS "abcdefABCDEF:." : LOWER UPPER DIGITS ".-") ==
             strlen(host) &&
         host[0] != '-' && host[0] != '.';
}

si_rc si_target_address_read(const char *text, struct si_target_address *out,
                             struct si_error *error) {
  struct si_target_address a = {.port = "22"};
  const char *at = strrchr(text, '@');
  uint64_t port = 22;
  if (!at || !copy(a.user, sizeof a.user, text, (size_t)(at - text)) || !user_valid(a.user)) {
    return wrong(error, text, "it begins with no user's name");
  }
  const char *host = at + 1;
  bool bracketed = host[0] == '[';
  const char *end = bracketed ? strchr(++host, ']') : host + strcspn(host, ":");
  if (!end || !copy(a.host, sizeof a.host, host, (size_t)(end - host)) ||
      !host_valid(a.host, bracketed)) {
    return wrong(error, text, "it names no host");
  }
  end += bracketed;
  if (end[0] == ':') {
    if (si_parse_u64(end + 1, 1, 65535, &port) != SI_OK ||
        !copy(a.port, sizeof a.port, end + 1, strlen(end + 1))) {
      return wrong(error, text, "its port is none");
    }
  } else if (end[0]) {
    return wrong(error, text, "something stands behind the host");
  }
  *out = a;
  return SI_OK;
}

bool si_target_host_key_valid(const char *text) {
  static const char *const types[] = {"ssh-ed25519 ", "ecdsa-sha2-nistp256 ",
                                      "ecdsa-sha2-nistp384 ", "ecdsa-sha2-nistp521 ", "ssh-rsa "};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    size_t len = strlen(types[i]);
    if (strncmp(text, types[i], len) == 0) {
      const char *key = text + len;
      size_t rest = strlen(key);
      return rest >= 40 && rest < KEY_MAX && strspn(key, LOWER UPPER DIGITS "+/=") == rest;
    }
  }
  return false;
}

bool si_target_socket_valid(const char *path) {
  size_t len = strlen(path);
  return path[0] == '/' && len > 1 && len <= SOCKET_MAX &&
         strspn(path, LOWER UPPER DIGITS "/._-+@,") == len;
}
