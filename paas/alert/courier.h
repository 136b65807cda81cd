/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/alert/courier.h - one POST through si-net, which is a process of its own: si links no HTTP
 * client. It gets an empty environment, no descriptor but its own three, no argument, and is killed
 * at the deadline; its answer is bounded and parsed strictly. Depends on core/host/places.h (where
 * this installation keeps its programs) and paas/alert/net/request.h.
 */
#ifndef SI_PAAS_ALERT_COURIER_H
#define SI_PAAS_ALERT_COURIER_H

#include <stdbool.h>

#include "kit/base/json.h"

struct si_post {
  const char *url;      /* may be a secret: it is in no argument and no environment */
  const cJSON *headers; /* an object of texts */
  const char *body;     /* JSON */
  uint32_t timeout_ms;  /* 100 to 60000 */
  const char *ca_file;  /* or NULL */
  bool allow_private;
  bool allow_http_loopback;
  int interrupt_fd; /* readable: stop; -1: none */
};

/* SI_OK once the peer answered: *http is what it said, whatever that is. NET_START: si-net is not
 * there, or not safely owned (SI_E_AUTH); NET_BROKEN: it gave no answer that makes sense;
 * NET_TIMEOUT, NET_CANCELLED; else si-net's own (HTTP_*, NET_REQUEST, NET_PLAIN). */
si_rc si_post(const struct si_post *post, int *http, struct si_error *error) SI_MUST_USE;

#endif
