/* SPDX-License-Identifier: Apache-2.0 */
/* Stack files that are accepted, and the canonical documents they become (docs/stack-file.md). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kit/base/hash.h"
#include "kit/base/path.h"
#include "paas/stack/stack.h"
#include "tests/unit/unit.h"

static bool parse(const char *text, struct si_stack *out) {
  struct si_error error;
  if (si_stack_parse("stack.yaml", text, strlen(text), out, &error) == SI_OK) {
    return true;
  }
  printf("\n  refused: %s\n%s\n", error.message, text);
  return false;
}

static void expect_document(const char *text, const char *json) {
  struct si_stack stack SI_AUTO(si_stack_free) = {0};
  bool ok = parse(text, &stack);
  CU_ASSERT_TRUE(ok);
  if (ok) {
    if (strcmp(stack.json, json) != 0) {
      printf("\n  got  %s\n  want %s\n", stack.json, json);
    }
    CU_ASSERT_STRING_EQUAL(stack.json, json);
    CU_ASSERT_EQUAL(stack.len, strlen(json));
  }
}

#define BARE                                                                                    \
  "\"depends_on\":[],\"environment\":{},\"image\":\"web:1\",\"labels\":{},\"name\":\"web\","    \
  "\"networks\":[{\"aliases\":[\"web\"],\"name\":\"default\"}],\"oneshot\":false,\"ports\":[]," \
  "\"volumes\":[]"
#define DEFAULT_NETWORK "{\"internal\":false,\"name\":\"default\"}"

static void the_smallest_file_gets_every_member_that_is_always_there(void) {
  expect_document("services:\n  web:\n    image: web:1\n",
                  "{\"networks\":[" DEFAULT_NETWORK
                  "],\"schema\":\"si.stack/1\",\"services\":[{" BARE "}],\"volumes\":[]}");
}

static const char everything[] =
    "version: 3.8\n"
    "name: blog\n"
    "x-note: [anything, {at: all}]\n"
    "networks:\n"
    "  inner: {internal: true}\n"
    "  edge:\n"
    "volumes:\n"
    "  data: {}\n"
    "services:\n"
    "  web:\n"
    "    image: registry.example:5000/team/web@sha256:00ff\n"
    "    entrypoint: [/bin/web]\n"
    "    command: serve --name \"the blog\"\n"
    "    environment: {PORT: 8080, DEBUG: false, RATE: 1.50, MODE: 0x1F, ON: yes, EMPTY: \"\"}\n"
    "    ports: [\"8080:80\"]\n"
    "    networks: {inner: {aliases: [www, blog]}, edge: }\n"
    "    depends_on:\n"
    "      migrate: {condition: service_completed_successfully}\n"
    "      db: {condition: service_healthy}\n"
    "    labels: {tier: front, count: 2, bare: }\n"
    "    init: true\n"
    "    read_only: true\n"
    "    user: 1000\n"
    "    working_dir: /srv/\n"
    "    stop_signal: SIGQUIT\n"
    "    hostname: www.example\n"
    "    stop_grace_period: 1m30s\n"
    "    restart: on-failure:5\n"
    "    tmpfs: /run\n"
    "    x-si-oneshot: false\n"
    "    x-more: 1\n"
    "  db:\n"
    "    image: postgres:15\n"
    "    volumes: [\"data:/var/lib/data\"]\n"
    "    networks: [inner]\n"
    "    healthcheck:\n"
    "      test: pg_isready -U $$USER\n"
    "      interval: 2s\n"
    "      timeout: 500ms\n"
    "      retries: 5\n"
    "      start_period: 0s\n"
    "  migrate:\n"
    "    image: web:1\n"
    "    networks: [inner]\n"
    "    depends_on: [db]\n"
    "    restart: no\n";

static const char everything_json[] =
    "{\"networks\":[{\"internal\":false,\"name\":\"edge\"},{\"internal\":true,\"name\":\"inner\"}],"
    "\"schema\":\"si.stack/1\",\"services\":["
    "{\"depends_on\":[],\"environment\":{},\"healthcheck\":{\"interval_ms\":2000,\"retries\":5,"
    "\"start_period_ms\":0,\"test\":[\"CMD-SHELL\",\"pg_isready -U $USER\"],\"timeout_ms\":500},"
    "\"image\":\"postgres:15\",\"labels\":{},\"name\":\"db\",\"networks\":[{\"aliases\":[\"db\"],"
    "\"name\":\"inner\"}],\"oneshot\":false,\"ports\":[],\"volumes\":[{\"read_only\":false,"
    "\"source\":\"data\",\"target\":\"/var/lib/data\"}]},"
    "{\"depends_on\":[{\"condition\":\"service_started\",\"service\":\"db\"}],\"environment\":{},"
    "\"image\":\"web:1\",\"labels\":{},\"name\":\"migrate\",\"networks\":[{\"aliases\":["
    "\"migrate\"],\"name\":\"inner\"}],\"oneshot\":true,\"ports\":[],\"restart\":{\"policy\":"
    "\"no\",\"retries\":0},\"volumes\":[]},"
    "{\"command\":[\"serve\",\"--name\",\"the blog\"],\"depends_on\":[{\"condition\":"
    "\"service_healthy\",\"service\":\"db\"},{\"condition\":\"service_completed_successfully\","
    "\"service\":\"migrate\"}],\"entrypoint\":[\"/bin/web\"],\"environment\":{\"DEBUG\":\"false\","
    "\"EMPTY\":\"\",\"MODE\":\"0x1F\",\"ON\":\"yes\",\"PORT\":\"8080\",\"RATE\":\"1.50\"},"
    "\"hostname\":\"www.example\",\"image\":\"registry.example:5000/team/web@sha256:00ff\","
    "\"init\":true,\"labels\":{\"bare\":\"\",\"count\":\"2\",\"tier\":\"front\"},\"name\":\"web\","
    "\"networks\":[{\"aliases\":[\"web\"],\"name\":\"edge\"},{\"aliases\":[\"blog\",\"web\","
    "\"www\"],\"name\":\"inner\"}],\"oneshot\":false,\"ports\":[{\"host_ip\":\"127.0.0.1\","
    "\"host_port\":8080,\"port\":80,\"protocol\":\"tcp\"}],\"read_only\":true,\"restart\":{"
    "\"policy\":\"on-failure\",\"retries\":5},\"stop_grace_ms\":90000,\"stop_signal\":\"SIGQUIT\","
    "\"tmpfs\":[\"/run\"],\"user\":\"1000\",\"volumes\":[],\"working_dir\":\"/srv\"}],"
    "\"volumes\":[{\"name\":\"data\"}]}";

static void every_supported_key_reaches_the_document(void) {
  expect_document(everything, everything_json);
}

static void the_order_of_keys_does_not_matter(void) {
  expect_document(
      "services:\n"
      "  b: {labels: {z: 1, a: 2}, image: b, environment: [K=1, A=2], networks: [n, m]}\n"
      "  a: {depends_on: [b], image: a}\n"
      "networks: {n: , m: }\n"
      "volumes: {y: , x: }\n",
      "{\"networks\":[" DEFAULT_NETWORK
      ",{\"internal\":false,\"name\":\"m\"},{\"internal\":false,\"name\":\"n\"}],"
      "\"schema\":\"si.stack/1\",\"services\":[{\"depends_on\":[{\"condition\":"
      "\"service_started\",\"service\":\"b\"}],\"environment\":{},\"image\":\"a\",\"labels\":{},"
      "\"name\":\"a\",\"networks\":[{\"aliases\":[\"a\"],\"name\":\"default\"}],\"oneshot\":false,"
      "\"ports\":[],\"volumes\":[]},{\"depends_on\":[],\"environment\":{\"A\":\"2\",\"K\":\"1\"},"
      "\"image\":\"b\",\"labels\":{\"a\":\"2\",\"z\":\"1\"},\"name\":\"b\",\"networks\":[{"
      "\"aliases\":[\"b\"],\"name\":\"m\"},{\"aliases\":[\"b\"],\"name\":\"n\"}],\"oneshot\":"
      "false,\"ports\":[],\"volumes\":[]}],\"volumes\":[{\"name\":\"x\"},{\"name\":\"y\"}]}");
  struct si_stack one SI_AUTO(si_stack_free) = {0};
  struct si_stack two SI_AUTO(si_stack_free) = {0};
  const char *turned =
      "volumes: {x: , y: }\n"
      "networks: {m: , n: }\n"
      "services:\n"
      "  a: {image: a, depends_on: {b: {condition: service_started}}}\n"
      "  b: {networks: {m: , n: }, environment: {A: 2, K: 1}, image: b, labels: [a=2, z=1]}\n";
  const char *straight =
      "services:\n"
      "  b: {labels: {z: 1, a: 2}, image: b, environment: [K=1, A=2], networks: [n, m]}\n"
      "  a: {depends_on: [b], image: a}\n"
      "networks: {n: , m: }\n"
      "volumes: {y: , x: }\n";
  CU_ASSERT_TRUE_FATAL(parse(turned, &one));
  CU_ASSERT_TRUE_FATAL(parse(straight, &two));
  CU_ASSERT_STRING_EQUAL(one.json, two.json);
  CU_ASSERT_STRING_EQUAL(one.sha256, two.sha256);
}

/* Lines inside `services.web`, and the piece of the document they must become. */
static const struct {
  const char *lines;
  const char *piece;
} pieces[] = {
    {"command: nginx -g 'daemon off;'", "\"command\":[\"nginx\",\"-g\",\"daemon off;\"]"},
    {"command: a\\ b \"c\\\"d\" 'e\\f' g''h \"\"",
     "\"command\":[\"a b\",\"c\\\"d\",\"e\\\\f\",\"gh\",\"\"]"},
    {"command: >\n      run\n      --fast\n", "\"command\":[\"run\",\"--fast\"]"},
    {"command: [sh, -c, \"echo $$HOME | cat\"]",
     "\"command\":[\"sh\",\"-c\",\"echo $HOME | cat\"]"},
    {"entrypoint: /bin/run it", "\"entrypoint\":[\"/bin/run\",\"it\"]"},
    {"environment: [\"A=b=c\", B=]", "\"environment\":{\"A\":\"b=c\",\"B\":\"\"}"},
    {"environment: {N: !!str 5, M: 010, F: .5, T: 22:22, O: on}",
     "\"environment\":{\"F\":\".5\",\"M\":\"010\",\"N\":\"5\",\"O\":\"on\",\"T\":\"22:22\"}"},
    {"environment: {A: \"\\x01\\u00e9\\n\"}", "\"environment\":{\"A\":\"\\u0001\303\251\\n\"}"},
    {"labels: [bare, \"k=v\"]", "\"labels\":{\"bare\":\"\",\"k\":\"v\"}"},
    {"labels: {\"a$b\": c}", "\"labels\":{\"a$b\":\"c\"}"},
    {"ports: [80]", "{\"host_ip\":\"127.0.0.1\",\"host_port\":0,\"port\":80,\"protocol\":\"tcp\"}"},
    {"ports:\n      - 22:22", "\"host_port\":22,\"port\":22"},
    {"ports: [\"0.0.0.0:53:5353/udp\"]",
     "{\"host_ip\":\"0.0.0.0\",\"host_port\":53,\"port\":5353,\"protocol\":\"udp\"}"},
    {"ports: [\"[0:0::1]:8080:80\"]", "\"host_ip\":\"::1\",\"host_port\":8080"},
    {"ports: [\"127.0.0.2::80\"]", "\"host_ip\":\"127.0.0.2\",\"host_port\":0,\"port\":80"},
    {"ports: [\"8000-8001:80-81\"]",
     "[{\"host_ip\":\"127.0.0.1\",\"host_port\":8000,\"port\":80,\"protocol\":\"tcp\"},"
     "{\"host_ip\":\"127.0.0.1\",\"host_port\":8001,\"port\":81,\"protocol\":\"tcp\"}]"},
    {"ports: [\"80-81\"]",
     "\"host_port\":0,\"port\":80,\"protocol\":\"tcp\"},{\"host_ip\":\"127.0.0.1\",\"host_port\":0,"
     "\"port\":81"},
    {"ports: [\"53:53/udp\", \"53:53/tcp\"]", "\"protocol\":\"udp\"},{"},
    {"ports: [\"127.0.0.1:80:80\", \"127.0.0.2:80:80\", \"[::]:80:80\"]", "\"::\""},
    {"ports: [{target: 80, published: \"8080\", host_ip: 10.0.0.1, protocol: udp}]",
     "{\"host_ip\":\"10.0.0.1\",\"host_port\":8080,\"port\":80,\"protocol\":\"udp\"}"},
    {"volumes: [\"data:/srv/:ro\"]",
     "\"volumes\":[{\"read_only\":true,\"source\":\"data\",\"target\":\"/srv\"}]"},
    {"volumes: [{type: volume, source: data, target: /srv, read_only: true}]",
     "\"volumes\":[{\"read_only\":true,\"source\":\"data\",\"target\":\"/srv\"}]"},
    {"volumes: [\"data:/b\", \"data:/a:rw\"]", "\"target\":\"/b\"},{"},
    {"tmpfs: [/tmp, /run]", "\"tmpfs\":[\"/tmp\",\"/run\"]"},
    {"healthcheck: {test: [CMD, curl, -f, \"http://localhost/\"]}",
     "\"healthcheck\":{\"test\":[\"CMD\",\"curl\",\"-f\",\"http://localhost/\"]}"},
    {"healthcheck: {test: [\"NONE\"]}", "\"healthcheck\":{\"disable\":true}"},
    {"healthcheck: {disable: true}", "\"healthcheck\":{\"disable\":true}"},
    {"stop_grace_period: 24d", "\"stop_grace_ms\":2073600000"},
    {"x-si-oneshot: true", "\"oneshot\":true"},
    {"restart: unless-stopped", "\"restart\":{\"policy\":\"unless-stopped\",\"retries\":0}"},
    {"init: false", "\"init\":false"},
    {"networks: [default]", "\"networks\":[{\"aliases\":[\"web\"],\"name\":\"default\"}]"},
    {"networks: {default: {aliases: [web, www]}}",
     "\"networks\":[{\"aliases\":[\"web\",\"www\"],\"name\":\"default\"}]"},
};

static void each_form_of_a_key_becomes_its_piece(void) {
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
    struct si_stack stack SI_AUTO(si_stack_free) = {0};
    char text[1024];
    snprintf(text, sizeof text, "volumes:\n  data:\nservices:\n  web:\n    image: web:1\n    %s\n",
             pieces[i].lines);
    bool ok = parse(text, &stack);
    CU_ASSERT_TRUE(ok);
    if (ok && !strstr(stack.json, pieces[i].piece)) {
      printf("\n  %s\n  got  %s\n  want %s\n", pieces[i].lines, stack.json, pieces[i].piece);
      CU_FAIL("a piece is missing");
    }
  }
}

static void a_declared_default_network_keeps_what_it_says(void) {
  expect_document("networks: {default: {internal: true}}\nservices: {web: {image: \"web:1\"}}\n",
                  "{\"networks\":[{\"internal\":true,\"name\":\"default\"}],"
                  "\"schema\":\"si.stack/1\",\"services\":[{" BARE "}],\"volumes\":[]}");
}

/* All of these are the smallest file in another dress. */
static void the_dress_of_the_text_does_not_matter(void) {
  static const char *const dresses[] = {
      "services:\r\n  web:\r\n    image: web:1\r\n",
      "\xEF\xBB\xBFservices:\n  web:\n    image: web:1\n",
      "# a note\n---\nservices: {web: {image: \"web:1\"}} # end\n...\n",
      "%YAML 1.2\n---\n{\"services\": {\"web\": {\"image\": 'web:1'}}}\n",
      "services: !!map\n  web: &w\n    image: !!str web:1",
      "x-image: &i web:1\nservices: {web: {image: *i}}\n",
      "x-web: &w {image: \"web:1\"}\nservices: {web: *w}\n",
      "services:\n  web:\n    image: >-\n      web:1\n",
  };
  struct si_stack plain SI_AUTO(si_stack_free) = {0};
  CU_ASSERT_TRUE_FATAL(parse("services:\n  web:\n    image: web:1\n", &plain));
  for (size_t i = 0; i < sizeof dresses / sizeof *dresses; i++) {
    expect_document(dresses[i], plain.json);
  }
}

static void the_spec_hash_is_the_sha256_of_the_document(void) {
  struct si_stack stack SI_AUTO(si_stack_free) = {0};
  char hex[SI_SHA256_HEX];
  CU_ASSERT_TRUE_FATAL(parse(everything, &stack));
  CU_ASSERT_EQUAL(si_sha256_hex(stack.json, stack.len, hex), SI_OK);
  CU_ASSERT_STRING_EQUAL(stack.sha256, hex);
}

static void the_document_is_canonical_already(void) {
  struct si_stack stack SI_AUTO(si_stack_free) = {0};
  struct si_buf again SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  cJSON *json SI_AUTO(si_json_free) = NULL;
  CU_ASSERT_TRUE_FATAL(parse(everything, &stack));
  CU_ASSERT_EQUAL_FATAL(si_json_parse(stack.json, stack.len, &json, NULL), SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_json_canonical(json, &again), SI_OK);
  CU_ASSERT_STRING_EQUAL(si_buf_text(&again), stack.json);
}

static void a_file_is_read_as_its_text_is(void) {
  char path[] = "/tmp/si-stack-XXXXXX";
  struct si_stack text SI_AUTO(si_stack_free) = {0};
  struct si_stack file SI_AUTO(si_stack_free) = {0};
  struct si_error error;
  int fd = mkstemp(path);
  CU_ASSERT_TRUE_FATAL(fd >= 0);
  CU_ASSERT_EQUAL(write(fd, everything, strlen(everything)), (ssize_t)strlen(everything));
  close(fd);
  CU_ASSERT_EQUAL(si_stack_load(path, &file, &error), SI_OK);
  unlink(path);
  CU_ASSERT_TRUE_FATAL(parse(everything, &text));
  CU_ASSERT_STRING_EQUAL(file.json, text.json);
}

/* The text of the first ```kind block of the page, cut out in place. */
static char *block_of(char *page, const char *kind) {
  char fence[16];
  snprintf(fence, sizeof fence, "\n```%s\n", kind);
  char *from = strstr(page, fence);
  char *to = from ? strstr(from + strlen(fence), "\n```\n") : NULL;
  if (!to) {
    return NULL;
  }
  to[1] = '\0';
  return from + strlen(fence);
}

static void the_example_of_the_page_is_true(void) {
  struct si_buf page SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  struct si_buf json SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  cJSON *value SI_AUTO(si_json_free) = NULL;
  CU_ASSERT_EQUAL_FATAL(si_read_file(AT_FDCWD, SI_STACK_PAGE, &page), SI_OK);
  char *becomes = block_of(page.data, "json");
  char *example = block_of(page.data, "yaml");
  CU_ASSERT_PTR_NOT_NULL_FATAL(becomes);
  CU_ASSERT_PTR_NOT_NULL_FATAL(example);
  CU_ASSERT_EQUAL_FATAL(si_json_parse(becomes, strlen(becomes), &value, NULL), SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_json_canonical(value, &json), SI_OK);
  expect_document(example, si_buf_text(&json));
}

UNIT_MAIN("stack: documents", UNIT(the_smallest_file_gets_every_member_that_is_always_there),
          UNIT(every_supported_key_reaches_the_document), UNIT(the_order_of_keys_does_not_matter),
          UNIT(each_form_of_a_key_becomes_its_piece),
          UNIT(a_declared_default_network_keeps_what_it_says),
          UNIT(the_dress_of_the_text_does_not_matter),
          UNIT(the_spec_hash_is_the_sha256_of_the_document),
          UNIT(the_document_is_canonical_already), UNIT(a_file_is_read_as_its_text_is),
          UNIT(the_example_of_the_page_is_true))
