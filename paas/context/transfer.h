/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/context/transfer.h - a context's settings as a document that another root, or another name,
 * can take: the one way from context to context (R8, R9). Depends on paas/context/context.h,
 * paas/state, paas/redact.
 *
 * The document is one line of canonical JSON:
 *   {"config":{"audit_sink"?,"default_targets","provisioner"?,"webhook_policy"},
 *    "exported_at","from":{"id"},"name","omitted":["/config/..."],
 *    "projects":[{"name","provisioner"}],"schema":"si.context-export/1",
 *    "secrets"?:{"age":BASE64,"recipient":"age1..."},"sha256","type"}
 * sha256 is that of the canonical form of all but itself. Paths of this machine, and whatever a
 * name says is a secret's (si_redact_key), are left out of config, and named in "omitted" as JSON
 * pointers. Secrets are in it in sealed form alone, and only where they are given.
 */
#ifndef SI_PAAS_CONTEXT_TRANSFER_H
#define SI_PAAS_CONTEXT_TRANSFER_H

#include "paas/context/context.h"
#include "paas/state/state.h"

#define SI_CONTEXT_EXPORT "si.context-export/1"
#define SI_CONTEXT_EXPORT_MAX (32u << 20)

/* The secrets of an export: an age file (si_vault_export) in base64, and whom it is sealed for. */
struct si_context_sealed {
  const char *recipient;
  const char *age;
};

/* Appends the document and a newline. `sealed` may be NULL. */
si_rc si_context_export(const struct si_context *context, struct si_state *state,
                        const struct si_context_sealed *sealed, struct si_buf *out,
                        struct si_error *error) SI_MUST_USE;

/* Writes it to `path`, guarded as a state root is, 0600. An existing file is PAAS_EXPORT_EXISTS
 * (SI_E_EXISTS), or with `force` replaced, whole or not at all. */
si_rc si_context_export_write(const char *path, bool force, const struct si_buf *text,
                              struct si_error *error) SI_MUST_USE;

/* Makes a context from such a document: a new id, its own store, no secret. Of `options`, type and
 * settings are the document's. Refused: whatever is not exactly such a document, with the field
 * (PAAS_IMPORT_INVALID, SI_E_INVALID), a hash that is not its own (PAAS_IMPORT_HASH, SI_E_CORRUPT),
 * a setting whose name says that it is a secret (PAAS_IMPORT_SECRET, SI_E_REFUSED), and all that
 * si_context_create refuses. *document, which may be NULL, is the caller's. */
si_rc si_context_import(const char *text, size_t len, const struct si_context_options *options,
                        struct si_context *out, cJSON **document,
                        struct si_error *error) SI_MUST_USE;

#endif
