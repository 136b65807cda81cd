/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs that take away: destroy and remove. What is there is listed again after every round,
 * because an engine may still finish what a process asked for that is dead by now; two clean
 * listings in a row are the proof.
 */
#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"
#include "plugins/local/effects.h"
#include "plugins/local/inventory.h"
#include "plugins/local/verbs.h"

enum {
  BETWEEN_MS = 300,  /* between two listings */
  STUCK_MS = 5000,   /* nothing could be removed for so long: give up */
  MAX_ROUNDS = 200,  /* an engine that says "removed" and keeps listing it is not asked for ever */
  MAX_REASONS = 200, /* things whose reason is kept */
};

struct reason {
  char id[SI_ENGINE_ID_SIZE];
  char text[300];
};

struct removal {
  struct local_call *call;
  struct local_inventory there; /* of the last listing */
  size_t removed;               /* in this round */
  size_t reason_count;
  struct reason reasons[MAX_REASONS];
};

static const char *reason_of(const struct removal *r, const char *id) {
  for (size_t i = 0; i < r->reason_count; i++) {
    if (strcmp(r->reasons[i].id, id) == 0) {
      return r->reasons[i].text;
    }
  }
  return "not removed yet";
}

static void note_reason(struct removal *r, const char *id, const char *text) {
  size_t i = 0;
  while (i < r->reason_count && strcmp(r->reasons[i].id, id) != 0) {
    i++;
  }
  if (i < MAX_REASONS) {
    si_copy(r->reasons[i].id, sizeof r->reasons[i].id, id);
    si_copy(r->reasons[i].text, sizeof r->reasons[i].text, text);
    r->reason_count += i == r->reason_count;
  }
}

/* May this failure be one thing's own, so that the others can still be tried? */
static bool goes_on(struct local_call *call, si_rc status) {
  return status != SI_E_CANCELLED && status != SI_E_TIMEOUT && status != SI_E_AUTH &&
         strcmp(call->error.code, "LOCAL_JOURNAL") != 0 &&
         strcmp(call->error.code, "ENGINE_UNREACHABLE") != 0 && status != SI_E_NOMEM;
}

/* One try at everything that the last listing showed: containers, then networks, then volumes. */
static si_rc remove_all(struct removal *r) {
  r->removed = 0;
  for (size_t i = 0; i < r->there.count; i++) {
    const struct local_found *found = &r->there.items[i];
    local_progress(r->call, i, r->there.count, "removing %s %s", si_engine_type_text(found->type),
                   found->part[0] ? found->part : found->name);
    si_rc status = local_thing_remove(r->call, found->type,
                                      found->part[0] ? found->part : found->name, found->id);
    if (status == SI_OK) {
      r->removed++;
      continue;
    }
    note_reason(r, found->id, r->call->error.message);
    if (!goes_on(r->call, status)) {
      return status;
    }
  }
  return SI_OK;
}

static si_rc stuck(struct removal *r) {
  const struct local_found *first = &r->there.items[0];
  si_error_set(&r->call->error, SI_E_CONFLICT, "LOCAL_REMAINS",
               "%zu of the project's resources could not be removed; the first is %s %s: %s",
               r->there.count, si_engine_type_text(first->type), first->name,
               reason_of(r, first->id));
  si_error_target(&r->call->error, NULL, first->name);
  si_error_hint(&r->call->error, "take away what holds it, then retry");
  return SI_E_CONFLICT;
}

/* Until two listings in a row are empty. */
static si_rc remove_until_gone(struct removal *r) {
  uint64_t since = si_monotonic_ns();
  for (int clean = 0, round = 0;; round++) {
    si_rc status = local_inventory_read(r->call, false, &r->there);
    if (status == SI_OK && r->there.count == 0 && ++clean == 2) {
      return SI_OK;
    }
    if (status == SI_OK && r->there.count > 0) {
      clean = 0;
      status = remove_all(r);
      since = r->removed > 0 ? si_monotonic_ns() : since;
      if (status == SI_OK &&
          (si_monotonic_ns() - since > STUCK_MS * 1000000ull || round >= MAX_ROUNDS)) {
        return stuck(r);
      }
    }
    /* What was removed is listed again at once; what is stuck gets time. */
    bool soon = r->there.count > 0 && r->removed == r->there.count;
    if (status == SI_OK && !soon) {
      status = local_pause(r->call, BETWEEN_MS);
    }
    if (status != SI_OK) {
      return status;
    }
  }
}

static cJSON *remaining(const struct removal *r) {
  cJSON *document = cJSON_CreateObject();
  cJSON *list = cJSON_AddArrayToObject(document, "remaining");
  for (size_t i = 0; list && i < r->there.count; i++) {
    const struct local_found *found = &r->there.items[i];
    cJSON *entry = cJSON_CreateObject();
    if (!entry || !cJSON_AddItemToArray(list, entry)) {
      cJSON_Delete(entry);
      break;
    }
    cJSON_AddStringToObject(entry, "type", si_engine_type_text(found->type));
    cJSON_AddStringToObject(entry, "id", found->id);
    cJSON_AddStringToObject(entry, "name", found->name);
    cJSON_AddStringToObject(entry, "reason", reason_of(r, found->id));
  }
  return document;
}

/* After a failure: what is there now, if the engine still says so. */
static void list_again(struct removal *r) {
  struct si_error keep = r->call->error;
  if (local_inventory_read(r->call, false, &r->there) != SI_OK) {
    local_say(r->call, SI_LOG_WARN, "what remains could not be listed: %s", r->call->error.message);
  }
  r->call->error = keep;
}

si_rc local_destroy(si_instance *instance, si_op *op, const char *project, void *ctx,
                    si_emit emit) {
  struct local_call call;
  struct removal *r = calloc(1, sizeof *r);
  local_call_begin(&call, instance, op);
  if (!r) {
    return local_call_end(&call, local_error(&call, SI_E_NOMEM, NULL, "out of memory"));
  }
  r->call = &call;
  si_rc status = local_project_read(project, &call.project, &call.error);
  if (status == SI_OK) {
    status = remove_until_gone(r);
    if (status != SI_OK) {
      list_again(r);
    }
    cJSON *document SI_AUTO(si_json_free) = remaining(r);
    struct si_error keep = call.error;
    si_rc emitted = local_emit(&call, document, ctx, emit);
    if (status != SI_OK) {
      call.error = keep;
    } else {
      status = emitted;
    }
  }
  local_inventory_free(&r->there);
  free(r);
  return local_call_end(&call, status);
}

/* --- remove: one resource of a listing --- */

static bool read_type(const char *text, enum si_engine_type *out) {
  for (int i = SI_ENGINE_CONTAINER; i <= SI_ENGINE_VOLUME; i++) {
    if (text && strcmp(text, si_engine_type_text((enum si_engine_type)i)) == 0) {
      *out = (enum si_engine_type)i;
      return true;
    }
  }
  return false;
}

static si_rc remove_one(struct local_call *call, const char *resource) {
  cJSON *asked SI_AUTO(si_json_free) = NULL;
  cJSON *document SI_AUTO(si_json_wipe) = NULL;
  struct si_engine_item item;
  enum si_engine_type type;
  si_rc status = si_json_parse(resource, strlen(resource), &asked, &call->error);
  status = status == SI_OK ? local_marks_read(asked, false, &call->project, &call->error) : status;
  if (status != SI_OK) {
    return status;
  }
  const char *id = si_json_str(asked, "id");
  if (!id || !id[0] || !read_type(si_json_str(asked, "type"), &type)) {
    return local_error(call, SI_E_INVALID, NULL, "the resource has no valid \"type\" and \"id\"");
  }
  status = si_engine_look(call->in->engine, type, id, &item, &document, &call->error);
  if (status != SI_OK) {
    return status == SI_E_NOT_FOUND ? SI_OK : status;
  }
  if (!local_is_ours(&call->project, item.labels)) {
    return local_error(call, SI_E_REFUSED, item.name,
                       "%s %s does not carry this project's marks: it was left alone",
                       si_engine_type_text(type), item.name);
  }
  return local_thing_remove(call, type, item.name, item.id);
}

si_rc local_remove(si_instance *instance, si_op *op, const char *resource) {
  struct local_call call;
  local_call_begin(&call, instance, op);
  return local_call_end(&call, remove_one(&call, resource));
}
