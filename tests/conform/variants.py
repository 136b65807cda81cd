#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes plugins that each break one rule:  variants.py REFERENCE.so DIRECTORY RULE...

Each is a copy of the reference whose word for the broken rule (bad.c) is written over.
"""
import pathlib
import sys

SLOT = 64
MARK = b"\0@the rule that this variant breaks@"


def main(reference, directory, *rules):
    bytes_ = pathlib.Path(reference).read_bytes()
    if bytes_.count(MARK) != 1:
        sys.exit(f"{reference}: the mark stands there {bytes_.count(MARK)} times, not once")
    at = bytes_.index(MARK)
    for rule in rules:
        word = rule.encode("ascii").ljust(SLOT, b"\0")
        if len(word) != SLOT:
            sys.exit(f"{rule} is too long")
        (pathlib.Path(directory) / f"{rule}.so").write_bytes(
            bytes_[:at] + word + bytes_[at + SLOT:])


main(*sys.argv[1:])
