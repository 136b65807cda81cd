/* SPDX-License-Identifier: Apache-2.0 */
/* Verification of a manifest made to be costly: whatever a store delivers, memory stays bounded and
 * there is a verdict. R56. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/runpack/manifest.h"
#include "core/runpack/verify.h"
#include "tests/unit/unit.h"

/* A store whose manifest is made while it is read, and which holds nothing else. */
struct endless {
  struct si_store head;
  size_t artifacts;
  size_t padding; /* bytes of each path, at least */
  bool backwards; /* the worst order to sort */
  size_t asked;
};

static struct si_buf piece = SI_BUF(1u << 20);

static si_rc pass_on(void *ctx, si_store_data on_data, si_rc status) {
  if (status == SI_OK && piece.len > 60000) {
    status = on_data(ctx, piece.data, piece.len);
    si_buf_clear(&piece);
  }
  return status;
}

static void add(const char *text) {
  CU_ASSERT_EQUAL_FATAL(si_buf_puts(&piece, text), SI_OK);
}

#define NO_HASH "{\"algorithm\":\"sha256\",\"value\":\"%064d\"}"

static void path_of(const struct endless *s, size_t i, char path[SI_KEY_SIZE]) {
  size_t number = s->backwards ? s->artifacts - i : i;
  snprintf(path, SI_KEY_SIZE, "artifacts/%0*zu", (int)s->padding, number);
}

static si_rc manifest(struct endless *s, void *ctx, si_store_data on_data) {
  char path[SI_KEY_SIZE], line[4 * SI_KEY_SIZE];
  si_rc status = SI_OK;
  si_buf_clear(&piece);
  add("{\"artifacts\":[");
  for (size_t i = 0; status == SI_OK && i < s->artifacts; i++) {
    path_of(s, i, path);
    snprintf(line, sizeof line,
             "%s{\"artifact_id\":\"%s\",\"content_type\":null,\"hash\":" NO_HASH
             ",\"kind\":\"custom\",\"path\":\"%s\",\"required\":true}",
             i ? "," : "", path, 0, path);
    add(line);
    status = pass_on(ctx, on_data, status);
  }
  add("],\"generated_at\":{\"kind\":\"logical\",\"value\":0},\"hash_algorithm\":\"sha256\","
      "\"integrity\":{\"file_hashes\":[");
  for (size_t i = 0; status == SI_OK && i < s->artifacts; i++) {
    path_of(s, i, path);
    snprintf(line, sizeof line, "%s{\"hash\":" NO_HASH ",\"path\":\"%s\"}", i ? "," : "", 0, path);
    add(line);
    status = pass_on(ctx, on_data, status);
  }
  snprintf(line, sizeof line, NO_HASH, 0);
  add("],\"root_hash\":");
  add(line);
  add("},\"manifest_version\":\"v1\",\"namespace_id\":\"n\",\"run_id\":\"r\",\"scenario_id\":\"s\","
      "\"spec_hash\":");
  add(line);
  add(",\"tenant_id\":\"t\",\"verifier_mode\":\"offline_strict\"}");
  return status == SI_OK ? on_data(ctx, piece.data, piece.len) : status;
}

static si_rc get(struct si_store *head, const char *key, uint64_t limit, void *ctx,
                 si_store_data on_data, si_store_end on_end, struct si_error *error) {
  struct endless *s = (struct endless *)head;
  const struct si_error why = {.status = SI_E_NOT_FOUND};
  (void)limit;
  (void)error;
  s->asked++;
  if (strcmp(key, SI_KEY_MANIFEST) == 0) {
    si_rc status = manifest(s, ctx, on_data);
    struct si_error stopped = {.status = status};
    on_end(ctx, status, status == SI_OK ? NULL : &stopped);
  } else {
    on_end(ctx, SI_E_NOT_FOUND, &why);
  }
  return SI_OK;
}

static si_rc flush(struct si_store *head, struct si_error *error) {
  (void)head;
  (void)error;
  return SI_OK;
}

static si_rc list(struct si_store *head, const char *prefix, uint64_t most, void *ctx,
                  si_store_each each, struct si_error *error) {
  (void)head;
  (void)prefix;
  (void)most;
  (void)ctx;
  (void)each;
  (void)error;
  return SI_OK;
}

static void verify(struct endless *s, const char *code) {
  static const struct si_store_vt vt = {.get = get, .flush = flush, .list = list};
  struct si_verify_report report = SI_VERIFY_REPORT;
  struct si_error error;
  s->head.vt = &vt;
  CU_ASSERT_EQUAL(si_runpack_verify(&s->head, "", NULL, &report, &error), SI_E_CORRUPT);
  if (strcmp(report.first_code, code) != 0) {
    printf("  %zu artifacts: %s, %s was to come: %s\n", s->artifacts, report.first_code, code,
           report.first_message);
    CU_FAIL("another fault than this was to come");
  }
  si_report_free(&report);
}

#ifndef __SANITIZE_ADDRESS__ /* which keeps what was freed */
/* The most memory this process ever had resident, in KiB. */
static long peak_kib(void) {
  char line[256];
  long kib = -1;
  FILE *file = fopen("/proc/self/status", "re");
  while (file && fgets(line, sizeof line, file)) {
    if (strncmp(line, "VmHWM:", 6) == 0) {
      kib = strtol(line + 6, NULL, 10);
    }
  }
  if (file) {
    fclose(file);
  }
  return kib;
}
#endif

static void memory_stays_bounded_whatever_the_manifest_says(void) {
  static const struct {
    size_t artifacts, padding;
    bool backwards;
    const char *code;
  } cases[] = {
      /* As many as may be, in the worst order, with the longest paths that all of them can have. */
      {SI_MANIFEST_ARTIFACTS_MAX, SI_MANIFEST_TEXTS_MAX / SI_MANIFEST_ARTIFACTS_MAX - 12, true,
       "RUNPACK_ROOT_HASH"},
      {SI_MANIFEST_ARTIFACTS_MAX + 1, 8, false, "RUNPACK_TOO_LARGE"},
      {SI_MANIFEST_TEXTS_MAX / 190, 200, false, "RUNPACK_TOO_LARGE"},
      {1500000, 8, true, "RUNPACK_MANIFEST"}, /* longer than 256 MiB */
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct endless s = {.artifacts = cases[i].artifacts,
                        .padding = cases[i].padding,
                        .backwards = cases[i].backwards};
    verify(&s, cases[i].code);
    CU_ASSERT(i > 0 ? s.asked == 1 : s.asked == 1 + s.artifacts);
  }
#ifndef __SANITIZE_ADDRESS__
  long kib = peak_kib();
  if (kib > 56 * 1024) {
    printf("  %ld KiB\n", kib);
    CU_FAIL("the verifier had more memory than it may");
  }
#endif
  si_buf_free(&piece);
}

UNIT_MAIN("runpack bound", UNIT(memory_stays_bounded_whatever_the_manifest_says))
