/* SPDX-License-Identifier: Apache-2.0 */
/* The store `locker`: its configuration, reading, listing, removal, and the descriptor. */
#include "tests/plugins/locker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct si_reader {
  const si_host_vt *vt;
  int fd;
  uint64_t at;
  uint64_t left;
};

/* --- reading --- */

/* Opens what a reader of the key gets; -1 with *status. */
static int open_current(const si_instance *in, si_op *op, const char *key, si_rc *status) {
  struct locker_versions versions SI_AUTO(locker_versions_free) = {NULL, 0};
  char path[LOCKER_PATH];
  if (!si_key_valid(key)) {
    *status = si_fail(in->vt, op, SI_E_INVALID, NULL, "\"%.200s\" is no key", key);
    return -1;
  }
  int alone SI_AUTO(si_close) = locker_enter(in, op, LOCK_SH);
  *status = alone >= 0 ? locker_versions(in, op, key, &versions) : SI_E_IO;
  const struct locker_version *current = *status == SI_OK ? locker_current(&versions) : NULL;
  if (!current) {
    *status = *status == SI_OK ? si_fail(in->vt, op, SI_E_NOT_FOUND, key, "there is no %.200s", key)
                               : *status;
    return -1;
  }
  locker_path(key, current->name, "", path);
  int fd = openat(in->root, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    *status = si_fail_errno(in->vt, op, errno, key, "cannot open %.200s", key);
  }
  return fd;
}

static si_rc reader_open(si_instance *in, si_op *op, const char *key, uint64_t offset,
                         uint64_t limit, si_reader **out) {
  struct stat st;
  si_rc status;
  int fd SI_AUTO(si_close) = open_current(in, op, key, &status);
  if (fd < 0) {
    return status;
  }
  si_reader *reader = calloc(1, sizeof *reader);
  if (!reader || fstat(fd, &st) != 0) {
    free(reader);
    return si_fail(in->vt, op, SI_E_NOMEM, key, "out of memory");
  }
  uint64_t left = offset < (uint64_t)st.st_size ? (uint64_t)st.st_size - offset : 0;
  *reader = (si_reader){.vt = in->vt, .fd = fd, .at = offset, .left = limit < left ? limit : left};
  fd = -1;
  *out = reader;
  return SI_OK;
}

static si_rc reader_read(si_reader *reader, si_op *op, void *buf, size_t cap, size_t *got) {
  size_t want = cap < reader->left ? cap : (size_t)reader->left;
  ssize_t n = want ? pread(reader->fd, buf, want, (off_t)reader->at) : 0;
  if (n < 0) {
    return si_fail_errno(reader->vt, op, errno, NULL, "cannot read an object");
  }
  reader->at += (uint64_t)n;
  reader->left -= (uint64_t)n;
  *got = (size_t)n;
  return SI_OK;
}

static void reader_close(si_reader *reader) {
  si_close(&reader->fd);
  free(reader);
}

static si_object_info info_of(const struct stat *st) {
  return (si_object_info){
      .length = (uint64_t)st->st_size,
      .modified_ms = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000};
}

static si_rc stat_object(si_instance *in, si_op *op, const char *key, si_object_info *out) {
  struct stat st;
  si_rc status;
  int fd SI_AUTO(si_close) = open_current(in, op, key, &status);
  if (fd < 0) {
    return status;
  }
  if (fstat(fd, &st) != 0) {
    return si_fail_errno(in->vt, op, errno, key, "cannot look at %.200s", key);
  }
  *out = info_of(&st);
  return SI_OK;
}

/* --- listing, removal --- */

struct listing {
  const si_instance *in;
  si_op *op;
  void *ctx;
  si_list_fn each;
};

static si_rc list_key(void *ctx, const char *key) {
  const struct listing *listing = ctx;
  struct locker_versions versions SI_AUTO(locker_versions_free) = {NULL, 0};
  char path[LOCKER_PATH];
  struct stat st;
  si_rc status = locker_versions(listing->in, listing->op, key, &versions);
  const struct locker_version *current = status == SI_OK ? locker_current(&versions) : NULL;
  if (!current) {
    return status;
  }
  locker_path(key, current->name, "", path);
  if (fstatat(listing->in->root, path, &st, AT_SYMLINK_NOFOLLOW) != 0) {
    return SI_OK; /* gone meanwhile */
  }
  const si_object_info info = info_of(&st);
  return listing->each(listing->ctx, key, &info);
}

static si_rc list(si_instance *in, si_op *op, const char *prefix, void *ctx, si_list_fn each) {
  struct listing listing = {in, op, ctx, each};
  return locker_walk(in, op, prefix, &listing, list_key);
}

static si_rc remove_object(si_instance *in, si_op *op, const char *key) {
  struct locker_versions versions SI_AUTO(locker_versions_free) = {NULL, 0};
  if (!si_key_valid(key)) {
    return si_fail(in->vt, op, SI_E_INVALID, NULL, "\"%.200s\" is no key", key);
  }
  int alone SI_AUTO(si_close) = locker_enter(in, op, LOCK_EX);
  si_rc status = alone >= 0 ? locker_versions(in, op, key, &versions) : SI_E_IO;
  status = status == SI_OK && !locker_breaks("store.lock.removed")
               ? locker_refuse(in, op, key, &versions)
               : status;
  return status == SI_OK ? locker_drop(in, op, key, &versions) : status;
}

static si_rc uri(si_instance *in, const char *key, char *out, size_t cap) {
  int len = snprintf(out, cap, PLUGIN_ID "://%s%s%s", in->root_path, key[0] ? "/" : "", key);
  return len >= 0 && (size_t)len < cap ? SI_OK : SI_E_QUOTA;
}

/* --- open, close --- */

static const char schema[] =
    "{\"type\":\"object\",\"properties\":{"
    "\"root\":{\"type\":\"string\",\"pattern\":\"^/\",\"maxLength\":2048},"
    "\"fault\":{\"enum\":[\"swallow\",\"lies\",\"weaker\",\"short\",\"no-tell\",\"twice\","
    "\"not-locking\",\"foreign\",\"endless\",\"crash-after-put\"]}},"
    "\"required\":[\"root\"],\"additionalProperties\":false}";

static bool is_fault(const char *name) {
  static const char *const faults[] = {"swallow",     "lies",           "weaker",  "short",
                                       "no-tell",     "twice",          "endless", "foreign",
                                       "not-locking", "crash-after-put"};
  for (size_t i = 0; name && i < sizeof faults / sizeof *faults; i++) {
    if (strcmp(name, faults[i]) == 0) {
      return true;
    }
  }
  return false;
}

static si_rc configure(si_instance *in, si_op *op, const char *config_json) {
  static const char *const settings[] = {"root", "fault", NULL};
  cJSON *config SI_AUTO(si_json_free) = NULL;
  si_rc status = si_config_read(in->vt, op, config_json, settings, &config);
  const char *root = status == SI_OK ? si_json_str(config, "root") : NULL;
  if (status == SI_OK && (!root || root[0] != '/' || strlen(root) > 2048)) {
    return si_fail_config(in->vt, op, "root", "root must be an absolute path");
  }
  if (status == SI_OK && si_json_get(config, "fault")) {
    const char *fault = si_json_str(config, "fault");
    if (!is_fault(fault)) {
      return si_fail_config(in->vt, op, "fault", "there is no such fault");
    }
    si_copy(in->fault, sizeof in->fault, fault);
  }
  if (status == SI_OK) {
    si_copy(in->root_path, sizeof in->root_path, root);
    if (mkdir(root, 0700) != 0 && errno != EEXIST) {
      return si_fail_errno(in->vt, op, errno, NULL, "cannot make %s", root);
    }
    status = si_config_dir(in->vt, op, config, "root", &in->root);
  }
  return status;
}

static void close_store(si_instance *in) {
  si_close(&in->root);
  pthread_mutex_destroy(&in->mutex);
  free(in);
}

static si_rc open_store(const si_host_vt *vt, si_host *host, si_op *op, const char *config_json,
                        si_instance **out) {
  si_instance *in = calloc(1, sizeof *in);
  (void)host;
  if (!in) {
    return SI_E_NOMEM;
  }
  in->vt = vt;
  in->root = -1;
  pthread_mutex_init(&in->mutex, NULL);
  si_rc status = configure(in, op, config_json);
  if (status != SI_OK) {
    close_store(in);
    return status;
  }
  *out = in;
  return SI_OK;
}

static const si_artifact_vt table = {
    .size = sizeof(si_artifact_vt),
    .sink_open = locker_sink_open,
    .sink_write = locker_sink_write,
    .sink_finish = locker_sink_finish,
    .sink_abort = locker_sink_abort,
    .reader_open = reader_open,
    .reader_read = reader_read,
    .reader_close = reader_close,
    .stat = stat_object,
    .list = list,
    .remove = remove_object,
    .uri = uri,
};

static const void *extension(const char *id) {
  return strcmp(id, SI_RETENTION_ID) == 0 ? &locker_retention : NULL;
}

static const si_provider provider = {
    .size = sizeof(si_provider),
    .kind = SI_KIND_ARTIFACT,
    .caps = SI_CAP_ARTIFACT_REMOVE | SI_CAP_ARTIFACT_RETENTION,
    .threads = SI_THREADS_PARALLEL,
    .id = PLUGIN_ID,
    .schema = schema,
    .needs = PLUGIN_NEEDS,
    .open = open_store,
    .close = close_store,
    .vt = &table,
    .extension = extension,
};

#include "descriptor.h"
