/* SPDX-License-Identifier: Apache-2.0 */
/* The client itself: opening, and its connections. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kit/base/text.h"
#include "kit/net/s3_private.h"

enum { WAIT_MS = 50, STALL_MS = 30000 };

bool si_s3_bucket_valid(const char *name) {
  size_t len = name ? strnlen(name, 64) : 0;
  bool numeric = true;
  if (len < 3 || len > 63 || name[0] == '.' || name[0] == '-' || name[len - 1] == '.' ||
      name[len - 1] == '-' || strncmp(name, "xn--", 4) == 0) {
    return false;
  }
  for (size_t i = 0; i < len; i++) {
    char c = name[i];
    bool letter = c >= 'a' && c <= 'z';
    bool digit = c >= '0' && c <= '9';
    if ((!letter && !digit && c != '-' && c != '.') || (c == '.' && name[i + 1] == '.')) {
      return false;
    }
    numeric = numeric && (digit || c == '.');
  }
  return !numeric || !strchr(name, '.'); /* nothing that looks like an address */
}

/* --- opening --- */

static si_rc wrong(struct si_error *error, const char *what) {
  return si_error_set(error, SI_E_INVALID, "S3_OPTIONS", "%s", what);
}

static bool visible(const char *text, size_t most) {
  size_t len = text ? strnlen(text, most + 1) : 0;
  for (size_t i = 0; i < len; i++) {
    if (text[i] <= 0x20 || text[i] > 0x7E) {
      return false;
    }
  }
  return len > 0 && len <= most;
}

static si_rc set_peer(struct si_s3 *client, const struct si_s3_options *o, struct si_error *error) {
  char aws[128];
  snprintf(aws, sizeof aws, "https://s3.%s.amazonaws.com", o->region);
  const char *endpoint = o->endpoint ? o->endpoint : aws;
  bool tls = strncmp(endpoint, "https://", 8) == 0;
  if (!tls && strncmp(endpoint, "http://", 7) != 0) {
    return wrong(error, "the endpoint must be https://host[:port]");
  }
  if (!tls && !o->allow_http) {
    return si_error_set(error, SI_E_REFUSED, "S3_OPTIONS",
                        "the endpoint %.200s is plain http, which shows every byte to the network: "
                        "use https, or set allow_http where that is meant",
                        endpoint);
  }
  const char *host = endpoint + (tls ? 8 : 7);
  if (!visible(host, 255) || strpbrk(host, "/?#@\\")) {
    return wrong(error, "the endpoint must be https://host[:port], without a path");
  }
  /* A certificate for *.host does not stand for a name with more dots. */
  bool in_path = o->path_style || (tls && strchr(o->bucket, '.')) || host[0] == '[';
  snprintf(client->base, sizeof client->base, "%s://%s%s%s", tls ? "https" : "http",
           in_path ? "" : o->bucket, in_path ? "" : ".", host);
  snprintf(client->host, sizeof client->host, "%s%s%s", in_path ? "" : o->bucket,
           in_path ? "" : ".", host);
  snprintf(client->path, sizeof client->path, "%s%s", in_path ? "/" : "", in_path ? o->bucket : "");
  /* The port that goes without saying is not said in the header. */
  char *port = strrchr(client->host, ':');
  if (port && strcmp(port, tls ? ":443" : ":80") == 0) {
    *port = '\0';
  }
  return SI_OK;
}

static si_rc check(const struct si_s3_options *o, struct si_error *error) {
  if (!si_s3_bucket_valid(o->bucket)) {
    return wrong(error,
                 "the bucket's name must have 3 to 63 of a-z, 0-9, '-' and '.', begin and "
                 "end with a letter or digit, and be no address");
  }
  if (!visible(o->region, 63) ||
      strspn(o->region, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") !=
          strlen(o->region)) {
    return wrong(error, "the region must be 1 to 63 letters, digits, '-' and '_'");
  }
  if (!visible(o->access_key_id, 128) || strpbrk(o->access_key_id, "/,")) {
    return wrong(error, "the access key id must have 1 to 128 visible characters");
  }
  if (!o->secret || o->secret_len == 0 || o->secret_len > 1024) {
    return wrong(error, "the secret access key must have 1 to 1024 bytes");
  }
  if (o->token_len > 4096 || (o->token && memchr(o->token, '\0', o->token_len))) {
    return wrong(error, "the session token must have at most 4096 characters");
  }
  if (o->encryption && strcmp(o->encryption, "AES256") != 0 &&
      strcmp(o->encryption, "aws:kms") != 0) {
    return wrong(error, "server-side encryption is \"AES256\" or \"aws:kms\"");
  }
  if (o->kms_key_id && (!o->encryption || strcmp(o->encryption, "aws:kms") != 0)) {
    return wrong(error, "a KMS key goes with the encryption \"aws:kms\" only");
  }
  if (o->kms_key_id && !visible(o->kms_key_id, 500)) {
    return wrong(error, "the KMS key's id must have 1 to 500 visible characters");
  }
  if (o->proxy && (!visible(o->proxy, 500) || strncmp(o->proxy, "http://", 7) != 0 ||
                   !o->proxy[7] || strpbrk(o->proxy + 7, "/?#@\\"))) {
    return wrong(error, "the proxy must be http://host[:port], without credentials");
  }
  if (o->connections > S3_CONNECTIONS) {
    return wrong(error, "a client has at most 64 connections");
  }
  return SI_OK;
}

static si_rc keep_secret(struct si_locked *to, const void *data, size_t len) {
  si_rc status = si_locked_make(to, len);
  return status == SI_OK ? si_locked_add(to, data, len) : status;
}

si_rc si_s3_open(const struct si_s3_options *o, struct si_s3 **out, struct si_error *error) {
  si_rc status = check(o, error);
  if (status != SI_OK) {
    return status;
  }
  struct si_s3 *client = calloc(1, sizeof *client);
  if (!client) {
    return si_error_set(error, SI_E_NOMEM, "S3_OPTIONS", "out of memory");
  }
  pthread_mutex_init(&client->lock, NULL);
  pthread_cond_init(&client->freed, NULL);
  si_copy(client->bucket, sizeof client->bucket, o->bucket);
  si_copy(client->region, sizeof client->region, o->region);
  si_copy(client->access_key_id, sizeof client->access_key_id, o->access_key_id);
  si_copy(client->ca_file, sizeof client->ca_file, o->ca_file);
  si_copy(client->encryption, sizeof client->encryption, o->encryption);
  si_copy(client->kms_key_id, sizeof client->kms_key_id, o->kms_key_id);
  client->connections = o->connections ? o->connections : 4;
  client->max_attempts = o->max_attempts ? o->max_attempts : 6;
  client->connect_timeout_ms = o->connect_timeout_ms;
  client->stall_ms = o->stall_ms ? o->stall_ms : STALL_MS;
  si_copy(client->proxy, sizeof client->proxy, o->proxy);
  status = set_peer(client, o, error);
  if (status == SI_OK &&
      (keep_secret(&client->secret, o->secret, o->secret_len) != SI_OK ||
       (o->token_len > 0 && keep_secret(&client->token, o->token, o->token_len) != SI_OK))) {
    status = si_error_set(error, SI_E_NOMEM, "S3_OPTIONS", "out of memory");
  }
  if (status != SI_OK) {
    si_s3_close(&client);
    return status;
  }
  *out = client;
  return SI_OK;
}

void si_s3_close(struct si_s3 **client) {
  struct si_s3 *c = *client;
  if (c) {
    for (uint32_t i = 0; i < c->idle_count; i++) {
      si_http_close(&c->idle[i]);
    }
    si_locked_free(&c->secret);
    si_locked_free(&c->token);
    pthread_cond_destroy(&c->freed);
    pthread_mutex_destroy(&c->lock);
    free(c);
    *client = NULL;
  }
}

/* --- connections --- */

static si_rc interrupted(const struct si_s3_call *call, struct si_error *error) {
  if (call->deadline_ns && si_monotonic_ns() >= call->deadline_ns) {
    return si_error_set(error, SI_E_TIMEOUT, "HTTP_TIMEOUT", "the deadline passed");
  }
  if (call->cancelled && call->cancelled(call->ctx)) {
    return si_error_set(error, SI_E_CANCELLED, "HTTP_CANCELLED", "cancelled");
  }
  return SI_OK;
}

static void wait_for_one(struct si_s3 *client) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += WAIT_MS * 1000000L;
  until.tv_sec += until.tv_nsec / 1000000000L;
  until.tv_nsec %= 1000000000L;
  pthread_cond_timedwait(&client->freed, &client->lock, &until);
}

static si_rc make(struct si_s3 *client, struct si_http **out, struct si_error *error) {
  const struct si_http_options options = {.base = client->base,
                                          .user_agent = "si-s3/1",
                                          .connect_timeout_ms = client->connect_timeout_ms,
                                          .ca_file = client->ca_file[0] ? client->ca_file : NULL,
                                          .bulk = true,
                                          .proxy = client->proxy[0] ? client->proxy : NULL};
  return si_http_open(&options, out, error);
}

si_rc s3_borrow(struct si_s3 *client, const struct si_s3_call *call, struct si_http **out,
                struct si_error *error) {
  si_rc status = SI_OK;
  bool fresh = false;
  *out = NULL;
  pthread_mutex_lock(&client->lock);
  while (!*out && !fresh && (status = interrupted(call, error)) == SI_OK) {
    if (client->idle_count > 0) {
      *out = client->idle[--client->idle_count];
    } else if (client->made < client->connections) {
      client->made++;
      fresh = true;
    } else {
      wait_for_one(client);
    }
  }
  pthread_mutex_unlock(&client->lock);
  if (fresh) {
    status = make(client, out, error);
    if (status != SI_OK) {
      s3_give_back(client, NULL);
    }
  }
  return status;
}

void s3_give_back(struct si_s3 *client, struct si_http *http) {
  pthread_mutex_lock(&client->lock);
  if (http) {
    client->idle[client->idle_count++] = http;
  } else {
    client->made--;
  }
  pthread_cond_signal(&client->freed);
  pthread_mutex_unlock(&client->lock);
}
