/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/stack/check.h"

#include <string.h>

#include "kit/base/text.h"

/* The place services.NAME.KEY, made up again for a message about it. */
struct spot {
  struct si_place service;
  struct si_place key;
};

static const struct si_place *spot_of(struct spot *spot, const struct si_place *services,
                                      const struct si_service *service, const char *key,
                                      unsigned line) {
  spot->service = (struct si_place){services, service->name, 0, service->line};
  spot->key = (struct si_place){&spot->service, key, 0, line};
  return &spot->key;
}

/* --- cycles --- */

enum mark { UNSEEN, ON_PATH, DONE };

struct walk {
  enum mark marks[SI_STACK_SERVICES];
  size_t path[SI_STACK_SERVICES];
  size_t depth;
};

static void add_text(char *to, size_t size, const char *text) {
  size_t have = strlen(to);
  si_copy(to + have, size - have, text);
}

static si_rc report_cycle(struct si_reading *r, const struct si_place *services,
                          const struct walk *w, const struct si_await *closing) {
  char cycle[900] = "";
  struct spot spot;
  size_t i = 0;
  while (w->path[i] != closing->on) {
    i++;
  }
  for (; i < w->depth; i++) {
    add_text(cycle, sizeof cycle, r->services[w->path[i]].name);
    add_text(cycle, sizeof cycle, " -> ");
  }
  add_text(cycle, sizeof cycle, r->services[closing->on].name);
  const struct si_service *last = &r->services[w->path[w->depth - 1]];
  si_stack_fail(r, "STACK_REFERENCE", spot_of(&spot, services, last, "depends_on", closing->line),
                "closes a cycle: %s", cycle);
  return si_stack_hint(r, "services that wait for each other never start: remove one `depends_on`");
}

/* Depth first; at most SI_STACK_SERVICES deep. */
static si_rc follow(struct si_reading *r, const struct si_place *services, struct walk *w,
                    size_t at) {
  const struct si_service *service = &r->services[at];
  si_rc status = SI_OK;
  w->marks[at] = ON_PATH;
  w->path[w->depth++] = at;
  for (size_t i = 0; status == SI_OK && i < service->await_count; i++) {
    const struct si_await *await = &service->awaits[i];
    if (w->marks[await->on] == ON_PATH) {
      return report_cycle(r, services, w, await);
    }
    status = w->marks[await->on] == UNSEEN ? follow(r, services, w, await->on) : SI_OK;
  }
  w->depth--;
  w->marks[at] = DONE;
  return status;
}

static si_rc check_cycles(struct si_reading *r, const struct si_place *services) {
  struct walk walk = {0};
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < r->service_count; i++) {
    status = walk.marks[i] == UNSEEN ? follow(r, services, &walk, i) : SI_OK;
  }
  return status;
}

/* --- what is awaited can come --- */

static si_rc check_await(struct si_reading *r, const struct si_place *services,
                         const struct si_service *service, const struct si_await *await) {
  struct si_service *on = &r->services[await->on];
  struct spot spot;
  const struct si_place *place = spot_of(&spot, services, service, "depends_on", await->line);
  if (await->condition == SI_AWAIT_HEALTHY && !on->has_health) {
    si_stack_fail(r, "STACK_REFERENCE", place,
                  "waits until %s is healthy, which has no health check", on->name);
    return si_stack_hint(r, "add `healthcheck:` to %s, or wait for `service_started`", on->name);
  }
  if (await->condition == SI_AWAIT_COMPLETED && on->oneshot == SI_ONESHOT_NO) {
    return si_stack_fail(r, "STACK_REFERENCE", place,
                         "waits for the end of %s, which says `x-si-oneshot: false`", on->name);
  }
  if (await->condition == SI_AWAIT_COMPLETED) {
    on->oneshot = SI_ONESHOT_YES;
  }
  return SI_OK;
}

static si_rc check_oneshot(struct si_reading *r, const struct si_place *services,
                           struct si_service *service) {
  struct spot spot;
  if (service->oneshot != SI_ONESHOT_YES) {
    service->oneshot = SI_ONESHOT_NO;
  } else if (service->keeps_up_line) {
    si_stack_invalid(r, spot_of(&spot, services, service, "restart", service->keeps_up_line),
                     "would start it again for ever: the service is a one-shot, which must end");
    return si_stack_hint(r, "remove `restart`, or write `on-failure:N`");
  }
  return SI_OK;
}

si_rc si_stack_check(struct si_reading *r, const struct si_place *services) {
  si_rc status = check_cycles(r, services);
  for (size_t i = 0; status == SI_OK && i < r->service_count; i++) {
    const struct si_service *service = &r->services[i];
    for (size_t k = 0; status == SI_OK && k < service->await_count; k++) {
      status = check_await(r, services, service, &service->awaits[k]);
    }
  }
  for (size_t i = 0; status == SI_OK && i < r->service_count; i++) {
    status = check_oneshot(r, services, &r->services[i]);
  }
  return status;
}
