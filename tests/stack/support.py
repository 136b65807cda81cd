#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/stack-support.md says of every key of Compose what si does with it.

support.py SI DOC   what the tables say is what the loader does, and no key that docker-compose
                    knows is missing (skipped where its schema is not there)
"""
import json
import os
import re
import subprocess
import sys
import tempfile

SCHEMA = "/usr/lib/python3/dist-packages/compose/config/compose_spec.json"
# A table's rows: (the way to the key in a file, the way to it in docker-compose's schema).
TABLES = {
    "": ((), "properties"),
    "services": (("services", "s"), "service"),
    "deploy": (("services", "s", "deploy"), "deployment"),
    "healthcheck": (("services", "s", "healthcheck"), "healthcheck"),
    "volume": (("volumes", "v"), "volume"),
    "network": (("networks", "n"), "network"),
}
HEADINGS = {"The file": "", "Services": "services"}


def rows(doc):
    """{(table, key): read | refused | passed over}"""
    found, section = {}, None
    with open(doc, encoding="utf-8") as file:
        for line in file:
            heading = re.match(r"^## (.*)$", line)
            section = HEADINGS.get(heading[1]) if heading else section
            row = re.match(r"^\| `([\w.-]+)` \| (read|refused|passed over) \|", line)
            if row and section is not None:
                found[section, row[1]] = row[2]
            elif row:
                table, key = row[1].split(".", 1)
                found[table, key] = row[2]
    return found


def place(tree, way):
    for step in way:
        tree = tree.setdefault(step, {})
    return tree


def refused_by(si, keys):
    """Those of `keys` that si does not support: all of them stand in one file."""
    tree = {"services": {"s": {}}, "volumes": {"v": {}}, "networks": {"n": {}}}
    for table, key in keys:
        at = place(tree, TABLES[table][0])
        for step in key.split("."):
            last, parent = step, at
            at = at.setdefault(step, {}) if isinstance(at, dict) else at
        if not at:
            parent[last] = "x"
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "stack.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(tree, file)
        answer = subprocess.run([si, "--json", "paas", "stack", "check", path], check=False,
                                capture_output=True, text=True, timeout=60)
    faults = json.loads(answer.stdout)["data"]["faults"]
    if len(faults) >= 100:
        sys.exit("more faults than one reading tells: use fewer keys at once")
    told = set()
    for fault in faults:
        if fault["code"] == "STACK_UNSUPPORTED_KEY":
            told.add(re.search(r": (\S+) (is|are) not supported", fault["message"])[1])
            if not fault["remediation"]:
                sys.exit(f"no way out is told: {fault['message']}")
    return {(t, k) for t, k in keys if ".".join((*TABLES[t][0], k)) in told}


def missing(found):
    """Keys of docker-compose's schema that no row has."""
    with open(SCHEMA, encoding="utf-8") as file:
        schema = json.load(file)
    for table, (_, name) in TABLES.items():
        known = schema[name] if name == "properties" else schema["definitions"][name]["properties"]
        have = {key.split(".")[0] for t, key in found if t == table}
        yield from (f"{table or 'file'}: {key}" for key in sorted(set(known) - have))


def main(si, doc):
    found = rows(doc)
    wrong = []
    for table in TABLES:
        keys = [entry for entry in found if entry[0] == table]
        if not keys:
            sys.exit(f"{doc}: no rows of {table or 'the file'}")
        # `read` first: a map with a key that is refused is not read on.
        for want in ("read", "passed over", "refused"):
            some = [entry for entry in keys if found[entry] == want]
            for at in range(0, len(some), 60):
                part = some[at:at + 60]
                refused = refused_by(si, part)
                wrong += [entry for entry in part if (entry in refused) != (want == "refused")]
    for table, key in wrong:
        print(f"{table or 'file'}: {key} is not {found[table, key]}")
    lacking = list(missing(found)) if os.path.exists(SCHEMA) else []
    for line in lacking:
        print(f"no row: {line}")
    print(f"{len(found)} keys, {len(wrong)} told wrongly, {len(lacking)} missing")
    return 1 if wrong or lacking else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
