/* SPDX-License-Identifier: Apache-2.0 */
/* What programs read: the envelope "si/1", and the lines of a stream. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/output.h"
#include "cli/visible.h"

#define JSON_MAX ((size_t)1 << 30)
#define EXACT 9007199254740992.0 /* 2^53: beyond it a double is no count */

static si_rc put_value(const cJSON *value, struct si_buf *to);

static si_rc put_text(const char *text, struct si_buf *to) {
  return si_json_quote(text, strlen(text), to);
}

static si_rc put_number(double number, struct si_buf *to) {
  if (!isfinite(number)) {
    return si_buf_puts(to, "null");
  }
  if (number != floor(number)) {
    return si_buf_printf(to, "%.17g", number);
  }
  return si_buf_printf(to, fabs(number) > EXACT ? "\"%.0f\"" : "%.0f", number);
}

/* Members in the order in which they were added. */
static si_rc put_members(const cJSON *parent, bool named, struct si_buf *to) {
  si_rc status = si_buf_add(to, named ? "{" : "[", 1);
  for (const cJSON *m = parent->child; status == SI_OK && m; m = m->next) {
    status = m != parent->child ? si_buf_add(to, ",", 1) : SI_OK;
    if (status == SI_OK && named) {
      status = put_text(m->string, to);
      status = status == SI_OK ? si_buf_add(to, ":", 1) : status;
    }
    status = status == SI_OK ? put_value(m, to) : status;
  }
  return status == SI_OK ? si_buf_add(to, named ? "}" : "]", 1) : status;
}

static si_rc put_value(const cJSON *value, struct si_buf *to) {
  if (cJSON_IsObject(value) || cJSON_IsArray(value)) {
    return put_members(value, cJSON_IsObject(value), to);
  }
  if (cJSON_IsString(value)) {
    return put_text(value->valuestring, to);
  }
  if (cJSON_IsNumber(value)) {
    return put_number(value->valuedouble, to);
  }
  if (cJSON_IsBool(value)) {
    return si_buf_puts(to, cJSON_IsTrue(value) ? "true" : "false");
  }
  return si_buf_puts(to, "null");
}

static si_rc put_member(const char *name, const char *text, struct si_buf *to) {
  si_rc status = si_buf_printf(to, ",\"%s\":", name);
  if (status != SI_OK) {
    return status;
  }
  return text ? put_text(text, to) : si_buf_puts(to, "null");
}

static si_rc put_head(const struct si_output *out, bool ok, struct si_buf *to) {
  const char *context = out->context && out->context[0] ? out->context : NULL;
  si_rc status = si_buf_printf(to, "{\"schema\":\"si/1\",\"ok\":%s", ok ? "true" : "false");
  status = status == SI_OK ? put_member("command", out->command, to) : status;
  return status == SI_OK ? put_member("context", context, to) : status;
}

static const char *retry_text(uint32_t retry) {
  switch (retry) {
    case SI_RETRY_NEVER: return "never";
    case SI_RETRY_SAFE: return "safe";
    case SI_RETRY_AFTER: return "after";
    default: return "unknown";
  }
}

static si_rc put_error(const struct si_error *error, struct si_buf *to) {
  const struct {
    const char *name;
    const char *text;
  } members[] = {
      {"stage", error->stage},
      {"target", error->target},
      {"message", error->message},
      {"remediation", error->hint},
      {"retry", retry_text(error->retry)},
      {"detail", error->detail},
  };
  size_t count = sizeof members / sizeof *members - (error->detail[0] ? 0 : 1);
  si_rc status = si_buf_puts(to, ",\"error\":{\"code\":");
  status = status == SI_OK ? put_text(error->code, to) : status;
  for (size_t i = 0; status == SI_OK && i < count; i++) {
    status = put_member(members[i].name, members[i].text, to);
  }
  return status == SI_OK ? si_buf_add(to, "}", 1) : status;
}

static si_rc put_data(const struct si_output *out, struct si_buf *to) {
  si_rc status = SI_OK;
  if (out->list) {
    status = si_buf_printf(to, ",\"count\":%d", cJSON_GetArraySize(out->data));
  }
  status = status == SI_OK ? si_buf_puts(to, ",\"data\":") : status;
  if (status != SI_OK || !out->data) {
    return status == SI_OK ? si_buf_puts(to, "null") : status;
  }
  return put_value(out->data, to);
}

static void write_json(struct si_output *out, const struct si_buf *json) {
  struct si_buf seen SI_AUTO(si_buf_free) = SI_BUF(2 * JSON_MAX);
  if (si_visible_json(si_buf_text(json), json->len, &seen) != SI_OK ||
      si_buf_add(&seen, "\n", 1) != SI_OK) {
    si_out_lost(out, ENOMEM);
    return;
  }
  si_out_put(out, seen.data, seen.len);
}

void si_out_finish(struct si_output *out, const struct si_error *error) {
  if (!out->json && error) {
    si_out_failure(out, error);
  }
  if (!out->json || (!error && out->stream)) {
    return;
  }
  struct si_buf json SI_AUTO(si_buf_free) = SI_BUF(JSON_MAX);
  si_rc status = put_head(out, !error, &json);
  status = status == SI_OK && error ? put_error(error, &json) : status;
  if (status == SI_OK && (!error || out->data)) {
    status = put_data(out, &json);
  }
  status = status == SI_OK ? si_buf_add(&json, "}", 1) : status;
  if (status != SI_OK) {
    si_out_lost(out, ENOMEM);
    return;
  }
  write_json(out, &json);
}

static si_rc keep(struct si_output *out, cJSON *data, bool list) {
  cJSON_Delete(out->data);
  out->data = data;
  out->list = list;
  return data ? SI_OK : SI_E_NOMEM;
}

si_rc si_out_result(struct si_output *out, cJSON *data) {
  return keep(out, data, false);
}

si_rc si_out_list(struct si_output *out, cJSON *array) {
  return keep(out, array, true);
}

si_rc si_out_record(struct si_output *out, cJSON *record) {
  struct si_buf json SI_AUTO(si_buf_free) = SI_BUF(JSON_MAX);
  si_rc status = record ? SI_OK : SI_E_NOMEM;
  if (status == SI_OK && out->json) {
    status = put_value(record, &json);
    if (status == SI_OK) {
      write_json(out, &json);
      status = si_out_flush(out, NULL);
    }
  }
  cJSON_Delete(record);
  return status;
}

si_rc si_json_add_i64(cJSON *object, const char *name, int64_t value) {
  char text[24];
  snprintf(text, sizeof text, "%" PRId64, value);
  return cJSON_AddStringToObject(object, name, text) ? SI_OK : SI_E_NOMEM;
}

si_rc si_json_add_u64(cJSON *object, const char *name, uint64_t value) {
  char text[24];
  snprintf(text, sizeof text, "%" PRIu64, value);
  return cJSON_AddStringToObject(object, name, text) ? SI_OK : SI_E_NOMEM;
}

si_rc si_json_add_text(cJSON *object, const char *name, const char *value) {
  const cJSON *added = value && value[0] ? cJSON_AddStringToObject(object, name, value)
                                         : cJSON_AddNullToObject(object, name);
  return added ? SI_OK : SI_E_NOMEM;
}
