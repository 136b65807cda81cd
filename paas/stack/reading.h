/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/stack/reading.h - what is known while one stack file is being read: who to report to, what
 * the file declares, and the facts that the cross checks (check.h) need with their lines. Depends
 * on document trees of cJSON. A reading lives on the heap (it is large) for one si_stack_parse.
 */
#ifndef SI_PAAS_STACK_READING_H
#define SI_PAAS_STACK_READING_H

#include "kit/base/json.h"
#include "paas/stack/yaml.h"

enum {
  SI_STACK_SERVICES = 100,  /* in a file */
  SI_STACK_BINDINGS = 1024, /* published ports in a file */
  SI_STACK_MOUNTS = 64,     /* volumes and tmpfs of a service */
  SI_STACK_FAULTS = 100     /* told of in one reading */
};

enum si_condition { SI_AWAIT_STARTED, SI_AWAIT_HEALTHY, SI_AWAIT_COMPLETED };

/* A service waits for another one. */
struct si_await {
  size_t on; /* index into si_reading.services */
  enum si_condition condition;
  unsigned line;
};

/* Something is mounted at `target`, which belongs to the service's document. */
struct si_mount {
  const char *target;
  unsigned line;
};

enum si_oneshot { SI_ONESHOT_UNSAID, SI_ONESHOT_NO, SI_ONESHOT_YES };

struct si_service {
  const char *name; /* the tree's */
  const struct si_yaml_node *node;
  unsigned line;
  cJSON *json; /* owned by the reading until the document takes it */
  bool has_health;
  enum si_oneshot oneshot;
  unsigned keeps_up_line; /* where `restart` says always or unless-stopped; 0 = it does not */
  struct si_await awaits[SI_STACK_SERVICES];
  size_t await_count;
  struct si_mount mounts[SI_STACK_MOUNTS];
  size_t mount_count;
};

/* A port of the host that a service takes; host_ip belongs to the service's document. */
struct si_binding {
  const char *service;
  const char *host_ip;
  const char *protocol; /* a constant */
  unsigned host_port;
  unsigned line;
};

struct si_variable {
  char *name;
  char *value;
  bool secret; /* its value was made of one that its name tells to be a secret */
  unsigned line;
};

struct si_variables {
  struct si_variable *list;
  size_t count;
};

struct si_stack_request;

struct si_reading {
  const char *files[SI_LINE_FILES]; /* their names, for messages; not owned */
  size_t file_count;
  struct si_error *error;  /* the newest failure; never NULL */
  bool fresh;              /* it is not among the faults yet */
  struct si_error *faults; /* what was gone on from; owned */
  size_t fault_count;
  const struct si_stack_request *request; /* where variables come from; NULL: nowhere */
  struct si_variables variables;          /* of the request, once `loaded`; owned */
  const struct si_variables *local;       /* of a file that is being read; or NULL */
  bool loaded;
  bool unloadable;
  cJSON *paths;                                  /* of files, made here; owned */
  cJSON *findings;                               /* what a guard may mind; owned */
  size_t expanded;                               /* bytes that variables brought */
  const struct si_yaml_node *secret_names;       /* the map x-si-secrets, or NULL */
  cJSON *volumes;                                /* the document's, each {name}; owned */
  cJSON *networks;                               /* the document's, each {name, internal}; owned */
  cJSON *secrets;                                /* the document's, by name; owned */
  bool joins_default;                            /* some service joins the network `default` */
  struct si_service services[SI_STACK_SERVICES]; /* names are all set before any is read */
  size_t service_count;
  const struct si_yaml_node *all_services; /* those of other profiles too */
  size_t addon_files;                      /* the first of the add-ons among `files` */
  size_t addon_count;
  struct si_binding bindings[SI_STACK_BINDINGS];
  size_t binding_count;
};

#endif
