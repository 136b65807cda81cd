/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_descriptor.c - any memory as what a plugin says of itself: sizes that lie, tables
 * that overlap or end too soon, texts without an end, pointers to anywhere. Nothing beside the
 * plugin's memory is read, no table is taken whose functions are not code of the plugin's.
 *
 * The input is a picture of that memory: the first byte holds the kind that is asked for and
 * where extension() says that its table is, the second
 * the number N of pointers, then N times where one stands and where it leads to (two little-endian
 * halves of 16 bits); the rest is the memory, where the descriptor is at the beginning. A target
 * from 0xff00 on is a special place. Depends on core/host/descriptor.c; the loader is played here.
 */
#include <stdlib.h>
#include <string.h>

#include "core/host/descriptor.h"
#include "core/host/loader.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

/* The plugin's memory, of its own, so that looking beside it is noticed. */
static char *memory;
static size_t length;
static size_t table_at; /* where extension() says that its table is */

static si_rc function(void) {
  return SI_OK;
}

static const void *extension(const char *id) {
  require(strcmp(id, SI_RETENTION_ID) == 0);
  return table_at < length ? memory + table_at : NULL;
}

enum { SPECIAL = 0xff00, TO_FUNCTION = SPECIAL, TO_EXTENSION, TO_STRANGER, TO_END };

static const void *special(size_t to) {
  si_rc (*plain)(void) = function;
  const void *(*asked)(const char *) = extension;
  const void *address = NULL;
  switch (to) {
    case TO_FUNCTION: memcpy(&address, &plain, sizeof address); break;
    case TO_EXTENSION: memcpy(&address, &asked, sizeof address); break;
    case TO_STRANGER: address = &length; break;
    case TO_END: address = memory + length; break;
    default: break;
  }
  return address;
}

size_t si_loader_room(const void *address) {
  const uintptr_t at = (uintptr_t)address, start = (uintptr_t)memory;
  return at >= start && at - start < length ? length - (at - start) : si_loader_code(address);
}

bool si_loader_code(const void *address) {
  return address && (address == special(TO_FUNCTION) || address == special(TO_EXTENSION));
}

static size_t half(const unsigned char *at) {
  return (size_t)at[0] | (size_t)at[1] << 8;
}

static void place_pointers(const unsigned char *pointers, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const size_t at = half(pointers + 4 * i), to = half(pointers + 4 * i + 2);
    const void *address = to >= SPECIAL ? special(to) : memory + to;
    if (at + sizeof address <= length && (to >= SPECIAL || to < length)) {
      memcpy(memory + at, &address, sizeof address);
    }
  }
}

/* From `from` on a table holds functions alone. */
static void check_functions(const void *table, size_t from, size_t size) {
  for (size_t at = from; at + sizeof(void *) <= size; at += sizeof(void *)) {
    const void *each;
    memcpy(&each, (const char *)table + at, sizeof each);
    require(!each || si_loader_code(each));
  }
}

static void check(const struct si_descriptor *d, const struct si_tree_entry *entry, uint32_t kind) {
  struct si_buf json SI_AUTO(si_buf_free) = SI_BUF(1 << 21);
  require(d->provider.kind == kind && strcmp(d->plugin.id, entry->id) == 0);
  require(d->provider.open && d->provider.close && d->provider.vt);
  check_functions(&d->vt, sizeof(void *), sizeof d->vt);
  check_functions(&d->retention, sizeof(void *), sizeof d->retention);
  if (si_descriptor_json(d, entry, &json) == SI_OK) { /* not where a text is no UTF-8 */
    require(json.len > 0 && json.data[json.len - 1] == '}');
  }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  const struct si_tree_entry entry = {.id = "x", .sha256 = "0"};
  struct si_descriptor descriptor;
  struct si_error error = {.status = SI_OK};
  if (size < 2 || size < 2 + 4 * (size_t)data[1]) {
    return 0;
  }
  const uint32_t kind = (data[0] & 15u) % 5;
  const size_t count = data[1], rest = 2 + 4 * count;
  length = size - rest;
  memory = malloc(length ? length : 1);
  require(memory != NULL);
  memcpy(memory, data + rest, length);
  table_at = (size_t)(data[0] >> 4) * 64;
  place_pointers(data + 2, count);
  si_rc status = si_descriptor_read((const si_plugin *)(const void *)memory, &entry, kind,
                                    &descriptor, &error);
  require(status == error.status);
  if (status == SI_OK) {
    check(&descriptor, &entry, kind);
  } else {
    require(strncmp(error.code, "PLUGIN_", 7) == 0);
  }
  free(memory);
  memory = NULL;
  length = 0;
  return 0;
}
