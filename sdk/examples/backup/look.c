/* SPDX-License-Identifier: Apache-2.0 */
#include "look.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kit/base/path.h"

#define PIECE (256 * 1024)

si_rc look_emit(const cJSON *json, void *ctx, si_emit emit) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(16 << 20);
  si_rc status = json ? si_json_print(json, false, &text) : SI_E_NOMEM;
  return status == SI_OK ? emit(ctx, si_buf_text(&text), text.len) : status;
}

struct telling {
  const struct call *call;
  void *ctx;
  si_backup_fn each;
};

static si_rc tell(void *ctx, const struct backup *one) {
  const struct telling *telling = ctx;
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(64 << 10);
  cJSON *json SI_AUTO(si_json_free) = archive_json(telling->call, one);
  si_rc status = json ? si_json_print(json, false, &text) : SI_E_NOMEM;
  return status == SI_OK ? telling->each(telling->ctx, si_buf_text(&text), text.len) : status;
}

si_rc look_list(si_instance *store, si_op *op, const char *project, void *ctx, si_backup_fn each) {
  struct call call SI_AUTO(call_end) = {.store = store, .op = op};
  struct telling telling = {&call, ctx, each};
  si_rc status = call_begin(&call, project);
  return status == SI_OK ? archive_list(&call, &telling, tell) : status;
}

si_rc look_open(const struct call *call, const char *id, struct backup *out, int *fd) {
  int dir SI_AUTO(si_close) = -1;
  si_rc status = archive_find(call, id, out, &dir);
  if (status != SI_OK) {
    return status;
  }
  int found = openat(dir, DATA, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (found < 0 || strcmp(archive_status(out), "complete") != 0) {
    si_close(&found);
    return si_fail(call->store->vt, call->op, SI_E_CORRUPT, DATA, "backup %s is %s", out->id,
                   archive_status(out));
  }
  *fd = found;
  return SI_OK;
}

si_rc look_inventory(si_instance *store, si_op *op, const char *project, const char *id, void *ctx,
                     si_backup_object_fn each) {
  struct call call SI_AUTO(call_end) = {.store = store, .op = op};
  struct backup one;
  int fd SI_AUTO(si_close) = -1;
  si_rc status = call_begin(&call, project);
  status = status == SI_OK ? look_open(&call, id, &one, &fd) : status;
  if (status != SI_OK) {
    return status;
  }
  const si_backup_object object = {.size = sizeof object,
                                   .name = DATA,
                                   .length = one.bytes,
                                   .modified_ms = one.modified_ms,
                                   .sha256 = one.sha256};
  return each(ctx, &object);
}

/* Gives the rest of the file to `take`, piece by piece. */
static si_rc pour(const struct call *call, int fd, void *ctx, si_backup_bytes_fn take) {
  char *piece = malloc(PIECE);
  si_rc status =
      piece ? SI_OK : si_fail(call->store->vt, call->op, SI_E_NOMEM, DATA, "out of memory");
  while (status == SI_OK) {
    ssize_t n = read(fd, piece, PIECE);
    if (n == 0) {
      break;
    }
    status = n < 0 ? si_fail_errno(call->store->vt, call->op, errno, DATA, "cannot read %s", DATA)
             : call_cancelled(call) ? SI_E_CANCELLED
                                    : take(ctx, piece, (size_t)n);
  }
  free(piece);
  return status;
}

si_rc look_read(si_instance *store, si_op *op, const char *project, const char *id,
                const char *object, uint64_t offset, void *ctx, si_backup_bytes_fn take) {
  struct call call SI_AUTO(call_end) = {.store = store, .op = op};
  struct backup one;
  int fd SI_AUTO(si_close) = -1;
  si_rc status = call_begin(&call, project);
  status = status == SI_OK ? look_open(&call, id, &one, &fd) : status;
  if (status != SI_OK) {
    return status;
  }
  if (strcmp(object, DATA) != 0) {
    return si_fail(store->vt, op, SI_E_NOT_FOUND, object, "a backup's one object is %s", DATA);
  }
  if (offset > one.stored || lseek(fd, (off_t)offset, SEEK_SET) < 0) {
    return si_fail(store->vt, op, SI_E_INVALID, object, "the offset is beyond the end");
  }
  return pour(&call, fd, ctx, take);
}

static si_rc hash_piece(void *ctx, const void *data, size_t len) {
  return si_hasher_add(ctx, data, len);
}

si_rc look_hash(const struct call *call, int fd, const struct backup *one, bool *same) {
  struct si_hasher hasher SI_AUTO(si_hasher_free) = {NULL};
  char hex[SI_SHA256_HEX];
  si_rc status = si_hasher_start(&hasher);
  status = status == SI_OK ? pour(call, fd, &hasher, hash_piece) : status;
  status = status == SI_OK ? si_hasher_end(&hasher, hex) : status;
  if (status == SI_OK) {
    *same = strcmp(hex, one->sha256) == 0 && lseek(fd, 0, SEEK_SET) == 0;
  }
  return status;
}

static cJSON *verdict(const struct backup *one, bool deep, bool passed, const char *problem) {
  char bytes[24];
  cJSON *json = cJSON_CreateObject();
  snprintf(bytes, sizeof bytes, "%" PRIu64, one->stored == UINT64_MAX ? 0 : one->stored);
  cJSON_AddStringToObject(json, "depth", deep ? "read" : "listed");
  cJSON_AddStringToObject(json, "verdict", passed ? "pass" : "fail");
  cJSON_AddNumberToObject(json, "objects", 1);
  cJSON_AddStringToObject(json, "bytes", bytes);
  cJSON *findings = cJSON_AddArrayToObject(json, "findings");
  if (!passed) {
    cJSON *finding = cJSON_CreateObject();
    cJSON_AddStringToObject(finding, "backup", one->id);
    cJSON_AddStringToObject(finding, "object", DATA);
    cJSON_AddStringToObject(finding, "problem", problem);
    cJSON_AddItemToArray(findings, finding);
  }
  return json;
}

si_rc look_verify(si_instance *store, si_op *op, const char *project, const char *id,
                  uint32_t depth, void *ctx, si_emit emit) {
  struct call call SI_AUTO(call_end) = {.store = store, .op = op};
  struct backup one;
  int dir SI_AUTO(si_close) = -1;
  if (depth != SI_VERIFY_LISTED && depth != SI_VERIFY_READ) {
    return si_fail(store->vt, op, SI_E_UNSUPPORTED, id, "that depth is not known");
  }
  si_rc status = call_begin(&call, project);
  status = status == SI_OK ? archive_find(&call, id, &one, &dir) : status;
  if (status != SI_OK) {
    return status;
  }
  const char *problem = archive_status(&one);
  bool passed = strcmp(problem, "complete") == 0;
  if (passed && depth == SI_VERIFY_READ) {
    int fd SI_AUTO(si_close) = openat(dir, DATA, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    problem = "its SHA-256 is another";
    status = fd < 0 ? si_fail_errno(store->vt, op, errno, DATA, "cannot open %s", DATA)
                    : look_hash(&call, fd, &one, &passed);
  }
  if (status != SI_OK) {
    return status;
  }
  cJSON *json SI_AUTO(si_json_free) = verdict(&one, depth == SI_VERIFY_READ, passed, problem);
  return look_emit(json, ctx, emit);
}

static si_rc add_span(void *ctx, const struct backup *one) {
  if (strcmp(archive_status(one), "complete") == 0) {
    cJSON *span = cJSON_CreateObject();
    cJSON_AddStringToObject(span, "from", one->finished);
    cJSON_AddStringToObject(span, "to", one->finished);
    cJSON_AddNullToObject(span, "timeline");
    cJSON_AddStringToObject(span, "backup", one->id);
    cJSON_AddItemToArray(ctx, span);
  }
  return SI_OK;
}

si_rc look_window(si_instance *store, si_op *op, const char *project, void *ctx, si_emit emit) {
  struct call call SI_AUTO(call_end) = {.store = store, .op = op};
  cJSON *json SI_AUTO(si_json_free) = cJSON_CreateObject();
  cJSON *spans = cJSON_AddArrayToObject(json, "spans");
  cJSON_AddArrayToObject(json, "gaps");
  si_rc status = call_begin(&call, project);
  status = status == SI_OK ? archive_list(&call, spans, add_span) : status;
  return status == SI_OK ? look_emit(json, ctx, emit) : status;
}
