/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/abi/layout.h - sizes and offsets of the ABI's structs, as one compiler sees them. The
 * table is built once as C11 and once as C++11; the two must be equal, and equal to what is
 * written down here for 64-bit machines. Depends on the ABI headers.
 */
#ifndef SI_TESTS_ABI_LAYOUT_H
#define SI_TESTS_ABI_LAYOUT_H

#include <si/artifact.h>
#include <si/plugin.h>
#include <si/provisioner.h>

struct layout {
  const char *what;
  size_t value;
  size_t expected;
};

#define LAYOUT_TABLE                                                                               \
  {                                                                                                \
    {"si_failure", sizeof(si_failure), 56}, {"si_failure.field", offsetof(si_failure, field), 24}, \
        {"si_failure.detail", offsetof(si_failure, detail), 48},                                   \
        {"si_host_vt", sizeof(si_host_vt), 72}, {"si_host_vt.log", offsetof(si_host_vt, log), 8},  \
        {"si_host_vt.service", offsetof(si_host_vt, service), 64},                                 \
        {"si_provider", sizeof(si_provider), 72},                                                  \
        {"si_provider.caps", offsetof(si_provider, caps), 8},                                      \
        {"si_provider.id", offsetof(si_provider, id), 24},                                         \
        {"si_provider.vt", offsetof(si_provider, vt), 64}, {"si_plugin", sizeof(si_plugin), 56},   \
        {"si_plugin.draft", offsetof(si_plugin, draft), 14},                                       \
        {"si_plugin.providers", offsetof(si_plugin, providers), 48},                               \
        {"si_provisioner_vt", sizeof(si_provisioner_vt), 56},                                      \
        {"si_provisioner_vt.remove", offsetof(si_provisioner_vt, remove), 48},                     \
        {"si_artifact_vt", sizeof(si_artifact_vt), 112},                                           \
        {"si_artifact_vt.list", offsetof(si_artifact_vt, list), 72},                               \
        {"si_artifact_vt.remove", offsetof(si_artifact_vt, remove), 80},                           \
        {"si_artifact_vt.uri", offsetof(si_artifact_vt, uri), 104},                                \
        {"si_unfinished", sizeof(si_unfinished), 40},                                              \
        {"si_put_options", sizeof(si_put_options), 24},                                            \
        {"si_put_options.content_type", offsetof(si_put_options, content_type), 16},               \
        {"si_object_info", sizeof(si_object_info), 16},                                            \
  }

#ifdef __cplusplus
extern "C"
#endif
    const struct layout *
    layout_of_cxx(size_t *count);

#endif
