"""Batches form while one is computed, nobody waits for a batch to fill, and a failure is that of its own image."""

from __future__ import annotations

import threading
from contextlib import nullcontext

import numpy as np
import pytest

from lookalike.encoders.base import EncoderSpec
from lookalike.errors import EncoderError
from lookalike.server.encoding import EncodingQueue


class Slow:
    """Embeds an image as its mean, once it is let; refuses white ones."""

    spec = EncoderSpec("slow", "1", "00", "average", "none", "f32", 1)
    batch_size = 4
    decode_side = None

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.may_end = threading.Event()
        self.batches: list[int] = []

    def prepare(self, image):
        return image

    def encode_images(self, images):
        return self.encode_prepared(np.stack(images))

    def encode_prepared(self, batch):
        self.begun.release()
        self.may_end.wait(20)
        self.batches.append(len(batch))
        if (batch == 255).all(axis=(1, 2)).any():
            msg = "white"
            raise EncoderError(msg)
        return batch.mean(axis=(1, 2)).astype(np.float32)[:, None]


def image(value):
    return np.full((2, 2), value, np.uint8)


@pytest.fixture
def encoder():
    return Slow()


@pytest.fixture
def watched():
    return []


@pytest.fixture
def queue(encoder, watched):
    queue = EncodingQueue(encoder, lambda count: watched.append(count) or nullcontext())
    yield queue
    encoder.may_end.set()
    queue.close()


def test_one_alone_goes_through_at_once(queue, encoder):
    encoder.may_end.set()
    assert queue.submit(image(7)).result(20).tolist() == [[7.0]]
    assert encoder.batches == [1]


def test_what_waits_goes_together_up_to_a_batch_and_to_whom_it_belongs(queue, encoder, watched):
    first = queue.submit(image(0))
    assert encoder.begun.acquire(timeout=20)
    others = [queue.submit(image(value)) for value in range(1, 8)]
    encoder.may_end.set()
    assert [future.result(20).tolist() for future in (first, *others)] == [[[float(value)]] for value in range(8)]
    assert encoder.batches == watched == [1, 4, 3]


def test_one_that_fails_fails_alone(queue, encoder):
    queue.submit(image(0))
    assert encoder.begun.acquire(timeout=20)
    good, bad, fine = (queue.submit(image(value)) for value in (1, 255, 3))
    encoder.may_end.set()
    assert (good.result(20).tolist(), fine.result(20).tolist()) == ([[1.0]], [[3.0]])
    with pytest.raises(EncoderError, match="white"):
        bad.result(20)


def test_who_has_left_is_not_embedded(queue, encoder):
    queue.submit(image(0))
    assert encoder.begun.acquire(timeout=20)
    left, stays = queue.submit(image(1)), queue.submit(image(2))
    assert left.cancel()
    encoder.may_end.set()
    assert stays.result(20).tolist() == [[2.0]]
    assert encoder.batches == [1, 1]


def test_closing_embeds_what_was_submitted(encoder):
    queue = EncodingQueue(encoder, lambda _: nullcontext())
    futures = [queue.submit(image(value)) for value in range(10)]
    encoder.may_end.set()
    queue.close()
    assert [future.result(0)[0, 0] for future in futures] == list(range(10))


def test_an_encoder_that_is_quicker_with_several_calls_gets_them(encoder):
    encoder.batches_at_once = 3
    queue = EncodingQueue(encoder, lambda _: nullcontext())
    futures = []
    for value in range(3):
        futures.append(queue.submit(image(value)))
        assert encoder.begun.acquire(timeout=20)  # while those before wait
    encoder.may_end.set()
    assert [future.result(20)[0, 0] for future in futures] == [0, 1, 2]
    queue.close()


def test_closing_several_threads_embeds_what_was_submitted(encoder):
    encoder.batches_at_once = 3
    queue = EncodingQueue(encoder, lambda _: nullcontext())
    futures = [queue.submit(image(value)) for value in range(40)]
    encoder.may_end.set()
    queue.close()
    assert [future.result(0)[0, 0] for future in futures] == list(range(40))
