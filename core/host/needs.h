/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/needs.h - what a plugin may do beyond computing: the `needs` of its entry in the tree's
 * manifest.json, from which core/host/sandbox.h makes its sandbox. Depends on kit/base/json.h.
 *
 *   {"network": false,   make internet sockets, and ask the resolver
 *    "unix": false,      make unix sockets: any that the user may connect to, the engine's too
 *    "exec": false,      start programs, and processes
 *    "read": [],         files and directories (with all that is below) to read
 *    "write": [],        to read, write, make and remove
 *    "memory_mb": 64}    of private memory, at most; without it, any
 *
 * All may be left out; anything else is refused, because a need that is not understood cannot be
 * held. A path is absolute and clean (no empty, "." or ".." component), or `${config.KEY}` with
 * perhaps a clean "/sub" behind it: the text that the operation's configuration holds under KEY,
 * which must be such a path then. Code: PLUGIN_NEEDS.
 */
#ifndef SI_CORE_HOST_NEEDS_H
#define SI_CORE_HOST_NEEDS_H

#include "kit/base/json.h"
#include "kit/base/path.h"

struct si_needs {
  bool network;
  bool unix_sockets;
  bool exec;
  uint32_t memory_mb; /* 0: any */
  const cJSON *read;  /* checked lists of texts, or NULL; the manifest's */
  const cJSON *write;
};

si_rc si_needs_read(const cJSON *needs, struct si_needs *out, struct si_error *error) SI_MUST_USE;

/* One path of the lists, filled from the configuration, a '/' at its end dropped. SI_E_NOT_FOUND,
 * without *error: the configuration has no such key. */
si_rc si_needs_path(const char *path, const cJSON *config, char to[SI_PATH_MAX],
                    struct si_error *error) SI_MUST_USE;

/* For people, one item a line: "network: no\n...". */
si_rc si_needs_words(const struct si_needs *needs, struct si_buf *out) SI_MUST_USE;

#endif
