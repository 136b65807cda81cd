/* SPDX-License-Identifier: Apache-2.0 */
/* tests/golden/provisioner.c - a provisioner that brings nothing up, and says so. */
#include <si/provisioner.h>
#include <string.h>

static si_rc say(void *ctx, si_emit emit, const char *json) {
  return emit(ctx, json, strlen(json));
}

static si_rc check(si_instance *self, si_op *op, void *ctx, si_emit emit) {
  (void)self, (void)op;
  return say(ctx, emit, "{\"engine\":\"golden\",\"version\":\"1\"}");
}

static si_rc provision(si_instance *self, si_op *op, const char *project, const char *stack,
                       void *ctx, si_emit emit) {
  (void)self, (void)op, (void)project, (void)stack;
  return say(ctx, emit, "{\"services\":[]}");
}

static si_rc destroy(si_instance *self, si_op *op, const char *project, void *ctx, si_emit emit) {
  (void)self, (void)op, (void)project;
  return say(ctx, emit, "{\"remaining\":[]}");
}

static si_rc inspect(si_instance *self, si_op *op, const char *project, void *ctx, si_emit emit) {
  (void)self, (void)op, (void)project;
  return say(ctx, emit, "{\"services\":[]}");
}

static si_rc list(si_instance *self, si_op *op, const char *context, void *ctx, si_emit emit) {
  (void)self, (void)op, (void)context;
  return say(ctx, emit, "{\"resources\":[]}");
}

static si_rc remove_one(si_instance *self, si_op *op, const char *resource) {
  (void)self, (void)op, (void)resource;
  return SI_OK;
}

static const si_provisioner_vt table = {
    .size = sizeof(si_provisioner_vt),
    .check = check,
    .provision = provision,
    .destroy = destroy,
    .inspect = inspect,
    .list = list,
    .remove = remove_one,
};

#define KIND SI_KIND_PROVISIONER
#define PLUGIN_ID "golden-provisioner"
#include "parts.h"
