/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_trust.c - any bytes as the operator's trust in plugins: what is taken is written
 * and taken again, the same, and every question about it has an answer. Depends on si_tree.
 */
#include <stdlib.h>
#include <string.h>

#include "core/host/trust.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

static void ask(const struct si_plugin_trust *trust) {
  const cJSON *each;
  cJSON_ArrayForEach(each, si_plugin_trust_list(trust, "keys")) {
    struct si_plugin_key oss, enterprise;
    si_plugin_trust_key(trust, si_json_str(each, "id"), false, &oss);
    si_plugin_trust_key(trust, si_json_str(each, "id"), true, &enterprise);
    require(oss.known && (oss.granted || enterprise.granted));
  }
  cJSON_ArrayForEach(each, si_plugin_trust_list(trust, "deny")) {
    const char *sha256 = si_json_str(each, "sha256");
    require(!sha256 || si_plugin_trust_denies(trust, sha256));
  }
  require(si_plugin_trust_serial(trust, false) >= 1 && si_plugin_trust_serial(trust, true) >= 1);
  require(!si_plugin_trust_enterprise(trust) || si_plugin_trust_enterprise(trust)[0] == '/');
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  struct si_plugin_trust trust = {NULL}, again = {NULL};
  struct si_buf text = SI_BUF(2 * SI_TRUST_MAX), twice = SI_BUF(2 * SI_TRUST_MAX);
  struct si_error error = {.status = SI_OK};
  char *copy = malloc(size + 1); /* memory of its own, so that looking beside it is noticed */
  require(copy != NULL);
  memcpy(copy, data, size);
  copy[size] = '\0';
  si_rc status = si_plugin_trust_parse(copy, size, &trust, &error);
  require((status == SI_OK) == (trust.document != NULL) && status == error.status);
  if (status == SI_OK) {
    ask(&trust);
    require(si_plugin_trust_text(&trust, &text) == SI_OK);
    require(si_plugin_trust_parse(text.data, text.len, &again, &error) == SI_OK);
    require(si_plugin_trust_text(&again, &twice) == SI_OK);
    require(strcmp(text.data, twice.data) == 0);
  }
  si_plugin_trust_free(&trust);
  si_plugin_trust_free(&again);
  si_buf_free(&text);
  si_buf_free(&twice);
  free(copy);
  return 0;
}
