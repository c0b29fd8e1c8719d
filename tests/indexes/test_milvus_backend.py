"""Milvus behind the frame, against a server that runs."""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

from lookalike.errors import IndexUnusableError, InputError, RemoteError, UnknownNameError
from lookalike.indexes.building import build_index, load_index, plain_spec
from lookalike.indexes.exact import ExactIndex
from lookalike.indexes.footprint import footprint_of
from lookalike.indexes.scoring import WideQueries
from lookalike.indexes.tuning import Goal, Tuner
from lookalike.metric import Metric
from lookalike.testing.index_contract import CHECKS, IndexContract, mixture
from tests.indexes.wire import Wire

pytest.importorskip("pymilvus")

ROWS = mixture(3_000, 16, seed=1)
QUERIES = mixture(30, 16, seed=2)
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def _server(milvus):
    """All of these tests ask the server, or would if they could."""


def _contract(spec, metric, recall, parameters):
    @pytest.fixture(scope="module")
    def contract(milvus_server):
        with pytest.MonkeyPatch.context() as environ:
            environ.setenv("LOOKALIKE_MILVUS_URI", milvus_server)
            yield IndexContract(spec, metric, recall=recall, parameters=parameters)

    return contract


graph = _contract("milvus:M=16", Metric.COSINE, 0.97, {"ef": 200})
lists = _contract("milvus:kind=ivf_flat,nlist=16", Metric.L2, 0.99, {"nprobe": 16})


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_graph_keeps_the_contract(graph, check, tmp_path):
    check(graph, tmp_path)


# what differs by metric and kind, as each index takes the server some seconds
_OF_METRIC = {"check_finds_the_nearest", "check_keeps_to_allowed_rows", "check_is_the_same_when_saved"}


@pytest.mark.parametrize(
    "check", [check for check in CHECKS if check.__name__ in _OF_METRIC], ids=lambda check: check.__name__
)
def test_lists_keep_the_contract_for_distances(lists, check, tmp_path):
    check(lists, tmp_path)


@pytest.fixture(scope="module")
def index(milvus_server):
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("LOOKALIKE_MILVUS_URI", milvus_server)
        yield build_index("milvus", ROWS)


def proposed(index, count=10, allowed=None, **parameters):
    values = {**index.parameters, **parameters}
    return index.backend.propose(
        index._preparation.queries(WideQueries.of(QUERIES)), count, allowed=allowed, parameters=values
    )


def comes_back(index):
    """Ask again until the server is found, which its client looks for at growing intervals."""
    for _ in range(200):
        if (proposed(index) >= 0).all():
            return True
        time.sleep(0.1)
    return False


def recall(index, **parameters):
    truth = ExactIndex(ROWS, metric=index.spec.metric).search(QUERIES, 10).positions
    return np.mean([np.isin(t, f).mean() for t, f in zip(truth, proposed(index, **parameters), strict=True)])


@pytest.mark.parametrize("spec", ["milvus:kind=ivf_sq8,nlist=40", "pca:8/milvus:oversample=4"])
def test_inner_products_and_projections_are_searched_on_the_server(spec):
    built = build_index(spec, ROWS, metric=Metric.INNER_PRODUCT)
    assert (proposed(built) >= 0).all()
    found, true = built.search(QUERIES, 10), ExactIndex(ROWS, metric=Metric.INNER_PRODUCT).search(QUERIES, 10)
    assert np.mean([np.isin(f, t).mean() for f, t in zip(found.positions, true.positions, strict=True)]) > 0.9


def test_more_lists_find_more_and_more_than_there_are_is_all():
    lists = build_index("milvus:kind=ivf_flat,nlist=64", ROWS)
    assert recall(lists, nprobe=1) < recall(lists, nprobe=64) == recall(lists, nprobe=1_000) == 1.0


def test_the_breadth_may_be_less_than_what_is_asked_for_and_more_than_the_server_takes(index):
    assert recall(index, ef=1) > 0.5
    assert recall(index, ef=1_000_000) > 0.99


def test_what_is_proposed_keeps_to_the_allowed_rows(index):
    for share in (0.01, 0.4, 0.99):
        allowed = np.random.default_rng(0).random(len(ROWS)) < share
        found = proposed(index, 20, allowed)
        # a graph may come short of what was asked for, and the search is completed then
        assert (found >= 0).mean() > 0.9
        assert allowed[found[found >= 0]].all()


def test_where_the_condition_would_be_too_long_more_is_asked_for(index, monkeypatch):
    monkeypatch.setattr("lookalike.indexes.milvus_backend._LISTED_ROWS", 100)
    allowed = np.arange(len(ROWS)) % 3 == 0
    found = index.search(QUERIES, 10, allowed)
    true = ExactIndex(ROWS).search(QUERIES, 10, allowed)
    assert (found.positions == true.positions).mean() > 0.95


def test_more_than_the_server_gives_are_completed(milvus):
    rows = np.random.default_rng(0).standard_normal((40_000, 4), dtype=np.float32)
    built = build_index("milvus:kind=ivf_flat,nlist=8,nprobe=8", rows)
    found = built.search(rows[:2], 17_000)
    np.testing.assert_array_equal(found.positions, ExactIndex(rows).search(rows[:2], 17_000).positions)
    queries = np.random.default_rng(1).standard_normal((17_000, 4), dtype=np.float32)
    values = built.parameters
    many = built.backend.propose(
        built._preparation.queries(WideQueries.of(queries)), 1, allowed=None, parameters=values
    )
    assert many.shape == (17_000, 1)
    assert (many >= 0).all()


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ("milvus:kind=tree", InputError, "kind must be hnsw or ivf_flat or ivf_sq8, got 'tree'"),
        ("milvus:M=2", InputError, "M must be a whole number from 4 to 64"),
        ("milvus:nlist=3", UnknownNameError, "no option of 'milvus' named 'nlist'"),
        ("milvus:kind=ivf_flat,nlist=70000", InputError, "nlist must be a whole number from 1 to 65536"),
        ("milvus:HNSW", InputError, "milvus takes options"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_sent(milvus, spec, error, message):
    before = set(milvus.list_collections())
    for refuses in (lambda: build_index(spec, ROWS), lambda: plain_spec(spec, dim=16)):
        with pytest.raises(error, match=message):
            refuses()
    assert set(milvus.list_collections()) == before


def test_what_the_server_refuses_is_one_sentence():
    with pytest.raises(RemoteError, match=r"Milvus answers: .*dim") as caught:
        build_index("milvus", np.zeros((5, 32_769), np.float32))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "error", "message"),
    [
        ("", InputError, "set LOOKALIKE_MILVUS_URI to its address, such as http://localhost:19530"),
        ("./milvus.db", InputError, "must be the address of a server"),
        ("http://localhost:port", InputError, "names no port"),
        ("http://someone:secret@127.0.0.1:1", RemoteError, "cannot be reached; start it, or set LOOKALIKE_MILVUS_URI"),
    ],
)
def test_without_a_server_nothing_is_built(monkeypatch, capfd, address, error, message):
    monkeypatch.setenv("LOOKALIKE_MILVUS_URI", address)
    for refuses in (lambda: build_index("milvus", ROWS), lambda: plain_spec("milvus", dim=16)):
        with pytest.raises(error, match=message) as caught:
            refuses()
        assert "secret" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_a_server_that_goes_away_while_it_is_built_is_one_sentence(milvus_server, monkeypatch):
    with Wire(milvus_server) as wire:
        monkeypatch.setenv("LOOKALIKE_MILVUS_URI", wire.address)

        class Rows:
            ndim, shape = 2, ROWS.shape

            def __len__(self):
                return len(ROWS)

            def __getitem__(self, which):
                if wire.connections:
                    wire.cut()
                return ROWS[which]

        with pytest.raises(RemoteError, match=f"{wire.address}: the Milvus server cannot be reached"):
            build_index("milvus", Rows())


def test_searches_are_exact_while_the_server_is_away(milvus_server, monkeypatch, capfd):
    monkeypatch.setattr("lookalike.indexes.milvus_backend._PAUSE", 0)
    true = ExactIndex(ROWS).search(QUERIES, 10)
    with Wire(milvus_server) as wire:
        monkeypatch.setenv("LOOKALIKE_MILVUS_URI", wire.address)
        built = build_index("milvus", ROWS)
        assert (proposed(built) >= 0).all()
        wire.cut()
        assert (proposed(built) == -1).all()
        np.testing.assert_array_equal(built.search(QUERIES, 10).positions, true.positions)
        wire.mend()
        assert comes_back(built)
        del built
    assert capfd.readouterr().err == ""


def test_a_server_that_does_not_answer_is_not_waited_for_again(milvus_server, monkeypatch):
    monkeypatch.setattr("lookalike.indexes.milvus_backend._SEARCHING", 0.5)
    with Wire(milvus_server) as wire:
        monkeypatch.setenv("LOOKALIKE_MILVUS_URI", wire.address)
        built = build_index("milvus", ROWS)
        wire.hold()
        assert (proposed(built) == -1).all()
        wire.release()
        assert (proposed(built) == -1).all()  # it is left alone for a while
        built.backend._asked_again_at = 0
        assert comes_back(built)


def test_a_saved_index_is_refused_without_its_collection(milvus, tmp_path, monkeypatch):
    built = build_index("milvus", ROWS)
    built.save(tmp_path / "index")
    name = json.loads((tmp_path / "index" / "backend" / "collection.json").read_text())["collection"]
    del built
    gc.collect()
    milvus.release_collection(name)  # a server does so where memory is short
    assert (proposed(load_index(tmp_path / "index", ROWS)) >= 0).all()
    for address, reason in (("", "set LOOKALIKE_MILVUS_URI"), (NOWHERE, "cannot be reached")):
        monkeypatch.setenv("LOOKALIKE_MILVUS_URI", address)
        with pytest.raises(IndexUnusableError, match=reason):
            load_index(tmp_path / "index", ROWS)


def test_a_collection_that_is_gone_proposes_nothing_and_is_not_opened(milvus, tmp_path):
    built = build_index("milvus", ROWS)
    built.save(tmp_path / "index")
    loaded = load_index(tmp_path / "index", ROWS)
    milvus.drop_collection(json.loads((tmp_path / "index" / "backend" / "collection.json").read_text())["collection"])
    np.testing.assert_array_equal(loaded.search(QUERIES, 10).positions, ExactIndex(ROWS).search(QUERIES, 10).positions)
    with pytest.raises(IndexUnusableError, match="there is no collection"):
        load_index(tmp_path / "index", ROWS)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"collection": "users", "rows": 3000}', '{"collection": 3, "rows": 1}', '{"rows": 3000}']
)
def test_a_damaged_file_is_refused(index, tmp_path, text):
    whole = tmp_path / "index"
    shutil.copytree(_saved(index, tmp_path), whole)
    (whole / "backend" / "collection.json").write_text(text)
    with pytest.raises(IndexUnusableError, match=r"collection\.json"):
        load_index(whole, ROWS)


def _saved(index, folder):
    index.save(folder / "saved")
    return folder / "saved"


def test_the_files_say_neither_the_address_nor_the_token(index, tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_MILVUS_TOKEN", "root:topsecret")
    files = [path.read_text("utf-8", "replace") for path in _saved(index, tmp_path).rglob("*") if path.is_file()]
    assert len(files) > 2
    assert not any(secret in text for text in files for secret in ("topsecret", "127.0.0.1", "root"))


def test_an_index_that_is_not_saved_leaves_nothing(milvus):
    before = set(milvus.list_collections())
    built = build_index("milvus", ROWS[:50])
    assert len(set(milvus.list_collections()) - before) == 1
    del built
    gc.collect()
    assert set(milvus.list_collections()) == before
    code = (
        "import numpy as np; from lookalike.indexes.building import build_index; "
        "index = build_index('milvus', np.eye(8, dtype=np.float32)); print(index.backend._name)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.strip().startswith("lookalike_unclaimed_")
    assert done.stderr == ""
    assert set(milvus.list_collections()) == before


def test_the_breadth_is_tuned(milvus):
    tuned = Tuner(ROWS, goal=Goal(0.95)).tune("milvus:M=8")
    assert tuned.reaches
    assert tuned.parameters.keys() == {"ef", "oversample"}


def test_it_tells_what_it_takes_here_and_on_the_server(index):
    said = footprint_of("milvus", np.broadcast_to(np.float32(0), (100_000_000, 1_280)), metric=Metric.COSINE)
    assert said.memory < 1 << 30
    assert index.nbytes >= ROWS.nbytes
    assert index.details == {"kind": "hnsw", "M": 32, "efConstruction": 200}
