#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes plugins that each break one rule:  variants.py REFERENCE.so DIRECTORY RULE...

Each is a copy of the reference whose word for the broken rule (bad.c) is written over. The
reference gets a description, FILE.so.json; what breaks a rule of that has one that is wrong.
"""
import hashlib
import json
import os
import pathlib
import re
import sys

SLOT = 64
MARK = b"\0@the rule that this variant breaks@"
KINDS = {"store": "artifact", "lock": "artifact", "stack": "provisioner", "backup": "backup"}
HEADER = pathlib.Path(__file__).resolve().parents[2] / "sdk/include/si/plugin.h"
WRONG = {"file": "another.so", "sha256": "0" * 64, "id": "another", "abi": "9.9-draft9",
         "kinds": ["backup"], "needs": {"network": True}}


def abi():
    number = dict(re.findall(r"#define SI_ABI_(MAJOR|MINOR|DRAFT) (\d+)u", HEADER.read_text()))
    return f"{number['MAJOR']}.{number['MINOR']}-draft{number['DRAFT']}"


def describe(plugin, kind, wrong=None):
    """Writes PLUGIN.json, with one member wrong. In one step: two builds may do it at once."""
    said = {"file": plugin.name, "sha256": hashlib.sha256(plugin.read_bytes()).hexdigest(),
            "id": "reference", "kinds": [kind], "needs": {"write": ["${config.root}"]},
            "abi": abi(), "license": "Apache-2.0"}
    if wrong == "object":
        del said["license"]
    elif wrong:
        said[wrong] = WRONG[wrong]
    path = plugin.with_name(plugin.name + ".json")
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(said), encoding="utf-8")
    temporary.replace(path)


def main(reference, directory, *rules):
    reference = pathlib.Path(reference)
    bytes_ = reference.read_bytes()
    if bytes_.count(MARK) != 1:
        sys.exit(f"{reference}: the mark stands there {bytes_.count(MARK)} times, not once")
    at = bytes_.index(MARK)
    describe(reference, KINDS[reference.stem])
    for rule in rules:
        word = rule.encode("ascii").ljust(SLOT, b"\0")
        if len(word) != SLOT:
            sys.exit(f"{rule} is too long")
        plugin = pathlib.Path(directory) / f"{rule}.so"
        plugin.write_bytes(bytes_[:at] + word + bytes_[at + SLOT:])
        if rule.startswith("description."):
            describe(plugin, KINDS[reference.stem], rule.removeprefix("description."))


main(*sys.argv[1:])
