/* SPDX-License-Identifier: Apache-2.0 */
#include "core/runpack/verify.h"

#include <stdlib.h>
#include <string.h>

#include "core/runpack/manifest.h"
#include "core/runpack/reader.h"
#include "kit/base/text.h"

enum {
  BLOCK = 64 * 1024, /* the manifest is copied in blocks of this size before it is looked at */
  EXTRA = 16         /* objects beyond the manifest's that a listing may show before it is cut */
};

/* One artifact on its way. They end in any order, and are judged in the manifest's: the same
 * runpack gives the same report. */
struct check {
  struct verify *v;
  struct check *next;
  struct si_entry *entry;
  struct si_hasher hasher;
  uint64_t got;
  bool started;
  bool ended;
  si_rc status;         /* why it could not be read */
  struct si_error *why; /* with that; NULL where there was no memory for it */
};

struct verify {
  struct si_store *store;
  const char *prefix;
  const struct si_verify_options *options;
  struct si_verify_report *report;
  uint64_t cap;
  struct si_manifest manifest;
  struct si_manifest_reader *reader;
  struct si_hasher hasher;
  char *block;
  uint64_t got; /* of the manifest */
  int started;
  struct check *asked; /* in the manifest's order */
  struct check **asked_last;
  struct check *spare;
  size_t judged;
  int missing;           /* there is no manifest */
  si_rc status;          /* why no verdict can be given; SI_OK so far */
  struct si_error why;   /* with status */
  struct si_error fault; /* why the manifest cannot be read */
  uint64_t listed;
};

/* Is it the object's fault (then it is a finding), or was the store not to be asked (then there is
 * no verdict)? */
static int is_finding(si_rc status) {
  switch (status) {
    case SI_E_NOT_FOUND:
    case SI_E_INVALID:
    case SI_E_QUOTA:
    case SI_E_IO:
    case SI_E_CORRUPT:
    case SI_E_REFUSED: return 1;
    default: return 0;
  }
}

static void give_up(struct verify *v, si_rc status, const struct si_error *error) {
  if (v->status == SI_OK) {
    v->status = status;
    if (error && error->status == status) {
      v->why = *error;
    } else {
      si_error_set(&v->why, status, "RUNPACK_UNREADABLE", "cannot read the runpack: %s",
                   si_status_text(status));
    }
  }
}

/* --- the manifest --- */

static void on_problem(void *ctx, const char *code, const char *artifact, const char *message) {
  struct verify *v = ctx;
  si_report_fault(v->report, code, artifact, "%s", message);
}

static si_rc manifest_data(void *ctx, const void *data, size_t len) {
  struct verify *v = ctx;
  const char *from = data;
  si_rc status = SI_OK;
  v->got += len;
  if (v->got > SI_MANIFEST_MAX) {
    return SI_E_QUOTA;
  }
  while (status == SI_OK && len > 0) {
    /* Copied first: the store's memory may change between two looks. */
    size_t n = len < BLOCK ? len : BLOCK;
    memcpy(v->block, from, n);
    status = si_hasher_add(&v->hasher, v->block, n);
    if (status == SI_OK && v->fault.status == SI_OK) {
      /* What does not read is still hashed to its end. */
      si_rc read = si_manifest_reader_feed(v->reader, v->block, n, &v->fault);
      status = read == SI_E_NOMEM || read == SI_E_INTERNAL ? read : SI_OK;
    }
    from += n;
    len -= n;
  }
  return status;
}

static void manifest_end(void *ctx, si_rc status, const struct si_error *error) {
  struct verify *v = ctx;
  v->started = 1;
  if (status == SI_E_NOT_FOUND) {
    v->missing = 1;
  } else if (is_finding(status)) {
    si_report_fault(v->report, "RUNPACK_MANIFEST", SI_KEY_MANIFEST, "manifest read failed: %s",
                    status == SI_E_QUOTA ? "it is longer than 256 MiB" : si_status_text(status));
  } else if (status != SI_OK) {
    give_up(v, status, error);
  } else if (si_hasher_end(&v->hasher, v->report->manifest_sha256) != SI_OK) {
    give_up(v, SI_E_INTERNAL, NULL);
  }
}

static void check_placement(struct verify *v) {
  struct si_runpack_ids at;
  const struct si_runpack_ids *ids = &v->manifest.ids;
  if (si_runpack_prefix_parse(v->prefix, &at) != SI_OK) {
    return;
  }
  const struct {
    const char *what;
    const char *said;
    const char *at;
  } pairs[] = {{"tenant_id", ids->tenant, at.tenant},
               {"namespace_id", ids->namespace_id, at.namespace_id},
               {"scenario_id", ids->scenario, at.scenario},
               {"run_id", ids->run, at.run},
               {"spec_hash", ids->spec_hash, at.spec_hash}};
  v->report->placed = true;
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    if (strcmp(pairs[i].said, pairs[i].at) != 0) {
      v->report->placed = false;
      si_report_fault(v->report, "RUNPACK_PLACEMENT", "",
                      "the manifest says %s \"%s\", its place says \"%s\"", pairs[i].what,
                      pairs[i].said, pairs[i].at);
    }
  }
}

/* Nothing at all, or artifacts without a manifest? */
static si_rc seen_one(void *ctx, const struct si_store_object *object) {
  (void)object;
  *(int *)ctx = 1;
  return SI_E_EXISTS; /* one is enough */
}

static si_rc verdict(const struct verify *v, struct si_error *error) {
  const struct si_verify_report *report = v->report;
  if (report->failures == 0) {
    return SI_OK;
  }
  si_error_set(error, SI_E_CORRUPT, "RUNPACK_VERIFY_FAILED", "%s%s", report->first_message,
               report->failures > 1 ? " (and more: see the report)" : "");
  si_error_target(error, "verify", report->first_artifact);
  si_error_hint(error, "do not rely on this runpack; compare it with another copy");
  return SI_E_CORRUPT;
}

static si_rc no_manifest(struct verify *v, struct si_error *error) {
  int any = 0;
  si_rc status = v->store->vt->list(v->store, v->prefix, 1, &any, seen_one, error);
  any |= status == SI_E_QUOTA; /* more than one */
  if (!any && status != SI_OK) {
    return status;
  }
  if (!any && v->options && v->options->manifest_sha256) {
    si_report_fault(v->report, "RUNPACK_NOT_KEPT", SI_KEY_MANIFEST,
                    "the store took the runpack, and holds nothing of it");
    return verdict(v, error);
  }
  if (!any) {
    return si_error_set(error, SI_E_NOT_FOUND, "RUNPACK_NOT_FOUND", "there is no runpack at \"%s\"",
                        v->prefix);
  }
  si_report_fault(v->report, "RUNPACK_INCOMPLETE", SI_KEY_MANIFEST,
                  "the runpack is incomplete: it has no manifest");
  si_error_set(error, SI_E_CORRUPT, "RUNPACK_INCOMPLETE",
               "the runpack at \"%s\" is incomplete: it has no manifest", v->prefix);
  si_error_target(error, "verify", SI_KEY_MANIFEST);
  si_error_hint(error, "its export did not finish; export it again");
  return SI_E_CORRUPT;
}

static si_rc read_manifest(struct verify *v, struct si_error *error) {
  char key[SI_KEY_SIZE];
  si_rc status = si_manifest_reader_new(&v->manifest, on_problem, v, &v->reader);
  status = status == SI_OK ? si_hasher_start(&v->hasher) : status;
  v->block = malloc(BLOCK);
  if (status != SI_OK || !v->block) {
    return si_error_set(error, SI_E_NOMEM, "RUNPACK_UNREADABLE", "out of memory");
  }
  if (si_runpack_key(v->prefix, SI_KEY_MANIFEST, key) != SI_OK) {
    return si_error_set(error, SI_E_INVALID, "RUNPACK_ID_INVALID", "the prefix is too long");
  }
  v->started = 0;
  status = v->store->vt->get(v->store, key, SI_MANIFEST_MAX, v, manifest_data, manifest_end, error);
  si_rc flushed = v->store->vt->flush(v->store, status == SI_OK ? error : NULL);
  status = status == SI_OK ? flushed : status;
  if (v->status != SI_OK || status != SI_OK) {
    return status;
  }
  if (!v->started) {
    return si_error_set(error, SI_E_INTERNAL, "RUNPACK_UNREADABLE",
                        "the store never answered for the manifest");
  }
  if (v->missing || v->report->manifest_sha256[0] == '\0') {
    return SI_OK;
  }
  if (v->fault.status != SI_OK || si_manifest_reader_end(v->reader, &v->fault) != SI_OK) {
    si_report_fault(v->report, v->fault.code, SI_KEY_MANIFEST, SI_KEY_MANIFEST ": %s",
                    v->fault.message);
    return SI_OK;
  }
  v->report->ids = v->manifest.ids;
  check_placement(v);
  return SI_OK;
}

/* --- the artifacts --- */

static struct check *check_new(struct verify *v, struct si_entry *entry) {
  struct check *c = v->spare;
  if (c) {
    v->spare = c->next;
  } else if (!(c = calloc(1, sizeof *c))) {
    return NULL;
  }
  *c = (struct check){.v = v, .entry = entry, .hasher = c->hasher};
  *v->asked_last = c;
  v->asked_last = &c->next;
  return c;
}

static void check_free(struct check *c) {
  while (c) {
    struct check *next = c->next;
    si_hasher_free(&c->hasher);
    free(c->why);
    free(c);
    c = next;
  }
}

/* On any thread. */
static si_rc artifact_data(void *ctx, const void *data, size_t len) {
  struct check *c = ctx;
  if (!c->started) {
    si_rc status = si_hasher_start(&c->hasher);
    if (status != SI_OK) {
      return status;
    }
    c->started = true;
  }
  c->got += len;
  if (c->got > c->v->cap) {
    return SI_E_QUOTA;
  }
  /* Hashing looks at each byte once. */
  return si_hasher_add(&c->hasher, data, len);
}

/* All bytes of the artifact are in the hasher. */
static void judge_bytes(struct verify *v, struct check *c, const char *path) {
  char hex[SI_SHA256_HEX], expected[SI_SHA256_HEX];
  if ((!c->started && si_hasher_start(&c->hasher) != SI_OK) ||
      si_hasher_end(&c->hasher, hex) != SI_OK) {
    give_up(v, SI_E_INTERNAL, NULL);
    return;
  }
  v->report->checked_files++;
  v->report->bytes += c->got;
  si_table_hex(c->entry, expected);
  if (memcmp(hex, expected, sizeof hex) != 0) {
    si_report_fault(v->report, "RUNPACK_HASH_MISMATCH", path, "hash mismatch for %s", path);
  }
}

static void judge(struct verify *v, struct check *c) {
  const char *path = si_table_text(&v->manifest.artifacts, c->entry->path);
  if (c->status == SI_OK) {
    judge_bytes(v, c, path);
  } else if (c->status == SI_E_NOT_FOUND) {
    c->entry->marks |= SI_ENTRY_ABSENT;
    si_report_fault(v->report, "RUNPACK_ARTIFACT_MISSING", path,
                    "artifact read failed for %s: not found", path);
  } else if (c->status == SI_E_QUOTA) {
    si_report_fault(v->report, "RUNPACK_ARTIFACT_TOO_LARGE", path,
                    "artifact read failed for %s: it is longer than %llu bytes", path,
                    (unsigned long long)v->cap);
  } else if (is_finding(c->status)) {
    si_report_fault(v->report, "RUNPACK_ARTIFACT_UNREADABLE", path,
                    "artifact read failed for %s: %s", path,
                    c->why && c->why->message[0] ? c->why->message : si_status_text(c->status));
  } else {
    give_up(v, c->status, c->why);
  }
  v->judged++;
  if (v->options && v->options->progress) {
    v->options->progress(v->options->ctx, v->judged, v->manifest.artifacts.count, v->report->bytes);
  }
}

static void artifact_end(void *ctx, si_rc status, const struct si_error *error) {
  struct check *c = ctx;
  struct verify *v = c->v;
  c->ended = true;
  c->status = status;
  if (status != SI_OK && error && (c->why = malloc(sizeof *c->why))) {
    *c->why = *error;
  }
  while (v->asked && v->asked->ended) {
    c = v->asked;
    v->asked = c->next;
    v->asked_last = v->asked ? v->asked_last : &v->asked;
    judge(v, c);
    free(c->why);
    c->why = NULL;
    c->next = v->spare;
    v->spare = c;
  }
}

static si_rc ask_for(struct verify *v, struct si_entry *entry, struct si_error *error) {
  char key[SI_KEY_SIZE];
  if (si_runpack_key(v->prefix, si_table_text(&v->manifest.artifacts, entry->path), key) != SI_OK) {
    return si_error_set(error, SI_E_INVALID, "RUNPACK_KEY", "a key is longer than 4096 bytes");
  }
  struct check *c = check_new(v, entry);
  return c ? v->store->vt->get(v->store, key, v->cap, c, artifact_data, artifact_end, error)
           : si_error_set(error, SI_E_NOMEM, "RUNPACK_UNREADABLE", "out of memory");
}

static si_rc read_artifacts(struct verify *v, struct si_error *error) {
  const struct si_table *table = &v->manifest.artifacts;
  si_rc status = SI_OK;
  v->asked_last = &v->asked;
  for (size_t i = 0; status == SI_OK && v->status == SI_OK && i < table->count; i++) {
    if (!(table->entries[i].marks & SI_ENTRY_FAULTY)) {
      status = ask_for(v, &table->entries[i], error);
    }
  }
  /* Also after a failure: nothing may call back once this returns. */
  si_rc flushed = v->store->vt->flush(v->store, status == SI_OK ? error : NULL);
  status = status == SI_OK ? flushed : status;
  if (status == SI_OK && v->status == SI_OK && v->asked) {
    status = si_error_set(error, SI_E_INTERNAL, "RUNPACK_UNREADABLE",
                          "the store did not answer for every artifact");
  }
  return status;
}

/* --- the listing --- */

/* The bytes were counted as they came; the length that a listing tells proves nothing. */
static si_rc on_listed(void *ctx, const struct si_store_object *object) {
  struct verify *v = ctx;
  const char *key = object->key;
  size_t hint = (size_t)v->listed;
  if (v->listed++ > v->manifest.artifacts.count + EXTRA) {
    return SI_E_QUOTA;
  }
  size_t prefix = strlen(v->prefix);
  const char *path = key;
  if (prefix) {
    path = strncmp(key, v->prefix, prefix) == 0 && key[prefix] == '/' ? key + prefix + 1 : "";
  }
  if (strcmp(path, SI_KEY_MANIFEST) == 0) {
    return SI_OK;
  }
  struct si_entry *entry = si_table_find(&v->manifest.artifacts, path, hint);
  if (!entry) {
    si_report_fault(v->report, "RUNPACK_EXTRA", path[0] ? path : key,
                    "object that the manifest does not name: %s", path[0] ? path : key);
  } else if (entry->marks & SI_ENTRY_LISTED) {
    si_report_fault(v->report, "RUNPACK_DUPLICATE", path, "the store lists twice: %s", path);
  }
  if (entry) {
    entry->marks |= SI_ENTRY_LISTED;
  }
  return SI_OK;
}

static si_rc check_listing(struct verify *v, struct si_error *error) {
  const struct si_table *table = &v->manifest.artifacts;
  v->listed = 0;
  si_rc status =
      v->store->vt->list(v->store, v->prefix, table->count + 1 + EXTRA, v, on_listed, error);
  if (status == SI_E_QUOTA) {
    si_report_fault(v->report, "RUNPACK_EXTRA", "",
                    "the store holds more objects than the manifest names");
    return SI_OK;
  }
  if (status != SI_OK) {
    return status;
  }
  for (size_t i = 0; i < table->count; i++) {
    const char *path = si_table_text(table, table->entries[i].path);
    if (!(table->entries[i].marks & (SI_ENTRY_LISTED | SI_ENTRY_ABSENT))) {
      si_report_fault(v->report, "RUNPACK_UNLISTED", path, "the store does not list %s", path);
    }
  }
  return SI_OK;
}

/* --- on what it rests --- */

static void check_key(struct verify *v) {
  const struct si_verify_options *o = v->options;
  si_copy(v->report->signer, sizeof v->report->signer, v->manifest.signature.key);
  v->report->trusted =
      o->keys && v->report->signer[0] && si_key_set_has(o->keys, v->report->signer);
  if (o->require != SI_REQUIRE_SIGNED || v->report->trusted) {
    return;
  }
  if (v->report->signer[0]) {
    si_report_fault(v->report, "RUNPACK_UNTRUSTED_KEY", "",
                    "it is signed by a key that is not trusted here: %s", v->report->signer);
  } else {
    si_report_fault(v->report, "RUNPACK_UNSIGNED", "", "its manifest bears no valid signature");
  }
}

static si_rc check_support(struct verify *v, struct si_error *error) {
  static const struct si_verify_options nothing;
  const struct si_verify_options *o = v->options = v->options ? v->options : &nothing;
  si_rc status = SI_OK;
  if (o->manifest_sha256 && strcmp(o->manifest_sha256, v->report->manifest_sha256) != 0) {
    si_report_fault(v->report, "RUNPACK_OTHER_MANIFEST", SI_KEY_MANIFEST,
                    "the store gives another manifest than the one that was put there");
  }
  check_key(v);
  if (o->anchored) {
    status = o->anchored(o->ctx, v->report->manifest_sha256, &v->report->anchored, error);
  }
  if (status == SI_OK && o->require == SI_REQUIRE_ANCHORED && !v->report->anchored) {
    si_report_fault(v->report, "RUNPACK_NOT_ANCHORED", "",
                    "no audit chain given here tells of its manifest");
  }
  return status;
}

/* --- all of it --- */

static si_rc run(struct verify *v, struct si_error *error) {
  si_rc status = read_manifest(v, error);
  if (status == SI_OK && v->status == SI_OK && v->missing) {
    return no_manifest(v, error);
  }
  if (status == SI_OK && v->status == SI_OK && v->fault.status == SI_OK &&
      v->report->manifest_sha256[0]) {
    status = read_artifacts(v, error);
    status = status == SI_OK && v->status == SI_OK ? check_listing(v, error) : status;
    status = status == SI_OK && v->status == SI_OK ? check_support(v, error) : status;
  }
  if (v->status != SI_OK) {
    if (error) {
      *error = v->why;
    }
    return v->status;
  }
  return status == SI_OK ? verdict(v, error) : status;
}

si_rc si_runpack_verify(struct si_store *store, const char *prefix,
                        const struct si_verify_options *options, struct si_verify_report *report,
                        struct si_error *error) {
  struct verify *v = calloc(1, sizeof *v);
  if (!v) {
    return si_error_set(error, SI_E_NOMEM, "RUNPACK_UNREADABLE", "out of memory");
  }
  v->store = store;
  v->prefix = prefix;
  v->options = options;
  v->report = report;
  v->cap = options && options->max_artifact_bytes ? options->max_artifact_bytes
                                                  : SI_ARTIFACT_MAX_DEFAULT;
  si_rc status = SI_E_INVALID;
  if (prefix[0] && !si_runpack_key_valid(prefix, strlen(prefix))) {
    si_error_set(error, status, "RUNPACK_ID_INVALID", "\"%.200s\" is not a runpack's prefix",
                 prefix);
  } else {
    status = run(v, error);
  }
  si_manifest_reader_free(&v->reader);
  si_manifest_free(&v->manifest);
  si_hasher_free(&v->hasher);
  check_free(v->asked);
  check_free(v->spare);
  free(v->block);
  free(v);
  return status;
}

/* --- the manifest for people --- */

struct manifest_copy {
  struct si_buf *out;
  si_rc status;
  struct si_error why;
};

static si_rc copy_data(void *ctx, const void *data, size_t len) {
  return si_buf_add(((struct manifest_copy *)ctx)->out, data, len);
}

static void copy_end(void *ctx, si_rc status, const struct si_error *error) {
  struct manifest_copy *copy = ctx;
  copy->status = status;
  if (status != SI_OK && error) {
    copy->why = *error;
  }
}

si_rc si_runpack_manifest(struct si_store *store, const char *prefix, struct si_buf *out,
                          struct si_error *error) {
  struct manifest_copy copy = {out, SI_E_INTERNAL, {.status = SI_E_INTERNAL}};
  char key[SI_KEY_SIZE];
  if ((prefix[0] && !si_runpack_key_valid(prefix, strlen(prefix))) ||
      si_runpack_key(prefix, SI_KEY_MANIFEST, key) != SI_OK) {
    return si_error_set(error, SI_E_INVALID, "RUNPACK_ID_INVALID",
                        "\"%.200s\" is not a runpack's prefix", prefix);
  }
  uint64_t limit = out->max < SI_MANIFEST_MAX ? out->max : SI_MANIFEST_MAX;
  si_rc status = store->vt->get(store, key, limit, &copy, copy_data, copy_end, error);
  si_rc flushed = store->vt->flush(store, status == SI_OK ? error : NULL);
  status = status == SI_OK ? flushed : status;
  if (status != SI_OK || copy.status == SI_OK) {
    return status;
  }
  if (copy.status == SI_E_NOT_FOUND) {
    return si_error_set(error, SI_E_NOT_FOUND, "RUNPACK_INCOMPLETE",
                        "there is no manifest at \"%s\"", prefix);
  }
  if (error) {
    *error = copy.why;
  }
  return copy.status;
}
