/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/local/host.h - a host for one provider in this process: it records steps and the last
 * failure, and can kill the process, refuse a step or cancel at a chosen one. Depends on
 * si/provisioner.h and kit/base.
 */
#ifndef SI_TESTS_LOCAL_HOST_H
#define SI_TESTS_LOCAL_HOST_H

#include <si/provisioner.h>

#include "kit/base/json.h"

struct host_step {
  char name[128];
  char id[160];
  uint32_t phase;
};

struct host_failure {
  si_rc status; /* SI_OK: none was recorded */
  uint32_t retry;
  char subject[256];
  char field[128];
  char message[2048];
  char detail[4096];
};

struct si_host {
  int unused;
};

struct si_op {
  struct host_step steps[400];
  size_t step_count;
  struct host_failure failure;
  size_t kill_at;   /* SIGKILL to itself at the nth call of step, from 1; 0 = never */
  size_t refuse_at; /* that call of step fails with SI_E_IO */
  size_t cancel_at; /* from that call on the operator wants to stop */
  size_t step_calls;
  /* Called once, when a step of that name and phase is journalled; or NULL. */
  void (*meanwhile)(void);
  const char *meanwhile_step;
  uint32_t meanwhile_phase;
  uint64_t deadline_ns;
  struct si_buf emitted;
};

extern const si_host_vt test_host;

void op_begin(struct si_op *op); /* zeroes it; free it with op_end */
void op_end(struct si_op *op);
si_rc op_emit(void *op, const char *json, size_t len);
/* How many steps of that phase have a name that begins so. */
size_t op_steps(const struct si_op *op, const char *prefix, uint32_t phase);
/* What was emitted, parsed; NULL where it is no JSON. The caller frees it. */
cJSON *op_result(const struct si_op *op);

#endif
