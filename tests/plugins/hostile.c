/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/plugins/hostile.c - a provisioner that tries what it does not declare: check() makes the
 * attempt (tests/plugins/attempts.h) that its configuration names, {"do": NAME, "path": PATH}, and
 * tells the errno value: {"errno":N}. Its constructor tries, too: "constructor" tells what became
 * of that. "secret" asks for the secret that PATH names, and tells the host's answer as N and what
 * it saw (tests/plugins/asking.h). Built again with needs declared. Depends on the ABI headers
 * alone.
 */
#include <si/provisioner.h>

#include "asking.h"
#include "attempts.h"

struct si_instance {
  char what[32];
  char path[512];
};

static const si_host_vt *services;
static struct si_instance instance;
static int constructor_failed = -1;

__attribute__((constructor)) static void constructed(void) {
  constructor_failed = try_shadow(NULL);
}

/* The text behind "KEY": in the flat object that the test gives. */
static void member(const char *json, const char *key, char *to, size_t size) {
  char quoted[40];
  snprintf(quoted, sizeof quoted, "\"%s\":\"", key);
  const char *at = strstr(json, quoted);
  size_t len = at ? strcspn(at += strlen(quoted), "\"") : 0;
  snprintf(to, size, "%.*s", (int)len, at ? at : "");
}

/* Makes the attempt; adds to an object what came of it. */
static si_rc try_and_tell(si_instance *self, si_op *op, const char *begins, void *ctx,
                          si_emit emit) {
  char text[700];
  int len;
  if (strcmp(self->what, "secret") == 0) {
    struct asked asked;
    int status = (int)ask_for(services, op, self->path, &asked);
    len =
        snprintf(text, sizeof text, "{%s\"errno\":%d,\"during\":%d,\"after\":%d,\"flags\":\"%s\"}",
                 begins, status, asked.during, asked.after, asked.flags);
  } else {
    int err = strcmp(self->what, "constructor") == 0 ? constructor_failed
                                                     : attempt(self->what, self->path);
    len = snprintf(text, sizeof text, "{%s\"errno\":%d}", begins, err);
  }
  return emit(ctx, text, (size_t)len);
}

static si_rc check(si_instance *self, si_op *op, void *ctx, si_emit emit) {
  return try_and_tell(self, op, "", ctx, emit);
}

static si_rc nothing(si_instance *self, si_op *op, const char *what, void *ctx, si_emit emit) {
  (void)self;
  (void)op;
  (void)what;
  return emit(ctx, "{}", 2);
}

static si_rc provision(si_instance *self, si_op *op, const char *project, const char *stack,
                       void *ctx, si_emit emit) {
  (void)stack;
  (void)project;
  return try_and_tell(self, op, "\"services\":[],", ctx, emit);
}

static si_rc remove_one(si_instance *self, si_op *op, const char *resource) {
  (void)self;
  (void)op;
  (void)resource;
  return SI_OK;
}

static si_rc open_instance(const si_host_vt *vt, si_host *host, si_op *op, const char *config_json,
                           si_instance **out) {
  (void)host;
  (void)op;
  services = vt;
  member(config_json, "do", instance.what, sizeof instance.what);
  member(config_json, "path", instance.path, sizeof instance.path);
  *out = &instance;
  return SI_OK;
}

static void close_instance(si_instance *self) {
  (void)self;
}

static const si_provisioner_vt table = {
    .size = sizeof(si_provisioner_vt),
    .check = check,
    .provision = provision,
    .destroy = nothing,
    .inspect = nothing,
    .list = nothing,
    .remove = remove_one,
};

static const si_provider provider = {
    .size = sizeof(si_provider),
    .kind = SI_KIND_PROVISIONER,
    .threads = SI_THREADS_SERIAL,
    .id = PLUGIN_ID,
    .schema = "{\"type\":\"object\"}",
    .needs = PLUGIN_NEEDS,
    .open = open_instance,
    .close = close_instance,
    .vt = &table,
};

#include "descriptor.h"
