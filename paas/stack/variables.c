/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/stack/variables.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/base/path.h"
#include "kit/base/text.h"
#include "paas/stack/stack.h"

/* --- a table --- */

static struct si_variable *find(const struct si_variables *table, const char *name) {
  for (size_t i = 0; table && i < table->count; i++) {
    if (strcmp(table->list[i].name, name) == 0) {
      return &table->list[i];
    }
  }
  return NULL;
}

const struct si_variable *si_variable_find(const struct si_variables *table, const char *name) {
  return find(table, name);
}

si_rc si_variable_set(struct si_reading *r, struct si_variables *table, const char *name,
                      const char *value, bool secret, unsigned line) {
  struct si_variable *known = find(table, name);
  struct si_place place = {NULL, NULL, 0, line};
  if (!known && table->count == SI_VARIABLES) {
    return si_stack_fail(r, "STACK_TOO_LARGE", &place, "there are more than %d variables",
                         SI_VARIABLES);
  }
  if (!known) {
    struct si_variable *list = realloc(table->list, (table->count + 1) * sizeof *list);
    if (!list) {
      return si_stack_nomem(r);
    }
    table->list = list;
    known = &list[table->count];
    *known = (struct si_variable){.name = strdup(name)};
    table->count++;
  }
  free(known->value);
  known->value = strdup(value);
  known->secret = secret;
  known->line = line;
  if (!known->name || !known->value) {
    return si_stack_nomem(r);
  }
  return SI_OK;
}

void si_variables_free(struct si_variables *table) {
  for (size_t i = 0; i < table->count; i++) {
    free(table->list[i].name);
    free(table->list[i].value);
  }
  free(table->list);
  *table = (struct si_variables){0};
}

/* --- files --- */

const char *si_path_beside(struct si_reading *r, const char *name) {
  struct si_buf path SI_AUTO(si_buf_free) = SI_BUF(8192);
  const char *slash = strrchr(r->files[0], '/');
  size_t dir = slash ? (size_t)(slash + 1 - r->files[0]) : 0;
  r->paths = r->paths ? r->paths : cJSON_CreateArray();
  if (si_buf_add(&path, r->files[0], dir) != SI_OK || si_buf_puts(&path, name) != SI_OK) {
    return NULL;
  }
  cJSON *item = cJSON_CreateString(si_buf_text(&path));
  if (!item || !cJSON_AddItemToArray(r->paths, item)) {
    cJSON_Delete(item);
    return NULL;
  }
  return item->valuestring;
}

static si_rc unreadable(struct si_reading *r, const struct si_place *place, const char *path,
                        const char *why) {
  si_stack_fail(r, "STACK_VARIABLE", place, "cannot read the file of variables %.200s: %s", path,
                why);
  return si_stack_hint(r, "name one that can be read: `NAME=value` on each line");
}

si_rc si_variables_read(struct si_reading *r, const struct si_place *place, const char *path,
                        bool optional, struct si_variables *table) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_YAML_BYTES);
  struct stat st;
  int fd SI_AUTO(si_close) = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0 && errno == ENOENT && optional) {
    return SI_OK;
  }
  if (fd < 0 || fstat(fd, &st) != 0) {
    return unreadable(r, place, path, strerror(errno));
  }
  if (!S_ISREG(st.st_mode)) {
    return unreadable(r, place, path, "it is no regular file");
  }
  si_rc status = si_read_fd(fd, &text);
  if (status != SI_OK) {
    return unreadable(r, place, path,
                      status == SI_E_QUOTA ? "it is larger than 1 MiB" : strerror(errno));
  }
  size_t file = 0; /* services may share one */
  while (file < r->file_count && strcmp(r->files[file], path) != 0) {
    file++;
  }
  if (file == SI_LINE_FILES) {
    return si_stack_fail(r, "STACK_TOO_LARGE", place, "is one file of variables too many");
  }
  if (file == r->file_count) {
    r->files[r->file_count++] = path;
  }
  return si_dotenv_parse(r, file, si_buf_text(&text), text.len, table);
}

/* --- those of a request --- */

static si_rc load(struct si_reading *r) {
  const struct si_stack_request *request = r->request;
  struct si_place place = {NULL, NULL, 0, 1};
  si_rc status = SI_OK;
  r->loaded = true;
  for (size_t i = 0; status == SI_OK && i < request->env_file_count; i++) {
    status = si_variables_read(r, &place, request->env_files[i], false, &r->variables);
  }
  if (request->env_file_count > 0) {
    return status;
  }
  const char *path = si_path_beside(r, ".env");
  return path ? si_variables_read(r, &place, path, true, &r->variables) : si_stack_nomem(r);
}

static const char *named(const struct si_stack_request *request, const char *name) {
  size_t len = strlen(name);
  for (size_t i = 0; i < request->variable_count; i++) {
    const char *each = request->variables[i];
    if (strncmp(each, name, len) == 0 && each[len] == '=') {
      return each + len + 1;
    }
  }
  return NULL;
}

/* What the request names counts before all files, and is put over them as if it were one. */
static si_rc put_named(struct si_reading *r, const char *name) {
  const char *value = r->request ? named(r->request, name) : NULL;
  const struct si_variable *known = find(&r->variables, name);
  struct si_place place = {NULL, NULL, 0, 1};
  if (!value || (known && strcmp(known->value, value) == 0)) {
    return SI_OK;
  }
  if (!si_utf8_valid(value, strlen(value))) {
    return si_stack_fail(r, "STACK_VARIABLE", &place, "the variable %.100s is not UTF-8 text",
                         name);
  }
  return si_variable_set(r, &r->variables, name, value, false, 0);
}

si_rc si_variable_of(struct si_reading *r, const char *name, const struct si_variable **out) {
  *out = find(r->local, name);
  if (*out || !r->request) {
    return SI_OK;
  }
  if (r->unloadable) {
    return SI_E_INVALID; /* told of once */
  }
  si_rc status = r->loaded ? SI_OK : load(r);
  r->unloadable = status != SI_OK;
  status = status == SI_OK ? put_named(r, name) : status;
  *out = status == SI_OK ? find(&r->variables, name) : NULL;
  return status;
}
