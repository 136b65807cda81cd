/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/addon/addon.h"

#include <string.h>

#include "kit/base/text.h"
#include "paas/events/events.h"

enum { SETTINGS_MAX = 65536 };

void si_addons_free(struct si_addons *addons) {
  for (size_t i = 0; i < addons->count; i++) {
    si_pack_free(&addons->packs[i]);
    si_json_free(&addons->settings[i]);
  }
  addons->count = 0;
}

/* --- for an app's stack --- */

struct gathering {
  const char *dir;
  struct si_addons *out;
  struct si_error *error;
};

static si_rc gather(void *ctx, const struct si_addon_row *row) {
  struct gathering *g = ctx;
  struct si_addons *out = g->out;
  size_t at = out->count;
  if (at == SI_STACK_ADDONS) {
    return si_error_set(g->error, SI_E_CONFLICT, "ADDON_TOO_MANY", "%s has more than %d add-ons",
                        row->app, SI_STACK_ADDONS);
  }
  si_rc status = si_pack_open(g->dir, row->pack, &out->packs[at], g->error);
  if (status == SI_E_NOT_FOUND) {
    si_error_set(g->error, status, "ADDON_NOT_FOUND",
                 "the add-on %s, which %s has, is not installed any more", row->pack, row->app);
    return si_error_hint(g->error, "install it, or: si paas addon disable %s --app %s", row->pack,
                         row->app);
  }
  if (status != SI_OK) {
    return status;
  }
  const struct si_pack *pack = &out->packs[at];
  out->count++;
  if (strcmp(pack->sha256, row->sha256) != 0) {
    si_error_set(g->error, SI_E_CONFLICT, "ADDON_CHANGED",
                 "the add-on %s is not what was enabled for %s: version %s was %.12s, and %s is "
                 "%.12s now",
                 row->pack, row->app, row->version, row->sha256, pack->version, pack->sha256);
    si_error_target(g->error, NULL, row->pack);
    return si_error_hint(g->error,
                         "look at it (si paas addon contract %s), then enable it again, with the "
                         "settings that are wanted: si paas addon enable %s --app %s",
                         row->pack, row->pack, row->app);
  }
  status = si_json_parse(row->settings, strlen(row->settings), &out->settings[at], g->error);
  out->list[at] = (struct si_stack_addon){pack->file, si_buf_text(&pack->text), pack->text.len,
                                          pack->descriptor, out->settings[at]};
  return status;
}

si_rc si_addons_of(struct si_state *state, const char *owner_id, const char *app, const char *dir,
                   struct si_addons *out, struct si_error *error) {
  struct si_error unread;
  struct gathering g = {dir, out, error ? error : &unread};
  return si_state_addons(state, owner_id, app, false, &g, gather, g.error);
}

/* --- enabling --- */

static si_rc no_memory(struct si_error *error) {
  return si_error_set(error, SI_E_NOMEM, "ADDON_MEMORY", "out of memory");
}

static si_rc write_record(const struct si_context *context, const char *action, const char *app,
                          const cJSON *fields, struct si_buf *record, struct si_error *error) {
  const struct si_event event = {.action = action, .target = app, .fields = fields};
  si_rc status = si_event_record(context, &event, record);
  return status == SI_OK ? SI_OK
                         : si_error_set(error, status, "EVENT_RECORD",
                                        "the event %s cannot be written down", action);
}

static si_rc count_row(void *ctx, const struct si_addon_row *row) {
  (void)row;
  ++*(size_t *)ctx;
  return SI_OK;
}

/* What is enabled now: *same where it is this pack with these settings. */
static si_rc look(struct si_state *state, const char *owner_id, const struct si_addon_row *want,
                  bool *same, struct si_error *error) {
  struct si_addon_row now SI_AUTO(si_addon_row_free) = {.app = ""};
  struct si_error why;
  size_t count = 0;
  si_rc status = si_state_addon(state, owner_id, want->app, want->pack, &now, &why);
  if (status == SI_OK) {
    *same = strcmp(now.sha256, want->sha256) == 0 && strcmp(now.settings, want->settings) == 0;
    return SI_OK;
  }
  if (status != SI_E_NOT_FOUND) {
    if (error) {
      *error = why;
    }
    return status;
  }
  status = si_state_addons(state, owner_id, want->app, false, &count, count_row, error);
  return status == SI_OK && count >= SI_STACK_ADDONS
             ? si_error_set(error, SI_E_CONFLICT, "ADDON_TOO_MANY", "%s has %d add-ons already",
                            want->app, SI_STACK_ADDONS)
             : status;
}

static si_rc check_app(const char *app, struct si_error *error) {
  if (si_name_valid(app)) {
    return SI_OK;
  }
  si_error_set(error, SI_E_INVALID, "ADDON_INVALID_APP", "\"%.80s\" is no name of an app", app);
  return si_error_hint(error, "use a-z, 0-9 and '-', at most 63, not beginning with '-'");
}

si_rc si_addon_enable(const struct si_context *context, struct si_state *state,
                      const char *owner_id, const char *app, const struct si_pack *pack,
                      const cJSON *settings, bool *changed, struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SETTINGS_MAX);
  struct si_buf record SI_AUTO(si_buf_free) = SI_BUF(SI_EVENT_MAX);
  cJSON *fields SI_AUTO(si_json_free) = cJSON_CreateObject();
  cJSON *copy = cJSON_Duplicate(settings, true);
  struct si_addon_row row = {.app = ""};
  bool same = false;
  si_rc status = check_app(app, error);
  bool well = cJSON_AddStringToObject(fields, "pack", pack->id) &&
              cJSON_AddStringToObject(fields, "version", pack->version) &&
              cJSON_AddStringToObject(fields, "sha256", pack->sha256) && copy &&
              cJSON_AddItemToObject(fields, "settings", copy) &&
              si_json_canonical(settings, &text) == SI_OK;
  if (!well || status != SI_OK) {
    return status != SI_OK ? status : no_memory(error);
  }
  si_copy(row.app, sizeof row.app, app);
  si_copy(row.pack, sizeof row.pack, pack->id);
  si_copy(row.version, sizeof row.version, pack->version);
  si_copy(row.sha256, sizeof row.sha256, pack->sha256);
  si_events_actor_name(row.enabled_by, sizeof row.enabled_by);
  row.settings = text.data;
  status = look(state, owner_id, &row, &same, error);
  *changed = !same;
  if (status != SI_OK || same) {
    return status;
  }
  status = write_record(context, "addon.enable", app, fields, &record, error);
  const struct si_state_event event = {"audit", record.data};
  status = status == SI_OK ? si_state_addon_enable(state, owner_id, &row, &event, error) : status;
  return status == SI_OK ? si_events_flush(context, state, error) : status;
}

si_rc si_addon_disable(const struct si_context *context, struct si_state *state,
                       const char *owner_id, const char *app, const char *pack,
                       struct si_error *error) {
  struct si_buf record SI_AUTO(si_buf_free) = SI_BUF(SI_EVENT_MAX);
  cJSON *fields SI_AUTO(si_json_free) = cJSON_CreateObject();
  char by[128];
  si_rc status = check_app(app, error);
  if (status != SI_OK || !cJSON_AddStringToObject(fields, "pack", pack)) {
    return status != SI_OK ? status : no_memory(error);
  }
  si_events_actor_name(by, sizeof by);
  status = write_record(context, "addon.disable", app, fields, &record, error);
  const struct si_state_event event = {"audit", record.data};
  status = status == SI_OK ? si_state_addon_disable(state, owner_id, app, pack, by, &event, error)
                           : status;
  return status == SI_OK ? si_events_flush(context, state, error) : status;
}
