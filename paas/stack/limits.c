/* SPDX-License-Identifier: Apache-2.0 */
/* What a service may use: memory, processors, processes, shared memory, ulimits. */
#include <string.h>
#include <strings.h>

#include "kit/base/text.h"
#include "paas/stack/document.h"
#include "paas/stack/parts.h"
#include "paas/stack/value.h"

#define MIB (1024ull * 1024)
#define BYTES_MOST (1ull << 50)
#define NANO 1000000000ull

enum { CPUS_MOST = 1024, PIDS_MOST = 4194304 };

/* --- values --- */

/* "64m", "1gb", "512": 0 where it is nothing of the kind. */
static uint64_t bytes_of(const char *text) {
  static const char *const units[] = {"bkmgt", "b", "ib"};
  char digits[20];
  size_t len = strspn(text, "0123456789");
  const char *unit = text + len;
  uint64_t number = 0;
  if (len == 0 || len >= sizeof digits) {
    return 0;
  }
  memcpy(digits, text, len);
  digits[len] = '\0';
  char letter = unit[0] >= 'A' && unit[0] <= 'Z' ? (char)(unit[0] + ('a' - 'A')) : unit[0];
  const char *known = letter ? strchr(units[0], letter) : units[0];
  const char *rest = letter ? unit + 1 : unit;
  bool ends = !rest[0] || (known && known > units[0] &&
                           (strcasecmp(rest, units[1]) == 0 || strcasecmp(rest, units[2]) == 0));
  if (!known || !ends || si_parse_u64(digits, 1, BYTES_MOST, &number) != SI_OK) {
    return 0;
  }
  unsigned shift = 10 * (unsigned)(known - units[0]);
  return number <= BYTES_MOST >> shift ? number << shift : 0;
}

static si_rc read_bytes(struct si_reading *r, const struct si_yaml_node *value,
                        const struct si_place *place, uint64_t least, uint64_t *out) {
  char *text SI_AUTO(si_text_free) = NULL;
  si_rc status = si_value_text(r, value, place, SI_TEXT_NUMBERS, &text);
  *out = status == SI_OK ? bytes_of(text) : 0;
  if (status == SI_OK && *out < least) {
    si_stack_invalid(r, place, "\"%.40s\" is no size%s", text,
                     *out ? " that a container could live with" : "");
    return si_stack_hint(r, "a whole number with a unit, such as 64m or 1g; at least %llu%s",
                         (unsigned long long)(least >= MIB ? least / MIB : least),
                         least >= MIB ? "m" : "");
  }
  return status;
}

/* "0.5" in billionths; 0 where it is none. */
static uint64_t nano_of(const char *text) {
  uint64_t nano = 0;
  uint64_t part = NANO;
  size_t whole = strspn(text, "0123456789");
  const char *p = text + whole;
  if (whole > 4 || (whole == 0 && *p != '.')) {
    return 0;
  }
  for (size_t i = 0; i < whole; i++) {
    nano = nano * 10 + NANO * (unsigned)(text[i] - '0');
  }
  if (*p == '.') {
    for (p++; *p >= '0' && *p <= '9' && part > 1; p++) {
      part /= 10;
      nano += part * (unsigned)(*p - '0');
    }
  }
  return *p == '\0' && nano <= CPUS_MOST * NANO ? nano : 0;
}

/* --- limits: a service's own keys, or deploy.resources.limits --- */

static si_rc put_limit(struct si_reading *r, const struct si_place *place,
                       struct si_service *service, const char *member, uint64_t number) {
  cJSON *limits = cJSON_GetObjectItemCaseSensitive(service->json, "limits");
  si_rc status = limits ? SI_OK : si_put_object(r, service->json, "limits", &limits);
  if (status == SI_OK && si_json_get(limits, member)) {
    si_stack_invalid(r, place, "is said a second time");
    return si_stack_hint(r, "say it under `deploy.resources.limits`, or as a key of the service");
  }
  return status == SI_OK ? si_put_number(r, limits, member, number) : status;
}

si_rc si_read_memory(struct si_reading *r, const struct si_yaml_node *value,
                     const struct si_place *place, void *into) {
  uint64_t bytes = 0;
  si_rc status = read_bytes(r, value, place, 6 * MIB, &bytes);
  return status == SI_OK ? put_limit(r, place, into, "memory_bytes", bytes) : status;
}

si_rc si_read_cpus(struct si_reading *r, const struct si_yaml_node *value,
                   const struct si_place *place, void *into) {
  char *text SI_AUTO(si_text_free) = NULL;
  si_rc status = si_value_text(r, value, place, SI_TEXT_NUMBERS, &text);
  uint64_t nano = status == SI_OK ? nano_of(text) : 0;
  if (status == SI_OK && nano < NANO / 1000) {
    si_stack_invalid(r, place, "\"%.40s\" is no number of processors", text);
    return si_stack_hint(r, "such as 0.5 or \"2\"; from 0.001 to %d", CPUS_MOST);
  }
  return status == SI_OK ? put_limit(r, place, into, "nano_cpus", nano) : status;
}

si_rc si_read_pids(struct si_reading *r, const struct si_yaml_node *value,
                   const struct si_place *place, void *into) {
  uint64_t count = 0;
  si_rc status = si_value_count(r, value, place, 1, PIDS_MOST, &count);
  return status == SI_OK ? put_limit(r, place, into, "pids", count) : status;
}

static si_rc read_limits(struct si_reading *r, const struct si_yaml_node *value,
                         const struct si_place *place, void *into) {
  static const struct si_key known[] = {
      {"memory", si_read_memory}, {"cpus", si_read_cpus}, {"pids", si_read_pids}};
  static const struct si_keys keys = {known, sizeof known / sizeof *known, NULL, 0};
  return si_keys_read(r, value, place, &keys, into);
}

static si_rc read_resources(struct si_reading *r, const struct si_yaml_node *value,
                            const struct si_place *place, void *into) {
  static const struct si_key known[] = {{"limits", read_limits}};
  static const struct si_refused_key refused[] = {
      {"reservations", "remove it: one machine runs all services; `limits` holds each of them"}};
  static const struct si_keys keys = {known, sizeof known / sizeof *known, refused,
                                      sizeof refused / sizeof *refused};
  return si_keys_read(r, value, place, &keys, into);
}

si_rc si_read_deploy(struct si_reading *r, const struct si_yaml_node *value,
                     const struct si_place *place, void *into) {
  static const struct si_key known[] = {{"resources", read_resources}};
  static const struct si_refused_key refused[] = {
      {"replicas", "remove it: every service runs once"},
      {"mode", "remove it: every service runs once"},
      {"restart_policy", "write `restart` in the service"},
      {"labels", "write `labels` in the service"},
  };
  static const struct si_keys keys = {known, sizeof known / sizeof *known, refused,
                                      sizeof refused / sizeof *refused};
  return si_keys_read(r, value, place, &keys, into);
}

si_rc si_read_shm_size(struct si_reading *r, const struct si_yaml_node *value,
                       const struct si_place *place, void *into) {
  uint64_t bytes = 0;
  si_rc status = read_bytes(r, value, place, 1, &bytes);
  return status == SI_OK ? si_put_number(r, ((struct si_service *)into)->json, "shm_bytes", bytes)
                         : status;
}

/* --- ulimits --- */

struct ulimit {
  uint64_t soft;
  uint64_t hard;
};

static si_rc read_soft(struct si_reading *r, const struct si_yaml_node *value,
                       const struct si_place *place, void *into) {
  return si_value_count(r, value, place, 0, BYTES_MOST, &((struct ulimit *)into)->soft);
}

static si_rc read_hard(struct si_reading *r, const struct si_yaml_node *value,
                       const struct si_place *place, void *into) {
  return si_value_count(r, value, place, 0, BYTES_MOST, &((struct ulimit *)into)->hard);
}

static si_rc read_ulimit(struct si_reading *r, const struct si_yaml_node *value,
                         const struct si_place *place, cJSON *list) {
  static const char *const names[] = {"core",    "cpu",      "data",   "fsize",      "locks",
                                      "memlock", "msgqueue", "nice",   "nofile",     "nproc",
                                      "rss",     "rtprio",   "rttime", "sigpending", "stack"};
  static const struct si_key known[] = {{"soft", read_soft}, {"hard", read_hard}};
  static const struct si_keys keys = {known, sizeof known / sizeof *known, NULL, 0};
  struct ulimit limit = {0, 0};
  cJSON *item = NULL;
  bool there = false;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    there = there || strcmp(place->key, names[i]) == 0;
  }
  if (!there) {
    return si_stack_invalid(r, place, "is no limit of the kernel's");
  }
  si_rc status = value->kind == SI_YAML_MAP ? si_keys_read(r, value, place, &keys, &limit)
                                            : read_soft(r, value, place, &limit);
  limit.hard = value->kind == SI_YAML_MAP ? limit.hard : limit.soft;
  bool whole =
      value->kind != SI_YAML_MAP || (si_yaml_find(value, "soft") && si_yaml_find(value, "hard"));
  if (status == SI_OK && (!whole || limit.soft > limit.hard)) {
    return si_stack_invalid(r, place, "must have a `soft` that is not above its `hard`");
  }
  status = status == SI_OK ? si_add_object(r, list, &item) : status;
  status = status == SI_OK ? si_put_text(r, item, "name", place->key) : status;
  status = status == SI_OK ? si_put_number(r, item, "soft", limit.soft) : status;
  return status == SI_OK ? si_put_number(r, item, "hard", limit.hard) : status;
}

si_rc si_read_ulimits(struct si_reading *r, const struct si_yaml_node *value,
                      const struct si_place *place, void *into) {
  cJSON *list = NULL;
  bool failed = false;
  si_rc status = si_kind_check(r, value, place, SI_YAML_MAP);
  status = status == SI_OK ? si_filled_check(r, value, place) : status;
  status = status == SI_OK ? si_put_list(r, ((struct si_service *)into)->json, "ulimits", &list)
                           : status;
  for (size_t i = 0; status == SI_OK && i < value->count; i++) {
    struct si_place at = si_place_of(place, value, i);
    status = si_stack_go_on(r, read_ulimit(r, value->entries[i].value, &at, list), &failed);
  }
  status = si_stack_came_to(status, failed);
  return status == SI_OK ? si_list_sort(r, list, "name") : status;
}
