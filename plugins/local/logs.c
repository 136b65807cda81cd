/* SPDX-License-Identifier: Apache-2.0 */
/* The verb logs: what the services of a project wrote, in the order of its times.
 *
 * Following is asking again for what came since: one connection does for any number of containers,
 * and one that is restarted, or replaced by a deploy, is simply asked the next time. The engine
 * stamps two streams of a container at once, so what it stamped a little earlier may be there a
 * little later: each question overlaps with the last, and lines that were told are known again. */
#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"
#include "plugins/engine/lines.h"
#include "plugins/local/inventory.h"
#include "plugins/local/verbs.h"

enum {
  MAX_TAIL = 100000,
  POOL_BYTES = 32 * 1024 * 1024, /* of lines that wait to be put in order */
  ROUND_BYTES = 1024 * 1024,     /* of one container, in one round of following */
  ROUND_LINES = 2000,            /* the engine finds the last so many without reading them all */
  BATCH_BYTES = 128 * 1024,      /* of one document, before JSON makes it longer */
  BATCH_LINES = 1000,
  TOLD = 1024, /* lines that are known again */
  SHORT_MS = 200,
  LONG_MS = 1000,
  GONE_MS = 10000 /* a deploy may take every container away for a moment */
};

static const int64_t overlap_ns = 20000000;

struct told {
  int64_t time_ns;
  uint64_t hash;
};

struct source { /* a container */
  char id[SI_ENGINE_ID_SIZE];
  char service[160];
  struct told told[TOLD]; /* a ring */
  size_t told_count;      /* ever */
  int64_t last_ns;        /* the latest time that was told */
  bool there;             /* in the listing of this round */
};

struct entry {
  int64_t time_ns;
  size_t order; /* among equal times */
  const char *service;
  size_t at; /* in text */
  size_t len;
  int stream;
  bool cut;
};

struct logs {
  struct local_call *call;
  const cJSON *services;
  unsigned tail;
  int64_t since_ns;
  bool follow;
  void *ctx;
  si_emit emit;

  struct source **sources;
  size_t source_count;
  struct entry *entries;
  size_t entry_count, entry_room;
  struct si_buf text;

  struct source *reading; /* whose lines come in */
  size_t read_lines;      /* of it, those known again too */
  size_t read_from;       /* of text, when it began */
  bool full;              /* more of it than one round takes */
  bool following;         /* the first round is over */
};

static si_rc no_memory(struct local_call *call) {
  return local_error(call, SI_E_NOMEM, NULL, "out of memory");
}

/* --- what is asked --- */

static si_rc read_query(struct logs *logs, const cJSON *query) {
  const char *since = si_json_str(query, "since");
  const cJSON *services = si_json_get(query, "services");
  const cJSON *each;
  logs->tail = (unsigned)si_json_int(query, "tail", 1, MAX_TAIL, 0);
  logs->follow = si_json_bool(query, "follow", false);
  logs->services = services;
  if (!cJSON_IsArray(services) || cJSON_GetArraySize(services) > 1000) {
    return local_error(logs->call, SI_E_INVALID, "services", "\"services\" is no list of names");
  }
  cJSON_ArrayForEach(each, services) {
    if (!cJSON_IsString(each)) {
      return local_error(logs->call, SI_E_INVALID, "services", "\"services\" is no list of names");
    }
  }
  if (logs->tail == 0) {
    return local_error(logs->call, SI_E_INVALID, "tail", "\"tail\" is not from 1 to %d", MAX_TAIL);
  }
  return !since || si_log_time_parse(since, &logs->since_ns) == SI_OK
             ? SI_OK
             : local_error(logs->call, SI_E_INVALID, "since", "\"since\" is no time");
}

static bool wanted(const struct logs *logs, const char *service) {
  const cJSON *each;
  cJSON_ArrayForEach(each, logs->services) {
    if (strcmp(each->valuestring, service) == 0) {
      return true;
    }
  }
  return cJSON_GetArraySize(logs->services) == 0;
}

/* --- who is there --- */

static struct source *source_of(const struct logs *logs, const char *id) {
  for (size_t i = 0; i < logs->source_count; i++) {
    if (strcmp(logs->sources[i]->id, id) == 0) {
      return logs->sources[i];
    }
  }
  return NULL;
}

static si_rc see_container(void *ctx, const struct si_engine_item *item) {
  struct logs *logs = ctx;
  const char *service = si_engine_label(item->labels, "si.service");
  if (!service || !service[0] || !wanted(logs, service)) {
    return SI_OK;
  }
  struct source *source = source_of(logs, item->id);
  if (!source) {
    if (logs->source_count >= LOCAL_MAX_FOUND) {
      return SI_E_QUOTA;
    }
    struct source **more = realloc(logs->sources, (logs->source_count + 1) * sizeof *logs->sources);
    logs->sources = more ? more : logs->sources;
    source = more ? calloc(1, sizeof *source) : NULL;
    if (!source) {
      return SI_E_NOMEM;
    }
    si_copy(source->id, sizeof source->id, item->id);
    si_copy(source->service, sizeof source->service, service);
    logs->sources[logs->source_count++] = source;
  }
  source->there = true;
  return SI_OK;
}

/* Those that are gone are forgotten. */
static void forget_gone(struct logs *logs) {
  size_t kept = 0;
  for (size_t i = 0; i < logs->source_count; i++) {
    struct source *source = logs->sources[i];
    if (source->there) {
      logs->sources[kept++] = source;
    } else {
      free(source);
    }
  }
  logs->source_count = kept;
}

static si_rc see(struct logs *logs) {
  struct local_call *call = logs->call;
  const char *const marks[] = {call->project.mark_context, call->project.mark_project};
  for (size_t i = 0; i < logs->source_count; i++) {
    logs->sources[i]->there = false;
  }
  si_rc status = si_engine_list(call->in->engine, SI_ENGINE_CONTAINER, marks, 2, logs,
                                see_container, &call->error);
  if (status == SI_OK) {
    forget_gone(logs);
  }
  return status;
}

static si_rc must_be_there(const struct logs *logs) {
  const cJSON *each;
  cJSON_ArrayForEach(each, logs->services) {
    bool found = false;
    for (size_t i = 0; i < logs->source_count; i++) {
      found = found || strcmp(logs->sources[i]->service, each->valuestring) == 0;
    }
    if (!found) {
      return local_error(logs->call, SI_E_NOT_FOUND, each->valuestring,
                         "%s has no service %.160s on this engine", logs->call->project.slug,
                         each->valuestring);
    }
  }
  return logs->source_count > 0
             ? SI_OK
             : local_error(logs->call, SI_E_NOT_FOUND, NULL, "%s has no service on this engine",
                           logs->call->project.slug);
}

/* --- lines --- */

static uint64_t hash_of(const struct si_log_line *line) {
  uint64_t hash = (uint64_t)14695981039346656037u ^ (unsigned)line->stream; /* FNV-1a */
  for (size_t i = 0; i < line->len; i++) {
    hash = (hash ^ (unsigned char)line->text[i]) * (uint64_t)1099511628211u;
  }
  return hash;
}

static bool was_told(const struct source *source, const struct told *line) {
  size_t count = source->told_count < TOLD ? source->told_count : TOLD;
  for (size_t i = 0; i < count; i++) {
    if (source->told[i].time_ns == line->time_ns && source->told[i].hash == line->hash) {
      return true;
    }
  }
  return false;
}

static void note_told(struct source *source, const struct told *line) {
  source->told[source->told_count++ % TOLD] = *line;
  source->last_ns = line->time_ns > source->last_ns ? line->time_ns : source->last_ns;
}

/* From when on a container is asked: a little before the last line, but never before what is still
 * known again. */
static int64_t ask_from(const struct source *source) {
  int64_t from = source->last_ns > overlap_ns ? source->last_ns - overlap_ns : 0;
  if (source->told_count >= TOLD) {
    int64_t oldest = source->told[source->told_count % TOLD].time_ns + 1;
    from = oldest > from ? oldest : from;
  }
  return from;
}

/* In place: what no JSON text can hold becomes '?'. The carriage return of a line's end goes. */
static size_t clean(char *text, size_t len) {
  len -= len > 0 && text[len - 1] == '\r';
  for (size_t at = 0; at < len;) {
    unsigned char c = (unsigned char)text[at];
    size_t n = c < 0x80 ? 1 : c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
    if (c == 0 || n > len - at || !si_utf8_valid(text + at, n)) {
      text[at] = '?';
      n = 1;
    }
    at += n;
  }
  return len;
}

static si_rc take_line(void *ctx, const struct si_log_line *line) {
  struct logs *logs = ctx;
  const struct told told = {line->time_ns, hash_of(line)};
  logs->read_lines++;
  if (logs->following && was_told(logs->reading, &told)) {
    return SI_OK;
  }
  if (logs->following && logs->text.len - logs->read_from > ROUND_BYTES) {
    logs->full = true; /* the next round goes on from here */
    return SI_E_QUOTA;
  }
  if (logs->entry_count == logs->entry_room) {
    size_t room = logs->entry_room ? logs->entry_room * 2 : 256;
    struct entry *entries = realloc(logs->entries, room * sizeof *entries);
    if (!entries) {
      return SI_E_NOMEM;
    }
    logs->entries = entries;
    logs->entry_room = room;
  }
  size_t at = logs->text.len;
  si_rc status = si_buf_add(&logs->text, line->text, line->len);
  if (status != SI_OK) {
    return status;
  }
  size_t len = clean(logs->text.data + at, line->len);
  logs->entries[logs->entry_count] = (struct entry){.time_ns = line->time_ns,
                                                    .order = logs->entry_count,
                                                    .service = logs->reading->service,
                                                    .at = at,
                                                    .len = len,
                                                    .stream = line->stream,
                                                    .cut = line->cut};
  logs->entry_count++;
  note_told(logs->reading, &told);
  return SI_OK;
}

static si_rc read_with(struct logs *logs, struct source *source, const struct si_log_query *query) {
  struct local_call *call = logs->call;
  logs->reading = source;
  logs->read_lines = 0;
  logs->full = false;
  logs->read_from = logs->text.len;
  si_rc status =
      si_engine_container_lines(call->in->engine, source->id, query, logs, take_line, &call->error);
  if (status == SI_E_NOT_FOUND || status == SI_E_CONFLICT) {
    return SI_OK; /* it went while we looked */
  }
  if (logs->full) {
    return SI_OK;
  }
  if (status == SI_E_QUOTA) {
    return local_error(call, status, source->service,
                       "so many lines are more than %d MiB: ask for fewer of them (tail)",
                       POOL_BYTES >> 20);
  }
  return status == SI_OK ? SI_OK : local_about(call, "service", source->service);
}

/* What came since the last round. Where that may be more than the engine was asked for, all of it.
 */
static si_rc read_on(struct logs *logs, struct source *source) {
  const struct si_log_query query = {
      .tail = source->told_count > 0 ? ROUND_LINES : 0,
      .since_ns = source->told_count > 0 ? ask_from(source) : logs->since_ns};
  const struct si_log_query all = {.since_ns = query.since_ns};
  size_t entries = logs->entry_count, text = logs->text.len;
  struct source *before = malloc(sizeof *before);
  if (!before) {
    return no_memory(logs->call);
  }
  *before = *source;
  si_rc status = read_with(logs, source, &query);
  if (status == SI_OK && query.tail > 0 && (logs->full || logs->read_lines >= ROUND_LINES)) {
    *source = *before;
    logs->entry_count = entries;
    logs->text.len = text;
    status = read_with(logs, source, &all);
  }
  free(before);
  return status;
}

static si_rc read_first(struct logs *logs, struct source *source) {
  const struct si_log_query query = {.tail = logs->tail, .since_ns = logs->since_ns};
  return read_with(logs, source, &query);
}

/* --- telling --- */

static int by_time(const void *a, const void *b) {
  const struct entry *x = a;
  const struct entry *y = b;
  if (x->time_ns != y->time_ns) {
    return x->time_ns < y->time_ns ? -1 : 1;
  }
  return x->order < y->order ? -1 : x->order > y->order;
}

static bool add_line(struct logs *logs, cJSON *list, const struct entry *entry) {
  char time[SI_LOG_TIME_SIZE];
  char *text = strndup(logs->text.data + entry->at, entry->len);
  cJSON *line = text ? cJSON_CreateObject() : NULL;
  bool ok = line && cJSON_AddItemToArray(list, line);
  si_log_time_text(entry->time_ns, time);
  ok = ok && cJSON_AddStringToObject(line, "time", time) &&
       cJSON_AddStringToObject(line, "service", entry->service) &&
       cJSON_AddStringToObject(line, "stream",
                               entry->stream == SI_LOG_STDERR ? "stderr" : "stdout") &&
       cJSON_AddStringToObject(line, "line", text) &&
       (!entry->cut || cJSON_AddTrueToObject(line, "cut"));
  free(text);
  return ok;
}

/* One document, from the entry *at on. */
static si_rc tell_batch(struct logs *logs, size_t *at) {
  cJSON *document SI_AUTO(si_json_free) = cJSON_CreateObject();
  cJSON *list = cJSON_AddArrayToObject(document, "lines");
  size_t bytes = 0;
  for (size_t n = 0; *at < logs->entry_count && n < BATCH_LINES && bytes < BATCH_BYTES; n++) {
    const struct entry *entry = &logs->entries[(*at)++];
    bytes += entry->len;
    if (!list || !add_line(logs, list, entry)) {
      return no_memory(logs->call);
    }
  }
  return local_emit(logs->call, document, logs->ctx, logs->emit);
}

static si_rc tell(struct logs *logs) {
  si_rc status = SI_OK;
  if (logs->entry_count > 1) {
    qsort(logs->entries, logs->entry_count, sizeof *logs->entries, by_time);
  }
  for (size_t at = 0; status == SI_OK && at < logs->entry_count;) {
    status = local_go_on(logs->call);
    status = status == SI_OK ? tell_batch(logs, &at) : status;
  }
  logs->entry_count = 0;
  si_buf_clear(&logs->text);
  return status;
}

/* --- the verb --- */

static si_rc round_of(struct logs *logs, si_rc (*read)(struct logs *, struct source *)) {
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < logs->source_count; i++) {
    status = local_go_on(logs->call);
    status = status == SI_OK ? read(logs, logs->sources[i]) : status;
  }
  return status;
}

static si_rc follow(struct logs *logs) {
  uint32_t pause = SHORT_MS, gone = 0;
  si_rc status = SI_OK;
  logs->following = true;
  while (status == SI_OK && gone < GONE_MS) {
    status = local_pause(logs->call, pause);
    status = status == SI_OK ? see(logs) : status;
    status = status == SI_OK ? round_of(logs, read_on) : status;
    if (status == SI_OK) {
      bool quiet = logs->entry_count == 0;
      gone = logs->source_count > 0 ? 0 : gone + pause;
      pause = !quiet ? SHORT_MS : pause * 2 < LONG_MS ? pause * 2 : LONG_MS;
      status = tell(logs);
    }
  }
  return status;
}

static si_rc show(struct logs *logs, const char *query) {
  struct local_call *call = logs->call;
  cJSON *asked SI_AUTO(si_json_free) = NULL;
  si_rc status = si_json_parse(query, strlen(query), &asked, &call->error);
  status = status == SI_OK ? read_query(logs, asked) : status;
  status = status == SI_OK ? see(logs) : status;
  status = status == SI_OK ? must_be_there(logs) : status;
  status = status == SI_OK ? round_of(logs, read_first) : status;
  status = status == SI_OK ? tell(logs) : status;
  return status == SI_OK && logs->follow ? follow(logs) : status;
}

static void logs_free(struct logs *logs) {
  for (size_t i = 0; i < logs->source_count; i++) {
    free(logs->sources[i]);
  }
  free(logs->sources);
  free(logs->entries);
  si_buf_free(&logs->text);
}

si_rc local_logs(si_instance *instance, si_op *op, const char *project, const char *query,
                 void *ctx, si_emit emit) {
  struct local_call call;
  struct logs logs SI_AUTO(logs_free) = {
      .call = &call, .ctx = ctx, .emit = emit, .text = SI_BUF(POOL_BYTES)};
  local_call_begin(&call, instance, op);
  si_rc status = local_project_read(project, &call.project, &call.error);
  status = status == SI_OK ? show(&logs, query) : status;
  return local_call_end(&call, status);
}
