/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/vault/world.h - a root with contexts of a test's own, and their vaults. Depends on
 * paas/vault, tests/unit/state/scratch.h.
 */
#ifndef SI_TESTS_UNIT_VAULT_WORLD_H
#define SI_TESTS_UNIT_VAULT_WORLD_H

#include "paas/context/context.h"
#include "paas/vault/vault.h"
#include "tests/unit/state/scratch.h"

struct world {
  char root[64];
  struct si_context context;
  struct si_state *state;
  struct si_vault *vault;
  char recipient[80];
  char path[SI_PATH_MAX]; /* of the vault */
};

static inline void world_fail(const char *what, const struct si_error *error) {
  fprintf(stderr, "cannot set up: %s: %s: %s\n", what, error->code, error->message);
  exit(2);
}

#define WORLD_NEED(call)         \
  do {                           \
    struct si_error error = {0}; \
    if ((call) != SI_OK) {       \
      world_fail(#call, &error); \
    }                            \
  } while (0)

static inline void world_context(struct world *world, const char *name) {
  const struct si_context_options options = {.name = name, .exist_ok = true};
  WORLD_NEED(si_context_create(&options, &world->context, NULL, &error));
  WORLD_NEED(si_vault_path(&world->context, world->path, sizeof world->path, &error));
}

/* The store and the vault anew, as another process would. */
static inline void world_close(struct world *world) {
  si_vault_close(world->vault);
  si_state_close(world->state);
  world->vault = NULL;
  world->state = NULL;
}

static inline void world_state(struct world *world, int mode) {
  world_close(world);
  WORLD_NEED(si_state_open(world->context.dir, world->context.id, mode, &world->state, &error));
}

static inline si_rc world_try(struct world *world, int mode, struct si_error *error) {
  world_state(world, mode);
  return si_vault_open(&world->context, world->state, &world->vault, error);
}

static inline void world_open(struct world *world, int mode) {
  WORLD_NEED(world_try(world, mode, &error));
}

/* A context `t` with an empty vault, opened to write. */
static inline void world_make(struct world *world) {
  *world = (struct world){.state = NULL};
  scratch_make(world->root);
  setenv("SI_PAAS_STATE_ROOT", world->root, 1);
  world_context(world, "t");
  world_state(world, SI_STATE_WRITE);
  WORLD_NEED(si_vault_init(&world->context, world->state, NULL, world->recipient, &error));
  world_open(world, SI_STATE_WRITE);
}

static inline void world_remove(struct world *world) {
  world_close(world);
  si_context_free(&world->context);
  scratch_remove(world->root);
}

static inline void world_set(struct world *world, const char *app, const char *key,
                             const char *value) {
  WORLD_NEED(si_vault_set(world->vault, app, key, value, strlen(value), "set", NULL, &error));
}

static inline si_rc world_copy(void *ctx, const void *value, size_t len) {
  struct si_buf *to = ctx;
  si_buf_clear(to);
  return si_buf_add(to, value, len);
}

/* Is that the value? NULL: that there is none. */
static inline bool world_holds(struct world *world, const char *app, const char *key,
                               const char *value) {
  struct si_buf found SI_AUTO(si_buf_free) = SI_BUF(SI_SECRET_MAX);
  struct si_error error = {0};
  si_rc status = si_vault_get(world->vault, app, key, &found, world_copy, &error);
  if (status != SI_OK && value) {
    fprintf(stderr, "%s %s: %s: %s\n", app, key, error.code, error.message);
  }
  return value ? status == SI_OK && strcmp(si_buf_text(&found), value) == 0
               : status == SI_E_NOT_FOUND && strcmp(error.code, "SECRET_NOT_FOUND") == 0;
}

/* A whole file, or nothing where it is not there. */
static inline struct si_buf world_read(const char *path) {
  struct si_buf text = SI_BUF(64 << 20);
  (void)!si_read_file(AT_FDCWD, path, &text);
  return text;
}

static inline void world_write(const char *path, const char *text, size_t len) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  NEED(fd >= 0 && si_write_all(fd, text, len) == 0);
  close(fd);
}

#endif
