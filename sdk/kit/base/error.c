/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"

static void SI_PRINTF(3, 0) put(char *to, size_t size, const char *fmt, va_list args) {
  int n = vsnprintf(to, size, fmt, args);
  if (n < 0) {
    to[0] = '\0';
  } else if ((size_t)n >= size && size > 1) {
    /* What followed is gone: only the last character itself can say whether it is whole. */
    size_t last = si_utf8_cut(to, size - 2);
    if (!si_utf8_valid(to + last, size - 1 - last)) {
      to[last] = '\0';
    }
  }
}

si_rc si_error_set(struct si_error *error, si_rc status, const char *code, const char *fmt, ...) {
  if (error) {
    va_list args;
    memset(error, 0, sizeof *error);
    error->status = status;
    si_copy(error->code, sizeof error->code, code);
    va_start(args, fmt);
    put(error->message, sizeof error->message, fmt, args);
    va_end(args);
  }
  return status;
}

si_rc si_error_hint(struct si_error *error, const char *fmt, ...) {
  if (!error) {
    return SI_E_INTERNAL;
  }
  va_list args;
  va_start(args, fmt);
  put(error->hint, sizeof error->hint, fmt, args);
  va_end(args);
  return error->status;
}

si_rc si_error_target(struct si_error *error, const char *stage, const char *target) {
  if (!error) {
    return SI_E_INTERNAL;
  }
  if (stage) {
    si_copy(error->stage, sizeof error->stage, stage);
  }
  if (target) {
    si_copy(error->target, sizeof error->target, target);
  }
  return error->status;
}

void si_error_detail(struct si_error *error, const char *text) {
  if (error && text) {
    si_copy(error->detail, sizeof error->detail, text);
  }
}

const char *si_status_text(si_rc status) {
  static const char *const texts[] = {
      "done",     "invalid",        "not authorised", "not found",     "exists already",
      "conflict", "locked",         "limit reached",  "not reachable", "input or output failed",
      "corrupt",  "unsupported",    "cancelled",      "timed out",     "out of memory",
      "refused",  "internal error", "failed",
  };
  if (status < 0 || (size_t)status >= sizeof texts / sizeof *texts) {
    return "unknown status";
  }
  return texts[status];
}

si_rc si_status_of_errno(int err) {
  switch (err) {
    case 0: return SI_OK;
    case ENOENT:
    case ENOTDIR: return SI_E_NOT_FOUND;
    case EEXIST:
    case ENOTEMPTY: return SI_E_EXISTS;
    case EACCES:
    case EPERM: return SI_E_AUTH;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE: return SI_E_QUOTA;
    case ENOMEM: return SI_E_NOMEM;
    case EINVAL:
    case ENAMETOOLONG: return SI_E_INVALID;
    case ELOOP:
    case EXDEV: return SI_E_REFUSED;
    case ECONNREFUSED:
    case ECONNRESET:
    case EHOSTUNREACH:
    case ENETUNREACH: return SI_E_UNAVAILABLE;
    case ETIMEDOUT: return SI_E_TIMEOUT;
    default: return SI_E_IO;
  }
}

si_rc si_error_errno(struct si_error *error, int err, const char *code, const char *fmt, ...) {
  si_rc status = si_status_of_errno(err);
  if (error) {
    char what[sizeof error->message];
    va_list args;
    va_start(args, fmt);
    put(what, sizeof what, fmt, args);
    va_end(args);
    return si_error_set(error, status, code, "%s: %s", what, strerror(err));
  }
  return status;
}
