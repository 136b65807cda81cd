/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"

enum {
  MAX_DEPTH = 64,
  MAX_NUMBER = 63 /* bytes: cJSON would look at no more, and take the rest for something else */
};

/* --- the strict pass: cJSON is lenient, so the text is walked once before it --- */

struct scan {
  const char *at;
  const char *end;
  const char *why;
};

static bool refuse(struct scan *s, const char *why) {
  if (!s->why) {
    s->why = why;
  }
  return false;
}

static void blanks(struct scan *s) {
  while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r')) {
    s->at++;
  }
}

static bool take(struct scan *s, char c) {
  if (s->at < s->end && *s->at == c) {
    s->at++;
    return true;
  }
  return false;
}

static bool scan_hex4(struct scan *s, unsigned *out) {
  unsigned value = 0;
  if (s->end - s->at < 4) {
    return refuse(s, "a \\u escape is cut short");
  }
  for (int i = 0; i < 4; i++) {
    char c = *s->at++;
    unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                     : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                     : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                            : 16;
    if (digit == 16) {
      return refuse(s, "a \\u escape is not hexadecimal");
    }
    value = value * 16 + digit;
  }
  *out = value;
  return true;
}

static bool scan_escape(struct scan *s) {
  if (s->at >= s->end) {
    return refuse(s, "a string does not end");
  }
  char c = *s->at++;
  if (c != 'u') {
    return strchr("\"\\/bfnrt", c) && c ? true : refuse(s, "an escape is unknown");
  }
  unsigned unit, low;
  if (!scan_hex4(s, &unit)) {
    return false;
  }
  if (unit == 0) {
    return refuse(s, "\\u0000 is not allowed");
  }
  if (unit >= 0xDC00 && unit <= 0xDFFF) {
    return refuse(s, "a surrogate stands alone");
  }
  if (unit >= 0xD800 && unit <= 0xDBFF) {
    if (!take(s, '\\') || !take(s, 'u')) {
      return refuse(s, "a surrogate stands alone");
    }
    if (!scan_hex4(s, &low)) {
      return false;
    }
    if (low < 0xDC00 || low > 0xDFFF) {
      return refuse(s, "a surrogate stands alone");
    }
  }
  return true;
}

static bool scan_string(struct scan *s) {
  if (!take(s, '"')) {
    return refuse(s, "a string was expected");
  }
  const char *from = s->at;
  while (s->at < s->end) {
    unsigned char c = (unsigned char)*s->at++;
    if (c == '"') {
      return si_utf8_valid(from, (size_t)(s->at - from)) ? true : refuse(s, "UTF-8 is broken");
    }
    if (c < 0x20) {
      return refuse(s, "a control character stands in a string");
    }
    if (c == '\\' && !scan_escape(s)) {
      return false;
    }
  }
  return refuse(s, "a string does not end");
}

static size_t digits(struct scan *s) {
  const char *from = s->at;
  while (s->at < s->end && *s->at >= '0' && *s->at <= '9') {
    s->at++;
  }
  return (size_t)(s->at - from);
}

/* By the digits, of which there are `len`: as a double 2^53 + 1 is 2^53. */
static bool beyond_2_53(const char *number, size_t len) {
  static const char most[] = "9007199254740992";
  return len > sizeof most - 1 || (len == sizeof most - 1 && strcmp(number, most) > 0);
}

static bool scan_number(struct scan *s) {
  const char *from = s->at;
  bool integral = true;
  take(s, '-');
  bool zero = s->at < s->end && *s->at == '0';
  size_t whole = digits(s);
  if (whole == 0 || (zero && whole > 1)) {
    return refuse(s, "a number is malformed");
  }
  if (take(s, '.')) {
    integral = false;
    if (digits(s) == 0) {
      return refuse(s, "a number is malformed");
    }
  }
  if (take(s, 'e') || take(s, 'E')) {
    integral = false;
    if (!take(s, '+')) {
      take(s, '-');
    }
    if (digits(s) == 0) {
      return refuse(s, "a number is malformed");
    }
  }
  if (s->at - from > MAX_NUMBER) {
    return refuse(s, "a number is too long");
  }
  char text[MAX_NUMBER + 1];
  memcpy(text, from, (size_t)(s->at - from));
  text[s->at - from] = '\0';
  if (integral ? beyond_2_53(text + (*text == '-'), whole) : !isfinite(strtod(text, NULL))) {
    return refuse(s, "a number is beyond 2^53");
  }
  return true;
}

static bool scan_word(struct scan *s, const char *word) {
  size_t len = strlen(word);
  if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0) {
    return refuse(s, "a value was expected");
  }
  s->at += len;
  return true;
}

static bool scan_value(struct scan *s, int depth);

static bool scan_object(struct scan *s, int depth) {
  s->at++;
  blanks(s);
  if (take(s, '}')) {
    return true;
  }
  for (;;) {
    blanks(s);
    if (!scan_string(s)) {
      return false;
    }
    blanks(s);
    if (!take(s, ':')) {
      return refuse(s, "':' was expected");
    }
    if (!scan_value(s, depth)) {
      return false;
    }
    blanks(s);
    if (take(s, '}')) {
      return true;
    }
    if (!take(s, ',')) {
      return refuse(s, "',' or '}' was expected");
    }
  }
}

static bool scan_array(struct scan *s, int depth) {
  s->at++;
  blanks(s);
  if (take(s, ']')) {
    return true;
  }
  for (;;) {
    if (!scan_value(s, depth)) {
      return false;
    }
    blanks(s);
    if (take(s, ']')) {
      return true;
    }
    if (!take(s, ',')) {
      return refuse(s, "',' or ']' was expected");
    }
  }
}

static bool scan_value(struct scan *s, int depth) {
  blanks(s);
  if (s->at >= s->end) {
    return refuse(s, "the text ends too soon");
  }
  if (depth >= MAX_DEPTH && (*s->at == '{' || *s->at == '[')) {
    return refuse(s, "it is nested too deep");
  }
  switch (*s->at) {
    case '{': return scan_object(s, depth + 1);
    case '[': return scan_array(s, depth + 1);
    case '"': return scan_string(s);
    case 't': return scan_word(s, "true");
    case 'f': return scan_word(s, "false");
    case 'n': return scan_word(s, "null");
    default: return scan_number(s);
  }
}

/* --- keys in order: for duplicates, and for the canonical form --- */

/* RFC 8785 sorts by UTF-16 code units. Byte order of UTF-8 is the order of code points, which
 * differs only where surrogates (from U+10000 on) meet U+E000..U+FFFF. */
static int compare_keys(const char *a, const char *b) {
  const unsigned char *p = (const unsigned char *)a;
  const unsigned char *q = (const unsigned char *)b;
  while (*p && *p == *q) {
    p++;
    q++;
  }
  bool pair_p = *p >= 0xF0, pair_q = *q >= 0xF0;
  bool high_p = *p == 0xEE || *p == 0xEF, high_q = *q == 0xEE || *q == 0xEF;
  if ((pair_p && high_q) || (high_p && pair_q)) {
    return pair_p ? -1 : 1;
  }
  return (int)*p - (int)*q;
}

static int compare_members(const void *a, const void *b) {
  const cJSON *const *x = a;
  const cJSON *const *y = b;
  return compare_keys((*x)->string, (*y)->string);
}

/* The members of an object, sorted; *count of them. The caller frees the array. */
static const cJSON **sorted_members(const cJSON *object, size_t *count) {
  size_t n = 0, i = 0;
  for (const cJSON *m = object->child; m; m = m->next) {
    n++;
  }
  const cJSON **members = calloc(n ? n : 1, sizeof(*members));
  if (members) {
    for (const cJSON *m = object->child; m; m = m->next) {
      members[i++] = m;
    }
    qsort(members, n, sizeof(*members), compare_members);
    *count = n;
  }
  return members;
}

/* SI_E_INVALID where an object below `value` names a key twice; *key is then that key. */
static si_rc check_duplicates(const cJSON *value, const char **key) {
  if (cJSON_IsObject(value) && value->child && value->child->next) {
    size_t count = 0;
    const cJSON **members = sorted_members(value, &count);
    if (!members) {
      return SI_E_NOMEM;
    }
    for (size_t i = 1; i < count; i++) {
      if (strcmp(members[i - 1]->string, members[i]->string) == 0) {
        *key = members[i]->string;
        free(members);
        return SI_E_INVALID;
      }
    }
    free(members);
  }
  for (const cJSON *child = value->child; child; child = child->next) {
    si_rc status = check_duplicates(child, key);
    if (status != SI_OK) {
      return status;
    }
  }
  return SI_OK;
}

si_rc si_json_parse(const char *text, size_t len, cJSON **out, struct si_error *error) {
  struct scan s = {text, text + len, NULL};
  bool ok = scan_value(&s, 0);
  if (ok) {
    blanks(&s);
    ok = s.at == s.end ? true : refuse(&s, "something stands behind the value");
  }
  if (!ok) {
    return si_error_set(error, SI_E_INVALID, "JSON_INVALID", "not valid JSON at byte %zu: %s",
                        (size_t)(s.at - text), s.why);
  }
  cJSON *value = cJSON_ParseWithLength(text, len);
  if (!value) {
    return si_error_set(error, SI_E_NOMEM, "JSON_INVALID", "out of memory while reading JSON");
  }
  const char *key = "";
  si_rc status = check_duplicates(value, &key);
  if (status != SI_OK) {
    si_error_set(error, status, "JSON_INVALID", "not valid JSON: a key stands twice: %s", key);
    cJSON_Delete(value);
    return status;
  }
  *out = value;
  return SI_OK;
}

void si_json_free(cJSON **value) {
  cJSON_Delete(*value);
  *value = NULL;
}

static void wipe_texts(cJSON *value) {
  for (; value; value = value->next) {
    if (cJSON_IsString(value) && value->valuestring && !(value->type & cJSON_IsReference)) {
      explicit_bzero(value->valuestring, strlen(value->valuestring));
    } else if (!(value->type & cJSON_IsReference)) {
      wipe_texts(value->child);
    }
  }
}

void si_json_wipe(cJSON **value) {
  if (*value && cJSON_IsString(*value) && (*value)->valuestring) {
    explicit_bzero((*value)->valuestring, strlen((*value)->valuestring));
  } else if (*value) {
    wipe_texts((*value)->child);
  }
  si_json_free(value);
}

/* --- members --- */

const cJSON *si_json_get(const cJSON *object, const char *key) {
  return cJSON_GetObjectItemCaseSensitive(object, key);
}

const char *si_json_str(const cJSON *object, const char *key) {
  return cJSON_GetStringValue(si_json_get(object, key));
}

bool si_json_bool(const cJSON *object, const char *key, bool otherwise) {
  const cJSON *value = si_json_get(object, key);
  return cJSON_IsBool(value) ? cJSON_IsTrue(value) : otherwise;
}

int64_t si_json_int(const cJSON *object, const char *key, int64_t min, int64_t max,
                    int64_t otherwise) {
  const cJSON *value = si_json_get(object, key);
  if (!cJSON_IsNumber(value) || value->valuedouble != floor(value->valuedouble) ||
      fabs(value->valuedouble) > 9007199254740992.0) {
    return otherwise; /* beyond 2^53 a double is no longer one integer */
  }
  int64_t number = (int64_t)value->valuedouble;
  return number < min || number > max ? otherwise : number;
}

/* --- writing --- */

/* The text with every byte that belongs to no character replaced; *out has room for 3 * len. */
static si_rc mend_utf8(const char *text, size_t len, struct si_buf *out) {
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < len;) {
    size_t n = 1;
    while (n <= 4 && n <= len - i && !si_utf8_valid(text + i, n)) {
      n++;
    }
    bool whole = n <= 4 && n <= len - i;
    status = whole ? si_buf_add(out, text + i, n) : si_buf_puts(out, "\xEF\xBF\xBD");
    i += whole ? n : 1;
  }
  return status;
}

si_rc si_json_quote(const char *text, size_t len, struct si_buf *out) {
  static const char hex[] = "0123456789abcdef";
  if (!si_utf8_valid(text, len)) {
    struct si_buf mended SI_AUTO(si_buf_free) = SI_BUF(len * 3);
    si_rc status = mend_utf8(text, len, &mended);
    return status == SI_OK ? si_json_quote(si_buf_text(&mended), mended.len, out) : status;
  }
  si_rc status = si_buf_add(out, "\"", 1);
  for (size_t i = 0; status == SI_OK && i < len;) {
    size_t run = i;
    while (run < len && (unsigned char)text[run] >= 0x20 && text[run] != '"' && text[run] != '\\') {
      run++;
    }
    status = si_buf_add(out, text + i, run - i);
    if (status == SI_OK && run < len) {
      unsigned char c = (unsigned char)text[run++];
      const char *at = strchr("\"\"\\\\\bb\ff\nn\rr\tt", c);
      char escape[7] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15], '\0'};
      if (c && at) {
        escape[1] = at[1];
        escape[2] = '\0';
      }
      status = si_buf_puts(out, escape);
    }
    i = run;
  }
  return status == SI_OK ? si_buf_add(out, "\"", 1) : status;
}

static si_rc canonical_object(const cJSON *object, struct si_buf *out) {
  size_t count = 0;
  const cJSON **members = sorted_members(object, &count);
  if (!members) {
    return SI_E_NOMEM;
  }
  si_rc status = si_buf_add(out, "{", 1);
  for (size_t i = 0; status == SI_OK && i < count; i++) {
    const char *key = members[i]->string;
    status = i ? si_buf_add(out, ",", 1) : SI_OK;
    status = status == SI_OK ? si_json_quote(key, strlen(key), out) : status;
    status = status == SI_OK ? si_buf_add(out, ":", 1) : status;
    status = status == SI_OK ? si_json_canonical(members[i], out) : status;
  }
  free(members);
  return status == SI_OK ? si_buf_add(out, "}", 1) : status;
}

si_rc si_json_canonical(const cJSON *value, struct si_buf *out) {
  if (cJSON_IsObject(value)) {
    return canonical_object(value, out);
  }
  if (cJSON_IsArray(value)) {
    si_rc status = si_buf_add(out, "[", 1);
    for (const cJSON *e = value->child; status == SI_OK && e; e = e->next) {
      status = e != value->child ? si_buf_add(out, ",", 1) : SI_OK;
      status = status == SI_OK ? si_json_canonical(e, out) : status;
    }
    return status == SI_OK ? si_buf_add(out, "]", 1) : status;
  }
  if (cJSON_IsString(value)) {
    return si_json_quote(value->valuestring, strlen(value->valuestring), out);
  }
  if (cJSON_IsNumber(value)) {
    double number = value->valuedouble;
    if (number != floor(number) || fabs(number) > 9007199254740992.0) {
      return SI_E_INVALID; /* no float stands in a document that is hashed */
    }
    return si_buf_printf(out, "%lld", (long long)number);
  }
  if (cJSON_IsBool(value)) {
    return si_buf_puts(out, cJSON_IsTrue(value) ? "true" : "false");
  }
  return cJSON_IsNull(value) ? si_buf_puts(out, "null") : SI_E_INVALID;
}

si_rc si_json_print(const cJSON *value, bool indented, struct si_buf *out) {
  char *text = indented ? cJSON_Print(value) : cJSON_PrintUnformatted(value);
  if (!text) {
    return SI_E_NOMEM;
  }
  si_rc status = si_buf_puts(out, text);
  cJSON_free(text);
  return status;
}
