/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/runpack_store.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/interrupt.h"
#include "cli/scope.h"
#include "kit/base/text.h"
#include "paas/lifecycle/evidence.h"

struct si_store *si_place_store(struct si_place *place) {
  return si_sink_store(place->sink);
}

void si_place_close(struct si_place *place) {
  si_sink_close(&place->sink);
  si_secrets_close(&place->secrets);
  si_context_free(&place->context);
  si_context_free(&place->lender);
}

/* A store that is named on the command line may have its secrets in a vault that is, too. */
static si_rc open_lender(struct si_invocation *inv, struct si_place *place,
                         const struct si_context **out) {
  *out = place->context.config ? &place->context : NULL;
  if (*out || !inv->context_flag) {
    return SI_OK;
  }
  *out = &place->lender;
  return si_context_open(inv->context, &place->lender, &inv->error);
}

static void warn(void *ctx, uint32_t level, const char *message) {
  struct si_invocation *inv = ctx;
  (void)level;
  si_out_warn(inv->out, "%s", message);
}

static si_rc open_store(struct si_invocation *inv, const char *provider, const char *config,
                        struct si_place *place) {
  const struct si_context *lender = NULL;
  si_rc status = open_lender(inv, place, &lender);
  if (status != SI_OK) {
    return status;
  }
  si_copy(place->provider, sizeof place->provider, provider);
  place->secrets.scope.inv = inv;
  const struct si_sink_options options = {
      .provider = place->provider,
      .config = config,
      .context = lender,
      .reading = !place->writes,
      .deadline_ns =
          inv->deadline_ns ? inv->deadline_ns : si_monotonic_ns() + 24ull * 3600 * 1000000000,
      .interrupt_fd = si_interrupt_fd(),
      .ask = si_secrets_ask,
      .ask_ctx = &place->secrets,
      .log_ctx = inv,
      .log = warn,
  };
  return si_sink_open(&options, &place->sink, &inv->error);
}

si_rc si_place_max_artifact(struct si_invocation *inv, const struct si_place *place,
                            uint64_t *out) {
  const struct si_context *context = place->context.config ? &place->context : &place->lender;
  uint64_t otherwise = context->config ? si_context_max_artifact(context) : 0;
  return si_opt_u64(inv, "max-artifact-bytes", 1, 1ull << 50, otherwise, out);
}

/* `provider` NULL: the context's; `wanted` (or NULL) is the id that a URI says it must have. */
static si_rc open_sink(struct si_invocation *inv, const char *provider, const char *config_option,
                       bool guarded, const char *wanted, struct si_place *place) {
  struct si_buf config SI_AUTO(si_buf_free) = SI_BUF(SI_ARG_MAX);
  struct si_context *context = &place->context;
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
  if (status == SI_OK && wanted && strcmp(wanted, provider) != 0) {
    si_error_set(&inv->error, SI_E_INVALID, "RUNPACK_URI",
                 "the URI is of a store \"%s\", and the one that is configured is \"%s\"", wanted,
                 provider);
    return si_error_hint(&inv->error, "name the store: --sink %s with its --config", wanted);
  }
  status = status == SI_OK ? si_config_flags(inv, config_option, base, &config) : status;
  if (status == SI_OK && guarded && !(context->config && si_context_unsafe(context))) {
    status = si_context_guard_settings(config.data, &inv->error);
  }
  return status == SI_OK ? open_store(inv, provider, config.data, place) : status;
}

si_rc si_place_sink(struct si_invocation *inv, bool guarded, struct si_place *place) {
  place->writes = place->writes || guarded;
  return open_sink(inv, si_opt(inv, "sink"), "config", guarded, NULL, place);
}

si_rc si_place_destination(struct si_invocation *inv, struct si_place *place) {
  place->writes = true;
  return open_sink(inv, si_opt(inv, "to-sink"), "to-config", true, NULL, place);
}

/* --- where a runpack is: a path, or the operation that left it --- */

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
  bool stored = status == SI_OK && strcmp(operation.evidence, "stored") == 0;
  if (status == SI_OK && !stored && place->begun) {
    status = si_evidence_prefix(&scope.life, &operation, place->prefix, &inv->error);
  } else if (status == SI_OK && !stored) {
    si_error_set(&inv->error, SI_E_NOT_FOUND, "RUNPACK_NOT_FOUND",
                 "the evidence of operation %s is not stored (%s)", operation.id,
                 operation.evidence);
    si_error_hint(&inv->error, "si paas --context %s reconcile --apply", inv->context);
    status = SI_E_NOT_FOUND;
  }
  if (stored) {
    si_copy(place->prefix, sizeof place->prefix, operation.runpack);
  }
  return status == SI_OK ? si_place_sink(inv, false, place) : status;
}

/* --- URIs --- */

static si_rc bad_uri(struct si_invocation *inv, const char *uri, const char *why) {
  si_error_set(&inv->error, SI_E_INVALID, "RUNPACK_URI", "\"%.300s\" %s", uri, why);
  return si_error_target(&inv->error, "uri", uri);
}

static int hex_digit(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

/* "file:///a%20b" -> "/a b". */
static si_rc place_of_file_uri(struct si_invocation *inv, const char *uri, struct si_place *place) {
  char path[SI_PATH_MAX];
  size_t len = 0;
  for (const char *at = uri + strlen("file://"); *at; at++) {
    int value = (unsigned char)*at;
    if (*at == '%') {
      int high = hex_digit(at[1]), low = high < 0 ? -1 : hex_digit(at[2]);
      value = low < 0 ? 0 : high * 16 + low;
      at += 2;
    }
    if (value == 0 || len + 1 >= sizeof path) {
      return bad_uri(inv, uri, value ? "is too long" : "has a % that two hex digits do not follow");
    }
    path[len++] = (char)value;
  }
  path[len] = '\0';
  return path[0] == '/' ? place_of_path(inv, path, place)
                        : bad_uri(inv, uri, "has no absolute path: write file:///DIR");
}

/* What lies below the root that the provider tells. */
static si_rc prefix_of_uri(struct si_invocation *inv, const char *uri, struct si_place *place) {
  struct si_store *store = si_place_store(place);
  struct si_runpack_ids ids;
  char root[SI_STORE_URI_SIZE];
  si_rc status = store->vt->uri(store, "", root, &inv->error);
  if (status != SI_OK) {
    return status;
  }
  size_t len = strlen(root);
  len -= root[len - 1] == '/';
  if (strncmp(uri, root, len) != 0 || uri[len] != '/') {
    bad_uri(inv, uri, "does not lie in the store that is configured");
    return si_error_hint(&inv->error, "that store is %.300s", root);
  }
  size_t rest = strlen(uri + len + 1);
  rest -= rest > 0 && uri[len + rest] == '/';
  if (rest < sizeof place->prefix) {
    memcpy(place->prefix, uri + len + 1, rest);
    place->prefix[rest] = '\0';
  }
  if (rest < sizeof place->prefix && si_runpack_prefix_parse(place->prefix, &ids) == SI_OK) {
    return SI_OK;
  }
  bad_uri(inv, uri, "is not that of a runpack");
  return si_error_hint(&inv->error,
                       "si runpack list shows the runpacks of a store: %.*s/tenant/...",
                       len < 200 ? (int)len : 200, root);
}

static si_rc place_of_uri(struct si_invocation *inv, const char *uri, size_t scheme,
                          struct si_place *place) {
  char provider[64];
  const char *sink = si_opt(inv, "sink");
  bool named = sink || si_opt_flag(inv, "config");
  si_copy(provider, scheme < sizeof provider ? scheme + 1 : 1, uri);
  if (!si_name_valid(provider)) {
    return bad_uri(inv, uri, "does not begin with a store's id and ://");
  }
  if (strcmp(provider, "file") == 0 && !named) {
    return place_of_file_uri(inv, uri, place);
  }
  si_rc status =
      open_sink(inv, named ? (sink ? sink : provider) : NULL, "config", false, provider, place);
  return status == SI_OK ? prefix_of_uri(inv, uri, place) : status;
}

void si_place_uri(struct si_place *place, const char *prefix, struct si_buf *out) {
  struct si_store *store = si_place_store(place);
  char uri[SI_STORE_URI_SIZE];
  struct si_error untold;
  if (store->vt->uri(store, prefix, uri, &untold) == SI_OK && si_buf_puts(out, uri) != SI_OK) {
    return; /* one that is too long is not shown */
  }
}

si_rc si_place_runpack(struct si_invocation *inv, struct si_place *place) {
  const char *uri = si_arg(inv, 0);
  const char *operation = si_opt(inv, "operation");
  if (!uri == !operation) {
    return si_usage_error(inv, "name one runpack: a directory, a URI, or --operation ID");
  }
  if (operation) {
    return place_of_operation(inv, operation, place);
  }
  const char *scheme = strstr(uri, "://");
  return scheme ? place_of_uri(inv, uri, (size_t)(scheme - uri), place)
                : place_of_path(inv, uri, place);
}
