/* SPDX-License-Identifier: Apache-2.0 */
/* tests/golden/artifact.c - an artifact store with one object in it, of a runpack that was never
 * finished. */
#include <si/artifact.h>

#define KEY                                                           \
  "tenant/t/namespace/n/scenario/s/run/r/"                            \
  "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945/" \
  "artifacts/x"

static si_rc sink_open(si_instance *self, si_op *op, const char *key, const si_put_options *options,
                       si_sink **out) {
  (void)self, (void)op, (void)key, (void)options, (void)out;
  return SI_E_QUOTA;
}

static si_rc sink_write(si_sink *sink, si_op *op, const void *data, size_t len) {
  (void)sink, (void)op, (void)data, (void)len;
  return SI_E_INTERNAL;
}

static si_rc sink_finish(si_sink *sink, si_op *op) {
  (void)sink, (void)op;
  return SI_E_INTERNAL;
}

static void sink_abort(si_sink *sink) {
  (void)sink;
}

static si_rc reader_open(si_instance *self, si_op *op, const char *key, uint64_t offset,
                         uint64_t limit, si_reader **out) {
  (void)self, (void)op, (void)key, (void)offset, (void)limit, (void)out;
  return SI_E_NOT_FOUND;
}

static si_rc reader_read(si_reader *reader, si_op *op, void *buf, size_t cap, size_t *got) {
  (void)reader, (void)op, (void)buf, (void)cap, (void)got;
  return SI_E_INTERNAL;
}

static void reader_close(si_reader *reader) {
  (void)reader;
}

static si_rc stat_object(si_instance *self, si_op *op, const char *key, si_object_info *out) {
  (void)self, (void)op, (void)key, (void)out;
  return SI_E_NOT_FOUND;
}

static si_rc list(si_instance *self, si_op *op, const char *prefix, void *ctx, si_list_fn each) {
  const si_object_info info = {1, 1000};
  (void)self, (void)op, (void)prefix;
  return each(ctx, KEY, &info);
}

static const si_artifact_vt table = {
    .size = sizeof(si_artifact_vt),
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

#define KIND SI_KIND_ARTIFACT
#define PLUGIN_ID "golden-artifact"
#include "parts.h"
