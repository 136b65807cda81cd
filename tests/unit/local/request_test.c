/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine is asked for, held against the whole document. */
#include "plugins/local/request.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

static struct local_project project;
static char ids[2][SI_ENGINE_ID_SIZE] = {"net-back", "net-front"};

static void set_project(void) {
  struct si_error error;
  CU_ASSERT_EQUAL_FATAL(
      local_project_read("{\"schema\":\"si.project/1\",\"context_id\":\"ctx-1\",\"project_id\":"
                         "\"p\",\"slug\":\"blog\",\"operation_id\":\"o\",\"release\":\"r\"}",
                         &project, &error),
      SI_OK);
}

/* The request for the one service of a stack, as canonical JSON. */
static si_rc ask(const char *service, struct si_buf *out, struct si_error *error) {
  struct si_buf stack SI_AUTO(si_buf_free) = SI_BUF(10000);
  struct local_plan plan SI_AUTO(local_plan_free) = {0};
  cJSON *body SI_AUTO(si_json_free) = NULL;
  struct local_network_ids networks = {ids};
  set_project();
  CU_ASSERT_EQUAL(si_buf_printf(&stack,
                                "{\"schema\":\"si.stack/1\",\"volumes\":[{\"name\":\"data\"}],"
                                "\"networks\":[{\"name\":\"back\",\"internal\":true},{\"name\":"
                                "\"front\",\"internal\":false}],\"services\":[%s]}",
                                service),
                  SI_OK);
  CU_ASSERT_EQUAL_FATAL(local_plan_read(si_buf_text(&stack), &plan, error), SI_OK);
  si_rc status = local_request_container(&project, &plan, &plan.services[0], &networks, "hash", 10,
                                         &body, error);
  return status == SI_OK ? si_json_canonical(body, out) : status;
}

static void a_service_with_every_member_asks_for_all_of_them(void) {
  struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(10000);
  struct si_error error = {0};
  const char *service =
      "{\"name\":\"web\",\"image\":\"i:1\",\"command\":[\"run\",\"it\"],\"entrypoint\":[\"sh\"],"
      "\"environment\":{\"A\":\"1\",\"B\":\"x=y z\"},\"ports\":[{\"host_ip\":\"127.0.0.1\","
      "\"host_port\":8080,\"port\":80,\"protocol\":\"tcp\"},{\"host_ip\":\"::1\",\"host_port\":0,"
      "\"port\":80,\"protocol\":\"tcp\"},{\"host_ip\":\"0.0.0.0\",\"host_port\":53,\"port\":53,"
      "\"protocol\":\"udp\"}],\"volumes\":[{\"source\":\"data\",\"target\":\"/d\",\"read_only\":"
      "true}],\"networks\":[{\"name\":\"back\",\"aliases\":[\"web\",\"www\"]},{\"name\":\"front\","
      "\"aliases\":[]}],\"healthcheck\":{\"test\":[\"CMD\",\"ok\"],\"interval_ms\":30000,"
      "\"timeout_ms\":5000,\"retries\":3,\"start_period_ms\":0},\"depends_on\":[],\"labels\":{"
      "\"team\":\"a\"},\"init\":true,\"read_only\":true,\"user\":\"7\",\"working_dir\":\"/w\","
      "\"stop_signal\":\"SIGINT\",\"hostname\":\"h\",\"stop_grace_ms\":2100,\"restart\":{"
      "\"policy\":\"on-failure\",\"retries\":2},\"tmpfs\":[\"/t\",\"/u:size=1m\"],\"oneshot\":"
      "false}";
  CU_ASSERT_EQUAL(ask(service, &out, &error), SI_OK);
  const char *expected =
      "{\"Cmd\":[\"run\",\"it\"],\"Entrypoint\":[\"sh\"],\"Env\":[\"A=1\",\"B=x=y z\"],"
      "\"ExposedPorts\":{\"53/udp\":{},\"80/tcp\":{}},"
      "\"Healthcheck\":{\"Interval\":30000000000,\"Retries\":3,\"Test\":[\"CMD\",\"ok\"],"
      "\"Timeout\":5000000000},"
      "\"HostConfig\":{\"Init\":true,"
      "\"Mounts\":[{\"ReadOnly\":true,\"Source\":\"si-b6d44cbe-blog_data\",\"Target\":\"/d\","
      "\"Type\":\"volume\",\"VolumeOptions\":{\"Labels\":{\"si.context\":\"ctx-1\","
      "\"si.operation\":\"o\",\"si.project\":\"p\",\"si.release\":\"r\",\"si.slug\":\"blog\","
      "\"si.spec\":\"\",\"si.volume\":\"data\"}}}],"
      "\"NetworkMode\":\"net-back\","
      "\"PortBindings\":{\"53/udp\":[{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"53\"}],"
      "\"80/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"8080\"},{\"HostIp\":\"::1\","
      "\"HostPort\":\"\"}]},"
      "\"ReadonlyRootfs\":true,"
      "\"RestartPolicy\":{\"MaximumRetryCount\":2,\"Name\":\"on-failure\"},"
      "\"Tmpfs\":{\"/t\":\"\",\"/u\":\"size=1m\"}},"
      "\"Hostname\":\"h\",\"Image\":\"i:1\","
      "\"Labels\":{\"si.context\":\"ctx-1\",\"si.operation\":\"o\",\"si.project\":\"p\","
      "\"si.release\":\"r\",\"si.service\":\"web\",\"si.slug\":\"blog\",\"si.spec\":\"hash\","
      "\"team\":\"a\"},"
      "\"NetworkingConfig\":{\"EndpointsConfig\":{\"net-back\":{\"Aliases\":[\"web\",\"www\"]}}},"
      "\"StopSignal\":\"SIGINT\",\"StopTimeout\":3,\"User\":\"7\",\"WorkingDir\":\"/w\"}";
  CU_ASSERT_STRING_EQUAL(si_buf_text(&out), expected);
}

#define BARE "\"name\":\"a\",\"image\":\"i:1\",\"labels\":{},\"depends_on\":[],\"oneshot\":false"

static void limits_and_rights_given_up_are_asked_for(void) {
  struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(10000);
  struct si_error error = {0};
  static const char service[] =
      "{\"name\":\"web\",\"image\":\"i:1\",\"networks\":[],\"limits\":{\"memory_bytes\":67108864,"
      "\"nano_cpus\":500000000,\"pids\":50},\"shm_bytes\":1048576,\"ulimits\":[{\"name\":"
      "\"nofile\","
      "\"soft\":100,\"hard\":200}],\"cap_drop\":[\"ALL\"],\"no_new_privileges\":true,\"extra_"
      "hosts\":[{"
      "\"host\":\"a\",\"ip\":\"10.0.0.1\"},{\"host\":\"b\",\"ip\":\"::1\"}],\"sysctls\":{"
      "\"net.core.somaxconn\":\"99\"},\"logging\":{\"driver\":\"local\",\"options\":{\"max-size\":"
      "\"1m\"}},\"expose\":[{\"port\":80,\"protocol\":\"tcp\"}],\"stdin_open\":true}";
  static const char *const pieces[] = {
      "\"Memory\":67108864",
      "\"NanoCpus\":500000000",
      "\"PidsLimit\":50",
      "\"ShmSize\":1048576",
      "\"Ulimits\":[{\"Hard\":200,\"Name\":\"nofile\",\"Soft\":100}]",
      "\"CapDrop\":[\"ALL\"]",
      "\"SecurityOpt\":[\"no-new-privileges:true\"]",
      "\"ExtraHosts\":[\"a:10.0.0.1\",\"b:::1\"]",
      "\"Sysctls\":{\"net.core.somaxconn\":\"99\"}",
      "\"LogConfig\":{\"Config\":{\"max-size\":\"1m\"},\"Type\":\"local\"}",
      "\"ExposedPorts\":{\"80/tcp\":{}}",
      "\"PortBindings\":{}",
      "\"OpenStdin\":true"};
  CU_ASSERT_EQUAL(ask(service, &out, &error), SI_OK);
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
    if (!strstr(si_buf_text(&out), pieces[i])) {
      printf("\n  %s does not stand in %s\n", pieces[i], si_buf_text(&out));
      CU_FAIL("a piece is missing");
    }
  }
}

static void what_is_left_out_is_left_to_the_engine(void) {
  static const struct {
    const char *members;
    const char *holds;
    const char *lacks;
  } cases[] = {
      {"", "\"NetworkMode\":\"none\"", "NetworkingConfig"},
      {"", "\"RestartPolicy\":{\"Name\":\"no\"}", "\"Cmd\""},
      {"", "\"StopTimeout\":10", "Healthcheck"},
      {"", "\"PortBindings\":{}", "Entrypoint"},
      {",\"healthcheck\":{\"disable\":true}", "\"Healthcheck\":{\"Test\":[\"NONE\"]}", "Interval"},
      {",\"healthcheck\":{\"test\":\"curl x\"}", "\"Test\":[\"CMD-SHELL\",\"curl x\"]", "Retries"},
      {",\"init\":false", "\"Init\":false", "ReadonlyRootfs"},
      {",\"restart\":{\"policy\":\"always\",\"retries\":0}", "{\"Name\":\"always\"}", "Maximum"},
      {",\"networks\":[{\"name\":\"front\",\"aliases\":[]}]",
       "\"EndpointsConfig\":{\"net-front\":{\"Aliases\":[\"a\"]}}", "net-back"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_buf service SI_AUTO(si_buf_free) = SI_BUF(2000);
    struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(10000);
    struct si_error error = {0};
    CU_ASSERT_EQUAL(si_buf_printf(&service, "{" BARE "%s}", cases[i].members), SI_OK);
    CU_ASSERT_EQUAL(ask(si_buf_text(&service), &out, &error), SI_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(si_buf_text(&out), cases[i].holds));
    CU_ASSERT_PTR_NULL(strstr(si_buf_text(&out), cases[i].lacks));
  }
}

static void a_member_that_makes_no_sense_is_refused_by_name(void) {
  static const struct {
    const char *members;
    const char *named;
  } cases[] = {
      {",\"environment\":{\"A\":1}", "environment"},
      {",\"networks\":[{\"name\":\"front\"}],\"ports\":[{\"host_port\":1,\"port\":0}]", "ports"},
      {",\"networks\":[{\"name\":\"front\"}],\"ports\":[{\"host_port\":1,\"port\":65536}]",
       "ports"},
      {",\"networks\":[{\"name\":\"front\"}],\"ports\":[{\"host_port\":70000,\"port\":1}]",
       "ports"},
      {",\"networks\":[{\"name\":\"front\"}],\"ports\":[{\"host_port\":1,\"port\":1,"
       "\"protocol\":\"icmp\"}]",
       "ports"},
      {",\"healthcheck\":{\"interval_ms\":-1}", "healthcheck"},
      {",\"stop_grace_ms\":-5", "stop_grace_ms"},
      {",\"tmpfs\":[\"relative\"]", "tmpfs"},
      {",\"limits\":{\"memory_bytes\":-1}", "limits"},
      {",\"shm_bytes\":\"1m\"", "shm_bytes"},
      {",\"ulimits\":[{\"name\":\"nofile\",\"soft\":2,\"hard\":1}]", "ulimits"},
      {",\"cap_add\":[1]", "cap_add"},
      {",\"cap_drop\":[1]", "cap_drop"},
      {",\"extra_hosts\":[{\"host\":\"a\"}]", "extra_hosts"},
      {",\"sysctls\":{\"a\":1}", "sysctls"},
      {",\"logging\":{\"driver\":\"syslog\"}", "logging"},
      {",\"expose\":[{\"port\":0,\"protocol\":\"tcp\"}]", "expose"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_buf service SI_AUTO(si_buf_free) = SI_BUF(2000);
    struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(10000);
    struct si_error error = {0};
    CU_ASSERT_EQUAL(si_buf_printf(&service, "{" BARE "%s}", cases[i].members), SI_OK);
    CU_ASSERT_EQUAL(ask(si_buf_text(&service), &out, &error), SI_E_INVALID);
    CU_ASSERT_STRING_EQUAL(error.target, "a");
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, cases[i].named));
  }
}

static void networks_and_volumes_carry_the_marks(void) {
  static const char network_labels[] =
      "\"Labels\":{\"si.context\":\"ctx-1\",\"si.network\":\"back\",\"si.operation\":\"o\","
      "\"si.project\":\"p\",\"si.release\":\"r\",\"si.slug\":\"blog\",\"si.spec\":\"hash\"}";
  static const char volume_labels[] =
      "\"Labels\":{\"si.context\":\"ctx-1\",\"si.operation\":\"o\",\"si.project\":\"p\","
      "\"si.release\":\"r\",\"si.slug\":\"blog\",\"si.spec\":\"hash\",\"si.volume\":\"back\"}";
  cJSON *inside = cJSON_Parse("{\"name\":\"back\",\"internal\":true}");
  struct local_part part = {"back", inside};
  struct si_buf network SI_AUTO(si_buf_free) = SI_BUF(2000);
  struct si_buf volume SI_AUTO(si_buf_free) = SI_BUF(2000);
  cJSON *body = NULL;
  set_project();
  CU_ASSERT_EQUAL_FATAL(local_request_network(&project, &part, "hash", &body), SI_OK);
  CU_ASSERT_EQUAL(si_json_canonical(body, &network), SI_OK);
  CU_ASSERT_PTR_NOT_NULL(strstr(si_buf_text(&network), network_labels));
  CU_ASSERT_PTR_NOT_NULL(strstr(si_buf_text(&network), "\"Driver\":\"bridge\",\"Internal\":true"));
  CU_ASSERT_PTR_NOT_NULL(strstr(si_buf_text(&network), "\"Name\":\"si-b6d44cbe-blog_back\""));
  cJSON_Delete(body);
  CU_ASSERT_EQUAL_FATAL(local_request_volume(&project, &part, "hash", &body), SI_OK);
  CU_ASSERT_EQUAL(si_json_canonical(body, &volume), SI_OK);
  CU_ASSERT_PTR_NOT_NULL(strstr(si_buf_text(&volume), volume_labels));
  CU_ASSERT_PTR_NOT_NULL(strstr(si_buf_text(&volume), "\"Driver\":\"local\""));
  cJSON_Delete(body);
  cJSON_Delete(inside);
}

UNIT_MAIN("local, requests", UNIT(a_service_with_every_member_asks_for_all_of_them),
          UNIT(limits_and_rights_given_up_are_asked_for),
          UNIT(what_is_left_out_is_left_to_the_engine),
          UNIT(a_member_that_makes_no_sense_is_refused_by_name),
          UNIT(networks_and_volumes_carry_the_marks))
