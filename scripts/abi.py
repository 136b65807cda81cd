#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the plugin ABI (sdk/include/si) to what is written down of it.

  abi.py check              the headers against the record and the baseline; 1 where they differ
  abi.py update             writes record, baseline and reference, once the ABI's version was raised
  abi.py self-test          changes copies of the headers and looks whether `check` would see it
  abi.py reference          writes docs/abi-reference.md from the headers' comments
  abi.py reference --check  1 where the file is not what would be written

The record (tests/unit/abi/record.h) has every size, offset and constant; the compiler holds the
headers to it whenever the tests are built. The baseline (tests/unit/abi/baseline.abi) has every
type, as abidw reads it from a library that uses each of them; abidiff sees what sizes do not show,
such as a parameter of another type. Both are of x86-64. Exit code 77: a tool is missing, or this is
another machine. Needs gcc, and Debian's abigail-tools.
"""
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = ROOT / "sdk/include"
RECORD = ROOT / "tests/unit/abi/record.h"
BASELINE = ROOT / "tests/unit/abi/baseline.abi"
REFERENCE = ROOT / "docs/abi-reference.md"
FIRST = ("plugin", "provisioner", "artifact", "backup", "retention", "service")  # then the others

WHAT_TO_DO = """\
The ABI is not the one that is written down. If that was not meant, take the change back. If it was
(once the ABI is frozen, published structs stay as they are: add `_v2` structs or ids), raise
SI_ABI_DRAFT, or SI_ABI_MINOR once frozen, in sdk/include/si/plugin.h, say why in docs/decisions/,
and then run
  scripts/abi.py update"""


class Odd(Exception):
    """Something in a header that this script does not read."""


# --- reading the headers -------------------------------------------------------------------------

class Item:
    """A declaration, a #define, or a comment that stands alone; with the comments that are its."""

    def __init__(self, kind, text):
        self.kind, self.text, self.lead, self.trail = kind, text, "", ""

    def comment(self):
        return "\n\n".join(c for c in (self.lead, self.trail) if c)


def plain(comment):
    """A comment's text without its frame."""
    lines = comment[2:-2].split("\n")
    return "\n".join(re.sub(r"^\s*\* ?", "", line) if at else line
                     for at, line in enumerate(lines)).strip("\n").strip(" ")


def scan(text, separator):
    """The items of a header, or of what stands between the braces of a struct or an enum."""
    items, pending, at = [], None, 0
    code_end = None  # where the last item ended: a comment behind it on its line belongs to it

    def flush():
        nonlocal pending
        if pending is not None:
            items.append(Item("alone", pending))
            pending = None

    def add(item, end):
        nonlocal pending, code_end
        item.lead, pending, code_end = pending or "", None, end
        items.append(item)

    while at < len(text):
        if text[at].isspace():
            if text.startswith("\n\n", at):
                flush()
            at += 1
        elif text.startswith("/*", at):
            end = text.index("*/", at) + 2
            if code_end is not None and "\n" not in text[code_end:at]:
                items[-1].trail = plain(text[at:end])
            else:
                flush()
                pending = plain(text[at:end])
            at = end
        elif text[at] == "#":
            end = re.compile(r"(?<!\\)(\n|$)").search(text, at).start()
            line = text[at:end]
            if "/*" in line:
                end = at + line.index("/*")
            add(Item("directive", text[at:end].strip()), end)
            at = end
        else:
            depth, start = 0, at
            while at < len(text) and (depth or text[at] != separator):
                if text.startswith("/*", at):
                    if not depth:
                        break  # behind the last of a list
                    at = text.index("*/", at) + 2
                    continue
                depth += (text[at] in "({[") - (text[at] in ")}]")
                at += 1
            code = text[start:at].rstrip()
            at += at < len(text) and text[at] == separator
            add(Item("code", code), at if at < len(text) or not code else start + len(code))
    flush()
    return items


def member_name(code):
    found = re.search(r"\(\*(\w+)\)\(", code) or re.search(r"(\w+)(\[\w+\])?$", code)
    if not found:
        raise Odd("a member without a name: " + code)
    return found.group(1)


def classify(item):
    """Gives a declaration its `what`, `name` and `parts`."""
    code = item.text
    found = re.match(r"typedef struct (\w+) \{(.*)\} (\w+)$", code, re.S)
    if found:
        item.what, item.name, item.parts = "struct", found.group(3), scan(found.group(2), ";")
        for part in item.parts:
            part.name = member_name(part.text) if part.kind == "code" else None
        return
    found = re.match(r"enum \{(.*)\}$", code, re.S)
    if found:
        item.what, item.name, item.parts = "enum", None, scan(found.group(1), ",")
        for part in item.parts:
            part.name = part.text.split()[0] if part.kind == "code" else None
        return
    for what, pattern in (("opaque", r"typedef struct (\w+) \1$"),
                          ("callback", r"typedef .*\(\*(\w+)\)\(.*\)$"),
                          ("alias", r"typedef [\w ]+?(\w+)$"),
                          ("function", r"SI_EXPORT .*?(\w+)\([^()]*\)$")):
        found = re.match(pattern, code, re.S)
        if found:
            item.what, item.name, item.parts = what, found.group(1), []
            return
    raise Odd("a declaration of an unknown form: " + code)


def read_header(path):
    text = path.read_text(encoding="utf-8")
    text = re.sub(r'#ifdef __cplusplus\n(extern "C" \{|\})\n#endif\n', "", text)
    guard = re.search(r"#ifndef (SI_\w+_H)\n#define \1\n", text)
    if not guard or not text.endswith("#endif\n"):
        raise Odd(f"{path}: no include guard")
    text = text.replace(guard.group(), "")[:-len("#endif\n")]
    items, seen = [], set()
    for item in scan(text, ";"):
        if item.kind == "directive":
            found = re.match(r"#define (\w+)(\(.*?\))?\s*(.*)$", item.text, re.S)
            if not found or found.group(1) in seen or found.group(1) == "SI_EXPORT":
                continue
            seen.add(found.group(1))
            item.what = "macro" if found.group(2) else "define"
            item.name, item.value, item.parts = found.group(1), found.group(3), []
        elif item.kind == "code":
            classify(item)
        else:
            if item.lead or item.text.startswith("SPDX"):
                continue
            item.what = "alone"
        items.append(item)
    return items


def read_headers(include=INCLUDE):
    """[(name, items)], in the order of reading."""
    paths = sorted((include / "si").glob("*.h"), key=lambda path: (
        FIRST.index(path.stem) if path.stem in FIRST else len(FIRST), path.stem))
    return [(path.stem, read_header(path)) for path in paths]


def version(headers):
    values = {i.name: i.value for _, items in headers for i in items if i.what == "define"}
    return tuple(int(values["SI_ABI_" + part].rstrip("u")) for part in ("MAJOR", "MINOR", "DRAFT"))


# --- the record ----------------------------------------------------------------------------------

def run(*command, **more):
    return subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, **more)


def compiled(source, out, include, *options):
    done = run("gcc", "-std=c11", "-I", include, *options, "-x", "c", "-", "-o", out, input=source)
    if done.returncode:
        sys.exit("the headers do not compile:\n" + done.stdout)


def includes(headers):
    return "".join(f"#include <si/{name}.h>\n" for name, _ in headers)


RECORD_HEAD = """\
/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/abi/record.h - every size, offset and constant of the ABI, on machines of 64 bits.
 * Written by scripts/abi.py, which also says when it may be written again. Read by layout.h. */
"""


def record(headers, include=INCLUDE):
    """The record's text, as the compiler sees the headers."""
    out = []

    def put(line, *values):
        out.append('  printf("%s\\n"%s);' % (line, "".join(", " + value for value in values)))

    for _, items in headers:
        for item in items:
            if item.what == "define" and item.value.startswith('"'):
                put(f"TEXT({item.name}, \\\"%s\\\")", item.name)
            elif item.what == "define":
                put(f"VALUE({item.name}, %llu)", f"(unsigned long long){item.name}")
            elif item.what == "alias":
                put(f"SIZE({item.name}, %zu)", f"sizeof({item.name})")
            elif item.what == "struct":
                put(f"SIZE({item.name}, %zu)", f"sizeof({item.name})")
                for part in item.parts:
                    if part.name:
                        put(f"OFFSET({item.name}, {part.name}, %zu)",
                            f"offsetof({item.name}, {part.name})")
            elif item.what == "enum":
                for part in item.parts:
                    if part.name:
                        put(f"VALUE({part.name}, %llu)", f"(unsigned long long){part.name}")
    with tempfile.TemporaryDirectory() as directory:
        program = pathlib.Path(directory) / "record"
        compiled("#include <stdio.h>\n" + includes(headers) + "int main(void) {\n" +
                 "\n".join(out) + "\n  return 0;\n}\n", program, include)
        return RECORD_HEAD + run(program).stdout


def record_differences(now):
    """Lines that stand in one record alone, as a diff shows them."""
    then = RECORD.read_text(encoding="utf-8").splitlines() if RECORD.exists() else []
    now = now.splitlines()
    return ["-" + line for line in then if line not in now] + \
           ["+" + line for line in now if line not in then]


def recorded_version():
    if not RECORD.exists():
        return None
    text = RECORD.read_text(encoding="utf-8")
    return tuple(int(re.search(rf"VALUE\(SI_ABI_{part}, (\d+)\)", text).group(1))
                 for part in ("MAJOR", "MINOR", "DRAFT"))


# --- the baseline --------------------------------------------------------------------------------

def anchor(headers, out, include=INCLUDE):
    """A library from whose functions every type of the ABI can be reached."""
    source = includes(headers)
    for _, items in headers:
        for item in items:
            if item.what in ("struct", "opaque", "callback", "alias"):
                source += f"void anchor_{item.name}({item.name} *it);\n" \
                          f"void anchor_{item.name}({item.name} *it) {{ (void)it; }}\n"
            elif item.what == "function":
                source += f"void anchor_{item.name}(__typeof__({item.name}) *it);\n" \
                          f"void anchor_{item.name}(__typeof__({item.name}) *it) {{ (void)it; }}\n"
    out.with_suffix(".c").write_text(source, encoding="utf-8")
    done = run("gcc", "-std=c11", "-g", "-O0", "-shared", "-fPIC", "-nostdlib", "-I", include,
               out.with_suffix(".c"), "-o", out)
    if done.returncode:
        sys.exit("the headers do not compile:\n" + done.stdout)


def has_types(library):
    """abidiff finds no difference in a library without debug information, and says 0."""
    return ".debug_info" in run("readelf", "--section-headers", "--wide", library).stdout


def abi_difference(library, baseline=BASELINE):
    """What abidiff says, or None. Any code but 0 is a difference: 4 is an appended member as well
    as a changed signature."""
    if not has_types(library):
        return "the library to compare has no debug information\n"
    done = run("abidiff", "--no-added-syms", "--harmless", baseline, library)
    return done.stdout + f"(abidiff ended with {done.returncode})\n" if done.returncode else None


def write_baseline(library, out):
    done = run("abidw", "--no-corpus-path", "--no-comp-dir-path", "--no-show-locs",
               "--out-file", out, library)
    if done.returncode:
        sys.exit("abidw failed:\n" + done.stdout)
    text = out.read_text(encoding="utf-8")
    if str(library.parent) in text:  # where it was compiled is nobody's business
        out.write_text(text.replace(str(library.parent) + "/", ""), encoding="utf-8")


def differences(headers, include=INCLUDE):
    """How the headers differ from what is written down: text, "" where they do not."""
    told = "".join(f"  {line}\n" for line in record_differences(record(headers, include)))
    told = "The record (-) and the headers (+):\n" + told if told else ""
    with tempfile.TemporaryDirectory() as directory:
        library = pathlib.Path(directory) / "anchor.so"
        anchor(headers, library, include)
        if not BASELINE.exists():
            return told + "there is no baseline\n"
        return told + (abi_difference(library) or "")


def need_tools():
    missing = [tool for tool in ("gcc", "readelf", "abidiff", "abidw") if not shutil.which(tool)]
    if missing:
        print("skipped: there is no " + ", ".join(missing), file=sys.stderr)
        sys.exit(77)
    if platform.machine() != "x86_64":
        print("skipped: the baseline is of x86-64", file=sys.stderr)
        sys.exit(77)


def check():
    need_tools()
    headers = read_headers()
    told = differences(headers)
    if told:
        print(told + "\n" + WHAT_TO_DO)
        return 1
    lines = RECORD.read_text(encoding="utf-8").count("\n") - RECORD_HEAD.count("\n")
    print("ABI %d.%d draft %d: " % version(headers) +
          f"{lines} sizes, offsets and constants, and every type, are as written down")
    return 0


def update():
    need_tools()
    headers = read_headers()
    then = recorded_version()
    told = (differences(headers) if BASELINE.exists() else
            "\n".join(record_differences(record(headers))))
    if then == version(headers) and told:
        print(told + "\n" + WHAT_TO_DO)
        return 1
    RECORD.write_text(record(headers), encoding="utf-8")
    with tempfile.TemporaryDirectory() as directory:
        library = pathlib.Path(directory) / "anchor.so"
        anchor(headers, library)
        if then != version(headers) or not BASELINE.exists():
            write_baseline(library, BASELINE)
    return reference(False)


# (header, what stands in it, what is put in its place, what must be told)
PLANTS = (
    ("plugin", "int32_t peer_code;", "uint32_t peer_code;", "si_failure"),
    ("plugin", "SI_E_QUOTA = 7,", "SI_E_QUOTA = 70,", "VALUE(SI_E_QUOTA"),
    ("plugin", "int (*cancelled)(si_op *op);", "long (*cancelled)(si_op *op);", "cancelled"),
    ("plugin", "si_plugin *si_plugin_v1(void);", "si_plugin *si_plugin_v1(int);", "si_plugin_v1"),
    ("artifact", "int64_t modified_ms;", "int64_t modified_ms, more;", "si_object_info"),
    ("artifact", "void (*reader_close)(si_reader *reader);",
     "void (*reader_close)(si_sink *reader);", "reader_close"),
    ("provisioner", "const char *resource);", "char *resource);", "remove"),
    ("backup", "const char *sha256;", "char *sha256;", "sha256"),
    ("backup", "typedef si_rc (*si_backup_fn)(void *ctx, const char *json, size_t len);",
     "typedef si_rc (*si_backup_fn)(void *ctx, const char *json, uint32_t len);", "si_backup_fn"),
    ("backup", "} si_backup_vt;", "void (*more)(void);\n} si_backup_vt;", "si_backup_vt"),
    ("backup", "SI_BACKUP_DELTA = 1", "SI_BACKUP_DELTA = 2", "VALUE(SI_BACKUP_DELTA"),
    ("retention", "uint32_t mode, int64_t until_ms);", "uint32_t mode, uint64_t until_ms);",
     "lock"),
    ("retention", '"si.retention/1"', '"si.retention/2"', "TEXT(SI_RETENTION_ID"),
    ("service", "int32_t exit_code;", "uint16_t exit_code;", "si_exec_result"),
)


def self_test():
    """Each planted change is seen; the headers as they are, and another comment, are not one."""
    need_tools()
    wrong = 0
    with tempfile.TemporaryDirectory() as directory:
        home = pathlib.Path(directory)
        for header, old, new, word in PLANTS + (("backup", "/* ", "/*  ", None),):
            shutil.rmtree(home / "include", ignore_errors=True)
            shutil.copytree(INCLUDE, home / "include")
            path = home / "include/si" / (header + ".h")
            text = path.read_text(encoding="utf-8")
            # A declaration may be folded anywhere.
            found = re.search(r"\s+".join(re.escape(part) for part in old.split(" ") if part), text)
            if not found:
                print(f"{header}.h has no {old!r}: give the self-test another")
                wrong += 1
                continue
            path.write_text(text[:found.start()] + new + text[found.end():], encoding="utf-8")
            told = differences(read_headers(home / "include"), home / "include")
            if bool(told) != bool(word) or (word and word not in told):
                wrong += 1
                print(f"{header}.h with {new!r}: told {told!r}, expected {word!r}")
        library = home / "anchor.so"
        anchor(read_headers(), library)
        subprocess.run(["strip", "--strip-debug", str(library)], check=True)
        if not abi_difference(library):
            wrong += 1
            print("a library without debug information is taken for the same")
    print(f"{len(PLANTS)} changes planted, {wrong} judged wrongly")
    return 1 if wrong else 0


# --- the reference -------------------------------------------------------------------------------

def prose(text):
    """A comment as Markdown: what is code stays code, everything else stands as it was written."""
    def escape(words):
        return re.sub(r"([\\*_<>\[\]|])", r"\\\1", words)

    def code_ends(at):
        depth = 0
        for end in range(at, len(text)):
            depth += (text[end] in "{[") - (text[end] in "}]")
            if depth == 0:
                return end + 1
        return len(text)

    text = re.sub(r" \(R\d[^()]*\)", "", text)
    out, at, plain_from = "", 0, 0
    identifier = re.compile(r"\b(?:SI_[A-Z0-9_]+\*?|(?:si|anchor)_\w+(?:\.\w+)?(?:\(\))?|"
                            r"\w+\(\)|NULL\b|UINT64_MAX\b)")
    while at < len(text):
        found = identifier.match(text, at) if at == 0 or not text[at - 1].isalnum() else None
        if text[at] == "`":
            end = text.index("`", at + 1) + 1
            token = text[at:end]
        elif text.startswith('{"', at):
            end = code_ends(at)
            token = "`" + " ".join(text[at:end].split()) + "`"
        elif found and not (text[at - 1:at] in ("_", "/", "<")):
            end = found.end()
            token = "`" + found.group() + "`"
        else:
            at += 1
            continue
        out += escape(text[plain_from:at]) + token
        at = plain_from = end
    return out + escape(text[plain_from:])


def paragraphs(text):
    return "\n\n".join(" ".join(prose(p).split()) for p in re.split(r"\n\s*\n", text) if p.strip())


def cell(text):
    return " ".join(prose(text).split())


def type_of(part):
    return " ".join(part.text[:part.text.rindex(part.name)].split())


def code_block(code, indent):
    lines = code.split("\n")
    return "```c\n" + "\n".join(
        [lines[0]] + [line[indent:] if line[:indent].isspace() else line for line in lines[1:]]) + \
        "\n```"


def struct_text(item):
    out = [f"### {item.name}"]
    out += [paragraphs(item.comment())] if item.comment() else []
    rows = []

    def flush():
        if rows:
            out.append("| member | type | |\n|---|---|---|\n" + "\n".join(rows))
            rows.clear()

    for part in item.parts:
        if part.kind != "code":
            flush()
            marker = re.match(r"--- (.*) ---$", part.text)
            out.append(f"**{prose(marker.group(1))}**" if marker else paragraphs(part.text))
        elif "(*" in part.text:
            flush()
            out.append(f"#### {item.name}.{part.name}\n\n" + code_block(part.text + ";", 2))
            out += [paragraphs(part.comment())] if part.comment() else []
        else:
            said = part.comment() or ("zero" if part.name == "reserved" else
                                      f"`sizeof({item.name})`" if part.name == "size" else "")
            rows.append(f"| `{part.name}` | `{type_of(part)}` | {cell(said)} |")
    flush()
    return out


def enum_text(item):
    out = [paragraphs(item.comment())] if item.comment() else []
    rows = []
    for part in item.parts:
        if part.kind == "code":
            name, value = (word.strip() for word in part.text.split("=", 1))
            rows.append(f"| `{name}` | `{value}` | {cell(part.comment())} |")
    return out + ["| constant | value | |\n|---|---|---|\n" + "\n".join(rows)]


def header_text(name, items):
    out = [f"## si/{name}.h"]
    rows = []

    def flush():
        if rows:
            out.append("| constant | value | |\n|---|---|---|\n" + "\n".join(rows))
            rows.clear()

    for item in items:
        if item.what == "define":
            rows.append(f"| `{item.name}` | `{item.value}` | {cell(item.comment())} |")
            continue
        flush()
        if item.what == "alone":
            marker = re.match(r"--- (.*) ---$", item.text)
            text = re.sub(rf"^si/{name}\.h - ", "", item.text)
            out.append(f"**{prose(marker.group(1))}**" if marker else
                       paragraphs(text[:1].upper() + text[1:]))
        elif item.what == "struct":
            out += struct_text(item)
        elif item.what == "enum":
            out += enum_text(item)
        else:
            code = item.text if item.what == "macro" else item.text + ";"
            out.append(f"### {item.name}\n\n" + code_block(code, 0))
            out += [paragraphs(item.comment())] if item.comment() else []
    flush()
    return out


def reference_text():
    headers = read_headers()
    head = ["# The plugin ABI",
            "<!-- Written by scripts/abi.py from the comments of sdk/include/si/*.h: change those."
            " -->",
            "ABI %d.%d draft %d. Every function and every struct that a provider plugin and `si` "
            "share, as the headers say it." % version(headers),
            "\n".join(f"- [si/{name}.h](#si{name}h)" for name, _ in headers)]
    for name, items in headers:
        head += header_text(name, items)
    return "\n\n".join(head) + "\n"


def reference(only_check):
    text = reference_text()
    if not only_check:
        REFERENCE.write_text(text, encoding="utf-8")
        return 0
    if REFERENCE.exists() and REFERENCE.read_text(encoding="utf-8") == text:
        return 0
    print("docs/abi-reference.md is not what the headers say now: run scripts/abi.py reference")
    return 1


def main(arguments):
    verbs = {("check",): check, ("update",): update, ("self-test",): self_test,
             ("reference",): lambda: reference(False),
             ("reference", "--check"): lambda: reference(True)}
    verb = verbs.get(tuple(arguments))
    if not verb:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        return verb()
    except Odd as odd:
        print(f"{odd}\nscripts/abi.py reads the headers in the form that they have: write it so")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
