/* SPDX-License-Identifier: Apache-2.0 */
/* A repository's tree is read whole, within bounds, and nothing beside it (R15, R20, R30). */
#include "paas/doctor/repos.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/wait.h>

#include "paas/doctor/look.h"
#include "paas/doctor/walk.h"
#include "tests/unit/state/scratch.h"

#define CONTEXT "{\"schema\":\"si.context/1\"}\n"
#define SECRET "DB_PASSWORD=hunter2\n"

static char top[64];

static void path_of(char to[160], const char *name) {
  snprintf(to, 160, "%s/%s", top, name);
}

static void make_dir(const char *name) {
  char path[160];
  path_of(path, name);
  NEED(si_mkdir_path(path, 0755) == 0);
}

static void make_file(const char *dir, const char *name, const char *text) {
  char path[160];
  path_of(path, dir);
  make_dir(dir);
  scratch_file(path, name, text);
}

static void make_link(const char *name, const char *to) {
  char path[160];
  path_of(path, name);
  NEED(symlink(to, path) == 0);
}

/* Scans from `dir` below the top; counts of the repository that was found, or -1 where none was. */
static int scan(const char *dir, bool likely_only, const char *state, int kind, char *first,
                size_t size) {
  struct si_repos repos SI_AUTO(si_repos_free) = {.first = NULL};
  struct si_repo *repo = NULL;
  struct si_error error;
  char path[160];
  path_of(path, dir);
  const struct si_repos_scan request = {.dir = path, .likely_only = likely_only, .state = state};
  CU_ASSERT_EQUAL(si_repos_scan(&repos, &request, &repo, &error), SI_OK);
  if (!repo) {
    return -1;
  }
  if (first) {
    const struct si_hit *hit = &repo->hits[kind][0];
    snprintf(first, size, "%s", hit->path ? hit->path : "");
  }
  return (int)repo->counts[kind];
}

static void begin(void) {
  scratch_make(top);
  make_dir("repo/.git");
  make_file("repo/src", "main.c", "int main(void);\n");
  char path[160];
  path_of(path, "repo/src/main.c");
  NEED(chmod(path, 0644) == 0);
}

static void end(void) {
  scratch_remove(top);
}

static void private_files_are_found_wherever_they_stand(void) {
  char first[160];
  static const char *const places[] = {"repo", "repo/deep/er/still", "repo/sub", "repo/.hidden"};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    begin();
    make_file("repo/sub", ".git", "gitdir: ../.git/modules/sub\n"); /* a submodule */
    make_file(places[i], "data.txt", CONTEXT);
    CU_ASSERT_EQUAL(scan("repo/src", false, "", SI_HIT_ARTIFACT, first, sizeof first), 1);
    CU_ASSERT_STRING_EQUAL(first + strlen(first) - 8, "data.txt");
    /* From within a nested one the outermost is scanned. */
    CU_ASSERT_EQUAL(scan("repo/sub", false, "", SI_HIT_ARTIFACT, NULL, 0), 1);
    end();
  }
}

static void what_git_keeps_and_what_is_outside_is_left_alone(void) {
  begin();
  make_file("repo/.git", "config.json", CONTEXT);
  make_file("repo/.git/hooks", "x.env", SECRET);
  make_file("outside", "config.json", CONTEXT);
  make_link("repo/link", "../outside");
  CU_ASSERT_EQUAL(scan("repo", false, "", SI_HIT_ARTIFACT, NULL, 0), 0);
  CU_ASSERT_EQUAL(scan("repo", false, "", SI_HIT_EXPOSURE, NULL, 0), 0);
  CU_ASSERT_EQUAL(scan("repo", false, "", SI_HIT_LINK, NULL, 0), 0);
  CU_ASSERT_EQUAL(scan("outside", false, "", SI_HIT_ARTIFACT, NULL, 0), -1);
  end();
}

static void a_linked_work_tree_is_a_repository(void) {
  begin();
  make_file("linked", ".git", "gitdir: ../repo/.git/worktrees/linked\n");
  make_file("linked", "config.json", CONTEXT);
  CU_ASSERT_EQUAL(scan("linked", false, "", SI_HIT_ARTIFACT, NULL, 0), 1);
  end();
}

static void a_bare_repository_is_one_its_objects_are_passed_over(void) {
  begin();
  make_file("bare.git", "HEAD", "ref: refs/heads/main\n");
  make_dir("bare.git/refs");
  make_file("bare.git/objects", "config.json", CONTEXT);
  CU_ASSERT_EQUAL(scan("bare.git", false, "", SI_HIT_ARTIFACT, NULL, 0), 0);
  make_file("bare.git", "config.json", CONTEXT);
  CU_ASSERT_EQUAL(scan("bare.git/refs", false, "", SI_HIT_ARTIFACT, NULL, 0), 1);
  end();
}

static void a_link_into_the_state_is_told_and_not_followed(void) {
  char state[160];
  char first[160];
  begin();
  make_file("state", "config.json", CONTEXT);
  path_of(state, "state");
  make_link("repo/src/inside", "../../state/config.json");
  CU_ASSERT_EQUAL(scan("repo", false, state, SI_HIT_LINK, first, sizeof first), 1);
  CU_ASSERT_STRING_EQUAL(first, "src/inside");
  CU_ASSERT_EQUAL(scan("repo", false, state, SI_HIT_ARTIFACT, NULL, 0), 0);
  end();
}

static void the_state_itself_is_another_checks_business(void) {
  char state[160];
  begin();
  make_file("repo/state", "config.json", CONTEXT);
  make_file("repo/state2", "config.json", CONTEXT);
  path_of(state, "repo/state");
  CU_ASSERT_EQUAL(scan("repo", false, state, SI_HIT_ARTIFACT, NULL, 0), 1);
  end();
}

static void the_gate_opens_likely_files_alone(void) {
  begin();
  make_file("repo", "state.bin", CONTEXT);
  make_file("repo", "settings.json", "{\"password\":\"hunter2\"}\n");
  CU_ASSERT_EQUAL(scan("repo", true, "", SI_HIT_ARTIFACT, NULL, 0), 0);
  CU_ASSERT_EQUAL(scan("repo", true, "", SI_HIT_EXPOSURE, NULL, 0), 0);
  make_file("repo", "config.json", CONTEXT);
  make_file("repo", ".env", SECRET);
  CU_ASSERT_EQUAL(scan("repo", true, "", SI_HIT_ARTIFACT, NULL, 0), 1);
  CU_ASSERT_EQUAL(scan("repo", true, "", SI_HIT_EXPOSURE, NULL, 0), 1);
  CU_ASSERT_EQUAL(scan("repo", false, "", SI_HIT_ARTIFACT, NULL, 0), 2);
  CU_ASSERT_EQUAL(scan("repo", false, "", SI_HIT_EXPOSURE, NULL, 0), 2);
  end();
}

static void a_store_of_ours_is_known_by_its_pages(void) {
  begin();
  char path[160];
  make_dir("store");
  path_of(path, "store");
  NEED(chmod(path, 0700) == 0);
  si_state_close(scratch_open(path, SI_STATE_WRITE));
  char from[192];
  char to[192];
  snprintf(from, sizeof from, "%s/state.db", path);
  snprintf(to, sizeof to, "%s/repo/holiday.jpg", top);
  NEED(rename(from, to) == 0);
  CU_ASSERT_EQUAL(scan("repo", false, "", SI_HIT_ARTIFACT, NULL, 0), 1);
  end();
}

static void many_findings_are_counted(void) {
  char first[160];
  begin();
  for (int i = 0; i < SI_HITS_MAX + 5; i++) {
    char name[32];
    snprintf(name, sizeof name, "%d.env", i);
    make_file("repo/many", name, SECRET);
  }
  CU_ASSERT_EQUAL(scan("repo", false, "", SI_HIT_EXPOSURE, first, sizeof first), SI_HITS_MAX + 5);
  CU_ASSERT(strncmp(first, "many/", 5) == 0);
  end();
}

/* As somebody who may not read all: root may. */
static int unseen_as_nobody(void *ctx) {
  (void)ctx;
  if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0)) {
    return 99;
  }
  char first[160];
  int count = scan("repo", false, "", SI_HIT_UNSEEN, first, sizeof first);
  return count == 2 ? 0 : 1;
}

static void what_cannot_be_read_is_told(void) {
  char path[160];
  int status = 0;
  begin();
  NEED(chmod(top, 0755) == 0);
  make_file("repo", "secret.env", SECRET);
  path_of(path, "repo/secret.env");
  NEED(chmod(path, 0) == 0);
  make_dir("repo/closed");
  path_of(path, "repo/closed");
  NEED(chmod(path, 0) == 0);
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    _exit(unseen_as_nobody(NULL));
  }
  NEED(waitpid(child, &status, 0) == child);
  CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  NEED(chmod(path, 0755) == 0);
  end();
}

/* --- the walk's bounds --- */

struct bounds {
  size_t entries;
  size_t troubles;
};

static bool count_entry(void *ctx, int dir, const char *name, const char *path,
                        unsigned char type) {
  struct bounds *bounds = ctx;
  (void)dir, (void)name, (void)path, (void)type;
  bounds->entries++;
  return true;
}

static void count_trouble(void *ctx, const char *path, const char *why) {
  struct bounds *bounds = ctx;
  (void)path, (void)why;
  bounds->troubles++;
}

static struct bounds walk_with(unsigned depth, size_t entries) {
  struct bounds bounds = {0, 0};
  char path[160];
  path_of(path, "repo");
  int dir SI_AUTO(si_close) = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct si_walk walk = {.depth_max = depth,
                         .entries_max = entries,
                         .ctx = &bounds,
                         .entry = count_entry,
                         .trouble = count_trouble};
  si_walk_run(&walk, dir);
  return bounds;
}

static void a_bound_that_is_reached_is_trouble(void) {
  begin();                /* .git, src, src/main.c */
  make_dir("repo/a/b/c"); /* three more */
  CU_ASSERT_EQUAL(walk_with(10, 10).troubles, 0);
  CU_ASSERT_EQUAL(walk_with(10, 6).entries, 6);
  CU_ASSERT_EQUAL(walk_with(10, 6).troubles, 0);
  CU_ASSERT_EQUAL(walk_with(10, 5).troubles, 1);
  CU_ASSERT_EQUAL(walk_with(3, 10).troubles, 0);
  CU_ASSERT_EQUAL(walk_with(2, 10).troubles, 1);
  end();
}

/* --- large files --- */

static bool count_found(void *ctx, size_t line, const char *what) {
  size_t *last = ctx;
  (void)what;
  *last = line;
  return true;
}

/* A secret at every place around the border of a piece is found, with its line. */
static void secrets_across_pieces_are_found(void) {
  static const char pem[] =
      "-----BEGIN PRIVATE KEY-----\n"
      "MIIEvQIBADANBgkqhkiG9w0BAQ" /* apart: */
      "EFAASCBKcwggSjAgEAAoIBAQC7" /* this tree is scanned too */
      "VJTUt9Us8cKj\n";
  size_t whole = SI_LOOK_PIECE + SI_LOOK_KEEP;
  char *piece = malloc(whole);
  char *text = malloc(2 * whole);
  NEED(piece && text);
  begin();
  for (size_t before = whole - 120; before < whole + 10; before += 3) {
    char path[160];
    size_t lines = 0;
    size_t found = 0;
    for (size_t i = 0; i < before; i++) {
      bool newline = i % 61 == 60 || i == before - 1;
      text[i] = newline ? '\n' : 'x';
      lines += newline;
    }
    snprintf(text + before, sizeof pem, "%s", pem);
    memset(text + before + sizeof pem - 1, 'y', 4000);
    text[before + sizeof pem - 1 + 4000] = '\0';
    path_of(path, "repo");
    scratch_file(path, "big.txt", text);
    struct si_look look = {
        .piece = piece, .most = UINT64_MAX, .exposures = true, .ctx = &found, .found = count_found};
    int dir SI_AUTO(si_close) = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CU_ASSERT_EQUAL(si_look(&look, dir, "big.txt"), SI_OK);
    CU_ASSERT_EQUAL(found, lines + 1);
  }
  free(text);
  free(piece);
  end();
}

UNIT_MAIN("doctor: repositories", UNIT(private_files_are_found_wherever_they_stand),
          UNIT(what_git_keeps_and_what_is_outside_is_left_alone),
          UNIT(a_linked_work_tree_is_a_repository),
          UNIT(a_bare_repository_is_one_its_objects_are_passed_over),
          UNIT(a_link_into_the_state_is_told_and_not_followed),
          UNIT(the_state_itself_is_another_checks_business),
          UNIT(the_gate_opens_likely_files_alone), UNIT(a_store_of_ours_is_known_by_its_pages),
          UNIT(many_findings_are_counted), UNIT(what_cannot_be_read_is_told),
          UNIT(a_bound_that_is_reached_is_trouble), UNIT(secrets_across_pieces_are_found))
