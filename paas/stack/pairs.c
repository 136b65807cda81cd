/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "kit/base/json.h"
#include "paas/stack/document.h"
#include "paas/stack/literal.h"
#include "paas/stack/parts.h"
#include "paas/stack/plain.h"
#include "paas/stack/secrets.h"
#include "paas/stack/value.h"

enum { PAIRS_MOST = 1000 };

/* What `environment` and `labels` share: a map, or a list of `KEY=value`. */
struct pairs {
  const char *member;
  si_rc (*check_key)(struct si_reading *r, const struct si_place *place, const char *key);
  bool bare;                      /* a key without a value means "" */
  bool secrets;                   /* a value can stand for a secret */
  const struct si_service *plain; /* none can, and what looks like one is found; or NULL */
};

static si_rc check_variable(struct si_reading *r, const struct si_place *place, const char *key) {
  bool ok = key[0] != '\0';
  for (const char *p = key; *p; p++) {
    ok = ok && (unsigned char)*p > 0x20 && *p != 0x7F && *p != '=';
  }
  return ok ? SI_OK : si_stack_invalid(r, place, "\"%.70s\" is no name of a variable", key);
}

static si_rc check_label(struct si_reading *r, const struct si_place *place, const char *key) {
  if (!key[0]) {
    return si_stack_invalid(r, place, "has an empty key");
  }
  if (strncmp(key, "si.", 3) == 0) {
    si_stack_invalid(r, place, "\"%.70s\" begins with `si.`", key);
    return si_stack_hint(r, "labels that begin with `si.` are how si knows what belongs to it");
  }
  return SI_OK;
}

si_rc si_refuse_literal(struct si_reading *r, const struct si_place *place, const char *name) {
  si_stack_fail(r, "STACK_SECRET", place, "sets %.70s to what looks like a secret, in plain text",
                name);
  return si_stack_hint(
      r,
      "declare it at the top of the file, `x-si-secrets: {NAME: {generate: "
      "password}}`, or `{NAME: }` and set it with `si paas secret set`; here write "
      "\"${NAME}\"");
}

/* The document is kept as it is, in the state store and in runpacks: it must hold no secret. */
static si_rc check_literal(struct si_reading *r, const struct si_place *place, const char *key,
                           const cJSON *value) {
  const char *text = cJSON_GetStringValue(value);
  return text && si_tells_secret(key, text) ? si_refuse_literal(r, place, key) : SI_OK;
}

static si_rc put_pair(struct si_reading *r, const struct pairs *kind, cJSON *object,
                      const struct si_place *place, const char *key, const char *value) {
  si_rc status = kind->check_key(r, place, key);
  if (status == SI_OK && kind->plain) {
    status = si_plain_label(r, place, kind->plain, key, value);
  }
  if (status != SI_OK || !kind->secrets) {
    return status == SI_OK ? si_put_text(r, object, key, value) : status;
  }
  status = si_secrets_put(r, place, object, key, value);
  return status == SI_OK ? check_literal(r, place, key, si_json_get(object, key)) : status;
}

static unsigned flags_of(const struct pairs *kind, unsigned flags) {
  return kind->secrets ? flags | SI_TEXT_DOLLARS : flags;
}

static si_rc no_value(struct si_reading *r, const struct si_place *place) {
  si_stack_invalid(r, place, "has no value, and si takes none from its own environment");
  return si_stack_hint(r, "give it a value; \"\" is one, and \"${NAME}\" is that of a variable");
}

static si_rc read_member(struct si_reading *r, const struct pairs *kind, cJSON *object,
                         const struct si_yaml_node *value, const struct si_place *place) {
  char *text SI_AUTO(si_text_free) = NULL;
  if (si_is_null(value)) {
    return kind->bare ? put_pair(r, kind, object, place, place->key, "") : no_value(r, place);
  }
  si_rc status =
      si_value_text(r, value, place, flags_of(kind, SI_TEXT_NUMBERS | SI_TEXT_EMPTY), &text);
  return status == SI_OK ? put_pair(r, kind, object, place, place->key, text) : status;
}

static si_rc read_item(struct si_reading *r, const struct pairs *kind, cJSON *object,
                       const struct si_yaml_node *value, const struct si_place *place) {
  char *text SI_AUTO(si_text_free) = NULL;
  si_rc status = si_value_text(r, value, place, flags_of(kind, 0), &text);
  if (status != SI_OK) {
    return status;
  }
  char *equals = strchr(text, '=');
  if (!equals && !kind->bare) {
    return no_value(r, place);
  }
  if (equals) {
    *equals = '\0';
  }
  if (kind->secrets && strchr(text, '$')) {
    return si_stack_invalid(r, place, "uses `$` in the name of a variable");
  }
  /* A map cannot name a key twice, a list can. */
  if (cJSON_GetObjectItemCaseSensitive(object, text)) {
    return si_stack_invalid(r, place, "sets \"%.70s\" a second time", text);
  }
  return put_pair(r, kind, object, place, text, equals ? equals + 1 : "");
}

static si_rc read_pairs(struct si_reading *r, const struct si_yaml_node *node,
                        const struct si_place *place, const struct pairs *kind,
                        const struct si_service *service) {
  cJSON *object = NULL;
  bool failed = false;
  if (node->kind == SI_YAML_SCALAR) {
    return si_stack_invalid(r, place, "must be a map, or a list of `KEY=value`");
  }
  if (node->count > PAIRS_MOST) {
    return si_stack_fail(r, "STACK_TOO_LARGE", place, "has more than %d members", PAIRS_MOST);
  }
  si_rc status = si_put_object(r, service->json, kind->member, &object);
  for (size_t i = 0; status == SI_OK && i < node->count; i++) {
    struct si_place at = si_place_of(place, node, i);
    const struct si_yaml_node *value = node->entries[i].value;
    status = node->kind == SI_YAML_MAP ? read_member(r, kind, object, value, &at)
                                       : read_item(r, kind, object, value, &at);
    status = si_stack_go_on(r, status, &failed);
  }
  return si_stack_came_to(status, failed);
}

si_rc si_read_environment(struct si_reading *r, const struct si_yaml_node *value,
                          const struct si_place *place, void *into) {
  static const struct pairs kind = {"environment", check_variable, false, true, NULL};
  return read_pairs(r, value, place, &kind, into);
}

si_rc si_read_labels(struct si_reading *r, const struct si_yaml_node *value,
                     const struct si_place *place, void *into) {
  const struct pairs kind = {"labels", check_label, true, false, into};
  return read_pairs(r, value, place, &kind, into);
}

si_rc si_read_sysctls(struct si_reading *r, const struct si_yaml_node *value,
                      const struct si_place *place, void *into) {
  static const struct pairs kind = {"sysctls", si_check_sysctl, false, false, NULL};
  return read_pairs(r, value, place, &kind, into);
}
