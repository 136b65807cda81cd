/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/net/s3.h - a client of one bucket in an S3 store. Depends on kit/base, kit/net/http.h.
 *
 * A client is shared by threads: it keeps a few connections, and a call that finds none free waits
 * for one. Every request is signed (Signature Version 4) with the hash of what is sent. Redirects
 * are not followed, certificates always checked, proxies used where one is given.
 *
 * Failures that pass are tried again, with growing, random pauses, until the call's deadline or
 * max_attempts; a Retry-After is honoured. A request whose reply was lost is sent again where that
 * is harmless; where it is not, the store is asked what became of it. What stays unknown is told as
 * SI_OUTCOME_UNKNOWN in error->retry.
 *
 * Codes: those of kit/net/http.h, S3_OPTIONS (a wrong option), and one for each thing the store
 * says (S3_NO_KEY, S3_NO_BUCKET, S3_DENIED, S3_SIGNATURE, ...: s3_fault.c has the table).
 */
#ifndef SI_KIT_NET_S3_H
#define SI_KIT_NET_S3_H

#include "kit/net/http.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SI_S3_KEY_MAX 1024 /* bytes of a key, by S3's own rule */
#define SI_S3_PUT_MAX (5ull << 30)
#define SI_S3_PARTS_MAX 10000 /* parts of an upload */
#define SI_S3_PART_MIN (5u << 20)
#define SI_S3_UPLOAD_ID 1024 /* with the NUL */
#define SI_S3_ETAG 136       /* with quotes and NUL */
#define SI_S3_MARK 33        /* with the NUL */
#define SI_S3_WANTED 8       /* headers of one reply that a caller may want */

struct si_s3; /* a client */

struct si_s3_options {
  const char *endpoint; /* "https://host[:port]"; NULL: https://s3.<region>.amazonaws.com */
  const char *region;
  const char *bucket;
  const char *access_key_id;
  const void *secret; /* the secret access key; copied into locked memory */
  size_t secret_len;
  const void *token; /* a session token, or NULL; copied into locked memory */
  size_t token_len;
  const char *ca_file;    /* certificates to trust in place of the system's; or NULL */
  const char *encryption; /* asked for with every object: "AES256", "aws:kms"; or NULL */
  const char *kms_key_id; /* or NULL */
  bool path_style; /* bucket in the path; else in the host's name, unless that has dots and TLS */
  bool allow_http;
  uint32_t connections;        /* 1 to 64; 0: 4 */
  uint32_t max_attempts;       /* of one request; 0: 6 */
  uint32_t connect_timeout_ms; /* 0: ten seconds */
  uint32_t stall_ms; /* a try ends when no byte moved either way for so long; 0: half a minute */
  const char *proxy; /* "http://host[:port]", or NULL; none of the environment is used */
};

/* What bounds one call. */
struct si_s3_call {
  uint64_t deadline_ns;        /* CLOCK_MONOTONIC; 0 = none */
  int (*cancelled)(void *ctx); /* non-zero: stop, within 200 ms; or NULL */
  void *ctx;
};

/* No network I/O. S3_OPTIONS (SI_E_INVALID), SI_E_NOMEM. */
si_rc si_s3_open(const struct si_s3_options *options, struct si_s3 **out,
                 struct si_error *error) SI_MUST_USE;
void si_s3_close(struct si_s3 **client); /* for SI_AUTO; no call may be under way */

bool si_s3_bucket_valid(const char *name);

/* --- objects --- */

struct si_s3_object {
  uint64_t length;
  int64_t modified_ms;              /* 0 = unknown */
  char etag[SI_S3_ETAG];            /* as given, with quotes; says nothing about the content */
  char version_id[SI_S3_UPLOAD_ID]; /* or "" */
  char encryption[32];              /* x-amz-server-side-encryption; or "" */
  char mark[SI_S3_MARK];            /* x-amz-meta-si-put; or "" */
  char date[40];                    /* the server's, of the reply, as in the header; or "" */
};

struct si_s3_put {
  const char *key;
  const void *data;
  size_t len;
  const char *content_type; /* or NULL */
  bool create_only;         /* SI_E_EXISTS (S3_EXISTS) where the key exists */
  bool with_md5; /* send a Content-MD5 from the start: some stores want one with some headers */
  const struct si_http_header *headers; /* further ones, signed; or NULL */
  size_t header_count;                  /* at most 16 */
};

/* One PUT, whole or not at all. With create_only the object carries a random mark, by which a
 * reply that got lost is made good. Where encryption was asked for and the store does not confirm
 * it, the object is deleted again: S3_NOT_ENCRYPTED (SI_E_REFUSED). `out` may be NULL; its
 * length is that of the data. */
si_rc si_s3_put(struct si_s3 *client, const struct si_s3_call *call, const struct si_s3_put *put,
                struct si_s3_object *out, struct si_error *error) SI_MUST_USE;

/* SI_E_NOT_FOUND: S3_NO_KEY. */
si_rc si_s3_head(struct si_s3 *client, const struct si_s3_call *call, const char *key,
                 struct si_s3_object *out, struct si_error *error) SI_MUST_USE;

/* The same of one version (NULL: the one that a reader gets), and with `count` further headers of
 * the reply, at most SI_S3_WANTED, each empty where it is not there; also of a refusal. */
si_rc si_s3_head_version(struct si_s3 *client, const struct si_s3_call *call, const char *key,
                         const char *version_id, struct si_http_wanted *wanted, size_t count,
                         struct si_s3_object *out, struct si_error *error) SI_MUST_USE;

/* Deletes an object, or one version of it (version_id not NULL). Gone is success. */
si_rc si_s3_delete(struct si_s3 *client, const struct si_s3_call *call, const char *key,
                   const char *version_id, struct si_error *error) SI_MUST_USE;

struct si_s3_range {
  uint64_t offset;
  uint64_t limit;   /* bytes at most; UINT64_MAX: to the end */
  const char *etag; /* only of that one: S3_CHANGED (SI_E_CONFLICT) else; or NULL */
};

/* Gives the bytes to `sink`, in order, each once: where the connection breaks off it goes on behind
 * the last byte taken, of the same object. Never short: fewer bytes than the store announced are a
 * failure. out (may be NULL) has the whole object's length, set before the first byte is given. An
 * offset at or behind the end gives no byte. The sink must not call the client. */
si_rc si_s3_get(struct si_s3 *client, const struct si_s3_call *call, const char *key,
                const struct si_s3_range *range, si_http_sink sink, void *sink_ctx,
                struct si_s3_object *out, struct si_error *error) SI_MUST_USE;

/* A status other than SI_OK ends the listing with it. The client may be called. */
typedef si_rc (*si_s3_each)(void *ctx, const char *key, uint64_t length, int64_t modified_ms);

/* Every object whose key begins with `prefix` ("": all). A page is given once the whole of it was
 * read and found in order; a listing that goes in circles, or gives what was not asked for, is
 * S3_LIST (SI_E_CORRUPT). */
si_rc si_s3_list(struct si_s3 *client, const struct si_s3_call *call, const char *prefix,
                 si_s3_each each, void *ctx, struct si_error *error) SI_MUST_USE;

/* One version of an object, or the mark that a removal left. */
struct si_s3_version {
  const char *key;
  const char *version_id;
  uint64_t length;
  int64_t modified_ms; /* 0 = unknown */
  bool latest;         /* what a reader of the key gets, or the mark by which there is nothing */
  bool marker;
};
typedef si_rc (*si_s3_each_version)(void *ctx, const struct si_s3_version *version);
/* Every version of every object with `prefix`, those of one key newest first. As si_s3_list. */
si_rc si_s3_versions(struct si_s3 *client, const struct si_s3_call *call, const char *prefix,
                     si_s3_each_version each, void *ctx, struct si_error *error) SI_MUST_USE;

/* --- what hangs on an object or the bucket: "?versioning", "?tagging", ... --- */

struct si_s3_query {
  const char *method; /* "GET", "PUT" or "DELETE": it may be sent twice */
  const char *key;    /* NULL: of the bucket */
  const struct si_http_header *pairs;
  size_t pair_count;
  const void *body; /* sent with its Content-MD5; or NULL */
  size_t len;
};

struct si_s3_answer {
  struct si_buf body; /* also of a refusal; to be freed */
  int http;           /* its status, also of a refusal; 0: there was no answer */
  char date[40];      /* the server's; or "" */
};
#define SI_S3_ANSWER \
  { .body = SI_BUF(256u << 10) }

/* An answer that is not 2xx is a failure. */
si_rc si_s3_query(struct si_s3 *client, const struct si_s3_call *call,
                  const struct si_s3_query *query, struct si_s3_answer *out,
                  struct si_error *error) SI_MUST_USE;

/* Unix time in milliseconds of a time as stores write it, in a header or a document ("Mon, 30 Nov
 * 2026 21:00:00 GMT", "2026-11-30T21:00:00.000Z"); parts of a second are kept. 0 where it is none.
 */
int64_t si_s3_time(const char *text);

/* --- objects in parts --- */

struct si_s3_upload {
  char id[SI_S3_UPLOAD_ID];
  char mark[SI_S3_MARK];
};

struct si_s3_part {
  char etag[SI_S3_ETAG];
};

/* Begins an upload. put->data, len and create_only are not looked at. S3_NOT_ENCRYPTED as above,
 * before any of the data is sent. A lost reply may leave an upload behind that si_s3_uploads
 * tells of. */
si_rc si_s3_upload_begin(struct si_s3 *client, const struct si_s3_call *call,
                         const struct si_s3_put *put, struct si_s3_upload *out,
                         struct si_error *error) SI_MUST_USE;
/* Sends part `number` (from 1); all but the last have at least SI_S3_PART_MIN bytes. */
si_rc si_s3_upload_part(struct si_s3 *client, const struct si_s3_call *call, const char *key,
                        const struct si_s3_upload *upload, uint32_t number, const void *data,
                        size_t len, struct si_s3_part *out, struct si_error *error) SI_MUST_USE;
/* Makes the object visible. Success counts once the store says so, or shows the object with this
 * upload's mark and `length`. */
si_rc si_s3_upload_end(struct si_s3 *client, const struct si_s3_call *call, const char *key,
                       const struct si_s3_upload *upload, const struct si_s3_part *parts,
                       uint32_t count, uint64_t length, struct si_s3_object *out,
                       struct si_error *error) SI_MUST_USE;
/* Drops an upload. Gone is success. */
si_rc si_s3_upload_abort(struct si_s3 *client, const struct si_s3_call *call, const char *key,
                         const char *upload_id, struct si_error *error) SI_MUST_USE;

typedef si_rc (*si_s3_each_upload)(void *ctx, const char *key, const char *upload_id,
                                   int64_t started_ms);
/* Every upload that was begun and not ended, of keys with `prefix`. As si_s3_list. */
si_rc si_s3_uploads(struct si_s3 *client, const struct si_s3_call *call, const char *prefix,
                    si_s3_each_upload each, void *ctx, struct si_error *error) SI_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
