/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/seen.h - si's side of the trust in plugins: the document as it goes to si-host, and the
 * highest edition of a tree that was ever loaded from. Depends on core/host/places.h, resolve.h.
 */
#ifndef SI_CORE_HOST_SEEN_H
#define SI_CORE_HOST_SEEN_H

#include "core/host/resolve.h"

/* The document of `path` (NULL: none), its enterprise_dir overridden by SI_ENTERPRISE_PLUGIN_DIR.
 */
si_rc si_trust_effective(const char *path, struct si_plugin_trust *out,
                         struct si_error *error) SI_MUST_USE;
/* All plugins of this installation and of that document, to which `pin` is added first where it is
 * not NULL; in the place of one with its id, where it shall `replace` it. The plugins look into
 * *trust: it must stay where it is, and is freed after they are closed. Start both from zero. */
si_rc si_plugins_open_here(const char *path, const cJSON *pin, bool replace,
                           struct si_plugin_trust *trust, struct si_plugins *plugins,
                           struct si_error *error) SI_MUST_USE;
/* Appends the document as text. */
si_rc si_trust_to_send(const char *path, struct si_buf *out, struct si_error *error) SI_MUST_USE;
/* A plugin was opened: notes its tree's serial where it is higher than what was seen. What cannot
 * be noted is left: the next opening tries again. */
void si_trust_seen(const char *path, const char *plugin);

#endif
