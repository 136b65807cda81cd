/* SPDX-License-Identifier: Apache-2.0 */
/* The room stack: the optional verb logs. */
#include <stdlib.h>
#include <string.h>

#include "sdk/conform/stack.h"

static const char all_lines[] = "{\"follow\":false,\"services\":[],\"since\":null,\"tail\":100}";

/* Every document is looked at as it comes. */
static si_rc take(void *ctx, const char *json, size_t len) {
  static const char *const members[] = {"time", "service", "stream", "line"};
  cJSON *document SI_AUTO(si_json_free) = NULL;
  const cJSON *line;
  (void)ctx;
  demand(len <= 1048576, "logs() emits a document of more than 1 MiB");
  demand(si_json_parse(json, len, &document, NULL) == SI_OK &&
             cJSON_IsArray(si_json_get(document, "lines")),
         "logs() emits something else than a list of lines");
  cJSON_ArrayForEach(line, si_json_get(document, "lines")) {
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
      demand(si_json_str(line, members[i]) != NULL, "logs() emits a line without its %s",
             members[i]);
    }
    const char *stream = si_json_str(line, "stream"), *text = si_json_str(line, "line");
    demand(strcmp(stream, "stdout") == 0 || strcmp(stream, "stderr") == 0,
           "logs() emits a line of a stream \"%s\"", stream);
    demand(strlen(text) <= 65536 && !strchr(text, '\n'), "logs() emits a line that is none");
  }
  return SI_OK;
}

static si_rc logs(struct stack *s, const char *project, const char *query) {
  s->op = op_begin(s->host);
  return op_end(s->op, CALL(s->vt, logs)(s->in, s->op, project, query, NULL, take));
}

static struct stack open_with_logs(struct trial *t) {
  const si_provisioner_vt *vt = VT(t, si_provisioner_vt);
  if (!SI_HAS(vt, si_provisioner_vt, logs)) {
    skip_check("the provisioner has no logs");
  }
  return stack_open(t);
}

void stack_logs_lines(struct trial *t) {
  struct stack s = open_with_logs(t);
  stack_must_be_up(&s, 'a', stack_text(t));
  char *before = stack_seen(&s, 'a');
  size_t steps = s.host->step_count;
  stack_ok(&s, logs(&s, project_text(t, 'a'), all_lines), "logs()");
  char *after = stack_seen(&s, 'a');
  demand(strcmp(before, after) == 0 && s.host->step_count == steps, "logs() changed something");
  free(before);
  free(after);
  stack_close(&s);
}

void stack_logs_nothing(struct trial *t) {
  struct stack s = open_with_logs(t);
  demand_status(logs(&s, project_text(t, 'b'), all_lines), SI_E_NOT_FOUND, "logs() of what is not");
  stack_close(&s);
}

void stack_logs_query(struct trial *t) {
  static const char *const texts[] = {"{}", "{\"services\":1,\"tail\":1}",
                                      "{\"services\":[],\"tail\":0}"};
  struct stack s = open_with_logs(t);
  stack_must_be_up(&s, 'a', stack_text(t));
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    demand_status(logs(&s, project_text(t, 'a'), texts[i]), SI_E_INVALID,
                  "logs() by what is no query");
  }
  stack_close(&s);
}
