/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/base/path.h - files and directories, opened so that no symlink and no `..` leads elsewhere.
 * Paths below a directory go through openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS), component by
 * component where the kernel lacks it. Errors are reported as status with errno left as it was.
 */
#ifndef SI_KIT_BASE_PATH_H
#define SI_KIT_BASE_PATH_H

#include <stdbool.h>
#include <sys/types.h>

#include "kit/base/buf.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SI_PATH_MAX 4096

/* Opens `path` (relative, below dir) with O_CLOEXEC; -1 and errno on failure. ELOOP or EXDEV: the
 * path would leave the directory. */
int si_open_beneath(int dir, const char *path, int flags, mode_t mode) SI_MUST_USE;
/* As mkdir -p below dir, every new directory with `mode`; 0, or -1 and errno. */
int si_mkdir_beneath(int dir, const char *path, mode_t mode) SI_MUST_USE;
/* As mkdir -p on an absolute path: symlinks in it are followed. 0, or -1 and errno. */
int si_mkdir_path(const char *path, mode_t mode) SI_MUST_USE;

/* Writes the whole file under `name` in dir: temporary file, fsync, rename, fsync of dir. The old
 * content stays until the new one is durable. */
si_rc si_write_file(int dir, const char *name, const void *data, size_t len,
                    mode_t mode) SI_MUST_USE;
/* Appends the file's bytes to *out, which bounds it; refuses anything but a regular file. */
si_rc si_read_file(int dir, const char *name, struct si_buf *out) SI_MUST_USE;
si_rc si_read_fd(int fd, struct si_buf *out) SI_MUST_USE;

/* All of it, through EINTR and short writes; 0, or -1 and errno. */
int si_write_all(int fd, const void *data, size_t len) SI_MUST_USE;

/* to = a + '/' + b; SI_E_QUOTA where it does not fit. */
si_rc si_path_join(char *to, size_t size, const char *a, const char *b) SI_MUST_USE;
/* Absolute form of `path` from the working directory, without resolving links. */
si_rc si_path_absolute(const char *path, char *to, size_t size) SI_MUST_USE;

/* Is every component of the absolute path owned by root or by this process's user, and not
 * writable by group or others (a sticky directory of root's is fine)? Resolves no symlink: the
 * path must have none. On failure *error names the component. */
si_rc si_path_trusted(const char *path, struct si_error *error) SI_MUST_USE;

void si_close(int *fd); /* for SI_AUTO: closes what is >= 0, keeps errno, sets -1 */

#ifdef __cplusplus
}
#endif
#endif
