/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/dispatch_lock.h"

static si_rc unsupported(const struct si_descriptor *descriptor, struct si_op *op) {
  si_error_set(&op->failure, SI_E_UNSUPPORTED, "PROVIDER_UNSUPPORTED",
               "the store \"%s\" cannot lock objects: it has no %s", descriptor->provider.id,
               SI_RETENTION_ID);
  return si_error_hint(&op->failure, "si plugin list tells which installed stores can");
}

/* NULL, recorded, where the provider has none. */
static const si_retention_vt *table(const struct si_descriptor *descriptor, struct si_op *op) {
  if (descriptor->retention.size) {
    return &descriptor->retention;
  }
  unsupported(descriptor, op);
  return NULL;
}

si_rc si_lock_open(const struct si_descriptor *descriptor, si_instance *instance, struct si_op *op,
                   const char *key, const si_put_options *options, const si_lock_wish *wish,
                   si_sink **out) {
  const si_retention_vt *vt = table(descriptor, op);
  return vt ? vt->sink_open(instance, op, key, options, wish, out) : SI_E_UNSUPPORTED;
}

static si_rc tell(struct si_op *op, const si_lock *lock) {
  size_t mark;
  if (lock->size < sizeof *lock || lock->until_ms < 0) {
    return SI_E_CORRUPT; /* members that it says it does not have */
  }
  struct si_buf *out = si_link_lock(op->host->link);
  si_rc status = si_frame_begin(out, SI_FRAME_LOCKED, op->id, &mark);
  status = status == SI_OK ? si_pack_text(out, lock->key) : status;
  status = status == SI_OK ? si_pack_text(out, lock->version) : status;
  status = status == SI_OK ? si_pack_u32(out, lock->mode) : status;
  status = status == SI_OK ? si_pack_u32(out, lock->flags) : status;
  status = status == SI_OK ? si_pack_u64(out, (uint64_t)lock->until_ms) : status;
  status =
      status == SI_OK ? si_pack_u64(out, lock->told_ms > 0 ? (uint64_t)lock->told_ms : 0) : status;
  status = status == SI_OK ? si_frame_end(out, mark) : status;
  if (status != SI_OK) {
    out->len = mark;
  }
  si_link_unlock(op->host->link, false);
  return status;
}

si_rc si_lock_tell(void *ctx, const si_lock *lock) {
  return tell(ctx, lock);
}

/* Asks the store for what became of the lock. */
static si_rc read_back(struct si_dispatch *d, const char *key, const char *version) {
  si_doing_set("read_lock");
  return d->descriptor->retention.read_lock(d->instance, d->op, key, version, d->op, si_lock_tell);
}

/* "" stands for none. */
static const char *version_of(struct si_unpack *in) {
  const char *version = si_unpack_text(in);
  return version[0] ? version : NULL;
}

si_rc si_lock_lock(struct si_dispatch *d, struct si_unpack *in) {
  const si_retention_vt *vt = table(d->descriptor, d->op);
  const char *key = si_unpack_text(in);
  const char *version = version_of(in);
  uint32_t mode = si_unpack_u32(in);
  int64_t until_ms = (int64_t)si_unpack_u64(in);
  if (!vt) {
    return SI_E_UNSUPPORTED;
  }
  si_doing_set("lock");
  si_rc status = vt->lock(d->instance, d->op, key, version, mode, until_ms);
  return status == SI_OK ? read_back(d, key, version) : status;
}

si_rc si_lock_hold(struct si_dispatch *d, struct si_unpack *in) {
  const si_retention_vt *vt = table(d->descriptor, d->op);
  const char *key = si_unpack_text(in);
  const char *version = version_of(in);
  uint32_t on = si_unpack_u32(in);
  if (!vt) {
    return SI_E_UNSUPPORTED;
  }
  si_doing_set("legal_hold");
  si_rc status = vt->legal_hold(d->instance, d->op, key, version, on);
  return status == SI_OK ? read_back(d, key, version) : status;
}

/* Of a report that is under way. */
struct versions {
  struct si_op *op;
  uint64_t left; /* as many more are wanted */
};

static si_rc each(void *ctx, const si_lock *lock) {
  struct versions *versions = ctx;
  if (si_host_services.cancelled(versions->op)) {
    return SI_E_CANCELLED;
  }
  if (versions->left == 0) {
    return SI_E_QUOTA;
  }
  versions->left--;
  return tell(versions->op, lock);
}

si_rc si_lock_report(struct si_dispatch *d, struct si_unpack *in) {
  const si_retention_vt *vt = table(d->descriptor, d->op);
  const char *prefix = si_unpack_text(in);
  uint64_t most = si_unpack_u64(in);
  struct versions versions = {d->op, most < UINT64_MAX ? most + 1 : most};
  if (!vt) {
    return SI_E_UNSUPPORTED;
  }
  si_doing_set("report");
  return vt->report(d->instance, d->op, prefix, &versions, each, d->op, si_dispatch_emit);
}
