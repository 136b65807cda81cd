/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdk/conform/check.h - one check of the kit, and what its body works with. Every check runs in a
 * process of its own, forked from one that never loaded the plugin: a body ends that process as
 * soon as something is not as demanded, and need not tidy up before. Depends on the ABI headers and
 * sdk/kit/base.
 */
#ifndef SI_CONFORM_CHECK_H
#define SI_CONFORM_CHECK_H

#include <stdbool.h>

#include "kit/base/json.h"
#include "sdk/conform/crash.h"
#include "sdk/conform/options.h"

/* What a check wants to be there before its body runs. */
enum {
  WANTS_PEER = 1u << 0,    /* calls verbs that reach what the provider stands on */
  WANTS_SECRET = 1u << 1,  /* a configuration that refers to a secret which was given */
  WANTS_DYNAMIC = 1u << 2, /* reads the file alone; the plugin is not loaded */
  WANTS_ENTRY = 1u << 3,   /* the descriptor as it is: nothing of it was looked at */
  WANTS_NOTHING = 1u << 4  /* not even loaded: the body does that itself */
};

/* One check's process. */
struct trial {
  const struct options *options;
  const struct check *check;
  char dir[SI_PATH_MAX]; /* a fresh directory of the check's own */
  uint64_t random;       /* state of random_below() */
  void *handle;          /* dlopen's, or NULL */
  const si_plugin *plugin;
  const si_provider *provider; /* NULL for checks of the plugin itself */
  const void *vt;              /* the provider's table, copied: what it lacks is NULL */
};

struct check {
  const char *id;    /* "store.range.past-end": the room first; stable */
  const char *title; /* what is demanded, as a sentence without its period */
  uint32_t kind;     /* SI_KIND_*; 0: of every provider; PLUGIN: of the file, once */
  uint32_t wants;    /* WANTS_* */
  uint64_t caps;     /* skipped unless the provider promises all of these */
  void (*run)(struct trial *t);
};

enum { KIND_PLUGIN = 0xffffu, KIND_ANY = 0 };

/* A room's checks, ended by one without an id. */
extern const struct check elf_checks[], load_checks[], descriptor_checks[], provider_checks[],
    description_checks[], config_checks[], host_checks[], life_checks[], failure_checks[],
    secret_checks[], store_write_checks[], store_read_checks[], store_list_checks[],
    store_key_checks[], store_load_checks[], store_lock_checks[], store_version_checks[],
    stack_checks[], backup_checks[], backup_end_checks[];

/* Every check in the order of the report; NULL behind the last. */
const struct check *check_at(size_t n);

/* The check has failed, for this reason. Ends the process. */
_Noreturn void check_failed(const char *fmt, ...) SI_PRINTF(1, 2);
/* Unless `held`: check_failed(). As assert() a macro, so that the compiler sees that what follows
 * is reached only where it held. */
#define demand(held, ...) ((held) ? (void)0 : check_failed(__VA_ARGS__))
/* A call that must succeed; `what` names it. The failure that it recorded is told with it. */
void demand_ok(si_rc status, const si_op *op, const char *what);
/* A call that must fail with that status. */
void demand_status(si_rc status, si_rc wanted, const char *what);
/* The check does not apply, for this reason. Ends the process. */
_Noreturn void skip_check(const char *fmt, ...) SI_PRINTF(1, 2);
/* The kit cannot do its own part (memory, processes): told as such. Ends the process. */
_Noreturn void kit_broken(const char *what);
#define kit_needs(there, what) ((there) ? (void)0 : kit_broken(what))

/* The next number of the seed's sequence, below `bound` (which is not 0). */
uint64_t random_below(struct trial *t, uint64_t bound);
void random_fill(struct trial *t, void *to, size_t len);

/* A member of a table that says its size: NULL where the table does not reach it. */
#define VT(trial, type) ((const type *)(trial)->vt)

#endif
