#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A peer for the HTTP client's tests: good and bad answers, on loopback and on a unix socket.

usage: peer.py SOCKET    Prints "PORT\n" once both listen; ends when its standard input does.
"""
import json
import os
import socket
import sys
import threading
import time

seen = {}  # path -> how many requests came for it
lock = threading.Lock()


def read_request(peer, buffered):
    while b"\r\n\r\n" not in buffered:
        piece = peer.recv(65536)
        if not piece:
            return None, b""
        buffered += piece
    head, rest = buffered.split(b"\r\n\r\n", 1)
    lines = head.decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ", 2)
    headers = {k.lower(): v.strip() for k, v in (l.split(":", 1) for l in lines[1:])}
    length = int(headers.get("content-length", "0"))
    while len(rest) < length:
        piece = peer.recv(65536)
        if not piece:
            return None, b""
        rest += piece
    request = {"method": method, "target": target, "headers": headers,
               "body": rest[:length].decode("latin-1")}
    return request, rest[length:]


def answer(peer, status, body=b"", headers=()):
    lines = ["HTTP/1.1 %s" % status, "Content-Length: %d" % len(body), *headers, "", ""]
    peer.sendall("\r\n".join(lines).encode() + body)


def handle(peer, number, request, path):
    """One answer; False ends the connection."""
    kind, _, rest = path.lstrip("/").partition("/")
    kind = kind.partition("?")[0]
    argument = rest.partition("?")[0]
    if kind == "echo":
        answer(peer, "200 OK", json.dumps(dict(request, connection=number)).encode(),
               ["X-Answer:   spaced value \t"])
    elif kind == "status":
        extra = ["Retry-After: 7"] if "after" in rest else []
        answer(peer, argument + " Said So", b'{"message":"because"}', extra)
    elif kind == "big":
        answer(peer, "200 OK", b"x" * int(argument))
    elif kind == "rant":
        peer.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 1000000000000\r\n\r\n")
        while True:
            peer.sendall(b"no" * 10000)
    elif kind == "slow":
        time.sleep(float(argument))
        answer(peer, "200 OK", b"late")
    elif kind == "trickle":
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        for _ in range(1000):
            peer.sendall(b".")
            time.sleep(0.02)
    elif kind == "count":
        with lock:
            answer(peer, "200 OK", str(seen.get("/" + rest, 0)).encode())
    elif kind == "redirect":
        answer(peer, "302 Found", b"", ["Location: /echo"])
    elif kind == "interim":
        peer.sendall(b"HTTP/1.1 103 Early Hints\r\nX-Answer: early\r\n\r\n")
        answer(peer, "200 OK", b"ok", ["X-Answer: final"])
    elif kind == "flood":
        peer.sendall(b"HTTP/1.1 200 OK\r\n" + b"X-Flood: 0123456789abcdef\r\n" * 20000 + b"\r\n")
    elif kind == "long-header":
        answer(peer, "200 OK", b"ok", ["X-Answer: " + "v" * 600])
    elif kind == "short":
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
        return False
    elif kind == "chunked":
        peer.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                     b"4\r\nfour\r\n3\r\nsev\r\n0\r\n\r\n")
    elif kind == "head":
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    elif kind == "garbage":
        peer.sendall(b"+OK POP3 ready\r\n")
        return False
    else:  # drop
        return False
    return True


def serve(peer, number):
    buffered = b""
    try:
        while True:
            request, buffered = read_request(peer, buffered)
            if request is None:
                break
            path = request["target"]
            with lock:
                seen[path] = seen.get(path, 0) + 1
            if not handle(peer, number, request, path):
                break
    except OSError:
        pass
    peer.close()


def listen(listener):
    number = 0
    while True:
        peer, _ = listener.accept()
        number += 1
        threading.Thread(target=serve, args=(peer, number), daemon=True).start()


tcp = socket.create_server(("127.0.0.1", 0))
local = socket.socket(socket.AF_UNIX)
local.bind(sys.argv[1])
local.listen()
for one in (tcp, local):
    threading.Thread(target=listen, args=(one,), daemon=True).start()
sys.stdout.write(f"{tcp.getsockname()[1]}\n")
sys.stdout.flush()
sys.stdin.read()
os.unlink(sys.argv[1])
