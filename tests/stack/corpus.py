#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stack files of corpus/ as si reads them.

corpus.py SI CORPUS            each file is accepted, or is refused with just the faults that the
                               comments at its beginning tell ("# CODE line"), in any order
corpus.py --oracle SI CORPUS   what si and docker-compose both accept they read alike: services,
                               images, environment, ports, volumes, commands, depends_on. Skipped
                               (77) where docker-compose or its reader of YAML is not there

NAME.over.yaml is put over NAME.yaml, NAME.env has its variables. Where docker-compose 1.29 is no
judge (merge marks, nested defaults, secrets of si) it refuses the file, or DIFFERS says why not.
"""
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

# Read differently on purpose, or wrongly by docker-compose 1.29.2.
DIFFERS = {
    "nested-defaults": "it ends ${A:-${B}} at the first brace",
    "profiles": "its `config` lists the services of all profiles",
    "secrets": "it puts nothing in the place of a secret",
}


def run(argv, **more):
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, **more)


def inputs(corpus, name):
    files = [f"{corpus}/{name}.yaml"]
    if os.path.exists(f"{corpus}/{name}.over.yaml"):
        files.append(f"{corpus}/{name}.over.yaml")
    env = f"{corpus}/{name}.env"
    return files, env if os.path.exists(env) else None


def by_si(si, corpus, name, verb):
    files, env = inputs(corpus, name)
    argv = [si, "--json", "paas", "stack", verb, *files]
    argv += ["--env-file", env] if env else []
    return json.loads(run(argv).stdout)


def wanted_faults(path):
    with open(path, encoding="utf-8") as file:
        return sorted((m[1], int(m[2])) for m in re.finditer(r"^# (STACK_\w+) (\d+)$", file.read(),
                                                             re.M))


def check(si, corpus, name):
    want = wanted_faults(f"{corpus}/{name}.yaml")
    answer = by_si(si, corpus, name, "check")
    faults = (answer.get("data") or {}).get("faults", [])
    got = sorted((f["code"], int(f["target"].rsplit(":", 1)[1])) for f in faults)
    if answer["ok"] != (not want) or got != want or not all(f["message"] for f in faults):
        return f"wants {want or 'to be accepted'}, and si says {answer}"
    return None


# --- what docker-compose makes of it, in si's words ---

def words(value):
    return None if value is None else shlex.split(value) if isinstance(value, str) else value


def text(value):
    if isinstance(value, str):
        return value.replace("$$", "$")
    if isinstance(value, list):
        return [text(each) for each in value]
    if isinstance(value, dict):
        return {key: text(each) for key, each in value.items()}
    return value


def port_of(port):
    if isinstance(port, dict):
        return ("127.0.0.1", int(port.get("published", 0)), int(port["target"]),
                port.get("protocol", "tcp"))
    rest, _, protocol = str(port).partition("/")
    parts = rest.rsplit(":", 2)
    return (parts[0] if len(parts) == 3 else "127.0.0.1",
            int(parts[-2]) if len(parts) > 1 and parts[-2] else 0, int(parts[-1]),
            protocol or "tcp")


def volume_of(volume):
    if isinstance(volume, dict):
        return (volume["source"], volume["target"], volume.get("read_only", False))
    source, target, *mode = volume.split(":")
    return (source, target, "ro" in mode)


def waits_of(waits):
    if isinstance(waits, dict):
        return sorted((name, how["condition"]) for name, how in waits.items())
    return sorted((name, "service_started") for name in waits)


def compose_service(service):
    return {
        "image": service["image"],
        "environment": {k: "" if v is None else str(v)
                        for k, v in service.get("environment", {}).items()},
        "ports": sorted(map(port_of, service.get("ports", []))),
        "volumes": sorted(map(volume_of, service.get("volumes", []))),
        "command": words(service.get("command")),
        "entrypoint": words(service.get("entrypoint")),
        "depends_on": waits_of(service.get("depends_on", [])),
    }


def si_service(service):
    return {
        "image": service["image"],
        "environment": service["environment"],
        "ports": sorted((p["host_ip"], p["host_port"], p["port"], p["protocol"])
                        for p in service["ports"]),
        "volumes": sorted((v["source"], v["target"], v["read_only"]) for v in service["volumes"]),
        "command": service.get("command"),
        "entrypoint": service.get("entrypoint"),
        "depends_on": sorted((d["service"], d["condition"]) for d in service["depends_on"]),
    }


def compare(si, corpus, name, yaml):
    """None where the two agree; False where one of them refuses; else what differs."""
    files, env = inputs(corpus, name)
    answer = by_si(si, corpus, name, "show")
    if not answer["ok"] or name in DIFFERS:
        return False
    argv = ["docker-compose", "--project-name", "p"]
    argv += ["--env-file", env] if env else []
    for file in files:
        argv += ["-f", file]
    oracle = run([*argv, "config"], env={"PATH": os.environ["PATH"]})
    if oracle.returncode != 0:
        print(f"{name}: {oracle.stderr.strip()}")
        return False
    theirs = {n: compose_service(text(s))
              for n, s in yaml.safe_load(oracle.stdout)["services"].items()}
    ours = {s["name"]: si_service(s) for s in answer["data"]["document"]["services"]}
    if theirs == ours:
        return None
    return f"\n  si             {ours}\n  docker-compose {theirs}"


def main():
    oracle = sys.argv[1] == "--oracle"
    si, corpus = sys.argv[-2:]
    names = sorted(f[:-5] for f in os.listdir(corpus)
                   if f.endswith(".yaml") and not f.endswith(".over.yaml"))
    yaml = None
    if oracle:
        try:
            import yaml  # pylint: disable=import-outside-toplevel
        except ImportError:
            yaml = None
        if not yaml or not shutil.which("docker-compose"):
            print("skipped: docker-compose is not there")
            return 77
    bad = held = 0
    for name in names:
        wrong = compare(si, corpus, name, yaml) if oracle else check(si, corpus, name)
        held += wrong is None
        if wrong:
            bad += 1
            print(f"{name}: {wrong}")
        elif wrong is False and not name.startswith("refused-"):
            print(f"{name}: refused by docker-compose, or left out: {DIFFERS.get(name, '')}")
    print(f"{len(names)} files, {held} as they should be, {bad} not")
    least = 30 if oracle else len(names)
    return 0 if bad == 0 and held >= least and len(names) >= 40 else 1


if __name__ == "__main__":
    sys.exit(main())
