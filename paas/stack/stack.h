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
 * Errors: SI_E_INVALID with code STACK_TOO_LARGE, STACK_YAML, STACK_UNSUPPORTED_KEY, STACK_INVALID,
 * STACK_SECRET, STACK_VARIABLE, STACK_REFERENCE or STACK_ADDON_* (addon.h), stage "stack", target
 * "stack.yaml:12"; STACK_UNREADABLE with errno's status and the file alone as target. What a
 * message quotes of the file holds no control character. One failure does not hide another where
 * they are independent: the first is the error, the others' messages are the lines of its detail.
 */
#ifndef SI_PAAS_STACK_STACK_H
#define SI_PAAS_STACK_STACK_H

#include "kit/base/json.h"

enum { SI_STACK_FILES = 16 /* one stack is made of */ };

struct si_stack {
  char *json;      /* canonical si.stack/1, ended by NUL */
  size_t len;      /* of json */
  char sha256[65]; /* of json: the spec hash */
  cJSON *findings; /* what a guard may mind (guard.h), or NULL: {"rule","service","target",
                    * "message","remediation"} each; owned */
};

/* A text of its own, for which no variable is set. `name` stands in messages ("stack.yaml:12:
 * ..."). The stack is the caller's to free. */
si_rc si_stack_parse(const char *name, const char *text, size_t len, struct si_stack *out,
                     struct si_error *error) SI_MUST_USE;

/* A pack's fragment, put beside what the files say (paas/stack/addon.h). */
struct si_stack_addon {
  const char *file; /* in messages: "addons/redis/stack.yaml" */
  const char *text;
  size_t len;
  const cJSON *pack;     /* its descriptor, si.addon/1 (paas/addon/pack.h), which was checked */
  const cJSON *settings; /* {"NAME":"value"} of those that are not as by default, checked too */
};
enum { SI_STACK_ADDONS = 16 /* of one stack */ };

struct si_stack_request {
  const char *const *files; /* each put over those before it (merge.h) */
  size_t file_count;        /* 1 to SI_STACK_FILES */
  /* Where `${NAME}` is looked up: these, then the later of the files before the earlier one; where
   * no file is given, `.env` beside the first stack file, should it be there. */
  const char *const *variables; /* "NAME=value" */
  size_t variable_count;
  const char *const *env_files;
  size_t env_file_count;
  const char *const *profiles; /* whose services are run, besides those that have none; "*": all */
  size_t profile_count;
  const struct si_stack_addon *addons;
  size_t addon_count; /* at most SI_STACK_ADDONS */
};

/* All that is wrong with a stack, at most 100, in the order in which it was found. */
struct si_faults {
  struct si_error *list;
  size_t count;
};

/* Reads the files (as si_stack_load does each) and parses what they are together. `faults` may be
 * NULL; the caller frees them, after success too. It is empty where the status is not SI_E_INVALID.
 */
si_rc si_stack_read(const struct si_stack_request *request, struct si_stack *out,
                    struct si_faults *faults, struct si_error *error) SI_MUST_USE;
void si_faults_free(struct si_faults *faults);
/* Reads the file (a regular one, at most 1 MiB; symbolic links are followed) and parses it. */
si_rc si_stack_load(const char *path, struct si_stack *out, struct si_error *error) SI_MUST_USE;
void si_stack_free(struct si_stack *stack);

#endif
