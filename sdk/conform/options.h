/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdk/conform/options.h - the command line of si-conform. Depends on sdk/kit/base.
 */
#ifndef SI_CONFORM_OPTIONS_H
#define SI_CONFORM_OPTIONS_H

#include <stdbool.h>

#include "kit/base/json.h"
#include "kit/base/path.h"

enum { ONLY_MAX = 64, SECRETS_MAX = 16, SECRET_MIN = 6, SECRET_MAX = 64 * 1024 };

/* The value lies in pages that the checks' processes share: it is copied nowhere. */
struct secret {
  char name[128];
  struct {
    unsigned char *data;
    size_t len;
  } value;
};

struct options {
  char plugin[SI_PATH_MAX];   /* absolute */
  const char *provider;       /* the one to look at, or NULL: each */
  const char *only[ONLY_MAX]; /* ids or beginnings of ids ("store.range") */
  size_t only_count;          /* 0: every check */
  cJSON *config;              /* an object; texts may hold {dir} */
  bool config_given;          /* by any option: open() is expected to take it */
  struct secret secrets[SECRETS_MAX];
  size_t secret_count;
  char *stack;         /* the stack document for provisioners, or NULL */
  const char *source;  /* a directory that backups read from, or NULL */
  uint64_t timeout_ms; /* of one check */
  uint64_t stream_mb;  /* how long the long stream is */
  uint64_t seed;
  uint64_t jobs;
  bool offline; /* only what needs no peer */
  bool json;
  bool list;
  bool help;
  bool version;
};

/* SI_E_INVALID: a wrong use; SI_E_NOT_FOUND and others: a file that cannot be read. */
si_rc options_read(int argc, char **argv, struct options *out, struct si_error *error) SI_MUST_USE;
void options_free(struct options *options);

/* Is the check asked for? */
bool options_wants(const struct options *options, const char *id);

/* The configuration as text, every {dir} in it replaced by the check's directory. */
si_rc options_config(const struct options *options, const char *dir, cJSON **out) SI_MUST_USE;

extern const char options_usage[];

#endif
