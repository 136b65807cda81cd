/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/engine/pull.h - images fetched by the engine from their registry. Depends on engine.h,
 * whose rules on errors hold here.
 */
#ifndef SI_PLUGINS_ENGINE_PULL_H
#define SI_PLUGINS_ENGINE_PULL_H

#include "plugins/engine/resource.h"

/* Told when a layer is there: `done` of the `total` that are known of by now. */
typedef void (*si_engine_layers)(void *ctx, unsigned done, unsigned total);

/* Has the engine fetch what the reference names, with its tag or digest; without one, `latest`.
 * Ends when the engine says so or at the bounds' deadline: an image may be large. That the image is
 * there is not said by this, but by si_engine_image. `layers` may be NULL.
 * ENGINE_PULL: SI_E_NOT_FOUND (the registry has none of that name, or shows it to others alone),
 * SI_E_AUTH, SI_E_QUOTA (its disk is full), or SI_E_UNAVAILABLE, with the engine's own words. */
si_rc si_engine_pull(struct si_engine *engine, const char *reference, si_engine_layers layers,
                     void *ctx, struct si_error *error) SI_MUST_USE;

/* What the engine says while it pulls: JSON texts, one a line; cut anywhere. */
struct si_pull_stream {
  struct si_buf line; /* the line that is not whole yet; its maximum bounds a line */
  uint64_t left;      /* bytes that may still come */
  unsigned done, total;
  char failure[512]; /* the engine's words, or "" */
  si_engine_layers layers;
  void *ctx;
};
#define SI_PULL_STREAM \
  { .line = SI_BUF(65536), .left = 256ull * 1024 * 1024 }
void si_pull_stream_free(struct si_pull_stream *stream); /* for SI_AUTO */
/* SI_E_CORRUPT: not what an engine says. SI_E_QUOTA: it says too much. */
si_rc si_pull_stream_feed(struct si_pull_stream *stream, const void *data, size_t len) SI_MUST_USE;
/* Takes what stands behind the last newline. */
si_rc si_pull_stream_end(struct si_pull_stream *stream) SI_MUST_USE;

#endif
