#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Signature Version 4, written a second time to hold the first against.

usage: sigv4.py SECRET REGION SERVICE TIME METHOD PATH PAYLOAD [q:NAME:VALUE | h:NAME:VALUE]...
Prints the signature in hex. PATH and the query are given plain.
"""
import hashlib
import hmac
import os
import sys
import urllib.parse


def quote(text, safe):
    return urllib.parse.quote(text, safe=safe + "-._~")


secret, region, service, time, method, path, payload = map(os.fsencode, sys.argv[1:8])
query, headers = [], {}
for argument in map(os.fsencode, sys.argv[8:]):
    kind, name, value = argument.split(b":", 2)
    if kind == b"q":
        query.append((quote(name, ""), quote(value, "")))
    else:
        headers.setdefault(name.decode().lower(), []).append(" ".join(value.decode().split()))
canonical = "\n".join([
    method.decode(), quote(path, "/"), "&".join("=".join(pair) for pair in sorted(query)),
    *("%s:%s" % (name, ",".join(headers[name])) for name in sorted(headers)), "",
    ";".join(sorted(headers)), hashlib.sha256(payload).hexdigest()])
scope = b"/".join([time[:8], region, service, b"aws4_request"])
key = b"AWS4" + secret
for part in scope.split(b"/"):
    key = hmac.new(key, part, hashlib.sha256).digest()
text = b"\n".join([b"AWS4-HMAC-SHA256", time, scope,
                   hashlib.sha256(canonical.encode()).hexdigest().encode()])
print(hmac.new(key, text, hashlib.sha256).hexdigest())
