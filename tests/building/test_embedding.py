"""Batches come back in their order, and are embedded at once only where the encoder wants it."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from lookalike.building.embedding import Embedded, embedded
from lookalike.building.inventory import Inventory
from lookalike.building.work import Unusable, Worker
from lookalike.encoders.base import EncoderSpec
from lookalike.errors import EncoderError
from lookalike.images.limits import DEFAULT_LIMITS
from tests.building.sources import MemorySource
from tests.search.galleries import empty_gallery
from tests.toys import png, refuse, toy_embedding


class Staged:
    """Embeds as the toy does, in batches of two; the first batches take the longest."""

    spec = EncoderSpec("staged", "1", "00", "average", "none", "f32", 12)
    batch_size = 2
    decode_side = None

    def __init__(self) -> None:
        self.threads: list[str] = []
        self.calls = 0

    def prepare(self, image):
        return image

    def encode_images(self, images):
        return self.encode_prepared(np.stack(images))

    def encode_prepared(self, batch):
        self.calls += 1
        self.threads.append(threading.current_thread().name)
        time.sleep(0.1 / self.calls)
        return np.stack([toy_embedding(image) for image in batch])


class AtOnce(Staged):
    batches_at_once = 3


class Together(AtOnce):
    """Embeds a batch only when two more are there."""

    def __init__(self) -> None:
        super().__init__()
        self.barrier = threading.Barrier(3, timeout=20)

    def encode_prepared(self, batch):
        self.barrier.wait()
        return super().encode_prepared(batch)


def outcomes(tmp_path, images):
    source = MemorySource(images)
    store = empty_gallery(tmp_path, dim=12)
    worker = Worker(source, store, Inventory(store), Staged, DEFAULT_LIMITS)
    return [worker(ref, None) for ref in source]


@pytest.fixture
def some(tmp_path):
    """Nine images, and one that is none among them."""
    images = {f"{seed}": png(seed) for seed in range(9)}
    return outcomes(tmp_path, {**images, "4b": b"no image"})


@pytest.mark.parametrize("kind", [Staged, AtOnce])
def test_all_are_embedded_in_their_order_and_the_others_come_along(some, kind):
    found = list(embedded(some, kind))
    batches = [outcome for outcome in found if isinstance(outcome, Embedded)]
    assert [len(batch.items) for batch in batches] == [2, 2, 2, 2, 1]
    items = [item for batch in batches for item in batch.items]
    assert [item.record.id for item in items] == [f"{seed}" for seed in range(9)]
    vectors = np.concatenate([batch.vectors for batch in batches])
    np.testing.assert_array_equal(vectors, [toy_embedding(item.image) for item in items])
    assert [outcome.ref.id for outcome in found if isinstance(outcome, Unusable)] == ["4b"]


def test_an_encoder_that_does_not_ask_for_threads_gets_none(some):
    encoder = Staged()
    list(embedded(some, lambda: encoder))
    assert set(encoder.threads) == {threading.current_thread().name}


def test_one_that_does_is_given_batches_at_once(tmp_path):
    six = outcomes(tmp_path, {f"{seed}": png(seed) for seed in range(6)})
    encoder = Together()
    assert len(list(embedded(six, lambda: encoder))) == 3


def test_nothing_is_prepared_further_ahead_than_the_encoder_needs(some):
    drawn = []
    ready = embedded(
        (drawn.append(outcome) or outcome for outcome in some if not isinstance(outcome, Unusable)), AtOnce
    )
    next(ready)
    assert len(drawn) <= 2 * 4
    ready.close()


def test_a_failure_is_the_callers(some):
    class Wrong(AtOnce):
        def encode_prepared(self, batch):
            return super().encode_prepared(batch)[:, :5]

    with pytest.raises(EncoderError, match="array of shape"):
        list(embedded(some, Wrong))


def test_the_encoder_is_not_asked_for_without_an_image(tmp_path):
    assert len(list(embedded(outcomes(tmp_path, {"a": b"", "b": b"no"}), refuse))) == 2


def test_closing_ends_the_threads(some):
    ready = embedded(some, AtOnce)
    next(ready)
    ready.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("lookalike-embed")]
