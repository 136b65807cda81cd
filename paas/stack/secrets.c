/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/stack/secrets.h"

#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"
#include "paas/stack/document.h"
#include "paas/stack/expand.h"
#include "paas/stack/keys.h"
#include "paas/stack/value.h"

enum { CLAIMS_MOST = 50, CLAIM_NAME = 64 };

/* --- names --- */

static size_t name_length(const char *text) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
  size_t len = strspn(text, letters);
  return len > 0 && len <= SI_SECRET_KEY && !(text[0] >= '0' && text[0] <= '9') ? len : 0;
}

static si_rc check_name(struct si_reading *r, const struct si_place *place, const char *name) {
  size_t len = name_length(name);
  if (len > 0 && name[len] == '\0') {
    return SI_OK;
  }
  si_stack_invalid(r, place, "\"%.70s\" is no name of a secret", name);
  return si_stack_hint(r, "a name is A-Z 0-9 and _, at most %d, and does not begin with a digit",
                       SI_SECRET_KEY);
}

/* --- one declaration; `into` is its object --- */

static si_rc read_generate(struct si_reading *r, const struct si_yaml_node *value,
                           const struct si_place *place, void *into) {
  char *text SI_AUTO(si_text_free) = NULL;
  si_rc status = si_value_text(r, value, place, 0, &text);
  if (status == SI_OK && strcmp(text, "password") != 0 && strcmp(text, "jwt") != 0) {
    si_stack_invalid(r, place, "\"%.40s\" is nothing that can be generated", text);
    return si_stack_hint(r, "it is password or jwt; without `generate` the operator sets it");
  }
  return status == SI_OK ? si_put_text(r, into, "generate", text) : status;
}

static si_rc read_length(struct si_reading *r, const struct si_yaml_node *value,
                         const struct si_place *place, void *into) {
  uint64_t length = 0;
  si_rc status = si_value_count(r, value, place, SI_PASSWORD_LEAST, SI_PASSWORD_MOST, &length);
  return status == SI_OK ? si_put_number(r, into, "length", length) : status;
}

static si_rc read_signer(struct si_reading *r, const struct si_yaml_node *value,
                         const struct si_place *place, void *into) {
  char *text SI_AUTO(si_text_free) = NULL;
  si_rc status = si_value_text(r, value, place, 0, &text);
  status = status == SI_OK ? check_name(r, place, text) : status;
  return status == SI_OK ? si_put_text(r, into, "key", text) : status;
}

static si_rc read_expires(struct si_reading *r, const struct si_yaml_node *value,
                          const struct si_place *place, void *into) {
  char *text SI_AUTO(si_text_free) = NULL;
  char moment[40];
  int64_t ms = 0;
  si_rc status = si_value_text(r, value, place, 0, &text);
  if (status != SI_OK) {
    return status;
  }
  snprintf(moment, sizeof moment, "%.16sT00:00:00.000Z", text);
  if (strlen(text) != 10 || si_time_parse(moment, &ms) != SI_OK) {
    si_stack_invalid(r, place, "\"%.40s\" is no date", text);
    return si_stack_hint(r, "write the day on which it ends, such as \"2036-01-31\"");
  }
  return si_put_text(r, into, "expires", text);
}

static si_rc put_claim(struct si_reading *r, const struct si_yaml_node *value,
                       const struct si_place *place, cJSON *claims) {
  char *text SI_AUTO(si_text_free) = NULL;
  uint64_t number = 0;
  if (value->kind == SI_YAML_SCALAR && value->type == SI_SCALAR_BOOL) {
    bool flag = false;
    si_rc status = si_value_flag(r, value, place, &flag);
    return status == SI_OK ? si_put_flag(r, claims, place->key, flag) : status;
  }
  if (value->kind == SI_YAML_SCALAR && value->type != SI_SCALAR_TEXT && !si_is_null(value)) {
    si_rc status = si_value_count(r, value, place, 0, 1ull << 53, &number);
    return status == SI_OK ? si_put_number(r, claims, place->key, number) : status;
  }
  si_rc status = si_value_text(r, value, place, SI_TEXT_EMPTY, &text);
  return status == SI_OK ? si_put_text(r, claims, place->key, text) : status;
}

static si_rc read_claims(struct si_reading *r, const struct si_yaml_node *value,
                         const struct si_place *place, void *into) {
  cJSON *claims = NULL;
  si_rc status = si_kind_check(r, value, place, SI_YAML_MAP);
  if (status == SI_OK && value->count > CLAIMS_MOST) {
    return si_stack_fail(r, "STACK_TOO_LARGE", place, "has more than %d members", CLAIMS_MOST);
  }
  status = status == SI_OK ? si_put_object(r, into, "claims", &claims) : status;
  for (size_t i = 0; status == SI_OK && i < value->count; i++) {
    struct si_place at = si_place_of(place, value, i);
    size_t len = strlen(at.key);
    if (len == 0 || len > CLAIM_NAME) {
      return si_stack_invalid(r, &at, "\"%.70s\" is no name of a claim", at.key);
    }
    if (strcmp(at.key, "exp") == 0) {
      si_stack_invalid(r, &at, "cannot be given here");
      return si_stack_hint(r, "say `expires: \"2036-01-31\"` beside `claims`");
    }
    status = put_claim(r, value->entries[i].value, &at, claims);
  }
  return status;
}

static bool generates(const cJSON *secret, const char *what) {
  const char *text = si_json_str(secret, "generate");
  return text ? what && strcmp(text, what) == 0 : !what;
}

/* Each way to come by a secret has its own members. */
static si_rc check_members(struct si_reading *r, const struct si_place *place, cJSON *secret) {
  static const char *const of_jwt[] = {"key", "claims", "expires"};
  bool jwt = generates(secret, "jwt");
  if (!generates(secret, "password") && si_json_get(secret, "length")) {
    return si_stack_invalid(r, place, "has a `length`, which only `generate: password` takes");
  }
  for (size_t i = 0; !jwt && i < sizeof of_jwt / sizeof *of_jwt; i++) {
    if (si_json_get(secret, of_jwt[i])) {
      return si_stack_invalid(r, place, "has `%s`, which only `generate: jwt` takes", of_jwt[i]);
    }
  }
  if (jwt && !si_json_get(secret, "key")) {
    si_stack_invalid(r, place, "has no `key`");
    return si_stack_hint(r, "name the secret of this map that signs it");
  }
  if (generates(secret, "password") && !si_json_get(secret, "length")) {
    return si_put_number(r, secret, "length", SI_PASSWORD_LENGTH);
  }
  if (jwt && !si_json_get(secret, "claims")) {
    cJSON *none = NULL;
    return si_put_object(r, secret, "claims", &none);
  }
  return SI_OK;
}

static si_rc read_secret(struct si_reading *r, const struct si_yaml_node *value,
                         const struct si_place *place) {
  static const struct si_key known[] = {{"generate", read_generate},
                                        {"length", read_length},
                                        {"key", read_signer},
                                        {"claims", read_claims},
                                        {"expires", read_expires}};
  static const struct si_refused_key refused[] = {
      {"value", "a stack file holds no secrets: set it with `si paas secret set`"}};
  static const struct si_keys keys = {known, sizeof known / sizeof *known, refused,
                                      sizeof refused / sizeof *refused};
  cJSON *secret = NULL;
  if (value->kind == SI_YAML_SCALAR && !si_is_null(value)) {
    si_stack_invalid(r, place, "must be a map, or empty");
    return si_stack_hint(r, "a stack file holds no secrets: set it with `si paas secret set`");
  }
  si_rc status = check_name(r, place, place->key);
  status = status == SI_OK ? si_add_object(r, r->secrets, &secret) : status;
  status = status == SI_OK ? si_put_text(r, secret, "name", place->key) : status;
  if (status == SI_OK && !si_is_null(value)) {
    status = si_keys_read(r, value, place, &keys, secret);
  }
  return status == SI_OK ? check_members(r, place, secret) : status;
}

/* --- the map --- */

static const cJSON *find(const cJSON *secrets, const char *name, size_t len) {
  const cJSON *each;
  cJSON_ArrayForEach(each, secrets) {
    const char *known = si_json_str(each, "name");
    if (strlen(known) == len && memcmp(known, name, len) == 0) {
      return each;
    }
  }
  return NULL;
}

static si_rc check_signer(struct si_reading *r, const struct si_place *place) {
  const char *key = si_json_str(find(r->secrets, place->key, strlen(place->key)), "key");
  const cJSON *signer = key ? find(r->secrets, key, strlen(key)) : NULL;
  if (key && !signer) {
    si_stack_fail(r, "STACK_REFERENCE", place, "is signed with %s, which is not declared", key);
    return si_stack_hint(r, "declare it beside: %s: {generate: password}", key);
  }
  if (signer && generates(signer, "jwt")) {
    return si_stack_fail(r, "STACK_REFERENCE", place, "is signed with %s, which is a jwt itself",
                         key);
  }
  return SI_OK;
}

si_rc si_secrets_read(struct si_reading *r, const struct si_yaml_node *value,
                      const struct si_place *place) {
  if (si_is_null(value)) {
    return SI_OK;
  }
  si_rc status = si_kind_check(r, value, place, SI_YAML_MAP);
  r->secret_names = status == SI_OK ? value : NULL;
  if (status == SI_OK && value->count > SI_STACK_SECRETS) {
    return si_stack_fail(r, "STACK_TOO_LARGE", place, "has more than %d members", SI_STACK_SECRETS);
  }
  bool failed = false;
  for (size_t i = 0; status == SI_OK && i < value->count; i++) {
    struct si_place at = si_place_of(place, value, i);
    status = si_stack_go_on(r, read_secret(r, value->entries[i].value, &at), &failed);
  }
  for (size_t i = 0; status == SI_OK && !failed && i < value->count; i++) {
    struct si_place at = si_place_of(place, value, i);
    status = si_stack_go_on(r, check_signer(r, &at), &failed);
  }
  status = si_stack_came_to(status, failed);
  return status == SI_OK ? si_list_sort(r, r->secrets, "name") : status;
}

/* --- values --- */

bool si_secret_declared(const struct si_reading *r, const char *name) {
  return r->secret_names && si_yaml_find(r->secret_names, name);
}

si_rc si_secrets_put(struct si_reading *r, const struct si_place *place, cJSON *object,
                     const char *key, const char *text) {
  cJSON *parts SI_AUTO(si_json_free) = cJSON_CreateArray();
  si_rc status = parts ? si_expand_parts(r, place, text, parts) : si_stack_nomem(r);
  if (status != SI_OK) {
    return status;
  }
  if (!parts->child) {
    return si_put_text(r, object, key, "");
  }
  if (!parts->child->next && cJSON_IsString(parts->child)) {
    return si_put_text(r, object, key, parts->child->valuestring);
  }
  if (!cJSON_AddItemToObject(object, key, parts)) {
    return si_stack_nomem(r);
  }
  parts = NULL;
  return SI_OK;
}
