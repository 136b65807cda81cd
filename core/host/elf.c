/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/elf.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEGMENTS_MAX = 64, DYNAMIC_MAX = 64 * 1024, STRINGS_MAX = 16 << 20, PAGE = 4096 };

struct elf {
  int fd;
  uint64_t size; /* of the file */
  const char *name;
  struct si_error *error;
  Elf64_Phdr segments[SEGMENTS_MAX];
  size_t count;
};

static si_rc broken(const struct elf *elf, const char *what) {
  si_error_set(elf->error, SI_E_AUTH, "PLUGIN_ELF", "%s is no shared object to load: %s", elf->name,
               what);
  return si_error_hint(elf->error, "was it built for this machine, as the SDK shows?");
}

/* Exactly those bytes of the file. */
static bool read_at(const struct elf *elf, uint64_t offset, void *to, size_t len) {
  if (offset > elf->size || len > elf->size - offset) {
    return false;
  }
  for (size_t done = 0; done < len;) {
    ssize_t n = pread(elf->fd, (char *)to + done, len - done, (off_t)(offset + done));
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      return false;
    }
    done += (size_t)n;
  }
  return true;
}

static si_rc read_head(struct elf *elf) {
  Elf64_Ehdr head;
  if (!read_at(elf, 0, &head, sizeof head) || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0) {
    return broken(elf, "it is no ELF file");
  }
  if (head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_ident[EI_DATA] != ELFDATA2LSB) {
    return broken(elf, "it is not of 64 bits, little-endian");
  }
  if (head.e_type != ET_DYN) {
    return broken(elf, "it is not of type DYN");
  }
  if (head.e_phentsize != sizeof(Elf64_Phdr) || head.e_phnum == 0 || head.e_phnum > SEGMENTS_MAX) {
    return broken(elf, "it has no table of segments, or one of more than 64");
  }
  elf->count = head.e_phnum;
  return read_at(elf, head.e_phoff, elf->segments, elf->count * sizeof(Elf64_Phdr))
             ? SI_OK
             : broken(elf, "its table of segments lies beyond its end");
}

/* The linker maps whole pages, a later segment over an earlier one: they must stand in order and
 * share none, so that what an address holds is told by one segment alone. */
static si_rc check_segments(const struct elf *elf) {
  uint64_t free_from = 0;
  bool first = true;
  for (size_t i = 0; i < elf->count; i++) {
    const Elf64_Phdr *s = &elf->segments[i];
    if (s->p_type != PT_LOAD) {
      continue;
    }
    if (s->p_offset > elf->size || s->p_filesz > elf->size - s->p_offset ||
        s->p_filesz > s->p_memsz || s->p_vaddr > INT64_MAX || s->p_memsz > INT64_MAX / 2 ||
        (s->p_vaddr - s->p_offset) % PAGE != 0) {
      return broken(elf, "a segment lies beyond its end");
    }
    if (!first && s->p_vaddr / PAGE * PAGE < free_from) {
      return broken(elf, "two segments share a page");
    }
    first = false;
    free_from = (s->p_vaddr + s->p_memsz + PAGE - 1) / PAGE * PAGE;
  }
  return SI_OK;
}

/* Where in the file the bytes of an address stand. */
static bool offset_of(const struct elf *elf, uint64_t address, uint64_t len, uint64_t *offset) {
  for (size_t i = 0; i < elf->count; i++) {
    const Elf64_Phdr *s = &elf->segments[i];
    if (s->p_type == PT_LOAD && address >= s->p_vaddr && address - s->p_vaddr <= s->p_filesz &&
        len <= s->p_filesz - (address - s->p_vaddr)) {
      *offset = s->p_offset + (address - s->p_vaddr);
      return true;
    }
  }
  return false;
}

/* The dynamic section: *entries is the caller's to free. */
static si_rc read_dynamic(const struct elf *elf, Elf64_Dyn **entries, size_t *count) {
  const Elf64_Phdr *dynamic = NULL;
  uint64_t offset;
  for (size_t i = 0; i < elf->count; i++) {
    if (elf->segments[i].p_type == PT_DYNAMIC) {
      if (dynamic) {
        return broken(elf, "it has two dynamic sections");
      }
      dynamic = &elf->segments[i];
    }
  }
  if (!dynamic || dynamic->p_filesz < sizeof(Elf64_Dyn) || dynamic->p_filesz > DYNAMIC_MAX) {
    return broken(elf, "it has no dynamic section, or one of more than 64 KiB");
  }
  /* The linker goes by the address. */
  if (!offset_of(elf, dynamic->p_vaddr, dynamic->p_filesz, &offset) ||
      offset != dynamic->p_offset) {
    return broken(elf, "its dynamic section is not where it says");
  }
  *count = dynamic->p_filesz / sizeof(Elf64_Dyn);
  *entries = calloc(*count, sizeof(Elf64_Dyn));
  if (!*entries) {
    return si_error_set(elf->error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: %s", elf->name);
  }
  return read_at(elf, offset, *entries, *count * sizeof(Elf64_Dyn))
             ? SI_OK
             : broken(elf, "its dynamic section cannot be read");
}

static si_rc leads_elsewhere(const struct elf *elf, const char *what) {
  si_error_set(elf->error, SI_E_AUTH, "PLUGIN_RUNPATH",
               "%s carries %s: it chooses itself where its libraries come from", elf->name, what);
  return si_error_hint(elf->error,
                       "build it without (-Wl,--disable-new-dtags and -rpath away; CMake: "
                       "CMAKE_SKIP_RPATH), or take it out with chrpath -d or patchelf "
                       "--remove-rpath, then list and sign it anew");
}

static si_rc names_a_path(const struct elf *elf, const char *what) {
  si_error_set(elf->error, SI_E_AUTH, "PLUGIN_NEEDED_PATH",
               "%s loads a library by %s: only names that the system resolves are allowed",
               elf->name, what);
  return si_error_hint(elf->error, "link it against the library by its name (-lNAME)");
}

/* Ends at DT_NULL, which must be there: the linker reads on until it finds one. */
static si_rc check_tags(const struct elf *elf, const Elf64_Dyn *entries, size_t *count,
                        uint64_t *strings, uint64_t *strings_size) {
  unsigned tables = 0, sizes = 0;
  for (size_t i = 0; i < *count; i++) {
    switch (entries[i].d_tag) {
      case DT_NULL:
        *count = i;
        return tables == 1 && sizes == 1 ? SI_OK : broken(elf, "it has no one table of names");
      case DT_RPATH: return leads_elsewhere(elf, "an RPATH");
      case DT_RUNPATH: return leads_elsewhere(elf, "a RUNPATH");
      case DT_AUXILIARY:
      case DT_FILTER: return names_a_path(elf, "a filter");
      case DT_AUDIT:
      case DT_DEPAUDIT: return names_a_path(elf, "an auditor");
      case DT_STRTAB:
        *strings = entries[i].d_un.d_ptr;
        tables++;
        break;
      case DT_STRSZ:
        *strings_size = entries[i].d_un.d_val;
        sizes++;
        break;
      default: break;
    }
  }
  return broken(elf, "its dynamic section has no end");
}

/* Names of libraries hold no slash; no name at all is one of libtool's. */
static si_rc check_strings(const struct elf *elf, const Elf64_Dyn *entries, size_t count,
                           const char *text, uint64_t size) {
  for (size_t i = 0; i < count; i++) {
    if (entries[i].d_tag == DT_NEEDED) {
      uint64_t at = entries[i].d_un.d_val;
      if (at >= size) {
        return broken(elf, "the name of a library lies beyond its table");
      }
      if (strchr(text + at, '/') || strchr(text + at, '$')) {
        return names_a_path(elf, "a path");
      }
    }
  }
  if (memmem(text, size, "_LTX_", 5)) {
    si_error_set(elf->error, SI_E_AUTH, "PLUGIN_LTX",
                 "%s has a name with _LTX_ in it, which libtool looks up in place of the plugin's "
                 "own",
                 elf->name);
    return si_error_hint(elf->error, "rename the symbol");
  }
  return SI_OK;
}

static si_rc check_dynamic(const struct elf *elf, const Elf64_Dyn *entries, size_t count) {
  uint64_t address = 0, size = 0, offset;
  si_rc status = check_tags(elf, entries, &count, &address, &size);
  if (status != SI_OK) {
    return status;
  }
  if (size == 0 || size > STRINGS_MAX || !offset_of(elf, address, size, &offset)) {
    return broken(elf, "its table of names lies beyond its end");
  }
  char *text = malloc(size);
  if (!text) {
    return si_error_set(elf->error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: %s", elf->name);
  }
  status = read_at(elf, offset, text, size) && text[size - 1] == '\0'
               ? check_strings(elf, entries, count, text, size)
               : broken(elf, "its table of names has no end");
  free(text);
  return status;
}

si_rc si_elf_check(int fd, const char *name, struct si_error *error) {
  struct elf elf = {.fd = fd, .name = name, .error = error};
  Elf64_Dyn *entries = NULL;
  struct stat st;
  size_t count = 0;
  if (fstat(fd, &st) != 0 || st.st_size < 0) {
    return si_error_errno(error, errno, "PLUGIN_UNREADABLE", "cannot look at %s", name);
  }
  elf.size = (uint64_t)st.st_size;
  si_rc status = read_head(&elf);
  status = status == SI_OK ? check_segments(&elf) : status;
  status = status == SI_OK ? read_dynamic(&elf, &entries, &count) : status;
  status = status == SI_OK ? check_dynamic(&elf, entries, count) : status;
  free(entries);
  return status;
}
