/* SPDX-License-Identifier: Apache-2.0 */
/* The reference backup provider's other half: contract, check, verify, restore, window, protect,
 * expire. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kit/base/hash.h"
#include "tests/conform/ref_backup.h"

si_rc ref_contract(si_instance *in, si_op *op, void *ctx, si_emit emit) {
  static unsigned turn;
  cJSON *json = cJSON_CreateObject();
  cJSON_AddStringToObject(json, "schema",
                          bad("backup.contract.emits") ? "other/1" : "si.backup-contract/1");
  cJSON_AddNumberToObject(json, "turn", bad("backup.contract.alone") ? turn++ : 0);
  cJSON_AddArrayToObject(json, "packs");
  cJSON *services = cJSON_AddArrayToObject(json, "services");
  cJSON *service = cJSON_CreateObject();
  cJSON_AddStringToObject(service, "name", "db");
  cJSON_AddStringToObject(service, "role", "database");
  cJSON_AddItemToArray(services, service);
  cJSON_AddArrayToObject(json, "env");
  cJSON_AddArrayToObject(json, "ports");
  return ref_emit(in, op, json, ctx, emit);
}

si_rc ref_check(si_instance *in, si_op *op, const char *project, void *ctx, si_emit emit) {
  struct ref_call call;
  si_rc status = project ? ref_begin(&call, in, op, project) : SI_OK;
  if (status != SI_OK) {
    return status;
  }
  cJSON *json = cJSON_CreateObject();
  cJSON_AddStringToObject(json, "tool", "cat");
  cJSON_AddStringToObject(json, "version", "1");
  cJSON_AddStringToObject(json, "store", in->root);
  cJSON_AddStringToObject(json, "archiving", "off");
  if (!bad("backup.check.emits")) {
    cJSON_AddArrayToObject(json, "problems");
  }
  return ref_emit(in, op, json, ctx, emit);
}

/* Is the data what it was? */
static bool whole(const struct ref_call *call, const cJSON *one) {
  char path[1300], hex[SI_SHA256_HEX];
  const char *id = si_json_str(one, "id"), *wanted = si_json_str(one, "sha256");
  snprintf(path, sizeof path, "%s/%.255s/data", call->path, id ? id : "");
  int fd SI_AUTO(si_close) = openat(call->in->dir, path, O_RDONLY | O_CLOEXEC);
  return fd >= 0 && si_sha256_fd(fd, hex) == SI_OK && wanted && strcmp(hex, wanted) == 0;
}

si_rc ref_verify(si_instance *in, si_op *op, const char *project, const char *backup,
                 uint32_t depth, void *ctx, si_emit emit) {
  struct ref_call call;
  cJSON *one SI_AUTO(si_json_free) = NULL;
  si_rc status = ref_begin(&call, in, op, project);
  if (status == SI_OK && depth > SI_VERIFY_READ && !bad("backup.verify.refused")) {
    status = ref_fail(in, op, SI_E_UNSUPPORTED, NULL, "there is no such depth");
  }
  status = status == SI_OK ? ref_load(&call, backup, &one) : status;
  if (status != SI_OK) {
    return status;
  }
  bool pass = whole(&call, one) && !bad("backup.verify.whole");
  cJSON *json = cJSON_CreateObject();
  cJSON_AddStringToObject(json, "depth", depth == SI_VERIFY_READ ? "read" : "listed");
  cJSON_AddStringToObject(json, "verdict", pass ? "pass" : "fail");
  cJSON_AddNumberToObject(json, "objects", 1);
  cJSON_AddArrayToObject(json, "findings");
  return ref_emit(in, op, json, ctx, emit);
}

/* --- restore --- */

static si_rc count_bytes(void *ctx, uint32_t stream, const void *data, size_t len) {
  (void)data;
  *(uint64_t *)ctx += stream == SI_EXEC_STDOUT ? len : 0;
  return SI_OK;
}

static si_rc give(void *ctx, void *buf, size_t cap, size_t *got) {
  ssize_t n = read(*(int *)ctx, buf, cap);
  if (n < 0) {
    return SI_E_IO;
  }
  *got = (size_t)n;
  return SI_OK;
}

static si_rc last(struct ref_call *call, cJSON *one, void *ctx) {
  (void)call;
  si_copy(ctx, 256, si_json_str(one, "id"));
  return SI_OK;
}

/* Which backup is meant? */
static si_rc choose(struct ref_call *call, const si_restore_target *target, char id[256],
                    cJSON **one) {
  bool known = target->end == SI_RESTORE_LATEST || target->end == SI_RESTORE_BACKUP;
  if (!known && bad("backup.restore.end")) {
    si_copy(id, 256, "");
    return ref_each(call, id, last);
  }
  if (!known || ((target->flags & ~(uint32_t)SI_RESTORE_REPLACE) && !bad("backup.restore.flags"))) {
    return ref_fail(call->in, call->op, SI_E_UNSUPPORTED, NULL,
                    "an end or a flag that is not known");
  }
  si_copy(id, 256, target->backup);
  si_rc status = SI_OK;
  if (target->end == SI_RESTORE_LATEST || bad("backup.restore.which")) {
    id[0] = '\0';
    status = ref_each(call, id, last);
  }
  return status == SI_OK ? ref_load(call, id, one) : status;
}

static si_rc check_target(struct ref_call *into, const si_restore_target *target) {
  static const char *const look[] = {"cat", "data", NULL};
  uint64_t length = 0;
  int32_t code = 0;
  si_rc status = ref_run(into, look, &length, NULL, count_bytes, &code);
  if (status == SI_OK && length > 0 && !(target->flags & SI_RESTORE_REPLACE) &&
      !bad("backup.restore.exists")) {
    status = ref_fail(into->in, into->op, SI_E_EXISTS, into->project, "the target holds data");
  }
  return status;
}

static si_rc write_target(struct ref_call *from, struct ref_call *into, const char *id) {
  static const char *const write[] = {"tee", "data", NULL};
  char path[1300];
  int32_t code = 0;
  uint64_t length = 0;
  snprintf(path, sizeof path, "%s/%.255s/%s", from->path, id,
           bad("backup.restore.same") ? "backup.json" : "data");
  int fd SI_AUTO(si_close) = openat(from->in->dir, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return ref_fail(from->in, from->op, SI_E_CORRUPT, id, "the data of %.100s is gone", id);
  }
  si_rc status = ref_run(into, write, &fd, give, NULL, &code);
  (void)length;
  return status == SI_OK && code != 0
             ? ref_fail(from->in, from->op, SI_E_FAILED, into->project, "tee ended with %d", code)
             : status;
}

si_rc ref_restore(si_instance *in, si_op *op, const char *project, const si_restore_target *target,
                  void *ctx, si_emit emit) {
  struct ref_call from, into;
  cJSON *one SI_AUTO(si_json_free) = NULL;
  char id[256] = "";
  static const char *const empty[] = {"tee", "data", NULL};
  int32_t code;
  si_rc status = ref_begin(&from, in, op, project);
  status = status == SI_OK ? ref_begin(&into, in, op, target->into) : status;
  if (status == SI_OK && bad("backup.restore.missing")) {
    status = ref_run(&into, empty, NULL, NULL, NULL, &code);
  }
  status = status == SI_OK ? choose(&from, target, id, &one) : status;
  status = status == SI_OK ? check_target(&into, target) : status;
  status = status == SI_OK ? write_target(&from, &into, id) : status;
  if (status != SI_OK) {
    return status;
  }
  cJSON *json = cJSON_CreateObject();
  cJSON_AddItemToArray(cJSON_AddArrayToObject(json, "backups"), cJSON_CreateString(id));
  cJSON_AddStringToObject(json, "started", "2026-01-01T00:00:00.000Z");
  return ref_emit(in, op, json, ctx, emit);
}

/* --- window --- */

static si_rc add_span(struct ref_call *call, cJSON *one, void *ctx) {
  (void)call;
  cJSON *span = cJSON_CreateObject();
  const char *finished = si_json_str(one, "finished");
  cJSON_AddStringToObject(span, "from", finished ? finished : "");
  cJSON_AddStringToObject(span, "to", finished ? finished : "");
  cJSON_AddStringToObject(span, "backup", si_json_str(one, "id"));
  cJSON_AddItemToArray(ctx, span);
  return SI_OK;
}

si_rc ref_window(si_instance *in, si_op *op, const char *project, void *ctx, si_emit emit) {
  struct ref_call call;
  si_rc status = ref_begin(&call, in, op, project);
  if (status != SI_OK) {
    return status;
  }
  cJSON *json = cJSON_CreateObject();
  cJSON *spans = cJSON_AddArrayToObject(json, "spans");
  cJSON_AddArrayToObject(json, "gaps");
  status = bad("backup.window.spans") ? SI_OK : ref_each(&call, spans, add_span);
  if (status != SI_OK) {
    cJSON_Delete(json);
    return status;
  }
  return ref_emit(in, op, json, ctx, emit);
}

/* --- protect, expire --- */

si_rc ref_protect(si_instance *in, si_op *op, const char *project, const char *backup,
                  uint32_t on) {
  struct ref_call call;
  cJSON *one SI_AUTO(si_json_free) = NULL;
  char dir[1200];
  si_rc status = ref_begin(&call, in, op, project);
  status = status == SI_OK ? ref_load(&call, backup, &one) : status;
  if (status != SI_OK) {
    return status;
  }
  bool mark = on != 0 || bad("backup.protect.marks");
  cJSON_ReplaceItemInObjectCaseSensitive(one, "protected", cJSON_CreateBool(mark));
  snprintf(dir, sizeof dir, "%s/%.255s", call.path, backup);
  return ref_write_json(&call, dir, one);
}

static bool in_list(const cJSON *list, const char *id) {
  const cJSON *item;
  cJSON_ArrayForEach(item, list) {
    if (cJSON_IsString(item) && strcmp(item->valuestring, id) == 0) {
      return true;
    }
  }
  return false;
}

/* Is the plan about this backup, and may it be carried out? */
static si_rc judge(struct ref_call *call, cJSON *one, void *ctx) {
  const cJSON *plan = ctx;
  const char *id = si_json_str(one, "id");
  bool keep = in_list(si_json_get(plan, "keep"), id);
  bool remove = in_list(si_json_get(plan, "remove"), id);
  if (keep == remove && !bad("backup.expire.whole-plan")) {
    return ref_fail(call->in, call->op, SI_E_CONFLICT, id,
                    "the plan does not say what becomes of "
                    "%.100s",
                    id);
  }
  if (remove && si_json_bool(one, "protected", false) && !bad("backup.expire.protected")) {
    return ref_fail(call->in, call->op, SI_E_RETENTION, id, "%.100s is protected", id);
  }
  return SI_OK;
}

static bool is_list(const cJSON *list) {
  const cJSON *item;
  cJSON_ArrayForEach(item, list) {
    if (!cJSON_IsString(item)) {
      return false;
    }
  }
  return cJSON_IsArray(list);
}

static si_rc remove_one(struct ref_call *call, const char *id) {
  static const char *const files[] = {"data", "backup.json", ""};
  if (!si_component_valid(id, strlen(id)) || bad("backup.expire.removes")) {
    return SI_OK;
  }
  for (size_t i = 0; i < 3; i++) {
    char path[1300];
    snprintf(path, sizeof path, "%s/%.255s/%s", call->path, id, files[i]);
    if (unlinkat(call->in->dir, path, files[i][0] ? 0 : AT_REMOVEDIR) != 0 &&
        (errno != ENOENT || bad("backup.expire.twice"))) {
      return ref_fail_errno(call->in, call->op, id);
    }
  }
  return SI_OK;
}

si_rc ref_expire(si_instance *in, si_op *op, const char *project, const char *text, uint32_t flags,
                 void *ctx, si_emit emit) {
  struct ref_call call;
  cJSON *plan SI_AUTO(si_json_free) = NULL;
  const cJSON *id;
  si_rc status = ref_begin(&call, in, op, project);
  if (status != SI_OK) {
    return status;
  }
  if (si_json_parse(text, strlen(text), &plan, NULL) != SI_OK ||
      !is_list(si_json_get(plan, "keep")) || !is_list(si_json_get(plan, "remove"))) {
    if (!bad("backup.expire.no-plan")) {
      return ref_fail(in, op, SI_E_INVALID, NULL, "this is no plan");
    }
  }
  if (flags & ~(uint32_t)SI_EXPIRE_DRY_RUN) {
    return ref_fail(in, op, SI_E_UNSUPPORTED, NULL, "a flag that is not known");
  }
  status = ref_each(&call, plan, judge);
  cJSON *json = cJSON_CreateObject();
  cJSON *removed = cJSON_AddArrayToObject(json, "removed");
  cJSON_ArrayForEach(id, si_json_get(plan, "remove")) {
    if (status == SI_OK && (!(flags & SI_EXPIRE_DRY_RUN) || bad("backup.expire.dry-run"))) {
      status = remove_one(&call, id->valuestring);
    }
    cJSON_AddItemToArray(removed, cJSON_CreateString(id->valuestring));
  }
  cJSON_AddArrayToObject(json, "remaining");
  if (status != SI_OK) {
    cJSON_Delete(json);
    return status;
  }
  return ref_emit(in, op, json, ctx, emit);
}
