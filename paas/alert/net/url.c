/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/alert/net/url.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"

static bool printable(const char *text) {
  for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
    if (*p <= 0x20 || *p >= 0x7F || strchr("\"<>\\^`{|}", *p)) {
      return false;
    }
  }
  return true;
}

static void lower(char *text) {
  for (; *text; text++) {
    *text = (char)(*text >= 'A' && *text <= 'Z' ? *text + 32 : *text);
  }
}

/* Labels of letters, digits and '-', split by single dots. */
static bool host_name(const char *host, size_t len) {
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
  size_t label = 0;
  if (len == 0 || len > 253) {
    return false;
  }
  for (size_t i = 0; i < len; i++) {
    label = host[i] == '.' ? 0 : label + 1;
    if ((host[i] == '.' && (i == 0 || host[i - 1] == '.')) ||
        (host[i] != '.' && !memchr(plain, host[i], sizeof plain - 1)) || label > 63) {
      return false;
    }
  }
  return host[len - 1] != '.';
}

/* From behind "scheme://": the host into out->host; what follows it, or NULL. */
static const char *take_host(const char *from, struct si_url *out) {
  struct in6_addr six;
  bool bracket = from[0] == '[';
  const char *start = from + bracket;
  size_t len = strcspn(start, bracket ? "]" : ":/?");
  const char *end = start + len + bracket;
  if ((bracket && start[len] != ']') || len >= sizeof out->host) {
    return NULL;
  }
  memcpy(out->host, start, len);
  out->host[len] = '\0';
  if (bracket ? inet_pton(AF_INET6, out->host, &six) != 1 : !host_name(start, len)) {
    return NULL;
  }
  lower(out->host);
  return end;
}

static const char *take_port(const char *from, char port[8]) {
  uint64_t number;
  port[0] = '\0';
  if (*from != ':') {
    return from;
  }
  size_t len = strcspn(from, "/?");
  if (len >= 7) {
    return NULL;
  }
  memcpy(port, from, len);
  port[len] = '\0';
  return si_parse_u64(port + 1, 1, 65535, &number) == SI_OK ? from + len : NULL;
}

const char *si_url_parse(const char *text, struct si_url *out) {
  struct si_url url = {.tls = strncmp(text, "https://", 8) == 0};
  char port[8];
  if (strnlen(text, SI_URL_MAX) >= SI_URL_MAX - 1) {
    return "it is longer than 2046 bytes";
  }
  if (!url.tls && strncmp(text, "http://", 7) != 0) {
    return "it does not begin with https://";
  }
  if (!printable(text)) {
    return "it holds a blank, a control character or another that must be percent-encoded";
  }
  const char *rest = text + (url.tls ? 8 : 7);
  if (memchr(rest, '@', strcspn(rest, "/?#"))) {
    return "it names a user or a password";
  }
  if (strchr(rest, '#')) {
    return "it has a fragment (#)";
  }
  rest = take_host(rest, &url);
  if (!rest) {
    return "its host is neither a name nor an address";
  }
  rest = take_port(rest, port);
  if (!rest || (*rest && *rest != '/' && *rest != '?')) {
    return "what follows its host is no port from 1 to 65535 and no path";
  }
  bool six = strchr(url.host, ':') != NULL;
  snprintf(url.base, sizeof url.base, "http%s://%s%s%s%s", url.tls ? "s" : "", six ? "[" : "",
           url.host, six ? "]" : "", port);
  snprintf(url.target, sizeof url.target, "%s%s", *rest == '/' ? "" : "/", rest);
  *out = url;
  out->query = strchr(out->target, '?');
  out->query = out->query ? out->query + 1 : NULL;
  return NULL;
}

bool si_url_loopback(const struct si_url *url) {
  struct in_addr four;
  struct in6_addr six;
  if (inet_pton(AF_INET, url->host, &four) == 1) {
    return ntohl(four.s_addr) >> 24 == 127;
  }
  if (inet_pton(AF_INET6, url->host, &six) == 1) {
    return memcmp(&six, &in6addr_loopback, sizeof six) == 0;
  }
  return strcmp(url->host, "localhost") == 0;
}
