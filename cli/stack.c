/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/stack.h"

struct names {
  const char *list[SI_STACK_FILES];
  size_t count;
};

static si_rc take(struct si_invocation *inv, struct names *names, const char *name) {
  if (names->count == SI_STACK_FILES) {
    return si_usage_error(inv, "a stack is made of at most %d files", SI_STACK_FILES);
  }
  names->list[names->count++] = name;
  return SI_OK;
}

si_rc si_stack_given(struct si_invocation *inv, bool args, struct si_stack *stack,
                     struct si_faults *faults) {
  struct names files = {.count = 0};
  const char *name;
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && args && i < si_arg_count(inv); i++) {
    status = take(inv, &files, si_arg(inv, i));
  }
  for (size_t at = 0; status == SI_OK && (name = si_opt_each(inv, "stack", &at));) {
    status = take(inv, &files, name);
  }
  if (status == SI_OK && files.count == 0) {
    status = si_usage_error(inv, "no stack file is given");
  }
  const struct si_stack_request request = {.files = files.list, .file_count = files.count};
  return status == SI_OK ? si_stack_read(&request, stack, faults, &inv->error) : status;
}
