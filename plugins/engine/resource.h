/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/engine/resource.h - what an engine keeps beside containers: images, networks and volumes,
 * and the listings of all of them by label. Depends on engine.h, whose rules on errors hold here.
 */
#ifndef SI_PLUGINS_ENGINE_RESOURCE_H
#define SI_PLUGINS_ENGINE_RESOURCE_H

#include "plugins/engine/engine.h"

enum si_engine_type { SI_ENGINE_CONTAINER, SI_ENGINE_NETWORK, SI_ENGINE_VOLUME };

/* "container", "network", "volume". */
const char *si_engine_type_text(enum si_engine_type type);

#define SI_ENGINE_ID_SIZE 160   /* ids of containers and networks; a volume's id is its name */
#define SI_ENGINE_NAME_SIZE 256 /* with the NUL */

struct si_engine_item {
  enum si_engine_type type;
  char id[SI_ENGINE_ID_SIZE];
  char name[SI_ENGINE_NAME_SIZE];
  const cJSON *labels; /* an object or NULL; lives as long as the document it stands in */
};

/* The value of a label, or NULL. */
const char *si_engine_label(const cJSON *labels, const char *key);

/* Receives one item. A status other than SI_OK ends the listing with it. */
typedef si_rc (*si_engine_each)(void *ctx, const struct si_engine_item *item);

/* Everything of one type that carries all `count` labels ("key=value"): containers in any state. */
si_rc si_engine_list(struct si_engine *engine, enum si_engine_type type, const char *const *labels,
                     size_t count, void *ctx, si_engine_each each,
                     struct si_error *error) SI_MUST_USE;
/* Every container, running or not, that is on the network or would be when it starts. */
si_rc si_engine_network_users(struct si_engine *engine, const struct si_engine_item *network,
                              void *ctx, si_engine_each each, struct si_error *error) SI_MUST_USE;
/* Every network whose name is exactly `name`: an engine may know several. */
si_rc si_engine_networks_named(struct si_engine *engine, const char *name, void *ctx,
                               si_engine_each each, struct si_error *error) SI_MUST_USE;

/* The id of the image that a reference stands for at this moment. SI_E_NOT_FOUND: not there. */
si_rc si_engine_image(struct si_engine *engine, const char *reference, char id[SI_ENGINE_ID_SIZE],
                      struct si_error *error) SI_MUST_USE;

/* `body` is the API's own document. A network whose name is taken is SI_E_CONFLICT where the engine
 * sees it; look again afterwards, for it may not. */
si_rc si_engine_network_create(struct si_engine *engine, const char *name, const cJSON *body,
                               char id[SI_ENGINE_ID_SIZE], struct si_error *error) SI_MUST_USE;
si_rc si_engine_network_connect(struct si_engine *engine, const char *network,
                                const char *container, const cJSON *aliases,
                                struct si_error *error) SI_MUST_USE;
/* A volume that exists is success, and left as it is: read it back. */
si_rc si_engine_volume_create(struct si_engine *engine, const char *name, const cJSON *body,
                              struct si_error *error) SI_MUST_USE;

/* Looks one thing up by id or name; *item's labels live in *document, which the caller frees. */
si_rc si_engine_look(struct si_engine *engine, enum si_engine_type type, const char *id,
                     struct si_engine_item *item, cJSON **document,
                     struct si_error *error) SI_MUST_USE;
/* Removes it; a container with its anonymous volumes, running or not. Gone already is success. */
si_rc si_engine_remove(struct si_engine *engine, enum si_engine_type type, const char *id,
                       struct si_error *error) SI_MUST_USE;

#endif
