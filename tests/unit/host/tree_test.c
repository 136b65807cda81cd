/* SPDX-License-Identifier: Apache-2.0 */
/* core/host/tree.h: a plugin is trusted by its manifest, its hash and who may write it, before a
 * line of it runs; everything else is refused by name. R74. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/host/tree.h"
#include "kit/base/text.h"
#include "tests/unit/unit.h"

#define ENTRY(id, file, hash)                                   \
  "{\"id\":\"" id "\",\"file\":\"" file "\",\"sha256\":\"" hash \
  "\",\"kinds\":[\"provisioner\"],\"needs\":{},\"abi\":\"1.0-draft4\",\"license\":\"MIT\"}"
#define TREE(entries) "{\"schema\":\"si.plugins/1\",\"serial\":1,\"plugins\":[" entries "]}"
/* Of the six bytes "plugin". */
#define HASH "3dbdc0445f8efbd9b9eccb2a5c50b7aa8ac1f1c0b8a6d9d1b7f1e0f2f8b6a5d4"
static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";

/* A tree of its own per case: <home>/top/tree. The home is below a directory that is trusted. */
struct world {
  char home[64];
  char dir[128];
  char hash[SI_SHA256_HEX];
};

static void put(const struct world *world, const char *name, const char *text, size_t len,
                mode_t mode) {
  char path[256];
  CU_ASSERT_FATAL(si_path_join(path, sizeof path, world->dir, name) == SI_OK);
  int fd SI_AUTO(si_close) = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  CU_ASSERT_FATAL(fd >= 0 && si_write_all(fd, text, len) == 0 && fchmod(fd, mode) == 0);
}

static void begin(struct world *world) {
  char top[96];
  si_copy(world->home, sizeof world->home, "/tmp/si-tree-XXXXXX");
  CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(world->home));
  snprintf(top, sizeof top, "%s/top", world->home);
  snprintf(world->dir, sizeof world->dir, "%s/tree", top);
  CU_ASSERT_FATAL(mkdir(top, 0755) == 0 && mkdir(world->dir, 0755) == 0);
  CU_ASSERT_EQUAL_FATAL(si_sha256_hex("plugin", 6, world->hash), SI_OK);
  put(world, "one.so", "plugin", 6, 0644);
}

static void end(const struct world *world) {
  char command_path[300];
  static const char *const files[] = {"top/tree/one.so",
                                      "top/tree/two.so",
                                      "top/tree/manifest.json",
                                      "top/tree/real.json",
                                      "top/tree",
                                      "top/link",
                                      "top",
                                      "link",
                                      "elsewhere.so",
                                      ""};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    snprintf(command_path, sizeof command_path, "%s/%s", world->home, files[i]);
    (void)remove(command_path);
  }
  CU_ASSERT(access(world->home, F_OK) != 0); /* each case cleans up */
}

static void put_manifest(const struct world *world) {
  char text[1024];
  int n = snprintf(text, sizeof text, TREE(ENTRY("one", "one.so", "%s")), world->hash);
  put(world, "manifest.json", text, (size_t)n, 0644);
}

/* Opens the tree, and verifies plugin "one": the first refusal's code, or "". */
static void verdict(const char *dir, char code[48]) {
  struct si_tree tree;
  struct si_tree_entry entry;
  struct si_error error = {.code = ""};
  int fd = -1;
  si_rc status = si_tree_open(dir, &tree, &error);
  if (status == SI_OK) {
    status = si_tree_find(&tree, "one", SI_KIND_PROVISIONER, &entry, &error);
    status = status == SI_OK ? si_tree_verify(&tree, &entry, &fd, &error) : status;
    si_tree_close(&tree);
  }
  CU_ASSERT_EQUAL(status == SI_OK, fd >= 0);
  CU_ASSERT(status == SI_OK || (error.status == status && error.message[0]));
  si_copy(code, 48, status == SI_OK ? "" : error.code);
  si_close(&fd);
}

static void expect(const struct world *world, const char *what, const char *code) {
  char found[48];
  verdict(world->dir, found);
  if (strcmp(found, code) != 0) {
    printf("  %s: \"%s\", \"%s\" was to come\n", what, found, code);
    CU_FAIL("another verdict than this was to come");
  }
}

/* --- the manifest --- */

static void a_manifest_that_is_none_is_refused(void) {
  static const struct {
    const char *what;
    const char *text;
    const char *code;
  } cases[] = {
      {"empty", "", "PLUGIN_MANIFEST_INVALID"},
      {"no JSON", "plugins", "PLUGIN_MANIFEST_INVALID"},
      {"no object", "[]", "PLUGIN_MANIFEST_INVALID"},
      {"another schema", "{\"schema\":\"si.plugins/2\",\"plugins\":[]}", "PLUGIN_MANIFEST_INVALID"},
      {"no list", "{\"schema\":\"si.plugins/1\"}", "PLUGIN_MANIFEST_INVALID"},
      {"an entry that is none", TREE("7"), "PLUGIN_MANIFEST_INVALID"},
      {"an entry without members", TREE("{}"), "PLUGIN_MANIFEST_INVALID"},
      {"a member twice", "{\"schema\":\"si.plugins/1\",\"plugins\":[],\"plugins\":[]}",
       "PLUGIN_MANIFEST_INVALID"},
      {"an id twice", TREE(ENTRY("one", "one.so", HASH) "," ENTRY("one", "two.so", HASH)),
       "PLUGIN_MANIFEST_INVALID"},
      {"a bad id", TREE(ENTRY("One", "one.so", HASH)), "PLUGIN_MANIFEST_INVALID"},
      {"a file elsewhere", TREE(ENTRY("one", "../one.so", HASH)), "PLUGIN_MANIFEST_INVALID"},
      {"an absolute file", TREE(ENTRY("one", "/tmp/one.so", HASH)), "PLUGIN_MANIFEST_INVALID"},
      {"a hidden file", TREE(ENTRY("one", ".one.so", HASH)), "PLUGIN_MANIFEST_INVALID"},
      {"a libtool archive", TREE(ENTRY("one", "one.la", HASH)), "PLUGIN_LIBTOOL"},
      {"no serial", "{\"schema\":\"si.plugins/1\",\"plugins\":[]}", "PLUGIN_MANIFEST_INVALID"},
      {"serial 0", "{\"schema\":\"si.plugins/1\",\"serial\":0,\"plugins\":[]}",
       "PLUGIN_MANIFEST_INVALID"},
      {"another tree", "{\"schema\":\"si.plugins/1\",\"tree\":\"x\",\"serial\":1,\"plugins\":[]}",
       "PLUGIN_MANIFEST_INVALID"},
      {"a tree that is no text",
       "{\"schema\":\"si.plugins/1\",\"tree\":1,\"serial\":1,\"plugins\":[]}",
       "PLUGIN_MANIFEST_INVALID"},
      {"nothing but .so", TREE(ENTRY("one", ".so", HASH)), "PLUGIN_MANIFEST_INVALID"},
      {"a short hash", TREE(ENTRY("one", "one.so", "ab")), "PLUGIN_MANIFEST_INVALID"},
      {"kinds of no text",
       TREE("{\"id\":\"one\",\"file\":\"one.so\",\"sha256\":\"" HASH
            "\",\"kinds\":[1],\"needs\":{},\"abi\":\"\",\"license\":\"\"}"),
       "PLUGIN_MANIFEST_INVALID"},
      {"no kinds",
       TREE("{\"id\":\"one\",\"file\":\"one.so\",\"sha256\":\"" HASH
            "\",\"kinds\":[],\"needs\":{},\"abi\":\"\",\"license\":\"\"}"),
       "PLUGIN_MANIFEST_INVALID"},
      {"needs that are no object",
       TREE("{\"id\":\"one\",\"file\":\"one.so\",\"sha256\":\"" HASH
            "\",\"kinds\":[\"provisioner\"],\"needs\":[],\"abi\":\"\",\"license\":\"\"}"),
       "PLUGIN_MANIFEST_INVALID"},
      {"nobody listed", TREE(""), "PLUGIN_NOT_LISTED"},
      {"another listed", TREE(ENTRY("two", "two.so", HASH)), "PLUGIN_NOT_LISTED"},
      {"another's hash", TREE(ENTRY("one", "one.so", HASH)), "PLUGIN_HASH"},
      {"a file that is not there", TREE(ENTRY("one", "gone.so", HASH)), "PLUGIN_UNREADABLE"},
      {"another kind",
       TREE("{\"id\":\"one\",\"file\":\"one.so\",\"sha256\":\"" HASH
            "\",\"kinds\":[\"artifact\"],\"needs\":{},\"abi\":\"\",\"license\":\"\"}"),
       "PLUGIN_KIND"},
  };
  struct world world;
  begin(&world);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    put(&world, "manifest.json", cases[i].text, strlen(cases[i].text), 0644);
    expect(&world, cases[i].what, cases[i].code);
  }
  put_manifest(&world);
  expect(&world, "the right one", "");
  end(&world);
}

static void a_manifest_is_bounded(void) {
  struct world world;
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(4 << 20);
  begin(&world);
  /* 200 plugins are read, 201 are not; nor is one byte beyond 1 MiB. */
  for (int count = 200; count < 202; count++) {
    si_buf_clear(&text);
    CU_ASSERT_EQUAL(si_buf_puts(&text, "{\"schema\":\"si.plugins/1\",\"serial\":1,\"plugins\":["),
                    SI_OK);
    for (int i = 0; i < count; i++) {
      CU_ASSERT_EQUAL(si_buf_printf(&text, "%s" ENTRY("%s%d", "one.so", "%s"), i ? "," : "",
                                    i ? "p" : "one", i, i ? zeros : world.hash),
                      SI_OK);
    }
    CU_ASSERT_EQUAL(si_buf_puts(&text, "]}"), SI_OK);
    put(&world, "manifest.json", text.data, text.len, 0644);
    expect(&world, "many plugins", count == 200 ? "PLUGIN_NOT_LISTED" : "PLUGIN_MANIFEST_INVALID");
  }
  si_buf_clear(&text);
  CU_ASSERT_EQUAL(si_buf_printf(&text, TREE(ENTRY("one", "one.so", "%s")), world.hash), SI_OK);
  while (text.len < 1 << 20) {
    CU_ASSERT_EQUAL_FATAL(si_buf_add(&text, " ", 1), SI_OK);
  }
  put(&world, "manifest.json", text.data, text.len, 0644);
  expect(&world, "1 MiB", "");
  CU_ASSERT_EQUAL(si_buf_add(&text, " ", 1), SI_OK);
  put(&world, "manifest.json", text.data, text.len, 0644);
  expect(&world, "1 MiB and a byte", "PLUGIN_MANIFEST_INVALID");
  end(&world);
}

/* --- who may change what --- */

static void what_others_can_change_is_refused(void) {
  static const struct {
    const char *what;
    const char *path; /* below the home */
    mode_t mode;
    const char *code;
  } cases[] = {
      {"the file by its group", "top/tree/one.so", 0664, "PLUGIN_WRITABLE"},
      {"the file by others", "top/tree/one.so", 0646, "PLUGIN_WRITABLE"},
      {"the manifest by its group", "top/tree/manifest.json", 0664, "PLUGIN_MANIFEST_WRITABLE"},
      {"the manifest by others", "top/tree/manifest.json", 0646, "PLUGIN_MANIFEST_WRITABLE"},
      {"the directory by its group", "top/tree", 0775, "PLUGIN_DIR_WRITABLE"},
      {"a parent by others", "top", 0757, "PLUGIN_DIR_WRITABLE"},
      {"a parent further up", "", 0777, "PLUGIN_DIR_WRITABLE"},
  };
  struct world world;
  begin(&world);
  put_manifest(&world);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char path[200];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", world.home, cases[i].path);
    CU_ASSERT_FATAL(stat(path, &st) == 0 && chmod(path, cases[i].mode) == 0);
    expect(&world, cases[i].what, cases[i].code);
    CU_ASSERT_EQUAL(chmod(path, st.st_mode & 07777), 0);
    expect(&world, "put right", "");
  }
  end(&world);
}

static void what_belongs_to_another_is_refused(void) {
  if (geteuid() != 0) {
    return; /* only root can give a file away */
  }
  static const struct {
    const char *path;
    const char *code;
  } cases[] = {{"top/tree/one.so", "PLUGIN_OWNER"},
               {"top/tree/manifest.json", "PLUGIN_MANIFEST_WRITABLE"},
               {"top/tree", "PLUGIN_DIR_OWNER"},
               {"top", "PLUGIN_DIR_OWNER"}};
  struct world world;
  begin(&world);
  put_manifest(&world);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char path[200];
    snprintf(path, sizeof path, "%s/%s", world.home, cases[i].path);
    CU_ASSERT_EQUAL_FATAL(chown(path, 12345, 12345), 0);
    expect(&world, cases[i].path, cases[i].code);
    CU_ASSERT_EQUAL_FATAL(chown(path, 0, 0), 0);
  }
  expect(&world, "put right", "");
  end(&world);
}

/* --- links, and what is no file --- */

static void no_link_leads_to_a_plugin(void) {
  struct world world;
  char link[200], target[200], found[48];
  begin(&world);
  put_manifest(&world);
  snprintf(link, sizeof link, "%s/top/link", world.home);
  CU_ASSERT_EQUAL_FATAL(symlink("tree", link), 0);
  verdict(link, found); /* the directory itself is one */
  CU_ASSERT_STRING_EQUAL(found, "PLUGIN_DIR_SYMLINK");
  snprintf(link, sizeof link, "%s/link", world.home);
  CU_ASSERT_EQUAL_FATAL(symlink("top", link), 0);
  snprintf(link, sizeof link, "%s/link/tree", world.home); /* a component above it */
  verdict(link, found);
  CU_ASSERT_STRING_EQUAL(found, "PLUGIN_DIR_SYMLINK");

  snprintf(link, sizeof link, "%s/one.so", world.dir);
  snprintf(target, sizeof target, "%s/elsewhere.so", world.home);
  CU_ASSERT_FATAL(rename(link, target) == 0 && symlink("../../elsewhere.so", link) == 0);
  expect(&world, "the plugin is a link", "PLUGIN_SYMLINK");
  CU_ASSERT_FATAL(rename(target, link) == 0);
  expect(&world, "the plugin is none", "");

  snprintf(link, sizeof link, "%s/manifest.json", world.dir);
  snprintf(target, sizeof target, "%s/real.json", world.dir);
  CU_ASSERT_FATAL(rename(link, target) == 0 && symlink("real.json", link) == 0);
  /* A link's own mode is 0777: it is refused before it is followed. */
  expect(&world, "the manifest is a link", "PLUGIN_MANIFEST_WRITABLE");
  end(&world);
}

static void only_a_regular_file_is_a_plugin(void) {
  struct world world;
  char path[200];
  begin(&world);
  put_manifest(&world);
  snprintf(path, sizeof path, "%s/one.so", world.dir);
  CU_ASSERT_FATAL(unlink(path) == 0 && mkfifo(path, 0644) == 0);
  expect(&world, "a pipe", "PLUGIN_NOT_REGULAR"); /* and it is not waited for */
  CU_ASSERT_FATAL(unlink(path) == 0 && mkdir(path, 0755) == 0);
  expect(&world, "a directory", "PLUGIN_NOT_REGULAR");
  end(&world);
}

static void every_changed_byte_is_found(void) {
  struct world world;
  begin(&world);
  put_manifest(&world);
  for (size_t i = 0; i < 6; i++) {
    char bytes[] = "plugin";
    bytes[i] ^= 1;
    put(&world, "one.so", bytes, 6, 0644);
    expect(&world, "a flipped bit", "PLUGIN_HASH");
  }
  put(&world, "one.so", "plugin", 5, 0644);
  expect(&world, "a byte less", "PLUGIN_HASH");
  put(&world, "one.so", "plugin\n", 7, 0644);
  expect(&world, "a byte more", "PLUGIN_HASH");
  put(&world, "one.so", "plugin", 6, 0644);
  expect(&world, "as it was", "");
  end(&world);
}

/* --- the directory --- */

static void a_directory_that_is_none_is_refused(void) {
  static const struct {
    const char *dir;
    const char *code;
  } cases[] = {
      {"", "PLUGIN_DIR_NOT_ABSOLUTE"},
      {"plugins", "PLUGIN_DIR_NOT_ABSOLUTE"},
      {"/nowhere/at/all", "PLUGIN_DIR_UNREADABLE"},
      {"/etc/passwd", "PLUGIN_DIR_UNREADABLE"},
      {"/etc", "PLUGIN_MANIFEST_UNREADABLE"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char found[48];
    verdict(cases[i].dir, found);
    if (strcmp(found, cases[i].code) != 0) {
      printf("  %s: %s\n", cases[i].dir, found);
      CU_FAIL("another verdict than this was to come");
    }
  }
}

static void a_plugin_of_no_name_is_not_found(void) {
  static const char *const names[] = {"", "two", "../one", "one.so", "ONE"};
  struct world world;
  struct si_tree tree;
  struct si_tree_entry entry;
  struct si_error error;
  begin(&world);
  put_manifest(&world);
  CU_ASSERT_EQUAL_FATAL(si_tree_open(world.dir, &tree, &error), SI_OK);
  CU_ASSERT_EQUAL(si_tree_count(&tree), 1);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    CU_ASSERT_EQUAL(si_tree_find(&tree, names[i], 0, &entry, &error), SI_E_NOT_FOUND);
    CU_ASSERT_STRING_EQUAL(error.code, "PLUGIN_NOT_FOUND");
  }
  CU_ASSERT_EQUAL(si_tree_find(&tree, "one", 0, &entry, &error), SI_OK);
  si_tree_close(&tree);
  end(&world);
}

UNIT_MAIN("host tree", UNIT(a_manifest_that_is_none_is_refused), UNIT(a_manifest_is_bounded),
          UNIT(what_others_can_change_is_refused), UNIT(what_belongs_to_another_is_refused),
          UNIT(no_link_leads_to_a_plugin), UNIT(only_a_regular_file_is_a_plugin),
          UNIT(every_changed_byte_is_found), UNIT(a_directory_that_is_none_is_refused),
          UNIT(a_plugin_of_no_name_is_not_found))
