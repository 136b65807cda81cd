/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdk/conform/work.h - a little ordinary work of a provider's kind, for checks that ask what it
 * leaves, and whom it tells. Depends on the ABI headers.
 */
#ifndef SI_CONFORM_WORK_H
#define SI_CONFORM_WORK_H

#include "sdk/conform/host.h"

/* A verb that only looks; its status. Nothing under --offline. */
si_rc work_look(struct trial *t, si_host *host, si_instance *instance);

/* Makes something, looks at it, and takes it away where the provider can. The status of the first
 * verb that failed; what was begun is ended or aborted all the same. Nothing under --offline. */
si_rc work_all(struct trial *t, si_host *host, si_instance *instance);

/* Calls that must fail, by number: returns false behind the last. *what names the call, *subject
 * what it was about or NULL, *op its record. Those that need the peer are left out under --offline.
 */
struct provoked {
  const char *what;
  const char *subject; /* what the call was about, or NULL */
  const si_op *op;
  si_rc status;
};
bool work_provoke(struct trial *t, si_host *host, size_t n, struct provoked *out);

/* --- by kind --- */
si_rc store_look(struct trial *t, si_host *host, si_instance *instance);
si_rc store_work(struct trial *t, si_host *host, si_instance *instance);
bool store_provoke(struct trial *t, si_host *host, si_instance *instance, size_t n,
                   struct provoked *out);
si_rc stack_look(struct trial *t, si_host *host, si_instance *instance);
si_rc stack_work(struct trial *t, si_host *host, si_instance *instance);
bool stack_provoke(struct trial *t, si_host *host, si_instance *instance, size_t n,
                   struct provoked *out);
si_rc backup_look(struct trial *t, si_host *host, si_instance *instance);
si_rc backup_work(struct trial *t, si_host *host, si_instance *instance);
bool backup_provoke(struct trial *t, si_host *host, si_instance *instance, size_t n,
                    struct provoked *out);

#endif
