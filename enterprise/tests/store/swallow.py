#!/usr/bin/env python3
# SPDX-License-Identifier: LicenseRef-si-enterprise
"""A stand-in for a store that accepts locks and keeps none, which no real one here does.

    swallow.py DIR        runs until killed; DIR/port is there once it listens

It says that its one bucket has versions and Object Lock, takes every lock header and every
?retention and ?legal-hold, and forgets them. Nothing is verified, signatures neither; one bucket,
in memory; listings have one page. GET /__left tells how many versions and uploads there are.
"""
import hashlib
import http.server
import os
import sys
import threading
import urllib.parse

lock = threading.Lock()
versions = {}  # key -> [(version id, bytes)], newest first
uploads = {}   # id -> {number: bytes}
marks = {}     # id -> headers kept with an upload
count = 0


def new_id():
    global count
    count += 1
    return "v%06d" % count


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if not any(name == "Content-Length" for name, _ in headers):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def xml(self, root, inside):
        self.answer(200, ("<%s>%s</%s>" % (root, inside, root)).encode())

    def missing(self):
        self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    def find(self, key, version):
        for found, data, mark in versions.get(key, []):
            if version in (None, found):
                return found, data, mark
        return None

    def do(self):
        path, _, query = self.path.partition("?")
        query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        key = urllib.parse.unquote(path).lstrip("/").partition("/")[2]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with lock:
            if path == "/__left":
                left = sum(len(v) for v in versions.values()) + len(uploads)
                return self.answer(200, b"%d" % left)
            return (self.on_key if key else self.on_bucket)(key, query, body)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = do

    def on_bucket(self, _, query, __):
        if "versioning" in query:
            return self.xml("VersioningConfiguration", "<Status>Enabled</Status>")
        if "object-lock" in query:
            return self.xml("ObjectLockConfiguration",
                            "<ObjectLockEnabled>Enabled</ObjectLockEnabled>")
        found = "<IsTruncated>false</IsTruncated>"
        if "versions" not in query:
            return self.xml("ListBucketResult", found)
        for key in sorted(k for k in versions if k.startswith(query.get("prefix", ""))):
            for i, (version, data, _) in enumerate(versions[key]):
                found += ("<Version><Key>%s</Key><VersionId>%s</VersionId><IsLatest>%s</IsLatest>"
                          "<Size>%d</Size></Version>" % (key, version, str(i == 0).lower(), len(data)))
        return self.xml("ListVersionsResult", found)

    def store(self, key, data, mark):
        version = new_id()
        versions.setdefault(key, []).insert(0, (version, data, mark))
        return version

    def on_key(self, key, query, body):
        mark = self.headers.get("x-amz-meta-si-put", "")
        if "retention" in query or "legal-hold" in query:
            return self.answer(200)  # and that was that
        if "uploads" in query:
            upload = new_id()
            uploads[upload], marks[upload] = {}, mark
            return self.xml("InitiateMultipartUploadResult", "<UploadId>%s</UploadId>" % upload)
        if "uploadId" in query:
            upload = query["uploadId"]
            if self.command == "PUT":
                uploads[upload][int(query["partNumber"])] = body
                return self.answer(200, headers=[("ETag", '"%s"' % hashlib.md5(body).hexdigest())])
            parts = uploads.pop(upload, {})
            if self.command == "POST":
                data = b"".join(parts[n] for n in sorted(parts))
                self.store(key, data, marks[upload])
                return self.xml("CompleteMultipartUploadResult", "<Key>%s</Key>" % key)
            return self.answer(204)
        if self.command == "PUT":
            if self.headers.get("If-None-Match") == "*" and versions.get(key):
                return self.answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
            version = self.store(key, body, mark)
            return self.answer(200, headers=[("x-amz-version-id", version), ("ETag", '"x"')])
        if self.command == "DELETE":
            versions[key] = [v for v in versions.get(key, []) if v[0] != query.get("versionId")]
            return self.answer(204)
        found = self.find(key, query.get("versionId"))
        if not found:
            return self.missing()
        version, data, mark = found
        return self.answer(200, data, [("Content-Length", str(len(data))), ("ETag", '"x"'),
                                       ("x-amz-version-id", version), ("x-amz-meta-si-put", mark)])


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(os.path.join(sys.argv[1], "new"), "w", encoding="ascii") as file:
    file.write("%d" % server.server_port)
os.rename(os.path.join(sys.argv[1], "new"), os.path.join(sys.argv[1], "port"))
server.serve_forever()
