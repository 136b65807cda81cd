/* SPDX-License-Identifier: Apache-2.0 */
/* The room backup: making backups, listing and reading them. */
#include <string.h>

#include "kit/base/hash.h"
#include "kit/base/text.h"
#include "sdk/conform/backup.h"

static void contract(struct trial *t) {
  struct backup b = backup_open(t);
  struct document said = {.json = NULL};
  const cJSON *service;
  b.op = op_begin(b.host);
  backup_ok(&b, op_end(b.op, CALL(b.vt, contract)(b.in, b.op, &said, document_emit)), "contract()");
  document_must_be(&said, "contract()");
  const char *schema = si_json_str(said.json, "schema");
  demand(schema && strcmp(schema, "si.backup-contract/1") == 0,
         "contract() emits the schema \"%s\", not si.backup-contract/1", schema ? schema : "");
  demand(cJSON_IsArray(si_json_get(said.json, "services")), "contract() emits no services");
  cJSON_ArrayForEach(service, si_json_get(said.json, "services")) {
    const char *role = si_json_str(service, "role");
    demand(si_json_str(service, "name") && role &&
               (strcmp(role, "backup") == 0 || strcmp(role, "restore") == 0 ||
                strcmp(role, "database") == 0),
           "contract() emits a service without a name, or with a role that there is not");
  }
  backup_close(&b);
}

/* The contract comes from the configuration alone: the same each time, and without services. */
static void contract_alone(struct trial *t) {
  struct backup b = backup_open(t);
  struct document one = {.json = NULL}, two = {.json = NULL};
  b.op = op_begin(b.host);
  backup_ok(&b, op_end(b.op, CALL(b.vt, contract)(b.in, b.op, &one, document_emit)), "contract()");
  unsigned calls = atomic_load(&b.host->execs);
  b.op = op_begin(b.host);
  backup_ok(&b, op_end(b.op, CALL(b.vt, contract)(b.in, b.op, &two, document_emit)), "contract()");
  demand(cJSON_Compare(one.json, two.json, true), "contract() says something else the next time");
  demand(atomic_load(&b.host->execs) == calls && calls == 0,
         "contract() ran a command in a project");
  backup_close(&b);
}

static si_rc check(struct backup *b, const char *project, struct document *out) {
  b->op = op_begin(b->host);
  return op_end(b->op, CALL(b->vt, check)(b->in, b->op, project, out, document_emit));
}

static void checked(struct trial *t) {
  struct backup b = backup_open(t);
  struct document said = {.json = NULL}, store = {.json = NULL};
  backup_ok(&b, check(&b, project_text(t, 'a'), &said), "check()");
  document_must_be(&said, "check()");
  demand(si_json_str(said.json, "tool") && cJSON_IsArray(si_json_get(said.json, "problems")),
         "check() emits no tool, or no list of problems");
  backup_ok(&b, check(&b, NULL, &store), "check() of the store alone");
  document_must_be(&store, "check()");
  backup_close(&b);
}

static void made(struct trial *t) {
  struct backup b = backup_open(t);
  char id[BACKUP_ID];
  backup_must_make(&b, 'a', SI_BACKUP_FULL, id);
  const cJSON *one = backup_find(backup_listed(&b, 'a'), id);
  demand(one != NULL, "a backup that was made is not listed");
  demand(strcmp(si_json_str(one, "status") ? si_json_str(one, "status") : "", "complete") == 0,
         "a backup that is complete is not listed as that");
  backup_close(&b);
}

static void marks(struct trial *t) {
  struct backup b = backup_open(t);
  char id[BACKUP_ID];
  backup_must_make(&b, 'a', SI_BACKUP_FULL, id);
  const cJSON *one = backup_find(backup_listed(&b, 'a'), id);
  const char *context = si_json_str(one, "context_id"), *project = si_json_str(one, "project_id");
  const char *operation = si_json_str(one, "operation_id");
  demand(
      context && strcmp(context, context_id(t)) == 0 && project &&
          strcmp(project, project_id(t, 'a')) == 0 && operation &&
          strncmp(operation, "op-", 3) == 0,
      "a backup does not carry the context_id, project_id and operation_id that it was made for");
  backup_close(&b);
}

static void times(struct trial *t) {
  struct backup b = backup_open(t);
  char id[BACKUP_ID];
  int64_t started = 0, finished = 0;
  backup_must_make(&b, 'a', SI_BACKUP_FULL, id);
  const cJSON *one = backup_find(backup_listed(&b, 'a'), id);
  const char *from = si_json_str(one, "started"), *to = si_json_str(one, "finished");
  demand(from && to && si_time_parse(from, &started) == SI_OK &&
             si_time_parse(to, &finished) == SI_OK && started <= finished,
         "started and finished of a backup are no times in order (\"%s\", \"%s\")",
         from ? from : "", to ? to : "");
  demand(finished <= si_now_ms() + 1000 && started > si_now_ms() - 3600000,
         "a backup made now says it was made at %s", from);
  backup_close(&b);
}

static void ids_differ(struct trial *t) {
  struct backup b = backup_open(t);
  char ids[4][BACKUP_ID];
  for (int i = 0; i < 4; i++) {
    backup_must_make(&b, 'a', SI_BACKUP_FULL, ids[i]);
    for (int n = 0; n < i; n++) {
      demand(strcmp(ids[i], ids[n]) != 0, "two backups have the id %s", ids[i]);
    }
  }
  backup_close(&b);
}

static void in_order(struct trial *t) {
  struct backup b = backup_open(t);
  char ids[3][BACKUP_ID];
  size_t at = 0;
  const cJSON *one;
  for (int i = 0; i < 3; i++) {
    backup_must_make(&b, 'a', SI_BACKUP_FULL, ids[i]);
  }
  const cJSON *listed = backup_listed(&b, 'a');
  cJSON_ArrayForEach(one, listed) {
    if (at < 3 && strcmp(si_json_str(one, "id"), ids[at]) == 0) {
      at++;
    }
  }
  demand(at == 3, "backups are not listed oldest first");
  backup_close(&b);
}

static void none(struct trial *t) {
  struct backup b = backup_open(t);
  demand(cJSON_GetArraySize(backup_listed(&b, 'b')) == 0,
         "a project without backups has some in its listing");
  backup_close(&b);
}

static void apart(struct trial *t) {
  struct backup b = backup_open(t);
  char id[BACKUP_ID];
  struct objects objects;
  struct taken taken = {.answer = SI_OK};
  struct document out = {.json = NULL};
  backup_must_make(&b, 'a', SI_BACKUP_FULL, id);
  demand(!backup_find(backup_listed(&b, 'b'), id), "a project's listing shows another's backup");
  demand_status(backup_inventory(&b, 'b', id, &objects), SI_E_NOT_FOUND,
                "inventory() of another project's backup");
  demand_status(backup_read(&b, 'b', id, "data", 0, &taken), SI_E_NOT_FOUND,
                "read() of another project's backup");
  demand_status(backup_restore(&b, 'b', 'b', SI_RESTORE_BACKUP, SI_RESTORE_REPLACE, id, &out),
                SI_E_NOT_FOUND, "restore() of another project's backup");
  backup_close(&b);
}

static si_rc refuse_one(void *ctx, const char *json, size_t len) {
  (void)json;
  (void)len;
  ++*(size_t *)ctx;
  return SI_E_QUOTA;
}

static void list_stopped(struct trial *t) {
  struct backup b = backup_open(t);
  char id[BACKUP_ID];
  size_t calls = 0;
  backup_must_make(&b, 'a', SI_BACKUP_FULL, id);
  backup_must_make(&b, 'a', SI_BACKUP_FULL, id);
  b.op = op_begin(b.host);
  si_rc status = CALL(b.vt, list)(b.in, b.op, project_text(t, 'a'), &calls, refuse_one);
  demand_status(op_end(b.op, status), SI_E_QUOTA, "list() whose receiver said stop");
  demand(calls == 1, "list() went on after its receiver said stop");
  backup_close(&b);
}

static void unknown_type(struct trial *t) {
  struct backup b = backup_open(t);
  struct document out = {.json = NULL};
  b.op = op_begin(b.host);
  si_rc status = CALL(b.vt, backup)(b.in, b.op, project_text(t, 'a'), 7, &out, document_emit);
  op_end(b.op, status);
  demand(status == SI_E_UNSUPPORTED || status == SI_E_INVALID,
         "backup() of a type that there is not came to \"%s\"", si_status_text(status));
  demand(cJSON_GetArraySize(backup_listed(&b, 'a')) == 0,
         "backup() of a type that there is not made one");
  backup_close(&b);
}

static void no_delta(struct trial *t) {
  struct backup b = backup_open(t);
  struct document out = {.json = NULL};
  char id[BACKUP_ID];
  backup_must_make(&b, 'a', SI_BACKUP_FULL, id);
  b.op = op_begin(b.host);
  si_rc status = op_end(b.op, CALL(b.vt, backup)(b.in, b.op, project_text(t, 'a'), SI_BACKUP_DELTA,
                                                 &out, document_emit));
  if (t->provider->caps & SI_CAP_BACKUP_DELTA) {
    backup_ok(&b, status, "backup() of a delta");
    document_must_be(&out, "backup()");
    const char *type = si_json_str(out.json, "type");
    demand(type && (strcmp(type, "delta") == 0 || strcmp(type, "full") == 0),
           "backup() does not say whether it became a delta");
  } else {
    demand_status(status, SI_E_UNSUPPORTED, "backup() of a delta without the capability");
  }
  backup_close(&b);
}

static void bad_project(struct trial *t) {
  struct backup b = backup_open(t);
  static const char *const texts[] = {"", "{", "[]", "{}", "{\"schema\":\"si.project/1\"}"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct document out = {.json = NULL};
    size_t calls = 0;
    b.op = op_begin(b.host);
    si_rc status = CALL(b.vt, backup)(b.in, b.op, texts[i], SI_BACKUP_FULL, &out, document_emit);
    demand_status(op_end(b.op, status), SI_E_INVALID, "backup() of what is no project");
    b.op = op_begin(b.host);
    status = CALL(b.vt, list)(b.in, b.op, texts[i], &calls, refuse_one);
    demand_status(op_end(b.op, status), SI_E_INVALID, "list() of what is no project");
  }
  backup_close(&b);
}

static void inventory(struct trial *t) {
  struct backup b = backup_open(t);
  char id[BACKUP_ID];
  struct objects objects;
  backup_must_make(&b, 'a', SI_BACKUP_FULL, id);
  backup_ok(&b, backup_inventory(&b, 'a', id, &objects), "inventory()");
  demand(objects.count > 0, "a backup has no objects");
  for (size_t i = 0; i < objects.count; i++) {
    for (size_t n = 0; n < i; n++) {
      demand(strcmp(objects.items[i].name, objects.items[n].name) != 0,
             "two objects of a backup have the name %s", objects.items[i].name);
    }
  }
  demand_status(backup_inventory(&b, 'a', "no-such-backup", &objects), SI_E_NOT_FOUND,
                "inventory() of a backup that is not there");
  backup_close(&b);
}

static void read_whole(struct trial *t) {
  struct backup b = backup_open(t);
  char id[BACKUP_ID], hex[SI_SHA256_HEX];
  struct objects objects;
  struct taken taken = {.answer = SI_OK};
  backup_must_make(&b, 'a', SI_BACKUP_FULL, id);
  backup_ok(&b, backup_inventory(&b, 'a', id, &objects), "inventory()");
  for (size_t i = 0; i < objects.count; i++) {
    const struct object *o = &objects.items[i];
    backup_ok(&b, backup_read(&b, 'a', id, o->name, 0, &taken), "read()");
    demand(!taken.out_of_bounds, "read() gave a piece of no bytes, or of more than 1 MiB");
    demand(o->length == UINT64_MAX || o->length > taken.bytes.max || taken.bytes.len == o->length,
           "of %s %zu bytes were read, inventory() says %llu", o->name, taken.bytes.len,
           (unsigned long long)o->length);
    kit_needs(si_sha256_hex(taken.bytes.data, taken.bytes.len, hex) == SI_OK, "no SHA-256");
    demand(!o->sha256[0] || o->length > taken.bytes.max || strcmp(hex, o->sha256) == 0,
           "the bytes of %s have another SHA-256 than inventory() says", o->name);
  }
  backup_close(&b);
}

static void read_offset(struct trial *t) {
  struct backup b = backup_open(t);
  char id[BACKUP_ID];
  struct objects objects;
  struct taken whole = {.answer = SI_OK}, part = {.answer = SI_OK};
  backup_must_make(&b, 'a', SI_BACKUP_FULL, id);
  backup_ok(&b, backup_inventory(&b, 'a', id, &objects), "inventory()");
  const char *name = objects.items[0].name;
  backup_ok(&b, backup_read(&b, 'a', id, name, 0, &whole), "read()");
  size_t len = whole.bytes.len, cut = len / 3;
  backup_ok(&b, backup_read(&b, 'a', id, name, cut, &part), "read() from an offset");
  demand(part.bytes.len == len - cut &&
             memcmp(part.bytes.data, whole.bytes.data + cut, len - cut) == 0,
         "read() from offset %zu gives other bytes than read() of the whole", cut);
  backup_ok(&b, backup_read(&b, 'a', id, name, len, &part), "read() from the end");
  demand(part.bytes.len == 0, "read() from the end gives %zu bytes", part.bytes.len);
  demand_status(backup_read(&b, 'a', id, name, len + 1, &part), SI_E_INVALID,
                "read() from beyond the end");
  backup_close(&b);
}

static void read_again(struct trial *t) {
  struct backup b = backup_open(t);
  char id[BACKUP_ID];
  struct objects objects;
  struct taken one = {.answer = SI_OK}, two = {.answer = SI_OK};
  backup_must_make(&b, 'a', SI_BACKUP_FULL, id);
  backup_ok(&b, backup_inventory(&b, 'a', id, &objects), "inventory()");
  backup_ok(&b, backup_read(&b, 'a', id, objects.items[0].name, 0, &one), "read()");
  source_change(t, 'a');
  backup_ok(&b, backup_read(&b, 'a', id, objects.items[0].name, 0, &two), "read()");
  demand(
      one.bytes.len == two.bytes.len && memcmp(one.bytes.data, two.bytes.data, one.bytes.len) == 0,
      "read again once the data had changed, the backup's bytes differ");
  backup_close(&b);
}

static void read_stopped(struct trial *t) {
  struct backup b = backup_open(t);
  char id[BACKUP_ID];
  struct objects objects;
  struct taken taken = {.answer = SI_E_QUOTA};
  backup_must_make(&b, 'a', SI_BACKUP_FULL, id);
  backup_ok(&b, backup_inventory(&b, 'a', id, &objects), "inventory()");
  demand_status(backup_read(&b, 'a', id, objects.items[0].name, 0, &taken), SI_E_QUOTA,
                "read() whose receiver said stop");
  backup_close(&b);
}

static void read_missing(struct trial *t) {
  struct backup b = backup_open(t);
  char id[BACKUP_ID];
  struct taken taken = {.answer = SI_OK};
  backup_must_make(&b, 'a', SI_BACKUP_FULL, id);
  demand_status(backup_read(&b, 'a', id, "no-such-object", 0, &taken), SI_E_NOT_FOUND,
                "read() of an object that is not there");
  demand_status(backup_read(&b, 'a', id, "../../etc/passwd", 0, &taken), SI_E_NOT_FOUND,
                "read() of an object whose name leads elsewhere");
  demand_status(backup_read(&b, 'a', "no-such-backup", "data", 0, &taken), SI_E_NOT_FOUND,
                "read() of a backup that is not there");
  backup_close(&b);
}

#define BACKUP(id, title, run) \
  { id, title, SI_KIND_BACKUP, WANTS_PEER, 0, run }
const struct check backup_checks[] = {
    BACKUP("backup.contract.emits", "the contract has its schema, services and roles", contract),
    BACKUP("backup.contract.alone", "the contract is the same each time, and asks no project",
           contract_alone),
    BACKUP("backup.check.emits", "check looks at a project, or at the store alone", checked),
    BACKUP("backup.make.complete", "a backup that was made is listed as complete", made),
    BACKUP("backup.make.marks", "it carries the ids of its context, project and operation", marks),
    BACKUP("backup.make.times", "it says when it began and ended", times),
    BACKUP("backup.make.ids", "no two backups have one id", ids_differ),
    BACKUP("backup.make.unknown-type", "a type that there is not is refused", unknown_type),
    BACKUP("backup.make.delta", "a delta is made, or refused where it is not promised", no_delta),
    BACKUP("backup.make.bad-project", "what is no project is refused", bad_project),
    BACKUP("backup.list.order", "backups are listed oldest first", in_order),
    BACKUP("backup.list.none", "a project without backups has an empty listing", none),
    BACKUP("backup.list.apart", "no verb reaches another project's backups", apart),
    BACKUP("backup.list.stopped", "the receiver's status ends the listing", list_stopped),
    BACKUP("backup.inventory.names", "a backup has objects, each with a name of its own",
           inventory),
    BACKUP("backup.read.whole", "an object's bytes have the length and SHA-256 that were told",
           read_whole),
    BACKUP("backup.read.offset", "reading from an offset gives the rest; beyond it is refused",
           read_offset),
    BACKUP("backup.read.again", "reading again gives the same bytes", read_again),
    BACKUP("backup.read.stopped", "the receiver's status ends the reading", read_stopped),
    BACKUP("backup.read.missing", "an object that is not there is SI_E_NOT_FOUND", read_missing),
    {0}};
