/* SPDX-License-Identifier: Apache-2.0 */
/* A store that keeps objects as files below a directory: sinks, and the descriptor's part. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/conform/ref_store.h"

struct si_sink {
  si_instance *in;
  int fd;
  uint32_t flags;
  uint64_t length;
  uint64_t written;
  pthread_t opener;
  char temp[REF_KEY_MAX + 64];
  char key[REF_KEY_MAX + 1];
  const char *key_kept; /* the caller's, where it must not be */
};

static pthread_t first; /* the thread that opened the first sink */
static atomic_uint counter;

static bool elsewhere(void) {
  return first != 0 && !pthread_equal(first, pthread_self());
}

/* --- keys --- */

static bool component_fits(const char *part, size_t len) {
  char bytes[600];
  if (len == 0) {
    return bad("store.key.slashes");
  }
  if (bad("store.key.long-component") && len <= 256 && len > 255) {
    return true;
  }
  if (len >= sizeof bytes || (bad("store.key.longest-component") && len == 255)) {
    return false;
  }
  memcpy(bytes, part, len);
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)bytes[i];
    bytes[i] = (bad("store.key.unicode") && c >= 0x80) ||
                       (bad("store.key.letters") && c < 0x80 && c != '/')
                   ? 'x'
                   : bytes[i];
  }
  if (bytes[0] == '.') {
    bool dots = strncmp(part, "..", len) == 0;
    if (!(bad("store.key.hidden") && !dots) && !(bad("store.key.dot") && len == 1) &&
        !(bad("store.key.dot-dot") && len == 2 && dots)) {
      return false;
    }
    bytes[0] = 'x';
  }
  return si_component_valid(bytes, len);
}

si_rc ref_key(si_instance *in, si_op *op, const char *key) {
  size_t len = strlen(key);
  bool fits = len > 0 && (len <= REF_KEY_MAX || bad("store.key.long"));
  for (const char *at = key; fits;) {
    size_t part = strcspn(at, "/");
    fits = component_fits(at, part) || (bad("store.key.absolute") && at == key && part == 0);
    if (at[part] == '\0') {
      break;
    }
    at += part + 1;
  }
  fits = fits || (len == 0 && bad("store.key.empty"));
  if (fits && bad("store.key.odd") && strstr(key, "a..b")) {
    fits = false;
  }
  return fits ? SI_OK
              : ref_fail(in, op, SI_E_INVALID, NULL, "\"%.100s\" is no key of this store", key);
}

void ref_path(const char *key, char to[REF_KEY_MAX + 64]) {
  si_copy(to, REF_KEY_MAX + 64, key[0] ? key : "x");
  for (char *at = to; bad("store.key.case") && *at; at++) {
    *at = *at >= 'A' && *at <= 'Z' ? (char)(*at + 32) : *at;
  }
}

/* --- sinks --- */

static si_rc check_options(si_instance *in, si_op *op, const char *key,
                           const si_put_options *options) {
  uint32_t known = SI_PUT_CREATE_ONLY | (bad("store.write.commit") ? 0 : SI_PUT_COMMIT);
  if ((options->flags & ~known) && !bad("store.write.unknown-flag")) {
    return ref_fail(in, op, SI_E_UNSUPPORTED, key, "an option that the store does not have");
  }
  if (options->content_type && bad("store.write.content-type")) {
    return ref_fail(in, op, SI_E_UNSUPPORTED, key, "the store has no content types");
  }
  return SI_OK;
}

static bool exists(const si_instance *in, const char *path) {
  struct stat st;
  return fstatat(in->dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static si_rc make_file(si_sink *sink, si_op *op) {
  si_instance *in = sink->in;
  char path[REF_KEY_MAX + 64];
  ref_path(sink->key, path);
  char *slash = strrchr(path, '/');
  if (bad("store.key.long-taken") && strlen(path) > 2000) {
    return ref_fail(in, op, SI_E_INTERNAL, sink->key, "a key that is too long");
  }
  if (slash) {
    *slash = '\0';
    if (si_mkdir_beneath(in->dir, path, 0700) != 0) {
      return errno == ENAMETOOLONG ? ref_fail(in, op, SI_E_QUOTA, sink->key, "%s", "too long")
                                   : ref_fail_errno(in, op, sink->key);
    }
  }
  snprintf(sink->temp, sizeof sink->temp, "%.4096s/.tmp-%d-%u", slash ? path : ".", (int)getpid(),
           atomic_fetch_add(&counter, 1));
  if (bad("store.list.unfinished") || bad("store.write.unseen") || bad("store.write.abort-keeps")) {
    ref_path(sink->key, sink->temp);
  }
  sink->fd = openat(in->dir, sink->temp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  return sink->fd >= 0 ? SI_OK : ref_fail_errno(in, op, sink->key);
}

static si_rc sink_open(si_instance *in, si_op *op, const char *key, const si_put_options *options,
                       si_sink **out) {
  static si_sink none;
  *(bad("store.write.out") ? out : &(si_sink *){NULL}) = &none;
  if (bad("silent")) {
    return SI_E_IO;
  }
  si_rc status = ref_key(in, op, key);
  status = status == SI_OK ? check_options(in, op, key, options) : status;
  status = status == SI_OK ? ref_stop(in, op) : status;
  if (status != SI_OK) {
    return status;
  }
  si_sink *sink = calloc(1, sizeof *sink);
  if (!sink) {
    return SI_E_NOMEM;
  }
  *sink = (si_sink){.in = in,
                    .fd = -1,
                    .flags = options->flags,
                    .length = options->length,
                    .opener = pthread_self()};
  sink->key_kept = bad("store.write.lent") ? key : NULL;
  first = first ? first : pthread_self();
  si_copy(sink->key, sizeof sink->key, key);
  status = make_file(sink, op);
  if (status != SI_OK) {
    free(sink);
    return status;
  }
  *out = sink;
  return SI_OK;
}

static si_rc sink_write(si_sink *sink, si_op *op, const void *data, size_t len) {
  si_instance *in = sink->in;
  char *other = NULL;
  si_rc status = ref_stop(in, op);
  if (status != SI_OK) {
    return status;
  }
  if (len == 0 && bad("store.write.zero-length")) {
    return ref_fail(in, op, SI_E_INVALID, sink->key, "nothing to write");
  }
  if (sink->written + len > sink->length && !bad("store.write.too-many")) {
    return ref_fail(in, op, SI_E_INVALID, sink->key, "more bytes than announced");
  }
  if (bad("store.stream.memory") && (other = malloc(len))) {
    memcpy(other, data, len); /* and never gives it back */
  }
  if (bad("store.write.pieces") && sink->written % 2) {
    sink->written--;
  }
  ssize_t n = pwrite(sink->fd, data, len, (off_t)sink->written);
  if (n != (ssize_t)len) {
    return ref_fail_errno(in, op, sink->key);
  }
  if (elsewhere() && (bad("store.threads.apart") || bad("store.threads.together"))) {
    (void)!pwrite(sink->fd, "#", 1, (off_t)(sink->written + len - 1));
  }
  sink->written += len;
  return SI_OK;
}

static void sink_free(si_sink *sink) {
  si_close(&sink->fd);
  free(sink);
}

static void sink_abort(si_sink *sink) {
  if (bad("store.write.aborted")) {
    char path[REF_KEY_MAX + 64];
    ref_path(sink->key, path);
    (void)!renameat(sink->in->dir, sink->temp, sink->in->dir, path);
  } else if (!bad("store.unfinished.none")) {
    unlinkat(sink->in->dir, sink->temp, 0);
  }
  sink_free(sink);
}

/* Puts the file in its place; 0, or -1 and errno. */
static int place(si_sink *sink) {
  si_instance *in = sink->in;
  char path[REF_KEY_MAX + 64];
  ref_path(sink->key, path);
  bool create = (sink->flags & SI_PUT_CREATE_ONLY) && !bad("store.write.create-only") &&
                !(bad("store.write.commit-exists") && (sink->flags & SI_PUT_COMMIT)) &&
                !(bad("store.threads.create") && elsewhere());
  if (strcmp(path, sink->temp) == 0) {
    return 0; /* it stood there all the time */
  }
  if (create && bad("store.write.create-race")) {
    create = false; /* looked at when it was opened, and never again */
  }
  if (bad("store.write.replaced") && exists(in, path)) {
    return unlinkat(in->dir, sink->temp, 0);
  }
  if (bad("store.unfinished.discard") && !exists(in, sink->temp)) {
    int fd = openat(in->dir, path, O_WRONLY | O_CREAT, 0600);
    return fd >= 0 ? close(fd) : -1;
  }
  if (!create) {
    return renameat(in->dir, sink->temp, in->dir, path);
  }
  if (linkat(in->dir, sink->temp, in->dir, path, 0) != 0) {
    return -1;
  }
  return unlinkat(in->dir, sink->temp, 0);
}

static si_rc sink_finish(si_sink *sink, si_op *op) {
  si_instance *in = sink->in;
  si_rc status = ref_stop(in, op);
  if (status != SI_OK && bad("store.write.cancelled")) {
    place(sink); /* cancelled, and there all the same */
  }
  bool enough =
      sink->written == sink->length || bad("store.write.too-few") || bad("store.write.too-many");
  if (status == SI_OK && !enough) {
    status = ref_fail(in, op, SI_E_INVALID, sink->key, "fewer bytes than announced");
  }
  if (status == SI_OK && bad("store.threads.handed") &&
      !pthread_equal(sink->opener, pthread_self())) {
    status = ref_fail(in, op, SI_E_CONFLICT, sink->key, "another thread's sink");
  }
  if (status == SI_OK && bad("store.write.empty") && sink->length == 0) {
    status = ref_fail(in, op, SI_E_INVALID, sink->key, "an object has bytes");
  }
  if (status == SI_OK && sink->key_kept && sink->key_kept[0] == '?') {
    abort();
  }
  if (status == SI_OK && place(sink) != 0) {
    status = errno == EEXIST ? ref_fail(in, op, SI_E_EXISTS, sink->key, "it exists")
                             : ref_fail_errno(in, op, sink->key);
  }
  if (status != SI_OK) {
    unlinkat(in->dir, sink->temp, 0);
  }
  sink_free(sink);
  return status;
}

static si_artifact_vt table = {
    .size = sizeof(si_artifact_vt),
    .sink_open = sink_open,
    .sink_write = sink_write,
    .sink_finish = sink_finish,
    .sink_abort = sink_abort,
    .reader_open = ref_reader_open,
    .reader_read = ref_reader_read,
    .reader_close = ref_reader_close,
    .stat = ref_stat,
    .list = ref_list,
    .remove = ref_remove_object,
    .unfinished = ref_unfinished,
    .discard = ref_discard,
    .uri = ref_uri,
};

static const void *extension(const char *id) {
  if (bad("provider.extension")) {
    return malloc(64);
  }
  return strcmp(id, "si.nothing/1") == 0 ? &table : NULL;
}

static const char schema[] =
    "{\"type\":\"object\",\"properties\":{"
    "\"root\":{\"type\":\"string\",\"pattern\":\"^/\",\"maxLength\":1024},"
    "\"label\":{\"enum\":[\"plain\",\"fancy\"]},"
    "\"tries\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":10},"
    "\"token\":{\"type\":\"string\",\"x-secret\":true}},"
    "\"required\":[\"root\"],\"additionalProperties\":false}";

si_provider ref_provider = {
    .size = sizeof(si_provider),
    .kind = SI_KIND_ARTIFACT,
    .caps = SI_CAP_ARTIFACT_REMOVE | SI_CAP_ARTIFACT_UNFINISHED,
    .threads = SI_THREADS_PARALLEL,
    .id = "reference",
    .schema = schema,
    .needs = "{\"write\":[\"${config.root}\"]}",
    .vt = &table,
    .extension = extension,
};

static void break_schema(void) {
  ref_provider.schema =
      bad("provider.schema")            ? "{"
      : bad("provider.schema-object")   ? "{\"type\":\"object\"}"
      : bad("provider.schema-types")    ? "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":"
                                          "\"text\"}},\"additionalProperties\":false}"
      : bad("provider.schema-required") ? "{\"type\":\"object\",\"required\":[\"a\"],"
                                          "\"additionalProperties\":false}"
      : bad("provider.schema-secret")   ? "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":"
                                          "\"integer\",\"x-secret\":true}},"
                                          "\"additionalProperties\":false}"
                                        : schema;
  ref_provider.needs = bad("provider.needs")           ? "none"
                       : bad("provider.needs-members") ? "{\"everything\":true}"
                       : bad("provider.needs-config")  ? "{\"write\":[\"${config.path}\"]}"
                                                       : ref_provider.needs;
}

__attribute__((constructor)) static void break_provider(void) {
  size_t (*stranger)(const char *) = strlen;
  break_schema();
  ref_provider.size -= bad("provider.size") ? 24 : 0;
  ref_provider.kind = bad("provider.kind") ? 9 : ref_provider.kind;
  ref_provider.caps |= bad("provider.caps") ? 1u << 20 : 0;
  ref_provider.threads = bad("provider.threads") ? 7 : ref_provider.threads;
  ref_provider.id = bad("provider.id") ? "ref store" : ref_provider.id;
  ref_provider.reserved = bad("provider.reserved") ? 1 : 0;
  table.size -= bad("provider.table-size") ? 100 : 0;
  table.stat = bad("provider.required") ? NULL : table.stat;
  table.remove = bad("provider.promises") ? NULL : table.remove;
  if (bad("provider.owned")) {
    memcpy(&table.list, &stranger, sizeof stranger);
  }
}

si_rc ref_kind_open(si_instance *in, si_op *op) {
  if (bad("store.write.seen") || bad("store.write.kept")) {
    char own[32];
    snprintf(own, sizeof own, "%u", atomic_fetch_add(&counter, 1));
    si_close(&in->dir);
    if (si_path_join(in->root, sizeof in->root, in->root, own) != SI_OK ||
        si_mkdir_path(in->root, 0700) != 0 ||
        (in->dir = open(in->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
      return ref_fail_errno(in, op, in->root);
    }
  }
  return SI_OK;
}
