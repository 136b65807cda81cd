/* SPDX-License-Identifier: Apache-2.0 */
/* core/host/descriptor.h: the tables of a backup provider, and of an artifact provider that
 * promises retention, are copied where they can be right and refused by name where they cannot.
 * What the plugin owns is said here, in place of the loader. R74, R75. */
#include <stdio.h>
#include <string.h>

#include "core/host/descriptor.h"
#include "core/host/loader.h"
#include "tests/unit/unit.h"

/* All that the plugin has: what lies in here, or is one of its functions. */
static struct {
  si_plugin plugin;
  si_provider provider;
  const si_provider *providers[2];
  char texts[16];
  si_backup_vt backup;
  si_artifact_vt store;
  si_retention_vt retention;
  char behind[SI_TABLE_MAX]; /* what is in no table */
  si_backup_vt last;
} own;

static si_rc own_function(void) {
  return SI_OK;
}

static const void *answer; /* of the plugin's extension() */
static int asked;

static const void *extension(const char *id) {
  asked += strcmp(id, SI_RETENTION_ID) == 0;
  return answer;
}

static si_rc strange_function(void) {
  return SI_OK;
}

typedef si_rc (*function)(void);

static bool is_function(const void *address) {
  function own_one = own_function;
  const void *(*own_other)(const char *) = extension;
  const void *code[2];
  memcpy(&code[0], &own_one, sizeof own_one);
  memcpy(&code[1], &own_other, sizeof own_other);
  return address == code[0] || address == code[1];
}

size_t si_loader_room(const void *address) {
  const char *at = address, *end = (const char *)(&own + 1);
  return at >= (const char *)&own && at < end ? (size_t)(end - at) : is_function(address) ? 1 : 0;
}

bool si_loader_code(const void *address) {
  return is_function(address);
}

static void put_function(void *table, size_t at, function f) {
  memcpy((char *)table + at, &f, sizeof f);
}

static void fill(void *table, size_t from, size_t size) {
  for (size_t at = from; at < size; at += sizeof(function)) {
    put_function(table, at, own_function);
  }
}

/* A plugin that is right in everything. */
static void begin(uint32_t kind, const void *vt) {
  memset(&own, 0, sizeof own);
  snprintf(own.texts, sizeof own.texts, "x");
  own.plugin = (si_plugin){.magic = SI_ABI_MAGIC,
                           .size = sizeof(si_plugin),
                           .abi_major = SI_ABI_MAJOR,
                           .draft = SI_ABI_DRAFT,
                           .id = own.texts,
                           .version = own.texts,
                           .license = own.texts,
                           .build = own.texts,
                           .providers = own.providers};
  own.providers[0] = &own.provider;
  own.provider = (si_provider){.size = sizeof(si_provider),
                               .kind = kind,
                               .id = own.texts,
                               .schema = own.texts,
                               .needs = own.texts,
                               .vt = vt};
  put_function(&own.provider, offsetof(si_provider, open), own_function);
  put_function(&own.provider, offsetof(si_provider, close), own_function);
  own.backup.size = sizeof own.backup;
  fill(&own.backup, offsetof(si_backup_vt, contract), sizeof own.backup);
  own.store.size = sizeof own.store;
  fill(&own.store, offsetof(si_artifact_vt, sink_open), sizeof own.store);
  own.retention.size = sizeof own.retention;
  fill(&own.retention, offsetof(si_retention_vt, sink_open), sizeof own.retention);
  answer = NULL;
  asked = 0;
}

static struct si_descriptor descriptor;
static struct si_error error;

/* The refusal's code, or "". */
static const char *verdict(uint32_t kind) {
  const struct si_tree_entry entry = {.id = "x", .sha256 = "0"};
  memset(&error, 0, sizeof error);
  memset(&descriptor, 0x55, sizeof descriptor);
  return si_descriptor_read(&own.plugin, &entry, kind, &descriptor, &error) == SI_OK ? ""
                                                                                     : error.code;
}

static void refused(uint32_t kind, const char *code, const char *words) {
  CU_ASSERT_STRING_EQUAL(verdict(kind), code);
  if (!strstr(error.message, words)) {
    printf("  \"%s\" is not in: %s\n", words, error.message);
    CU_FAIL("it was refused for another reason");
  }
}

static void begin_backup(void) {
  begin(SI_KIND_BACKUP, &own.backup);
}

static void begin_store(void) {
  begin(SI_KIND_ARTIFACT, &own.store);
  own.provider.caps = SI_CAP_ARTIFACT_RETENTION;
  own.provider.extension = extension;
  answer = &own.retention;
}

/* --- a backup provider --- */

static void a_whole_table_is_copied(void) {
  begin_backup();
  CU_ASSERT_STRING_EQUAL(verdict(SI_KIND_BACKUP), "");
  CU_ASSERT_EQUAL(memcmp(&descriptor.vt.backup, &own.backup, sizeof own.backup), 0);
}

static void a_table_that_ends_with_the_required_members_has_no_others(void) {
  begin_backup();
  own.backup.size = offsetof(si_backup_vt, protect);
  put_function(&own.backup, offsetof(si_backup_vt, expire), strange_function); /* behind its end */
  CU_ASSERT_STRING_EQUAL(verdict(SI_KIND_BACKUP), "");
  CU_ASSERT(descriptor.vt.backup.window == own.backup.window);
  CU_ASSERT(descriptor.vt.backup.protect == NULL);
  CU_ASSERT(descriptor.vt.backup.expire == NULL);
}

static void a_size_that_cannot_be_is_refused(void) {
  static const uint32_t sizes[] = {0,
                                   8,
                                   offsetof(si_backup_vt, window),
                                   offsetof(si_backup_vt, protect) - 1,
                                   SI_TABLE_MAX + 1,
                                   UINT32_MAX};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    begin_backup();
    own.backup.size = sizes[i];
    refused(SI_KIND_BACKUP, "PLUGIN_TABLE", "the backup provider's table says it is");
  }
}

/* A newer plugin's table is longer than this si's: what it has more is not looked at. */
static void a_longer_table_is_cut(void) {
  begin_backup();
  own.backup.size = SI_TABLE_MAX;
  CU_ASSERT_STRING_EQUAL(verdict(SI_KIND_BACKUP), "");
}

static void a_table_that_says_more_than_there_is_is_refused(void) {
  begin_backup();
  own.last = own.backup;
  own.provider.vt = &own.last;
  CU_ASSERT_STRING_EQUAL(verdict(SI_KIND_BACKUP), "");
  own.last.size = sizeof own.last + 8;
  refused(SI_KIND_BACKUP, "PLUGIN_TABLE", "the backup provider's table ends outside the plugin");
}

static void a_table_begins_where_one_can(void) {
  begin_backup();
  own.provider.vt = (const char *)&own.backup + 1;
  refused(SI_KIND_BACKUP, "PLUGIN_TABLE", "no table of its kind");
}

static void a_text_ends_within_the_plugin(void) {
  begin_backup();
  memset(&own.last, 'x', sizeof own.last);
  own.provider.schema = (const char *)&own.last;
  refused(SI_KIND_BACKUP, "PLUGIN_TABLE", "a provider's schema is no text of the plugin's");
}

static void data_is_no_function(void) {
  begin_backup();
  const void *data = own.texts;
  memcpy((char *)&own.backup + offsetof(si_backup_vt, contract), &data, sizeof data);
  refused(SI_KIND_BACKUP, "PLUGIN_TABLE",
          "member 1 of the backup provider's table points to no code");
}

static void each_required_member_must_be_there_and_each_optional_may(void) {
  for (size_t at = offsetof(si_backup_vt, contract); at < sizeof own.backup;
       at += sizeof(function)) {
    begin_backup();
    put_function(&own.backup, at, NULL);
    if (at < offsetof(si_backup_vt, protect)) {
      char words[80];
      snprintf(words, sizeof words, "member %zu of the backup provider's table is missing",
               (at - offsetof(si_backup_vt, contract)) / sizeof(function) + 1);
      refused(SI_KIND_BACKUP, "PLUGIN_TABLE", words);
    } else {
      CU_ASSERT_STRING_EQUAL(verdict(SI_KIND_BACKUP), "");
    }
  }
}

static void no_member_may_point_outside_the_plugin(void) {
  for (size_t at = offsetof(si_backup_vt, contract); at < sizeof own.backup;
       at += sizeof(function)) {
    begin_backup();
    put_function(&own.backup, at, strange_function);
    refused(SI_KIND_BACKUP, "PLUGIN_TABLE", "points to no code of the plugin");
  }
}

static void the_table_itself_must_be_the_plugins(void) {
  static si_backup_vt elsewhere;
  begin_backup();
  elsewhere = own.backup;
  own.provider.vt = &elsewhere;
  refused(SI_KIND_BACKUP, "PLUGIN_TABLE", "no table of its kind");
}

static void another_kind_is_no_backup_provider(void) {
  begin_backup();
  refused(SI_KIND_PROVISIONER, "PLUGIN_KIND", "listed as a provisioner provider, and has none");
  begin_store();
  refused(SI_KIND_BACKUP, "PLUGIN_KIND", "listed as a backup provider, and has none");
}

static void a_kind_of_a_later_si_is_refused(void) {
  static const uint32_t kinds[] = {0, SI_KIND_BACKUP + 1, UINT32_MAX};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    begin(kinds[i], &own.backup);
    refused(kinds[i], "PLUGIN_KIND", "this si has no providers of kind");
  }
}

/* --- the extension of a store --- */

static void retention_that_is_promised_is_copied(void) {
  begin_store();
  CU_ASSERT_STRING_EQUAL(verdict(SI_KIND_ARTIFACT), "");
  CU_ASSERT_EQUAL(asked, 1);
  CU_ASSERT_EQUAL(memcmp(&descriptor.retention, &own.retention, sizeof own.retention), 0);
}

static void retention_that_is_not_promised_is_not_asked_for(void) {
  begin_store();
  own.provider.caps = SI_CAP_ARTIFACT_REMOVE;
  CU_ASSERT_STRING_EQUAL(verdict(SI_KIND_ARTIFACT), "");
  CU_ASSERT_EQUAL(asked, 0);
  CU_ASSERT_EQUAL(descriptor.retention.size, 0);
}

/* The bit means retention among an artifact provider's capabilities alone. */
static void a_backup_providers_capabilities_are_its_own(void) {
  begin_backup();
  own.provider.caps = SI_CAP_ARTIFACT_RETENTION;
  CU_ASSERT_STRING_EQUAL(verdict(SI_KIND_BACKUP), "");
  CU_ASSERT_EQUAL(descriptor.retention.size, 0);
}

static void retention_that_cannot_be_asked_for_is_refused(void) {
  static si_retention_vt elsewhere;
  begin_store();
  own.provider.extension = NULL;
  refused(SI_KIND_ARTIFACT, "PLUGIN_TABLE", "promises si.retention/1 and has no table");
  begin_store();
  own.provider.size = offsetof(si_provider, extension);
  refused(SI_KIND_ARTIFACT, "PLUGIN_TABLE", "promises si.retention/1 and has no table");
  begin_store();
  answer = NULL;
  refused(SI_KIND_ARTIFACT, "PLUGIN_TABLE", "promises si.retention/1 and has no table");
  begin_store();
  elsewhere = own.retention;
  answer = &elsewhere;
  refused(SI_KIND_ARTIFACT, "PLUGIN_TABLE", "promises si.retention/1 and has no table");
  begin_store();
  put_function(&own.provider, offsetof(si_provider, extension), strange_function);
  refused(SI_KIND_ARTIFACT, "PLUGIN_TABLE", "points to no code of the plugin");
}

static void a_retention_table_is_held_to_its_shape(void) {
  static const uint32_t sizes[] = {0, sizeof(si_retention_vt) - 1, SI_TABLE_MAX + 1};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    begin_store();
    own.retention.size = sizes[i];
    refused(SI_KIND_ARTIFACT, "PLUGIN_TABLE", "the table of si.retention/1 says it is");
  }
  for (size_t at = offsetof(si_retention_vt, sink_open); at < sizeof own.retention;
       at += sizeof(function)) {
    begin_store();
    put_function(&own.retention, at, NULL);
    refused(SI_KIND_ARTIFACT, "PLUGIN_TABLE", "is missing");
    begin_store();
    put_function(&own.retention, at, strange_function);
    refused(SI_KIND_ARTIFACT, "PLUGIN_TABLE", "points to no code of the plugin");
  }
}

static void what_it_says_of_itself_names_its_extensions(void) {
  const struct si_tree_entry entry = {.id = "x", .sha256 = "0"};
  struct si_buf json SI_AUTO(si_buf_free) = SI_BUF(4096);
  begin_store();
  CU_ASSERT_STRING_EQUAL(verdict(SI_KIND_ARTIFACT), "");
  CU_ASSERT_EQUAL(si_descriptor_json(&descriptor, &entry, &json), SI_OK);
  CU_ASSERT_PTR_NOT_NULL(strstr(si_buf_text(&json), "\"extensions\":[\"si.retention/1\"]}"));
  si_buf_clear(&json);
  begin_backup();
  CU_ASSERT_STRING_EQUAL(verdict(SI_KIND_BACKUP), "");
  CU_ASSERT_EQUAL(si_descriptor_json(&descriptor, &entry, &json), SI_OK);
  CU_ASSERT_PTR_NOT_NULL(strstr(si_buf_text(&json), "\"kind\":\"backup\""));
  CU_ASSERT_PTR_NOT_NULL(strstr(si_buf_text(&json), "\"extensions\":[]}"));
}

UNIT_MAIN("host_descriptor", UNIT(a_whole_table_is_copied),
          UNIT(a_table_that_ends_with_the_required_members_has_no_others),
          UNIT(a_size_that_cannot_be_is_refused), UNIT(a_longer_table_is_cut),
          UNIT(a_table_that_says_more_than_there_is_is_refused), UNIT(a_table_begins_where_one_can),
          UNIT(a_text_ends_within_the_plugin), UNIT(data_is_no_function),
          UNIT(each_required_member_must_be_there_and_each_optional_may),
          UNIT(no_member_may_point_outside_the_plugin), UNIT(the_table_itself_must_be_the_plugins),
          UNIT(another_kind_is_no_backup_provider), UNIT(a_kind_of_a_later_si_is_refused),
          UNIT(retention_that_is_promised_is_copied),
          UNIT(retention_that_is_not_promised_is_not_asked_for),
          UNIT(a_backup_providers_capabilities_are_its_own),
          UNIT(retention_that_cannot_be_asked_for_is_refused),
          UNIT(a_retention_table_is_held_to_its_shape),
          UNIT(what_it_says_of_itself_names_its_extensions))
