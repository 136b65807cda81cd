#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stack files that are meant to hurt: each is answered within a second and 64 MiB.

limits.py SI CORPUS [SEED]   hand-made ones, and 150 files of the corpus with bytes, lines and
                             pieces of each other put anywhere; the seed is told where one fails
"""
import glob
import os
import random
import resource
import subprocess
import sys
import tempfile
import time

SECONDS, KIB = 1.0, 64 << 10
WEB = "services:\n  web:\n    image: web:1\n"


def hand_made():
    yield "deep lists", "services: " + "[" * 200000
    yield "deep maps", "".join(" " * i + "a:\n" for i in range(1000))
    yield "deep flow maps", "services: " + "{a: " * 60 + "1" + "}" * 60 + "\n"
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for i in range(1, 40):
        bomb += f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 10) + "]\n"
    yield "aliases of aliases", bomb
    wide = "x-a: &a {" + ", ".join(f"k{i}: 1" for i in range(9000)) + "}\n"
    yield "a wide merge", wide + WEB + "    environment: {<<: *a, " + ", ".join(
        f"m{i}: 1" for i in range(400)) + "}\n"
    half = "x-b: &b {" + ", ".join(f"m{i}: 1" for i in range(2400)) + "}\n"
    yield "merges of merges", half + "x-c: &c {<<: [*b, *b, *b]}\n" + WEB + \
        "    environment: {<<: [*c, *b]}\n"
    yield "many keys", WEB + "    environment:\n" + "".join(f"      K{i}: v\n" for i in range(4900))
    yield "many services", "services:\n" + "".join(
        f"  s{i}: {{image: a}}\n" for i in range(4000))
    yield "everybody waits for everybody", "services:\n" + "".join(
        f"  s{i}: {{image: a, depends_on: [{', '.join(f's{k}' for k in range(i))}]}}\n"
        for i in range(100))
    yield "a cycle of all", "services:\n" + "".join(
        f"  s{i}: {{image: a, depends_on: [s{(i + 1) % 100}]}}\n" for i in range(100))
    yield "a long text", WEB + "    command: [\"" + "x" * (1 << 20) + "\"]\n"
    yield "a text of escapes", WEB + "    command: [\"" + "\\x01" * 200000 + "\"]\n"
    yield "a long key", WEB + "    " + "k" * 900000 + ": 1\n"
    yield "many ports", WEB + "    ports: [\"1-65535:1-65535\"]\n"
    yield "ports that meet", WEB + "    ports: [" + ", ".join(["\"1-1000:1-1000\""] * 60) + "]\n"
    yield "braces in braces", WEB + "    command: [\"" + "${A:-" * 50000 + "}" * 50000 + "\"]\n"
    yield "many variables", WEB + "    command: [\"" + "${A:-x}" * 100000 + "\"]\n"
    yield "variables that grow", WEB + "    command: [" + ", ".join(
        ["\"${A:-" + "y" * 1000 + "}\""] * 900) + "]\n"
    yield "no end of a quote", WEB + "    command: \"" + "a\n" * 300000
    yield "carriage returns", WEB.replace("\n", "\r") * 5000
    yield "comments", "#" * (1 << 20)
    yield "directives", "%TAG ! tag:x,2000:\n" * 40000
    yield "documents", "---\n" * 250000
    yield "anchors", "x:\n" + "".join(f"  - &a{i} 1\n" for i in range(9000))
    yield "question marks", "? " * 100000
    yield "tags", WEB + "    command: [" + "!!str a, " * 3000 + "]\n"
    yield "NULs", "\0" * 100000
    yield "too large", WEB + "#" * (9 << 20)


def mutants(corpus, dice):
    texts = []
    for path in sorted(glob.glob(corpus + "/*.yaml")):
        with open(path, "rb") as file:
            texts.append(file.read())
    odd = [b"\0", b"\t", b"*a", b"&a ", b"<<: ", b"!!binary ", b"${", b"}", b"{", b"[", b": ", b"- ", b"'",
           b"\"", b"|", b">", b"%", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"99999999999999999999", b"-1"]
    for _ in range(150):
        text = bytearray(dice.choice(texts))
        for _ in range(dice.randrange(1, 12)):
            at = dice.randrange(len(text) + 1)
            how = dice.randrange(4)
            if how == 0:
                text[at:at] = dice.choice(odd)
            elif how == 1:
                del text[at:at + dice.randrange(1, 30)]
            elif how == 2:
                other = dice.choice(texts)
                begin = dice.randrange(len(other))
                text[at:at] = other[begin:begin + dice.randrange(1, 200)]
            else:
                text[at:at] = text[:at] * dice.randrange(1, 4)
        yield "a mutant", bytes(text)


def judge(si, name, text):
    """None, or what is wrong with how si took the text."""
    with tempfile.TemporaryDirectory() as directory:
        path = directory + "/stack.yaml"
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        began = time.monotonic()
        child = subprocess.Popen([si, "paas", "stack", "check", path], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE, env={"HOME": directory, "PATH": "/usr/bin"},
                                 preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (20, 20)))
        said = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = status
        took = usage.ru_utime + usage.ru_stime
        if not os.WIFEXITED(status) or os.WEXITSTATUS(status) not in (0, 2):
            return f"{name}: it ended with {status}: {said[:500]}"
        if os.WEXITSTATUS(status) == 2 and b"stack.yaml" not in said:
            return f"{name}: no place is named: {said[:500]}"
        if took > SECONDS or usage.ru_maxrss > KIB:
            return (f"{name}: {took:.2f} s of processor, {time.monotonic() - began:.2f} s in all, "
                    f"{usage.ru_maxrss} KiB")
    return None


def main():
    si, corpus = sys.argv[1:3]
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().randrange(1 << 32)
    cases = list(hand_made()) + list(mutants(corpus, random.Random(seed)))
    faults = [fault for fault in (judge(si, *case) for case in cases) if fault]
    for fault in faults:
        print(fault)
    print(f"seed {seed}: {len(cases)} files, {len(faults)} of them too much")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
