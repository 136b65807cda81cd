/* SPDX-License-Identifier: Apache-2.0 */
/* The compliance report: every attempt in its time with its outcome, every runpack as it is locked
 * now, a chain that was touched, and a page in which nothing can pose as markup. */
#include "paas/retention/report.h"

#include "paas/retention/holds.h"
#include "tests/unit/events/world.h"
#include "tests/unit/runpack/memory_store.h"

#define H "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"
#define AT(run) "tenant/one/namespace/n/scenario/s/run/" run "/" H
#define EVER 253402300799000ll

static void tell(struct world *world, const char *action, const char *runpack, const char *reason,
                 const struct si_error *error) {
  struct si_error why;
  cJSON *fields = cJSON_CreateObject();
  if (runpack) {
    cJSON_AddStringToObject(fields, "runpack", runpack);
  }
  if (reason) {
    cJSON_AddStringToObject(fields, "reason", reason);
  }
  const struct si_event event = {.action = action, .fields = fields, .error = error};
  CU_ASSERT_EQUAL(si_events_append(&world->context, world->state, &event, &why), SI_OK);
  cJSON_Delete(fields);
}

static si_rc report(struct world *world, struct memory_store *store, int64_t from, int64_t to,
                    cJSON **out, struct si_error *error) {
  static const struct si_error away = {
      .status = SI_E_UNAVAILABLE, .code = "AWAY", .message = "nobody is there"};
  const struct si_report_options options = {.context = &world->context,
                                            .state = world->state,
                                            .from_ms = from,
                                            .to_ms = to,
                                            .store = store ? &store->head : NULL,
                                            .unasked = &away,
                                            .store_uri = "memory://",
                                            .si_version = "0.1.0"};
  return si_retention_report(&options, out, error);
}

static const cJSON *runpack(const cJSON *report, const char *prefix) {
  const cJSON *each = NULL;
  cJSON_ArrayForEach(each, si_json_get(report, "runpacks")) {
    if (strcmp(si_json_str(each, "prefix"), prefix) == 0) {
      return each;
    }
  }
  return NULL;
}

static void fill(struct world *world, struct memory_store *store) {
  struct si_error denied = {.status = SI_OK};
  si_error_set(&denied, SI_E_REFUSED, "RETENTION_BELOW_MIN", "too short");
  tell(world, "runpack.export", AT("one"), NULL, NULL);
  tell(world, "secret.set", NULL, NULL, NULL);
  tell(world, "runpack.lock", AT("gone"), NULL, &denied);
  tell(world, "runpack.hold", AT("one"), "first", NULL);
  tell(world, "runpack.release", AT("one"), "over", NULL);
  tell(world, "runpack.hold", AT("one"), "<script>alert('7')</script> & \"x\"", NULL);
  tell(world, "runpack.hold", AT("two"), "another", NULL);
  memory_store_init(store);
  memory_store_locks(store, si_now_ms() - 60000);
  memory_set(store, AT("one") "/manifest.json", "{}", 2);
  memory_set(store, AT("listed") "/artifacts/x", "x", 1);
  memory_find(store, "manifest.json")->lock = (struct si_store_lock){
      .mode = SI_LOCK_COMPLIANCE, .held = true, .until_ms = si_now_ms() + 3600000};
}

static void it_has_every_attempt_and_every_runpack(void) {
  struct world world;
  struct memory_store store;
  struct si_error error;
  cJSON *made = NULL;
  world_begin(&world);
  fill(&world, &store);
  CU_ASSERT_EQUAL_FATAL(report(&world, &store, 0, EVER, &made, &error), SI_OK);
  const cJSON *summary = si_json_get(made, "summary");
  CU_ASSERT_EQUAL(si_json_int(summary, "attempts", 0, 99, -1), 6);
  CU_ASSERT_EQUAL(si_json_int(summary, "denied", 0, 99, -1), 1);
  CU_ASSERT_EQUAL(si_json_int(summary, "runpacks", 0, 99, -1), 4);
  CU_ASSERT_EQUAL(si_json_int(summary, "all_locked", 0, 99, -1), 1);
  const cJSON *one = runpack(made, AT("one"));
  CU_ASSERT(si_json_bool(one, "all_locked", false) && si_json_bool(one, "complete", false));
  CU_ASSERT_STRING_EQUAL(si_json_str(one, "weakest_mode"), "COMPLIANCE");
  CU_ASSERT_EQUAL(si_json_int(one, "held", 0, 9, -1), 1);
  CU_ASSERT(!si_json_bool(runpack(made, AT("listed")), "complete", true));
  CU_ASSERT_STRING_EQUAL(si_json_str(runpack(made, AT("gone")), "code"), "RUNPACK_NOT_FOUND");
  int64_t skew =
      si_json_int(si_json_get(si_json_get(made, "store"), "clock"), "skew_ms", 0, 1000000, -1);
  CU_ASSERT(skew >= 60000 && skew < 70000);
  cJSON_Delete(made);

  /* What lies outside of the time that was asked for is not told; the store is. */
  CU_ASSERT_EQUAL_FATAL(report(&world, &store, 0, 1000, &made, &error), SI_OK);
  CU_ASSERT_EQUAL(cJSON_GetArraySize(si_json_get(made, "attempts")), 0);
  CU_ASSERT_EQUAL(cJSON_GetArraySize(si_json_get(made, "runpacks")), 2);
  cJSON_Delete(made);

  /* Without the store the chain is told all the same. */
  CU_ASSERT_EQUAL_FATAL(report(&world, NULL, 0, EVER, &made, &error), SI_OK);
  CU_ASSERT_STRING_EQUAL(si_json_str(runpack(made, AT("one")), "code"), "AWAY");
  cJSON_Delete(made);
  memory_store_free(&store);
  world_end(&world);
}

static void a_broken_chain_is_told_as_far_as_it_is_good(void) {
  struct world world;
  struct memory_store store;
  struct si_buf text = SI_BUF(1 << 20);
  struct si_error error;
  cJSON *made = NULL;
  world_begin(&world);
  fill(&world, &store);
  world_read(&world, "audit", &text);
  char *at = strstr(text.data, "too short");
  CU_ASSERT_PTR_NOT_NULL_FATAL(at);
  memcpy(at, "too great", 9);
  world_write(&world, "audit", text.data, text.len);
  CU_ASSERT_EQUAL(report(&world, &store, 0, EVER, &made, &error), SI_E_CORRUPT);
  CU_ASSERT_STRING_EQUAL(error.code, "EVENTS_TAMPERED");
  CU_ASSERT_PTR_NOT_NULL_FATAL(made);
  CU_ASSERT_STRING_EQUAL(si_json_str(si_json_get(made, "chain"), "status"), "broken");
  CU_ASSERT_EQUAL(cJSON_GetArraySize(si_json_get(made, "attempts")), 1);
  cJSON_Delete(made);
  si_buf_free(&text);
  memory_store_free(&store);
  world_end(&world);
}

static void nothing_poses_as_markup(void) {
  struct world world;
  struct memory_store store;
  struct si_buf page = SI_BUF(1 << 20);
  struct si_error error;
  cJSON *made = NULL;
  world_begin(&world);
  fill(&world, &store);
  CU_ASSERT_EQUAL_FATAL(report(&world, &store, 0, EVER, &made, &error), SI_OK);
  CU_ASSERT_EQUAL(si_retention_page(made, &page), SI_OK);
  CU_ASSERT_PTR_NULL(strstr(page.data, "<script"));
  CU_ASSERT_PTR_NOT_NULL(
      strstr(page.data, "&lt;script&gt;alert(&#39;7&#39;)&lt;/script&gt; &amp; &quot;x&quot;"));
  CU_ASSERT_PTR_NOT_NULL(strstr(page.data, "default-src 'none'"));
  cJSON_Delete(made);
  si_buf_free(&page);
  memory_store_free(&store);
  world_end(&world);
}

static void holds_are_those_since_the_last_release(void) {
  struct world world;
  struct memory_store store;
  struct si_error error;
  cJSON *holds = NULL;
  world_begin(&world);
  fill(&world, &store);
  CU_ASSERT_EQUAL_FATAL(si_retention_holds(&world.context, world.state, AT("one"), &holds, &error),
                        SI_OK);
  CU_ASSERT_EQUAL(cJSON_GetArraySize(holds), 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(si_json_str(holds->child, "reason"), "alert"));
  cJSON_Delete(holds);
  CU_ASSERT_EQUAL_FATAL(si_retention_holds(&world.context, world.state, AT("none"), &holds, &error),
                        SI_OK);
  CU_ASSERT_EQUAL(cJSON_GetArraySize(holds), 0);
  cJSON_Delete(holds);
  memory_store_free(&store);
  world_end(&world);
}

UNIT_MAIN("compliance report", UNIT(it_has_every_attempt_and_every_runpack),
          UNIT(a_broken_chain_is_told_as_far_as_it_is_good), UNIT(nothing_poses_as_markup),
          UNIT(holds_are_those_since_the_last_release))
