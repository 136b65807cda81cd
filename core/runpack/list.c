/* SPDX-License-Identifier: Apache-2.0 */
#include "core/runpack/list.h"

#include <stdlib.h>
#include <string.h>

#include "kit/base/buf.h"

enum { TEXTS_MAX = 128 << 20 };

struct pack {
  size_t prefix; /* offset into the texts */
  struct si_runpack_found found;
};

struct listing {
  struct pack *packs;
  size_t count;
  size_t room;
  struct si_buf texts; /* each ended by NUL */
  uint64_t foreign;
  uint64_t seen;
};

size_t si_runpack_prefix_of(const char *key, bool *manifest) {
  struct si_runpack_ids ids;
  char prefix[SI_KEY_SIZE];
  const char *at = key;
  if (strnlen(key, SI_KEY_SIZE) == SI_KEY_SIZE) {
    return 0;
  }
  for (int i = 0; i < SI_KEY_PREFIX_DEPTH; i++) {
    at = strchr(at, '/');
    if (!at) {
      return 0;
    }
    at++;
  }
  size_t len = (size_t)(at - key) - 1;
  *manifest = strcmp(at, SI_KEY_MANIFEST) == 0;
  memcpy(prefix, key, len);
  prefix[len] = '\0';
  return (*manifest || si_runpack_path_valid(at, strlen(at))) &&
                 si_runpack_prefix_parse(prefix, &ids) == SI_OK
             ? len
             : 0;
}

static const char *prefix_at(const struct listing *l, size_t i) {
  return l->texts.data + l->packs[i].prefix;
}

static si_rc add_pack(struct listing *l, const char *key, size_t len) {
  if (l->count == SI_LIST_RUNPACKS_MAX) {
    return SI_E_QUOTA;
  }
  if (l->count == l->room) {
    size_t room = l->room ? l->room + l->room / 2 : 64;
    struct pack *packs = reallocarray(l->packs, room, sizeof *packs);
    if (!packs) {
      return SI_E_NOMEM;
    }
    l->packs = packs;
    l->room = room;
  }
  struct pack *pack = &l->packs[l->count];
  *pack = (struct pack){.prefix = l->texts.len, .found = {.newest_ms = INT64_MIN}};
  si_rc status = si_buf_add(&l->texts, key, len);
  status = status == SI_OK ? si_buf_add(&l->texts, "", 1) : status;
  l->count += status == SI_OK;
  return status;
}

/* Of two times the later one; unknown with anything is unknown. INT64_MIN: no object yet. */
static int64_t later(int64_t a, int64_t b) {
  return a == 0 || b == 0 ? 0 : a > b ? a : b;
}

static void add_object(struct si_runpack_found *found, const struct si_store_object *object,
                       bool manifest) {
  found->objects++;
  found->bytes += object->length;
  found->newest_ms = later(found->newest_ms, object->modified_ms);
  if (manifest) {
    found->complete = true;
    found->manifest_ms = object->modified_ms;
  }
}

static si_rc on_key(void *ctx, const struct si_store_object *object) {
  struct listing *l = ctx;
  const char *key = object->key;
  bool manifest = false;
  if (l->seen++ == SI_LIST_OBJECTS_MAX) {
    return SI_E_QUOTA;
  }
  size_t len = si_runpack_prefix_of(key, &manifest);
  if (!len) {
    l->foreign++;
    return SI_OK;
  }
  /* Stores mostly list a runpack's objects one after the other. */
  const char *last = l->count ? prefix_at(l, l->count - 1) : "";
  si_rc status = strncmp(last, key, len) == 0 && last[len] == '\0' ? SI_OK : add_pack(l, key, len);
  if (status == SI_OK) {
    add_object(&l->packs[l->count - 1].found, object, manifest);
  }
  return status;
}

static int compare(const void *a, const void *b, void *texts) {
  const struct pack *x = a;
  const struct pack *y = b;
  return strcmp((const char *)texts + x->prefix, (const char *)texts + y->prefix);
}

static void merge(struct si_runpack_found *into, const struct si_runpack_found *other) {
  into->objects += other->objects;
  into->bytes += other->bytes;
  into->newest_ms = later(into->newest_ms, other->newest_ms);
  into->manifest_ms = other->complete ? other->manifest_ms : into->manifest_ms;
  into->complete |= other->complete;
}

static si_rc tell(struct listing *l, void *ctx,
                  si_rc (*each)(void *ctx, const struct si_runpack_found *found)) {
  si_rc status = SI_OK;
  if (l->count) {
    qsort_r(l->packs, l->count, sizeof *l->packs, compare, l->texts.data);
  }
  for (size_t i = 0; status == SI_OK && i < l->count; i++) {
    struct si_runpack_found found = l->packs[i].found;
    found.prefix = prefix_at(l, i);
    while (i + 1 < l->count && strcmp(prefix_at(l, i + 1), found.prefix) == 0) {
      merge(&found, &l->packs[++i].found);
    }
    status = si_runpack_prefix_parse(found.prefix, &found.ids);
    status = status == SI_OK ? each(ctx, &found) : status;
  }
  return status;
}

si_rc si_runpack_list(struct si_store *store, const char *under, void *ctx,
                      si_rc (*each)(void *ctx, const struct si_runpack_found *found),
                      uint64_t *foreign, struct si_error *error) {
  struct listing l = {.texts = SI_BUF(TEXTS_MAX)};
  if (under[0] && !si_runpack_key_valid(under, strlen(under))) {
    return si_error_set(error, SI_E_INVALID, "RUNPACK_ID_INVALID",
                        "\"%.200s\" is not the beginning of a runpack's prefix", under);
  }
  si_rc status = store->vt->list(store, under, SI_LIST_OBJECTS_MAX, &l, on_key, error);
  if (status == SI_OK) {
    status = tell(&l, ctx, each);
    if (status != SI_OK) {
      si_error_set(error, status, "RUNPACK_LIST_FAILED", "the listing was ended: %s",
                   si_status_text(status));
    } else if (foreign) {
      *foreign = l.foreign;
    }
  }
  free(l.packs);
  si_buf_free(&l.texts);
  return status;
}
