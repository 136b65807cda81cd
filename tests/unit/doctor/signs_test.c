/* SPDX-License-Identifier: Apache-2.0 */
/* How private files are recognised, and what only looks like one (R16, R20). */
#include "paas/doctor/signs.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

#define CONTEXT "{\"schema\":\"si.context/1\",\"name\":\"t\"}\n"
#define EVENT \
  "{\"action\":\"x\",\"actor\":{\"user\":\"u\"},\"hash\":\"ab\",\"prev\":\"cd\",\"seq\":1}\n"
#define MANIFEST "{\"manifest_version\":\"v1\",\"spec_hash\":\"x\",\"tenant_id\":\"t\"}"
#define STORE                                                       \
  "SQLite format 3 ... CREATE TABLE meta(context_id TEXT NOT NULL)" \
  "CREATE TABLE projects(seq)"
#define IDENTITY "# created\nAGE-SECRET-KEY-1QQQ\n"

static const struct {
  const char *name;
  const char *head;
  const char *what; /* NULL: none */
} cases[] = {
    {"state.db", STORE, "a state store"},
    {"photo.jpg", STORE, "a state store"},
    {"state.db-journal", "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7zzz", "the journal of a state store"},
    {"config.json", CONTEXT, "a context's settings"},
    {"anything", "\n {\n  \"schema\" : \"si.context/1\"\n}", "a context's settings"},
    {"config.json", "{\"schema\":\"si.context-pointer/1\"}", "a context's settings"},
    {"secrets.env", "# si.vault/1\n# context ctx-0\n", "a vault"},
    {"old.txt", "# si.vault/1\n", "a vault"},
    {"t.identity", IDENTITY, "a vault's identity"},
    {"t.identity", "age-encryption.org/v1\n-> scrypt", "a vault's identity"},
    {"current_context", "oss-demo\n", "the mark of the chosen context"},
    {"audit.jsonl", EVENT, "a context's events"},
    {"renamed", EVENT EVENT, "a context's events"},
    {"manifest.json", MANIFEST, "a runpack's manifest"},
    {"op-20260101T010203-0123456789.log", "", "a file of an operation"},

    {"state.db", "SQLite format 3 CREATE TABLE meta(x)", NULL},
    {"state.db", "no database", NULL},
    {"schema.c", "CREATE TABLE meta(context_id TEXT NOT NULL) CREATE TABLE projects(", NULL},
    {"config.json", "{\"schema\":\"other/1\",\"about\":\"si.context/1\"}", NULL},
    {"guide.md", "the file has {\"schema\":\"si.context/1\"}", NULL},
    {"config.json", "", NULL},
    {"secrets.env", "A=1\n# si.vault/1\n", NULL},
    {"t.identity", "an essay on identity\n", NULL},
    {"t.ctx-1.evidence",
     "-----BEGIN "
     "PRIVATE KEY-----\nMC4C",
     "a context's evidence key"},
    {"t.evidence", "what the jury saw\n", NULL},
    {"notes.txt", IDENTITY, NULL}, /* told as a secret in plain text, not as a file of si */
    {"current_context", "Not a name\n", NULL},
    {"current_context", "two\nlines\n", NULL},
    {"chosen", "oss-demo\n", NULL},
    {"audit.jsonl", "{\"action\":\"x\",\"seq\":1}\n", NULL},
    {"chain.jsonl", "{\"action\":\"x\",\"hash\":\"a\",\"prev\":\"b\",\"seq\":1}\n", NULL},
    {"manifest.json", "{\"manifest_version\":3,\"name\":\"extension\"}", NULL},
    {"op-20260101T010203-0123456789.txt", "", NULL},
    {"op-2026.log", "", NULL},
};

static void each_file_is_judged_as_the_table_says(void) {
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *what = si_private_sign(cases[i].name, cases[i].head, strlen(cases[i].head));
    if (!what != !cases[i].what || (what && strcmp(what, cases[i].what) != 0)) {
      printf("\n%s: %s: %s\n", cases[i].name, cases[i].head, what ? what : "(none)");
      CU_FAIL("another verdict");
    }
  }
}

static void the_gate_opens_what_is_called_like_one(void) {
  CU_ASSERT(si_private_name("state.db"));
  CU_ASSERT(si_private_name("t.identity"));
  CU_ASSERT(si_private_name("t.ctx-1.evidence"));
  CU_ASSERT(si_private_name("audit.jsonl"));
  CU_ASSERT(si_private_name("op-20260101T010203-0123456789.lock"));
  CU_ASSERT_FALSE(si_private_name("main.c"));
  CU_ASSERT_FALSE(si_private_name(".identity"));
}

UNIT_MAIN("doctor: private files", UNIT(each_file_is_judged_as_the_table_says),
          UNIT(the_gate_opens_what_is_called_like_one))
