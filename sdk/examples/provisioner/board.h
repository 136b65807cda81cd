/* SPDX-License-Identifier: Apache-2.0 */
/*
 * board.h - the engine of the provisioner noticeboard: a directory, one call on it, and what hangs
 * there. Functions that fail have told the host. Depends on the kit.
 */
#ifndef BOARD_H
#define BOARD_H

#include "kit/base/provider.h"

#define SERVICE "service."
#define VOLUME "volume."

struct si_instance {
  const si_host_vt *vt;
  int root;
};

/* One call: whose board, and the project that it is about. */
struct call {
  si_instance *board;
  si_op *op;
  cJSON *document;
  char path[1024]; /* "<context id>/<project id>", below root */
  const char *project;
};

int board_cancelled(const struct call *call);
/* The failure "cannot <what> <name>: <the errno's text>". */
si_rc board_failed(const struct call *call, int err, const char *what, const char *name);

/* Called with each entry of a directory, open as `dir`. */
typedef si_rc (*board_each)(const struct call *call, int dir, const char *file, void *to);
/* Every entry of a directory below root, but those that begin with a dot. None is success. */
si_rc board_for_each(const struct call *call, const char *path, board_each each, void *to);

/* Opens the project's directory; -1 and errno. */
int board_open(const struct call *call);
/* A file "service.web" is one of type "service." by the name "web"; NULL: of another. */
const char *board_name(const char *file, const char *type);

/* Hangs up a service's notice, unless it hangs there as it is; the name was checked. */
si_rc board_hang(const struct call *call, int dir, const cJSON *service);
si_rc board_make_volume(const struct call *call, int dir, const cJSON *volume);
/* Removes a service or a volume with all that is in it; gone is success. What is neither stays. */
si_rc board_take_down(const struct call *call, int dir, const char *file);
/* Adds it to the lists of an inspection. */
si_rc board_inspect(const struct call *call, int dir, const char *file, void *inspection);

#endif
