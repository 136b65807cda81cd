/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/conform/report.h"

#include <string.h>

static const char *const verdicts[] = {"pass", "fail", "skip", "broken"};

struct counts report_count(const struct run *run) {
  struct counts counts = {{0, 0, 0, 0}};
  for (size_t i = 0; i < run->count; i++) {
    counts.verdicts[run->results[i].verdict]++;
  }
  return counts;
}

const char *report_verdict(enum verdict verdict) {
  return verdicts[verdict];
}

const char *report_kind(uint32_t kind) {
  switch (kind) {
    case SI_KIND_PROVISIONER: return "provisioner";
    case SI_KIND_ARTIFACT: return "artifact";
    case SI_KIND_BACKUP: return "backup";
    case KIND_PLUGIN: return "plugin";
    default: return "any";
  }
}

void report_line(FILE *to, const struct result *r) {
  fprintf(to, "%-6s %s%s%s%s\n", verdicts[r->verdict], r->check->id, r->reason[0] ? ": " : "",
          r->reason, "");
  if (r->verdict == FAIL) {
    fprintf(to, "       demanded: %s\n", r->check->title);
  }
  fflush(to);
}

/* The check that shows that the configuration itself is refused, or NULL: one that does nothing but
 * open, or, where that was not run, the first one. */
static const struct result *refused(const struct run *run, size_t *count) {
  const struct result *found = NULL;
  *count = 0;
  for (size_t i = 0; i < run->count; i++) {
    const struct result *r = &run->results[i];
    if (strcmp(r->check->id, "life.opens") == 0 && !r->refused) {
      return NULL;
    }
    *count += r->refused;
    found = !found && r->refused ? r : found;
  }
  return found;
}

void report_end(FILE *to, const struct run *run, const char *sha256) {
  struct counts counts = report_count(run);
  size_t by_that = 0;
  const struct result *first = refused(run, &by_that);
  if (first) {
    fprintf(to,
            "the plugin does not open with this configuration, and %zu checks failed by that: %s; "
            "give it with --config KEY=VALUE\n",
            by_that, first->reason);
  }
  fprintf(to, "%s (sha256 %s)\n", run->options->plugin, sha256);
  if (run->no_plugin[0]) {
    fprintf(to, "only the checks of the file were run: %s\n", run->no_plugin);
  }
  fprintf(to, "%zu passed, %zu failed, %zu do not apply; seed %llu\n", counts.verdicts[PASS],
          counts.verdicts[FAIL] + counts.verdicts[BROKEN], counts.verdicts[SKIP],
          (unsigned long long)run->options->seed);
}

static cJSON *check_json(const struct check *check) {
  cJSON *item = cJSON_CreateObject();
  cJSON_AddStringToObject(item, "id", check->id);
  cJSON_AddStringToObject(item, "title", check->title);
  cJSON_AddStringToObject(item, "kind", report_kind(check->kind));
  return item;
}

static cJSON *result_json(const struct result *r) {
  cJSON *item = check_json(r->check);
  cJSON_AddStringToObject(item, "provider", r->provider ? r->provider->id : "");
  cJSON_AddStringToObject(item, "verdict", verdicts[r->verdict]);
  cJSON_AddStringToObject(item, "reason", r->reason);
  cJSON_AddNumberToObject(item, "seconds", (double)(int64_t)(r->seconds * 1000) / 1000);
  return item;
}

si_rc report_json(const struct run *run, const char *sha256, struct si_buf *out) {
  char seed[24];
  struct counts counts = report_count(run);
  cJSON *json SI_AUTO(si_json_free) = cJSON_CreateObject();
  snprintf(seed, sizeof seed, "%llu", (unsigned long long)run->options->seed);
  cJSON_AddStringToObject(json, "schema", "si.conform/1");
  cJSON_AddStringToObject(json, "plugin", run->options->plugin);
  cJSON_AddStringToObject(json, "sha256", sha256);
  cJSON_AddStringToObject(json, "seed", seed);
  if (run->no_plugin[0]) {
    cJSON_AddStringToObject(json, "not_loaded", run->no_plugin);
  }
  size_t by_that = 0;
  const struct result *first = refused(run, &by_that);
  if (first) {
    cJSON_AddStringToObject(json, "not_opened", first->reason);
  }
  cJSON *checks = cJSON_AddArrayToObject(json, "checks");
  for (size_t i = 0; i < run->count; i++) {
    cJSON_AddItemToArray(checks, result_json(&run->results[i]));
  }
  cJSON *totals = cJSON_AddObjectToObject(json, "counts");
  for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
    cJSON_AddNumberToObject(totals, verdicts[i], (double)counts.verdicts[i]);
  }
  return json && totals ? si_json_print(json, true, out) : SI_E_NOMEM;
}

si_rc report_list(bool as_json, struct si_buf *out) {
  cJSON *json SI_AUTO(si_json_free) = cJSON_CreateObject();
  cJSON_AddStringToObject(json, "schema", "si.conform-list/1");
  cJSON *checks = cJSON_AddArrayToObject(json, "checks");
  const struct check *check;
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && (check = check_at(i)); i++) {
    cJSON_AddItemToArray(checks, check_json(check));
    if (!as_json) {
      status =
          si_buf_printf(out, "%-12s %-32s %s\n", report_kind(check->kind), check->id, check->title);
    }
  }
  return as_json ? si_json_print(json, true, out) : status;
}
