#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads every #include of the product and fails on one that the house does not allow.

  arrows.py ROOT         reports each forbidden include as FILE:LINE, exit code 1 if there is one
  arrows.py --self-test  plants forbidden and allowed includes in a small tree and looks at both

No arrow leads to enterprise/, a project of its own that is built from the installed SDK: nothing
that si is built or tested from names a file of it, in whatever language. Only ./check calls it.

Arrows go one way: cli, api -> paas -> core -> sdk, and plugins -> sdk (local -> plugins/engine).
A library has one room, so that what a program links is decided here and not by the last commit.
Includes are rooted ("kit/..." for sdk/kit, "core/...", <si/...>), so that a header has one name.
"""
import pathlib
import re
import sys
import tempfile

TREES = ("sdk", "core", "plugins", "paas", "cli", "api")
SOURCES = (".c", ".h", ".cc")

# Room (the longest prefix that fits a file) -> what it may include of the house.
ROOMS = {
    "sdk/include": (),
    "sdk/kit/base": ("kit/base",),
    "sdk/kit/net": ("kit/base", "kit/net"),
    "sdk/kit/bucket": ("kit/base", "kit/net", "kit/bucket"),
    "sdk/conform": ("kit", "sdk/conform"),
    "sdk/examples": ("kit", "sdk/examples"),
    "core": ("kit/base", "core"),
    "plugins/engine": ("kit", "plugins/engine"),
    "plugins/local": ("kit", "plugins/engine", "plugins/local"),
    "plugins/coolify": ("kit", "plugins/coolify"),
    "plugins/s3": ("kit", "plugins/s3"),
    "plugins/walg": ("kit", "plugins/walg"),
    "paas": ("kit/base", "core", "paas"),
    "paas/alert/net": ("kit", "paas/alert/net"),  # si-net
    "cli": ("kit/base", "core", "paas", "cli"),
    "api": ("kit/base", "core", "paas", "api"),
}

# A library's headers -> the rooms that may use it.
LIBRARIES = {
    "openssl/": ("sdk/kit/base",),
    "cjson/": ("sdk/kit/base",),
    "cJSON.h": ("sdk/kit/base",),
    "curl/": ("sdk/kit/net",),
    "expat.h": ("sdk/kit/net",),
    "ltdl.h": ("core/host",),
    "seccomp.h": ("core/host",),
    "dlfcn.h": ("core/host", "sdk/conform"),
    "link.h": ("core/host", "sdk/conform"),
    "sqlite3.h": ("paas/state",),
    "yaml.h": ("paas/stack",),
    "microhttpd.h": ("api",),
}

# A file of enterprise/, as one that makes or runs si would name it; and in a test, where directories
# of that name stand for an installed tree.
NAMED = re.compile(r"(?<![\w.-])enterprise/")
NAMED_IN_TESTS = re.compile(r"(?<![\w.-])enterprise/(?:plugins|docs|tests|check|sign|CMakeLists)")
PRODUCT = TREES + ("cmake", "scripts", "packaging", "examples", "quickstart", "CMakeLists.txt",
                   "CMakePresets.json")

# What the C library and the kernel bring. The ABI headers take only the first two.
ABI = {"stddef.h", "stdint.h"}
SYSTEM = ABI | {
    "assert.h", "ctype.h", "dirent.h", "elf.h", "endian.h", "err.h", "errno.h", "execinfo.h",
    "fcntl.h", "float.h", "fnmatch.h", "getopt.h", "grp.h", "ifaddrs.h", "inttypes.h",
    "langinfo.h", "libgen.h", "limits.h", "locale.h", "malloc.h", "math.h", "netdb.h", "poll.h", "pthread.h", "pwd.h", "sched.h",
    "semaphore.h", "setjmp.h", "signal.h", "spawn.h", "stdalign.h", "stdarg.h", "stdatomic.h",
    "stdbool.h", "stdio.h", "stdlib.h", "stdnoreturn.h", "string.h", "strings.h", "termios.h",
    "threads.h", "time.h", "unistd.h", "wchar.h",
}
# What C++ brings, for the one example in it.
CXX = {"array", "cerrno", "cstdio", "exception", "memory", "mutex", "new", "string", "system_error"}
SYSTEM_TREES = ("sys/", "linux/", "asm/", "netinet/", "arpa/", "net/")

INCLUDE = re.compile(r"^[ \t]*#[ \t]*include\b[ \t]*(.*?)[ \t]*$", re.M)
COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)


def under(path, prefix):
    return path == prefix or path.startswith(prefix + "/")


def room_of(path):
    """The key of ROOMS that a file belongs to, or None."""
    rooms = [room for room in ROOMS if under(path, room)]
    return max(rooms, key=len) if rooms else None


def without_comments(text):
    """The same lines, with comments blanked."""
    return COMMENT_OR_STRING.sub(
        lambda m: m.group() if m.group()[0] == '"' else "\n" * m.group().count("\n"), text)


def why_not(path, room, what):
    """Why `path` (in `room`) may not include `what`, or None."""
    if what[:1] == "<" and what[-1:] == ">":
        name = what[1:-1]
        if under(name, "si"):
            return None
        if room == "sdk/include":
            return None if name in ABI else "the ABI headers take <stddef.h> and <stdint.h> alone"
        for library, rooms in LIBRARIES.items():
            if name == library or (library.endswith("/") and name.startswith(library)):
                if any(under(path, r) for r in rooms):
                    return None
                return "this library belongs to " + ", ".join(rooms)
        if name in SYSTEM or name.startswith(SYSTEM_TREES):
            return None
        if name in CXX and path.endswith(".cc"):
            return None
        return "no room is known to use this header: give it one in tests/arrows/arrows.py"
    if len(what) > 2 and what[0] == what[-1] == '"':
        name = what[1:-1]
        if ".." in name.split("/"):
            return 'includes are rooted: write "kit/...", "core/...", "paas/..."'
        if room == "sdk/examples" and "/" not in name:
            return None  # a project of its own, built out of tree: a file beside this one
        if any(under(name, allowed) for allowed in ROOMS[room]):
            return None
        if name.split("/")[0] in TREES + ("kit",):
            return f"{room} may include " + (", ".join(ROOMS[room]) or "nothing of the house")
        return 'includes are rooted: write "kit/...", "core/...", "paas/..."'
    return "an include that is not a plain file name cannot be checked"


def check(root):
    """[(file, line, include, reason)] of everything forbidden under `root`, and files read."""
    found, count = [], 0
    for tree in TREES:
        for file in sorted((root / tree).rglob("*")):
            if file.suffix not in SOURCES or not file.is_file():
                continue
            count += 1
            path = file.relative_to(root).as_posix()
            text = without_comments(file.read_text(encoding="utf-8"))
            room = room_of(path)
            for match in INCLUDE.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                reason = (why_not(path, room, match.group(1)) if room else
                          "this directory has no room: give it one in tests/arrows/arrows.py")
                if reason:
                    found.append((path, line, match.group(1), reason))
    return found, count


def named(root):
    """[(file, line)] of whatever names a file of enterprise/, and files read."""
    found, count = [], 0
    for tree, pattern in [(t, NAMED) for t in PRODUCT] + [("tests", NAMED_IN_TESTS)]:
        top = root / tree
        for file in sorted(top.rglob("*")) if top.is_dir() else [top]:
            path = file.relative_to(root).as_posix()
            if not file.is_file() or under(path, "tests/arrows") or under(path, "tests/fuzz/corpus"):
                continue
            count += 1
            text = file.read_bytes().decode("utf-8", "replace")
            found += [(path, text.count("\n", 0, m.start()) + 1) for m in pattern.finditer(text)]
    return found, count


# (file, include, allowed)
PLANTS = (
    ("sdk/include/si/x.h", "<stdint.h>", True),
    ("sdk/include/si/x.h", "<si/plugin.h>", True),
    ("sdk/include/si/x.h", "<stdio.h>", False),
    ("sdk/include/si/x.h", '"kit/base/buf.h"', False),
    ("sdk/kit/base/x.c", "<openssl/evp.h>", True),
    ("sdk/kit/base/x.c", "<curl/curl.h>", False),
    ("sdk/kit/base/x.c", '"kit/net/http.h"', False),
    ("sdk/kit/base/x.c", '"core/wire/wire.h"', False),
    ("sdk/kit/net/x.c", "<curl/curl.h>", True),
    ("sdk/kit/net/x.c", '"kit/base/buf.h"', True),
    ("sdk/kit/net/x.c", '"kit/bucket/store.h"', False),
    ("sdk/kit/bucket/x.c", '"kit/net/s3.h"', True),
    ("sdk/kit/bucket/x.c", "<curl/curl.h>", False),
    ("sdk/examples/x/x.c", '"kit/base/buf.h"', True),
    ("sdk/examples/x/x.c", '"beside.h"', True),
    ("sdk/examples/x/x.c", '"core/wire/wire.h"', False),
    ("sdk/kit/base/x.c", '"beside.h"', False),
    ("core/wire/x.c", '"kit/base/buf.h"', True),
    ("core/wire/x.c", '"kit/net/http.h"', False),
    ("core/wire/x.c", '"paas/state/state.h"', False),
    ("core/wire/x.c", '"plugins/engine/engine.h"', False),
    ("core/wire/x.c", "<ltdl.h>", False),
    ("core/host/x.c", "<ltdl.h>", True),
    ("core/host/x.c", "<sqlite3.h>", False),
    ("plugins/engine/x.c", '"kit/net/http.h"', True),
    ("plugins/engine/x.c", '"plugins/local/local.h"', False),
    ("plugins/local/x.c", '"plugins/engine/engine.h"', True),
    ("plugins/local/x.c", '"core/wire/wire.h"', False),
    ("plugins/local/x.c", "<curl/curl.h>", False),
    ("plugins/s3/x.c", '"plugins/engine/engine.h"', False),
    ("plugins/new/x.c", "<stdio.h>", False),
    ("paas/state/x.c", "<sqlite3.h>", True),
    ("paas/state/x.c", '"core/wire/wire.h"', True),
    ("paas/state/x.c", '"cli/table.h"', False),
    ("paas/stack/x.c", "<yaml.h>", True),
    ("paas/stack/x.c", "<sqlite3.h>", False),
    ("paas/lifecycle/x.c", "<dlfcn.h>", False),
    ("paas/alert/x.c", '"paas/alert/net/url.h"', True),
    ("paas/alert/x.c", '"kit/net/http.h"', False),
    ("paas/alert/net/x.c", '"kit/net/http.h"', True),
    ("paas/alert/net/x.c", "<curl/curl.h>", False),
    ("paas/alert/net/x.c", '"paas/vault/vault.h"', False),
    ("cli/x.c", '"paas/state/state.h"', True),
    ("cli/x.c", '"api/serve.h"', False),
    ("cli/x.c", '"plugins/local/local.h"', False),
    ("cli/x.c", "<sqlite3.h>", False),
    ("cli/x.c", "<zlib.h>", False),
    ("cli/x.c", '"../core/wire/wire.h"', False),
    ("cli/x.c", '"table.h"', False),
    ("cli/x.c", "HEADER", False),
    ("api/x.c", '"cli/table.h"', False),
    ("core/host/x.c", '"enterprise/plugins/x.h"', False),
)

# (file, text, allowed)
NAMES = (
    ("core/host/x.c", 'open("enterprise/plugins/x.so")', False),
    ("CMakeLists.txt", "add_subdirectory(enterprise/plugins)", False),
    ("cmake/x.cmake", "include(${CMAKE_SOURCE_DIR}/enterprise/x.cmake)", False),
    ("scripts/x.sh", ". ../enterprise/tests/functions.sh", False),
    ("tests/integration/x.sh", '"$repository/enterprise/check"', False),
    ("tests/unit/x.c", '"enterprise/worm.so"', True),
    ("core/host/x.c", "/* the enterprise tree */", True),
    ("core/host/x.c", "/opt/si-enterprise/plugins", True),
    ("check", "enterprise/check", True),
    ("docs/x.md", "enterprise/docs/", True),
)


def self_test():
    wrong = 0
    for path, what, allowed in PLANTS:
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            file = root / path
            file.parent.mkdir(parents=True)
            file.write_text(f"/* comment\n#include <curl/curl.h>\n*/\n #  include {what} // end\n")
            found, _ = check(root)
        expected = [] if allowed else [(path, 4, what)]
        if [f[:3] for f in found] != expected:
            wrong += 1
            print(f"{path} with #include {what}: found {found}, expected {expected}")
    for path, text, allowed in NAMES:
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"\n{text}\n")
            found, _ = named(root)
        if found != ([] if allowed else [(path, 2)]):
            wrong += 1
            print(f"{path} with {text}: found {found}")
    return wrong


def main(arguments):
    if arguments == ["--self-test"]:
        wrong = self_test()
        print(f"{len(PLANTS)} includes and {len(NAMES)} names planted, {wrong} judged wrongly")
        return 1 if wrong else 0
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    found, count = check(pathlib.Path(arguments[0]))
    for path, line, what, reason in found:
        print(f"{path}:{line}: #include {what}: {reason}")
    names, read = named(pathlib.Path(arguments[0]))
    for path, line in names:
        print(f"{path}:{line}: names a file of enterprise/, which must not be needed by anything here")
    if count == 0 or read < count:
        print("no source file found under " + arguments[0])
        return 1
    print(f"{read} files read, {len(found)} forbidden includes, {len(names)} forbidden names")
    return 1 if found or names else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
