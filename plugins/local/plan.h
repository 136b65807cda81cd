/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/local/plan.h - the stack document, read and put in order: which service starts after
 * which, and the hash that says whether a container is still what the stack asks for. Depends on
 * kit/base. Pure.
 */
#ifndef SI_PLUGINS_LOCAL_PLAN_H
#define SI_PLUGINS_LOCAL_PLAN_H

#include "kit/base/hash.h"
#include "kit/base/json.h"

enum { LOCAL_MAX_SERVICES = 256, LOCAL_MAX_OTHERS = 8192 };

enum local_condition { LOCAL_STARTED, LOCAL_HEALTHY, LOCAL_COMPLETED };

struct local_dependency {
  size_t service; /* its place in services[] */
  enum local_condition condition;
};

struct local_service {
  const char *name;
  const char *image;
  const cJSON *spec; /* the service as the stack document has it */
  bool oneshot;
  struct local_dependency *needs;
  size_t need_count;
};

/* A volume or a network. */
struct local_part {
  const char *name;
  const cJSON *spec;
};

struct local_plan {
  cJSON *document;                /* owns all texts below */
  struct local_service *services; /* in the order in which they start */
  size_t service_count;
  struct local_part *volumes;
  size_t volume_count;
  struct local_part *networks;
  size_t network_count;
};

/* Reads a `si.stack/1` document. LOCAL_STACK (SI_E_INVALID) for what does not fit the document's
 * description: a missing member, a name that is used but not declared, an unknown member of a
 * service, a circle of dependencies (the message names its services), ports on internal networks
 * alone (they would never open). */
si_rc local_plan_read(const char *json, struct local_plan *out, struct si_error *error) SI_MUST_USE;
void local_plan_free(struct local_plan *plan); /* for SI_AUTO; zeroed is fine */

/* NULL where the plan has none of that name. */
const struct local_service *local_plan_service(const struct local_plan *plan, const char *name);
const struct local_part *local_plan_network(const struct local_plan *plan, const char *name);

/* SHA-256 of the canonical document followed by the image's id ("" for what has none). */
si_rc local_spec_hash(const cJSON *spec, const char *image_id, char hex[SI_SHA256_HEX]) SI_MUST_USE;

#endif
