/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/doctor/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/host/session.h"
#include "kit/base/json.h"
#include "kit/base/text.h"
#include "paas/context/context.h"

#define DEADLINE_NS 5000000000ull

static void note_answer(struct si_engine *engine, const struct si_buf *result) {
  cJSON *json SI_AUTO(si_json_free) = NULL;
  if (si_json_parse(si_buf_text(result), result->len, &json, NULL) != SI_OK) {
    json = NULL;
  }
  const char *name = si_json_str(json, "engine");
  const char *version = si_json_str(json, "version");
  engine->answers = true;
  snprintf(engine->what, sizeof engine->what, "%.100s %.100s", name ? name : "the engine",
           version ? version : "");
}

/* One that tries what it may not is not well, whatever it answers. */
static void on_stopped(void *ctx, const char *kind, const char *what) {
  struct si_engine *engine = ctx;
  if (!engine->stopped[0]) {
    snprintf(engine->stopped, sizeof engine->stopped,
             "the plugin was kept from a %s that it may not have: %.100s", kind, what);
  }
}

static void ask(struct si_engine *engine, const char *provider, const char *config) {
  struct si_session *session = NULL;
  struct si_buf result SI_AUTO(si_buf_free) = SI_BUF(65536);
  struct si_error why;
  char trust[SI_PATH_MAX];
  const struct si_session_options options = {.plugin = provider,
                                             .kind = SI_KIND_PROVISIONER,
                                             .config = config,
                                             .trust = trust,
                                             .lock_fd = -1,
                                             .deadline_ns = si_monotonic_ns() + DEADLINE_NS,
                                             .interrupt_fd = -1,
                                             .ctx = engine,
                                             .listener = {.stopped = on_stopped}};
  si_rc status = si_context_plugins(trust, sizeof trust, &why);
  status = status == SI_OK ? si_session_open(&options, &session, &why) : status;
  if (status == SI_OK) {
    status = si_session_call(session, SI_VERB_CHECK, NULL, NULL, &result, &why);
    si_session_close(session);
  }
  if (engine->stopped[0]) {
    si_copy(engine->what, sizeof engine->what, engine->stopped);
    si_copy(engine->hint, sizeof engine->hint,
            "no plugin does that by mistake: look where it came from; si plugin trust list");
  } else if (status == SI_OK) {
    note_answer(engine, &result);
  } else {
    si_copy(engine->what, sizeof engine->what, why.message);
    si_copy(engine->hint, sizeof engine->hint, why.hint);
  }
}

si_rc si_engines_ask(struct si_engines *engines, const char *provider, const char *config,
                     const struct si_engine **out, struct si_error *error) {
  struct si_buf key SI_AUTO(si_buf_free) = SI_BUF(2 << 20);
  si_rc status = si_buf_printf(&key, "%s %s", provider, config);
  for (struct si_engine *at = engines->first; status == SI_OK && at; at = at->next) {
    if (strcmp(at->key, key.data) == 0) {
      *out = at;
      return SI_OK;
    }
  }
  struct si_engine *engine = status == SI_OK ? calloc(1, sizeof *engine) : NULL;
  if (!engine) {
    return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: asking an engine");
  }
  engine->key = key.data;
  key.data = NULL;
  ask(engine, provider, config);
  engine->next = engines->first;
  engines->first = engine;
  *out = engine;
  return SI_OK;
}

void si_engines_free(struct si_engines *engines) {
  while (engines->first) {
    struct si_engine *engine = engines->first;
    engines->first = engine->next;
    free(engine->key);
    free(engine);
  }
}
