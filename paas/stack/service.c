/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/stack/service.h"

#include <string.h>

#include "kit/base/text.h"
#include "paas/stack/document.h"
#include "paas/stack/parts.h"
#include "paas/stack/plain.h"
#include "paas/stack/value.h"
#include "paas/stack/words.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

/* A text of one alphabet, with a limit; what most single-valued keys are. */
struct alphabet {
  const char *first;
  const char *rest;
  size_t most;
  const char *is; /* "an image" */
};

static si_rc put_word(struct si_reading *r, const struct si_yaml_node *node,
                      const struct si_place *place, const struct si_service *service,
                      unsigned flags, const struct alphabet *alphabet) {
  char *text SI_AUTO(si_text_free) = NULL;
  si_rc status = si_value_text(r, node, place, flags, &text);
  if (status != SI_OK) {
    return status;
  }
  size_t len = strlen(text);
  if (len > alphabet->most || !strchr(alphabet->first, text[0]) ||
      strspn(text, alphabet->rest) != len) {
    return si_stack_invalid(r, place, "\"%.100s\" is not %s", text, alphabet->is);
  }
  return si_put_text(r, service->json, place->key, text);
}

static si_rc read_image(struct si_reading *r, const struct si_yaml_node *value,
                        const struct si_place *place, void *into) {
  static const struct alphabet alphabet = {LOWER UPPER DIGITS, LOWER UPPER DIGITS "._-/:@", 512,
                                           "the name of an image"};
  const struct si_service *service = into;
  si_rc status = put_word(r, value, place, service, 0, &alphabet);
  const char *image = status == SI_OK ? si_json_str(service->json, "image") : NULL;
  const char *name = image ? strrchr(image, '/') : NULL;
  const char *tag = image ? strchr(name ? name : image, ':') : NULL;
  if (!image || strchr(image, '@') || (tag && strcmp(tag, ":latest") != 0)) {
    return status;
  }
  return si_stack_find(r, "image.tag", service->name, place,
                       "name a version, better with its digest: image:1.2@sha256:...",
                       "is \"%.200s\", which is another image tomorrow", image);
}

/* What a name stands for is looked up when a release is made, and not again: there is no `always`.
 */
static si_rc read_pull_policy(struct si_reading *r, const struct si_yaml_node *value,
                              const struct si_place *place, void *into) {
  char *text SI_AUTO(si_text_free) = NULL;
  si_rc status = si_value_text(r, value, place, 0, &text);
  if (status != SI_OK || strcmp(text, "missing") == 0 || strcmp(text, "if_not_present") == 0) {
    return status;
  }
  if (strcmp(text, "never") == 0) {
    return si_put_text(r, ((struct si_service *)into)->json, place->key, text);
  }
  si_stack_invalid(r, place, "\"%.70s\" is no policy of si's", text);
  return si_stack_hint(r,
                       "write `missing`, which is the default, or `never`; for another image name "
                       "another version of it: a release never changes behind one's back");
}

static si_rc read_user(struct si_reading *r, const struct si_yaml_node *value,
                       const struct si_place *place, void *into) {
  static const struct alphabet alphabet = {LOWER UPPER DIGITS "_", LOWER UPPER DIGITS "_.:-", 128,
                                           "a user (`name`, `1000` or `1000:1000`)"};
  return put_word(r, value, place, into, SI_TEXT_NUMBERS, &alphabet);
}

static si_rc read_stop_signal(struct si_reading *r, const struct si_yaml_node *value,
                              const struct si_place *place, void *into) {
  static const struct alphabet alphabet = {UPPER DIGITS, UPPER DIGITS "+-", 16,
                                           "a signal (`SIGTERM`)"};
  return put_word(r, value, place, into, SI_TEXT_NUMBERS, &alphabet);
}

static si_rc read_hostname(struct si_reading *r, const struct si_yaml_node *value,
                           const struct si_place *place, void *into) {
  static const struct alphabet alphabet = {LOWER UPPER DIGITS, LOWER UPPER DIGITS ".-", 63,
                                           "a host name"};
  return put_word(r, value, place, into, 0, &alphabet);
}

static si_rc read_working_dir(struct si_reading *r, const struct si_yaml_node *value,
                              const struct si_place *place, void *into) {
  char *text SI_AUTO(si_text_free) = NULL;
  si_rc status = si_value_text(r, value, place, 0, &text);
  status = status == SI_OK ? si_path_check(r, place, text) : status;
  return status == SI_OK ? si_put_text(r, ((struct si_service *)into)->json, place->key, text)
                         : status;
}

static si_rc read_flag(struct si_reading *r, const struct si_yaml_node *value,
                       const struct si_place *place, void *into) {
  bool flag = false;
  si_rc status = si_value_flag(r, value, place, &flag);
  return status == SI_OK ? si_put_flag(r, ((struct si_service *)into)->json, place->key, flag)
                         : status;
}

static si_rc read_oneshot(struct si_reading *r, const struct si_yaml_node *value,
                          const struct si_place *place, void *into) {
  bool flag = false;
  si_rc status = si_value_flag(r, value, place, &flag);
  if (status == SI_OK) {
    ((struct si_service *)into)->oneshot = flag ? SI_ONESHOT_YES : SI_ONESHOT_NO;
  }
  return status;
}

static si_rc read_grace(struct si_reading *r, const struct si_yaml_node *value,
                        const struct si_place *place, void *into) {
  uint64_t ms = 0;
  si_rc status = si_value_duration(r, value, place, 0, &ms);
  return status == SI_OK ? si_put_number(r, ((struct si_service *)into)->json, "stop_grace_ms", ms)
                         : status;
}

/* --- command, entrypoint --- */

static si_rc split_line(struct si_reading *r, const struct si_yaml_node *node,
                        const struct si_place *place, cJSON *list) {
  char *text SI_AUTO(si_text_free) = NULL;
  const char *why = "";
  si_rc status = si_value_text(r, node, place, SI_TEXT_EMPTY, &text);
  if (status != SI_OK) {
    return status;
  }
  status = si_words_split(text, list, &why);
  if (status == SI_E_INVALID) {
    si_stack_invalid(r, place, "cannot be split into words: %s", why);
    return si_stack_hint(r, "no shell reads it: write a list, or ask for one: [sh, -c, \"...\"]");
  }
  return status == SI_OK ? SI_OK : si_stack_nomem(r);
}

static si_rc read_arguments(struct si_reading *r, const struct si_yaml_node *value,
                            const struct si_place *place, void *into) {
  cJSON *list = NULL;
  si_rc status = si_put_list(r, ((struct si_service *)into)->json, place->key, &list);
  if (status == SI_OK && value->kind != SI_YAML_LIST) {
    status = split_line(r, value, place, list);
  } else {
    for (size_t i = 0; status == SI_OK && i < value->count; i++) {
      char *text SI_AUTO(si_text_free) = NULL;
      struct si_place at = si_place_of(place, value, i);
      status = si_value_text(r, value->entries[i].value, &at, SI_TEXT_EMPTY, &text);
      status = status == SI_OK ? si_add_text(r, list, text) : status;
    }
  }
  if (status == SI_OK && !list->child) {
    si_stack_invalid(r, place, "is empty");
    return si_stack_hint(r, "remove the key to use what the image says");
  }
  return status == SI_OK ? si_plain_words(r, place, into, list) : status;
}

/* --- restart --- */

static si_rc read_restart(struct si_reading *r, const struct si_yaml_node *value,
                          const struct si_place *place, void *into) {
  struct si_service *service = into;
  char *text SI_AUTO(si_text_free) = NULL;
  cJSON *object = NULL;
  uint64_t retries = 0;
  si_rc status = si_value_text(r, value, place, 0, &text);
  if (status != SI_OK) {
    return status;
  }
  bool keeps_up = strcmp(text, "always") == 0 || strcmp(text, "unless-stopped") == 0;
  bool bounded = strncmp(text, "on-failure:", 11) == 0 &&
                 si_parse_u64(text + 11, 1, 100000, &retries) == SI_OK;
  if (bounded) {
    text[10] = '\0';
  }
  if (!keeps_up && strcmp(text, "no") != 0 && strcmp(text, "on-failure") != 0) {
    si_stack_invalid(r, place, "\"%.60s\" is no restart policy", text);
    return si_stack_hint(r, "it must be no, always, unless-stopped, on-failure or on-failure:N");
  }
  service->keeps_up_line = keeps_up ? place->line : 0;
  status = si_put_object(r, service->json, "restart", &object);
  status = status == SI_OK ? si_put_text(r, object, "policy", text) : status;
  return status == SI_OK ? si_put_number(r, object, "retries", retries) : status;
}

/* --- the table --- */

/* `profiles` was read before any service, `env_file` is read behind `environment`. */
static si_rc read_elsewhere(struct si_reading *r, const struct si_yaml_node *value,
                            const struct si_place *place, void *into) {
  (void)r, (void)value, (void)place, (void)into;
  return SI_OK;
}

static si_rc add_env_file(struct si_reading *r, const struct si_yaml_node *node,
                          const struct si_place *place, struct si_service *service) {
  const struct si_yaml_entry *entry = si_yaml_find(node, "env_file");
  struct si_place at = {place, "env_file", 0, entry ? entry->line : 0};
  return entry ? si_read_env_file(r, entry->value, &at, service) : SI_OK;
}

static const struct si_key known[] = {
    {"image", read_image},
    {"command", read_arguments},
    {"entrypoint", read_arguments},
    {"environment", si_read_environment},
    {"ports", si_read_ports},
    {"volumes", si_read_mounts},
    {"networks", si_read_networks},
    {"healthcheck", si_read_health},
    {"depends_on", si_read_depends_on},
    {"labels", si_read_labels},
    {"init", read_flag},
    {"read_only", read_flag},
    {"user", read_user},
    {"working_dir", read_working_dir},
    {"stop_signal", read_stop_signal},
    {"stop_grace_period", read_grace},
    {"hostname", read_hostname},
    {"restart", read_restart},
    {"tmpfs", si_read_tmpfs},
    {"expose", si_read_expose},
    {"mem_limit", si_read_memory},
    {"cpus", si_read_cpus},
    {"pids_limit", si_read_pids},
    {"deploy", si_read_deploy},
    {"shm_size", si_read_shm_size},
    {"ulimits", si_read_ulimits},
    {"cap_add", si_read_cap_add},
    {"cap_drop", si_read_cap_drop},
    {"security_opt", si_read_security_opt},
    {"extra_hosts", si_read_extra_hosts},
    {"sysctls", si_read_sysctls},
    {"logging", si_read_logging},
    {"stdin_open", read_flag},
    {"pull_policy", read_pull_policy},
    {"x-si-oneshot", read_oneshot},
    {"env_file", read_elsewhere},
    {"profiles", read_elsewhere},
};

static const struct si_refused_key refused[] = {
    {"build", "build the image beforehand, and name it in `image`"},
    {"container_name",
     "remove it: containers are named after the project, so that two projects "
     "never meet; inside a network a service is reached by its own name"},
    {"links",
     "remove it: services of one network reach each other by name; `networks` has "
     "`aliases`"},
    {"network_mode", "remove it, and use `networks`: a service never shares the host's network"},
    {"extends",
     "write the keys out, share them with a YAML anchor (`<<: *common`), or put one file over "
     "another with a second --stack"},
    {"scale", "remove it: every service runs once"},
    {"privileged", "remove it: no service gets rights over the host"},
    {"devices", "remove it: no service gets devices of the host"},
    {"pid", "remove it: every service has namespaces of its own"},
    {"ipc", "remove it: every service has namespaces of its own"},
    {"uts", "remove it: every service has namespaces of its own"},
    {"cgroup", "remove it: every service has namespaces of its own"},
    {"userns_mode", "remove it: every service has namespaces of its own"},
    {"cgroup_parent", "remove it: si keeps its containers where it finds them"},
    {"device_cgroup_rules", "remove it: no service gets devices of the host"},
    {"gpus", "remove it: no service gets devices of the host"},
    {"runtime", "remove it: every service runs in the engine's own runtime"},
    {"platform", "remove it, and name an image of the machine's own kind"},
    {"secrets",
     "declare it under `x-si-secrets`, and set a variable of `environment` to it: \"${NAME}\""},
    {"configs", "put the files into the image, or their content under `environment`"},
    {"tty", "remove it: no service has a terminal, and its log stays plain"},
    {"volumes_from", "mount the same named volume in both services"},
    {"external_links", "join the network of the other service, and use its name"},
    {"group_add", "give the image's user that group, or name both: `user: \"1000:1000\"`"},
    {"dns", "remove it: services find each other by the engine's own name service"},
    {"dns_search", "remove it: services find each other by the engine's own name service"},
    {"dns_opt", "remove it: services find each other by the engine's own name service"},
    {"domainname", "write the whole name in `hostname`"},
    {"mac_address", "remove it: addresses are the engine's to give"},
    {"memswap_limit", "remove it, and say `mem_limit`"},
    {"mem_reservation", "remove it, and say `mem_limit`"},
    {"cpu_shares", "say `cpus`"},
    {"cpu_quota", "say `cpus`"},
    {"cpu_period", "say `cpus`"},
    {"cpuset", "say `cpus`"},
    {"oom_kill_disable", "remove it: `mem_limit` must hold"},
    {"oom_score_adj", "remove it: the machine decides what it gives up"},
    {"develop", "remove it: it is for work on the code, and si runs what was built"},
    {"label_file", "write the labels under `labels`"},
    {"annotations", "write them as `labels`"},
    {"attach", "remove it: si shows every service's log"},
};

static si_rc fill_up(struct si_reading *r, struct si_service *service) {
  static const char *const lists[] = {"ports", "volumes", "depends_on"};
  static const char *const objects[] = {"environment", "labels"};
  si_rc status = SI_OK;
  cJSON *made = NULL;
  for (size_t i = 0; status == SI_OK && i < sizeof lists / sizeof *lists; i++) {
    if (!si_json_get(service->json, lists[i])) {
      status = si_put_list(r, service->json, lists[i], &made);
    }
  }
  for (size_t i = 0; status == SI_OK && i < sizeof objects / sizeof *objects; i++) {
    if (!si_json_get(service->json, objects[i])) {
      status = si_put_object(r, service->json, objects[i], &made);
    }
  }
  if (status == SI_OK && !si_json_get(service->json, "networks")) {
    status = si_join_default(r, service);
  }
  return status;
}

si_rc si_service_read(struct si_reading *r, const struct si_yaml_node *node,
                      const struct si_place *place, struct si_service *service) {
  static const struct si_keys keys = {known, sizeof known / sizeof *known, refused,
                                      sizeof refused / sizeof *refused};
  service->json = cJSON_CreateObject();
  si_rc status = service->json ? SI_OK : si_stack_nomem(r);
  status = status == SI_OK ? si_keys_read(r, node, place, &keys, service) : status;
  status = status == SI_OK ? add_env_file(r, node, place, service) : status;
  if (status == SI_OK && !si_json_get(service->json, "image")) {
    si_stack_invalid(r, place, "has no `image`");
    return si_stack_hint(r, "add `image: NAME:TAG`");
  }
  status = status == SI_OK ? si_put_text(r, service->json, "name", service->name) : status;
  return status == SI_OK ? fill_up(r, service) : status;
}
