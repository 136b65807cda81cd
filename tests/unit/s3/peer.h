/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/s3/peer.h - the store with bad manners (peer.py): starting it, telling it what to do,
 * asking what it saw. One a process. A call that it does not answer ends the test.
 */
#ifndef SI_TESTS_S3_PEER_H
#define SI_TESTS_S3_PEER_H

#include <stdbool.h>
#include <sys/types.h>

#include "kit/base/buf.h"

extern char base[64];     /* "http://127.0.0.1:port" */
extern char tls_base[64]; /* "https://127.0.0.1:port", where it was started with a directory */

/* directory: takes its certificate, or NULL: no TLS. It ends when *keep is closed. */
bool start(const char *script, const char *directory, pid_t *pid, int *keep);
void ask(const char *method, const char *target, const char *body, struct si_buf *out);
/* As JSON; the log is forgotten. */
void rules(const char *json);
/* How many requests there were whose line holds `what`. */
int asked(const char *what);
void state_is(const char *wanted);

#endif
