/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/doctor/look.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/base/path.h"
#include "paas/doctor/signs.h"

/* As git tells it: a NUL near the beginning. */
static bool is_binary(const char *text, size_t len) {
  return memchr(text, '\0', len < 8000 ? len : 8000) != NULL;
}

/* Fills the piece from `have` on; *end where the file has no more. */
static si_rc fill(struct si_look *look, int fd, size_t *have, bool *end) {
  size_t room = SI_LOOK_PIECE + SI_LOOK_KEEP;
  *end = false;
  while (*have < room && !*end) {
    ssize_t n = read(fd, look->piece + *have, room - *have);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return SI_E_IO;
    }
    *end = (size_t)n < room - *have;
    *have += (size_t)n;
    look->bytes += (uint64_t)n;
  }
  return SI_OK;
}

/* Whole lines are looked at, and gone; a private key whose first line is the last but few stays for
 * the next piece. Of a line that is longer than a piece the end is looked at twice. */
struct cut {
  size_t use;
  size_t drop;
};

static struct cut cut_piece(const char *text, size_t len, bool end) {
  const char *last = end ? NULL : memrchr(text, '\n', len);
  if (end || !last) {
    return (struct cut){len, end ? len : len - SI_LOOK_KEEP};
  }
  size_t at = (size_t)(last - text) + 1;
  size_t from = at > 512 ? at - 512 : 0;
  const char *pem = memmem(text + from, at - from, "-----BEGIN ", 11);
  at = pem && pem > text ? (size_t)(pem - text) : at;
  return (struct cut){at, at};
}

static size_t count_lines(const char *text, size_t len) {
  size_t count = 0;
  for (const char *end = text + len; (text = memchr(text, '\n', (size_t)(end - text))); text++) {
    count++;
  }
  return count;
}

static si_rc read_on(struct si_look *look, int fd, size_t have, bool end, const char *name) {
  unsigned rules = si_expose_rules(name);
  size_t line = 1;
  for (;;) {
    struct cut cut = cut_piece(look->piece, have, end);
    si_expose_text(look->piece, cut.use, rules, line, look->ctx, look->found);
    if (end) {
      return SI_OK;
    }
    if (look->bytes > look->most) {
      return SI_E_QUOTA;
    }
    line += count_lines(look->piece, cut.drop);
    memmove(look->piece, look->piece + cut.drop, have - cut.drop);
    have -= cut.drop;
    si_rc status = fill(look, fd, &have, &end);
    if (status != SI_OK) {
      return status;
    }
  }
}

si_rc si_look(struct si_look *look, int dir, const char *name) {
  size_t have = 0;
  bool end = false;
  struct stat st;
  int fd SI_AUTO(si_close) =
      openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) {
    return errno == ENOENT || errno == ELOOP || errno == ENXIO ? SI_OK : SI_E_IO;
  }
  if (fill(look, fd, &have, &end) != SI_OK) {
    bool other = fstat(fd, &st) == 0 && !S_ISREG(st.st_mode);
    return other ? SI_OK : SI_E_IO;
  }
  const char *sign =
      look->signs ? si_private_sign(name, look->piece, have < SI_SIGN_HEAD ? have : SI_SIGN_HEAD)
                  : NULL;
  if (sign) {
    look->sign(look->ctx, sign);
  }
  if (!look->exposures || is_binary(look->piece, have)) {
    return SI_OK;
  }
  return read_on(look, fd, have, end, name);
}
