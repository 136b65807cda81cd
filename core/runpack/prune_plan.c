/* SPDX-License-Identifier: Apache-2.0 */
#include "core/runpack/prune.h"

#include <stdlib.h>
#include <string.h>

#include "core/runpack/list.h"
#include "core/runpack/prune_lock.h"

const char *si_prune_text(const struct si_prune_plan *plan, size_t offset) {
  return plan->texts.data + offset;
}

void si_prune_free(struct si_prune_plan *plan) {
  free(plan->items);
  plan->items = NULL;
  plan->count = 0;
  plan->room = 0;
  si_buf_free(&plan->texts);
}

struct planning {
  struct si_prune_plan *plan;
  const struct si_prune_options *options;
  enum si_prune_kind kind;
  size_t *young; /* prefixes where a writer is at work, sorted; offsets into the texts */
  size_t young_count;
  size_t young_room;
};

static si_rc keep_text(struct si_prune_plan *plan, const char *text, size_t len, size_t *out) {
  *out = plan->texts.len;
  si_rc status = si_buf_add(&plan->texts, text, len);
  return status == SI_OK ? si_buf_add(&plan->texts, "", 1) : status;
}

/* Is it old enough? Counts it where it is not. */
static bool old_enough(struct planning *p, int64_t ms) {
  if (ms > 0 && ms < p->options->before_ms) {
    return true;
  }
  *(ms > 0 ? &p->plan->young : &p->plan->ageless) += 1;
  return false;
}

static si_rc add_item(struct planning *p, const struct si_prune_item *item) {
  struct si_prune_plan *plan = p->plan;
  if (plan->count == SI_PRUNE_ITEMS_MAX) {
    return SI_E_QUOTA;
  }
  if (plan->count == plan->room) {
    size_t room = plan->room ? plan->room + plan->room / 2 : 64;
    struct si_prune_item *items = reallocarray(plan->items, room, sizeof *items);
    if (!items) {
      return SI_E_NOMEM;
    }
    plan->items = items;
    plan->room = room;
  }
  plan->items[plan->count++] = *item;
  return SI_OK;
}

/* The runpack that an unfinished object belongs to. Its key is that of the object, or of the
 * directory that the object was to stand in. */
static size_t prefix_of_unfinished(const char *key) {
  struct si_runpack_ids ids;
  char path[SI_KEY_SIZE + 2];
  size_t len = strlen(key);
  bool manifest;
  if (si_runpack_prefix_parse(key, &ids) == SI_OK) {
    return len;
  }
  if (len + 2 >= SI_KEY_SIZE) {
    return si_runpack_prefix_of(key, &manifest);
  }
  memcpy(path, key, len);
  memcpy(path + len, "/x", 3); /* any object in that directory */
  size_t prefix = si_runpack_prefix_of(path, &manifest);
  return prefix ? prefix : si_runpack_prefix_of(key, &manifest);
}

static si_rc note_writer(struct planning *p, const char *key, size_t len) {
  if (p->young_count == p->young_room) {
    size_t room = p->young_room ? p->young_room * 2 : 16;
    size_t *young = reallocarray(p->young, room, sizeof *young);
    if (!young) {
      return SI_E_NOMEM;
    }
    p->young = young;
    p->young_room = room;
  }
  return keep_text(p->plan, key, len, &p->young[p->young_count++]);
}

static si_rc on_unfinished(void *ctx, const struct si_store_unfinished *found) {
  struct planning *p = ctx;
  struct si_prune_item item = {.kind = SI_PRUNE_UNFINISHED,
                               .objects = 1,
                               .bytes = found->length,
                               .newest_ms = found->started_ms};
  size_t len = prefix_of_unfinished(found->key);
  if (!len) {
    p->plan->foreign++;
    return SI_OK;
  }
  if (!old_enough(p, found->started_ms)) {
    return note_writer(p, found->key, len);
  }
  si_rc status = keep_text(p->plan, found->key, len, &item.prefix);
  status = status == SI_OK ? keep_text(p->plan, found->key, strlen(found->key), &item.key) : status;
  status = status == SI_OK ? keep_text(p->plan, found->id, strlen(found->id), &item.id) : status;
  return status == SI_OK ? add_item(p, &item) : status;
}

static bool writer_at(const struct planning *p, const char *prefix) {
  for (size_t low = 0, high = p->young_count; low < high;) {
    size_t middle = low + (high - low) / 2;
    int order = strcmp(si_prune_text(p->plan, p->young[middle]), prefix);
    if (order == 0) {
      return true;
    }
    low = order < 0 ? middle + 1 : low;
    high = order < 0 ? high : middle;
  }
  return false;
}

static si_rc on_runpack(void *ctx, const struct si_runpack_found *found) {
  struct planning *p = ctx;
  struct si_prune_item item = {
      .kind = found->complete ? SI_PRUNE_COMPLETE : SI_PRUNE_INCOMPLETE,
      .objects = found->objects,
      .bytes = found->bytes,
      .newest_ms = found->complete ? found->manifest_ms : found->newest_ms};
  if (!(found->complete ? p->options->complete : p->options->incomplete)) {
    return SI_OK;
  }
  if (writer_at(p, found->prefix)) {
    p->plan->young++;
    return SI_OK;
  }
  if (!old_enough(p, item.newest_ms)) {
    return SI_OK;
  }
  si_rc status = keep_text(p->plan, found->prefix, strlen(found->prefix), &item.prefix);
  return status == SI_OK ? add_item(p, &item) : status;
}

static int by_text(const void *a, const void *b, void *texts) {
  return strcmp((const char *)texts + *(const size_t *)a, (const char *)texts + *(const size_t *)b);
}

static int by_kind(const void *a, const void *b, void *texts) {
  const struct si_prune_item *x = a;
  const struct si_prune_item *y = b;
  return x->kind != y->kind ? (x->kind < y->kind ? -1 : 1) : by_text(&x->prefix, &y->prefix, texts);
}

static si_rc too_many(struct si_error *error) {
  si_error_set(error, SI_E_QUOTA, "RUNPACK_PRUNE_TOO_MANY",
               "the store holds more than one plan can: %u runpacks or unfinished objects that "
               "would go, or %u objects",
               SI_PRUNE_ITEMS_MAX, SI_LIST_OBJECTS_MAX);
  return si_error_hint(error, "name a part of it: --under tenant/T/namespace/N");
}

static si_rc plan_unfinished(struct planning *p, struct si_store *store, struct si_error *error) {
  si_rc status = store->vt->unfinished(store, p->options->under, SI_PRUNE_UNFINISHED_MAX, p,
                                       on_unfinished, error);
  if (status == SI_E_UNSUPPORTED) {
    p->plan->no_unfinished = true;
    return SI_OK;
  }
  if (p->young_count) {
    qsort_r(p->young, p->young_count, sizeof *p->young, by_text, p->plan->texts.data);
  }
  return status;
}

/* How much of each runpack is locked, in a store that can tell. */
static si_rc plan_locks(struct si_prune_plan *plan, struct si_store *store,
                        struct si_error *error) {
  for (size_t i = 0; i < plan->count; i++) {
    struct si_prune_item *item = &plan->items[i];
    si_rc status = item->kind == SI_PRUNE_UNFINISHED
                       ? SI_OK
                       : si_prune_look(store, si_prune_text(plan, item->prefix), item, error);
    if (status != SI_OK) {
      return status == SI_E_UNSUPPORTED ? SI_OK : status;
    }
  }
  return SI_OK;
}

si_rc si_prune_plan(struct si_store *store, const struct si_prune_options *options,
                    struct si_prune_plan *plan, struct si_error *error) {
  struct planning p = {.plan = plan, .options = options};
  uint64_t foreign = 0;
  if (options->under[0] && !si_runpack_key_valid(options->under, strlen(options->under))) {
    return si_error_set(error, SI_E_INVALID, "RUNPACK_ID_INVALID",
                        "\"%.200s\" is not the beginning of a runpack's prefix", options->under);
  }
  si_rc status = plan_unfinished(&p, store, error);
  if (!options->incomplete) { /* they were looked at for the writers alone */
    plan->count = 0;
    plan->young = plan->ageless = plan->foreign = 0;
  }
  status = status == SI_OK ? si_runpack_list(store, options->under, &p, on_runpack, &foreign, error)
                           : status;
  free(p.young);
  plan->foreign += foreign;
  if (status == SI_OK && plan->count) {
    qsort_r(plan->items, plan->count, sizeof *plan->items, by_kind, plan->texts.data);
  }
  if (status == SI_E_QUOTA) {
    return too_many(error);
  }
  return status == SI_OK ? plan_locks(plan, store, error) : status;
}
