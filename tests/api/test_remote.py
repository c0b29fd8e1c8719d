"""A gallery on a server answers as the gallery itself does."""

from __future__ import annotations

import re
from datetime import datetime
from io import BytesIO
from itertools import chain

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.errors import InputError, RemoteError, SourceError
from lookalike.search.options import SearchOptions
from lookalike.server.options import ServerOptions
from tests.server.service import serving, toy_gallery
from tests.toys import ToyEncoder, pixels_of, plant, png

KEY = "a-key-of-thirty-two-characters-x"


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    return toy_gallery(tmp_path_factory.mktemp("gallery"))


@pytest.fixture(scope="module")
def served(gallery):
    with serving(ServerOptions(api_key=KEY), toys=gallery, same=gallery) as client:
        yield client


@pytest.fixture(scope="module")
def remote(served):
    return lookalike.connect(served.url, api_key=KEY)


@pytest.fixture
def writable(tmp_path):
    with serving(ServerOptions(is_writable=True), toys=toy_gallery(tmp_path / "served", 2)) as client:
        yield lookalike.connect(client.url)


def rows(hits):
    return [(hit.rank, hit.id, hit.score, dict(hit.attributes)) for hit in hits]


def test_every_kind_of_query_finds_the_same(remote, gallery, tmp_path):
    path = tmp_path / "query.png"
    path.write_bytes(png(40))
    queries = [
        path,
        str(path),
        path.as_uri(),
        path.read_bytes(),
        Image.open(BytesIO(png(41))),
        pixels_of(42),
        "id:photos/0003.png",
        np.arange(12.0),
    ]
    for here, there in zip(gallery.search_batch(queries, 4), remote.search_batch(queries, 4), strict=True):
        assert rows(there) == rows(here)
        assert (there.query, there.method) == (here.query, here.method)
    assert len(remote) == len(gallery) == 12


def test_terms_and_regions_mean_the_same_there(remote, gallery, tmp_path):
    path = tmp_path / "query.png"
    path.write_bytes(png(40))
    queries = [
        f"{path} + 0.5:id:photos/0003.png - id:photos/0001.png",
        lookalike.Query([lookalike.Term(path, crop=(0, 0, 0.5, 1)), lookalike.Term(np.arange(12.0), -0.25)]),
        lookalike.Term("id:photos/0003.png", crop=(1, 2, 3, 4)),
        lookalike.Term(path.read_bytes(), -1),
    ]
    for here, there in zip(gallery.search_batch(queries, 4), remote.search_batch(queries, 4), strict=True):
        assert rows(there) == rows(here)
        assert there.query == here.query


def test_each_picture_of_a_folder_is_asked_with(remote, gallery, tmp_path):
    plant(tmp_path / "queries", [20, 3, 21])
    (tmp_path / "queries" / "0010.png").write_bytes(b"no picture")
    failed = []
    found = list(remote.search_each(tmp_path / "queries", 3, crop=(0, 0, 0.5, 1), on_failure=failed.append))
    here = list(gallery.search_each(tmp_path / "queries", 3, crop=(0, 0, 0.5, 1)))
    assert [(hits.query, rows(hits)) for hits in found] == [
        (str(tmp_path / "queries" / f"{number:04}.png"), rows(hits))
        for number, hits in zip((3, 20, 21), here, strict=True)
    ]
    assert [failure.uri for failure in failed] == [str(tmp_path / "queries" / "0010.png")]


def test_what_narrows_a_search_does_so_there(remote, gallery):
    query = "id:photos/0003.png"
    narrowed = {"where": "id > 'photos/0005.png'", "metric": "inner-product", "include_self": True}
    assert rows(remote.search(query, 3, **narrowed)) == rows(gallery.search(query, 3, **narrowed))
    least = gallery.search(query).scores[1]
    assert len(remote.search(query, min_score=least)) == 2
    for place in (gallery, remote):
        with pytest.raises(InputError, match="at least 50 different images"):
            place.search(query, min_score="auto")
    assert remote.search_batch([], options=SearchOptions()) == []


@pytest.mark.parametrize(
    "options",
    [
        {"exclude": ("photos/0004.png", "photos/0007.png")},
        {"collapse": True},
        {"diversity": 0.6},
        {"sort": "-width"},
        {"expand": "neighbours"},
        {"rerank": "whitened"},
        {"reverse": True},
        {"cursor": "start", "tiles": False},
    ],
)
def test_each_option_means_the_same_there(remote, gallery, options):
    here, there = (place.search("id:photos/0003.png", 5, **options) for place in (gallery, remote))
    assert rows(there) == rows(here)
    assert (there.cursor is None) == (here.cursor is None)
    strengths = [(hit.strength, hit.collapsed) for hit in here]
    assert [(hit.strength, hit.collapsed) for hit in there] == strengths


def test_pages_of_a_server_make_the_whole_ranking(remote, gallery):
    whole = rows(gallery.search("id:photos/0003.png", 12))
    cursor, pages = "start", []
    while cursor is not None:
        page = remote.search("id:photos/0003.png", 4, cursor=cursor)
        pages.append(rows(page))
        cursor = page.cursor
    assert [len(page) for page in pages] == [4, 4, 3]
    assert list(chain(*pages)) == whole


def test_many_queries_go_in_several_requests(remote, gallery):
    queries = [png(seed) for seed in range(75)]
    assert [hits.ids for hits in remote.search_batch(queries, 2)] == [
        hits.ids for hits in gallery.search_batch(queries, 2)
    ]


def test_hits_can_be_looked_at(remote):
    hits = remote.search(png(3), k=3)
    assert Image.open(BytesIO(hits.read(hits[0]))).size == (8, 8)
    assert hits.image().ndim == 3
    assert "data:image/jpeg" in hits._repr_html_()


def test_a_source_is_added_and_removed(writable, tmp_path, monkeypatch):
    plant(tmp_path / "more", [20, 21, 22])
    (tmp_path / "more" / "broken.png").write_bytes(b"no picture")
    monkeypatch.chdir(tmp_path)
    report = writable.add("more")
    assert (report.added, report.total) == (3, 5)
    assert [failure.uri for failure in report.failed] == [str(tmp_path / "more" / "broken.png")]
    assert writable.search(png(21), k=1).ids == ["upload:more/0021.png"]
    again = writable.add("more")
    assert (again.added, again.unchanged, len(again.failed)) == (0, 3, 1)
    gone = writable.remove(["id:upload:more/0020.png", "id:upload:more/0021.png"])
    assert (gone.removed, gone.total, len(writable)) == (2, 3, 3)


def test_what_is_removed_here_is_removed_there(tmp_path):
    here = toy_gallery(tmp_path / "here", 6)
    with serving(ServerOptions(is_writable=True), toys=toy_gallery(tmp_path / "there", 6)) as client:
        there = lookalike.connect(client.url)
        for asked in (
            {"ids": "id:photos/0001.png", "dry_run": True},
            {"ids": ["id:photos/0003.png", "id:photos/0001.png"]},
            {"where": "id >= 'photos/0004.png'", "dry_run": True},
            {"ids": ["id:photos/0000.png", "id:photos/0005.png"], "where": "id > 'photos/0004.png'"},
            {"ids": []},
            {"where": "width = 8"},
        ):
            assert there.remove(**asked) == here.remove(**asked)
        assert len(there) == len(here) == 0


def test_what_cannot_be_removed_is_said_as_here(tmp_path):
    here = toy_gallery(tmp_path / "here", 2)
    with serving(ServerOptions(is_writable=True), toys=toy_gallery(tmp_path / "there", 2)) as client:
        there = lookalike.connect(client.url)
        for where in ("width = ", "nope = 1", "width = 9"):
            with pytest.raises(InputError) as said:
                here.remove(where=where)
            # no condition of a client is about the places of files
            sentence = str(said.value).replace("uri, ", "")
            with pytest.raises(InputError, match=f"^{re.escape(sentence)}$"):
                there.remove(where=where)
        with pytest.raises(InputError, match="no item with the id 'none'"):
            there.remove(["id:photos/0000.png", "id:none"])
        with pytest.raises(InputError, match="nothing was named"):
            there.remove()
        assert len(there) == 2


def test_no_path_of_this_machine_becomes_an_id(writable, tmp_path, monkeypatch):
    for folder in ("one", "two"):
        plant(tmp_path / folder / "photos", [20])
    monkeypatch.chdir(tmp_path / "one")
    assert writable.add(tmp_path / "one" / "photos", label_from="parent").added == 1
    assert writable.add(tmp_path / "two" / "photos").added == 1
    assert writable.add(tmp_path / "two" / "photos").unchanged == 1
    hits = writable.search(png(20), k=2)
    assert sorted(hits.ids)[1] == "upload:photos/0020.png"
    assert re.fullmatch(r"upload:photos-[0-9a-f]{8}/0020\.png", sorted(hits.ids)[0])
    assert sorted(map(str, hits.labels)) == ["None", "photos"]


def test_columns_that_items_have_by_themselves_are_as_in_a_gallery_here(writable, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plant(tmp_path / "listed", [30, 31])
    rows = "image,id,width,price\nlisted/0030.png,a,5,1.5\nlisted/0031.png,b,6,\n"
    (tmp_path / "table.csv").write_text(rows)
    assert writable.add("table.csv").added == 2
    here = lookalike.open(tmp_path / "here", encoder=ToyEncoder())
    here.add("table.csv")

    def prices(gallery):
        of = {hit.attributes.get("id_"): hit.attributes for hit in gallery.search(png(30), k=9)}
        return {name: (of[name]["width"], of[name].get("price")) for name in ("a", "b")}

    assert prices(writable) == prices(here)


def test_times_stay_times(tmp_path):
    gallery = lookalike.open(tmp_path / "g", encoder=ToyEncoder())
    when = datetime(2024, 5, 1, 12, 30)
    plain = [np.eye(12, dtype=np.float32)[i] for i in range(2)]
    gallery.add_embeddings(["a", "b"], np.stack(plain), attributes=[{"shot": when}, {"shot": None}])
    with serving(toys=gallery) as client:
        hits = lookalike.connect(client.url).search(plain[0])
        assert [dict(hit.attributes) for hit in hits] == [{"shot": when}, {}]


def test_a_gallery_is_chosen_by_name(served, gallery):
    same = lookalike.connect(served.url + "/", api_key=KEY, gallery="same")
    hit = same.search("id:photos/0001.png", k=1)[0]
    assert hit.uri.startswith(f"{served.url}/galleries/same/items/")
    assert same.read(hit)[:2] == b"\xff\xd8"


def test_mistakes_are_sentences(served, remote, tmp_path):
    with pytest.raises(InputError, match="no item with the id"):
        remote.search("id:none")
    with pytest.raises(InputError, match="cannot be used"):
        remote.search(png(1), where="((")
    with pytest.raises(SourceError, match="no such file"):
        remote.search(tmp_path / "none.png")
    with pytest.raises(InputError, match="read-only"):
        remote.remove("id:photos/0001.png")
    with pytest.raises(InputError, match="name items as id:ID"):
        remote.remove("photos/0001.png")
    with pytest.raises(InputError, match="no gallery of that name"):
        lookalike.connect(served.url, api_key=KEY, gallery="none")
    with pytest.raises(RemoteError, match="API key"):
        lookalike.connect(served.url, api_key="wrong")
    with pytest.raises(RemoteError, match="lookalike serve"):
        lookalike.connect("http://127.0.0.1:9")
