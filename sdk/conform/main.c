/* SPDX-License-Identifier: Apache-2.0 */
/* si-conform: holds a provider plugin against the contract of the ABI headers. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kit/base/hash.h"
#include "sdk/conform/heap.h"
#include "sdk/conform/report.h"

#ifndef SI_VERSION
#define SI_VERSION "0"
#endif

/* As si's own: docs/conformance.md. */
static int exit_code(si_rc status) {
  switch (status) {
    case SI_OK: return 0;
    case SI_E_INVALID: return 2;
    case SI_E_NOT_FOUND: return 3;
    case SI_E_AUTH: return 5;
    case SI_E_CANCELLED: return 130;
    default: return 6;
  }
}

static int refuse(const struct options *o, const struct si_error *error) {
  if (o->json) {
    cJSON *json SI_AUTO(si_json_free) = cJSON_CreateObject();
    struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(1 << 16);
    cJSON_AddStringToObject(json, "schema", "si.conform/1");
    cJSON *inner = cJSON_AddObjectToObject(json, "error");
    cJSON_AddStringToObject(inner, "code", error->code);
    cJSON_AddStringToObject(inner, "message", error->message);
    if (si_json_print(json, true, &text) == SI_OK) {
      puts(si_buf_text(&text));
    }
  }
  fprintf(stderr, "si-conform: %s\n", error->message);
  if (error->hint[0]) {
    fprintf(stderr, "next: %s\n", error->hint);
  }
  return exit_code(error->status);
}

static si_rc hash_file(const char *path, char hex[SI_SHA256_HEX], struct si_error *error) {
  int fd SI_AUTO(si_close) = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || si_sha256_fd(fd, hex) != SI_OK) {
    return si_error_errno(error, errno, "CONFORM_FILE", "cannot read %s", path);
  }
  return SI_OK;
}

static void tell(const struct result *result) {
  report_line(stdout, result);
}

static void tell_nothing(const struct result *result) {
  (void)result;
}

/* A mistyped --only or --provider must not look like success. */
static si_rc something_to_do(const struct run *run, struct si_error *error) {
  if (run->count > 0 || run->no_plugin[0]) {
    return SI_OK;
  }
  si_error_set(error, SI_E_INVALID, "CONFORM_NOTHING", "no check is left to run%s%s",
               run->options->only_count ? " by --only" : "",
               run->options->provider ? " by --provider" : "");
  return si_error_hint(error, "si-conform --list shows every check");
}

static int conclude(const struct run *run, const char *sha256) {
  struct counts counts = report_count(run);
  if (run->options->json) {
    struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(4u << 20);
    if (report_json(run, sha256, &text) != SI_OK) {
      return 6;
    }
    puts(si_buf_text(&text));
  } else {
    report_end(stdout, run, sha256);
  }
  if (fflush(stdout) != 0 || counts.verdicts[BROKEN]) {
    return 6;
  }
  return counts.verdicts[FAIL] || run->no_plugin[0] ? 1 : 0;
}

static int test_plugin(const struct options *o) {
  char sha256[SI_SHA256_HEX];
  struct si_error error = {0};
  struct run run = {0};
  si_rc status = hash_file(o->plugin, sha256, &error);
  status = status == SI_OK ? run_begin(o, &run, &error) : status;
  status = status == SI_OK ? something_to_do(&run, &error) : status;
  status = status == SI_OK ? run_all(&run, o->json ? tell_nothing : tell, &error) : status;
  int code = status == SI_OK ? conclude(&run, sha256) : refuse(o, &error);
  run_end(&run);
  return code;
}

static int list(const struct options *o) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(1u << 20);
  if (report_list(o->json, &text) != SI_OK) {
    return 6;
  }
  printf("%s%s", si_buf_text(&text), o->json ? "\n" : "");
  return fflush(stdout) == 0 ? 0 : 6;
}

int main(int argc, char **argv) {
  struct options options;
  heap_watch();
  struct si_error error = {0};
  int code = 0;
  si_rc status = options_read(argc, argv, &options, &error);
  if (status != SI_OK) {
    code = refuse(&options, &error);
  } else if (options.help) {
    fputs(options_usage, stdout);
  } else if (options.version) {
    puts("si-conform " SI_VERSION);
  } else {
    code = options.list ? list(&options) : test_plugin(&options);
  }
  options_free(&options);
  return code;
}
