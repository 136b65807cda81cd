#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An HTTP proxy on loopback that goes wrong on order.

    faults.py DIR UPSTREAM_PORT [PORT]     runs until killed; DIR/port is there once it listens

Everything passes as it came, the Host header too, so that signatures made for the proxy hold at the
server behind it. It is told, and asked, over HTTP as well:

    PUT /__rules     a JSON list of rules; it replaces the rules before and forgets their counts
    GET /__log       a JSON list, an entry for each request in order of arrival:
                     {"method", "path", "length", "fault", "status"}; status null: not answered
    DELETE /__log    forgets them

A rule: {"method": regex, "path": regex, "nth": N, "times": N, "fault": NAME, ...}. It holds for the
requests whose method matches whole and in whose path (with its query) the regex is found, from the
nth of them (default: the first), so many times (default 1; 0 = always). The first rule that holds
is applied. Faults, with their further members:

    error           `status` (default 500), its `code`, and Retry-After: `retry_after` seconds;
                    nothing reaches the server
    delay           passes after `seconds`
    hang            is not answered, nor sent on, for `seconds` (default 600)
    hang_after      is sent on and done, and not answered
    close           is not sent on; the connection ends in good order
    reset           the same, with a reset
    reset_request   reset after `bytes` of the request's body (default half) were sent on
    reset_after     the server does it and answers; the answer is lost, with a reset
    reset_reply     reset after `bytes` of the answer's body (default half)
    truncate        the same, but the connection ends in good order
    shorten         the same, and Content-Length tells the short length: a lie that HTTP hides
    flip_reply      one bit of the answer's body, at `byte` (default the middle), is turned
    flip_request    one bit of the request's body, likewise
    redirect        307 to `location`
"""
import http.client
import http.server
import json
import os
import re
import socket
import struct
import sys
import threading
import time

HOP_BY_HOP = {"connection", "expect", "keep-alive", "transfer-encoding"}
BLOCK = 256 * 1024


class Rules:
    """The rules with their counts, and the log. One lock."""

    def __init__(self):
        self.lock = threading.Lock()
        self.rules = []
        self.log = []

    def replace(self, rules):
        for rule in rules:
            re.compile(rule.get("method", ""))
            re.compile(rule.get("path", ""))
        with self.lock:
            self.rules = [dict(rule, seen=0) for rule in rules]

    def arrived(self, method, path, length):
        """Logs the request; the rule that is applied to it, or {}, and its entry."""
        with self.lock:
            rule = self.choose(method, path)
            entry = {"method": method, "path": path, "length": length,
                     "fault": rule.get("fault"), "status": None}
            self.log.append(entry)
            return rule, entry

    def choose(self, method, path):
        chosen = {}
        for rule in self.rules:
            if not re.fullmatch(rule.get("method", ".*"), method):
                continue
            if not re.search(rule.get("path", ""), path):
                continue
            rule["seen"] += 1
            since = rule["seen"] - rule.get("nth", 1)
            times = rule.get("times", 1)
            if not chosen and since >= 0 and (times == 0 or since < times):
                chosen = rule
        return chosen


class Reset(Exception):
    """The client's connection is to be reset."""


def flipped(block, start, at):
    """The block, which begins at `start` of the body, with one bit of the body's byte `at` turned."""
    if not start <= at < start + len(block):
        return block
    turned = bytearray(block)
    turned[at - start] ^= 1
    return bytes(turned)


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    rules = Rules()
    upstream = 0

    def log_message(self, *_):
        pass

    # --- control ---

    def control(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if (self.command, self.path) == ("PUT", "/__rules"):
            try:
                self.rules.replace(json.loads(body))
            except (ValueError, re.error, AttributeError) as error:
                return self.answer(400, str(error).encode())
            return self.answer(200)
        if (self.command, self.path) == ("GET", "/__log"):
            with self.rules.lock:
                return self.answer(200, json.dumps(self.rules.log).encode())
        if (self.command, self.path) == ("DELETE", "/__log"):
            with self.rules.lock:
                self.rules.log.clear()
            return self.answer(200)
        return self.answer(404)

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    # --- one request ---

    def serve(self):
        if self.path.startswith("/__"):
            return self.control()
        self.length = int(self.headers.get("Content-Length") or 0)
        self.rule, self.entry = self.rules.arrived(self.command, self.path, self.length)
        self.fault = self.rule.get("fault")
        try:
            self.before()
        except Reset:
            # Closed with nothing to linger for, a socket sends a reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
            self.close_connection = True
        except (OSError, http.client.HTTPException):
            self.close_connection = True

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = serve

    def before(self):
        """What goes wrong before the server hears of the request; else sends it on."""
        if self.fault == "hang":
            time.sleep(self.rule.get("seconds", 600))
            self.close_connection = True
        elif self.fault == "close":
            self.drain()  # else the close would be a reset
            self.close_connection = True
        elif self.fault == "reset":
            raise Reset
        elif self.fault == "error":
            self.refuse()
        elif self.fault == "redirect":
            self.drain()
            self.note(307)
            self.answer(307, headers=[("Location", self.rule["location"])])
        else:
            if self.fault == "delay":
                time.sleep(self.rule.get("seconds", 1))
            self.send_on()

    def refuse(self):
        status = self.rule.get("status", 500)
        code = self.rule.get("code", {429: "TooManyRequests", 503: "SlowDown"}.get(
            status, "InternalError"))
        after = self.rule.get("retry_after")
        self.drain()
        self.note(status)
        self.answer(status, ('<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code>'
                             "<Message>on order</Message></Error>" % code).encode(),
                    [("Content-Type", "application/xml")]
                    + ([("Retry-After", str(after))] if after is not None else []))

    def drain(self):
        for _ in self.body():
            pass

    def note(self, status):
        self.entry["status"] = status

    def body(self):
        left = self.length
        while left > 0:
            block = self.rfile.read(min(left, BLOCK))
            if not block:
                raise ConnectionError("the client left")
            left -= len(block)
            yield block

    def send_on(self):
        server = http.client.HTTPConnection("127.0.0.1", self.upstream, timeout=600)
        try:
            server.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in HOP_BY_HOP:
                    server.putheader(name, value)
            server.endheaders()
            self.send_body(server)
            self.reply(server.getresponse())
        finally:
            server.close()

    def send_body(self, server):
        sent = 0
        cut = self.rule.get("bytes", self.length // 2)
        for block in self.body():
            if self.fault == "flip_request":
                block = flipped(block, sent, self.rule.get("byte", self.length // 2))
            if self.fault == "reset_request" and sent + len(block) >= cut:
                server.send(block[:cut - sent])
                raise Reset
            server.send(block)
            sent += len(block)
        if self.fault == "reset_request":
            raise Reset

    # --- the answer ---

    def reply(self, answer):
        self.note(answer.status)
        if self.fault == "reset_after":
            answer.read()
            raise Reset
        if self.fault == "hang_after":
            answer.read()
            time.sleep(self.rule.get("seconds", 600))
            self.close_connection = True
            return
        has_body = self.command != "HEAD" and answer.status not in (204, 304)
        length = answer.getheader("Content-Length")
        blocks = iter(lambda: answer.read(BLOCK), b"")
        if length is None and has_body:
            # Chunked: small, as listings are. It goes on in one piece.
            blocks = [answer.read()]
            length = len(blocks[0])
        self.send_head(answer, length, has_body)
        if has_body:
            self.send_reply(blocks, int(length))
        elif self.fault in ("reset_reply", "truncate"):
            raise Reset

    def cut(self, length):
        return min(length, self.rule.get("bytes", length // 2))

    def send_head(self, answer, length, has_body):
        if self.fault == "shorten" and has_body:
            length = self.cut(int(length))
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP and name.lower() != "content-length":
                self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def send_reply(self, blocks, length):
        sent = 0
        end = self.cut(length) if self.fault in ("reset_reply", "truncate", "shorten") else length
        for block in blocks:
            if self.fault == "flip_reply":
                block = flipped(block, sent, self.rule.get("byte", length // 2))
            self.wfile.write(block[:end - sent])
            sent += len(block)
            if sent >= end:
                break
        if self.fault == "reset_reply":
            raise Reset
        if self.fault == "truncate" or sent < end:
            self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def shutdown_request(self, request):
        # An orderly end before the close would turn a reset into one.
        self.close_request(request)

    def handle_error(self, request, client_address):
        pass


def main():
    directory, Proxy.upstream = sys.argv[1], int(sys.argv[2])
    server = Server(("127.0.0.1", int(sys.argv[3]) if len(sys.argv) > 3 else 0), Proxy)
    os.makedirs(directory, exist_ok=True)
    new = os.path.join(directory, "port.new")
    with open(new, "w", encoding="ascii") as file:
        file.write(str(server.server_address[1]))
    os.rename(new, os.path.join(directory, "port"))
    server.serve_forever()


main()
