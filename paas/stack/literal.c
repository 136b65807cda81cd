/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/stack/literal.h"

#include <string.h>
#include <strings.h>

#include "paas/redact/literal.h"

enum { NUMBER_LONG = 6 /* digits: it may be a PIN */ };

bool si_is_setting(const char *value) {
  static const char *const words[] = {"true", "false", "yes", "no", "on", "off", "none"};
  bool setting = value[0] == '\0' || value[0] == '/' ||
                 (strlen(value) < NUMBER_LONG && value[strspn(value, "0123456789")] == '\0');
  for (size_t i = 0; !setting && i < sizeof words / sizeof *words; i++) {
    setting = strcasecmp(value, words[i]) == 0;
  }
  return setting;
}

bool si_has_password(const char *value) {
  const char *host = strstr(value, "://");
  size_t authority = host ? strcspn(host + 3, "/?#") : 0;
  const char *at = host ? memrchr(host + 3, '@', authority) : NULL;
  const char *colon = at ? memchr(host + 3, ':', (size_t)(at - host - 3)) : NULL;
  return colon && at > colon + 1;
}

bool si_tells_secret(const char *name, const char *value) {
  return si_has_password(value) || (!si_is_setting(value) && si_literal_key(name));
}
