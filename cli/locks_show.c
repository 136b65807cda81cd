/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/locks_show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/grid.h"
#include "kit/base/text.h"

static void print_rows(struct si_invocation *inv, const struct si_locks *locks) {
  struct si_grid table SI_AUTO(si_grid_free) =
      SI_GRID("LOCK", "UNTIL", "HELD", "STATE", "VERSION", "OBJECT");
  for (size_t i = 0; i < locks->count; i++) {
    const struct si_lock_row *row = &locks->rows[i];
    bool locked = si_locks_locked(locks, row);
    char until[SI_TIME_SIZE] = "";
    if (row->until_ms) {
      si_time_text(row->until_ms, until);
    }
    si_grid_row(&table,
                locked                      ? si_lock_mode_name(row->mode)
                : row->mode != SI_LOCK_NONE ? "ended"
                                            : "none",
                until, row->flags & SI_LOCK_HELD ? "yes" : "",
                row->flags & SI_LOCK_MARKER    ? "removed"
                : row->flags & SI_LOCK_CURRENT ? "current"
                                               : "old",
                si_locks_text(locks, row->version), si_locks_path(locks, row));
  }
  si_grid_print(inv->out, &table);
}

static void print_summary(struct si_invocation *inv, const struct si_locks *locks) {
  char first[SI_TIME_SIZE] = "-", now[SI_TIME_SIZE];
  struct si_output *out = inv->out;
  si_out_field(out, "runpack", "%s", locks->prefix);
  si_out_field(out, "state", "%s", locks->complete ? "complete" : "incomplete: it has no manifest");
  si_out_field(out, "locked", "%s: %llu of %llu objects",
               si_locks_all_locked(locks) ? "all"
               : locks->locked            ? "in part"
                                          : "no",
               (unsigned long long)locks->locked, (unsigned long long)locks->current);
  si_out_field(out, "weakest mode", "%s", si_lock_mode_name(locks->weakest));
  if (locks->earliest_ms) {
    si_time_text(locks->earliest_ms, first);
  }
  si_out_field(out, "earliest end", "%s", first);
  si_out_field(out, "legal hold", "%llu of %llu objects", (unsigned long long)locks->held,
               (unsigned long long)locks->current);
  if (locks->old || locks->markers) {
    si_out_field(out, "besides", "%llu old versions, %llu marks of removals",
                 (unsigned long long)locks->old, (unsigned long long)locks->markers);
  }
  si_time_text(locks->told_ms, now);
  si_out_field(out, "store's clock", "%s", locks->clock ? now : "it tells none");
}

si_rc si_locks_show(struct si_invocation *inv, struct si_place *place, const struct si_locks *locks,
                    cJSON **out) {
  struct si_buf uri SI_AUTO(si_buf_free) = SI_BUF(SI_STORE_URI_SIZE);
  cJSON *json = cJSON_CreateObject();
  si_place_uri(place, locks->prefix, &uri);
  print_summary(inv, locks);
  si_out_line(inv->out, "%s", "");
  print_rows(inv, locks);
  si_retain_warn_skew(inv, si_locks_skew_ms(locks));
  if (!cJSON_AddStringToObject(json, "prefix", locks->prefix) ||
      si_json_add_text(json, "storage_uri", uri.data) != SI_OK ||
      si_locks_json(locks, json) != SI_OK) {
    cJSON_Delete(json);
    return si_error_set(&inv->error, SI_E_NOMEM, "CLI_MEMORY", "out of memory");
  }
  *out = json;
  return SI_OK;
}
