/* SPDX-License-Identifier: Apache-2.0 */
#include "core/runpack/prune.h"

#include <string.h>

#include "core/runpack/list.h"
#include "core/runpack/prune_lock.h"

struct running {
  struct si_store *store;
  const struct si_prune_options *options;
  const struct si_prune_plan *plan;
  const struct si_prune_item *item;
  struct si_buf paths; /* of the runpack's artifacts, below its prefix, each ended by NUL */
  bool manifest;
  const char *changed;        /* why it stays */
  struct si_prune_item locks; /* what of it is locked now */
  uint64_t left;
  char first_left[SI_KEY_SIZE];
};

static const char *prefix_of(const struct running *r) {
  return si_prune_text(r->plan, r->item->prefix);
}

/* Does the failure concern this item alone? */
static bool concerns_item(si_rc status) {
  switch (status) {
    case SI_E_RETENTION:
    case SI_E_CONFLICT:
    case SI_E_REFUSED:
    case SI_E_INVALID:
    case SI_E_QUOTA:
    case SI_E_NOT_FOUND:
    case SI_E_EXISTS: return true;
    default: return false;
  }
}

static si_rc on_object(void *ctx, const struct si_store_object *object) {
  struct running *r = ctx;
  bool manifest = false;
  size_t len = si_runpack_prefix_of(object->key, &manifest);
  const char *prefix = prefix_of(r);
  if (!len || strncmp(prefix, object->key, len) != 0 || prefix[len]) {
    return SI_OK; /* foreign */
  }
  bool complete = r->item->kind == SI_PRUNE_COMPLETE;
  r->manifest = r->manifest || manifest;
  if (manifest && !complete) {
    r->changed = "it has a manifest now";
  } else if ((manifest || !complete) &&
             (object->modified_ms <= 0 || object->modified_ms >= r->options->before_ms)) {
    r->changed = "it was written to";
  }
  const char *path = object->key + len + 1;
  return r->changed ? SI_E_CONFLICT
         : manifest ? SI_OK
                    : si_buf_add(&r->paths, path, strlen(path) + 1);
}

static si_rc changed(const struct running *r, struct si_error *error) {
  si_error_set(error, SI_E_CONFLICT, "RUNPACK_PRUNE_CHANGED",
               "the runpack at \"%.400s\" stays: %s since it was looked at", prefix_of(r),
               r->changed);
  si_error_target(error, "prune", prefix_of(r));
  return si_error_hint(error, "prune again");
}

static si_rc remove_one(struct running *r, const char *path, struct si_error *error) {
  char key[SI_KEY_SIZE];
  si_rc status = si_runpack_key(prefix_of(r), path, key);
  return status == SI_OK
             ? r->store->vt->remove(r->store, key, error)
             : si_error_set(error, SI_E_INTERNAL, "RUNPACK_KEY", "a key is longer than 4096 bytes");
}

static si_rc on_left(void *ctx, const struct si_store_object *object) {
  struct running *r = ctx;
  bool manifest;
  size_t len = si_runpack_prefix_of(object->key, &manifest);
  const char *prefix = prefix_of(r);
  if (len && strncmp(prefix, object->key, len) == 0 && !prefix[len] && !r->left++) {
    memcpy(r->first_left, object->key, strlen(object->key) + 1);
  }
  return SI_OK;
}

/* What was removed is gone once the store does not list it any more. */
static si_rc prove(struct running *r, struct si_error *error) {
  r->left = 0;
  si_rc status = r->store->vt->list(r->store, prefix_of(r), SI_LIST_OBJECTS_MAX, r, on_left, error);
  if (status != SI_OK || !r->left) {
    return status;
  }
  si_error_set(error, SI_E_CONFLICT, "RUNPACK_PRUNE_LEFT",
               "%llu objects of the runpack at \"%.400s\" are still there after their removal",
               (unsigned long long)r->left, prefix_of(r));
  si_error_target(error, "prune", r->first_left + strlen(prefix_of(r)) + 1);
  return si_error_hint(error,
                       "is somebody writing there? Prune again; a versioned or locked store "
                       "may keep what was removed");
}

/* Of an incomplete runpack all goes that is not locked. */
static si_rc remove_all(struct running *r, struct si_error *error) {
  bool locked = false;
  si_rc status = r->manifest ? remove_one(r, SI_KEY_MANIFEST, error) : SI_OK;
  for (size_t at = 0; status == SI_OK && at < r->paths.len;) {
    const char *path = r->paths.data + at;
    at += strlen(path) + 1;
    status = remove_one(r, path, error);
    if (status == SI_E_RETENTION && r->locks.locked) {
      locked = true;
      status = SI_OK;
    }
  }
  if (status == SI_OK && locked) {
    return si_prune_locked(prefix_of(r), &r->locks, error);
  }
  return status == SI_OK ? prove(r, error) : status;
}

static si_rc prune_runpack(struct running *r, struct si_error *error) {
  si_buf_clear(&r->paths);
  r->manifest = false;
  r->changed = NULL;
  si_rc status =
      r->store->vt->list(r->store, prefix_of(r), SI_LIST_OBJECTS_MAX, r, on_object, error);
  if (status == SI_OK && r->item->kind == SI_PRUNE_COMPLETE && !r->manifest) {
    r->changed = "its manifest went";
  }
  if (r->changed) {
    return changed(r, error);
  }
  if (status == SI_OK) {
    status = si_prune_look(r->store, prefix_of(r), &r->locks, error);
    status = status == SI_E_UNSUPPORTED ? SI_OK : status;
  }
  if (status != SI_OK) {
    return status;
  }
  if (r->locks.locked && r->item->kind == SI_PRUNE_COMPLETE) {
    return si_prune_locked(prefix_of(r), &r->locks, error);
  }
  return remove_all(r, error);
}

static si_rc on_still_unfinished(void *ctx, const struct si_store_unfinished *found) {
  struct running *r = ctx;
  r->left += strcmp(found->key, si_prune_text(r->plan, r->item->key)) == 0 &&
             strcmp(found->id, si_prune_text(r->plan, r->item->id)) == 0;
  return SI_OK;
}

static si_rc prune_unfinished(struct running *r, struct si_error *error) {
  const struct si_store_vt *vt = r->store->vt;
  const char *key = si_prune_text(r->plan, r->item->key);
  const char *id = si_prune_text(r->plan, r->item->id);
  r->left = 0;
  si_rc status = vt->discard(r->store, key, id, error);
  status = status == SI_OK ? vt->unfinished(r->store, key, SI_PRUNE_UNFINISHED_MAX, r,
                                            on_still_unfinished, error)
                           : status;
  if (status != SI_OK || !r->left) {
    return status;
  }
  si_error_set(error, SI_E_CONFLICT, "RUNPACK_PRUNE_LEFT",
               "the unfinished object %.100s in \"%.400s\" is still there after its removal", id,
               key);
  return si_error_target(error, "prune", id);
}

si_rc si_prune_run(struct si_store *store, const struct si_prune_options *options,
                   const struct si_prune_plan *plan, void *ctx, si_prune_each each,
                   struct si_error *error) {
  struct running r = {
      .store = store, .options = options, .plan = plan, .paths = SI_BUF(128u << 20)};
  struct si_error first = {.status = SI_OK};
  for (size_t i = 0; i < plan->count; i++) {
    struct si_error why = {.status = SI_OK};
    r.item = &plan->items[i];
    si_rc status =
        r.item->kind == SI_PRUNE_UNFINISHED ? prune_unfinished(&r, &why) : prune_runpack(&r, &why);
    if (status != SI_OK && why.status != status) {
      si_error_set(&why, status, "RUNPACK_PRUNE_FAILED", "cannot prune \"%.400s\": %s",
                   prefix_of(&r), si_status_text(status));
    }
    first = status != SI_OK && first.status == SI_OK ? why : first;
    if (each) {
      each(ctx, r.item, status == SI_OK ? NULL : &why);
    }
    if (status != SI_OK && !concerns_item(status)) {
      first = why; /* nothing more can be done: that is what counts */
      break;
    }
  }
  si_buf_free(&r.paths);
  if (first.status != SI_OK && error) {
    *error = first;
  }
  return first.status;
}
