/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_elf.c - any bytes as a plugin's file: it is judged without reading beside it, and
 * what passes has, seen through its segments as the dynamic linker maps them, no RPATH or RUNPATH.
 * Depends on si_tree.
 */
#include <elf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/host/elf.h"

enum { MEMORY = 1 << 20, PAGE = 4096 };

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

/* The linker's view: whole pages, later segments over earlier ones. False: too large for here. */
static bool map(const unsigned char *data, size_t size, unsigned char *memory, uint64_t *dynamic) {
  Elf64_Ehdr head;
  memcpy(&head, data, sizeof head);
  for (size_t i = 0; i < head.e_phnum; i++) {
    Elf64_Phdr s;
    memcpy(&s, data + head.e_phoff + i * sizeof s, sizeof s);
    if (s.p_type == PT_DYNAMIC) {
      *dynamic = s.p_vaddr;
    }
    if (s.p_type != PT_LOAD) {
      continue;
    }
    if (s.p_vaddr > MEMORY / 2 || s.p_memsz > MEMORY / 2 - PAGE) {
      return false;
    }
    uint64_t off = s.p_offset / PAGE * PAGE, at = s.p_vaddr / PAGE * PAGE;
    uint64_t end = (s.p_vaddr + s.p_filesz + PAGE - 1) / PAGE * PAGE;
    for (uint64_t n = at; n < end; n++) {
      memory[n] = off + (n - at) < size ? data[off + (n - at)] : 0;
    }
  }
  return true;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  static unsigned char memory[MEMORY + sizeof(Elf64_Dyn)];
  struct si_error error = {.status = SI_OK};
  uint64_t at = 0;
  int fd = memfd_create("fuzz", MFD_CLOEXEC);
  require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
  si_rc status = si_elf_check(fd, "fuzz", &error);
  close(fd);
  require(status == error.status && (status == SI_OK || error.code[0]));
  memset(memory, 0, sizeof memory);
  if (status != SI_OK || !map(data, size, memory, &at)) {
    return 0;
  }
  for (;; at += sizeof(Elf64_Dyn)) {
    Elf64_Dyn entry;
    require(at <= MEMORY);
    memcpy(&entry, memory + at, sizeof entry);
    if (entry.d_tag == DT_NULL) {
      return 0;
    }
    require(entry.d_tag != DT_RPATH && entry.d_tag != DT_RUNPATH);
  }
}
