/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/events/actor.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kit/base/text.h"
#include "paas/events/events.h"

static char source_name[32] = "cli";

void si_events_source(const char *source) {
  si_copy(source_name, sizeof source_name, source);
}

const char *si_events_source_name(void) {
  return source_name;
}

/* By the user database alone: the environment says what its owner likes. */
static void user_name(uid_t uid, char *to, size_t size) {
  struct passwd entry;
  struct passwd *found = NULL;
  char text[4096];
  if (getpwuid_r(uid, &entry, text, sizeof text, &found) == 0 && found) {
    si_copy(to, size, entry.pw_name);
  } else {
    snprintf(to, size, "uid %u", (unsigned)uid);
  }
}

static bool terminal(char *to, size_t size) {
  for (int fd = 0; fd < 3; fd++) {
    if (ttyname_r(fd, to, size) == 0) {
      return true;
    }
  }
  return false;
}

void si_events_actor_name(char *to, size_t size) {
  char user[256];
  char host[256] = "";
  user_name(getuid(), user, sizeof user);
  if (gethostname(host, sizeof host - 1) != 0) {
    host[0] = '\0';
  }
  snprintf(to, size, "%s%s%s", user, host[0] ? "@" : "", host);
}

cJSON *si_events_actor(void) {
  char user[256];
  char host[256] = "";
  char tty[64];
  uid_t uid = getuid();
  user_name(uid, user, sizeof user);
  if (gethostname(host, sizeof host - 1) != 0) {
    host[0] = '\0';
  }
  cJSON *actor = cJSON_CreateObject();
  if (!cJSON_AddStringToObject(actor, "host", host) ||
      !(terminal(tty, sizeof tty) ? cJSON_AddStringToObject(actor, "tty", tty)
                                  : cJSON_AddNullToObject(actor, "tty")) ||
      !cJSON_AddNumberToObject(actor, "uid", (double)uid) ||
      !cJSON_AddStringToObject(actor, "user", user)) {
    cJSON_Delete(actor);
    return NULL;
  }
  return actor;
}
