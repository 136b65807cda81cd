/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/runpack/fixture.h - one small runpack, exported: a spec, a log, a result. Its clock
 * stands still.
 */
#ifndef SI_TESTS_RUNPACK_FIXTURE_H
#define SI_TESTS_RUNPACK_FIXTURE_H

#include <string.h>

#include "core/runpack/export.h"

#define FIXTURE_SPEC " {\"services\": {\"db\": {}}, \"name\": \"blog\"}\n"
#define FIXTURE_SPEC_HASH "bbb06b7cda261a523ee087f177cb40906f823ded5b40c023567b49bd1a579c77"
#define FIXTURE_PREFIX "tenant/oss-demo/namespace/p1/scenario/demo/run/r-1/" FIXTURE_SPEC_HASH

static inline struct si_export_options fixture_options(void) {
  static const struct si_plugin_ref plugins[] = {
      {"file", "0.1.0", "0000000000000000000000000000000000000000000000000000000000000000"}};
  const struct si_export_options options = {.tenant = "oss-demo",
                                            .namespace_id = "p1",
                                            .scenario = "demo",
                                            .run = "r-1",
                                            .generated_value = 1700000000000,
                                            .si_version = "0.1.0",
                                            .plugins = plugins,
                                            .plugin_count = 1};
  return options;
}

static inline struct si_artifact fixture_artifact(const char *name, const char *text) {
  const struct si_artifact artifact = {.name = name, .data = text, .len = strlen(text)};
  return artifact;
}

static inline si_rc fixture_export(struct si_store *store, struct si_export_result *result,
                                   struct si_error *error) {
  const struct si_export_options options = fixture_options();
  struct si_export *e SI_AUTO(si_export_free) = NULL;
  struct si_artifact json = fixture_artifact("out/result.json", "{\"ok\":true}");
  struct si_artifact log = fixture_artifact("log.txt", "hello\n");
  json.kind = "evidence_log";
  json.content_type = "application/json";
  json.required = true;
  log.content_type = "text/plain";
  si_rc status = si_export_begin(store, &options, FIXTURE_SPEC, sizeof FIXTURE_SPEC - 1, &e, error);
  status = status == SI_OK ? si_export_add(e, &json, error) : status;
  status = status == SI_OK ? si_export_add(e, &log, error) : status;
  return status == SI_OK ? si_export_finish(e, result, error) : status;
}

#endif
