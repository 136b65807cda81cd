/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/net/s3_page.h - one page of a listing (ListObjectsV2, ListMultipartUploads,
 * ListObjectVersions), read from XML that is not trusted. Depends on kit/base, kit/net/xml.h. Not
 * thread-safe.
 */
#ifndef SI_KIT_NET_S3_PAGE_H
#define SI_KIT_NET_S3_PAGE_H

#include <stdbool.h>

#include "kit/base/buf.h"

#define S3_PAGE_ENTRIES 1000 /* asked for, and taken at most */
#define S3_TOKEN 4096        /* with the NUL */

enum s3_listing { S3_OBJECTS, S3_UPLOADS, S3_VERSIONS };

struct s3_entry {
  size_t key; /* offsets in text */
  size_t id;  /* of the upload, or the version */
  bool latest;
  bool marker;
  uint64_t length;
  int64_t time_ms;
};

struct s3_page {
  struct si_buf text;
  struct s3_entry *entries; /* room for S3_PAGE_ENTRIES */
  size_t count;
  bool truncated;
  char token[S3_TOKEN];     /* continues the listing: NextContinuationToken, or NextKeyMarker */
  char id_marker[S3_TOKEN]; /* NextUploadIdMarker, NextVersionIdMarker */
};

si_rc s3_page_init(struct s3_page *page) SI_MUST_USE;
void s3_page_free(struct s3_page *page); /* for SI_AUTO */

/* Reads a page, in place of what it held. Every key must begin with `prefix`. SI_E_CORRUPT, and
 * `why` says what is wrong, in a static text. */
si_rc s3_page_read(struct s3_page *page, enum s3_listing of, const char *prefix, const char *xml,
                   size_t len, const char **why) SI_MUST_USE;

#endif
