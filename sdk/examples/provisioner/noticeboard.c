/* SPDX-License-Identifier: Apache-2.0 */
/* noticeboard - a provisioner whose engine is a directory: each service is a file that describes
 * it, for whatever starts processes there (a supervisor, an init), and each volume is a directory.
 *
 *   <root>/<context id>/<project id>/service.<name>   canonical JSON, as it stands in the stack
 *   <root>/<context id>/<project id>/volume.<name>/   the volume's own
 *
 * A service is up when its notice hangs there and is whole: nothing here looks at a process. So
 * what only one who runs it could tell (a health check, the end of a one-shot) is refused. The path
 * is the mark of whose a resource is; what lies under another path is never touched. */
#include <errno.h>
#include <fcntl.h>
#include <si/provisioner.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "board.h"
#include "kit/base/path.h"
#include "kit/base/text.h"

static void end_call(struct call *call) {
  si_json_free(&call->document);
}

/* --- documents --- */

static si_rc parse(const struct call *call, const char *what, const char *json, cJSON **out) {
  struct si_error error;
  si_rc status = si_json_parse(json, strlen(json), out, &error);
  return status == SI_OK ? SI_OK
                         : si_fail(call->board->vt, call->op, status, NULL, "the %s document: %s",
                                   what, error.message);
}

/* A text member that can be one component of a path; NULL, and the failure told, where not. */
static const char *name_in(const struct call *call, const cJSON *object, const char *key) {
  const char *text = si_json_str(object, key);
  if (text && si_component_valid(text, strlen(text)) && strlen(text) <= 200) {
    return text;
  }
  si_fail(call->board->vt, call->op, SI_E_INVALID, key, "%s is missing, or no name to be used",
          key);
  return NULL;
}

/* Reads {"context_id","project_id",...}. */
static si_rc begin_call(struct call *call, const char *json) {
  si_rc status = parse(call, "project", json, &call->document);
  if (status != SI_OK) {
    return status;
  }
  const char *context = name_in(call, call->document, "context_id");
  call->project = context ? name_in(call, call->document, "project_id") : NULL;
  return call->project ? si_path_join(call->path, sizeof call->path, context, call->project)
                       : SI_E_INVALID;
}

static si_rc emit_json(const cJSON *json, void *ctx, si_emit emit) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(64 << 20);
  si_rc status = json ? si_json_print(json, false, &text) : SI_E_NOMEM;
  return status == SI_OK ? emit(ctx, si_buf_text(&text), text.len) : status;
}

/* Is every one of the list an object with a name that can be used, and for services one that a
 * board can hold up? */
static si_rc check_parts(const struct call *call, const cJSON *parts, const char *what) {
  const si_host_vt *vt = call->board->vt;
  const cJSON *each;
  if (!cJSON_IsArray(parts)) {
    return si_fail(vt, call->op, SI_E_INVALID, what, "the stack has no list of %s", what);
  }
  cJSON_ArrayForEach(each, parts) {
    const char *name = name_in(call, each, "name");
    if (!name) {
      return SI_E_INVALID;
    }
    if (si_json_bool(each, "oneshot", false) || si_json_get(each, "healthcheck")) {
      return si_fail(vt, call->op, SI_E_UNSUPPORTED, name,
                     "service %s has a health check or is a one-shot: a board runs nothing, and "
                     "cannot tell",
                     name);
    }
  }
  return SI_OK;
}

/* All of it, before anything is done. */
static si_rc read_stack(const struct call *call, const char *json, cJSON **out) {
  si_rc status = parse(call, "stack", json, out);
  if (status != SI_OK) {
    return status;
  }
  const char *schema = si_json_str(*out, "schema");
  if (!schema || strcmp(schema, "si.stack/1") != 0) {
    return si_fail(call->board->vt, call->op, SI_E_INVALID, NULL, "the document is no si.stack/1");
  }
  status = check_parts(call, si_json_get(*out, "services"), "services");
  return status == SI_OK ? check_parts(call, si_json_get(*out, "volumes"), "volumes") : status;
}

static si_rc emit_inspection(const struct call *call, void *ctx, si_emit emit) {
  cJSON *json SI_AUTO(si_json_free) = cJSON_CreateObject();
  cJSON_AddArrayToObject(json, "services");
  cJSON_AddArrayToObject(json, "volumes");
  cJSON_AddArrayToObject(json, "networks");
  si_rc status = board_for_each(call, call->path, board_inspect, json);
  return status == SI_OK ? emit_json(json, ctx, emit) : status;
}

/* --- provision --- */

static bool is_named(const cJSON *list, const char *name) {
  const cJSON *each;
  cJSON_ArrayForEach(each, list) {
    if (strcmp(si_json_str(each, "name"), name) == 0) {
      return true;
    }
  }
  return false;
}

/* Services that the stack no longer has go; volumes are never removed by provisioning. */
static si_rc drop_service(const struct call *call, int dir, const char *file, void *stack) {
  const char *name = board_name(file, SERVICE);
  return !name || is_named(si_json_get(stack, "services"), name) ? SI_OK
                                                                 : board_take_down(call, dir, file);
}

static si_rc put_up(const struct call *call, const cJSON *stack) {
  const cJSON *each;
  if (si_mkdir_beneath(call->board->root, call->path, 0755) != 0) {
    return board_failed(call, errno, "make", call->path);
  }
  int dir SI_AUTO(si_close) = board_open(call);
  si_rc status = dir >= 0 ? SI_OK : board_failed(call, errno, "open", call->path);
  cJSON_ArrayForEach(each, si_json_get(stack, "volumes")) {
    status = status == SI_OK ? board_make_volume(call, dir, each) : status;
  }
  cJSON_ArrayForEach(each, si_json_get(stack, "services")) {
    status = status == SI_OK && board_cancelled(call) ? SI_E_CANCELLED : status;
    status = status == SI_OK ? board_hang(call, dir, each) : status;
  }
  return status;
}

static si_rc provision(si_instance *board, si_op *op, const char *project, const char *stack_json,
                       void *ctx, si_emit emit) {
  struct call call SI_AUTO(end_call) = {.board = board, .op = op};
  cJSON *stack SI_AUTO(si_json_free) = NULL;
  si_rc status = begin_call(&call, project);
  status = status == SI_OK ? read_stack(&call, stack_json, &stack) : status;
  status = status == SI_OK ? put_up(&call, stack) : status;
  status = status == SI_OK ? board_for_each(&call, call.path, drop_service, stack) : status;
  return status == SI_OK ? emit_inspection(&call, ctx, emit) : status;
}

/* --- the other verbs --- */

static si_rc check(si_instance *board, si_op *op, void *ctx, si_emit emit) {
  static const char json[] =
      "{\"engine\":\"directory\",\"version\":\"" SI_PLUGIN_VERSION "\",\"api\":\"1\"}";
  struct stat st;
  if (fstat(board->root, &st) != 0 || st.st_nlink == 0) {
    return si_fail(board->vt, op, SI_E_UNAVAILABLE, NULL, "the board's directory is gone");
  }
  return emit(ctx, json, sizeof json - 1);
}

static si_rc inspect(si_instance *board, si_op *op, const char *project, void *ctx, si_emit emit) {
  struct call call SI_AUTO(end_call) = {.board = board, .op = op};
  si_rc status = begin_call(&call, project);
  return status == SI_OK ? emit_inspection(&call, ctx, emit) : status;
}

static si_rc list_entry(const struct call *call, int dir, const char *file, void *to) {
  const char *volume = board_name(file, VOLUME);
  const char *name = volume ? volume : board_name(file, SERVICE);
  (void)dir;
  if (name) {
    cJSON *item = cJSON_CreateObject();
    cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(to, "resources"), item);
    cJSON_AddStringToObject(item, "type", volume ? "volume" : "service");
    cJSON_AddStringToObject(item, "id", file);
    cJSON_AddStringToObject(item, "name", name);
    cJSON_AddStringToObject(item, "project_id", call->project);
  }
  return SI_OK;
}

static si_rc list_project(const struct call *context, int dir, const char *project, void *to) {
  struct call call = {.board = context->board, .op = context->op, .project = project};
  (void)dir;
  si_rc status = si_path_join(call.path, sizeof call.path, context->path, project);
  return status == SI_OK ? board_for_each(&call, call.path, list_entry, to) : status;
}

static si_rc list(si_instance *board, si_op *op, const char *context, void *ctx, si_emit emit) {
  struct call call SI_AUTO(end_call) = {.board = board, .op = op};
  cJSON *json SI_AUTO(si_json_free) = cJSON_CreateObject();
  si_rc status = parse(&call, "context", context, &call.document);
  const char *id = status == SI_OK ? name_in(&call, call.document, "context_id") : NULL;
  if (!id) {
    return status == SI_OK ? SI_E_INVALID : status;
  }
  cJSON_AddArrayToObject(json, "resources");
  si_copy(call.path, sizeof call.path, id);
  status = board_for_each(&call, call.path, list_project, json);
  return status == SI_OK ? emit_json(json, ctx, emit) : status;
}

/* The project's directory goes with the last that was in it. */
static void tidy(const struct call *call) {
  (void)unlinkat(call->board->root, call->path, AT_REMOVEDIR);
}

static si_rc take_down(const struct call *call, int dir, const char *file, void *to) {
  (void)to;
  return board_take_down(call, dir, file);
}

static si_rc destroy(si_instance *board, si_op *op, const char *project, void *ctx, si_emit emit) {
  static const char nothing[] = "{\"remaining\":[]}";
  struct call call SI_AUTO(end_call) = {.board = board, .op = op};
  cJSON *left SI_AUTO(si_json_free) = cJSON_CreateObject();
  cJSON_AddArrayToObject(left, "resources");
  si_rc status = begin_call(&call, project);
  status = status == SI_OK ? board_for_each(&call, call.path, take_down, NULL) : status;
  /* A fresh look is what proves it. */
  status = status == SI_OK ? board_for_each(&call, call.path, list_entry, left) : status;
  if (status != SI_OK) {
    return status;
  }
  if (cJSON_GetArraySize(si_json_get(left, "resources")) > 0) {
    return si_fail(board->vt, op, SI_E_CONFLICT, call.project,
                   "something was put up while the project was taken down");
  }
  tidy(&call);
  return emit(ctx, nothing, sizeof nothing - 1);
}

static si_rc remove_resource(si_instance *board, si_op *op, const char *resource) {
  struct call call SI_AUTO(end_call) = {.board = board, .op = op};
  si_rc status = begin_call(&call, resource);
  const char *id = status == SI_OK ? name_in(&call, call.document, "id") : NULL;
  if (!id) {
    return status == SI_OK ? SI_E_INVALID : status;
  }
  int dir SI_AUTO(si_close) = board_open(&call);
  if (dir < 0) {
    return errno == ENOENT ? SI_OK : board_failed(&call, errno, "open", call.path);
  }
  status = board_take_down(&call, dir, id);
  tidy(&call);
  return status;
}

/* --- open, close --- */

static si_rc open_board(const si_host_vt *vt, si_host *host, si_op *op, const char *config_json,
                        si_instance **out) {
  static const char *const settings[] = {"root", NULL};
  cJSON *config SI_AUTO(si_json_free) = NULL;
  int root = -1;
  (void)host;
  si_rc status = si_config_read(vt, op, config_json, settings, &config);
  status = status == SI_OK ? si_config_dir(vt, op, config, "root", &root) : status;
  si_instance *board = status == SI_OK ? malloc(sizeof *board) : NULL;
  if (!board) {
    si_close(&root);
    return status == SI_OK ? si_fail(vt, op, SI_E_NOMEM, NULL, "out of memory") : status;
  }
  *board = (si_instance){vt, root};
  *out = board;
  return SI_OK;
}

static void close_board(si_instance *board) {
  si_close(&board->root);
  free(board);
}

static const si_provisioner_vt table = {
    .size = sizeof table,
    .check = check,
    .provision = provision,
    .destroy = destroy,
    .inspect = inspect,
    .list = list,
    .remove = remove_resource,
};

SI_PROVIDER(SI_KIND_PROVISIONER, 0, SI_THREADS_SERIAL, open_board, close_board, &table,
            "{\"type\":\"object\",\"properties\":{\"root\":{\"type\":\"string\",\"pattern\":\"^/\","
            "\"description\":\"absolute path of the directory that is the board\"}},"
            "\"required\":[\"root\"],\"additionalProperties\":false}");
