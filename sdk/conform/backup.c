/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/conform/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/base/hash.h"
#include "kit/base/text.h"
#include "sdk/conform/exec.h"

enum { DATA = 200000, LISTED_MAX = 1 << 16 };

/* --- projects --- */

const char *source_dir(struct trial *t, char letter) {
  static char dirs[26][SI_PATH_MAX + 16];
  char *dir = dirs[(unsigned)(letter - 'a') % 26];
  if (t->options->source) {
    snprintf(dir, sizeof dirs[0], "%s", t->options->source);
  } else {
    snprintf(dir, sizeof dirs[0], "%s/source-%c", t->dir, letter);
  }
  return dir;
}

static void write_file(const char *dir, const char *name, const void *data, size_t len) {
  int fd SI_AUTO(si_close) = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  kit_needs(fd >= 0 && si_write_file(fd, name, data, len, 0600) == SI_OK,
            "cannot write the data to be backed up");
}

void source_change(struct trial *t, char letter) {
  static unsigned char data[DATA];
  if (!t->options->source) {
    random_fill(t, data, sizeof data);
    write_file(source_dir(t, letter), "data", data, sizeof data);
  }
}

void source_empty(struct trial *t, char letter) {
  char path[SI_PATH_MAX + 64];
  snprintf(path, sizeof path, "%s/data", source_dir(t, letter));
  if (!t->options->source && unlink(path) != 0) {
    kit_needs(errno == ENOENT, "cannot remove the data");
  }
}

static void make_source(struct trial *t, char letter) {
  char id[32];
  const char *dir = source_dir(t, letter);
  exec_allow(project_id(t, letter), dir);
  if (!t->options->source) {
    kit_needs(si_mkdir_path(dir, 0700) == 0, "cannot make a directory");
    snprintf(id, sizeof id, "70%llu", (unsigned long long)random_below(t, 1u << 30));
    write_file(dir, "id", id, strlen(id));
    source_change(t, letter);
  }
}

const char *source_hash(struct trial *t, char letter) {
  static char hexes[26][SI_SHA256_HEX];
  char path[SI_PATH_MAX + 64];
  char *hex = hexes[(unsigned)(letter - 'a') % 26];
  snprintf(path, sizeof path, "%s/data", source_dir(t, letter));
  int fd SI_AUTO(si_close) = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || si_sha256_fd(fd, hex) != SI_OK) {
    hex[0] = '\0';
  }
  return hex;
}

/* --- the provider --- */

void backup_ok(const struct backup *b, si_rc status, const char *what) {
  demand_ok(status, b->op, what);
}

struct backup backup_open(struct trial *t) {
  struct backup b = {.trial = t, .host = host_new(t), .vt = VT(t, si_backup_vt)};
  make_source(t, 'a');
  make_source(t, 'b');
  b.in = open_instance(t, b.host);
  return b;
}

/* What the check made goes, where the provider can do that. */
static void expire_all(struct backup *b, char letter) {
  struct document out SI_AUTO(document_free) = {.json = NULL};
  struct si_buf plan SI_AUTO(si_buf_free) = SI_BUF(LISTED_MAX);
  cJSON *listed SI_AUTO(si_json_free) = backup_listed(b, letter);
  const cJSON *one;
  kit_needs(si_buf_puts(&plan, "{\"keep\":[],\"recover_from\":null,\"remove\":[") == SI_OK,
            "no memory");
  cJSON_ArrayForEach(one, listed) {
    const char *id = si_json_str(one, "id");
    if (si_json_bool(one, "protected", false) && b->vt->protect) {
      b->op = op_begin(b->host);
      op_end(b->op, CALL(b->vt, protect)(b->in, b->op, project_text(b->trial, letter), id, 0));
    }
    kit_needs(si_buf_printf(&plan, "%s\"%s\"", one == listed->child ? "" : ",", id) == SI_OK,
              "no memory");
  }
  kit_needs(si_buf_puts(&plan, "]}") == SI_OK, "no memory");
  backup_expire(b, letter, si_buf_text(&plan), 0, &out);
}

void backup_close(struct backup *b) {
  if (b->vt->expire) {
    expire_all(b, 'a');
    expire_all(b, 'b');
  }
  close_instance(b->trial, b->in);
}

static bool id_fits(const char *id) {
  return id && si_component_valid(id, strlen(id));
}

void backup_must_make(struct backup *b, char letter, uint32_t type, char id[BACKUP_ID]) {
  struct document made SI_AUTO(document_free) = {.json = NULL};
  b->op = op_begin(b->host);
  si_rc status =
      CALL(b->vt, backup)(b->in, b->op, project_text(b->trial, letter), type, &made, document_emit);
  backup_ok(b, op_end(b->op, status), "backup()");
  document_must_be(&made, "backup()");
  const char *said = si_json_str(made.json, "id"), *state = si_json_str(made.json, "status");
  demand(id_fits(said), "backup() emits no id of the form [A-Za-z0-9._-]{1,255}");
  demand(state && strcmp(state, "complete") == 0, "backup() succeeded, and emits the status \"%s\"",
         state ? state : "");
  si_copy(id, BACKUP_ID, said);
}

struct gathering {
  cJSON *array;
};

static si_rc gather(void *ctx, const char *json, size_t len) {
  cJSON *one = NULL;
  struct gathering *gathering = ctx;
  demand(si_json_parse(json, len, &one, NULL) == SI_OK && cJSON_IsObject(one),
         "list() told what is no JSON object");
  demand(id_fits(si_json_str(one, "id")), "list() told a backup without an id");
  cJSON_AddItemToArray(gathering->array, one);
  return SI_OK;
}

cJSON *backup_listed(struct backup *b, char letter) {
  struct gathering gathering = {cJSON_CreateArray()};
  b->op = op_begin(b->host);
  si_rc status =
      CALL(b->vt, list)(b->in, b->op, project_text(b->trial, letter), &gathering, gather);
  backup_ok(b, op_end(b->op, status), "list()");
  return gathering.array;
}

const cJSON *backup_find(const cJSON *listed, const char *id) {
  const cJSON *one;
  cJSON_ArrayForEach(one, listed) {
    if (strcmp(si_json_str(one, "id"), id) == 0) {
      return one;
    }
  }
  return NULL;
}

static si_rc meet(void *ctx, const si_backup_object *object) {
  struct objects *objects = ctx;
  demand(object->size >= sizeof *object && object->name && object->name[0] &&
             strnlen(object->name, 4097) <= 4096,
         "inventory() told an object without its size, or a name of 1 to 4096 bytes");
  kit_needs(objects->count < OBJECTS_MAX, "more objects than the kit keeps");
  struct object *to = &objects->items[objects->count++];
  si_copy(to->name, sizeof to->name, object->name);
  si_copy(to->sha256, sizeof to->sha256, object->sha256);
  to->length = object->length;
  return SI_OK;
}

si_rc backup_inventory(struct backup *b, char letter, const char *id, struct objects *out) {
  out->count = 0;
  b->op = op_begin(b->host);
  return op_end(
      b->op, CALL(b->vt, inventory)(b->in, b->op, project_text(b->trial, letter), id, out, meet));
}

static si_rc take(void *ctx, const void *data, size_t len) {
  struct taken *taken = ctx;
  taken->out_of_bounds = taken->out_of_bounds || len == 0 || len > 1u << 20;
  if (taken->bytes.len + len <= taken->bytes.max) {
    kit_needs(si_buf_add(&taken->bytes, data, len) == SI_OK, "no memory");
  }
  return taken->answer;
}

si_rc backup_read(struct backup *b, char letter, const char *id, const char *object,
                  uint64_t offset, struct taken *out) {
  si_buf_clear(&out->bytes);
  out->bytes.max = 1u << 20;
  b->op = op_begin(b->host);
  return op_end(b->op, CALL(b->vt, read)(b->in, b->op, project_text(b->trial, letter), id, object,
                                         offset, out, take));
}

si_rc backup_restore(struct backup *b, char from, char into, uint32_t end, uint32_t flags,
                     const char *id, struct document *out) {
  const si_restore_target target = {.size = sizeof target,
                                    .end = end,
                                    .flags = flags,
                                    .into = project_text(b->trial, into),
                                    .backup = id};
  b->op = op_begin(b->host);
  return op_end(b->op, CALL(b->vt, restore)(b->in, b->op, project_text(b->trial, from), &target,
                                            out, document_emit));
}

si_rc backup_expire(struct backup *b, char letter, const char *plan, uint32_t flags,
                    struct document *out) {
  b->op = op_begin(b->host);
  return op_end(b->op, CALL(b->vt, expire)(b->in, b->op, project_text(b->trial, letter), plan,
                                           flags, out, document_emit));
}

/* --- work --- */

static struct backup around(struct trial *t, si_host *host, si_instance *instance) {
  static bool ready;
  if (!ready) {
    ready = true;
    make_source(t, 'w');
  }
  return (struct backup){.trial = t, .host = host, .vt = VT(t, si_backup_vt), .in = instance};
}

static si_rc pass_over(void *ctx, const char *json, size_t len) {
  (void)ctx;
  (void)json;
  (void)len;
  return SI_OK;
}

si_rc backup_look(struct trial *t, si_host *host, si_instance *instance) {
  struct backup b = around(t, host, instance);
  si_op *op = op_begin(host);
  return op_end(op, CALL(b.vt, list)(instance, op, project_text(t, 'w'), NULL, pass_over));
}

static si_rc collect(void *ctx, const char *json, size_t len) {
  cJSON *one SI_AUTO(si_json_free) = NULL;
  if (si_json_parse(json, len, &one, NULL) != SI_OK || !si_json_str(one, "id")) {
    return SI_E_INVALID;
  }
  cJSON_AddItemToArray(ctx, cJSON_CreateString(si_json_str(one, "id")));
  return SI_OK;
}

/* Expires every backup of the project w: what a call that was cut off left, too. */
static si_rc take_away(struct backup *b) {
  struct document gone SI_AUTO(document_free) = {.json = NULL};
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(LISTED_MAX);
  cJSON *plan SI_AUTO(si_json_free) = cJSON_CreateObject();
  cJSON_AddArrayToObject(plan, "keep");
  cJSON_AddNullToObject(plan, "recover_from");
  cJSON *all = cJSON_AddArrayToObject(plan, "remove");
  b->op = op_begin(b->host);
  si_rc status =
      op_end(b->op, CALL(b->vt, list)(b->in, b->op, project_text(b->trial, 'w'), all, collect));
  kit_needs(si_json_print(plan, false, &text) == SI_OK, "no memory");
  return status == SI_OK ? backup_expire(b, 'w', si_buf_text(&text), 0, &gone) : status;
}

si_rc backup_work(struct trial *t, si_host *host, si_instance *instance) {
  struct backup b = around(t, host, instance);
  struct document made SI_AUTO(document_free) = {.json = NULL};
  si_op *op = op_begin(host);
  si_rc status = op_end(op, CALL(b.vt, backup)(instance, op, project_text(t, 'w'), SI_BACKUP_FULL,
                                               &made, document_emit));
  status = status == SI_OK ? backup_look(t, host, instance) : status;
  return status == SI_OK && b.vt->expire ? take_away(&b) : status;
}

bool backup_provoke(struct trial *t, si_host *host, si_instance *instance, size_t n,
                    struct provoked *out) {
  struct backup b = around(t, host, instance);
  struct taken taken = {.answer = SI_OK};
  struct document shown SI_AUTO(document_free) = {.json = NULL};
  out->subject = "no-such-backup";
  switch (n) {
    case 0:
      out->what = "read() of a backup that is not there";
      out->status = backup_read(&b, 'w', "no-such-backup", "data", 0, &taken);
      break;
    case 1:
      out->what = "restore() of a backup that is not there";
      out->status = backup_restore(&b, 'w', 'w', SI_RESTORE_BACKUP, SI_RESTORE_REPLACE,
                                   "no-such-backup", &shown);
      break;
    default: return false;
  }
  out->op = b.op;
  si_buf_free(&taken.bytes);
  return true;
}
