/* SPDX-License-Identifier: LicenseRef-si-enterprise */
/*
 * look.c - locks as the store tells them and as it is told them, one version at a time. Depends on
 * worm.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"
#include "worm.h"

/* --- asking --- */

static si_rc strange(const si_instance *store, const char *full, struct si_error *error) {
  return si_error_set(error, SI_E_CORRUPT, "S3_LOCK",
                      "what the store says of the lock of s3://%s/%s cannot be read",
                      store->config.bucket, full);
}

static si_rc read_headers(const struct si_http_wanted wanted[3], struct worm_lock *lock) {
  const char *mode = wanted[0].value;
  lock->mode = strcmp(mode, "COMPLIANCE") == 0   ? SI_LOCK_COMPLIANCE
               : strcmp(mode, "GOVERNANCE") == 0 ? SI_LOCK_GOVERNANCE
                                                 : SI_LOCK_NONE;
  lock->until_ms = si_s3_time(wanted[1].value);
  lock->held = strcmp(wanted[2].value, "ON") == 0;
  bool off = !wanted[2].value[0] || strcmp(wanted[2].value, "OFF") == 0;
  bool none = !mode[0] && !wanted[1].value[0];
  bool some = lock->mode != SI_LOCK_NONE && lock->until_ms > 0;
  return (none || some) && (lock->held || off) ? SI_OK : SI_E_CORRUPT;
}

si_rc worm_look(const si_instance *store, const struct si_s3_call *call, const char *full,
                const char *version, struct worm_lock *out, struct si_error *error) {
  struct si_http_wanted wanted[] = {{.name = "x-amz-object-lock-mode"},
                                    {.name = "x-amz-object-lock-retain-until-date"},
                                    {.name = "x-amz-object-lock-legal-hold"},
                                    {.name = "x-amz-delete-marker"}};
  struct si_s3_object object;
  si_rc status = si_s3_head_version(store->s3, call, full, version, wanted, 4, &object, error);
  memset(out, 0, sizeof *out);
  out->marker = strcmp(wanted[3].value, "true") == 0;
  if (status == SI_E_INVALID && version && strcmp(error->code, "S3_REQUEST") == 0) {
    return error->status = SI_E_NOT_FOUND; /* so some stores say that they gave no such name */
  }
  if (status != SI_OK) {
    return status;
  }
  if (read_headers(wanted, out) != SI_OK) {
    return strange(store, full, error);
  }
  out->told_ms = si_s3_time(object.date);
  si_copy(out->version, sizeof out->version, object.version_id[0] ? object.version_id : version);
  return SI_OK;
}

bool worm_locks(const struct worm_lock *lock) {
  return lock->held || (lock->mode != SI_LOCK_NONE && lock->until_ms > lock->told_ms);
}

/* --- telling --- */

void worm_describe(const struct worm_lock *lock, char to[WORM_TEXT]) {
  char until[SI_TIME_SIZE] = "";
  if (lock->mode == SI_LOCK_NONE) {
    si_copy(to, WORM_TEXT, lock->held ? "legal hold" : "none");
    return;
  }
  si_time_text(lock->until_ms, until);
  snprintf(to, WORM_TEXT, "%s until %s%s",
           lock->mode == SI_LOCK_COMPLIANCE ? "COMPLIANCE" : "GOVERNANCE", until,
           lock->held ? ", legal hold" : "");
}

si_rc worm_tell(const struct worm_lock *lock, const char *key, uint32_t flags, si_lock_fn told,
                void *ctx) {
  const si_lock seen = {.size = sizeof seen,
                        .mode = lock->mode,
                        .flags = flags | (lock->held ? SI_LOCK_HELD : 0u),
                        .key = key,
                        .version = lock->version[0] ? lock->version : NULL,
                        .until_ms = lock->until_ms,
                        .told_ms = lock->told_ms};
  return told(ctx, &seen);
}

si_rc worm_fail_locked(const si_instance *store, si_op *op, const char *key,
                       const struct worm_lock *lock) {
  char how[WORM_TEXT];
  worm_describe(lock, how);
  return si_bucket_refuse(store, op, SI_E_RETENTION, NULL, key,
                          "%s is locked (%s; version %.100s): it can be neither written over nor "
                          "removed",
                          key, how, lock->version);
}

/* --- the versions of a key --- */

struct collecting {
  struct worm_versions *versions;
  const char *full;
  size_t room;
  bool over; /* keys behind ours */
};

static si_rc on_version(void *ctx, const struct si_s3_version *v) {
  struct collecting *c = ctx;
  struct worm_versions *to = c->versions;
  if (strcmp(v->key, c->full) != 0) {
    c->over = true; /* a key sorts before all that it begins */
    return SI_E_EXISTS;
  }
  if (to->count == WORM_VERSIONS_MAX) {
    return SI_E_QUOTA;
  }
  if (to->count == c->room) {
    size_t room = c->room ? c->room * 2 : 4;
    struct worm_version *list = realloc(to->list, room * sizeof *list);
    if (!list) {
      return SI_E_NOMEM;
    }
    to->list = list;
    c->room = room;
  }
  struct worm_version *version = &to->list[to->count++];
  si_copy(version->id, sizeof version->id, v->version_id);
  version->marker = v->marker;
  return SI_OK;
}

si_rc worm_versions(const si_instance *store, const struct si_s3_call *call, const char *full,
                    struct worm_versions *out, struct si_error *error) {
  struct collecting c = {.versions = out, .full = full};
  *out = (struct worm_versions){NULL, 0};
  si_rc status = si_s3_versions(store->s3, call, full, on_version, &c, error);
  if (status == SI_E_QUOTA && out->count == WORM_VERSIONS_MAX) {
    return si_error_set(error, status, "S3_LOCK", "s3://%s/%s has more than %d versions",
                        store->config.bucket, full, WORM_VERSIONS_MAX);
  }
  return c.over ? SI_OK : status;
}

void worm_versions_free(struct worm_versions *versions) {
  free(versions->list);
  *versions = (struct worm_versions){NULL, 0};
}

si_rc worm_none_locked(const si_instance *store, si_op *op, const struct worm_versions *versions,
                       const char *key, const char *full) {
  struct si_bucket_call call;
  si_bucket_call_begin(&call, store, op);
  for (size_t i = 0; i < versions->count; i++) {
    const struct worm_version *v = &versions->list[i];
    struct worm_lock lock;
    struct si_error error;
    if (v->marker) {
      continue;
    }
    si_rc status = worm_look(store, &call.s3, full, v->id, &lock, &error);
    if (status == SI_OK && worm_locks(&lock)) {
      return worm_fail_locked(store, op, key, &lock);
    }
    if (status != SI_OK && status != SI_E_NOT_FOUND) {
      return si_bucket_fail(store, op, &error, key);
    }
  }
  return SI_OK;
}

/* --- setting --- */

void worm_time(int64_t ms, char to[SI_TIME_SIZE]) {
  si_time_text((ms + 999) / 1000 * 1000, to);
  char *fraction = strchr(to, '.');
  if (fraction) {
    strcpy(fraction, "Z");
  }
}

static si_rc set(const si_instance *store, const struct si_s3_call *call, const char *full,
                 const char *version, const char *what, const char *document,
                 struct si_error *error) {
  const struct si_http_header pairs[] = {{what, ""}, {"versionId", version}};
  const struct si_s3_query query = {.method = "PUT",
                                    .key = full,
                                    .pairs = pairs,
                                    .pair_count = 2,
                                    .body = document,
                                    .len = strlen(document)};
  struct si_s3_answer answer = SI_S3_ANSWER;
  si_rc status = si_s3_query(store->s3, call, &query, &answer, error);
  si_buf_free(&answer.body);
  return status;
}

si_rc worm_set_retention(const si_instance *store, const struct si_s3_call *call, const char *full,
                         const char *version, uint32_t mode, int64_t until_ms,
                         struct si_error *error) {
  char until[SI_TIME_SIZE], document[320];
  worm_time(until_ms, until);
  snprintf(document, sizeof document,
           "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Mode>%s</Mode>"
           "<RetainUntilDate>%s</RetainUntilDate></Retention>",
           mode == SI_LOCK_COMPLIANCE ? "COMPLIANCE" : "GOVERNANCE", until);
  return set(store, call, full, version, "retention", document, error);
}

si_rc worm_set_hold(const si_instance *store, const struct si_s3_call *call, const char *full,
                    const char *version, bool on, struct si_error *error) {
  return set(store, call, full, version, "legal-hold",
             on ? "<LegalHold xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                  "<Status>ON</Status></LegalHold>"
                : "<LegalHold xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                  "<Status>OFF</Status></LegalHold>",
             error);
}
