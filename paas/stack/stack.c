/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/stack/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "kit/base/path.h"
#include "paas/stack/addon.h"
#include "paas/stack/merge.h"
#include "paas/stack/top.h"
#include "paas/stack/variables.h"

static void reading_free(struct si_reading **reading) {
  struct si_reading *r = *reading;
  if (r) {
    for (size_t i = 0; i < r->service_count; i++) {
      cJSON_Delete(r->services[i].json);
    }
    cJSON_Delete(r->volumes);
    cJSON_Delete(r->networks);
    cJSON_Delete(r->secrets);
    cJSON_Delete(r->paths);
    cJSON_Delete(r->findings);
    si_variables_free(&r->variables);
    free(r->faults);
    free(r);
  }
}

static si_rc begin(const char *name, struct si_error *error, struct si_reading **out) {
  struct si_reading *r = calloc(1, sizeof *r);
  if (!r) {
    return si_error_set(error, SI_E_NOMEM, "STACK_UNREADABLE", "%s: out of memory", name);
  }
  r->error = error;
  *out = r;
  return SI_OK;
}

/* What a guard may mind goes with the document. */
static void hand_findings(struct si_reading *r, si_rc status, struct si_stack *out) {
  if (status == SI_OK) {
    out->findings = r->findings;
    r->findings = NULL;
  }
}

/* The first fault is the failure; the others are lines of its detail. */
static si_rc report(struct si_reading *r, si_rc status, struct si_faults *faults) {
  struct si_buf lines SI_AUTO(si_buf_free) = SI_BUF(SI_STACK_FAULTS * sizeof r->error->message);
  if (status == SI_E_INVALID && si_stack_keep(r) != SI_OK) {
    return SI_E_NOMEM;
  }
  if (status != SI_E_INVALID || r->fault_count == 0) {
    return status; /* a file that cannot be read has no line that could be told */
  }
  *r->error = r->faults[0];
  for (size_t i = 1; i < r->fault_count; i++) {
    if (si_buf_printf(&lines, "%s%s", i > 1 ? "\n" : "", r->faults[i].message) != SI_OK) {
      break; /* the first is what counts */
    }
  }
  si_error_detail(r->error, si_buf_text(&lines));
  if (faults) {
    *faults = (struct si_faults){r->faults, r->fault_count};
    r->faults = NULL;
  }
  return status;
}

si_rc si_stack_parse(const char *name, const char *text, size_t len, struct si_stack *out,
                     struct si_error *error) {
  struct si_error unread = {0};
  struct si_yaml yaml SI_AUTO(si_yaml_free) = {0};
  struct si_reading *r SI_AUTO(reading_free) = NULL;
  si_rc status = begin(name, error ? error : &unread, &r);
  if (status != SI_OK) {
    return status;
  }
  r->files[r->file_count++] = name;
  status = si_yaml_parse(r, 0, text, len, &yaml);
  status = status == SI_OK ? si_top_read(r, yaml.root, out) : status;
  hand_findings(r, status, out);
  return report(r, status, NULL);
}

/* --- files --- */

static si_rc unreadable(const char *path, int err, struct si_error *error) {
  si_error_errno(error, err, "STACK_UNREADABLE", "cannot read the stack file %s", path);
  si_error_target(error, "stack", path);
  return si_status_of_errno(err);
}

static si_rc read_text(const char *path, struct si_buf *text, struct si_error *error) {
  struct stat st;
  int fd SI_AUTO(si_close) = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0 || fstat(fd, &st) != 0) {
    return unreadable(path, errno, error);
  }
  if (!S_ISREG(st.st_mode)) {
    si_error_set(error, SI_E_INVALID, "STACK_UNREADABLE",
                 "cannot read the stack file %s: it is no regular file", path);
    return si_error_target(error, "stack", path);
  }
  si_rc status = si_read_fd(fd, text);
  if (status == SI_E_QUOTA) {
    si_error_set(error, SI_E_INVALID, "STACK_TOO_LARGE", "%s: the file is larger than 1 MiB", path);
    return si_error_target(error, "stack", path);
  }
  return status == SI_OK ? SI_OK : unreadable(path, errno, error);
}

/* Reads one file, and puts it over those before it. */
static si_rc read_over(struct si_reading *r, const char *path, struct si_yaml *whole) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_YAML_BYTES);
  struct si_yaml yaml SI_AUTO(si_yaml_free) = {0};
  size_t file = r->file_count;
  r->files[r->file_count++] = path;
  si_rc status = read_text(path, &text, r->error);
  status = status == SI_OK ? si_yaml_parse(r, file, si_buf_text(&text), text.len, &yaml) : status;
  if (status != SI_OK) {
    return status;
  }
  if (file > 0) {
    return si_merge(r, whole, &yaml);
  }
  *whole = yaml;
  yaml = (struct si_yaml){0};
  return SI_OK;
}

/* Puts the add-ons beside what the files are together. */
static si_rc read_addons(struct si_reading *r, struct si_yaml *whole) {
  const struct si_stack_request *request = r->request;
  si_rc status = SI_OK;
  r->addon_files = r->file_count;
  for (size_t i = 0; status == SI_OK && i < request->addon_count; i++) {
    const struct si_stack_addon *addon = &request->addons[i];
    struct si_yaml yaml SI_AUTO(si_yaml_free) = {0};
    size_t file = r->file_count;
    r->files[r->file_count++] = addon->file;
    r->addon_count++;
    status = si_yaml_parse(r, file, addon->text, addon->len, &yaml);
    status = status == SI_OK ? si_addon_put(r, addon, whole, &yaml) : status;
  }
  return status;
}

si_rc si_stack_read(const struct si_stack_request *request, struct si_stack *out,
                    struct si_faults *faults, struct si_error *error) {
  struct si_error unread = {0};
  struct si_yaml whole SI_AUTO(si_yaml_free) = {0};
  struct si_reading *r SI_AUTO(reading_free) = NULL;
  if (request->addon_count > SI_STACK_ADDONS) {
    return si_error_set(error, SI_E_INVALID, "STACK_TOO_LARGE", "a stack has at most %d add-ons",
                        SI_STACK_ADDONS);
  }
  if (request->file_count == 0 || request->file_count > SI_STACK_FILES) {
    si_error_set(error, SI_E_INVALID, "STACK_TOO_LARGE", "a stack is read from 1 to %d files",
                 SI_STACK_FILES);
    return si_error_target(error, "stack", "");
  }
  si_rc status = begin(request->files[0], error ? error : &unread, &r);
  if (status == SI_OK) {
    r->request = request;
  }
  for (size_t i = 0; status == SI_OK && i < request->file_count; i++) {
    status = read_over(r, request->files[i], &whole);
  }
  status = status == SI_OK ? read_addons(r, &whole) : status;
  status = status == SI_OK ? si_top_read(r, whole.root, out) : status;
  if (r) {
    hand_findings(r, status, out);
  }
  return r ? report(r, status, faults) : status;
}

si_rc si_stack_load(const char *path, struct si_stack *out, struct si_error *error) {
  const struct si_stack_request request = {.files = &path, .file_count = 1};
  return si_stack_read(&request, out, NULL, error);
}

void si_stack_free(struct si_stack *stack) {
  free(stack->json);
  cJSON_Delete(stack->findings);
  *stack = (struct si_stack){0};
}

void si_faults_free(struct si_faults *faults) {
  free(faults->list);
  *faults = (struct si_faults){0};
}
