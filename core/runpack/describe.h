/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/runpack/describe.h - what a caller says of the artifacts of a folder, as a JSON object:
 *
 *   {"logs/web.txt": {"kind": "evidence_log", "content_type": "text/plain", "required": false}}
 *
 * Every member is optional. Each name must be that of a file; at most SI_DESCRIBE_NAMES.
 * RUNPACK_DESCRIPTION (SI_E_INVALID) names what is wrong. Depends on export.h, sdk/kit/base. One
 * thread.
 */
#ifndef SI_CORE_RUNPACK_DESCRIBE_H
#define SI_CORE_RUNPACK_DESCRIBE_H

#include "core/runpack/export.h"
#include "kit/base/json.h"

#define SI_DESCRIBE_MAX (4u << 20) /* bytes of the text */
#define SI_DESCRIBE_NAMES 10000

struct si_description {
  cJSON *artifacts; /* the object; NULL: nothing is said of any */
};

si_rc si_description_read(const char *json, size_t len, struct si_description *out,
                          struct si_error *error) SI_MUST_USE;
/* Sets what is said of artifact->name; the texts are the description's. */
void si_description_apply(struct si_description *description, struct si_artifact *artifact);
/* Was every name asked for? */
si_rc si_description_end(const struct si_description *description,
                         struct si_error *error) SI_MUST_USE;
void si_description_free(struct si_description *description); /* for SI_AUTO */

#endif
