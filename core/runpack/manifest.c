/* SPDX-License-Identifier: Apache-2.0 */
#include "core/runpack/manifest.h"

#include <string.h>

#include "kit/base/json.h"

enum { BLOCK = 64 * 1024, SLACK = 64 * 1024 };

struct writer {
  struct si_buf block;
  si_manifest_put put;
  void *ctx;
  struct si_error *error;
  si_rc status; /* the first failure; nothing is written after it */
};

static void flush(struct writer *w, size_t at_least) {
  if (w->status == SI_OK && w->block.len >= at_least && w->block.len > 0) {
    w->status = w->put(w->ctx, w->block.data, w->block.len, w->error);
    si_buf_clear(&w->block);
  }
}

static void made(struct writer *w, si_rc status) {
  if (status != SI_OK) {
    w->status = si_error_set(w->error, status, "MANIFEST_WRITE", "cannot write the manifest: %s",
                             si_status_text(status));
  }
}

static void raw(struct writer *w, const char *text) {
  if (w->status == SI_OK) {
    made(w, si_buf_puts(&w->block, text));
  }
}

static void quoted(struct writer *w, const char *text) {
  if (w->status == SI_OK) {
    made(w, si_json_quote(text, strlen(text), &w->block));
  }
}

static void hash(struct writer *w, const char *hex) {
  raw(w, "{\"algorithm\":\"sha256\",\"value\":\"");
  raw(w, hex);
  raw(w, "\"}");
}

static void artifacts(struct writer *w, const struct si_table *table) {
  char hex[SI_SHA256_HEX];
  for (size_t i = 0; w->status == SI_OK && i < table->count; i++) {
    const struct si_entry *entry = &table->entries[i];
    const char *path = si_table_text(table, entry->path);
    si_table_hex(entry, hex);
    raw(w, i ? ",{\"artifact_id\":" : "{\"artifact_id\":");
    quoted(w, path);
    raw(w, ",\"content_type\":");
    quoted(w, si_table_text(table, entry->content_type));
    raw(w, ",\"hash\":");
    hash(w, hex);
    raw(w, ",\"kind\":");
    quoted(w, si_table_text(table, entry->kind));
    raw(w, ",\"path\":");
    quoted(w, path);
    raw(w, ",\"required\":");
    raw(w, entry->marks & SI_ENTRY_REQUIRED ? "true}" : "false}");
    flush(w, BLOCK);
  }
}

static void file_hashes(struct writer *w, const struct si_table *table) {
  char hex[SI_SHA256_HEX];
  raw(w, "[");
  for (size_t i = 0; w->status == SI_OK && i < table->count; i++) {
    si_table_hex(&table->entries[i], hex);
    raw(w, i ? ",{\"hash\":" : "{\"hash\":");
    hash(w, hex);
    raw(w, ",\"path\":");
    quoted(w, si_table_text(table, table->entries[i].path));
    raw(w, "}");
    flush(w, BLOCK);
  }
  raw(w, "]");
}

static void provenance(struct writer *w, const struct si_manifest_head *head) {
  raw(w, ",\"provenance\":{\"plugins\":[");
  for (size_t i = 0; w->status == SI_OK && i < head->plugin_count; i++) {
    raw(w, i ? ",{\"id\":" : "{\"id\":");
    quoted(w, head->plugins[i].id);
    raw(w, ",\"sha256\":");
    quoted(w, head->plugins[i].sha256);
    raw(w, ",\"version\":");
    quoted(w, head->plugins[i].version);
    raw(w, "}");
    flush(w, BLOCK);
  }
  raw(w, "],\"si\":{\"version\":");
  quoted(w, head->si_version);
  raw(w, "}}");
}

static void signature(struct writer *w, const struct si_signature *signature) {
  raw(w, ",\"signature\":{\"algorithm\":\"" SI_SIGNATURE_ALGORITHM "\",\"key\":\"");
  raw(w, signature->key);
  raw(w, "\",\"value\":\"");
  raw(w, signature->value);
  raw(w, "\"}");
}

static void member(struct writer *w, const char *key, const char *value) {
  raw(w, key);
  quoted(w, value);
}

static void whole(struct writer *w, const struct si_manifest_head *head,
                  const struct si_table *table, const char *root) {
  raw(w, "{\"artifacts\":[");
  artifacts(w, table);
  raw(w, head->generated == SI_GENERATED_LOGICAL
             ? "],\"generated_at\":{\"kind\":\"logical\",\"value\":"
             : "],\"generated_at\":{\"kind\":\"unix_millis\",\"value\":");
  if (w->status == SI_OK) {
    made(w, si_buf_printf(&w->block, "%lld", (long long)head->generated_value));
  }
  raw(w, "},\"hash_algorithm\":\"sha256\",\"integrity\":{\"file_hashes\":");
  file_hashes(w, table);
  raw(w, ",\"root_hash\":");
  hash(w, root);
  member(w, "},\"manifest_version\":", SI_MANIFEST_VERSION);
  member(w, ",\"namespace_id\":", head->ids->namespace_id);
  if (head->si_version) {
    provenance(w, head);
  }
  member(w, ",\"run_id\":", head->ids->run);
  member(w, ",\"scenario_id\":", head->ids->scenario);
  if (head->signature) {
    signature(w, head->signature);
  }
  raw(w, ",\"spec_hash\":");
  hash(w, head->ids->spec_hash);
  member(w, ",\"tenant_id\":", head->ids->tenant);
  raw(w, ",\"verifier_mode\":\"offline_strict\"}");
  flush(w, 0);
}

si_rc si_manifest_write(const struct si_manifest_head *head, const struct si_table *table,
                        const char root[SI_SHA256_HEX], si_manifest_put put, void *ctx,
                        struct si_error *error) {
  struct writer w = {SI_BUF(BLOCK + SLACK), put, ctx, error, SI_OK};
  whole(&w, head, table, root);
  si_buf_free(&w.block);
  return w.status;
}

static si_rc add_to_hash(void *ctx, const void *data, size_t len, struct si_error *error) {
  (void)error;
  return si_hasher_add(ctx, data, len);
}

si_rc si_manifest_root(const struct si_table *table, char hex[SI_SHA256_HEX]) {
  struct si_hasher hasher SI_AUTO(si_hasher_free) = {NULL};
  si_rc status = si_hasher_start(&hasher);
  if (status != SI_OK) {
    return status;
  }
  struct writer w = {SI_BUF(BLOCK + SLACK), add_to_hash, &hasher, NULL, SI_OK};
  file_hashes(&w, table);
  flush(&w, 0);
  si_buf_free(&w.block);
  return w.status == SI_OK ? si_hasher_end(&hasher, hex) : w.status;
}

int si_manifest_kind_valid(const char *kind) {
  static const char *const kinds[] = {
      "scenario_spec",   "trigger_log",     "gate_eval_log", "decision_log",
      "packet_log",      "dispatch_log",    "evidence_log",  "submission_log",
      "tool_transcript", "verifier_report", "custom",
  };
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (strcmp(kind, kinds[i]) == 0) {
      return 1;
    }
  }
  return 0;
}

int si_manifest_content_type_valid(const char *content_type) {
  static const char token[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$&^_.+-";
  size_t len = strnlen(content_type, 256);
  size_t type = strspn(content_type, token);
  if (len == 0 || len > 255 || type == 0 || content_type[type] != '/') {
    return 0;
  }
  size_t subtype = strspn(content_type + type + 1, token);
  char after = content_type[type + 1 + subtype];
  if (subtype == 0 || (after != '\0' && after != ';' && after != ' ')) {
    return 0;
  }
  for (size_t i = 0; i < len; i++) {
    if (content_type[i] < 0x20 || content_type[i] > 0x7e) {
      return 0;
    }
  }
  return 1;
}
