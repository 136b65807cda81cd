/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/interrupt.h"
#include "kit/base/text.h"
#include "paas/redact/redact.h"

#define PASSPHRASE_MAX 1023u

/* --- reading --- */

static si_rc too_long(struct si_invocation *inv, size_t max) {
  return si_error_set(&inv->error, SI_E_INVALID, "PAAS_INVALID_ARGUMENT",
                      "what was given is longer than %zu bytes", max);
}

static si_rc unreadable(struct si_invocation *inv, const char *what) {
  return si_error_errno(&inv->error, errno, "CLI_INPUT", "reading %s failed", what);
}

static si_rc no_memory(struct si_invocation *inv) {
  return si_error_set(&inv->error, SI_E_NOMEM, "CLI_MEMORY", "out of memory");
}

static si_rc read_fd(struct si_invocation *inv, int fd, const char *what, size_t max,
                     struct si_locked *out) {
  if (si_locked_make(out, max + 1) != SI_OK) {
    return no_memory(inv);
  }
  si_rc status = si_locked_read(out, fd);
  return status == SI_OK        ? SI_OK
         : status == SI_E_QUOTA ? too_long(inv, max)
                                : unreadable(inv, what);
}

/* Up to the first newline, which is taken too, byte by byte: what stands behind it is not ours. */
static si_rc read_line(struct si_invocation *inv, int fd, const char *what, size_t max,
                       struct si_locked *out) {
  if (si_locked_make(out, max + 1) != SI_OK) {
    return no_memory(inv);
  }
  for (;;) {
    ssize_t n = read(fd, out->data + out->len, 1);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return unreadable(inv, what);
    }
    out->len += (size_t)n;
    if (n == 0 || out->data[out->len - 1] == '\n') {
      return out->len <= max ? SI_OK : too_long(inv, max);
    }
    if (out->len > max) {
      return too_long(inv, max);
    }
  }
}

static void trim(struct si_locked *text) {
  if (text->len > 0 && text->data[text->len - 1] == '\n') {
    text->data[--text->len] = '\0';
  }
  if (text->len > 0 && text->data[text->len - 1] == '\r') {
    text->data[--text->len] = '\0';
  }
}

static si_rc fd_of(struct si_invocation *inv, const char *option, int *fd) {
  uint64_t number = 0;
  si_rc status = si_opt_u64(inv, option, 0, 1 << 20, 0, &number);
  int flags = status == SI_OK ? fcntl((int)number, F_GETFD) : 0;
  if (flags < 0 || flags & FD_CLOEXEC) { /* none, or one of si's own */
    return si_usage_error(inv, "--%s %d is not open", option, (int)number);
  }
  *fd = (int)number;
  return status;
}

/* --- a terminal --- */

static bool can_ask(const struct si_invocation *inv) {
  return !inv->no_input && !inv->out->json;
}

struct quiet {
  int fd;
  struct termios before;
};

static void loud(struct quiet *quiet) {
  if (quiet->fd >= 0) {
    (void)tcsetattr(quiet->fd, TCSAFLUSH, &quiet->before);
    (void)!write(quiet->fd, "\n", 1);
    close(quiet->fd);
  }
}

/* Until a line is there, or an interrupt. */
static si_rc await_line(struct si_invocation *inv, int terminal, int interrupts) {
  struct pollfd ready[2] = {{.fd = terminal, .events = POLLIN},
                            {.fd = interrupts, .events = POLLIN}};
  while (poll(ready, 2, -1) < 0 && errno == EINTR) {
  }
  return si_interrupt_take() == 0 ? SI_OK
                                  : si_error_set(&inv->error, SI_E_CANCELLED, "INTERRUPTED",
                                                 "interrupted at the question for a passphrase");
}

/* One line from the terminal that the process belongs to, whatever stdin is; not echoed. */
static si_rc ask_terminal(struct si_invocation *inv, const char *question, size_t max,
                          struct si_locked *out) {
  struct quiet quiet SI_AUTO(loud) = {.fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC)};
  if (quiet.fd < 0 || tcgetattr(quiet.fd, &quiet.before) != 0) {
    si_close(&quiet.fd);
    si_error_set(&inv->error, SI_E_AUTH, "VAULT_LOCKED",
                 "a passphrase is needed, and there is no terminal to ask on");
    return si_error_hint(&inv->error, "give it with --passphrase-fd N");
  }
  /* From here on an interrupt does not end the process: the terminal would stay silent. */
  int interrupts = si_interrupt_fd();
  struct termios silent = quiet.before;
  silent.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
  silent.c_lflag |= ICANON | ISIG;
  if (tcsetattr(quiet.fd, TCSAFLUSH, &silent) != 0 ||
      si_write_all(quiet.fd, question, strlen(question)) != 0) {
    return unreadable(inv, "the terminal");
  }
  si_rc status = await_line(inv, quiet.fd, interrupts);
  if (status == SI_OK) {
    status = read_line(inv, quiet.fd, "the terminal", max, out);
  }
  if (status == SI_OK) {
    trim(out);
  }
  return status;
}

/* A NUL would end it early: what was typed behind it would protect nothing. */
static si_rc take_passphrase(struct si_invocation *inv, const struct si_locked *passphrase) {
  if (passphrase->len == 0 || memchr(passphrase->data, '\0', passphrase->len)) {
    return si_error_set(&inv->error, SI_E_AUTH, "VAULT_PASSPHRASE", "the passphrase %s",
                        passphrase->len == 0 ? "is empty" : "holds a NUL");
  }
  return si_redact_remember(passphrase->data, passphrase->len) == SI_OK ? SI_OK : no_memory(inv);
}

/* --- the identity's passphrase --- */

static si_rc read_passphrase(struct si_secrets *secrets, const char *what) {
  struct si_invocation *inv = secrets->scope.inv;
  char question[SI_PATH_MAX + 64];
  int fd = -1;
  si_rc status = SI_OK;
  if (si_opt(inv, "passphrase-fd")) {
    status = fd_of(inv, "passphrase-fd", &fd);
    status = status == SI_OK
                 ? read_line(inv, fd, "the passphrase", PASSPHRASE_MAX, &secrets->passphrase)
                 : status;
    if (status == SI_OK) {
      trim(&secrets->passphrase);
    }
  } else if (can_ask(inv)) {
    snprintf(question, sizeof question, "Passphrase of %s: ", what);
    status = ask_terminal(inv, question, PASSPHRASE_MAX, &secrets->passphrase);
  } else {
    si_error_set(&inv->error, SI_E_AUTH, "VAULT_LOCKED",
                 "the identity %s is sealed with a passphrase, and nobody may be asked", what);
    return si_error_hint(&inv->error, "give it with --passphrase-fd N");
  }
  return status == SI_OK ? take_passphrase(inv, &secrets->passphrase) : status;
}

si_rc si_secrets_ask(void *ctx, const char *what, struct si_buf *out, struct si_error *error) {
  struct si_secrets *secrets = ctx;
  struct si_invocation *inv = secrets->scope.inv;
  si_rc status = secrets->passphrase.len > 0 ? SI_OK : read_passphrase(secrets, what);
  if (status != SI_OK) {
    if (error && error != &inv->error) {
      *error = inv->error;
    }
    return status;
  }
  return si_buf_add(out, secrets->passphrase.data, secrets->passphrase.len);
}

si_rc si_secrets_new_passphrase(struct si_invocation *inv, struct si_locked *out) {
  struct si_locked again SI_AUTO(si_locked_free) = {.data = NULL};
  bool ask = si_opt_flag(inv, "seal-identity"), given = si_opt(inv, "new-passphrase-fd") != NULL;
  int fd = -1;
  si_rc status = SI_OK;
  if (!ask && !given) {
    return SI_OK;
  }
  if (given) {
    status = fd_of(inv, "new-passphrase-fd", &fd);
    status = status == SI_OK ? read_line(inv, fd, "the passphrase", PASSPHRASE_MAX, out) : status;
    if (status == SI_OK) {
      trim(out);
    }
  } else if (!can_ask(inv)) {
    return si_usage_error(inv, "--seal-identity asks on a terminal: here, --new-passphrase-fd N");
  } else {
    status = ask_terminal(inv, "New passphrase: ", PASSPHRASE_MAX, out);
    status = status == SI_OK ? ask_terminal(inv, "Once more: ", PASSPHRASE_MAX, &again) : status;
    if (status == SI_OK &&
        (again.len != out->len || memcmp(again.data, out->data, out->len) != 0)) {
      return si_error_set(&inv->error, SI_E_AUTH, "VAULT_PASSPHRASE",
                          "the two passphrases differ: nothing was changed");
    }
  }
  return status == SI_OK ? take_passphrase(inv, out) : status;
}

/* --- values --- */

bool si_secrets_has_value(const struct si_invocation *inv) {
  return si_opt_flag(inv, "stdin") || si_opt(inv, "file") || si_opt(inv, "fd");
}

static si_rc read_file(struct si_invocation *inv, const char *name, size_t max,
                       struct si_locked *out) {
  int fd SI_AUTO(si_close) = open(name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return unreadable(inv, name);
  }
  return read_fd(inv, fd, name, max, out);
}

si_rc si_secrets_value(struct si_invocation *inv, size_t max, struct si_locked *out) {
  const char *file = si_opt(inv, "file");
  bool from_stdin = si_opt_flag(inv, "stdin");
  int fd = -1;
  si_rc status = SI_OK;
  if ((from_stdin ? 1 : 0) + (file ? 1 : 0) + (si_opt(inv, "fd") ? 1 : 0) != 1) {
    return si_usage_error(inv, "the value comes from one of --stdin, --file FILE, --fd N");
  }
  if (from_stdin && inv->out->tty_in) {
    status = can_ask(inv) ? ask_terminal(inv, "Value: ", max, out)
                          : si_usage_error(inv, "stdin is a terminal, and nobody may be asked");
  } else if (from_stdin) {
    status = read_fd(inv, inv->out->in, "stdin", max, out);
  } else if (file) {
    status = read_file(inv, file, max, out);
  } else {
    status = fd_of(inv, "fd", &fd);
    status = status == SI_OK ? read_fd(inv, fd, "the value", max, out) : status;
  }
  if (status != SI_OK) {
    return status;
  }
  if (si_opt_flag(inv, "trim")) {
    trim(out);
  } else if (out->len > 1 && memchr(out->data, '\n', out->len) == out->data + out->len - 1) {
    si_out_warn(inv->out, "the value ends in a newline, which is part of it; --trim takes it off");
  }
  return SI_OK;
}

si_rc si_secrets_may_show(struct si_invocation *inv, bool revealed) {
  if (!inv->out->tty_out || revealed) {
    return SI_OK;
  }
  si_error_set(&inv->error, SI_E_REFUSED, "SECRET_TO_TERMINAL",
               "stdout is a terminal, where a secret stays to be read");
  return si_error_hint(&inv->error, "send it into a pipe or a file, or add --reveal");
}

/* --- the vault --- */

si_rc si_secrets_begin(struct si_secrets *secrets, struct si_invocation *inv, int mode) {
  memset(secrets, 0, sizeof *secrets);
  return si_scope_open(&secrets->scope, inv, mode);
}

si_rc si_secrets_open(struct si_secrets *secrets, struct si_invocation *inv, int mode, bool gated) {
  si_rc status = si_secrets_begin(secrets, inv, mode);
  if (status != SI_OK) {
    return status;
  }
  struct si_scope *scope = &secrets->scope;
  status = gated ? si_scope_gate(inv, &scope->context, scope->state) : SI_OK;
  status = status == SI_OK
               ? si_vault_open(&scope->context, scope->state, &secrets->vault, &inv->error)
               : status;
  if (status == SI_OK) {
    si_vault_asker(secrets->vault, si_secrets_ask, secrets);
  }
  return status;
}

void si_secrets_for_life(struct si_secrets *secrets) {
  secrets->scope.life.ask = si_secrets_ask;
  secrets->scope.life.ask_ctx = secrets;
}

void si_secrets_close(struct si_secrets *secrets) {
  si_vault_close(secrets->vault);
  secrets->vault = NULL;
  si_scope_close(&secrets->scope);
  si_locked_free(&secrets->passphrase);
}
