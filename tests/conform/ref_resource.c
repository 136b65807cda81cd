/* SPDX-License-Identifier: Apache-2.0 */
/* The reference provisioner's resources: one file each. */
#include "tests/conform/ref_stack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static atomic_uint counter;

/* --- one resource --- */

static void place(const struct ref_call *call, const char *type, const char *name, char to[1200]) {
  snprintf(to, 1200, "%s/%s/%.200s", call->project.path, type, name);
}

bool ref_read_resource(const struct ref_call *call, const char *type, const char *name,
                       char to[4096]) {
  char path[1200];
  place(call, type, name, path);
  int fd SI_AUTO(si_close) = openat(call->in->dir, path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd >= 0 ? read(fd, to, 4095) : -1;
  to[n > 0 ? n : 0] = '\0';
  return n >= 0;
}

static si_rc step(struct ref_call *call, const char *what, const char *type, const char *name,
                  uint32_t phase, const char *id) {
  char text[300];
  snprintf(text, sizeof text, "%s.%s %.100s", type, what, name);
  if ((bad("stack.step.pairs") && phase == SI_STEP_DONE)) {
    return SI_OK;
  }
  si_rc status = ref_step(call->in, call->op, text, phase, id);
  return status == SI_OK
             ? SI_OK
             : ref_fail(call->in, call->op, status, name, "%s was not journalled", text);
}

si_rc ref_write_resource(struct ref_call *call, const char *type, const char *name,
                         const char *spec) {
  char path[1200], dir[900], text[4096];
  si_rc status = step(call, "make", type, name, SI_STEP_BEGIN, NULL);
  if (status != SI_OK && !bad("stack.step.refused")) {
    return status;
  }
  snprintf(dir, sizeof dir, "%s/%s", call->project.path, type);
  snprintf(text, sizeof text, "%s-%d-%u %.3900s", type, (int)getpid(),
           atomic_fetch_add(&counter, 1), spec);
  place(call, type, name, path);
  if (si_mkdir_beneath(call->in->dir, dir, 0700) != 0) {
    return ref_fail_errno(call->in, call->op, name);
  }
  int fd SI_AUTO(si_close) =
      openat(call->in->dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0 || si_write_all(fd, text, strlen(text)) != 0) {
    return ref_fail_errno(call->in, call->op, name);
  }
  text[strcspn(text, " ")] = '\0';
  return step(call, "make", type, name, SI_STEP_DONE, bad("stack.step.outside-id") ? NULL : text);
}

si_rc ref_converge(struct ref_call *call, const char *type, const char *name, const char *spec) {
  char text[4096];
  bool there = ref_read_resource(call, type, name, text);
  const char *space = there ? strchr(text, ' ') : NULL;
  if (there && bad("stack.step.resumed") && strcmp(type, "network") == 0) {
    return ref_fail(call->in, call->op, SI_E_EXISTS, name, "the network is there already");
  }
  if (there && !bad("stack.provision.again") &&
      (strcmp(type, "service") != 0 || (space && strcmp(space + 1, spec) == 0))) {
    return SI_OK;
  }
  si_rc status = ref_stop(call->in, call->op);
  return status == SI_OK ? ref_write_resource(call, type, name, spec) : status;
}

/* --- all of a project --- */

si_rc ref_walk(struct ref_call *call, const char *type, void *ctx,
               si_rc (*each)(struct ref_call *call, const char *type, const char *name,
                             void *ctx)) {
  char path[900];
  snprintf(path, sizeof path, "%s/%s", call->project.path, type);
  int fd = openat(call->in->dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
  const struct dirent *entry;
  si_rc status = SI_OK;
  while (dir && status == SI_OK && (entry = readdir(dir))) {
    if (entry->d_name[0] != '.') {
      status = each(call, type, entry->d_name, ctx);
    }
  }
  if (dir) {
    closedir(dir);
  }
  return status;
}

si_rc ref_remove_named(struct ref_call *call, const char *type, const char *name) {
  char path[1200], id[4096] = "";
  bool there = ref_read_resource(call, type, name, id);
  if (!there && !bad("stack.destroy.twice")) {
    return SI_OK;
  }
  id[strcspn(id, " ")] = '\0';
  place(call, type, name, path);
  si_rc status = step(call, "remove", type, name, SI_STEP_BEGIN, id);
  if (status != SI_OK) {
    return status;
  }
  if (unlinkat(call->in->dir, path, 0) != 0 && errno != ENOENT) {
    return ref_fail_errno(call->in, call->op, name);
  }
  return step(call, "remove", type, name, SI_STEP_DONE, id);
}
