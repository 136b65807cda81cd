/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/stack/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "paas/stack/report.h"
#include "paas/stack/yaml_map.h"

/* An anchor is open (node NULL) until its node is complete: an alias inside it would be a loop. */
struct anchor {
  char *name;
  const struct si_yaml_node *node;
};

struct loader {
  struct si_reading *r;
  size_t file;
  yaml_parser_t parser;
  const char *text;
  struct si_yaml_node *made;
  struct anchor *anchors;
  size_t anchor_count;
  size_t anchor_room;
  size_t aliases;
  size_t nodes;
  size_t bytes;
};

static si_rc fail_at(struct loader *l, const char *code, size_t line, const char *what) {
  struct si_place place = {NULL, NULL, 0, SI_LINE(l->file, line)};
  return si_stack_fail(l->r, code, &place, "%s", what);
}

static si_rc fail_yaml(struct loader *l, const yaml_event_t *event, const char *what) {
  return fail_at(l, "STACK_YAML", event->start_mark.line + 1, what);
}

static si_rc parser_failed(struct loader *l) {
  const yaml_parser_t *p = &l->parser;
  const char *problem = p->problem ? p->problem : "cannot be read as YAML";
  if (p->error == YAML_MEMORY_ERROR) {
    return si_stack_nomem(l->r);
  }
  if (p->error != YAML_READER_ERROR) {
    return fail_at(l, "STACK_YAML", p->problem_mark.line + 1, problem);
  }
  size_t line = 1; /* the reader knows the byte only */
  for (size_t i = 0; i < p->problem_offset; i++) {
    line += l->text[i] == '\n';
  }
  fail_at(l, "STACK_YAML", line, problem);
  return si_stack_hint(l->r, "a stack file is UTF-8 text");
}

static si_rc next_event(struct loader *l, yaml_event_t *event) {
  yaml_event_t fresh;
  if (!yaml_parser_parse(&l->parser, &fresh)) {
    return parser_failed(l);
  }
  *event = fresh;
  return SI_OK;
}

/* Counts what an event, or what an alias stands for, brings. */
static si_rc weigh(struct loader *l, const yaml_event_t *event, size_t nodes, size_t bytes) {
  l->nodes += nodes;
  l->bytes += bytes;
  if (l->nodes > SI_YAML_NODES || l->bytes > SI_YAML_BYTES) {
    return fail_at(l, "STACK_TOO_LARGE", event->start_mark.line + 1,
                   l->nodes > SI_YAML_NODES
                       ? "the file has more than 10000 nodes, aliases expanded"
                       : "the file has more than 1 MiB of text, aliases expanded");
  }
  return SI_OK;
}

static struct si_yaml_node *new_node(struct loader *l, const yaml_event_t *event,
                                     enum si_yaml_kind kind) {
  struct si_yaml_node *node = calloc(1, sizeof *node);
  if (node) {
    node->kind = kind;
    node->line = SI_LINE(l->file, event->start_mark.line + 1);
    node->height = kind == SI_YAML_SCALAR ? 0 : 1;
    node->made = l->made;
    l->made = node;
  }
  return node;
}

/* --- anchors --- */

static si_rc open_anchor(struct loader *l, const yaml_char_t *name, size_t *index) {
  *index = SIZE_MAX;
  if (!name) {
    return SI_OK;
  }
  if (l->anchor_count == l->anchor_room) {
    size_t room = l->anchor_room ? l->anchor_room * 2 : 16;
    struct anchor *anchors = realloc(l->anchors, room * sizeof *anchors);
    if (!anchors) {
      return si_stack_nomem(l->r);
    }
    l->anchors = anchors;
    l->anchor_room = room;
  }
  struct anchor *anchor = &l->anchors[l->anchor_count];
  anchor->node = NULL;
  anchor->name = strdup((const char *)name);
  if (!anchor->name) {
    return si_stack_nomem(l->r);
  }
  *index = l->anchor_count++;
  return SI_OK;
}

static void close_anchor(struct loader *l, size_t index, const struct si_yaml_node *node) {
  if (index != SIZE_MAX) {
    l->anchors[index].node = node;
  }
}

static si_rc read_alias(struct loader *l, const yaml_event_t *event, unsigned depth,
                        const struct si_yaml_node **out) {
  const char *name = (const char *)event->data.alias.anchor;
  size_t i = l->anchor_count;
  if (++l->aliases > SI_YAML_ALIASES) {
    return fail_at(l, "STACK_TOO_LARGE", event->start_mark.line + 1,
                   "the file has more than 64 aliases");
  }
  while (i > 0 && strcmp(l->anchors[i - 1].name, name) != 0) {
    i--;
  }
  if (i == 0) {
    return fail_yaml(l, event, "the alias names an anchor that does not stand before it");
  }
  const struct si_yaml_node *node = l->anchors[i - 1].node;
  if (!node) {
    return fail_yaml(l, event, "the alias stands inside what it names: that would never end");
  }
  if (depth + node->height > SI_YAML_DEPTH) {
    return fail_at(l, "STACK_TOO_LARGE", event->start_mark.line + 1,
                   "the file is nested more than 64 levels deep, aliases expanded");
  }
  si_rc status = weigh(l, event, node->nodes, node->bytes);
  if (status == SI_OK) {
    *out = node;
  }
  return status;
}

/* --- scalars --- */

#define TAG(name) "tag:yaml.org,2002:" name

static si_rc refuse_tag(struct loader *l, const yaml_event_t *event, const char *tag) {
  struct si_place place = {NULL, NULL, 0, SI_LINE(l->file, event->start_mark.line + 1)};
  si_stack_fail(l->r, "STACK_YAML", &place, "the tag \"%.100s\" is not supported here", tag);
  if (strcmp(tag, "!reset") == 0 || strcmp(tag, "!override") == 0) {
    return si_stack_hint(l->r, "remove the tag: no file before this one has anything to change");
  }
  return si_stack_hint(l->r, "remove the tag; `!!str` is there to make a number text");
}

/* `!reset` and `!override`, where a file stands before this one. */
static enum si_yaml_mark mark_of(const struct loader *l, const yaml_char_t *tag) {
  if (!tag || l->file == 0) {
    return SI_YAML_PLAIN;
  }
  return strcmp((const char *)tag, "!reset") == 0      ? SI_YAML_RESET
         : strcmp((const char *)tag, "!override") == 0 ? SI_YAML_OVERRIDE
                                                       : SI_YAML_PLAIN;
}

static si_rc scalar_type(struct loader *l, const yaml_event_t *event, const char *text,
                         enum si_scalar *type) {
  static const struct {
    const char *tag;
    enum si_scalar type;
  } tags[] = {{TAG("str"), SI_SCALAR_TEXT},
              {TAG("null"), SI_SCALAR_NULL},
              {TAG("bool"), SI_SCALAR_BOOL},
              {TAG("int"), SI_SCALAR_INT},
              {TAG("float"), SI_SCALAR_FLOAT}};
  const char *tag = (const char *)event->data.scalar.tag;
  bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
  enum si_scalar resolved = si_scalar_resolve(text);
  if (!tag || mark_of(l, event->data.scalar.tag) != SI_YAML_PLAIN) {
    *type = plain ? resolved : SI_SCALAR_TEXT;
    return SI_OK;
  }
  for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
    if (strcmp(tag, tags[i].tag) != 0) {
      continue;
    }
    bool fits = tags[i].type == SI_SCALAR_TEXT || tags[i].type == resolved ||
                (tags[i].type == SI_SCALAR_FLOAT && resolved == SI_SCALAR_INT);
    if (!fits) {
      return fail_yaml(l, event, "the value is not what its tag says");
    }
    *type = tags[i].type;
    return SI_OK;
  }
  return refuse_tag(l, event, tag);
}

static si_rc read_scalar(struct loader *l, const yaml_event_t *event,
                         const struct si_yaml_node **out) {
  const char *value = (const char *)event->data.scalar.value;
  size_t len = event->data.scalar.length;
  size_t anchor;
  si_rc status = weigh(l, event, 1, len);
  if (status != SI_OK) {
    return status;
  }
  if (memchr(value, '\0', len)) {
    return fail_yaml(l, event, "a NUL character stands in a value");
  }
  struct si_yaml_node *node = new_node(l, event, SI_YAML_SCALAR);
  if (!node || !(node->text = strndup(value, len))) {
    return si_stack_nomem(l->r);
  }
  node->nodes = 1;
  node->bytes = len;
  node->mark = mark_of(l, event->data.scalar.tag);
  status = scalar_type(l, event, node->text, &node->type);
  status = status == SI_OK ? open_anchor(l, event->data.scalar.anchor, &anchor) : status;
  if (status == SI_OK) {
    close_anchor(l, anchor, node);
    *out = node;
  }
  return status;
}

/* --- lists and maps --- */

static si_rc read_node(struct loader *l, const yaml_event_t *event, unsigned depth,
                       const struct si_yaml_node **out);

static si_rc read_key(struct loader *l, const yaml_event_t *event, unsigned depth,
                      struct si_yaml_entry *entry, bool *merge) {
  const struct si_yaml_node *key = NULL;
  bool plain =
      event->type == YAML_SCALAR_EVENT && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
  si_rc status = read_node(l, event, depth, &key);
  if (status != SI_OK) {
    return status;
  }
  if (!key || key->kind != SI_YAML_SCALAR || !key->text[0] || key->bytes > SI_YAML_KEY) {
    return fail_yaml(l, event, "a key must be text of 1 to 1024 bytes");
  }
  *merge = plain && strcmp(key->text, "<<") == 0;
  entry->key = key->text;
  entry->line = SI_LINE(l->file, event->start_mark.line + 1);
  return SI_OK;
}

static si_rc read_entries(struct loader *l, unsigned depth, struct si_yaml_node *node,
                          struct si_yaml_entry *merge) {
  bool map = node->kind == SI_YAML_MAP;
  size_t room = 0;
  for (;;) {
    yaml_event_t event SI_AUTO(yaml_event_delete) = {0};
    yaml_event_t second SI_AUTO(yaml_event_delete) = {0};
    const yaml_event_t *value = map ? &second : &event;
    struct si_yaml_entry entry = {0};
    bool merges = false;
    si_rc status = next_event(l, &event);
    if (status == SI_OK && event.type == (map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT)) {
      return SI_OK;
    }
    if (map) {
      status = status == SI_OK ? read_key(l, &event, depth, &entry, &merges) : status;
      status = status == SI_OK ? next_event(l, &second) : status;
    }
    status = status == SI_OK ? read_node(l, value, depth, &entry.value) : status;
    if (status == SI_OK) {
      entry.line = map ? entry.line : SI_LINE(l->file, value->start_mark.line + 1);
      status = !merges        ? si_yaml_add(l->r, node, entry, &room)
               : merge->value ? si_yaml_merges_once(l->r, &entry, merge)
                              : SI_OK;
      *merge = merges ? entry : *merge;
    }
    if (status != SI_OK) {
      return status;
    }
  }
}

static si_rc read_collection(struct loader *l, const yaml_event_t *event, unsigned depth,
                             const struct si_yaml_node **out) {
  bool map = event->type == YAML_MAPPING_START_EVENT;
  const yaml_char_t *tag = map ? event->data.mapping_start.tag : event->data.sequence_start.tag;
  const yaml_char_t *name =
      map ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
  size_t nodes = l->nodes, bytes = l->bytes, anchor;
  if (depth >= SI_YAML_DEPTH) {
    return fail_at(l, "STACK_TOO_LARGE", event->start_mark.line + 1,
                   "the file is nested more than 64 levels deep");
  }
  enum si_yaml_mark mark = mark_of(l, tag);
  if (tag && mark == SI_YAML_PLAIN &&
      strcmp((const char *)tag, map ? TAG("map") : TAG("seq")) != 0) {
    return refuse_tag(l, event, (const char *)tag);
  }
  si_rc status = weigh(l, event, 1, 0);
  status = status == SI_OK ? open_anchor(l, name, &anchor) : status;
  if (status != SI_OK) {
    return status;
  }
  struct si_yaml_node *node = new_node(l, event, map ? SI_YAML_MAP : SI_YAML_LIST);
  if (!node) {
    return si_stack_nomem(l->r);
  }
  node->mark = mark;
  struct si_yaml_entry merge = {0};
  status = read_entries(l, depth + 1, node, &merge);
  status = status == SI_OK && map ? si_yaml_keys_once(l->r, node) : status;
  status = status == SI_OK && merge.value ? si_yaml_merge(l->r, node, &merge) : status;
  if (status == SI_OK) {
    node->nodes = l->nodes - nodes;
    node->bytes = l->bytes - bytes;
    close_anchor(l, anchor, node);
    *out = node;
  }
  return status;
}

static si_rc read_node(struct loader *l, const yaml_event_t *event, unsigned depth,
                       const struct si_yaml_node **out) {
  switch (event->type) {
    case YAML_SCALAR_EVENT: return read_scalar(l, event, out);
    case YAML_ALIAS_EVENT: return read_alias(l, event, depth, out);
    case YAML_MAPPING_START_EVENT:
    case YAML_SEQUENCE_START_EVENT: return read_collection(l, event, depth, out);
    default: return fail_yaml(l, event, "a value was expected");
  }
}

/* --- the stream --- */

static si_rc expect(struct loader *l, yaml_event_type_t type, const char *otherwise) {
  yaml_event_t event SI_AUTO(yaml_event_delete) = {0};
  si_rc status = next_event(l, &event);
  return status == SI_OK && event.type != type ? fail_yaml(l, &event, otherwise) : status;
}

static si_rc read_stream(struct loader *l, const struct si_yaml_node **root) {
  yaml_event_t event SI_AUTO(yaml_event_delete) = {0};
  si_rc status = expect(l, YAML_STREAM_START_EVENT, "a stream was expected");
  status = status == SI_OK ? expect(l, YAML_DOCUMENT_START_EVENT, "the file is empty") : status;
  status = status == SI_OK ? next_event(l, &event) : status;
  status = status == SI_OK ? read_node(l, &event, 0, root) : status;
  status =
      status == SI_OK ? expect(l, YAML_DOCUMENT_END_EVENT, "the document does not end") : status;
  return status == SI_OK
             ? expect(l, YAML_STREAM_END_EVENT, "a second document begins: a stack file holds one")
             : status;
}

si_rc si_yaml_parse(struct si_reading *r, size_t file, const char *text, size_t len,
                    struct si_yaml *out) {
  struct loader l = {.r = r, .file = file, .text = text};
  if (len > SI_YAML_BYTES) {
    return fail_at(&l, "STACK_TOO_LARGE", 1, "the file is larger than 1 MiB");
  }
  if (!yaml_parser_initialize(&l.parser)) {
    return si_stack_nomem(r);
  }
  /* Said outright: left to itself, libyaml would take UTF-16 by its mark. UTF-8's it skips. */
  yaml_parser_set_encoding(&l.parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&l.parser, (const unsigned char *)(len ? text : ""), len);
  const struct si_yaml_node *root = NULL;
  si_rc status = read_stream(&l, &root);
  yaml_parser_delete(&l.parser);
  for (size_t i = 0; i < l.anchor_count; i++) {
    free(l.anchors[i].name);
  }
  free(l.anchors);
  struct si_yaml made = {root, l.made};
  if (status != SI_OK) {
    si_yaml_free(&made);
    return status;
  }
  *out = made;
  return SI_OK;
}

void si_yaml_free(struct si_yaml *yaml) {
  while (yaml->made) {
    struct si_yaml_node *node = yaml->made;
    yaml->made = node->made;
    free(node->text);
    free(node->entries);
    free(node);
  }
  yaml->root = NULL;
}
