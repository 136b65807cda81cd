/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/doctor/repos.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "kit/base/text.h"
#include "paas/doctor/look.h"
#include "paas/doctor/repository.h"
#include "paas/doctor/signs.h"
#include "paas/doctor/walk.h"

/* Far beyond any repository of people; what has more is no repository that can be vouched for. */
enum { ENTRIES_MAX = 2000000, DEPTH_MAX = 128 };
#define BYTES_MAX (16ull << 30)

struct scanning {
  struct si_repo *repo;
  const struct si_repos_scan *scan;
  struct stat state; /* of the root of the state; st_ino 0: there is none */
  struct si_look look;
  const char *path; /* that is looked at */
};

static void add(struct si_repo *repo, int kind, const char *path, size_t line, const char *what) {
  size_t n = repo->counts[kind];
  const struct si_hit *last = n > 0 && n <= SI_HITS_MAX ? &repo->hits[kind][n - 1] : NULL;
  if (last && line > 0 && last->line == line && strcmp(last->path, path) == 0 &&
      strcmp(last->what, what) == 0) {
    return; /* the same one, seen twice where a piece of the file ended */
  }
  repo->counts[kind]++;
  if (n >= SI_HITS_MAX) {
    return;
  }
  struct si_hit *hit = &repo->hits[kind][n];
  hit->path = strdup(path);
  hit->line = line;
  si_copy(hit->what, sizeof hit->what, what);
  if (!hit->path) { /* the count tells all the same that there is something */
    repo->counts[kind] = SI_HITS_MAX + 1;
    repo->hits[kind][n] = (struct si_hit){.path = NULL};
  }
}

static void on_sign(void *ctx, const char *what) {
  struct scanning *s = ctx;
  add(s->repo, SI_HIT_ARTIFACT, s->path, 0, what);
}

static bool on_exposure(void *ctx, size_t line, const char *what) {
  struct scanning *s = ctx;
  add(s->repo, SI_HIT_EXPOSURE, s->path, line, what);
  return s->repo->counts[SI_HIT_EXPOSURE] < 10000;
}

static void on_trouble(void *ctx, const char *path, const char *why) {
  struct scanning *s = ctx;
  add(s->repo, SI_HIT_UNSEEN, path, 0, why);
}

static bool below(const char *path, const char *dir) {
  size_t n = strlen(dir);
  return n > 0 && strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static void see_link(struct scanning *s, const char *path) {
  char whole[SI_PATH_MAX];
  if (!s->scan->state[0] || si_path_join(whole, sizeof whole, s->repo->path, path) != SI_OK) {
    return;
  }
  char *real = realpath(whole, NULL);
  if (real && below(real, s->scan->state)) {
    add(s->repo, SI_HIT_LINK, path, 0, real);
  }
  free(real);
}

static bool is_state(const struct scanning *s, int dir, const char *name) {
  struct stat st;
  return s->state.st_ino != 0 && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
         st.st_dev == s->state.st_dev && st.st_ino == s->state.st_ino;
}

static bool wanted(const struct scanning *s, const char *name) {
  return !s->scan->likely_only || si_private_name(name) || si_expose_likely(name);
}

static bool on_entry(void *ctx, int dir, const char *name, const char *path, unsigned char type) {
  struct scanning *s = ctx;
  if (type == DT_DIR) {
    /* That the state's own root is in a repository is told by another check. */
    return !is_state(s, dir, name);
  }
  if (type == DT_LNK) {
    see_link(s, path);
    return true;
  }
  if (type != DT_REG || !wanted(s, name)) {
    return true;
  }
  s->path = path;
  s->repo->files++;
  si_rc status = si_look(&s->look, dir, name);
  if (status == SI_E_IO) {
    add(s->repo, SI_HIT_UNSEEN, path, 0, strerror(errno));
  } else if (status != SI_OK) {
    add(s->repo, SI_HIT_UNSEEN, path, 0, "there is more than 16 GiB to read: the rest was not");
    return false;
  }
  return true;
}

static si_rc scan_into(struct si_repo *repo, const struct si_repos_scan *scan) {
  struct scanning s = {.repo = repo, .scan = scan};
  char *piece = malloc(SI_LOOK_PIECE + SI_LOOK_KEEP);
  int top SI_AUTO(si_close) = open(repo->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (!piece) {
    return SI_E_NOMEM;
  }
  if (!scan->state[0] || stat(scan->state, &s.state) != 0) {
    s.state.st_ino = 0;
  }
  s.look = (struct si_look){.piece = piece,
                            .most = BYTES_MAX,
                            .signs = true,
                            .exposures = true,
                            .ctx = &s,
                            .sign = on_sign,
                            .found = on_exposure};
  struct si_walk walk = {.depth_max = DEPTH_MAX,
                         .entries_max = ENTRIES_MAX,
                         .git = true,
                         .ctx = &s,
                         .entry = on_entry,
                         .trouble = on_trouble};
  if (top < 0) {
    add(repo, SI_HIT_UNSEEN, ".", 0, strerror(errno));
  } else {
    si_walk_run(&walk, top);
  }
  free(piece);
  return SI_OK;
}

static si_rc place(const struct si_repos_scan *scan, char to[SI_PATH_MAX], bool *found,
                   struct si_error *error) {
  if (si_repository_around(scan->dir, to, found) != SI_OK) {
    if (errno == ENOENT) {
      return si_error_set(error, SI_E_NOT_FOUND, "REPOSITORY_GONE", "there is no %s", scan->dir);
    }
    return si_error_set(error, SI_E_REFUSED, "REPOSITORY_UNCHECKED",
                        "cannot tell which repository %s lies in: %s", scan->dir, strerror(errno));
  }
  if (!*found && scan->whole) {
    char *real = realpath(scan->dir, NULL);
    *found = real != NULL;
    si_copy(to, SI_PATH_MAX, real);
    free(real);
  }
  return SI_OK;
}

static void repo_free(struct si_repo *repo) {
  for (size_t kind = 0; kind < SI_HIT_KINDS; kind++) {
    for (size_t i = 0; i < SI_HITS_MAX; i++) {
      free(repo->hits[kind][i].path);
    }
  }
  free(repo);
}

si_rc si_repos_scan(struct si_repos *repos, const struct si_repos_scan *scan, struct si_repo **out,
                    struct si_error *error) {
  char path[SI_PATH_MAX];
  bool found = false;
  const char *unseen = NULL;
  si_rc status = place(scan, path, &found, error);
  if (status == SI_E_REFUSED && scan->dir[0] == '/') {
    unseen = error->message; /* kept as one, so that it is looked at again */
    found = true;
    si_copy(path, sizeof path, scan->dir);
    status = SI_OK;
  }
  if (status != SI_OK || !found) {
    *out = NULL;
    return status;
  }
  for (struct si_repo *repo = repos->first; repo; repo = repo->next) {
    if (strcmp(repo->path, path) == 0) {
      *out = repo;
      return SI_OK;
    }
  }
  struct si_repo *repo = calloc(1, sizeof *repo);
  if (!repo) {
    return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: scanning %s", path);
  }
  si_copy(repo->path, sizeof repo->path, path);
  if (unseen) {
    add(repo, SI_HIT_UNSEEN, ".", 0, unseen);
  } else {
    status = scan_into(repo, scan);
  }
  if (status != SI_OK) {
    repo_free(repo);
    return si_error_set(error, status, "OUT_OF_MEMORY", "out of memory: scanning %s", path);
  }
  repo->next = repos->first;
  repos->first = repo;
  *out = repo;
  return SI_OK;
}

void si_repos_free(struct si_repos *repos) {
  while (repos->first) {
    struct si_repo *repo = repos->first;
    repos->first = repo->next;
    repo_free(repo);
  }
}
