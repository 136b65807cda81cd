/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/events/private.h - what the files of this room share: the streams, their files, and reading
 * a file of lines backwards. Nothing outside it includes this. Depends on paas/events/events.h.
 */
#ifndef SI_PAAS_EVENTS_PRIVATE_H
#define SI_PAAS_EVENTS_PRIVATE_H

#include "paas/events/events.h"

enum { SI_STREAMS = 3 };
extern const char *const si_event_streams[SI_STREAMS];

/* A line without its \n: a record, and seq, prev and hash. */
#define SI_EVENT_LINE_MAX (SI_EVENT_MAX + 512u)

/* --- files.c --- */

/* A failed system call on an event file; `what` as in "opening", `name` of the file. */
si_rc si_events_errno(int err, const char *what, const char *name, struct si_error *error);
/* <context>/events as an open directory; made where it is missing and `make`. */
si_rc si_events_dir(const struct si_context *context, bool make, int *dir,
                    struct si_error *error) SI_MUST_USE;
/* <stream>.jsonl to read; *fd -1 where there is none yet. Anything but a regular file is refused
 * (EVENTS_NOT_A_FILE). */
si_rc si_events_open(int dir, const char *stream, int *fd, struct si_error *error) SI_MUST_USE;
/* The same to append to, made where it is missing. */
si_rc si_events_open_append(int dir, const char *stream, int *fd,
                            struct si_error *error) SI_MUST_USE;
/* The lock over the files. It belongs to the descriptor: closing it lets it go. EVENTS_BUSY
 * (SI_E_CONFLICT) after `wait_ms`. A reader's (`reader`) is -1 where nobody ever wrote. */
si_rc si_events_lock(int dir, bool reader, unsigned wait_ms, int *lock,
                     struct si_error *error) SI_MUST_USE;

/* --- verify.c --- */

/* One event of a chain, once it was found good. */
typedef si_rc (*si_chain_each)(void *ctx, const cJSON *event);
/* Reads an open file of events from its beginning to its end as one chain, of whatever context.
 * EVENTS_TAMPERED (SI_E_CORRUPT): the first line that is none of it. That it was cut off at its end
 * is not to be seen here. */
si_rc si_chain_read(int fd, const char *path, void *ctx, si_chain_each each,
                    struct si_error *error) SI_MUST_USE;
/* The same of a context's stream, held against the store's head. */
si_rc si_chain_verify(const struct si_context *context, struct si_state *state, const char *stream,
                      void *ctx, si_chain_each each, struct si_error *error) SI_MUST_USE;

/* --- tail.c: lines from the end of a file --- */

struct si_tail {
  int fd;          /* the caller's */
  int64_t from;    /* the file's offset of data[0] */
  int64_t end;     /* the lines at and behind it were given; it is where a line begins */
  int64_t partial; /* where the last \n ends: what stands behind it is no whole line */
  struct si_buf data;
};

/* Begins at `size`, the file's or a smaller one. SI_E_IO with errno, SI_E_NOMEM, SI_E_CORRUPT
 * where there is no end of a line to be found in a line's length. */
si_rc si_tail_begin(struct si_tail *tail, int fd, int64_t size) SI_MUST_USE;
/* The line before: *line NULL at the file's beginning; valid until the next call. Not ended by a
 * NUL. Statuses as above. */
si_rc si_tail_next(struct si_tail *tail, const char **line, size_t *len) SI_MUST_USE;
void si_tail_free(struct si_tail *tail); /* for SI_AUTO */

/* --- filter.c --- */

/* Is the filter sensible? PAAS_INVALID_ARGUMENT. */
si_rc si_events_filter_check(const struct si_events_filter *filter,
                             struct si_error *error) SI_MUST_USE;
bool si_events_wants(const struct si_events_filter *filter, const char *stream);
/* The event of a line that fits the filter; *event NULL where it does not, *readable false where
 * the line is no event. */
si_rc si_events_take(const struct si_events_filter *filter, const char *line, size_t len,
                     cJSON **event, bool *readable) SI_MUST_USE;
/* The event's time as text; "" where it has none. */
const char *si_event_at(const cJSON *event);

/* --- list.c --- */

/* si_events_list on the open directory, of a filter that was checked; until[SI_STREAMS] (or NULL)
 * is where each file ends. */
si_rc si_events_list_until(int dir, const struct si_events_filter *filter, const int64_t *until,
                           void *ctx, si_events_each each, struct si_error *error) SI_MUST_USE;

#endif
