/* SPDX-License-Identifier: Apache-2.0 */
/* Listings, page by page: of objects, of their versions, and of uploads that were begun. */
#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"
#include "kit/net/s3_page.h"
#include "kit/net/s3_private.h"

enum { EMPTY_PAGES = 1000 };

struct listing {
  struct si_s3 *client;
  const struct si_s3_call *call;
  const char *prefix;
  enum s3_listing of;
  char token[S3_TOKEN]; /* of the page that comes next */
  char id_marker[S3_TOKEN];
  /* A token that comes back was kept here: at page 1, 2, 4, 8, ... (Brent) */
  char kept[S3_TOKEN];
  char kept_id[S3_TOKEN];
  uint64_t pages;
  uint64_t keep_at;
  uint32_t empty;
};

static si_rc corrupt(const struct listing *l, struct si_error *error, const char *why) {
  return si_error_set(error, SI_E_CORRUPT, "S3_LIST",
                      "the listing of s3://%s/%s makes no sense: %s", l->client->bucket, l->prefix,
                      why);
}

static size_t make_query(const struct listing *l, struct si_http_header query[6]) {
  size_t n = 0;
  query[n++] = (struct si_http_header){"encoding-type", "url"};
  query[n++] = (struct si_http_header){"prefix", l->prefix};
  if (l->of != S3_OBJECTS) {
    bool uploads = l->of == S3_UPLOADS;
    query[n++] = (struct si_http_header){uploads ? "uploads" : "versions", ""};
    query[n++] = (struct si_http_header){uploads ? "max-uploads" : "max-keys", "1000"};
    if (l->token[0]) {
      query[n++] = (struct si_http_header){"key-marker", l->token};
    }
    if (l->id_marker[0]) {
      query[n++] =
          (struct si_http_header){uploads ? "upload-id-marker" : "version-id-marker", l->id_marker};
    }
    return n;
  }
  query[n++] = (struct si_http_header){"list-type", "2"};
  query[n++] = (struct si_http_header){"max-keys", "1000"};
  if (l->token[0]) {
    query[n++] = (struct si_http_header){"continuation-token", l->token};
  }
  return n;
}

/* A page that makes no sense may have been spoiled on its way: it is asked for again. */
static si_rc fetch(const struct listing *l, struct s3_page *page, struct si_error *error) {
  struct si_http_header query[6];
  const struct s3_request request = {
      .method = "GET", .query = query, .query_count = make_query(l, query), .expected = S3_PAGE};
  struct s3_reply reply SI_AUTO(s3_reply_free);
  uint32_t attempt = 1;
  s3_reply_init(&reply, S3_PAGE);
  for (;;) {
    const char *why = NULL;
    si_rc status = s3_once(l->client, l->call, &request, &reply, error);
    if (status == SI_OK) {
      status = s3_page_read(page, l->of, l->prefix, si_buf_text(&reply.http.body),
                            reply.http.body.len, &why);
      if (status == SI_OK) {
        return SI_OK;
      }
      corrupt(l, error, why);
      error->status = status;
      error->retry = SI_RETRY_SAFE;
    }
    if (!s3_again(l->client, l->call, attempt++, &reply, error)) {
      return error->status;
    }
  }
}

/* Does the listing get anywhere? */
static si_rc advance(struct listing *l, const struct s3_page *page, struct si_error *error) {
  l->empty = page->count > 0 ? 0 : l->empty + 1;
  if (l->empty > EMPTY_PAGES) {
    return corrupt(l, error, "page after page is empty");
  }
  si_copy(l->token, sizeof l->token, page->token);
  si_copy(l->id_marker, sizeof l->id_marker, page->id_marker);
  if (l->pages > 0 && strcmp(l->token, l->kept) == 0 && strcmp(l->id_marker, l->kept_id) == 0) {
    return corrupt(l, error, "it goes in circles");
  }
  if (l->pages++ == l->keep_at) {
    si_copy(l->kept, sizeof l->kept, l->token);
    si_copy(l->kept_id, sizeof l->kept_id, l->id_marker);
    l->keep_at = l->keep_at ? l->keep_at * 2 : 1;
  }
  return SI_OK;
}

typedef si_rc (*give_fn)(void *ctx, const struct s3_page *page, const struct s3_entry *entry);

static si_rc walk(struct listing *l, give_fn give, void *ctx, struct si_error *error) {
  struct s3_page page SI_AUTO(s3_page_free);
  si_rc status = s3_page_init(&page);
  if (status != SI_OK) {
    return si_error_set(error, status, "S3_LIST", "out of memory");
  }
  bool more = true;
  while (status == SI_OK && more) {
    status = fetch(l, &page, error);
    for (size_t i = 0; status == SI_OK && i < page.count; i++) {
      status = give(ctx, &page, &page.entries[i]);
      if (status != SI_OK) {
        si_error_set(error, status, "HTTP_CALLBACK", "the listing was ended: %s",
                     si_status_text(status));
      }
    }
    more = page.truncated;
    if (status == SI_OK && more) {
      status = advance(l, &page, error);
    }
  }
  return status;
}

struct giving {
  void *ctx;
  si_s3_each each;
  si_s3_each_upload each_upload;
  si_s3_each_version each_version;
};

static si_rc give_object(void *ctx, const struct s3_page *page, const struct s3_entry *entry) {
  const struct giving *g = ctx;
  return g->each(g->ctx, page->text.data + entry->key, entry->length, entry->time_ms);
}

static si_rc give_upload(void *ctx, const struct s3_page *page, const struct s3_entry *entry) {
  const struct giving *g = ctx;
  return g->each_upload(g->ctx, page->text.data + entry->key, page->text.data + entry->id,
                        entry->time_ms);
}

static si_rc give_version(void *ctx, const struct s3_page *page, const struct s3_entry *entry) {
  const struct giving *g = ctx;
  const struct si_s3_version version = {page->text.data + entry->key,
                                        page->text.data + entry->id,
                                        entry->length,
                                        entry->time_ms,
                                        entry->latest,
                                        entry->marker};
  return g->each_version(g->ctx, &version);
}

static si_rc run(struct si_s3 *client, const struct si_s3_call *call, const char *prefix,
                 enum s3_listing of, struct giving *giving, struct si_error *error) {
  static const give_fn give[] = {
      [S3_OBJECTS] = give_object, [S3_UPLOADS] = give_upload, [S3_VERSIONS] = give_version};
  struct listing l = {.client = client, .call = call, .prefix = prefix, .of = of};
  struct si_error why = {.status = SI_OK};
  si_rc status = walk(&l, give[of], giving, &why);
  if (status != SI_OK && error) {
    *error = why;
  }
  return status;
}

si_rc si_s3_list(struct si_s3 *client, const struct si_s3_call *call, const char *prefix,
                 si_s3_each each, void *ctx, struct si_error *error) {
  struct giving giving = {.ctx = ctx, .each = each};
  return run(client, call, prefix, S3_OBJECTS, &giving, error);
}

si_rc si_s3_uploads(struct si_s3 *client, const struct si_s3_call *call, const char *prefix,
                    si_s3_each_upload each, void *ctx, struct si_error *error) {
  struct giving giving = {.ctx = ctx, .each_upload = each};
  return run(client, call, prefix, S3_UPLOADS, &giving, error);
}

si_rc si_s3_versions(struct si_s3 *client, const struct si_s3_call *call, const char *prefix,
                     si_s3_each_version each, void *ctx, struct si_error *error) {
  struct giving giving = {.ctx = ctx, .each_version = each};
  return run(client, call, prefix, S3_VERSIONS, &giving, error);
}
