/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/local/inventory.h - what the engine has of a project, or of a whole context: found by its
 * marks, each time anew. Depends on call.h.
 */
#ifndef SI_PLUGINS_LOCAL_INVENTORY_H
#define SI_PLUGINS_LOCAL_INVENTORY_H

#include "plugins/local/call.h"

struct local_found {
  enum si_engine_type type;
  char id[SI_ENGINE_ID_SIZE];
  char name[SI_ENGINE_NAME_SIZE]; /* the engine's */
  char part[160];                 /* the stack's: of the service, volume or network */
  char project_id[128];
  char spec[80];
};

struct local_inventory {
  struct local_found *items; /* containers, then networks, then volumes */
  size_t count;
  size_t room;
};

enum { LOCAL_MAX_FOUND = 10000 };

/* Lists everything with the call's marks (`whole_context`: whichever project). *out must be zeroed
 * or freed. */
si_rc local_inventory_read(struct local_call *call, bool whole_context,
                           struct local_inventory *out) SI_MUST_USE;
void local_inventory_free(struct local_inventory *inventory); /* for SI_AUTO */

#endif
