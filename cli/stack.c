/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/stack.h"

#include <stdlib.h>
#include <string.h>

#include "cli/scope.h"
#include "paas/addon/addon.h"
#include "paas/stack/guard.h"

enum { NAMES = 100 /* values of one option */ };

struct names {
  const char *list[NAMES];
  size_t count;
};

static si_rc take(struct si_invocation *inv, const char *option, struct names *names) {
  const char *name;
  size_t at = 0;
  while ((name = si_opt_each(inv, option, &at))) {
    if (names->count == NAMES) {
      return si_usage_error(inv, "--%s is given more than %d times", option, NAMES);
    }
    names->list[names->count++] = name;
  }
  return SI_OK;
}

/* NAME becomes NAME=value; *owned has the texts. */
static si_rc take_environment(struct si_invocation *inv, struct names *names, cJSON *owned) {
  si_rc status = take(inv, "env", names);
  for (size_t i = 0; status == SI_OK && i < names->count; i++) {
    struct si_buf pair SI_AUTO(si_buf_free) = SI_BUF(SI_ARG_MAX);
    const char *name = names->list[i];
    const char *value = strchr(name, '=') || !name[0] ? NULL : getenv(name);
    if (!value) {
      return si_usage_error(inv, strchr(name, '=')
                                     ? "--env takes the name of a variable, and no value"
                                     : "--env names a variable that is not set here");
    }
    cJSON *text = NULL;
    if (si_buf_printf(&pair, "%s=%s", name, value) != SI_OK ||
        !(text = cJSON_CreateString(si_buf_text(&pair))) || !cJSON_AddItemToArray(owned, text)) {
      cJSON_Delete(text);
      return si_error_set(&inv->error, SI_E_NOMEM, "CLI_MEMORY", "out of memory");
    }
    names->list[i] = text->valuestring;
  }
  return status;
}

static si_rc take_files(struct si_invocation *inv, bool args, struct names *files) {
  for (size_t i = 0; args && i < si_arg_count(inv) && i < NAMES; i++) {
    files->list[files->count++] = si_arg(inv, i);
  }
  si_rc status = take(inv, "stack", files);
  if (status == SI_OK && files->count > SI_STACK_FILES) {
    return si_usage_error(inv, "a stack is made of at most %d files", SI_STACK_FILES);
  }
  return status == SI_OK && files->count == 0 ? si_usage_error(inv, "no stack file is given")
                                              : status;
}

static void close_state(struct si_state **state) {
  si_state_close(*state);
  *state = NULL;
}

/* Who changes something brings an older store up to date first; a dry run does not. */
static si_rc take_addons(struct si_invocation *inv, const char *app, struct si_addons *addons) {
  struct si_context context SI_AUTO(si_context_free) = {.config = NULL};
  struct si_state *state SI_AUTO(close_state) = NULL;
  bool writes = (inv->command->flags & SI_CMD_MUTATING) && !inv->dry_run;
  int mode = writes ? SI_STATE_WRITE : SI_STATE_READ;
  if (!app) {
    return SI_OK;
  }
  if (!inv->context[0]) {
    return si_usage_error(inv, "--app needs a context: the app's add-ons are kept there");
  }
  si_rc status = si_context_open(inv->context, &context, &inv->error);
  status =
      status == SI_OK ? si_state_open(context.dir, context.id, mode, &state, &inv->error) : status;
  return status == SI_OK ? si_addons_of(state, SI_OWNER_LOCAL, app, NULL, addons, &inv->error)
                         : status;
}

static void addons_drop(struct si_addons **addons) {
  if (*addons) {
    si_addons_free(*addons);
    free(*addons);
  }
}

si_rc si_stack_given(struct si_invocation *inv, const char *app, bool args, struct si_stack *stack,
                     struct si_faults *faults) {
  cJSON *owned SI_AUTO(si_json_free) = cJSON_CreateArray();
  struct si_addons *addons SI_AUTO(addons_drop) = calloc(1, sizeof *addons);
  struct names files = {.count = 0}, env_files = {.count = 0}, variables = {.count = 0};
  struct names profiles = {.count = 0};
  si_rc status = take_files(inv, args, &files);
  status = status == SI_OK ? take(inv, "env-file", &env_files) : status;
  status = status == SI_OK ? take(inv, "profile", &profiles) : status;
  status = status == SI_OK ? take_environment(inv, &variables, owned) : status;
  if (status != SI_OK || !addons) {
    return addons ? status : si_error_set(&inv->error, SI_E_NOMEM, "CLI_MEMORY", "out of memory");
  }
  status = take_addons(inv, app, addons);
  const struct si_stack_request request = {.files = files.list,
                                           .file_count = files.count,
                                           .env_files = env_files.list,
                                           .env_file_count = env_files.count,
                                           .variables = variables.list,
                                           .variable_count = variables.count,
                                           .profiles = profiles.list,
                                           .profile_count = profiles.count,
                                           .addons = addons->list,
                                           .addon_count = addons->count};
  return status == SI_OK ? si_stack_read(&request, stack, faults, &inv->error) : status;
}

si_rc si_stack_of(struct si_invocation *inv, const char *app, const char *file,
                  struct si_stack *stack) {
  struct si_addons *addons SI_AUTO(addons_drop) = calloc(1, sizeof *addons);
  if (!addons) {
    return si_error_set(&inv->error, SI_E_NOMEM, "CLI_MEMORY", "out of memory");
  }
  si_rc status = take_addons(inv, app, addons);
  const struct si_stack_request request = {
      .files = &file, .file_count = 1, .addons = addons->list, .addon_count = addons->count};
  return status == SI_OK ? si_stack_read(&request, stack, NULL, &inv->error) : status;
}

si_rc si_stack_guarded(struct si_invocation *inv, const struct si_context *context,
                       const struct si_stack *stack, cJSON **told) {
  cJSON *list = NULL;
  const cJSON *each;
  si_rc status =
      si_guard_judge(stack->findings, context ? si_json_get(context->config, "stack_guard") : NULL,
                     context ? context->type : NULL, &list, &inv->error);
  cJSON_ArrayForEach(each, list) {
    const char *severity = si_json_str(each, "severity");
    if (severity && strcmp(severity, "warn") == 0) {
      si_out_warn(inv->out, "%s (rule %s)", si_json_str(each, "message"),
                  si_json_str(each, "rule"));
    }
  }
  if (status == SI_E_REFUSED && context) {
    char hint[sizeof inv->error.hint];
    memcpy(hint, inv->error.hint, sizeof hint);
    si_error_hint(&inv->error, "%s; or allow it: si paas stack policy set --context %s RULE=warn",
                  hint, context->name);
  }
  if (told) {
    *told = list;
  } else {
    cJSON_Delete(list);
  }
  return status;
}
