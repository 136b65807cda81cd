/* SPDX-License-Identifier: Apache-2.0 */
#include "core/runpack/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/runpack/manifest.h"
#include "kit/base/text.h"

/* Where in the document we are. OTHER: below a field that we do not know. */
enum place {
  OTHER,
  TOP,
  ARTIFACTS,
  ARTIFACT,
  GENERATED,
  INTEGRITY,
  FILE_HASHES,
  FILE_HASH,
  HASH, /* of the nearest field above it: r->hash_of */
  SIGNATURE,
  PLACES
};

enum want { TEXT, TEXT_OR_NULL, ID, INTEGER, BOOLEAN, OBJECT, ARRAY };

/* One field that we know. `into` is a place for containers; for texts, where it goes and how much
 * of it may come. All are needed but those that say `optional`. */
struct rule {
  const char *key;
  size_t offset;
  size_t size;
  enum place in;
  enum want want;
  enum place into;
  int optional;
};

struct si_manifest_reader {
  struct si_manifest *manifest;
  si_manifest_problem problem;
  void *ctx;
  struct si_canon canon;
  struct {
    enum place place;
    unsigned seen; /* bits of the rules met in this object */
  } stack[SI_CANON_DEPTH + 1];
  int depth;
  const struct rule *rule; /* of the key just read; NULL where unknown */
  /* The item being read. */
  char path[SI_KEY_SIZE];
  char artifact_id[SI_KEY_SIZE];
  char kind[32];
  char content_type[SI_KEY_COMPONENT];
  char algorithm[32];
  char value[SI_SHA256_HEX];
  char item_hash[SI_SHA256_HEX];
  int item_faulty;
  int required;
  enum place hash_in; /* whose hash is being read */
  const struct rule *hash_of;
  size_t file_hashes; /* read so far */
  size_t specs;
  struct si_hasher root;
  char root_made[SI_SHA256_HEX];
  struct si_gap_hasher bare; /* the manifest without its signature */
};

#define AT(field) \
  offsetof(struct si_manifest_reader, field), sizeof(((struct si_manifest_reader *)0)->field)
#define MEMBER(field) offsetof(struct si_manifest, field), sizeof(((struct si_manifest *)0)->field)

static const struct rule rules[] = {
    {"artifacts", 0, 0, TOP, ARRAY, ARTIFACTS, 0},
    {"generated_at", 0, 0, TOP, OBJECT, GENERATED, 0},
    {"hash_algorithm", MEMBER(hash_algorithm), TOP, TEXT, TOP, 0},
    {"integrity", 0, 0, TOP, OBJECT, INTEGRITY, 0},
    {"manifest_version", MEMBER(version), TOP, TEXT, TOP, 0},
    {"namespace_id", MEMBER(ids.namespace_id), TOP, ID, TOP, 0},
    {"run_id", MEMBER(ids.run), TOP, ID, TOP, 0},
    {"scenario_id", MEMBER(ids.scenario), TOP, ID, TOP, 0},
    {"signature", 0, 0, TOP, OBJECT, SIGNATURE, 1},
    {"spec_hash", MEMBER(ids.spec_hash), TOP, OBJECT, HASH, 0},
    {"tenant_id", MEMBER(ids.tenant), TOP, ID, TOP, 0},
    {"verifier_mode", MEMBER(verifier_mode), TOP, TEXT, TOP, 0},
    {"kind", MEMBER(generated_kind), GENERATED, TEXT, TOP, 0},
    {"value", 0, 0, GENERATED, INTEGER, TOP, 0},
    {"file_hashes", 0, 0, INTEGRITY, ARRAY, FILE_HASHES, 0},
    {"root_hash", MEMBER(root_hash), INTEGRITY, OBJECT, HASH, 0},
    {"artifact_id", AT(artifact_id), ARTIFACT, TEXT, ARTIFACT, 0},
    {"content_type", AT(content_type), ARTIFACT, TEXT_OR_NULL, ARTIFACT, 1},
    {"hash", AT(item_hash), ARTIFACT, OBJECT, HASH, 0},
    {"kind", AT(kind), ARTIFACT, TEXT, ARTIFACT, 0},
    {"path", AT(path), ARTIFACT, TEXT, ARTIFACT, 0},
    {"required", 0, 0, ARTIFACT, BOOLEAN, ARTIFACT, 0},
    {"hash", AT(item_hash), FILE_HASH, OBJECT, HASH, 0},
    {"path", AT(path), FILE_HASH, TEXT, FILE_HASH, 0},
    {"algorithm", AT(algorithm), HASH, TEXT, HASH, 0},
    {"value", AT(value), HASH, TEXT, HASH, 0},
    {"algorithm", MEMBER(signature_algorithm), SIGNATURE, TEXT, TOP, 0},
    {"key", MEMBER(signature.key), SIGNATURE, TEXT, TOP, 0},
    {"value", MEMBER(signature.value), SIGNATURE, TEXT, TOP, 0},
};

static si_rc invalid(struct si_error *error, const char *what, const char *why) {
  return si_error_set(error, SI_E_INVALID, "MANIFEST_INVALID", "the manifest's %s %s", what, why);
}

static void problem(struct si_manifest_reader *r, const char *code, const char *artifact,
                    const char *message) {
  r->problem(r->ctx, code, artifact, message);
}

static void problem_at(struct si_manifest_reader *r, const char *code, const char *what,
                       const char *path) {
  char message[SI_KEY_SIZE + 128];
  snprintf(message, sizeof message, "%s%s", what, path);
  problem(r, code, path, message);
}

/* Texts of the whole manifest live in it, those of the item being read in the reader. */
static char *target(struct si_manifest_reader *r, enum place in, const struct rule *rule) {
  int whole = in == TOP || in == GENERATED || in == INTEGRITY || in == SIGNATURE;
  return (whole ? (char *)r->manifest : (char *)r) + rule->offset;
}

/* --- scalars --- */

static si_rc take_text(struct si_manifest_reader *r, const struct rule *rule, const char *text,
                       size_t len, struct si_error *error) {
  if (len >= rule->size) {
    return invalid(error, rule->key, "is too long");
  }
  if (rule->want == ID && !si_component_valid(text, len)) {
    return invalid(error, rule->key, "cannot be part of a key");
  }
  memcpy(target(r, rule->in, rule), text, len + 1);
  return SI_OK;
}

static si_rc take_integer(struct si_manifest_reader *r, const struct rule *rule, const char *text,
                          size_t len, struct si_error *error) {
  uint64_t value = 0;
  if (si_parse_u64(text, rule->want == ID ? 1 : 0, 1ull << 53, &value) != SI_OK) {
    return invalid(error, rule->key, rule->want == ID ? "is a number below 1" : "is negative");
  }
  if (rule->want == ID) {
    return take_text(r, rule, text, len, error);
  }
  r->manifest->generated_value = (int64_t)value;
  return SI_OK;
}

static si_rc take_scalar(struct si_manifest_reader *r, enum si_canon_event event, const char *text,
                         size_t len, struct si_error *error) {
  const struct rule *rule = r->rule;
  enum want want = rule->want;
  if (event == SI_CANON_STRING && (want == TEXT || want == TEXT_OR_NULL || want == ID)) {
    return take_text(r, rule, text, len, error);
  }
  if (event == SI_CANON_INTEGER && (want == INTEGER || want == ID)) {
    return take_integer(r, rule, text, len, error);
  }
  if ((event == SI_CANON_TRUE || event == SI_CANON_FALSE) && want == BOOLEAN) {
    r->required = event == SI_CANON_TRUE;
    return SI_OK;
  }
  if (event == SI_CANON_NULL && want == TEXT_OR_NULL) {
    return SI_OK;
  }
  return invalid(error, rule->key, "is not of the type that v1 says");
}

/* --- containers --- */

static si_rc enter(struct si_manifest_reader *r, enum place place, struct si_error *error) {
  if (place == ARTIFACT || place == FILE_HASH) {
    r->path[0] = r->artifact_id[0] = r->kind[0] = r->item_hash[0] = '\0';
    r->content_type[0] = '\0';
    r->required = 0;
    r->item_faulty = 0;
  }
  if (place == HASH) {
    r->hash_in = r->stack[r->depth - 1].place;
    r->hash_of = r->rule;
    r->algorithm[0] = r->value[0] = '\0';
  }
  if (place == FILE_HASHES) {
    si_rc status = si_hasher_start(&r->root);
    if (status != SI_OK) {
      return si_error_set(error, status, "HASH_FAILED", "cannot start a hash");
    }
    si_canon_tee(&r->canon, &r->root);
  }
  r->stack[r->depth].place = place;
  r->stack[r->depth].seen = 0;
  r->depth++;
  r->rule = NULL;
  return SI_OK;
}

/* The place that a value opening here leads to, or an error where v1 has another type here. */
static si_rc open_container(struct si_manifest_reader *r, enum si_canon_event event,
                            struct si_error *error) {
  enum place in = r->depth ? r->stack[r->depth - 1].place : PLACES;
  enum want want = event == SI_CANON_OBJECT ? OBJECT : ARRAY;
  enum place place = OTHER;
  if (in == PLACES || in == ARTIFACTS || in == FILE_HASHES) {
    if (want != OBJECT) {
      return invalid(error, "entry", "is not an object");
    }
    place = in == PLACES ? TOP : in == ARTIFACTS ? ARTIFACT : FILE_HASH;
  } else if (r->rule) {
    if (r->rule->want != want) {
      return invalid(error, r->rule->key, "is not of the type that v1 says");
    }
    place = r->rule->into;
  }
  return enter(r, place, error);
}

static si_rc check_seen(const struct si_manifest_reader *r, struct si_error *error) {
  enum place place = r->stack[r->depth - 1].place;
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    if (rules[i].in == place && !rules[i].optional && !(r->stack[r->depth - 1].seen & (1u << i))) {
      return si_error_set(error, SI_E_INVALID, "MANIFEST_INVALID", "the manifest lacks \"%s\"%s",
                          rules[i].key,
                          place == ARTIFACT    ? " in an artifact"
                          : place == FILE_HASH ? " in a file hash"
                          : place == HASH      ? " in a hash"
                          : place == SIGNATURE ? " in its signature"
                                               : "");
    }
  }
  return SI_OK;
}

static si_rc end_hash(struct si_manifest_reader *r, struct si_error *error) {
  if (strcmp(r->algorithm, "sha256") != 0) {
    problem_at(r, "RUNPACK_HASH_ALGORITHM", "hash algorithm mismatch", "");
    r->item_faulty = 1;
    memset(r->value, '0', SI_SHA256_HEX - 1);
  } else if (!si_sha256_hex_valid(r->value)) {
    return invalid(error, r->hash_of->key, "is not 64 lower-case hex digits");
  }
  memcpy(target(r, r->hash_in, r->hash_of), r->value, sizeof r->value);
  return SI_OK;
}

static si_rc end_artifact(struct si_manifest_reader *r, struct si_error *error) {
  uint32_t marks = r->required ? SI_ENTRY_REQUIRED : 0;
  if (!si_runpack_path_valid(r->path, strlen(r->path))) {
    return invalid(error, "artifact path", "is not \"artifacts/\" and valid names");
  }
  if (!si_manifest_kind_valid(r->kind)) {
    return invalid(error, "artifact kind", "is unknown");
  }
  if (r->content_type[0] && !si_manifest_content_type_valid(r->content_type)) {
    return invalid(error, "content type", "is malformed");
  }
  if (strcmp(r->artifact_id, r->path) != 0) {
    problem_at(r, "RUNPACK_ARTIFACT_ID", "artifact id differs from its path: ", r->path);
  }
  if (strcmp(r->kind, "scenario_spec") == 0) {
    marks |= SI_ENTRY_SPEC;
    r->specs++;
    if (!r->required) {
      problem_at(r, "RUNPACK_SPEC", "the spec is not marked as required: ", r->path);
    }
  }
  marks |= r->item_faulty ? SI_ENTRY_FAULTY : 0;
  si_rc status = si_table_add(&r->manifest->artifacts, r->path, "", "", marks, r->item_hash);
  return status == SI_OK ? SI_OK
                         : si_error_set(error, status, "RUNPACK_TOO_LARGE",
                                        "the manifest names too many artifacts");
}

static void end_artifacts(struct si_manifest_reader *r) {
  struct si_table *table = &r->manifest->artifacts;
  si_table_sort(table);
  for (size_t i = 1; i < table->count; i++) {
    const char *path = si_table_text(table, table->entries[i].path);
    if (strcmp(si_table_text(table, table->entries[i - 1].path), path) == 0) {
      table->entries[i].marks |= SI_ENTRY_FAULTY | SI_ENTRY_HASHED | SI_ENTRY_LISTED;
      problem_at(r, "RUNPACK_DUPLICATE", "artifact is named twice: ", path);
    }
  }
}

/* Of entries with one path, the first is the one that counts. */
static struct si_entry *first_of(struct si_table *table, struct si_entry *entry) {
  while (entry && entry > table->entries &&
         strcmp(si_table_text(table, entry[-1].path), si_table_text(table, entry->path)) == 0) {
    entry--;
  }
  return entry;
}

static si_rc end_file_hash(struct si_manifest_reader *r, struct si_error *error) {
  unsigned char sha256[SI_SHA256_SIZE];
  struct si_table *table = &r->manifest->artifacts;
  if (!si_runpack_path_valid(r->path, strlen(r->path))) {
    return invalid(error, "file hash path", "is not \"artifacts/\" and valid names");
  }
  struct si_entry *entry = first_of(table, si_table_find(table, r->path, r->file_hashes++));
  si_table_unhex(r->item_hash, sha256);
  if (!entry) {
    problem_at(r, "RUNPACK_UNLISTED", "file hash without an artifact: ", r->path);
  } else if (entry->marks & SI_ENTRY_HASHED) {
    problem_at(r, "RUNPACK_DUPLICATE", "file hash stands twice: ", r->path);
  } else {
    entry->marks |= SI_ENTRY_HASHED;
    if (!r->item_faulty && memcmp(entry->sha256, sha256, sizeof sha256) != 0) {
      problem_at(r, "RUNPACK_HASH_DISAGREES", "artifact and file hash disagree for ", r->path);
    }
  }
  return SI_OK;
}

static si_rc close_container(struct si_manifest_reader *r, struct si_error *error) {
  enum place place = r->stack[r->depth - 1].place;
  si_rc status = check_seen(r, error);
  if (status == SI_OK) {
    switch (place) {
      case HASH: status = end_hash(r, error); break;
      case ARTIFACT: status = end_artifact(r, error); break;
      case ARTIFACTS: end_artifacts(r); break;
      case FILE_HASH: status = end_file_hash(r, error); break;
      case SIGNATURE: r->bare.to = si_canon_offset(&r->canon) + 2; break; /* with its comma */
      case FILE_HASHES:
        status = si_canon_untee(&r->canon);
        status = status == SI_OK ? si_hasher_end(&r->root, r->root_made) : status;
        if (status != SI_OK) {
          si_error_set(error, status, "HASH_FAILED", "cannot compute the root hash");
        }
        break;
      default: break;
    }
  }
  r->depth--;
  return status;
}

static void meet_key(struct si_manifest_reader *r, const char *key, size_t len) {
  r->rule = NULL;
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    if (rules[i].in == r->stack[r->depth - 1].place && strcmp(rules[i].key, key) == 0) {
      r->rule = &rules[i];
      r->stack[r->depth - 1].seen |= 1u << i;
    }
  }
  if (r->rule && r->rule->into == SIGNATURE) {
    r->bare.from = si_canon_offset(&r->canon) - len - 1;
    r->bare.to = UINT64_MAX; /* until it ends */
  }
}

static si_rc on_event(void *ctx, enum si_canon_event event, const char *text, size_t len,
                      struct si_error *error) {
  struct si_manifest_reader *r = ctx;
  enum place in = r->depth ? r->stack[r->depth - 1].place : PLACES;
  switch (event) {
    case SI_CANON_OBJECT:
    case SI_CANON_ARRAY: return open_container(r, event, error);
    case SI_CANON_OBJECT_END:
    case SI_CANON_ARRAY_END: return close_container(r, error);
    case SI_CANON_KEY: meet_key(r, text, len); return SI_OK;
    default: break;
  }
  if (in == PLACES || in == ARTIFACTS || in == FILE_HASHES) {
    return invalid(error, "entry", "is not an object");
  }
  return in == OTHER || !r->rule ? SI_OK : take_scalar(r, event, text, len, error);
}

/* --- the whole --- */

si_rc si_manifest_reader_new(struct si_manifest *manifest, si_manifest_problem on_problem,
                             void *ctx, struct si_manifest_reader **out) {
  struct si_manifest_reader *r = calloc(1, sizeof *r);
  if (!r) {
    return SI_E_NOMEM;
  }
  memset(manifest, 0, sizeof *manifest);
  manifest->artifacts = (struct si_table)SI_TABLE(SI_MANIFEST_ARTIFACTS_MAX, SI_MANIFEST_TEXTS_MAX);
  r->manifest = manifest;
  r->problem = on_problem;
  r->ctx = ctx;
  si_canon_start(&r->canon, on_event, r);
  *out = r;
  return si_gap_start(&r->bare);
}

si_rc si_manifest_reader_feed(struct si_manifest_reader *r, const void *data, size_t len,
                              struct si_error *error) {
  si_rc status = si_canon_feed(&r->canon, data, len, error);
  if (status == SI_OK && (status = si_gap_add(&r->bare, data, len)) != SI_OK) {
    si_error_set(error, status, "HASH_FAILED", "cannot compute a hash");
  }
  return status;
}

/* A signature that does not hold is a fault, whoever is trusted; none at all is not. */
static si_rc check_signature(struct si_manifest_reader *r, struct si_error *error) {
  struct si_manifest *m = r->manifest;
  si_rc status = si_gap_end(&r->bare, m->signed_sha256);
  if (status != SI_OK) {
    return si_error_set(error, status, "HASH_FAILED", "cannot compute a hash");
  }
  if (!r->bare.to) {
    return SI_OK; /* there is none */
  }
  if (strcmp(m->signature_algorithm, SI_SIGNATURE_ALGORITHM) != 0) {
    problem(r, "RUNPACK_SIGNATURE", "", "the signature's algorithm is unknown");
    m->signature.key[0] = '\0';
    return SI_OK;
  }
  status = si_signature_check(&m->signature, m->signed_sha256);
  if (status == SI_E_CORRUPT) {
    problem(r, "RUNPACK_SIGNATURE", "", "the manifest is not what was signed");
    m->signature.key[0] = '\0';
    status = SI_OK;
  }
  return status == SI_OK
             ? SI_OK
             : si_error_set(error, status, "SIGNATURE_FAILED", "cannot check a signature");
}

static void check_whole(struct si_manifest_reader *r) {
  const struct si_manifest *m = r->manifest;
  const struct si_table *table = &m->artifacts;
  char message[128];
  if (strcmp(m->version, SI_MANIFEST_VERSION) != 0) {
    snprintf(message, sizeof message, "unsupported manifest version: %s", m->version);
    problem(r, "RUNPACK_VERSION", "", message);
  }
  if (strcmp(m->hash_algorithm, "sha256") != 0) {
    problem(r, "RUNPACK_HASH_ALGORITHM", "", "hash algorithm mismatch");
  }
  if (strcmp(m->verifier_mode, "offline_strict") != 0 &&
      strcmp(m->verifier_mode, "offline_with_fetch") != 0) {
    problem(r, "RUNPACK_VERIFIER_MODE", "", "unknown verifier mode");
  }
  if (strcmp(m->generated_kind, "unix_millis") != 0 && strcmp(m->generated_kind, "logical") != 0) {
    problem(r, "RUNPACK_GENERATED_AT", "", "unknown kind of generated_at");
  }
  if (strcmp(m->root_hash, r->root_made) != 0) {
    problem(r, "RUNPACK_ROOT_HASH", "", "root hash mismatch");
  }
  if (r->specs != 1) {
    problem(r, "RUNPACK_SPEC", "",
            r->specs ? "more than one artifact is the spec" : "no artifact is the spec");
  }
  for (size_t i = 0; i < table->count; i++) {
    const struct si_entry *entry = &table->entries[i];
    const char *path = si_table_text(table, entry->path);
    char hex[SI_SHA256_HEX];
    if (!(entry->marks & SI_ENTRY_HASHED)) {
      problem_at(r, "RUNPACK_UNLISTED", "artifact without a file hash: ", path);
    }
    si_table_hex(entry, hex);
    if ((entry->marks & SI_ENTRY_SPEC) && strcmp(hex, m->ids.spec_hash) != 0) {
      problem_at(r, "RUNPACK_SPEC", "spec hash mismatch for ", path);
    }
  }
}

si_rc si_manifest_reader_end(struct si_manifest_reader *r, struct si_error *error) {
  si_rc status = si_canon_end(&r->canon, error);
  if (status == SI_OK) {
    check_whole(r);
    status = check_signature(r, error);
  }
  return status;
}

void si_manifest_reader_free(struct si_manifest_reader **reader) {
  struct si_manifest_reader *r = *reader;
  if (r) {
    si_canon_free(&r->canon);
    si_hasher_free(&r->root);
    si_gap_free(&r->bare);
    free(r);
  }
  *reader = NULL;
}

void si_manifest_free(struct si_manifest *manifest) {
  si_table_free(&manifest->artifacts);
}
