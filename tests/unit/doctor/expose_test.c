/* SPDX-License-Identifier: Apache-2.0 */
/* What counts as a secret in plain text, and what does not (R13, R23). */
#include "paas/doctor/expose.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "paas/doctor/look.h"
#include "tests/unit/unit.h"

#define AGE     \
  "AGE-SECRET-" \
  "KEY-1QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQPZRY9X8GF2TVDW0S3JN54KHC6"
#define B64 "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"
#define JWT_A "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
#define JWT_B "eyJzdWIiOiIxMjM0NTY3ODkwIn0"
#define JWT_C "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"

struct seen {
  size_t count;
  size_t line;
  char what[128];
};

static bool note(void *ctx, size_t line, const char *what) {
  struct seen *seen = ctx;
  if (seen->count++ == 0) {
    seen->line = line;
    snprintf(seen->what, sizeof seen->what, "%s", what);
  }
  return true;
}

/* file, text, how many, and the first of them */
static const struct {
  const char *file;
  const char *text;
  size_t count;
  const char *what;
} cases[] = {
    /* keys in settings */
    {".env", "DB_PASSWORD=hunter2\n", 1, "the value of DB_PASSWORD"},
    {".env", "DB_PASSWORD=1234\n", 1, "the value of DB_PASSWORD"},
    {".env.production", "export API_KEY='abc def'\n", 1, "the value of API_KEY"},
    {"app.env", "# OLD_TOKEN=abcdef\n", 1, "the value of OLD_TOKEN"},
    {"env", "A=1\nSECRET=\"x y\"\n", 1, "the value of SECRET"},
    {"compose.yaml", "    environment:\n      POSTGRES_PASSWORD: hunter2\n", 1,
     "the value of POSTGRES_PASSWORD"},
    {"compose.yaml", "      - POSTGRES_PASSWORD=hunter2\n", 1, "the value of POSTGRES_PASSWORD"},
    {"compose.yaml", "      - \"POSTGRES_PASSWORD=hunter2\"\n", 1,
     "the value of POSTGRES_PASSWORD"},
    {"compose.yaml", "  POSTGRES_PASSWORD: ${PW:-hunter2}\n", 1, "the value of POSTGRES_PASSWORD"},
    {"x.yml", "- password: 'a b'  # why\n", 1, "the value of password"},
    {"x.json", "{\"a\":1,\"password\":\"hunter2\",\"token\":\"abcdef\"}\n", 2,
     "the value of password"},
    {"x.json", "{\"clientSecret\" : \"s3cr3t\"}\n", 1, "the value of clientSecret"},
    {"x.json", "{\"nested\":\"{\\\"password\\\":\\\"hunter2\\\"}\"}\n", 1, "the value of password"},
    {"app.log", "at=1 level=info password=hunter2 user=x\n", 1, "the value of password"},
    {"app.log", "sent Authorization: Bearer abcdef123\n", 1, "the value of Authorization"},
    {"app.log.1", "GET /x?token=abcdef&y=1\n", 1, "the value of token"},
    {"x.ini", "url = postgres://app:hunter2@db/x\n", 1, "a password in a URL"},
    {"x.toml", "secret = \"abcdef\"\n", 1, "the value of secret"},

    /* references, placeholders, masks, and what is no secret at all */
    {".env", "DB_PASSWORD=\n", 0, ""},
    {".env", "DB_PASSWORD=${OTHER}\n", 0, ""},
    {".env", "DB_PASSWORD=$OTHER\n", 0, ""},
    {".env", "DB_PASSWORD=${OTHER:-}\n", 0, ""},
    {".env", "DB_PASSWORD=changeme\n", 0, ""},
    {".env", "DB_PASSWORD=<password>\n", 0, ""},
    {".env", "DB_PASSWORD=********\n", 0, ""},
    {".env", "DB_PASSWORD=your-super-secret\n", 0, ""},
    {".env", "DB_PASSWORD_FILE=/run/secrets/db\n", 0, ""},
    {".env", "TOKEN_TTL=3600\nMAX_TOKENS=4096\n", 0, ""},
    {".env", "AWS_SECRET_KEY_ID=abc\n", 0, ""},
    {".env", "USER=hunter2\nPATH=/bin\n", 0, ""},
    {"compose.yaml", "secrets:\n  db_password:\n    file: ./x\n", 0, ""},
    {"compose.yaml", "secrets:\n  - db_password\n", 0, ""},
    {"compose.yaml", "  POSTGRES_PASSWORD: ${PW}\n  token: ${{ secrets.X }}\n", 0, ""},
    {"x.yaml", "password: true\ntoken: 42\nsecret: null\nsecrets: [a, b]\n", 0, ""},
    {"x.yaml", "secretName: db\ntokenId: x\nsecret_ref: y\n", 0, ""},
    {"x.yaml", "# password: see the vault\n", 0, ""},
    {"x.yaml", "token: this is what you type at the prompt\n", 0, ""},
    {"x.yaml", "password: \"{{ db_password }}\"\n", 0, ""},
    {"x.json", "{\"secret\":\"DB_PASSWORD\",\"revision\":3}\n", 0, ""},
    {"x.json", "{\"password\":\"<redacted>\"}\n", 0, ""},
    {"x.json", "{\"password\":{\"type\":\"string\"},\"token\":\"\"}\n", 0, ""},
    {"x.json", "{\"max_tokens\":4096,\"tokenizer\":\"gpt\"}\n", 0, ""},
    {"x.json", "{\"url\":\"postgres://app:${PW}@db/x\"}\n", 0, ""},
    {"main.c", "password = get();\n", 0, ""},
    {"notes.txt", "password: hunter2\n", 0, ""},
    {".env.example", "DB_PASSWORD=postgres\n", 0, ""},

    /* shapes, in any file */
    {"main.c", "x\n  \"" AGE "\"\n", 1, "an age identity"},
    {".env.example", AGE "\n", 1, "an age identity"},
    {"id", "-----BEGIN PRIVATE KEY-----\n" B64 "\n", 1, "a private key"},
    {"id", "-----BEGIN OPENSSH PRIVATE KEY-----\n" B64 "\n", 1, "a private key"},
    {"x.json", "{\"k\":\"-----BEGIN RSA PRIVATE KEY-----\\n" B64 "\\n\"}", 1, "a private key"},
    {"x.py",
     "key = 'AKI"
     "A2E0A8F3B244C9986'\n",
     1, "an AWS access key"},
    {"x.html", "<b>" JWT_A "." JWT_B "." JWT_C "</b>", 1, "a signed token (JWT)"},

    /* and what only begins like them */
    {"main.c", "\"AGE-SECRET-KEY-1\" and more words here\n", 0, ""},
    {"main.c", "AGE-SECRET-KEY-1QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQPZRY9X8GF2TVDW0S3\n", 0, ""},
    {"main.c", "\"-----BEGIN PRIVATE KEY-----\"\n", 0, ""},
    {"id", "-----BEGIN PUBLIC KEY-----\n" B64 "\n", 0, ""},
    {"id", "-----BEGIN CERTIFICATE-----\n" B64 "\n", 0, ""},
    {"id", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n" B64 "\n", 0, ""},
    {"id", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n" B64 "\n", 0, ""},
    {"x.py", "AKIAIOSFODNN7EXAMPLE\n", 0, ""},
    {"x.py",
     "AKI"
     "A2E0A8F3B244C99861\nXAKI"
     "A2E0A8F3B244C9986\n",
     0, ""},
    {"x.html", JWT_A "." JWT_B "\n", 0, ""},
    {"x.html", JWT_A "." JWT_C "." JWT_C "\n", 0, ""},
};

static void each_text_is_judged_as_the_table_says(void) {
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct seen seen = {.count = 0, .what = ""};
    si_expose_text(cases[i].text, strlen(cases[i].text), si_expose_rules(cases[i].file), 1, &seen,
                   note);
    if (seen.count != cases[i].count || strcmp(seen.what, cases[i].what) != 0) {
      printf("\n%s: %s: found %zu, the first \"%s\"\n", cases[i].file, cases[i].text, seen.count,
             seen.what);
      CU_FAIL("another verdict");
    }
  }
}

static void the_line_is_told(void) {
  static const char text[] = "a: 1\n\n# x\npassword: hunter2\nz: " AGE "\n";
  struct seen seen = {.count = 0};
  si_expose_text(text, strlen(text), SI_EXPOSE_KEYS, 1, &seen, note);
  CU_ASSERT_EQUAL(seen.line, 4);
  seen.count = 0;
  si_expose_text(text, strlen(text), SI_EXPOSE_SHAPES, 10, &seen, note);
  CU_ASSERT_EQUAL(seen.line, 14);
}

/* Every cut of every text: nothing is read beyond it (the sanitisers look), nothing loops. */
static void cut_texts_are_read_safely(void) {
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    for (size_t len = 0; len <= strlen(cases[i].text); len++) {
      struct seen seen = {.count = 0};
      char *copy = malloc(len + (len == 0));
      if (copy) {
        memcpy(copy, cases[i].text, len);
        si_expose_text(copy, len, SI_EXPOSE_SHAPES | SI_EXPOSE_KEYS | SI_EXPOSE_LOG, 1, &seen,
                       note);
      }
      free(copy);
    }
  }
  CU_PASS("no report of a sanitiser");
}

UNIT_MAIN("doctor: secrets in plain text", UNIT(each_text_is_judged_as_the_table_says),
          UNIT(the_line_is_told), UNIT(cut_texts_are_read_safely))
