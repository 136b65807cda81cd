/* SPDX-License-Identifier: Apache-2.0 */
/*
 * si/service.h - services of the host that si_host_vt.service() gives by id: `si.exec/1`, commands
 * in a project, relayed by the host to the provisioner that runs it; `si.state/1`, small documents
 * that outlive the operation. Depends on si/plugin.h.
 *
 * Declared, and given by no host yet: service() answers NULL for both. A provider that cannot work
 * without one returns SI_E_UNSUPPORTED from open() and names it in the failure's message.
 *
 * Which projects an operation may touch is the host's to know: a `project_id` that is none of them
 * is SI_E_REFUSED. Tables live until close() has returned. Functions may be called from any thread
 * while the call that `op` stands for has not returned.
 */
#ifndef SI_SERVICE_H
#define SI_SERVICE_H

#include <si/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SI_EXEC_ID "si.exec/1"   /* si_exec_vt */
#define SI_STATE_ID "si.state/1" /* si_state_vt */

/* --- si.exec/1 --- */

/* Where a command runs. */
enum {
  SI_EXEC_IN_SERVICE = 0, /* in the running container of the service */
  SI_EXEC_LIKE_SERVICE =
      1 /* in a container of its own that has the service's image, volumes and
           networks, and is gone before run returns; the service may be at rest */
};

/* The streams of a command. */
enum { SI_EXEC_STDOUT = 1, SI_EXEC_STDERR = 2 };

/* A command. Lists are ended by NULL. Nothing of it is a secret's value. */
typedef struct si_exec_command {
  uint32_t size;           /* sizeof(si_exec_command) */
  uint32_t where;          /* SI_EXEC_IN_SERVICE or SI_EXEC_LIKE_SERVICE */
  const char *project_id;  /* one of the operation's */
  const char *service;     /* its name in the stack */
  const char *const *argv; /* argv[0] is found by the container's PATH; no shell */
  const char *const *env;  /* "NAME=value", beside the container's own; or NULL */
  const char *const
      *secrets;          /* "NAME=KEY": the host sets NAME to the project's secret KEY; or NULL */
  const char *user;      /* as in a stack's `user`; NULL: the service's */
  const char *directory; /* where it starts, absolute; NULL: the service's */
} si_exec_command;

/* How a command ended. The caller sets `size`; the rest is written on success alone. */
typedef struct si_exec_result {
  uint32_t size;     /* sizeof(si_exec_result) */
  int32_t exit_code; /* 0 to 255; -1 where a signal ended it */
  int32_t signal;    /* its number; 0 where none did, -1 where the engine cannot tell */
  uint32_t reserved;
} si_exec_result;

/* Gives the command more of its standard input: *got bytes, at most `cap`; 0 = the end. Not called
 * again after the end, or once the command has closed its input. */
typedef si_rc (*si_exec_input)(void *ctx, void *buf, size_t cap, size_t *got);
/* Takes all of `len` bytes that the command wrote to `stream` (SI_EXEC_*). */
typedef si_rc (*si_exec_output)(void *ctx, uint32_t stream, const void *data, size_t len);

typedef struct si_exec_vt {
  uint32_t size;
  uint32_t reserved;
  /* Runs a command, and returns once it has ended and all that it wrote was taken. Both callbacks
   * are called on the calling thread, one at a time; `input` NULL: the standard input is empty;
   * `output` NULL: what it writes is dropped. A callback's status other than SI_OK, a cancelled
   * operation and a passed deadline end the command (SIGTERM, later SIGKILL), and run returns that
   * status. SI_OK means that it ended by itself, however: *result says how. SI_E_NOT_FOUND: no such
   * service, or nothing to run by that name. SI_E_UNAVAILABLE: the engine or its provisioner was
   * lost; what was started may still be running. */
  si_rc (*run)(si_op *op, const si_exec_command *command, void *ctx, si_exec_input input,
               si_exec_output output, si_exec_result *result);
} si_exec_vt;

/* --- si.state/1 --- */

/* Receives one document's name. A status other than SI_OK ends the listing with it. */
typedef si_rc (*si_state_fn)(void *ctx, const char *name);

/*
 * Documents of one provider about one project: outside ids, pinned identities; no secret. A name is
 * [a-z0-9][a-z0-9._-]{0,62}; a document is a JSON object of at most 64 KiB; a provider has at most
 * 256 of a project. They are removed with the project.
 */
typedef struct si_state_vt {
  uint32_t size;
  uint32_t reserved;
  /* Emits the document. SI_E_NOT_FOUND: there is none. */
  si_rc (*get)(si_op *op, const char *project_id, const char *name, void *ctx, si_emit emit);
  /* Writes the whole document, and returns once it is durable. NULL removes it; gone is success. */
  si_rc (*put)(si_op *op, const char *project_id, const char *name, const char *json);
  /* Every document's name, in the order of their bytes. */
  si_rc (*list)(si_op *op, const char *project_id, void *ctx, si_state_fn each);
} si_state_vt;

#ifdef __cplusplus
}
#endif
#endif
