/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit/base/hash.h"
#include "tests/unit/unit.h"

static char root[] = "/tmp/si-path-test-XXXXXX";
static int dir = -1;

static void make(const char *name, const char *text) {
  CU_ASSERT_EQUAL_FATAL(si_write_file(dir, name, text, strlen(text), 0600), SI_OK);
}

/* root/ holds in/file, in/out -> /etc, in/up -> .., in/same -> file */
static void furnish(void) {
  CU_ASSERT_EQUAL_FATAL(si_mkdir_beneath(dir, "in/deep", 0700), 0);
  make("file", "outside");
  int in SI_AUTO(si_close) = open(root, O_PATH | O_DIRECTORY);
  CU_ASSERT_EQUAL(symlinkat("/etc", in, "in/out"), 0);
  CU_ASSERT_EQUAL(symlinkat("..", in, "in/up"), 0);
  CU_ASSERT_EQUAL(symlinkat("file", in, "in/same"), 0);
  int file SI_AUTO(si_close) = openat(in, "in/file", O_CREAT | O_WRONLY, 0600);
  CU_ASSERT_EQUAL(si_write_all(file, "inside", 6), 0);
}

/* Paths below in/, and what opening them says. */
static const struct {
  const char *path;
  int flags;
  int err; /* 0: it opens */
} reached[] = {
    {"file", O_RDONLY, 0},
    {"deep", O_RDONLY, 0},
    {"deep", O_PATH | O_DIRECTORY, 0},
    {"../file", O_RDONLY, EXDEV},
    {"deep/../../file", O_RDONLY, EXDEV},
    {"/etc/passwd", O_RDONLY, EXDEV},
    {"out/passwd", O_RDONLY, ELOOP},
    {"out", O_RDONLY | O_DIRECTORY, ELOOP},
    {"up/file", O_RDONLY, ELOOP},
    {"same", O_RDONLY, ELOOP},
    {"absent", O_RDONLY, ENOENT},
    {"file/x", O_RDONLY, ENOTDIR},
    {"file", O_RDONLY | O_DIRECTORY, ENOTDIR},
};
enum { REACHED = sizeof reached / sizeof *reached };

/* The first case that is not so; REACHED where all are. */
static size_t first_wrong(void) {
  int in SI_AUTO(si_close) = openat(dir, "in", O_PATH | O_DIRECTORY);
  for (size_t i = 0; i < REACHED; i++) {
    int fd SI_AUTO(si_close) = si_open_beneath(in, reached[i].path, reached[i].flags, 0);
    int err = fd < 0 ? errno : 0;
    if (err != reached[i].err || (fd >= 0 && !(fcntl(fd, F_GETFD) & FD_CLOEXEC))) {
      fprintf(stderr, "  %s: %s\n", reached[i].path, strerror(err));
      return i;
    }
  }
  return REACHED;
}

static bool lose_openat2(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog program = {sizeof code / sizeof *code, code};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 &&
         syscall(SYS_openat2, -1, "", NULL, 0) == -1 && errno == ENOSYS;
}

static void an_older_kernel_says_the_same(void) {
  int status = 0;
  pid_t child = fork();
  CU_ASSERT_FATAL(child >= 0);
  if (child == 0) {
    _exit(lose_openat2() ? (int)first_wrong() : 100);
  }
  CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
  CU_ASSERT(WIFEXITED(status));
  CU_ASSERT_EQUAL(WEXITSTATUS(status), REACHED);
}

static void nothing_leads_out_of_a_directory(void) {
  int in SI_AUTO(si_close) = openat(dir, "in", O_PATH | O_DIRECTORY);
  CU_ASSERT_EQUAL(first_wrong(), REACHED);
  int back SI_AUTO(si_close) = si_open_beneath(in, "deep/../file", O_RDONLY, 0);
  CU_ASSERT(back >= 0); /* it does not leave; a kernel without openat2 takes no `..` at all */
  int deep SI_AUTO(si_close) = si_open_beneath(in, "deep", O_RDONLY | O_DIRECTORY, 0700);
  CU_ASSERT(deep >= 0); /* nothing is made: the mode does not matter */
  CU_ASSERT_NOT_EQUAL(si_mkdir_beneath(in, "out/si-test", 0700), 0);
  CU_ASSERT_NOT_EQUAL(si_mkdir_beneath(in, "up/si-test", 0700), 0);
  CU_ASSERT_NOT_EQUAL(si_mkdir_beneath(in, "../si-test", 0700), 0);
  CU_ASSERT_EQUAL(faccessat(dir, "si-test", F_OK, 0), -1);
}

static void a_file_is_replaced_whole_and_leaves_nothing_beside_it(void) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(100);
  struct stat st;
  make("state", "first");
  make("state", "second");
  CU_ASSERT_EQUAL(si_read_file(dir, "state", &text), SI_OK);
  CU_ASSERT_STRING_EQUAL(si_buf_text(&text), "second");
  CU_ASSERT_EQUAL(fstatat(dir, "state", &st, 0), 0);
  CU_ASSERT_EQUAL(st.st_mode & 07777, 0600);
  CU_ASSERT_EQUAL(unlinkat(dir, "state", 0), 0);
  /* A name that cannot be: nothing of the attempt may stay. */
  CU_ASSERT_NOT_EQUAL(si_write_file(dir, "in/deep/no/such", "x", 1, 0600), SI_OK);
}

static void only_regular_files_within_the_bound_are_read(void) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(4);
  CU_ASSERT_EQUAL(mkfifoat(dir, "fifo", 0600), 0);
  CU_ASSERT_NOT_EQUAL(si_read_file(dir, "in", &text), SI_OK);
  CU_ASSERT_NOT_EQUAL(si_read_file(dir, "fifo", &text), SI_OK); /* and does not hang */
  CU_ASSERT_EQUAL(si_read_file(dir, "absent", &text), SI_E_NOT_FOUND);
  CU_ASSERT_EQUAL(si_read_file(dir, "file", &text), SI_E_QUOTA);
  CU_ASSERT_EQUAL(unlinkat(dir, "fifo", 0), 0);
  int in SI_AUTO(si_close) = openat(dir, "in", O_PATH | O_DIRECTORY);
  CU_ASSERT_EQUAL(si_read_file(in, "same", &text), SI_E_REFUSED); /* a link */
}

static void a_path_is_trusted_only_as_far_as_its_owners(void) {
  static const struct {
    const char *name;
    mode_t mode;
    const char *code; /* NULL: trusted */
  } cases[] = {{"safe", 0755, NULL},
               {"group", 0775, "PATH_WRITABLE"},
               {"world", 0757, "PATH_WRITABLE"},
               {"sticky", 01777, NULL}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char path[200];
    struct si_error error = {0};
    bool sticky_of_ours = (cases[i].mode & S_ISVTX) && geteuid() != 0;
    CU_ASSERT_EQUAL(mkdirat(dir, cases[i].name, 0700), 0);
    CU_ASSERT_EQUAL(fchmodat(dir, cases[i].name, cases[i].mode, 0), 0);
    CU_ASSERT_EQUAL(si_path_join(path, sizeof path, root, cases[i].name), SI_OK);
    si_rc status = si_path_trusted(path, &error);
    CU_ASSERT_EQUAL(status == SI_OK, cases[i].code == NULL && !sticky_of_ours);
    CU_ASSERT_STRING_EQUAL(error.code, sticky_of_ours  ? "PATH_WRITABLE"
                                       : cases[i].code ? cases[i].code
                                                       : "");
    CU_ASSERT_EQUAL(unlinkat(dir, cases[i].name, AT_REMOVEDIR), 0);
  }
  struct si_error error = {0};
  char link[200];
  CU_ASSERT_EQUAL(si_path_join(link, sizeof link, root, "in/same"), SI_OK);
  CU_ASSERT_NOT_EQUAL(si_path_trusted(link, &error), SI_OK);
  CU_ASSERT_STRING_EQUAL(error.code, "PATH_SYMLINK");
  CU_ASSERT_EQUAL(si_path_trusted("relative", &error), SI_E_INVALID);
  CU_ASSERT_EQUAL(si_path_trusted("/no/such/path", &error), SI_E_NOT_FOUND);
}

static void paths_are_joined_and_made_absolute_within_their_bounds(void) {
  char to[16];
  char here[SI_PATH_MAX];
  CU_ASSERT_EQUAL(si_path_join(to, sizeof to, "/a", "b"), SI_OK);
  CU_ASSERT_STRING_EQUAL(to, "/a/b");
  CU_ASSERT_EQUAL(si_path_join(to, 5, "/a", "bc"), SI_E_QUOTA);
  CU_ASSERT_EQUAL(si_path_absolute("/x", to, sizeof to), SI_OK);
  CU_ASSERT_STRING_EQUAL(to, "/x");
  CU_ASSERT_EQUAL(si_path_absolute("/0123456789abcdef", to, sizeof to), SI_E_QUOTA);
  CU_ASSERT_EQUAL(si_path_absolute("x", here, sizeof here), SI_OK);
  CU_ASSERT_EQUAL(here[0], '/');
  CU_ASSERT_STRING_EQUAL(strrchr(here, '/'), "/x");
  char deep[300];
  CU_ASSERT_EQUAL(si_path_join(deep, sizeof deep, root, "m/n/o"), SI_OK);
  CU_ASSERT_EQUAL(si_mkdir_path(deep, 0700), 0);
  CU_ASSERT_EQUAL(si_mkdir_path(deep, 0700), 0);
  CU_ASSERT_EQUAL(si_path_join(deep, sizeof deep, root, "file/n"), SI_OK);
  CU_ASSERT_EQUAL(si_mkdir_path(deep, 0700), -1);
}

static void a_file_is_hashed_from_where_it_stands(void) {
  char hex[SI_SHA256_HEX], rest[SI_SHA256_HEX];
  int fd SI_AUTO(si_close) = openat(dir, "file", O_RDONLY);
  CU_ASSERT_EQUAL(lseek(fd, 3, SEEK_SET), 3);
  CU_ASSERT_EQUAL(si_sha256_fd(fd, hex), SI_OK);
  CU_ASSERT_EQUAL(si_sha256_hex("side", 4, rest), SI_OK);
  CU_ASSERT_STRING_EQUAL(hex, rest);
}

int main(void) {
  static const struct unit_test tests[] = {
      UNIT(furnish),
      UNIT(nothing_leads_out_of_a_directory),
      UNIT(an_older_kernel_says_the_same),
      UNIT(a_file_is_replaced_whole_and_leaves_nothing_beside_it),
      UNIT(only_regular_files_within_the_bound_are_read),
      UNIT(a_path_is_trusted_only_as_far_as_its_owners),
      UNIT(paths_are_joined_and_made_absolute_within_their_bounds),
      UNIT(a_file_is_hashed_from_where_it_stands),
  };
  umask(022);
  if (!mkdtemp(root) || (dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
    return 2;
  }
  int code = unit_main("kit/base/path", tests, sizeof tests / sizeof *tests);
  static const char *const files[] = {"in/out", "in/up", "in/same", "in/file", "file"};
  static const char *const dirs[] = {"in/deep", "in", "m/n/o", "m/n", "m"};
  for (size_t i = 0; i < 5; i++) {
    unlinkat(dir, files[i], 0);
  }
  for (size_t i = 0; i < 5; i++) {
    unlinkat(dir, dirs[i], AT_REMOVEDIR);
  }
  if (rmdir(root) != 0) {
    perror(root); /* something was left beside what the tests made */
    code = 1;
  }
  return code;
}
