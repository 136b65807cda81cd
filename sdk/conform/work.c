/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/conform/work.h"

#include <stdlib.h>

si_rc work_look(struct trial *t, si_host *host, si_instance *instance) {
  if (t->options->offline) {
    return SI_OK;
  }
  switch (t->provider->kind) {
    case SI_KIND_ARTIFACT: return store_look(t, host, instance);
    case SI_KIND_PROVISIONER: return stack_look(t, host, instance);
    default: return backup_look(t, host, instance);
  }
}

si_rc work_all(struct trial *t, si_host *host, si_instance *instance) {
  if (t->options->offline) {
    return SI_OK;
  }
  switch (t->provider->kind) {
    case SI_KIND_ARTIFACT: return store_work(t, host, instance);
    case SI_KIND_PROVISIONER: return stack_work(t, host, instance);
    default: return backup_work(t, host, instance);
  }
}

static void provoke_open(struct trial *t, si_host *host, const char *config, struct provoked *out) {
  si_instance *instance = NULL;
  si_op *op = op_begin(host);
  out->op = op;
  out->status = op_end(op, CALL(t->provider, open)(host->vt, host, op, config, &instance));
}

static bool provoke_kind(struct trial *t, si_host *host, size_t n, struct provoked *out) {
  if (t->options->offline) {
    return false;
  }
  si_instance *instance = open_instance(t, host);
  bool there = false;
  switch (t->provider->kind) {
    case SI_KIND_ARTIFACT: there = store_provoke(t, host, instance, n, out); break;
    case SI_KIND_PROVISIONER: there = stack_provoke(t, host, instance, n, out); break;
    default: there = backup_provoke(t, host, instance, n, out); break;
  }
  close_instance(t, instance);
  return there;
}

bool work_provoke(struct trial *t, si_host *host, size_t n, struct provoked *out) {
  static const struct {
    const char *what;
    const char *config;
  } configs[] = {
      {"open() with a text that is no JSON", "{\"a\":"},
      {"open() with a list", "[]"},
      {"open() with a setting that there is not", "{\"si-conform-none\":1}"},
  };
  const size_t count = sizeof configs / sizeof *configs;
  out->subject = NULL;
  if (n >= count) {
    return provoke_kind(t, host, n - count, out);
  }
  out->what = configs[n].what;
  provoke_open(t, host, configs[n].config, out);
  return true;
}
