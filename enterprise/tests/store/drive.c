/* SPDX-License-Identifier: LicenseRef-si-enterprise */
/*
 * drive.c - loads an artifact provider, as the host does but in this process, and makes
 * calls on one instance. For tests. Depends on si/retention.h, kit/base.
 *
 *   drive PLUGIN.so CONFIG.json put KEY FILE [create] [MODE UNTIL_MS] [hold]
 *                               get KEY | stat KEY | list PREFIX | remove KEY
 *                               lock KEY VERSION MODE UNTIL_MS | read KEY VERSION
 *                               hold KEY VERSION on|off | report PREFIX
 *                               many PREFIX COUNT BYTES THREADS [MODE UNTIL_MS] [hold]
 *                               others COMMAND
 *
 * One call, or several with the word `then` between them, until one fails. `others` runs the
 * shell's COMMAND, which is what others do meanwhile. MODE is governance, compliance or none;
 * VERSION "-" is the one that a reader gets. What is told goes to stdout, a JSON object a line,
 * then how it ended: {"status":N,"message":...}. Warnings go to stderr. The exit code is the
 * status. `many` tells the milliseconds that its puts took.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <si/retention.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/json.h"
#include "kit/base/text.h"

struct si_host {
  int unused;
};
struct si_op {
  char message[2048];
};

static const si_provider *provider;
static const si_artifact_vt *store;
static const si_retention_vt *locks;
static si_instance *instance;

/* --- the host's side --- */

static void on_log(si_host *host, uint32_t level, const char *message) {
  (void)host;
  fprintf(stderr, "%s: %s\n", level >= SI_LOG_WARN ? "warning" : "info", message);
}

static si_rc on_fail(si_op *op, const si_failure *failure) {
  si_copy(op->message, sizeof op->message, failure->message);
  return failure->status;
}

static int on_cancelled(si_op *op) {
  (void)op;
  return 0;
}

static const si_host_vt host_vt = {
    .size = sizeof host_vt, .log = on_log, .fail = on_fail, .cancelled = on_cancelled};

/* --- what is told --- */

static si_rc on_lock(void *ctx, const si_lock *lock) {
  static const char *const modes[] = {"none", "governance", "compliance"};
  (void)ctx;
  printf(
      "{\"key\":\"%s\",\"version\":\"%s\",\"mode\":\"%s\",\"held\":%d,\"current\":%d,"
      "\"marker\":%d,\"until\":%lld,\"told\":%lld}\n",
      lock->key, lock->version ? lock->version : "", modes[lock->mode],
      (lock->flags & SI_LOCK_HELD) != 0, (lock->flags & SI_LOCK_CURRENT) != 0,
      (lock->flags & SI_LOCK_MARKER) != 0, (long long)lock->until_ms, (long long)lock->told_ms);
  return SI_OK;
}

static si_rc on_emit(void *ctx, const char *json, size_t len) {
  (void)ctx;
  printf("%.*s\n", (int)len, json);
  return SI_OK;
}

static si_rc on_object(void *ctx, const char *key, const si_object_info *info) {
  (void)ctx;
  printf("{\"key\":\"%s\",\"length\":%llu}\n", key, (unsigned long long)info->length);
  return SI_OK;
}

/* --- calls --- */

static uint32_t mode_of(const char *word) {
  return strcmp(word, "compliance") == 0   ? SI_LOCK_COMPLIANCE
         : strcmp(word, "governance") == 0 ? SI_LOCK_GOVERNANCE
                                           : SI_LOCK_NONE;
}

static const char *version_of(const char *word) {
  return strcmp(word, "-") == 0 ? NULL : word;
}

/* Further words of put and many. */
struct wanted {
  uint32_t flags;
  bool locked;
  si_lock_wish wish;
};

static struct wanted read_words(char **words) {
  struct wanted w = {.wish = {.size = sizeof w.wish}};
  for (; *words; words++) {
    if (strcmp(*words, "create") == 0) {
      w.flags |= SI_PUT_CREATE_ONLY;
    } else if (strcmp(*words, "hold") == 0) {
      w.wish.flags = SI_LOCK_HELD;
      w.locked = true;
    } else if (words[1]) {
      w.wish.mode = mode_of(words[0]);
      w.wish.until_ms = strtoll(*++words, NULL, 10);
      w.locked = true;
    }
  }
  return w;
}

static si_rc put(si_op *op, const char *key, const void *data, size_t len, const struct wanted *w,
                 si_lock_fn told) {
  const si_put_options options = {.size = sizeof options, .flags = w->flags, .length = len};
  si_sink *sink = NULL;
  si_rc status = w->locked ? locks->sink_open(instance, op, key, &options, &w->wish, &sink)
                           : store->sink_open(instance, op, key, &options, &sink);
  const char *from = data;
  for (size_t at = 0; status == SI_OK && at < len;) {
    size_t n = len - at < 262144 ? len - at : 262144;
    status = store->sink_write(sink, op, from + at, n);
    at += n;
    if (status != SI_OK) {
      store->sink_abort(sink);
      return status;
    }
  }
  if (status != SI_OK) {
    return status;
  }
  return w->locked ? locks->sink_finish(sink, op, NULL, told) : store->sink_finish(sink, op);
}

static char *read_file(const char *path, size_t *len) {
  FILE *file = fopen(path, "rb");
  char *data = NULL;
  size_t room = 0, n = 0;
  *len = 0;
  do {
    if (*len == room) {
      room = room ? room * 2 : 65536;
      data = realloc(data, room);
    }
    n = file && data ? fread(data + *len, 1, room - *len, file) : 0;
    *len += n;
  } while (n > 0);
  if (!file) {
    fprintf(stderr, "drive: cannot read %s\n", path);
    exit(99);
  }
  fclose(file);
  return data;
}

static si_rc put_file(si_op *op, char **words) {
  struct wanted w = read_words(words + 2);
  size_t len;
  char *data = read_file(words[1], &len);
  si_rc status = put(op, words[0], data, len, &w, on_lock);
  free(data);
  return status;
}

static si_rc get(si_op *op, const char *key) {
  char buf[65536];
  size_t got = 0;
  si_reader *reader = NULL;
  si_rc status = store->reader_open(instance, op, key, 0, UINT64_MAX, &reader);
  while (status == SI_OK) {
    status = store->reader_read(reader, op, buf, sizeof buf, &got);
    if (got == 0) {
      break;
    }
    fwrite(buf, 1, got, stderr); /* beside what is told */
  }
  if (reader) {
    store->reader_close(reader);
  }
  return status;
}

struct many {
  const char *prefix;
  unsigned count;
  size_t bytes;
  char *data;
  struct wanted wanted;
  atomic_uint next;
  atomic_int status;
};

static si_rc tell_nobody(void *ctx, const si_lock *lock) {
  (void)ctx;
  (void)lock;
  return SI_OK;
}

static void *put_some(void *arg) {
  struct many *m = arg;
  for (unsigned i = atomic_fetch_add(&m->next, 1); i < m->count;
       i = atomic_fetch_add(&m->next, 1)) {
    struct si_op op = {""};
    char key[256];
    snprintf(key, sizeof key, "%s/%06u", m->prefix, i);
    si_rc status = put(&op, key, m->data, m->bytes, &m->wanted, tell_nobody);
    if (status != SI_OK) {
      fprintf(stderr, "%s: %s\n", key, op.message);
      atomic_store(&m->status, status);
      break;
    }
  }
  return NULL;
}

static si_rc many(char **words) {
  pthread_t threads[16];
  struct many m = {.prefix = words[0],
                   .count = (unsigned)strtoul(words[1], NULL, 10),
                   .bytes = strtoul(words[2], NULL, 10),
                   .wanted = read_words(words + 4)};
  unsigned count = (unsigned)strtoul(words[3], NULL, 10) % 17;
  m.data = calloc(1, m.bytes + 1);
  uint64_t start = si_monotonic_ns();
  for (unsigned i = 0; i < count; i++) {
    pthread_create(&threads[i], NULL, put_some, &m);
  }
  for (unsigned i = 0; i < count; i++) {
    pthread_join(threads[i], NULL);
  }
  printf("{\"ms\":%llu}\n", (unsigned long long)((si_monotonic_ns() - start) / 1000000));
  free(m.data);
  return atomic_load(&m.status);
}

static si_rc call_locks(si_op *op, int count, char **words) {
  const char *verb = words[0];
  if (count == 5 && strcmp(verb, "lock") == 0) {
    return locks->lock(instance, op, words[1], version_of(words[2]), mode_of(words[3]),
                       strtoll(words[4], NULL, 10));
  }
  if (count == 3 && strcmp(verb, "read") == 0) {
    return locks->read_lock(instance, op, words[1], version_of(words[2]), NULL, on_lock);
  }
  if (count == 4 && strcmp(verb, "hold") == 0) {
    return locks->legal_hold(instance, op, words[1], version_of(words[2]),
                             strcmp(words[3], "on") == 0);
  }
  if (count == 2 && strcmp(verb, "report") == 0) {
    return locks->report(instance, op, words[1], NULL, on_lock, NULL, on_emit);
  }
  fprintf(stderr, "drive: what is %s?\n", verb);
  exit(99);
}

static si_rc call(si_op *op, int count, char **words) {
  const char *verb = words[0];
  si_object_info info;
  if (count >= 3 && strcmp(verb, "put") == 0) {
    return put_file(op, words + 1);
  }
  if (count == 2 && strcmp(verb, "get") == 0) {
    return get(op, words[1]);
  }
  if (count == 2 && strcmp(verb, "stat") == 0) {
    si_rc status = store->stat(instance, op, words[1], &info);
    return status == SI_OK ? on_object(NULL, words[1], &info) : status;
  }
  if (count == 2 && strcmp(verb, "list") == 0) {
    return store->list(instance, op, words[1], NULL, on_object);
  }
  if (count == 2 && strcmp(verb, "remove") == 0) {
    return store->remove(instance, op, words[1]);
  }
  if (count == 2 && strcmp(verb, "others") == 0) {
    return system(words[1]) == 0 ? SI_OK : SI_E_INTERNAL;
  }
  if (count >= 5 && strcmp(verb, "many") == 0) {
    return many(words + 1);
  }
  return call_locks(op, count, words);
}

/* `words` ends with NULL. */
static si_rc call_each(si_op *op, char **words) {
  si_rc status = SI_OK;
  while (status == SI_OK && *words) {
    int count = 0;
    while (words[count] && strcmp(words[count], "then") != 0) {
      count++;
    }
    char **next = words[count] ? words + count + 1 : words + count;
    words[count] = NULL;
    status = call(op, count, words);
    words = next;
  }
  return status;
}

static void load(const char *path) {
  void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  const si_plugin *(*entry)(void) = NULL;
  if (plugin) {
    *(void **)&entry = dlsym(plugin, "si_plugin_v1");
  }
  if (!entry) {
    fprintf(stderr, "drive: %s\n", dlerror());
    exit(99);
  }
  provider = entry()->providers[0];
  store = provider->vt;
  locks = provider->extension ? provider->extension(SI_RETENTION_ID) : NULL;
}

int main(int argc, char **argv) {
  struct si_host host = {0};
  struct si_op op = {""};
  size_t len;
  if (argc < 4) {
    return 99;
  }
  load(argv[1]);
  char *config = read_file(argv[2], &len);
  config = realloc(config, len + 1);
  config[len] = '\0';
  si_rc status = provider->open(&host_vt, &host, &op, config, &instance);
  free(config);
  if (status == SI_OK) {
    status = call_each(&op, argv + 3);
    provider->close(instance);
  }
  for (char *at = op.message; *at; at++) {
    *at = *at == '"' || *at == '\\' || *at == '\n' ? '\'' : *at;
  }
  printf("{\"status\":%d,\"message\":\"%s\"}\n", status, op.message);
  return status;
}
