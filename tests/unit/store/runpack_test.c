/* SPDX-License-Identifier: Apache-2.0 */
/* The engine over the store `file`: export, verify, corrupt, verify again (R57, R49). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/runpack/export.h"
#include "core/runpack/list.h"
#include "core/runpack/verify.h"
#include "tests/unit/store/direct_store.h"
#include "tests/unit/store/recorder.h"
#include "tests/unit/unit.h"

static char root[64];
static si_op op;

struct place {
  si_instance *instance;
  struct direct_store store;
};

static int open_place(struct place *place, const char *path) {
  if (recorder_open(path, &op, &place->instance) != SI_OK) {
    return 0;
  }
  direct_store_init(&place->store, recorder_table(), place->instance, &op);
  return 1;
}

static void close_place(struct place *place) {
  direct_store_free(&place->store);
  recorder_close(place->instance);
}

static const struct si_export_options options = {.tenant = "oss-demo",
                                                 .namespace_id = "p1",
                                                 .scenario = "op.provision",
                                                 .run = "r1",
                                                 .flags = SI_KEY_OPERATION,
                                                 .max_artifact_bytes = 2ull << 30,
                                                 .generated_value = 1700000000000,
                                                 .si_version = "0.1.0"};

static si_rc export_files(struct si_store *store, int count, int dir, const char *file,
                          struct si_export_result *result, struct si_error *error) {
  struct si_export *e SI_AUTO(si_export_free) = NULL;
  si_rc status = si_export_begin(store, &options, "{}", 2, &e, error);
  for (int i = 0; status == SI_OK && i < count; i++) {
    char name[32];
    snprintf(name, sizeof name, "f%07d", i);
    const struct si_artifact artifact = {
        .name = name, .required = true, .from = SI_FROM_FILE, .dir = dir, .file = file};
    status = si_export_add(e, &artifact, error);
  }
  return status == SI_OK ? si_export_finish(e, result, error) : status;
}

static si_rc export_some(struct si_store *store, struct si_export_result *result,
                         struct si_error *error) {
  int fd = open(root, O_RDONLY | O_DIRECTORY);
  CU_ASSERT_EQUAL(si_write_file(fd, "source", "evidence", 8, 0600), SI_OK);
  si_rc status = export_files(store, 20, fd, "source", result, error);
  close(fd);
  return status;
}

static void flip(const char *prefix, const char *path) {
  char name[4300], byte;
  snprintf(name, sizeof name, "%s/store/%s/%s", root, prefix, path);
  int fd = open(name, O_RDWR);
  CU_ASSERT_FATAL(fd >= 0);
  CU_ASSERT_EQUAL(pread(fd, &byte, 1, 3), 1);
  byte = (char)(byte ^ 1);
  CU_ASSERT_EQUAL(pwrite(fd, &byte, 1, 3), 1);
  close(fd);
}

static si_rc verify(struct place *place, const char *prefix, struct si_error *error) {
  struct si_verify_report report = SI_VERIFY_REPORT;
  const struct si_verify_options verify_options = {.max_artifact_bytes = 2ull << 30};
  si_rc status = si_runpack_verify(&place->store.head, prefix, &verify_options, &report, error);
  CU_ASSERT_EQUAL(status == SI_OK, report.failures == 0 && report.checked_files > 0);
  si_report_free(&report);
  return status;
}

static void a_flipped_byte_on_the_disk_is_named(void) {
  struct place place;
  struct si_export_result result;
  struct si_error error;
  char path[128];
  scratch_make(root);
  snprintf(path, sizeof path, "%s/store", root);
  CU_ASSERT_FATAL(open_place(&place, path));
  CU_ASSERT_EQUAL_FATAL(export_some(&place.store.head, &result, &error), SI_OK);
  CU_ASSERT_EQUAL(verify(&place, result.prefix, &error), SI_OK);
  flip(result.prefix, "artifacts/f0000007");
  CU_ASSERT_EQUAL(verify(&place, result.prefix, &error), SI_E_CORRUPT);
  CU_ASSERT_STRING_EQUAL(error.target, "artifacts/f0000007");
  flip(result.prefix, "artifacts/f0000007");
  CU_ASSERT_EQUAL(verify(&place, result.prefix, &error), SI_OK);
  flip(result.prefix, "manifest.json");
  CU_ASSERT_EQUAL(verify(&place, result.prefix, &error), SI_E_CORRUPT);
  flip(result.prefix, "manifest.json");
  /* Twice the same is refused, and changes nothing. */
  CU_ASSERT_EQUAL(export_some(&place.store.head, &result, &error), SI_E_EXISTS);
  CU_ASSERT_EQUAL(verify(&place, result.prefix, &error), SI_OK);
  close_place(&place);
  scratch_drop(root);
}

static void a_runpack_directory_copied_elsewhere_verifies(void) {
  struct place place, copy;
  struct si_export_result result;
  struct si_error error;
  char path[128], from[4300], to[128];
  scratch_make(root);
  snprintf(path, sizeof path, "%s/store", root);
  CU_ASSERT_FATAL(open_place(&place, path));
  CU_ASSERT_EQUAL_FATAL(export_some(&place.store.head, &result, &error), SI_OK);
  snprintf(from, sizeof from, "%s/%s", path, result.prefix);
  snprintf(to, sizeof to, "%s/copy", root);
  CU_ASSERT_EQUAL_FATAL(rename(from, to), 0);
  CU_ASSERT_EQUAL(verify(&place, result.prefix, &error), SI_E_NOT_FOUND);
  CU_ASSERT_FATAL(open_place(&copy, to));
  CU_ASSERT_EQUAL(verify(&copy, "", &error), SI_OK);
  close_place(&copy);
  close_place(&place);
  scratch_drop(root);
}

static si_rc count_found(void *ctx, const struct si_runpack_found *found) {
  *(int *)ctx += found->complete ? 100 : 1;
  return SI_OK;
}

static void complete_and_incomplete_runpacks_are_listed(void) {
  struct place place;
  struct si_export_result result;
  struct si_error error;
  char path[128];
  int found = 0;
  scratch_make(root);
  snprintf(path, sizeof path, "%s/store", root);
  CU_ASSERT_FATAL(open_place(&place, path));
  CU_ASSERT_EQUAL_FATAL(export_some(&place.store.head, &result, &error), SI_OK);
  struct si_export_options other = options;
  struct si_export *e = NULL;
  other.run = "r2";
  CU_ASSERT_EQUAL(si_export_begin(&place.store.head, &other, "{}", 2, &e, &error), SI_OK);
  si_export_free(&e);
  CU_ASSERT_EQUAL(
      si_runpack_list(&place.store.head, "tenant/oss-demo", &found, count_found, NULL, &error),
      SI_OK);
  CU_ASSERT_EQUAL(found, 101);
  close_place(&place);
  scratch_drop(root);
}

UNIT_MAIN("runpacks in the store: file", UNIT(a_flipped_byte_on_the_disk_is_named),
          UNIT(a_runpack_directory_copied_elsewhere_verifies),
          UNIT(complete_and_incomplete_runpacks_are_listed))
