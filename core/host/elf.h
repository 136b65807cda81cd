/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/elf.h - what a shared object asks of the dynamic linker, read from the file before the
 * linker sees it: a 64-bit little-endian ELF whose dynamic section leads it to no directory and no
 * file of the object's own choice. Depends on sdk/kit/base. Nothing in the file is believed: every
 * offset is held against its size, and the section that is read is the one that the linker would
 * find through the mapped segments. Thread-safe.
 *
 * Codes: PLUGIN_ELF (no such file, or one that contradicts itself), PLUGIN_RUNPATH (RPATH or
 * RUNPATH), PLUGIN_NEEDED_PATH (a library named by a path, a filter or an auditor), PLUGIN_LTX (a
 * name that libtool would take for its own).
 */
#ifndef SI_CORE_HOST_ELF_H
#define SI_CORE_HOST_ELF_H

#include "kit/base/error.h"

/* `name` is for the message. The descriptor's offset stays where it is. */
si_rc si_elf_check(int fd, const char *name, struct si_error *error) SI_MUST_USE;

#endif
