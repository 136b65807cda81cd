/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/s3/bucket.h - the artifact store `s3` called through its table, with host services
 * that write down what it says and that can cancel it.
 */
#ifndef SI_TESTS_S3_BUCKET_H
#define SI_TESTS_S3_BUCKET_H

#include <si/artifact.h>
#include <stdatomic.h>
#include <stddef.h>

struct si_op {
  si_rc status; /* of the last failure recorded */
  uint32_t retry;
  char subject[4200];
  char field[200];
  char message[4096];
  uint64_t deadline_ns;
  atomic_int cancelled;
};

struct si_host {
  atomic_int warnings;
  char last[4096];
};

extern const si_host_vt bucket_vt;
extern struct si_host bucket_host;

/* Secrets that the host lends; the last one has the name NULL. */
struct bucket_secret {
  const char *name, *value;
};
extern const struct bucket_secret *bucket_secrets;

const si_artifact_vt *bucket_table(void);
const si_provider *bucket_provider(void);
si_rc bucket_open(const char *config, si_op *op, si_instance **out);
void bucket_close(si_instance *store);
/* In pieces of 256 KiB. */
si_rc bucket_put(si_instance *store, si_op *op, const char *key, uint32_t flags, const void *data,
                 size_t len);
/* Reads all of it (at most cap), from `offset`; -1 and op where it fails. */
long bucket_get(si_instance *store, si_op *op, const char *key, uint64_t offset, uint64_t limit,
                char *to, size_t cap);

#endif
