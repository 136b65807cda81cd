/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/plugins/bare_store.c - an artifact store of an older si: its table ends before the optional
 * functions. It holds one old artifact of a runpack that was never finished. Built again with
 * -DPROMISES it says that it can what it cannot; with -DFORGETS it takes every object and holds
 * none; with -DLOCKS it has the extension si.retention/1, whose store holds nothing that could be
 * locked; with -DLOCKS=0 it promises that and has it not; with -DASKS it asks for secrets that its
 * configuration refers to or not, whenever a listing is wanted or an object comes, and goes on
 * whatever the answer. Depends on the ABI headers alone.
 */
#include <si/artifact.h>
#include <si/retention.h>
#include <string.h>

#define KEY                                                           \
  "tenant/t/namespace/n/scenario/s/run/r/"                            \
  "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945/" \
  "artifacts/x"

#ifdef FORGETS
#define ACCEPT SI_OK
#else
#define ACCEPT SI_E_INTERNAL
#endif

struct si_instance {
  int nothing;
};

static si_instance instance;

#ifdef ASKS
static const si_host_vt *services;

static si_rc look_away(void *ctx, const void *bytes, size_t len) {
  (void)ctx;
  (void)bytes;
  (void)len;
  return SI_OK;
}

static void ask(si_op *op) {
  static const char *const names[] = {"GIVEN", "ANOTHER", "env:AWS_SECRET_ACCESS_KEY"};
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
    si_rc status = services->secret(op, names[i], NULL, look_away);
    (void)status;
  }
}
#endif

static si_rc sink_open(si_instance *self, si_op *op, const char *key, const si_put_options *options,
                       si_sink **out) {
  (void)self;
  (void)op;
  (void)key;
  (void)options;
#ifdef ASKS
  ask(op);
#endif
#ifdef FORGETS
  *out = (si_sink *)&instance; /* never looked into */
  return SI_OK;
#else
  (void)out;
  return SI_E_QUOTA;
#endif
}

static si_rc sink_write(si_sink *sink, si_op *op, const void *data, size_t len) {
  (void)sink;
  (void)op;
  (void)data;
  (void)len;
  return ACCEPT;
}

static si_rc sink_finish(si_sink *sink, si_op *op) {
  (void)sink;
  (void)op;
  return ACCEPT;
}

static void sink_abort(si_sink *sink) {
  (void)sink;
}

static si_rc reader_open(si_instance *self, si_op *op, const char *key, uint64_t offset,
                         uint64_t limit, si_reader **out) {
  (void)self;
  (void)op;
  (void)key;
  (void)offset;
  (void)limit;
  (void)out;
  return SI_E_NOT_FOUND;
}

static si_rc reader_read(si_reader *reader, si_op *op, void *buf, size_t cap, size_t *got) {
  (void)reader;
  (void)op;
  (void)buf;
  (void)cap;
  (void)got;
  return SI_E_INTERNAL;
}

static void reader_close(si_reader *reader) {
  (void)reader;
}

static si_rc stat_object(si_instance *self, si_op *op, const char *key, si_object_info *out) {
  (void)self;
  (void)op;
  (void)key;
  (void)out;
  return SI_E_NOT_FOUND;
}

static si_rc list(si_instance *self, si_op *op, const char *prefix, void *ctx, si_list_fn each) {
  const si_object_info info = {1, 1000};
  (void)self;
  (void)op;
  (void)prefix;
#ifdef ASKS
  ask(op);
#endif
  return ACCEPT == SI_OK ? SI_OK : each(ctx, KEY, &info);
}

static si_rc open_store(const si_host_vt *vt, si_host *host, si_op *op, const char *config_json,
                        si_instance **out) {
  (void)host;
  (void)op;
  (void)config_json;
#ifdef ASKS
  services = vt;
#else
  (void)vt;
#endif
  *out = &instance;
  return SI_OK;
}

static void close_store(si_instance *self) {
  (void)self;
}

static const si_artifact_vt table = {
#ifdef PROMISES
    .size = sizeof(si_artifact_vt),
#else
    .size = offsetof(si_artifact_vt, remove),
#endif
    .sink_open = sink_open,
    .sink_write = sink_write,
    .sink_finish = sink_finish,
    .sink_abort = sink_abort,
    .reader_open = reader_open,
    .reader_read = reader_read,
    .reader_close = reader_close,
    .stat = stat_object,
    .list = list,
};

#ifdef LOCKS
static si_rc locked_open(si_instance *self, si_op *op, const char *key,
                         const si_put_options *options, const si_lock_wish *wish, si_sink **out) {
  (void)self;
  (void)op;
  (void)key;
  (void)options;
  (void)wish;
  (void)out;
  return SI_E_UNSUPPORTED;
}

static si_rc locked_finish(si_sink *sink, si_op *op, void *ctx, si_lock_fn told) {
  (void)sink;
  (void)op;
  (void)ctx;
  (void)told;
  return SI_E_UNSUPPORTED;
}

static si_rc lock(si_instance *self, si_op *op, const char *key, const char *version, uint32_t mode,
                  int64_t until_ms) {
  (void)self;
  (void)op;
  (void)key;
  (void)version;
  (void)mode;
  (void)until_ms;
  return SI_E_NOT_FOUND;
}

static si_rc read_lock(si_instance *self, si_op *op, const char *key, const char *version,
                       void *ctx, si_lock_fn told) {
  (void)self;
  (void)op;
  (void)key;
  (void)version;
  (void)ctx;
  (void)told;
  return SI_E_NOT_FOUND;
}

static si_rc legal_hold(si_instance *self, si_op *op, const char *key, const char *version,
                        uint32_t on) {
  (void)self;
  (void)op;
  (void)key;
  (void)version;
  (void)on;
  return SI_E_NOT_FOUND;
}

static si_rc report(si_instance *self, si_op *op, const char *prefix, void *ctx, si_lock_fn each,
                    void *emit_ctx, si_emit emit) {
  static const char json[] = "{\"store\":\"none\",\"versioned\":false,\"locking\":false}";
  (void)self;
  (void)op;
  (void)prefix;
  (void)ctx;
  (void)each;
  return emit(emit_ctx, json, sizeof json - 1);
}

static const si_retention_vt retention = {
    .size = sizeof(si_retention_vt),
    .sink_open = locked_open,
    .sink_finish = locked_finish,
    .lock = lock,
    .read_lock = read_lock,
    .legal_hold = legal_hold,
    .report = report,
};

static const void *extension(const char *id) {
  return LOCKS && strcmp(id, SI_RETENTION_ID) == 0 ? &retention : NULL;
}
#endif

static const si_provider provider = {
    .size = sizeof(si_provider),
    .kind = SI_KIND_ARTIFACT,
#ifdef PROMISES
    .caps = SI_CAP_ARTIFACT_REMOVE | SI_CAP_ARTIFACT_UNFINISHED,
#elif defined LOCKS
    .caps = SI_CAP_ARTIFACT_RETENTION,
    .extension = extension,
#endif
    .threads = SI_THREADS_SERIAL,
    .id = PLUGIN_ID,
    .schema = "{\"type\":\"object\"}",
    .needs = "{}",
    .open = open_store,
    .close = close_store,
    .vt = &table,
};

#include "descriptor.h"
