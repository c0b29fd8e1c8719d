from __future__ import annotations

import json

import pytest

from lookalike.errors import StoreCorruptError, StoreVersionError
from lookalike.gallery.manifest import FORMAT, Manifest


def test_comes_back_from_the_metadata():
    manifest = Manifest(encoder={"name": "ü", "modalities": ["image"]}, dim=7)
    assert Manifest.from_metadata({b"other": b"x", **manifest.to_metadata()}, "g") == manifest


def test_one_that_was_made_without_a_table_s_name_is_read():
    metadata = {b"lookalike": json.dumps({"encoder": {}, "dim": 7, "format": 1}).encode()}
    assert Manifest.from_metadata(metadata, "g") == Manifest(encoder={}, dim=7, table="")


def test_a_newer_format_names_the_remedy():
    metadata = {b"lookalike": json.dumps({"encoder": {}, "dim": 7, "format": FORMAT + 1, "new": 1}).encode()}
    with pytest.raises(StoreVersionError, match=f"g has format {FORMAT + 1}.*pip install --upgrade"):
        Manifest.from_metadata(metadata, "g")


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {},
        *({b"lookalike": text} for text in (b"", b"{}", b"[]", b"3", b'{"format": "x"}', b"\xff", b'{"format": 1}')),
    ],
)
def test_anything_else_is_damage(metadata):
    with pytest.raises(StoreCorruptError, match="manifest"):
        Manifest.from_metadata(metadata, "g")
