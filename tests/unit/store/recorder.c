/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store/recorder.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kit/base/text.h"

struct si_host recorder_host;

static void record_log(si_host *host, uint32_t level, const char *message) {
  host->warnings += level >= SI_LOG_WARN;
  si_copy(host->last, sizeof host->last, message);
}

static si_rc record_fail(si_op *op, const si_failure *failure) {
  op->status = failure->status;
  op->sys_errno = failure->sys_errno;
  si_copy(op->subject, sizeof op->subject, failure->subject);
  si_copy(op->field, sizeof op->field, failure->field);
  si_copy(op->message, sizeof op->message, failure->message);
  return failure->status;
}

const si_host_vt recorder_vt = {.size = sizeof(si_host_vt), .log = record_log, .fail = record_fail};

const si_provider *recorder_provider(void) {
  return si_plugin_v1()->providers[0];
}

const si_artifact_vt *recorder_table(void) {
  return recorder_provider()->vt;
}

void scratch_make(char *path) {
  snprintf(path, 64, "/tmp/store-test-XXXXXX");
  if (!mkdtemp(path)) {
    abort();
  }
}

static int drop_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
  (void)st;
  (void)type;
  (void)ftw;
  return remove(path);
}

void scratch_drop(const char *path) {
  nftw(path, drop_one, 16, FTW_DEPTH | FTW_PHYS);
}

si_rc recorder_open(const char *root, si_op *op, si_instance **out) {
  char config[4500];
  snprintf(config, sizeof config, "{\"root\":\"%s\"}", root);
  memset(op, 0, sizeof *op);
  return recorder_provider()->open(&recorder_vt, &recorder_host, op, config, out);
}

void recorder_close(si_instance *store) {
  recorder_provider()->close(store);
}

si_rc put_all(si_instance *store, si_op *op, const char *key, uint32_t flags, const void *data,
              size_t len) {
  const si_artifact_vt *vt = recorder_table();
  const si_put_options options = {.size = sizeof options, .flags = flags, .length = len};
  si_sink *sink = NULL;
  memset(op, 0, sizeof *op);
  si_rc status = vt->sink_open(store, op, key, &options, &sink);
  if (status != SI_OK) {
    return status;
  }
  status = vt->sink_write(sink, op, data, len);
  if (status != SI_OK) {
    vt->sink_abort(sink);
    return status;
  }
  return vt->sink_finish(sink, op);
}

long read_all(si_instance *store, si_op *op, const char *key, char *to, size_t cap) {
  const si_artifact_vt *vt = recorder_table();
  si_reader *reader = NULL;
  size_t have = 0, got = 1;
  memset(op, 0, sizeof *op);
  si_rc status = vt->reader_open(store, op, key, 0, UINT64_MAX, &reader);
  if (status != SI_OK) {
    return -1;
  }
  while (status == SI_OK && got && have < cap) {
    status = vt->reader_read(reader, op, to + have, cap - have, &got);
    have += status == SI_OK ? got : 0;
  }
  vt->reader_close(reader);
  return status == SI_OK ? (long)have : -1;
}

static int temps;
static int count_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
  (void)st;
  temps += type == FTW_F && path[ftw->base] == '.';
  return 0;
}

int count_temps(const char *path) {
  temps = 0;
  nftw(path, count_one, 16, FTW_PHYS);
  return temps;
}

struct keys {
  char *text[256];
  size_t count;
};

static si_rc take_key(void *ctx, const char *key, const si_object_info *info) {
  struct keys *keys = ctx;
  char text[4300];
  if (keys->count == 256) {
    return SI_E_QUOTA;
  }
  snprintf(text, sizeof text, "%s=%llu", key, (unsigned long long)info->length);
  keys->text[keys->count++] = strdup(text);
  return SI_OK;
}

static int compare(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

si_rc listing(si_instance *store, si_op *op, const char *prefix, char *to, size_t size) {
  struct keys keys = {.count = 0};
  memset(op, 0, sizeof *op);
  si_rc status = recorder_table()->list(store, op, prefix, &keys, take_key);
  qsort(keys.text, keys.count, sizeof *keys.text, compare);
  to[0] = '\0';
  for (size_t i = 0; i < keys.count; i++) {
    size_t at = strlen(to);
    snprintf(to + at, size - at, "%s%s", at ? " " : "", keys.text[i]);
    free(keys.text[i]);
  }
  return status;
}
