/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/addon/setting.h"

#include <string.h>

#include "kit/base/text.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static const struct {
  const char *name;
  const char *first; /* of its bytes */
  const char *rest;
  size_t most;
  const char *is;
} forms[] = {
    {"image", LOWER DIGITS, LOWER UPPER DIGITS "._-/:@", 512,
     "an image with a tag other than `latest`, or with a digest"},
    {"service", LOWER DIGITS, LOWER DIGITS "_.-", 63, "the name of a service of the app"},
    {"volume", LOWER DIGITS, LOWER DIGITS "_.-", 63, "the name of a volume of the app"},
    {"network", LOWER DIGITS, LOWER DIGITS "_.-", 63, "the name of a network of the app"},
    {"secret", UPPER "_", UPPER DIGITS "_", 128, "the name of a secret that the app declares"},
    {"word", LOWER UPPER DIGITS, LOWER UPPER DIGITS "_.-", 63,
     "a word of letters, digits, `_`, `.` and `-`"},
    {"size", "123456789", DIGITS "kmg", 12, "a size, such as 512m or 1g"},
};
enum { FORMS = sizeof forms / sizeof *forms };

static size_t find(const char *form) {
  size_t i = 0;
  while (i < FORMS && strcmp(forms[i].name, form) != 0) {
    i++;
  }
  return i;
}

const char *si_setting_form(const char *form) {
  size_t i = find(form);
  return i < FORMS ? forms[i].is : NULL;
}

static bool image_valid(const char *image) {
  const char *digest = strstr(image, "@sha256:");
  const char *slash = strrchr(image, '/');
  const char *tag = strchr(slash ? slash : image, ':');
  if (digest) {
    return si_sha256_hex_valid(digest + strlen("@sha256:"));
  }
  return !strchr(image, '@') && tag && tag[1] && strcmp(tag, ":latest") != 0 &&
         !strchr(tag + 1, ':');
}

static bool size_valid(const char *size) {
  size_t digits = strspn(size, DIGITS);
  return size[digits] && strchr("kmg", size[digits]) && !size[digits + 1];
}

bool si_setting_valid(const char *form, const char *value) {
  size_t i = find(form), len = strlen(value);
  if (i == FORMS || len == 0 || len > forms[i].most || !strchr(forms[i].first, value[0]) ||
      strspn(value, forms[i].rest) != len) {
    return false;
  }
  return strcmp(form, "image") == 0  ? image_valid(value)
         : strcmp(form, "size") == 0 ? size_valid(value)
                                     : true;
}

/* --- as given --- */

static si_rc refuse(const struct si_pack *pack, const char *name, const char *why,
                    struct si_error *error) {
  struct si_buf all SI_AUTO(si_buf_free) = SI_BUF(400);
  const cJSON *each;
  cJSON_ArrayForEach(each, si_json_get(pack->descriptor, "settings")) {
    if (si_buf_printf(&all, "%s%s", all.len ? ", " : "", si_json_str(each, "name")) != SI_OK) {
      break;
    }
  }
  si_error_set(error, SI_E_INVALID, "ADDON_SETTING", "the setting %.63s of %s %s", name, pack->id,
               why);
  si_error_target(error, NULL, name);
  return si_error_hint(error, "its settings are %s; see: si paas addon contract %s",
                       si_buf_text(&all), pack->id);
}

si_rc si_setting_take(const struct si_pack *pack, const char *given, cJSON *settings,
                      struct si_error *error) {
  char name[64] = "";
  const char *equals = strchr(given, '=');
  const cJSON *setting = NULL, *each;
  if (!equals || equals == given || (size_t)(equals - given) >= sizeof name) {
    si_error_set(error, SI_E_INVALID, "ADDON_SETTING", "a setting is NAME=VALUE");
    return si_error_hint(error, "see which there are: si paas addon contract %s", pack->id);
  }
  memcpy(name, given, (size_t)(equals - given));
  cJSON_ArrayForEach(each, si_json_get(pack->descriptor, "settings")) {
    setting = strcmp(si_json_str(each, "name"), name) == 0 ? each : setting;
  }
  if (!setting) {
    return refuse(pack, si_name_valid(name) ? name : "?", "is none that it has", error);
  }
  if (si_json_get(settings, name)) {
    return refuse(pack, name, "is given twice", error);
  }
  const char *form = si_json_str(setting, "form");
  if (!si_setting_valid(form, equals + 1)) {
    char why[160];
    si_copy(why, sizeof why, "is not ");
    si_copy(why + 7, sizeof why - 7, si_setting_form(form));
    return refuse(pack, name, why, error);
  }
  return cJSON_AddStringToObject(settings, name, equals + 1)
             ? SI_OK
             : si_error_set(error, SI_E_NOMEM, "ADDON_SETTING", "out of memory");
}
