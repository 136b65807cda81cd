/* SPDX-License-Identifier: Apache-2.0 */
/*
 * si/provisioner.h - the Provisioner ABI, `si.provisioner/1` (R66, R74): what brings a project's
 * stack to life on an engine, and proves it gone again. Depends on si/plugin.h.
 *
 * Documents are JSON texts. A `project` document names who the resources belong to:
 *   {"schema":"si.project/1","context_id","project_id","slug","operation_id","release",
 *    "spec_sha256","images"?:{"SERVICE":ID}}
 * Where it has `images`, the release served before: each of those services is to have just that
 * image (an `image_id` of an inspection), or the call fails with SI_E_NOT_FOUND before anything is
 * changed. A provisioner whose engine has no ids of images leaves them out of its inspections, and
 * is never told any.
 * The `stack` document is normalised: {"schema":"si.stack/1","services":[...],"volumes":[...],
 * "networks":[...]} (stack-file.md of the SDK gives every member).
 *
 * Whatever a provisioner makes carries context_id and project_id, and nothing that does not carry
 * both is ever changed or removed. The project's own resources are found by these marks, never by
 * what an earlier call remembered: the process that made them may have been killed at any point.
 */
#ifndef SI_PROVISIONER_H
#define SI_PROVISIONER_H

#include <si/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct si_provisioner_vt {
  uint32_t size;
  uint32_t reserved;

  /* --- required --- */

  /* Can this engine be used? Changes nothing. Emits {"engine","version","api"}, and where they are
   * known {"os","arch","cpus","memory_bytes","clock_skew_ms"}: of the machine there, and how far
   * its clock is ahead of this one's. */
  si_rc (*check)(si_instance *instance, si_op *op, void *ctx, si_emit emit);

  /* Makes the outer world match the stack, and returns once every service is up: healthy where a
   * health check is declared, ended with 0 where it is a one-shot, running otherwise. Idempotent:
   * what is already right stays untouched, volumes are never removed. Emits an inspection. */
  si_rc (*provision)(si_instance *instance, si_op *op, const char *project, const char *stack,
                     void *ctx, si_emit emit);

  /* Removes everything that carries the project's marks, volumes included. Idempotent. Emits
   * {"remaining":[{"type","id","name","reason"}]}: what it could not prove gone. Success means
   * that the list is empty and that a fresh listing showed nothing. */
  si_rc (*destroy)(si_instance *instance, si_op *op, const char *project, void *ctx, si_emit emit);

  /* What is there now. Changes nothing. Emits
   * {"services":[{"name","id","state","health","exit_code","restarts","image","image_id",
   *   "spec_sha256","ports":[...]}],"volumes":[{"name","id"}],"networks":[{"name","id"}]}. */
  si_rc (*inspect)(si_instance *instance, si_op *op, const char *project, void *ctx, si_emit emit);

  /* Everything that carries this context's mark, whichever project. Changes nothing. `context` is
   * {"context_id"}. Emits {"resources":[{"type","id","name","project_id"}]}. */
  si_rc (*list)(si_instance *instance, si_op *op, const char *context, void *ctx, si_emit emit);

  /* Removes one resource of list(), if it still carries the same marks. `resource` is
   * {"context_id","project_id","type","id"}. Gone already is success. */
  si_rc (*remove)(si_instance *instance, si_op *op, const char *resource);

  /* --- optional: NULL, or a table that ends before it --- */

  /* What the project's services wrote. Changes nothing, and journals no step. `query` is
   * {"services":[...],"tail":n,"since":time|null,"follow":bool}: the services by name (none: all of
   * them), the last n lines of each (1 to 100000), those of this time and later (RFC 3339, UTC).
   * Emits any number of documents, each {"lines":[{"time","service","stream","line","cut"?}]} of at
   * most 1 MiB, time in RFC 3339 with the fraction that the engine knows, stream "stdout" or
   * "stderr", a line without its end and of at most 64 KiB (`cut`: true where there was more of
   * it). Without `follow` it returns after the last line there is now, and all lines of all
   * services come in the order of their times. With it, it goes on with what is written, through
   * restarts and replacements of the containers, until it is cancelled (SI_E_CANCELLED) or nothing
   * of the project is left. SI_E_NOT_FOUND: nothing of the project, or a service that is named,
   * is there. */
  si_rc (*logs)(si_instance *instance, si_op *op, const char *project, const char *query, void *ctx,
                si_emit emit);
} si_provisioner_vt;

#ifdef __cplusplus
}
#endif
#endif
