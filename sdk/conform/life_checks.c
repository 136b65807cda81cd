/* SPDX-License-Identifier: Apache-2.0 */
/* The room life: open, work, close, and what is left. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kit/base/text.h"
#include "sdk/conform/footprint.h"
#include "sdk/conform/work.h"

enum { WARM = 8, CYCLES = 24 };

/* What works for every provider must work: `when` it did not, that call and its reason are told. */
static void work_must(struct trial *t, si_host *host, si_instance *instance, const char *when) {
  si_rc status = work_all(t, host, instance);
  const si_op *op = host->failed;
  if (status != SI_OK && op) {
    demand(false, "%s: %s failed (%s)%s%s", when, op->call, si_status_text(status),
           op->records ? ": " : ", and recorded no reason (si_fail)",
           op->records ? op->message : "");
  }
  demand(status == SI_OK, "%s (%s)", when, si_status_text(status));
}

static void cycle(struct trial *t, si_host *host) {
  si_instance *instance = open_instance(t, host);
  work_must(t, host, instance, "ordinary work failed");
  close_instance(t, instance);
}

static void opens(struct trial *t) {
  si_host *host = host_new(t);
  close_instance(t, open_instance(t, host));
}

static void again(struct trial *t) {
  si_host *host = host_new(t);
  for (int i = 0; i < 64; i++) {
    close_instance(t, open_instance(t, host));
  }
}

static void two(struct trial *t) {
  si_host *host = host_new(t), *other = host_new(t);
  si_instance *one = open_instance(t, host);
  si_instance *two = open_instance(t, other);
  demand(one != two, "open() gave the same instance twice");
  work_must(t, host, one, "work fails while a second instance is open");
  close_instance(t, one);
  work_must(t, other, two, "work fails once another instance was closed");
  close_instance(t, two);
}

static void config_kept(struct trial *t) {
  si_host *host = host_new(t);
  si_instance *instance = NULL;
  si_op *op = op_begin(host);
  si_rc status = CALL(t->provider, open)(host->vt, host, op, lend_text(config_text(t)), &instance);
  demand_ok(status, op, "open()");
  op_end(op, status);
  lend_end(); /* the text of the configuration is gone; reading it is a crash */
  work_all(t, host, instance);
  close_instance(t, instance);
}

/* Footprints after some cycles, and after more of them; returns how many more. Fewer where one
 * takes long (an engine), so that the check's time is enough. */
static int measure(struct trial *t, struct footprint *before, struct footprint *after) {
  si_host *host = host_new(t);
  int warm = WARM, cycles = CYCLES;
  uint64_t began = si_monotonic_ns();
  for (int i = 0; i < warm + cycles; i++) {
    host_forget(host);
    cycle(t, host);
    uint64_t took_ms = (si_monotonic_ns() - began) / 1000000u;
    if (i == 0 && took_ms * (WARM + CYCLES) > t->options->timeout_ms / 2) {
      warm = 2;
      cycles = 4;
    }
    if (i == warm - 1) {
      *before = footprint_now();
    }
  }
  *after = footprint_now();
  return cycles;
}

static void memory(struct trial *t) {
  struct footprint before = {.fds = 0}, after = {.fds = 0};
  int cycles = measure(t, &before, &after);
  demand(after.bytes < before.bytes + cycles * 16, "%d rounds of open, work, close left %ld bytes",
         cycles, after.bytes - before.bytes);
}

static void descriptors(struct trial *t) {
  struct footprint before = {.fds = 0}, after = {.fds = 0};
  int cycles = measure(t, &before, &after);
  demand(after.fds <= before.fds, "%d rounds of open, work, close left %zu descriptors", cycles,
         after.fds - before.fds);
}

/* A thread that was joined may still be counted for a moment. */
static size_t threads_settled(size_t expected) {
  uint64_t ends = si_monotonic_ns() + 2000000000u;
  size_t threads;
  while ((threads = footprint_now().threads) > expected && si_monotonic_ns() < ends) {
    usleep(1000);
  }
  return threads;
}

static void threads(struct trial *t) {
  si_host *host = host_new(t);
  size_t before = footprint_now().threads;
  cycle(t, host);
  demand(threads_settled(before) <= before, "a thread still runs after close()");
}

static void processes(struct trial *t) {
  si_host *host = host_new(t);
  cycle(t, host);
  demand(!footprint_children(), "a process that it started is left after close()");
}

static void quiet(struct trial *t) {
  si_host *host = host_new(t);
  cycle(t, host);
  demand(footprint_output() == 0,
         "it wrote on stdout or stderr; what people shall read goes "
         "through the host's log()");
}

/* What of the process is not as it was; NULL: all is. */
static const char *changed(const struct surroundings *a, const struct surroundings *b,
                           const char *what) {
  if (strcmp(what, "signals") == 0) {
    return memcmp(a->handlers, b->handlers, sizeof a->handlers) ||
                   memcmp(a->flags, b->flags, sizeof a->flags) ||
                   memcmp(a->blocked, b->blocked, sizeof a->blocked)
               ? "a signal's handler, or the blocked signals"
               : NULL;
  }
  if (strcmp(what, "directory") == 0) {
    return strcmp(a->directory, b->directory) || a->mask != b->mask
               ? "the working directory, or the umask"
               : NULL;
  }
  if (strcmp(what, "environment") == 0) {
    return a->environment != b->environment ? "the environment" : NULL;
  }
  if (strcmp(what, "limits") == 0) {
    return a->limits != b->limits ? "a resource limit" : NULL;
  }
  return strcmp(a->locale, b->locale) ? "the locale" : NULL;
}

static void surroundings(struct trial *t, const char *what) {
  static struct surroundings before, during, after;
  si_host *host = host_new(t);
  surroundings_take(&before);
  si_instance *instance = open_instance(t, host);
  work_all(t, host, instance);
  surroundings_take(&during);
  close_instance(t, instance);
  surroundings_take(&after);
  const char *found = changed(&before, &during, what);
  found = found ? found : changed(&before, &after, what);
  demand(!found, "it changed %s of the process", found);
}

static void signals(struct trial *t) {
  surroundings(t, "signals");
}

static void directory(struct trial *t) {
  surroundings(t, "directory");
}

static void environment(struct trial *t) {
  surroundings(t, "environment");
}

static void limits(struct trial *t) {
  surroundings(t, "limits");
}

static void locale(struct trial *t) {
  surroundings(t, "locale");
}

/* --- cancelled and late --- */

static bool ended_by(si_rc status) {
  return status == SI_OK || status == SI_E_CANCELLED || status == SI_E_TIMEOUT;
}

/* Cancelled from the n-th call of the host on, for each n that there is. */
static void cancelled(struct trial *t) {
  si_host *whole = host_new(t);
  cycle(t, whole);
  unsigned calls = atomic_load(&whole->calls);
  for (unsigned n = 1; n <= calls && n <= 24; n++) {
    si_host *host = host_new(t);
    si_instance *instance = NULL;
    atomic_store(&host->cancel_at, n);
    si_rc status = open_with(t, host, config_text(t), &instance);
    bool open = status == SI_OK;
    status = open ? work_all(t, host, instance) : status;
    demand(ended_by(status),
           "cancelled at the host's call %u, it came to \"%s\", where success, SI_E_CANCELLED or "
           "SI_E_TIMEOUT is demanded",
           n, si_status_text(status));
    if (open) {
      close_instance(t, instance);
    }
  }
}

static void cancelled_leaves(struct trial *t) {
  struct footprint before = footprint_now();
  unsigned calls = 0;
  for (unsigned n = 0; n <= 12; n++) {
    si_host *host = host_new(t);
    si_instance *instance = NULL;
    atomic_store(&host->cancel_at, n > 6 ? n - 6 : n);
    if (open_with(t, host, config_text(t), &instance) == SI_OK) {
      work_all(t, host, instance);
      close_instance(t, instance);
    }
    if (n == 6) {
      before = footprint_now();
    }
    calls += atomic_load(&host->calls);
  }
  struct footprint after = footprint_now();
  demand(after.fds <= before.fds, "calls that were cancelled left %zu descriptors open",
         after.fds - before.fds);
  demand(threads_settled(before.threads) <= before.threads, "a cancelled call left a thread");
  if (calls == 0 && t->options->offline) {
    skip_check("without its peer it never asks the host (--offline)");
  }
}

static void late(struct trial *t) {
  si_host *host = host_new(t);
  si_instance *instance = open_instance(t, host);
  host->late = true;
  uint64_t began = si_monotonic_ns();
  si_rc status = work_all(t, host, instance);
  demand(ended_by(status),
         "with a deadline that has passed it came to \"%s\", where success, SI_E_TIMEOUT or "
         "SI_E_CANCELLED is demanded",
         si_status_text(status));
  demand(si_monotonic_ns() - began < 10000000000u,
         "with a deadline that has passed it worked on for more than 10 s");
  host->late = false;
  work_must(t, host, instance, "after a call that was late, nothing works");
  close_instance(t, instance);
}

#define LIFE(id, title, wants, run) \
  { id, title, KIND_ANY, wants, 0, run }
const struct check life_checks[] = {
    LIFE("life.opens", "open() takes the configuration, and close() ends what was not used", 0,
         opens),
    LIFE("life.again", "it opens and closes 64 times", 0, again),
    LIFE("life.two", "two instances work side by side", 0, two),
    LIFE("life.config-kept", "the configuration's text is not used once open() returned", 0,
         config_kept),
    LIFE("life.memory", "open, work, close leaves no memory", 0, memory),
    LIFE("life.descriptors", "open, work, close leaves no descriptor", 0, descriptors),
    LIFE("life.threads", "no thread runs on after close()", 0, threads),
    LIFE("life.processes", "no process is left after close()", 0, processes),
    LIFE("life.quiet", "nothing is written on stdout and stderr", 0, quiet),
    LIFE("life.signals", "signal handlers and blocked signals stay as they are", 0, signals),
    LIFE("life.directory", "the working directory and the umask stay as they are", 0, directory),
    LIFE("life.environment", "the environment stays as it is", 0, environment),
    LIFE("life.limits", "resource limits stay as they are", 0, limits),
    LIFE("life.locale", "the locale stays as it is", 0, locale),
    LIFE("life.cancelled", "cancelled at any call of the host, it ends as cancelled or done", 0,
         cancelled),
    LIFE("life.cancelled-leaves", "what was cancelled leaves no descriptor and no thread", 0,
         cancelled_leaves),
    LIFE("life.late", "after the deadline it ends soon, and as late, cancelled or done", WANTS_PEER,
         late),
    {0}};
