/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/lifecycle/secrets.h"

#include <stdlib.h>
#include <string.h>

#include "kit/base/hash.h"
#include "kit/base/text.h"
#include "paas/lifecycle/secret_make.h"
#include "paas/redact/redact.h"
#include "paas/vault/vault.h"

enum { DOCUMENT_MAX = 8 << 20, NAMES_MAX = 600 };

struct si_life_secrets {
  struct si_vault *vault;
  char slug[64];
  cJSON *document; /* the bound stack */
};

void si_life_secrets_free(struct si_life_secrets **secrets) {
  if (*secrets) {
    si_vault_close((*secrets)->vault);
    cJSON_Delete((*secrets)->document);
    free(*secrets);
    *secrets = NULL;
  }
}

static const cJSON *declared(const struct si_life_secrets *secrets) {
  return si_json_get(secrets->document, "secrets");
}

static const cJSON *find(const struct si_life_secrets *secrets, const char *name) {
  const cJSON *each;
  cJSON_ArrayForEach(each, declared(secrets)) {
    const char *known = si_json_str(each, "name");
    if (known && strcmp(known, name) == 0) {
      return each;
    }
  }
  return NULL;
}

static si_rc no_memory(struct si_error *error) {
  return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: secrets of a stack");
}

/* --- what the operator has to set --- */

/* The names, as "A, B", of declared secrets that only the operator can set: those that the vault
 * lacks, or all of them where there is no vault. */
static const char *missing(const struct si_life_secrets *secrets, char names[NAMES_MAX]) {
  const cJSON *each;
  const char *first = NULL;
  names[0] = '\0';
  cJSON_ArrayForEach(each, declared(secrets)) {
    const char *name = si_json_str(each, "name");
    if (si_json_get(each, "generate") ||
        (secrets->vault && si_vault_revision(secrets->vault, secrets->slug, name) > 0)) {
      continue;
    }
    size_t have = strlen(names);
    if (have + strlen(name) + 8 < NAMES_MAX) {
      strncat(names, first ? ", " : "", NAMES_MAX - have - 1);
      strncat(names, name, NAMES_MAX - strlen(names) - 1);
    } else if (have < 4 || strcmp(names + have - 4, " ...") != 0) {
      strncat(names, " ...", NAMES_MAX - have - 1);
    }
    first = first ? first : name;
  }
  return first;
}

static si_rc refuse_missing(const struct si_life *life, const struct si_life_secrets *secrets,
                            struct si_error *error) {
  char names[NAMES_MAX];
  const char *first = missing(secrets, names);
  if (!first) {
    return SI_OK;
  }
  si_error_set(error, SI_E_NOT_FOUND, "SECRET_NOT_FOUND",
               "project %s needs secrets that the vault does not hold: %s", secrets->slug, names);
  si_error_target(error, "secrets", first);
  si_error_hint(error, "set each of them with: si paas --context %s secret set --app %s %s --stdin",
                life->context->name, secrets->slug, first);
  return SI_E_NOT_FOUND;
}

/* The vault's own error, and for whom it is needed. */
static si_rc without_vault(const struct si_life_secrets *secrets, si_rc status,
                           struct si_error *error) {
  char names[NAMES_MAX];
  if (error && strcmp(error->code, "VAULT_MISSING") == 0) {
    struct si_error why = *error;
    const char *first = missing(secrets, names);
    si_error_set(error, status, "VAULT_MISSING", "%.300s; project %s needs one%s%s", why.message,
                 secrets->slug, first ? ", and in it from the operator: " : "", names);
    si_error_target(error, "secrets", first ? first : why.target);
    si_error_hint(error, "%s", why.hint);
  }
  return status;
}

/* --- what is generated --- */

struct making {
  struct si_life_secrets *secrets;
  struct si_secret_value *values; /* room for every declared one */
  struct si_buf *bytes;           /* behind values[].value */
  size_t count;
};

static void making_free(struct making *making) {
  for (size_t i = 0; making->bytes && i < making->count; i++) {
    si_buf_free(&making->bytes[i]);
  }
  free(making->bytes);
  free(making->values);
}

static si_rc add(struct making *making, const char *name, struct si_buf *value) {
  size_t i = making->count++;
  making->bytes[i] = *value;
  *value = (struct si_buf)SI_SECRET_BUF(SI_SECRET_MAX);
  making->values[i] = (struct si_secret_value){.app = making->secrets->slug,
                                               .key = name,
                                               .value = making->bytes[i].data,
                                               .len = making->bytes[i].len,
                                               .origin = "generated"};
  return si_redact_remember(making->bytes[i].data, making->bytes[i].len);
}

struct signing {
  const cJSON *secret;
  struct si_buf *out;
};

static si_rc sign(void *ctx, const void *key, size_t len) {
  const struct signing *signing = ctx;
  return si_secret_jwt(si_json_get(signing->secret, "claims"),
                       si_json_str(signing->secret, "expires"), key, len, signing->out);
}

/* Signed with a secret that was made just now, or with one that the vault holds. */
static si_rc make_jwt(struct making *making, const cJSON *secret, struct si_buf *out,
                      struct si_error *error) {
  const char *key = si_json_str(secret, "key");
  struct signing signing = {secret, out};
  for (size_t i = 0; key && i < making->count; i++) {
    if (strcmp(making->values[i].key, key) == 0) {
      return sign(&signing, making->values[i].value, making->values[i].len);
    }
  }
  return si_vault_get(making->secrets->vault, making->secrets->slug, key ? key : "", &signing, sign,
                      error);
}

static si_rc make(struct making *making, const cJSON *secret, struct si_error *error) {
  struct si_buf value SI_AUTO(si_buf_free) = SI_SECRET_BUF(SI_SECRET_MAX);
  const char *name = si_json_str(secret, "name");
  const char *how = si_json_str(secret, "generate");
  struct si_error why = {.status = SI_OK};
  si_rc status =
      strcmp(how, "jwt") == 0
          ? make_jwt(making, secret, &value, &why)
          : si_secret_password((size_t)si_json_int(secret, "length", 16, 128, 32), &value);
  status = status == SI_OK ? add(making, name, &value) : status;
  if (status != SI_OK && error) {
    *error = why;
    if (why.status == SI_OK) {
      si_error_set(error, status, "SECRET_NOT_MADE", "the secret %s of project %s cannot be made",
                   name, making->secrets->slug);
    }
  }
  return status;
}

/* Those that the vault lacks, first the ones that others are signed with. */
static si_rc make_all(struct making *making, struct si_error *error) {
  si_rc status = SI_OK;
  for (int jwts = 0; jwts < 2; jwts++) {
    const cJSON *each;
    cJSON_ArrayForEach(each, declared(making->secrets)) {
      const char *how = si_json_str(each, "generate");
      bool jwt = how && strcmp(how, "jwt") == 0;
      if (status == SI_OK && how && jwt == (jwts == 1) &&
          si_vault_revision(making->secrets->vault, making->secrets->slug,
                            si_json_str(each, "name")) == 0) {
        status = make(making, each, error);
      }
    }
  }
  return status;
}

static si_rc generate(struct si_life_secrets *secrets, struct si_error *error) {
  size_t count = (size_t)cJSON_GetArraySize(declared(secrets));
  struct making making SI_AUTO(making_free) = {
      .secrets = secrets,
      .values = calloc(count + 1, sizeof *making.values),
      .bytes = calloc(count + 1, sizeof *making.bytes),
  };
  if (!making.values || !making.bytes) {
    return no_memory(error);
  }
  si_rc status = make_all(&making, error);
  return status == SI_OK && making.count
             ? si_vault_set_all(secrets->vault, making.values, making.count, error)
             : status;
}

/* --- binding --- */

static si_rc bind_value(const struct si_life_secrets *secrets, cJSON *value,
                        struct si_error *error) {
  cJSON *part;
  cJSON_ArrayForEach(part, value) {
    const char *name = si_json_str(part, "secret");
    cJSON *revision = cJSON_GetObjectItemCaseSensitive(part, "revision");
    if (!name) {
      continue;
    }
    if (!find(secrets, name) || !cJSON_IsNumber(revision)) {
      return si_error_set(error, SI_E_CORRUPT, "STACK_REFERENCE",
                          "the stack of project %s uses a secret that it does not declare, %.100s",
                          secrets->slug, name);
    }
    cJSON_SetNumberValue(revision, (double)si_vault_revision(secrets->vault, secrets->slug, name));
  }
  return SI_OK;
}

static si_rc bind_values(struct si_life_secrets *secrets, struct si_stack *bound,
                         struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(DOCUMENT_MAX);
  const cJSON *service;
  cJSON_ArrayForEach(service, si_json_get(secrets->document, "services")) {
    cJSON *environment = cJSON_GetObjectItemCaseSensitive(service, "environment");
    for (cJSON *each = environment ? environment->child : NULL; each; each = each->next) {
      si_rc status = cJSON_IsArray(each) ? bind_value(secrets, each, error) : SI_OK;
      if (status != SI_OK) {
        return status;
      }
    }
  }
  struct si_stack made = {.json = NULL};
  si_rc status = si_json_canonical(secrets->document, &text);
  status = status == SI_OK ? si_sha256_hex(text.data, text.len, made.sha256) : status;
  if (status != SI_OK) {
    return si_error_set(error, status, "STACK_TOO_LARGE", "the stack of project %s is too large",
                        secrets->slug);
  }
  made.json = text.data;
  made.len = text.len;
  text.data = NULL;
  *bound = made;
  return SI_OK;
}

static si_rc look_at_nothing(void *ctx, const void *value, size_t len) {
  (void)ctx, (void)value, (void)len;
  return SI_OK;
}

/* Whoever must give a passphrase gives it now: an identity that does not open the vault would else
 * be found out in the middle of the work. */
static si_rc try_identity(struct si_life_secrets *secrets, struct si_error *error) {
  return si_vault_get(secrets->vault, secrets->slug, si_json_str(declared(secrets)->child, "name"),
                      NULL, look_at_nothing, error);
}

static si_rc open_and_fill(struct si_life *life, struct si_life_secrets *secrets,
                           struct si_error *error) {
  si_rc status = si_vault_open(life->context, life->state, &secrets->vault, error);
  if (status != SI_OK) {
    return without_vault(secrets, status, error);
  }
  si_vault_asker(secrets->vault, life->ask, life->ask_ctx);
  status = refuse_missing(life, secrets, error);
  status = status == SI_OK ? generate(secrets, error) : status;
  status = status == SI_OK ? try_identity(secrets, error) : status;
  si_vault_unlock(secrets->vault);
  return status;
}

si_rc si_life_secrets_bind(struct si_life *life, const char *slug, const char *stack,
                           struct si_stack *bound, struct si_life_secrets **out,
                           struct si_error *error) {
  struct si_life_secrets *secrets SI_AUTO(si_life_secrets_free) = calloc(1, sizeof *secrets);
  if (!secrets) {
    return no_memory(error);
  }
  si_copy(secrets->slug, sizeof secrets->slug, slug);
  si_rc status = si_json_parse(stack, strlen(stack), &secrets->document, error);
  if (status != SI_OK || !cJSON_IsArray(declared(secrets)) || !declared(secrets)->child) {
    return status;
  }
  status = open_and_fill(life, secrets, error);
  status = status == SI_OK ? bind_values(secrets, bound, error) : status;
  if (status == SI_OK) {
    *out = secrets;
    secrets = NULL;
  }
  return status;
}

/* --- knowing them again --- */

struct remembering {
  struct si_vault *vault;
  struct si_error *error;
};

static si_rc remember_one(void *ctx, const struct si_secret *secret) {
  struct remembering *remembering = ctx;
  return si_vault_get(remembering->vault, secret->app, secret->key, NULL, look_at_nothing,
                      remembering->error);
}

static bool declares_any(const char *stack) {
  cJSON *document SI_AUTO(si_json_free) = NULL;
  return stack && (si_json_parse(stack, strlen(stack), &document, NULL) != SI_OK ||
                   cJSON_GetArraySize(si_json_get(document, "secrets")) > 0);
}

si_rc si_life_secrets_remember(struct si_life *life, const char *slug, const char *stack,
                               struct si_error *error) {
  struct remembering remembering = {.error = error};
  struct si_error why = {.status = SI_OK};
  si_rc status = si_vault_open(life->context, life->state, &remembering.vault, &why);
  if (status != SI_OK) {
    if (strcmp(why.code, "VAULT_MISSING") == 0 && !declares_any(stack)) {
      return SI_OK;
    }
    *error = why;
    return status;
  }
  si_vault_asker(remembering.vault, life->ask, life->ask_ctx);
  status = si_vault_list(remembering.vault, slug, &remembering, remember_one, error);
  si_vault_close(remembering.vault);
  return status;
}

/* --- lending --- */

/* Does a variable of a service stand for it? One that is declared to sign another with, say, is the
 * host's alone. */
static bool refers_to(const struct si_life_secrets *secrets, const char *name) {
  const cJSON *service, *value, *part;
  cJSON_ArrayForEach(service, si_json_get(secrets->document, "services")) {
    cJSON_ArrayForEach(value, si_json_get(service, "environment")) {
      const cJSON *parts = cJSON_IsArray(value) ? value : NULL;
      cJSON_ArrayForEach(part, parts) {
        const char *each = si_json_str(part, "secret");
        if (each && strcmp(each, name) == 0) {
          return true;
        }
      }
    }
  }
  return false;
}

si_rc si_life_secrets_lend(struct si_life_secrets *secrets, const char *name, void *use_ctx,
                           si_secret_use use, struct si_error *error) {
  if (!secrets) {
    return si_error_set(
        error, SI_E_REFUSED, SI_SECRET_NOT_REFERRED,
        "the provider asks for the secret \"%.100s\", and this operation lends none", name);
  }
  if (!refers_to(secrets, name)) {
    return si_error_set(error, SI_E_REFUSED, SI_SECRET_NOT_REFERRED,
                        "the provider asks for the secret \"%.100s\", which no service of the "
                        "stack refers to",
                        name);
  }
  return si_vault_get(secrets->vault, secrets->slug, name, use_ctx, use, error);
}
