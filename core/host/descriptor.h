/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/descriptor.h - what a loaded plugin says of itself, checked and copied into the host's
 * own memory: a plugin may be old, new, damaged, or lie about the size of its tables. In si-host
 * alone. Depends on core/host/loader.h.
 *
 * Codes: PLUGIN_ABI (not this ABI), PLUGIN_TABLE (a size or a pointer that cannot be), PLUGIN_ID
 * (it is not who the manifest says), PLUGIN_KIND.
 */
#ifndef SI_CORE_HOST_DESCRIPTOR_H
#define SI_CORE_HOST_DESCRIPTOR_H

#include <si/artifact.h>
#include <si/backup.h>
#include <si/provisioner.h>
#include <si/retention.h>

#include "core/host/tree.h"

struct si_descriptor {
  si_plugin plugin;     /* copies; their texts stay the plugin's */
  si_provider provider; /* the one of the kind asked for */
  union {
    si_provisioner_vt provisioner;
    si_artifact_vt artifact;
    si_backup_vt backup;
  } vt; /* members beyond the plugin's table are NULL */
  /* The extension of an artifact provider that promises SI_CAP_ARTIFACT_RETENTION; all zero where
   * it does not. A promise without a table is refused. */
  si_retention_vt retention;
};

si_rc si_descriptor_read(const si_plugin *plugin, const struct si_tree_entry *entry, uint32_t kind,
                         struct si_descriptor *out, struct si_error *error) SI_MUST_USE;
/* {"id","version","license","build","abi","kind","provider","schema","needs","sha256","extensions":
 * ["si.retention/1"]} */
si_rc si_descriptor_json(const struct si_descriptor *descriptor, const struct si_tree_entry *entry,
                         struct si_buf *out) SI_MUST_USE;

#endif
