#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""terminal.py ANSWER COMMAND [ARG...]: runs the command on a terminal of its own and types ANSWER
at every question (an output that ends in ": " and comes to rest). What it shows goes to stderr.
Ends with the command's exit code."""
import os
import pty
import select
import signal
import sys

TIMEOUT = 60


def main():
    answer = (sys.argv[1] + "\n").encode()
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(sys.argv[2], sys.argv[2:])
    signal.alarm(TIMEOUT)
    seen = b""
    while True:
        # A question is what stands there when nothing more comes.
        ready = select.select([terminal], [], [], 0.2)[0]
        if not ready:
            if seen.endswith(b": "):
                seen = b""
                os.write(terminal, answer)
            continue
        try:
            data = os.read(terminal, 4096)
        except OSError:  # the command has closed the terminal
            break
        if not data:
            break
        sys.stderr.buffer.write(data)
        seen = (seen + data)[-256:]
    status = os.waitpid(child, 0)[1]
    return os.waitstatus_to_exitcode(status)


sys.exit(main())
