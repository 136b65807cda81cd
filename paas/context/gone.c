/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/context/gone.c - the second half of a removal: contexts/<name> was renamed to
 * contexts/.gone-<name>-<hex>, which is the moment at which it is gone, and removal.json in it says
 * what else there is to take away. Every step can be run again. In this order: the line in
 * removed.jsonl; the identity; the vault, where it lies elsewhere; the --state-root directory; the
 * directory itself, removal.json last. Depends on sdk/kit/base.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "paas/context/private.h"

#define HEX 16u
#define RECORDS "removed.jsonl"
#define REMOVAL_MAX 65536u

static si_rc io(const char *what, const char *path, struct si_error *error) {
  return si_context_errno(errno, what, path, error);
}

/* --- the line --- */

/* Is a line of that id there already? Reads on until the end of the file. */
static si_rc has_line(int fd, const char *id, bool *found, bool *torn, struct si_error *error) {
  char block[8192 + 64];
  size_t kept = 0;
  char last = '\n';
  *found = false;
  for (;;) {
    ssize_t n = read(fd, block + kept, 8192);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return io("reading", RECORDS, error);
    }
    if (n == 0) {
      *torn = last != '\n';
      return SI_OK;
    }
    size_t len = kept + (size_t)n;
    last = block[len - 1];
    *found = *found || memmem(block, len, id, strlen(id)) != NULL;
    kept = len < 63 ? len : 63; /* an id may lie over the border of two blocks */
    memmove(block, block + len - kept, kept);
  }
}

static si_rc add_line(const struct si_context_home *home, const cJSON *removal,
                      struct si_error *error) {
  struct si_buf line SI_AUTO(si_buf_free) = SI_BUF(REMOVAL_MAX + 2);
  const char *id = si_json_str(removal, "id");
  bool found = false, torn = false;
  int fd SI_AUTO(si_close) = openat(
      home->root, RECORDS, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
  if (fd < 0) {
    return io("opening " RECORDS " in", home->path, error);
  }
  si_rc status = has_line(fd, id, &found, &torn, error);
  if (status != SI_OK || found) {
    return status;
  }
  if ((torn && si_buf_puts(&line, "\n") != SI_OK) || si_json_canonical(removal, &line) != SI_OK ||
      si_buf_puts(&line, "\n") != SI_OK) {
    return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: a removal's line");
  }
  if (si_write_all(fd, line.data, line.len) != 0 || fsync(fd) != 0 || fsync(home->root) != 0) {
    return io("writing " RECORDS " in", home->path, error);
  }
  return SI_OK;
}

/* --- what lies elsewhere --- */

/* Is it a vault of this context? Its header says so; a file that does not is not ours to remove. */
static bool is_vault_of(const char *path, const char *id) {
  char head[4096];
  int fd SI_AUTO(si_close) = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  struct stat st;
  if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
    return false;
  }
  ssize_t n = read(fd, head, sizeof head);
  return n > 0 && memmem(head, (size_t)n, id, strlen(id)) != NULL;
}

/* Each of the three proves for itself whose it is: the vault may be lost, and the others there. The
 * lock, which proves nothing, goes first, with the first that does; not from under another's
 * vault. */
static void remove_vault(const cJSON *removal) {
  static const char *const ends[] = {".new", ".previous", ""};
  char path[SI_PATH_MAX + 16], lock[SI_PATH_MAX + 16];
  struct stat st;
  const char *vault = si_json_str(removal, "vault_file");
  const char *id = si_json_str(removal, "id");
  if (!vault || (lstat(vault, &st) == 0 && !is_vault_of(vault, id))) {
    return;
  }
  snprintf(lock, sizeof lock, "%s.lock", vault);
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    snprintf(path, sizeof path, "%s%s", vault, ends[i]);
    if (is_vault_of(path, id)) {
      (void)unlink(lock);
      (void)unlink(path);
    }
  }
}

/* <name>.identity, or <name>.identity.age1..., which a rotation that died has left. */
static bool is_identity_of(const char *file, const char *name) {
  static const char own[] = ".identity", next[] = ".age1";
  size_t len = strlen(name);
  if (strncmp(file, name, len) != 0 || strncmp(file + len, own, sizeof own - 1) != 0) {
    return false;
  }
  file += len + sizeof own - 1;
  return file[0] == '\0' || strncmp(file, next, sizeof next - 1) == 0;
}

/* <name>.<id>.evidence, or what a writer of it that died has left behind that name. */
static bool is_evidence_key_of(const char *file, const char *name, const char *id) {
  char own[128];
  int len = snprintf(own, sizeof own, "%s.%s.evidence", name, id);
  return len > 0 && (size_t)len < sizeof own && strncmp(file, own, (size_t)len) == 0;
}

/* Of a context of that name that was made since, the identity stays. */
static void remove_keys(const struct si_context_home *home, const char *name, const char *id) {
  struct stat st;
  bool anew = fstatat(home->contexts, name, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
  int keys = openat(home->root, "keys", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *list = keys >= 0 ? fdopendir(keys) : NULL;
  if (!list) {
    si_close(&keys);
    return;
  }
  for (const struct dirent *entry; (entry = readdir(list)) != NULL;) {
    if ((!anew && is_identity_of(entry->d_name, name)) ||
        (id && is_evidence_key_of(entry->d_name, name, id))) {
      (void)unlinkat(keys, entry->d_name, 0);
    }
  }
  (void)fsync(keys);
  closedir(list);
}

static bool holds_context(int dir, const char *path, const char *id) {
  cJSON *config SI_AUTO(si_json_free) = NULL;
  return si_context_config_read(dir, path, &config, NULL) == SI_OK && si_json_str(config, "id") &&
         strcmp(si_json_str(config, "id"), id) == 0;
}

/* The mark goes in first and out last: it says that the rest is what is left of this context. */
static si_rc remove_elsewhere(const cJSON *removal, struct si_error *error) {
  char mark[64];
  struct stat st;
  const char *id = si_json_str(removal, "id");
  const char *path = si_json_str(removal, "state_root");
  if (!si_json_bool(removal, "elsewhere", false)) {
    return SI_OK;
  }
  int dir SI_AUTO(si_close) = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (dir < 0) {
    return errno == ENOENT ? SI_OK : io("opening", path, error);
  }
  snprintf(mark, sizeof mark, ".si-removing-%s", id);
  bool marked = fstatat(dir, mark, &st, AT_SYMLINK_NOFOLLOW) == 0;
  if (!marked && !holds_context(dir, path, id)) {
    return SI_OK; /* done before, or something else by now */
  }
  int fd SI_AUTO(si_close) = openat(dir, mark, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0 || fsync(dir) != 0) {
    return io("marking", path, error);
  }
  if (si_context_empty_tree(dir, mark) != 0 || unlinkat(dir, mark, 0) != 0) {
    return io("emptying", path, error);
  }
  (void)fsync(dir);
  (void)rmdir(path); /* a mount point stays */
  return SI_OK;
}

/* --- one removal --- */

static si_rc read_removal(int dir, cJSON **out, struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(REMOVAL_MAX);
  cJSON *removal SI_AUTO(si_json_free) = NULL;
  if (si_read_file(dir, SI_CONTEXT_REMOVAL, &text) != SI_OK) {
    return errno == ENOENT ? SI_OK : io("reading", SI_CONTEXT_REMOVAL, error);
  }
  si_rc status = si_json_parse(si_buf_text(&text), text.len, &removal, error);
  if (status != SI_OK) {
    return status;
  }
  const char *root = si_json_str(removal, "state_root");
  if (!si_context_id_valid(si_json_str(removal, "id")) || !root || root[0] != '/' ||
      !si_name_valid(si_json_str(removal, "name"))) {
    return si_error_set(error, SI_E_CORRUPT, "PAAS_CONTEXT_CONFIG",
                        "a " SI_CONTEXT_REMOVAL " makes no sense");
  }
  *out = removal;
  removal = NULL;
  return SI_OK;
}

static void forget_current(const struct si_context_home *home, const char *name) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(128);
  struct stat st;
  if (fstatat(home->contexts, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
      si_read_file(home->root, "current_context", &text) != SI_OK) {
    return;
  }
  size_t len = strcspn(si_buf_text(&text), "\n");
  if (len == strlen(name) && strncmp(text.data, name, len) == 0) {
    (void)unlinkat(home->root, "current_context", 0);
    (void)fsync(home->root);
  }
}

static si_rc finish(const struct si_context_home *home, const char *gone, const char *name,
                    struct si_error *error) {
  cJSON *removal SI_AUTO(si_json_free) = NULL;
  int dir SI_AUTO(si_close) =
      openat(home->contexts, gone, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (dir < 0) {
    return io("opening a removed context in", home->path, error);
  }
  si_rc status = read_removal(dir, &removal, error);
  if (status != SI_OK) {
    return status;
  }
  if (removal) { /* else nothing but it was left to do */
    status = add_line(home, removal, error);
    if (status != SI_OK) {
      return status;
    }
    forget_current(home, name);
    remove_keys(home, name, si_json_str(removal, "id"));
    remove_vault(removal);
    status = remove_elsewhere(removal, error);
    if (status != SI_OK) {
      return status;
    }
  }
  if (si_context_empty_tree(dir, SI_CONTEXT_REMOVAL) != 0 || fsync(dir) != 0 ||
      si_context_empty_tree(dir, NULL) != 0 || unlinkat(home->contexts, gone, AT_REMOVEDIR) != 0) {
    return io("removing a context's directory in", home->path, error);
  }
  (void)fsync(home->contexts);
  return SI_OK;
}

/* The name in ".gone-<name>-<hex>"; false where it is none. to[64] */
static bool name_of(const char *gone, char to[64]) {
  size_t prefix = strlen(SI_CONTEXT_GONE), len = strlen(gone);
  if (strncmp(gone, SI_CONTEXT_GONE, prefix) != 0 || len < prefix + 1 + HEX + 1 ||
      gone[len - HEX - 1] != '-') {
    return false;
  }
  size_t n = len - prefix - HEX - 1;
  if (n >= 64) {
    return false;
  }
  memcpy(to, gone + prefix, n);
  to[n] = '\0';
  return si_name_valid(to);
}

si_rc si_context_finish_removals(const struct si_context_home *home, const char *name,
                                 bool *finished, struct si_error *error) {
  si_rc status = SI_OK;
  char own[64];
  int fd = openat(home->contexts, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
  if (!list) {
    int keep = errno;
    si_close(&fd);
    return si_context_errno(keep, "listing contexts in", home->path, error);
  }
  for (const struct dirent *entry; (entry = readdir(list)) != NULL;) {
    struct si_error why;
    if (!name_of(entry->d_name, own)) {
      continue;
    }
    bool asked = name && strcmp(own, name) == 0;
    si_rc one = finish(home, entry->d_name, own, &why);
    if (one != SI_OK && asked) {
      status = si_context_give(&why, error);
    } else if (asked && finished) {
      *finished = true;
    }
  }
  closedir(list);
  return status;
}
