/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdk/conform/document.h - what a verb emits, and the documents that it is given.
 */
#ifndef SI_CONFORM_DOCUMENT_H
#define SI_CONFORM_DOCUMENT_H

#include "sdk/conform/host.h"

/* Receives one JSON text; zero before use, but for `answer`. */
struct document {
  cJSON *json;   /* the last one, an object; or NULL */
  size_t count;  /* how often emit was called */
  si_rc answer;  /* what emit returns */
  bool nonsense; /* one was no JSON object */
};
si_rc document_emit(void *ctx, const char *json, size_t len); /* an si_emit */
void document_free(struct document *document);                /* for SI_AUTO */
/* Exactly one JSON object came. `what` names the verb. */
void document_must_be(const struct document *document, const char *what);

/* A project of this check's own by its letter: 'a', 'b'. The process's own. */
const char *project_text(struct trial *t, char letter);
const char *project_id(struct trial *t, char letter);
const char *context_id(struct trial *t);

#endif
