/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/plugins/misbehave.c - a provisioner that does what its configuration names ("do"), to show
 * that si lives through it. Built again with -DVARIANT=... for what goes wrong before any call: a
 * descriptor that lies, a constructor that must never run. Depends on the ABI headers alone.
 */
#include <dlfcn.h>
#include <si/provisioner.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define VARIANT_NONE 0
#define VARIANT_MAGIC 1
#define VARIANT_DRAFT 2
#define VARIANT_TABLE_SMALL 3  /* a table that ends before its required members */
#define VARIANT_TABLE_HUGE 4   /* a table of a size that cannot be */
#define VARIANT_TABLE_BEYOND 5 /* says it is longer than it is: strangers behind its end */
#define VARIANT_MISSING 6      /* a required function is NULL */
#define VARIANT_ID 7           /* calls itself otherwise than the manifest */
#define VARIANT_ENDLESS 8      /* a list of providers without an end */
#define VARIANT_UNDEFINED 9    /* needs a symbol that nobody has */
#ifndef VARIANT
#define VARIANT VARIANT_NONE
#endif

struct si_instance {
  const si_host_vt *host;
  si_host *handle;
  char config[1024];
};

static struct si_instance instance;

static int told(const char *what) {
  return strstr(instance.config, what) != NULL;
}

/*
 * A refused plugin must not have run: its constructor writes into a file of MARKERS that is named
 * after the plugin's own, where a test has laid one there. Other tests load other copies meanwhile.
 */
__attribute__((constructor)) static void constructed(void) {
#ifdef MARKERS
  char own[1024] = "", marker[2048];
  Dl_info here;
  ssize_t len = dladdr(&instance, &here) ? readlink(here.dli_fname, own, sizeof own - 1) : -1;
  for (char *slash = own; len > 0 && (slash = strchr(slash, '/'));) {
    *slash = '%';
  }
  snprintf(marker, sizeof marker, "%s/%s", MARKERS, own);
  FILE *file = len > 0 ? fopen(marker, "r+") : NULL;
  if (file) {
    fputs("ran\n", file);
    fclose(file);
  }
#endif
}

#if VARIANT == VARIANT_UNDEFINED
extern void nobody_defines_this(void);
#endif

static void hang(void) {
  const struct timespec hour = {3600, 0};
  for (;;) {
    nanosleep(&hour, NULL);
  }
}

static int *volatile nowhere = (int *)16;

/* Steps with time between them, as a provider takes them: one that is refused ends the work. */
static si_rc slow_steps(si_op *op) {
  const struct timespec pause = {0, 200000000};
  si_rc status = SI_OK;
  for (int i = 0; status == SI_OK && i < 8; i++) {
    status = instance.host->step(op, "thing.make", SI_STEP_BEGIN, NULL);
    if (status == SI_OK) {
      nanosleep(&pause, NULL);
      status = instance.host->step(op, "thing.make", SI_STEP_DONE, "outside-1");
    }
  }
  return status;
}

/* --- a provider that tells a secret in every way there is --- */

static char secret[1024];
static char quoted[2100]; /* as within a string of JSON */

static si_rc keep_secret(void *ctx, const void *bytes, size_t len) {
  size_t at = 0;
  (void)ctx;
  if (len >= sizeof secret) {
    return SI_E_QUOTA;
  }
  memcpy(secret, bytes, len);
  secret[len] = '\0';
  for (size_t i = 0; i < len; i++) {
    if (secret[i] == '"' || secret[i] == '\\') {
      quoted[at++] = '\\';
    }
    quoted[at++] = secret[i];
  }
  quoted[at] = '\0';
  return SI_OK;
}

static void tell_in_pieces(size_t first) {
  char piece[sizeof secret];
  snprintf(piece, sizeof piece, "%.*s", (int)first, secret);
  instance.host->log(instance.handle, SI_LOG_WARN, piece);
  instance.host->log(instance.handle, SI_LOG_WARN, secret + strlen(piece));
}

static void tell(si_op *op) {
  const si_host_vt *host = instance.host;
  char text[sizeof secret + 100];
  if (host->secret(op, "CANARY", NULL, keep_secret) != SI_OK ||
      host->secret(op, "NOT_DECLARED", NULL, keep_secret) == SI_OK) {
    return;
  }
  snprintf(text, sizeof text, "it is %s, is it not", secret);
  host->log(instance.handle, SI_LOG_WARN, text);
  host->log(instance.handle, SI_LOG_INFO, secret);
  tell_in_pieces(1);
  tell_in_pieces(7);
  host->progress(op, 1, 1, text);
  host->step(op, text, SI_STEP_BEGIN, secret);
  host->step(op, text, SI_STEP_DONE, text);
  printf("on stdout: %s\n", secret);
  fflush(stdout);
  fprintf(stderr, "on stderr: %.5s", secret);
  fprintf(stderr, "%s\n", secret + 5);
}

static si_rc fail_telling(si_op *op) {
  char text[sizeof secret + 100];
  snprintf(text, sizeof text, "it failed with %s", secret);
  const si_failure failure = {.size = sizeof failure,
                              .status = SI_E_FAILED,
                              .field = secret,
                              .subject = secret,
                              .message = text,
                              .detail = text};
  return instance.host->fail(op, &failure);
}

static void misbehave(si_op *op) {
  const si_host_vt *host = instance.host;
  if (told("tell")) {
    tell(op);
  }
  if (told("segv")) {
    *nowhere = 1;
  } else if (told("abort")) {
    abort();
  } else if (told("exit")) {
    exit(7);
  } else if (told("hang")) {
    hang();
  } else if (told("flood-log")) {
    for (;;) {
      host->log(instance.handle, SI_LOG_WARN, "flood flood flood flood flood flood");
    }
  } else if (told("flood-some")) {
    for (int i = 0; i < 5000; i++) {
      host->log(instance.handle, SI_LOG_WARN, "flood flood flood flood flood flood");
    }
  } else if (told("flood-stdout")) {
    for (int i = 0; i < 100000; i++) {
      printf("flood on stdout, where no data of si's must ever go\n");
    }
    fflush(stdout);
  } else if (told("garbage")) {
    send(3, "this is no frame at all, whatever it says of its length", 55, 0);
    hang();
  } else if (told("close-wire")) {
    close(3);
    hang();
  } else if (told("fork")) {
    if (fork() == 0) {
      setsid(); /* outlives, if it can */
      hang();
    }
  } else if (told("steps")) {
    for (int i = 0; i < 3; i++) {
      host->step(op, "thing.make", SI_STEP_BEGIN, NULL);
      host->step(op, "thing.make", SI_STEP_DONE, "outside-1");
    }
  }
}

static si_rc emit_text(void *ctx, si_emit emit, const char *text) {
  return emit(ctx, text, strlen(text));
}

static si_rc check(si_instance *self, si_op *op, void *ctx, si_emit emit) {
  (void)self;
  (void)op;
  return emit_text(ctx, emit, "{\"engine\":\"none\"}");
}

static si_rc provision(si_instance *self, si_op *op, const char *project, const char *stack,
                       void *ctx, si_emit emit) {
  (void)self;
  (void)project;
  (void)stack;
  if (told("slow-steps")) {
    si_rc status = slow_steps(op);
    if (status != SI_OK) {
      return status;
    }
  } else {
    misbehave(op);
  }
  if (told("bad-json")) {
    return emit_text(ctx, emit, "{\"services\":[}");
  }
  if (told("no-result")) {
    return SI_OK;
  }
  if (told("twice")) {
    si_rc status = emit_text(ctx, emit, "{}");
    return status == SI_OK ? emit_text(ctx, emit, "{}") : status;
  }
  if (told("doubled")) { /* what si says of it quotes the key */
    char result[2 * sizeof quoted + 20];
    snprintf(result, sizeof result, "{\"%s\":1,\"%s\":2}", quoted, quoted);
    return emit_text(ctx, emit, result);
  }
  if (told("tell")) {
    char result[2 * sizeof quoted + 200];
    snprintf(result, sizeof result,
             "{\"services\":[],\"said\":\"%s\",\"%s\":1,\"password\":\"shown by its key\"}", quoted,
             quoted);
    si_rc status = emit_text(ctx, emit, result);
    return status == SI_OK ? fail_telling(op) : status;
  }
  if (told("silent-failure")) {
    return SI_E_UNAVAILABLE;
  }
  if (told("odd-status")) {
    return 4711;
  }
  return emit_text(ctx, emit, "{\"services\":[]}");
}

static si_rc destroy(si_instance *self, si_op *op, const char *project, void *ctx, si_emit emit) {
  (void)self;
  (void)project;
  if (told("destroy")) {
    misbehave(op);
  }
  if (told("leftover")) {
    return emit_text(ctx, emit,
                     "{\"remaining\":[{\"type\":\"volume\",\"id\":\"v\",\"name\":\"v\","
                     "\"reason\":\"in use\"}]}");
  }
  return emit_text(ctx, emit, "{\"remaining\":[]}");
}

/* Claims that a service is up which nobody made: si must hold it against the stack. */
static si_rc inspect(si_instance *self, si_op *op, const char *project, void *ctx, si_emit emit) {
  (void)self;
  (void)op;
  (void)project;
  if (told("lie-up")) {
    return emit_text(ctx, emit,
                     "{\"services\":[{\"name\":\"web\",\"state\":\"running\",\"health\":\"none\"},"
                     "{\"name\":\"stranger\",\"state\":\"running\",\"health\":\"none\"}]}");
  }
  if (told("good") || told("steps") || told("flood") || told("fork")) {
    return emit_text(ctx, emit,
                     "{\"services\":[{\"name\":\"web\",\"state\":\"running\","
                     "\"health\":\"none\"}]}");
  }
  return emit_text(ctx, emit, "{\"services\":[]}");
}

static si_rc list(si_instance *self, si_op *op, const char *context, void *ctx, si_emit emit) {
  (void)self;
  (void)op;
  (void)context;
  return emit_text(ctx, emit, "{\"resources\":[]}");
}

static si_rc remove_one(si_instance *self, si_op *op, const char *resource) {
  (void)self;
  (void)op;
  (void)resource;
  return SI_OK;
}

static si_rc open_instance(const si_host_vt *vt, si_host *host, si_op *op, const char *config_json,
                           si_instance **out) {
  instance.host = vt;
  instance.handle = host;
  snprintf(instance.config, sizeof instance.config, "%s", config_json);
  if (told("open-")) {
    misbehave(op);
  }
#if VARIANT == VARIANT_UNDEFINED
  nobody_defines_this();
#endif
  *out = &instance;
  return SI_OK;
}

static void close_instance(si_instance *self) {
  (void)self;
  if (told("close-hang")) {
    hang();
  }
}

/* What lies behind the end of a table that says it is longer than it is. */
#define STRANGER ((si_rc(*)(si_instance *, si_op *, const char *))0x4141414141414141)

static const struct {
  si_provisioner_vt vt;
} table = {{
#if VARIANT == VARIANT_TABLE_SMALL
    .size = 24,
#elif VARIANT == VARIANT_TABLE_HUGE
    .size = 1000000,
#else
    .size = sizeof(si_provisioner_vt),
#endif
    .check = check,
    .provision = provision,
    .destroy = VARIANT == VARIANT_MISSING ? NULL : destroy,
    .inspect = inspect,
    .list = list,
    .remove = VARIANT == VARIANT_TABLE_BEYOND ? STRANGER : remove_one,
}};

static const si_provider provider = {
    .size = sizeof(si_provider),
    .kind = SI_KIND_PROVISIONER,
    .threads = SI_THREADS_SERIAL,
    .id = "misbehave",
    .schema = "{\"type\":\"object\"}",
    .needs = PLUGIN_NEEDS,
    .open = open_instance,
    .close = close_instance,
    .vt = &table,
};

#if VARIANT == VARIANT_ENDLESS
static const si_provider artifact = {
    .size = sizeof(si_provider),
    .kind = SI_KIND_ARTIFACT,
    .id = "misbehave",
    .schema = "{}",
    .needs = "{}",
    .open = open_instance,
    .close = close_instance,
    .vt = &table,
};
#define A &artifact
static const si_provider *const providers[] = {A, A, A, A, A, A, A, A, A,        A,
                                               A, A, A, A, A, A, A, A, &provider};
#else
static const si_provider *const providers[] = {&provider, NULL};
#endif

static const si_plugin plugin = {
    .magic = VARIANT == VARIANT_MAGIC ? 0x12345678u : SI_ABI_MAGIC,
    .size = sizeof(si_plugin),
    .abi_major = SI_ABI_MAJOR,
    .abi_minor = SI_ABI_MINOR,
    .need_minor = 0,
    .draft = VARIANT == VARIANT_DRAFT ? 99 : SI_ABI_DRAFT,
    .id = VARIANT == VARIANT_ID ? "somebody-else" : PLUGIN_ID,
    .version = "0",
    .license = "Apache-2.0",
    .build = "test",
    .providers = providers,
};

SI_EXPORT const si_plugin *si_plugin_v1(void) {
  return &plugin;
}
