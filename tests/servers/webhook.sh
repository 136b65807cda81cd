#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A receiver of webhooks on loopback, over TLS, that records what it gets.
#
#   webhook.sh DIR [PORT]      runs until it is killed; DIR/port is there once it listens
#   webhook.sh --plain DIR [PORT]      the same over HTTP
#
# In DIR, made at the first start: ca.pem, which signed the certificate for `localhost`;
# other-ca.pem, which did not; requests.jsonl, a line for each request: {"path","headers","body"}.
# What it answers is told by the path: /ok 200; /status/N N; /redirect 302 to /ok; /hang nothing;
# /slow/S 200 after S seconds; /huge 200 and a body without end; /trickle 200 and a byte now and
# then.
set -euo pipefail
plain=
[ "${1:-}" != --plain ] || { plain=1 && shift; }
dir=${1:?usage: webhook.sh [--plain] DIR [PORT]}
port=${2:-0}
mkdir -p "$dir"
cd "$dir"

make_ca() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
    -subj "/CN=$1" -keyout "$1.key" -out "$1.pem" 2>/dev/null
}

if [ ! -e server.pem ]; then
  make_ca ca
  make_ca other-ca
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost \
    -keyout server.key -out server.csr 2>/dev/null
  printf 'subjectAltName=DNS:localhost\nbasicConstraints=CA:false\n' >server.ext
  openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
    -extfile server.ext -out server.pem 2>/dev/null
fi
rm -f port

exec python3 - "$port" "$plain" <<'PYTHON'
import http.server
import json
import os
import ssl
import sys
import threading
import time

lock = threading.Lock()


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def endless(self, piece, pause):
        self.send_response(200)
        self.send_header("Content-Length", str(1 << 40))
        self.end_headers()
        while True:
            self.wfile.write(piece)
            time.sleep(pause)

    def handle_one(self):
        kind, _, argument = self.path.partition("?")[0].strip("/").partition("/")
        if kind == "ok":
            self.answer(200, b"thanks")
        elif kind == "status":
            self.answer(int(argument))
        elif kind == "redirect":
            self.answer(302, headers=[("Location", "/ok")])
        elif kind == "hang":
            time.sleep(600)
        elif kind == "slow":
            time.sleep(float(argument))
            self.answer(200)
        elif kind == "huge":
            self.endless(b"x" * 65536, 0)
        elif kind == "trickle":
            self.endless(b".", 0.05)
        else:
            self.answer(404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        line = json.dumps({"path": self.path, "headers": dict(self.headers),
                           "body": body.decode("utf-8", "replace")})
        with lock, open("requests.jsonl", "a", encoding="utf-8") as log:
            log.write(line + "\n")
        try:
            self.handle_one()
        except OSError:
            self.close_connection = True

    do_GET = do_POST


class Server(http.server.ThreadingHTTPServer):
    allow_reuse_address = True
    daemon_threads = True

    def finish_request(self, request, client_address):
        # Here and not at accept(): a peer that speaks no TLS holds up nobody else.
        if not sys.argv[2]:
            try:
                request = context.wrap_socket(request, server_side=True)
            except OSError:
                return
        super().finish_request(request, client_address)

    def handle_error(self, request, client_address):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("server.pem", "server.key")
server = Server(("127.0.0.1", int(sys.argv[1])), Receiver)
with open("port.new", "w", encoding="ascii") as file:
    file.write(str(server.server_address[1]))
os.rename("port.new", "port")
server.serve_forever()
PYTHON
