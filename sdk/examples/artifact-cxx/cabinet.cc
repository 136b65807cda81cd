/* SPDX-License-Identifier: Apache-2.0 */
/* cabinet - an artifact provider in C++: each object is one file, named after the SHA-256 of its
 * key, in one of sixteen directories below `root`. No exception leaves it: `guarded` turns each
 * into a failure that the operator can read. */
#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <system_error>

#include "kit/base/hash.h"
#include "kit/base/object.h"
#include "kit/base/path.h"

namespace {

/* A descriptor that closes itself. */
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {
  }
  Fd(const Fd &) = delete;
  Fd &operator=(const Fd &) = delete;
  ~Fd() {
    si_close(&fd_);
  }
  int get() const {
    return fd_;
  }
  void reset(int fd) {
    si_close(&fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

[[noreturn]] void throw_errno(const std::string &what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

/* What the ABI calls the provider's own. */
struct si_instance {
  explicit si_instance(const si_host_vt *host_vt) : vt(host_vt) {
  }

  /* The drawer for a name, opened once; several calls may ask at once. -1: it is not there, and was
   * not to be made. */
  int drawer(char digit, bool make);

  const si_host_vt *vt;
  Fd root;

 private:
  std::mutex lock;
  std::array<Fd, 16> drawers;
};

int si_instance::drawer(char digit, bool make) {
  const std::string name(1, digit);
  Fd &fd = drawers.at(std::stoul(name, nullptr, 16));
  const std::lock_guard<std::mutex> guard(lock);
  if (fd.get() < 0) {
    if (make && mkdirat(root.get(), name.c_str(), 0700) != 0 && errno != EEXIST) {
      throw_errno("cannot make the drawer " + name);
    }
    fd.reset(openat(root.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (fd.get() < 0 && (make || errno != ENOENT)) {
      throw_errno("cannot open the drawer " + name);
    }
  }
  return fd.get();
}

namespace {

/* Runs a verb. What it throws never reaches the host. */
template <typename Body>
si_rc guarded(const si_host_vt *vt, si_op *op, const char *subject, Body body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc &) {
    return si_fail(vt, op, SI_E_NOMEM, subject, "out of memory");
  } catch (const std::system_error &e) {
    return si_fail_errno(vt, op, e.code().value(), subject, "%s", e.what());
  } catch (const std::exception &e) {
    return si_fail(vt, op, SI_E_INTERNAL, subject, "%s", e.what());
  }
}

/* Where an object is. Without its drawer it is nowhere: `dir` is -1. */
si_object place(si_instance *store, const char *key, bool make) {
  si_object object = {};
  object.vt = store->vt;
  object.key = key;
  if (si_sha256_hex(key, std::char_traits<char>::length(key), object.name) != SI_OK) {
    throw std::bad_alloc();
  }
  object.dir = si_key_valid(key) ? store->drawer(object.name[0], make) : -1;
  return object;
}

si_rc sink_open(si_instance *store, si_op *op, const char *key, const si_put_options *options,
                si_sink **out) {
  return guarded(store->vt, op, key,
                 [&] { return si_object_create(place(store, key, true), op, options, out); });
}

si_rc reader_open(si_instance *store, si_op *op, const char *key, uint64_t offset, uint64_t limit,
                  si_reader **out) {
  return guarded(store->vt, op, key,
                 [&] { return si_object_open(place(store, key, false), op, offset, limit, out); });
}

si_rc stat_object(si_instance *store, si_op *op, const char *key, si_object_info *out) {
  return guarded(store->vt, op, key,
                 [&] { return si_object_stat(place(store, key, false), op, out); });
}

si_rc remove_object(si_instance *store, si_op *op, const char *key) {
  return guarded(store->vt, op, key,
                 [&] { return si_object_remove(place(store, key, false), op); });
}

si_rc list(si_instance *store, si_op *op, const char *prefix, void *ctx, si_list_fn each) {
  return guarded(store->vt, op, nullptr, [&] {
    si_rc status = SI_OK;
    for (const char digit : std::string("0123456789abcdef")) {
      const int dir = store->drawer(digit, false);
      if (status == SI_OK && dir >= 0) {
        status = si_object_list(store->vt, op, dir, prefix, ctx, each);
      }
    }
    return status;
  });
}

si_rc uri(si_instance *, const char *key, char *out, size_t cap) {
  const int n = std::snprintf(out, cap, SI_PLUGIN_ID ":///%s", key);
  return n >= 0 && static_cast<size_t>(n) < cap ? SI_OK : SI_E_QUOTA;
}

si_rc open_store(const si_host_vt *vt, si_host *, si_op *op, const char *config_json,
                 si_instance **out) {
  static const char *const settings[] = {"root", nullptr};
  return guarded(vt, op, nullptr, [&] {
    std::unique_ptr<si_instance> store(new si_instance(vt));
    cJSON *parsed = nullptr;
    int root = -1;
    si_rc status = si_config_read(vt, op, config_json, settings, &parsed);
    const std::unique_ptr<cJSON, decltype(&cJSON_Delete)> config(parsed, cJSON_Delete);
    status = status == SI_OK ? si_config_dir(vt, op, config.get(), "root", &root) : status;
    if (status == SI_OK) {
      store->root.reset(root);
      *out = store.release();
    }
    return status;
  });
}

void close_store(si_instance *store) {
  delete store;
}

/* Constant data: nothing has to run before the host reads it. */
constexpr si_artifact_vt table = {
    sizeof(si_artifact_vt),
    0,
    sink_open,
    si_object_write,
    si_object_finish,
    si_object_abort,
    reader_open,
    si_object_read,
    si_object_close,
    stat_object,
    list,
    remove_object,
    nullptr,
    nullptr,
    uri,
};

}  // namespace

SI_PROVIDER(SI_KIND_ARTIFACT, SI_CAP_ARTIFACT_REMOVE, SI_THREADS_PARALLEL, open_store, close_store,
            &table,
            "{\"type\":\"object\",\"properties\":{\"root\":{\"type\":\"string\",\"pattern\":\"^/\","
            "\"description\":\"absolute path of the directory that holds the drawers\"}},"
            "\"required\":[\"root\"],\"additionalProperties\":false}");
