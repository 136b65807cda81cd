/* SPDX-License-Identifier: Apache-2.0 */
/* `si runpack status`: how a runpack is locked now, as its store tells it. */
#include <string.h>

#include "cli/locks_show.h"
#include "paas/retention/holds.h"

static void close_state(struct si_state **state) {
  si_state_close(*state);
  *state = NULL;
}

static void print_holds(struct si_invocation *inv, const cJSON *holds) {
  const cJSON *each = NULL;
  cJSON_ArrayForEach(each, holds) {
    si_out_field(inv->out, "held by", "%s since %s: %s", si_json_str(each, "who"),
                 si_json_str(each, "at"), si_json_str(each, "reason"));
  }
}

/* Why it is held, where a context's chain is there to tell. A chain that is broken is said, and
 * changes nothing of what the store told. */
static si_rc add_holds(struct si_invocation *inv, const struct si_place *place, cJSON *json) {
  struct si_state *state SI_AUTO(close_state) = NULL;
  const struct si_context *owner = si_place_owner(place);
  cJSON *holds = NULL;
  struct si_error why;
  if (!owner) {
    return cJSON_AddNullToObject(json, "holds") ? SI_OK : SI_E_NOMEM;
  }
  si_rc status = si_state_open(owner->dir, owner->id, SI_STATE_READ, &state, &why);
  status = status == SI_OK ? si_retention_holds(owner, state, place->prefix, &holds, &why) : status;
  if (status != SI_OK) {
    si_out_warn(inv->out, "why it is held cannot be told: %s", why.message);
    return cJSON_AddNullToObject(json, "holds") ? SI_OK : SI_E_NOMEM;
  }
  print_holds(inv, holds);
  if (!cJSON_AddItemToObject(json, "holds", holds)) {
    cJSON_Delete(holds);
    return SI_E_NOMEM;
  }
  return SI_OK;
}

static si_rc status_of(struct si_invocation *inv) {
  struct si_place place SI_AUTO(si_place_close) = {.begun = true};
  struct si_locks locks SI_AUTO(si_locks_free) = SI_LOCKS;
  cJSON *json = NULL;
  si_rc status = si_place_runpack(inv, &place);
  status = status == SI_OK
               ? si_locks_read(si_place_store(&place), place.prefix, &locks, &inv->error)
               : status;
  status = status == SI_OK ? si_locks_show(inv, &place, &locks, &json) : status;
  if (status == SI_OK && (status = add_holds(inv, &place, json)) != SI_OK) {
    cJSON_Delete(json);
    json = NULL;
  }
  return status == SI_OK ? si_out_result(inv->out, json) : status;
}

static const struct si_option status_options[] = {
    {"operation", 0, "ID", "The runpack that this operation left", 0, NULL},
    SI_PLACE_OPTIONS("The store, with --operation or a URI; by default the context's"),
    {0},
};

const struct si_command si_cmd_runpack_status = {
    .path = "runpack status",
    .summary = "Show how a runpack is locked now, as its store tells it",
    .text =
        "Every version of every object, old ones and the marks of removals too, and of those that "
        "a reader gets: are they all locked, in which mode, until when, by the store's clock. An "
        "incomplete runpack is shown likewise. With a context its audit chain tells who holds it, "
        "and why.",
    .params = {{"URI", SI_PARAM_OPTIONAL, SI_PLACE_PARAM}},
    .options = status_options,
    .flags = SI_CMD_CONTEXT_MAYBE,
    .run = status_of,
};
