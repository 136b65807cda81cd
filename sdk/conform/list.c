/* SPDX-License-Identifier: Apache-2.0 */
/* Every check there is, room by room. */
#include "sdk/conform/check.h"

static const struct check *const rooms[] = {
    elf_checks,           load_checks,       descriptor_checks,  provider_checks,
    description_checks,   config_checks,     host_checks,        life_checks,
    failure_checks,       secret_checks,     store_write_checks, store_key_checks,
    store_read_checks,    store_list_checks, store_load_checks,  store_lock_checks,
    store_version_checks, stack_checks,      backup_checks,      backup_end_checks};

const struct check *check_at(size_t n) {
  for (size_t room = 0; room < sizeof rooms / sizeof *rooms; room++) {
    for (const struct check *check = rooms[room]; check->id; check++) {
      if (n-- == 0) {
        return check;
      }
    }
  }
  return NULL;
}
