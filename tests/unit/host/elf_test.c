/* SPDX-License-Identifier: Apache-2.0 */
/* core/host/elf.h: what leads the dynamic linker elsewhere is found before the linker sees it, and
 * no file is made so that another section is read than the linker would. R74. */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/host/elf.h"
#include "kit/base/path.h"
#include "tests/unit/unit.h"

/* Where things stand in the file that make() makes. The third segment is of no type. */
enum {
  SIZE = 0x400,
  SEGMENT = sizeof(Elf64_Ehdr), /* the one that is loaded; the dynamic section's; a spare one */
  STRINGS = 0x200,
  STRINGS_SIZE = 0x30,
  DYNAMIC = 0x300,
  ENTRIES = 6
};
#define P(n, member) (SEGMENT + (n) * sizeof(Elf64_Phdr) + offsetof(Elf64_Phdr, member))
#define E(member) offsetof(Elf64_Ehdr, member)
#define TAG(n) (DYNAMIC + (n) * sizeof(Elf64_Dyn))
#define VALUE(n) (TAG(n) + 8)

static void make(unsigned char file[SIZE]) {
  const Elf64_Ehdr head = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                           .e_type = ET_DYN,
                           .e_phoff = sizeof(Elf64_Ehdr),
                           .e_phentsize = sizeof(Elf64_Phdr),
                           .e_phnum = 3};
  const Elf64_Phdr segments[3] = {{.p_type = PT_LOAD, .p_filesz = SIZE, .p_memsz = SIZE},
                                  {.p_type = PT_DYNAMIC,
                                   .p_offset = DYNAMIC,
                                   .p_vaddr = DYNAMIC,
                                   .p_filesz = ENTRIES * sizeof(Elf64_Dyn),
                                   .p_memsz = ENTRIES * sizeof(Elf64_Dyn)},
                                  {.p_type = PT_NULL}};
  const Elf64_Dyn dynamic[ENTRIES] = {{.d_tag = DT_NEEDED, .d_un.d_val = 1},
                                      {.d_tag = DT_STRTAB, .d_un.d_ptr = STRINGS},
                                      {.d_tag = DT_STRSZ, .d_un.d_val = STRINGS_SIZE},
                                      {.d_tag = DT_SONAME, .d_un.d_val = 12},
                                      {.d_tag = DT_NULL}};
  static const char strings[STRINGS_SIZE] = "\0libc.so.6\0\0one.so\0si_plugin_v1";
  memset(file, 0, SIZE);
  memcpy(file, &head, sizeof head);
  memcpy(file + SEGMENT, segments, sizeof segments);
  memcpy(file + STRINGS, strings, sizeof strings);
  memcpy(file + DYNAMIC, dynamic, sizeof dynamic);
}

static void expect(const char *what, const unsigned char *file, size_t len, const char *code) {
  struct si_error error = {.code = ""};
  int fd SI_AUTO(si_close) = memfd_create("plugin", MFD_CLOEXEC);
  CU_ASSERT_FATAL(fd >= 0 && si_write_all(fd, file, len) == 0);
  si_rc status = si_elf_check(fd, "one.so", &error);
  if (strcmp(error.code, code) != 0 || (status == SI_OK) != (code[0] == '\0')) {
    printf("  %s: \"%s\", \"%s\" was to come\n", what, error.code, code);
    CU_FAIL("another verdict than this was to come");
  }
  CU_ASSERT(status == SI_OK || (error.status == status && error.hint[0]));
}

static void what_contradicts_itself_is_refused(void) {
  static const struct {
    const char *what;
    size_t at;
    size_t width;
    uint64_t value;
    const char *code;
  } cases[] = {
      {"as it is", 0, 1, 0x7f, ""},
      {"no magic", 0, 1, 'x', "PLUGIN_ELF"},
      {"32 bits", EI_CLASS, 1, ELFCLASS32, "PLUGIN_ELF"},
      {"big-endian", EI_DATA, 1, ELFDATA2MSB, "PLUGIN_ELF"},
      {"a program", E(e_type), 2, ET_EXEC, "PLUGIN_ELF"},
      {"no segments", E(e_phnum), 2, 0, "PLUGIN_ELF"},
      {"too many segments", E(e_phnum), 2, 65, "PLUGIN_ELF"},
      {"segments of another size", E(e_phentsize), 2, 55, "PLUGIN_ELF"},
      {"segments beyond the end", E(e_phoff), 8, SIZE - 1, "PLUGIN_ELF"},
      {"segments far beyond", E(e_phoff), 8, UINT64_MAX - 8, "PLUGIN_ELF"},
      {"a segment beyond the end", P(0, p_filesz), 8, SIZE + 1, "PLUGIN_ELF"},
      {"a segment that wraps", P(0, p_offset), 8, UINT64_MAX - 4095, "PLUGIN_ELF"},
      {"less memory than file", P(0, p_memsz), 8, SIZE - 1, "PLUGIN_ELF"},
      {"endless memory", P(0, p_memsz), 8, UINT64_MAX, "PLUGIN_ELF"},
      {"an address off its page", P(0, p_vaddr), 8, 1, "PLUGIN_ELF"},
      {"nothing loaded", P(0, p_type), 4, PT_NOTE, "PLUGIN_ELF"},
      {"no dynamic section", P(1, p_type), 4, PT_NOTE, "PLUGIN_ELF"},
      {"an empty one", P(1, p_filesz), 8, 0, "PLUGIN_ELF"},
      {"a huge one", P(1, p_filesz), 8, UINT64_MAX, "PLUGIN_ELF"},
      {"one elsewhere in the file", P(1, p_offset), 8, 0x200, "PLUGIN_ELF"},
      {"one at another address", P(1, p_vaddr), 8, 0x200, "PLUGIN_ELF"},
      {"one at no address", P(1, p_vaddr), 8, 0x10000, "PLUGIN_ELF"},
      {"two of them", P(2, p_type), 4, PT_DYNAMIC, "PLUGIN_ELF"},
      {"a second segment on the same page", P(2, p_type), 4, PT_LOAD, "PLUGIN_ELF"},
      {"no end", P(1, p_filesz), 8, 4 * sizeof(Elf64_Dyn), "PLUGIN_ELF"},
      {"no names", TAG(1), 8, DT_DEBUG, "PLUGIN_ELF"},
      {"no size of the names", TAG(2), 8, DT_DEBUG, "PLUGIN_ELF"},
      {"two tables of names", TAG(3), 8, DT_STRTAB, "PLUGIN_ELF"},
      {"names at no address", VALUE(1), 8, 0x10000, "PLUGIN_ELF"},
      {"names beyond the end", VALUE(2), 8, SIZE, "PLUGIN_ELF"},
      {"names without end", VALUE(2), 8, 5, "PLUGIN_ELF"},
      {"no byte of names", VALUE(2), 8, 0, "PLUGIN_ELF"},
      {"a library without name", VALUE(0), 8, STRINGS_SIZE, "PLUGIN_ELF"},
      {"an RPATH", TAG(3), 8, DT_RPATH, "PLUGIN_RUNPATH"},
      {"a RUNPATH", TAG(3), 8, DT_RUNPATH, "PLUGIN_RUNPATH"},
      {"a RUNPATH behind the end", TAG(5), 8, DT_RUNPATH, ""}, /* the linker stops there, too */
      {"a filter", TAG(3), 8, DT_FILTER, "PLUGIN_NEEDED_PATH"},
      {"an auxiliary filter", TAG(3), 8, DT_AUXILIARY, "PLUGIN_NEEDED_PATH"},
      {"an auditor", TAG(3), 8, DT_AUDIT, "PLUGIN_NEEDED_PATH"},
      {"an auditor of others", TAG(3), 8, DT_DEPAUDIT, "PLUGIN_NEEDED_PATH"},
      {"a library by path", STRINGS + 4, 1, '/', "PLUGIN_NEEDED_PATH"},
      {"a library by origin", STRINGS + 1, 1, '$', "PLUGIN_NEEDED_PATH"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    unsigned char file[SIZE];
    make(file);
    memcpy(file + cases[i].at, &cases[i].value, cases[i].width);
    expect(cases[i].what, file, sizeof file, cases[i].code);
  }
}

static void a_name_of_libtools_is_refused(void) {
  unsigned char file[SIZE];
  make(file);
  memcpy(file + STRINGS + 19, "one_LTX_si_plugin_v1", 21);
  expect("a name of libtool's", file, sizeof file, "PLUGIN_LTX");
}

/* A section that only the file's offset shows, while the linker sees the one with the RUNPATH. */
static void the_section_that_the_linker_sees_is_read(void) {
  enum { MORE = 0x3000 };
  static unsigned char file[MORE];
  make(file);
  const Elf64_Phdr over = {
      .p_type = PT_LOAD, .p_offset = 0x2000, .p_vaddr = 0, .p_filesz = SIZE, .p_memsz = SIZE};
  memcpy(file + 0x2000, file, SIZE);
  const uint64_t tag = DT_RUNPATH;
  memcpy(file + 0x2000 + TAG(3), &tag, sizeof tag);
  memcpy(file + P(2, p_type), &over, sizeof over);
  expect("a page mapped over another", file, sizeof file, "PLUGIN_ELF");
}

static void each_fault_is_found_by_itself(void) {
  unsigned char file[SIZE];
  const uint64_t off = 1, dynamic = DYNAMIC + 1, strings = STRINGS + 1;
  make(file);
  memcpy(file + P(2, p_type), file + P(1, p_type), sizeof(Elf64_Phdr));
  expect("two dynamic sections, both right", file, sizeof file, "PLUGIN_ELF");
  make(file);
  memcpy(file + P(0, p_vaddr), &off, sizeof off);
  memcpy(file + P(1, p_vaddr), &dynamic, sizeof dynamic);
  memcpy(file + VALUE(1), &strings, sizeof strings);
  expect("all addresses off their page", file, sizeof file, "PLUGIN_ELF");
}

static void a_file_that_ends_early_is_refused(void) {
  unsigned char file[SIZE];
  make(file);
  for (size_t len = 0; len < SIZE; len += 7) {
    expect("cut", file, len, "PLUGIN_ELF");
  }
}

static void what_the_system_loads_is_fine(void) {
  struct si_error error = {.code = ""};
  int fd SI_AUTO(si_close) = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  CU_ASSERT_EQUAL(si_elf_check(fd, "this test", &error), SI_OK);
  CU_ASSERT_STRING_EQUAL(error.code, "");
}

UNIT_MAIN("host elf", UNIT(what_contradicts_itself_is_refused), UNIT(a_name_of_libtools_is_refused),
          UNIT(the_section_that_the_linker_sees_is_read), UNIT(each_fault_is_found_by_itself),
          UNIT(a_file_that_ends_early_is_refused), UNIT(what_the_system_loads_is_fine))
