/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/doctor/check_repo.c - no private state and no secret in plain text in the repositories at
 * hand: the one around the working directory and those named by the caller (scope of the root),
 * those of the context's settings and those where something was found before (scope of the
 * context). R15, R16, R20, R30. Depends on repos.h, record.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "paas/doctor/private.h"
#include "paas/doctor/record.h"
#include "paas/doctor/repos.h"

struct asking {
  struct si_doctor *doctor;
  int kind; /* SI_HIT_ARTIFACT or SI_HIT_EXPOSURE */
  size_t repositories;
  size_t files;
};

static const char *remedy_of(int kind) {
  switch (kind) {
    case SI_HIT_ARTIFACT:
      return "move it out of the repository, take it out of the history too if it was committed, "
             "and "
             "rotate the secrets that it names";
    case SI_HIT_EXPOSURE:
      return "take it out of the file and let si see that (si paas doctor); then put a new one "
             "into the "
             "vault (si paas secret set) and refer to it: one that was committed is known";
    default:
      return "make it readable, or move it out of the repository: what cannot be seen counts as "
             "found";
  }
}

/* What the doctor looks at because of its own record needs a way out of that. */
static const char *remedy_for(const struct asking *asking, int kind, const char *repo, char *to,
                              size_t size) {
  if (!asking->doctor->elsewhere) {
    return remedy_of(kind);
  }
  snprintf(to, size, "%s. Where it is harmless: si paas doctor --context NAME --forget-repo %.700s",
           remedy_of(kind), repo);
  return to;
}

static void tell_hits(struct asking *asking, const struct si_repo *repo, int kind, int severity) {
  struct si_doctor *doctor = asking->doctor;
  size_t count = repo->counts[kind];
  size_t i = 0;
  char own[1024];
  const char *remedy = remedy_for(asking, kind, repo->path, own, sizeof own);
  for (; i < count && i < SI_HITS_MAX && repo->hits[kind][i].path; i++) {
    const struct si_hit *hit = &repo->hits[kind][i];
    char line[32] = "";
    if (hit->line > 0) {
      snprintf(line, sizeof line, ":%zu", hit->line);
    }
    si_doctor_tell(doctor, severity, remedy, "%.700s/%.900s%s: %s", repo->path, hit->path, line,
                   hit->what);
  }
  if (i < count) {
    si_doctor_tell(doctor, severity, remedy, "%.900s: and more like these, %zu in all", repo->path,
                   count);
  }
}

static void tell_repo(struct asking *asking, const struct si_repo *repo) {
  tell_hits(asking, repo, asking->kind, SI_FINDING_CRITICAL);
  tell_hits(asking, repo, SI_HIT_UNSEEN, asking->doctor->row->severity);
  for (size_t i = 0; asking->kind == SI_HIT_ARTIFACT && i < SI_HITS_MAX; i++) {
    const struct si_hit *hit = &repo->hits[SI_HIT_LINK][i];
    if (hit->path) {
      si_doctor_tell(asking->doctor, SI_FINDING_WARNING,
                     "remove the link: programs that follow it copy private state into the "
                     "repository's images and archives",
                     "%.700s/%.900s is a link into the state: %s", repo->path, hit->path,
                     hit->what);
    }
  }
  asking->repositories++;
  asking->files += repo->files;
}

static void ask(struct asking *asking, const char *dir, bool whole) {
  struct si_doctor *doctor = asking->doctor;
  struct si_error error;
  struct si_repo *repo = NULL;
  const struct si_repos_scan scan = {.dir = dir,
                                     .whole = whole,
                                     .likely_only = doctor->mode == SI_DOCTOR_GATE,
                                     .state = doctor->root};
  si_rc status = si_repos_scan(doctor->repos, &scan, &repo, &error);
  if (status != SI_OK) {
    si_doctor_failed(doctor, dir, &error);
  } else if (repo && repo->round != doctor->repos->round && (!doctor->context || !repo->of_root)) {
    repo->round = doctor->repos->round;
    si_copy(repo->asked, sizeof repo->asked, doctor->name);
    repo->of_root = repo->of_root || !doctor->context;
    tell_repo(asking, repo);
  }
}

static bool forgotten(const struct si_doctor *doctor, const char *path) {
  for (const char *const *dir = doctor->forget; dir && *dir; dir++) {
    char *real = realpath(*dir, NULL);
    bool same = strcmp(real ? real : *dir, path) == 0;
    free(real);
    if (same) {
      return true;
    }
  }
  return false;
}

/* Where something was found before: gone since is mended. */
static void ask_recorded(struct asking *asking) {
  struct si_doctor *doctor = asking->doctor;
  cJSON *record SI_AUTO(si_json_free) = NULL;
  const cJSON *entry;
  if (!doctor->state || doctor->mode == SI_DOCTOR_GATE ||
      si_record_read(doctor->state, &record, NULL) != SI_OK) {
    return;
  }
  cJSON_ArrayForEach(entry, si_json_get(record, "repositories")) {
    struct si_error error;
    struct si_repo *repo = NULL;
    if (!cJSON_IsString(entry) || forgotten(doctor, entry->valuestring)) {
      continue;
    }
    const struct si_repos_scan scan = {
        .dir = entry->valuestring, .whole = true, .state = doctor->root};
    if (si_repos_scan(doctor->repos, &scan, &repo, &error) != SI_E_NOT_FOUND) {
      doctor->elsewhere = true; /* found by the root, or by hand, before */
      ask(asking, scan.dir, true);
      doctor->elsewhere = false;
    }
  }
}

static void check(struct si_doctor *doctor, int kind) {
  struct asking asking = {.doctor = doctor, .kind = kind};
  const cJSON *entry;
  doctor->repos->round++;
  if (!doctor->context) {
    ask(&asking, ".", false);
    for (const char *const *dir = doctor->repositories; dir && *dir; dir++) {
      ask(&asking, *dir, true);
    }
  } else {
    cJSON_ArrayForEach(entry, si_json_get(doctor->context->config, "repositories")) {
      if (cJSON_IsString(entry)) {
        ask(&asking, entry->valuestring, true);
      }
    }
    ask_recorded(&asking);
  }
  if (doctor->told == 0) {
    si_doctor_ok(doctor, "%zu files in %zu repositor%s", asking.files, asking.repositories,
                 asking.repositories == 1 ? "y" : "ies");
  }
}

void si_check_repo_artifacts(struct si_doctor *doctor) {
  check(doctor, SI_HIT_ARTIFACT);
}

void si_check_repo_exposure(struct si_doctor *doctor) {
  check(doctor, SI_HIT_EXPOSURE);
}
