/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/stack/expand.h"

#include <string.h>

#include "paas/stack/document.h"
#include "paas/stack/literal.h"
#include "paas/stack/secrets.h"
#include "paas/stack/value.h"
#include "paas/stack/variables.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
#define DIGITS "0123456789"

enum { DEPTH = 16, NAME = 256 };

struct expansion {
  struct si_reading *r;
  const struct si_place *place;
  struct si_buf *out;
  cJSON *parts;   /* where secrets may stand; or NULL */
  bool document;  /* what comes out stands in the document */
  bool used;      /* a variable stands in `out` */
  bool secret;    /* one that its name tells to be a secret */
  unsigned depth; /* of braces */
};

/* ${NAME<how>word} */
struct reference {
  char name[NAME];
  const char *how; /* "", or the operator: ":-" "-" ":?" "?" ":+" "+" */
  const char *word;
  size_t word_len;
};

static si_rc expand(struct expansion *e, const char *text, size_t len);

static si_rc append(struct expansion *e, const char *text, size_t len) {
  si_rc status = si_buf_add(e->out, text, len);
  if (status == SI_E_QUOTA) {
    return si_stack_invalid(e->r, e->place, "is longer than %d bytes", SI_TEXT_BYTES);
  }
  return status == SI_OK ? SI_OK : si_stack_nomem(e->r);
}

static si_rc odd_dollar(struct expansion *e) {
  si_stack_invalid(e->r, e->place, "uses `$` for no variable");
  return si_stack_hint(e->r,
                       "write `$$` for the character itself; a variable is $NAME, ${NAME} or "
                       "${NAME:-default}");
}

/* --- what stands behind a dollar sign --- */

/* The index of the brace that closes what begins at `text`, or `len`. */
static size_t closing(const char *text, size_t len) {
  size_t depth = 1;
  for (size_t i = 0; i < len; i++) {
    if (text[i] == '$' && i + 1 < len && (text[i + 1] == '$' || text[i + 1] == '{')) {
      depth += text[i + 1] == '{';
      i++;
    } else if (text[i] == '}' && --depth == 0) {
      return i;
    }
  }
  return len;
}

static bool take_name(const char *text, size_t len, struct reference *ref, size_t *taken) {
  size_t n = 0;
  while (n < len && text[n] && strchr(LETTERS DIGITS, text[n])) {
    n++;
  }
  if (n == 0 || n >= NAME || !strchr(LETTERS, text[0])) {
    return false;
  }
  memcpy(ref->name, text, n);
  ref->name[n] = '\0';
  *taken = n;
  return true;
}

/* Takes what begins behind the `$`; *taken is its length. */
static bool take_reference(const char *text, size_t len, struct reference *ref, size_t *taken) {
  static const char *const operators[] = {":-", ":?", ":+", "-", "?", "+"};
  *ref = (struct reference){.how = ""};
  if (len == 0 || text[0] != '{') {
    return take_name(text, len, ref, taken);
  }
  size_t end = 1 + closing(text + 1, len - 1);
  size_t name = 0;
  if (end >= len || !take_name(text + 1, end - 1, ref, &name)) {
    return false;
  }
  const char *rest = text + 1 + name;
  size_t left = end - 1 - name;
  *taken = end + 1;
  for (size_t i = 0; left > 0 && i < sizeof operators / sizeof *operators; i++) {
    size_t n = strlen(operators[i]);
    if (left >= n && memcmp(rest, operators[i], n) == 0) {
      ref->how = operators[i];
      ref->word = rest + n;
      ref->word_len = left - n;
      return true;
    }
  }
  return left == 0;
}

/* --- secrets --- */

static si_rc flush(struct expansion *e) {
  if ((e->used || e->parts) && si_has_password(si_buf_text(e->out))) {
    e->secret = true;
  }
  si_rc status = e->parts && e->out->len ? si_add_text(e->r, e->parts, si_buf_text(e->out)) : SI_OK;
  if (e->parts) {
    si_buf_clear(e->out);
  }
  return status;
}

static si_rc put_secret(struct expansion *e, const struct reference *ref) {
  cJSON *part = NULL;
  if (ref->how[0] || e->depth > 0) {
    si_stack_invalid(e->r, e->place, "puts the secret %.128s together with a default", ref->name);
    return si_stack_hint(e->r, "write ${%.128s} alone: a secret has a value, or nothing is begun",
                         ref->name);
  }
  if (!e->parts) {
    si_stack_invalid(e->r, e->place, "stands for the secret %.128s, which only a variable can",
                     ref->name);
    return si_stack_hint(e->r,
                         "set a variable under `environment` to it, and have the program "
                         "read that");
  }
  si_rc status = flush(e);
  status = status == SI_OK ? si_add_object(e->r, e->parts, &part) : status;
  status = status == SI_OK ? si_put_text(e->r, part, "secret", ref->name) : status;
  return status == SI_OK ? si_put_number(e->r, part, "revision", 0) : status;
}

static si_rc refuse_secret(struct expansion *e, const char *name) {
  si_stack_fail(e->r, "STACK_SECRET", e->place,
                "would put the value of %.128s, which looks like a secret, into the document",
                name);
  return si_stack_hint(e->r,
                       "declare it at the top of the file, `x-si-secrets: {%.128s: }`, set it with "
                       "`si paas secret set`, and write ${%.128s} under `environment`",
                       name, name);
}

static si_rc refuse_url(struct expansion *e) {
  si_stack_fail(e->r, "STACK_SECRET", e->place,
                "would put a URL with a password into the document");
  return si_stack_hint(e->r,
                       "declare the password at the top of the file, `x-si-secrets: {NAME: }`, "
                       "and write the URL with ${NAME} under `environment`");
}

/* --- variables --- */

static si_rc unset(struct expansion *e, const struct reference *ref) {
  struct si_buf why SI_AUTO(si_buf_free) = SI_BUF(SI_TEXT_BYTES);
  struct expansion inner = {e->r, e->place, &why, NULL, false, false, false, e->depth + 1};
  bool says = ref->how[0] && e->depth < DEPTH;
  si_rc status = says ? expand(&inner, ref->word, ref->word_len) : SI_OK;
  if (status != SI_OK) {
    return status;
  }
  bool told = why.len > 0 && !inner.secret;
  si_stack_fail(e->r, "STACK_VARIABLE", e->place,
                "needs the variable %.128s, which is not set%s%.200s", ref->name, told ? ": " : "",
                told ? si_buf_text(&why) : "");
  return si_stack_hint(
      e->r,
      "set it in `.env` beside the stack file or with --env-file FILE, name it with "
      "--env %.128s, or write a default; a secret is declared: `x-si-secrets: "
      "{%.128s: }`",
      ref->name, ref->name);
}

static si_rc put_word(struct expansion *e, const struct reference *ref) {
  if (e->depth == DEPTH) {
    return si_stack_invalid(e->r, e->place, "nests variables more than %d deep", DEPTH);
  }
  e->depth++;
  si_rc status = expand(e, ref->word, ref->word_len);
  e->depth--;
  return status;
}

/* A value, or the default for one: what is put in must not be a secret. */
static si_rc put_value(struct expansion *e, const struct reference *ref,
                       const struct si_variable *variable) {
  struct si_buf value SI_AUTO(si_buf_free) = SI_BUF(SI_TEXT_BYTES);
  struct expansion inner = *e;
  inner.out = &value;
  inner.parts = NULL;
  inner.secret = variable && variable->secret;
  inner.used = true;
  si_rc status =
      variable ? append(&inner, variable->value, strlen(variable->value)) : put_word(&inner, ref);
  const char *text = si_buf_text(&value);
  e->used = true;
  e->r->expanded += strlen(text);
  if (status == SI_OK && e->r->expanded > SI_YAML_BYTES) {
    return si_stack_fail(e->r, "STACK_TOO_LARGE", e->place,
                         "is beyond the 1 MiB of text that variables may bring");
  }
  e->secret = e->secret || inner.secret || si_tells_secret(ref->name, text);
  if (status == SI_OK && e->document && e->secret) {
    return refuse_secret(e, ref->name);
  }
  return status == SI_OK ? append(e, text, strlen(text)) : status;
}

static si_rc put_reference(struct expansion *e, const struct reference *ref) {
  const struct si_variable *variable = NULL;
  if (e->document && si_secret_declared(e->r, ref->name)) {
    return put_secret(e, ref);
  }
  si_rc status = si_variable_of(e->r, ref->name, &variable);
  if (status != SI_OK) {
    return status;
  }
  const char *how = ref->how;
  bool there = variable && (how[0] != ':' || variable->value[0]);
  char kind = how[0] == ':' ? how[1] : how[0];
  if (kind == '+') {
    return there ? put_word(e, ref) : SI_OK;
  }
  if (!there && kind != '-') {
    return unset(e, ref);
  }
  return put_value(e, ref, there ? variable : NULL);
}

static si_rc expand(struct expansion *e, const char *text, size_t len) {
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < len;) {
    const char *dollar = memchr(text + i, '$', len - i);
    size_t plain = dollar ? (size_t)(dollar - text) - i : len - i;
    size_t taken = 1;
    struct reference ref;
    status = append(e, text + i, plain);
    i += plain + 1;
    if (status != SI_OK || !dollar) {
      continue;
    }
    if (i < len && text[i] == '$') {
      status = append(e, "$", 1);
    } else if (take_reference(text + i, len - i, &ref, &taken)) {
      status = put_reference(e, &ref);
    } else {
      status = odd_dollar(e);
    }
    i += taken;
  }
  return status;
}

/* --- public --- */

si_rc si_expand_text(struct si_reading *r, const struct si_place *place, const char *text,
                     struct si_buf *out) {
  struct expansion e = {.r = r, .place = place, .out = out, .document = true};
  si_rc status = expand(&e, text, strlen(text));
  status = status == SI_OK ? flush(&e) : status;
  return status == SI_OK && e.secret ? refuse_url(&e) : status;
}

si_rc si_expand_parts(struct si_reading *r, const struct si_place *place, const char *text,
                      cJSON *parts) {
  struct si_buf plain SI_AUTO(si_buf_free) = SI_BUF(SI_TEXT_BYTES);
  struct expansion e = {.r = r, .place = place, .out = &plain, .parts = parts, .document = true};
  si_rc status = expand(&e, text, strlen(text));
  status = status == SI_OK ? flush(&e) : status;
  return status == SI_OK && e.secret ? refuse_url(&e) : status;
}

si_rc si_expand_variables(struct si_reading *r, const struct si_place *place, const char *text,
                          struct si_buf *out, bool *secret) {
  struct expansion e = {.r = r, .place = place, .out = out};
  si_rc status = expand(&e, text, strlen(text));
  *secret = e.secret;
  return status;
}
