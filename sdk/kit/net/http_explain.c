/* SPDX-License-Identifier: Apache-2.0 */
/* What a failed request means, and what an answer other than 2xx does. */
#include <errno.h>
#include <string.h>

#include "kit/net/http_impl.h"

/* May a request that failed be sent again? A peer that is not trusted will not be, the next time.
 */
static uint32_t retry_class(struct si_http *client, const struct exchange *x, CURLcode result,
                            const struct si_error *why) {
  long sent = 0;
  bool proxy = strcmp(why->code, "HTTP_PROXY") == 0;
  bool tls = strcmp(why->code, "HTTP_TLS") == 0;
  if ((proxy && why->status != SI_E_UNAVAILABLE) || (tls && result != CURLE_SSL_CONNECT_ERROR)) {
    return SI_RETRY_NEVER;
  }
  /* What was sent to a proxy, to ask for a tunnel, is no request. */
  if (!proxy && !tls && strcmp(why->code, "HTTP_CONNECT") != 0) {
    curl_easy_getinfo(client->easy, CURLINFO_REQUEST_SIZE, &sent);
  }
  return sent > 0 && !http_repeatable(x->request) ? SI_OUTCOME_UNKNOWN : SI_RETRY_SAFE;
}

static si_rc explain_stop(const struct si_http *client, const struct exchange *x,
                          struct si_error *error) {
  const char *why = x->stopped == SI_E_TIMEOUT                ? "the deadline passed"
                    : x->stopped == SI_E_CANCELLED            ? "cancelled"
                    : x->stopped == SI_E_QUOTA                ? "the answer is larger than allowed"
                    : strcmp(x->stopper, "HTTP_STALLED") == 0 ? "nothing came or went for too long"
                                                              : si_status_text(x->stopped);
  return si_error_set(error, x->stopped, x->stopper, "%s %.300s at %s: %s", x->request->method,
                      x->request->target,
                      client->unix_socket[0] ? client->unix_socket : client->base, why);
}

static si_rc explain_connect(const struct si_http *client, CURLcode result, long os_errno,
                             struct si_error *error) {
  const char *where = client->unix_socket[0] ? client->unix_socket : client->base;
  if (client->turned_away) {
    return si_error_set(error, SI_E_REFUSED, "HTTP_ADDRESS",
                        "%s is at an address that may not be connected to", where);
  }
  if (client->proxy[0]) {
    return si_error_set(error, SI_E_UNAVAILABLE, "HTTP_CONNECT",
                        "cannot connect to %s through the proxy %s: %s", where, client->proxy,
                        os_errno ? strerror((int)os_errno) : curl_easy_strerror(result));
  }
  bool forbidden = os_errno == EACCES || os_errno == EPERM;
  return si_error_set(error, forbidden ? SI_E_AUTH : SI_E_UNAVAILABLE, "HTTP_CONNECT",
                      "cannot connect to %s: %s", where,
                      os_errno ? strerror((int)os_errno) : curl_easy_strerror(result));
}

/* The proxy was asked for a tunnel, and says no. */
static si_rc explain_proxy(const struct si_http *client, long http, struct si_error *error) {
  si_rc status = http == 407 ? SI_E_AUTH : http >= 500 ? SI_E_UNAVAILABLE : SI_E_REFUSED;
  si_error_set(error, status, "HTTP_PROXY", "the proxy %s makes no connection to %s (HTTP %ld)",
               client->proxy, client->base, http);
  return si_error_hint(error, http == 407 ? "it wants credentials, which are never given to a proxy"
                                          : "look at what the proxy allows");
}

static si_rc explain(const struct si_http *client, const struct exchange *x, CURLcode result,
                     struct si_error *error) {
  const char *where = client->unix_socket[0] ? client->unix_socket : client->base;
  const char *why = x->reason[0] ? x->reason : curl_easy_strerror(result);
  long os_errno = 0;
  curl_easy_getinfo(client->easy, CURLINFO_OS_ERRNO, &os_errno);
  if (x->stopped != SI_OK) {
    return explain_stop(client, x, error);
  }
  long tunnel = 0;
  curl_easy_getinfo(client->easy, CURLINFO_HTTP_CONNECTCODE, &tunnel);
  if (tunnel >= 300) {
    return explain_proxy(client, tunnel, error);
  }
  switch (result) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_OPERATION_TIMEDOUT: /* only the connect phase has a time-out of libcurl's own */
      return explain_connect(client, result, os_errno, error);
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
      return si_error_set(error, SI_E_AUTH, "HTTP_TLS", "no trusted connection to %s: %s", where,
                          why);
    case CURLE_OUT_OF_MEMORY:
      return si_error_set(error, SI_E_NOMEM, "HTTP_LOST", "out of memory while asking %s", where);
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
      return si_error_set(error, SI_E_IO, "HTTP_PROTOCOL", "%s does not answer in HTTP: %s", where,
                          why);
    default:
      return si_error_set(error, SI_E_UNAVAILABLE, "HTTP_LOST",
                          "the connection to %s broke during %s %.300s: %s", where,
                          x->request->method, x->request->target, why);
  }
}

si_rc http_explain(struct si_http *client, const struct exchange *x, CURLcode result,
                   struct si_error *error) {
  struct si_error why = {.status = SI_OK};
  si_rc status = explain(client, x, result, &why);
  why.retry = retry_class(client, x, result, &why);
  if (error) {
    *error = why;
  }
  return status;
}

si_rc si_http_refusal(const struct si_http_response *response, const char *code, const char *what,
                      const char *why, struct si_error *error) {
  static const struct {
    int http;
    si_rc status;
  } known[] = {{401, SI_E_AUTH},        {403, SI_E_REFUSED},     {404, SI_E_NOT_FOUND},
               {409, SI_E_CONFLICT},    {413, SI_E_QUOTA},       {429, SI_E_UNAVAILABLE},
               {501, SI_E_UNSUPPORTED}, {503, SI_E_UNAVAILABLE}, {507, SI_E_QUOTA}};
  si_rc status = response->status >= 400 && response->status < 500 ? SI_E_INVALID : SI_E_IO;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    status = known[i].http == response->status ? known[i].status : status;
  }
  si_error_set(error, status, code, "%s: %s (HTTP %d)", what, why && *why ? why : "no reason given",
               response->status);
  if (error) {
    error->retry = response->retry;
  }
  return status;
}
