/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/store/recorder.h - host services that write down what a provider says, and short ways
 * to put and read an object through its table.
 */
#ifndef SI_TESTS_STORE_RECORDER_H
#define SI_TESTS_STORE_RECORDER_H

#include <si/artifact.h>

#include "kit/base/path.h"

struct si_op {
  si_rc status; /* of the last failure recorded */
  int sys_errno;
  char subject[4200];
  char field[200];
  char message[8192];
};

struct si_host {
  int warnings;
  char last[8192];
};

extern const si_host_vt recorder_vt;
extern struct si_host recorder_host;

const si_provider *recorder_provider(void);
const si_artifact_vt *recorder_table(void);

/* A fresh directory under /tmp; path holds at least 64 bytes. */
void scratch_make(char *path);
/* Removes it and all below. */
void scratch_drop(const char *path);

/* Opens a store at root. */
si_rc recorder_open(const char *root, si_op *op, si_instance **out);
void recorder_close(si_instance *store);
si_rc put_all(si_instance *store, si_op *op, const char *key, uint32_t flags, const void *data,
              size_t len);
/* Reads all of it (at most cap); -1 and op where it fails. */
long read_all(si_instance *store, si_op *op, const char *key, char *to, size_t cap);
/* Files below path whose name begins with a dot. */
int count_temps(const char *path);
/* Listed keys, joined by ' ', sorted. */
si_rc listing(si_instance *store, si_op *op, const char *prefix, char *to, size_t size);

#endif
