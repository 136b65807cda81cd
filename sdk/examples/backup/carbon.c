/* SPDX-License-Identifier: Apache-2.0 */
/* carbon - a backup provider: the files of a service, as a tar archive that the service's own tar
 * writes and reads; the host passes the bytes on (si.exec/1). Whole backups alone: a restore goes
 * to the end of one of them. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <si/service.h>

#include "archive.h"
#include "kit/base/path.h"
#include "look.h"
#include "project.h"

/* --- what it asks for, and whether it can work --- */

static si_rc contract(si_instance *store, si_op *op, void *ctx, si_emit emit) {
  static const char *const roles[] = {"backup", "restore"};
  cJSON *json SI_AUTO(si_json_free) = cJSON_CreateObject();
  (void)op;
  cJSON_AddStringToObject(json, "schema", "si.backup-contract/1");
  cJSON_AddStringToObject(json, "profile", "files");
  cJSON_AddArrayToObject(json, "packs");
  cJSON *services = cJSON_AddArrayToObject(json, "services");
  for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
    cJSON *service = cJSON_CreateObject();
    cJSON_AddStringToObject(service, "name", store->service);
    cJSON_AddStringToObject(service, "role", roles[i]);
    cJSON_AddItemToArray(services, service);
  }
  cJSON_AddArrayToObject(json, "env");
  cJSON_AddArrayToObject(json, "ports");
  return look_emit(json, ctx, emit);
}

static si_rc check(si_instance *store, si_op *op, const char *project, void *ctx, si_emit emit) {
  struct call call SI_AUTO(call_end) = {.store = store, .op = op};
  cJSON *json SI_AUTO(si_json_free) = cJSON_CreateObject();
  bool works = true;
  if (project) {
    si_rc status = call_begin(&call, project);
    status = status == SI_OK ? project_check(&call, &works) : status;
    if (status != SI_OK) {
      return status;
    }
  }
  cJSON_AddStringToObject(json, "tool", "tar");
  cJSON_AddNullToObject(json, "version");
  cJSON_AddStringToObject(json, "store", "directory");
  cJSON_AddNullToObject(json, "source");
  cJSON_AddStringToObject(json, "archiving", "off");
  cJSON *problems = cJSON_AddArrayToObject(json, "problems");
  if (!works) {
    cJSON *problem = cJSON_CreateObject();
    cJSON_AddStringToObject(problem, "code", "NO_TAR");
    cJSON_AddStringToObject(problem, "message", "the service has no tar that works");
    cJSON_AddItemToArray(problems, problem);
  }
  return look_emit(json, ctx, emit);
}

/* --- making one --- */

static si_rc save(const struct call *call, int project, struct backup *backup, int dir) {
  int fd SI_AUTO(si_close) = openat(dir, DATA, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) {
    return si_fail_errno(call->store->vt, call->op, errno, DATA, "cannot make %s", DATA);
  }
  si_rc status = project_save(call, fd, backup);
  if (status == SI_OK && fsync(fd) != 0) {
    status = si_fail_errno(call->store->vt, call->op, errno, DATA, "cannot make %s durable", DATA);
  }
  if (status != SI_OK) {
    return status;
  }
  si_now_text(backup->finished);
  backup->stored = backup->bytes;
  status = archive_note(call, dir, backup);
  return status != SI_OK || fsync(project) == 0
             ? status
             : si_fail_errno(call->store->vt, call->op, errno, NULL, "cannot be made durable");
}

static si_rc backup(si_instance *store, si_op *op, const char *project_json, uint32_t type,
                    void *ctx, si_emit emit) {
  struct call call SI_AUTO(call_end) = {.store = store, .op = op};
  struct backup made;
  int dir SI_AUTO(si_close) = -1;
  if (type != SI_BACKUP_FULL) {
    return si_fail(store->vt, op, SI_E_UNSUPPORTED, NULL, "whole backups are the only type");
  }
  si_rc status = call_begin(&call, project_json);
  int project SI_AUTO(si_close) = status == SI_OK ? archive_open(&call) : -1;
  if (project < 0) {
    return status == SI_OK ? SI_E_IO : status;
  }
  if (flock(project, LOCK_EX | LOCK_NB) != 0) {
    return si_fail(store->vt, op, SI_E_CONFLICT, call.project_id,
                   "another backup of this project is being made");
  }
  status = archive_new(&call, project, &made, &dir);
  if (status != SI_OK) {
    return status;
  }
  status = save(&call, project, &made, dir);
  if (status != SI_OK) {
    archive_drop(project, made.id);
    return status;
  }
  cJSON *json SI_AUTO(si_json_free) = archive_json(&call, &made);
  return look_emit(json, ctx, emit);
}

/* --- bringing one back --- */

static si_rc keep_latest(void *ctx, const struct backup *one) {
  if (strcmp(archive_status(one), "complete") == 0) {
    *(struct backup *)ctx = *one;
  }
  return SI_OK;
}

/* The data to be restored, found, whole, and open at its beginning. */
static si_rc find_data(const struct call *call, const si_restore_target *target, struct backup *out,
                       int *fd) {
  struct backup latest = {.id = ""};
  const char *id = target->backup;
  bool same = false;
  si_rc status = SI_OK;
  if (target->end == SI_RESTORE_LATEST) {
    status = archive_list(call, &latest, keep_latest);
    id = latest.id;
  }
  if (status == SI_OK && !(id && id[0])) {
    status = si_fail(call->store->vt, call->op, SI_E_NOT_FOUND, call->project_id,
                     "there is no complete backup of this project");
  }
  status = status == SI_OK ? look_open(call, id, out, fd) : status;
  status = status == SI_OK ? look_hash(call, *fd, out, &same) : status;
  return status != SI_OK || same
             ? status
             : si_fail(call->store->vt, call->op, SI_E_CORRUPT, DATA,
                       "the data of backup %s is not what was written", out->id);
}

static cJSON *restored(const struct backup *one, const char *started) {
  char now[SI_TIME_SIZE];
  cJSON *json = cJSON_CreateObject();
  cJSON_AddItemToArray(cJSON_AddArrayToObject(json, "backups"), cJSON_CreateString(one->id));
  cJSON *source = cJSON_AddObjectToObject(json, "source");
  cJSON_AddStringToObject(source, "engine", "files");
  cJSON_AddNullToObject(source, "version");
  cJSON_AddNullToObject(source, "system_id");
  cJSON *reached = cJSON_AddObjectToObject(json, "reached");
  cJSON_AddStringToObject(reached, "time", one->finished);
  cJSON_AddNullToObject(reached, "position");
  cJSON_AddNullToObject(reached, "timeline");
  si_now_text(now);
  cJSON_AddStringToObject(json, "started", started);
  cJSON_AddStringToObject(json, "finished", now);
  return json;
}

static si_rc restore(si_instance *store, si_op *op, const char *project,
                     const si_restore_target *target, void *ctx, si_emit emit) {
  struct call from SI_AUTO(call_end) = {.store = store, .op = op};
  struct call into SI_AUTO(call_end) = {.store = store, .op = op};
  struct backup one;
  char started[SI_TIME_SIZE];
  bool holds = true;
  int fd SI_AUTO(si_close) = -1;
  if ((target->end != SI_RESTORE_LATEST && target->end != SI_RESTORE_BACKUP) ||
      (target->flags & ~(uint32_t)SI_RESTORE_REPLACE)) {
    return si_fail(store->vt, op, SI_E_UNSUPPORTED, NULL,
                   "a restore goes to the end of a backup, and knows no flag but REPLACE");
  }
  si_now_text(started);
  si_rc status = call_begin(&from, project);
  status = status == SI_OK ? call_begin(&into, target->into) : status;
  status = status == SI_OK ? find_data(&from, target, &one, &fd) : status;
  status = status == SI_OK ? project_holds(&into, &holds) : status;
  if (status == SI_OK && holds && !(target->flags & SI_RESTORE_REPLACE)) {
    status = si_fail(store->vt, op, SI_E_EXISTS, into.project_id,
                     "the project has data at %s already", store->path);
  }
  status = status == SI_OK ? project_replace(&into, fd, holds) : status;
  if (status != SI_OK) {
    return status;
  }
  cJSON *json SI_AUTO(si_json_free) = restored(&one, started);
  return look_emit(json, ctx, emit);
}

/* --- open, close --- */

/* Relative, and without components that lead out of where commands start. */
static bool path_is_sound(const char *path) {
  size_t len = path ? strlen(path) : 0;
  if (len == 0 || len >= sizeof((struct si_instance *)NULL)->path) {
    return false;
  }
  for (;; path++) {
    len = strcspn(path, "/");
    if (!si_component_valid(path, len)) {
      return false;
    }
    path += len;
    if (!*path) {
      return true;
    }
  }
}

static si_rc configure(si_instance *store, si_op *op, const char *config_json) {
  static const char *const settings[] = {"root", "service", "path", NULL};
  cJSON *config SI_AUTO(si_json_free) = NULL;
  si_rc status = si_config_read(store->vt, op, config_json, settings, &config);
  if (status != SI_OK) {
    return status;
  }
  const char *service = si_json_str(config, "service");
  const char *path = si_json_str(config, "path");
  if (!service || !si_name_valid(service)) {
    return si_fail_config(store->vt, op, "service", "service must be the name of a service");
  }
  if (!path_is_sound(path)) {
    return si_fail_config(store->vt, op, "path",
                          "path must be relative, without \"..\", at most 511 bytes");
  }
  si_copy(store->service, sizeof store->service, service);
  si_copy(store->path, sizeof store->path, path);
  return si_config_dir(store->vt, op, config, "root", &store->root);
}

static void close_store(si_instance *store) {
  si_close(&store->root);
  free(store);
}

static si_rc open_store(const si_host_vt *vt, si_host *host, si_op *op, const char *config_json,
                        si_instance **out) {
  si_instance *store = calloc(1, sizeof *store);
  if (!store) {
    return si_fail(vt, op, SI_E_NOMEM, NULL, "out of memory");
  }
  store->vt = vt;
  store->root = -1;
  store->exec = SI_HAS(vt, si_host_vt, service) ? vt->service(host, SI_EXEC_ID) : NULL;
  si_rc status = configure(store, op, config_json);
  if (status == SI_OK && !store->exec) {
    status = si_fail(vt, op, SI_E_UNSUPPORTED, NULL,
                     "this host runs no commands in projects (" SI_EXEC_ID ")");
  }
  if (status != SI_OK) {
    close_store(store);
    return status;
  }
  *out = store;
  return SI_OK;
}

static const si_backup_vt table = {
    .size = sizeof table,
    .contract = contract,
    .check = check,
    .backup = backup,
    .list = look_list,
    .inventory = look_inventory,
    .read = look_read,
    .verify = look_verify,
    .restore = restore,
    .window = look_window,
};

SI_PROVIDER(SI_KIND_BACKUP, 0, SI_THREADS_PARALLEL, open_store, close_store, &table,
            "{\"type\":\"object\",\"properties\":{"
            "\"root\":{\"type\":\"string\",\"pattern\":\"^/\",\"description\":"
            "\"absolute path of the directory that holds the backups\"},"
            "\"service\":{\"type\":\"string\",\"pattern\":\"^[a-z0-9][a-z0-9-]*$\","
            "\"maxLength\":63,\"description\":\"the service whose files are backed up\"},"
            "\"path\":{\"type\":\"string\",\"maxLength\":511,\"description\":"
            "\"what is backed up, relative to where its commands start\"}},"
            "\"required\":[\"root\",\"service\",\"path\"],\"additionalProperties\":false}");
