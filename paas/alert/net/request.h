/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/alert/net/request.h - what si and si-net say to each other: one JSON object each way.
 *
 * On stdin, to its end, at most SI_NET_REQUEST_MAX bytes; no other member:
 *   {"schema":"si.net-request/1","url","headers":{NAME:VALUE},"body","timeout_ms",
 *    "ca_file"?,"allow_private"?,"allow_http_loopback"?}
 * On stdout, at most SI_NET_ANSWER_MAX bytes:
 *   {"schema":"si.net-answer/1","status":N}                       an HTTP status, whatever it says
 *   {"schema":"si.net-answer/1","status":0,"error":{"code","status","retry","message"}}
 * where error.status is an si_rc and error.retry a retry class. The body of the peer's answer is
 * read to SI_NET_BODY_MAX bytes and thrown away. A peer whose 2xx answer breaks off has taken the
 * request all the same: that is its status, and no error.
 */
#ifndef SI_PAAS_ALERT_NET_REQUEST_H
#define SI_PAAS_ALERT_NET_REQUEST_H

#define SI_NET_REQUEST_SCHEMA "si.net-request/1"
#define SI_NET_ANSWER_SCHEMA "si.net-answer/1"
#define SI_NET_REQUEST_MAX (256u * 1024)
#define SI_NET_ANSWER_MAX (16u * 1024)
#define SI_NET_BODY_MAX (64u * 1024)
#define SI_NET_HEADERS_MAX 16u
#define SI_NET_TIMEOUT_MIN_MS 100
#define SI_NET_TIMEOUT_MAX_MS 60000

#endif
