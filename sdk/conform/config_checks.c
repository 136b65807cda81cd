/* SPDX-License-Identifier: Apache-2.0 */
/* The room config: what open() does with a configuration that is not right. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/conform/footprint.h"
#include "sdk/conform/host.h"
#include "sdk/conform/schema.h"

#define PLAIN "plain-5f1c-not-a-reference"

/* A call of open() that must fail with SI_E_INVALID, and give no instance. */
static const si_op *refused(struct trial *t, si_host *host, const char *config, const char *what) {
  static char other;
  si_instance *instance = (si_instance *)(void *)&other;
  si_op *op = op_begin(host);
  si_rc status = op_end(op, CALL(t->provider, open)(host->vt, host, op, config, &instance));
  demand(status == SI_E_INVALID,
         "open() with %s came to \"%s\" (%d), where SI_E_INVALID is demanded", what,
         si_status_text(status), status);
  demand(instance == (si_instance *)(void *)&other,
         "open() with %s failed, and wrote an instance all the same", what);
  return op;
}

static const char *printed(const cJSON *value) {
  static struct si_buf text = SI_BUF(2u << 20);
  si_buf_clear(&text);
  kit_needs(si_json_print(value, false, &text) == SI_OK, "no memory for a configuration");
  return si_buf_text(&text);
}

/* The configuration of this check, to be changed. */
static cJSON *base(struct trial *t) {
  cJSON *config = NULL;
  kit_needs(options_config(t->options, t->dir, &config) == SI_OK, "no memory");
  return config;
}

static const cJSON *properties(struct trial *t, cJSON **schema) {
  const char *why = NULL;
  *schema = schema_parse(t->provider->schema, &why);
  demand(*schema != NULL, "the schema %s", why);
  const cJSON *found = schema_properties(*schema);
  if (!found || !found->child) {
    skip_check("the provider has no settings");
  }
  return found;
}

static void no_json(struct trial *t) {
  static const char *const texts[] = {"{", "{\"a\":}", "nonsense", "{} {}", "{\"a\":1,}", "\xff"};
  si_host *host = host_new(t);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    refused(t, host, texts[i], "a text that is no JSON");
  }
}

static void no_object(struct trial *t) {
  static const char *const texts[] = {"[]", "null", "true", "1", "\"text\""};
  si_host *host = host_new(t);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    refused(t, host, texts[i], "JSON that is no object");
  }
}

static void unknown(struct trial *t) {
  si_host *host = host_new(t);
  cJSON *config = base(t);
  cJSON_AddStringToObject(config, "si-conform-none", "x");
  refused(t, host, printed(config), "a setting that the schema does not name");
}

/* The configuration with `value` (which it takes) under the property's name. */
static const char *with(struct trial *t, const cJSON *property, cJSON *value) {
  cJSON *config = base(t);
  cJSON_DeleteItemFromObjectCaseSensitive(config, property->string);
  cJSON_AddItemToObject(config, property->string, value);
  const char *text = printed(config);
  cJSON_Delete(config);
  return text;
}

static void types(struct trial *t) {
  cJSON *schema;
  const cJSON *property;
  si_host *host = host_new(t);
  cJSON_ArrayForEach(property, properties(t, &schema)) {
    char what[160];
    cJSON *wrong = schema_wrong_type(property);
    snprintf(what, sizeof what, "%.64s of a wrong type", property->string);
    if (wrong) {
      refused(t, host, with(t, property, wrong), what);
    }
  }
}

static void nulls(struct trial *t) {
  cJSON *schema;
  const cJSON *property;
  si_host *host = host_new(t);
  cJSON_ArrayForEach(property, properties(t, &schema)) {
    char what[160];
    snprintf(what, sizeof what, "%.64s null", property->string);
    if (si_json_str(property, "type") && strcmp(si_json_str(property, "type"), "null") != 0) {
      refused(t, host, with(t, property, cJSON_CreateNull()), what);
    }
  }
}

static void required(struct trial *t) {
  cJSON *schema;
  const cJSON *name;
  si_host *host = host_new(t);
  properties(t, &schema);
  size_t count = 0;
  cJSON_ArrayForEach(name, si_json_get(schema, "required")) {
    char what[160];
    cJSON *config = base(t);
    cJSON_DeleteItemFromObjectCaseSensitive(config, name->valuestring);
    snprintf(what, sizeof what, "no %.64s, which the schema requires,", name->valuestring);
    refused(t, host, printed(config), what);
    count++;
  }
  if (count == 0) {
    skip_check("the schema requires no setting");
  }
}

/* A number one beyond the bound; false where there is none of that name. */
static bool beyond(const cJSON *property, const char *bound, double by, double *out) {
  const cJSON *number = si_json_get(property, bound);
  if (!cJSON_IsNumber(number)) {
    return false;
  }
  *out = number->valuedouble + by;
  return true;
}

static void range(struct trial *t) {
  cJSON *schema;
  const cJSON *property;
  si_host *host = host_new(t);
  size_t count = 0;
  cJSON_ArrayForEach(property, properties(t, &schema)) {
    char what[160];
    double number;
    snprintf(what, sizeof what, "%.64s beyond its bounds", property->string);
    if (beyond(property, "minimum", -1, &number)) {
      refused(t, host, with(t, property, cJSON_CreateNumber(number)), what);
      count++;
    }
    if (beyond(property, "maximum", 1, &number) && number < 9e15) {
      refused(t, host, with(t, property, cJSON_CreateNumber(number)), what);
      count++;
    }
  }
  if (count == 0) {
    skip_check("no setting has a minimum or a maximum");
  }
}

static void fraction(struct trial *t) {
  cJSON *schema;
  const cJSON *property;
  si_host *host = host_new(t);
  size_t count = 0;
  cJSON_ArrayForEach(property, properties(t, &schema)) {
    char what[160];
    double number = 1;
    const char *type = si_json_str(property, "type");
    if (type && strcmp(type, "integer") == 0) {
      beyond(property, "minimum", 0, &number);
      snprintf(what, sizeof what, "%.64s with a fraction", property->string);
      refused(t, host, with(t, property, cJSON_CreateNumber(number + 0.5)), what);
      count++;
    }
  }
  if (count == 0) {
    skip_check("no setting is an integer");
  }
}

static void length(struct trial *t) {
  cJSON *schema;
  const cJSON *property;
  si_host *host = host_new(t);
  size_t count = 0;
  cJSON_ArrayForEach(property, properties(t, &schema)) {
    char what[160];
    int64_t most = si_json_int(property, "maxLength", 0, 1 << 20, -1);
    if (most < 0) {
      continue;
    }
    char *text = malloc((size_t)most + 2);
    kit_needs(text != NULL, "no memory");
    memset(text, 'a', (size_t)most + 1);
    text[0] = '/'; /* so that it is not only the beginning that is refused */
    text[most + 1] = '\0';
    snprintf(what, sizeof what, "%.64s longer than its maxLength", property->string);
    refused(t, host, with(t, property, cJSON_CreateString(text)), what);
    free(text);
    count++;
  }
  if (count == 0) {
    skip_check("no setting has a maxLength");
  }
}

static void enums(struct trial *t) {
  cJSON *schema;
  const cJSON *property;
  si_host *host = host_new(t);
  size_t count = 0;
  cJSON_ArrayForEach(property, properties(t, &schema)) {
    char what[160];
    if (cJSON_IsArray(si_json_get(property, "enum"))) {
      snprintf(what, sizeof what, "%.64s none of its enum", property->string);
      refused(t, host, with(t, property, cJSON_CreateString("si-conform-none")), what);
      count++;
    }
  }
  if (count == 0) {
    skip_check("no setting has an enum");
  }
}

/* As wrong input, or by a guard. */
static void plain_secret(struct trial *t) {
  cJSON *schema;
  const cJSON *property;
  si_host *host = host_new(t);
  size_t count = 0;
  cJSON_ArrayForEach(property, properties(t, &schema)) {
    if (schema_is_secret(property)) {
      si_instance *instance = NULL;
      si_rc status = open_with(t, host, with(t, property, cJSON_CreateString(PLAIN)), &instance);
      demand((status == SI_E_INVALID || status == SI_E_REFUSED) && host->asked[0] == '\0',
             "open() with a plain value, which is no \"vault:NAME\", under %.64s came to \"%s\"%s",
             property->string, si_status_text(status),
             host->asked[0] ? " once it had asked for a secret of that name" : "");
      count++;
    }
  }
  if (count == 0) {
    skip_check("no setting refers to a secret (x-secret)");
  }
}

static void plain_hidden(struct trial *t) {
  cJSON *schema;
  const cJSON *property;
  si_host *host = host_new(t);
  size_t count = 0;
  cJSON_ArrayForEach(property, properties(t, &schema)) {
    if (schema_is_secret(property)) {
      si_instance *instance = NULL;
      open_with(t, host, with(t, property, cJSON_CreateString(PLAIN)), &instance);
      demand(!strstr(si_buf_text(&host->failures), PLAIN) &&
                 !strstr(si_buf_text(&host->logged), PLAIN),
             "what stood in %.64s, which is for a reference to a secret, is told in the failure",
             property->string);
      count++;
    }
  }
  if (count == 0) {
    skip_check("no setting refers to a secret (x-secret)");
  }
}

static void deep(struct trial *t) {
  enum { DEPTH = 200000 };
  si_host *host = host_new(t);
  char *text = malloc(DEPTH + 1);
  kit_needs(text != NULL, "no memory");
  memset(text, '[', DEPTH);
  text[DEPTH] = '\0';
  refused(t, host, text, "200,000 opening brackets");
}

static void field(struct trial *t) {
  cJSON *schema;
  const cJSON *property;
  si_host *host = host_new(t);
  cJSON_ArrayForEach(property, properties(t, &schema)) {
    char pointer[130];
    cJSON *wrong = schema_wrong_type(property);
    snprintf(pointer, sizeof pointer, "/%.120s", property->string);
    if (wrong) {
      const si_op *op = refused(t, host, with(t, property, wrong), "a setting of a wrong type");
      demand(strcmp(op->field, pointer) == 0,
             "the failure about %s has the field \"%.60s\", not its JSON pointer", pointer,
             op->field);
    }
  }
}

static void leaves_nothing(struct trial *t) {
  si_host *host = host_new(t);
  struct footprint before = footprint_now();
  for (int i = 0; i < 40; i++) {
    host_forget(host);
    refused(t, host, "{\"si-conform-none\":true}", "a setting that there is not");
    if (i == 7) {
      before = footprint_now();
    }
  }
  struct footprint after = footprint_now();
  demand(after.fds == before.fds, "each open() that fails leaves a descriptor open");
  demand(after.threads == before.threads, "each open() that fails leaves a thread");
  demand(after.bytes < before.bytes + 512, "32 calls of open() that failed left %ld bytes",
         after.bytes - before.bytes);
}

#define CONFIG(id, title, run) \
  { id, title, KIND_ANY, 0, 0, run }
const struct check config_checks[] = {
    CONFIG("config.no-json", "a text that is no JSON is refused", no_json),
    CONFIG("config.no-object", "JSON that is no object is refused", no_object),
    CONFIG("config.unknown", "a setting that the schema does not name is refused", unknown),
    CONFIG("config.types", "a setting of a wrong type is refused", types),
    CONFIG("config.null", "null in the place of a value is refused", nulls),
    CONFIG("config.required", "the lack of what is required is refused", required),
    CONFIG("config.range", "a number beyond its bounds is refused", range),
    CONFIG("config.fraction", "a fraction where an integer is wanted is refused", fraction),
    CONFIG("config.length", "a text longer than its maxLength is refused", length),
    CONFIG("config.enum", "a text that its enum does not have is refused", enums),
    CONFIG("config.plain-secret", "a plain value in the place of a reference is refused",
           plain_secret),
    CONFIG("config.plain-hidden", "that plain value stands in no failure and no log", plain_hidden),
    CONFIG("config.deep", "absurdly deep JSON is refused, and does no harm", deep),
    CONFIG("config.field", "the failure names the setting by its JSON pointer", field),
    CONFIG("config.leaves-nothing", "an open() that fails leaves nothing behind", leaves_nothing),
    {0}};
