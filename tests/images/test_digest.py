from __future__ import annotations

from lookalike.images.digest import content_digest


def test_the_digest_is_blake2b_of_16_bytes():
    # printf '' | b2sum -l 128
    assert content_digest(b"") == "cae66941d9efbd404e4d88758ea67670"
    assert len(content_digest(b"some bytes")) == 32
    assert content_digest(b"some bytes") != content_digest(b"some byteS")
