/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/host/elf.h"
#include "core/host/seal.h"
#include "kit/base/text.h"

const char *si_origin_name(enum si_origin origin) {
  return origin == SI_ORIGIN_OSS ? "oss" : origin == SI_ORIGIN_ENTERPRISE ? "enterprise" : "pinned";
}

/* --- what there is --- */

static si_rc judge_side(const struct si_tree *tree, bool enterprise, struct si_error *error) {
  if (tree->enterprise == enterprise) {
    return SI_OK;
  }
  if (tree->enterprise) {
    si_error_set(error, SI_E_AUTH, "PLUGIN_ENTERPRISE_IN_OSS",
                 "%s is where the OSS plugins are, and its manifest is of an enterprise tree",
                 tree->dir);
    return si_error_hint(error,
                         "set SI_ENTERPRISE_PLUGIN_DIR or enterprise_dir to it, and install si's "
                         "own plugins again");
  }
  si_error_set(error, SI_E_AUTH, "PLUGIN_OSS_IN_ENTERPRISE",
               "%s is where the enterprise plugins are, and its manifest is of an OSS tree",
               tree->dir);
  return si_error_hint(error, "set SI_ENTERPRISE_PLUGIN_DIR or enterprise_dir to the right one");
}

static si_rc judge_tree(const struct si_tree *tree, bool enterprise,
                        const struct si_plugin_trust *trust, struct si_error *error) {
  uint64_t seen = si_plugin_trust_serial(trust, enterprise);
  si_rc status = judge_side(tree, enterprise, error);
  if (status == SI_OK && (enterprise || si_plugin_trust_signed(trust))) {
    status = si_seal_check(tree, enterprise, trust, error);
  }
  if (status == SI_OK && tree->serial < seen) {
    si_error_set(error, SI_E_AUTH, "PLUGIN_SERIAL",
                 "%s is edition %llu of its tree, and %llu was seen before: something older was "
                 "put back",
                 tree->dir, (unsigned long long)tree->serial, (unsigned long long)seen);
    status = si_error_hint(error,
                           "install the newest one; if going back is meant, lower serials.%s in "
                           "the trust document (si plugin trust list says where it is)",
                           si_plugin_tree_name(enterprise));
  }
  return status;
}

static si_rc add_tree(struct si_plugins *plugins, const char *dir, enum si_origin origin,
                      struct si_error *error) {
  struct si_plugin_source *source = &plugins->sources[plugins->count];
  si_rc status = si_tree_open(dir, &source->tree, error);
  if (status != SI_OK) {
    return status;
  }
  source->origin = origin;
  plugins->count++;
  source->refused.status =
      judge_tree(&source->tree, origin == SI_ORIGIN_ENTERPRISE, plugins->trust, &source->refused);
  return SI_OK;
}

/* The manifest that a pin stands for: the one plugin, with its file's name. */
static cJSON *pin_manifest(const cJSON *pin, const char *file) {
  cJSON *manifest = cJSON_CreateObject();
  cJSON *entry = cJSON_Duplicate(pin, true);
  cJSON *list = cJSON_AddArrayToObject(manifest, "plugins");
  if (!list || !entry || !cJSON_AddStringToObject(entry, "file", file) ||
      !cJSON_AddItemToArray(list, entry)) {
    cJSON_Delete(entry);
    cJSON_Delete(manifest);
    return NULL;
  }
  return manifest;
}

static si_rc open_pin_dir(struct si_tree *tree, struct si_error *error) {
  struct si_error why;
  si_rc status = si_path_trusted(tree->dir, &why);
  if (status != SI_OK) {
    char code[sizeof why.code];
    snprintf(code, sizeof code, "PLUGIN_DIR_%.30s", strchr(why.code, '_') + 1);
    si_error_set(error, status, code, "the directory of a pinned plugin is not safe: %s",
                 why.message);
    return si_error_hint(error,
                         "every directory down to it must belong to root or you, be no link, and "
                         "not be writable by others (chmod go-w, once you know what is in it)");
  }
  tree->fd = open(tree->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  return tree->fd >= 0
             ? SI_OK
             : si_error_errno(error, errno, "PLUGIN_DIR_UNREADABLE", "cannot open %s", tree->dir);
}

static si_rc add_pin(struct si_plugins *plugins, const cJSON *pin, struct si_error *error) {
  struct si_plugin_source *source = &plugins->sources[plugins->count];
  struct si_tree *tree = &source->tree;
  si_copy(tree->dir, sizeof tree->dir, si_json_str(pin, "path"));
  char *slash = strrchr(tree->dir, '/');
  tree->fd = -1;
  tree->pinned = true;
  tree->manifest = pin_manifest(pin, slash + 1);
  slash[slash == tree->dir ? 1 : 0] = '\0';
  if (!tree->manifest) {
    return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: a pin");
  }
  source->origin = SI_ORIGIN_PINNED;
  plugins->count++;
  source->refused.status = open_pin_dir(tree, &source->refused);
  return SI_OK;
}

si_rc si_plugins_open(const char *oss_dir, const struct si_plugin_trust *trust,
                      struct si_plugins *out, struct si_error *error) {
  struct si_plugins plugins SI_AUTO(si_plugins_close) = {.trust = trust};
  const cJSON *pins = si_plugin_trust_list(trust, "pins");
  const char *enterprise = si_plugin_trust_enterprise(trust);
  const cJSON *pin;
  plugins.sources = calloc(2 + (size_t)cJSON_GetArraySize(pins), sizeof *plugins.sources);
  if (!plugins.sources) {
    return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: the plugins");
  }
  si_rc status = add_tree(&plugins, oss_dir, SI_ORIGIN_OSS, error);
  if (status == SI_OK && enterprise) {
    status = add_tree(&plugins, enterprise, SI_ORIGIN_ENTERPRISE, error);
  }
  cJSON_ArrayForEach(pin, pins) {
    status = status == SI_OK ? add_pin(&plugins, pin, error) : status;
  }
  if (status == SI_OK) {
    *out = plugins;
    plugins = (struct si_plugins){.sources = NULL};
  }
  return status;
}

void si_plugins_close(struct si_plugins *plugins) {
  for (size_t i = 0; i < plugins->count; i++) {
    si_tree_close(&plugins->sources[i].tree);
  }
  free(plugins->sources);
  *plugins = (struct si_plugins){.sources = NULL};
}

size_t si_plugins_count(const struct si_plugins *plugins) {
  size_t count = 0;
  for (size_t i = 0; i < plugins->count; i++) {
    count += si_tree_count(&plugins->sources[i].tree);
  }
  return count;
}

void si_plugins_at(const struct si_plugins *plugins, size_t index, struct si_plugin_choice *out) {
  const struct si_plugin_source *source = plugins->sources;
  while (index >= si_tree_count(&source->tree)) {
    index -= si_tree_count(&source->tree);
    source++;
  }
  out->plugins = plugins;
  out->source = source;
  si_tree_at(&source->tree, index, &out->entry);
}

/* --- which it is, and whether it may --- */

/* Another source that lists the id, or NULL. */
static const struct si_plugin_source *other_with(const struct si_plugin_choice *choice) {
  const struct si_plugins *plugins = choice->plugins;
  size_t count = si_plugins_count(plugins);
  for (size_t i = 0; i < count; i++) {
    struct si_plugin_choice other;
    si_plugins_at(plugins, i, &other);
    if (other.source != choice->source && strcmp(other.entry.id, choice->entry.id) == 0) {
      return other.source;
    }
  }
  return NULL;
}

si_rc si_plugin_judge(const struct si_plugin_choice *choice, struct si_error *error) {
  const struct si_plugin_source *other = other_with(choice);
  const struct si_tree_entry *entry = &choice->entry;
  if (other && choice->source->tree.pinned && other->tree.pinned) {
    si_error_set(error, SI_E_AUTH, "PLUGIN_ID_TWICE", "plugin \"%s\" is pinned already, in %s",
                 entry->id, other->tree.dir);
    return si_error_hint(error,
                         "to pin what was built anew in its place: si plugin trust add FILE "
                         "--replace; to end the trust: si plugin trust remove %s",
                         entry->id);
  }
  if (other) {
    si_error_set(error, SI_E_AUTH, "PLUGIN_ID_TWICE",
                 "plugin \"%s\" is listed twice: in %s (%s) and in %s (%s)", entry->id,
                 choice->source->tree.dir, si_origin_name(choice->source->origin), other->tree.dir,
                 si_origin_name(other->origin));
    return si_error_hint(error,
                         "take one of the two away: a pin with si plugin trust remove %s, else the "
                         "package that is not wanted",
                         entry->id);
  }
  if (choice->source->refused.status != SI_OK) {
    if (error) {
      *error = choice->source->refused;
    }
    return choice->source->refused.status;
  }
  if (si_plugin_trust_denies(choice->plugins->trust, entry->sha256)) {
    si_error_set(error, SI_E_AUTH, "PLUGIN_DENIED", "plugin \"%s\" (%s/%s) is denied by its hash",
                 entry->id, choice->source->tree.dir, entry->file);
    return si_error_hint(error, "install an edition of it that is not denied");
  }
  return SI_OK;
}

/* Nobody lists it: the OSS tree says what there is, unless the enterprise tree holds such a file.
 */
static si_rc not_found(const struct si_plugins *plugins, const char *id, struct si_error *error) {
  struct si_tree_entry none;
  si_rc status = SI_E_NOT_FOUND;
  for (size_t i = plugins->count; i-- > 0 && status == SI_E_NOT_FOUND;) {
    if (plugins->sources[i].origin != SI_ORIGIN_PINNED) {
      status = si_tree_find(&plugins->sources[i].tree, id, 0, &none, error);
    }
  }
  return status;
}

si_rc si_plugins_find(const struct si_plugins *plugins, const char *id, uint32_t kind,
                      struct si_plugin_choice *out, struct si_error *error) {
  size_t count = si_plugins_count(plugins);
  for (size_t i = 0; i < count; i++) {
    si_plugins_at(plugins, i, out);
    if (strcmp(out->entry.id, id) == 0) {
      si_rc status = si_plugin_judge(out, error);
      return status == SI_OK ? si_tree_grants(&out->entry, kind, error) : status;
    }
  }
  return not_found(plugins, id, error);
}

si_rc si_plugin_open(const struct si_tree *tree, const struct si_tree_entry *entry, int *fd,
                     struct si_error *error) {
  char name[SI_PATH_MAX + 300];
  int file SI_AUTO(si_close) = -1;
  si_rc status = si_tree_verify(tree, entry, &file, error);
  if (status != SI_OK) {
    return status;
  }
  snprintf(name, sizeof name, "%s/%s", tree->dir, entry->file);
  status = si_elf_check(file, name, error);
  if (status == SI_OK) {
    *fd = file;
    file = -1;
  }
  return status;
}

/* --- what the loaded plugin says --- */

si_rc si_plugin_needs_equal(const struct si_tree_entry *entry, const char *told,
                            struct si_error *error) {
  struct si_buf listed SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  struct si_buf found SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  cJSON *json SI_AUTO(si_json_free) = NULL;
  bool same = si_json_parse(told, strlen(told), &json, NULL) == SI_OK &&
              si_json_canonical(json, &found) == SI_OK &&
              si_json_canonical(entry->needs, &listed) == SI_OK &&
              strcmp(si_buf_text(&found), si_buf_text(&listed)) == 0;
  if (same) {
    return SI_OK;
  }
  si_error_set(error, SI_E_AUTH, "PLUGIN_NEEDS",
               "plugin \"%s\" says that it needs %.300s, and was listed with %.300s", entry->id,
               found.len ? si_buf_text(&found) : "what is no JSON", si_buf_text(&listed));
  return si_error_hint(error,
                       "what it may do follows from its listing: it must be listed as it is "
                       "(its maker's fault; a pin: look at it again, remove and add it)");
}
