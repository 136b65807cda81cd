/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/local/world.h - the tests' side of a real engine: stacks, verbs, and a look at what is
 * there that does not go through the provider. Depends on host.h, plugins/local and plugins/engine.
 */
#ifndef SI_TESTS_LOCAL_WORLD_H
#define SI_TESTS_LOCAL_WORLD_H

#include "plugins/local/verbs.h"
#include "tests/unit/local/host.h"

#define PROJECT                                                                     \
  "{\"schema\":\"si.project/1\",\"context_id\":\"ctx-1\",\"project_id\":\"prj-1\"," \
  "\"slug\":\"blog\",\"operation_id\":\"op-1\",\"release\":\"r1\",\"spec_sha256\":\"\"}"
#define OTHER_PROJECT                                                               \
  "{\"schema\":\"si.project/1\",\"context_id\":\"ctx-1\",\"project_id\":\"prj-2\"," \
  "\"slug\":\"shop\",\"operation_id\":\"op-2\",\"release\":\"r1\",\"spec_sha256\":\"\"}"

/* The members that every service has, for one that says only what is its own. */
#define BARE                                                                        \
  "\"environment\":{},\"labels\":{},\"ports\":[],\"volumes\":[],\"depends_on\":[]," \
  "\"networks\":[{\"name\":\"default\",\"aliases\":[]}],\"oneshot\":false"
#define STACK(services)                                                            \
  "{\"schema\":\"si.stack/1\",\"volumes\":[],\"networks\":[{\"name\":\"default\"," \
  "\"internal\":false}],\"services\":[" services "]}"

/* True (and a word on stderr) where there is no engine to test with. */
bool world_missing(void);
/* Is it podman? Some cases are the same whatever the engine, and run on Docker alone. */
bool world_podman(void);
/* An instance with short waits; `extra` are further members of the configuration, or "". */
si_instance *world_open(const char *extra);

/* One verb on an instance of its own; *op is begun by it, to be ended by the caller. */
si_rc world_provision(struct si_op *op, const char *project, const char *stack);
si_rc world_destroy(struct si_op *op, const char *project);
si_rc world_inspect(struct si_op *op, const char *project);

/* The engine's own word: how many containers, networks and volumes carry the label. */
size_t world_count(const char *label);
/* Runs a shell line (curl against the engine); its exit code. */
int world_shell(const char *line);
/* The id of a service's container in an emitted inspection; "" where it is not there. Copied. */
void world_service(const struct si_op *op, const char *name, const char *member, char out[160]);

#endif
