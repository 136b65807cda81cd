/* SPDX-License-Identifier: Apache-2.0 */
/* `si plugin new`: the project of a new provider, from the examples of the SDK. It is written
 * beside its place and put there in one step, so that nothing half-written is ever found. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/template.h"
#include "kit/base/path.h"
#include "kit/base/text.h"

enum { TEXT_MAX = 1 << 20 };

/* What the word of a template, and its license, become. */
struct project {
  const struct si_template *from;
  const char *name;
  const char *license;
  char path[SI_PATH_MAX]; /* where it is to be */
  char temp[SI_PATH_MAX]; /* where it is made */
};

/* --- what was asked for --- */

/* Names that a build tool or si has a meaning for already. */
static bool is_taken(const char *name) {
  static const char *const taken[] = {"all",  "clean", "depend", "file", "help", "install",
                                      "list", "local", "s3",     "test", NULL};
  for (size_t i = 0; taken[i]; i++) {
    if (strcmp(name, taken[i]) == 0) {
      return true;
    }
  }
  return false;
}

static si_rc check_name(struct si_invocation *inv, const char *name) {
  if (!si_name_valid(name)) {
    si_error_set(&inv->error, SI_E_INVALID, "PLUGIN_NAME", "\"%s\" is no name of a provider", name);
    return si_error_hint(&inv->error,
                         "lower-case letters, digits and '-', at most 63, no '-' first");
  }
  if (is_taken(name)) {
    si_error_set(&inv->error, SI_E_INVALID, "PLUGIN_NAME",
                 "\"%s\" is taken: by a provider of si, or by what builds it", name);
    return si_error_hint(&inv->error, "choose a name of your own, such as acme-%s", name);
  }
  return SI_OK;
}

/* An SPDX expression, as far as its characters go. */
static bool is_license(const char *license) {
  size_t len = strlen(license);
  return len > 0 && len <= 200 &&
         strspn(license, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-() ") ==
             len;
}

static si_rc choose_template(struct si_invocation *inv, const char *kind, const char *language,
                             const struct si_template **out) {
  bool kind_known = false;
  for (const struct si_template *each = si_templates; each->kind; each++) {
    kind_known = kind_known || strcmp(each->kind, kind) == 0;
    if (strcmp(each->kind, kind) == 0 && strcmp(each->language, language) == 0) {
      *out = each;
      return SI_OK;
    }
  }
  if (!kind_known) {
    return si_usage_error(inv, "--kind knows \"artifact\", \"provisioner\" and \"backup\"");
  }
  if (strcmp(language, "c") != 0 && strcmp(language, "c++") != 0) {
    return si_usage_error(inv, "--language knows \"c\" and \"c++\"");
  }
  return si_usage_error(inv, "there is no template in %s of the kind %s; take --language c",
                        language, kind);
}

/* --- writing --- */

/* Appends `len` bytes with every `word` replaced. */
static si_rc replace(const char *text, size_t len, const char *word, const char *by,
                     struct si_buf *out) {
  size_t word_len = strlen(word);
  si_rc status = SI_OK;
  while (len > 0 && status == SI_OK) {
    const char *found = memmem(text, len, word, word_len);
    size_t before = found ? (size_t)(found - text) : len;
    status = si_buf_add(out, text, before);
    status = status == SI_OK && found ? si_buf_puts(out, by) : status;
    before += found ? word_len : 0;
    text += before;
    len -= before;
  }
  return status;
}

static si_rc write_failed(struct si_invocation *inv, int err, const char *path) {
  return si_error_errno(&inv->error, err, "PLUGIN_NEW_WRITE", "cannot write %s", path);
}

static si_rc write_file(struct si_invocation *inv, const struct project *project, int dir,
                        const struct si_template_file *file) {
  struct si_buf name SI_AUTO(si_buf_free) = SI_BUF(255);
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(TEXT_MAX);
  struct si_buf named SI_AUTO(si_buf_free) = SI_BUF(TEXT_MAX);
  const char *word = project->from->word;
  si_rc status = replace(file->name, strlen(file->name), word, project->name, &name);
  status = status == SI_OK
               ? replace((const char *)file->text, file->len, word, project->name, &named)
               : status;
  status = status == SI_OK && named.len > 0
               ? replace(named.data, named.len, "Apache-2.0", project->license, &text)
               : status;
  if (status != SI_OK) {
    return si_error_set(&inv->error, status, "PLUGIN_NEW_WRITE", "%s: no memory", file->name);
  }
  int fd SI_AUTO(si_close) = openat(dir, name.data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0 || si_write_all(fd, si_buf_text(&text), text.len) != 0 || fsync(fd) != 0) {
    return write_failed(inv, errno, name.data);
  }
  return SI_OK;
}

/* The parent must be there; what may be at `path` itself is the rename's to find out. */
static si_rc make_temp(struct si_invocation *inv, struct project *project, int *out) {
  char parent[SI_PATH_MAX];
  si_copy(parent, sizeof parent, project->path);
  char *slash = strrchr(parent, '/');
  slash[slash == parent] = '\0';
  if (si_path_join(project->temp, sizeof project->temp, parent[1] ? parent : "",
                   ".si-new-XXXXXX") != SI_OK) {
    return si_error_set(&inv->error, SI_E_INVALID, "PLUGIN_NEW_WRITE", "%s is too long a path",
                        project->path);
  }
  if (!mkdtemp(project->temp)) {
    int err = errno;
    project->temp[0] = '\0';
    write_failed(inv, err, project->path);
    return err == ENOENT ? si_error_hint(&inv->error, "make the directory %s first", parent)
                         : inv->error.status;
  }
  *out = open(project->temp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  return *out >= 0 && fchmod(*out, 0755) == 0 ? SI_OK : write_failed(inv, errno, project->temp);
}

/* Takes away what did not get to its place: a directory of plain files. */
static void discard(struct project *project) {
  int dir = project->temp[0] ? open(project->temp, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  DIR *files = dir < 0 ? NULL : fdopendir(dir);
  for (struct dirent *each; files && (each = readdir(files));) {
    if (strcmp(each->d_name, ".") != 0 && strcmp(each->d_name, "..") != 0) {
      unlinkat(dir, each->d_name, 0);
    }
  }
  if (files) {
    closedir(files);
  }
  if (project->temp[0]) {
    rmdir(project->temp);
  }
}

/* An empty directory is replaced, anything else is kept. */
static si_rc put_in_place(struct si_invocation *inv, struct project *project) {
  struct stat st;
  bool there = lstat(project->path, &st) == 0;
  if ((!there || S_ISDIR(st.st_mode)) && rename(project->temp, project->path) == 0) {
    project->temp[0] = '\0';
    return SI_OK;
  }
  if (there && (!S_ISDIR(st.st_mode) || errno == ENOTEMPTY || errno == EEXIST)) {
    si_error_set(&inv->error, SI_E_EXISTS, "PLUGIN_NEW_EXISTS", "%s exists, and is %s",
                 project->path,
                 S_ISLNK(st.st_mode)    ? "a symbolic link"
                 : !S_ISDIR(st.st_mode) ? "no directory"
                                        : "not empty");
    return si_error_hint(&inv->error, "name a new directory with --dir");
  }
  return write_failed(inv, errno, project->path);
}

static si_rc write_project(struct si_invocation *inv, struct project *project) {
  int dir SI_AUTO(si_close) = -1;
  si_rc status = make_temp(inv, project, &dir);
  for (const struct si_template_file *file = project->from->files; status == SI_OK && file->name;
       file++) {
    status = write_file(inv, project, dir, file);
  }
  return status == SI_OK ? put_in_place(inv, project) : status;
}

/* --- the command --- */

/* The absolute path of --dir, or of NAME in the working directory; a '/' at its end is dropped. */
static si_rc project_path(struct si_invocation *inv, struct project *project) {
  const char *dir = si_opt(inv, "dir");
  if (si_path_absolute(dir ? dir : project->name, project->path, sizeof project->path) != SI_OK) {
    return si_usage_error(inv, "--dir is too long a path");
  }
  size_t len = strlen(project->path);
  while (len > 1 && project->path[len - 1] == '/') {
    project->path[--len] = '\0';
  }
  const char *last = strrchr(project->path, '/');
  if (!last || !last[1] || strcmp(last, "/.") == 0 || strcmp(last, "/..") == 0) {
    return si_usage_error(inv, "--dir names the new directory itself, not \"%s\"", dir);
  }
  return SI_OK;
}

/* Appends the text as one word of a shell. */
static si_rc add_word(struct si_buf *to, const char *text) {
  static const char plain[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/+,@";
  if (text[strspn(text, plain)] == '\0') {
    return si_buf_puts(to, text);
  }
  si_rc status = si_buf_puts(to, "'");
  for (; status == SI_OK && *text; text++) {
    status = *text == '\'' ? si_buf_puts(to, "'\\''") : si_buf_add(to, text, 1);
  }
  return status == SI_OK ? si_buf_puts(to, "'") : status;
}

static void tell_next(struct si_invocation *inv, const struct project *project) {
  struct si_buf path SI_AUTO(si_buf_free) = SI_BUF(4 * SI_PATH_MAX);
  if (add_word(&path, project->path) == SI_OK) {
    const char *word = si_buf_text(&path);
    si_out_note(inv->out, "next: cmake -S %s -B %s/build && cmake --build %s/build", word, word,
                word);
  }
  if (strcmp(project->from->kind, "backup") == 0) {
    si_out_note(inv->out, "si does not call backup providers yet: it loads, checks and shows them");
  }
}

static si_rc tell(struct si_invocation *inv, const struct project *project) {
  cJSON *json = cJSON_CreateObject();
  cJSON_AddStringToObject(json, "id", project->name);
  cJSON_AddStringToObject(json, "kind", project->from->kind);
  cJSON_AddStringToObject(json, "language", project->from->language);
  cJSON_AddStringToObject(json, "license", project->license);
  cJSON_AddStringToObject(json, "directory", project->path);
  si_out_field(inv->out, "id", "%s", project->name);
  si_out_field(inv->out, "kind", "%s", project->from->kind);
  si_out_field(inv->out, "directory", "%s", project->path);
  tell_next(inv, project);
  return si_out_result(inv->out, json);
}

static si_rc new_plugin(struct si_invocation *inv) {
  const char *language = si_opt(inv, "language");
  const char *license = si_opt(inv, "license");
  struct project project SI_AUTO(discard) = {.name = si_arg(inv, 0),
                                             .license = license ? license : "Apache-2.0"};
  si_rc status = check_name(inv, project.name);
  if (status == SI_OK && !is_license(project.license)) {
    status = si_usage_error(inv, "--license takes an SPDX expression, such as MIT");
  }
  status = status == SI_OK
               ? choose_template(inv, si_opt(inv, "kind"), language ? language : "c", &project.from)
               : status;
  status = status == SI_OK ? project_path(inv, &project) : status;
  status = status == SI_OK ? write_project(inv, &project) : status;
  return status == SI_OK ? tell(inv, &project) : status;
}

static const struct si_option options[] = {
    {"kind", 0, "KIND", "What it provides: artifact, provisioner or backup", SI_OPT_REQUIRED, NULL},
    {"dir", 0, "DIR", "The new directory; by default NAME in the working directory", 0, NULL},
    {"language", 0, "LANG", "c, or for the kind artifact c++; by default c", 0, NULL},
    {"license", 0, "SPDX", "The project's license; by default Apache-2.0", 0, NULL},
    {0}};

const struct si_command si_cmd_plugin_new = {
    .path = "plugin new",
    .summary = "Write the project of a new provider",
    .text =
        "It builds against the installed SDK alone, works, and has a test that holds it against "
        "the contract; share/doc/si/plugin-author-guide.md goes on from there. What is written is "
        "yours.",
    .params = {{"NAME", 0, "The provider's id: [a-z0-9][a-z0-9-]{0,62}"}},
    .options = options,
    .run = new_plugin,
};
