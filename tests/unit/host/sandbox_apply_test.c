/* SPDX-License-Identifier: Apache-2.0 */
/* core/host/sandbox.h on kernels that lack a part of it: the probes and the two halves are this
 * test's own. Where it must be whole, nothing is begun; else what there is is used, and told. */
#include <string.h>
#include <sys/resource.h>

#include "core/host/offer.h"
#include "core/host/sandbox.h"
#include "core/host/sandbox_tell.h"
#include "tests/unit/unit.h"

static struct {
  int landlock;
  bool seccomp;
  int files, calls; /* how often each half was asked for */
} kernel;

int __wrap_si_offer_landlock(void);
bool __wrap_si_offer_seccomp(void);

int __wrap_si_offer_landlock(void) {
  return kernel.landlock;
}

bool __wrap_si_offer_seccomp(void) {
  return kernel.seccomp;
}

si_rc si_sandbox_files(const struct si_sandbox *sandbox, int landlock, struct si_error *error) {
  (void)sandbox;
  (void)error;
  CU_ASSERT_EQUAL(landlock, kernel.landlock);
  kernel.files++;
  return SI_OK;
}

si_rc si_sandbox_calls(const struct si_needs *needs, struct si_error *error) {
  (void)needs;
  (void)error;
  kernel.calls++;
  return SI_OK;
}

/* Where both halves are there, and never where programs may be started. */
si_rc si_sandbox_tell_files(struct si_error *error) {
  (void)error;
  CU_ASSERT(kernel.files == 1 && kernel.calls == 1);
  return SI_OK;
}

static si_rc apply(int landlock, bool seccomp, bool required, struct si_buf *lacks,
                   struct si_error *error) {
  const struct si_needs needs = {.memory_mb = 0};
  const struct si_sandbox sandbox = {.needs = &needs, .required = required};
  kernel.landlock = landlock;
  kernel.seccomp = seccomp;
  kernel.files = kernel.calls = 0;
  return si_sandbox_apply(&sandbox, lacks, error);
}

static void where_it_must_be_whole_a_lack_is_refused(void) {
  static const struct {
    int landlock;
    bool seccomp;
  } cases[] = {{0, true}, {1, true}, {5, true}, {6, false}, {0, false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_buf lacks SI_AUTO(si_buf_free) = SI_BUF(4096);
    struct si_error error;
    CU_ASSERT_EQUAL(apply(cases[i].landlock, cases[i].seccomp, true, &lacks, &error), SI_E_REFUSED);
    CU_ASSERT_STRING_EQUAL(error.code, "PLUGIN_SANDBOX");
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, si_buf_text(&lacks)));
    CU_ASSERT(kernel.files == 0 && kernel.calls == 0);
  }
}

static void else_what_there_is_is_used_and_the_lack_told(void) {
  static const struct {
    int landlock;
    bool seccomp;
    const char *told;
  } cases[] = {{0, true, "no Landlock"},
               {3, true, "before ABI 4"},
               {6, false, "no seccomp"},
               {0, false, "no seccomp"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_buf lacks SI_AUTO(si_buf_free) = SI_BUF(4096);
    struct si_error error;
    CU_ASSERT_EQUAL(apply(cases[i].landlock, cases[i].seccomp, false, &lacks, &error), SI_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(si_buf_text(&lacks), cases[i].told));
    CU_ASSERT_EQUAL(kernel.files, cases[i].landlock > 0);
    CU_ASSERT_EQUAL(kernel.calls, cases[i].seccomp);
  }
}

static void a_whole_one_is_applied_without_a_word(void) {
  struct si_buf lacks SI_AUTO(si_buf_free) = SI_BUF(4096);
  struct si_error error;
  struct rlimit limit;
  CU_ASSERT_EQUAL(apply(SI_LANDLOCK_WHOLE, true, true, &lacks, &error), SI_OK);
  CU_ASSERT_EQUAL(lacks.len, 0);
  CU_ASSERT(kernel.files == 1 && kernel.calls == 1);
  CU_ASSERT(getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0);
  CU_ASSERT(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max <= 1024);
}

UNIT_MAIN("host sandbox, applied",
          {"where_it_must_be_whole_a_lack_is_refused", where_it_must_be_whole_a_lack_is_refused},
          {"else_what_there_is_is_used_and_the_lack_told",
           else_what_there_is_is_used_and_the_lack_told},
          {"a_whole_one_is_applied_without_a_word", a_whole_one_is_applied_without_a_word})
