from __future__ import annotations

import os
from pathlib import Path

import pytest

from lookalike.search.uris import full_uri, stored_uri
from lookalike.sources.names import printable

BASE = Path("/photos")


@pytest.mark.parametrize(
    "uri",
    [
        "/photos/cat.jpg",
        "/photos/a/b/ü cat.jpg",
        "/photos/file:cat.jpg",
        "/photos/http:/cat.jpg",
        "/photos/./cat.jpg".replace("/./", "/.x/"),
        printable(os.fsdecode(b"/photos/\xff/cat\xfe.jpg")),
        "/elsewhere/cat.jpg",
        "/photos2/cat.jpg",
        "https://example.org/photos/cat.jpg",
        "dataset:beans#train/3",
        printable(os.fsdecode(b"/elsewhere/\xff.jpg")),
    ],
)
def test_is_restored(uri):
    assert full_uri(stored_uri(uri, BASE), BASE) == uri
    assert stored_uri(uri, BASE).encode()


def test_what_lies_inside_follows_the_folder():
    moved = Path("/new place")
    for name in ("cat.jpg", "a/cat.jpg", os.fsdecode(b"\xff/cat.jpg"), "file:cat.jpg"):
        stored = stored_uri(printable(f"/photos/{name}"), BASE)
        assert full_uri(stored, moved) == printable(f"/new place/{name}")


def test_a_folder_whose_own_name_is_no_text_can_be_left_and_entered():
    odd = Path(os.fsdecode(b"/photos\xff"))
    stored = stored_uri(printable(str(odd / "cat.jpg")), odd)
    assert full_uri(stored, BASE) == "/photos/cat.jpg"
    assert full_uri(stored_uri("/photos/cat.jpg", BASE), odd) == printable(str(odd / "cat.jpg"))


def test_the_root_folder_can_hold_images():
    assert stored_uri("/cat.jpg", Path("/")) == "./cat.jpg"
    assert full_uri("./cat.jpg", Path("/")) == "/cat.jpg"


def test_what_lies_outside_stays():
    assert full_uri("/elsewhere/cat.jpg", Path("/moved")) == "/elsewhere/cat.jpg"
    assert stored_uri("/photos2/cat.jpg", BASE) == "/photos2/cat.jpg"
