/* SPDX-License-Identifier: Apache-2.0 */
/* `si paas app ...`: the operator's day around apps. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/apps.h"
#include "cli/grid.h"
#include "cli/prompt.h"
#include "cli/secrets.h"
#include "kit/base/path.h"
#include "kit/base/text.h"
#include "paas/state/deployment.h"

#define STACK_FILE "stack.yaml"

/* --- init --- */

/* %s: the image, and the app twice. */
static const char starter[] =
    "# The stack of the app %2$s: a Compose file. What si takes of Compose, and what it adds,\n"
    "# stands in docs/stack-file.md. Then:\n"
    "#   si paas stack check %3$s\n"
    "#   si paas --context NAME deploy --app %2$s --stack %3$s\n"
    "\n"
    "services:\n"
    "  web:\n"
    "    # Pulled where the engine has it not. A tag of its own, never `latest`, so that a "
    "release\n"
    "    # says what it was.\n"
    "    image: %1$s\n"
    "    init: true\n"
    "    restart: unless-stopped\n"
    "    # Only this machine reaches the port. Without an address Docker would open it to all.\n"
    "    # ports: [\"127.0.0.1:8080:80\"]\n"
    "    # A deploy waits for it, and puts the release before back where it never passes.\n"
    "    # healthcheck:\n"
    "    #   test: [CMD, wget, -q, -O, /dev/null, http://127.0.0.1/]\n"
    "    #   interval: 5s\n"
    "    #   timeout: 2s\n"
    "    #   retries: 5\n"
    "    # environment: {TOKEN: \"${TOKEN}\"}\n"
    "    # volumes: [\"data:/data\"]\n"
    "\n"
    "# Secrets stand in the vault, and here by name alone: one that you set with\n"
    "#   si paas secret set --app %2$s TOKEN --stdin\n"
    "# and one that is made once, when it is first needed.\n"
    "# x-si-secrets:\n"
    "#   TOKEN:\n"
    "#   PASSWORD: {generate: password}\n"
    "\n"
    "# Volumes keep their data from release to release.\n"
    "# volumes: {data: }\n";

/* A reference is one word of plain characters: it stands in YAML as it is. */
static bool image_valid(const char *image) {
  size_t len = strlen(image);
  return len > 0 && len < 256 && image[0] != '-' &&
         strspn(image, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./:@") ==
             len &&
         strcmp(image + len - 1, ":") != 0;
}

static si_rc no_file(struct si_invocation *inv, const char *where, const char *what) {
  int err = errno;
  si_error_set(&inv->error,
               err == EEXIST                     ? SI_E_CONFLICT
               : err == ENOENT || err == ENOTDIR ? SI_E_NOT_FOUND
                                                 : SI_E_IO,
               err == EEXIST ? "APP_FILE_EXISTS" : "APP_FILE", "%s %s: %s", what, where,
               strerror(err));
  si_error_target(&inv->error, NULL, where);
  return err == EEXIST ? si_error_hint(&inv->error,
                                       "nothing was written over: deploy what is there, or name "
                                       "another directory with --dir")
                       : inv->error.status;
}

/* Whole or not at all, and never over what is there. */
static si_rc write_starter(struct si_invocation *inv, const char *dir, const char *text,
                           size_t len) {
  char where[SI_PATH_MAX];
  snprintf(where, sizeof where, "%s/" STACK_FILE, dir);
  int at SI_AUTO(si_close) = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (at < 0) {
    return no_file(inv, dir, "there is no directory");
  }
  int fd SI_AUTO(si_close) =
      openat(at, STACK_FILE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0) {
    return no_file(inv, where, "cannot make");
  }
  for (size_t done = 0; done < len;) {
    ssize_t n = write(fd, text + done, len - done);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      si_rc status = no_file(inv, where, "cannot write");
      unlinkat(at, STACK_FILE, 0);
      return status;
    }
    done += (size_t)n;
  }
  if (fsync(fd) != 0) {
    si_rc status = no_file(inv, where, "cannot write");
    unlinkat(at, STACK_FILE, 0);
    return status;
  }
  return SI_OK;
}

static si_rc init(struct si_invocation *inv) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(16384);
  const char *app = si_opt(inv, "app"), *dir = si_opt(inv, "dir"), *image = si_opt(inv, "image");
  dir = dir ? dir : ".";
  image = image ? image : "nginx:1.27";
  if (!si_name_valid(app)) {
    return si_usage_error(inv, "\"%.100s\" is no name for an app: use a-z, 0-9 and '-', at most 63",
                          app);
  }
  if (!image_valid(image)) {
    return si_usage_error(inv, "\"%.100s\" is no reference to an image", image);
  }
  if (strlen(dir) > SI_PATH_MAX - sizeof "/" STACK_FILE) {
    return si_usage_error(inv, "--dir: the path is too long");
  }
  char file[SI_PATH_MAX];
  snprintf(file, sizeof file, strcmp(dir, ".") == 0 ? "%.0s" STACK_FILE : "%s/" STACK_FILE, dir);
  if (strpbrk(file, "\r\n")) {
    return si_usage_error(inv, "--dir: a path of one line is needed");
  }
  si_rc status = si_buf_printf(&text, starter, image, app, file);
  if (status != SI_OK) {
    return si_error_set(&inv->error, status, "CLI_MEMORY", "out of memory");
  }
  status = write_starter(inv, dir, text.data, text.len);
  if (status != SI_OK) {
    return status;
  }
  cJSON *json = cJSON_CreateObject();
  cJSON_AddStringToObject(json, "app", app);
  cJSON_AddStringToObject(json, "file", file);
  si_out_line(inv->out, "%s", file);
  si_out_note(inv->out, "then: si paas stack check %s", file);
  si_out_note(inv->out, "and:  si paas --context NAME deploy --app %s --stack %s", app, file);
  return si_out_result(inv->out, json);
}

static const struct si_option init_options[] = {
    {"app", 'a', "NAME", "The app: a-z, 0-9 and '-', at most 63", SI_OPT_REQUIRED, NULL},
    {"dir", 0, "DIR", "Where " STACK_FILE " is written; by default here", 0, NULL},
    {"image", 0, "REF", "The image of its one service; by default nginx:1.27", 0, NULL},
    {0},
};

const struct si_command si_cmd_app_init = {
    .path = "paas app init",
    .summary = "Write a stack file to begin with",
    .text =
        "The file is yours to change. Nothing is registered anywhere: the app begins with its "
        "first deploy. What is there already is never written over.",
    .options = init_options,
    .run = init,
};

/* --- list --- */

struct listing {
  struct si_invocation *inv;
  struct si_scope *scope;
  struct si_grid table;
  cJSON *json;
  struct si_buf targets; /* of the project at hand, for people */
  cJSON *instances;      /* and for programs */
};

static si_rc add_instance(void *ctx, const struct si_instance *instance) {
  struct listing *listing = ctx;
  cJSON *json = cJSON_CreateObject();
  if (si_json_add_text(json, "target", instance->target) != SI_OK ||
      si_json_add_text(json, "release", instance->release) != SI_OK ||
      !cJSON_AddItemToArray(listing->instances, json)) {
    cJSON_Delete(json);
    return SI_E_NOMEM;
  }
  return si_buf_printf(&listing->targets, "%s%s%s%s", listing->targets.len ? ", " : "",
                       instance->target, instance->release[0] ? " " : "", instance->release);
}

static si_rc add_app(void *ctx, const struct si_project *project) {
  struct listing *listing = ctx;
  cJSON *json = si_project_json(project);
  listing->instances = cJSON_AddArrayToObject(json, "instances");
  si_buf_clear(&listing->targets);
  if (!json || !cJSON_AddItemToArray(listing->json, json)) {
    cJSON_Delete(json);
    return SI_E_NOMEM;
  }
  si_rc status = si_state_instances(listing->scope->state, project->id, listing, add_instance,
                                    &listing->inv->error);
  si_grid_row(&listing->table, project->slug, project->status, project->release,
              si_buf_text(&listing->targets), project->updated_at);
  return status;
}

static si_rc list(struct si_invocation *inv) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  struct listing listing = {.inv = inv,
                            .scope = &scope,
                            .table = SI_GRID("APP", "STATUS", "RELEASE", "TARGETS", "UPDATED"),
                            .json = cJSON_CreateArray(),
                            .targets = SI_BUF(1 << 20)};
  si_rc status = si_scope_open(&scope, inv, SI_STATE_READ);
  status = status == SI_OK ? si_state_projects(scope.state, scope.life.owner_id, false, &listing,
                                               add_app, &inv->error)
                           : status;
  if (status == SI_OK && cJSON_GetArraySize(listing.json) == 0) {
    si_out_note(inv->out, "no apps yet: si paas app init --app NAME writes a stack to begin with");
  } else if (status == SI_OK) {
    si_grid_print(inv->out, &listing.table);
  }
  si_grid_free(&listing.table);
  si_buf_free(&listing.targets);
  if (status != SI_OK) {
    cJSON_Delete(listing.json);
    return status;
  }
  return si_out_list(inv->out, listing.json);
}

const struct si_command si_cmd_app_list = {
    .path = "paas app list",
    .summary = "List the apps of a context: what the state store knows of them",
    .text =
        "No engine is asked: `si paas status` does that. Behind each target stands the release "
        "that was last seen to serve there.",
    .flags = SI_CMD_CONTEXT,
    .run = list,
};

/* --- status --- */

static const struct si_option app_options[] = {
    {"app", 'a', "NAME", "The app", SI_OPT_REQUIRED, NULL},
    {0},
};

static si_rc status_of(struct si_invocation *inv) {
  return si_app_status(inv, si_opt(inv, "app"));
}

const struct si_command si_cmd_app_status = {
    .path = "paas app status",
    .summary = "Show an app on each of its targets: release, services that are up",
    .options = app_options,
    .flags = SI_CMD_CONTEXT,
    .run = status_of,
};

/* --- reset --- */

static si_rc reset(struct si_invocation *inv) {
  struct si_secrets secrets SI_AUTO(si_secrets_close) = {.vault = NULL};
  struct si_scope *scope = &secrets.scope;
  struct si_outcome outcome SI_AUTO(si_outcome_free) = {.ran = false};
  struct si_project project SI_AUTO(si_project_free) = {.id = ""};
  const char *slug = si_opt(inv, "app");
  char line[160];
  si_rc status = si_scope_open(scope, inv, SI_STATE_READ);
  if (status != SI_OK) {
    return status;
  }
  status = si_state_project(scope->state, scope->life.owner_id, slug, false, &project, &inv->error);
  si_scope_close(scope);
  snprintf(line, sizeof line, "Reset app %.63s: delete all its volumes and their data?", slug);
  status = status == SI_OK ? si_confirm_name(inv, line, project.slug) : status;
  snprintf(line, sizeof line, "reset %.63s", slug);
  status = status == SI_OK ? si_scope_deploy(scope, inv, line) : status;
  if (status != SI_OK) {
    return status;
  }
  si_secrets_for_life(&secrets);
  status = si_life_reset(&scope->life, slug, &outcome, &inv->error);
  si_progress_end(&scope->progress);
  return si_app_finish(inv, scope, &outcome, status);
}

static const struct si_option reset_options[] = {
    {"app", 'a', "NAME", "The app", SI_OPT_REQUIRED, NULL},
    SI_SECRETS_PASSPHRASE_OPTION,
    {0},
};

const struct si_command si_cmd_app_reset = {
    .path = "paas app reset",
    .summary = "Bring an app back to its first day: its release, empty volumes",
    .text =
        "On every target that it lives on: what is there is removed and proven gone, then the "
        "release that serves is deployed again, with empty volumes and the secrets of the vault. "
        "Needs --yes together with --confirm NAME, or the name typed at the question.",
    .options = reset_options,
    .flags = SI_CMD_MUTATING,
    .run = reset,
};

/* --- remove --- */

static si_rc remove_app(struct si_invocation *inv) {
  return si_app_delete(inv, si_opt(inv, "app"));
}

static const struct si_option remove_options[] = {
    {"app", 'a', "NAME", "The app", SI_OPT_REQUIRED, NULL},
    SI_ACCEPT_UNVERIFIED_OPTION,
    {0},
};

const struct si_command si_cmd_app_remove = {
    .path = "paas app remove",
    .summary = "Remove an app with its volumes from every target, and prove it gone",
    .text =
        "The same as `si paas project delete`: needs --yes together with --confirm NAME, or the "
        "name typed at the question.",
    .options = remove_options,
    .flags = SI_CMD_MUTATING,
    .run = remove_app,
};
