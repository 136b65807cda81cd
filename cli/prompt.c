/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/prompt.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cli/interrupt.h"
#include "cli/visible.h"

#define ANSWER_MAX 256u

static bool can_ask(const struct si_invocation *inv) {
  const struct si_output *out = inv->out;
  return out->tty_in && out->tty_err && !inv->no_input && !out->json;
}

static si_rc declined(struct si_invocation *inv) {
  return si_error_set(&inv->error, SI_E_CANCELLED, "CLI_CONFIRM_DECLINED",
                      "not confirmed: nothing was changed");
}

/* One line from the terminal, byte by byte: what stands behind it is not ours. False: its end, an
 * interrupt, or an answer longer than any that counts. */
static bool read_answer(int in, char answer[ANSWER_MAX]) {
  size_t len = 0;
  struct pollfd wait[2] = {{.fd = in, .events = POLLIN},
                           {.fd = si_interrupt_fd(), .events = POLLIN}};
  for (;;) {
    if (poll(wait, 2, -1) < 0) {
      if (errno == EINTR) {
        continue;
      }
      return false;
    }
    char c;
    if (wait[1].revents || read(in, &c, 1) != 1) {
      return false;
    }
    if (c == '\n') {
      answer[len] = '\0';
      return true;
    }
    if (c == '\0' || len + 1 >= ANSWER_MAX) {
      return false;
    }
    answer[len++] = c;
  }
}

static si_rc ask(struct si_invocation *inv, const char *question, const char *how,
                 char answer[ANSWER_MAX]) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(65536);
  si_rc status = si_visible(question, strlen(question), "", &text);
  status = status == SI_OK ? si_buf_printf(&text, " %s ", how) : status;
  if (status != SI_OK) {
    return si_error_set(&inv->error, status, "CLI_CONFIRM_REQUIRED", "the question is too long");
  }
  si_out_err(inv->out, text.data);
  if (!read_answer(inv->out->in, answer)) {
    si_out_err(inv->out, "\n");
    return declined(inv);
  }
  return SI_OK;
}

static si_rc ask_yes(struct si_invocation *inv, const char *question) {
  char answer[ANSWER_MAX];
  si_rc status = ask(inv, question, "[y/N]", answer);
  if (status != SI_OK) {
    return status;
  }
  bool yes = strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
  return yes ? SI_OK : declined(inv);
}

si_rc si_confirm(struct si_invocation *inv, const char *question) {
  if (inv->yes) {
    return SI_OK;
  }
  if (can_ask(inv)) {
    return ask_yes(inv, question);
  }
  si_error_set(&inv->error, SI_E_INVALID, "CLI_CONFIRM_REQUIRED",
               "`si %s` needs a confirmation, and there is nobody to ask", inv->command->path);
  return si_error_hint(&inv->error, "add --yes");
}

si_rc si_confirm_name(struct si_invocation *inv, const char *question, const char *name) {
  if (inv->confirm && strcmp(inv->confirm, name) != 0) {
    si_error_set(&inv->error, SI_E_INVALID, "CLI_CONFIRM_MISMATCH",
                 "--confirm %.80s does not name %.80s: nothing was changed", inv->confirm, name);
    return si_error_hint(&inv->error, "--confirm %s, if that is what you mean", name);
  }
  if (inv->confirm) {
    return si_confirm(inv, question);
  }
  if (!can_ask(inv)) {
    si_error_set(&inv->error, SI_E_INVALID, "CLI_CONFIRM_REQUIRED",
                 "`si %s` needs a confirmation by name, and there is nobody to ask",
                 inv->command->path);
    return si_error_hint(&inv->error, "add --yes --confirm %s", name);
  }
  char answer[ANSWER_MAX];
  si_rc status = ask(inv, question, "Type its name to confirm:", answer);
  if (status != SI_OK) {
    return status;
  }
  return strcmp(answer, name) == 0 ? SI_OK : declined(inv);
}
