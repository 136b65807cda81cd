/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/runpack_store.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/interrupt.h"
#include "cli/scope.h"
#include "kit/base/text.h"

struct si_store *si_place_store(struct si_place *place) {
  return si_session_store(place->session);
}

void si_place_close(struct si_place *place) {
  si_session_close(place->session);
  place->session = NULL;
  si_context_free(&place->context);
}

static si_rc open_store(struct si_invocation *inv, const char *provider, const char *config,
                        struct si_place *place) {
  si_copy(place->provider, sizeof place->provider, provider);
  const struct si_session_options options = {
      .plugin = place->provider,
      .kind = SI_KIND_ARTIFACT,
      .config = config,
      .lock_fd = -1,
      .deadline_ns =
          inv->deadline_ns ? inv->deadline_ns : si_monotonic_ns() + 24ull * 3600 * 1000000000,
      .interrupt_fd = si_interrupt_fd(),
  };
  return si_session_open(&options, &place->session, &inv->error);
}

si_rc si_place_sink(struct si_invocation *inv, bool guarded, struct si_place *place) {
  struct si_buf config SI_AUTO(si_buf_free) = SI_BUF(SI_ARG_MAX);
  struct si_context *context = &place->context;
  const char *provider = si_opt(inv, "sink");
  const cJSON *base = NULL;
  si_rc status = SI_OK;
  if (!provider) {
    if (!inv->context[0]) {
      return si_usage_error(inv, "which store? give --sink with its --config, or --context NAME");
    }
    status = si_context_open(inv->context, context, &inv->error);
    status = status == SI_OK ? si_context_provider(context, "sink", &provider, &base, &inv->error)
                             : status;
  }
  status = status == SI_OK ? si_config_flags(inv, "config", base, &config) : status;
  if (status == SI_OK && guarded && !(context->config && si_context_unsafe(context))) {
    status = si_context_guard_settings(config.data, &inv->error);
  }
  return status == SI_OK ? open_store(inv, provider, config.data, place) : status;
}

/* --- where a runpack is: a path or file:// URI, or the operation that left it --- */

static si_rc place_of_path(struct si_invocation *inv, const char *path, struct si_place *place) {
  char absolute[SI_PATH_MAX];
  struct stat st;
  struct si_buf config SI_AUTO(si_buf_free) = SI_BUF(SI_ARG_MAX);
  const char *prefix = "";
  size_t root_len;
  if (si_path_absolute(path, absolute, sizeof absolute) != SI_OK) {
    return si_usage_error(inv, "the path is too long");
  }
  for (size_t len = strlen(absolute); len > 1 && absolute[len - 1] == '/'; len--) {
    absolute[len - 1] = '\0';
  }
  int err = stat(absolute, &st) != 0 ? errno : S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
  if (err) {
    si_error_set(&inv->error, SI_E_NOT_FOUND, "RUNPACK_NOT_FOUND", "%s: %s", path, strerror(err));
    return si_error_hint(&inv->error, "a runpack is the directory that holds manifest.json");
  }
  /* A runpack at its place tells the store's root; a copied one is a store by itself. */
  if (si_runpack_path_split(absolute, &root_len, &prefix) == SI_OK) {
    si_copy(place->prefix, sizeof place->prefix, prefix);
    absolute[root_len] = '\0';
  }
  si_rc status = si_buf_puts(&config, "{\"root\":");
  status = status == SI_OK ? si_json_quote(absolute, strlen(absolute), &config) : status;
  status = status == SI_OK ? si_buf_puts(&config, "}") : status;
  return status == SI_OK ? open_store(inv, "file", config.data, place) : status;
}

static si_rc place_of_operation(struct si_invocation *inv, const char *id, struct si_place *place) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  struct si_operation operation SI_AUTO(si_operation_free) = {.id = ""};
  if (!inv->context[0]) {
    return si_usage_error(inv, "--operation needs a context: --context NAME");
  }
  si_rc status = si_scope_open(&scope, inv, SI_STATE_READ);
  status = status == SI_OK ? si_state_operation(scope.state, id, &operation, &inv->error) : status;
  if (status == SI_OK && strcmp(operation.evidence, "stored") != 0) {
    si_error_set(&inv->error, SI_E_NOT_FOUND, "RUNPACK_NOT_FOUND",
                 "the evidence of operation %s is not stored (%s)", operation.id,
                 operation.evidence);
    si_error_hint(&inv->error, "si paas --context %s reconcile --apply", inv->context);
    status = SI_E_NOT_FOUND;
  }
  if (status == SI_OK) {
    si_copy(place->prefix, sizeof place->prefix, operation.runpack);
    status = si_place_sink(inv, false, place);
  }
  return status;
}

si_rc si_place_runpack(struct si_invocation *inv, struct si_place *place) {
  const char *uri = si_arg(inv, 0);
  const char *operation = si_opt(inv, "operation");
  if (!uri == !operation) {
    return si_usage_error(inv, "name one runpack: a directory, or --operation ID");
  }
  if (operation) {
    return place_of_operation(inv, operation, place);
  }
  const char *scheme = strstr(uri, "://");
  if (scheme && strncmp(uri, "file://", 7) != 0) {
    si_error_set(&inv->error, SI_E_UNSUPPORTED, "RUNPACK_URI",
                 "\"%.100s\" names no store that this "
                 "si can open",
                 uri);
    return si_error_hint(&inv->error, "give a directory or file:///PATH");
  }
  return place_of_path(inv, scheme ? uri + 7 : uri, place);
}
