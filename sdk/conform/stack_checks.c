/* SPDX-License-Identifier: Apache-2.0 */
/* The room stack: provisioners. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/conform/stack.h"

static void check(struct trial *t) {
  struct stack s = stack_open(t);
  struct document said = {.json = NULL};
  stack_ok(&s, stack_check(&s, &said), "check()");
  document_must_be(&said, "check()");
  demand(si_json_str(said.json, "engine") && si_json_str(said.json, "version"),
         "check() emits no engine and version");
  demand(s.host->step_count == 0 && stack_count(&s, 'a') == 0, "check() changed something");
  stack_close(&s);
}

static void up(struct trial *t) {
  struct stack s = stack_open(t);
  stack_must_be_up(&s, 'a', stack_text(t));
  demand(stack_count(&s, 'a') > 0, "what was provisioned is not listed");
  stack_close(&s);
}

static void emits(struct trial *t) {
  struct stack s = stack_open(t);
  struct document said = {.json = NULL}, gone = {.json = NULL};
  stack_ok(&s, stack_provision(&s, project_text(t, 'a'), stack_text(t), &said), "provision()");
  document_must_be(&said, "provision()");
  demand(cJSON_IsArray(si_json_get(said.json, "services")), "provision() emits no inspection");
  stack_ok(&s, stack_destroy(&s, project_text(t, 'a'), &gone), "destroy()");
  document_must_be(&gone, "destroy()");
  demand(cJSON_IsArray(si_json_get(gone.json, "remaining")), "destroy() emits no remaining");
  stack_close(&s);
}

static void emit_refused(struct trial *t) {
  struct stack s = stack_open(t);
  struct document said = {.answer = SI_E_QUOTA};
  demand_status(stack_check(&s, &said), SI_E_QUOTA, "check() whose result could not be taken");
  demand_status(stack_list(&s, context_id(t), &said), SI_E_QUOTA,
                "list() whose result could not be taken");
  stack_close(&s);
}

static void again(struct trial *t) {
  struct stack s = stack_open(t);
  stack_must_be_up(&s, 'a', stack_text(t));
  char *before = stack_seen(&s, 'a');
  size_t steps = s.host->step_count;
  stack_must_be_up(&s, 'a', stack_text(t));
  char *after = stack_seen(&s, 'a');
  demand(strcmp(before, after) == 0, "provisioned again, what was right is not the same any more");
  demand(s.host->step_count == steps, "provisioned again, it did \"%s\"",
         s.host->steps[steps].name);
  stack_close(&s);
}

static void steps(struct trial *t) {
  struct stack s = stack_open(t);
  stack_must_be_up(&s, 'a', stack_text(t));
  stack_ok(&s, stack_destroy(&s, project_text(t, 'a'), NULL), "destroy()");
  demand(s.host->step_count > 0, "it made something, and journalled no step");
  for (size_t i = 0; i < s.host->step_count; i++) {
    const struct step *step = &s.host->steps[i];
    int open = 0;
    for (size_t n = 0; n < s.host->step_count; n++) {
      const struct step *other = &s.host->steps[n];
      if (strcmp(other->name, step->name) == 0) {
        open += other->phase == SI_STEP_BEGIN ? 1 : -1;
        demand(open >= 0, "the step \"%s\" ended before it began", step->name);
      }
    }
    demand(open == 0, "the step \"%s\" began, and was never told to be done or failed", step->name);
  }
  stack_close(&s);
}

static void outside_ids(struct trial *t) {
  struct stack s = stack_open(t);
  stack_must_be_up(&s, 'a', stack_text(t));
  for (size_t i = 0; i < s.host->step_count; i++) {
    const struct step *step = &s.host->steps[i];
    demand(step->phase != SI_STEP_DONE || step->outside[0],
           "the step \"%s\" was done, without an outside id", step->name);
  }
  stack_close(&s);
}

static void step_refused(struct trial *t) {
  struct stack s = stack_open(t);
  s.host->refuse_step = 1;
  si_rc status = stack_provision(&s, project_text(t, 'a'), stack_text(t), NULL);
  demand(status != SI_OK, "its first step was refused, and provision() succeeded");
  demand(s.host->refused, "provision() journalled no step");
  demand(s.host->begun_after == 0, "a step was refused, and it began another");
  demand(stack_count(&s, 'a') == 0, "its first step was refused, and something was made");
  stack_close(&s);
}

static void resumed(struct trial *t) {
  struct stack s = stack_open(t);
  for (size_t n = 1; n <= 8; n++) {
    s.host->refuse_step = n;
    if (stack_provision(&s, project_text(t, 'a'), stack_text(t), NULL) == SI_OK) {
      break; /* there are not so many */
    }
    s.host->refuse_step = 0;
    stack_must_be_up(&s, 'a', stack_text(t));
    stack_ok(&s, stack_destroy(&s, project_text(t, 'a'), NULL), "destroy()");
  }
  stack_close(&s);
}

static void bad_stack(struct trial *t) {
  static const char *const texts[] = {"",
                                      "{",
                                      "[]",
                                      "null",
                                      "{}",
                                      "{\"schema\":\"other/1\"}",
                                      "{\"schema\":\"si.stack/1\",\"services\":1}"};
  struct stack s = stack_open(t);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    demand_status(stack_provision(&s, project_text(t, 'a'), texts[i], NULL), SI_E_INVALID,
                  "provision() of what is no stack");
  }
  demand(s.host->step_count == 0 && stack_count(&s, 'a') == 0,
         "what is no stack was refused, and something was made");
  stack_close(&s);
}

static void bad_project(struct trial *t) {
  static const char *const texts[] = {"", "{", "[]", "{}", "{\"schema\":\"si.project/1\"}"};
  struct stack s = stack_open(t);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    demand_status(stack_provision(&s, texts[i], stack_text(t), NULL), SI_E_INVALID,
                  "provision() for what is no project");
    demand_status(stack_inspect(&s, texts[i], NULL), SI_E_INVALID,
                  "inspect() of what is no project");
    demand_status(stack_destroy(&s, texts[i], NULL), SI_E_INVALID,
                  "destroy() of what is no project");
  }
  stack_close(&s);
}

static void texts_kept(struct trial *t) {
  struct stack s = stack_open(t);
  stack_ok(&s, stack_provision(&s, lend_text(project_text(t, 'a')), lend_text(stack_text(t)), NULL),
           "provision()");
  lend_end();
  stack_must_be_up(&s, 'a', stack_text(t));
  stack_close(&s);
}

/* The stack with its first service under another name. */
static char *other_stack(struct trial *t) {
  cJSON *stack = NULL;
  struct si_buf text = SI_BUF(2u << 20);
  kit_needs(si_json_parse(stack_text(t), strlen(stack_text(t)), &stack, NULL) == SI_OK,
            "the stack is no JSON");
  cJSON *service = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(stack, "services"), 0);
  kit_needs(
      service &&
          cJSON_ReplaceItemInObjectCaseSensitive(service, "name", cJSON_CreateString("renamed")) &&
          si_json_canonical(stack, &text) == SI_OK,
      "the stack has no service");
  cJSON_Delete(stack);
  return text.data;
}

static void converges(struct trial *t) {
  struct stack s = stack_open(t);
  stack_must_be_up(&s, 'a', stack_text(t));
  stack_must_be_up(&s, 'a', other_stack(t));
  stack_must_be_up(&s, 'a', stack_text(t));
  stack_close(&s);
}

static int volumes_of(const char *text) {
  cJSON *stack SI_AUTO(si_json_free) = NULL;
  kit_needs(si_json_parse(text, strlen(text), &stack, NULL) == SI_OK, "the stack is no JSON");
  return cJSON_GetArraySize(si_json_get(stack, "volumes"));
}

static void volumes(struct trial *t) {
  struct stack s = stack_open(t);
  struct document shown = {.json = NULL}, later = {.json = NULL};
  const cJSON *volume;
  stack_must_be_up(&s, 'a', stack_text(t));
  stack_ok(&s, stack_inspect(&s, project_text(t, 'a'), &shown), "inspect()");
  demand(cJSON_GetArraySize(si_json_get(shown.json, "volumes")) >= volumes_of(stack_text(t)),
         "provision() succeeded, and the stack's volumes are not in the inspection");
  stack_must_be_up(&s, 'a', other_stack(t));
  stack_ok(&s, stack_inspect(&s, project_text(t, 'a'), &later), "inspect()");
  cJSON_ArrayForEach(volume, si_json_get(shown.json, "volumes")) {
    const char *id = si_json_str(volume, "id");
    const cJSON *other;
    bool kept = false;
    cJSON_ArrayForEach(other, si_json_get(later.json, "volumes")) {
      kept = kept || cJSON_Compare(volume, other, true);
    }
    demand(id && kept, "provision() of another stack removed a volume, or made it anew");
  }
  stack_close(&s);
}

static void destroyed(struct trial *t) {
  struct stack s = stack_open(t);
  struct document gone = {.json = NULL}, shown = {.json = NULL};
  stack_must_be_up(&s, 'a', stack_text(t));
  stack_ok(&s, stack_destroy(&s, project_text(t, 'a'), &gone), "destroy()");
  demand(cJSON_GetArraySize(si_json_get(gone.json, "remaining")) == 0,
         "destroy() succeeded, and says that something remains");
  demand(stack_count(&s, 'a') == 0, "destroy() succeeded, and %zu resources are listed",
         stack_count(&s, 'a'));
  stack_ok(&s, stack_inspect(&s, project_text(t, 'a'), &shown), "inspect()");
  demand(cJSON_GetArraySize(si_json_get(shown.json, "services")) == 0 &&
             cJSON_GetArraySize(si_json_get(shown.json, "volumes")) == 0,
         "after destroy() the inspection still shows something");
  stack_close(&s);
}

static void destroyed_twice(struct trial *t) {
  struct stack s = stack_open(t);
  stack_must_be_up(&s, 'a', stack_text(t));
  stack_ok(&s, stack_destroy(&s, project_text(t, 'a'), NULL), "destroy()");
  size_t count = s.host->step_count;
  stack_ok(&s, stack_destroy(&s, project_text(t, 'a'), NULL), "destroy() of what is gone");
  demand(s.host->step_count == count, "destroyed again, it did \"%s\"", s.host->steps[count].name);
  stack_close(&s);
}

static void destroyed_never(struct trial *t) {
  struct stack s = stack_open(t);
  struct document gone = {.json = NULL};
  stack_ok(&s, stack_destroy(&s, project_text(t, 'c'), &gone), "destroy() of what never was");
  document_must_be(&gone, "destroy()");
  stack_close(&s);
}

static void alone(struct trial *t) {
  struct stack s = stack_open(t);
  stack_must_be_up(&s, 'a', stack_text(t));
  stack_must_be_up(&s, 'b', stack_text(t));
  char *before = stack_seen(&s, 'b');
  stack_ok(&s, stack_destroy(&s, project_text(t, 'a'), NULL), "destroy()");
  char *after = stack_seen(&s, 'b');
  demand(strcmp(before, after) == 0 && stack_count(&s, 'b') > 0,
         "destroy() of one project changed another");
  stack_close(&s);
}

static void looks_only(struct trial *t) {
  struct stack s = stack_open(t);
  stack_must_be_up(&s, 'a', stack_text(t));
  size_t count = stack_count(&s, 'a'), journalled = s.host->step_count;
  for (int i = 0; i < 3; i++) {
    stack_ok(&s, stack_inspect(&s, project_text(t, 'a'), NULL), "inspect()");
    stack_ok(&s, stack_inspect(&s, project_text(t, 'c'), NULL), "inspect() of nothing");
  }
  demand(s.host->step_count == journalled && stack_count(&s, 'a') == count &&
             stack_count(&s, 'c') == 0,
         "inspect() and list() changed something");
  stack_close(&s);
}

static void inspects_nothing(struct trial *t) {
  struct stack s = stack_open(t);
  struct document shown = {.json = NULL};
  stack_ok(&s, stack_inspect(&s, project_text(t, 'c'), &shown), "inspect() of what is not");
  document_must_be(&shown, "inspect()");
  demand(cJSON_IsArray(si_json_get(shown.json, "services")) &&
             cJSON_GetArraySize(si_json_get(shown.json, "services")) == 0,
         "the inspection of a project that never was has no empty list of services");
  stack_close(&s);
}

static void other_context(struct trial *t) {
  struct stack s = stack_open(t);
  struct document listed = {.json = NULL};
  stack_must_be_up(&s, 'a', stack_text(t));
  stack_ok(&s, stack_list(&s, "ctx-00000000000000000000000000000000", &listed), "list()");
  document_must_be(&listed, "list()");
  demand(cJSON_GetArraySize(si_json_get(listed.json, "resources")) == 0,
         "the listing of a context shows another one's resources");
  stack_close(&s);
}

/* Calls `act` with each resource of project a. */
static void each_resource(struct stack *s, void (*act)(struct stack *, const cJSON *)) {
  struct document listed SI_AUTO(document_free) = {.json = NULL};
  const cJSON *resource;
  stack_ok(s, stack_list(s, context_id(s->trial), &listed), "list()");
  cJSON_ArrayForEach(resource, si_json_get(listed.json, "resources")) {
    act(s, resource);
  }
}

/* A network or a volume goes once nothing uses it: then the next round takes it. */
static void try_remove(struct stack *s, const cJSON *resource) {
  if (stack_remove(s, context_id(s->trial), resource) == SI_OK) {
    stack_ok(s, stack_remove(s, context_id(s->trial), resource),
             "remove() of what is gone already");
  }
}

static void removed(struct trial *t) {
  struct stack s = stack_open(t);
  stack_must_be_up(&s, 'a', stack_text(t));
  for (int round = 0; round < 3; round++) {
    each_resource(&s, try_remove);
  }
  demand(stack_count(&s, 'a') == 0, "removed one by one, %zu resources are still listed",
         stack_count(&s, 'a'));
  stack_close(&s);
}

static void remove_foreign(struct stack *s, const cJSON *resource) {
  stack_remove(s, "ctx-00000000000000000000000000000000", resource);
}

static void removed_foreign(struct trial *t) {
  struct stack s = stack_open(t);
  stack_must_be_up(&s, 'a', stack_text(t));
  size_t count = stack_count(&s, 'a');
  each_resource(&s, remove_foreign);
  demand(stack_count(&s, 'a') == count, "remove() took what carries another context's mark");
  stack_close(&s);
}

static void cancelled(struct trial *t) {
  struct stack s = stack_open(t);
  for (unsigned n = 1; n <= 10; n++) {
    atomic_store(&s.host->calls, 0);
    atomic_store(&s.host->cancel_at, n);
    si_rc status = stack_provision(&s, project_text(t, 'a'), stack_text(t), NULL);
    atomic_store(&s.host->cancel_at, 0);
    demand(status == SI_OK || status == SI_E_CANCELLED || status == SI_E_TIMEOUT,
           "cancelled, provision() came to \"%s\"", si_status_text(status));
    stack_ok(&s, stack_destroy(&s, project_text(t, 'a'), NULL),
             "destroy() after a provision() that was cancelled");
    demand(stack_count(&s, 'a') == 0,
           "a provision() that was cancelled left what destroy() "
           "does not find");
  }
  stack_close(&s);
}

#define STACK(id, title, run) \
  { id, title, SI_KIND_PROVISIONER, WANTS_PEER, 0, run }
const struct check stack_checks[] = {
    STACK("stack.check", "check names the engine, and changes nothing", check),
    STACK("stack.provision.up", "provision brings up every service, and no other", up),
    STACK("stack.provision.emits", "provision and destroy emit one document each", emits),
    STACK("stack.provision.emit-refused",
          "a result that is not taken ends the verb with its status", emit_refused),
    STACK("stack.provision.again", "provisioned again, nothing is changed", again),
    STACK("stack.provision.converges", "another stack is converged to, and back", converges),
    STACK("stack.provision.volumes", "provision removes no volume", volumes),
    STACK("stack.provision.bad-stack", "what is no stack is refused, and nothing is made",
          bad_stack),
    STACK("stack.provision.bad-project", "what is no project is refused by every verb",
          bad_project),
    STACK("stack.provision.lent", "the documents' texts are not used after the call", texts_kept),
    STACK("stack.provision.cancelled", "what was cancelled is found by destroy", cancelled),
    STACK("stack.step.pairs", "every step that begins ends as done or failed", steps),
    STACK("stack.step.outside-id", "a step that is done has an outside id", outside_ids),
    STACK("stack.step.refused", "a step that is refused is not done, and ends the work",
          step_refused),
    STACK("stack.step.resumed", "cut off at any step, provision converges when it is repeated",
          resumed),
    STACK("stack.destroy.gone", "after destroy nothing is listed or inspected", destroyed),
    STACK("stack.destroy.twice", "destroying what is gone is success, and does nothing",
          destroyed_twice),
    STACK("stack.destroy.never", "destroying what never was is success", destroyed_never),
    STACK("stack.destroy.alone", "no other project is touched", alone),
    STACK("stack.inspect.looks-only", "inspect and list change nothing", looks_only),
    STACK("stack.inspect.nothing", "a project that never was has no services", inspects_nothing),
    STACK("stack.list.context", "a context's listing shows no other context", other_context),
    STACK("stack.remove.each", "what is listed can be removed, twice", removed),
    STACK("stack.remove.foreign", "remove takes nothing with other marks", removed_foreign),
    STACK("stack.logs.lines", "logs emits lists of lines, and changes nothing", stack_logs_lines),
    STACK("stack.logs.nothing", "a project that never was has no logs", stack_logs_nothing),
    STACK("stack.logs.bad-query", "what is no query of logs is refused", stack_logs_query),
    {0}};
