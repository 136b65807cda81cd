/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/conform/options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kit/base/crypt.h"
#include "kit/base/text.h"

enum { FILE_MAX = 1 << 20 };

const char options_usage[] =
    "Usage: si-conform [OPTION...] PLUGIN.so\n"
    "Loads a provider plugin and holds it against the contract of the headers, one process a "
    "check.\n"
    "The plugin runs with your rights and outside of any sandbox: know what you try.\n"
    "\n"
    "  --config KEY=VALUE    a setting of the configuration that open() gets; {dir} in a text is\n"
    "                        a fresh directory of each check's own. May be given again\n"
    "  --config-file FILE    the configuration as a JSON object; KEY=VALUE goes over it\n"
    "  --secret NAME=@FILE   the value of a secret, which is looked for wherever texts go\n"
    "  --secret-fd NAME=FD   the same, from an open descriptor\n"
    "  --stack FILE          the si.stack/1 document that a provisioner is given\n"
    "  --source DIR          where commands of a backup provider run: each service is DIR/NAME\n"
    "  --provider ID         look at this provider alone\n"
    "  --only ID             this check, or all that begin with it. May be given again\n"
    "  --offline             only what needs no peer: the file, the tables, open and close\n"
    "  --timeout DURATION    of one check (default 60s)\n"
    "  --stream-mb N         length of the long stream in MiB (default 1024)\n"
    "  --seed N              what is random comes from it; the report tells it\n"
    "  --jobs N              checks at once (default: processors, at most 4)\n"
    "  --list                print every check's id and what it demands\n"
    "  --json                one JSON document on stdout\n"
    "  --help, --version\n"
    "\n"
    "Exit codes: 0 every check passed or did not apply; 1 one failed; 2 wrong use; 3 no such "
    "file;\n"
    "6 the kit could not do its own part; 130 interrupted.\n";

static si_rc wrong_use(struct si_error *error, const char *option, const char *why) {
  si_error_set(error, SI_E_INVALID, "CONFORM_USAGE", "%s %s", option, why);
  return si_error_hint(error, "si-conform --help");
}

/* "true", "false" and whole numbers are what they look like, all else is text. */
static cJSON *setting(const char *text) {
  uint64_t number;
  if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
    return cJSON_CreateBool(text[0] == 't');
  }
  if (si_parse_u64(text, 0, 9007199254740992ull, &number) == SI_OK) {
    return cJSON_CreateNumber((double)number);
  }
  return cJSON_CreateString(text);
}

static si_rc take_setting(struct options *o, const char *pair, struct si_error *error) {
  char key[128];
  const char *equals = strchr(pair, '=');
  size_t len = equals ? (size_t)(equals - pair) : 0;
  if (len == 0 || len >= sizeof key || !si_utf8_valid(pair, strlen(pair))) {
    return wrong_use(error, "--config", "takes KEY=VALUE");
  }
  memcpy(key, pair, len);
  key[len] = '\0';
  cJSON_DeleteItemFromObjectCaseSensitive(o->config, key);
  o->config_given = true;
  return cJSON_AddItemToObject(o->config, key, setting(equals + 1)) ? SI_OK : SI_E_NOMEM;
}

static si_rc read_text(const char *path, struct si_buf *text, struct si_error *error) {
  int fd SI_AUTO(si_close) = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || si_read_fd(fd, text) != SI_OK) {
    return si_error_errno(error, errno, "CONFORM_FILE", "cannot read %s", path);
  }
  return SI_OK;
}

static si_rc read_json(const char *path, struct si_buf *text, cJSON **out, struct si_error *error) {
  struct si_error why;
  si_rc status = read_text(path, text, error);
  if (status == SI_OK && (si_json_parse(text->data ? text->data : "", text->len, out, &why) ||
                          !cJSON_IsObject(*out))) {
    status = wrong_use(error, path, "holds no JSON object");
  }
  return status;
}

static si_rc take_config_file(struct options *o, const char *path, struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(FILE_MAX);
  cJSON *config SI_AUTO(si_json_free) = NULL;
  si_rc status = read_json(path, &text, &config, error);
  if (status == SI_OK) {
    cJSON_Delete(o->config);
    o->config = config;
    config = NULL;
    o->config_given = true;
  }
  return status;
}

static si_rc take_stack(struct options *o, const char *path, struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(FILE_MAX);
  cJSON *stack SI_AUTO(si_json_free) = NULL;
  si_rc status = read_json(path, &text, &stack, error);
  if (status == SI_OK) {
    free(o->stack);
    o->stack = text.data;
    text.data = NULL;
  }
  return status;
}

/* 0, or -1 and errno. */
static int read_secret(int fd, struct secret *secret) {
  void *pages =
      mmap(NULL, SECRET_MAX + 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) {
    return -1;
  }
  madvise(pages, SECRET_MAX + 1, MADV_DONTDUMP);
  secret->value.data = pages;
  for (ssize_t n = 1; n > 0 && secret->value.len < SECRET_MAX;) {
    n = read(fd, secret->value.data + secret->value.len, SECRET_MAX - secret->value.len);
    if (n < 0 && errno != EINTR) {
      return -1;
    }
    secret->value.len += n > 0 ? (size_t)n : 0;
  }
  return 0;
}

/* NAME=@FILE, or NAME=FD. A line end behind the value is none of it. */
static si_rc take_secret(struct options *o, const char *pair, bool by_fd, struct si_error *error) {
  const char *option = by_fd ? "--secret-fd" : "--secret";
  const char *equals = strchr(pair, '=');
  uint64_t number = 0;
  if (!equals || equals == pair || (size_t)(equals - pair) >= sizeof o->secrets->name ||
      (by_fd ? si_parse_u64(equals + 1, 0, 1 << 20, &number) != SI_OK : equals[1] != '@')) {
    return wrong_use(error, option, by_fd ? "takes NAME=FD" : "takes NAME=@FILE");
  }
  if (o->secret_count == SECRETS_MAX) {
    return wrong_use(error, option, "was given too often");
  }
  struct secret *secret = &o->secrets[o->secret_count];
  memcpy(secret->name, pair, (size_t)(equals - pair));
  int fd SI_AUTO(si_close) = by_fd ? (int)number : open(equals + 2, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || read_secret(fd, secret) != 0) {
    return si_error_errno(error, errno, "CONFORM_FILE", "cannot read the secret %s", secret->name);
  }
  while (secret->value.len > 0 && secret->value.data[secret->value.len - 1] == '\n') {
    secret->value.data[--secret->value.len] = '\0';
  }
  o->secret_count++;
  return secret->value.len >= SECRET_MIN
             ? SI_OK
             : wrong_use(error, option, "needs a value of at least 6 bytes, to be found by");
}

enum {
  CONFIG = 256,
  CONFIG_FILE,
  SECRET,
  SECRET_FD,
  STACK,
  SOURCE,
  PROVIDER,
  ONLY,
  OFFLINE,
  TIMEOUT,
  STREAM_MB,
  SEED,
  JOBS,
  LIST,
  JSON,
  HELP,
  VERSION
};

static const struct option long_options[] = {{"config", required_argument, NULL, CONFIG},
                                             {"config-file", required_argument, NULL, CONFIG_FILE},
                                             {"secret", required_argument, NULL, SECRET},
                                             {"secret-fd", required_argument, NULL, SECRET_FD},
                                             {"stack", required_argument, NULL, STACK},
                                             {"source", required_argument, NULL, SOURCE},
                                             {"provider", required_argument, NULL, PROVIDER},
                                             {"only", required_argument, NULL, ONLY},
                                             {"offline", no_argument, NULL, OFFLINE},
                                             {"timeout", required_argument, NULL, TIMEOUT},
                                             {"stream-mb", required_argument, NULL, STREAM_MB},
                                             {"seed", required_argument, NULL, SEED},
                                             {"jobs", required_argument, NULL, JOBS},
                                             {"list", no_argument, NULL, LIST},
                                             {"json", no_argument, NULL, JSON},
                                             {"help", no_argument, NULL, HELP},
                                             {"version", no_argument, NULL, VERSION},
                                             {NULL, 0, NULL, 0}};

static si_rc take_number(const char *name, const char *text, uint64_t min, uint64_t max,
                         uint64_t *out, struct si_error *error) {
  return si_parse_u64(text, min, max, out) == SI_OK
             ? SI_OK
             : wrong_use(error, name, "takes a whole number in its range");
}

static si_rc take_flag(struct options *o, int option) {
  o->offline = o->offline || option == OFFLINE;
  o->list = o->list || option == LIST;
  o->json = o->json || option == JSON;
  o->help = o->help || option == HELP;
  o->version = o->version || option == VERSION;
  return SI_OK;
}

static si_rc take_only(struct options *o, const char *id, struct si_error *error) {
  if (o->only_count == ONLY_MAX) {
    return wrong_use(error, "--only", "was given too often");
  }
  o->only[o->only_count++] = id;
  return SI_OK;
}

static si_rc take(struct options *o, int option, const char *value, struct si_error *error) {
  switch (option) {
    case CONFIG: return take_setting(o, value, error);
    case CONFIG_FILE: return take_config_file(o, value, error);
    case SECRET: return take_secret(o, value, false, error);
    case SECRET_FD: return take_secret(o, value, true, error);
    case STACK: return take_stack(o, value, error);
    case SOURCE: o->source = value; return SI_OK;
    case PROVIDER: o->provider = value; return SI_OK;
    case ONLY: return take_only(o, value, error);
    case STREAM_MB: return take_number("--stream-mb", value, 1, 1 << 20, &o->stream_mb, error);
    case SEED: return take_number("--seed", value, 0, UINT64_MAX, &o->seed, error);
    case JOBS: return take_number("--jobs", value, 1, 64, &o->jobs, error);
    case TIMEOUT:
      return si_parse_duration_ms(value, &o->timeout_ms) == SI_OK && o->timeout_ms > 0
                 ? SI_OK
                 : wrong_use(error, "--timeout", "takes a duration, such as 30s");
    default: return take_flag(o, option);
  }
}

/* getopt found none: `said` is what stands there. */
static si_rc unknown(const char *said, struct si_error *error) {
  char option[64];
  if (optopt > 0 && optopt < CONFIG) { /* a letter */
    snprintf(option, sizeof option, "-%c", optopt);
  } else {
    snprintf(option, sizeof option, "%.*s", (int)strcspn(said, "="), said);
  }
  for (const struct option *each = long_options; each->name; each++) {
    if (strncmp(option, "--", 2) == 0 && strcmp(option + 2, each->name) == 0) {
      return wrong_use(error, option, each->has_arg ? "lacks its value" : "takes no value");
    }
  }
  return wrong_use(error, option, "is no option that there is, or short for several");
}

/* A reference to a secret that nobody gave would fail every check, by each in its own words. */
static si_rc check_references(const struct options *o, const cJSON *value, struct si_error *error) {
  const char *text = cJSON_GetStringValue(value);
  si_rc status = SI_OK;
  for (const cJSON *each = value->child; each && status == SI_OK; each = each->next) {
    status = check_references(o, each, error);
  }
  if (!text || strncmp(text, "vault:", 6) != 0) {
    return status;
  }
  for (size_t i = 0; i < o->secret_count; i++) {
    if (strcmp(o->secrets[i].name, text + 6) == 0) {
      return SI_OK;
    }
  }
  si_error_set(error, SI_E_INVALID, "CONFORM_USAGE",
               "the configuration refers to %.200s, and no such secret was given", text);
  return si_error_hint(error, "give --secret %.120s=@FILE", text + 6);
}

static void defaults(struct options *o) {
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  memset(o, 0, sizeof *o);
  o->config = cJSON_CreateObject();
  o->timeout_ms = 60000;
  o->stream_mb = 1024;
  o->jobs = processors < 1 ? 1 : processors > 4 ? 4 : (uint64_t)processors;
  o->seed = si_monotonic_ns() % 1000000007u;
}

si_rc options_read(int argc, char **argv, struct options *out, struct si_error *error) {
  char real[PATH_MAX];
  int option;
  si_rc status = SI_OK;
  defaults(out);
  opterr = 0;
  while (status == SI_OK && (option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
    status = option == '?' ? unknown(argv[optind - 1], error) : take(out, option, optarg, error);
  }
  if (status != SI_OK || out->help || out->version || out->list) {
    return status;
  }
  if (argc - optind != 1) {
    return wrong_use(error, "PLUGIN.so", "must be given, once");
  }
  if (!realpath(argv[optind], real)) {
    return si_error_errno(error, errno, "CONFORM_FILE", "cannot open %s", argv[optind]);
  }
  si_copy(out->plugin, sizeof out->plugin, real);
  return check_references(out, out->config, error);
}

void options_free(struct options *options) {
  for (size_t i = 0; i < SECRETS_MAX; i++) {
    if (options->secrets[i].value.data) {
      si_wipe(options->secrets[i].value.data, SECRET_MAX + 1);
      munmap(options->secrets[i].value.data, SECRET_MAX + 1);
    }
  }
  cJSON_Delete(options->config);
  free(options->stack);
}

bool options_wants(const struct options *options, const char *id) {
  for (size_t i = 0; i < options->only_count; i++) {
    const char *only = options->only[i];
    size_t len = strlen(only);
    if (strncmp(id, only, len) == 0 &&
        (id[len] == '\0' || id[len] == '.' || only[len - 1] == '.')) {
      return true;
    }
  }
  return options->only_count == 0;
}

static si_rc fill(cJSON *value, const char *dir) {
  static const char mark[] = "{dir}";
  char *text = cJSON_GetStringValue(value);
  char *at = text ? strstr(text, mark) : NULL;
  for (cJSON *member = value->child; member; member = member->next) {
    if (fill(member, dir) != SI_OK) {
      return SI_E_NOMEM;
    }
  }
  if (!at) {
    return SI_OK;
  }
  struct si_buf filled SI_AUTO(si_buf_free) = SI_BUF(FILE_MAX);
  *at = '\0';
  return si_buf_printf(&filled, "%s%s%s", text, dir, at + sizeof mark - 1) == SI_OK &&
                 cJSON_SetValuestring(value, si_buf_text(&filled))
             ? SI_OK
             : SI_E_NOMEM;
}

si_rc options_config(const struct options *options, const char *dir, cJSON **out) {
  cJSON *config = cJSON_Duplicate(options->config, true);
  if (!config || fill(config, dir) != SI_OK) {
    cJSON_Delete(config);
    return SI_E_NOMEM;
  }
  *out = config;
  return SI_OK;
}
