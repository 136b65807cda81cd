#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A store on loopback that speaks S3 and means harm.

    hostile_s3.py DIR ROOT [PORT]     runs until killed; DIR/port is there once it listens

The objects are the files below ROOT, a directory that the store `file` made, under their paths. It
reads alone, checks no signature, and knows buckets by path (http://127.0.0.1:PORT/BUCKET/KEY). The
bucket's name says what it does, see hostile_buckets.py; `honest` gives what is there.
"""
import http.server
import os
import re
import sys
import urllib.parse

sys.dont_write_bytecode = True  # not into the sources
import hostile_buckets  # noqa: E402


def bucket_name(kind):
    return re.sub(r"(?<!^)([A-Z])", r"-\1", kind.__name__).lower()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    buckets = {}

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def endless(self, blocks, length=None, status=200, content_range=None):
        """Blocks until they end or the client leaves; in chunks where there is no length."""
        self.send_response(status)
        self.send_header("ETag", '"0"')
        if content_range:
            self.send_header("Content-Range", content_range)
        if length is None:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        for block in blocks:
            self.wfile.write(block if length is not None else
                             b"%x\r\n%s\r\n" % (len(block), block))
        self.close_connection = True

    def serve(self):
        path, _, query = self.path.partition("?")
        name, _, key = urllib.parse.unquote(path).lstrip("/").partition("/")
        fields = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        bucket = self.buckets.get(name)
        try:
            if not bucket:
                self.answer(404, b"<Error><Code>NoSuchBucket</Code></Error>")
            elif self.command == "HEAD":
                bucket.head(self, key)
            elif key:
                bucket.get(self, key)
            else:
                bucket.list(self, fields.get("prefix", ""), fields.get("continuation-token"))
        except OSError:
            self.close_connection = True

    do_GET = do_HEAD = serve


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, client_address):
        pass


def kinds(of):
    yield of
    for kind in of.__subclasses__():
        yield from kinds(kind)


def main():
    directory, root = sys.argv[1:3]
    Handler.buckets = {bucket_name(kind): kind(root) for kind in kinds(hostile_buckets.Honest)}
    server = Server(("127.0.0.1", int(sys.argv[3]) if len(sys.argv) > 3 else 0), Handler)
    os.makedirs(directory, exist_ok=True)
    new = os.path.join(directory, "port.new")
    with open(new, "w", encoding="ascii") as file:
        file.write(str(server.server_address[1]))
    os.rename(new, os.path.join(directory, "port"))
    server.serve_forever()


main()
