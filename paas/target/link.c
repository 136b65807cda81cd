/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/json.h"
#include "paas/redact/redact.h"
#include "paas/target/target.h"
#include "paas/target/tunnel.h"

struct si_target_link {
  struct si_tunnel tunnel;
  struct si_buf config;
};

/* The provisioner's settings, with the engine that is meant. */
static si_rc write_config(const char *base, const char *socket, struct si_buf *out,
                          struct si_error *error) {
  cJSON *config SI_AUTO(si_json_free) = NULL;
  si_rc status = si_json_parse(base, strlen(base), &config, error);
  if (status != SI_OK) {
    return status;
  }
  if (socket) {
    cJSON_DeleteItemFromObjectCaseSensitive(config, "socket");
  }
  if ((socket && !cJSON_AddStringToObject(config, "socket", socket)) ||
      si_json_canonical(config, out) != SI_OK) {
    return si_error_set(error, SI_E_NOMEM, "STATE_MEMORY", "out of memory");
  }
  return SI_OK;
}

static si_rc open_ssh(struct si_target_link *link, const cJSON *config, uint64_t deadline_ns,
                      int interrupt_fd, struct si_error *error) {
  struct si_tunnel_way way = {.identity = si_json_str(config, "identity"),
                              .host_key = si_json_str(config, "host_key"),
                              .socket = si_json_str(config, "socket")};
  const char *address = si_json_str(config, "ssh");
  if (!address || !way.identity || !way.host_key || !way.socket) {
    return si_error_set(error, SI_E_CORRUPT, "TARGET_INVALID", "the target's row is incomplete");
  }
  si_rc status = si_target_address_read(address, &way.address, error);
  return status == SI_OK ? si_tunnel_start(&link->tunnel, &way, deadline_ns, interrupt_fd, error)
                         : status;
}

static si_rc open_row(struct si_target_link *link, const struct si_target_row *row,
                      const char *base, uint64_t deadline_ns, int interrupt_fd,
                      struct si_error *error) {
  cJSON *config SI_AUTO(si_json_free) = NULL;
  si_rc status = si_json_parse(row->config, strlen(row->config), &config, error);
  bool ssh = strcmp(row->kind, "ssh") == 0;
  if (status == SI_OK && ssh) {
    status = open_ssh(link, config, deadline_ns, interrupt_fd, error);
  }
  if (status != SI_OK) {
    si_redact_error(error);
    return status;
  }
  return write_config(base, ssh ? link->tunnel.socket : si_json_str(config, "socket"),
                      &link->config, error);
}

si_rc si_target_open(struct si_state *state, const char *name, const char *base,
                     uint64_t deadline_ns, int interrupt_fd, struct si_target_link **out,
                     struct si_error *error) {
  struct si_target_row row SI_AUTO(si_target_row_free) = {.name = ""};
  struct si_target_link *link = calloc(1, sizeof *link);
  if (!link) {
    return si_error_set(error, SI_E_NOMEM, "STATE_MEMORY", "out of memory");
  }
  link->tunnel = (struct si_tunnel)SI_TUNNEL;
  link->config = (struct si_buf)SI_BUF(1 << 20);
  si_rc status = SI_OK;
  if (strcmp(name, SI_TARGET_LOCAL) == 0) {
    status = write_config(base, NULL, &link->config, error);
  } else {
    status = si_state_target(state, name, &row, error);
    status =
        status == SI_OK ? open_row(link, &row, base, deadline_ns, interrupt_fd, error) : status;
  }
  if (status != SI_OK) {
    si_target_link_close(link);
    return status;
  }
  *out = link;
  return SI_OK;
}

const char *si_target_link_config(const struct si_target_link *link) {
  return link->config.data;
}

si_rc si_target_link_blame(struct si_target_link *link, struct si_error *error) {
  struct si_tunnel *tunnel = &link->tunnel;
  if (!tunnel->den.path[0]) {
    return error->status;
  }
  /* ssh may need a moment to find out what the provider has seen already. */
  for (int i = 0; error->status == SI_E_UNAVAILABLE && i < 50 && si_tunnel_runs(tunnel); i++) {
    poll(NULL, 0, 10);
  }
  if (!si_tunnel_runs(tunnel)) {
    si_error_set(error, SI_E_UNAVAILABLE, "TARGET_UNREACHABLE",
                 "the connection to the target broke off%s%s", tunnel->words[0] ? ": " : "",
                 tunnel->words);
    error->retry = SI_OUTCOME_UNKNOWN;
    si_redact_error(error);
  } else if (tunnel->words[0] && !error->detail[0]) {
    si_error_detail(error, tunnel->words);
    si_redact_error(error);
  }
  return error->status;
}

void si_target_link_close(struct si_target_link *link) {
  if (link) {
    si_tunnel_end(&link->tunnel);
    si_buf_free(&link->config);
    free(link);
  }
}
