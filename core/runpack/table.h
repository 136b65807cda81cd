/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/runpack/table.h - the artifacts of one runpack, in little memory: 52 bytes each plus their
 * texts. Used while a manifest is made (all fields) and while one is checked (path, hash, marks).
 * Depends on sdk/kit/base. One thread.
 *
 * Order: by path, byte by byte, once si_table_sort has run; finding is by bisection, so that no
 * choice of names can make it slow.
 */
#ifndef SI_CORE_RUNPACK_TABLE_H
#define SI_CORE_RUNPACK_TABLE_H

#include "kit/base/buf.h"
#include "kit/base/hash.h"

/* Marks of an entry; the last four are the verifier's. */
enum {
  SI_ENTRY_REQUIRED = 1u << 0,
  SI_ENTRY_SPEC = 1u << 1,
  SI_ENTRY_HASHED = 1u << 2, /* file_hashes has it */
  SI_ENTRY_LISTED = 1u << 3, /* the store's listing has it */
  SI_ENTRY_ABSENT = 1u << 4, /* the store said that it does not have it */
  SI_ENTRY_FAULTY = 1u << 5  /* not worth reading: named already */
};

struct si_entry {
  uint32_t path; /* offsets into the table's texts */
  uint32_t kind;
  uint32_t content_type;
  uint32_t marks;
  unsigned char sha256[SI_SHA256_SIZE];
};

struct si_table {
  struct si_entry *entries;
  size_t count;
  size_t room;
  size_t most;         /* entries at most */
  struct si_buf texts; /* each ended by NUL */
  int sorted;
};

/* At most `most` entries and `text` bytes of texts. */
#define SI_TABLE(most_entries, text) \
  { NULL, 0, 0, (most_entries), SI_BUF(text), 1 }

/* Appends an entry; kind and content_type may be "". SI_E_QUOTA where the table is full. */
si_rc si_table_add(struct si_table *table, const char *path, const char *kind,
                   const char *content_type, uint32_t marks,
                   const char hex[SI_SHA256_HEX]) SI_MUST_USE;
const char *si_table_text(const struct si_table *table, uint32_t offset);
void si_table_sort(struct si_table *table);
/* The entry of that path, or NULL. The table must be sorted. `hint` is where it probably stands:
 * callers that go through the table in order pay nothing for the search. */
struct si_entry *si_table_find(const struct si_table *table, const char *path, size_t hint);
/* Bytes of memory held. */
size_t si_table_memory(const struct si_table *table);
void si_table_free(struct si_table *table);

/* 64 lower-case hex digits (checked by the caller) -> 32 bytes. */
void si_table_unhex(const char *hex, unsigned char out[SI_SHA256_SIZE]);
void si_table_hex(const struct si_entry *entry, char hex[SI_SHA256_HEX]);

#endif
