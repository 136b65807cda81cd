/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/stack/document.h - puts members into the document under construction. Depends on
 * paas/stack/reading.h. Every function fails only where memory ends, and has then reported it.
 */
#ifndef SI_PAAS_STACK_DOCUMENT_H
#define SI_PAAS_STACK_DOCUMENT_H

#include "paas/stack/reading.h"

si_rc si_put_text(struct si_reading *r, cJSON *object, const char *key,
                  const char *text) SI_MUST_USE;
si_rc si_put_number(struct si_reading *r, cJSON *object, const char *key,
                    uint64_t number) SI_MUST_USE;
si_rc si_put_flag(struct si_reading *r, cJSON *object, const char *key, bool flag) SI_MUST_USE;
/* New containers inside `object`, which owns them. */
si_rc si_put_list(struct si_reading *r, cJSON *object, const char *key, cJSON **out) SI_MUST_USE;
si_rc si_put_object(struct si_reading *r, cJSON *object, const char *key, cJSON **out) SI_MUST_USE;
/* New items of `list`, which owns them. */
si_rc si_add_text(struct si_reading *r, cJSON *list, const char *text) SI_MUST_USE;
si_rc si_add_object(struct si_reading *r, cJSON *list, cJSON **out) SI_MUST_USE;

/* Is there an item whose text (`key` NULL), or whose member `key`, is `text`? */
bool si_list_has(const cJSON *list, const char *key, const char *text);
/* Puts the items in byte order of their text (`key` NULL) or of their member `key`. */
si_rc si_list_sort(struct si_reading *r, cJSON *list, const char *key) SI_MUST_USE;

#endif
