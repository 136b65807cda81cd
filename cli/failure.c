/* SPDX-License-Identifier: Apache-2.0 */
/* A failure as people read it: what and why, the detail's lines, what to do next. */
#include <string.h>

#include "cli/output.h"
#include "cli/visible.h"

#define FAILURE_MAX (64u << 10) /* the record's own size, every byte escaped, and the frame */
#define BOLD "\x1b[1m"
#define RED "\x1b[1;31m"
#define PLAIN "\x1b[0m"

static si_rc add_visible(struct si_buf *to, const char *text) {
  return si_visible(text, strlen(text), "", to);
}

/* " [CODE, in stage, at target]" */
static si_rc add_code(struct si_buf *to, const struct si_error *error) {
  si_rc status = si_buf_printf(to, " [%s", error->code);
  if (status == SI_OK && error->stage[0]) {
    status = si_buf_puts(to, ", in ");
    status = status == SI_OK ? add_visible(to, error->stage) : status;
  }
  if (status == SI_OK && error->target[0]) {
    status = si_buf_puts(to, ", at ");
    status = status == SI_OK ? add_visible(to, error->target) : status;
  }
  return status == SI_OK ? si_buf_add(to, "]", 1) : status;
}

static si_rc add_detail(struct si_buf *to, const char *text) {
  si_rc status = SI_OK;
  while (status == SI_OK && *text) {
    size_t len = strcspn(text, "\n");
    status = si_buf_puts(to, "  ");
    status = status == SI_OK ? si_visible(text, len, "\t", to) : status;
    status = status == SI_OK ? si_buf_add(to, "\n", 1) : status;
    text += len + (text[len] == '\n');
  }
  return status;
}

void si_out_failure(struct si_output *out, const struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(FAILURE_MAX);
  const char *plain = out->color_err ? PLAIN : "";
  si_rc status = si_buf_printf(&text, "%ssi:%s ", out->color_err ? RED : "", plain);
  status = status == SI_OK ? add_visible(&text, error->message) : status;
  status = status == SI_OK && out->verbose ? add_code(&text, error) : status;
  status = status == SI_OK ? si_buf_add(&text, "\n", 1) : status;
  status = status == SI_OK ? add_detail(&text, error->detail) : status;
  if (status == SI_OK && error->hint[0]) {
    status = si_buf_printf(&text, "%snext:%s ", out->color_err ? BOLD : "", plain);
    status = status == SI_OK ? add_visible(&text, error->hint) : status;
    status = status == SI_OK ? si_buf_add(&text, "\n", 1) : status;
  }
  si_out_err(out, status == SI_OK ? text.data : "si: out of memory\n");
}
