/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/alert/net/url.h - the parts of a webhook's address, read strictly: http or https, a host, a
 * port, a path, a query; printable ASCII; no user, no fragment, no backslash. Depends on
 * sdk/kit/base alone. Thread-safe.
 */
#ifndef SI_PAAS_ALERT_NET_URL_H
#define SI_PAAS_ALERT_NET_URL_H

#include <stdbool.h>

#include "kit/base/error.h"

#define SI_URL_MAX 2048u

struct si_url {
  bool tls;
  char host[256];          /* lower case; an IPv6 address without its brackets */
  char base[300];          /* "https://host:port", as kit/net wants it */
  char target[SI_URL_MAX]; /* "/path?query"; "/" where there is no path */
  const char *query;       /* in target, behind the '?'; or NULL */
};

/* What is wrong with it, for people: never quotes the text, which may hold a secret. NULL: nothing,
 * and *out is filled in. */
const char *si_url_parse(const char *text, struct si_url *out) SI_MUST_USE;

/* Does the host by its name stand for this machine: localhost, 127.0.0.0/8, ::1? */
bool si_url_loopback(const struct si_url *url);

#endif
