"""Items come and go as clients say."""

from __future__ import annotations

import base64
import json
from io import BytesIO

import pytest
from PIL import Image

import lookalike
from lookalike.server.answers import Added, RemovedItems
from lookalike.server.options import ServerOptions
from tests.server.service import serving, toy_gallery
from tests.toys import png


def in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.fixture
def writable(tmp_path):
    with serving(ServerOptions(is_writable=True), toys=toy_gallery(tmp_path, 4)) as client:
        yield client


def test_pictures_are_added_and_found_at_once(writable):
    assert Added.model_validate(writable.form("/items", [("image", png(50)), ("id", "fifty")]).json).items == [
        "upload:fifty"
    ]
    assert writable.search({"image": in_base64(png(50))}, k=1) == ["upload:fifty"]
    again = writable.form("/items", [("image", png(50)), ("id", "fifty")]).json
    assert (again["added"], again["unchanged"], again["total"]) == (0, 1, 5)
    other = writable.form("/items", [("image", png(51)), ("id", "fifty")]).json
    assert (other["updated"], other["total"]) == (1, 5)
    assert writable.search({"image": in_base64(png(51))}, k=1) == ["upload:fifty"]
    assert Image.open(BytesIO(writable.get("/thumbnails/upload%3Afifty").body)).size == (8, 8)


def test_attributes_of_added_pictures_narrow_searches(writable):
    items = [{"image": in_base64(png(60 + i)), "attributes": {"label": "ab"[i % 2], "price": i}} for i in range(4)]
    added = writable.post("/items", {"items": items}).json
    assert added["added"] == 4
    assert len(set(added["items"])) == 4
    found = writable.search({"image": in_base64(png(60))}, where="label = 'b' and price > 1")
    assert found == [added["items"][3]]
    form = [("image", png(70)), ("attributes", json.dumps({"label": "b"}))]
    assert writable.form("/items", form).json["added"] == 1


def test_an_id_that_can_be_stored_can_be_asked_for(writable):
    name = "x" * 505
    [item] = writable.form("/items", [("image", png(50)), ("id", name)]).json["items"]
    assert item not in writable.search({"id": item})
    assert item in writable.search({"id": item}, include_self=True)
    refused = writable.form("/items", [("image", png(51)), ("id", f"{name}x")])
    assert (refused.status, refused.error) == (422, "InputError")


@pytest.mark.parametrize(
    ("attributes", "problem"),
    [
        ('{"id": "x"}', "'id' is what items have by themselves"),
        ('{"width": "abc"}', "'width' is what items have by themselves"),
        ('{"taken": "2024-05-01"}', "'taken' is what items have by themselves"),
        ('{"_rowid": 1}', "'_rowid' is what items have by themselves"),
        ('{"price": NaN}', "'price' is no number"),
        ('{"price": [1]}', "'price' must be a text, a number"),
        ('{"price": 100000000000000000000}', "'price' has more than 64 bits"),
        ("[1]", "attributes: Input should be "),
    ],
)
def test_attributes_that_could_not_be_kept_as_they_are_are_refused(writable, attributes, problem):
    body = f'{{"items": [{{"image": "{in_base64(png(50))}", "attributes": {attributes}}}]}}'.encode()
    by_json = writable.post("/items", body, Content_Type="application/json")
    by_form = writable.form("/items", [("image", png(50)), ("attributes", attributes)])
    for refused in (by_json, by_form):
        assert (refused.status, refused.error) == (422, "InputError")
        assert problem in refused.json["error"]["message"]
    assert writable.get("/info").json["total"] == 4


def test_what_is_no_picture_is_told_and_not_kept(writable, tmp_path):
    answer = writable.form("/items", [("image", b"no picture"), ("image", png(80)), ("image", png(81)[:60])])
    assert answer.json["added"] == 1
    assert [item is None for item in answer.json["items"]] == [True, False, True]
    assert answer.json["failed"][0]["reason"].startswith("not a picture")
    assert len(list((tmp_path / ".lookalike" / "uploads").iterdir())) == 1
    assert lookalike.open(tmp_path).failures() == []


def test_items_are_removed_with_their_files(writable, tmp_path):
    writable.form("/items", [("image", png(90)), ("id", "it")])
    assert writable.ask("DELETE", "/items/upload%3Ait").json["total"] == 4
    assert list((tmp_path / ".lookalike" / "uploads").iterdir()) == []
    assert writable.ask("DELETE", "/items/upload%3Ait").status == 404
    assert writable.ask("DELETE", "/items/photos%2F0001.png").json["total"] == 3
    assert (tmp_path / "photos" / "0001.png").is_file()


def test_several_items_are_removed_by_ids_and_by_a_condition(writable, tmp_path):
    writable.post(
        "/items", {"items": [{"image": in_base64(png(30)), "id": "a"}, {"image": in_base64(png(31)), "id": "b"}]}
    )
    trial = writable.post("/remove", {"ids": ["upload:a", "photos/0000.png"], "dry_run": True})
    told = RemovedItems.model_validate(trial.json)
    assert (told.ids, told.removed) == (["photos/0000.png", "upload:a"], 0)
    assert writable.get("/info").json["total"] == told.total
    unknown = writable.post("/remove", {"ids": ["upload:a", "none"]})
    assert (unknown.status, unknown.error) == (404, "UnknownItemError")
    assert writable.get("/info").json["total"] == told.total
    gone = writable.post("/remove", {"ids": ["upload:a", "photos/0000.png"]}).json
    assert (gone["removed"], gone["total"]) == (2, told.total - 2)
    fitting = writable.post("/remove", {"where": "id = 'upload:b'"}).json
    assert (fitting["ids"], fitting["total"]) == (["upload:b"], told.total - 3)
    assert not list(tmp_path.rglob("uploads/*"))


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({}, "nothing was named"),
        ({"dry_run": True}, "nothing was named"),
        ({"where": "(("}, "cannot be used"),
        ({"where": "id = 'none'"}, "holds nothing that fits"),
        ({"where": "uri LIKE '/%'"}, "none over uri"),
        ({"ids": [""]}, "at least 1 character"),
        ({"ids": ["a"], "missing": True}, "missing"),
    ],
)
def test_what_names_no_items_to_remove_is_a_problem_of_who_asked(writable, body, problem):
    refused = writable.post("/remove", body)
    assert (refused.status, refused.error) == (422, "InputError")
    assert problem in refused.json["error"]["message"]


def test_the_first_picture_makes_a_gallery(tmp_path):
    from tests.toys import ToyEncoder

    gallery = lookalike.open(tmp_path / "new", encoder=ToyEncoder())
    with serving(ServerOptions(is_writable=True), new=gallery) as client:
        assert client.get("/health/ready").status == 200
        empty = client.post("/search", {"query": {"image": in_base64(png(1))}})
        assert (empty.status, empty.error) == (404, "StoreMissingError")
        assert client.form("/items", [("image", png(1))]).json["total"] == 1
        assert len(client.search({"image": in_base64(png(1))})) == 1
