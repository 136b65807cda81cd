/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/abi/layout.h - holds the ABI headers to the record (record.h), in the language that
 * includes this: every size, every offset and every number while it compiles, texts by TEXTS when
 * it runs. The record is complete: scripts/abi.py holds it to the headers. Depends on them alone.
 */
#ifndef SI_TESTS_ABI_LAYOUT_H
#define SI_TESTS_ABI_LAYOUT_H

#include <si/artifact.h>
#include <si/backup.h>
#include <si/plugin.h>
#include <si/provisioner.h>
#include <si/retention.h>
#include <si/service.h>

#if !defined(__LP64__)
#error "the record is of machines with 64 bits"
#endif

#ifdef __cplusplus
#define HOLD(condition, what) static_assert(condition, what)
#else
#define HOLD(condition, what) _Static_assert(condition, what)
#endif
#define CHANGED "the ABI is not as recorded; meant? raise SI_ABI_DRAFT, then scripts/abi.py update"

#define SIZE(type, size) HOLD(sizeof(type) == (size), #type ": " CHANGED);
#define OFFSET(type, member, offset) \
  HOLD(offsetof(type, member) == (offset), #type "." #member ": " CHANGED);
#define VALUE(name, value) HOLD((name) == (value), #name ": " CHANGED);
#define TEXT(name, text)
#include "record.h"
#undef SIZE
#undef OFFSET
#undef VALUE
#undef TEXT

struct text {
  const char *name;
  const char *now;
  const char *recorded;
};

#ifdef __cplusplus
extern "C" {
#endif
/* The texts of the record as C++ sees the headers; ended by a name of NULL. */
const struct text *texts_of_cxx(void);
#ifdef __cplusplus
}
#endif

#endif
