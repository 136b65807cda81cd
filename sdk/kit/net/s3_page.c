/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/net/s3_page.h"

#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"
#include "kit/net/s3_private.h"
#include "kit/net/url.h"
#include "kit/net/xml.h"

struct page_reading {
  struct s3_page *page;
  enum s3_listing of;
  bool ended;   /* the document's own element */
  bool told;    /* whether there is more */
  bool encoded; /* keys are URL-encoded */
  uint64_t announced;
  /* of the entry that is open */
  bool has_key, has_length, has_id;
  struct s3_entry entry;
  const char *why;
};

static const char *const roots[] = {
    [S3_OBJECTS] = "ListBucketResult",
    [S3_UPLOADS] = "ListMultipartUploadsResult",
    [S3_VERSIONS] = "ListVersionsResult",
};
static const char *const entries[] = {
    [S3_OBJECTS] = "Contents", [S3_UPLOADS] = "Upload", [S3_VERSIONS] = "Version"};

si_rc s3_page_init(struct s3_page *page) {
  memset(page, 0, sizeof *page);
  page->text = (struct si_buf)SI_BUF(S3_PAGE);
  page->entries = calloc(S3_PAGE_ENTRIES, sizeof *page->entries);
  return page->entries ? SI_OK : SI_E_NOMEM;
}

void s3_page_free(struct s3_page *page) {
  si_buf_free(&page->text);
  free(page->entries);
  page->entries = NULL;
}

static si_rc bad(struct page_reading *r, const char *why) {
  r->why = why;
  return SI_E_CORRUPT;
}

static si_rc keep(struct page_reading *r, const char *text, size_t len, size_t *at) {
  *at = r->page->text.len;
  return si_buf_add(&r->page->text, text, len + 1); /* with the NUL */
}

static si_rc end_entry(struct page_reading *r, bool marker) {
  struct s3_page *page = r->page;
  bool lacks_id = r->of != S3_OBJECTS && !r->has_id;
  bool lacks_length = r->of != S3_UPLOADS && !marker && !r->has_length;
  if (!r->has_key || lacks_id || lacks_length) {
    return bad(r, "an entry lacks its key, its length or its id");
  }
  if (page->count >= S3_PAGE_ENTRIES) {
    return bad(r, "a page holds more than was asked for");
  }
  r->entry.marker = marker;
  page->entries[page->count++] = r->entry;
  r->has_key = r->has_length = r->has_id = false;
  memset(&r->entry, 0, sizeof r->entry);
  return SI_OK;
}

static si_rc take(struct page_reading *r, const char *text, size_t len, char *to, size_t size) {
  if (len >= size) {
    return bad(r, "a marker is too long");
  }
  memcpy(to, text, len + 1);
  return SI_OK;
}

static si_rc on_field(struct page_reading *r, const char *name, const char *text, size_t len) {
  if (strcmp(name, "Key") == 0) {
    if (len == 0 || r->has_key) {
      return bad(r, "an entry has no key, or two");
    }
    r->has_key = true;
    return keep(r, text, len, &r->entry.key);
  }
  if ((r->of == S3_UPLOADS && strcmp(name, "UploadId") == 0) ||
      (r->of == S3_VERSIONS && strcmp(name, "VersionId") == 0)) {
    if (len == 0 || len >= SI_S3_UPLOAD_ID || r->has_id) {
      return bad(r, "an upload, or a version, has no id, or a bad one");
    }
    r->has_id = true;
    return keep(r, text, len, &r->entry.id);
  }
  if (strcmp(name, "IsLatest") == 0) {
    r->entry.latest = strcmp(text, "true") == 0;
    return SI_OK;
  }
  if (strcmp(name, "Size") == 0) {
    r->has_length = si_parse_u64(text, 0, INT64_MAX, &r->entry.length) == SI_OK;
    return r->has_length ? SI_OK : bad(r, "a length is no number");
  }
  if (strcmp(name, "LastModified") == 0 || strcmp(name, "Initiated") == 0) {
    r->entry.time_ms = si_s3_time(text);
  }
  return SI_OK;
}

static si_rc on_root(struct page_reading *r, const char *name, const char *text, size_t len) {
  struct s3_page *page = r->page;
  if (strcmp(name, entries[r->of]) == 0) {
    return end_entry(r, false);
  }
  if (r->of == S3_VERSIONS && strcmp(name, "DeleteMarker") == 0) {
    return end_entry(r, true);
  }
  if (strcmp(name, "IsTruncated") == 0) {
    page->truncated = strcmp(text, "true") == 0;
    r->told = page->truncated || strcmp(text, "false") == 0;
    return r->told ? SI_OK : bad(r, "it does not tell whether there is more");
  }
  if (strcmp(name, "EncodingType") == 0) {
    r->encoded = strcmp(text, "url") == 0;
    return SI_OK;
  }
  if (strcmp(name, "KeyCount") == 0) {
    return si_parse_u64(text, 0, S3_PAGE_ENTRIES, &r->announced) == SI_OK
               ? SI_OK
               : bad(r, "a count is no number");
  }
  if (strcmp(name, r->of == S3_OBJECTS ? "NextContinuationToken" : "NextKeyMarker") == 0) {
    return take(r, text, len, page->token, sizeof page->token);
  }
  if ((r->of == S3_UPLOADS && strcmp(name, "NextUploadIdMarker") == 0) ||
      (r->of == S3_VERSIONS && strcmp(name, "NextVersionIdMarker") == 0)) {
    return take(r, text, len, page->id_marker, sizeof page->id_marker);
  }
  return SI_OK;
}

static bool is(const char *name, size_t len, const char *other) {
  return strlen(other) == len && memcmp(name, other, len) == 0;
}

static si_rc on_element(void *ctx, const char *path, const char *text, size_t len) {
  struct page_reading *r = ctx;
  const char *root = roots[r->of];
  size_t n = strlen(root);
  if (strncmp(path, root, n) != 0 || (path[n] != '\0' && path[n] != '/')) {
    return bad(r, "it is another document");
  }
  if (path[n] == '\0') {
    r->ended = true;
    return SI_OK;
  }
  path += n + 1;
  size_t part = strcspn(path, "/");
  if (path[part] == '/' && (is(path, part, entries[r->of]) ||
                            (r->of == S3_VERSIONS && is(path, part, "DeleteMarker")))) {
    return on_field(r, path + part + 1, text, len);
  }
  return on_root(r, path, text, len);
}

/* Keys as they are, and only such as were asked for. */
static si_rc decode(struct page_reading *r, const char *prefix) {
  struct s3_page *page = r->page;
  for (size_t i = 0; i < page->count; i++) {
    struct si_buf plain SI_AUTO(si_buf_free) = SI_BUF(SI_XML_TEXT);
    char *key = page->text.data + page->entries[i].key;
    if (r->encoded) {
      if (si_url_decode(key, strlen(key), &plain) != SI_OK) {
        return bad(r, "a key is encoded wrongly");
      }
      memcpy(key, si_buf_text(&plain), plain.len + 1); /* never longer */
    }
    if (strlen(key) > SI_S3_KEY_MAX) {
      return bad(r, "a key is longer than keys can be");
    }
    if (strncmp(key, prefix, strlen(prefix)) != 0) {
      return bad(r, "it lists keys outside of the prefix that was asked for");
    }
  }
  return SI_OK;
}

/* A key marker comes encoded as the keys do. */
static si_rc decode_marker(struct page_reading *r) {
  struct si_buf plain SI_AUTO(si_buf_free) = SI_BUF(S3_TOKEN - 1);
  char *token = r->page->token;
  if (r->of == S3_OBJECTS || !r->encoded || !token[0]) {
    return SI_OK;
  }
  if (si_url_decode(token, strlen(token), &plain) != SI_OK) {
    return bad(r, "a marker is encoded wrongly");
  }
  memcpy(token, si_buf_text(&plain), plain.len + 1);
  return SI_OK;
}

si_rc s3_page_read(struct s3_page *page, enum s3_listing of, const char *prefix, const char *xml,
                   size_t len, const char **why) {
  struct page_reading r = {.page = page, .of = of, .announced = UINT64_MAX};
  const char *reason = NULL;
  si_buf_clear(&page->text);
  page->count = 0;
  page->truncated = false;
  page->token[0] = '\0';
  page->id_marker[0] = '\0';
  si_rc status = si_xml_read(xml, len, on_element, &r, &reason);
  if (status == SI_OK && (!r.ended || !r.told)) {
    status = bad(&r, "it does not tell whether there is more");
  }
  if (status == SI_OK && r.announced != UINT64_MAX && r.announced != page->count) {
    status = bad(&r, "it announces another number of keys than it lists");
  }
  if (status == SI_OK && page->truncated && !page->token[0]) {
    status = bad(&r, "it has more, and does not tell how to ask for it");
  }
  status = status == SI_OK ? decode(&r, prefix) : status;
  status = status == SI_OK ? decode_marker(&r) : status;
  if (status != SI_OK) {
    page->count = 0;
    *why = r.why ? r.why : reason;
    status = status == SI_E_NOMEM ? status : SI_E_CORRUPT;
  }
  return status;
}
