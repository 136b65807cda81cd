#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A store with bad manners, on loopback: enough of S3 to put, get, list and send parts, and rules
that spoil chosen answers. It checks no signature, a real server does that, but the hash of bodies.

usage: peer.py [DIR]    Prints "PORT\\n"; ends when its standard input does. With DIR it speaks TLS
                        at another port, "PORT PORT\\n", with a certificate that is signed by
                        DIR/ca.pem alone.

PUT /__rules [{"method", "match" (in the target), "do", "times", ...}]: the first rule that fits a
request and is not used up spoils it. do: drop (not done, no reply), lost (done, no reply), error
(not done; status, code, after), done-error (done; a 200 with an error inside unless status says
otherwise), break (the body ends after `bytes`), endless, redirect, hang (seconds), say (body, not
done), replace (the object is another now, then done), no-length, flip (a bit of the body turns on its
way), wish-md5 (not done without a right Content-MD5), stall (the reply stops after half of the body,
for `seconds`), trickle (the body comes in ten pieces, one every `seconds`). GET /__log: what was
asked for; GET /__state: objects and uploads; GET /__tls: how many connections there were with TLS.
"""
import base64
import hashlib
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from email.utils import formatdate
from urllib.parse import parse_qs, quote, unquote

lock = threading.Lock()
objects, uploads, rules, log, tls_peers = {}, {}, [], [], []
encrypting = [False]


def xml(root, inside):
    return ('<?xml version="1.0" encoding="UTF-8"?><%s xmlns="http://s3.amazonaws.com/doc/'
            '2006-03-01/">%s</%s>' % (root, inside, root)).encode()


def error(status, code, headers=()):
    return status, list(headers), xml("Error", "<Code>%s</Code><Message>as told</Message>" % code)


def describe(key):
    data, etag, mark, sse = objects[key]
    headers = ["ETag: " + etag, "Last-Modified: " + formatdate(usegmt=True)]
    headers += ["x-amz-meta-si-put: " + mark] * bool(mark)
    headers += ["x-amz-server-side-encryption: " + sse] * bool(sse)
    return data, headers


def store(key, data, headers):
    sse = headers.get("x-amz-server-side-encryption", "") if encrypting[0] else ""
    etag = '"%s-%d"' % (hashlib.md5(data).hexdigest(), len(log))
    objects[key] = (data, etag, headers.get("x-amz-meta-si-put", ""), sse)
    return ["ETag: " + etag] + ["x-amz-server-side-encryption: " + sse] * bool(sse)


def get(key, headers):
    if key not in objects:
        return error(404, "NoSuchKey")
    data, out = describe(key)
    if headers.get("if-match") not in (None, objects[key][1]):
        return error(412, "PreconditionFailed")
    if "range" in headers:
        first, _, last = headers["range"][6:].partition("-")
        first, last = int(first), min(int(last or len(data)), len(data) - 1)
        if first >= len(data):
            return error(416, "InvalidRange")
        out.append("Content-Range: bytes %d-%d/%d" % (first, last, len(data)))
        return 206, out, data[first:last + 1]
    return 200, out, data


def listing(query):
    prefix = query.get("prefix", [""])[0]
    after = query.get("continuation-token", [""])[0]
    keys = sorted(k for k in objects if k.startswith(prefix) and k > after)
    page, more = keys[:3], len(keys) > 3
    inside = "<Name>b</Name><IsTruncated>%s</IsTruncated><EncodingType>url</EncodingType>" \
        "<KeyCount>%d</KeyCount>" % ("true" if more else "false", len(page))
    inside += "<NextContinuationToken>%s</NextContinuationToken>" % page[-1] if more else ""
    for key in page:
        inside += "<Contents><Key>%s</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified>" \
            "<Size>%d</Size></Contents>" % (quote(key), len(objects[key][0]))
    return 200, [], xml("ListBucketResult", inside)


def post(key, query, headers, body):
    if "uploads" in query:
        name = "upload-%d" % len(log)
        uploads[name] = (key, dict(headers), {})
        sse = headers.get("x-amz-server-side-encryption", "") if encrypting[0] else ""
        return 200, ["x-amz-server-side-encryption: " + sse] * bool(sse), xml(
            "InitiateMultipartUploadResult", "<UploadId>%s</UploadId>" % name)
    upload = uploads.pop(query["uploadId"][0], None)
    if not upload:
        return error(404, "NoSuchUpload")
    store(key, b"".join(upload[2][n] for n in sorted(upload[2])), upload[1])
    return 200, [], xml("CompleteMultipartUploadResult", "<Key>k</Key>")


def done(request):
    method, query, headers, body = request["method"], request["query"], request["headers"], \
        request["body"]
    key = request["key"]
    if method == "PUT" and "partNumber" in query:
        if query["uploadId"][0] not in uploads:
            return error(404, "NoSuchUpload")
        uploads[query["uploadId"][0]][2][int(query["partNumber"][0])] = body
        return 200, ['ETag: "part"'], b""
    if method == "PUT":
        if headers.get("if-none-match") == "*" and key in objects:
            return error(412, "PreconditionFailed")
        return 200, store(key, body, headers), b""
    if method == "POST":
        return post(key, query, headers, body)
    if method == "DELETE":
        if "uploadId" in query:
            uploads.pop(query["uploadId"][0], None)
        else:
            objects.pop(key, None)
        return 204, [], b""
    if method == "GET" and "uploads" in query:
        inside = "".join("<Upload><Key>%s</Key><UploadId>%s</UploadId><Initiated>2026-01-02T03:04:"
                         "05.000Z</Initiated></Upload>" % (u[0], name)
                         for name, u in sorted(uploads.items())
                         if u[0].startswith(query.get("prefix", [""])[0]))
        return 200, [], xml("ListMultipartUploadsResult",
                            "<IsTruncated>false</IsTruncated>" + inside)
    if method == "GET" and "list-type" in query:
        return listing(query)
    return get(key, headers)


def rule_for(request):
    for rule in rules:
        if rule.get("times", 1) > 0 and rule.get("method", request["method"]) == \
                request["method"] and rule.get("match", "") in request["target"]:
            rule["times"] = rule.get("times", 1) - 1
            return rule
    return {}


def send(peer, request, status, headers, body, cut=None):
    length = [] if cut == -1 else ["Content-Length: %d" % len(body)]
    lines = ["HTTP/1.1 %d Said" % status, *length, "Date: " + formatdate(usegmt=True), *headers]
    if request["method"] == "HEAD" or status == 204:
        body = b""
    peer.sendall("\r\n".join([*lines, "", ""]).encode() + (body[:cut] if cut and cut > 0 else body))


def control(peer, request):
    name = request["target"]
    if name == "/__rules":
        rules[:] = json.loads(request["body"])
        log.clear()
        encrypting[0] = any(r.get("do") == "encrypt" for r in rules)
        rules[:] = [r for r in rules if r.get("do") != "encrypt"]
        body = b"{}"
    elif name == "/__log":
        body = json.dumps(log).encode()
    elif name == "/__tls":
        body = str(len(tls_peers)).encode()
    else:
        body = json.dumps({"objects": sorted(objects), "uploads": sorted(uploads)}).encode()
    send(peer, request, 200, [], body)
    return True


def wrong_hash(request, wish_md5):
    """The code of a store that finds the body spoiled, or wishes for more; None: all is well."""
    body, headers = request["body"], request["headers"]
    sha256 = headers.get("x-amz-content-sha256", "")
    md5 = headers.get("content-md5")
    if sha256 and sha256 != hashlib.sha256(body).hexdigest():
        return "XAmzContentSHA256Mismatch"
    if md5 is not None and md5 != base64.b64encode(hashlib.md5(body).digest()).decode():
        return "BadDigest"
    return "MissingContentMD5" if wish_md5 and md5 is None else None


def handle(peer, request):
    """False ends the connection."""
    if request["target"].startswith("/__"):
        with lock:
            return control(peer, request)
    with lock:
        log.append(" ".join([request["method"], request["target"],
                             request["headers"].get("range", ""),
                             "md5" * ("content-md5" in request["headers"])]).strip())
        rule = rule_for(request)
    what = rule.get("do")
    if what == "hang":
        time.sleep(rule["seconds"])
    if what == "drop":
        return False
    if what == "error":
        send(peer, request, *error(rule["status"], rule.get("code", ""),
                                   ["Retry-After: %d" % rule["after"]] if "after" in rule else []))
        return True
    if what == "redirect":
        send(peer, request, 301, ["Location: http://127.0.0.1:1/x", "x-amz-bucket-region: mars"],
             b"")
        return True
    if what == "say":
        send(peer, request, rule.get("status", 200), rule.get("headers", []),
             rule["body"].encode())
        return True
    if what == "endless":
        peer.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            peer.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
    if what == "flip":
        request["body"] = bytes([request["body"][0] ^ 1]) + request["body"][1:]
    spoiled = wrong_hash(request, what == "wish-md5")
    if spoiled:
        send(peer, request, *error(400, spoiled))
        return True
    with lock:
        if what == "replace":
            store(request["key"], b"another" * 1000, {})
        answer = done(request)
    if what == "lost":
        return False
    if what == "done-error":
        answer = error(rule.get("status", 200), rule["code"])
    if what == "break":
        send(peer, request, *answer, cut=rule["bytes"])
        return False
    if what == "no-length":
        send(peer, request, *answer, cut=-1)
        return False
    if what == "stall":
        send(peer, request, *answer, cut=max(len(answer[2]) // 2, 1))
        time.sleep(rule["seconds"])
        return False
    if what == "trickle":
        body = answer[2]
        send(peer, request, *answer, cut=1)
        for i in range(10):
            time.sleep(rule["seconds"])
            peer.sendall(body[1 + i * len(body) // 10:1 + (i + 1) * len(body) // 10])
        return True
    send(peer, request, *answer)
    return True


def read_request(reader):
    line = reader.readline()
    if not line:
        return None
    method, target, _ = line.decode().split(" ", 2)
    headers = {}
    while True:
        line = reader.readline().decode().strip()
        if not line:
            break
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    path, _, query = target.partition("?")
    return {"method": method, "target": target, "headers": headers,
            "key": unquote(path).partition("/")[2].partition("/")[2],
            "query": parse_qs(query, keep_blank_values=True),
            "body": reader.read(int(headers.get("content-length", "0")))}


def serve(peer):
    reader = peer.makefile("rb", 1 << 20)
    try:
        while True:
            request = read_request(reader)
            if request is None or not handle(peer, request) or \
                    request["headers"].get("connection") == "close":
                break
    except OSError:
        pass
    try:
        peer.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    peer.close()


def listen(listener, context):
    while True:
        peer, _ = listener.accept()
        threading.Thread(target=greet, args=(peer, context), daemon=True).start()


def greet(peer, context):
    if context:
        tls_peers.append(1)
        try:
            peer = context.wrap_socket(peer, server_side=True)
        except OSError:
            peer.close()
            return
    serve(peer)


def certified(directory):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=peer",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", directory + "/key.pem",
                    "-out", directory + "/ca.pem"], check=True, stderr=subprocess.DEVNULL)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory + "/ca.pem", directory + "/key.pem")
    return context


ports = []
for context in [None] + [certified(directory) for directory in sys.argv[1:]]:
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=listen, args=(listener, context), daemon=True).start()
    ports.append("%d" % listener.getsockname()[1])
sys.stdout.write(" ".join(ports) + "\n")
sys.stdout.flush()
sys.stdin.read()
