/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_settings.c - any bytes as a plugin's configuration: of the store `s3` where the
 * first byte is even, of the provisioner `local` where it is odd. What is taken keeps the bounds
 * that its schema promises; what is refused says why. Depends on si_kit_bucket, si_local.
 */
#include <stdlib.h>
#include <string.h>

#include "kit/bucket/config.h"
#include "plugins/local/config.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

static void read_store(const char *json) {
  struct si_bucket_config config;
  struct si_error error = {.status = SI_OK};
  si_rc status = si_bucket_config_read("s3", json, &config, &error);
  require(status == error.status);
  if (status != SI_OK) {
    require(error.message[0]);
    return;
  }
  require(config.bucket[0] && strlen(config.bucket) < sizeof config.bucket);
  require(config.part_size >= 5242880 && config.part_size <= 67108864);
  require(config.connections >= 1 && config.connections <= 8);
  require(config.max_attempts >= 1 && config.max_attempts <= 10);
  require(config.source != SI_BUCKET_VAULT || si_bucket_config_reference(config.secret_access_key));
  require(config.source != SI_BUCKET_FILE || config.auth_file[0] == '/');
}

static void read_local(const char *json) {
  struct local_config config;
  struct si_error error = {.status = SI_OK};
  si_rc status = local_config_read(json, &config, &error);
  require(status == SI_OK || error.message[0]);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  if (size == 0) {
    return 0;
  }
  char *copy = malloc(size); /* memory of its own, so that looking beside it is noticed */
  require(copy != NULL);
  memcpy(copy, data + 1, size - 1);
  copy[size - 1] = '\0';
  if (data[0] % 2 == 0) {
    read_store(copy);
  } else {
    read_local(copy);
  }
  free(copy);
  return 0;
}
