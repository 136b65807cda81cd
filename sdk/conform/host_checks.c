/* SPDX-License-Identifier: Apache-2.0 */
/* The room host: negotiation. The host's table ends where memory ends, so whoever reads past its
 * size crashes. A provider may refuse a host that lacks what it needs; it must not fall over it. */
#include <string.h>

#include "sdk/conform/work.h"

/* Opens on a host that may be refused, works a little, closes. */
static void try_host(struct trial *t, si_host *host, const char *what) {
  static char other;
  si_instance *instance = (si_instance *)(void *)&other;
  si_rc status = open_with(t, host, config_text(t), &instance);
  demand(status >= SI_OK && status <= SI_E_FAILED, "open() on %s gave the status %d", what, status);
  demand(status == SI_OK || instance == (si_instance *)(void *)&other,
         "open() on %s failed, and wrote an instance all the same", what);
  if (status == SI_OK) {
    demand(instance && instance != (si_instance *)(void *)&other,
           "open() on %s succeeded, and gave no instance", what);
    status = work_look(t, host, instance);
    demand(status >= SI_OK && status <= SI_E_FAILED, "a verb on %s gave the status %d", what,
           status);
    close_instance(t, instance);
  }
}

static void bare(struct trial *t) {
  si_host *host = host_new(t);
  host_cut(host, offsetof(si_host_vt, log), offsetof(si_host_vt, log));
  try_host(t, host, "a host that has no functions");
}

static void cut(struct trial *t) {
  for (size_t size = offsetof(si_host_vt, log); size <= sizeof(si_host_vt);
       size += sizeof(void *)) {
    si_host *host = host_new(t);
    host_cut(host, size, (uint32_t)size);
    try_host(t, host, "a host whose table is shorter");
  }
}

static void null_members(struct trial *t) {
  for (size_t at = offsetof(si_host_vt, log); at < sizeof(si_host_vt); at += sizeof(void *)) {
    si_host *host = host_new(t);
    memset((char *)host->vt + at, 0, sizeof(void *));
    try_host(t, host, "a host with a function that is NULL");
  }
}

/* A host that has all that there is today must do, whatever follows. */
static void must_do(struct trial *t, si_host *host, const char *what) {
  si_instance *instance = NULL;
  si_op *op = op_begin(host);
  si_rc status = op_end(op, CALL(t->provider, open)(host->vt, host, op, config_text(t), &instance));
  demand(status == SI_OK, "open() on %s failed (%s): %.200s", what, si_status_text(status),
         op->message);
  work_look(t, host, instance);
  close_instance(t, instance);
}

static void longer(struct trial *t) {
  si_host *host = host_new(t);
  open_instance(t, host_new(t));
  host_grow(host, 64);
  must_do(t, host, "a newer host, whose table is longer");
}

static void much_longer(struct trial *t) {
  si_host *host = host_new(t);
  open_instance(t, host_new(t));
  host_grow(host, SI_TABLE_MAX - sizeof(si_host_vt));
  must_do(t, host, "a host whose table has the greatest size there is");
}

static void nothing(struct trial *t) {
  si_host *host = host_new(t);
  host_cut(host, offsetof(si_host_vt, log), 0);
  try_host(t, host, "a host that says its table has 0 bytes");
}

static void no_services(struct trial *t) {
  si_host *host = host_new(t);
  host->no_services = true;
  si_instance *instance = NULL;
  si_op *op = op_begin(host);
  si_rc status = op_end(op, CALL(t->provider, open)(host->vt, host, op, config_text(t), &instance));
  demand(status == SI_OK || status == SI_E_UNSUPPORTED,
         "open() on a host without services came to \"%s\", where success or SI_E_UNSUPPORTED is "
         "demanded",
         si_status_text(status));
  demand(status == SI_OK || strstr(op->message, "si."),
         "the failure does not name the service that is missing: %.200s", op->message);
}

static void keeps_to_it(struct trial *t) {
  si_host *host = host_new(t);
  si_instance *instance = open_instance(t, host);
  work_all(t, host, instance);
  work_look(t, host, instance);
  close_instance(t, instance);
  demand(!host->complaint[0], "%s", host->complaint);
}

#define HOST(id, title, run) \
  { id, title, KIND_ANY, 0, 0, run }
const struct check host_checks[] = {
    HOST("host.bare", "a host without functions is refused, or is enough", bare),
    HOST("host.cut", "nothing past the size of the host's table is read", cut),
    HOST("host.null", "a function of the host that is NULL is not called", null_members),
    HOST("host.zero", "a host's table of 0 bytes has no functions", nothing),
    HOST("host.longer", "a newer host with a longer table is taken", longer),
    HOST("host.longest", "a host with the longest table there can be is taken", much_longer),
    HOST("host.no-services", "without a service that it needs: SI_E_UNSUPPORTED, which names it",
         no_services),
    HOST("host.kept", "the host's functions are called as their contract says", keeps_to_it),
    {0}};
