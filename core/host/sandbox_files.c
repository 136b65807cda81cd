/* SPDX-License-Identifier: Apache-2.0 */
/* core/host/sandbox_files.c - the sandbox's files, by Landlock. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/host/sandbox.h"
#include "core/host/sandbox_tell.h"
#include "kit/base/text.h"

/* What the headers of Linux 6.1 do not have yet. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif
#ifndef LANDLOCK_ACCESS_NET_BIND_TCP
#define LANDLOCK_ACCESS_NET_BIND_TCP (1ULL << 0)
#define LANDLOCK_ACCESS_NET_CONNECT_TCP (1ULL << 1)
#endif
#ifndef LANDLOCK_SCOPE_SIGNAL
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define LANDLOCK_SCOPE_SIGNAL (1ULL << 1)
#endif

/* struct landlock_ruleset_attr of ABI 6; older kernels take its beginning. */
struct ruleset {
  uint64_t files;
  uint64_t net;
  uint64_t scoped;
};

#define READS ((uint64_t)(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR))
#define WRITES                                                                                  \
  (READS | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                      \
   LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | \
   LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_TRUNCATE)
/* Of these only what can be asked of something that is no directory. */
#define OF_FILES                                                           \
  ((uint64_t)(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | \
              LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_TRUNCATE | \
              LANDLOCK_ACCESS_FS_IOCTL_DEV))

/* --- the rules --- */

struct rules {
  int fd;
  uint64_t handled;
};

static bool allow_fd(const struct rules *rules, int fd, uint64_t access) {
  struct stat st;
  struct landlock_path_beneath_attr rule = {.parent_fd = fd};
  if (fstat(fd, &st) != 0) {
    return false;
  }
  rule.allowed_access = access & rules->handled & (S_ISDIR(st.st_mode) ? UINT64_MAX : OF_FILES);
  return !rule.allowed_access ||
         syscall(SYS_landlock_add_rule, rules->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

/* What is not there, or cannot be reached, needs no rule. */
static bool allow(const struct rules *rules, const char *path, uint64_t access) {
  int fd SI_AUTO(si_close) = open(path, O_PATH | O_CLOEXEC);
  si_sandbox_allowed(path, (access & LANDLOCK_ACCESS_FS_WRITE_FILE) != 0);
  return fd < 0 || allow_fd(rules, fd, access);
}

static bool allow_all(const struct rules *rules, const char *const *paths, uint64_t access) {
  for (; *paths; paths++) {
    if (!allow(rules, *paths, access)) {
      return false;
    }
  }
  return true;
}

/* What any program needs: nothing of it is a secret of anybody's. */
static bool allow_common(const struct rules *rules, const struct si_needs *needs) {
  static const char *const common[] = {
      /* the linker's, and what libraries keep beside themselves */
      "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache",
      /* certificates; not /etc/ssl/private */
      "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/ssl/cert.pem", "/etc/ca-certificates",
      "/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/etc/pki/tls/certs",
      "/etc/pki/ca-trust", "/etc/pki/tls/cert.pem",
      /* time, and what malloc and the number of threads rest on */
      "/etc/localtime", "/usr/share/zoneinfo", "/sys/devices/system/cpu", "/proc/cpuinfo",
      "/proc/meminfo", "/proc/stat", "/proc/sys/vm/overcommit_memory", "/dev/random",
      "/dev/urandom", NULL};
  static const char *const resolver[] = {
      "/etc/resolv.conf",   "/run/systemd/resolve", "/etc/hosts",
      "/etc/nsswitch.conf", "/etc/host.conf",       "/etc/gai.conf",
      "/etc/services",      "/etc/protocols",       NULL};
  static const char *const programs[] = {"/bin", "/sbin", "/lib", "/lib64", "/usr", NULL};
  static const char *const accounts[] = {"/etc/passwd", "/etc/group", "/etc/nsswitch.conf",
                                         "/etc/alternatives", NULL};
  static const char *const nowhere[] = {"/dev/null", "/dev/zero", NULL};
  return allow_all(rules, common, READS) &&
         allow_all(rules, nowhere, READS | LANDLOCK_ACCESS_FS_WRITE_FILE) &&
         (!needs->network || allow_all(rules, resolver, READS)) &&
         (!needs->exec || (allow_all(rules, programs, READS | LANDLOCK_ACCESS_FS_EXECUTE) &&
                           allow_all(rules, accounts, READS)));
}

/* Its descriptor stays open: without it the kernel may forget the directory's inode, on which the
 * rule stands, and make another one. */
static bool allow_itself(const struct rules *rules) {
  int fd = open("/proc/self", O_PATH | O_CLOEXEC);
  si_sandbox_allowed("/proc/self", true);
  return fd < 0 || allow_fd(rules, fd, READS | LANDLOCK_ACCESS_FS_WRITE_FILE);
}

/* --- what is declared --- */

static void make_missing(const char *path) {
  char parent[SI_PATH_MAX];
  if (mkdir(path, 0700) != 0) {
    return; /* the plugin finds the same, and has the words for it */
  }
  si_copy(parent, sizeof parent, path);
  char *slash = strrchr(parent, '/');
  slash[slash == parent] = '\0';
  int fd SI_AUTO(si_close) = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) {
    (void)fsync(fd);
  }
}

static si_rc cannot(struct si_error *error, const char *what) {
  si_error_errno(error, errno, "PLUGIN_SANDBOX", "cannot restrict %s", what);
  error->status = SI_E_REFUSED;
  return SI_E_REFUSED;
}

static si_rc allow_declared(const struct rules *rules, const cJSON *paths,
                            const struct si_sandbox *sandbox, uint64_t access,
                            struct si_error *error) {
  const cJSON *each;
  cJSON_ArrayForEach(each, paths) {
    char path[SI_PATH_MAX];
    si_rc status = si_needs_path(each->valuestring, sandbox->config, path, error);
    if (status == SI_E_NOT_FOUND) {
      continue;
    }
    if (status != SI_OK) {
      return status;
    }
    struct stat st;
    if ((access & LANDLOCK_ACCESS_FS_MAKE_DIR) && lstat(path, &st) != 0 && errno == ENOENT) {
      make_missing(path);
    }
    if (!allow(rules, path, access)) {
      return cannot(error, path);
    }
  }
  return SI_OK;
}

static uint64_t handled_by(int abi) {
  /* ABI 1 has 13 rights of files; REFER, TRUNCATE and IOCTL_DEV came one by one. */
  uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
  all |= abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0;
  all |= abi >= 3 ? LANDLOCK_ACCESS_FS_TRUNCATE : 0;
  return all | (abi >= 5 ? LANDLOCK_ACCESS_FS_IOCTL_DEV : 0);
}

si_rc si_sandbox_files(const struct si_sandbox *sandbox, int landlock, struct si_error *error) {
  const struct si_needs *needs = sandbox->needs;
  struct ruleset set = {.files = handled_by(landlock)};
  size_t size = sizeof set.files;
  if (landlock >= 4) {
    set.net = LANDLOCK_ACCESS_NET_BIND_TCP | (needs->network ? 0 : LANDLOCK_ACCESS_NET_CONNECT_TCP);
    size = offsetof(struct ruleset, scoped);
  }
  if (landlock >= 6) {
    set.scoped = LANDLOCK_SCOPE_SIGNAL | LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET;
    size = sizeof set;
  }
  int fd SI_AUTO(si_close) = (int)syscall(SYS_landlock_create_ruleset, &set, size, 0);
  const struct rules rules = {fd, set.files};
  si_sandbox_allowed(sandbox->tree->dir, false);
  if (fd < 0 || !allow_common(&rules, needs) || !allow_itself(&rules) ||
      !allow_fd(&rules, sandbox->tree->fd, READS)) {
    return cannot(error, "the provider's files");
  }
  si_rc status = allow_declared(&rules, needs->read, sandbox, READS, error);
  if (status == SI_OK) {
    status =
        allow_declared(&rules, needs->write, sandbox, sandbox->reading ? READS : WRITES, error);
  }
  if (status == SI_OK && syscall(SYS_landlock_restrict_self, fd, 0) != 0) {
    return cannot(error, "the provider's files");
  }
  return status;
}
