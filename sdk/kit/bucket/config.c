/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/bucket/config.h"

#include <stdio.h>
#include <string.h>

#include "kit/base/json.h"
#include "kit/base/text.h"
#include "kit/net/s3.h"

#define REFERENCE "vault:"
#define SECRET "\"type\":\"string\",\"pattern\":\"^vault:[A-Z_][A-Z0-9_]*$\",\"x-secret\":true"

const char si_bucket_schema[] =
    "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\","
    "\"properties\":{"
    "\"bucket\":{\"type\":\"string\",\"minLength\":3,\"maxLength\":63,\"pattern\":"
    "\"^[a-z0-9][a-z0-9.-]*[a-z0-9]$\",\"description\":\"the bucket, which must exist\"},"
    "\"region\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":63,\"default\":\"us-east-1\"},"
    "\"prefix\":{\"type\":\"string\",\"maxLength\":1000,\"description\":\"stands before every key: "
    "components of [A-Za-z0-9._-] without a leading dot, joined by /\"},"
    "\"endpoint\":{\"type\":\"string\",\"maxLength\":300,\"description\":\"https://host[:port]; "
    "without it AWS's own for the region\"},"
    "\"force_path_style\":{\"type\":\"boolean\",\"default\":false,\"description\":\"the bucket "
    "stands in the path, not in the host's name\"},"
    "\"allow_http\":{\"type\":\"boolean\",\"default\":false,\"description\":\"an endpoint of plain "
    "http is taken\"},"
    "\"ca_file\":{\"type\":\"string\",\"pattern\":\"^/\",\"maxLength\":4000,\"description\":"
    "\"certificates (PEM) to trust in place of the system's\"},"
    "\"proxy\":{\"type\":\"string\",\"pattern\":\"^http://[^/?#@]+$\",\"maxLength\":500,"
    "\"description\":\"http://host[:port] of a proxy to go through; without it none is used, "
    "whatever the environment says\"},"
    "\"server_side_encryption\":{\"enum\":[\"AES256\",\"aws:kms\"],\"description\":\"asked for "
    "with "
    "every object; a store that does not confirm it is refused\"},"
    "\"kms_key_id\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":500},"
    "\"auth\":{\"enum\":[\"vault\",\"file\",\"environment\"],\"description\":\"where the keys "
    "are\"},"
    "\"access_key_id\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":159,\"description\":"
    "\"with auth vault: the id, which is no secret, or vault:KEY\"},"
    "\"secret_access_key\":{" SECRET
    ",\"description\":\"with auth vault: vault:KEY, the name of the secret\"},"
    "\"session_token\":{" SECRET
    "},"
    "\"auth_file\":{\"type\":\"string\",\"pattern\":\"^/\",\"maxLength\":4000,"
    "\"description\":\"with auth file: in the form of the AWS tools, readable by its owner "
    "alone\"},"
    "\"profile\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":127,\"default\":\"default\"},"
    "\"part_size\":{\"type\":\"integer\",\"minimum\":5242880,\"maximum\":67108864,"
    "\"default\":8388608,\"description\":\"longer objects are sent in parts of so many bytes\"},"
    "\"max_object_bytes\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":9007199254740992,"
    "\"description\":\"the longest object that is taken; without it, any\"},"
    "\"connections\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":8,\"default\":8},"
    "\"max_attempts\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":10,\"default\":6},"
    "\"connect_timeout_ms\":{\"type\":\"integer\",\"minimum\":100,\"maximum\":120000,"
    "\"default\":10000}},"
    "\"required\":[\"bucket\",\"auth\"],\"additionalProperties\":false}";

enum kind { TEXT, FLAG, NUMBER };

static const struct field {
  const char *name;
  enum kind kind;
  size_t at;   /* in struct si_bucket_config */
  size_t most; /* TEXT: bytes with the NUL */
  int64_t min; /* NUMBER */
  int64_t max;
} fields[] = {
#define TEXT_FIELD(name, member)                           \
  {                                                        \
    name, TEXT, offsetof(struct si_bucket_config, member), \
        sizeof((struct si_bucket_config *)0)->member, 0, 0 \
  }
    TEXT_FIELD("bucket", bucket),
    TEXT_FIELD("region", region),
    TEXT_FIELD("prefix", prefix),
    TEXT_FIELD("endpoint", endpoint),
    TEXT_FIELD("ca_file", ca_file),
    TEXT_FIELD("proxy", proxy),
    TEXT_FIELD("server_side_encryption", encryption),
    TEXT_FIELD("kms_key_id", kms_key_id),
    TEXT_FIELD("auth", auth),
    TEXT_FIELD("access_key_id", access_key_id),
    TEXT_FIELD("secret_access_key", secret_access_key),
    TEXT_FIELD("session_token", session_token),
    TEXT_FIELD("auth_file", auth_file),
    TEXT_FIELD("profile", profile),
    {"force_path_style", FLAG, offsetof(struct si_bucket_config, path_style), 0, 0, 0},
    {"allow_http", FLAG, offsetof(struct si_bucket_config, allow_http), 0, 0, 0},
    {"part_size", NUMBER, offsetof(struct si_bucket_config, part_size), 0, SI_S3_PART_MIN,
     64 << 20},
    {"max_object_bytes", NUMBER, offsetof(struct si_bucket_config, max_object_bytes), 0, 1,
     1ll << 53},
    {"connections", NUMBER, offsetof(struct si_bucket_config, connections), 0, 1, 8},
    {"max_attempts", NUMBER, offsetof(struct si_bucket_config, max_attempts), 0, 1, 10},
    {"connect_timeout_ms", NUMBER, offsetof(struct si_bucket_config, connect_timeout_ms), 0, 100,
     120000},
};
#define FIELDS (sizeof fields / sizeof *fields)

static si_rc wrong(struct si_error *error, si_rc status, const char *name, const char *message) {
  char pointer[160];
  snprintf(pointer, sizeof pointer, "/%.150s", name);
  si_error_set(error, status, "S3_CONFIG", "%s", message);
  return si_error_target(error, NULL, pointer);
}

static si_rc unknown(struct si_error *error, const char *id, const char *name) {
  const char *names[FIELDS];
  char message[512];
  for (size_t i = 0; i < FIELDS; i++) {
    names[i] = fields[i].name;
  }
  if (strncmp(name, "object_lock", 11) == 0) {
    return wrong(error, SI_E_UNSUPPORTED, name,
                 "that is no setting: objects are locked as each is put, by a store that can lock "
                 "(si plugin list tells which can)");
  }
  const char *near = si_nearest(name, names, FIELDS);
  snprintf(message, sizeof message, "\"%.100s\" is not a setting of the store \"%.63s\"%s%s%s",
           name, id, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
  return wrong(error, SI_E_INVALID, name, message);
}

static si_rc take_text(const struct field *f, const cJSON *member, char *to,
                       struct si_error *error) {
  const char *text = cJSON_IsString(member) ? member->valuestring : NULL;
  char message[256];
  if (text && strlen(text) < f->most && (text[0] || strcmp(f->name, "prefix") == 0)) {
    si_copy(to, f->most, text);
    return SI_OK;
  }
  snprintf(message, sizeof message, "%s must be a text of 1 to %zu bytes", f->name, f->most - 1);
  return wrong(error, SI_E_INVALID, f->name, message);
}

static si_rc take(const struct field *f, const cJSON *object, const cJSON *member,
                  struct si_bucket_config *out, struct si_error *error) {
  char *at = (char *)out + f->at;
  char message[256];
  if (f->kind == TEXT) {
    return take_text(f, member, at, error);
  }
  if (f->kind == FLAG) {
    if (!cJSON_IsBool(member)) {
      snprintf(message, sizeof message, "%s must be true or false", f->name);
      return wrong(error, SI_E_INVALID, f->name, message);
    }
    *(bool *)at = cJSON_IsTrue(member);
    return SI_OK;
  }
  int64_t value = si_json_int(object, f->name, f->min, f->max, -1);
  if (value < 0) {
    snprintf(message, sizeof message, "%s must be an integer from %lld to %lld", f->name,
             (long long)f->min, (long long)f->max);
    return wrong(error, SI_E_INVALID, f->name, message);
  }
  *(uint64_t *)at = (uint64_t)value;
  return SI_OK;
}

static si_rc take_all(const char *id, const cJSON *object, struct si_bucket_config *out,
                      struct si_error *error) {
  si_rc status = SI_OK;
  for (const cJSON *member = object->child; status == SI_OK && member; member = member->next) {
    size_t i = 0;
    while (i < FIELDS && strcmp(fields[i].name, member->string) != 0) {
      i++;
    }
    status = i < FIELDS ? take(&fields[i], object, member, out, error)
                        : unknown(error, id, member->string);
  }
  return status;
}

/* --- what goes together --- */

static bool prefix_valid(const char *prefix) {
  for (const char *at = prefix; *at;) {
    size_t part = strcspn(at, "/");
    if (!si_component_valid(at, part) || (at[part] == '/' && !at[part + 1])) {
      return false;
    }
    at += part + (at[part] == '/');
  }
  return true;
}

const char *si_bucket_config_reference(const char *value) {
  const size_t len = sizeof REFERENCE - 1;
  return strncmp(value, REFERENCE, len) == 0 ? value + len : NULL;
}

/* "vault:KEY", or nothing. What else stands there may be the secret itself: it is not repeated. */
static si_rc check_reference(const char *name, const char *value, struct si_error *error) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  const char *key = si_bucket_config_reference(value);
  char message[160];
  if (!value[0] || (key && key[0] && key[strspn(key, letters)] == '\0')) {
    return SI_OK;
  }
  snprintf(message, sizeof message,
           "%s must be \"vault:KEY\", the name of a secret: a value does not belong here", name);
  return wrong(error, SI_E_REFUSED, name, message);
}

static si_rc check_vault(const struct si_bucket_config *c, struct si_error *error) {
  if (!c->access_key_id[0]) {
    return wrong(error, SI_E_INVALID, "access_key_id",
                 "auth \"vault\" needs access_key_id: the id, or \"vault:KEY\"");
  }
  if (!c->secret_access_key[0]) {
    return wrong(error, SI_E_INVALID, "secret_access_key",
                 "auth \"vault\" needs secret_access_key: \"vault:KEY\", the secret's name");
  }
  return SI_OK;
}

static si_rc check_auth(struct si_bucket_config *c, struct si_error *error) {
  static const struct {
    const char *word;
    enum si_bucket_source source;
  } sources[] = {
      {"vault", SI_BUCKET_VAULT}, {"file", SI_BUCKET_FILE}, {"environment", SI_BUCKET_ENVIRONMENT}};
  size_t i = 0;
  while (i < 3 && strcmp(sources[i].word, c->auth) != 0) {
    i++;
  }
  if (i == 3) {
    return wrong(error, SI_E_INVALID, "auth",
                 "auth must say where the keys are: \"vault\", \"file\" or \"environment\"");
  }
  c->source = sources[i].source;
  si_rc status = check_reference("secret_access_key", c->secret_access_key, error);
  status = status == SI_OK ? check_reference("session_token", c->session_token, error) : status;
  if (status == SI_OK && si_bucket_config_reference(c->access_key_id)) {
    status = check_reference("access_key_id", c->access_key_id, error);
  }
  if (status != SI_OK) {
    return status;
  }
  bool of_vault = c->access_key_id[0] || c->secret_access_key[0] || c->session_token[0];
  bool of_file = c->auth_file[0] || c->profile[0];
  if (c->source != SI_BUCKET_VAULT && of_vault) {
    return wrong(error, SI_E_INVALID, "auth",
                 "access_key_id, secret_access_key and session_token go with auth \"vault\" only");
  }
  if (c->source != SI_BUCKET_FILE && of_file) {
    return wrong(error, SI_E_INVALID, "auth", "auth_file and profile go with auth \"file\" only");
  }
  if (c->source == SI_BUCKET_FILE && c->auth_file[0] != '/') {
    return wrong(error, SI_E_INVALID, "auth_file",
                 "auth \"file\" needs auth_file, an absolute path");
  }
  return c->source == SI_BUCKET_VAULT ? check_vault(c, error) : SI_OK;
}

static si_rc check_peer(const struct si_bucket_config *c, struct si_error *error) {
  bool tls = strncmp(c->endpoint, "https://", 8) == 0;
  if (!si_s3_bucket_valid(c->bucket)) {
    return wrong(error, SI_E_INVALID, "bucket",
                 "bucket must have 3 to 63 of a-z, 0-9, '-' and '.', begin and end with a letter "
                 "or digit, and be no address");
  }
  if (c->endpoint[0] && !tls && strncmp(c->endpoint, "http://", 7) != 0) {
    return wrong(error, SI_E_INVALID, "endpoint", "endpoint must be https://host[:port]");
  }
  if (c->endpoint[0] && !tls && !c->allow_http) {
    return wrong(error, SI_E_REFUSED, "endpoint",
                 "endpoint is plain http, which shows every byte to the network: use https, or set "
                 "allow_http where that is meant");
  }
  if (c->ca_file[0] && c->ca_file[0] != '/') {
    return wrong(error, SI_E_INVALID, "ca_file", "ca_file must be an absolute path");
  }
  if (strchr(c->proxy, '@')) {
    return wrong(error, SI_E_REFUSED, "proxy",
                 "proxy must not hold credentials, which would be seen here: use a proxy that asks "
                 "for none");
  }
  if (c->proxy[0] &&
      (strncmp(c->proxy, "http://", 7) != 0 || !c->proxy[7] || strpbrk(c->proxy + 7, "/?#\\ "))) {
    return wrong(error, SI_E_INVALID, "proxy", "proxy must be http://host[:port]");
  }
  if (!prefix_valid(c->prefix)) {
    return wrong(error, SI_E_INVALID, "prefix",
                 "prefix must be made of [A-Za-z0-9._-] components without a leading dot, joined "
                 "by '/'");
  }
  if (c->encryption[0] && strcmp(c->encryption, "AES256") != 0 &&
      strcmp(c->encryption, "aws:kms") != 0) {
    return wrong(error, SI_E_INVALID, "server_side_encryption",
                 "server_side_encryption must be \"AES256\" or \"aws:kms\"");
  }
  if (c->kms_key_id[0] && strcmp(c->encryption, "aws:kms") != 0) {
    return wrong(error, SI_E_INVALID, "kms_key_id",
                 "kms_key_id goes with server_side_encryption \"aws:kms\" only");
  }
  return SI_OK;
}

si_rc si_bucket_config_read(const char *id, const char *json, struct si_bucket_config *out,
                            struct si_error *error) {
  cJSON *object SI_AUTO(si_json_free) = NULL;
  struct si_bucket_config c = {.part_size = 8 << 20,
                               .max_object_bytes = UINT64_MAX,
                               .connections = 8,
                               .max_attempts = 6,
                               .connect_timeout_ms = 10000};
  if (si_json_parse(json, strlen(json), &object, error) != SI_OK || !cJSON_IsObject(object)) {
    si_error_set(error, SI_E_INVALID, "S3_CONFIG", "the configuration is not a JSON object");
    return si_error_target(error, NULL, "");
  }
  si_rc status = take_all(id, object, &c, error);
  status = status == SI_OK ? check_peer(&c, error) : status;
  status = status == SI_OK ? check_auth(&c, error) : status;
  if (status != SI_OK) {
    return status;
  }
  if (!c.region[0]) {
    si_copy(c.region, sizeof c.region, "us-east-1");
  }
  if (!c.profile[0]) {
    si_copy(c.profile, sizeof c.profile, "default");
  }
  *out = c;
  return SI_OK;
}
