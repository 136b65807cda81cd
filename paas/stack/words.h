/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/stack/words.h - splits a command line into words as a shell would: blanks and newlines part,
 * '...' and "..." join, a backslash takes the next character as it is (inside "..." only before
 * " \ $ `). Nothing is expanded; what a shell would act on (| & ; < > ( ) `), unquoted, is refused,
 * because no shell runs here. Depends on cJSON.
 */
#ifndef SI_PAAS_STACK_WORDS_H
#define SI_PAAS_STACK_WORDS_H

#include "kit/base/json.h"

/* Appends the words to `list`. SI_E_INVALID: *why says what is wrong, the list holds what came
 * before it. SI_E_NOMEM. */
si_rc si_words_split(const char *text, cJSON *list, const char **why) SI_MUST_USE;

#endif
