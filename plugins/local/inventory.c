/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/local/inventory.h"

#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"

static si_rc keep(void *ctx, const struct si_engine_item *item) {
  static const char *const kinds[] = {"si.service", "si.network", "si.volume"};
  struct local_inventory *inventory = ctx;
  if (inventory->count == inventory->room) {
    size_t room = inventory->room ? inventory->room * 2 : 16;
    struct local_found *items = realloc(inventory->items, room * sizeof *items);
    if (!items || room > LOCAL_MAX_FOUND * 2) {
      inventory->items = items ? items : inventory->items;
      return items ? SI_E_QUOTA : SI_E_NOMEM;
    }
    inventory->items = items;
    inventory->room = room;
  }
  struct local_found *found = &inventory->items[inventory->count++];
  *found = (struct local_found){.type = item->type};
  si_copy(found->id, sizeof found->id, item->id);
  si_copy(found->name, sizeof found->name, item->name);
  si_copy(found->part, sizeof found->part, si_engine_label(item->labels, kinds[item->type]));
  si_copy(found->project_id, sizeof found->project_id, si_engine_label(item->labels, "si.project"));
  si_copy(found->spec, sizeof found->spec, si_engine_label(item->labels, "si.spec"));
  return SI_OK;
}

si_rc local_inventory_read(struct local_call *call, bool whole_context,
                           struct local_inventory *out) {
  static const enum si_engine_type types[] = {SI_ENGINE_CONTAINER, SI_ENGINE_NETWORK,
                                              SI_ENGINE_VOLUME};
  const char *const marks[] = {call->project.mark_context, call->project.mark_project};
  struct local_inventory found SI_AUTO(local_inventory_free) = {0};
  si_rc status = SI_OK;
  call->error = (struct si_error){0};
  for (size_t i = 0; status == SI_OK && i < sizeof types / sizeof *types; i++) {
    status = si_engine_list(call->in->engine, types[i], marks, whole_context ? 1 : 2, &found, keep,
                            &call->error);
  }
  if (status != SI_OK) {
    return status;
  }
  local_inventory_free(out);
  *out = found;
  found = (struct local_inventory){0};
  return SI_OK;
}

void local_inventory_free(struct local_inventory *inventory) {
  free(inventory->items);
  *inventory = (struct local_inventory){0};
}
