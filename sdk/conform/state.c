/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/conform/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kit/base/text.h"
#include "sdk/conform/host.h"

enum { DOCUMENT_MAX = 64 * 1024, DOCUMENTS_MAX = 256 };

static bool name_fits(const char *name) {
  static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
  size_t len = name ? strnlen(name, 64) : 0;
  return len >= 1 && len <= 63 && strspn(name, letters) == len && name[0] != '.' &&
         name[0] != '_' && name[0] != '-';
}

/* The project's directory, made where `make`; -1 and errno. */
static int project_dir(si_op *op, const char *project_id, bool make) {
  char path[SI_PATH_MAX + 512];
  if (!project_id || !si_component_valid(project_id, strlen(project_id))) {
    errno = EINVAL;
    return -1;
  }
  snprintf(path, sizeof path, "%s/state/%.255s", op->host->trial->dir, project_id);
  if (make && si_mkdir_path(path, 0700) != 0) {
    return -1;
  }
  return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static si_rc get(si_op *op, const char *project_id, const char *name, void *ctx, si_emit emit) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(DOCUMENT_MAX);
  if (!name_fits(name)) {
    return SI_E_INVALID;
  }
  int dir SI_AUTO(si_close) = project_dir(op, project_id, false);
  if (dir < 0) {
    return errno == ENOENT ? SI_E_NOT_FOUND : si_status_of_errno(errno);
  }
  si_rc status = si_read_file(dir, name, &text);
  return status == SI_OK ? emit(ctx, si_buf_text(&text), text.len) : status;
}

static si_rc put(si_op *op, const char *project_id, const char *name, const char *json) {
  cJSON *value SI_AUTO(si_json_free) = NULL;
  size_t len = json ? strnlen(json, DOCUMENT_MAX + 1) : 0;
  if (!name_fits(name) || len > DOCUMENT_MAX ||
      (json && (si_json_parse(json, len, &value, NULL) != SI_OK || !cJSON_IsObject(value)))) {
    return SI_E_INVALID;
  }
  int dir SI_AUTO(si_close) = project_dir(op, project_id, true);
  if (dir < 0) {
    return si_status_of_errno(errno);
  }
  if (!json) {
    return unlinkat(dir, name, 0) == 0 || errno == ENOENT ? SI_OK : si_status_of_errno(errno);
  }
  return si_write_file(dir, name, json, len, 0600);
}

static int by_bytes(const void *a, const void *b) {
  return strcmp(a, b);
}

static si_rc list(si_op *op, const char *project_id, void *ctx, si_state_fn each) {
  static __thread char names[DOCUMENTS_MAX][64];
  size_t count = 0;
  int fd = project_dir(op, project_id, false);
  DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
  const struct dirent *entry;
  while (dir && count < DOCUMENTS_MAX && (entry = readdir(dir))) {
    if (name_fits(entry->d_name)) {
      si_copy(names[count++], sizeof names[0], entry->d_name);
    }
  }
  if (dir) {
    closedir(dir);
  }
  qsort(names, count, sizeof names[0], by_bytes);
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < count; i++) {
    status = each(ctx, names[i]);
  }
  return status;
}

const si_state_vt state_service = {
    .size = sizeof state_service, .get = get, .put = put, .list = list};
