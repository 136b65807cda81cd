/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/net/xml.h"

#include <expat.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "kit/base/buf.h"

struct reading {
  XML_Parser parser;
  si_xml_each each;
  void *ctx;
  char path[SI_XML_PATH];
  size_t depth;
  size_t elements;
  struct si_buf text; /* of the element that is open */
  bool parent;        /* it has children: their texts are gone already */
  si_rc status;
  const char *why;
};

static void stop(struct reading *r, si_rc status, const char *why) {
  if (r->status == SI_OK) {
    r->status = status;
    r->why = why;
    XML_StopParser(r->parser, XML_FALSE);
  }
}

static void XMLCALL on_doctype(void *data, const char *name, const char *system, const char *public,
                               int internal) {
  (void)name;
  (void)system;
  (void)public;
  (void)internal;
  stop(data, SI_E_CORRUPT, "it declares a document type");
}

static void XMLCALL on_start(void *data, const char *name, const char **attributes) {
  struct reading *r = data;
  size_t at = strlen(r->path);
  size_t len = strlen(name);
  (void)attributes;
  if (r->status != SI_OK) {
    return; /* expat may call once more after it was stopped */
  }
  if (++r->elements > SI_XML_ELEMENTS) {
    stop(r, SI_E_CORRUPT, "it has too many elements");
  } else if (++r->depth > SI_XML_DEPTH) {
    stop(r, SI_E_CORRUPT, "its elements lie too deep");
  } else if (len + 2 > sizeof r->path - at || strchr(name, '/')) {
    stop(r, SI_E_CORRUPT, "an element's name is too long");
  } else {
    if (at > 0) {
      r->path[at++] = '/';
    }
    memcpy(r->path + at, name, len + 1);
    si_buf_clear(&r->text);
    r->parent = false;
  }
}

static void XMLCALL on_text(void *data, const char *text, int len) {
  struct reading *r = data;
  if (r->status == SI_OK && !r->parent) {
    si_rc status = si_buf_add(&r->text, text, (size_t)len);
    if (status != SI_OK) {
      stop(r, status == SI_E_NOMEM ? status : SI_E_CORRUPT, "a text is too long");
    }
  }
}

static void XMLCALL on_end(void *data, const char *name) {
  struct reading *r = data;
  (void)name;
  if (r->status != SI_OK) {
    return;
  }
  si_rc status =
      r->each(r->ctx, r->path, r->parent ? "" : si_buf_text(&r->text), r->parent ? 0 : r->text.len);
  if (status != SI_OK) {
    stop(r, status, "its content makes no sense");
  }
  char *slash = strrchr(r->path, '/');
  *(slash ? slash : r->path) = '\0';
  r->depth--;
  r->parent = true;
  si_buf_clear(&r->text);
}

si_rc si_xml_read(const char *text, size_t len, si_xml_each each, void *ctx, const char **why) {
  struct reading r = {.each = each, .ctx = ctx, .text = SI_BUF(SI_XML_TEXT)};
  r.parser = XML_ParserCreate("UTF-8");
  if (!r.parser) {
    return SI_E_NOMEM;
  }
  XML_SetUserData(r.parser, &r);
  XML_SetElementHandler(r.parser, on_start, on_end);
  XML_SetCharacterDataHandler(r.parser, on_text);
  XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
  if (len > INT_MAX) {
    stop(&r, SI_E_CORRUPT, "it is too long");
  } else if (XML_Parse(r.parser, text, (int)len, 1) != XML_STATUS_OK && r.status == SI_OK) {
    bool memory = XML_GetErrorCode(r.parser) == XML_ERROR_NO_MEMORY;
    r.status = memory ? SI_E_NOMEM : SI_E_CORRUPT;
    r.why = "it is not well-formed";
  }
  XML_ParserFree(r.parser);
  si_buf_free(&r.text);
  if (r.status != SI_OK && why) {
    *why = r.why ? r.why : "out of memory";
  }
  return r.status;
}
