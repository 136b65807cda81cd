/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/show.h"

#include <stdio.h>
#include <string.h>

#include "cli/grid.h"
#include "cli/scope.h"

static const char *text_of(const cJSON *object, const char *key) {
  const char *text = si_json_str(object, key);
  return text ? text : "";
}

static void ports_text(const cJSON *service, struct si_buf *out) {
  const cJSON *port;
  cJSON_ArrayForEach(port, si_json_get(service, "ports")) {
    int64_t host = si_json_int(port, "host_port", 0, 65535, 0);
    const char *protocol = text_of(port, "protocol");
    if (host == 0) {
      continue;
    }
    if (si_buf_printf(out, "%s%s:%d->%d/%s", out->len ? " " : "", text_of(port, "host_ip"),
                      (int)host, (int)si_json_int(port, "port", 0, 65535, 0),
                      protocol[0] ? protocol : "tcp") != SI_OK) {
      return;
    }
  }
}

static void print_services(struct si_output *out, const cJSON *inspection) {
  struct si_grid table SI_AUTO(si_grid_free) =
      SI_GRID("SERVICE", "STATE", "HEALTH", "RESTARTS", "PORTS", "IMAGE");
  const cJSON *service;
  cJSON_ArrayForEach(service, si_json_get(inspection, "services")) {
    struct si_buf ports SI_AUTO(si_buf_free) = SI_BUF(4096);
    char restarts[16];
    char state[48];
    int64_t code = si_json_int(service, "exit_code", -1000, 1000, 0);
    ports_text(service, &ports);
    snprintf(restarts, sizeof restarts, "%d", (int)si_json_int(service, "restarts", 0, 1000000, 0));
    if (strcmp(text_of(service, "state"), "exited") == 0) {
      snprintf(state, sizeof state, "exited (%d)", (int)code);
    } else {
      snprintf(state, sizeof state, "%.40s", text_of(service, "state"));
    }
    si_grid_row(&table, text_of(service, "name"), state, text_of(service, "health"), restarts,
                si_buf_text(&ports), text_of(service, "image"));
  }
  if (table.rows > 0) {
    si_out_line(out, "%s", "");
    si_grid_print(out, &table);
  }
}

struct operations {
  struct si_grid table;
  cJSON *json;
};

static si_rc add_operation(void *ctx, const struct si_operation *operation) {
  struct operations *operations = ctx;
  si_grid_row(&operations->table, operation->id, operation->kind, operation->status,
              operation->started_at, operation->evidence);
  return cJSON_AddItemToArray(operations->json, si_operation_json(operation)) ? SI_OK : SI_E_NOMEM;
}

static void print_error(struct si_output *out, const char *last_error) {
  cJSON *error SI_AUTO(si_json_free) = NULL;
  if (!last_error || si_json_parse(last_error, strlen(last_error), &error, NULL) != SI_OK) {
    return;
  }
  si_out_field(out, "last error", "%s", text_of(error, "message"));
  if (text_of(error, "detail")[0]) {
    si_out_field(out, "last output", "%s", text_of(error, "detail"));
  }
  if (text_of(error, "remediation")[0]) {
    si_out_field(out, "next", "%s", text_of(error, "remediation"));
  }
}

si_rc si_show_project(struct si_invocation *inv, struct si_state *state,
                      const struct si_project *project, const char *inspection,
                      const struct si_error *unseen) {
  struct operations operations = {
      .table = SI_GRID("OPERATION", "KIND", "STATUS", "STARTED", "EVIDENCE"),
      .json = cJSON_CreateArray()};
  cJSON *live = NULL;
  struct si_output *out = inv->out;
  si_rc status = si_state_operations(state, project->id, SI_OPERATIONS_ALL, &operations,
                                     add_operation, &inv->error);
  if (status == SI_OK && inspection) {
    status = si_json_parse(inspection, strlen(inspection), &live, &inv->error);
  }
  if (status != SI_OK) {
    si_grid_free(&operations.table);
    cJSON_Delete(operations.json);
    return status;
  }
  si_out_field(out, "project", "%s", project->slug);
  si_out_field(out, "status", "%s", project->status);
  print_error(out, project->last_error);
  si_out_field(out, "id", "%s", project->id);
  si_out_field(out, "provisioner", "%s %s", project->provisioner,
               project->config ? project->config : "");
  si_out_field(out, "spec", "sha256:%s", project->spec_sha256);
  si_out_field(out, "created", "%s", project->created_at);
  if (unseen->status != SI_OK) {
    si_out_field(out, "services", "cannot be looked at: %s", unseen->message);
  }
  print_services(out, live);
  si_out_line(out, "%s", "");
  si_grid_print(out, &operations.table);
  si_grid_free(&operations.table);

  cJSON *data = si_project_json(project);
  if (live) {
    cJSON_AddItemToObject(data, "live", live);
  } else {
    cJSON_AddNullToObject(data, "live");
  }
  if (unseen->status != SI_OK) {
    cJSON_AddItemToObject(data, "live_error", si_error_json(unseen));
  }
  cJSON_AddItemToObject(data, "operations", operations.json);
  return si_out_result(out, data);
}
