/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_manifest.c - any bytes as a manifest, in pieces of any size: how they are cut
 * changes nothing; what is taken is canonical, byte for byte, to a second reader that knows the
 * whole document, and its hash without the signature is the one that was signed. Depends on
 * si_runpack.
 */
#include <stdlib.h>
#include <string.h>

#include "core/runpack/reader.h"
#include "kit/base/json.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

static void count(void *ctx, const char *code, const char *artifact, const char *message) {
  require(code[0] && artifact && message[0]);
  ++*(size_t *)ctx;
}

struct reading {
  struct si_manifest manifest;
  si_rc status;
  size_t problems;
};

static void read_in_pieces(const char *data, size_t size, size_t piece, struct reading *out) {
  struct si_manifest_reader *reader = NULL;
  struct si_error error = {.status = SI_OK};
  out->problems = 0;
  out->status = si_manifest_reader_new(&out->manifest, count, &out->problems, &reader);
  for (size_t at = 0; out->status == SI_OK && at < size; at += piece) {
    /* Memory of its own, so that looking beside it is noticed. */
    size_t len = size - at < piece ? size - at : piece;
    char *copy = malloc(len);
    require(copy != NULL);
    memcpy(copy, data + at, len);
    out->status = si_manifest_reader_feed(reader, copy, len, &error);
    free(copy);
  }
  if (out->status == SI_OK) {
    out->status = si_manifest_reader_end(reader, &error);
  }
  require((out->status == SI_OK) == (error.status == SI_OK));
  si_manifest_reader_free(&reader);
}

static void judge(const struct si_manifest *manifest, const char *data, size_t size) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(1u << 22);
  cJSON *whole SI_AUTO(si_json_free) = NULL;
  char hash[SI_SHA256_HEX];
  si_rc status = si_json_parse(data, size, &whole, NULL);
  /* That reader wants a little more: no NUL, and integers that a double can tell apart. */
  if (status != SI_OK || si_json_canonical(whole, &text) != SI_OK) {
    return;
  }
  require(text.len == size && memcmp(text.data, data, size) == 0);
  cJSON_DeleteItemFromObjectCaseSensitive(whole, "signature");
  si_buf_clear(&text);
  require(si_json_canonical(whole, &text) == SI_OK);
  require(si_sha256_hex(text.data, text.len, hash) == SI_OK);
  require(strcmp(hash, manifest->signed_sha256) == 0);
  for (size_t i = 0; i < manifest->artifacts.count; i++) {
    const char *path = si_table_text(&manifest->artifacts, manifest->artifacts.entries[i].path);
    require(si_runpack_path_valid(path, strlen(path)));
  }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  static const size_t pieces[] = {SIZE_MAX, 1, 7};
  struct reading readings[3];
  for (size_t i = 0; i < 3; i++) {
    size_t piece = pieces[i] < size ? pieces[i] : size + 1;
    read_in_pieces((const char *)data, size, piece, &readings[i]);
    require(readings[i].status == readings[0].status);
    if (readings[i].status == SI_OK) {
      require(readings[i].problems == readings[0].problems);
      require(readings[i].manifest.artifacts.count == readings[0].manifest.artifacts.count);
      judge(&readings[i].manifest, (const char *)data, size);
    }
  }
  for (size_t i = 0; i < 3; i++) {
    si_manifest_free(&readings[i].manifest);
  }
  return 0;
}
