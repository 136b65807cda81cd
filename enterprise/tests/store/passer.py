#!/usr/bin/env python3
# SPDX-License-Identifier: LicenseRef-si-enterprise
"""Passes requests on to a server, writes down what they were, and keeps one of them waiting.

    passer.py DIR UPSTREAM_PORT [REGEX]     runs until killed; DIR/port is there once it listens

DIR/log has a line a request: METHOD path?query. A request whose line the regex matches is neither
passed on nor answered: DIR/held is there once one came.
"""
import http.client
import http.server
import os
import re
import sys
import threading

directory, upstream = sys.argv[1], int(sys.argv[2])
held = re.compile(sys.argv[3]) if len(sys.argv) > 3 else None
lock = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def log_message(self, *_):
        pass

    def do(self):
        line = "%s %s" % (self.command, self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with lock, open(os.path.join(directory, "log"), "a", encoding="utf-8") as log:
            log.write(line + "\n")
        if held and held.search(line):
            open(os.path.join(directory, "held"), "w").close()
            threading.Event().wait()
        peer = http.client.HTTPConnection("127.0.0.1", upstream)
        peer.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in ("connection", "expect"):
                peer.putheader(name, value)
        peer.endheaders(body)
        reply = peer.getresponse()
        data = reply.read()
        self.send_response_only(reply.status)
        for name, value in reply.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        length = reply.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
        self.send_header("Content-Length", length or "0")
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()
        peer.close()

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = do


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(os.path.join(directory, "new"), "w", encoding="ascii") as file:
    file.write("%d" % server.server_port)
os.rename(os.path.join(directory, "new"), os.path.join(directory, "port"))
server.serve_forever()
