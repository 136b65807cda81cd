/* SPDX-License-Identifier: Apache-2.0 */
/* The room failure: what a call that fails tells. The same calls are made to fail in every check;
 * each looks at one thing. */
#include <stdio.h>
#include <string.h>

#include "sdk/conform/work.h"

static void each(struct trial *t, void (*look)(const struct provoked *)) {
  struct provoked p;
  si_host *host = host_new(t);
  for (size_t n = 0; work_provoke(t, host, n, &p); n++) {
    demand(p.status != SI_OK, "%s succeeded", p.what);
    look(&p);
  }
}

static void look_status(const struct provoked *p) {
  demand(p->status > SI_OK && p->status <= SI_E_FAILED, "%s gave the status %d, which is none",
         p->what, p->status);
}

static void look_recorded(const struct provoked *p) {
  demand(p->op->records > 0, "%s failed, and recorded no failure (fail())", p->what);
}

static void look_same(const struct provoked *p) {
  demand(p->op->records == 0 || p->op->said == p->status,
         "%s returned the status %d, and recorded %d", p->what, p->status, p->op->said);
}

static void look_size(const struct provoked *p) {
  demand(p->op->records == 0 || p->op->size == sizeof(si_failure),
         "%s recorded a failure whose size is %u, not sizeof(si_failure)", p->what,
         (unsigned)p->op->size);
}

static void look_retry(const struct provoked *p) {
  demand(p->op->retry <= SI_OUTCOME_UNKNOWN, "%s recorded the retry class %u, which is none",
         p->what, (unsigned)p->op->retry);
  demand(p->op->retry == SI_RETRY_AFTER || p->op->retry_after_ms == 0,
         "%s recorded retry_after_ms without SI_RETRY_AFTER", p->what);
}

static void look_never(const struct provoked *p) {
  demand(p->status != SI_E_INVALID || p->op->retry == SI_RETRY_NEVER,
         "%s is SI_E_INVALID, which no repeating mends, and recorded the retry class %u", p->what,
         (unsigned)p->op->retry);
}

static void look_message(const struct provoked *p) {
  size_t len = strlen(p->op->message);
  demand(p->op->records == 0 || (len > 0 && len < sizeof p->op->message - 1),
         "%s recorded a message of %s bytes, 1 to 1022 are possible", p->what, len ? "more" : "no");
}

static void look_line(const struct provoked *p) {
  for (const char *at = p->op->message; *at; at++) {
    demand((unsigned char)*at >= 0x20 && *at != 0x7f,
           "the message of %s is not one line: it has a control character", p->what);
  }
}

static void look_utf8(const struct provoked *p) {
  demand(p->op->records == 0 || p->op->well_formed,
         "a text that %s recorded is no UTF-8, or longer than 64 KiB", p->what);
}

static void look_field(const struct provoked *p) {
  demand(p->op->field[0] == '\0' || p->op->field[0] == '/',
         "%s recorded the field \"%.60s\", which is no JSON pointer", p->what, p->op->field);
}

static void look_subject(const struct provoked *p) {
  demand(!p->subject || strstr(p->op->subject, p->subject) || strstr(p->op->message, p->subject),
         "%s was about \"%.100s\", and neither subject nor message names it", p->what, p->subject);
}

#define LOOK(name)                    \
  static void name(struct trial *t) { \
    each(t, look_##name);             \
  }
LOOK(status)
LOOK(recorded)
LOOK(same)
LOOK(size)
LOOK(retry)
LOOK(never)
LOOK(message)
LOOK(line)
LOOK(utf8)
LOOK(field)
LOOK(subject)

#define FAILURE(id, title, run) \
  { id, title, KIND_ANY, 0, 0, run }
const struct check failure_checks[] = {
    FAILURE("failure.status", "a failed call's status is one of SI_E_*", status),
    FAILURE("failure.recorded", "a failed call has recorded why (fail())", recorded),
    FAILURE("failure.same", "the status recorded is the status returned", same),
    FAILURE("failure.size", "the record's size is sizeof(si_failure)", size),
    FAILURE("failure.retry", "the retry class is one that there is", retry),
    FAILURE("failure.never", "wrong input has the retry class SI_RETRY_NEVER", never),
    FAILURE("failure.message", "the message says something, within its bound", message),
    FAILURE("failure.line", "the message is one line without control characters", line),
    FAILURE("failure.utf8", "every text of the record is UTF-8", utf8),
    FAILURE("failure.field", "the field is a JSON pointer", field),
    {"failure.subject", "the failure names what it is about", KIND_ANY, WANTS_PEER, 0, subject},
    {0}};
