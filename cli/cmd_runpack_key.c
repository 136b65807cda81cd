/* SPDX-License-Identifier: Apache-2.0 */
/* `si runpack key ...`: the key that signs a context's evidence. */
#include <string.h>

#include "cli/context.h"
#include "cli/scope.h"
#include "kit/base/text.h"
#include "paas/vault/evidence_key.h"

/* The keys as PEM texts, one behind the other: what --key of `runpack verify` reads. */
struct listing {
  struct si_buf pem;
  cJSON *json;
  const char *last;
};

static si_rc list_key(void *ctx, const char *key, const char *since) {
  struct listing *listing = ctx;
  uint8_t bytes[SI_SIGN_KEY];
  cJSON *item = cJSON_CreateObject();
  if (!cJSON_AddStringToObject(item, "key", key) ||
      !cJSON_AddStringToObject(item, "since", since) ||
      !cJSON_AddItemToArray(listing->json, item)) {
    cJSON_Delete(item);
    return SI_E_NOMEM;
  }
  if (!si_unhex(key, sizeof bytes, bytes)) {
    return SI_E_CORRUPT;
  }
  si_rc status = si_buf_printf(&listing->pem, "# %s, since %s\n", key, since);
  return status == SI_OK ? si_sign_public_pem(bytes, &listing->pem) : status;
}

static si_rc print_keys(struct si_invocation *inv, struct si_state *state) {
  struct listing listing = {.pem = SI_BUF(1u << 20), .json = cJSON_CreateArray()};
  si_rc status = si_evidence_keys(state, &listing, list_key, &inv->error);
  if (status != SI_OK) {
    cJSON_Delete(listing.json);
    si_buf_free(&listing.pem);
    return inv->error.status ? status
                             : si_error_set(&inv->error, status, "EVIDENCE_KEY",
                                            "the list of keys in state.db cannot be read");
  }
  char *line = listing.pem.data, *rest = NULL;
  for (line = line ? strtok_r(line, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest)) {
    si_out_line(inv->out, "%s", line);
  }
  si_buf_free(&listing.pem);
  return si_out_list(inv->out, listing.json);
}

static si_rc show(struct si_invocation *inv) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  si_rc status = si_scope_open(&scope, inv, SI_STATE_READ);
  return status == SI_OK ? print_keys(inv, scope.state) : status;
}

const struct si_command si_cmd_runpack_key_show = {
    .path = "runpack key show",
    .summary = "Show every public key that a context signed its evidence with",
    .text =
        "As PEM, oldest first: what an auditor gives to `si runpack verify --key FILE`. The "
        "first operation makes the first key.",
    .flags = SI_CMD_CONTEXT,
    .run = show,
};

static si_rc rotate(struct si_invocation *inv) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  struct si_evidence_key key SI_AUTO(si_evidence_key_free) = {.key = ""};
  si_rc status = si_scope_open(&scope, inv, SI_STATE_WRITE);
  status = status == SI_OK ? si_scope_gate(inv, &scope.context, scope.state) : status;
  status = status == SI_OK ? si_evidence_key_rotate(&scope.context, scope.state, &key, &inv->error)
                           : status;
  if (status != SI_OK) {
    return status;
  }
  cJSON *json = cJSON_CreateObject();
  si_out_field(inv->out, "key", "%s", key.key);
  si_out_note(inv->out, "older runpacks stay trusted; tell whoever verifies: si runpack key show");
  cJSON_AddStringToObject(json, "key", key.key);
  return si_out_result(inv->out, json);
}

const struct si_command si_cmd_runpack_key_rotate = {
    .path = "runpack key rotate",
    .summary = "Make a new key for a context's evidence",
    .text =
        "The old secret key is gone then; what it signed stays trusted. The audit chain tells "
        "of it.",
    .flags = SI_CMD_MUTATING,
    .run = rotate,
};
