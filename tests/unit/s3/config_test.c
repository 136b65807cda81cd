/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of the store `s3` is strict, and its credentials come from where it says. */
#include "kit/bucket/config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/base/json.h"
#include "kit/bucket/credentials.h"
#include "kit/bucket/ini.h"
#include "tests/unit/s3/bucket.h"
#include "tests/unit/unit.h"

#define OK "\"bucket\":\"my-bucket\",\"auth\":\"environment\""
#define VAULT "\"bucket\":\"my-bucket\",\"auth\":\"vault\""

static const char *const good[] = {
    "{" OK "}",
    "{" OK ",\"prefix\":\"\"}",
    "{" OK ",\"prefix\":\"a/b-c/d.e\",\"region\":\"eu-central-1\"}",
    "{" OK ",\"endpoint\":\"http://127.0.0.1:8000\",\"allow_http\":true}",
    "{" OK ",\"server_side_encryption\":\"aws:kms\",\"kms_key_id\":\"k\"}",
    "{" OK
    ",\"part_size\":5242880,\"connections\":8,\"max_attempts\":10,"
    "\"connect_timeout_ms\":100,\"max_object_bytes\":1,\"ca_file\":\"/x\"}",
    "{" VAULT ",\"access_key_id\":\"A\",\"secret_access_key\":\"vault:S\"}",
    "{" VAULT
    ",\"access_key_id\":\"vault:I\",\"secret_access_key\":\"vault:S\","
    "\"session_token\":\"vault:T\"}",
    "{\"bucket\":\"b.c-d1\",\"auth\":\"file\",\"auth_file\":\"/"
    "x\",\"profile\":\"p\"}",
    "{" OK ",\"proxy\":\"http://proxy.corp:3128\"}",
};

static const struct {
  const char *config, *field;
  si_rc status;
} bad[] = {
    {"", "", SI_E_INVALID},
    {"[]", "", SI_E_INVALID},
    {"{}", "/bucket", SI_E_INVALID},
    {"{\"bucket\":\"my-bucket\"}", "/auth", SI_E_INVALID},
    {"{\"bucket\":7,\"auth\":\"environment\"}", "/bucket", SI_E_INVALID},
    {"{\"bucket\":\"\",\"auth\":\"environment\"}", "/bucket", SI_E_INVALID},
    {"{\"bucket\":\"ab\",\"auth\":\"environment\"}", "/bucket", SI_E_INVALID},
    {"{\"bucket\":\"My-bucket\",\"auth\":\"environment\"}", "/bucket", SI_E_INVALID},
    {"{\"bucket\":\"a..b\",\"auth\":\"environment\"}", "/bucket", SI_E_INVALID},
    {"{\"bucket\":\"-ab\",\"auth\":\"environment\"}", "/bucket", SI_E_INVALID},
    {"{\"bucket\":\"ab-\",\"auth\":\"environment\"}", "/bucket", SI_E_INVALID},
    {"{\"bucket\":\"a_b\",\"auth\":\"environment\"}", "/bucket", SI_E_INVALID},
    {"{\"bucket\":\"a/b\",\"auth\":\"environment\"}", "/bucket", SI_E_INVALID},
    {"{\"bucket\":\"192.168.1.1\",\"auth\":\"environment\"}", "/bucket", SI_E_INVALID},
    {"{" OK ",\"bucktet\":1}", "/bucktet", SI_E_INVALID},
    {"{" OK ",\"region\":\"\"}", "/region", SI_E_INVALID},
    {"{" OK ",\"region\":\"a b\"}", "", SI_E_INVALID},
    {"{" OK ",\"prefix\":\"/a\"}", "/prefix", SI_E_INVALID},
    {"{" OK ",\"prefix\":\"a/\"}", "/prefix", SI_E_INVALID},
    {"{" OK ",\"prefix\":\"a/../b\"}", "/prefix", SI_E_INVALID},
    {"{" OK ",\"endpoint\":\"ftp://x\"}", "/endpoint", SI_E_INVALID},
    {"{" OK ",\"endpoint\":\"http://x\"}", "/endpoint", SI_E_REFUSED},
    {"{" OK ",\"endpoint\":\"https://x/path\"}", "", SI_E_INVALID},
    {"{" OK ",\"endpoint\":\"https://u@x\"}", "", SI_E_INVALID},
    {"{" OK ",\"allow_http\":\"true\"}", "/allow_http", SI_E_INVALID},
    {"{" OK ",\"force_path_style\":1}", "/force_path_style", SI_E_INVALID},
    {"{" OK ",\"ca_file\":\"x\"}", "/ca_file", SI_E_INVALID},
    {"{" OK ",\"proxy\":\"https://proxy:1\"}", "/proxy", SI_E_INVALID},
    {"{" OK ",\"proxy\":\"http://\"}", "/proxy", SI_E_INVALID},
    {"{" OK ",\"proxy\":\"http://proxy/x\"}", "/proxy", SI_E_INVALID},
    {"{" OK ",\"proxy\":\"http://user:word@proxy:1\"}", "/proxy", SI_E_REFUSED},
    {"{" OK ",\"server_side_encryption\":\"rot13\"}", "/server_side_encryption", SI_E_INVALID},
    {"{" OK ",\"kms_key_id\":\"k\"}", "/kms_key_id", SI_E_INVALID},
    {"{" OK ",\"part_size\":5242879}", "/part_size", SI_E_INVALID},
    {"{" OK ",\"part_size\":67108865}", "/part_size", SI_E_INVALID},
    {"{" OK ",\"part_size\":\"8388608\"}", "/part_size", SI_E_INVALID},
    {"{" OK ",\"connections\":0}", "/connections", SI_E_INVALID},
    {"{" OK ",\"connections\":9}", "/connections", SI_E_INVALID},
    {"{" OK ",\"max_attempts\":11}", "/max_attempts", SI_E_INVALID},
    {"{" OK ",\"max_object_bytes\":0}", "/max_object_bytes", SI_E_INVALID},
    {"{" OK ",\"object_lock\":{\"mode\":\"governance\"}}", "/object_lock", SI_E_UNSUPPORTED},
    {"{" OK ",\"object_lock_mode\":\"governance\"}", "/object_lock_mode", SI_E_UNSUPPORTED},
    {"{" OK ",\"access_key_id\":\"A\"}", "/auth", SI_E_INVALID},
    {"{" OK ",\"profile\":\"p\"}", "/auth", SI_E_INVALID},
    {"{\"bucket\":\"abc\",\"auth\":\"none\"}", "/auth", SI_E_INVALID},
    {"{\"bucket\":\"abc\",\"auth\":\"file\"}", "/auth_file", SI_E_INVALID},
    {"{\"bucket\":\"abc\",\"auth\":\"file\",\"auth_file\":\"x\"}", "/auth_file", SI_E_INVALID},
    {"{" VAULT ",\"secret_access_key\":\"vault:S\"}", "/access_key_id", SI_E_INVALID},
    {"{" VAULT ",\"access_key_id\":\"A\"}", "/secret_access_key", SI_E_INVALID},
    {"{" VAULT ",\"access_key_id\":\"vault:\",\"secret_access_key\":\"vault:S\"}", "/access_key_id",
     SI_E_REFUSED},
    {"{" VAULT ",\"access_key_id\":\"A\",\"secret_access_key\":\"wJalrX\"}", "/secret_access_key",
     SI_E_REFUSED},
    {"{" VAULT ",\"access_key_id\":\"A\",\"secret_access_key\":\"vault:s\"}", "/secret_access_key",
     SI_E_REFUSED},
    {"{" OK ",\"session_token\":\"T\"}", "/session_token", SI_E_REFUSED},
    {"{" OK ",\"session_token\":\"vault:T\"}", "/auth", SI_E_INVALID},
};

static const struct bucket_secret environment[] = {
    {"env:AWS_ACCESS_KEY_ID", "AKENV"}, {"env:AWS_SECRET_ACCESS_KEY", "secret"}, {NULL, NULL}};

static void a_configuration_is_checked_member_by_member(void) {
  struct si_bucket_config config;
  struct si_error error;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    CU_ASSERT_EQUAL(si_bucket_config_read("s3", good[i], &config, &error), SI_OK);
  }
  bucket_secrets = environment;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    si_instance *none = NULL;
    si_op op = {.status = SI_OK};
    si_rc status = bucket_open(bad[i].config, &op, &none);
    if (status != bad[i].status || strcmp(op.field, bad[i].field) != 0) {
      fprintf(stderr, "  %s: %d at \"%s\": %s\n", bad[i].config, status, op.field, op.message);
    }
    CU_ASSERT_EQUAL(status, bad[i].status);
    CU_ASSERT_EQUAL(op.status, bad[i].status);
    CU_ASSERT_STRING_EQUAL(op.field, bad[i].field);
    CU_ASSERT(op.message[0] != '\0');
    CU_ASSERT_PTR_NULL(none);
    bucket_close(none);
  }
}

static void what_is_left_out_has_its_default(void) {
  struct si_bucket_config c;
  CU_ASSERT_EQUAL_FATAL(si_bucket_config_read("s3", good[0], &c, NULL), SI_OK);
  CU_ASSERT_STRING_EQUAL(c.region, "us-east-1");
  CU_ASSERT_STRING_EQUAL(c.profile, "default");
  CU_ASSERT_EQUAL(c.part_size, 8 << 20);
  CU_ASSERT_EQUAL(c.connections, 8);
  CU_ASSERT_EQUAL(c.max_attempts, 6);
  CU_ASSERT_EQUAL(c.max_object_bytes, UINT64_MAX);
  CU_ASSERT_FALSE(c.path_style || c.allow_http);
}

/* The schema names what the code takes, and nothing else. */
static void the_schema_and_the_code_agree(void) {
  cJSON *schema SI_AUTO(si_json_free) = NULL;
  CU_ASSERT_EQUAL_FATAL(si_json_parse(si_bucket_schema, strlen(si_bucket_schema), &schema, NULL),
                        SI_OK);
  int count = 0;
  for (const cJSON *m = si_json_get(schema, "properties")->child; m; m = m->next) {
    char config[256];
    struct si_bucket_config c;
    struct si_error error;
    snprintf(config, sizeof config, "{\"%s\":null}", m->string);
    CU_ASSERT_EQUAL(si_bucket_config_read("s3", config, &c, &error), SI_E_INVALID);
    CU_ASSERT_PTR_NULL(strstr(error.message, "is not a setting"));
    count++;
  }
  CU_ASSERT_EQUAL(count, 21);
  CU_ASSERT_EQUAL(bucket_provider()->threads, SI_THREADS_PARALLEL);
  CU_ASSERT_EQUAL(bucket_provider()->caps, SI_CAP_ARTIFACT_REMOVE | SI_CAP_ARTIFACT_UNFINISHED);
  CU_ASSERT_EQUAL(si_plugin_v1()->draft, SI_ABI_DRAFT);
}

/* --- the file of credentials --- */

#define KEYS "aws_access_key_id = AK\naws_secret_access_key=S=/+\n"

static void a_file_of_credentials_is_read_by_profile(void) {
  static const struct {
    const char *text, *profile;
    si_rc status;
    const char *id, *secret, *token;
  } cases[] = {
      {"[default]\n" KEYS, "default", SI_OK, "AK", "S=/+", NULL},
      {"[other]\nx=y\n[ p ]\r\n" KEYS "aws_session_token =\tT \r\n", "p", SI_OK, "AK", "S=/+", "T"},
      {"# c\n; d\n\n[p]\nregion = x\ns3 =\n  aws_access_key_id = no\n" KEYS, "p", SI_OK, "AK",
       "S=/+", NULL},
      {KEYS "[p]\nx=y", "p", SI_OK, NULL, NULL, NULL},
      {"[p]\n" KEYS "[q]\naws_access_key_id=Q\n", "q", SI_OK, "Q", NULL, NULL},
      {"[default]\n" KEYS, "p", SI_E_NOT_FOUND, NULL, NULL, NULL},
      {"", "p", SI_E_NOT_FOUND, NULL, NULL, NULL},
      {"[p]\n" KEYS KEYS, "p", SI_E_INVALID, NULL, NULL, NULL},
      {"[p\n", "p", SI_E_INVALID, NULL, NULL, NULL},
      {"[p]\nnonsense SECRET\n", "p", SI_E_INVALID, NULL, NULL, NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_bucket_ini ini = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    struct si_error error = {.status = SI_OK};
    CU_ASSERT_EQUAL(
        si_bucket_ini_read(cases[i].text, strlen(cases[i].text), cases[i].profile, &ini, &error),
        cases[i].status);
    CU_ASSERT_PTR_NULL(strstr(error.message, "SECRET")); /* no line is ever shown */
    const struct {
      struct si_bucket_piece got;
      const char *want;
    } pairs[] = {{ini.access_key_id, cases[i].id},
                 {ini.secret_access_key, cases[i].secret},
                 {ini.session_token, cases[i].token}};
    for (size_t k = 0; k < 3; k++) {
      CU_ASSERT_EQUAL(pairs[k].got.data == NULL, pairs[k].want == NULL);
      CU_ASSERT(!pairs[k].want ||
                (pairs[k].got.len == strlen(pairs[k].want) &&
                 memcmp(pairs[k].got.data, pairs[k].want, pairs[k].got.len) == 0));
    }
  }
}

static si_rc get_from(const char *path, struct si_error *error) {
  struct si_bucket_config config;
  struct si_bucket_credentials credentials SI_AUTO(si_bucket_credentials_free) = {
      {NULL, 0, 0}, {NULL, 0, 0}, {NULL, 0, 0}};
  char text[512];
  si_op op = {.status = SI_OK};
  snprintf(text, sizeof text, "{\"bucket\":\"abc\",\"auth\":\"file\",\"auth_file\":\"%s\"}", path);
  CU_ASSERT_EQUAL_FATAL(si_bucket_config_read("s3", text, &config, error), SI_OK);
  si_rc status = si_bucket_credentials_get(&config, &bucket_vt, &op, &credentials, error);
  if (status == SI_OK) {
    CU_ASSERT_STRING_EQUAL((const char *)credentials.access_key_id.data, "AK");
    CU_ASSERT_STRING_EQUAL((const char *)credentials.secret_access_key.data, "S=/+");
  }
  return status;
}

static void a_file_of_credentials_must_be_private(void) {
  char dir[] = "/tmp/s3-config-XXXXXX", path[64], link[64];
  struct si_error error = {.status = SI_OK};
  CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
  snprintf(path, sizeof path, "%s/c", dir);
  snprintf(link, sizeof link, "%s/l", dir);
  CU_ASSERT_EQUAL(get_from(path, &error), SI_E_NOT_FOUND);
  FILE *f = fopen(path, "w");
  CU_ASSERT_PTR_NOT_NULL_FATAL(f);
  fputs("[default]\n" KEYS, f);
  fclose(f);
  static const mode_t open_modes[] = {0640, 0604, 0620, 0610, 0677};
  for (size_t i = 0; i < sizeof open_modes / sizeof *open_modes; i++) {
    CU_ASSERT_EQUAL(chmod(path, open_modes[i]), 0);
    CU_ASSERT_EQUAL(get_from(path, &error), SI_E_REFUSED);
    CU_ASSERT_STRING_EQUAL(error.target, "/auth_file");
  }
  CU_ASSERT_EQUAL(chmod(path, 0600), 0);
  CU_ASSERT_EQUAL(get_from(path, &error), SI_OK);
  CU_ASSERT_EQUAL(symlink(path, link), 0);
  CU_ASSERT_EQUAL(get_from(link, &error), SI_E_REFUSED);
  CU_ASSERT_EQUAL(unlink(link), 0);
  CU_ASSERT_EQUAL(mkfifo(link, 0600), 0);
  CU_ASSERT_EQUAL(get_from(link, &error), SI_E_REFUSED); /* and does not hang */
  CU_ASSERT_EQUAL(get_from(dir, &error), SI_E_REFUSED);
  CU_ASSERT_EQUAL(truncate(path, 70000), 0);
  CU_ASSERT_EQUAL(get_from(path, &error), SI_E_QUOTA);
  unlink(link);
  unlink(path);
  rmdir(dir);
}

static void secrets_come_from_the_host(void) {
  static const struct bucket_secret vault[] = {{"I", "AKV"}, {"S", "s"}, {"T", "t"}, {NULL, NULL}};
  struct si_bucket_config config;
  struct si_error error;
  si_op op = {.status = SI_OK};
  struct si_bucket_credentials got = {{NULL, 0, 0}, {NULL, 0, 0}, {NULL, 0, 0}};
  bucket_secrets = vault;
  CU_ASSERT_EQUAL_FATAL(si_bucket_config_read("s3", good[7], &config, &error), SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_bucket_credentials_get(&config, &bucket_vt, &op, &got, &error), SI_OK);
  CU_ASSERT_STRING_EQUAL((const char *)got.access_key_id.data, "AKV");
  CU_ASSERT_STRING_EQUAL((const char *)got.session_token.data, "t");
  si_bucket_credentials_free(&got);
  CU_ASSERT_EQUAL_FATAL(si_bucket_config_read("s3", good[0], &config, &error), SI_OK);
  CU_ASSERT_EQUAL(si_bucket_credentials_get(&config, &bucket_vt, &op, &got, &error),
                  SI_E_NOT_FOUND);
  bucket_secrets = environment;
  CU_ASSERT_EQUAL(si_bucket_credentials_get(&config, &bucket_vt, &op, &got, &error), SI_OK);
  CU_ASSERT_STRING_EQUAL((const char *)got.access_key_id.data, "AKENV");
  CU_ASSERT_EQUAL(got.session_token.len, 0);
  si_bucket_credentials_free(&got);
}

UNIT_MAIN("artifact store: s3, configuration", UNIT(a_configuration_is_checked_member_by_member),
          UNIT(what_is_left_out_has_its_default), UNIT(the_schema_and_the_code_agree),
          UNIT(a_file_of_credentials_is_read_by_profile),
          UNIT(a_file_of_credentials_must_be_private), UNIT(secrets_come_from_the_host))
