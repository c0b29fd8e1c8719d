"""Indexes of a served gallery: tuned and brought up to date by clients that may change it."""

from __future__ import annotations

import base64
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import lookalike
from lookalike.errors import InputError
from lookalike.indexes.tuning import Goal
from lookalike.server.answers import OptimizedIndex, TunedIndex
from lookalike.server.options import ServerOptions
from tests.server.service import serving, toy_gallery
from tests.toys import png

COUNT = 60


@pytest.fixture
def gallery(tmp_path):
    return toy_gallery(tmp_path, COUNT)


@pytest.fixture
def client(gallery):
    with serving(ServerOptions(is_writable=True), toys=gallery) as client:
        yield client


def test_searches_go_by_the_index_that_was_found(client, gallery, tmp_path):
    assert client.post("/search", {"query": {"id": "photos/0000.png"}}).json["index"] == "exact"
    answer = client.post("/tune", {"index": ["hnsw"], "recall": 0.9, "k": 5})
    assert answer.status == 200
    found = TunedIndex.model_validate(answer.json)
    assert (found.gallery, found.index, found.k, found.queries, found.reaches) == ("toys", "hnsw", 5, COUNT, True)
    told = client.post("/search", {"query": {"id": "photos/0000.png"}}).json
    assert (told["index"], told["recall"]) == ("hnsw", found.recall)
    assert client.get("/info").json["index"]["index"] == "hnsw"
    here = toy_gallery(tmp_path / "here", COUNT).tune(Goal(0.9, 5), specs=["hnsw"])
    assert answer.json.keys() == {"gallery", *here.to_dict()}
    assert found.footprint.model_dump() == here.to_dict()["footprint"]
    assert found.recall >= 0.9


def test_a_budget_that_cannot_be_met_is_told(client):
    found = client.post("/tune", {"index": ["hnsw"], "latency": 1e-5}).json
    assert not found["reaches"]
    assert found["latency_ms"] > 1e-5


def test_optimizing_takes_in_what_was_added(client):
    client.post("/tune", {"index": ["hnsw"]})
    client.post("/items", {"items": [{"image": base64.b64encode(png(1_000)).decode(), "id": "new"}]})
    done = client.post("/optimize", None)
    assert done.status == 200
    found = OptimizedIndex.model_validate(done.json)
    assert (found.index, found.rows) == ("hnsw", COUNT + 1)
    nearest = client.search({"image": base64.b64encode(png(1_000)).decode()}, k=1, include_self=True)
    assert nearest == ["upload:new"]


@pytest.mark.parametrize(
    "body",
    [{"recall": 0}, {"recall": 1.5}, {"k": 0}, {"latency": 0}, {"memory": -1}, {"index": ["faiss:Flat"]}, {"x": 1}],
)
def test_wrong_options_are_refused(client, body):
    answer = client.post("/tune", body)
    assert (answer.status, answer.error) == (422, "InputError")


def test_a_read_only_server_keeps_its_index(gallery):
    with serving(toys=gallery) as client:
        for answer in (client.post("/tune", {}), client.post("/optimize", None)):
            assert (answer.status, answer.error) == (403, "ReadOnlyError")
        with pytest.raises(InputError, match="read-only"):
            lookalike.connect(client.url).tune()


def test_searches_go_on_meanwhile_and_who_wants_to_tune_too_comes_back(client, gallery, monkeypatch):
    began, may_end, tune = threading.Event(), threading.Event(), gallery.tune

    def slow(*arguments, **options):
        began.set()
        assert may_end.wait(30)
        return tune(*arguments, **options)

    monkeypatch.setattr(gallery, "tune", slow)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(client.post, "/tune", {"index": ["hnsw"]})
        try:
            assert began.wait(30)
            assert client.search({"id": "photos/0003.png"}, k=1)
            new = {"items": [{"image": base64.b64encode(png(1_000)).decode()}]}
            for late in (client.post("/tune", {}), client.post("/optimize", None), client.post("/items", new)):
                assert (late.status, late.headers["Retry-After"]) == (503, "1")
        finally:
            may_end.set()
        assert first.result().json["index"] == "hnsw"
    assert client.post("/items", new).json["added"] == 1


def test_the_client_tunes_and_optimizes(client):
    remote = lookalike.connect(client.url)
    found = remote.tune(Goal(0.9, 5, seconds=10, nbytes=10**9), specs=("hnsw", "exact"))
    assert found["reaches"]
    assert found["k"] == 5
    assert found["index"] in ("hnsw", "exact")
    assert remote.tune()["index"] == "exact"
    assert remote.optimize()["rows"] == COUNT
    with pytest.raises(InputError):
        remote.tune(specs=("faiss:Flat",))
