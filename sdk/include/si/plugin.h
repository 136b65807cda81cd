/* SPDX-License-Identifier: Apache-2.0 */
/*
 * si/plugin.h - what every provider plugin shares with the host: the descriptor, the failure
 * record, and the host's services. Depends on <stddef.h> and <stdint.h> alone; compiles as C11 and
 * as C++11.
 *
 * Life of a plugin. The host trusts the file (path, owner, hash) before a line of it runs, loads
 * it into a child process made for ONE operation, calls si_plugin_v1(), copies the tables, calls
 * the provider's open() once, the operation's verbs, close(), and ends the process. Nothing is
 * ever unloaded.
 *
 * Rules for a plugin. Never exit, longjmp, or install a signal handler. Each side frees what it
 * allocated. A string given to the plugin lives until the call returns; what must live longer is
 * copied. Return a failure through si_host_vt.fail() so that the operator reads more than a number.
 * The host's table lives until close() has returned, an si_op until its call has. Loading does
 * nothing. The process stays as it is: signal handlers, working directory, umask, environment,
 * locale, limits; nothing is written on stdout and stderr. close() leaves no thread, process,
 * descriptor or memory behind, and no copy of a secret. A call that is cancelled or late is done,
 * or ends with SI_E_CANCELLED or SI_E_TIMEOUT. Wrong input is SI_E_INVALID with SI_RETRY_NEVER.
 * `si-conform` holds a plugin to all of this.
 *
 * The ABI is a draft: SI_ABI_DRAFT must be the same on both sides. When it is frozen, published
 * structs never change again; they grow by `_v2` structs, and by new ids of services and of
 * extensions.
 */
#ifndef SI_PLUGIN_H
#define SI_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SI_ABI_MAGIC 0x31507369u /* "isP1": a foreign object is refused with a clear message */
#define SI_ABI_MAJOR 1u          /* stands in the entry symbol's name, too */
#define SI_ABI_MINOR 1u          /* grows when a table gains a tail member */
#define SI_ABI_DRAFT 4u          /* 0 once the ABI is frozen */

/* Tables larger than this are refused as absurd, whatever their size member says. */
#define SI_TABLE_MAX 4096u

/* What a call came to. Zero is success; every other value is stable and may be stored. */
typedef int32_t si_rc;
enum {
  SI_OK = 0,
  SI_E_INVALID = 1,      /* the input is wrong; the same call will fail again */
  SI_E_AUTH = 2,         /* not authorised, or not trusted */
  SI_E_NOT_FOUND = 3,    /* the thing named does not exist */
  SI_E_EXISTS = 4,       /* it exists already, and must not */
  SI_E_CONFLICT = 5,     /* not allowed in the present state, or held by another */
  SI_E_RETENTION = 6,    /* locked against change until a date */
  SI_E_QUOTA = 7,        /* a limit was reached: size, count, space */
  SI_E_UNAVAILABLE = 8,  /* the peer cannot be reached, or will not serve now */
  SI_E_IO = 9,           /* reading or writing failed */
  SI_E_CORRUPT = 10,     /* what was read is not what was written */
  SI_E_UNSUPPORTED = 11, /* this provider cannot do that */
  SI_E_CANCELLED = 12,   /* the operator asked to stop */
  SI_E_TIMEOUT = 13,     /* the deadline passed */
  SI_E_NOMEM = 14,       /* out of memory */
  SI_E_REFUSED = 15,     /* a guard forbids it */
  SI_E_INTERNAL = 16,    /* a defect */
  SI_E_FAILED = 17 /* it was done as asked, and did not work: a service that will not stay up */
};

/* What the caller may do about a failure. */
enum {
  SI_RETRY_NEVER = 0,    /* the same call will fail the same way */
  SI_RETRY_SAFE = 1,     /* nothing happened, or repeating is harmless */
  SI_RETRY_AFTER = 2,    /* as SAFE, but not before retry_after_ms */
  SI_OUTCOME_UNKNOWN = 3 /* it may have happened: look before repeating */
};

/* A failure, as plain data. The plugin fills it on its stack; the host copies it inside fail(). */
typedef struct si_failure {
  uint32_t size;           /* sizeof(si_failure) */
  si_rc status;            /* never SI_OK */
  uint32_t retry;          /* SI_RETRY_* or SI_OUTCOME_UNKNOWN */
  uint32_t retry_after_ms; /* with SI_RETRY_AFTER */
  int32_t sys_errno;       /* errno, or 0 */
  int32_t peer_code;       /* the peer's own code (an HTTP status, say), or 0 */
  const char *field;       /* JSON pointer into the configuration or the document, or NULL */
  const char *subject;     /* what failed: a service, an object key, a volume; or NULL */
  const char *message;     /* one line: what, why, what to do next */
  const char *detail;      /* more lines (the service's last log lines), or NULL */
} si_failure;

enum { SI_LOG_DEBUG = 0, SI_LOG_INFO = 1, SI_LOG_WARN = 2, SI_LOG_ERROR = 3 };

/* Phases of a journalled step. */
enum { SI_STEP_BEGIN = 0, SI_STEP_DONE = 1, SI_STEP_FAILED = 2 };

typedef struct si_host si_host; /* one instance's host side; the host's */
typedef struct si_op si_op;     /* one call in flight; the host's */

/* Receives a verb's result: one JSON text. Called at most once, before the verb returns, unless the
 * verb's own contract says that there are many. */
typedef si_rc (*si_emit)(void *ctx, const char *json, size_t len);

/* Reads the bytes of a secret while they exist. They are wiped as soon as it returns. */
typedef si_rc (*si_secret_use)(void *ctx, const void *bytes, size_t len);

/*
 * What a plugin may ask of the host. Members are usable only where SI_HAS() says so.
 * Strings are UTF-8, ended by NUL. All functions may be called from any thread.
 */
typedef struct si_host_vt {
  uint32_t size;
  uint32_t reserved;
  /* Tells the operator something. Bounded: the host drops what floods it, and says so. */
  void (*log)(si_host *host, uint32_t level, const char *message);
  /* Records why this call fails and returns failure->status, so that a provider can write
   * `return vt->fail(op, &f);`. The last record before the verb returns counts. */
  si_rc (*fail)(si_op *op, const si_failure *failure);
  /* Non-zero once the operator asked to stop or the deadline passed: return soon. */
  int (*cancelled)(si_op *op);
  /* How far this call has come. total 0 = unknown. Rate-limited by the host. */
  void (*progress)(si_op *op, uint64_t done, uint64_t total, const char *what);
  /* CLOCK_MONOTONIC in nanoseconds at which the call must have ended; 0 = none. */
  uint64_t (*deadline_ns)(si_op *op);
  /* Journals a side effect in the outer world: BEGIN before it, DONE (with the outside id) or
   * FAILED after it. Returns once the record is durable. When it fails, do not do the thing. */
  si_rc (*step)(si_op *op, const char *name, uint32_t phase, const char *outside_id);
  /* Lends the value of a secret that the configuration refers to, for the time of `use`. */
  si_rc (*secret)(si_op *op, const char *name, void *ctx, si_secret_use use);
  /* A further service by id (si/service.h), or NULL where this host has none of that name. */
  const void *(*service)(si_host *host, const char *id);
} si_host_vt;

/* Kinds of provider. */
enum { SI_KIND_PROVISIONER = 1, SI_KIND_ARTIFACT = 2, SI_KIND_BACKUP = 3 };

/* Which calls may run at once. */
enum {
  SI_THREADS_SERIAL = 0,       /* one call in the whole process */
  SI_THREADS_PER_INSTANCE = 1, /* one call an instance */
  SI_THREADS_PARALLEL = 2      /* any */
};

typedef struct si_instance si_instance; /* the provider's own */

typedef struct si_provider {
  uint32_t size;
  uint32_t kind;    /* SI_KIND_* */
  uint64_t caps;    /* capabilities of that kind: a promise */
  uint32_t threads; /* SI_THREADS_* */
  uint32_t reserved;
  const char *id; /* [a-z0-9][a-z0-9-]{0,62}; what --provisioner or --sink names */
  /* JSON Schema of the configuration: an object that has no members but those named. `x-secret`
   * marks a text "vault:NAME", which refers to a secret. */
  const char *schema;
  const char *needs; /* JSON object, equal to the tree manifest's `needs` */
  /* Makes an instance from a configuration (a JSON object). Writes *out on success alone. What the
   * schema does not allow is SI_E_INVALID, the failure's field the JSON pointer of the setting; a
   * plain value in the place of a reference may be SI_E_REFUSED, and stands in no message. */
  si_rc (*open)(const si_host_vt *vt, si_host *host, si_op *op, const char *config_json,
                si_instance **out);
  void (*close)(si_instance *instance); /* never fails */
  const void *vt;                       /* the kind's table, which begins with its size */
  /* A further table by id ("si.retention/1"), which begins with its size; or NULL where the
   * provider has none of that name. No allocation, no I/O, no threads, the same answer each time.
   * The host asks only for what `caps` promises. The member is NULL where there is nothing. */
  const void *(*extension)(const char *id);
} si_provider;

typedef struct si_plugin {
  uint32_t magic;
  uint32_t size;
  uint16_t abi_major; /* what it was built against */
  uint16_t abi_minor;
  uint16_t need_minor; /* the least host minor it can live with */
  uint16_t draft;      /* SI_ABI_DRAFT */
  const char *id;      /* equals the tree manifest's */
  const char *version;
  const char *license;                 /* SPDX expression */
  const char *build;                   /* free text: compiler, commit */
  const si_provider *const *providers; /* ended by NULL; at most 16 */
} si_plugin;

/* A member is usable only if the giver's table reaches past it and it is set. */
#define SI_HAS(vt, type, member) \
  ((vt)->size >= offsetof(type, member) + sizeof((vt)->member) && (vt)->member)

#if defined(__GNUC__)
#define SI_EXPORT __attribute__((visibility("default")))
#else
#define SI_EXPORT
#endif

/* The one symbol a plugin exports. No allocation, no I/O, no threads. */
SI_EXPORT const si_plugin *si_plugin_v1(void);

#ifdef __cplusplus
}
#endif
#endif
