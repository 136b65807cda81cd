/* SPDX-License-Identifier: Apache-2.0 */
#include "core/runpack/table.h"

#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"

void si_table_unhex(const char *hex, unsigned char out[SI_SHA256_SIZE]) {
  for (size_t i = 0; i < SI_SHA256_SIZE; i++) {
    unsigned value = 0;
    for (size_t j = 0; j < 2; j++) {
      char c = hex[2 * i + j];
      value = value * 16 + (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    out[i] = (unsigned char)value;
  }
}

void si_table_hex(const struct si_entry *entry, char hex[SI_SHA256_HEX]) {
  si_hex(entry->sha256, sizeof entry->sha256, hex);
}

const char *si_table_text(const struct si_table *table, uint32_t offset) {
  return table->texts.data + offset;
}

static si_rc grow(struct si_table *table) {
  if (table->count < table->room) {
    return SI_OK;
  }
  if (table->count >= table->most) {
    return SI_E_QUOTA;
  }
  /* By half: the table stays within 1.5 times of what it holds. */
  size_t room = table->room ? table->room + table->room / 2 : 64;
  room = room > table->most ? table->most : room;
  struct si_entry *entries = reallocarray(table->entries, room, sizeof *entries);
  if (!entries) {
    return SI_E_NOMEM;
  }
  table->entries = entries;
  table->room = room;
  return SI_OK;
}

/* Keeps a text with its NUL; where it equals the one at `same`, that one serves. */
static si_rc keep(struct si_table *table, const char *text, const uint32_t *same, uint32_t *out) {
  if (same && strcmp(si_table_text(table, *same), text) == 0) {
    *out = *same;
    return SI_OK;
  }
  size_t at = table->texts.len;
  if (at > UINT32_MAX) {
    return SI_E_QUOTA;
  }
  si_rc status = si_buf_add(&table->texts, text, strlen(text) + 1);
  if (status == SI_OK) {
    *out = (uint32_t)at;
  }
  return status;
}

si_rc si_table_add(struct si_table *table, const char *path, const char *kind,
                   const char *content_type, uint32_t marks, const char hex[SI_SHA256_HEX]) {
  struct si_entry entry = {.marks = marks};
  const struct si_entry *last = table->count ? &table->entries[table->count - 1] : NULL;
  si_rc status = keep(table, path, NULL, &entry.path);
  status = status == SI_OK ? keep(table, kind, last ? &last->kind : NULL, &entry.kind) : status;
  status = status == SI_OK
               ? keep(table, content_type, last ? &last->content_type : NULL, &entry.content_type)
               : status;
  status = status == SI_OK ? grow(table) : status;
  if (status != SI_OK) {
    return status;
  }
  si_table_unhex(hex, entry.sha256);
  if (table->count) {
    const char *before = si_table_text(table, table->entries[table->count - 1].path);
    table->sorted = table->sorted && strcmp(before, path) <= 0;
  }
  table->entries[table->count++] = entry;
  return SI_OK;
}

static int compare(const struct si_table *table, size_t a, size_t b) {
  return strcmp(si_table_text(table, table->entries[a].path),
                si_table_text(table, table->entries[b].path));
}

static void swap(struct si_table *table, size_t a, size_t b) {
  struct si_entry entry = table->entries[a];
  table->entries[a] = table->entries[b];
  table->entries[b] = entry;
}

static void sift_down(struct si_table *table, size_t at, size_t count) {
  for (size_t child; (child = 2 * at + 1) < count; at = child) {
    if (child + 1 < count && compare(table, child, child + 1) < 0) {
      child++;
    }
    if (compare(table, at, child) >= 0) {
      return;
    }
    swap(table, at, child);
  }
}

/* A heap: in place, and as fast on the worst order as on any. libc's may take the table's memory
 * once more. */
void si_table_sort(struct si_table *table) {
  if (table->sorted) {
    return;
  }
  for (size_t i = table->count / 2; i > 0; i--) {
    sift_down(table, i - 1, table->count);
  }
  for (size_t left = table->count; left > 1; left--) {
    swap(table, 0, left - 1);
    sift_down(table, 0, left - 1);
  }
  table->sorted = 1;
}

struct si_entry *si_table_find(const struct si_table *table, const char *path, size_t hint) {
  if (hint < table->count && strcmp(si_table_text(table, table->entries[hint].path), path) == 0) {
    return &table->entries[hint];
  }
  size_t low = 0, high = table->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int order = strcmp(si_table_text(table, table->entries[middle].path), path);
    if (order == 0) {
      return &table->entries[middle];
    }
    low = order < 0 ? middle + 1 : low;
    high = order < 0 ? high : middle;
  }
  return NULL;
}

size_t si_table_memory(const struct si_table *table) {
  return table->room * sizeof *table->entries + table->texts.cap;
}

void si_table_free(struct si_table *table) {
  free(table->entries);
  table->entries = NULL;
  table->count = 0;
  table->room = 0;
  table->sorted = 1;
  si_buf_free(&table->texts);
}
