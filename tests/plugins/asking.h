/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/plugins/asking.h - what a plugin does with a secret that it is lent: looks at the memory it
 * lies in while it is there, and for what remains of it in its whole process, before and after. It
 * keeps the value only masked, so that it does not find its own copy. Depends on si/plugin.h.
 */
#ifndef SI_TESTS_PLUGINS_ASKING_H
#define SI_TESTS_PLUGINS_ASKING_H

#include <si/plugin.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { ASKED_MAX = 128, ASKED_MASK = 0x5a };

struct asked {
  unsigned char masked[ASKED_MAX];
  size_t len;
  int during;      /* copies in the process while it was lent */
  int after;       /* and when it was not any more */
  char flags[256]; /* the kernel's, of the pages that it lay in: "rd wr ... lo dd" */
};

#ifdef __SANITIZE_ADDRESS__
enum { ASKED_SKIP_GIB = 1 }; /* the shadow's mappings, which are mostly holes */
#else
enum { ASKED_SKIP_GIB = 1024 };
#endif

__attribute__((no_sanitize("address", "undefined"))) static int copies_in(
    const struct asked *asked, const unsigned char *from, const unsigned char *end) {
  int count = 0;
  for (; from + asked->len <= end; from++) {
    size_t i = 0;
    while (i < asked->len && (from[i] ^ ASKED_MASK) == asked->masked[i]) {
      i++;
    }
    count += i == asked->len;
  }
  return count;
}

static int copies(const struct asked *asked) {
  char line[512], rights[8];
  unsigned long from, end;
  int count = 0;
  FILE *maps = fopen("/proc/self/maps", "r");
  while (maps && fgets(line, sizeof line, maps)) {
    if (sscanf(line, "%lx-%lx %7s", &from, &end, rights) == 3 && rights[0] == 'r' &&
        rights[1] == 'w' && !strstr(line, "[v") && (end - from) >> 30 < ASKED_SKIP_GIB) {
      count += copies_in(asked, (const unsigned char *)from, (const unsigned char *)end);
    }
  }
  if (maps) {
    fclose(maps);
  }
  return maps ? count : -1;
}

static void flags_of(const void *address, char *to, size_t size) {
  char line[512];
  unsigned long from, end;
  int inside = 0;
  FILE *maps = fopen("/proc/self/smaps", "r");
  to[0] = '\0';
  while (maps && fgets(line, sizeof line, maps)) {
    if (sscanf(line, "%lx-%lx ", &from, &end) == 2) {
      inside = (uintptr_t)address >= from && (uintptr_t)address < end;
    } else if (inside && strncmp(line, "VmFlags: ", 9) == 0) {
      snprintf(to, size, "%.*s", (int)strcspn(line + 9, "\n"), line + 9);
    }
  }
  if (maps) {
    fclose(maps);
  }
}

static si_rc look_at_it(void *ctx, const void *bytes, size_t len) {
  struct asked *asked = ctx;
  asked->len = len < ASKED_MAX ? len : ASKED_MAX;
  for (size_t i = 0; i < asked->len; i++) {
    asked->masked[i] = ((const unsigned char *)bytes)[i] ^ ASKED_MASK;
  }
  asked->during = copies(asked);
  flags_of(bytes, asked->flags, sizeof asked->flags);
  return SI_OK;
}

/* What the host answered. */
static si_rc ask_for(const si_host_vt *vt, si_op *op, const char *name, struct asked *asked) {
  memset(asked, 0, sizeof *asked);
  si_rc status = vt->secret(op, name, asked, look_at_it);
  asked->after = asked->len ? copies(asked) : 0;
  return status;
}

#endif
