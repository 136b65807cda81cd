/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/stack/parts.h - the keys of a service that have a reader of their own. Each is a
 * si_key_reader (keys.h) whose `into` is the struct si_service: it writes its member of
 * service->json, and into the reading what the cross checks need. Depends on paas/stack/keys.h.
 */
#ifndef SI_PAAS_STACK_PARTS_H
#define SI_PAAS_STACK_PARTS_H

#include "paas/stack/keys.h"

si_key_reader si_read_environment; /* pairs.c */
si_key_reader si_read_labels;
si_key_reader si_read_env_file; /* env_file.c: called last, since `environment` counts before it */
si_key_reader si_read_ports;    /* ports.c */
si_key_reader si_read_mounts;   /* mounts.c: `volumes` */
si_key_reader si_read_tmpfs;    /* mounts.c */
si_key_reader si_read_health;   /* health.c */
si_key_reader si_read_networks; /* links.c */
si_key_reader si_read_depends_on; /* links.c */
si_key_reader si_read_sysctls;    /* pairs.c */
si_key_reader si_read_memory;     /* limits.c: `mem_limit`, and the like of `deploy` */
si_key_reader si_read_cpus;
si_key_reader si_read_pids;
si_key_reader si_read_deploy;
si_key_reader si_read_shm_size;
si_key_reader si_read_ulimits;
si_key_reader si_read_cap_add; /* confine.c */
si_key_reader si_read_cap_drop;
si_key_reader si_read_security_opt;
si_key_reader si_read_expose;
si_key_reader si_read_extra_hosts;
si_key_reader si_read_logging;

/* Is it a setting of the kernel that each container has for itself? confine.c. */
si_rc si_check_sysctl(struct si_reading *r, const struct si_place *place,
                      const char *key) SI_MUST_USE;

/* "sets NAME to what looks like a secret": STACK_SECRET, with what to do instead. pairs.c. */
si_rc si_refuse_literal(struct si_reading *r, const struct si_place *place,
                        const char *name) SI_MUST_USE;

/* The network that a service joins where it names none: `default`. */
si_rc si_join_default(struct si_reading *r, struct si_service *service) SI_MUST_USE;

#endif
