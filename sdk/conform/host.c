/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/conform/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kit/base/text.h"
#include "sdk/conform/run.h"
#include "sdk/conform/services.h"

enum { OP_RUNS = 0x6f703121, OP_OVER = 0x6f703000, OPS_MAX = 1 << 16, TEXT_MAX = 64 * 1024 };

/* --- memory that ends where it ends --- */

/* `len` zeroed bytes whose end is the end of what can be read. */
static unsigned char *at_the_edge(size_t len) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t room = (len + page - 1) / page * page;
  unsigned char *pages =
      mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  kit_needs(pages != MAP_FAILED && mprotect(pages + room, page, PROT_NONE) == 0, "no memory");
  return pages + room - len;
}

static struct {
  void *pages[64];
  size_t sizes[64];
  size_t count;
} lent;

void *lend(const void *bytes, size_t len) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t room = (len + page) / page * page;
  void *to = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  kit_needs(to != MAP_FAILED && lent.count < 64, "no memory to lend");
  memcpy(to, bytes, len);
  lent.pages[lent.count] = to;
  lent.sizes[lent.count++] = room;
  return to;
}

const char *lend_text(const char *text) {
  return lend(text, strlen(text) + 1);
}

void lend_end(void) {
  while (lent.count > 0) {
    lent.count--;
    mprotect(lent.pages[lent.count], lent.sizes[lent.count], PROT_NONE);
  }
}

/* --- what it is told --- */

static void complain(si_host *host, const char *what) {
  if (!host->complaint[0]) {
    si_copy(host->complaint, sizeof host->complaint, what);
  }
}

/* Counts a call of the host, by the call `op` where there is one. Locks the host. */
static si_host *enter(si_host *host, si_op *op) {
  if (op && op->state != OP_RUNS) {
    host = op->host;
    pthread_mutex_lock(&host->lock);
    complain(host, "it used an operation whose call had returned");
  } else {
    pthread_mutex_lock(&host->lock);
  }
  atomic_fetch_add(&host->calls, 1);
  return host;
}

static void leave(si_host *host) {
  pthread_mutex_unlock(&host->lock);
}

static bool cancelled_by_now(si_host *host) {
  unsigned at = atomic_load(&host->cancel_at);
  return at != 0 && atomic_load(&host->calls) >= at;
}

/* Keeps a text; false where it is none that the contract allows. */
static bool keep(struct si_buf *to, const char *text) {
  size_t len = text ? strnlen(text, TEXT_MAX) : 0;
  if (text && to->len + len + 1 < to->max) {
    kit_needs(si_buf_add(to, text, len) == SI_OK && si_buf_puts(to, "\n") == SI_OK,
              "out of memory");
  }
  return !text || (len < TEXT_MAX && si_utf8_valid(text, len));
}

static void host_log(si_host *host, uint32_t level, const char *message) {
  enter(host, NULL);
  if (level > SI_LOG_ERROR || !message) {
    complain(host, "it logged at a level that there is not, or nothing");
  }
  if (!keep(&host->logged, message)) {
    complain(host, "it logged a text that is no UTF-8, or longer than 64 KiB");
  }
  leave(host);
}

static si_rc host_fail(si_op *op, const si_failure *failure) {
  si_failure f;
  memset(&f, 0, sizeof f);
  if (!op || !failure) {
    return SI_E_INTERNAL;
  }
  si_host *host = enter(op->host, op);
  memcpy(&f, failure, failure->size < sizeof f ? failure->size : sizeof f);
  op->records++;
  op->size = failure->size;
  op->said = f.status;
  op->retry = f.retry;
  op->retry_after_ms = f.retry_after_ms;
  const char *const texts[] = {f.message, f.field, f.subject, f.detail};
  op->well_formed = true;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    op->well_formed = keep(&host->failures, texts[i]) && op->well_formed;
  }
  snprintf(op->message, sizeof op->message, "%s", f.message ? f.message : "");
  snprintf(op->field, sizeof op->field, "%s", f.field ? f.field : "");
  snprintf(op->subject, sizeof op->subject, "%s", f.subject ? f.subject : "");
  leave(host);
  return f.status;
}

bool op_stopped(const si_op *op) {
  return cancelled_by_now(op->host) || (op->deadline_ns && si_monotonic_ns() >= op->deadline_ns);
}

static int host_cancelled(si_op *op) {
  si_host *host = enter(op->host, op);
  bool stopped = op_stopped(op);
  leave(host);
  return stopped;
}

static void host_progress(si_op *op, uint64_t done, uint64_t total, const char *what) {
  si_host *host = enter(op->host, op);
  if (total != 0 && done > total) {
    complain(host, "it is further than the end (progress)");
  }
  if (!keep(&host->told, what)) {
    complain(host, "it told of progress in a text that is no UTF-8, or longer than 64 KiB");
  }
  leave(host);
}

static uint64_t host_deadline(si_op *op) {
  leave(enter(op->host, op));
  return op->deadline_ns;
}

static si_rc host_step(si_op *op, const char *name, uint32_t phase, const char *outside_id) {
  si_host *host = enter(op->host, op);
  si_rc status = SI_OK;
  if (!name || !name[0] || phase > SI_STEP_FAILED ||
      !si_utf8_valid(name, strnlen(name, TEXT_MAX))) {
    complain(host, "it journalled a step without a name, or in a phase that there is not");
  }
  if (phase == SI_STEP_BEGIN && host->refused) {
    host->begun_after++;
  }
  if (phase == SI_STEP_BEGIN && host->refuse_step && --host->refuse_step == 0) {
    host->refused = true;
    status = SI_E_IO;
  } else if (name && host->step_count < STEPS_MAX) {
    struct step *step = &host->steps[host->step_count++];
    si_copy(step->name, sizeof step->name, name);
    si_copy(step->outside, sizeof step->outside, outside_id);
    step->phase = phase;
  }
  leave(host);
  return status;
}

/* --- secrets --- */

/* Is the name, or "vault:NAME", a text of the configuration? */
static bool refers(const cJSON *config, const char *name) {
  const char *text = cJSON_GetStringValue(config);
  if (text && (strcmp(text, name) == 0 ||
               (strncmp(text, "vault:", 6) == 0 && strcmp(text + 6, name) == 0))) {
    return true;
  }
  for (const cJSON *member = config ? config->child : NULL; member; member = member->next) {
    if (refers(member, name)) {
      return true;
    }
  }
  return false;
}

static si_rc host_secret(si_op *op, const char *name, void *ctx, si_secret_use use) {
  si_host *host = enter(op->host, op);
  const struct options *o = host->trial->options;
  const struct secret *found = NULL;
  bool named = name && refers(o->config, name);
  if (name && !named && !host->asked[0]) {
    si_copy(host->asked, sizeof host->asked, name);
  }
  for (size_t i = 0; name && i < o->secret_count; i++) {
    found = strcmp(o->secrets[i].name, name) == 0 ? &o->secrets[i] : found;
  }
  bool no = host->no_secrets;
  leave(host);
  if (!name || !use || !named || no) {
    return name && use ? SI_E_REFUSED : SI_E_INVALID;
  }
  if (!found) {
    return SI_E_NOT_FOUND;
  }
  pthread_mutex_lock(&host->lock);
  host->lent++;
  leave(host);
  unsigned char *copy = at_the_edge(found->value.len);
  memcpy(copy, found->value.data, found->value.len);
  si_rc status = use(ctx, copy, found->value.len);
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  memset(copy, 0, found->value.len);
  mprotect((void *)((uintptr_t)copy / page * page), (found->value.len + page - 1) / page * page,
           PROT_NONE);
  return status;
}

static const void *host_service(si_host *host, const char *id) {
  enter(host, NULL);
  bool no = host->no_services;
  leave(host);
  return id && !no ? service_table(id) : NULL;
}

/* --- making one --- */

static const si_host_vt whole = {
    .size = sizeof whole,
    .log = host_log,
    .fail = host_fail,
    .cancelled = host_cancelled,
    .progress = host_progress,
    .deadline_ns = host_deadline,
    .step = host_step,
    .secret = host_secret,
    .service = host_service,
};

void host_cut(si_host *host, size_t size, uint32_t said) {
  host->vt = (si_host_vt *)(void *)at_the_edge(size);
  memcpy(host->vt, &whole, size < sizeof whole ? size : sizeof whole);
  memcpy(host->vt, &said, sizeof said);
}

void host_grow(si_host *host, size_t extra) {
  unsigned char *table = at_the_edge(sizeof whole + extra);
  memcpy(table, &whole, sizeof whole);
  memset(table + sizeof whole, 0xa5, extra);
  host->vt = (si_host_vt *)(void *)table;
  host->vt->size = (uint32_t)(sizeof whole + extra);
}

si_host *host_new(struct trial *t) {
  /* Not from malloc: what the kit holds is no leak of the plugin's. */
  si_host *host = mmap(NULL, sizeof *host, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  kit_needs(host != MAP_FAILED, "no memory for a host");
  host->trial = t;
  pthread_mutex_init(&host->lock, NULL);
  host->logged.max = host->told.max = host->failures.max = TELLING_MAX;
  host_cut(host, sizeof whole, sizeof whole);
  return host;
}

void host_forget(si_host *host) {
  host->step_count = 0;
  si_buf_clear(&host->logged);
  si_buf_clear(&host->told);
  si_buf_clear(&host->failures);
}

si_op *op_begin(si_host *host) {
  static si_op *pool;
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  static size_t next;
  pthread_mutex_lock(&lock);
  if (!pool) {
    pool = mmap(NULL, OPS_MAX * sizeof *pool, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    kit_needs(pool != MAP_FAILED, "no memory for calls");
  }
  si_op *op = &pool[next++ % OPS_MAX];
  pthread_mutex_unlock(&lock);
  memset(op, 0, offsetof(si_op, message));
  op->message[0] = op->field[0] = op->subject[0] = '\0';
  op->state = OP_RUNS;
  op->host = host;
  op->deadline_ns = host->late ? 1 : 0;
  return op;
}

si_rc op_end(si_op *op, si_rc status) {
  op->state = OP_OVER;
  if (status != SI_OK) {
    op->call = calling;
    op->host->failed = op;
  }
  return status;
}

const char *config_text(struct trial *t) {
  static struct si_buf text = SI_BUF(1u << 20);
  cJSON *config SI_AUTO(si_json_free) = NULL;
  if (!text.data) {
    kit_needs(options_config(t->options, t->dir, &config) == SI_OK &&
                  si_json_print(config, false, &text) == SI_OK,
              "no memory for the configuration");
  }
  return si_buf_text(&text);
}

si_rc open_with(struct trial *t, si_host *host, const char *config, si_instance **out) {
  si_op *op = op_begin(host);
  return op_end(op, CALL(t->provider, open)(host->vt, host, op, config, out));
}

/* Every ordinary check fails by that: told apart, so that the report can name it once. */
static _Noreturn void open_refused(const struct trial *t, const si_op *op, si_rc status) {
  char reason[1024];
  snprintf(reason, sizeof reason, "open() failed%s (%s)%s%.800s",
           t->options->config_given ? "" : ", and no configuration was given",
           si_status_text(status), op->records ? ": " : ", and recorded no reason (si_fail)",
           op->records ? op->message : "");
  verdict_send(REFUSED, reason);
}

si_instance *open_instance(struct trial *t, si_host *host) {
  si_instance *instance = NULL;
  si_op *op = op_begin(host);
  si_rc status = CALL(t->provider, open)(host->vt, host, op, config_text(t), &instance);
  if (status != SI_OK) {
    open_refused(t, op, status);
  }
  demand(instance != NULL, "open() succeeded, and gave no instance");
  op_end(op, status);
  return instance;
}

void close_instance(struct trial *t, si_instance *instance) {
  CALL(t->provider, close)(instance);
}
