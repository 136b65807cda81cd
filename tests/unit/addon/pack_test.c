/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/addon/pack_test.c - descriptors of packs are whole and have nothing else in them, and
 * settings are of their form.
 */
#include <stdio.h>
#include <string.h>

#include "paas/addon/setting.h"
#include "tests/unit/unit.h"

static void a_setting_is_of_its_form_alone(void) {
  static const struct {
    const char *form;
    const char *value;
    bool valid;
  } table[] = {
      {"image", "redis:7.4.1-alpine", true},
      {"image", "r.example:5000/a/b:1", true},
      {"image", "a@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", true},
      {"image", "a:1@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
       true},
      {"image", "redis", false},
      {"image", "redis:", false},
      {"image", "redis:latest", false},
      {"image", "r.example:5000/redis", false},
      {"image", "a@sha256:e3b0", false},
      {"image", "a:1@b", false},
      {"image", "a:1:2", false},
      {"image", "${IMAGE}:1", false},
      {"image", "a:1\n", false},
      {"service", "db_1.a", true},
      {"service", "-db", false},
      {"network", "Net", false},
      {"secret", "DB_PASSWORD", true},
      {"secret", "1A", false},
      {"secret", "A}$", false},
      {"word", "us-east-1", true},
      {"word", "a b", false},
      {"word", "", false},
      {"size", "512m", true},
      {"size", "0m", false},
      {"size", "512", false},
      {"size", "1gg", false},
      {"shape", "round", false},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    bool valid = si_setting_valid(table[i].form, table[i].value);
    if (valid != table[i].valid) {
      printf("\n%s %s is valid: %d\n", table[i].form, table[i].value, valid);
    }
    CU_ASSERT_EQUAL(valid, table[i].valid);
  }
}

#define HEAD \
  "{\"schema\":\"si.addon/1\",\"id\":\"a\",\"version\":\"1\",\"summary\":\"s\",\"use\":[],"
#define NONE "\"volumes\":[],\"networks\":[],\"secrets\":[],"
#define ONE "\"services\":[{\"name\":\"a\",\"run\":\"always\",\"about\":\"x\"}],"
#define SETTING(form, value, at)                                             \
  "\"settings\":[{\"name\":\"x\",\"form\":\"" form "\",\"default\":\"" value \
  "\",\"about\":\"x\","                                                      \
  "\"at\":[" at "]}]}"

static void a_descriptor_has_what_it_must_and_nothing_else(void) {
  static const struct {
    const char *text;
    bool valid;
  } table[] = {
      {HEAD NONE ONE "\"settings\":[]}", true},
      {HEAD NONE ONE SETTING("word", "w", "\"/services/a/user\""), true},
      {HEAD NONE ONE SETTING("word", "w w", "\"/services/a/user\""), false},
      {HEAD NONE ONE SETTING("shape", "w", "\"/services/a/user\""), false},
      {HEAD NONE ONE SETTING("word", "w", "\"services\""), false},
      {HEAD NONE ONE SETTING("word", "w", "1"), false},
      {HEAD NONE ONE SETTING("word", "w", ""), false},
      {HEAD NONE ONE "\"settings\":[],\"ports\":[]}", false},
      {HEAD NONE ONE "\"setting\":[]}", false},
      {HEAD NONE
       "\"services\":[{\"name\":\"a\",\"run\":\"never\",\"about\":\"x\"}],\"settings\":[]}",
       false},
      {HEAD NONE
       "\"services\":[{\"name\":\"A b\",\"run\":\"always\",\"about\":\"x\"}],\"settings\":[]}",
       false},
      {HEAD NONE "\"services\":[{\"name\":\"a\",\"run\":\"always\"}],\"settings\":[]}", false},
      {HEAD NONE
       "\"services\":[{\"name\":\"a\",\"run\":\"always\",\"about\":\"x\"},{\"name\":\"a\","
       "\"run\":\"asked\",\"about\":\"x\"}],\"settings\":[]}",
       false},
      {"[]", false},
      {"{}", false},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    cJSON *json SI_AUTO(si_json_free) = NULL;
    struct si_error error = {0};
    CU_ASSERT_EQUAL_FATAL(si_json_parse(table[i].text, strlen(table[i].text), &json, &error),
                          SI_OK);
    si_rc status = si_pack_check("a", json, &error);
    if (status != (table[i].valid ? SI_OK : SI_E_CORRUPT)) {
      printf("\n%s\n  %d %s\n", table[i].text, (int)status, error.message);
    }
    CU_ASSERT_EQUAL(status, table[i].valid ? SI_OK : SI_E_CORRUPT);
    CU_ASSERT_NOT_EQUAL(si_pack_check("b", json, NULL), SI_OK);
  }
}

/* No port, no latest, nothing in plain text: of the files that are installed. */
static si_rc look(void *ctx, const char *id) {
  struct si_pack pack SI_AUTO(si_pack_free) = {.id = ""};
  struct si_error error = {0};
  si_rc status = si_pack_open(SI_PACKS, id, &pack, &error);
  if (status == SI_E_AUTH) {
    return status; /* a checkout that others may write to */
  }
  if (status != SI_OK) {
    printf("\n%s: %s\n", id, error.message);
  }
  CU_ASSERT_EQUAL(status, SI_OK);
  ++*(size_t *)ctx;
  CU_ASSERT_PTR_NULL(strstr(si_buf_text(&pack.text), "ports:"));
  CU_ASSERT_PTR_NULL(strstr(si_buf_text(&pack.text), ":latest"));
  CU_ASSERT_PTR_NOT_NULL(strstr(si_buf_text(&pack.text), "cap_drop: [ALL]"));
  CU_ASSERT_PTR_NOT_NULL(strstr(si_buf_text(&pack.text), "no-new-privileges:true"));
  return SI_OK;
}

static void the_packs_are_five_and_none_has_a_port(void) {
  size_t count = 0;
  struct si_error error = {0};
  si_rc status = si_pack_list(SI_PACKS, &count, look, &error);
  CU_ASSERT(status == SI_OK || status == SI_E_AUTH);
  CU_ASSERT(status == SI_E_AUTH || count == 5);
}

UNIT_MAIN("add-on packs", UNIT(a_setting_is_of_its_form_alone),
          UNIT(a_descriptor_has_what_it_must_and_nothing_else),
          UNIT(the_packs_are_five_and_none_has_a_port))
