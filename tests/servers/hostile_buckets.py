# SPDX-License-Identifier: Apache-2.0
"""What the buckets of hostile_s3.py do: each class is one, `LikeThis` for bucket `like-this`."""
import itertools
import os
import re
import time
from xml.sax.saxutils import escape

BLOCK = b"x" * 65536
ENDLESS = 1 << 40


class Honest:
    """What is asked of a bucket; the others change one thing each."""

    def __init__(self, root):
        self.root = root

    def keys(self, prefix):
        """(key, length) of every object with the prefix."""
        for at, _, names in os.walk(self.root):
            for name in names:
                path = os.path.join(at, name)
                key = os.path.relpath(path, self.root)
                if key.startswith(prefix):
                    yield key, os.path.getsize(path)

    def read(self, key):
        """The object's bytes, or None."""
        try:
            with open(os.path.join(self.root, key), "rb") as file:
                return file.read()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None

    def page(self, prefix, token):
        """Of the listing: its objects, and the token of the next page or None."""
        return sorted(self.keys(prefix)), None

    def listing(self, prefix, token):
        """The listing's document."""
        objects, following = self.page(prefix, token)
        contents = "".join(
            "<Contents><Key>%s</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            '<ETag>"0"</ETag><Size>%d</Size></Contents>' % (escape(key), length)
            for key, length in objects)
        more = ("<IsTruncated>true</IsTruncated><NextContinuationToken>%s</NextContinuationToken>"
                % following if following else "<IsTruncated>false</IsTruncated>")
        return ('<?xml version="1.0" encoding="UTF-8"?><ListBucketResult>%s%s</ListBucketResult>'
                % (more, contents)).encode()

    def list(self, request, prefix, token):
        request.answer(200, self.listing(prefix, token))

    def head(self, request, key):
        data = self.read(key)
        if data is None:
            request.answer(404)
        else:
            request.answer(200, data, headers=[("ETag", self.etag(key))])

    def get(self, request, key):
        data = self.read(key)
        if data is None:
            return request.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        return self.send(request, key, data)

    def send(self, request, key, data):
        headers = [("ETag", self.etag(key))]
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))
        if not wanted or int(wanted[1]) >= len(data):
            return request.answer(200, data, headers)
        first = int(wanted[1])
        last = min(int(wanted[2] or len(data)), len(data) - 1)
        headers.append(("Content-Range", "bytes %d-%d/%d" % (first, last, len(data))))
        return request.answer(206, data[first:last + 1], headers)

    def etag(self, _key):
        return '"0"'


def is_small(key):
    return key.endswith("/small.txt")


def is_manifest(key):
    return key.endswith("/manifest.json")


# --- other objects than those that were stored ---


class Swapped(Honest):
    def read(self, key):
        other = {"small.txt": "other.txt", "other.txt": "small.txt"}.get(os.path.basename(key))
        return super().read(os.path.join(os.path.dirname(key), other) if other else key)


class Missing(Honest):
    def keys(self, prefix):
        return (one for one in super().keys(prefix) if not is_small(one[0]))

    def read(self, key):
        return None if is_small(key) else super().read(key)


class NoContent(Honest):
    def get(self, request, key):
        return request.answer(204) if is_small(key) else super().get(request, key)


class OtherRun(Honest):
    """The manifest of another run, with everything else where it was."""

    def read(self, key):
        data = super().read(key)
        return data.replace(b'"run_id":"', b'"run_id":"x') if data and is_manifest(key) else data


class Redirected(Honest):
    """To where the right bytes are."""

    def get(self, request, key):
        request.answer(307, headers=[("Location", "/honest/" + key)])


# --- listings that lie ---


class Extra(Honest):
    def page(self, prefix, token):
        return super().page(prefix, token)[0] + [(prefix + "artifacts/more", 3)], None


class Unlisted(Honest):
    def page(self, prefix, token):
        return [one for one in super().page(prefix, token)[0] if not is_small(one[0])], None


class Twice(Honest):
    def page(self, prefix, token):
        return sorted(super().page(prefix, token)[0] * 2), None


class Sizes(Honest):
    def page(self, prefix, token):
        return [(key, length + 7) for key, length in super().page(prefix, token)[0]], None


class DotDot(Honest):
    def page(self, prefix, token):
        up = prefix + "artifacts/../../../../../../etc/passwd"
        return super().page(prefix, token)[0] + [(up, 3)], None


class Elsewhere(Honest):
    def page(self, prefix, token):
        return super().page(prefix, token)[0] + [("tenant/other/manifest.json", 3)], None


class OddKeys(Honest):
    def page(self, prefix, token):
        return super().page(prefix, token)[0] + [(prefix + "artifacts/a\nb\x7f", 3)], None


class EndlessListing(Honest):
    def page(self, prefix, token):
        n = int(token or 0)
        return [("%sartifacts/%09d-%04d" % (prefix, n, i), 1) for i in range(1000)], str(n + 1)


class EmptyPages(Honest):
    def page(self, prefix, token):
        return [], str(int(token or 0) + 1)


class SameToken(Honest):
    def page(self, prefix, token):
        return super().page(prefix, token)[0], "again"


class NoToken(Honest):
    def listing(self, prefix, token):
        return super().listing(prefix, token).replace(b">false<", b">true<")


class HugePage(Honest):
    """A page that never ends."""

    def list(self, request, prefix, token):
        start = self.listing(prefix, token)[:-len("</ListBucketResult>")]
        request.endless(itertools.chain([start], itertools.repeat(
            b"<Contents><Key>" + prefix.encode() + b"more</Key><Size>1</Size></Contents>" * 100)))


class BillionLaughs(Honest):
    def listing(self, prefix, token):
        laughs = "".join('<!ENTITY l%d "%s">' % (n, "&l%d;" % (n - 1) * 10) for n in range(1, 10))
        return super().listing(prefix, token).replace(
            b"<ListBucketResult>", ('<!DOCTYPE x [<!ENTITY l0 "ha">%s]><ListBucketResult>'
                                    "<Name>&l9;</Name>" % laughs).encode(), 1)


class DeepPage(Honest):
    def listing(self, prefix, token):
        return b"<ListBucketResult>" + b"<a>" * 200000


class CutPage(Honest):
    def listing(self, prefix, token):
        return super().listing(prefix, token)[:-len("</Contents></ListBucketResult>")]


class NoPage(Honest):
    def listing(self, prefix, token):
        return b"<html><body>Welcome to the hotel's network</body></html>"


# --- answers that are not what HTTP wants ---


class EndlessObject(Honest):
    def get(self, request, key):
        return request.endless(itertools.repeat(BLOCK)) if is_small(key) else super().get(
            request, key)


class HugeObject(Honest):
    def get(self, request, key):
        return request.endless(itertools.repeat(BLOCK), ENDLESS) if is_small(key) else super().get(
            request, key)


class EndlessManifest(Honest):
    """It never stops being one, as far as one can see."""

    def get(self, request, key):
        if not is_manifest(key):
            return super().get(request, key)
        return request.endless(self.manifest(key, 0))

    def manifest(self, key, first):
        """Its blocks from byte `first` on: the good one's beginning, and thousands of entries."""
        text = self.read(key).decode()
        entry = re.search(r'\{"artifact_id":"[^"]*",[^[]*?"required":(?:true|false)\}', text)[0]
        head = text[:text.index(entry)].encode()

        def thousand(n):
            return b"".join(re.sub('("artifact_id":"|"path":")[^"]*',
                                   r"\g<1>artifacts/%012d" % (n * 1000 + i), entry).encode() + b","
                            for i in range(1000))
        skip = first - len(head)
        yield head[first:]
        block = len(thousand(0))
        for n in itertools.count(max(skip, 0) // block):
            yield thousand(n)[max(skip - n * block, 0):]


class HugeManifest(EndlessManifest):
    """10 GB of valid entries."""

    length = 10 * 1000 ** 3

    def head(self, request, key):
        if not is_manifest(key):
            return super().head(request, key)
        return request.endless([], self.length)

    def get(self, request, key):
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))
        if not is_manifest(key) or not wanted:
            return Honest.get(self, request, key)
        first, last = int(wanted[1]), min(int(wanted[2] or ENDLESS), self.length - 1)
        return request.endless(self.some(key, first, last), last - first + 1, 206,
                               "bytes %d-%d/%d" % (first, last, self.length))

    def some(self, key, first, last):
        left = last - first + 1
        for block in self.manifest(key, first):
            yield block[:left]
            left -= len(block)
            if left <= 0:
                return


class LargeManifest(HugeManifest):
    """300 MB of them."""

    length = 300 * 1000 ** 2


class FittingManifest(HugeManifest):
    """60 MB of them, and then no end of the document."""

    length = 60 * 1000 ** 2


class Short(Honest):
    """Ends before the length that it announces; every time."""

    def get(self, request, key):
        data = self.read(key) or b""
        request.endless([data[:len(data) // 2]], len(data))


class Long(Honest):
    """Goes on behind its length, with what looks like the answer to the next request."""

    def get(self, request, key):
        super().get(request, key)
        request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad")


class NewTags(Honest):
    """Another ETag each time."""

    def etag(self, _key):
        return '"%d"' % time.monotonic_ns()


class NoRanges(Honest):
    """A part was asked for, and the whole is given."""

    def send(self, request, key, data):
        request.answer(200, data, [("ETag", self.etag(key))])


class OtherRanges(Honest):
    """A part is given, and not the one that was asked for."""

    def send(self, request, key, data):
        request.answer(206, data[1:], [("ETag", self.etag(key)), (
            "Content-Range", "bytes 1-%d/%d" % (max(len(data) - 1, 1), max(len(data), 2)))])


class EndlessHeaders(Honest):
    def get(self, request, key):
        request.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            request.wfile.write(b"X-More: " + BLOCK[:1000] + b"\r\n")


class EndlessError(Honest):
    def get(self, request, key):
        request.endless(itertools.chain([b"<Error><Code>"], itertools.repeat(BLOCK)), status=403)


class NoHttp(Honest):
    def get(self, request, key):
        request.wfile.write(b"SSH-2.0-OpenSSH_9.2p1\r\n")
        request.close_connection = True


class Trickle(Honest):
    """A byte now and then."""

    def get(self, request, key):
        def bytes_of_it():
            for _ in itertools.count():
                time.sleep(0.2)
                yield b" "
        request.endless(bytes_of_it(), 1000)
