/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "paas/context/private.h"

static si_rc required(struct si_error *error) {
  si_error_set(error, SI_E_INVALID, "PAAS_CONTEXT_REQUIRED",
               "no context was named, and none is in use");
  si_error_hint(error,
                "pass --context NAME, set SI_PAAS_CONTEXT, or choose one with: si paas "
                "context use NAME (all of them: si paas context list)");
  return SI_E_INVALID;
}

static si_rc read_current(char *to, size_t size, struct si_error *error) {
  struct si_context_home home SI_AUTO(si_context_home_close) = SI_CONTEXT_HOME;
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(128);
  si_rc status = si_context_home_open(&home, error);
  if (status != SI_OK || home.root < 0) {
    return status == SI_OK ? required(error) : status;
  }
  status = si_read_file(home.root, "current_context", &text);
  if (status != SI_OK && errno != EFBIG) {
    return errno == ENOENT
               ? required(error)
               : si_context_errno(errno, "reading current_context in", home.path, error);
  }
  if (text.len > 0 && text.data[text.len - 1] == '\n') {
    text.data[--text.len] = '\0';
  }
  /* Too long, or with a NUL in it, it is no name either. */
  if (status != SI_OK || strlen(si_buf_text(&text)) != text.len ||
      !si_name_valid(si_buf_text(&text))) {
    si_error_set(error, SI_E_INVALID, "PAAS_CONTEXT_REQUIRED",
                 "%s/current_context names no context", home.path);
    si_error_hint(error, "choose one with: si paas context use NAME");
    return SI_E_INVALID;
  }
  si_copy(to, size, si_buf_text(&text));
  return SI_OK;
}

si_rc si_context_resolve(const char *flag, char *to, size_t size, struct si_error *error) {
  const char *name = flag;
  if (!name) {
    name = getenv("SI_PAAS_CONTEXT");
    name = name && name[0] ? name : NULL;
  }
  if (!name) {
    return read_current(to, size, error);
  }
  si_rc status = si_context_check_name(name, error);
  if (status == SI_OK) {
    si_copy(to, size, name);
  }
  return status;
}

si_rc si_context_use(const char *name, struct si_error *error) {
  struct si_context_home home SI_AUTO(si_context_home_close) = SI_CONTEXT_HOME;
  struct si_context context SI_AUTO(si_context_free) = {.name = ""};
  char line[72] = "";
  si_rc status = si_context_check_name(name, error);
  if (status == SI_OK) {
    status = si_context_home_open(&home, error);
  }
  if (status == SI_OK) {
    status = si_context_open_in(&home, name, &context, error);
  }
  if (status != SI_OK) {
    return status;
  }
  si_copy(line, sizeof line - 1, name);
  size_t len = strlen(line);
  line[len] = '\n';
  if (si_write_file(home.root, "current_context", line, len + 1, 0600) != SI_OK) {
    return si_context_errno(errno, "writing current_context in", home.path, error);
  }
  return SI_OK;
}
