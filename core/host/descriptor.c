/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/descriptor.h"

#include <stdio.h>
#include <string.h>

#include "core/host/loader.h"
#include "kit/base/text.h"

enum { PROVIDERS_MAX = 16, TEXT_MAX = 64 * 1024 };

#define END_OF(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

/* A table of functions, as the headers have it. */
struct shape {
  const char *what;
  size_t first; /* offset of the first function */
  size_t least; /* where the last required one ends */
  size_t size;
};

static const struct shape shapes[] = {
    [SI_KIND_PROVISIONER] = {"the provisioner's table", offsetof(si_provisioner_vt, check),
                             END_OF(si_provisioner_vt, remove), sizeof(si_provisioner_vt)},
    [SI_KIND_ARTIFACT] = {"the store's table", offsetof(si_artifact_vt, sink_open),
                          END_OF(si_artifact_vt, list), sizeof(si_artifact_vt)},
    [SI_KIND_BACKUP] = {"the backup provider's table", offsetof(si_backup_vt, contract),
                        END_OF(si_backup_vt, window), sizeof(si_backup_vt)},
};

static const struct shape retention_shape = {
    "the table of " SI_RETENTION_ID, offsetof(si_retention_vt, sink_open),
    END_OF(si_retention_vt, report), sizeof(si_retention_vt)};

/* Is that memory of the plugin's where a structure may begin, and its first `least` bytes too? */
static bool holds(const void *at, size_t least) {
  return at && (uintptr_t)at % _Alignof(void *) == 0 && si_loader_room(at) >= least;
}

static si_rc bad_table(struct si_error *error, const char *what) {
  si_error_set(error, SI_E_INTERNAL, "PLUGIN_TABLE", "the plugin's tables cannot be right: %s",
               what);
  return si_error_hint(error, "its maker's to mend: si-conform PLUGIN.so tells which member it is");
}

/* Copies a table that says its own size: min(size) into zeroed memory. `least` is where the last
 * required member ends. What it says must lie in the plugin, all of it. */
static si_rc copy_table(const char *what, const void *from, uint32_t size, size_t least, void *to,
                        size_t to_size, struct si_error *error) {
  char text[160];
  if (size < least || size > SI_TABLE_MAX) {
    snprintf(text, sizeof text, "%s says it is %u bytes, %zu to %u are possible", what,
             (unsigned)size, least, SI_TABLE_MAX);
    return bad_table(error, text);
  }
  if (si_loader_room(from) < size) {
    snprintf(text, sizeof text, "%s ends outside the plugin", what);
    return bad_table(error, text);
  }
  memset(to, 0, to_size);
  memcpy(to, from, size < to_size ? size : to_size);
  return SI_OK;
}

/* Every pointer of a table of functions must lead into code that the plugin brought; the first
 * `required` of them must be set. A table shorter than it says has strangers behind its end. */
static si_rc check_functions(const char *what, const void *table, size_t from, size_t size,
                             size_t required, struct si_error *error) {
  char text[160];
  for (size_t at = from, i = 0; at + sizeof(void *) <= size; at += sizeof(void *), i++) {
    const void *function;
    memcpy(&function, (const char *)table + at, sizeof function);
    if (!function ? i < required : !si_loader_code(function)) {
      snprintf(text, sizeof text, "member %zu of %s %s", i + 1, what,
               function ? "points to no code of the plugin's" : "is missing");
      return bad_table(error, text);
    }
  }
  return SI_OK;
}

static si_rc check_text(const char *what, const char *text, struct si_error *error) {
  char why[160];
  size_t room = text ? si_loader_room(text) : 0;
  room = room < TEXT_MAX ? room : TEXT_MAX;
  if (room == 0 || strnlen(text, room) == room) {
    snprintf(why, sizeof why, "%s is no text of the plugin's, or longer than 64 KiB", what);
    return bad_table(error, why);
  }
  return SI_OK;
}

static si_rc check_abi(const si_plugin *plugin, struct si_error *error) {
  if (plugin->magic != SI_ABI_MAGIC) {
    return si_error_set(error, SI_E_UNSUPPORTED, "PLUGIN_ABI", "this is no si plugin (magic %08x)",
                        (unsigned)plugin->magic);
  }
  if (plugin->abi_major != SI_ABI_MAJOR || plugin->need_minor > SI_ABI_MINOR ||
      plugin->draft != SI_ABI_DRAFT) {
    si_error_set(error, SI_E_UNSUPPORTED, "PLUGIN_ABI",
                 "the plugin is made for ABI %u.%u draft %u (it needs at least minor %u); this si "
                 "has %u.%u draft %u",
                 plugin->abi_major, plugin->abi_minor, plugin->draft, plugin->need_minor,
                 SI_ABI_MAJOR, SI_ABI_MINOR, SI_ABI_DRAFT);
    return si_error_hint(error, "build the plugin against this si's headers");
  }
  return SI_OK;
}

static si_rc read_plugin(const si_plugin *plugin, const struct si_tree_entry *entry, si_plugin *out,
                         struct si_error *error) {
  if (!holds(plugin, offsetof(si_plugin, id))) { /* what tells the ABI is the same in all */
    return bad_table(error, "the entry returned no descriptor of the plugin's own");
  }
  si_rc status = check_abi(plugin, error);
  if (status == SI_OK) {
    status = copy_table("the descriptor", plugin, plugin->size, sizeof(si_plugin), out, sizeof *out,
                        error);
  }
  const struct {
    const char *what;
    const char *text;
  } texts[] = {
      {"id", out->id}, {"version", out->version}, {"license", out->license}, {"build", out->build}};
  for (size_t i = 0; status == SI_OK && i < sizeof texts / sizeof *texts; i++) {
    status = check_text(texts[i].what, texts[i].text, error);
  }
  if (status == SI_OK && strcmp(out->id, entry->id) != 0) {
    status = si_error_set(error, SI_E_AUTH, "PLUGIN_ID",
                          "the plugin calls itself \"%.64s\", the manifest lists it as \"%s\"",
                          out->id, entry->id);
  }
  if (status == SI_OK && !holds(out->providers, sizeof *out->providers)) {
    status = bad_table(error, "it has no list of providers");
  }
  return status;
}

static si_rc read_provider(const si_provider *provider, si_provider *out, struct si_error *error) {
  if (!holds(provider, sizeof provider->size)) {
    return bad_table(error, "a provider lies outside the plugin");
  }
  si_rc status = copy_table("a provider", provider, provider->size, END_OF(si_provider, vt), out,
                            sizeof *out, error);
  const struct {
    const char *what;
    const char *text;
  } texts[] = {{"a provider's id", out->id},
               {"a provider's schema", out->schema},
               {"a provider's needs", out->needs}};
  for (size_t i = 0; status == SI_OK && i < sizeof texts / sizeof *texts; i++) {
    status = check_text(texts[i].what, texts[i].text, error);
  }
  if (status == SI_OK) {
    status = check_functions("a provider", out, offsetof(si_provider, open),
                             offsetof(si_provider, vt), 2, error);
  }
  if (status == SI_OK && !holds(out->vt, sizeof(uint32_t))) {
    status = bad_table(error, "a provider has no table of its kind");
  }
  if (status == SI_OK) {
    status = check_functions("a provider's tail", out, offsetof(si_provider, extension),
                             sizeof *out, 0, error);
  }
  return status;
}

/* `from` is known to begin in the plugin; `to` has the shape's size. */
static si_rc read_table(const struct shape *shape, const void *from, void *to,
                        struct si_error *error) {
  uint32_t size;
  memcpy(&size, from, sizeof size);
  si_rc status = copy_table(shape->what, from, size, shape->least, to, shape->size, error);
  return status == SI_OK ? check_functions(shape->what, to, shape->first, shape->size,
                                           (shape->least - shape->first) / sizeof(void *), error)
                         : status;
}

static si_rc read_vt(struct si_descriptor *d, struct si_error *error) {
  uint32_t kind = d->provider.kind;
  memset(&d->vt, 0, sizeof d->vt);
  if (kind >= sizeof shapes / sizeof *shapes || !shapes[kind].what) {
    return si_error_set(error, SI_E_UNSUPPORTED, "PLUGIN_KIND",
                        "this si has no providers of kind %u", (unsigned)kind);
  }
  return read_table(&shapes[kind], d->provider.vt, &d->vt, error);
}

/* A lock that is promised and cannot be asked for would be found out when it is too late. */
static si_rc read_extensions(struct si_descriptor *d, struct si_error *error) {
  if (d->provider.kind != SI_KIND_ARTIFACT || !(d->provider.caps & SI_CAP_ARTIFACT_RETENTION)) {
    return SI_OK;
  }
  const void *table = d->provider.extension ? d->provider.extension(SI_RETENTION_ID) : NULL;
  if (!holds(table, sizeof(uint32_t))) {
    return bad_table(error, "it promises " SI_RETENTION_ID " and has no table of it");
  }
  return read_table(&retention_shape, table, &d->retention, error);
}

si_rc si_descriptor_read(const si_plugin *plugin, const struct si_tree_entry *entry, uint32_t kind,
                         struct si_descriptor *out, struct si_error *error) {
  memset(out, 0, sizeof *out);
  si_rc status = read_plugin(plugin, entry, &out->plugin, error);
  for (size_t i = 0; status == SI_OK && i <= PROVIDERS_MAX; i++) {
    if (i == PROVIDERS_MAX || !holds(&out->plugin.providers[i], sizeof(void *))) {
      return bad_table(error, "its list of providers does not end within 16");
    }
    const si_provider *provider = out->plugin.providers[i];
    if (!provider) {
      return si_error_set(error, SI_E_INVALID, "PLUGIN_KIND",
                          "the plugin is listed as a %s provider, and has none",
                          si_kind_name(kind));
    }
    status = read_provider(provider, &out->provider, error);
    if (status == SI_OK && out->provider.kind == kind) {
      status = read_vt(out, error);
      return status == SI_OK ? read_extensions(out, error) : status;
    }
  }
  return status;
}

si_rc si_descriptor_json(const struct si_descriptor *d, const struct si_tree_entry *entry,
                         struct si_buf *out) {
  char abi[32];
  snprintf(abi, sizeof abi, "%u.%u-draft%u", d->plugin.abi_major, d->plugin.abi_minor,
           d->plugin.draft);
  const struct {
    const char *key;
    const char *text;
  } members[] = {
      {"id", d->plugin.id},
      {"version", d->plugin.version},
      {"license", d->plugin.license},
      {"build", d->plugin.build},
      {"abi", abi},
      {"kind", si_kind_name(d->provider.kind)},
      {"provider", d->provider.id},
      {"schema", d->provider.schema},
      {"needs", d->provider.needs},
      {"sha256", entry->sha256},
  };
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < sizeof members / sizeof *members; i++) {
    status = si_buf_puts(out, i ? "," : "{");
    status = status == SI_OK ? si_json_quote(members[i].key, strlen(members[i].key), out) : status;
    status = status == SI_OK ? si_buf_puts(out, ":") : status;
    status =
        status == SI_OK ? si_json_quote(members[i].text, strlen(members[i].text), out) : status;
  }
  return status == SI_OK ? si_buf_printf(out, ",\"extensions\":[%s]}",
                                         d->retention.size ? "\"" SI_RETENTION_ID "\"" : "")
                         : status;
}
