/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/bucket/parts.h"

#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"
#include "kit/bucket/crew.h"

#define PART_MAX (64ull << 20)
#define CLEANING_NS (15ull * 1000000000)

struct slot {
  char *data;
  size_t len;
  uint32_t number; /* of the part */
};

struct si_bucket_parts {
  si_instance *store;
  const char *key;
  const char *full;
  struct si_s3_upload upload;
  uint64_t length;
  size_t part_size;
  uint32_t count; /* parts given to the crew */
  unsigned slot;  /* being filled */
  uint64_t deadline_ns;
  struct si_s3_part *done; /* by number - 1 */
  struct slot slots[SI_BUCKET_CREW_SLOTS];
  struct si_bucket_crew crew;
  pthread_mutex_t lock;
  struct si_error error; /* the first failure of a part; or status SI_OK */
  bool finished;
};

/* In a thread of the crew: no op may be used, it may be over. */
static void send_part(void *ctx, unsigned at) {
  struct si_bucket_parts *p = ctx;
  const struct slot *slot = &p->slots[at];
  const struct si_s3_call call = {p->deadline_ns, si_bucket_crew_stopped, &p->crew};
  struct si_error error;
  pthread_mutex_lock(&p->lock);
  bool vain = p->error.status != SI_OK;
  pthread_mutex_unlock(&p->lock);
  if (vain) {
    return;
  }
  si_rc status = si_s3_upload_part(p->store->s3, &call, p->full, &p->upload, slot->number,
                                   slot->data, slot->len, &p->done[slot->number - 1], &error);
  if (status != SI_OK) {
    pthread_mutex_lock(&p->lock);
    if (p->error.status == SI_OK) {
      p->error = error;
    }
    pthread_mutex_unlock(&p->lock);
  }
}

static si_rc no_memory(const si_instance *store, si_op *op, const char *key) {
  return si_bucket_refuse(store, op, SI_E_NOMEM, NULL, key, "out of memory");
}

si_rc si_bucket_parts_open(const struct si_bucket_put *put, si_op *op, const char *content_type,
                           uint64_t length, struct si_bucket_parts **out) {
  si_instance *store = put->store;
  const char *key = put->key;
  const char *full = put->full;
  struct si_bucket_call call;
  struct si_error error;
  uint64_t part_size = store->config.part_size;
  if (length / part_size >= SI_S3_PARTS_MAX) {
    part_size = length / SI_S3_PARTS_MAX + 1;
  }
  if (part_size > PART_MAX) {
    return si_bucket_refuse(
        store, op, SI_E_QUOTA, NULL, key, "%s has %llu bytes; the store takes at most %llu", key,
        (unsigned long long)length, (unsigned long long)(PART_MAX * SI_S3_PARTS_MAX));
  }
  struct si_bucket_parts *p = calloc(1, sizeof *p);
  struct si_s3_part *done = calloc((size_t)(length / part_size) + 1, sizeof *done);
  if (!p || !done) {
    free(p);
    free(done);
    return no_memory(store, op, key);
  }
  si_bucket_call_begin(&call, store, op);
  *p = (struct si_bucket_parts){.store = store,
                                .key = key,
                                .full = full,
                                .length = length,
                                .part_size = (size_t)part_size,
                                .deadline_ns = call.s3.deadline_ns,
                                .done = done};
  struct si_s3_put request = {.key = full, .content_type = content_type};
  si_rc status = store->kind->ask ? store->kind->ask(put, &request) : SI_OK;
  if (status == SI_OK) {
    status = si_s3_upload_begin(store->s3, &call.s3, &request, &p->upload, &error);
    status = status == SI_OK ? SI_OK : si_bucket_fail(store, op, &error, key);
  }
  if (status != SI_OK) {
    free(done);
    free(p);
    return status;
  }
  pthread_mutex_init(&p->lock, NULL);
  si_bucket_crew_init(&p->crew, send_part, p);
  *out = p;
  return SI_OK;
}

static bool go_on(void *ctx) {
  const struct si_bucket_call *call = ctx;
  return !call->s3.cancelled || !call->s3.cancelled(call->s3.ctx);
}

/* Waits for a slot, and looks whether all is well. */
static si_rc wait_for(struct si_bucket_parts *p, si_op *op, unsigned slot) {
  struct si_bucket_call call;
  si_bucket_call_begin(&call, p->store, op);
  if (!si_bucket_crew_wait(&p->crew, slot, go_on, &call)) {
    bool late = p->deadline_ns && si_monotonic_ns() >= p->deadline_ns;
    return si_bucket_refuse(p->store, op, late ? SI_E_TIMEOUT : SI_E_CANCELLED, NULL, p->key,
                            late ? "the deadline passed" : "cancelled");
  }
  pthread_mutex_lock(&p->lock);
  struct si_error error = p->error;
  pthread_mutex_unlock(&p->lock);
  return error.status == SI_OK ? SI_OK : si_bucket_fail(p->store, op, &error, p->key);
}

static void give(struct si_bucket_parts *p) {
  p->slots[p->slot].number = ++p->count;
  si_bucket_crew_give(&p->crew, p->slot);
  p->slot = (p->slot + 1) % SI_BUCKET_CREW_SLOTS;
  p->slots[p->slot].len = SIZE_MAX; /* to be waited for */
}

/* The slot that is being filled, with room. */
static si_rc ready(struct si_bucket_parts *p, si_op *op, struct slot **out) {
  struct slot *slot = &p->slots[p->slot];
  if (slot->len == SIZE_MAX || !slot->data) {
    si_rc status = wait_for(p, op, p->slot);
    if (status != SI_OK) {
      return status;
    }
    slot->len = 0;
    slot->data = slot->data ? slot->data : malloc(p->part_size);
    if (!slot->data) {
      return no_memory(p->store, op, p->key);
    }
  }
  *out = slot;
  return SI_OK;
}

si_rc si_bucket_parts_write(struct si_bucket_parts *p, si_op *op, const void *data, size_t len) {
  const char *from = data;
  while (len > 0) {
    struct slot *slot = NULL;
    si_rc status = ready(p, op, &slot);
    if (status != SI_OK) {
      return status;
    }
    size_t room = p->part_size - slot->len;
    size_t n = len < room ? len : room;
    memcpy(slot->data + slot->len, from, n);
    slot->len += n;
    from += n;
    len -= n;
    if (slot->len == p->part_size) {
      give(p);
    }
  }
  return SI_OK;
}

si_rc si_bucket_parts_finish(struct si_bucket_parts *p, si_op *op, struct si_s3_object *out) {
  struct slot *last = &p->slots[p->slot];
  struct si_bucket_call call;
  struct si_error error;
  si_rc status = SI_OK;
  if (last->data && last->len > 0 && last->len != SIZE_MAX) {
    give(p);
  }
  for (unsigned i = 0; status == SI_OK && i < SI_BUCKET_CREW_SLOTS; i++) {
    status = wait_for(p, op, i);
  }
  if (status != SI_OK) {
    return status;
  }
  si_bucket_call_begin(&call, p->store, op);
  status = si_s3_upload_end(p->store->s3, &call.s3, p->full, &p->upload, p->done, p->count,
                            p->length, out, &error);
  if (status != SI_OK) {
    return si_bucket_fail(p->store, op, &error, p->key);
  }
  p->finished = true;
  return SI_OK;
}

void si_bucket_parts_drop(struct si_bucket_parts **parts) {
  struct si_bucket_parts *p = *parts;
  if (!p) {
    return;
  }
  si_bucket_crew_end(&p->crew, true);
  if (!p->finished) {
    /* Also when the operation was cancelled, or ran out of time: a bound of its own. */
    const struct si_s3_call call = {si_monotonic_ns() + CLEANING_NS, NULL, NULL};
    struct si_error error;
    if (si_s3_upload_abort(p->store->s3, &call, p->full, p->upload.id, &error) != SI_OK) {
      si_bucket_warn(
          p->store,
          "what was sent of %s stays in the store as an unfinished upload, and takes space "
          "there: %s",
          p->key, error.message);
    }
  }
  for (unsigned i = 0; i < SI_BUCKET_CREW_SLOTS; i++) {
    free(p->slots[i].data);
  }
  pthread_mutex_destroy(&p->lock);
  free(p->done);
  free(p);
  *parts = NULL;
}
