/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/plugins/idle_backup.c - a backup provider whose project has no data: it makes empty
 * backups, remembers them in the process alone, and restores nothing. Built again with
 * -DVARIANT=... for tables that lie. Depends on the ABI headers alone.
 */
#include <si/backup.h>
#include <si/service.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define VARIANT_NONE 0
#define VARIANT_SHORT 1   /* the table ends before its last required member */
#define VARIANT_HUGE 2    /* a table of a size that cannot be */
#define VARIANT_MISSING 3 /* a required function is NULL */
#define VARIANT_OUTSIDE 4 /* a function lies outside the plugin */
#define VARIANT_OTHER 5   /* a provisioner's kind with this table: no backup provider is there */
#ifndef VARIANT
#define VARIANT VARIANT_NONE
#endif

enum { BACKUPS_MAX = 8 };

struct si_instance {
  const si_host_vt *host;
  unsigned count; /* backups that were made */
};

static si_instance instance;

static si_rc emit_text(void *ctx, si_emit emit, const char *json) {
  return emit(ctx, json, strlen(json));
}

static si_rc no_backup(si_op *op, const char *backup) {
  const si_failure failure = {.size = sizeof failure,
                              .status = SI_E_NOT_FOUND,
                              .subject = backup,
                              .message = "there is no such backup"};
  return instance.host->fail(op, &failure);
}

/* The number of a backup by its id, "b0" to "b7"; -1: none of ours. */
static int number_of(const si_instance *self, const char *backup) {
  return backup && backup[0] == 'b' && backup[1] >= '0' && backup[2] == '\0' &&
                 (unsigned)(backup[1] - '0') < self->count
             ? backup[1] - '0'
             : -1;
}

static int describe(char *text, size_t size, unsigned number) {
  return snprintf(text, size,
                  "{\"id\":\"b%u\",\"type\":\"full\",\"status\":\"complete\",\"protected\":false,"
                  "\"stored_bytes\":\"0\"}",
                  number);
}

static si_rc contract(si_instance *self, si_op *op, void *ctx, si_emit emit) {
  (void)self;
  (void)op;
  return emit_text(ctx, emit,
                   "{\"schema\":\"si.backup-contract/1\",\"profile\":\"idle\",\"packs\":[],"
                   "\"services\":[],\"env\":[],\"ports\":[]}");
}

static si_rc check(si_instance *self, si_op *op, const char *project, void *ctx, si_emit emit) {
  (void)self;
  (void)op;
  (void)project;
  return emit_text(ctx, emit, "{\"tool\":\"idle\",\"archiving\":\"off\",\"problems\":[]}");
}

static si_rc backup(si_instance *self, si_op *op, const char *project, uint32_t type, void *ctx,
                    si_emit emit) {
  char text[200];
  (void)op;
  (void)project;
  if (type != SI_BACKUP_FULL) {
    return SI_E_UNSUPPORTED;
  }
  if (self->count == BACKUPS_MAX) {
    return SI_E_QUOTA;
  }
  describe(text, sizeof text, self->count++);
  return emit_text(ctx, emit, text);
}

static si_rc list(si_instance *self, si_op *op, const char *project, void *ctx, si_backup_fn each) {
  char text[200];
  si_rc status = SI_OK;
  (void)op;
  (void)project;
  for (unsigned i = 0; status == SI_OK && i < self->count; i++) {
    int len = describe(text, sizeof text, i);
    status = each(ctx, text, (size_t)len);
  }
  return status;
}

static si_rc inventory(si_instance *self, si_op *op, const char *project, const char *name,
                       void *ctx, si_backup_object_fn each) {
  const si_backup_object object = {.size = sizeof object, .name = "empty"};
  (void)project;
  return number_of(self, name) < 0 ? no_backup(op, name) : each(ctx, &object);
}

static si_rc read_object(si_instance *self, si_op *op, const char *project, const char *name,
                         const char *object, uint64_t offset, void *ctx, si_backup_bytes_fn take) {
  (void)project;
  (void)ctx;
  (void)take; /* there are no bytes to take */
  if (number_of(self, name) < 0 || strcmp(object, "empty") != 0) {
    return no_backup(op, name);
  }
  return offset == 0 ? SI_OK : SI_E_INVALID;
}

static si_rc verify(si_instance *self, si_op *op, const char *project, const char *name,
                    uint32_t depth, void *ctx, si_emit emit) {
  (void)project;
  if (depth != SI_VERIFY_LISTED) {
    return SI_E_UNSUPPORTED;
  }
  return number_of(self, name) < 0
             ? no_backup(op, name)
             : emit_text(ctx, emit,
                         "{\"depth\":\"listed\",\"verdict\":\"pass\",\"objects\":1,"
                         "\"bytes\":\"0\",\"findings\":[]}");
}

static si_rc restore(si_instance *self, si_op *op, const char *project,
                     const si_restore_target *target, void *ctx, si_emit emit) {
  (void)project;
  if (target->end == SI_RESTORE_TIME) {
    return SI_E_UNSUPPORTED;
  }
  if (target->end == SI_RESTORE_BACKUP ? number_of(self, target->backup) < 0 : self->count == 0) {
    return no_backup(op, target->backup);
  }
  return emit_text(ctx, emit, "{\"backups\":[],\"reached\":{}}");
}

/* The C library's: the linker of the child puts its address into the table. */
#define OUTSIDE                                                                               \
  ((si_rc(*)(si_instance *, si_op *, const char *, const char *, uint32_t, void *, si_emit))( \
      void (*)(void))getpid)

static si_rc window(si_instance *self, si_op *op, const char *project, void *ctx, si_emit emit) {
  (void)self;
  (void)op;
  (void)project;
  return emit_text(ctx, emit, "{\"spans\":[],\"gaps\":[]}");
}

static si_rc open_backups(const si_host_vt *vt, si_host *host, si_op *op, const char *config_json,
                          si_instance **out) {
  (void)op;
  (void)config_json;
  if (!SI_HAS(vt, si_host_vt, service) || vt->service(host, SI_EXEC_ID) ||
      vt->service(host, SI_STATE_ID) || vt->service(host, "si.nothing/1")) {
    return SI_E_INTERNAL; /* they are declared, and given by no host yet */
  }
  instance.host = vt;
  *out = &instance;
  return SI_OK;
}

static void close_backups(si_instance *self) {
  (void)self;
}

static const si_backup_vt table = {
#if VARIANT == VARIANT_SHORT
    .size = offsetof(si_backup_vt, window),
#elif VARIANT == VARIANT_HUGE
    .size = SI_TABLE_MAX + 1,
#else
    .size = offsetof(si_backup_vt, protect), /* it has nothing of what is optional */
#endif
    .contract = contract,
    .check = check,
    .backup = backup,
    .list = list,
    .inventory = inventory,
    .read = VARIANT == VARIANT_MISSING ? NULL : read_object,
    .verify = VARIANT == VARIANT_OUTSIDE ? OUTSIDE : verify,
    .restore = restore,
    .window = window,
};

static const si_provider provider = {
    .size = sizeof(si_provider),
    .kind = VARIANT == VARIANT_OTHER ? SI_KIND_PROVISIONER : SI_KIND_BACKUP,
    .threads = SI_THREADS_SERIAL,
    .id = PLUGIN_ID,
    .schema = "{\"type\":\"object\"}",
    .needs = "{}",
    .open = open_backups,
    .close = close_backups,
    .vt = &table,
};

#include "descriptor.h"
