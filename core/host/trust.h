/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/trust.h - the operator's trust in plugins: one document, plugins.json, outside every
 * package's tree. Whose keys count for which tree, which files of third parties are pinned, what is
 * denied, and the highest editions seen. docs/plugin-trust.md has it to the byte. Depends on
 * sdk/kit/base. Not thread-safe.
 *
 * {"schema":"si.trust/1","trust":"listed"|"signed","enterprise_dir":PATH,
 *  "keys":[{"id","public_key","trees":["oss"|"enterprise"]}],
 *  "pins":[{"path","sha256","id","kinds","needs","abi","license","added_at"}],
 *  "deny":[{"sha256"}|{"key"}],"serials":{"oss":N,"enterprise":N}}
 *
 * All but "schema" may be absent; what is not named here is refused. At most 1 MiB, 64 keys, 100
 * pins, 1000 denials. The file belongs to this user or root and has no permission for others.
 *
 * Codes: PLUGIN_TRUST_INVALID, PLUGIN_TRUST_UNSAFE, PLUGIN_TRUST_UNREADABLE, PLUGIN_TRUST_WRITE.
 */
#ifndef SI_CORE_HOST_TRUST_H
#define SI_CORE_HOST_TRUST_H

#include "kit/base/hash.h"
#include "kit/base/json.h"
#include "kit/base/sign.h"

#define SI_TRUST_MAX (1u << 20)
#define SI_KEY_ID_SIZE 17 /* 16 hex digits: the first of the SHA-256 of the public key's bytes */

struct si_plugin_trust {
  cJSON *document; /* owned */
};

/* What a key may do. */
struct si_plugin_key {
  bool known;
  bool granted; /* for the tree that was asked for */
  bool denied;
  uint8_t bytes[SI_SIGN_KEY]; /* where known */
};

si_rc si_plugin_trust_parse(const char *text, size_t len, struct si_plugin_trust *out,
                            struct si_error *error) SI_MUST_USE;
/* From a file; where there is none, or `path` is NULL or "", the document that says nothing. */
si_rc si_plugin_trust_load(const char *path, struct si_plugin_trust *out,
                           struct si_error *error) SI_MUST_USE;
/* Writes the file, 0600, in an existing directory. */
si_rc si_plugin_trust_save(const char *path, const struct si_plugin_trust *trust,
                           struct si_error *error) SI_MUST_USE;
/* Held while a document is read, changed and written: <path>.lock; close it to let go. */
si_rc si_plugin_trust_lock(const char *path, int *lock, struct si_error *error) SI_MUST_USE;
void si_plugin_trust_free(struct si_plugin_trust *trust); /* for SI_AUTO */

/* Appends it as one line. */
si_rc si_plugin_trust_text(const struct si_plugin_trust *trust, struct si_buf *out) SI_MUST_USE;

/* Must the OSS tree be signed, too? */
bool si_plugin_trust_signed(const struct si_plugin_trust *trust);
/* The enterprise tree's directory; NULL: there is none. */
const char *si_plugin_trust_enterprise(const struct si_plugin_trust *trust);
si_rc si_plugin_trust_set_enterprise(struct si_plugin_trust *trust, const char *dir) SI_MUST_USE;
/* The lists; NULL where absent. The document's. */
cJSON *si_plugin_trust_list(const struct si_plugin_trust *trust, const char *name);
/* Adds to a list, and takes the item: SI_E_NOMEM. */
si_rc si_plugin_trust_add(struct si_plugin_trust *trust, const char *list, cJSON *item) SI_MUST_USE;
/* Takes what has that id out of a list; how many that were. */
size_t si_plugin_trust_take_out(struct si_plugin_trust *trust, const char *list, const char *id);

void si_plugin_trust_key(const struct si_plugin_trust *trust, const char *id, bool enterprise,
                         struct si_plugin_key *out);
bool si_plugin_trust_denies(const struct si_plugin_trust *trust, const char *sha256);
/* The highest serial of a tree that was seen; 1 where none was. */
uint64_t si_plugin_trust_serial(const struct si_plugin_trust *trust, bool enterprise);
si_rc si_plugin_trust_set_serial(struct si_plugin_trust *trust, bool enterprise,
                                 uint64_t serial) SI_MUST_USE;

si_rc si_plugin_key_id(const uint8_t key[SI_SIGN_KEY], char id[SI_KEY_ID_SIZE]) SI_MUST_USE;
const char *si_plugin_tree_name(bool enterprise); /* "oss", "enterprise" */

#endif
