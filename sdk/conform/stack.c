/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/conform/stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char own_stack[] =
    "{\"networks\":[{\"internal\":false,\"name\":\"default\"}],\"schema\":\"si.stack/1\","
    "\"services\":[{\"depends_on\":[],\"environment\":{},\"image\":\"si-conform/web:1\","
    "\"labels\":{},\"name\":\"web\",\"networks\":[{\"aliases\":[\"web\"],\"name\":\"default\"}],"
    "\"oneshot\":false,\"ports\":[],\"volumes\":[{\"read_only\":false,\"source\":\"data\","
    "\"target\":\"/data\"}]}],\"volumes\":[{\"name\":\"data\"}]}";

const char *stack_text(struct trial *t) {
  return t->options->stack ? t->options->stack : own_stack;
}

static struct document *out_or(struct document *out, struct document *own) {
  return out ? out : own;
}

/* Every verb that emits: begins the call, ends it, frees what nobody wants. */
#define VERB(call)                                             \
  struct document own SI_AUTO(document_free) = {.json = NULL}; \
  struct document *to = out_or(out, &own);                     \
  s->op = op_begin(s->host);                                   \
  return op_end(s->op, call)

si_rc stack_check(struct stack *s, struct document *out) {
  VERB(CALL(s->vt, check)(s->in, s->op, to, document_emit));
}

si_rc stack_provision(struct stack *s, const char *project, const char *stack,
                      struct document *out) {
  VERB(CALL(s->vt, provision)(s->in, s->op, project, stack, to, document_emit));
}

si_rc stack_destroy(struct stack *s, const char *project, struct document *out) {
  VERB(CALL(s->vt, destroy)(s->in, s->op, project, to, document_emit));
}

si_rc stack_inspect(struct stack *s, const char *project, struct document *out) {
  VERB(CALL(s->vt, inspect)(s->in, s->op, project, to, document_emit));
}

si_rc stack_list(struct stack *s, const char *context, struct document *out) {
  char text[128];
  snprintf(text, sizeof text, "{\"context_id\":\"%s\"}", context);
  VERB(CALL(s->vt, list)(s->in, s->op, text, to, document_emit));
}

si_rc stack_remove(struct stack *s, const char *context, const cJSON *resource) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(65536);
  cJSON *json SI_AUTO(si_json_free) = cJSON_CreateObject();
  static const char *const members[] = {"project_id", "type", "id"};
  cJSON_AddStringToObject(json, "context_id", context);
  for (size_t i = 0; i < 3; i++) {
    const char *value = si_json_str(resource, members[i]);
    demand(value != NULL, "list() told a resource without its %s", members[i]);
    cJSON_AddStringToObject(json, members[i], value);
  }
  kit_needs(si_json_print(json, false, &text) == SI_OK, "no memory");
  s->op = op_begin(s->host);
  return op_end(s->op, CALL(s->vt, remove)(s->in, s->op, si_buf_text(&text)));
}

void stack_ok(const struct stack *s, si_rc status, const char *what) {
  demand_ok(status, s->op, what);
}

struct stack stack_open(struct trial *t) {
  struct stack s = {.trial = t, .host = host_new(t), .vt = VT(t, si_provisioner_vt)};
  s.in = open_instance(t, s.host);
  stack_destroy(&s, project_text(t, 'a'), NULL);
  stack_destroy(&s, project_text(t, 'b'), NULL);
  host_forget(s.host);
  return s;
}

void stack_close(struct stack *s) {
  s->host->refuse_step = 0;
  stack_destroy(s, project_text(s->trial, 'a'), NULL);
  stack_destroy(s, project_text(s->trial, 'b'), NULL);
  close_instance(s->trial, s->in);
}

size_t stack_count(struct stack *s, char letter) {
  struct document listed SI_AUTO(document_free) = {.json = NULL};
  const cJSON *resource;
  size_t count = 0;
  stack_ok(s, stack_list(s, context_id(s->trial), &listed), "list()");
  document_must_be(&listed, "list()");
  demand(cJSON_IsArray(si_json_get(listed.json, "resources")), "list() emits no resources");
  cJSON_ArrayForEach(resource, si_json_get(listed.json, "resources")) {
    const char *id = si_json_str(resource, "project_id");
    demand(id && si_json_str(resource, "type") && si_json_str(resource, "id") &&
               si_json_str(resource, "name"),
           "list() told a resource without its type, id, name or project_id");
    count += strcmp(id, project_id(s->trial, letter)) == 0;
  }
  return count;
}

static void service_is_up(const cJSON *wanted, const cJSON *shown) {
  const char *name = si_json_str(wanted, "name");
  const cJSON *service;
  cJSON_ArrayForEach(service, si_json_get(shown, "services")) {
    const char *state = si_json_str(service, "state");
    const char *found = si_json_str(service, "name");
    if (found && strcmp(found, name) == 0) {
      bool once = si_json_bool(wanted, "oneshot", false);
      demand(state && strcmp(state, once ? "exited" : "running") == 0,
             "service %s is \"%s\" after provision()", name, state ? state : "");
      return;
    }
  }
  demand(false, "service %s of the stack is not in the inspection", name);
}

void stack_must_be_up(struct stack *s, char letter, const char *stack) {
  const char *project = project_text(s->trial, letter);
  struct document shown SI_AUTO(document_free) = {.json = NULL};
  cJSON *wanted SI_AUTO(si_json_free) = NULL;
  const cJSON *service;
  stack_ok(s, stack_provision(s, project, stack, NULL), "provision()");
  stack_ok(s, stack_inspect(s, project, &shown), "inspect()");
  document_must_be(&shown, "inspect()");
  kit_needs(si_json_parse(stack, strlen(stack), &wanted, NULL) == SI_OK, "the stack is no JSON");
  const cJSON *services = si_json_get(wanted, "services");
  cJSON_ArrayForEach(service, services) {
    service_is_up(service, shown.json);
  }
  demand(cJSON_GetArraySize(si_json_get(shown.json, "services")) == cJSON_GetArraySize(services),
         "the inspection shows %d services, the stack has %d",
         cJSON_GetArraySize(si_json_get(shown.json, "services")), cJSON_GetArraySize(services));
}

static void add_ids(const cJSON *shown, const char *list, struct si_buf *text) {
  const cJSON *item;
  cJSON_ArrayForEach(item, si_json_get(shown, list)) {
    const char *name = si_json_str(item, "name"), *id = si_json_str(item, "id");
    kit_needs(si_buf_printf(text, "%s %s=%s\n", list, name ? name : "", id ? id : "") == SI_OK,
              "no memory");
  }
}

char *stack_seen(struct stack *s, char letter) {
  struct document shown SI_AUTO(document_free) = {.json = NULL};
  struct si_buf text = SI_BUF(1u << 20);
  stack_ok(s, stack_inspect(s, project_text(s->trial, letter), &shown), "inspect()");
  document_must_be(&shown, "inspect()");
  add_ids(shown.json, "services", &text);
  add_ids(shown.json, "volumes", &text);
  add_ids(shown.json, "networks", &text);
  kit_needs(si_buf_puts(&text, "") == SI_OK && si_buf_reserve(&text, 1) == SI_OK, "no memory");
  return text.data ? text.data : strdup("");
}

/* --- work --- */

static struct stack around(struct trial *t, si_host *host, si_instance *instance) {
  return (struct stack){.trial = t, .host = host, .vt = VT(t, si_provisioner_vt), .in = instance};
}

si_rc stack_look(struct trial *t, si_host *host, si_instance *instance) {
  struct stack s = around(t, host, instance);
  si_rc status = stack_check(&s, NULL);
  return status == SI_OK ? stack_inspect(&s, project_text(t, 'w'), NULL) : status;
}

si_rc stack_work(struct trial *t, si_host *host, si_instance *instance) {
  struct stack s = around(t, host, instance);
  const char *project = project_text(t, 'w');
  si_rc status = stack_provision(&s, project, stack_text(t), NULL);
  status = status == SI_OK ? stack_inspect(&s, project, NULL) : status;
  status = status == SI_OK ? stack_list(&s, context_id(t), NULL) : status;
  si_rc gone = stack_destroy(&s, project, NULL);
  return status == SI_OK ? gone : status;
}

bool stack_provoke(struct trial *t, si_host *host, si_instance *instance, size_t n,
                   struct provoked *out) {
  struct stack s = around(t, host, instance);
  switch (n) {
    case 0:
      out->what = "provision() of a stack that is no JSON";
      out->status = stack_provision(&s, project_text(t, 'w'), "{", NULL);
      break;
    case 1:
      out->what = "inspect() of a project that is no JSON";
      out->status = stack_inspect(&s, "{", NULL);
      break;
    default: return false;
  }
  out->op = s.op;
  return true;
}
