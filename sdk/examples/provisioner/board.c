/* SPDX-License-Identifier: Apache-2.0 */
#include "board.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/base/hash.h"
#include "kit/base/path.h"
#include "kit/base/text.h"

#define NOTICE_MAX (1 << 20)

si_rc board_failed(const struct call *call, int err, const char *what, const char *name) {
  return si_fail_errno(call->board->vt, call->op, err, name, "cannot %s %s", what, name);
}

int board_cancelled(const struct call *call) {
  const si_host_vt *vt = call->board->vt;
  return SI_HAS(vt, si_host_vt, cancelled) && vt->cancelled(call->op);
}

/* Journals a side effect: what it was, and its outside id behind it. */
static si_rc step(const struct call *call, const char *name, uint32_t phase, const char *id) {
  const si_host_vt *vt = call->board->vt;
  return SI_HAS(vt, si_host_vt, step) ? vt->step(call->op, name, phase, id) : SI_OK;
}

/* --- what hangs there --- */

si_rc board_for_each(const struct call *call, const char *path, board_each each, void *to) {
  int fd = si_open_beneath(call->board->root, path, O_RDONLY | O_DIRECTORY, 0);
  if (fd < 0 && errno == ENOENT) {
    return SI_OK;
  }
  DIR *dir = fd < 0 ? NULL : fdopendir(fd);
  if (!dir) {
    si_close(&fd);
    return board_failed(call, errno, "look at", path);
  }
  si_rc status = SI_OK;
  for (struct dirent *e; status == SI_OK && (e = readdir(dir));) {
    status = board_cancelled(call) ? SI_E_CANCELLED
             : e->d_name[0] == '.' ? SI_OK
                                   : each(call, fd, e->d_name, to);
  }
  closedir(dir);
  return status;
}

int board_open(const struct call *call) {
  return si_open_beneath(call->board->root, call->path, O_RDONLY | O_DIRECTORY, 0);
}

const char *board_name(const char *file, const char *type) {
  size_t len = strlen(type);
  return strncmp(file, type, len) == 0 ? file + len : NULL;
}

static cJSON *append(cJSON *object, const char *list) {
  cJSON *item = cJSON_CreateObject();
  cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(object, list), item);
  return item;
}

si_rc board_inspect(const struct call *call, int dir, const char *file, void *to) {
  (void)call;
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(NOTICE_MAX);
  cJSON *notice SI_AUTO(si_json_free) = NULL;
  char hash[SI_SHA256_HEX] = "";
  const char *name = board_name(file, VOLUME);
  cJSON *item = name ? append(to, "volumes") : NULL;
  if (!name && (name = board_name(file, SERVICE))) {
    si_rc status = si_read_file(dir, file, &text);
    if (status == SI_E_NOT_FOUND) {
      return SI_OK; /* it went while we looked */
    }
    bool whole = status == SI_OK && si_json_parse(text.data, text.len, &notice, NULL) == SI_OK &&
                 si_sha256_hex(text.data, text.len, hash) == SI_OK;
    item = append(to, "services");
    cJSON_AddStringToObject(item, "state", whole ? "running" : "dead");
    cJSON_AddStringToObject(item, "health", "none");
    cJSON_AddNumberToObject(item, "exit_code", 0);
    cJSON_AddNumberToObject(item, "restarts", 0);
    const char *image = si_json_str(notice, "image");
    cJSON_AddStringToObject(item, "image", image ? image : "");
    cJSON_AddStringToObject(item, "image_id", "");
    cJSON_AddStringToObject(item, "spec_sha256", hash);
    const cJSON *ports = si_json_get(notice, "ports");
    cJSON_AddItemToObject(item, "ports",
                          ports ? cJSON_Duplicate(ports, true) : cJSON_CreateArray());
  }
  if (!item) {
    return SI_OK; /* not ours */
  }
  cJSON_AddStringToObject(item, "name", name);
  cJSON_AddStringToObject(item, "id", file);
  return SI_OK;
}

/* --- putting up --- */

si_rc board_hang(const struct call *call, int dir, const cJSON *service) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(NOTICE_MAX);
  struct si_buf there SI_AUTO(si_buf_free) = SI_BUF(NOTICE_MAX);
  char file[sizeof SERVICE + 256] = SERVICE;
  si_copy(file + strlen(SERVICE), 256, si_json_str(service, "name"));
  si_rc status = si_json_canonical(service, &text);
  if (status != SI_OK) {
    return si_fail(call->board->vt, call->op, status, file, "the notice is longer than 1 MiB");
  }
  if (si_read_file(dir, file, &there) == SI_OK && there.len == text.len &&
      memcmp(there.data, text.data, text.len) == 0) {
    return SI_OK; /* what is already right stays untouched */
  }
  status = step(call, "service", SI_STEP_BEGIN, NULL);
  if (status != SI_OK) {
    return status;
  }
  status = si_write_file(dir, file, text.data, text.len, 0644);
  int err = errno;
  si_rc told = step(call, "service", status == SI_OK ? SI_STEP_DONE : SI_STEP_FAILED, file);
  return status == SI_OK ? told : board_failed(call, err, "write", file);
}

si_rc board_make_volume(const struct call *call, int dir, const cJSON *volume) {
  char file[sizeof VOLUME + 256] = VOLUME;
  struct stat st;
  si_copy(file + strlen(VOLUME), 256, si_json_str(volume, "name"));
  if (fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode)) {
    return SI_OK;
  }
  si_rc status = step(call, "volume", SI_STEP_BEGIN, NULL);
  if (status != SI_OK) {
    return status;
  }
  int err = mkdirat(dir, file, 0700) == 0 ? 0 : errno;
  status = step(call, "volume", err ? SI_STEP_FAILED : SI_STEP_DONE, file);
  return err ? board_failed(call, err, "make", file) : status;
}

/* --- taking down --- */

/* Removes a file, or a directory with all that is below it. Follows no link. */
static int remove_all(int dir, const char *name) {
  if (unlinkat(dir, name, 0) == 0 || errno == ENOENT) {
    return 0;
  }
  int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *files = fd < 0 ? NULL : fdopendir(fd);
  if (!files) {
    si_close(&fd);
    return -1;
  }
  int result = 0;
  for (struct dirent *e; result == 0 && (e = readdir(files));) {
    if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
      result = remove_all(fd, e->d_name);
    }
  }
  closedir(files);
  return result == 0 ? unlinkat(dir, name, AT_REMOVEDIR) : -1;
}

si_rc board_take_down(const struct call *call, int dir, const char *file) {
  if (!board_name(file, SERVICE) && !board_name(file, VOLUME)) {
    return SI_OK;
  }
  si_rc status = step(call, "remove", SI_STEP_BEGIN, file);
  if (status != SI_OK) {
    return status;
  }
  int err = remove_all(dir, file) == 0 ? 0 : errno;
  status = step(call, "remove", err ? SI_STEP_FAILED : SI_STEP_DONE, file);
  return err ? board_failed(call, err, "remove", file) : status;
}
