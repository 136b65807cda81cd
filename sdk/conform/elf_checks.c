/* SPDX-License-Identifier: Apache-2.0 */
/* The room elf: what the file makes the dynamic linker do. Nothing of it is loaded. */
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "sdk/conform/check.h"

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#else
#define MACHINE EM_NONE
#endif

struct elf {
  const unsigned char *bytes;
  size_t size;
  Elf64_Ehdr head;
};

/* `len` bytes at `offset`; ends the process where the file does not have them. */
static const void *at(const struct elf *elf, uint64_t offset, uint64_t len) {
  demand(offset <= elf->size && len <= elf->size - offset, "the file contradicts itself: %s",
         "a part of it lies behind its end");
  return elf->bytes + offset;
}

static struct elf open_elf(const struct trial *t) {
  struct elf elf = {.bytes = NULL};
  struct stat st;
  int fd = open(t->options->plugin, O_RDONLY | O_CLOEXEC);
  kit_needs(fd >= 0 && fstat(fd, &st) == 0, "cannot read the file");
  elf.size = (size_t)st.st_size;
  demand(elf.size >= sizeof elf.head, "the file is too short for an ELF file");
  void *map = mmap(NULL, elf.size, PROT_READ, MAP_PRIVATE, fd, 0);
  kit_needs(map != MAP_FAILED, "cannot map the file");
  elf.bytes = map;
  memcpy(&elf.head, map, sizeof elf.head);
  demand(memcmp(elf.head.e_ident, ELFMAG, SELFMAG) == 0 &&
             elf.head.e_ident[EI_CLASS] == ELFCLASS64 && elf.head.e_ident[EI_DATA] == ELFDATA2LSB &&
             elf.head.e_type == ET_DYN && elf.head.e_machine == MACHINE,
         "the file is no 64-bit shared object for this machine");
  return elf;
}

/* The n-th program header. */
static Elf64_Phdr part(const struct elf *elf, size_t n) {
  Elf64_Phdr header;
  memcpy(&header, at(elf, elf->head.e_phoff + n * sizeof header, sizeof header), sizeof header);
  return header;
}

static bool find_part(const struct elf *elf, uint32_t type, Elf64_Phdr *out) {
  for (size_t i = 0; i < elf->head.e_phnum; i++) {
    *out = part(elf, i);
    if (out->p_type == type) {
      return true;
    }
  }
  return false;
}

/* Where an address of the loaded object lies in the file. */
static uint64_t offset_of(const struct elf *elf, uint64_t address) {
  for (size_t i = 0; i < elf->head.e_phnum; i++) {
    Elf64_Phdr header = part(elf, i);
    if (header.p_type == PT_LOAD && address >= header.p_vaddr &&
        address - header.p_vaddr < header.p_filesz) {
      return header.p_offset + (address - header.p_vaddr);
    }
  }
  return UINT64_MAX;
}

/* The n-th entry with that tag, from *from on; false where there is none. */
static bool dynamic(const struct elf *elf, int64_t tag, size_t *from, Elf64_Dyn *out) {
  Elf64_Phdr header;
  demand(find_part(elf, PT_DYNAMIC, &header), "the file has no dynamic section");
  for (size_t i = *from; (i + 1) * sizeof *out <= header.p_filesz; i++) {
    memcpy(out, at(elf, header.p_offset + i * sizeof *out, sizeof *out), sizeof *out);
    if (out->d_tag == tag) {
      *from = i + 1;
      return true;
    }
  }
  return false;
}

static bool has(const struct elf *elf, int64_t tag) {
  Elf64_Dyn entry;
  size_t from = 0;
  return dynamic(elf, tag, &from, &entry);
}

/* A name of the dynamic string table; ends the process where it does not end. */
static const char *dynamic_name(const struct elf *elf, uint64_t offset) {
  Elf64_Dyn strings, size;
  size_t from = 0, also = 0;
  demand(dynamic(elf, DT_STRTAB, &from, &strings) && dynamic(elf, DT_STRSZ, &also, &size) &&
             offset < size.d_un.d_val,
         "the file contradicts itself: %s", "a name lies outside of the names");
  const char *names = at(elf, offset_of(elf, strings.d_un.d_ptr), size.d_un.d_val);
  demand(memchr(names + offset, 0, size.d_un.d_val - offset) != NULL,
         "the file contradicts itself: %s", "a name does not end");
  return names + offset;
}

static void object(struct trial *t) {
  open_elf(t);
}

/* Calls `each` with every dynamic symbol that the file defines and others can see. */
static void each_export(const struct elf *elf, void (*each)(const char *name, size_t *count),
                        size_t *count) {
  bool found = false;
  for (size_t i = 0; i < elf->head.e_shnum; i++) {
    Elf64_Shdr section;
    memcpy(&section, at(elf, elf->head.e_shoff + i * sizeof section, sizeof section),
           sizeof section);
    if (section.sh_type != SHT_DYNSYM) {
      continue;
    }
    found = true;
    for (uint64_t n = 0; n < section.sh_size / sizeof(Elf64_Sym); n++) {
      Elf64_Sym symbol;
      memcpy(&symbol, at(elf, section.sh_offset + n * sizeof symbol, sizeof symbol), sizeof symbol);
      int visibility = ELF64_ST_VISIBILITY(symbol.st_other);
      if (symbol.st_shndx != SHN_UNDEF && ELF64_ST_BIND(symbol.st_info) != STB_LOCAL &&
          ELF64_ST_TYPE(symbol.st_info) != STT_SECTION && visibility != STV_HIDDEN &&
          visibility != STV_INTERNAL) {
        each(dynamic_name(elf, symbol.st_name), count);
      }
    }
  }
  demand(found, "the file has no table of dynamic symbols");
}

static void only_entry(const char *name, size_t *count) {
  /* What AddressSanitizer exports of each object is no choice of the author's. */
  if (strncmp(name, "__odr_asan", 10) != 0) {
    demand(strcmp(name, "si_plugin_v1") == 0,
           "it exports %s; build with -fvisibility=hidden (-Wl,--exclude-libs,ALL)", name);
    ++*count;
  }
}

static void exports(struct trial *t) {
  struct elf elf = open_elf(t);
  size_t count = 0;
  each_export(&elf, only_entry, &count);
  demand(count == 1, "it does not export si_plugin_v1");
}

static void no_ltx(const char *name, size_t *count) {
  (void)count;
  demand(!strstr(name, "_LTX_"), "it exports %s, which libtool takes for its own", name);
}

static void ltx(struct trial *t) {
  struct elf elf = open_elf(t);
  size_t count = 0;
  each_export(&elf, no_ltx, &count);
}

static void rpath(struct trial *t) {
  struct elf elf = open_elf(t);
  demand(!has(&elf, DT_RPATH), "it has an RPATH");
}

static void runpath(struct trial *t) {
  struct elf elf = open_elf(t);
  demand(!has(&elf, DT_RUNPATH), "it has a RUNPATH");
}

static void needed(struct trial *t) {
  struct elf elf = open_elf(t);
  Elf64_Dyn entry;
  size_t from = 0;
  while (dynamic(&elf, DT_NEEDED, &from, &entry)) {
    const char *name = dynamic_name(&elf, entry.d_un.d_val);
    demand(!strpbrk(name, "/$"), "it needs the library %s by a path; link by name", name);
  }
}

static void filter(struct trial *t) {
  struct elf elf = open_elf(t);
  demand(!has(&elf, DT_FILTER) && !has(&elf, DT_AUXILIARY), "it is a filter of another object");
  demand(!has(&elf, DT_AUDIT) && !has(&elf, DT_DEPAUDIT), "it names an auditor");
}

static void stack(struct trial *t) {
  struct elf elf = open_elf(t);
  Elf64_Phdr header;
  demand(find_part(&elf, PT_GNU_STACK, &header),
         "it does not say what stack it needs, so it gets an executable one");
  demand(!(header.p_flags & PF_X), "it asks for an executable stack (-Wl,-z,noexecstack)");
}

static void text(struct trial *t) {
  struct elf elf = open_elf(t);
  Elf64_Dyn flags;
  size_t from = 0;
  bool said = dynamic(&elf, DT_FLAGS, &from, &flags) && (flags.d_un.d_val & DF_TEXTREL);
  demand(!has(&elf, DT_TEXTREL) && !said, "its code is changed by relocations (-fPIC)");
}

static void writable_code(struct trial *t) {
  struct elf elf = open_elf(t);
  for (size_t i = 0; i < elf.head.e_phnum; i++) {
    Elf64_Phdr header = part(&elf, i);
    demand(header.p_type != PT_LOAD || (header.p_flags & (PF_W | PF_X)) != (PF_W | PF_X),
           "a segment of it can be written and executed");
  }
}

#define ELF_CHECK(id, title, run) \
  { id, title, KIND_PLUGIN, WANTS_DYNAMIC, 0, run }
const struct check elf_checks[] = {
    ELF_CHECK("elf.object", "the file is a 64-bit shared object for this machine", object),
    ELF_CHECK("elf.exports", "it exports si_plugin_v1, and nothing else", exports),
    ELF_CHECK("elf.ltx", "no exported name has _LTX_ in it", ltx),
    ELF_CHECK("elf.rpath", "it has no RPATH", rpath),
    ELF_CHECK("elf.runpath", "it has no RUNPATH", runpath),
    ELF_CHECK("elf.needed", "libraries are needed by name, not by a path", needed),
    ELF_CHECK("elf.filter", "it is no filter of another object, and has no auditor", filter),
    ELF_CHECK("elf.stack", "it needs no executable stack", stack),
    ELF_CHECK("elf.textrel", "its code is not changed by relocations", text),
    ELF_CHECK("elf.writable-code", "no segment can be both written and executed", writable_code),
    {0}};
