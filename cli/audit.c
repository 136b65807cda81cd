/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit.h"

#include <string.h>

#include "kit/base/text.h"
#include "paas/events/events.h"

enum { WAIT_MS = 2000 };

static si_rc append(const struct si_context *context, const struct si_event *event,
                    struct si_error *error) {
  struct si_state *state = NULL;
  si_rc status = si_state_open(context->dir, context->id, SI_STATE_WRITE, &state, error);
  if (status == SI_OK) {
    si_state_wait(state, WAIT_MS);
    status = si_events_append(context, state, event, error);
  }
  si_state_close(state);
  return status;
}

/* "paas project create" is "project.create". */
static void action_of(const char *path, char *to, size_t size) {
  si_copy(to, size, strncmp(path, "paas ", 5) == 0 ? path + 5 : path);
  for (char *c = to; *c; c++) {
    *c = *c == ' ' ? '.' : *c;
  }
}

void si_audit_failure(const struct si_invocation *inv) {
  struct si_context context SI_AUTO(si_context_free) = {.config = NULL};
  struct si_error untold;
  char action[64];
  bool secret = inv->command->flags & SI_CMD_SECRET;
  /* Anything may stand where a name belongs, a secret too: what is none is not written down. */
  const char *argument = inv->changes ? inv->context : secret ? NULL : si_arg(inv, 0);
  /* Who held the store for so long holds it still: nobody waits for it twice. */
  if (!inv->context[0] || inv->dry_run || strcmp(inv->error.code, "PAAS_STATE_BUSY") == 0 ||
      si_context_open(inv->context, &context, &untold) != SI_OK) {
    return;
  }
  action_of(inv->command->path, action, sizeof action);
  const struct si_event event = {
      .action = action,
      .target = argument && si_name_valid(argument) ? argument : NULL,
      .fields = inv->about,
      .error = &inv->error,
  };
  if (append(&context, &event, &untold) != SI_OK) {
    si_out_debug(inv->out, "the failure is not in the audit chain: %s", untold.message);
  }
}

struct telling {
  struct si_invocation *inv;
  const struct si_event *event;
};

static si_rc tell_one(void *ctx, const char *name, const struct si_context *context,
                      const struct si_error *error) {
  struct telling *telling = ctx;
  struct si_error untold;
  if (!context || append(context, telling->event, &untold) != SI_OK) {
    si_out_warn(telling->inv->out, "the change is not in the audit chain of context %s: %s", name,
                context ? untold.message : error->message);
  }
  return SI_OK;
}

void si_audit_trust(struct si_invocation *inv, const char *action, const cJSON *what) {
  struct si_error why;
  const struct si_event event = {
      .action = action, .severity = "warning", .target = si_json_str(what, "id"), .fields = what};
  struct telling telling = {inv, &event};
  if (si_context_list(&telling, tell_one, &why) != SI_OK) {
    si_out_warn(inv->out, "the change is in no audit chain: %s", why.message);
  }
}
