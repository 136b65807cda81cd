/* SPDX-License-Identifier: Apache-2.0 */
/* The provisioner `local` on a real engine: R65, R66, R72. Needs with_images.sh. */
#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"
#include "tests/unit/local/world.h"
#include "tests/unit/unit.h"

#define CURL "curl -sf --max-time 10 --unix-socket $SI_TEST_SOCKET "
#define JSON "-H 'Content-Type: application/json' "
#define PREFIX "si-b6d44cbe" /* of SHA-256("ctx-1") */

/* A database with a volume and a health check, and a web server that waits for it. */
#define DB(command)                                                                              \
  "{\"name\":\"db\",\"image\":\"si-test:1\",\"init\":true,\"command\":[\"sh\",\"-c\",\"" command \
  "\"],\"environment\":{\"WORD\":\"a b\"},\"labels\":{\"team\":\"x\"},\"ports\":[],"             \
  "\"volumes\":[{\"source\":\"data\",\"target\":\"/data\",\"read_only\":false}],"                \
  "\"depends_on\":[],\"networks\":[{\"name\":\"back\",\"aliases\":[\"database\"]}],"             \
  "\"oneshot\":false,\"healthcheck\":{\"test\":[\"CMD\",\"test\",\"-f\",\"/data/ready\"],"       \
  "\"interval_ms\":200,\"timeout_ms\":2000,\"retries\":50,\"start_period_ms\":0}}"
#define WEB(port)                                                                           \
  "{\"name\":\"web\",\"image\":\"si-test:1\",\"init\":true,\"command\":[\"sh\",\"-c\","     \
  "\"nslookup database. >/dev/null && httpd -f -p 80 -h /etc\"],\"environment\":{},"        \
  "\"labels\":{},\"ports\":[{\"host_ip\":\"127.0.0.1\",\"host_port\":" port                 \
  ",\"port\":80,\"protocol\":\"tcp\"}],\"volumes\":[],\"depends_on\":[{\"service\":\"db\"," \
  "\"condition\":\"service_healthy\"}],\"networks\":[{\"name\":\"back\",\"aliases\":[]},"   \
  "{\"name\":\"front\",\"aliases\":[]}],\"oneshot\":false}"
#define BLOG(services)                                                              \
  "{\"schema\":\"si.stack/1\",\"volumes\":[{\"name\":\"data\"}],\"networks\":["     \
  "{\"name\":\"back\",\"internal\":true},{\"name\":\"front\",\"internal\":false}]," \
  "\"services\":[" services "]}"
#define DB_RUN "echo row >> /data/rows; echo 1 > /data/ready; sleep 1000"

static const char blog[] = BLOG(WEB("18080") "," DB(DB_RUN));

static void must(si_rc status, const struct si_op *op) {
  CU_ASSERT_EQUAL(status, SI_OK);
  if (status != SI_OK) {
    fprintf(stderr, "  %d: %s\n%s\n", status, op->failure.message, op->failure.detail);
  }
}

static bool says(const struct si_op *op, const char *words) {
  bool found = strstr(op->failure.message, words) != NULL;
  if (!found) {
    fprintf(stderr, "  \"%s\" is not in: %s\n", words, op->failure.message);
  }
  return found;
}

/* Ends with nothing of either project left. */
static void clean_up(void) {
  struct si_op op;
  must(world_destroy(&op, PROJECT), &op);
  op_end(&op);
  must(world_destroy(&op, OTHER_PROJECT), &op);
  op_end(&op);
  CU_ASSERT_EQUAL(world_count("si.context=ctx-1"), 0);
}

static void a_stack_comes_up_and_a_second_call_touches_nothing(void) {
  struct si_op first, second;
  char a[160], b[160];
  must(world_provision(&first, PROJECT, blog), &first);
  CU_ASSERT_EQUAL(op_steps(&first, "container.create", SI_STEP_DONE), 2);
  CU_ASSERT_EQUAL(op_steps(&first, "network.connect web/front", SI_STEP_DONE), 1);
  CU_ASSERT_EQUAL(world_shell(CURL " http://x/_ping >/dev/null"), 0);
  CU_ASSERT_EQUAL(world_shell("[ \"$(curl -sf http://127.0.0.1:18080/image)\" = 1 ]"), 0);
  CU_ASSERT_EQUAL(world_count("si.project=prj-1"), 5);
  world_service(&first, "db", "health", a);
  CU_ASSERT_STRING_EQUAL(a, "healthy");
  must(world_provision(&second, PROJECT, blog), &second);
  CU_ASSERT_EQUAL(second.step_count, 0);
  world_service(&first, "web", "id", a);
  world_service(&second, "web", "id", b);
  CU_ASSERT_STRING_EQUAL(a, b);
  op_end(&first);
  op_end(&second);
  clean_up();
}

static void a_changed_service_is_made_anew_and_its_volume_keeps_its_data(void) {
  struct si_op op;
  char web[160], db[160], now[160];
  must(world_provision(&op, PROJECT, blog), &op);
  world_service(&op, "web", "id", web);
  world_service(&op, "db", "id", db);
  op_end(&op);
  /* It comes up only where the row of its first run is still there. */
  const char *changed = BLOG(WEB("18080") "," DB("cat /data/rows || exit 3; sleep 1000"));
  must(world_provision(&op, PROJECT, changed), &op);
  world_service(&op, "web", "id", now);
  CU_ASSERT_STRING_EQUAL(now, web);
  world_service(&op, "db", "id", now);
  CU_ASSERT_STRING_NOT_EQUAL(now, db);
  CU_ASSERT_EQUAL(op_steps(&op, "volume.", SI_STEP_BEGIN), 0);
  op_end(&op);
  /* A service and a network that the stack no longer has go; the volume stays. */
  must(world_provision(&op, PROJECT,
                       STACK("{\"name\":\"db\",\"image\":\"si-test:2\","
                             "\"init\":true,\"command\":[\"sleep\",\"1000\"]," BARE "}")),
       &op);
  CU_ASSERT_EQUAL(op_steps(&op, "container.remove web", SI_STEP_DONE), 1);
  CU_ASSERT_EQUAL(op_steps(&op, "network.remove back", SI_STEP_DONE), 1);
  CU_ASSERT_EQUAL(op_steps(&op, "volume.", SI_STEP_BEGIN), 0);
  CU_ASSERT_EQUAL(world_count("si.project=prj-1"), 3);
  op_end(&op);
  clean_up();
}

static void a_network_that_changes_is_made_anew_with_its_containers(void) {
  struct si_op op;
  const char *inside =
      "{\"schema\":\"si.stack/1\",\"volumes\":[],\"networks\":[{\"name\":\"default\",\"internal\":"
      "true}],\"services\":[{\"name\":\"a\",\"image\":\"si-test:1\",\"init\":true,\"command\":["
      "\"sleep\",\"1000\"]," BARE "}]}";
  const char *outside = STACK(
      "{\"name\":\"a\",\"image\":\"si-test:1\",\"init\":true,\"command\":[\"sleep\",\"1000\"]," BARE
      "}");
  must(world_provision(&op, PROJECT, inside), &op);
  op_end(&op);
  must(world_provision(&op, PROJECT, outside), &op);
  CU_ASSERT_EQUAL(op_steps(&op, "network.remove default", SI_STEP_DONE), 1);
  CU_ASSERT_EQUAL(op_steps(&op, "network.create default", SI_STEP_DONE), 1);
  CU_ASSERT_EQUAL(op_steps(&op, "container.create a", SI_STEP_DONE), 1);
  op_end(&op);
  clean_up();
}

static void every_member_of_a_service_reaches_the_container(void) {
  struct si_op op;
  /* The service ends with 0 only if what it sees is what the document says. */
  const char *stack = STACK(
      "{\"name\":\"probe\",\"image\":\"si-test:1\",\"entrypoint\":[\"sh\",\"-c\"],\"command\":["
      "\"set -x; [ $WORD = word ] && [ $(pwd) = /tmp ] && [ $(id -u) = 7 ] && "
      "[ $(hostname) = named ] && ! touch /data/x && touch /scratch/x && "
      "[ $(cat /proc/1/comm) != sh "
      "]\"],\"environment\":{\"WORD\":\"word\"},\"labels\":{\"k\":\"v\"},"
      "\"ports\":[],\"volumes\":[],\"depends_on\":[],\"networks\":[],\"oneshot\":true,"
      "\"user\":\"7:7\",\"working_dir\":\"/tmp\",\"hostname\":\"named\",\"read_only\":true,"
      "\"tmpfs\":[\"/scratch:mode=1777,size=1m\"],\"init\":true,\"stop_signal\":\"SIGINT\","
      "\"stop_grace_ms\":1500,\"restart\":{\"policy\":\"on-failure\",\"retries\":1}}");
  must(world_provision(&op, PROJECT, stack), &op);
  op_end(&op);
  CU_ASSERT_EQUAL(
      world_shell(CURL "http://x/containers/" PREFIX "-blog_probe/json | python3 -c \"\n"
                       "import json,sys; d=json.load(sys.stdin); c=d['Config']; h=d['HostConfig']\n"
                       "assert c['StopSignal'] in ('SIGINT','2') and c['StopTimeout']==2, c\n"
                       "assert h['RestartPolicy']=={'Name':'on-failure','MaximumRetryCount':1}, h\n"
                       "assert c['Labels']['k']=='v' and c['Labels']['si.release']=='r1', c\n"
                       "assert c['Labels']['si.operation']=='op-1'\n"
                       "assert h['NetworkMode']=='none', h\n\""),
      0);
  clean_up();
}

struct refusal {
  const char *stack;
  si_rc status;
  const char *subject;
  const char *message;
  const char *detail; /* or NULL */
  size_t made;        /* resources that may be left for a retry */
};

#define SIMPLE(name, rest) \
  "{\"name\":\"" name "\",\"image\":\"si-test:1\",\"init\":true," rest "," BARE "}"

static void a_service_that_does_not_come_up_is_named_with_reason_and_last_words(void) {
  static const struct refusal cases[] = {
      {STACK("{\"name\":\"a\",\"image\":\"si-test:1\",\"command\":[\"true\"]," BARE "},"
             "{\"name\":\"web\",\"image\":\"no-such:9\",\"pull_policy\":\"never\"," BARE "}"),
       SI_E_NOT_FOUND, "web", "image no-such:9 is not on this engine, and pull_policy is never",
       NULL, 0},
      {STACK(SIMPLE("web", "\"command\":[\"sh\",\"-c\",\"echo it is over; exit 3\"]")), SI_E_FAILED,
       "web", "service web: the container exited with code 3 before it was ready", "it is over", 2},
      {STACK("{\"name\":\"web\",\"image\":\"si-test:1\",\"command\":[\"no-such-program\"]," BARE
             "}"),
       SI_E_FAILED, "web", "no-such-program", NULL, 2},
      {STACK(SIMPLE("web",
                    "\"command\":[\"sh\",\"-c\",\"echo up; sleep 100\"],\"healthcheck\":"
                    "{\"test\":[\"CMD-SHELL\",\"echo not yet; false\"],\"interval_ms\":100,"
                    "\"retries\":2}")),
       SI_E_FAILED, "web", "service web: its health check failed", "health check (code 1): not yet",
       2},
      {STACK(SIMPLE("web",
                    "\"command\":[\"sh\",\"-c\",\"echo up; sleep 100\"],\"healthcheck\":"
                    "{\"test\":[\"CMD\",\"false\"],\"interval_ms\":100,\"retries\":9999}")),
       SI_E_FAILED, "web", "its health check never passed within 15.0 s", "up", 2},
      {STACK(SIMPLE("web",
                    "\"restart\":{\"policy\":\"always\"},\"command\":[\"sh\",\"-c\","
                    "\"echo again; exit 4\"]")),
       SI_E_FAILED, "web", "service web: the container was restarted", "again", 2},
      {STACK(
           "{\"name\":\"job\",\"image\":\"si-test:1\",\"command\":[\"sh\",\"-c\",\"echo bad; exit "
           "5\"],\"environment\":{},\"labels\":{},\"ports\":[],\"volumes\":[],\"depends_on\":[],"
           "\"networks\":[],\"oneshot\":true}"),
       SI_E_FAILED, "job", "the one-shot ended with code 5", "bad", 2},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const struct refusal *c = &cases[i];
    struct si_op op;
    si_rc status = world_provision(&op, PROJECT, c->stack);
    if (status != c->status) {
      fprintf(stderr, "  case %zu: %d: %s: %s\n", i, (int)status, op.failure.subject,
              op.failure.message);
    }
    CU_ASSERT_EQUAL(status, c->status);
    CU_ASSERT_EQUAL(op.failure.status, c->status);
    CU_ASSERT_STRING_EQUAL(op.failure.subject, c->subject);
    CU_ASSERT(says(&op, c->message));
    CU_ASSERT_PTR_NULL(strchr(op.failure.message, '\n'));
    if (c->detail && !strstr(op.failure.detail, c->detail)) {
      CU_FAIL("the last words are missing");
      fprintf(stderr, "  case %zu: detail is: %s\n", i, op.failure.detail);
    }
    CU_ASSERT(world_count("si.project=prj-1") <= c->made);
    op_end(&op);
    clean_up();
  }
}

static void a_retry_after_mending_brings_it_up_and_keeps_the_data(void) {
  struct si_op op;
  const char *broken = BLOG(WEB("18080") "," DB("echo row >> /data/rows; exit 3"));
  CU_ASSERT_EQUAL(world_provision(&op, PROJECT, broken), SI_E_FAILED);
  op_end(&op);
  const char *mended =
      BLOG(WEB("18080") "," DB("cat /data/rows || exit 9; echo 1 >/data/ready; sleep 1000"));
  must(world_provision(&op, PROJECT, mended), &op);
  op_end(&op);
  clean_up();
}

static void a_taken_port_is_named_and_a_retry_works_once_it_is_free(void) {
  struct si_op op;
  CU_ASSERT_EQUAL(world_shell("python3 -c 'import socket,time; s=socket.socket(); "
                              "s.setsockopt(socket.SOL_SOCKET,socket.SO_REUSEADDR,1); "
                              "s.bind((\"127.0.0.1\",18080)); s.listen(); time.sleep(60)' & "
                              "echo $! > /run/si-test-port; for i in $(seq 50); do "
                              "(exec 3<>/dev/tcp/127.0.0.1/18080) 2>/dev/null && exit 0; sleep .1; "
                              "done; exit 1"),
                  0);
  CU_ASSERT_EQUAL(world_provision(&op, PROJECT, blog), SI_E_CONFLICT);
  CU_ASSERT(says(&op, "service web: host port 127.0.0.1:18080 is taken"));
  CU_ASSERT_STRING_EQUAL(op.failure.subject, "web");
  CU_ASSERT_EQUAL(op_steps(&op, "container.start web", SI_STEP_FAILED), 1);
  op_end(&op);
  CU_ASSERT_EQUAL(world_shell("kill $(cat /run/si-test-port)"), 0);
  must(world_provision(&op, PROJECT, blog), &op);
  op_end(&op);
  CU_ASSERT_EQUAL(world_shell("[ \"$(curl -sf http://127.0.0.1:18080/image)\" = 1 ]"), 0);
  /* A port that another container has is told the same way. */
  const char *second = STACK(
      "{\"name\":\"b\",\"image\":\"si-test:1\",\"init\":true,\"command\":[\"sleep\",\"99\"],"
      "\"environment\":{},\"labels\":{},\"ports\":[{\"host_ip\":\"127.0.0.1\",\"host_port\":18080,"
      "\"port\":80,\"protocol\":\"tcp\"}],\"volumes\":[],\"depends_on\":[],\"networks\":[{"
      "\"name\":\"default\",\"aliases\":[]}],\"oneshot\":false}");
  CU_ASSERT_EQUAL(world_provision(&op, OTHER_PROJECT, second), SI_E_CONFLICT);
  CU_ASSERT(says(&op, "service b: host port 127.0.0.1:18080 is taken"));
  op_end(&op);
  clean_up();
}

static void a_one_shot_runs_before_what_awaits_it_and_not_again(void) {
  struct si_op op;
  const char *stack = STACK(
      "{\"name\":\"app\",\"image\":\"si-test:1\",\"init\":true,\"command\":[\"sleep\",\"99\"],"
      "\"environment\":{},\"labels\":{},\"ports\":[],\"volumes\":[],\"depends_on\":[{\"service\":"
      "\"job\",\"condition\":\"service_completed_successfully\"}],\"networks\":[{\"name\":"
      "\"default\",\"aliases\":[]}],\"oneshot\":false},{\"name\":\"job\",\"image\":\"si-test:1\","
      "\"command\":[\"sleep\",\"1\"],\"environment\":{},\"labels\":{},\"ports\":[],\"volumes\":[],"
      "\"depends_on\":[],\"networks\":[{\"name\":\"default\",\"aliases\":[]}],\"oneshot\":true}");
  char text[160];
  must(world_provision(&op, PROJECT, stack), &op);
  world_service(&op, "job", "state", text);
  CU_ASSERT_STRING_EQUAL(text, "exited");
  op_end(&op);
  must(world_provision(&op, PROJECT, stack), &op);
  CU_ASSERT_EQUAL(op.step_count, 0);
  op_end(&op);
  clean_up();
}

static void what_others_made_under_our_names_is_left_alone_and_named(void) {
  static const struct {
    const char *make;
    const char *look; /* succeeds while it is there, untouched */
    const char *unmake;
    const char *message;
  } cases[] = {
      {CURL "-X POST " JSON "-d '{\"Image\":\"si-test:1\",\"Cmd\":[\"sleep\",\"99\"]}' "
            "'http://x/containers/create?name=" PREFIX "-blog_db' >/dev/null",
       CURL "http://x/containers/" PREFIX "-blog_db/json >/dev/null",
       CURL "-X DELETE http://x/containers/" PREFIX "-blog_db",
       "container " PREFIX "-blog_db exists on the engine and is not this project's"},
      {CURL "-X POST " JSON "-d '{\"Name\":\"" PREFIX "-blog_data\"}' http://x/volumes/create "
            ">/dev/null",
       CURL "http://x/volumes/" PREFIX "-blog_data >/dev/null",
       CURL "-X DELETE http://x/volumes/" PREFIX "-blog_data",
       "volume " PREFIX "-blog_data exists on the engine and is not this project's"},
      {CURL "-X POST " JSON "-d '{\"Name\":\"" PREFIX "-blog_back\",\"Labels\":{\"si.context\":"
            "\"ctx-1\",\"si.project\":\"prj-9\"}}' http://x/networks/create >/dev/null",
       CURL "http://x/networks/" PREFIX "-blog_back >/dev/null",
       CURL "-X DELETE http://x/networks/" PREFIX "-blog_back",
       "network " PREFIX "-blog_back exists on the engine and is not this project's"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_op op;
    CU_ASSERT_EQUAL(world_shell(cases[i].make), 0);
    CU_ASSERT_EQUAL(world_provision(&op, PROJECT, blog), SI_E_CONFLICT);
    CU_ASSERT(says(&op, cases[i].message));
    CU_ASSERT_EQUAL(op.step_count, 0);
    op_end(&op);
    must(world_destroy(&op, PROJECT), &op);
    CU_ASSERT_EQUAL(op.step_count, 0);
    op_end(&op);
    CU_ASSERT_EQUAL(world_shell(cases[i].look), 0);
    CU_ASSERT_EQUAL(world_shell(cases[i].unmake), 0);
  }
  clean_up();
}

static void destroy_takes_its_own_project_alone_and_can_be_repeated(void) {
  struct si_op op;
  const char *shop = STACK(SIMPLE("db", "\"command\":[\"sleep\",\"99\"]"));
  must(world_provision(&op, PROJECT, blog), &op);
  op_end(&op);
  must(world_provision(&op, OTHER_PROJECT, shop), &op);
  op_end(&op);
  must(world_destroy(&op, PROJECT), &op);
  CU_ASSERT_STRING_EQUAL(si_buf_text(&op.emitted), "{\"remaining\":[]}");
  CU_ASSERT_EQUAL(op_steps(&op, "volume.remove data", SI_STEP_DONE), 1);
  op_end(&op);
  CU_ASSERT_EQUAL(world_count("si.project=prj-1"), 0);
  CU_ASSERT_EQUAL(world_count("si.project=prj-2"), 2);
  must(world_destroy(&op, PROJECT), &op);
  CU_ASSERT_EQUAL(op.step_count, 0);
  op_end(&op);
  must(world_inspect(&op, OTHER_PROJECT), &op);
  char state[160];
  world_service(&op, "db", "state", state);
  CU_ASSERT_STRING_EQUAL(state, "running");
  op_end(&op);
  clean_up();
}

static void destroy_lists_what_it_could_not_remove(void) {
  struct si_op op;
  must(world_provision(&op, PROJECT, blog), &op);
  op_end(&op);
  /* Somebody else's container holds our volume and our network, at first without running. */
  CU_ASSERT_EQUAL(
      world_shell(CURL "-X POST " JSON "-d '{\"Image\":\"si-test:1\",\"Cmd\":[\"sleep\",\"99\"],"
                       "\"HostConfig\":{\"Init\":true,\"NetworkMode\":\"" PREFIX
                       "-blog_front\",\"Binds\":[\"" PREFIX "-blog_data:/x\"]}}' "
                       "'http://x/containers/create?name=guest' >/dev/null"),
      0);
  for (int running = 0; running < 2; running++) {
    CU_ASSERT_EQUAL(running ? world_shell(CURL "-X POST http://x/containers/guest/start") : 0, 0);
    CU_ASSERT_EQUAL(world_destroy(&op, PROJECT), SI_E_CONFLICT);
    cJSON *result = op_result(&op);
    const cJSON *remaining = si_json_get(result, "remaining");
    CU_ASSERT_EQUAL(cJSON_GetArraySize(remaining), 2);
    const char *reason = si_json_str(cJSON_GetArrayItem(remaining, 0), "reason");
    CU_ASSERT(reason && strstr(reason, "is used by container guest, which is not this project's"));
    CU_ASSERT(says(&op, "2 of the project's resources could not be removed"));
    CU_ASSERT_EQUAL(op_steps(&op, "network.remove front", SI_STEP_BEGIN), 0);
    cJSON_Delete(result);
    op_end(&op);
  }
  CU_ASSERT_EQUAL(world_shell(CURL "-X DELETE 'http://x/containers/guest?force=true'"), 0);
  clean_up();
}

static void a_listing_shows_the_context_and_remove_takes_only_what_is_marked(void) {
  struct si_op op;
  char resource[512];
  must(world_provision(&op, PROJECT, blog), &op);
  char id[160];
  world_service(&op, "web", "id", id);
  op_end(&op);
  si_instance *instance = world_open("");
  op_begin(&op);
  must(local_list(instance, &op, "{\"context_id\":\"ctx-1\"}", &op, op_emit), &op);
  cJSON *result = op_result(&op);
  CU_ASSERT_EQUAL(cJSON_GetArraySize(si_json_get(result, "resources")), 5);
  cJSON_Delete(result);
  static const struct {
    const char *project;
    si_rc status;
  } cases[] = {{"prj-2", SI_E_REFUSED}, {"prj-1", SI_OK}, {"prj-1", SI_OK}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    snprintf(
        resource, sizeof resource,
        "{\"context_id\":\"ctx-1\",\"project_id\":\"%s\",\"type\":\"container\",\"id\":\"%s\"}",
        cases[i].project, id);
    CU_ASSERT_EQUAL(local_remove(instance, &op, resource), cases[i].status);
    CU_ASSERT_EQUAL(world_count("si.service=web"), i == 0 ? 1 : 0);
  }
  op_end(&op);
  local_close(instance);
  clean_up();
}

static void a_journal_that_fails_stops_everything(void) {
  for (size_t at = 1; at <= 16; at += 3) {
    struct si_op op;
    si_instance *instance = world_open("");
    op_begin(&op);
    op.refuse_at = at;
    CU_ASSERT_EQUAL(local_provision(instance, &op, PROJECT, blog, &op, op_emit), SI_E_IO);
    CU_ASSERT_EQUAL(op.step_calls, at);
    CU_ASSERT(says(&op, "journal"));
    op_end(&op);
    local_close(instance);
    clean_up();
  }
}

static void a_wait_ends_when_asked_or_at_the_deadline(void) {
  const char *slow =
      STACK(SIMPLE("web",
                   "\"command\":[\"sleep\",\"99\"],\"healthcheck\":{\"test\":[\"CMD\","
                   "\"false\"],\"interval_ms\":100,\"retries\":9999}"));
  for (int deadline = 0; deadline < 2; deadline++) {
    struct si_op op;
    si_instance *instance = world_open("");
    op_begin(&op);
    uint64_t begun = si_monotonic_ns();
    op.deadline_ns = deadline ? begun + 2000000000u : 0;
    op.cancel_at = deadline ? 0 : 6; /* container.start has begun and ended */
    CU_ASSERT_EQUAL(local_provision(instance, &op, PROJECT, slow, &op, op_emit),
                    deadline ? SI_E_TIMEOUT : SI_E_CANCELLED);
    CU_ASSERT(si_monotonic_ns() - begun < 12000000000u); /* not its ready_timeout_ms */
    op_end(&op);
    local_close(instance);
    clean_up();
  }
}

int main(void) {
  static const struct unit_test tests[] = {
      UNIT(a_stack_comes_up_and_a_second_call_touches_nothing),
      UNIT(a_changed_service_is_made_anew_and_its_volume_keeps_its_data),
      UNIT(a_network_that_changes_is_made_anew_with_its_containers),
      UNIT(every_member_of_a_service_reaches_the_container),
      UNIT(a_service_that_does_not_come_up_is_named_with_reason_and_last_words),
      UNIT(a_retry_after_mending_brings_it_up_and_keeps_the_data),
      UNIT(a_taken_port_is_named_and_a_retry_works_once_it_is_free),
      UNIT(a_one_shot_runs_before_what_awaits_it_and_not_again),
      UNIT(what_others_made_under_our_names_is_left_alone_and_named),
      UNIT(destroy_takes_its_own_project_alone_and_can_be_repeated),
      UNIT(destroy_lists_what_it_could_not_remove),
      UNIT(a_listing_shows_the_context_and_remove_takes_only_what_is_marked),
      /* these two: not on podman */
      UNIT(a_journal_that_fails_stops_everything),
      UNIT(a_wait_ends_when_asked_or_at_the_deadline),
  };
  if (world_missing()) {
    return 77;
  }
  return unit_main("local on an engine", tests, sizeof tests / sizeof *tests - world_podman() * 2);
}
