/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_needs.c - any {"needs": ..., "config": ...}: what a plugin declares, and the
 * configuration that fills its templates. A path that comes of it is absolute and clean, and never
 * leads above what it names. Depends on si_tree.
 */
#include <stdlib.h>
#include <string.h>

#include "core/host/needs.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

static void fill(const cJSON *paths, const cJSON *config) {
  const cJSON *each;
  cJSON_ArrayForEach(each, paths) {
    char path[SI_PATH_MAX];
    struct si_error error = {.status = SI_OK};
    si_rc status = si_needs_path(each->valuestring, config, path, &error);
    require(status == SI_OK ||
            (status == SI_E_NOT_FOUND ? error.status == SI_OK && strstr(each->valuestring, "${")
                                      : strcmp(error.code, "PLUGIN_NEEDS") == 0));
    if (status != SI_OK) {
      continue;
    }
    size_t len = strlen(path);
    require(path[0] == '/' && (len == 1 || path[len - 1] != '/'));
    require(!strstr(path, "//") && !strstr(path, "/./") && !strstr(path, "/../"));
    require(len < 2 || strcmp(path + len - 2, "/.") != 0);
    require(len < 3 || strcmp(path + len - 3, "/..") != 0);
  }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  cJSON *whole SI_AUTO(si_json_free) = NULL;
  struct si_error error = {.status = SI_OK};
  struct si_needs needs;
  if (si_json_parse((const char *)data, size, &whole, NULL) != SI_OK) {
    return 0;
  }
  if (si_needs_read(si_json_get(whole, "needs"), &needs, &error) != SI_OK) {
    require(strcmp(error.code, "PLUGIN_NEEDS") == 0);
    return 0;
  }
  require(needs.memory_mb == 0 || needs.memory_mb >= 16);
  fill(needs.read, si_json_get(whole, "config"));
  fill(needs.write, si_json_get(whole, "config"));
  return 0;
}
