from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import numpy as np
import pytest

from lookalike.building.ahead import Threads, in_order
from lookalike.building.build import BuildOptions, build
from lookalike.building.inventory import Inventory
from lookalike.building.work import Known, Prepared, Unusable, Worker
from lookalike.images.limits import DEFAULT_LIMITS, Limits
from lookalike.sources.resolve import open_source
from tests.building.sources import MemorySource
from tests.search.galleries import empty_gallery
from tests.sources.web import reply, serving
from tests.toys import ToyEncoder, pixels_of, png, refuse

MEGABYTE = 1 << 20
PATIENCE = 30
"""Seconds after which a test has failed that waits for something to happen."""


@pytest.fixture
def store(tmp_path):
    return empty_gallery(tmp_path, dim=12)


@dataclass
class LargeInputs(ToyEncoder):
    """Prepares inputs of a certain size, and counts them."""

    nbytes: int = MEGABYTE
    batch_size: int = 4
    decode_side: None = None
    prepared: list[int] = field(default_factory=list)

    def prepare(self, image):
        self.prepared.append(1)
        return np.zeros(self.nbytes, np.uint8)

    def encode_prepared(self, batch):
        raise AssertionError


@dataclass
class FarSource(MemorySource):
    """Answers only once so many reads wait at the same time."""

    concurrency: int = 6
    gate: threading.Barrier | None = None

    def read(self, ref):
        if self.gate is not None:
            self.gate.wait(PATIENCE)
        return super().read(ref)


def outcomes(store, source, encoder=ToyEncoder, *, limits=DEFAULT_LIMITS, workers=2):
    worker = Worker(source, store, Inventory(store), encoder, limits)
    threads = Threads(workers, getattr(source, "concurrency", 0))
    return in_order(worker, ((ref, None) for ref in source), threads, lambda: encoder().batch_size)


def pictures(count):
    return {f"{seed:03}": png(seed) for seed in range(count)}


@pytest.mark.parametrize(
    ("nbytes", "ahead"),
    [
        (MEGABYTE // 2, 96),
        (4 * MEGABYTE, 16),  # 64 MB
        (40 * MEGABYTE, 2 + 4),  # the threads and one batch
    ],
)
def test_fewer_large_inputs_are_prepared_ahead(store, nbytes, ahead):
    encoder = LargeInputs(nbytes=nbytes)
    found = outcomes(store, MemorySource(pictures(120)), lambda: encoder)
    for _ in range(3):
        assert isinstance(next(found), Prepared)
    end = time.monotonic() + PATIENCE
    while len(encoder.prepared) < 2 + ahead and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.05)  # so that one too many would show
    assert len(encoder.prepared) == 2 + ahead
    found.close()


def test_order_is_kept_though_reads_and_decodes_are_apart(store):
    images = pictures(60) | {"030": b"no picture"}
    source = FarSource(images)
    found = list(outcomes(store, source, lambda: LargeInputs(nbytes=1)))
    assert [outcome.ref.id if isinstance(outcome, Unusable) else outcome.record.id for outcome in found] == [*images]
    assert [type(outcome) for outcome in found].count(Prepared) == 59
    assert set(source.reads.values()) == {1}


def test_as_many_are_read_at_once_as_the_source_asks_for(store):
    source = FarSource(pictures(12), concurrency=6, gate=threading.Barrier(6))  # broken if fewer ever wait
    assert len(list(outcomes(store, source, lambda: LargeInputs(nbytes=1), workers=1))) == 12


def test_one_that_cannot_be_read_or_is_too_large_is_an_outcome_and_stops_nothing(store):
    class Source(FarSource):
        def read(self, ref):
            if ref.id == "001":
                raise OSError(5, "the line is cut")
            return super().read(ref)

    source = Source(pictures(4) | {"002": png(2, side=40)})
    limits = Limits(max_bytes=len(png(0)) + 100)
    found = list(outcomes(store, source, lambda: LargeInputs(nbytes=1), limits=limits))
    assert [type(outcome) for outcome in found] == [Prepared, Unusable, Unusable, Prepared]
    assert found[1].reason == "the line is cut"
    assert "002" not in source.reads


def test_no_more_is_read_after_it_is_closed(store):
    source = FarSource(pictures(100), concurrency=3)
    found = outcomes(store, source, lambda: LargeInputs(nbytes=1))
    next(found)
    found.close()
    before = source.reads.total()
    assert before < 100
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("lookalike-r", "lookalike-d"))]
    time.sleep(0.05)
    assert source.reads.total() == before


def test_what_the_gallery_knows_needs_no_batch(store):
    source = MemorySource({"a": png(1)})
    (new,) = outcomes(store, source, lambda: LargeInputs(nbytes=1))
    store.add([new.record], ToyEncoder().encode_images([pixels_of(1)]))
    found = list(outcomes(store, MemorySource({f"{n}": png(1) for n in range(130)}), refuse))
    assert [type(outcome) for outcome in found] == [Known] * 130


class Crowd:
    """Pictures behind a server that answers only once so many requests are in flight; notes the most there were."""

    def __init__(self, server, wanted):
        self._gate = threading.Barrier(wanted)
        self._lock = threading.Lock()
        self._now = self.most = 0
        self._server = server

    def put(self, path, body):
        def answer(handler):
            with self._lock:
                self._now += 1
                self.most = max(self.most, self._now)
            try:
                self._gate.wait(PATIENCE)
            finally:
                with self._lock:
                    self._now -= 1
            reply(handler, body)

        self._server.answers[path] = answer


@pytest.mark.parametrize(("hosts", "at_once"), [(["127.0.0.1"], 4), (["127.0.0.1", "localhost"], 8)])
def test_pictures_of_the_web_are_fetched_at_once_but_few_of_one_host(store, tmp_path, hosts, at_once):
    with serving() as server:
        crowd = Crowd(server, at_once)
        urls = []
        for number in range(16):
            crowd.put(f"/{number}.png", png(number))
            urls.append(server.url(f"/{number}.png", hosts[number % len(hosts)]))
        (tmp_path / "urls.txt").write_text("\n".join(urls))
        source = open_source(tmp_path / "urls.txt", base=tmp_path)
        report = build(store, source, ToyEncoder, BuildOptions(workers=1))
    assert (report.added, report.failed) == (16, [])
    assert crowd.most == at_once


def test_files_and_pictures_of_the_web_in_one_source(tmp_path, store):
    (tmp_path / "near.png").write_bytes(png(1))
    with serving() as server:
        url = server.put("/far.png", png(2))
        source = open_source([str(tmp_path / "near.png"), url], base=tmp_path)
        assert source.concurrency == 0  # it has not been listed yet
        report = build(store, source, ToyEncoder, BuildOptions(workers=1))
    assert report.added == 2
    assert source.concurrency == 16
