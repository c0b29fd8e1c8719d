from __future__ import annotations

import numpy as np
import pytest

from lookalike.building.inventory import Inventory
from lookalike.building.work import Known, Prepared, Same, Unusable, Worker, item_stamp, skip_stamp
from lookalike.errors import SourceError
from lookalike.images.digest import content_digest
from lookalike.images.limits import DEFAULT_LIMITS, Limits
from lookalike.images.ref import ImageRef
from tests.building.sources import MemorySource
from tests.search.galleries import empty_gallery
from tests.toys import ToyEncoder, pixels_of, png, refuse, toy_embedding


@pytest.fixture
def store(tmp_path):
    return empty_gallery(tmp_path, dim=12)


def worker(store, source, encoder=ToyEncoder):
    return Worker(source, store, Inventory(store), encoder, DEFAULT_LIMITS)


def held(store, source, name):
    """Put an item into the gallery, as a run would, and return its row."""
    (ref,) = [ref for ref in source if ref.id == name]
    done = worker(store, source)(ref, None)
    store.add([done.record], ToyEncoder().encode_images([done.image]))
    return int(store.find(name, ["id"])["_rowid"][0].as_py())


def test_a_new_image_is_prepared(store):
    source = MemorySource({"a": png(1)})
    done = worker(store, source)(next(iter(source)), None)
    assert isinstance(done, Prepared)
    assert done.is_new
    np.testing.assert_array_equal(done.image, pixels_of(1))
    assert done.record.digest == content_digest(png(1))
    assert done.record.size == len(png(1))


def test_a_known_image_comes_with_its_embedding_whatever_happens_to_the_row(store):
    source = MemorySource({"a": png(1), "b": png(1)})
    held(store, source, "a")
    one = worker(store, source, refuse)
    done = one(list(source)[1], None)
    store.upsert([done.record], np.zeros((1, 12), np.float32))
    assert isinstance(done, Known)
    np.testing.assert_array_equal(done.embedding, toy_embedding(pixels_of(1)))


def test_a_row_that_was_overwritten_meanwhile_is_not_taken(store):
    source = MemorySource({"a": png(1)})
    held(store, source, "a")
    one = worker(store, source)
    source.images = {"a": png(2)}
    changed = worker(store, source)(next(iter(source)), 0)
    store.upsert([changed.record], np.zeros((1, 12), np.float32))
    source.images = {"c": png(1)}
    assert isinstance(one(next(iter(source)), None), Prepared)


def test_an_image_without_a_stamp_can_be_the_same(store):
    source = MemorySource({"a": png(1)}, has_stamps=False)
    row = held(store, source, "a")
    ref = next(iter(source))
    assert worker(store, source, refuse)(ref, row) == Same(ref)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (FileNotFoundError(2, "No such file or directory"), "No such file or directory"),
        (OSError("odd"), "odd"),
        (SourceError("x", "it is gone"), "it is gone"),
    ],
)
def test_what_cannot_be_read_is_to_be_tried_again(store, error, reason):
    source = MemorySource({"a": png(1)})

    def fail(ref):
        raise error

    source.read = fail
    assert worker(store, source)(next(iter(source)), None) == Unusable(next(iter(source)), reason, "")


def test_the_stamp_follows_the_attributes():
    stamps = {
        item_stamp(ImageRef("a", "a", attributes, stamp))
        for attributes in ({}, {"x": 1}, {"x": "1"}, {"y": 1}, {"x": 1, "y": None})
        for stamp in ("", "1")
    }
    assert len(stamps) == 10
    assert item_stamp(ImageRef("a", "a", {"x": 1, "y": 2})) == item_stamp(ImageRef("b", "b", {"y": 2, "x": 1}))


def test_what_failed_is_tried_again_under_other_limits():
    ref = ImageRef("a", "a", {}, "stamp")
    assert skip_stamp(ref, Limits()) == skip_stamp(ref, Limits())
    assert len({skip_stamp(ref, limits) for limits in (Limits(), Limits(max_pixels=1), Limits(max_bytes=1))}) == 3
    assert skip_stamp(ImageRef("a", "a"), Limits()) == ""
