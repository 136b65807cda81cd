/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kit/base/hash.h"
#include "kit/base/text.h"
#include "paas/events/private.h"

enum { LOCK_WAIT_MS = 10000, BLOCK = 1 << 18 };

/* --- a chain, line by line --- */

struct chain {
  char context[64]; /* name; "" until the first event tells it */
  const char *stream;
  void *ctx;
  si_chain_each each; /* or NULL */
  bool any_first;     /* what came before the first line is not known */
  struct si_events_fault *fault;
  uint64_t good;            /* lines so far; the last one's seq */
  char hash[SI_SHA256_HEX]; /* of the last one */
  struct si_buf text;       /* a line in canonical form */
};

static si_rc bad(struct chain *chain, uint64_t line, const char *fmt, ...) SI_PRINTF(3, 4);
static si_rc bad(struct chain *chain, uint64_t line, const char *fmt, ...) {
  struct si_events_fault fault = {.line = line};
  va_list args;
  va_start(args, fmt);
  vsnprintf(fault.message, sizeof fault.message, fmt, args);
  va_end(args);
  si_copy(fault.stream, sizeof fault.stream, chain->stream);
  *chain->fault = fault;
  return SI_E_CORRUPT;
}

static si_rc no_memory(struct si_error *error) {
  return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory while reading events");
}

/* Is the line what the event's hash says, byte by byte? */
static si_rc check_content(struct chain *chain, cJSON *event, const char *line, size_t len,
                           struct si_error *error) {
  char hash[SI_SHA256_HEX];
  uint64_t number = chain->good + 1;
  si_buf_clear(&chain->text);
  si_rc status = si_json_canonical(event, &chain->text);
  if (status == SI_E_NOMEM) {
    return no_memory(error);
  }
  if (status != SI_OK || chain->text.len != len || memcmp(chain->text.data, line, len) != 0) {
    return bad(chain, number, "line %llu is not written as events are", (unsigned long long)number);
  }
  cJSON *stated SI_AUTO(si_json_free) = cJSON_DetachItemFromObjectCaseSensitive(event, "hash");
  si_buf_clear(&chain->text);
  if (si_json_canonical(event, &chain->text) != SI_OK ||
      si_sha256_hex(chain->text.data, chain->text.len, hash) != SI_OK) {
    return no_memory(error);
  }
  if (!cJSON_IsString(stated) || strcmp(stated->valuestring, hash) != 0) {
    return bad(chain, number, "the hash of line %llu is not that of its content: it was edited",
               (unsigned long long)number);
  }
  si_copy(chain->hash, sizeof chain->hash, hash);
  return SI_OK;
}

/* Does the event stand where it belongs? */
static si_rc check_place(struct chain *chain, const cJSON *event, const char *before) {
  const char *name = si_json_str(event, "context");
  const char *prev = si_json_str(event, "prev");
  uint64_t number = chain->good + 1;
  uint64_t seq = (uint64_t)si_json_int(event, "seq", 1, 1ll << 53, 0);
  if (number == 1 && !chain->context[0] && name) {
    si_copy(chain->context, sizeof chain->context, name);
  }
  if (!name || strcmp(name, chain->context) != 0) {
    return bad(chain, number, "line %llu belongs to another context (%.63s)",
               (unsigned long long)number, name ? name : "none");
  }
  if (seq != number) {
    return bad(chain, number, "line %llu holds event %llu where event %llu belongs",
               (unsigned long long)number, (unsigned long long)seq, (unsigned long long)number);
  }
  if (!prev || (strcmp(prev, before) != 0 && !(number == 1 && chain->any_first))) {
    return number == 1
               ? bad(chain, number, "line 1 does not begin this context's chain of %s events",
                     chain->stream)
               : bad(chain, number,
                     "line %llu does not follow line %llu: it is of another chain, or the line "
                     "before it was replaced",
                     (unsigned long long)number, (unsigned long long)(number - 1));
  }
  return SI_OK;
}

static si_rc check_line(struct chain *chain, const char *line, size_t len, struct si_error *error) {
  cJSON *event SI_AUTO(si_json_free) = NULL;
  struct si_error why;
  char before[SI_SHA256_HEX];
  uint64_t number = chain->good + 1;
  si_rc status = si_json_parse(line, len, &event, &why);
  if (status == SI_E_NOMEM) {
    return no_memory(error);
  }
  if (status != SI_OK || !cJSON_IsObject(event)) {
    return bad(chain, number, "line %llu is no event: %.120s", (unsigned long long)number,
               status == SI_OK ? "it is no JSON object" : why.message);
  }
  si_copy(before, sizeof before, chain->hash);
  status = check_content(chain, event, line, len, error);
  if (status == SI_OK) {
    status = check_place(chain, event, before);
  }
  if (status == SI_OK) {
    chain->good = number;
    status = chain->each ? chain->each(chain->ctx, event) : SI_OK;
  }
  return status;
}

/* --- the file --- */

struct reader {
  int fd;
  struct si_buf text; /* bytes that are no whole line yet */
};

static void reader_free(struct reader *reader) {
  si_close(&reader->fd);
  si_buf_free(&reader->text);
}

static si_rc check_lines(struct reader *reader, struct chain *chain, struct si_error *error) {
  size_t done = 0;
  si_rc status = SI_OK;
  for (const char *end; status == SI_OK && done < reader->text.len &&
                        (end = memchr(reader->text.data + done, '\n', reader->text.len - done));) {
    const char *line = reader->text.data + done;
    status = check_line(chain, line, (size_t)(end - line), error);
    done += (size_t)(end - line) + 1;
  }
  reader->text.len -= done;
  memmove(reader->text.data, reader->text.data + done, reader->text.len);
  if (status == SI_OK && reader->text.len > SI_EVENT_LINE_MAX) {
    status = bad(chain, chain->good + 1, "line %llu is longer than an event can be",
                 (unsigned long long)(chain->good + 1));
  }
  return status;
}

/* To the end of the file as it is now. */
static si_rc read_on(struct reader *reader, struct chain *chain, struct si_error *error) {
  for (;;) {
    if (si_buf_reserve(&reader->text, BLOCK) != SI_OK) {
      return no_memory(error);
    }
    ssize_t n = read(reader->fd, reader->text.data + reader->text.len, BLOCK);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return si_events_errno(errno, "reading", chain->stream, error);
    }
    if (n == 0) {
      return SI_OK;
    }
    reader->text.len += (size_t)n;
    si_rc status = check_lines(reader, chain, error);
    if (status != SI_OK) {
      return status;
    }
  }
}

/* --- what waits in the store, and its head --- */

struct rest {
  struct chain *chain;
  struct reader *reader; /* the beginning of a line that is not whole */
  uint64_t head;
  struct si_error *error;
};

static si_rc check_waiting(void *ctx, uint64_t seq, const char *line) {
  struct rest *rest = ctx;
  struct chain *chain = rest->chain;
  size_t begun = rest->reader->text.len;
  size_t len = strlen(line);
  if (seq <= chain->good || seq > rest->head) {
    return SI_OK; /* it is in the file already, or came after the head was read */
  }
  if (seq != chain->good + 1) {
    return SI_OK; /* the end of the chain tells what is missing */
  }
  if (begun > 0 && (begun > len || memcmp(rest->reader->text.data, line, begun) != 0)) {
    return SI_OK; /* what stands there is no beginning of it */
  }
  rest->reader->text.len = 0;
  return check_line(chain, line, len, rest->error);
}

static si_rc check_end(struct si_state *state, struct chain *chain, struct reader *reader,
                       struct si_error *error) {
  struct rest rest = {.chain = chain, .reader = reader, .error = error};
  char hash[SI_SHA256_HEX];
  si_rc status = si_state_event_head(state, chain->stream, &rest.head, hash, error);
  if (status == SI_OK) {
    status = si_state_events_waiting(state, chain->stream, 0, &rest, check_waiting, error);
  }
  if (status != SI_OK) {
    return status;
  }
  uint64_t good = chain->good;
  if (reader->text.len > 0) {
    return bad(chain, good + 1, "line %llu is cut off in its middle",
               (unsigned long long)(good + 1));
  }
  if (good < rest.head) {
    return bad(chain, good + 1,
               "line %llu is missing: the file ends with event %llu, and the last one was %llu",
               (unsigned long long)(good + 1), (unsigned long long)good,
               (unsigned long long)rest.head);
  }
  if (good > rest.head) {
    return bad(chain, rest.head + 1, "line %llu is behind the last event that state.db knows",
               (unsigned long long)(rest.head + 1));
  }
  return strcmp(hash, chain->hash) == 0
             ? SI_OK
             : bad(chain, good,
                   "line %llu is not the last event that state.db knows: it was "
                   "replaced",
                   (unsigned long long)good);
}

/* --- a stream, and all --- */

/* The rest of it, while everything stands still. *locked: there was a lock to be had. */
static si_rc verify_rest(int dir, struct si_state *state, struct chain *chain,
                         struct reader *reader, bool *locked, struct si_error *error) {
  int lock SI_AUTO(si_close) = -1;
  si_rc status = si_events_lock(dir, true, LOCK_WAIT_MS, &lock, error);
  *locked = lock >= 0;
  if (status == SI_OK && reader->fd < 0) {
    status = si_events_open(dir, chain->stream, &reader->fd, error);
  }
  if (status == SI_OK && reader->fd >= 0) {
    status = read_on(reader, chain, error);
  }
  return status == SI_OK ? check_end(state, chain, reader, error) : status;
}

static si_rc verify_stream(const struct si_context *context, int dir, struct si_state *state,
                           struct chain *chain, struct si_error *error) {
  struct reader reader SI_AUTO(reader_free) = {.fd = -1, .text = SI_BUF(SI_EVENT_LINE_MAX + BLOCK)};
  bool locked = false;
  si_rc status = si_state_event_genesis(context->id, chain->stream, chain->hash);
  if (status != SI_OK) {
    return no_memory(error);
  }
  status = si_events_open(dir, chain->stream, &reader.fd, error);
  /* Most of it is read while others append; only the end needs everything to stand still. */
  if (status == SI_OK && reader.fd >= 0) {
    status = read_on(&reader, chain, error);
  }
  if (status != SI_OK) {
    return status;
  }
  status = verify_rest(dir, state, chain, &reader, &locked, error);
  /* The first of all writers makes the lock before it makes the file: it may just have come. */
  if (status == SI_E_CORRUPT && !locked) {
    chain->fault->line = 0;
    status = verify_rest(dir, state, chain, &reader, &locked, error);
  }
  return status;
}

static si_rc tampered(const struct si_events_fault *fault, struct si_error *error) {
  si_error_set(error, SI_E_CORRUPT, "EVENTS_TAMPERED", "events/%s.jsonl: %s", fault->stream,
               fault->message);
  si_error_target(error, "events", fault->stream);
  return si_error_hint(error,
                       "keep a copy of the file and of state.db; compare them with a backup, and "
                       "treat it as an incident");
}

/* The verdict on a chain that was read: what is bad in it becomes the error. */
static si_rc judge(const struct chain *chain, si_rc status, struct si_error *error) {
  return status == SI_E_CORRUPT && chain->fault->line > 0 ? tampered(chain->fault, error) : status;
}

static si_rc verify_one(const struct si_context *context, int dir, struct si_state *state,
                        struct chain *chain, struct si_error *error) {
  si_copy(chain->context, sizeof chain->context, context->name);
  chain->text = (struct si_buf)SI_BUF(2 * SI_EVENT_LINE_MAX);
  chain->fault->line = 0;
  si_rc status = verify_stream(context, dir, state, chain, error);
  si_buf_free(&chain->text);
  return judge(chain, status, error);
}

si_rc si_events_read(const struct si_context *context, struct si_state *state, const char *stream,
                     void *ctx, si_events_good each, struct si_events_fault *fault,
                     struct si_error *error) {
  int dir SI_AUTO(si_close) = -1;
  struct chain chain = {.stream = stream, .fault = fault, .ctx = ctx, .each = each};
  si_rc status = si_events_dir(context, false, &dir, error);
  return status == SI_OK ? verify_one(context, dir, state, &chain, error) : status;
}

si_rc si_chain_verify(const struct si_context *context, struct si_state *state, const char *stream,
                      void *ctx, si_chain_each each, struct si_error *error) {
  struct si_events_fault fault;
  return si_events_read(context, state, stream, ctx, each, &fault, error);
}

si_rc si_events_verify(const struct si_context *context, struct si_state *state, uint64_t counts[3],
                       struct si_events_fault *fault, struct si_error *error) {
  int dir SI_AUTO(si_close) = -1;
  uint64_t found[SI_STREAMS] = {0};
  si_rc status = si_events_dir(context, false, &dir, error);
  for (int i = 0; status == SI_OK && i < SI_STREAMS; i++) {
    struct chain chain = {.stream = si_event_streams[i], .fault = fault};
    status = verify_one(context, dir, state, &chain, error);
    found[i] = chain.good;
  }
  if (status == SI_OK && counts) {
    memcpy(counts, found, sizeof found);
  }
  return status;
}

si_rc si_chain_read(int fd, const char *path, void *ctx, si_chain_each each,
                    struct si_error *error) {
  struct reader reader = {.fd = fd, .text = SI_BUF(SI_EVENT_LINE_MAX + BLOCK)};
  struct si_events_fault fault = {.line = 0};
  struct chain chain = {.stream = "file",
                        .fault = &fault,
                        .ctx = ctx,
                        .each = each,
                        .any_first = true,
                        .text = SI_BUF(2 * SI_EVENT_LINE_MAX)};
  si_rc status = read_on(&reader, &chain, error);
  if (status == SI_OK && reader.text.len > 0) {
    status = bad(&chain, chain.good + 1, "line %llu is cut off in its middle",
                 (unsigned long long)(chain.good + 1));
  }
  si_buf_free(&reader.text);
  si_buf_free(&chain.text);
  if (status != SI_E_CORRUPT || fault.line == 0) {
    return status;
  }
  si_error_set(error, SI_E_CORRUPT, "EVENTS_TAMPERED", "%s is no audit chain: %s", path,
               fault.message);
  return si_error_hint(error, "give a whole copy of the context's events/audit.jsonl");
}
