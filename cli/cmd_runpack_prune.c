/* SPDX-License-Identifier: Apache-2.0 */
/* `si runpack prune`: what was never finished, and what is old, leaves a store. */
#include <stdio.h>
#include <string.h>

#include "cli/age.h"
#include "cli/exit.h"
#include "cli/grid.h"
#include "cli/progress.h"
#include "cli/prompt.h"
#include "cli/runpack_store.h"
#include "core/runpack/prune.h"
#include "kit/base/text.h"
#include "paas/events/events.h"

#define HOUR_MS 3600000ull

enum { TOLD_MAX = 100 }; /* runpacks that one event names */

struct pruning {
  struct si_invocation *inv;
  struct si_place place;
  struct si_prune_options options;
  struct si_prune_plan plan;
  char under[SI_KEY_SIZE];
  uint64_t older_than_ms;
  cJSON *items; /* of the result, which owns them */
  cJSON *next;  /* of them */
  size_t removed, kept;
  struct si_progress *progress;
};

static void close_pruning(struct pruning *p) {
  si_progress_end(&p->progress);
  si_prune_free(&p->plan);
  si_place_close(&p->place);
}

/* --- what is asked for --- */

/* Not none at all: that would be whatever is being written now. */
static si_rc age_option(struct si_invocation *inv, uint64_t *ms) {
  const char *text = si_opt(inv, "older-than");
  return si_parse_span_ms(text, ms) == SI_OK
             ? SI_OK
             : si_usage_error(inv, "--older-than %.40s is no age: write 36h, 90m or 30d", text);
}

static si_rc read_options(struct pruning *p) {
  struct si_invocation *inv = p->inv;
  p->options.incomplete = si_opt_flag(inv, "incomplete");
  p->options.complete = si_opt_flag(inv, "complete");
  p->older_than_ms = 24 * HOUR_MS;
  if (!p->options.incomplete && !p->options.complete) {
    return si_usage_error(inv, "say what goes: --incomplete, or --complete with --older-than");
  }
  if (si_opt(inv, "older-than")) {
    si_rc status = age_option(inv, &p->older_than_ms);
    if (status != SI_OK) {
      return status;
    }
  } else if (p->options.complete) {
    return si_usage_error(inv, "--complete needs --older-than: how old evidence must be to go");
  }
  p->options.before_ms = si_now_ms() - (int64_t)p->older_than_ms;
  return SI_OK;
}

/* A context's own store is touched only below its own tenant, and where it is named itself. */
static si_rc check_place(struct pruning *p) {
  struct si_invocation *inv = p->inv;
  const char *under = si_opt(inv, "under");
  bool own = !si_opt(inv, "sink");
  char tenant[96] = "";
  if (own && inv->context[0] && !inv->context_flag) {
    si_error_set(&inv->error, SI_E_INVALID, "PAAS_CONTEXT_EXPLICIT",
                 "pruning the evidence of a context needs --context itself");
    return si_error_hint(&inv->error, "si runpack prune --context %s", inv->context);
  }
  if (own) {
    si_changes(inv, inv->context);
  }
  if (inv->context[0] && (own || inv->context_flag)) {
    snprintf(tenant, sizeof tenant, "tenant/%s", inv->context);
  }
  size_t len = strlen(tenant);
  if (under && (strncmp(under, tenant, len) != 0 || (len && under[len] && under[len] != '/'))) {
    si_error_set(&inv->error, SI_E_INVALID, "RUNPACK_PRUNE_UNDER",
                 "\"%.200s\" is not below %s, where the runpacks of the context are", under,
                 tenant);
    return si_error_hint(&inv->error, "leave --under away, or name a part of %s", tenant);
  }
  si_copy(p->under, sizeof p->under, under ? under : tenant);
  if (under && strlen(under) >= sizeof p->under) {
    return si_usage_error(inv, "--under is longer than a key");
  }
  p->options.under = p->under;
  return SI_OK;
}

/* --- what is shown --- */

static const struct {
  const char *name;
  const char *why;
} kinds[] = {{"incomplete", "incomplete: it has no manifest"},
             {"unfinished", "unfinished: the writer of an object died"},
             {"complete", "complete"}};

/* "locked until 2027-01-01T00:00:00.000Z"; "" where nothing of it is */
static void lock_text(const struct si_prune_item *item, char *to, size_t size) {
  char until[SI_TIME_SIZE] = "";
  if (item->locked_until_ms) {
    si_time_text(item->locked_until_ms, until);
  }
  snprintf(to, size, "%s%s%s",
           !item->locked ? ""
           : until[0]    ? "; locked until "
                         : "; held",
           until, item->held && until[0] ? ", held" : "");
}

static si_rc item_json(const struct pruning *p, const struct si_prune_item *item, cJSON *json) {
  char newest[SI_TIME_SIZE];
  si_time_text(item->newest_ms, newest);
  cJSON_AddStringToObject(json, "kind", kinds[item->kind].name);
  cJSON_AddStringToObject(json, "prefix", si_prune_text(&p->plan, item->prefix));
  if (item->kind == SI_PRUNE_UNFINISHED) {
    cJSON_AddStringToObject(json, "key", si_prune_text(&p->plan, item->key));
    cJSON_AddStringToObject(json, "id", si_prune_text(&p->plan, item->id));
  }
  si_rc status = si_json_add_u64(json, "objects", item->objects);
  if (item->locked) {
    char until[SI_TIME_SIZE] = "";
    if (item->locked_until_ms) {
      si_time_text(item->locked_until_ms, until);
    }
    status = status == SI_OK ? si_json_add_u64(json, "locked", item->locked) : status;
    status = status == SI_OK ? si_json_add_text(json, "locked_until", until) : status;
    cJSON_AddBoolToObject(json, "held", item->held);
  }
  if (item->bytes == UINT64_MAX) {
    cJSON_AddNullToObject(json, "bytes");
  } else {
    status = status == SI_OK ? si_json_add_u64(json, "bytes", item->bytes) : status;
  }
  return status == SI_OK ? si_json_add_text(json, "newest_at", newest) : status;
}

static void show_plan(struct pruning *p) {
  struct si_grid table SI_AUTO(si_grid_free) =
      SI_GRID("RUN", "SCENARIO", "NAMESPACE", "TENANT", "OBJECTS", "AGE", "WHY");
  const int64_t now = si_now_ms();
  for (size_t i = 0; i < p->plan.count; i++) {
    const struct si_prune_item *item = &p->plan.items[i];
    struct si_runpack_ids ids;
    char age[SI_AGE_SIZE], objects[24], lock[64], why[128];
    si_age_text(item->newest_ms, now, age);
    snprintf(objects, sizeof objects, "%llu", (unsigned long long)item->objects);
    lock_text(item, lock, sizeof lock);
    snprintf(why, sizeof why, "%s%s", kinds[item->kind].why, lock);
    if (si_runpack_prefix_parse(si_prune_text(&p->plan, item->prefix), &ids) == SI_OK) {
      si_grid_row(&table, ids.run, ids.scenario, ids.namespace_id, ids.tenant, objects, age, why);
    }
  }
  si_grid_print(p->inv->out, &table);
  if (p->plan.no_unfinished) {
    si_out_warn(p->inv->out, "the store \"%s\" cannot tell what dead writers left",
                p->place.provider);
  }
  if (p->plan.ageless) {
    si_out_warn(p->inv->out, "%llu stay because the store does not tell their age",
                (unsigned long long)p->plan.ageless);
  }
  if (!p->plan.count) {
    si_out_note(p->inv->out, "nothing to prune (%llu are younger)",
                (unsigned long long)p->plan.young);
  }
}

static si_rc add_counts(const struct pruning *p, cJSON *json) {
  char before[SI_TIME_SIZE];
  si_time_text(p->options.before_ms, before);
  cJSON_AddBoolToObject(json, "dry_run", p->inv->dry_run);
  cJSON_AddStringToObject(json, "under", p->under);
  cJSON_AddBoolToObject(json, "unfinished_known", !p->plan.no_unfinished);
  si_rc status = si_json_add_text(json, "older_than", before);
  const struct {
    const char *name;
    uint64_t value;
  } counts[] = {
      {"planned", p->plan.count}, {"removed", p->removed},      {"kept", p->kept},
      {"young", p->plan.young},   {"ageless", p->plan.ageless}, {"foreign", p->plan.foreign}};
  for (size_t i = 0; status == SI_OK && i < sizeof counts / sizeof *counts; i++) {
    status = si_json_add_u64(json, counts[i].name, counts[i].value);
  }
  return status;
}

/* --- the audit chain of the context whose store it is --- */

static void add_planned(const struct pruning *p, cJSON *fields) {
  size_t counts[3] = {0};
  cJSON *runpacks = cJSON_CreateArray();
  for (size_t i = 0; i < p->plan.count; i++) {
    const struct si_prune_item *item = &p->plan.items[i];
    counts[item->kind]++;
    if (item->kind == SI_PRUNE_COMPLETE && counts[item->kind] <= TOLD_MAX) {
      cJSON_AddItemToArray(runpacks, cJSON_CreateString(si_prune_text(&p->plan, item->prefix)));
    }
  }
  for (int kind = 0; kind < 3; kind++) {
    cJSON_AddNumberToObject(fields, kinds[kind].name, (double)counts[kind]);
  }
  cJSON_AddItemToObject(fields, "runpacks", runpacks);
}

/* The runpacks that stay because they are locked. */
static void add_locked(const struct pruning *p, cJSON *fields) {
  const cJSON *item = NULL;
  cJSON *locked = cJSON_CreateArray();
  cJSON_ArrayForEach(item, p->items) {
    const char *code = si_json_str(item, "code");
    if (code && strcmp(code, "RUNPACK_PRUNE_LOCKED") == 0 &&
        cJSON_GetArraySize(locked) < TOLD_MAX) {
      cJSON_AddItemToArray(locked, cJSON_CreateString(si_json_str(item, "prefix")));
    }
  }
  cJSON_AddItemToObject(fields, "locked", locked);
}

/* Before the first object goes, with what is planned; at the end with what became of it. */
static si_rc tell(struct pruning *p, const struct si_error *failure, bool ended,
                  struct si_error *error) {
  const struct si_context *context = &p->place.context;
  cJSON *fields SI_AUTO(si_json_free) = NULL;
  struct si_state *state = NULL;
  if (!context->config) {
    return SI_OK;
  }
  fields = cJSON_CreateObject();
  cJSON_AddStringToObject(fields, "under", p->under);
  if (ended) {
    cJSON_AddNumberToObject(fields, "removed", (double)p->removed);
    cJSON_AddNumberToObject(fields, "kept", (double)p->kept);
    add_locked(p, fields);
  } else {
    add_planned(p, fields);
  }
  const struct si_event event = {.action = "runpack.prune",
                                 .status = ended ? NULL : "started",
                                 .severity = p->options.complete ? "warning" : NULL,
                                 .target = context->name,
                                 .fields = fields,
                                 .error = failure};
  si_rc status = si_state_open(context->dir, context->id, SI_STATE_WRITE, &state, error);
  status = status == SI_OK ? si_events_append(context, state, &event, error) : status;
  si_state_close(state);
  return status;
}

/* --- the run --- */

static void on_item(void *ctx, const struct si_prune_item *item, const struct si_error *failure) {
  struct pruning *p = ctx;
  cJSON *json = p->next;
  p->next = json->next;
  *(failure ? &p->kept : &p->removed) += 1;
  cJSON_ReplaceItemInObjectCaseSensitive(json, "outcome",
                                         cJSON_CreateString(failure ? "kept" : "removed"));
  if (failure) {
    cJSON_AddStringToObject(json, "code", failure->code);
    cJSON_AddStringToObject(json, "message", failure->message);
    si_progress_warn(p->progress, "%s stays: %s", si_prune_text(&p->plan, item->prefix),
                     failure->message);
  }
  si_progress_update(p->progress, p->removed + p->kept, p->plan.count, "removing");
}

static si_rc ask(struct pruning *p) {
  struct si_buf question SI_AUTO(si_buf_free) = SI_BUF(2 * SI_STORE_URI_SIZE);
  size_t complete = 0;
  for (size_t i = 0; i < p->plan.count; i++) {
    complete += p->plan.items[i].kind == SI_PRUNE_COMPLETE;
  }
  si_rc status = si_buf_printf(&question, "Remove these %zu from ", p->plan.count);
  si_place_uri(&p->place, "", &question);
  status = status == SI_OK ? si_buf_puts(&question, "?") : status;
  if (status == SI_OK && complete) {
    status = si_buf_printf(&question, " %zu are complete, and there is no way back.", complete);
  }
  return status == SI_OK ? si_confirm(p->inv, question.data) : status;
}

static si_rc run(struct pruning *p) {
  struct si_invocation *inv = p->inv;
  struct si_error untold;
  si_rc status = ask(p);
  status = status == SI_OK ? tell(p, NULL, false, &inv->error) : status;
  if (status != SI_OK) {
    return status;
  }
  p->progress = si_progress_start(inv->out, "prune");
  status = si_prune_run(si_place_store(&p->place), &p->options, &p->plan, p, on_item, &inv->error);
  si_progress_end(&p->progress);
  si_out_note(inv->out, "%zu removed, %zu kept", p->removed, p->plan.count - p->removed);
  si_rc told =
      tell(p, status == SI_OK ? NULL : &inv->error, true, status == SI_OK ? &inv->error : &untold);
  return status == SI_OK ? told : si_exit_failed(inv);
}

/* The items stand in the result from the beginning: what was not reached says "planned". */
static cJSON *make_items(const struct pruning *p) {
  cJSON *items = cJSON_CreateArray();
  for (size_t i = 0; items && i < p->plan.count; i++) {
    cJSON *json = cJSON_CreateObject();
    if (item_json(p, &p->plan.items[i], json) != SI_OK ||
        !cJSON_AddStringToObject(json, "outcome", "planned") ||
        !cJSON_AddItemToArray(items, json)) {
      cJSON_Delete(json);
      cJSON_Delete(items);
      items = NULL;
    }
  }
  return items;
}

static si_rc prune(struct si_invocation *inv) {
  struct pruning p SI_AUTO(close_pruning) = {.inv = inv, .plan = SI_PRUNE_PLAN};
  si_rc status = read_options(&p);
  status = status == SI_OK ? check_place(&p) : status;
  p.place.writes = !inv->dry_run;
  status = status == SI_OK ? si_place_sink(inv, false, &p.place) : status;
  status = status == SI_OK
               ? si_prune_plan(si_place_store(&p.place), &p.options, &p.plan, &inv->error)
               : status;
  if (status != SI_OK) {
    return status;
  }
  cJSON *result = cJSON_CreateObject();
  p.items = make_items(&p);
  p.next = p.items ? p.items->child : NULL;
  show_plan(&p);
  if (!p.items || !cJSON_AddItemToObject(result, "items", p.items)) {
    cJSON_Delete(p.items);
    cJSON_Delete(result);
    return si_error_set(&inv->error, SI_E_NOMEM, "CLI_MEMORY", "out of memory");
  }
  status = p.plan.count && !inv->dry_run ? run(&p) : SI_OK;
  struct si_error verdict = inv->error;
  si_rc shown = add_counts(&p, result) == SI_OK ? SI_OK : SI_E_NOMEM;
  shown = si_out_result(inv->out, result) == SI_OK ? shown : SI_E_NOMEM;
  inv->error = verdict;
  return status == SI_OK ? shown : status;
}

static const struct si_option prune_options[] = {
    {"incomplete", 0, NULL, "Runpacks without a manifest, and what dead writers left of an object",
     0, NULL},
    {"complete", 0, NULL, "Whole runpacks too, by the age of their manifest", 0, NULL},
    {"older-than", 0, "TIME", "How old it must be: 36h, 30d; 24h by default without --complete", 0,
     NULL},
    {"under", 0, "PREFIX", "Only what lies there: tenant/T, tenant/T/namespace/N", 0, NULL},
    SI_PLACE_OPTIONS("The store; by default the context's audit sink"),
    {0},
};

const struct si_command si_cmd_runpack_prune = {
    .path = "runpack prune",
    .summary = "Take away what was never finished, or is old",
    .text =
        "Shows what would go and why, and asks. Objects that belong to no runpack are never "
        "touched, nor is anything whose age is unknown, nor a runpack that somebody still writes "
        "to. Afterwards the store is listed again: what is still there is an error.\n\n"
        "Of a complete runpack the manifest goes first, so that what an interrupted prune leaves "
        "is plainly incomplete. What a store has locked stays, and until when is told; a complete "
        "runpack of which something is locked stays whole.",
    .options = prune_options,
    .flags = SI_CMD_CONTEXT_MAYBE | SI_CMD_DRY_RUN,
    .run = prune,
};
