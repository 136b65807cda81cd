/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/store/measure.c - how long export and verification take over the store `file` without
 * the wire, and how much memory: runpack_measure DIR COUNT BYTES. Not a test; built by name.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/runpack/export.h"
#include "core/runpack/verify.h"
#include "kit/base/text.h"
#include "tests/unit/store/direct_store.h"
#include "tests/unit/store/recorder.h"

static const uint64_t cap = 2ull << 30;

static si_rc export_all(struct si_store *store, uint64_t count, int dir,
                        struct si_export_result *result, struct si_error *error) {
  const struct si_export_options options = {.tenant = "bench",
                                            .namespace_id = "n",
                                            .scenario = "s",
                                            .run = "r",
                                            .max_artifact_bytes = cap,
                                            .si_version = "0"};
  struct si_export *e SI_AUTO(si_export_free) = NULL;
  si_rc status = si_export_begin(store, &options, "{}", 2, &e, error);
  for (uint64_t i = 0; status == SI_OK && i < count; i++) {
    char name[32];
    snprintf(name, sizeof name, "f%07u", (unsigned)i);
    const struct si_artifact artifact = {
        .name = name, .required = true, .from = SI_FROM_FILE, .dir = dir, .file = "source"};
    status = si_export_add(e, &artifact, error);
  }
  return status == SI_OK ? si_export_finish(e, result, error) : status;
}

static double seconds(uint64_t from) {
  return (double)(si_monotonic_ns() - from) / 1e9;
}

static int run(struct si_store *store, const char *base, uint64_t count, uint64_t bytes) {
  struct si_verify_report report = SI_VERIFY_REPORT;
  const struct si_verify_options options = {.max_artifact_bytes = cap};
  struct si_export_result result;
  struct si_error error = {.message = ""};
  struct rusage usage;
  int dir SI_AUTO(si_close) = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int fd SI_AUTO(si_close) = openat(dir, "source", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, (off_t)bytes) != 0) {
    return 2;
  }
  uint64_t from = si_monotonic_ns();
  si_rc status = export_all(store, count, dir, &result, &error);
  double exported = seconds(from);
  from = si_monotonic_ns();
  if (status == SI_OK) {
    status = si_runpack_verify(store, result.prefix, &options, &report, &error);
  }
  getrusage(RUSAGE_SELF, &usage);
  printf("%llu x %llu: export %.2f s, verify %.2f s, peak RSS %ld KiB, %s %s\n",
         (unsigned long long)count, (unsigned long long)bytes, exported, seconds(from),
         usage.ru_maxrss, si_status_text(status), error.message);
  si_report_free(&report);
  return status == SI_OK ? 0 : 1;
}

int main(int argc, char **argv) {
  struct direct_store store;
  si_instance *instance = NULL;
  si_op op;
  char path[SI_PATH_MAX];
  uint64_t count = 0, bytes = 0;
  if (argc != 4 || si_parse_u64(argv[2], 1, 1000000, &count) != SI_OK ||
      si_parse_u64(argv[3], 0, 1ull << 40, &bytes) != SI_OK ||
      si_path_join(path, sizeof path, argv[1], "store") != SI_OK ||
      recorder_open(path, &op, &instance) != SI_OK) {
    fprintf(stderr, "usage: runpack_measure DIR COUNT BYTES\n");
    return 2;
  }
  direct_store_init(&store, recorder_table(), instance, &op);
  int result = run(&store.head, argv[1], count, bytes);
  direct_store_free(&store);
  recorder_close(instance);
  return result;
}
