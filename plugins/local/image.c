/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/local/image.h"

#include <string.h>

#include "kit/base/text.h"
#include "plugins/engine/pull.h"

struct pulling {
  struct local_call *call;
  const struct local_service *service;
  uint64_t told_ns;
};

enum { TELL_MS = 200 };

static void on_layers(void *ctx, unsigned done, unsigned total) {
  struct pulling *p = ctx;
  uint64_t now = si_monotonic_ns();
  if (now - p->told_ns < TELL_MS * UINT64_C(1000000)) {
    return; /* the engine says as much as it likes */
  }
  p->told_ns = now;
  local_progress(p->call, 0, 0, "service %s: pulling %s: %u of %u layers", p->service->name,
                 p->service->image, done, total);
}

static si_rc pull(struct local_call *call, const struct local_service *service) {
  struct pulling pulling = {call, service, 0};
  struct local_effect effect;
  local_progress(call, 0, 0, "service %s: pulling %s", service->name, service->image);
  si_rc status = local_effect_begin(call, &effect, "image.pull", service->name, NULL);
  if (status != SI_OK) {
    return status;
  }
  status = si_engine_pull(call->in->engine, service->image, on_layers, &pulling, &call->error);
  return local_effect_end(call, &effect, status, NULL);
}

static si_rc not_pulled(struct local_call *call, const struct local_service *service,
                        si_rc status) {
  struct si_error why = call->error;
  if (status == SI_E_TIMEOUT || status == SI_E_CANCELLED) {
    return local_about(call, "service", service->name);
  }
  local_error(call, status, service->name, "service %s: image %s is not on this engine; %s",
              service->name, service->image, why.message);
  call->error.retry = why.retry;
  return si_error_hint(&call->error, "%s",
                       status == SI_E_UNAVAILABLE
                           ? "see that the engine reaches the registry, or load the image there"
                       : status == SI_E_QUOTA
                           ? "make room on the engine's disk, then deploy again"
                           : "is the name right, and may the engine have it? docker pull there, or "
                             "docker load, makes it there; then retry");
}

static si_rc missing(struct local_call *call, const struct local_service *service) {
  return local_error(call, SI_E_NOT_FOUND, service->name,
                     "service %s: image %s is not on this engine, and pull_policy is never: docker "
                     "pull %s there (or load it), then retry",
                     service->name, service->image, service->image);
}

static bool may_pull(const struct local_service *service) {
  const char *policy = si_json_str(service->spec, "pull_policy");
  return !policy || strcmp(policy, "never") != 0;
}

/* What the name stands for now. */
static si_rc find_named(struct local_call *call, const struct local_service *service,
                        char id[SI_ENGINE_ID_SIZE]) {
  si_rc status = si_engine_image(call->in->engine, service->image, id, &call->error);
  if (status != SI_E_NOT_FOUND) {
    if (status != SI_OK) {
      local_about(call, "service", service->name);
    }
    return status;
  }
  if (!may_pull(service)) {
    return missing(call, service);
  }
  status = pull(call, service);
  if (status != SI_OK) {
    return not_pulled(call, service, status);
  }
  status = si_engine_image(call->in->engine, service->image, id, &call->error);
  return status == SI_E_NOT_FOUND
             ? local_error(call, SI_E_CORRUPT, service->name,
                           "service %s: the engine says that it pulled %s, and has it not",
                           service->name, service->image)
             : status;
}

static si_rc gone(struct local_call *call, const struct local_service *service, const char *pinned,
                  const char *now) {
  return local_error(
      call, SI_E_NOT_FOUND, service->name,
      "service %s: the image that the release runs, %s, is not on this engine%s%s%s: "
      "load it, or deploy a stack that names another",
      service->name, pinned, now[0] ? ", and " : "", now[0] ? service->image : "",
      now[0] ? " is another one by now" : "");
}

si_rc local_image_find(struct local_call *call, struct local_service *service, const char *pinned,
                       char id[SI_ENGINE_ID_SIZE]) {
  if (!pinned) {
    return find_named(call, service, id);
  }
  si_rc status = si_engine_image(call->in->engine, pinned, id, &call->error);
  if (status == SI_OK && strcmp(id, pinned) == 0) {
    char named[SI_ENGINE_ID_SIZE] = "";
    status = si_engine_image(call->in->engine, service->image, named, &call->error);
    if (status == SI_OK && strcmp(named, pinned) == 0) {
      return SI_OK;
    }
    service->image = pinned;
    return status == SI_E_NOT_FOUND ? SI_OK : status;
  }
  if (status != SI_OK && status != SI_E_NOT_FOUND) {
    return status;
  }
  /* Not here, as on a target that is new: what its name stands for may still be it. */
  status = find_named(call, service, id);
  if (status == SI_OK && strcmp(id, pinned) == 0) {
    return SI_OK;
  }
  return status == SI_OK || status == SI_E_NOT_FOUND
             ? gone(call, service, pinned, status == SI_OK ? id : "")
             : status;
}
