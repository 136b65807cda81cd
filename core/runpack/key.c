/* SPDX-License-Identifier: Apache-2.0 */
#include "core/runpack/key.h"

#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"

static si_rc check_id(const char *what, const char *value, struct si_error *error) {
  size_t len = value ? strnlen(value, SI_KEY_COMPONENT) : 0;
  if (value && si_component_valid(value, len)) {
    return SI_OK;
  }
  si_error_set(error, SI_E_INVALID, "RUNPACK_ID_INVALID",
               "the %s id \"%.80s\" cannot be part of "
               "a key",
               what, value ? value : "");
  si_error_hint(error, "use 1 to 255 of A-Z a-z 0-9 . _ - without a dot in front");
  return SI_E_INVALID;
}

static si_rc check_ids(const struct si_runpack_ids *ids, struct si_error *error) {
  si_rc status = check_id("tenant", ids->tenant, error);
  status = status == SI_OK ? check_id("namespace", ids->namespace_id, error) : status;
  status = status == SI_OK ? check_id("scenario", ids->scenario, error) : status;
  return status == SI_OK ? check_id("run", ids->run, error) : status;
}

si_rc si_runpack_ids_set(struct si_runpack_ids *ids, const char *tenant, const char *namespace_id,
                         const char *scenario, const char *run, const char *spec_hash,
                         uint32_t flags, struct si_error *error) {
  struct si_runpack_ids made = {.tenant = ""};
  const struct {
    const char *what;
    const char *value;
    char *to;
  } parts[] = {{"tenant", tenant, made.tenant},
               {"namespace", namespace_id, made.namespace_id},
               {"scenario", scenario, made.scenario},
               {"run", run, made.run}};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    si_rc status = check_id(parts[i].what, parts[i].value, error);
    if (status != SI_OK) {
      return status;
    }
    si_copy(parts[i].to, SI_KEY_COMPONENT, parts[i].value);
  }
  if (!(flags & SI_KEY_OPERATION) &&
      strncmp(scenario, SI_KEY_RESERVED, sizeof SI_KEY_RESERVED - 1) == 0) {
    si_error_set(error, SI_E_REFUSED, "RUNPACK_SCENARIO_RESERVED",
                 "scenario \"%s\" is reserved: names beginning with \"%s\" are si's own operations",
                 scenario, SI_KEY_RESERVED);
    si_error_hint(error, "choose another scenario");
    return SI_E_REFUSED;
  }
  if (spec_hash && !si_sha256_hex_valid(spec_hash)) {
    return si_error_set(error, SI_E_INVALID, "RUNPACK_ID_INVALID",
                        "the spec hash is not 64 lower-case hex digits");
  }
  si_copy(made.spec_hash, sizeof made.spec_hash, spec_hash);
  *ids = made;
  return SI_OK;
}

si_rc si_runpack_prefix(const struct si_runpack_ids *ids, char prefix[SI_KEY_SIZE],
                        struct si_error *error) {
  si_rc status = check_ids(ids, error);
  if (status != SI_OK) {
    return status;
  }
  if (!si_sha256_hex_valid(ids->spec_hash)) {
    return si_error_set(error, SI_E_INVALID, "RUNPACK_ID_INVALID",
                        "the spec hash is not 64 lower-case hex digits");
  }
  int n = snprintf(prefix, SI_KEY_SIZE, "tenant/%s/namespace/%s/scenario/%s/run/%s/%s", ids->tenant,
                   ids->namespace_id, ids->scenario, ids->run, ids->spec_hash);
  return n > 0 && n < SI_KEY_SIZE ? SI_OK : SI_E_QUOTA;
}

/* Takes the next component of *at into to[size]; steps behind the '/' after it. */
static int take(const char **at, char *to, size_t size) {
  size_t len = strcspn(*at, "/");
  if (len >= size || !si_component_valid(*at, len)) {
    return 0;
  }
  memcpy(to, *at, len);
  to[len] = '\0';
  *at += len + ((*at)[len] == '/');
  return 1;
}

si_rc si_runpack_prefix_parse(const char *prefix, struct si_runpack_ids *ids) {
  struct si_runpack_ids made = {.tenant = ""};
  static const char *const words[] = {"tenant", "namespace", "scenario", "run"};
  char *const values[] = {made.tenant, made.namespace_id, made.scenario, made.run};
  const char *at = prefix;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    char word[16];
    if (!take(&at, word, sizeof word) || strcmp(word, words[i]) != 0 ||
        !take(&at, values[i], SI_KEY_COMPONENT)) {
      return SI_E_INVALID;
    }
  }
  /* The hash must be the rest, so that no '/' hides at the end. */
  if (!si_sha256_hex_valid(at)) {
    return SI_E_INVALID;
  }
  si_copy(made.spec_hash, sizeof made.spec_hash, at);
  *ids = made;
  return SI_OK;
}

si_rc si_runpack_path_split(const char *path, size_t *root_len, const char **prefix) {
  struct si_runpack_ids ids;
  if (path[0] != '/') {
    return SI_E_INVALID;
  }
  int depth = 0;
  for (const char *at = path + strlen(path); at > path; at--) {
    if (at[-1] == '/' && ++depth == SI_KEY_PREFIX_DEPTH) {
      if (si_runpack_prefix_parse(at, &ids) != SI_OK) {
        return SI_E_INVALID;
      }
      size_t root = (size_t)(at - path) - 1;
      *root_len = root ? root : 1;
      *prefix = at;
      return SI_OK;
    }
  }
  return SI_E_INVALID;
}

si_rc si_runpack_key(const char *prefix, const char *path, char key[SI_KEY_SIZE]) {
  int n = snprintf(key, SI_KEY_SIZE, "%s%s%s", prefix, prefix[0] ? "/" : "", path);
  return n > 0 && n < SI_KEY_SIZE ? SI_OK : SI_E_QUOTA;
}

int si_runpack_key_valid(const char *key, size_t len) {
  if (len == 0 || len >= SI_KEY_SIZE) {
    return 0;
  }
  for (size_t from = 0; from <= len;) {
    const char *slash = memchr(key + from, '/', len - from);
    size_t to = slash ? (size_t)(slash - key) : len;
    if (!si_component_valid(key + from, to - from)) {
      return 0;
    }
    from = to + 1;
  }
  return 1;
}

int si_runpack_path_valid(const char *path, size_t len) {
  const size_t head = sizeof SI_KEY_ARTIFACTS - 1;
  return len > head && memcmp(path, SI_KEY_ARTIFACTS, head) == 0 && si_runpack_key_valid(path, len);
}
