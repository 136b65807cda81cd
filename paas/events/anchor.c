/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/events/anchor.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "paas/events/private.h"

struct search {
  const char *manifest;
  bool found;
};

/* Of what si made and stored itself. Others tell of a manifest too, and vouch for nothing. */
static bool vouches(const cJSON *event) {
  const char *action = si_json_str(event, "action");
  return action && (strcmp(action, "evidence.store") == 0 || strcmp(action, "runpack.export") == 0);
}

static si_rc look(void *ctx, const cJSON *event) {
  struct search *search = ctx;
  const char *status = si_json_str(event, "status");
  const char *manifest = si_json_str(si_json_get(event, "fields"), "manifest_sha256");
  search->found |= vouches(event) && status && strcmp(status, "ok") == 0 && manifest &&
                   strcmp(manifest, search->manifest) == 0;
  return SI_OK;
}

si_rc si_events_anchored(const struct si_context *context, struct si_state *state,
                         const char manifest_sha256[SI_SHA256_HEX], bool *found,
                         struct si_error *error) {
  struct search search = {manifest_sha256, false};
  si_rc status = si_chain_verify(context, state, "audit", &search, look, error);
  *found = status == SI_OK && search.found;
  return status;
}

si_rc si_events_anchored_in(const char *path, const char manifest_sha256[SI_SHA256_HEX],
                            bool *found, struct si_error *error) {
  struct search search = {manifest_sha256, false};
  *found = false;
  int fd SI_AUTO(si_close) = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return si_error_errno(error, errno, "EVENTS_IO", "cannot open the audit chain %s", path);
  }
  si_rc status = si_chain_read(fd, path, &search, look, error);
  *found = status == SI_OK && search.found;
  return status;
}
