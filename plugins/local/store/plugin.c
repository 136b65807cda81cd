/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/local/store/plugin.c - the descriptor of the artifact store `file`, its configuration,
 * open and close. Depends on store.h, sdk/kit/base.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/base/json.h"
#include "kit/base/text.h"
#include "plugins/local/store/store.h"

#ifndef SI_PLUGIN_NEEDS
#define SI_PLUGIN_NEEDS "{}"
#endif
#ifndef SI_PLUGIN_VERSION
#define SI_PLUGIN_VERSION "0"
#endif

static const char schema[] =
    "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\","
    "\"properties\":{"
    "\"root\":{\"type\":\"string\",\"pattern\":\"^/\",\"maxLength\":2048,\"description\":"
    "\"absolute path of the directory that holds the objects; made (mode 0700) where its parent "
    "exists\"},"
    "\"max_object_bytes\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":9007199254740992,"
    "\"description\":\"the longest object that is taken; without it, any\"}},"
    "\"required\":[\"root\"],\"additionalProperties\":false}";

si_rc store_fail_errno(si_instance *store, si_op *op, int err, const char *key, const char *what) {
  return si_fail_errno(store->vt, op, err, key, "%s %s/%s%s", what, store->root_path, key,
                       err == ENOSPC || err == EDQUOT ? " (free some space, then try again)"
                       : err == ELOOP || err == EXDEV ? " (a symbolic link stands in the path)"
                                                      : "");
}

/* --- configuration --- */

/* "/a/b" without empty, "." or ".." components; a '/' at the end is dropped. */
static int take_root(si_instance *store, const char *root) {
  size_t len = root ? strlen(root) : 0;
  if (len == 0 || root[0] != '/' || len > 2048) {
    return 0;
  }
  while (len > 1 && root[len - 1] == '/') {
    len--;
  }
  memcpy(store->root_path, root, len);
  store->root_path[len] = '\0';
  for (const char *at = store->root_path + 1; len > 1;) {
    size_t part = strcspn(at, "/");
    if (part == 0 || (part == 1 && at[0] == '.') || (part == 2 && memcmp(at, "..", 2) == 0)) {
      return 0;
    }
    if (at[part] == '\0') {
      break;
    }
    at += part + 1;
  }
  return 1;
}

static si_rc configure(si_instance *store, si_op *op, const char *config_json) {
  static const char *const settings[] = {"root", "max_object_bytes", NULL};
  cJSON *config SI_AUTO(si_json_free) = NULL;
  si_rc status = si_config_read(store->vt, op, config_json, settings, &config);
  if (status == SI_OK && !take_root(store, si_json_str(config, "root"))) {
    status = si_fail_config(store->vt, op, "root",
                            "root must be an absolute path without \"..\", at most 2048 bytes");
  }
  int64_t most = 0;
  if (status == SI_OK) {
    status = si_config_int(store->vt, op, config, "max_object_bytes", 1, 1ll << 53, 0, &most);
  }
  store->max_object_bytes = most > 0 ? (uint64_t)most : UINT64_MAX;
  return status;
}

/* --- open, close --- */

/* Its last component must not be a link; those before it are the operator's own. */
static si_rc open_root(si_instance *store, si_op *op) {
  store->root = open(store->root_path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (store->root >= 0) {
    return SI_OK;
  }
  int err = errno;
  struct stat st;
  if (lstat(store->root_path, &st) == 0 && S_ISLNK(st.st_mode)) {
    return si_fail(store->vt, op, SI_E_REFUSED, NULL,
                   "the store's root %s is a symbolic link; name the directory itself",
                   store->root_path);
  }
  if (err == ENOENT) {
    char parent[SI_PATH_MAX];
    si_copy(parent, sizeof parent, store->root_path);
    char *slash = strrchr(parent, '/');
    slash[slash == parent] = '\0';
    if (stat(parent, &st) == 0 && S_ISDIR(st.st_mode)) {
      return SI_OK; /* made with the first object, so that reading makes nothing */
    }
    return si_fail(store->vt, op, SI_E_NOT_FOUND, NULL,
                   "the directory %s, which would hold the store, does not exist", parent);
  }
  return si_fail(store->vt, op, err == ENOTDIR ? SI_E_INVALID : si_status_of_errno(err), NULL,
                 "cannot open the store's root %s: %s", store->root_path, strerror(err));
}

static void store_close(si_instance *store) {
  store_forget(store);
  si_close(&store->root);
  pthread_mutex_destroy(&store->lock);
  free(store);
}

static si_rc store_open(const si_host_vt *vt, si_host *host, si_op *op, const char *config_json,
                        si_instance **out) {
  si_instance *store = calloc(1, sizeof *store);
  if (!store) {
    return SI_E_NOMEM;
  }
  store->vt = vt;
  store->host = host;
  store->root = -1;
  store->dir = -1;
  store->unnamed = access(STORE_DESCRIPTORS, X_OK) == 0;
  atomic_init(&store->link_by_fd, true);
  pthread_mutex_init(&store->lock, NULL);
  si_rc status = configure(store, op, config_json);
  char random[STORE_TEMP_HEX + 1];
  if (status == SI_OK && (status = si_random_hex(random, STORE_TEMP_HEX / 2)) != SI_OK) {
    si_fail(store->vt, op, status, NULL, "no random bytes");
  }
  if (status == SI_OK) {
    snprintf(store->temp, sizeof store->temp, STORE_TEMP "%s-", random);
    status = open_root(store, op);
  }
  if (status != SI_OK) {
    store_close(store);
    return status;
  }
  *out = store;
  return SI_OK;
}

/* --- verbs that use the instance's directory as they go --- */

static si_rc locked_stat(si_instance *store, si_op *op, const char *key, si_object_info *out) {
  pthread_mutex_lock(&store->lock);
  si_rc status = store_stat(store, op, key, out);
  pthread_mutex_unlock(&store->lock);
  return status;
}

static si_rc locked_list(si_instance *store, si_op *op, const char *prefix, void *ctx,
                         si_list_fn each) {
  pthread_mutex_lock(&store->lock);
  si_rc status = store_list(store, op, prefix, ctx, each);
  pthread_mutex_unlock(&store->lock);
  return status;
}

static si_rc locked_remove(si_instance *store, si_op *op, const char *key) {
  pthread_mutex_lock(&store->lock);
  si_rc status = store_remove(store, op, key);
  pthread_mutex_unlock(&store->lock);
  return status;
}

static si_rc locked_unfinished(si_instance *store, si_op *op, const char *prefix, void *ctx,
                               si_unfinished_fn each) {
  pthread_mutex_lock(&store->lock);
  si_rc status = store_unfinished(store, op, prefix, ctx, each);
  pthread_mutex_unlock(&store->lock);
  return status;
}

static si_rc locked_discard(si_instance *store, si_op *op, const char *key, const char *id) {
  pthread_mutex_lock(&store->lock);
  si_rc status = store_discard(store, op, key, id);
  pthread_mutex_unlock(&store->lock);
  return status;
}

static const si_artifact_vt table = {
    .size = sizeof(si_artifact_vt),
    .sink_open = store_sink_open,
    .sink_write = store_sink_write,
    .sink_finish = store_sink_finish,
    .sink_abort = store_sink_abort,
    .reader_open = store_reader_open,
    .reader_read = store_reader_read,
    .reader_close = store_reader_close,
    .stat = locked_stat,
    .list = locked_list,
    .remove = locked_remove,
    .unfinished = locked_unfinished,
    .discard = locked_discard,
    .uri = store_uri,
};

static const si_provider provider = {
    .size = sizeof(si_provider),
    .kind = SI_KIND_ARTIFACT,
    .caps = SI_CAP_ARTIFACT_REMOVE | SI_CAP_ARTIFACT_UNFINISHED,
    .threads = SI_THREADS_PARALLEL,
    .id = "file",
    .schema = schema,
    .needs = SI_PLUGIN_NEEDS,
    .open = store_open,
    .close = store_close,
    .vt = &table,
};

static const si_provider *const providers[] = {&provider, NULL};

static const si_plugin plugin = {
    .magic = SI_ABI_MAGIC,
    .size = sizeof(si_plugin),
    .abi_major = SI_ABI_MAJOR,
    .abi_minor = SI_ABI_MINOR,
    .need_minor = 0,
    .draft = SI_ABI_DRAFT,
    .id = "file",
    .version = SI_PLUGIN_VERSION,
    .license = "Apache-2.0",
    .build = __VERSION__,
    .providers = providers,
};

const si_plugin *si_plugin_v1(void) {
  return &plugin;
}
