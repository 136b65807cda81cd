/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "paas/events/private.h"

/* Files are looked at when the kernel tells of a change, and every so often in any case. */
enum { LOOK_MS = 1000, BLOCK = 65536, LIST_MAX = 1000000 };

/* --- events in memory, to be given in the order of their times --- */

struct found {
  const char *stream;
  cJSON *event;
  size_t order; /* of finding: keeps a stream's own order where times are equal */
};

struct collection {
  struct found *items;
  size_t count;
  size_t room;
};

static void collection_clear(struct collection *all) {
  for (size_t i = 0; i < all->count; i++) {
    cJSON_Delete(all->items[i].event);
  }
  all->count = 0;
}

static void collection_free(struct collection *all) {
  collection_clear(all);
  free(all->items);
}

/* Takes the event. */
static si_rc collect(struct collection *all, const char *stream, cJSON *event) {
  if (all->count == all->room) {
    size_t room = all->room ? all->room * 2 : 64;
    struct found *items = room <= LIST_MAX ? reallocarray(all->items, room, sizeof *items) : NULL;
    if (!items) {
      cJSON_Delete(event);
      return SI_E_NOMEM;
    }
    all->items = items;
    all->room = room;
  }
  all->items[all->count] = (struct found){stream, event, all->count};
  all->count++;
  return SI_OK;
}

static int by_time(const void *a, const void *b) {
  const struct found *x = a;
  const struct found *y = b;
  int order = strcmp(si_event_at(x->event), si_event_at(y->event));
  return order ? order : x->order < y->order ? -1 : x->order > y->order;
}

/* --- one stream's file, from where it was last read --- */

struct growing {
  const char *name;
  int fd;
  dev_t device; /* of the file that is open */
  ino_t inode;
  int64_t at; /* lines before it were given */
  struct si_buf text;
};

struct following {
  const struct si_events_filter *filter;
  int dir;
  struct growing streams[SI_STREAMS];
  struct collection fresh;
};

static void following_free(struct following *all) {
  for (int i = 0; i < SI_STREAMS; i++) {
    si_close(&all->streams[i].fd);
    si_buf_free(&all->streams[i].text);
  }
  collection_free(&all->fresh);
  si_close(&all->dir);
}

static si_rc take_lines(struct following *all, struct growing *stream) {
  size_t done = 0;
  si_rc status = SI_OK;
  for (const char *end; status == SI_OK && (end = memchr(stream->text.data + done, '\n',
                                                         stream->text.len - done)) != NULL;) {
    const char *line = stream->text.data + done;
    size_t len = (size_t)(end - line);
    bool readable = true;
    cJSON *event = NULL;
    status = si_events_take(all->filter, line, len, &event, &readable);
    if (event) {
      status = collect(&all->fresh, stream->name, event);
    }
    if (!readable && all->filter->unreadable) {
      ++*all->filter->unreadable;
    }
    done += len + 1;
  }
  stream->at += (int64_t)done;
  return status;
}

/* What was appended since; a line that is not whole yet is read again. */
static si_rc read_more(struct following *all, struct growing *stream, struct si_error *error) {
  for (;;) {
    si_buf_clear(&stream->text);
    if (si_buf_reserve(&stream->text, SI_EVENT_LINE_MAX + BLOCK) != SI_OK) {
      return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory");
    }
    ssize_t n = pread(stream->fd, stream->text.data, SI_EVENT_LINE_MAX + BLOCK, stream->at);
    if (n < 0) {
      return si_events_errno(errno, "reading", stream->name, error);
    }
    int64_t before = stream->at;
    stream->text.len = (size_t)n;
    if (take_lines(all, stream) != SI_OK) {
      return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory");
    }
    if (stream->at == before) {
      return SI_OK;
    }
  }
}

/* Opens it once it is there, and again where another file stands in its place. */
static si_rc look(struct following *all, struct growing *stream, struct si_error *error) {
  struct stat st;
  int fd SI_AUTO(si_close) = -1;
  si_rc status = si_events_open(all->dir, stream->name, &fd, error);
  if (status != SI_OK || fd < 0) {
    return status;
  }
  if (fstat(fd, &st) != 0) {
    return si_events_errno(errno, "looking at", stream->name, error);
  }
  bool other = stream->fd < 0 || st.st_dev != stream->device || st.st_ino != stream->inode;
  if (other || st.st_size < stream->at) {
    si_close(&stream->fd);
    stream->fd = fd;
    fd = -1;
    stream->device = st.st_dev;
    stream->inode = st.st_ino;
    stream->at = 0;
  }
  return st.st_size > stream->at ? read_more(all, stream, error) : SI_OK;
}

static si_rc look_all(struct following *all, struct si_error *error) {
  si_rc status = SI_OK;
  for (int i = 0; status == SI_OK && i < SI_STREAMS; i++) {
    if (si_events_wants(all->filter, all->streams[i].name)) {
      status = look(all, &all->streams[i], error);
    }
  }
  return status;
}

static si_rc give(struct collection *all, void *ctx, si_events_each each) {
  si_rc status = SI_OK;
  if (all->count > 1) {
    qsort(all->items, all->count, sizeof *all->items, by_time);
  }
  for (size_t i = 0; status == SI_OK && i < all->count; i++) {
    status = each(ctx, all->items[i].stream, all->items[i].event);
  }
  collection_clear(all);
  return status;
}

/* --- the newest first of all, as a listing finds them --- */

static si_rc keep_newest(void *ctx, const char *stream, const cJSON *event) {
  cJSON *copy = cJSON_Duplicate(event, true);
  return copy ? collect(ctx, stream, copy) : SI_E_NOMEM;
}

/* What the files hold now is listed, and followed from there. */
static si_rc begin(struct following *all, struct si_error *error) {
  int64_t until[SI_STREAMS];
  si_rc status = SI_OK;
  for (int i = 0; status == SI_OK && i < SI_STREAMS; i++) {
    struct growing *stream = &all->streams[i];
    struct stat st;
    status = si_events_open(all->dir, stream->name, &stream->fd, error);
    if (status == SI_OK && stream->fd >= 0) {
      if (fstat(stream->fd, &st) != 0) {
        return si_events_errno(errno, "looking at", stream->name, error);
      }
      stream->device = st.st_dev;
      stream->inode = st.st_ino;
      struct si_tail tail SI_AUTO(si_tail_free) = {.fd = -1};
      /* A line without an end is no reason not to follow: it is passed over. */
      stream->at =
          si_tail_begin(&tail, stream->fd, st.st_size) == SI_OK ? tail.partial : st.st_size;
    }
    until[i] = stream->at;
  }
  return status == SI_OK
             ? si_events_list_until(all->dir, all->filter, until, &all->fresh, keep_newest, error)
             : status;
}

/* --- waiting --- */

/* True: go on looking. */
static bool wait_change(int watch, int stop_fd, int out_fd) {
  char drained[4096];
  struct pollfd fds[] = {{.fd = stop_fd, .events = POLLIN},
                         {.fd = out_fd, .events = 0}, /* POLLERR: nobody reads the pipe */
                         {.fd = watch, .events = POLLIN}};
  int n = poll(fds, 3, watch >= 0 ? LOOK_MS : LOOK_MS / 5);
  if (n < 0) {
    return errno == EINTR;
  }
  if (fds[2].revents && read(watch, drained, sizeof drained) < 0 && errno != EAGAIN) {
    return false;
  }
  return !fds[0].revents && !(fds[1].revents & (POLLERR | POLLHUP | POLLNVAL));
}

static int watch_dir(const struct si_context *context) {
  char path[SI_PATH_MAX];
  int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (watch >= 0 && (si_path_join(path, sizeof path, context->dir, "events") != SI_OK ||
                     inotify_add_watch(watch, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)) {
    si_close(&watch);
  }
  return watch;
}

si_rc si_events_follow(const struct si_context *context, const struct si_events_filter *filter,
                       int stop_fd, int out_fd, void *ctx, si_events_each each,
                       struct si_error *error) {
  struct following all SI_AUTO(following_free) = {.filter = filter, .dir = -1};
  int watch SI_AUTO(si_close) = -1;
  for (int i = 0; i < SI_STREAMS; i++) {
    all.streams[i] = (struct growing){
        .name = si_event_streams[i], .fd = -1, .text = SI_BUF(SI_EVENT_LINE_MAX + BLOCK)};
  }
  si_rc status = si_events_filter_check(filter, error);
  status = status == SI_OK ? si_events_dir(context, false, &all.dir, error) : status;
  if (status == SI_OK) {
    watch = watch_dir(context); /* before the first look: what comes after it is told */
    status = begin(&all, error);
  }
  while (status == SI_OK) {
    status = give(&all.fresh, ctx, each);
    if (status != SI_OK || !wait_change(watch, stop_fd, out_fd)) {
      break;
    }
    status = look_all(&all, error);
  }
  return status;
}
