/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/base/provider.h - what every provider plugin has to write, written once: failing in words,
 * reading its configuration, knowing a key, and the descriptor. Depends on si/plugin.h,
 * kit/base/json.h. Thread-safe.
 *
 * The functions that fail record why with the host (si_host_vt.fail) and return the status, so that
 * a verb can end with `return si_fail(...)`. `op` may be NULL: then nothing is recorded.
 */
#ifndef SI_KIT_BASE_PROVIDER_H
#define SI_KIT_BASE_PROVIDER_H

#include <stdbool.h>

#include "kit/base/json.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- failing --- */

/* `subject` is what failed (a key, a service, a path), or NULL; the text says what, why, and what
 * to do next. The same call would fail again (SI_RETRY_NEVER). */
si_rc si_fail(const si_host_vt *vt, si_op *op, si_rc status, const char *subject, const char *fmt,
              ...) SI_PRINTF(5, 6);
/* The same for an errno value: ": <its text>" is added, the status is si_status_of_errno's, and
 * what may pass by itself (no space, a failing disk) is SI_RETRY_SAFE. */
si_rc si_fail_errno(const si_host_vt *vt, si_op *op, int err, const char *subject, const char *fmt,
                    ...) SI_PRINTF(5, 6);
/* The same for a failure that a function of the kit explained: all that is in it. */
si_rc si_fail_error(const si_host_vt *vt, si_op *op, const struct si_error *error,
                    const char *subject);
/* The configuration's member `name` ("" for all of it) is not as it must be: SI_E_INVALID. */
si_rc si_fail_config(const si_host_vt *vt, si_op *op, const char *name, const char *fmt, ...)
    SI_PRINTF(4, 5);

/* --- configuration --- */

/* Parses a configuration: a JSON object with no other members than `names` (ended by NULL). */
si_rc si_config_read(const si_host_vt *vt, si_op *op, const char *json, const char *const *names,
                     cJSON **out) SI_MUST_USE;
/* Opens the directory whose absolute path is the text `name`, to work below it; -1 is never
 * written. It must exist, and its last component must be no link. The caller closes it. */
si_rc si_config_dir(const si_host_vt *vt, si_op *op, const cJSON *config, const char *name,
                    int *out) SI_MUST_USE;
/* The whole number `name`, from `min` to `max` (within +-2^53); `otherwise` where it is not set. */
si_rc si_config_int(const si_host_vt *vt, si_op *op, const cJSON *config, const char *name,
                    int64_t min, int64_t max, int64_t otherwise, int64_t *out) SI_MUST_USE;
/* The setting `name` refers to a secret, as "vault:NAME": lends its value to `use` for the time of
 * that call. What is no reference is SI_E_INVALID, and stands in no message. A value that is not
 * had is recorded, with the setting. What `use` returns is returned; it records its own failures.
 */
si_rc si_config_secret(const si_host_vt *vt, si_op *op, const cJSON *config, const char *name,
                       void *ctx, si_secret_use use) SI_MUST_USE;

/* --- keys --- */

/* Is it a key that an artifact provider takes (si/artifact.h)? */
bool si_key_valid(const char *key);
/* Does a listing of `prefix` hold the key: does it equal it, or begin with it and a '/'? The prefix
 * "" holds every key. */
bool si_key_below(const char *key, const char *prefix);

/* --- the descriptor (C) --- */

/*
 * SI_PROVIDER(kind, caps, threads, open, close, vt, schema): the end of a plugin that has one
 * provider. Defines the provider, the plugin and the entry that the host calls. Who it is (id,
 * version, license, needs) is said once, in the build: si_add_plugin of the CMake package gives it
 * as SI_PLUGIN_ID, SI_PLUGIN_VERSION, SI_PLUGIN_LICENSE and SI_PLUGIN_NEEDS, all texts.
 */
#define SI_PROVIDER(kind_, caps_, threads_, open_, close_, vt_, schema_)                       \
  static const si_provider si_only_provider = {                                                \
      sizeof(si_provider), kind_, caps_,  threads_, 0,   SI_PLUGIN_ID, schema_,                \
      SI_PLUGIN_NEEDS,     open_, close_, vt_,      NULL};                                     \
  static const si_provider *const si_providers[] = {&si_only_provider, NULL};                  \
  static const si_plugin si_this_plugin = {SI_ABI_MAGIC, sizeof(si_plugin), SI_ABI_MAJOR,      \
                                           SI_ABI_MINOR, SI_ABI_MINOR,      SI_ABI_DRAFT,      \
                                           SI_PLUGIN_ID, SI_PLUGIN_VERSION, SI_PLUGIN_LICENSE, \
                                           __VERSION__,  si_providers};                        \
  SI_EXPORT const si_plugin *si_plugin_v1(void) {                                              \
    return &si_this_plugin;                                                                    \
  }                                                                                            \
  typedef int si_provider_ends_here /* takes the semicolon */

#ifdef __cplusplus
}
#endif
#endif
