/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/retention/report.h"

#include <stdio.h>
#include <string.h>

#include "core/runpack/list.h"
#include "core/runpack/locks.h"
#include "kit/base/path.h"
#include "kit/base/text.h"
#include "paas/redact/redact.h"
#include "paas/retention/holds.h"

struct reporting {
  const struct si_report_options *options;
  cJSON *attempts;
  cJSON *prefixes; /* object: a member for each runpack that is looked at */
  uint64_t events;
  size_t denied;
  int64_t skew_ms;
  bool clock;
};

static si_rc no_memory(struct si_error *error) {
  return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: a compliance report");
}

static bool add_text(cJSON *to, const char *name, const char *text) {
  return text && text[0] ? cJSON_AddStringToObject(to, name, text) != NULL
                         : cJSON_AddNullToObject(to, name) != NULL;
}

static bool note_runpack(struct reporting *r, const char *prefix) {
  return !prefix || !prefix[0] || cJSON_HasObjectItem(r->prefixes, prefix) ||
         cJSON_AddTrueToObject(r->prefixes, prefix);
}

/* --- attempts --- */

static bool is_attempt(const char *action) {
  static const char *const actions[] = {
      "runpack.lock", "runpack.hold",   "runpack.release", "runpack.prune", "runpack.export",
      "runpack.copy", "runpack.attest", "evidence.store",  "retention.set", "retention.clear"};
  for (size_t i = 0; action && i < sizeof actions / sizeof *actions; i++) {
    if (strcmp(action, actions[i]) == 0) {
      return true;
    }
  }
  return false;
}

static bool fill_attempt(const cJSON *event, cJSON *to) {
  const cJSON *fields = si_json_get(event, "fields");
  const cJSON *error = si_json_get(event, "error");
  const cJSON *seq = si_json_get(event, "seq");
  const char *runpack = si_json_str(fields, "runpack");
  const char *keep = si_json_str(fields, "retain-for");
  char who[300];
  si_retention_who(event, who, sizeof who);
  return cJSON_AddNumberToObject(to, "seq", seq ? seq->valuedouble : 0) &&
         add_text(to, "at", si_json_str(event, "at")) &&
         add_text(to, "action", si_json_str(event, "action")) &&
         add_text(to, "outcome", si_json_str(event, "status")) &&
         add_text(to, "code", si_json_str(error, "code")) &&
         add_text(to, "message", si_json_str(error, "message")) && add_text(to, "who", who) &&
         add_text(to, "reason", si_json_str(fields, "reason")) &&
         add_text(to, "runpack", runpack ? runpack : si_json_str(fields, "under")) &&
         add_text(to, "operation", si_json_str(event, "operation")) &&
         add_text(to, "asked", keep ? keep : si_json_str(fields, "retain-until")) &&
         add_text(to, "mode", si_json_str(fields, "mode")) &&
         add_text(to, "until", si_json_str(fields, "until"));
}

/* A prune names several. */
static bool note_runpacks(struct reporting *r, const cJSON *fields) {
  static const char *const lists[] = {"runpacks", "locked"};
  const cJSON *each = NULL;
  for (size_t i = 0; i < 2; i++) {
    cJSON_ArrayForEach(each, si_json_get(fields, lists[i])) {
      if (!note_runpack(r, cJSON_GetStringValue(each))) {
        return false;
      }
    }
  }
  return note_runpack(r, si_json_str(fields, "runpack"));
}

static si_rc on_event(void *ctx, const cJSON *event) {
  struct reporting *r = ctx;
  const char *at = si_json_str(event, "at");
  int64_t ms = 0;
  r->events++;
  if (!is_attempt(si_json_str(event, "action")) || !at || si_time_parse(at, &ms) != SI_OK ||
      ms < r->options->from_ms || ms >= r->options->to_ms) {
    return SI_OK;
  }
  cJSON *attempt = cJSON_CreateObject();
  if (!fill_attempt(event, attempt) || !cJSON_AddItemToArray(r->attempts, attempt)) {
    cJSON_Delete(attempt);
    return SI_E_NOMEM;
  }
  const char *outcome = si_json_str(attempt, "outcome");
  r->denied += outcome && (strcmp(outcome, "failed") == 0 || strcmp(outcome, "refused") == 0);
  return note_runpacks(r, si_json_get(event, "fields")) ? SI_OK : SI_E_NOMEM;
}

/* --- runpacks --- */

static si_rc on_listed(void *ctx, const struct si_runpack_found *found) {
  return note_runpack(ctx, found->prefix) ? SI_OK : SI_E_NOMEM;
}

static bool fill_locks(const struct si_locks *locks, cJSON *to) {
  return cJSON_AddBoolToObject(to, "complete", locks->complete) &&
         cJSON_AddBoolToObject(to, "all_locked", si_locks_all_locked(locks)) &&
         cJSON_AddNumberToObject(to, "objects", (double)locks->current) &&
         cJSON_AddNumberToObject(to, "locked", (double)locks->locked) &&
         cJSON_AddNumberToObject(to, "held", (double)locks->held) &&
         add_text(to, "weakest_mode", si_lock_mode_name(locks->weakest)) &&
         si_lock_add_time(to, "earliest_until", locks->earliest_ms) &&
         cJSON_AddNullToObject(to, "code") && cJSON_AddNullToObject(to, "message");
}

static bool fill_unknown(const struct si_error *why, cJSON *to) {
  static const char *const unknown[] = {"complete", "all_locked",   "objects",       "locked",
                                        "held",     "weakest_mode", "earliest_until"};
  for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
    if (!cJSON_AddNullToObject(to, unknown[i])) {
      return false;
    }
  }
  return add_text(to, "code", why->code) && add_text(to, "message", why->message);
}

static si_rc look_at(struct reporting *r, const char *prefix, cJSON *to) {
  struct si_locks locks SI_AUTO(si_locks_free) = SI_LOCKS;
  struct si_error why = {.status = SI_OK};
  if (!r->options->store) {
    why = *r->options->unasked;
  } else if (si_locks_read(r->options->store, prefix, &locks, &why) == SI_OK) {
    r->clock = locks.clock;
    r->skew_ms = si_locks_skew_ms(&locks);
    return fill_locks(&locks, to) ? SI_OK : SI_E_NOMEM;
  }
  return fill_unknown(&why, to) ? SI_OK : SI_E_NOMEM;
}

static si_rc add_runpacks(struct reporting *r, cJSON *report) {
  const cJSON *each = NULL;
  cJSON *list = cJSON_AddArrayToObject(report, "runpacks");
  size_t locked = 0, count = 0;
  cJSON_ArrayForEach(each, r->prefixes) {
    cJSON *runpack = cJSON_CreateObject();
    if (!cJSON_AddStringToObject(runpack, "prefix", each->string) ||
        !cJSON_AddItemToArray(list, runpack)) {
      cJSON_Delete(runpack);
      return SI_E_NOMEM;
    }
    si_rc status = look_at(r, each->string, runpack);
    if (status != SI_OK) {
      return status;
    }
    count++;
    locked += si_json_bool(runpack, "all_locked", false);
  }
  cJSON *summary = cJSON_AddObjectToObject(report, "summary");
  return cJSON_AddNumberToObject(summary, "attempts", cJSON_GetArraySize(r->attempts)) &&
                 cJSON_AddNumberToObject(summary, "denied", (double)r->denied) &&
                 cJSON_AddNumberToObject(summary, "runpacks", (double)count) &&
                 cJSON_AddNumberToObject(summary, "all_locked", (double)locked)
             ? SI_OK
             : SI_E_NOMEM;
}

/* --- the whole --- */

static bool add_head(const struct si_report_options *o, cJSON *report) {
  char now[SI_TIME_SIZE];
  cJSON *context = cJSON_AddObjectToObject(report, "context");
  cJSON *si = cJSON_AddObjectToObject(report, "si");
  const cJSON *policy = si_json_get(o->context->config, "retention");
  cJSON *copy = policy ? cJSON_Duplicate(policy, true) : cJSON_CreateNull();
  si_now_text(now);
  if (!copy || si_redact_json(copy) != SI_OK || !cJSON_AddItemToObject(report, "policy", copy)) {
    cJSON_Delete(copy);
    return false;
  }
  return cJSON_AddStringToObject(report, "schema", SI_COMPLIANCE_REPORT) &&
         cJSON_AddStringToObject(context, "id", o->context->id) &&
         cJSON_AddStringToObject(context, "name", o->context->name) &&
         cJSON_AddStringToObject(si, "version", o->si_version) &&
         si_lock_add_time(report, "from", o->from_ms) && si_lock_add_time(report, "to", o->to_ms) &&
         cJSON_AddStringToObject(report, "made_at", now);
}

static bool add_chain(struct reporting *r, const struct si_error *broken, cJSON *report) {
  char head[SI_SHA256_HEX] = "";
  uint64_t seq = 0;
  struct si_error unknown;
  cJSON *chain = cJSON_AddObjectToObject(report, "chain");
  if (si_state_event_head(r->options->state, "audit", &seq, head, &unknown) != SI_OK) {
    head[0] = '\0';
  }
  return cJSON_AddStringToObject(chain, "status", broken ? "broken" : "good") &&
         cJSON_AddNumberToObject(chain, "events", (double)r->events) &&
         add_text(chain, "head", head) && add_text(chain, "message", broken ? broken->message : "");
}

static bool add_store(const struct reporting *r, cJSON *report) {
  cJSON *store = cJSON_AddObjectToObject(report, "store");
  cJSON *clock = cJSON_AddObjectToObject(store, "clock");
  return add_text(store, "uri", r->options->store_uri) &&
         (r->clock ? cJSON_AddNumberToObject(clock, "skew_ms", (double)r->skew_ms)
                   : cJSON_AddNullToObject(clock, "skew_ms"));
}

static si_rc list_store(struct reporting *r, struct si_error *error) {
  char under[SI_KEY_SIZE];
  if (!r->options->store ||
      si_path_join(under, sizeof under, "tenant", r->options->context->name) != SI_OK) {
    return SI_OK;
  }
  return si_runpack_list(r->options->store, under, r, on_listed, NULL, error);
}

static si_rc make(struct reporting *r, cJSON *report, struct si_error *error) {
  struct si_events_fault fault;
  struct si_error broken = {.status = SI_OK};
  const struct si_report_options *o = r->options;
  r->attempts = cJSON_AddArrayToObject(report, "attempts");
  si_rc chain = si_events_read(o->context, o->state, "audit", r, on_event, &fault, &broken);
  if (chain != SI_OK && chain != SI_E_CORRUPT) {
    *error = broken;
    return chain;
  }
  si_rc status = list_store(r, error);
  if (status != SI_OK) {
    return status;
  }
  if (!add_head(o, report) || !add_chain(r, chain == SI_OK ? NULL : &broken, report) ||
      add_runpacks(r, report) != SI_OK || !add_store(r, report)) {
    return no_memory(error);
  }
  if (chain != SI_OK) {
    *error = broken;
  }
  return chain;
}

si_rc si_retention_report(const struct si_report_options *options, cJSON **out,
                          struct si_error *error) {
  cJSON *report SI_AUTO(si_json_free) = cJSON_CreateObject();
  cJSON *prefixes SI_AUTO(si_json_free) = cJSON_CreateObject();
  struct reporting r = {.options = options, .prefixes = prefixes};
  struct si_error why = {.status = SI_OK};
  si_rc status = make(&r, report, &why);
  if (status == SI_OK || (status == SI_E_CORRUPT && si_json_get(report, "summary"))) {
    *out = report;
    report = NULL;
  } else {
    *out = NULL;
  }
  if (status != SI_OK && error) {
    *error = why;
  }
  return status;
}
