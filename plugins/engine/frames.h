/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/engine/frames.h - takes the engine's framing off a log stream (eight bytes: stream, three
 * zeros, length in network order; then so many bytes) and keeps the end of what was in it. Depends
 * on kit/base. Memory is bounded by the buffer's maximum, whatever the stream says.
 */
#ifndef SI_PLUGINS_ENGINE_FRAMES_H
#define SI_PLUGINS_ENGINE_FRAMES_H

#include "kit/base/buf.h"

struct si_frames {
  unsigned char header[8];
  size_t have;       /* bytes of the header so far */
  uint64_t left;     /* bytes of the present frame still to come */
  struct si_buf *to; /* the last to->max bytes of all frames */
};

/* Takes the next piece of the stream, cut anywhere. SI_E_CORRUPT: this is no framed stream. */
si_rc si_frames_feed(struct si_frames *frames, const void *data, size_t len) SI_MUST_USE;

/* Makes log text fit to show, in place: at most the last `lines` lines, without control characters
 * other than newline and tab, broken UTF-8 replaced by '?', no blank end. */
void si_log_clean(struct si_buf *text, unsigned lines);

#endif
