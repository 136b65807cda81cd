/* SPDX-License-Identifier: Apache-2.0 */
/* What programs read: exact, and one strict JSON text whatever the command came to. */
#include "cli/exit.h"
#include "kit/base/json.h"
#include "tests/unit/cli/run.h"

static si_rc show(struct si_invocation *inv) {
  cJSON *data = cJSON_CreateObject();
  cJSON_AddStringToObject(data, "name", "blog\x1b\x7f\xc2\x9b\"");
  cJSON_AddStringToObject(data, "broken", "\xff");
  cJSON_AddNumberToObject(data, "small", 42);
  cJSON_AddNumberToObject(data, "half", 0.5);
  cJSON_AddNumberToObject(data, "beyond", 18014398509481984.0);
  cJSON_AddBoolToObject(data, "yes", true);
  CU_ASSERT_EQUAL(si_json_add_i64(data, "least", INT64_MIN), SI_OK);
  CU_ASSERT_EQUAL(si_json_add_u64(data, "most", UINT64_MAX), SI_OK);
  CU_ASSERT_EQUAL(si_json_add_text(data, "none", ""), SI_OK);
  si_out_line(inv->out, "for people");
  si_out_field(inv->out, "name", "for people");
  si_out_text(inv->out, "for people", 10);
  return si_out_result(inv->out, data);
}

static si_rc list(struct si_invocation *inv) {
  cJSON *data = cJSON_CreateArray();
  for (size_t i = 0; i < si_arg_count(inv); i++) {
    cJSON_AddItemToArray(data, cJSON_CreateString(si_arg(inv, i)));
  }
  return si_out_list(inv->out, data);
}

static si_rc twice(struct si_invocation *inv) {
  (void)si_out_list(inv->out, cJSON_CreateArray());
  return si_out_result(inv->out, cJSON_CreateString("the last"));
}

static si_rc silent(struct si_invocation *inv) {
  (void)inv;
  return SI_OK;
}

static si_rc mute(struct si_invocation *inv) {
  (void)inv;
  return SI_E_NOMEM;
}

static si_rc fail(struct si_invocation *inv) {
  si_error_set(&inv->error, SI_E_NOT_FOUND, "LOCAL_IMAGE_MISSING", "no image %s", "web\n:1");
  si_error_target(&inv->error, "provision", "web");
  si_error_hint(&inv->error, "build it");
  si_error_detail(&inv->error, "line 1\nline\x1b 2\n");
  inv->error.retry = SI_RETRY_SAFE;
  return si_exit_failed(inv);
}

static si_rc findings(struct si_invocation *inv) {
  (void)si_out_list(inv->out, cJSON_CreateStringArray((const char *[]){"a"}, 1));
  return si_error_set(&inv->error, SI_E_CORRUPT, "DOCTOR", "1 critical finding");
}

static si_rc follow(struct si_invocation *inv) {
  for (int i = 1; i < 3; i++) {
    cJSON *record = cJSON_CreateObject();
    cJSON_AddNumberToObject(record, "n", i);
    CU_ASSERT_EQUAL(si_out_record(inv->out, record), SI_OK);
  }
  return si_arg_count(inv) ? si_error_set(&inv->error, SI_E_UNAVAILABLE, "GONE", "gone") : SI_OK;
}

/* Would never end on its own. */
static si_rc endless(struct si_invocation *inv) {
  si_rc status = SI_OK;
  while (status == SI_OK) {
    si_out_text(inv->out, "line\n", 5);
    status = si_out_flush(inv->out, &inv->error);
  }
  return status;
}

#define ROW(fn, more) \
  static const struct si_command row_##fn = {.path = "x " #fn, .summary = "X", .run = fn, more}
#define ANY .params = {{"A", SI_PARAM_OPTIONAL | SI_PARAM_MANY, "A"}}
ROW(show, .flags = SI_CMD_CONTEXT);
ROW(list, ANY);
ROW(twice, .flags = 0);
ROW(silent, .flags = 0);
ROW(mute, .flags = 0);
ROW(fail, .flags = SI_CMD_CONTEXT);
ROW(findings, .flags = 0);
ROW(endless, .flags = SI_CMD_STREAM);
static const struct si_command row_follow = {
    .path = "x follow", .summary = "X", .flags = SI_CMD_STREAM, .run = follow, ANY};

static const struct si_command *const rows[] = {&row_show,    &row_list, &row_twice,    &row_silent,
                                                &row_mute,    &row_fail, &row_findings, &row_follow,
                                                &row_endless, NULL};
static const struct si_cli cli = {.commands = rows};

static struct run r;

static void every_envelope_is_as_promised(void) {
  static const struct {
    const char *line;
    int code;
    const char *json;
  } cases[] = {
      {"x show --json --context demo", 0,
       "{\"schema\":\"si/1\",\"ok\":true,\"command\":\"x show\",\"context\":\"demo\",\"data\":{"
       "\"name\":\"blog\\u001b\\u007f\\u009b\\\"\",\"broken\":\"\xef\xbf\xbd\",\"small\":42,"
       "\"half\":0.5,\"beyond\":\"18014398509481984\",\"yes\":true,"
       "\"least\":\"-9223372036854775808\",\"most\":\"18446744073709551615\",\"none\":null}}\n"},
      {"x list --json a b --context meaningless", 0,
       "{\"schema\":\"si/1\",\"ok\":true,\"command\":\"x list\",\"context\":null,\"count\":2,"
       "\"data\":[\"a\",\"b\"]}\n"},
      {"x --json list", 0,
       "{\"schema\":\"si/1\",\"ok\":true,\"command\":\"x list\",\"context\":null,\"count\":0,"
       "\"data\":[]}\n"},
      {"--json x twice", 0,
       "{\"schema\":\"si/1\",\"ok\":true,\"command\":\"x twice\",\"context\":null,"
       "\"data\":\"the last\"}\n"},
      {"x silent --json", 0,
       "{\"schema\":\"si/1\",\"ok\":true,\"command\":\"x silent\",\"context\":null,"
       "\"data\":null}\n"},
      {"x mute --json", 1,
       "{\"schema\":\"si/1\",\"ok\":false,\"command\":\"x mute\",\"context\":null,\"error\":{"
       "\"code\":\"CLI_FAILED\",\"stage\":\"\",\"target\":\"\","
       "\"message\":\"`si x mute` failed: out of memory\",\"remediation\":\"\","
       "\"retry\":\"never\"}}\n"},
      {"x fail --json --context demo", 1,
       "{\"schema\":\"si/1\",\"ok\":false,\"command\":\"x fail\",\"context\":\"demo\",\"error\":{"
       "\"code\":\"LOCAL_IMAGE_MISSING\",\"stage\":\"provision\",\"target\":\"web\","
       "\"message\":\"no image web\\n:1\",\"remediation\":\"build it\",\"retry\":\"safe\","
       "\"detail\":\"line 1\\nline\\u001b 2\\n\"}}\n"},
      {"x findings --json", 8,
       "{\"schema\":\"si/1\",\"ok\":false,\"command\":\"x findings\",\"context\":null,\"error\":{"
       "\"code\":\"DOCTOR\",\"stage\":\"\",\"target\":\"\",\"message\":\"1 critical finding\","
       "\"remediation\":\"\",\"retry\":\"never\"},\"count\":1,\"data\":[\"a\"]}\n"},
      {"x nothing --json", 2,
       "{\"schema\":\"si/1\",\"ok\":false,\"command\":\"x\",\"context\":null,\"error\":{"
       "\"code\":\"CLI_UNKNOWN_COMMAND\",\"stage\":\"usage\",\"target\":\"\","
       "\"message\":\"there is no command `si x nothing`\","
       "\"remediation\":\"`si x --help` lists the commands\",\"retry\":\"never\"}}\n"},
      {"--bogus x silent --json", 2,
       "{\"schema\":\"si/1\",\"ok\":false,\"command\":\"x silent\",\"context\":null,\"error\":{"
       "\"code\":\"CLI_UNKNOWN_OPTION\",\"stage\":\"usage\",\"target\":\"\","
       "\"message\":\"there is no option --bogus\","
       "\"remediation\":\"the options of a command stand behind its name\","
       "\"retry\":\"never\"}}\n"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cJSON *parsed SI_AUTO(si_json_free) = NULL;
    run_line(&cli, cases[i].line, &r);
    CU_ASSERT_EQUAL(r.code, cases[i].code);
    CU_ASSERT_TRUE(run_holds(r.out, cases[i].json, cases[i].line));
    CU_ASSERT_EQUAL(strlen(r.out), strlen(cases[i].json));
    CU_ASSERT_EQUAL(si_json_parse(r.out, strlen(r.out), &parsed, NULL), SI_OK);
    CU_ASSERT_STRING_EQUAL(r.err, "");
  }
}

static void retry_has_four_words(void) {
  static const char *const words[] = {"\"retry\":\"never\"", "\"retry\":\"safe\"",
                                      "\"retry\":\"after\"", "\"retry\":\"unknown\""};
  for (uint32_t i = 0; i < 4; i++) {
    struct si_output out;
    struct si_error error = {.status = SI_E_IO, .retry = i};
    int fd = memfd_create("out", MFD_CLOEXEC);
    si_out_init(&out, STDIN_FILENO, fd, STDERR_FILENO);
    out.json = true;
    si_out_finish(&out, &error);
    CU_ASSERT_EQUAL(si_out_flush(&out, NULL), SI_OK);
    si_out_free(&out);
    run_keep(fd, r.out, sizeof r.out);
    CU_ASSERT_TRUE(run_holds(r.out, words[i], "envelope"));
  }
}

static void a_stream_is_lines_and_ends_in_an_envelope_only_when_it_failed(void) {
  run_line(&cli, "x follow --json", &r);
  CU_ASSERT_STRING_EQUAL(r.out, "{\"n\":1}\n{\"n\":2}\n");
  CU_ASSERT_EQUAL(r.code, 0);
  run_line(&cli, "x follow --json a", &r);
  CU_ASSERT_TRUE(
      run_holds(r.out, "{\"n\":1}\n{\"n\":2}\n{\"schema\":\"si/1\",\"ok\":false,", "out"));
  CU_ASSERT_EQUAL(r.code, 6);
  run_line(&cli, "x follow", &r);
  CU_ASSERT_STRING_EQUAL(r.out, "");
}

static void people_read_the_same_failure_as_text(void) {
  run_line(&cli, "x fail --context demo", &r);
  CU_ASSERT_EQUAL(r.code, 1);
  CU_ASSERT_STRING_EQUAL(r.out, "");
  CU_ASSERT_STRING_EQUAL(r.err, "si: no image web\\n:1\n  line 1\n  line\\x1b 2\nnext: build it\n");
  run_line(&cli, "x fail -v --context demo", &r);
  CU_ASSERT_TRUE(run_holds(
      r.err, "si: no image web\\n:1 [LOCAL_IMAGE_MISSING, in provision, at web]\n", "stderr"));
  run_line(&cli, "x fail -q --context demo", &r);
  CU_ASSERT_TRUE(run_holds(r.err, "si: no image", "stderr"));
}

static void a_stream_ends_when_nobody_reads(void) {
  const char *argv[] = {"si", "x", "endless", NULL};
  int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  int err = memfd_create("err", MFD_CLOEXEC);
  CU_ASSERT_EQUAL(si_cli_run(&cli, 3, (char **)argv, STDIN_FILENO, full, err), 1);
  close(full);
  run_keep(err, r.err, sizeof r.err);
  CU_ASSERT_STRING_EQUAL(r.err, "si: standard output was not written: No space left on device\n");
}

UNIT_MAIN("cli envelope", UNIT(a_stream_ends_when_nobody_reads),
          UNIT(every_envelope_is_as_promised), UNIT(retry_has_four_words),
          UNIT(a_stream_is_lines_and_ends_in_an_envelope_only_when_it_failed),
          UNIT(people_read_the_same_failure_as_text))
