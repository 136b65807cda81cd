/* SPDX-License-Identifier: Apache-2.0 */
/* The room secret: the values that were given are canaries. They must turn up in nothing that the
 * plugin tells, neither as they are nor written another way. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"
#include "sdk/conform/forms.h"
#include "sdk/conform/work.h"

/* Opens, works, is refused and cancelled: all that could make it tell something. */
static si_host *talk(struct trial *t) {
  si_host *host = host_new(t);
  struct provoked p;
  si_instance *instance = open_instance(t, host);
  work_all(t, host, instance);
  work_look(t, host, instance);
  close_instance(t, instance);
  for (size_t n = 0; work_provoke(t, host, n, &p); n++) {
  }
  return host;
}

static void absent(const struct trial *t, const struct si_buf *text, const char *where) {
  for (size_t i = 0; i < t->options->secret_count; i++) {
    const struct secret *secret = &t->options->secrets[i];
    const char *form = form_found(secret->value.data, secret->value.len, si_buf_text(text));
    demand(!form, "the value of the secret %s stands %s (%s)", secret->name, where, form);
  }
}

static void logs(struct trial *t) {
  absent(t, &talk(t)->logged, "in what it logged");
}

static void failures(struct trial *t) {
  absent(t, &talk(t)->failures, "in a failure that it recorded");
}

static void progress(struct trial *t) {
  absent(t, &talk(t)->told, "in what it told of its progress");
}

static void steps(struct trial *t) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(4u << 20);
  const si_host *host = talk(t);
  for (size_t i = 0; i < host->step_count; i++) {
    kit_needs(si_buf_printf(&text, "%s %s\n", host->steps[i].name, host->steps[i].outside) == SI_OK,
              "no memory");
  }
  absent(t, &text, "in a step that it journalled");
}

static void named(struct trial *t) {
  const si_host *host = talk(t);
  demand(!host->asked[0], "it asked for the secret \"%s\", which the configuration does not name",
         host->asked);
}

static void used(struct trial *t) {
  const si_host *host = talk(t);
  demand(host->lent > 0, "the configuration refers to a secret, and it was never asked for");
}

/* The reason of use() must come back, and a host that lends nothing must not be a crash. */
static void withheld(struct trial *t) {
  si_host *host = host_new(t);
  si_instance *instance = NULL;
  host->no_secrets = true;
  si_rc status = open_with(t, host, config_text(t), &instance);
  bool open = status == SI_OK;
  status = open ? work_all(t, host, instance) : status;
  demand(status != SI_OK || t->options->offline,
         "a secret was refused, and it worked as if it had it");
  demand(status == SI_OK || status == SI_E_REFUSED || status == SI_E_AUTH,
         "a secret was refused (SI_E_REFUSED), and the call came to \"%s\"",
         si_status_text(status));
  if (open) {
    close_instance(t, instance);
  }
}

/* Does a mapping of this process that can be read and written hold the value? Reads the memory by
 * pieces that overlap; the kit's own copy lies in pages that are left out by their address. */
static bool memory_has(const struct secret *secret) {
  /* free() writes over the first 16 bytes of a block. */
  size_t cut = secret->value.len >= 24 ? 16 : 0;
  FILE *maps = fopen("/proc/self/maps", "re");
  FILE *memory = fopen("/proc/self/mem", "re");
  char line[512], mode[5];
  unsigned long from, to;
  bool found = false;
  kit_needs(maps && memory, "cannot read the process's own memory");
  while (!found && fgets(line, sizeof line, maps)) {
    /* What is longer is nothing that was ever filled: a sanitizer's shadow, room set aside. */
    if (sscanf(line, "%lx-%lx %4s", &from, &to, mode) == 3 && mode[0] == 'r' && mode[1] == 'w' &&
        to - from <= 256ul << 20) {
      uintptr_t own = (uintptr_t)secret->value.data;
      found = !(own >= from && own < to) &&
              form_in_memory(fileno(memory), from, to, secret->value.data + cut,
                             secret->value.len - cut);
    }
  }
  fclose(maps);
  fclose(memory);
  return found;
}

static void wiped(struct trial *t) {
  si_host *host = host_new(t);
  for (size_t i = 0; i < t->options->secret_count; i++) {
    kit_needs(!memory_has(&t->options->secrets[i]), "the kit itself keeps a copy of a secret");
  }
  si_instance *instance = open_instance(t, host);
  work_look(t, host, instance);
  close_instance(t, instance);
  for (size_t i = 0; i < t->options->secret_count; i++) {
    demand(!memory_has(&t->options->secrets[i]),
           "after close() the value of the secret %s still stands in memory: wipe what was copied",
           t->options->secrets[i].name);
  }
}

#define SECRET(id, title, wants, run) \
  { id, title, KIND_ANY, WANTS_SECRET | (wants), 0, run }
const struct check secret_checks[] = {
    SECRET("secret.used", "a secret that the configuration refers to is asked for", WANTS_PEER,
           used),
    SECRET("secret.named", "no other secret is asked for", 0, named),
    SECRET("secret.log", "no secret stands in a log line, in any form", 0, logs),
    SECRET("secret.failure", "no secret stands in a failure, in any form", 0, failures),
    SECRET("secret.progress", "no secret stands in a word of progress, in any form", 0, progress),
    SECRET("secret.step", "no secret stands in a journalled step, in any form", 0, steps),
    SECRET("secret.withheld", "a secret that is refused ends the call, with that reason",
           WANTS_PEER, withheld),
    SECRET("secret.wiped", "after close() no copy of a secret is left in memory", WANTS_PEER,
           wiped),
    {0}};
