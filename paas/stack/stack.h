/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/stack/stack.h - reads a compose file and normalises it to the one document that providers
 * see (`si.stack/1`, canonical JSON; docs/stack-file.md). Depends on libyaml and sdk/kit/base.
 *
 * Strict: what is not supported is an error that names the key and the line, never ignored.
 * Bounded: 1 MiB of text, depth 64, 10,000 nodes, and 64 aliases, which count as the nodes and the
 * text that they stand for; 100 services, 1,024 published ports. Pure: the same bytes give the same
 * document, and so does the same content in another order of keys. Thread-safe.
 *
 * Errors: SI_E_INVALID with code STACK_TOO_LARGE, STACK_YAML, STACK_UNSUPPORTED_KEY, STACK_INVALID
 * or STACK_REFERENCE, stage "stack", target "stack.yaml:12"; STACK_UNREADABLE with errno's status
 * and the file alone as target. What a message quotes of the file holds no control character.
 */
#ifndef SI_PAAS_STACK_STACK_H
#define SI_PAAS_STACK_STACK_H

#include "kit/base/json.h"

struct si_stack {
  char *json;      /* canonical si.stack/1, ended by NUL */
  size_t len;      /* of json */
  char sha256[65]; /* of json: the spec hash */
};

/* `name` stands in messages ("stack.yaml:12: ..."). The stack is the caller's to free. */
si_rc si_stack_parse(const char *name, const char *text, size_t len, struct si_stack *out,
                     struct si_error *error) SI_MUST_USE;
/* Reads the file (a regular one, at most 1 MiB; symbolic links are followed) and parses it. */
si_rc si_stack_load(const char *path, struct si_stack *out, struct si_error *error) SI_MUST_USE;
void si_stack_free(struct si_stack *stack);

#endif
