/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/wire/wire.h - the frames between si and si-host, over a stream socket. Depends on
 * sdk/kit/base. Both ends are one build on one machine: native byte order, no version.
 *
 * A frame is a header {u32 length, u32 type, u64 id} and `length` bytes of payload, at most
 * SI_FRAME_MAX. A payload is a sequence of fields: u32, u64, or a text {u32 length, bytes, NUL}.
 * The reader trusts nothing: every field is checked against the frame's end, and a text for its
 * NUL. Bulk bytes travel in the ring (core/wire/ring.h); frames only name its slots.
 */
#ifndef SI_CORE_WIRE_WIRE_H
#define SI_CORE_WIRE_WIRE_H

#include <stdbool.h>

#include "kit/base/buf.h"

#define SI_FRAME_MAX (8u << 20)
#define SI_SECRET_BYTES 65536u /* of a value that is lent */

/* Bytes of what a provider says, with the NUL: si-host cuts it there. */
enum { SI_STEP_NAME = 256, SI_STEP_ID = 512, SI_PROGRESS_WHAT = 256 };

/* Descriptors that si-host finds open. */
enum { SI_HOST_FD_WIRE = 3, SI_HOST_FD_RING = 4, SI_HOST_FD_LOCK = 5 };

enum si_frame_type {
  /* from si */
  SI_FRAME_OPEN = 1,  /* text plugin_dir, text plugin, u32 kind, text config, u64 deadline_ns,
                         u32 describe: load and say what it is, open no instance,
                         text trust (JSON: core/host/trust.h), u32 sandbox (SI_SANDBOX_*) */
  SI_FRAME_CALL,      /* u32 verb (SI_VERB_*), text argument 1, text argument 2 */
  SI_FRAME_PUT_OPEN,  /* text key, u32 flags, u64 length, text content_type; then the lock it is to
                         have: u32 mode (SI_LOCK_*), u32 flags (SI_LOCK_HELD), u64 until */
  SI_FRAME_PUT_DATA,  /* u32 slot (a run's first), u32 length */
  SI_FRAME_PUT_CLOSE, /* u32 commit */
  SI_FRAME_GET,       /* text key, u64 limit */
  SI_FRAME_STAT,      /* text key */
  SI_FRAME_LIST,      /* text prefix, u64 most: one item more tells that there are more */
  SI_FRAME_FREE,      /* u32 slot: bytes of a DATA frame were read */
  SI_FRAME_REPLY,     /* u32 status: answers the STEP of that id */
  SI_FRAME_CANCEL,
  SI_FRAME_BYE,    /* close the provider and end */
  SI_FRAME_LENT,   /* an error as si_pack_error writes it, then, where it says success, text value:
                      answers the SECRET of that id. Both ends wipe it. */
  SI_FRAME_REMOVE, /* text key */
  SI_FRAME_UNFINISHED, /* text prefix, u64 most */
  SI_FRAME_DISCARD,    /* text key, text id: as an ITEM told them */
  SI_FRAME_URI,        /* text key */
  SI_FRAME_LOCK,  /* text key, text version, u32 mode, u64 until: lock it, and read that back */
  SI_FRAME_HOLD,  /* text key, text version, u32 on: the same of a legal hold */
  SI_FRAME_LOCKS, /* text prefix, u64 most: LOCKED for every version, then RESULT */
  /* from si-host */
  SI_FRAME_READY = 64, /* text descriptor (JSON), u32 threads (SI_THREADS_*) */
  SI_FRAME_LOG,        /* u32 level, text message */
  SI_FRAME_PROGRESS,   /* u64 done, u64 total, text what */
  SI_FRAME_STEP,       /* text name, u32 phase, text outside_id */
  SI_FRAME_RESULT,     /* text JSON: what the CALL of that id emitted; or the URI asked for. LOGS
                          has many */
  SI_FRAME_TAKEN,      /* u32 slot: bytes of a PUT_DATA frame were stored */
  SI_FRAME_DATA,       /* u32 slot, u32 length: bytes for the GET of that id */
  SI_FRAME_ITEM,       /* text key, u64 length, u64 milliseconds since 1970, text id: for the LIST
                          (modified; no id) or UNFINISHED (started) of that id */
  SI_FRAME_DONE,       /* u64 value, then an error as si_pack_error writes it: the request of that
                          id has ended; value is STAT's length */
  SI_FRAME_LOCKED,     /* text key, text version, u32 mode, u32 flags (SI_LOCK_*), u64 until, u64
                          told: how a version is locked, as read back, for the PUT_OPEN, LOCK, HOLD
                          or LOCKS of that id. Times in milliseconds since 1970; version "": none */
  SI_FRAME_SECRET      /* text name: asks for the value of a secret */
};

/* How the child confines itself, beyond what the plugin's needs say. */
enum {
  SI_SANDBOX_REQUIRED = 1, /* refuse where the kernel lacks a part */
  SI_SANDBOX_READING = 2   /* what may be written may only be read */
};

/* How the lines on its error output begin that tell of what the sandbox stopped; the system call's
 * name, or the path, stands behind, and then a comma. Each ends the line before it, which may be
 * the plugin's. */
#define SI_TOLD_CALL "si-host: the sandbox stopped the system call "
#define SI_TOLD_FILE "si-host: the sandbox stopped the opening of "

enum si_verb {
  SI_VERB_CHECK = 1,
  SI_VERB_PROVISION,
  SI_VERB_DESTROY,
  SI_VERB_INSPECT,
  SI_VERB_LIST,
  SI_VERB_REMOVE,
  SI_VERB_LOGS /* the one that a RESULT may come of more than once */
};
const char *si_verb_name(uint32_t verb);

struct si_frame {
  uint32_t type;
  uint64_t id;
  const char *data; /* the inbox's, until the next si_inbox_next */
  size_t len;
};

/* --- writing: frames are appended to a buffer, which the caller sends --- */

/* Begins a frame; *mark is for si_frame_end. A failed pack in between fails the end. */
si_rc si_frame_begin(struct si_buf *out, uint32_t type, uint64_t id, size_t *mark) SI_MUST_USE;
si_rc si_frame_end(struct si_buf *out, size_t mark) SI_MUST_USE;
si_rc si_pack_u32(struct si_buf *out, uint32_t value) SI_MUST_USE;
si_rc si_pack_u64(struct si_buf *out, uint64_t value) SI_MUST_USE;
si_rc si_pack_text(struct si_buf *out, const char *text) SI_MUST_USE; /* NULL becomes "" */
/* `error` NULL stands for success. */
si_rc si_pack_error(struct si_buf *out, const struct si_error *error) SI_MUST_USE;

/* --- reading --- */

struct si_unpack {
  const char *at;
  const char *end;
  bool bad; /* a field did not fit: the frame is refused as a whole */
};

struct si_unpack si_unpack_of(const struct si_frame *frame);
/* 0 and "" once bad. Texts live as long as the frame. */
uint32_t si_unpack_u32(struct si_unpack *in);
uint64_t si_unpack_u64(struct si_unpack *in);
const char *si_unpack_text(struct si_unpack *in);
/* Writes *error; its status is SI_OK where the frame says success. */
void si_unpack_error(struct si_unpack *in, struct si_error *error);

/* Frames as they arrive on a descriptor. */
struct si_inbox {
  struct si_buf bytes;
  size_t from; /* where the next frame begins */
};

#define SI_INBOX \
  { SI_BUF(SI_FRAME_MAX + 65536 + 16), 0 }
/* One that secrets pass through. */
#define SI_SECRET_INBOX \
  { SI_SECRET_BUF(SI_FRAME_MAX + 65536 + 16), 0 }

/* Reads once. SI_OK: something came; SI_E_NOT_FOUND: nothing there (EAGAIN); SI_E_UNAVAILABLE: the
 * other end closed; SI_E_IO. */
si_rc si_inbox_fill(struct si_inbox *inbox, int fd) SI_MUST_USE;
/* The next whole frame. SI_E_NOT_FOUND: fill first; SI_E_CORRUPT: longer than a frame may be. */
si_rc si_inbox_next(struct si_inbox *inbox, struct si_frame *frame) SI_MUST_USE;
/* Overwrites the payload of the frame that was just taken. */
void si_inbox_wipe(struct si_inbox *inbox, const struct si_frame *frame);
void si_inbox_free(struct si_inbox *inbox);

#endif
