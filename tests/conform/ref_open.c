/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration, open and close, failures, steps. */
#include "tests/conform/ref.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kit/base/crypt.h"

#define OF(name) strcmp(member->string, name) == 0

static si_rc open_instance(const si_host_vt *vt, si_host *host, si_op *op, const char *config_json,
                           si_instance **out);
static void close_instance(si_instance *in);

__attribute__((constructor)) static void fill_provider(void) {
  ref_provider.open = bad("provider.functions") ? NULL : open_instance;
  ref_provider.close = close_instance;
}

/* --- failing --- */

static void break_failure(si_failure *f) {
  f->size -= bad("failure.size") ? 8 : 0;
  f->status = bad("failure.same") ? SI_E_INTERNAL : bad("failure.status") ? 99 : f->status;
  f->retry = bad("failure.retry") ? 9 : bad("failure.never") ? SI_RETRY_SAFE : f->retry;
  f->message = bad("failure.message") ? ""
               : bad("failure.line")  ? "one\ntwo"
               : bad("failure.utf8")  ? "\xff"
                                      : f->message;
  f->field = bad("failure.field") ? "root" : f->field;
  if (bad("failure.subject")) {
    f->subject = NULL;
    f->message = "it did not work";
  }
}

static si_rc record(const si_host_vt *vt, si_op *op, si_failure *f) {
  si_rc status = f->status;
  break_failure(f);
  if (bad("failure.status")) {
    status = 99;
  }
  if (!bad("failure.recorded") && SI_HAS(vt, si_host_vt, fail)) {
    vt->fail(op, f);
  }
  return status;
}

si_rc ref_fail(si_instance *in, si_op *op, si_rc status, const char *subject, const char *fmt,
               ...) {
  char message[800];
  va_list args;
  va_start(args, fmt);
  vsnprintf(message, sizeof message, fmt, args);
  va_end(args);
  for (char *at = message; *at; at++) {
    *at = (unsigned char)*at < 0x20 || (unsigned char)*at > 0x7e ? '?' : *at;
  }
  si_failure f = {.size = sizeof f, .status = status, .subject = subject, .message = message};
  return record(in->vt, op, &f);
}

si_rc ref_fail_errno(si_instance *in, si_op *op, const char *subject) {
  return ref_fail(in, op, si_status_of_errno(errno), subject, "%.200s: %s", subject,
                  strerror(errno));
}

si_rc ref_stop(si_instance *in, si_op *op) {
  if (!SI_HAS(in->vt, si_host_vt, cancelled) || !in->vt->cancelled(op)) {
    return SI_OK;
  }
  if (bad("life.cancelled-leaves") && open("/dev/null", O_RDONLY) < 0) {
    abort();
  }
  bool late = SI_HAS(in->vt, si_host_vt, deadline_ns) && in->vt->deadline_ns(op) != 0;
  if (bad(late ? "life.late" : "life.cancelled")) {
    return ref_fail(in, op, SI_E_IO, NULL, "something went wrong");
  }
  return late ? ref_fail(in, op, SI_E_TIMEOUT, NULL, "the deadline passed")
              : ref_fail(in, op, SI_E_CANCELLED, NULL, "cancelled");
}

si_rc ref_step(si_instance *in, si_op *op, const char *name, uint32_t phase, const char *id) {
  return SI_HAS(in->vt, si_host_vt, step) ? in->vt->step(op, name, phase, id) : SI_OK;
}

si_rc ref_emit(si_instance *in, si_op *op, cJSON *json, void *ctx, si_emit emit) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(1u << 20);
  si_rc status = json ? si_json_print(json, false, &text) : SI_E_NOMEM;
  cJSON_Delete(json);
  return status == SI_OK ? emit(ctx, text.data, text.len)
                         : ref_fail(in, op, status, NULL, "out of memory");
}

/* --- the configuration --- */

static si_rc wrong(si_instance *in, si_op *op, const char *key, const char *value) {
  char field[140], message[300];
  snprintf(field, sizeof field, "/%.120s", key);
  snprintf(message, sizeof message, "the setting %.120s is not what the schema says%s%.100s", key,
           bad("config.plain-hidden") && value ? ": " : "",
           bad("config.plain-hidden") && value ? value : "");
  si_failure f = {.size = sizeof f,
                  .status = SI_E_INVALID,
                  .field = bad("config.field") ? NULL : field,
                  .message = message};
  return record(in->vt, op, &f);
}

static bool is_number(const cJSON *member) {
  double number = member->valuedouble;
  if (!cJSON_IsNumber(member)) {
    return bad("config.types") || (bad("config.null") && cJSON_IsNull(member));
  }
  return (bad("config.range") || (number >= 1 && number <= 10)) &&
         (bad("config.fraction") || number == (double)(int)number);
}

static bool is_label(const char *text) {
  return text && (bad("config.enum") || strcmp(text, "plain") == 0 || strcmp(text, "fancy") == 0);
}

/* Is it a setting, and as the schema says? */
static bool fits(const cJSON *member) {
  const char *text = cJSON_GetStringValue(member);
  if (OF("root")) {
    return text && text[0] == '/' && (bad("config.length") || strlen(text) <= 1024);
  }
  if (OF("token")) {
    return text && (bad("config.plain-secret") || strncmp(text, "vault:", 6) == 0);
  }
  return OF("tries") ? is_number(member) : OF("label") ? is_label(text) : bad("config.unknown");
}

static void sink_into(const char *text, volatile char *above) {
  volatile char frame[256];
  frame[0] = *above;
  if (*text == '[') {
    sink_into(text + 1, frame);
  }
  frame[1] = frame[0];
}

static si_rc parse(si_instance *in, si_op *op, const char *text, cJSON **out) {
  volatile char top = 0;
  if (bad("config.deep")) {
    sink_into(text, &top);
  }
  si_rc status = si_json_parse(text, strlen(text), out, NULL);
  if (status != SI_OK && bad("config.no-json")) {
    status = si_json_parse("{\"root\":\"/tmp\"}", 15, out, NULL);
  }
  if (status != SI_OK) {
    return ref_fail(in, op, SI_E_INVALID, NULL, "the configuration is no JSON");
  }
  if (!cJSON_IsObject(*out) && bad("config.no-object")) {
    cJSON_Delete(*out);
    return si_json_parse("{\"root\":\"/tmp\"}", 15, out, NULL);
  }
  return cJSON_IsObject(*out)
             ? SI_OK
             : ref_fail(in, op, SI_E_INVALID, NULL, "the configuration is no JSON object");
}

struct lent {
  si_instance *in;
};

static si_rc keep_secret(void *ctx, const void *bytes, size_t len) {
  si_instance *in = ((struct lent *)ctx)->in;
  in->secret = malloc(len + 1);
  if (!in->secret) {
    return SI_E_NOMEM;
  }
  memcpy(in->secret, bytes, len);
  in->secret[len] = '\0';
  in->secret_len = len;
  return SI_OK;
}

static si_rc take_secret(si_instance *in, si_op *op, const char *reference) {
  struct lent lent = {in};
  if (bad("secret.used")) {
    return SI_OK;
  }
  if (!SI_HAS(in->vt, si_host_vt, secret)) {
    return ref_fail(in, op, SI_E_UNSUPPORTED, NULL, "this host lends no secrets");
  }
  if (bad("secret.named")) {
    (void)!in->vt->secret(op, "OTHER", &lent, keep_secret);
  }
  si_rc status = in->vt->secret(op, reference + strlen("vault:"), &lent, keep_secret);
  if (status != SI_OK && !bad("secret.withheld")) {
    return ref_fail(in, op, status, NULL, "the secret %s is not to be had", reference);
  }
  return SI_OK;
}

static si_rc configure(si_instance *in, si_op *op, const char *text) {
  cJSON *config SI_AUTO(si_json_free) = NULL;
  si_rc status = parse(in, op, text, &config);
  for (const cJSON *m = status == SI_OK ? config->child : NULL; m && status == SI_OK; m = m->next) {
    status = fits(m) ? SI_OK : wrong(in, op, m->string, cJSON_GetStringValue(m));
  }
  const char *root = status == SI_OK ? si_json_str(config, "root") : NULL;
  const char *token = status == SI_OK ? si_json_str(config, "token") : NULL;
  if (status == SI_OK && !root && !bad("config.required")) {
    status = wrong(in, op, "root", NULL);
  }
  si_copy(in->root, sizeof in->root, root && strlen(root) <= 1024 ? root : "/tmp");
  return status == SI_OK && token ? take_secret(in, op, token) : status;
}

/* --- the host --- */

static si_rc look_at_host(si_instance *in, si_op *op) {
  const si_host_vt *vt = in->vt;
  si_host_vt copy;
  if (bad("host.bare")) {
    vt->log(in->host, SI_LOG_INFO, "hello");
  }
  if (bad("host.cut")) {
    memcpy(&copy, vt, sizeof copy);
    in->dir = copy.log ? -1 : -2;
  }
  if (bad("host.zero") && vt->size == 0) {
    vt->log(in->host, SI_LOG_INFO, "hello");
  }
  if (bad("host.null") && vt->size >= sizeof *vt) {
    vt->log(in->host, SI_LOG_INFO, "hello");
  }
  if ((bad("host.longer") && vt->size > sizeof *vt) || (bad("host.longest") && vt->size > 1024)) {
    return ref_fail(in, op, SI_E_UNSUPPORTED, NULL, "this host is too new");
  }
  if (bad("host.no-services") && SI_HAS(vt, si_host_vt, service) &&
      !vt->service(in->host, "si.state/1")) {
    return ref_fail(in, op, SI_E_INTERNAL, NULL, "it does not work");
  }
  if (bad("host.kept") && SI_HAS(vt, si_host_vt, log)) {
    vt->log(in->host, 9, "hello");
  }
  return SI_OK;
}

static void tell_secret(si_instance *in, si_op *op) {
  char text[512] = "", hex[512] = "";
  if (!in->secret || in->secret_len > 100 || !SI_HAS(in->vt, si_host_vt, secret)) {
    return;
  }
  si_hex(in->secret, in->secret_len, hex);
  snprintf(text, sizeof text, "the token is %s", (const char *)in->secret);
  if (bad("secret.log")) {
    in->vt->log(in->host, SI_LOG_INFO, text);
  }
  if (bad("secret.failure")) {
    ref_fail(in, op, SI_E_AUTH, NULL, "the token %s", hex);
  }
  if (bad("secret.progress")) {
    in->vt->progress(op, 1, 2, text);
  }
  if (bad("secret.step")) {
    ref_step(in, op, "token", SI_STEP_BEGIN, (const char *)in->secret);
  }
  si_wipe(text, sizeof text);
  si_wipe(hex, sizeof hex);
}

/* --- the process --- */

static void *rest(void *arg) {
  for (;;) {
    pause();
  }
  return arg;
}

static void harm_process(void) {
  pthread_t thread;
  if (bad("life.threads")) {
    pthread_create(&thread, NULL, rest, NULL);
  }
  if (bad("life.processes") && fork() == 0) {
    rest(NULL);
  }
  if (bad("life.quiet")) {
    puts("ready");
  }
  if (bad("life.signals")) {
    signal(SIGUSR1, SIG_IGN);
  }
  if (bad("life.directory") && chdir("/") != 0) {
    abort();
  }
  if (bad("life.environment")) {
    setenv("TZ", "UTC", 1);
  }
  if (bad("life.limits")) {
    struct rlimit limit = {64, 64};
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  if (bad("life.locale")) {
    setlocale(LC_ALL, "C.UTF-8");
  }
}

/* --- open, close --- */

static int opened, open_now;

static si_rc prepare(si_instance *in, si_op *op, const char *config_json) {
  opened++;
  if ((bad("life.again") && opened > 40) || (bad("life.two") && open_now > 0)) {
    return ref_fail(in, op, SI_E_CONFLICT, NULL, "it was opened before");
  }
  if (bad("closed")) {
    return ref_fail(in, op, SI_E_NOT_FOUND, NULL, "there is no such room");
  }
  si_rc status = look_at_host(in, op);
  status = status == SI_OK ? configure(in, op, config_json) : status;
  if (status != SI_OK) {
    return status;
  }
  tell_secret(in, op);
  harm_process();
  in->config = bad("life.config-kept") ? config_json : NULL;
  in->dir = -1;
  if (si_mkdir_path(in->root, 0700) == 0) {
    in->dir = open(in->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }
  if (in->dir < 0) {
    return ref_fail_errno(in, op, in->root);
  }
  return ref_kind_open(in, op);
}

static void drop(si_instance *in) {
  if (in->secret && !bad("secret.wiped")) {
    si_wipe(in->secret, in->secret_len);
  }
  if (!bad("life.descriptors")) {
    si_close(&in->dir);
  }
  free(in->secret);
  if (!bad("life.memory")) {
    free(in);
  }
}

static si_rc open_instance(const si_host_vt *vt, si_host *host, si_op *op, const char *config_json,
                           si_instance **out) {
  si_instance *in = calloc(1, sizeof *in);
  if (!in) {
    return SI_E_NOMEM;
  }
  in->vt = vt;
  in->host = host;
  in->dir = -1;
  si_rc status = prepare(in, op, config_json);
  if (status != SI_OK) {
    int kept = bad("config.leaves-nothing") ? open("/dev/null", O_RDONLY) : -1;
    in->dir = kept >= 0 ? -1 : in->dir;
    drop(in);
    return status;
  }
  open_now++;
  *out = in;
  return SI_OK;
}

static void close_instance(si_instance *in) {
  if (bad("life.opens")) {
    abort();
  }
  if (bad("exits")) {
    exit(3);
  }
  if (bad("hangs")) {
    rest(NULL);
  }
  if (in->config && in->config[0] == '?') {
    abort();
  }
  open_now--;
  drop(in);
}
