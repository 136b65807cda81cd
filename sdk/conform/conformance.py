#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the table of checks in docs/conformance.md from what si-conform itself says.

  conformance.py SI-CONFORM            writes it
  conformance.py SI-CONFORM --check    1 where the file is not what would be written
"""
import json
import pathlib
import subprocess
import sys

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs/conformance.md"
BEGIN = "<!-- checks: written from what si-conform --list says -->\n"
END = "<!-- end of checks -->\n"
ROOMS = (
    ("elf", "The file", "Read, not loaded."),
    ("load", "Loading", "Constructors and the entry. Nothing may happen."),
    ("descriptor", "The descriptor", "`si_plugin`."),
    ("provider", "The providers", "`si_provider`, its schema, needs and table."),
    ("description", "The description", "`FILE.so.json` beside the plugin, where there is one: what "
     "`si plugin trust add` reads, and a tree's manifest is made of."),
    ("config", "The configuration", "What `open()` does with one that is not right. The kit makes "
     "the wrong values from the provider's own schema."),
    ("host", "The host", "Older, newer and odd hosts. Their tables end where memory ends."),
    ("life", "Life", "`open()`, a little ordinary work, `close()`, and what is left of it."),
    ("failure", "Failures", "What a call that fails tells."),
    ("secret", "Secrets", "The values given with `--secret` are canaries: they are looked for as "
     "they are, in hex, percent-encoded, escaped as in JSON, and in base64 at any alignment."),
    ("store", "Stores", "`si.artifact/1`."),
    ("stack", "Provisioners", "`si.provisioner/1`."),
    ("backup", "Backup providers", "`si.backup/1`."),
)


def table(checks):
    text = f"{len(checks)} checks.\n"
    for room, title, what in ROOMS:
        text += f"\n### {title}\n\n{what}\n\n| check | demands that |\n|---|---|\n"
        for check in checks:
            if check["id"].split(".")[0] == room:
                text += f"| `{check['id']}` | {check['title']} |\n".replace("\\", "\\\\")
    return text


def main(program, *rest):
    said = subprocess.run([program, "--list", "--json"], check=True, capture_output=True)
    checks = json.loads(said.stdout)["checks"]
    known = {room for room, _, _ in ROOMS}
    strange = [c["id"] for c in checks if c["id"].split(".")[0] not in known]
    if strange:
        sys.exit(f"no room is known for {strange}")
    old = DOCUMENT.read_text(encoding="utf-8")
    head, _, tail = old.partition(BEGIN)
    _, _, tail = tail.partition(END)
    new = head + BEGIN + table(checks) + END + tail
    if rest == ("--check",):
        if new != old:
            sys.exit(f"docs/conformance.md is not what si-conform --list says: run {__file__} "
                     f"{program}")
    else:
        DOCUMENT.write_text(new, encoding="utf-8")


main(*sys.argv[1:])
