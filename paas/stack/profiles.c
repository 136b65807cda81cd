/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/stack/profiles.h"

#include <string.h>

#include "paas/stack/keys.h"
#include "paas/stack/stack.h"
#include "paas/stack/value.h"

static bool asked_for(const struct si_reading *r, const char *profile) {
  for (size_t i = 0; r->request && i < r->request->profile_count; i++) {
    const char *asked = r->request->profiles[i];
    if (strcmp(asked, "*") == 0 || strcmp(asked, profile) == 0) {
      return true;
    }
  }
  return false;
}

static si_rc check_name(struct si_reading *r, const struct si_place *place, const char *name) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
  if (!strchr("_.-", name[0]) && name[strspn(name, letters)] == '\0') {
    return SI_OK;
  }
  return si_stack_invalid(r, place, "\"%.70s\" is no name of a profile", name);
}

si_rc si_profile_runs(struct si_reading *r, const struct si_yaml_node *service,
                      const struct si_place *place, bool *runs) {
  const struct si_yaml_entry *entry =
      service->kind == SI_YAML_MAP ? si_yaml_find(service, "profiles") : NULL;
  if (!entry) {
    return SI_OK;
  }
  struct si_place list = {place, entry->key, 0, entry->line};
  bool some = false;
  si_rc status = si_kind_check(r, entry->value, &list, SI_YAML_LIST);
  for (size_t i = 0; status == SI_OK && i < entry->value->count; i++) {
    char *text SI_AUTO(si_text_free) = NULL;
    struct si_place at = si_place_of(&list, entry->value, i);
    status = si_value_text(r, entry->value->entries[i].value, &at, 0, &text);
    status = status == SI_OK ? check_name(r, &at, text) : status;
    some = some || (status == SI_OK && asked_for(r, text));
  }
  *runs = status != SI_OK || some || entry->value->count == 0;
  return status;
}

const char *si_profile_of(const struct si_reading *r, const char *service) {
  const struct si_yaml_entry *entry =
      r->all_services ? si_yaml_find(r->all_services, service) : NULL;
  const struct si_yaml_entry *profiles =
      entry && entry->value->kind == SI_YAML_MAP ? si_yaml_find(entry->value, "profiles") : NULL;
  bool some = profiles && profiles->value->kind == SI_YAML_LIST && profiles->value->count > 0;
  return some ? profiles->value->entries[0].value->text : NULL;
}
