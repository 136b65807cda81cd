/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The provisioner is killed (SIGKILL) at every step of its journal, and between them at moments
 * that nothing chose; whatever it left, one more provision brings the stack up and one destroy
 * leaves nothing, also not a little later. R65, R66. Needs with_images.sh.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kit/base/text.h"
#include "tests/unit/local/world.h"
#include "tests/unit/sweep.h"
#include "tests/unit/unit.h"

#define SERVICE(name, needs)                                                                    \
  "{\"name\":\"" name                                                                           \
  "\",\"image\":\"si-test:1\",\"init\":true,\"command\":[\"sleep\",\"999\"],"                   \
  "\"environment\":{},\"labels\":{},\"ports\":[],\"volumes\":[{\"source\":\"data\",\"target\":" \
  "\"/data\",\"read_only\":false}],\"depends_on\":[" needs                                      \
  "],\"networks\":[{\"name\":\"one\","                                                          \
  "\"aliases\":[]},{\"name\":\"two\",\"aliases\":[]}],\"oneshot\":false}"

static const char stack[] =
    "{\"schema\":\"si.stack/1\",\"volumes\":[{\"name\":\"data\"}],\"networks\":[{\"name\":\"one\","
    "\"internal\":false},{\"name\":\"two\",\"internal\":true}],\"services\":[" SERVICE(
        "a", "") "," SERVICE("b", "{\"service\":\"a\",\"condition\":\"service_started\"}") "]}";

enum { STEPS = 18 }; /* calls of step in a whole provision of it */

typedef si_rc verb(struct si_op *op);

static si_rc provision(struct si_op *op) {
  si_instance *instance = world_open("");
  si_rc status = local_provision(instance, op, PROJECT, stack, op, op_emit);
  local_close(instance);
  return status;
}

static si_rc destroy(struct si_op *op) {
  si_instance *instance = world_open("");
  si_rc status = local_destroy(instance, op, PROJECT, op, op_emit);
  local_close(instance);
  return status;
}

/* Runs the verb in a child that is killed at the nth step, or `us` microseconds after its begin.
 * True if it did not live to the end. */
static bool killed(verb *run, size_t at_step, long us) {
  pid_t child = fork();
  if (child == 0) {
    struct si_op op;
    op_begin(&op);
    op.kill_at = at_step;
    _exit(run(&op) == SI_OK ? 0 : 1);
  }
  if (us) {
    struct timespec span = {us / 1000000, us % 1000000 * 1000};
    nanosleep(&span, NULL);
    kill(child, SIGKILL);
  }
  int state = 0;
  CU_ASSERT_EQUAL(waitpid(child, &state, 0), child);
  return WIFSIGNALED(state);
}

static void must(verb *run, const char *what) {
  struct si_op op;
  op_begin(&op);
  si_rc status = run(&op);
  CU_ASSERT_EQUAL(status, SI_OK);
  if (status != SI_OK) {
    fprintf(stderr, "  %s: %s\n", what, op.failure.message);
  }
  op_end(&op);
}

static void nothing_is_left(void) {
  struct timespec later = {0, 300000000};
  CU_ASSERT_EQUAL(world_count("si.context=ctx-1"), 0);
  nanosleep(&later, NULL); /* what a dead process asked for may still arrive */
  CU_ASSERT_EQUAL(world_count("si.context=ctx-1"), 0);
}

static void a_provision_killed_at_any_step_can_be_finished_or_removed(void) {
  size_t died = 0, tried = 0;
  for (size_t at = sweep_first(1); at <= STEPS; at += sweep_step(1)) {
    died += killed(provision, at, 0);
    if (++tried % 2) {
      must(provision, "provision after a kill");
      CU_ASSERT_EQUAL(world_count("si.context=ctx-1"), 5);
    }
    must(destroy, "destroy after a kill");
    nothing_is_left();
  }
  CU_ASSERT_EQUAL(died, tried);
}

static void a_provision_killed_at_any_moment_can_be_finished_or_removed(void) {
  size_t died = 0, tried = 0;
  for (size_t at = sweep_first(1); at <= 15; at += sweep_step(1)) {
    died += killed(provision, 0, 5000 + 61000 * ((long)at - 1));
    if (++tried % 2) {
      must(provision, "provision after a kill");
      CU_ASSERT_EQUAL(world_count("si.context=ctx-1"), 5);
    }
    must(destroy, "destroy after a kill");
    nothing_is_left();
  }
  CU_ASSERT(died >= sweep_least(8));
}

static void a_destroy_killed_at_any_step_can_be_run_again(void) {
  /* Two containers stopped and removed, two networks, a volume: 14 calls. */
  for (size_t at = sweep_first(1); at <= 14; at += sweep_step(1)) {
    must(provision, "provision");
    CU_ASSERT(killed(destroy, at, 0));
    must(destroy, "destroy after a kill");
    nothing_is_left();
  }
}

/* Does the same with an operation that somebody else's request comes into. */
static size_t with_meanwhile(verb *run, const char *step, uint32_t phase, void (*meanwhile)(void)) {
  struct si_op op;
  op_begin(&op);
  op.meanwhile = meanwhile;
  op.meanwhile_step = step;
  op.meanwhile_phase = phase;
  CU_ASSERT_EQUAL(run(&op), SI_OK);
  if (op.failure.status != SI_OK) {
    fprintf(stderr, "  %s: %s\n", step, op.failure.message);
  }
  CU_ASSERT_PTR_NULL(op.meanwhile);
  size_t removed = op_steps(&op, "container.remove", SI_STEP_DONE);
  op_end(&op);
  return removed;
}

static void all_of_it(void) {
  must(provision, "the request of a process that is dead by now");
}

static void what_a_dead_process_asked_for_is_adopted_when_it_arrives(void) {
  static const char *const steps[] = {"network.create one", "volume.create data",
                                      "container.create a", "container.start b"};
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    CU_ASSERT_EQUAL(with_meanwhile(provision, steps[i], SI_STEP_BEGIN, all_of_it), 0);
    CU_ASSERT_EQUAL(world_count("si.context=ctx-1"), 5);
    must(destroy, "destroy");
    nothing_is_left();
  }
}

/* A second network `one` of the project, as an engine makes it for two requests at once. */
static void a_twin(void) {
  CU_ASSERT_EQUAL(
      world_shell("curl -sf -o /dev/null --unix-socket $SI_TEST_SOCKET -X POST -H 'Content-Type: "
                  "application/json' -d '{\"Name\":\"si-b6d44cbe-blog_one\",\"Labels\":{"
                  "\"si.context\":\"ctx-1\",\"si.project\":\"prj-1\",\"si.network\":\"one\"}}' "
                  "http://x/networks/create"),
      0);
}

static void a_second_network_of_the_same_name_is_removed(void) {
  static const char *const steps[] = {"container.create a", "container.start a",
                                      "container.start b"};
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    CU_ASSERT_EQUAL(with_meanwhile(provision, steps[i], SI_STEP_BEGIN, a_twin), 0);
    CU_ASSERT_EQUAL(world_count("si.context=ctx-1"), 5);
    must(destroy, "destroy");
    nothing_is_left();
  }
}

static void a_late_volume(void) {
  CU_ASSERT_EQUAL(
      world_shell("(sleep 0.15; exec curl -sf -o /dev/null --unix-socket $SI_TEST_SOCKET -X POST "
                  "-H 'Content-Type: application/json' -d '{\"Name\":\"late\",\"Labels\":{"
                  "\"si.context\":\"ctx-1\",\"si.project\":\"prj-1\"}}' "
                  "http://x/volumes/create) >/dev/null 2>&1 &"),
      0);
}

static void what_arrives_after_all_was_removed_is_removed_too(void) {
  must(provision, "provision");
  /* Both, and both again; or a, a again and b, where the engine lists a first. */
  CU_ASSERT(with_meanwhile(destroy, "container.remove a", SI_STEP_DONE, all_of_it) >= 3);
  nothing_is_left();
  must(provision, "provision");
  CU_ASSERT_EQUAL(with_meanwhile(destroy, "volume.remove data", SI_STEP_DONE, a_late_volume), 2);
  nothing_is_left();
}

int main(void) {
  static const struct unit_test tests[] = {
      UNIT(what_a_dead_process_asked_for_is_adopted_when_it_arrives),
      UNIT(what_arrives_after_all_was_removed_is_removed_too),
      /* these four: not on podman, which takes its time, and lets no network have a twin */
      UNIT(a_second_network_of_the_same_name_is_removed),
      UNIT(a_provision_killed_at_any_step_can_be_finished_or_removed),
      UNIT(a_provision_killed_at_any_moment_can_be_finished_or_removed),
      UNIT(a_destroy_killed_at_any_step_can_be_run_again),
  };
  if (world_missing()) {
    return 77;
  }
  return unit_main("local, killed", tests, sizeof tests / sizeof *tests - world_podman() * 4);
}
