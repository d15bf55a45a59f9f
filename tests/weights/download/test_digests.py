"""The digests that the tests of downloads know are those of the body."""

from __future__ import annotations

import hashlib

from support.file_server import (
    BODY,
    MD5,
    SHA256,
)


def test_the_digests_are_of_the_body() -> None:
    assert hashlib.sha256(BODY).hexdigest() == SHA256
    assert hashlib.md5(BODY).hexdigest() == MD5
