/* SPDX-License-Identifier: Apache-2.0 */
#include "archive.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/base/path.h"

#define NOTE "backup.json"
#define MOST 10000 /* backups of one project */

/* --- a call --- */

static const char *component(const cJSON *json, const char *key) {
  const char *text = si_json_str(json, key);
  return text && si_component_valid(text, strlen(text)) ? text : NULL;
}

si_rc call_begin(struct call *call, const char *json) {
  struct si_error error;
  const si_host_vt *vt = call->store->vt;
  si_rc status = si_json_parse(json, strlen(json), &call->project, &error);
  if (status != SI_OK) {
    return si_fail(vt, call->op, status, NULL, "the project document: %s", error.message);
  }
  call->context_id = component(call->project, "context_id");
  call->project_id = component(call->project, "project_id");
  call->operation_id = si_json_str(call->project, "operation_id");
  call->operation_id = call->operation_id ? call->operation_id : "";
  if (!call->context_id || !call->project_id || strlen(call->operation_id) > 255) {
    return si_fail(vt, call->op, SI_E_INVALID, NULL,
                   "context_id, project_id or operation_id of the project cannot be used");
  }
  return si_path_join(call->path, sizeof call->path, call->context_id, call->project_id);
}

void call_end(struct call *call) {
  si_json_free(&call->project);
}

int call_cancelled(const struct call *call) {
  const si_host_vt *vt = call->store->vt;
  return SI_HAS(vt, si_host_vt, cancelled) && vt->cancelled(call->op);
}

/* --- directories --- */

int archive_open(const struct call *call) {
  int dir = -1;
  if (si_mkdir_beneath(call->store->root, call->path, 0700) == 0) {
    dir = si_open_beneath(call->store->root, call->path, O_RDONLY | O_DIRECTORY, 0);
  }
  if (dir < 0) {
    si_fail_errno(call->store->vt, call->op, errno, call->path, "cannot open %s", call->path);
  }
  return dir;
}

void archive_drop(int project, const char *id) {
  int dir SI_AUTO(si_close) = openat(project, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (dir >= 0) {
    (void)unlinkat(dir, DATA, 0);
    (void)unlinkat(dir, NOTE, 0); /* last: until then it is told as incomplete */
  }
  (void)unlinkat(project, id, AT_REMOVEDIR);
}

si_rc archive_new(const struct call *call, int project, struct backup *out, int *dir) {
  char hex[17];
  int made SI_AUTO(si_close) = -1;
  *out = (struct backup){.stored = UINT64_MAX};
  si_rc status = si_random_hex(hex, 8);
  if (status != SI_OK) {
    return si_fail(call->store->vt, call->op, status, NULL, "no random bytes");
  }
  snprintf(out->id, sizeof out->id, "b-%013" PRId64 "-%s", si_now_ms(), hex);
  si_now_text(out->started);
  si_copy(out->operation_id, sizeof out->operation_id, call->operation_id);
  if (mkdirat(project, out->id, 0700) != 0 ||
      (made = openat(project, out->id, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
    return si_fail_errno(call->store->vt, call->op, errno, out->id, "cannot make %s", out->id);
  }
  status = archive_note(call, made, out);
  if (status != SI_OK) {
    archive_drop(project, out->id);
    return status;
  }
  *dir = made;
  made = -1;
  return SI_OK;
}

/* --- what a backup is --- */

si_rc archive_note(const struct call *call, int dir, const struct backup *backup) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(64 << 10);
  cJSON *json SI_AUTO(si_json_free) = cJSON_CreateObject();
  char bytes[24];
  snprintf(bytes, sizeof bytes, "%" PRIu64, backup->bytes);
  cJSON_AddStringToObject(json, "started", backup->started);
  cJSON_AddStringToObject(json, "finished", backup->finished);
  cJSON_AddStringToObject(json, "operation_id", backup->operation_id);
  cJSON_AddStringToObject(json, "bytes", bytes);
  cJSON_AddStringToObject(json, "sha256", backup->sha256);
  si_rc status = si_json_print(json, true, &text);
  if (status == SI_OK) {
    status = si_write_file(dir, NOTE, si_buf_text(&text), text.len, 0600);
  }
  return status == SI_OK ? SI_OK
                         : si_fail_errno(call->store->vt, call->op, errno, backup->id,
                                         "cannot note the backup %s", backup->id);
}

static void take(char *to, size_t size, const cJSON *json, const char *key) {
  si_copy(to, size, si_json_str(json, key));
}

/* SI_E_NOT_FOUND: what stands there is no backup. */
static si_rc read_note(int dir, struct backup *out) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(64 << 10);
  cJSON *json SI_AUTO(si_json_free) = NULL;
  struct stat st;
  if (si_read_file(dir, NOTE, &text) != SI_OK ||
      si_json_parse(si_buf_text(&text), text.len, &json, NULL) != SI_OK) {
    return SI_E_NOT_FOUND;
  }
  take(out->started, sizeof out->started, json, "started");
  take(out->finished, sizeof out->finished, json, "finished");
  take(out->operation_id, sizeof out->operation_id, json, "operation_id");
  take(out->sha256, sizeof out->sha256, json, "sha256");
  const char *bytes = si_json_str(json, "bytes");
  if (!bytes || si_parse_u64(bytes, 0, UINT64_MAX, &out->bytes) != SI_OK) {
    return SI_E_NOT_FOUND;
  }
  bool there = fstatat(dir, DATA, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
  out->stored = there ? (uint64_t)st.st_size : UINT64_MAX;
  out->modified_ms = there ? (int64_t)st.st_mtim.tv_sec * 1000 : 0;
  return SI_OK;
}

const char *archive_status(const struct backup *backup) {
  return !backup->finished[0]              ? "incomplete"
         : backup->stored != backup->bytes ? "damaged"
                                           : "complete";
}

static bool add_bytes(cJSON *json, const char *key, uint64_t bytes) {
  char text[24];
  snprintf(text, sizeof text, "%" PRIu64, bytes);
  return bytes == UINT64_MAX ? cJSON_AddNullToObject(json, key)
                             : cJSON_AddStringToObject(json, key, text);
}

cJSON *archive_json(const struct call *call, const struct backup *backup) {
  cJSON *json SI_AUTO(si_json_free) = cJSON_CreateObject();
  cJSON *source = cJSON_CreateObject();
  bool ok = cJSON_AddStringToObject(source, "engine", "files") &&
            cJSON_AddNullToObject(source, "version") && cJSON_AddNullToObject(source, "system_id");
  ok = cJSON_AddItemToObject(json, "source", source) && ok;
  ok = ok && cJSON_AddStringToObject(json, "id", backup->id) &&
       cJSON_AddStringToObject(json, "type", "full") && cJSON_AddNullToObject(json, "parent") &&
       cJSON_AddStringToObject(json, "status", archive_status(backup)) &&
       cJSON_AddStringToObject(json, "context_id", call->context_id) &&
       cJSON_AddStringToObject(json, "project_id", call->project_id) &&
       cJSON_AddStringToObject(json, "operation_id", backup->operation_id) &&
       cJSON_AddStringToObject(json, "started", backup->started) &&
       cJSON_AddFalseToObject(json, "protected") &&
       add_bytes(json, "stored_bytes", backup->stored) &&
       cJSON_AddNullToObject(json, "source_bytes") &&
       cJSON_AddNullToObject(json, "from_position") && cJSON_AddNullToObject(json, "to_position") &&
       cJSON_AddNullToObject(json, "timeline");
  ok = ok && (backup->finished[0] ? cJSON_AddStringToObject(json, "finished", backup->finished)
                                  : cJSON_AddNullToObject(json, "finished"));
  cJSON *out = ok ? json : NULL;
  json = ok ? NULL : json;
  return out;
}

/* --- finding --- */

si_rc archive_find(const struct call *call, const char *id, struct backup *out, int *dir) {
  int project SI_AUTO(si_close) = archive_open(call);
  if (project < 0) {
    return SI_E_IO;
  }
  bool valid = si_component_valid(id, strlen(id)) && strlen(id) < sizeof out->id;
  int found SI_AUTO(si_close) =
      valid ? openat(project, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
  *out = (struct backup){.stored = UINT64_MAX};
  si_copy(out->id, sizeof out->id, id);
  if (found < 0 || read_note(found, out) != SI_OK) {
    return si_fail(call->store->vt, call->op, SI_E_NOT_FOUND, id, "there is no backup \"%.100s\"",
                   id);
  }
  if (dir) {
    *dir = found;
    found = -1;
  }
  return SI_OK;
}

static int is_backup(const struct dirent *entry) {
  return strncmp(entry->d_name, "b-", 2) == 0 && strlen(entry->d_name) < 64;
}

/* The name begins with the time: sorted by name is oldest first. */
si_rc archive_list(const struct call *call, void *ctx, archive_each each) {
  struct dirent **entries = NULL;
  int project SI_AUTO(si_close) = archive_open(call);
  if (project < 0) {
    return SI_E_IO;
  }
  int count = scandirat(project, ".", &entries, is_backup, alphasort);
  if (count < 0) {
    return si_fail_errno(call->store->vt, call->op, errno, NULL, "cannot list the backups");
  }
  si_rc status = count <= MOST ? SI_OK
                               : si_fail(call->store->vt, call->op, SI_E_QUOTA, NULL,
                                         "there are more than %d backups", MOST);
  for (int i = 0; i < count; i++) {
    struct backup backup = {.stored = UINT64_MAX};
    int dir SI_AUTO(si_close) =
        status == SI_OK
            ? openat(project, entries[i]->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            : -1;
    si_copy(backup.id, sizeof backup.id, entries[i]->d_name);
    if (dir >= 0 && read_note(dir, &backup) == SI_OK) {
      status = call_cancelled(call) ? SI_E_CANCELLED : each(ctx, &backup);
    }
    free(entries[i]);
  }
  free(entries);
  return status;
}
