#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An HTTP proxy on loopback, of the kind that stands between a company and the world.

    proxy.py DIR     runs until killed; DIR/port is there once it listens

It takes CONNECT host:port and requests for http://host..., one a connection, and goes wherever it
is asked to. DIR/log has the head of everything that it was asked, as it came. While there is a file
DIR/refuse, every request is answered with the status in it.
"""
import os
import socket
import sys
import threading
from urllib.parse import urlsplit

directory = sys.argv[1]
lock = threading.Lock()


def read_head(peer):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = peer.recv(1)
        if not byte:
            return None
        head += byte
    return head


def copy(source, to):
    try:
        while True:
            block = source.recv(65536)
            if not block:
                break
            to.sendall(block)
    except OSError:
        pass
    for one in (to, source):
        try:
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def refused(peer):
    try:
        with open(os.path.join(directory, "refuse"), encoding="ascii") as file:
            status = file.read().strip()
    except FileNotFoundError:
        return False
    peer.sendall(b"HTTP/1.1 %s No\r\nContent-Length: 0\r\n\r\n" % status.encode())
    return True


def forward(peer, head):
    """The request goes on in the form that servers know; its body, and the answer, as they come."""
    line, _, headers = head.partition(b"\r\n")
    method, url, version = line.decode().split(" ")
    parts = urlsplit(url)
    server = socket.create_connection((parts.hostname, parts.port or 80))
    path = (parts.path or "/") + ("?" + parts.query if parts.query else "")
    server.sendall(b"%s %s %s\r\nConnection: close\r\n" % (method.encode(), path.encode(),
                                                           version.encode()) + headers)
    return server


def serve(peer):
    server = None
    try:
        head = read_head(peer)
        if head is None:
            return
        with lock, open(os.path.join(directory, "log"), "ab") as log:
            log.write(head)
        if refused(peer):
            return
        if head.startswith(b"CONNECT "):
            host, _, port = head.split(b" ")[1].decode().rpartition(":")
            server = socket.create_connection((host.strip("[]"), int(port)))
            peer.sendall(b"HTTP/1.1 200 Connection established\r\nETag: \"of the proxy\"\r\n\r\n")
        else:
            server = forward(peer, head)
        back = threading.Thread(target=copy, args=(server, peer), daemon=True)
        back.start()
        copy(peer, server)
        back.join()
    except OSError:
        pass
    finally:
        peer.close()
        if server:
            server.close()


listener = socket.create_server(("127.0.0.1", 0))
os.makedirs(directory, exist_ok=True)
with open(os.path.join(directory, "port.new"), "w", encoding="ascii") as new:
    new.write(str(listener.getsockname()[1]))
os.rename(os.path.join(directory, "port.new"), os.path.join(directory, "port"))
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
