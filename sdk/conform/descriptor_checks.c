/* SPDX-License-Identifier: Apache-2.0 */
/* The room descriptor: what si_plugin says of the plugin. Nothing of it is believed. */
#include <string.h>

#include "kit/base/text.h"
#include "sdk/conform/load.h"

enum { LINE_MAX_BYTES = 256 };

static void magic(struct trial *t) {
  demand(t->plugin->magic == SI_ABI_MAGIC, "magic is %08x, not SI_ABI_MAGIC (%08x)",
         (unsigned)t->plugin->magic, SI_ABI_MAGIC);
}

static void size(struct trial *t) {
  demand(t->plugin->size >= sizeof(si_plugin) && t->plugin->size <= SI_TABLE_MAX,
         "size is %u, %zu to %u are possible", (unsigned)t->plugin->size, sizeof(si_plugin),
         SI_TABLE_MAX);
  demand(load_room(t->handle, t->plugin) >= t->plugin->size,
         "size is %u, and the descriptor ends outside of the plugin there",
         (unsigned)t->plugin->size);
}

static void major(struct trial *t) {
  demand(t->plugin->abi_major == SI_ABI_MAJOR, "abi_major is %u, this kit's is %u",
         t->plugin->abi_major, SI_ABI_MAJOR);
}

static void draft(struct trial *t) {
  demand(t->plugin->draft == SI_ABI_DRAFT, "draft is %u, these headers' is %u", t->plugin->draft,
         SI_ABI_DRAFT);
}

static void need_minor(struct trial *t) {
  demand(t->plugin->need_minor <= SI_ABI_MINOR, "need_minor is %u, this host's minor is %u",
         t->plugin->need_minor, SI_ABI_MINOR);
}

static void minor(struct trial *t) {
  demand(t->plugin->need_minor <= t->plugin->abi_minor,
         "need_minor is %u, and it was built against minor %u alone", t->plugin->need_minor,
         t->plugin->abi_minor);
}

/* One line of printable UTF-8, 1 to 255 bytes, in the plugin's own memory. */
static const char *line(const struct trial *t, const char *what, const char *text) {
  demand(text && load_owns(t->handle, text), "%s is no text of the plugin's", what);
  size_t room = load_room(t->handle, text);
  size_t len = strnlen(text, room < LINE_MAX_BYTES ? room : LINE_MAX_BYTES);
  demand(len < room, "%s does not end within the plugin", what);
  demand(len > 0 && len < LINE_MAX_BYTES, "%s has %s bytes, 1 to 255 are possible", what,
         len ? "256 or more" : "no");
  demand(si_utf8_valid(text, len), "%s is no UTF-8", what);
  for (size_t i = 0; i < len; i++) {
    demand((unsigned char)text[i] >= 0x20 && text[i] != 0x7f, "%s has a control character", what);
  }
  return text;
}

static void id(struct trial *t) {
  demand(si_name_valid(line(t, "id", t->plugin->id)),
         "id \"%s\" is not of the form [a-z0-9][a-z0-9-]{0,62}", t->plugin->id);
}

static void version(struct trial *t) {
  line(t, "version", t->plugin->version);
}

static void license(struct trial *t) {
  static const char letters[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-+()/: ";
  const char *text = line(t, "license", t->plugin->license);
  demand(text[strspn(text, letters)] == '\0', "license \"%s\" is no SPDX expression", text);
}

static void build(struct trial *t) {
  line(t, "build", t->plugin->build);
}

static void providers(struct trial *t) {
  const si_provider *const *list = t->plugin->providers;
  demand(list && load_owns(t->handle, list), "there is no list of providers");
  demand(list[0] != NULL, "the list of providers is empty");
  for (size_t i = 0; i <= 16; i++) {
    demand(i < 16 && load_room(t->handle, &list[i]) >= sizeof(void *),
           "the list of providers does not end with NULL within 16");
    if (!list[i]) {
      return;
    }
    demand(load_owns(t->handle, list[i]), "provider %zu lies outside of the plugin", i + 1);
  }
}

#define SAID(id, title, run) \
  { id, title, KIND_PLUGIN, WANTS_ENTRY, 0, run }
const struct check descriptor_checks[] = {
    SAID("descriptor.magic", "magic is SI_ABI_MAGIC", magic),
    SAID("descriptor.size", "size is that of si_plugin, or more, and no absurd one", size),
    SAID("descriptor.major", "abi_major is SI_ABI_MAJOR", major),
    SAID("descriptor.draft", "draft is SI_ABI_DRAFT", draft),
    SAID("descriptor.need-minor", "need_minor is no greater than the host's minor", need_minor),
    SAID("descriptor.minor", "need_minor is no greater than abi_minor", minor),
    SAID("descriptor.id", "id has the form [a-z0-9][a-z0-9-]{0,62}", id),
    SAID("descriptor.version", "version is one line of text", version),
    SAID("descriptor.license", "license is an SPDX expression", license),
    SAID("descriptor.build", "build is one line of text", build),
    SAID("descriptor.providers", "there are 1 to 16 providers, ended by NULL", providers),
    {0}};
