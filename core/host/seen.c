/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/seen.h"

#include "core/host/places.h"

si_rc si_trust_effective(const char *path, struct si_plugin_trust *out, struct si_error *error) {
  struct si_plugin_trust trust SI_AUTO(si_plugin_trust_free) = {NULL};
  char dir[SI_PATH_MAX];
  si_rc status = si_plugin_trust_load(path, &trust, error);
  status = status == SI_OK ? si_place_enterprise(dir, sizeof dir, error) : status;
  if (status == SI_OK && dir[0] && si_plugin_trust_set_enterprise(&trust, dir) != SI_OK) {
    status = si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: the plugins");
  }
  if (status == SI_OK) {
    *out = trust;
    trust.document = NULL;
  }
  return status;
}

si_rc si_plugins_open_here(const char *path, const cJSON *pin, bool replace,
                           struct si_plugin_trust *trust, struct si_plugins *plugins,
                           struct si_error *error) {
  char dir[SI_PATH_MAX];
  si_rc status = si_place_plugins(dir, sizeof dir, error);
  status = status == SI_OK ? si_trust_effective(path, trust, error) : status;
  if (status == SI_OK && pin && replace) {
    si_plugin_trust_take_out(trust, "pins", si_json_str(pin, "id"));
  }
  if (status == SI_OK && pin &&
      si_plugin_trust_add(trust, "pins", cJSON_Duplicate(pin, true)) != SI_OK) {
    status = si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: the trust");
  }
  status = status == SI_OK ? si_plugins_open(dir, trust, plugins, error) : status;
  if (status != SI_OK) {
    si_plugin_trust_free(trust);
  }
  return status;
}

si_rc si_trust_to_send(const char *path, struct si_buf *out, struct si_error *error) {
  struct si_plugin_trust trust SI_AUTO(si_plugin_trust_free) = {NULL};
  si_rc status = si_trust_effective(path, &trust, error);
  if (status == SI_OK && (status = si_plugin_trust_text(&trust, out)) != SI_OK) {
    si_error_set(error, status, "OUT_OF_MEMORY", "out of memory: the trust in plugins");
  }
  return status;
}

/* The tree that the plugin comes from, judged here once more: what a child says is not believed. */
static bool newer(const char *path, const char *plugin, bool *enterprise, uint64_t *serial) {
  struct si_plugin_trust trust SI_AUTO(si_plugin_trust_free) = {NULL};
  struct si_plugins plugins SI_AUTO(si_plugins_close) = {.sources = NULL};
  struct si_plugin_choice choice;
  struct si_error why;
  if (si_plugins_open_here(path, NULL, false, &trust, &plugins, &why) != SI_OK ||
      si_plugins_find(&plugins, plugin, 0, &choice, &why) != SI_OK ||
      choice.source->origin == SI_ORIGIN_PINNED) {
    return false;
  }
  *enterprise = choice.source->origin == SI_ORIGIN_ENTERPRISE;
  *serial = choice.source->tree.serial;
  return *serial > si_plugin_trust_serial(&trust, *enterprise);
}

void si_trust_seen(const char *path, const char *plugin) {
  struct si_plugin_trust trust SI_AUTO(si_plugin_trust_free) = {NULL};
  int lock SI_AUTO(si_close) = -1;
  struct si_error why;
  bool enterprise;
  uint64_t serial;
  if (!newer(path, plugin, &enterprise, &serial) ||
      si_plugin_trust_lock(path, &lock, &why) != SI_OK ||
      si_plugin_trust_load(path, &trust, &why) != SI_OK ||
      serial <= si_plugin_trust_serial(&trust, enterprise)) {
    return;
  }
  if (si_plugin_trust_set_serial(&trust, enterprise, serial) == SI_OK) {
    (void)!si_plugin_trust_save(path, &trust, &why);
  }
}
