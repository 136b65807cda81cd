/* SPDX-License-Identifier: Apache-2.0 */
/* What an alert policy may say, and which hosts a context may speak to (R14). */
#include "paas/alert/policy.h"

#include <stdio.h>
#include <string.h>

#include "paas/alert/hosts.h"
#include "tests/unit/unit.h"

#define HOOK(rest) "{\"channels\":{\"ops\":{\"type\":\"webhook\"," rest "}}}"
#define URL(url) HOOK("\"url\":\"" url "\",\"secret\":\"OPS_KEY\"")
#define GOOD "\"url\":\"https://hooks.example.org/a\",\"secret\":\"OPS_KEY\""

static void a_policy_is_read_strictly(void) {
  static const struct {
    const char *text, *code, *target; /* code NULL: taken */
  } cases[] = {
      {"{}", NULL, NULL},
      {HOOK(GOOD), NULL, NULL},
      {HOOK(GOOD ",\"timeout_seconds\":60,\"ca_file\":\"/etc/ca.pem\",\"allow_private\":true"),
       NULL, NULL},
      {"{\"default_channel\":\"log\",\"severity\":{\"info\":\"log\"},\"updated_at\":\"x\"}", NULL,
       NULL},
      {"{\"dedupe_seconds\":0}", NULL, NULL},
      {URL("http://localhost:8080/a\",\"allow_http_loopback\":true,\"ca_file\":\"/x"), NULL, NULL},
      {URL("https://hooks.example.org/alerts-2024-production-cluster01"), NULL, NULL},
      {URL("https://hooks.example.org/a?team=ops&v=2"), NULL, NULL},
      {HOOK("\"url_secret\":\"OPS_URL\",\"secret\":\"OPS_KEY\""), NULL, NULL},
      {"", "ALERT_POLICY", ""},
      {"[]", "ALERT_POLICY", ""},
      {"{\"a\":1,\"a\":1}", "ALERT_POLICY", ""},
      {"{\"chanels\":{}}", "ALERT_POLICY", "/chanels"},
      {"{\"channels\":[]}", "ALERT_POLICY", "/channels"},
      {"{\"channels\":{\"A\":{\"type\":\"log\"}}}", "ALERT_POLICY", "/channels/A"},
      {"{\"channels\":{\"a\":\"log\"}}", "ALERT_POLICY", "/channels/a/type"},
      {"{\"channels\":{\"a\":{\"type\":\"mail\"}}}", "ALERT_POLICY", "/channels/a/type"},
      {"{\"channels\":{\"log\":{\"type\":\"webhook\"," GOOD "}}}", "ALERT_POLICY",
       "/channels/log/type"},
      {"{\"channels\":{\"a\":{\"type\":\"log\",\"url\":\"x\"}}}", "ALERT_POLICY",
       "/channels/a/url"},
      {"{\"default_channel\":\"ops\"}", "ALERT_POLICY", "/default_channel"},
      {"{\"severity\":{\"fatal\":\"log\"}}", "ALERT_POLICY", "/severity/fatal"},
      {"{\"severity\":{\"info\":7}}", "ALERT_POLICY", "/severity/info"},
      {"{\"dedupe_seconds\":-1}", "ALERT_POLICY", "/dedupe_seconds"},
      {"{\"dedupe_seconds\":1.5}", "ALERT_POLICY", "/dedupe_seconds"},
      {"{\"dedupe_seconds\":604801}", "ALERT_POLICY", "/dedupe_seconds"},
      {HOOK("\"secret\":\"OPS_KEY\""), "ALERT_POLICY", "/channels/ops/url"},
      {HOOK("\"url\":\"https://h/\""), "ALERT_POLICY", "/channels/ops/secret"},
      {HOOK(GOOD ",\"url_secret\":\"OPS_URL\""), "ALERT_POLICY", "/channels/ops/url"},
      {HOOK("\"url_secret\":7,\"secret\":\"OPS_KEY\""), "ALERT_POLICY", "/channels/ops/url_secret"},
      {HOOK("\"url_secret\":\"OPS_URL\""), "ALERT_POLICY", "/channels/ops/secret"},
      {HOOK(GOOD ",\"timeout_seconds\":61"), "ALERT_POLICY", "/channels/ops/timeout_seconds"},
      {HOOK(GOOD ",\"allow_private\":1"), "ALERT_POLICY", "/channels/ops/allow_private"},
      {HOOK(GOOD ",\"ca_file\":\"ca.pem\""), "ALERT_POLICY", "/channels/ops/ca_file"},
      {HOOK(GOOD ",\"tiemout_seconds\":1"), "ALERT_POLICY", "/channels/ops/tiemout_seconds"},
      {URL("http://hooks.example.org/"), "ALERT_POLICY", "/channels/ops/url"},
      {URL("http://localhost/"), "ALERT_POLICY", "/channels/ops/url"},
      {URL("http://hooks.example.org/\",\"allow_http_loopback\":true,\"ca_file\":\"/x"),
       "ALERT_POLICY", "/channels/ops/url"},
      {URL("hooks.example.org"), "ALERT_POLICY", "/channels/ops/url"},
      /* credentials */
      {HOOK(GOOD ",\"token\":\"x\""), "ALERT_POLICY_SECRET", "/channels/ops/token"},
      {HOOK("\"url\":\"https://h/\",\"secret\":\"s3cr3t value\""), "ALERT_POLICY_SECRET",
       "/channels/ops/secret"},
      {HOOK("\"url\":\"https://h/\",\"secret\":\"lower\""), "ALERT_POLICY_SECRET",
       "/channels/ops/secret"},
      {HOOK("\"url_secret\":\"https://h/s3cr3t\",\"secret\":\"OPS_KEY\""), "ALERT_POLICY_SECRET",
       "/channels/ops/url_secret"},
      {URL("https://user@h/"), "ALERT_POLICY_SECRET", "/channels/ops/url"},
      {URL("https://user:pass@h/"), "ALERT_POLICY_SECRET", "/channels/ops/url"},
      {URL("https://h/?token=x"), "ALERT_POLICY_SECRET", "/channels/ops/url"},
      {URL("https://h/?a=1&api_key=x"), "ALERT_POLICY_SECRET", "/channels/ops/url"},
      {URL("https://h/?sig=x"), "ALERT_POLICY_SECRET", "/channels/ops/url"},
      {URL("https://h/?x=9f86d081884c7d659a2feaa0c55ad015"), "ALERT_POLICY_SECRET",
       "/channels/ops/url"},
      {URL("https://h/?9f86d081884c7d659a2feaa0c55ad015"), "ALERT_POLICY_SECRET",
       "/channels/ops/url"},
      {URL("https://h/services/T00000000/B00000000/xYz12aBcDe34FgHi56JkLm78"),
       "ALERT_POLICY_SECRET", "/channels/ops/url"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_alert_policy policy SI_AUTO(si_alert_policy_free) = SI_ALERT_POLICY;
    struct si_error error = {.code = "taken"};
    si_rc status = si_alert_policy_parse(cases[i].text, strlen(cases[i].text), &policy, &error);
    const char *code = cases[i].code ? cases[i].code : "taken";
    bool refused = strcmp(code, "ALERT_POLICY_SECRET") == 0;
    if (strcmp(error.code, code) != 0 || (cases[i].code && strcmp(error.target, cases[i].target)) ||
        (status == SI_OK) != !cases[i].code || (status == SI_E_REFUSED) != refused) {
      printf("\n%s: %s %s %s\n", cases[i].text, error.code, error.target, error.message);
      CU_FAIL("policy");
    }
    /* What may be a secret is never said again. */
    CU_ASSERT_PTR_NULL(strstr(error.message, "s3cr3t"));
    CU_ASSERT_PTR_NULL(strstr(error.message, "9f86d0"));
    CU_ASSERT_PTR_NULL(strstr(error.message, "pass@"));
  }
}

static void what_is_left_out_is_filled_in(void) {
  static const char text[] =
      "{\"default_channel\":\"ops\",\"severity\":{\"info\":\"log\"},\"channels\":{\"ops\":{"
      "\"type\":\"webhook\"," GOOD "}}}";
  struct si_alert_policy policy SI_AUTO(si_alert_policy_free) = SI_ALERT_POLICY;
  struct si_alert_channel channel;
  struct si_error error;
  CU_ASSERT_EQUAL_FATAL(si_alert_policy_parse(text, strlen(text), &policy, &error), SI_OK);
  CU_ASSERT_STRING_EQUAL(si_alert_policy_route(&policy, "info"), "log");
  CU_ASSERT_STRING_EQUAL(si_alert_policy_route(&policy, "warning"), "ops");
  CU_ASSERT_STRING_EQUAL(si_alert_policy_route(&policy, "critical"), "ops");
  CU_ASSERT_EQUAL(si_alert_policy_dedupe_ms(&policy), 300000);
  CU_ASSERT_FATAL(si_alert_policy_channel(&policy, "ops", &channel));
  CU_ASSERT(channel.webhook && !channel.allow_private && !channel.allow_http_loopback);
  CU_ASSERT_EQUAL(channel.timeout_ms, 10000);
  CU_ASSERT_STRING_EQUAL(channel.secret, "OPS_KEY");
  CU_ASSERT_FATAL(si_alert_policy_channel(&policy, "log", &channel));
  CU_ASSERT(!channel.webhook);
  CU_ASSERT(!si_alert_policy_channel(&policy, "nobody", &channel));
}

static void the_default_policy_sends_nothing(void) {
  struct si_alert_policy policy SI_AUTO(si_alert_policy_free) = SI_ALERT_POLICY;
  struct si_error error;
  CU_ASSERT_EQUAL_FATAL(si_alert_policy_default(&policy, &error), SI_OK);
  CU_ASSERT_STRING_EQUAL(si_alert_policy_route(&policy, "critical"), "log");
}

static void R14_a_host_is_reached_only_where_the_context_allows_it(void) {
  static const struct {
    const char *policy, *host;
    bool allowed;
  } cases[] = {
      {"{\"mode\":\"deny\"}", "h.example.org", false},
      {"{\"mode\":\"deny\",\"allow\":[\"h.example.org\"]}", "h.example.org", false},
      {"{\"mode\":\"allow\"}", "h.example.org", false},
      {"{\"mode\":\"allow\",\"allow\":[]}", "h.example.org", false},
      {"{\"mode\":\"allow\",\"allow\":[\"h.example.org\"]}", "h.example.org", true},
      {"{\"mode\":\"allow\",\"allow\":[\"H.Example.org\"]}", "h.example.org", true},
      {"{\"mode\":\"allow\",\"allow\":[\"h.example.org\"]}", "x.h.example.org", false},
      {"{\"mode\":\"allow\",\"allow\":[\"h.example.org\"]}", "h.example.org.evil", false},
      {"{\"mode\":\"allow\",\"allow\":[\"*.example.org\"]}", "h.example.org", true},
      {"{\"mode\":\"allow\",\"allow\":[\"*.example.org\"]}", "a.b.example.org", true},
      {"{\"mode\":\"allow\",\"allow\":[\"*.example.org\"]}", "example.org", false},
      {"{\"mode\":\"allow\",\"allow\":[\"*.example.org\"]}", "badexample.org", false},
      {"{\"mode\":\"allow\",\"allow\":[\"*.example.org\"]}", ".example.org", false},
      {"{\"mode\":\"allow\",\"allow\":[\"*\"]}", "h.example.org", false},
      {"{\"mode\":\"allow\",\"allow\":[\"a\",\"b*\"]}", "a", false},
      {"{\"mode\":\"allow\",\"allow\":[\"*.\"]}", "a.", false},
      {"{\"mode\":\"allow\",\"allow\":[\"::1\"]}", "::1", true},
      {"{\"mode\":\"ALLOW\",\"allow\":[\"a\"]}", "a", false},
      {"{\"mode\":\"allow\",\"allow\":\"a\"}", "a", false},
      {"{\"mode\":\"allow\",\"allow\":[\"a\"],\"hosts\":[]}", "a", false},
      {"{\"allow\":[\"a\"]}", "a", false},
      {"[]", "a", false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_context context = {.name = "t", .dir = "/state/t"};
    struct si_error error = {.code = ""};
    cJSON *policy = NULL;
    context.config = cJSON_CreateObject();
    CU_ASSERT_EQUAL_FATAL(si_json_parse(cases[i].policy, strlen(cases[i].policy), &policy, &error),
                          SI_OK);
    cJSON_AddItemToObject(context.config, "webhook_policy", policy);
    si_rc status = si_webhook_host(&context, cases[i].host, &error);
    if (status != (cases[i].allowed ? SI_OK : SI_E_REFUSED)) {
      printf("\n%s %s: %d\n", cases[i].policy, cases[i].host, status);
      CU_FAIL("host");
    }
    CU_ASSERT(cases[i].allowed || strstr(error.hint, "config.json"));
    cJSON_Delete(context.config);
  }
}

UNIT_MAIN("alert.policy", UNIT(a_policy_is_read_strictly), UNIT(what_is_left_out_is_filled_in),
          UNIT(the_default_policy_sends_nothing),
          UNIT(R14_a_host_is_reached_only_where_the_context_allows_it))
