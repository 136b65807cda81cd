/* SPDX-License-Identifier: Apache-2.0 */
/* A backup provider that copies the file `data` of a project's service `db`, which it reads and
 * writes by commands (`si.exec/1`): making, listing and reading. A backup is a directory
 * ROOT/CONTEXT/PROJECT/ID with the files `data` and `backup.json`. */
#include "tests/conform/ref_backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/base/hash.h"

static atomic_uint counter;

si_rc ref_begin(struct ref_call *call, si_instance *in, si_op *op, const char *project) {
  cJSON *json SI_AUTO(si_json_free) = NULL;
  *call = (struct ref_call){.in = in, .op = op};
  bool parsed = si_json_parse(project, strlen(project), &json, NULL) == SI_OK;
  const char *context = parsed ? si_json_str(json, "context_id") : NULL;
  const char *id = parsed ? si_json_str(json, "project_id") : NULL;
  const char *operation = parsed ? si_json_str(json, "operation_id") : NULL;
  if (bad("backup.make.bad-project") && !id) {
    context = id = operation = "none";
  }
  if (!context || !id || !operation || !si_component_valid(context, strlen(context)) ||
      !si_component_valid(id, strlen(id))) {
    return ref_fail(in, op, SI_E_INVALID, NULL, "this is no si.project/1 document");
  }
  si_copy(call->context, sizeof call->context, context);
  si_copy(call->project, sizeof call->project, id);
  si_copy(call->operation, sizeof call->operation, operation);
  snprintf(call->path, sizeof call->path, "%.255s/%.255s", call->context,
           bad("backup.list.apart") ? "all" : call->project);
  return ref_stop(in, op);
}

/* --- commands --- */

si_rc ref_run(struct ref_call *call, const char *const *argv, void *ctx, si_exec_input input,
              si_exec_output output, int32_t *code) {
  const si_exec_vt *exec = call->in->vt->service(call->in->host, SI_EXEC_ID);
  const si_exec_command command = {.size = sizeof command,
                                   .where = SI_EXEC_IN_SERVICE,
                                   .project_id = call->project,
                                   .service = "db",
                                   .argv = argv};
  si_exec_result result = {.size = sizeof result};
  si_rc status = exec->run(call->op, &command, ctx, input, output, &result);
  if (status != SI_OK) {
    return ref_fail(call->in, call->op, status, "db", "%s could not be run in %s", argv[0],
                    call->project);
  }
  *code = result.exit_code;
  return SI_OK;
}

struct copy {
  int fd;
  uint64_t length;
  struct si_hasher hasher;
};

static si_rc keep(void *ctx, uint32_t stream, const void *data, size_t len) {
  struct copy *copy = ctx;
  if (stream != SI_EXEC_STDOUT) {
    return SI_OK;
  }
  copy->length += len;
  si_rc status = si_hasher_add(&copy->hasher, data, len);
  return status == SI_OK && si_write_all(copy->fd, data, len) != 0 ? SI_E_IO : status;
}

/* --- backup --- */

static cJSON *describe(const struct ref_call *call, const char *id, const char *started,
                       uint64_t length, const char *sha256) {
  char bytes[24], now[SI_TIME_SIZE];
  cJSON *json = cJSON_CreateObject();
  si_now_text(now);
  snprintf(bytes, sizeof bytes, "%llu", (unsigned long long)length);
  cJSON_AddStringToObject(json, "id", id);
  cJSON_AddStringToObject(json, "type", bad("backup.make.delta") ? "half" : "full");
  cJSON_AddNullToObject(json, "parent");
  cJSON_AddStringToObject(json, "status", bad("backup.make.complete") ? "incomplete" : "complete");
  cJSON_AddStringToObject(json, "context_id", call->context);
  cJSON_AddStringToObject(json, "project_id", bad("backup.make.marks") ? "?" : call->project);
  cJSON_AddStringToObject(json, "operation_id", call->operation);
  cJSON_AddStringToObject(json, "started", bad("backup.make.times") ? "now" : started);
  cJSON_AddStringToObject(json, "finished", now);
  cJSON_AddBoolToObject(json, "protected", false);
  cJSON_AddStringToObject(json, "stored_bytes", bytes);
  cJSON_AddStringToObject(json, "sha256", sha256);
  return json;
}

si_rc ref_write_json(const struct ref_call *call, const char *dir, const cJSON *json) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(65536);
  int fd SI_AUTO(si_close) = openat(call->in->dir, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return fd >= 0 && si_json_print(json, false, &text) == SI_OK &&
                 si_write_file(fd, "backup.json", text.data, text.len, 0600) == SI_OK
             ? SI_OK
             : SI_E_IO;
}

static void drop(struct ref_call *call, const char *dir) {
  static const char *const files[] = {"data", "backup.json"};
  char path[1300];
  for (size_t i = 0; i < 2; i++) {
    snprintf(path, sizeof path, "%s/%s", dir, files[i]);
    unlinkat(call->in->dir, path, 0);
  }
  unlinkat(call->in->dir, dir, AT_REMOVEDIR);
}

/* Copies the data into the directory, and describes it there. */
static si_rc copy_data(struct ref_call *call, const char *id, const char *dir, cJSON **made) {
  static const char *const argv[] = {"cat", "data", NULL};
  char path[1300], started[SI_TIME_SIZE], sha256[SI_SHA256_HEX] = "";
  struct copy copy = {.fd = -1};
  int32_t code = 0;
  si_now_text(started);
  snprintf(path, sizeof path, "%s/data", dir);
  copy.fd = openat(call->in->dir, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  si_rc status = copy.fd >= 0 ? si_hasher_start(&copy.hasher) : SI_E_IO;
  status = status == SI_OK ? ref_run(call, argv, &copy, NULL, keep, &code) : status;
  if (status == SI_OK && code != 0) {
    status = ref_fail(call->in, call->op, SI_E_FAILED, "db", "cat ended with %d", code);
  }
  status = status == SI_OK ? si_hasher_end(&copy.hasher, sha256) : status;
  si_hasher_free(&copy.hasher);
  si_close(&copy.fd);
  if (status == SI_OK) {
    if (bad("backup.read.whole")) {
      sha256[0] = sha256[0] == 'a' ? 'b' : 'a';
    }
    *made = describe(call, id, started, copy.length, sha256);
    status = ref_write_json(call, dir, *made);
  }
  return status;
}

static si_rc backup(si_instance *in, si_op *op, const char *project, uint32_t type, void *ctx,
                    si_emit emit) {
  struct ref_call call;
  cJSON *made = NULL;
  char id[64], fresh[1200], place[1200];
  si_rc status = ref_begin(&call, in, op, project);
  if (status == SI_OK && type != SI_BACKUP_FULL &&
      !(bad("backup.make.unknown-type") && type > SI_BACKUP_DELTA) &&
      !(bad("backup.make.delta") && type == SI_BACKUP_DELTA)) {
    status = ref_fail(in, op, SI_E_UNSUPPORTED, NULL, "only full backups are made");
  }
  if (status != SI_OK) {
    return status;
  }
  snprintf(id, sizeof id, "b%016lld-%04u", (long long)si_now_ms(),
           bad("backup.make.ids") ? 0 : atomic_fetch_add(&counter, 1));
  if (bad("backup.list.order")) {
    snprintf(id, sizeof id, "b%04u", 9999 - atomic_fetch_add(&counter, 1));
  }
  if (bad("backup.make.ids")) {
    snprintf(id, sizeof id, "backup");
  }
  snprintf(place, sizeof place, "%s/%s", call.path, id);
  snprintf(fresh, sizeof fresh, "%s/.new-%s", call.path, id);
  if (bad("backup.make.cancelled")) {
    si_copy(fresh, sizeof fresh, place);
  }
  if (bad("backup.make.ids")) {
    drop(&call, place);
  }
  if (si_mkdir_beneath(in->dir, fresh, 0700) != 0) {
    return ref_fail_errno(in, op, fresh);
  }
  if (bad("backup.make.cancelled")) { /* told as complete before it is */
    made = describe(&call, id, "2026-01-01T00:00:00.000Z", 0, "");
    (void)!ref_write_json(&call, fresh, made);
    si_json_free(&made);
  }
  status = copy_data(&call, id, fresh, &made);
  if (status != SI_OK) {
    cJSON_Delete(made);
    if (!bad("backup.make.cancelled")) {
      drop(&call, fresh);
    }
    return status;
  }
  if (strcmp(fresh, place) != 0 && renameat(in->dir, fresh, in->dir, place) != 0) {
    cJSON_Delete(made);
    return ref_fail_errno(in, op, place);
  }
  return ref_emit(in, op, made, ctx, emit);
}

/* --- looking --- */

si_rc ref_load(struct ref_call *call, const char *id, cJSON **out) {
  char path[1200];
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(65536);
  if (!si_component_valid(id, strlen(id))) {
    return ref_fail(call->in, call->op, SI_E_NOT_FOUND, id, "there is no backup %.100s", id);
  }
  snprintf(path, sizeof path, "%s/%.255s", call->path, id);
  int fd SI_AUTO(si_close) = openat(call->in->dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 || si_read_file(fd, "backup.json", &text) != SI_OK ||
      si_json_parse(text.data, text.len, out, NULL) != SI_OK) {
    return ref_fail(call->in, call->op, SI_E_NOT_FOUND, id, "there is no backup %.100s", id);
  }
  return SI_OK;
}

static int visible(const struct dirent *entry) {
  return entry->d_name[0] != '.';
}

si_rc ref_each(struct ref_call *call, void *ctx,
               si_rc (*each)(struct ref_call *call, cJSON *backup, void *ctx)) {
  char path[SI_PATH_MAX + 1200];
  struct dirent **entries = NULL;
  snprintf(path, sizeof path, "%s/%s", call->in->root, call->path);
  int count = scandir(path, &entries, visible, alphasort);
  si_rc status = SI_OK;
  for (int i = 0; i < count; i++) {
    cJSON *one SI_AUTO(si_json_free) = NULL;
    if (status == SI_OK && ref_load(call, entries[i]->d_name, &one) == SI_OK) {
      status = each(call, one, ctx);
    }
    free(entries[i]);
  }
  free(entries);
  return status;
}

struct receiver {
  void *ctx;
  si_backup_fn each;
  size_t told;
};

static si_rc tell(struct ref_call *call, cJSON *one, void *ctx) {
  struct receiver *receiver = ctx;
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(65536);
  (void)call;
  if (si_json_print(one, false, &text) != SI_OK) {
    return SI_E_NOMEM;
  }
  receiver->told++;
  si_rc status = receiver->each(receiver->ctx, text.data, text.len);
  return bad("backup.list.stopped") ? SI_OK : status;
}

static si_rc list(si_instance *in, si_op *op, const char *project, void *ctx, si_backup_fn each) {
  struct ref_call call;
  struct receiver receiver = {ctx, each, 0};
  si_rc status = ref_begin(&call, in, op, project);
  status = status == SI_OK ? ref_each(&call, &receiver, tell) : status;
  if (status == SI_OK && receiver.told == 0 && bad("backup.list.none")) {
    status = ref_fail(in, op, SI_E_NOT_FOUND, call.project, "there are no backups");
  }
  return status;
}

static si_rc inventory(si_instance *in, si_op *op, const char *project, const char *backup_id,
                       void *ctx, si_backup_object_fn each) {
  struct ref_call call;
  cJSON *one SI_AUTO(si_json_free) = NULL;
  si_rc status = ref_begin(&call, in, op, project);
  status = status == SI_OK ? ref_load(&call, backup_id, &one) : status;
  if (status != SI_OK) {
    return status;
  }
  const char *bytes = si_json_str(one, "stored_bytes");
  const si_backup_object object = {.size = sizeof object,
                                   .name = "data",
                                   .length = strtoull(bytes ? bytes : "0", NULL, 10),
                                   .sha256 = si_json_str(one, "sha256")};
  status = each(ctx, &object);
  return status == SI_OK && bad("backup.inventory.names") ? each(ctx, &object) : status;
}

static si_rc read_object(si_instance *in, si_op *op, const char *project, const char *backup_id,
                         const char *object, uint64_t offset, void *ctx, si_backup_bytes_fn take) {
  struct ref_call call;
  cJSON *one SI_AUTO(si_json_free) = NULL;
  char path[1300], bytes[65536];
  struct stat st;
  si_rc status = ref_begin(&call, in, op, project);
  status = status == SI_OK ? ref_load(&call, backup_id, &one) : status;
  if (status == SI_OK && strcmp(object, "data") != 0 && !bad("backup.read.missing")) {
    status = ref_fail(in, op, SI_E_NOT_FOUND, object, "a backup has no object %.100s", object);
  }
  if (status != SI_OK) {
    return status;
  }
  snprintf(path, sizeof path, "%s/%.255s/data", call.path, backup_id);
  int fd SI_AUTO(si_close) = openat(in->dir, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &st) != 0) {
    return ref_fail_errno(in, op, object);
  }
  if (offset > (uint64_t)st.st_size) {
    return bad("backup.read.offset")
               ? SI_OK
               : ref_fail(in, op, SI_E_INVALID, object, "the offset lies beyond the end");
  }
  ssize_t n = 0;
  while (status == SI_OK && (n = pread(fd, bytes, sizeof bytes, (off_t)offset)) > 0) {
    bytes[0] =
        (char)(bytes[0] ^ (bad("backup.read.again") ? (int)atomic_fetch_add(&counter, 1) : 0));
    status = take(ctx, bytes, (size_t)n);
    status = bad("backup.read.stopped") ? SI_OK : status;
    offset += (uint64_t)n;
  }
  return n < 0 ? ref_fail_errno(in, op, object) : status;
}

static const si_backup_vt table = {
    .size = sizeof table,
    .contract = ref_contract,
    .check = ref_check,
    .backup = backup,
    .list = list,
    .inventory = inventory,
    .read = read_object,
    .verify = ref_verify,
    .restore = ref_restore,
    .window = ref_window,
    .protect = ref_protect,
    .expire = ref_expire,
};

si_provider ref_provider = {
    .size = sizeof(si_provider),
    .kind = SI_KIND_BACKUP,
    .caps = SI_CAP_BACKUP_PROTECT | SI_CAP_BACKUP_EXPIRE,
    .threads = SI_THREADS_SERIAL,
    .id = "reference",
    .schema =
        "{\"type\":\"object\",\"properties\":{"
        "\"root\":{\"type\":\"string\",\"pattern\":\"^/\",\"maxLength\":1024},"
        "\"label\":{\"enum\":[\"plain\",\"fancy\"]},"
        "\"tries\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":10},"
        "\"token\":{\"type\":\"string\",\"x-secret\":true}},"
        "\"required\":[\"root\"],\"additionalProperties\":false}",
    .needs = "{\"write\":[\"${config.root}\"]}",
    .vt = &table,
};

si_rc ref_kind_open(si_instance *in, si_op *op) {
  return SI_HAS(in->vt, si_host_vt, service) && in->vt->service(in->host, SI_EXEC_ID)
             ? SI_OK
             : ref_fail(in, op, SI_E_UNSUPPORTED, NULL, "this host has no " SI_EXEC_ID);
}
