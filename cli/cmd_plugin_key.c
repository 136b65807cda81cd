/* SPDX-License-Identifier: Apache-2.0 */
/* `si plugin keygen` and `sign`: what the maker of a plugin tree needs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/signer.h"
#include "core/host/resolve.h"
#include "core/host/seal.h"
#include "kit/base/crypt.h"
#include "kit/base/text.h"

#define KEY_NAME "plugin-signing.key"

/* --- keygen --- */

static si_rc write_new(struct si_invocation *inv, const char *path, const struct si_buf *text,
                       mode_t mode) {
  int fd SI_AUTO(si_close) = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
  if (fd < 0 && errno == EEXIST) {
    si_error_set(&inv->error, SI_E_EXISTS, "PLUGIN_KEY_EXISTS",
                 "%s exists, and a key is never overwritten", path);
    return si_error_hint(&inv->error, "choose another name, or move the old key away");
  }
  if (fd < 0 || fchmod(fd, mode) != 0 || si_write_all(fd, text->data, text->len) != 0 ||
      fsync(fd) != 0) {
    si_error_errno(&inv->error, errno, "PLUGIN_KEY_FILE", "cannot write %s", path);
    if (fd >= 0) {
      unlink(path);
    }
    return inv->error.status;
  }
  return SI_OK;
}

/* --out is a directory, or the file itself. */
static si_rc key_path(struct si_invocation *inv, char *to, size_t size) {
  const char *out = si_opt(inv, "out");
  struct stat st;
  bool dir = stat(out, &st) == 0 && S_ISDIR(st.st_mode);
  int n = snprintf(to, size, dir ? "%s/" KEY_NAME : "%s", out);
  return n > 0 && (size_t)n < size - 8
             ? SI_OK
             : si_error_set(&inv->error, SI_E_INVALID, "PLUGIN_KEY_FILE", "%s is too long", out);
}

static si_rc make_pair(struct si_buf *secret_pem, struct si_buf *public_pem,
                       uint8_t key[SI_SIGN_KEY]) {
  char hex[2 * SI_SIGN_KEY + 1];
  uint8_t secret[SI_SIGN_KEY];
  si_rc status = si_random_hex(hex, SI_SIGN_KEY);
  if (status == SI_OK && !si_unhex(hex, sizeof secret, secret)) {
    status = SI_E_INTERNAL;
  }
  status = status == SI_OK ? si_sign_public(secret, key) : status;
  status = status == SI_OK ? si_sign_secret_pem(secret, secret_pem) : status;
  status = status == SI_OK ? si_sign_public_pem(key, public_pem) : status;
  si_wipe(hex, sizeof hex);
  si_wipe(secret, sizeof secret);
  return status;
}

static si_rc keygen(struct si_invocation *inv) {
  struct si_buf secret_pem SI_AUTO(si_buf_free) = SI_SECRET_BUF(4096);
  struct si_buf public_pem SI_AUTO(si_buf_free) = SI_BUF(4096);
  char path[SI_PATH_MAX], public_path[SI_PATH_MAX + 8], id[SI_KEY_ID_SIZE];
  uint8_t key[SI_SIGN_KEY];
  si_rc status = key_path(inv, path, sizeof path);
  if (status != SI_OK) {
    return status;
  }
  status = make_pair(&secret_pem, &public_pem, key);
  if (status != SI_OK || (status = si_plugin_key_id(key, id)) != SI_OK) {
    return si_error_set(&inv->error, status, "PLUGIN_KEY", "no key could be made");
  }
  snprintf(public_path, sizeof public_path, "%s.pub", path);
  status = write_new(inv, path, &secret_pem, 0600);
  if (status != SI_OK) {
    return status;
  }
  status = write_new(inv, public_path, &public_pem, 0644);
  if (status != SI_OK) {
    unlink(path); /* made just now, and known to nobody */
    return status;
  }
  cJSON *json = cJSON_CreateObject();
  cJSON_AddStringToObject(json, "id", id);
  cJSON_AddStringToObject(json, "private_key", path);
  cJSON_AddStringToObject(json, "public_key", public_path);
  si_out_field(inv->out, "id", "%s", id);
  si_out_field(inv->out, "private key", "%s", path);
  si_out_field(inv->out, "public key", "%s", public_path);
  si_out_note(inv->out,
              "keep the private key off the machines that run si; operators trust the "
              "public one: si plugin trust add --key FILE.pub --for enterprise");
  return si_out_result(inv->out, json);
}

static const struct si_option keygen_options[] = {
    {"out", 0, "PATH", "A directory, or the new file for the private key", SI_OPT_REQUIRED, NULL},
    {0}};

const struct si_command si_cmd_plugin_keygen = {
    .path = "plugin keygen",
    .summary = "Make a key that signs plugin trees",
    .text =
        "An Ed25519 key in PEM: the private one with mode 0600, never shown and never "
        "overwritten; the public one beside it, with .pub at its end.",
    .options = keygen_options,
    .run = keygen,
};

/* --- sign --- */

static si_rc check_plugins(struct si_invocation *inv, const struct si_tree *tree) {
  size_t count = si_tree_count(tree);
  for (size_t i = 0; i < count; i++) {
    struct si_tree_entry entry;
    int fd SI_AUTO(si_close) = -1;
    si_tree_at(tree, i, &entry);
    si_rc status = si_plugin_open(tree, &entry, &fd, &inv->error);
    if (status != SI_OK) {
      return status;
    }
  }
  return SI_OK;
}

static si_rc put(struct si_invocation *inv, const struct si_tree *tree, const char *name,
                 const struct si_buf *text) {
  return si_write_file(tree->fd, name, text->data, text->len, 0644) == SI_OK
             ? SI_OK
             : si_error_errno(&inv->error, errno, "PLUGIN_SIGN", "cannot write %s/%s", tree->dir,
                              name);
}

/* --serial: another edition of the same tree. */
static si_rc set_serial(struct si_invocation *inv, struct si_tree *tree) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  uint64_t serial;
  si_rc status = si_opt_u64(inv, "serial", 1, UINT64_C(1) << 53, tree->serial, &serial);
  if (status != SI_OK || serial == tree->serial) {
    return status;
  }
  if (serial < tree->serial) {
    si_error_set(&inv->error, SI_E_INVALID, "PLUGIN_SERIAL",
                 "%s is edition %llu already: nobody who has seen it would load edition %llu",
                 tree->dir, (unsigned long long)tree->serial, (unsigned long long)serial);
    return si_error_hint(&inv->error, "give a higher --serial");
  }
  cJSON *number = cJSON_CreateNumber((double)serial);
  if (!number || !cJSON_ReplaceItemInObjectCaseSensitive(tree->manifest, "serial", number)) {
    cJSON_Delete(number);
    return si_error_set(&inv->error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: the manifest");
  }
  tree->serial = serial;
  if (si_json_print(tree->manifest, true, &text) != SI_OK || si_buf_puts(&text, "\n") != SI_OK ||
      si_sha256_hex(text.data, text.len, tree->sha256) != SI_OK) {
    return si_error_set(&inv->error, SI_E_QUOTA, "PLUGIN_SIGN", "the manifest grows too large");
  }
  return put(inv, tree, "manifest.json", &text);
}

static si_rc sign(struct si_invocation *inv) {
  struct si_locked key SI_AUTO(si_locked_free) = {.data = NULL};
  struct si_buf seal SI_AUTO(si_buf_free) = SI_BUF(4096);
  struct si_tree tree SI_AUTO(si_tree_close) = {.fd = -1};
  char dir[SI_PATH_MAX];
  uint8_t public_key[SI_SIGN_KEY];
  char id[SI_KEY_ID_SIZE];
  if (!realpath(si_arg(inv, 0), dir)) {
    return si_error_errno(&inv->error, errno, "PLUGIN_DIR_UNREADABLE", "cannot open %s",
                          si_arg(inv, 0));
  }
  si_rc status = si_signer_read(inv, si_opt(inv, "key"), "PLUGIN_KEY_FILE", &key);
  status = status == SI_OK ? si_tree_open(dir, &tree, &inv->error) : status;
  status = status == SI_OK ? check_plugins(inv, &tree) : status;
  status = status == SI_OK ? set_serial(inv, &tree) : status;
  if (status != SI_OK) {
    return status;
  }
  if (si_seal_make(key.data, tree.sha256, &seal) != SI_OK ||
      si_sign_public(key.data, public_key) != SI_OK || si_plugin_key_id(public_key, id) != SI_OK) {
    return si_error_set(&inv->error, SI_E_INTERNAL, "PLUGIN_SIGN", "the tree cannot be signed");
  }
  status = put(inv, &tree, "manifest.sig", &seal);
  if (status != SI_OK) {
    return status;
  }
  cJSON *json = cJSON_CreateObject();
  cJSON_AddStringToObject(json, "dir", dir);
  cJSON_AddStringToObject(json, "tree", si_plugin_tree_name(tree.enterprise));
  cJSON_AddStringToObject(json, "key", id);
  cJSON_AddStringToObject(json, "manifest_sha256", tree.sha256);
  si_out_field(inv->out, "signed", "%s/manifest.json", dir);
  si_out_field(inv->out, "tree", "%s", si_plugin_tree_name(tree.enterprise));
  si_out_field(inv->out, "serial", "%llu", (unsigned long long)tree.serial);
  si_out_field(inv->out, "key", "%s", id);
  status = si_json_add_u64(json, "serial", tree.serial);
  return status == SI_OK ? si_out_result(inv->out, json) : (cJSON_Delete(json), status);
}

static const struct si_option sign_options[] = {
    {"key", 0, "FILE", "The private key, as `si plugin keygen` makes it", SI_OPT_REQUIRED, NULL},
    {"serial", 0, "N", "Make it that edition first: higher than every one before", 0, NULL},
    {0}};

const struct si_command si_cmd_plugin_sign = {
    .path = "plugin sign",
    .summary = "Sign a plugin tree for those who trust the key",
    .text =
        "Checks every listed file as it is checked before loading, then writes manifest.sig "
        "beside manifest.json.",
    .params = {{"DIR", 0, "The directory that holds manifest.json"}},
    .options = sign_options,
    .run = sign,
};
