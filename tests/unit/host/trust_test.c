/* SPDX-License-Identifier: Apache-2.0 */
/* core/host/trust.h, seal.h, resolve.h: the operator's document is read strictly, and decides which
 * plugin may be loaded; everything else is refused by name. R74. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/host/resolve.h"
#include "core/host/seal.h"
#include "kit/base/text.h"
#include "tests/unit/unit.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define DOC(rest) "{\"schema\":\"si.trust/1\"" rest "}"
#define PIN(id)                                                                                \
  "{\"path\":\"/opt/x/one.so\",\"sha256\":\"" ZEROS "\",\"id\":\"" id                          \
  "\",\"kinds\":[\"artifact\"],\"needs\":{},\"abi\":\"1.0\",\"license\":\"MIT\",\"added_at\":" \
  "\"2026-11-20T20:15:01.042Z\"}"

/* --- the document --- */

static const char *code_of(const char *text) {
  static struct si_error error;
  struct si_plugin_trust trust SI_AUTO(si_plugin_trust_free) = {NULL};
  error = (struct si_error){.code = ""};
  si_rc status = si_plugin_trust_parse(text, strlen(text), &trust, &error);
  CU_ASSERT_EQUAL(status == SI_OK, trust.document != NULL);
  return error.code;
}

static void only_what_is_known_is_taken(void) {
  static const char *const good[] = {
      DOC(""),
      DOC(",\"trust\":\"listed\""),
      DOC(",\"trust\":\"signed\",\"enterprise_dir\":\"/opt/e\""),
      DOC(",\"keys\":[],\"pins\":[],\"deny\":[],\"serials\":{}"),
      DOC(",\"pins\":[" PIN("one") "," PIN("two") "]"),
      DOC(",\"deny\":[{\"sha256\":\"" ZEROS "\"},{\"key\":\"0123456789abcdef\"}]"),
      DOC(",\"serials\":{\"oss\":1,\"enterprise\":9007199254740991}"),
  };
  static const char *const bad[] = {
      "",
      "[]",
      "{}",
      "{\"schema\":\"si.trust/2\"}",
      DOC(",\"else\":1"),
      DOC(",\"trust\":\"none\""),
      DOC(",\"trust\":1"),
      DOC(",\"trust\":\"listed\",\"trust\":\"listed\""),
      DOC(",\"enterprise_dir\":\"opt/e\""),
      DOC(",\"enterprise_dir\":\"\""),
      DOC(",\"keys\":{}"),
      DOC(",\"keys\":[1]"),
      DOC(",\"keys\":[{\"id\":\"0123456789abcdef\",\"public_key\":\"" ZEROS
          "\",\"trees\":[\"oss\"]}]"), /* an id that is not that key's */
      DOC(",\"pins\":[{}]"),
      DOC(",\"pins\":[" PIN("one") "," PIN("one") "]"),
      DOC(",\"pins\":[" PIN("One") "]"),
      DOC(",\"deny\":[{}]"),
      DOC(",\"deny\":[{\"sha256\":\"12\"}]"),
      DOC(",\"deny\":[{\"key\":\"12\"}]"),
      DOC(",\"deny\":[{\"id\":\"one\"}]"),
      DOC(",\"deny\":[{\"sha256\":\"" ZEROS "\",\"key\":\"0123456789abcdef\"}]"),
      DOC(",\"serials\":{\"oss\":0}"),
      DOC(",\"serials\":{\"oss\":1.5}"),
      DOC(",\"serials\":{\"oss\":\"1\"}"),
      DOC(",\"serials\":{\"pins\":1}"),
      DOC("") " ,",
  };
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    CU_ASSERT_STRING_EQUAL(code_of(good[i]), "");
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    if (strcmp(code_of(bad[i]), "PLUGIN_TRUST_INVALID") != 0) {
      printf("  taken: %s\n", bad[i]);
      CU_FAIL("what is not known was taken");
    }
  }
}

static void a_pin_is_whole_or_refused(void) {
  static const struct {
    const char *from;
    const char *to;
  } cases[] = {
      {"/opt/x/one.so", "opt/x/one.so"},
      {"/opt/x/one.so", "/opt/x/one.la"},
      {"/opt/x/one.so", "/opt/x/one"},
      {"/opt/x/one.so", "/opt/x/"},
      {ZEROS, "12"},
      {"[\"artifact\"]", "[]"},
      {"[\"artifact\"]", "[1]"},
      {"\"needs\":{}", "\"needs\":[]"},
      {"\"abi\":\"1.0\",", ""},
      {"\"license\":\"MIT\",", ""},
      {"2026-11-20", "20-11-2026"},
      {"\"abi\"", "\"more\":1,\"abi\""},
      {"\"abi\"", "\"file\":\"x.so\",\"abi\""},
  };
  static const char whole[] = DOC(",\"pins\":[" PIN("one") "]");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[1024];
    const char *at = strstr(whole, cases[i].from);
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - whole), whole, cases[i].to,
             at + strlen(cases[i].from));
    if (strcmp(code_of(text), "PLUGIN_TRUST_INVALID") != 0) {
      printf("  taken: %s\n", text);
      CU_FAIL("a pin that is not whole was taken");
    }
  }
}

/* --- a world: <home>/{plugins.json, oss/, enterprise/, pins/} --- */

static const uint8_t secrets[2][SI_SIGN_KEY] = {{1}, {2}};

struct world {
  char home[64];
  char file[96];
  char hash[SI_SHA256_HEX]; /* of "plugin" */
  char ids[2][SI_KEY_ID_SIZE];
  char keys[2][2 * SI_SIGN_KEY + 1];
  char trust[4096]; /* what the document says */
};

static void put(const struct world *world, const char *name, const char *text) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", world->home, name);
  int fd SI_AUTO(si_close) = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  CU_ASSERT_FATAL(fd >= 0 && si_write_all(fd, text, strlen(text)) == 0);
}

static void put_manifest(const struct world *world, const char *dir, const char *tree, int serial,
                         const char *id) {
  char name[64], text[1024];
  snprintf(name, sizeof name, "%s/manifest.json", dir);
  snprintf(text, sizeof text,
           "{\"schema\":\"si.plugins/1\",\"tree\":\"%s\",\"serial\":%d,\"plugins\":[{\"id\":\"%s\","
           "\"file\":\"%s.so\",\"sha256\":\"%s\",\"kinds\":[\"artifact\"],\"needs\":{\"a\":[1],"
           "\"b\":{}},\"abi\":\"1.0\",\"license\":\"MIT\"}]}",
           tree, serial, id, id, world->hash);
  put(world, name, text);
}

static void sign(const struct world *world, const char *dir, size_t key) {
  struct si_buf seal SI_AUTO(si_buf_free) = SI_BUF(4096);
  struct si_tree tree SI_AUTO(si_tree_close) = {.fd = -1};
  struct si_error error;
  char path[128], name[64];
  snprintf(path, sizeof path, "%s/%s", world->home, dir);
  CU_ASSERT_EQUAL_FATAL(si_tree_open(path, &tree, &error), SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_seal_make(secrets[key], tree.sha256, &seal), SI_OK);
  snprintf(name, sizeof name, "%s/manifest.sig", dir);
  put(world, name, seal.data);
}

static void drop(const struct world *world, const char *name) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", world->home, name);
  (void)remove(path);
}

/* Two trees that are as they should be; key 0 is the enterprise tree's, key 1 the OSS tree's. */
static void begin(struct world *world) {
  char path[128];
  static const char *const dirs[] = {"oss", "enterprise", "pins"};
  memset(world, 0, sizeof *world);
  si_copy(world->home, sizeof world->home, "/tmp/si-trust-XXXXXX");
  CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(world->home));
  for (size_t i = 0; i < 3; i++) {
    snprintf(path, sizeof path, "%s/%s", world->home, dirs[i]);
    CU_ASSERT_EQUAL_FATAL(mkdir(path, 0755), 0);
  }
  CU_ASSERT_EQUAL_FATAL(si_sha256_hex("plugin", 6, world->hash), SI_OK);
  for (size_t i = 0; i < 2; i++) {
    uint8_t key[SI_SIGN_KEY];
    CU_ASSERT_EQUAL_FATAL(si_sign_public(secrets[i], key), SI_OK);
    CU_ASSERT_EQUAL_FATAL(si_plugin_key_id(key, world->ids[i]), SI_OK);
    si_hex(key, sizeof key, world->keys[i]);
  }
  snprintf(world->file, sizeof world->file, "%s/plugins.json", world->home);
  put_manifest(world, "oss", "oss", 1, "one");
  put_manifest(world, "enterprise", "enterprise", 1, "worm");
  put(world, "oss/one.so", "plugin");
  put(world, "enterprise/worm.so", "plugin");
  sign(world, "enterprise", 0);
}

static void end(struct world *world) {
  static const char *const names[] = {"oss/manifest.json",
                                      "oss/manifest.sig",
                                      "oss/one.so",
                                      "oss",
                                      "enterprise/manifest.json",
                                      "enterprise/manifest.sig",
                                      "enterprise/worm.so",
                                      "enterprise",
                                      "pins/mine.so",
                                      "pins",
                                      "plugins.json",
                                      "plugins.json.lock",
                                      "link.json",
                                      ""};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    drop(world, names[i]);
  }
  CU_ASSERT(access(world->home, F_OK) != 0);
}

/* The document: both keys, the enterprise tree, and `more`. */
static void say(struct world *world, const char *more) {
  snprintf(world->trust, sizeof world->trust,
           DOC(",\"enterprise_dir\":\"%s/enterprise\",\"keys\":[{\"id\":\"%s\",\"public_key\":\"%s"
               "\",\"trees\":[\"enterprise\"]},{\"id\":\"%s\",\"public_key\":\"%s\",\"trees\":["
               "\"oss\"]}]%s"),
           world->home, world->ids[0], world->keys[0], world->ids[1], world->keys[1], more);
}

static void expect(const struct world *world, const char *what, const char *id, const char *code) {
  struct si_plugin_trust trust SI_AUTO(si_plugin_trust_free) = {NULL};
  struct si_plugins plugins SI_AUTO(si_plugins_close) = {.sources = NULL};
  struct si_plugin_choice choice;
  struct si_error error = {.code = ""};
  char dir[128];
  snprintf(dir, sizeof dir, "%s/oss", world->home);
  CU_ASSERT_EQUAL_FATAL(si_plugin_trust_parse(world->trust, strlen(world->trust), &trust, &error),
                        SI_OK);
  si_rc status = si_plugins_open(dir, &trust, &plugins, &error);
  status =
      status == SI_OK ? si_plugins_find(&plugins, id, SI_KIND_ARTIFACT, &choice, &error) : status;
  if (strcmp(error.code, code) != 0 || (status == SI_OK) != (code[0] == '\0')) {
    printf("  %s: \"%s\", \"%s\" was to come\n", what, error.code, code);
    CU_FAIL("another verdict than this was to come");
  }
  CU_ASSERT(status == SI_OK || (error.status == status && error.message[0] && error.hint[0]));
  CU_ASSERT(status != SI_OK || strcmp(choice.entry.id, id) == 0);
}

/* --- signatures --- */

static void the_enterprise_tree_is_signed_by_its_own_key(void) {
  struct world world;
  char text[256], seal[256];
  begin(&world);
  say(&world, "");
  expect(&world, "as it is", "worm", "");
  expect(&world, "the other tree", "one", "");

  drop(&world, "enterprise/manifest.sig");
  expect(&world, "no signature", "worm", "PLUGIN_SIGNATURE_MISSING");
  expect(&world, "the other tree", "one", "");
  sign(&world, "enterprise", 1);
  expect(&world, "another tree's key", "worm", "PLUGIN_KEY_UNTRUSTED");
  sign(&world, "enterprise", 0);
  put_manifest(&world, "enterprise", "enterprise", 2, "worm");
  expect(&world, "another manifest", "worm", "PLUGIN_SIGNATURE_WRONG");
  sign(&world, "enterprise", 0);
  expect(&world, "signed anew", "worm", "");

  snprintf(world.trust, sizeof world.trust, DOC(",\"enterprise_dir\":\"%s/enterprise\""),
           world.home);
  expect(&world, "a key that nobody knows", "worm", "PLUGIN_KEY_UNTRUSTED");
  snprintf(text, sizeof text, ",\"deny\":[{\"key\":\"%s\"}]", world.ids[0]);
  say(&world, text);
  expect(&world, "a denied key", "worm", "PLUGIN_KEY_DENIED");

  say(&world, "");
  static const char *const bad[] = {"", "{}", "[]", "{\"schema\":\"si.plugins.sig/1\"}"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    put(&world, "enterprise/manifest.sig", bad[i]);
    expect(&world, "no signature at all", "worm", "PLUGIN_SIGNATURE_INVALID");
  }
  snprintf(seal, sizeof seal,
           "{\"schema\":\"si.plugins.sig/1\",\"algorithm\":\"none\",\"key\":\"%s\",\"value\":"
           "\"" ZEROS ZEROS "\"}",
           world.ids[0]);
  put(&world, "enterprise/manifest.sig", seal);
  expect(&world, "another algorithm", "worm", "PLUGIN_SIGNATURE_INVALID");
  snprintf(seal, sizeof seal,
           "{\"schema\":\"si.plugins.sig/1\",\"algorithm\":\"ed25519\",\"key\":\"%s\",\"value\":"
           "\"" ZEROS ZEROS "\"}",
           world.ids[0]);
  put(&world, "enterprise/manifest.sig", seal);
  expect(&world, "zeros", "worm", "PLUGIN_SIGNATURE_WRONG");
  end(&world);
}

static void the_oss_tree_is_signed_where_that_is_asked_for(void) {
  struct world world;
  begin(&world);
  say(&world, ",\"trust\":\"signed\"");
  expect(&world, "no signature", "one", "PLUGIN_SIGNATURE_MISSING");
  sign(&world, "oss", 0);
  expect(&world, "the enterprise tree's key", "one", "PLUGIN_KEY_UNTRUSTED");
  sign(&world, "oss", 1);
  expect(&world, "its own key", "one", "");
  say(&world, ",\"trust\":\"listed\"");
  drop(&world, "oss/manifest.sig");
  expect(&world, "not asked for", "one", "");
  end(&world);
}

/* --- which tree, which edition, which of two --- */

static void a_tree_stands_in_its_own_place(void) {
  struct world world;
  begin(&world);
  say(&world, "");
  put_manifest(&world, "oss", "enterprise", 1, "one");
  expect(&world, "enterprise in OSS", "one", "PLUGIN_ENTERPRISE_IN_OSS");
  expect(&world, "the other tree", "worm", "");
  put_manifest(&world, "oss", "oss", 1, "one");
  put_manifest(&world, "enterprise", "oss", 1, "worm");
  sign(&world, "enterprise", 0);
  expect(&world, "OSS in enterprise", "worm", "PLUGIN_OSS_IN_ENTERPRISE");
  expect(&world, "the other tree", "one", "");
  end(&world);
}

static void an_older_edition_is_refused(void) {
  struct world world;
  begin(&world);
  put_manifest(&world, "oss", "oss", 6, "one");
  put_manifest(&world, "enterprise", "enterprise", 4, "worm");
  sign(&world, "enterprise", 0);
  say(&world, ",\"serials\":{\"oss\":6,\"enterprise\":4}");
  expect(&world, "the one seen", "one", "");
  expect(&world, "the one seen", "worm", "");
  say(&world, ",\"serials\":{\"oss\":7,\"enterprise\":5}");
  expect(&world, "older than seen", "one", "PLUGIN_SERIAL");
  expect(&world, "older than seen", "worm", "PLUGIN_SERIAL");
  say(&world, ",\"serials\":{\"enterprise\":5}");
  expect(&world, "each tree has its own", "one", "");
  end(&world);
}

static void say_pin(struct world *world, const char *id, const char *name, const char *more) {
  char text[1024];
  snprintf(text, sizeof text,
           ",\"pins\":[{\"path\":\"%s/pins/%s\",\"sha256\":\"%s\",\"id\":\"%s\",\"kinds\":["
           "\"artifact\"],\"needs\":{},\"abi\":\"1.0\",\"license\":\"MIT\",\"added_at\":"
           "\"2026-11-20T20:15:01.042Z\"}]%s",
           world->home, name, world->hash, id, more);
  say(world, text);
}

static void an_id_stands_in_one_place(void) {
  struct world world;
  begin(&world);
  put_manifest(&world, "enterprise", "enterprise", 1, "one");
  sign(&world, "enterprise", 0);
  say(&world, "");
  expect(&world, "in both trees", "one", "PLUGIN_ID_TWICE");
  drop(&world, "enterprise/manifest.sig");
  expect(&world, "in one that is not trusted, too", "one", "PLUGIN_ID_TWICE");
  put_manifest(&world, "enterprise", "enterprise", 1, "worm");
  sign(&world, "enterprise", 0);
  say_pin(&world, "one", "mine.so", "");
  expect(&world, "in a tree and pinned", "one", "PLUGIN_ID_TWICE");
  expect(&world, "another id", "worm", "");
  end(&world);
}

static void a_tree_that_cannot_be_read_stops_all(void) {
  struct world world;
  begin(&world);
  say(&world, "");
  put(&world, "enterprise/manifest.json", "{");
  expect(&world, "its ids are not known", "one", "PLUGIN_MANIFEST_INVALID");
  drop(&world, "enterprise/manifest.json");
  expect(&world, "its ids are not known", "one", "PLUGIN_MANIFEST_UNREADABLE");
  end(&world);
}

static void what_is_not_listed_or_denied_is_refused(void) {
  struct world world;
  char text[256];
  begin(&world);
  say(&world, "");
  put(&world, "oss/worm2.so", "plugin");
  put(&world, "enterprise/worm3.so", "plugin");
  expect(&world, "nobody lists it", "worm2", "PLUGIN_NOT_LISTED");
  expect(&world, "nobody lists it", "worm3", "PLUGIN_NOT_LISTED");
  expect(&world, "nobody has it", "worm4", "PLUGIN_NOT_FOUND");
  drop(&world, "oss/worm2.so");
  drop(&world, "enterprise/worm3.so");
  snprintf(text, sizeof text, ",\"deny\":[{\"sha256\":\"%s\"}]", world.hash);
  say(&world, text);
  expect(&world, "a denied file", "one", "PLUGIN_DENIED");
  expect(&world, "a denied file", "worm", "PLUGIN_DENIED");
  say_pin(&world, "mine", "mine.so", text);
  expect(&world, "a denied pin", "mine", "PLUGIN_DENIED");
  end(&world);
}

static void kinds_are_granted_one_by_one(void) {
  struct si_plugin_trust trust SI_AUTO(si_plugin_trust_free) = {NULL};
  struct si_plugins plugins SI_AUTO(si_plugins_close) = {.sources = NULL};
  struct si_plugin_choice choice;
  struct si_error error;
  struct world world;
  char dir[128];
  begin(&world);
  say_pin(&world, "mine", "mine.so", "");
  snprintf(dir, sizeof dir, "%s/oss", world.home);
  CU_ASSERT_EQUAL_FATAL(si_plugin_trust_parse(world.trust, strlen(world.trust), &trust, &error),
                        SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_plugins_open(dir, &trust, &plugins, &error), SI_OK);
  CU_ASSERT_EQUAL(si_plugins_count(&plugins), 3);
  static const char *const ids[] = {"one", "worm", "mine"};
  for (size_t i = 0; i < 3; i++) {
    CU_ASSERT_EQUAL(si_plugins_find(&plugins, ids[i], 0, &choice, &error), SI_OK);
    CU_ASSERT_EQUAL((size_t)choice.source->origin, i);
    CU_ASSERT_EQUAL(si_plugins_find(&plugins, ids[i], SI_KIND_PROVISIONER, &choice, &error),
                    SI_E_INVALID);
    CU_ASSERT_STRING_EQUAL(error.code, "PLUGIN_KIND");
  }
  end(&world);
}

/* --- pins and files --- */

static const char *open_code(const struct world *world, const char *id) {
  static struct si_error error;
  struct si_plugin_trust trust SI_AUTO(si_plugin_trust_free) = {NULL};
  struct si_plugins plugins SI_AUTO(si_plugins_close) = {.sources = NULL};
  struct si_plugin_choice choice;
  int fd SI_AUTO(si_close) = -1;
  char dir[128];
  error = (struct si_error){.code = ""};
  snprintf(dir, sizeof dir, "%s/oss", world->home);
  si_rc status = si_plugin_trust_parse(world->trust, strlen(world->trust), &trust, &error);
  status = status == SI_OK ? si_plugins_open(dir, &trust, &plugins, &error) : status;
  status = status == SI_OK ? si_plugins_find(&plugins, id, 0, &choice, &error) : status;
  if (status == SI_OK) {
    status = si_plugin_open(&choice.source->tree, &choice.entry, &fd, &error);
  }
  CU_ASSERT_EQUAL(status == SI_OK, fd >= 0);
  return error.code;
}

static void a_pin_is_checked_as_a_listed_file_is(void) {
  struct world world;
  char path[128], target[128], dir[128];
  begin(&world);
  say_pin(&world, "mine", "mine.so", "");
  snprintf(dir, sizeof dir, "%s/pins", world.home);
  snprintf(path, sizeof path, "%s/pins/mine.so", world.home);
  snprintf(target, sizeof target, "%s/oss/one.so", world.home);
  CU_ASSERT_STRING_EQUAL(open_code(&world, "mine"), "PLUGIN_UNREADABLE");
  put(&world, "pins/mine.so", "other!");
  CU_ASSERT_STRING_EQUAL(open_code(&world, "mine"), "PLUGIN_HASH");
  put(&world, "pins/mine.so", "plugin");
  CU_ASSERT_STRING_EQUAL(open_code(&world, "mine"), "PLUGIN_ELF"); /* all but that is right */
  CU_ASSERT_EQUAL(chmod(path, 0664), 0);
  CU_ASSERT_STRING_EQUAL(open_code(&world, "mine"), "PLUGIN_WRITABLE");
  CU_ASSERT_EQUAL(chmod(path, 0644), 0);
  CU_ASSERT_EQUAL(chmod(dir, 0775), 0);
  CU_ASSERT_STRING_EQUAL(open_code(&world, "mine"), "PLUGIN_DIR_WRITABLE");
  CU_ASSERT_EQUAL(chmod(dir, 0755), 0);
  CU_ASSERT(unlink(path) == 0 && symlink(target, path) == 0);
  CU_ASSERT_STRING_EQUAL(open_code(&world, "mine"), "PLUGIN_SYMLINK");
  CU_ASSERT_STRING_EQUAL(open_code(&world, "one"), "PLUGIN_ELF"); /* the others are left alone */
  if (geteuid() == 0) {
    CU_ASSERT_EQUAL(chown(dir, 12345, 12345), 0);
    CU_ASSERT_STRING_EQUAL(open_code(&world, "mine"), "PLUGIN_DIR_OWNER");
  }
  end(&world);
}

static void needs_are_compared_as_values(void) {
  static const struct {
    const char *told;
    const char *code;
  } cases[] = {{"{\"a\":[1],\"b\":{}}", ""},
               {" { \"b\" : {}, \"a\" : [ 1 ] } ", ""},
               {"{\"a\":[1]}", "PLUGIN_NEEDS"},
               {"{\"a\":[1],\"b\":{},\"c\":1}", "PLUGIN_NEEDS"},
               {"{\"a\":[2],\"b\":{}}", "PLUGIN_NEEDS"},
               {"{}", "PLUGIN_NEEDS"},
               {"", "PLUGIN_NEEDS"},
               {"no JSON", "PLUGIN_NEEDS"}};
  cJSON *needs SI_AUTO(si_json_free) = NULL;
  struct si_error error;
  CU_ASSERT_EQUAL_FATAL(si_json_parse(cases[0].told, strlen(cases[0].told), &needs, &error), SI_OK);
  const struct si_tree_entry entry = {.id = "one", .needs = needs};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    error = (struct si_error){.code = ""};
    CU_ASSERT_EQUAL(si_plugin_needs_equal(&entry, cases[i].told, &error) == SI_OK,
                    cases[i].code[0] == '\0');
    CU_ASSERT_STRING_EQUAL(error.code, cases[i].code);
  }
}

/* --- the document's file --- */

static const char *load_code(const char *path) {
  static struct si_error error;
  struct si_plugin_trust trust SI_AUTO(si_plugin_trust_free) = {NULL};
  error = (struct si_error){.code = ""};
  si_rc status = si_plugin_trust_load(path, &trust, &error);
  CU_ASSERT_EQUAL(status == SI_OK, trust.document != NULL);
  return error.code;
}

static void the_file_is_the_operators_alone(void) {
  struct world world;
  char link[128];
  begin(&world);
  CU_ASSERT_STRING_EQUAL(load_code(NULL), "");
  CU_ASSERT_STRING_EQUAL(load_code(""), "");
  CU_ASSERT_STRING_EQUAL(load_code(world.file), ""); /* not there */
  put(&world, "plugins.json", DOC(""));
  static const mode_t modes[] = {0644, 0640, 0620, 0602, 0604, 0610};
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    CU_ASSERT_EQUAL(chmod(world.file, modes[i]), 0);
    CU_ASSERT_STRING_EQUAL(load_code(world.file), "PLUGIN_TRUST_UNSAFE");
  }
  CU_ASSERT_EQUAL(chmod(world.file, 0600), 0);
  CU_ASSERT_STRING_EQUAL(load_code(world.file), "");
  CU_ASSERT_EQUAL(chmod(world.home, 0770), 0);
  CU_ASSERT_STRING_EQUAL(load_code(world.file), "PLUGIN_TRUST_UNSAFE");
  CU_ASSERT_EQUAL(chmod(world.home, 0700), 0);
  snprintf(link, sizeof link, "%s/link.json", world.home);
  CU_ASSERT_EQUAL(symlink("plugins.json", link), 0);
  CU_ASSERT_STRING_EQUAL(load_code(link), "PLUGIN_TRUST_UNSAFE");
  if (geteuid() == 0) {
    CU_ASSERT_EQUAL(chown(world.file, 12345, 12345), 0);
    CU_ASSERT_STRING_EQUAL(load_code(world.file), "PLUGIN_TRUST_UNSAFE");
    CU_ASSERT_EQUAL(chown(world.file, 0, 0), 0);
  }
  put(&world, "plugins.json", "{");
  CU_ASSERT_STRING_EQUAL(load_code(world.file), "PLUGIN_TRUST_INVALID");
  end(&world);
}

static void what_is_written_can_be_read(void) {
  struct si_plugin_trust trust SI_AUTO(si_plugin_trust_free) = {NULL};
  struct si_plugin_trust again SI_AUTO(si_plugin_trust_free) = {NULL};
  struct si_error error;
  struct world world;
  struct stat st;
  int lock SI_AUTO(si_close) = -1;
  begin(&world);
  say(&world, "");
  CU_ASSERT_EQUAL_FATAL(si_plugin_trust_parse(world.trust, strlen(world.trust), &trust, &error),
                        SI_OK);
  CU_ASSERT_EQUAL(si_plugin_trust_lock(world.file, &lock, &error), SI_OK);
  CU_ASSERT_EQUAL(si_plugin_trust_serial(&trust, true), 1);
  CU_ASSERT_EQUAL(si_plugin_trust_set_serial(&trust, true, 7), SI_OK);
  CU_ASSERT_EQUAL(si_plugin_trust_set_serial(&trust, true, 8), SI_OK);
  CU_ASSERT_EQUAL(si_plugin_trust_save(world.file, &trust, &error), SI_OK);
  CU_ASSERT(stat(world.file, &st) == 0 && (st.st_mode & 07777) == 0600);
  CU_ASSERT_EQUAL_FATAL(si_plugin_trust_load(world.file, &again, &error), SI_OK);
  CU_ASSERT_EQUAL(si_plugin_trust_serial(&again, true), 8);
  CU_ASSERT_EQUAL(si_plugin_trust_serial(&again, false), 1);
  /* What could not be read again is not written. */
  CU_ASSERT_EQUAL(si_plugin_trust_add(&trust, "pins", cJSON_CreateObject()), SI_OK);
  CU_ASSERT_NOT_EQUAL(si_plugin_trust_save(world.file, &trust, &error), SI_OK);
  CU_ASSERT_STRING_EQUAL(load_code(world.file), "");
  end(&world);
}

UNIT_MAIN("host trust", UNIT(only_what_is_known_is_taken), UNIT(a_pin_is_whole_or_refused),
          UNIT(the_enterprise_tree_is_signed_by_its_own_key),
          UNIT(the_oss_tree_is_signed_where_that_is_asked_for),
          UNIT(a_tree_stands_in_its_own_place), UNIT(an_older_edition_is_refused),
          UNIT(an_id_stands_in_one_place), UNIT(a_tree_that_cannot_be_read_stops_all),
          UNIT(what_is_not_listed_or_denied_is_refused), UNIT(kinds_are_granted_one_by_one),
          UNIT(a_pin_is_checked_as_a_listed_file_is), UNIT(needs_are_compared_as_values),
          UNIT(the_file_is_the_operators_alone), UNIT(what_is_written_can_be_read))
