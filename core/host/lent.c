/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/lent.h"

#include <string.h>
#include <sys/mman.h>

si_rc si_lent_copy(struct si_lent *lent, const char *bytes, size_t len) {
  void *memory = mmap(NULL, len + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    return SI_E_NOMEM;
  }
  if (madvise(memory, len + 1, MADV_DONTDUMP) != 0) {
    munmap(memory, len + 1);
    return SI_E_NOMEM;
  }
  (void)mlock(memory, len + 1); /* a limit of none only leaves it open to the swap */
  memcpy(memory, bytes, len);
  *lent = (struct si_lent){memory, len};
  return SI_OK;
}

void si_lent_free(struct si_lent *lent) {
  if (lent->bytes) {
    explicit_bzero(lent->bytes, lent->len + 1);
    munmap(lent->bytes, lent->len + 1);
  }
  *lent = (struct si_lent){NULL, 0};
}
