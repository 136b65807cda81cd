/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/runpack/prune.h - takes away what nobody will ever read again: runpacks that were begun and
 * never finished, what dead writers left of an object, and, where it is asked for, whole runpacks
 * of an age (R48). In two parts: a plan, that changes nothing, and its run. Depends on store.h,
 * list.h.
 *
 * Only objects that belong to a runpack by their key are ever touched, and only where all that is
 * known of it is older than a moment; what has no known age stays. A runpack that has an
 * unfinished object younger than that has a writer at work, and stays too. Memory: the plan, and
 * the keys of one runpack. One thread.
 */
#ifndef SI_CORE_RUNPACK_PRUNE_H
#define SI_CORE_RUNPACK_PRUNE_H

#include <stdbool.h>

#include "core/runpack/key.h"
#include "core/runpack/store.h"
#include "kit/base/buf.h"

#define SI_PRUNE_ITEMS_MAX 100000u
#define SI_PRUNE_UNFINISHED_MAX 1000000u /* looked at */

struct si_prune_options {
  const char *under; /* "", "tenant/a", ... or a whole prefix */
  bool incomplete;   /* incomplete runpacks, and unfinished objects */
  bool complete;     /* complete ones, by the time of their manifest */
  int64_t before_ms; /* older than this: Unix time in milliseconds */
};

enum si_prune_kind { SI_PRUNE_INCOMPLETE = 0, SI_PRUNE_UNFINISHED, SI_PRUNE_COMPLETE };

/* One thing that goes. Texts are offsets: si_prune_text. */
struct si_prune_item {
  enum si_prune_kind kind;
  size_t prefix;     /* the runpack it is, or belongs to */
  size_t key;        /* UNFINISHED: as the store told them */
  size_t id;         /* UNFINISHED */
  uint64_t objects;  /* UNFINISHED: 1 */
  uint64_t bytes;    /* UINT64_MAX = unknown */
  int64_t newest_ms; /* that of its newest object; COMPLETE: of its manifest */
  /* What of a runpack cannot go, where the store tells that (si/retention.h). */
  uint64_t locked;         /* versions that are locked or held */
  bool held;               /* one of them is under legal hold */
  int64_t locked_until_ms; /* the last end of their locks; 0: none but holds */
};

struct si_prune_plan {
  struct si_prune_item *items;
  size_t count;
  size_t room;
  struct si_buf texts;
  uint64_t young;     /* would go, were they older */
  uint64_t ageless;   /* would go, were their age known */
  uint64_t foreign;   /* objects, finished or not, that belong to no runpack */
  bool no_unfinished; /* the store cannot tell what dead writers left */
};

#define SI_PRUNE_PLAN \
  { .texts = SI_BUF(256u << 20) }

/* Fills *plan (SI_PRUNE_PLAN): incomplete runpacks, then unfinished objects, then complete ones,
 * each by prefix. SI_E_QUOTA (RUNPACK_PRUNE_TOO_MANY): more than the bounds above. */
si_rc si_prune_plan(struct si_store *store, const struct si_prune_options *options,
                    struct si_prune_plan *plan, struct si_error *error) SI_MUST_USE;
const char *si_prune_text(const struct si_prune_plan *plan, size_t offset);
void si_prune_free(struct si_prune_plan *plan); /* for SI_AUTO */

/* Told of each item once it was dealt with; `why` NULL: all of it is gone. */
typedef void (*si_prune_each)(void *ctx, const struct si_prune_item *item,
                              const struct si_error *why);

/*
 * Carries the plan out, with the options that it was made by. Each runpack is looked at again
 * first: one that has changed since (an object that is younger, a manifest) stays, with
 * RUNPACK_PRUNE_CHANGED. Of a complete one the manifest goes first, so that an interrupted run
 * leaves an incomplete one. Afterwards it is listed once more: what is left is RUNPACK_PRUNE_LEFT,
 * target = the first object left.
 *
 * A complete runpack of which something is locked stays whole; of an incomplete one goes what is
 * not locked. Either is RUNPACK_PRUNE_LOCKED (SI_E_RETENTION), which tells until when.
 *
 * What concerns one item (it is locked, it changed) does not keep the others: the first of these
 * errors is returned at the end. Where the store cannot be asked any more the run ends at once.
 * `each` may be NULL.
 */
si_rc si_prune_run(struct si_store *store, const struct si_prune_options *options,
                   const struct si_prune_plan *plan, void *ctx, si_prune_each each,
                   struct si_error *error) SI_MUST_USE;

#endif
