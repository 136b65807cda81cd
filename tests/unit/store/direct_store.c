/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store/direct_store.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/store/recorder.h"

enum { BLOCK = 256 * 1024 };

static si_rc told(struct direct_store *store, si_rc status, struct si_error *error) {
  if (status != SI_OK) {
    si_error_set(error, status, "STORE", "%s", store->op->message);
    si_error_target(error, "", store->op->subject);
  }
  return status;
}

static si_rc put_open(struct si_store *head, const char *key, uint32_t flags, uint64_t length,
                      const char *content_type, uint64_t *put, struct si_error *error) {
  struct direct_store *s = (struct direct_store *)head;
  *put = 1;
  const si_put_options options = {
      .size = sizeof options, .flags = flags, .length = length, .content_type = content_type};
  return told(s, s->vt->sink_open(s->instance, s->op, key, &options, &s->sink), error);
}

static si_rc put_data(struct si_store *head, uint64_t put, const void *data, size_t len,
                      struct si_error *error) {
  (void)put;
  struct direct_store *s = (struct direct_store *)head;
  return told(s, s->vt->sink_write(s->sink, s->op, data, len), error);
}

static si_rc put_close(struct si_store *head, uint64_t put, int commit, struct si_error *error) {
  (void)put;
  struct direct_store *s = (struct direct_store *)head;
  si_sink *sink = s->sink;
  s->sink = NULL;
  if (!commit) {
    s->vt->sink_abort(sink);
    return SI_OK;
  }
  return told(s, s->vt->sink_finish(sink, s->op), error);
}

static si_rc get(struct si_store *head, const char *key, uint64_t limit, void *ctx,
                 si_store_data on_data, si_store_end on_end, struct si_error *error) {
  struct direct_store *s = (struct direct_store *)head;
  struct si_error why = {.status = SI_OK};
  si_reader *reader = NULL;
  uint64_t have = 0;
  size_t got = 1;
  (void)error;
  /* One byte more than allowed tells that there is more. */
  uint64_t most = limit == UINT64_MAX ? limit : limit + 1;
  si_rc status = s->vt->reader_open(s->instance, s->op, key, 0, most, &reader);
  while (status == SI_OK && got) {
    status = s->vt->reader_read(reader, s->op, s->block, BLOCK, &got);
    have += got;
    status = status == SI_OK && have > limit ? SI_E_QUOTA : status;
    status = status == SI_OK && got ? on_data(ctx, s->block, got) : status;
  }
  if (reader) {
    s->vt->reader_close(reader);
  }
  told(s, status, &why);
  on_end(ctx, status, status == SI_OK ? NULL : &why);
  return SI_OK;
}

static si_rc flush(struct si_store *head, struct si_error *error) {
  (void)head;
  (void)error;
  return SI_OK;
}

static si_rc stat_object(struct si_store *head, const char *key, uint64_t *length,
                         struct si_error *error) {
  struct direct_store *s = (struct direct_store *)head;
  si_object_info info;
  si_rc status = told(s, s->vt->stat(s->instance, s->op, key, &info), error);
  if (status == SI_OK) {
    *length = info.length;
  }
  return status;
}

static si_rc remove_object(struct si_store *head, const char *key, struct si_error *error) {
  struct direct_store *s = (struct direct_store *)head;
  return told(s, s->vt->remove(s->instance, s->op, key), error);
}

struct each {
  uint64_t left;
  void *ctx;
  si_store_each each;
};

static si_rc on_listed(void *ctx, const char *key, const si_object_info *info) {
  struct each *e = ctx;
  const struct si_store_object object = {key, info->length, info->modified_ms};
  return e->left-- == 0 ? SI_E_QUOTA : e->each(e->ctx, &object);
}

static si_rc list(struct si_store *head, const char *prefix, uint64_t most, void *ctx,
                  si_store_each each, struct si_error *error) {
  struct direct_store *s = (struct direct_store *)head;
  struct each e = {most, ctx, each};
  return told(s, s->vt->list(s->instance, s->op, prefix, &e, on_listed), error);
}

static const struct si_store_vt table = {
    .put_open = put_open,
    .put_data = put_data,
    .put_close = put_close,
    .get = get,
    .flush = flush,
    .stat = stat_object,
    .list = list,
    .remove = remove_object,
};

void direct_store_init(struct direct_store *store, const si_artifact_vt *vt, si_instance *instance,
                       struct si_op *op) {
  memset(store, 0, sizeof *store);
  store->head.vt = &table;
  store->vt = vt;
  store->instance = instance;
  store->op = op;
  store->block = malloc(BLOCK);
}

void direct_store_free(struct direct_store *store) {
  free(store->block);
}
