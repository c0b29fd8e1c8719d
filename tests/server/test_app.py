"""The routes answer as the gallery does."""

from __future__ import annotations

import base64
import json
import sys
from io import BytesIO
from itertools import chain

import numpy as np
import pytest
from PIL import Image

from lookalike.search.terms import Query, Term
from lookalike.server import answers, schemas
from lookalike.server.answers import About, Answer, Item
from lookalike.server.examples import ANSWERS, FORMS, MODELS
from lookalike.server.options import ServerOptions
from lookalike.server.schemas import Narrowing
from tests.server.service import serving, toy_gallery
from tests.toys import png


def in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    return toy_gallery(tmp_path_factory.mktemp("gallery"))


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    return toy_gallery(tmp_path_factory.mktemp("other"), 3)


@pytest.fixture(scope="module")
def client(gallery, other):
    with serving(toys=gallery, few=other) as client:
        yield client


@pytest.fixture
def writable(tmp_path):
    with serving(ServerOptions(is_writable=True), toys=toy_gallery(tmp_path, 4)) as client:
        yield client


def told(hits):
    return [(hit.rank, hit.id, pytest.approx(hit.score), dict(hit.attributes)) for hit in hits]


def heard(answer):
    return [(hit["rank"], hit["id"], hit["score"], hit["attributes"]) for hit in answer["hits"]]


@pytest.mark.parametrize(
    ("query", "here"),
    [
        ({"image": in_base64(png(3))}, png(3)),
        ({"image": in_base64(png(77))}, png(77)),
        ({"id": "photos/0005.png"}, "id:photos/0005.png"),
        ({"vector": list(range(12))}, np.arange(12.0)),
    ],
)
def test_a_search_finds_what_the_gallery_finds(client, gallery, query, here):
    answer = client.post("/search", {"query": query, "k": 5})
    assert answer.status == 200
    assert heard(answer.json) == told(gallery.search(here, k=5))
    assert Answer.model_validate(answer.json).exact


@pytest.mark.parametrize(
    ("query", "here"),
    [
        (
            {"terms": [{"id": "photos/0005.png"}, {"image": in_base64(png(3)), "weight": -0.5}]},
            Query([Term("id:photos/0005.png"), Term(png(3), -0.5)]),
        ),
        ({"terms": [{"vector": list(range(12)), "weight": -2}]}, Query([Term(np.arange(12.0), -2)])),
        ({"image": in_base64(png(40)), "crop": [0, 0, 0.5, 1]}, Term(png(40), crop=(0, 0, 0.5, 1))),
        ({"id": "photos/0005.png", "crop": [1, 2, 3, 4]}, Term("id:photos/0005.png", crop=(1, 2, 3, 4))),
    ],
)
def test_terms_and_regions_mean_what_they_mean_on_disk(client, gallery, query, here):
    answer = client.post("/search", {"query": query, "k": 5})
    assert answer.status == 200
    assert heard(answer.json) == told(gallery.search(here, k=5))
    assert answer.json["query"] == gallery.search(here, k=1).query


def test_a_crop_is_of_all_pictures_of_a_request(client, gallery):
    here = gallery.search(Term(png(40), crop=(0, 0, 4, 8)), k=3)
    assert heard(client.form("/search", [("image", png(40)), ("crop", "0,0,0.5,1"), ("k", "3")]).json) == told(here)
    queries = [{"image": in_base64(png(40))}, {"image": in_base64(png(40)), "crop": [0, 0, 8, 8]}]
    answers = client.post("/search", {"queries": queries, "crop": [0, 0, 0.5, 1], "k": 3}).json
    assert list(map(heard, answers)) == [told(here), told(gallery.search(png(40), k=3))]


def test_a_crop_is_what_is_expanded_and_what_a_cursor_belongs_to(client, gallery):
    query = {"image": in_base64(png(40, side=64)), "crop": [0, 0, 32, 64]}
    here = Term(png(40, side=64), crop=(0, 0, 32, 64))
    answer = client.post("/search", {"query": query, "k": 5, "expand": "crops"}).json
    assert heard(answer) == told(gallery.search(here, k=5, expand="crops"))
    first = client.post("/search", {"query": query, "k": 5, "cursor": "start"}).json
    assert client.post("/search", {"query": query, "k": 5, "cursor": first["cursor"]}).status == 200
    other = {**query, "crop": [32, 0, 32, 64]}
    assert client.post("/search", {"query": other, "k": 5, "cursor": first["cursor"]}).error == "InputError"


def test_a_cursor_belongs_to_all_terms(client):
    def page(seed, cursor):
        terms = [{"image": in_base64(png(seed))}, {"id": "photos/0005.png"}]
        return client.post("/search", {"query": {"terms": terms}, "k": 5, "cursor": cursor})

    first = page(40, "start").json
    assert page(40, first["cursor"]).status == 200
    assert page(41, first["cursor"]).error == "InputError"


@pytest.mark.parametrize(
    "query",
    [
        {"terms": []},
        {"terms": [{"id": "photos/0001.png", "image": "AAAA"}]},
        {"terms": [{"id": "photos/0001.png", "weight": 0}]},
        {"terms": [{"id": "photos/0001.png"}, {"id": "photos/0001.png", "weight": -1}]},
        {"terms": [{"id": "photos/0001.png"}] * 33},
        {"terms": [{"file": "/etc/hostname"}]},
        {"id": "photos/0001.png", "terms": [{"id": "photos/0001.png"}]},
        {"id": "photos/0001.png", "crop": [0, 0, 0, 1]},
        {"id": "photos/0001.png", "crop": [0, 0, 1]},
        {"vector": [1] * 12, "crop": [0, 0, 1, 1]},
    ],
)
def test_terms_that_make_no_sense_are_a_problem_of_who_asked(client, query):
    answer = client.post("/search", {"query": query})
    assert answer.status == 422
    assert answer.error


def test_only_ratios_of_weights_matter(client):
    def found(scale):
        terms = [{"id": "photos/0005.png", "weight": scale}, {"id": "photos/0003.png", "weight": -0.5 * scale}]
        return client.search({"terms": terms}, metric="l2")

    assert found(1e200) == found(1e-200) == found(1)


def test_an_item_that_is_gone_has_no_part_to_ask_with(tmp_path):
    with serving(toys=toy_gallery(tmp_path, 3)) as client:
        (tmp_path / "photos" / "0001.png").unlink()
        answer = client.post("/search", {"query": {"id": "photos/0001.png", "crop": [0, 0, 0.5, 1]}})
        assert (answer.status, answer.error) == (404, "PictureGoneError")
        assert str(tmp_path) not in answer.body.decode()
        nobody = client.post("/search", {"query": {"terms": [{"id": "a"}, {"id": "photos/0002.png"}]}})
        assert (nobody.status, nobody.error) == (404, "UnknownItemError")


def test_a_form_does_what_json_does(client):
    body = {"query": {"image": in_base64(png(40))}, "k": 3, "where": "id > 'photos/0004.png'", "metric": "l2"}
    by_json = client.post("/search", body).json
    fields = [("image", png(40)), ("k", "3"), ("where", body["where"]), ("metric", "l2")]
    by_form = client.form("/search", fields).json
    assert by_form["hits"] == by_json["hits"]
    assert len(by_form["hits"]) == 3


def test_a_form_has_all_that_narrows_a_search(client, gallery):
    """Each field with a value that a form can have, as JSON has it."""
    described = client.get("/openapi.json").json["paths"]["/search"]["post"]["requestBody"]["content"]
    fields = described["multipart/form-data"]["schema"]["properties"]
    assert fields.keys() == {*Narrowing.model_fields, "image", "images"}
    assert all("null" not in json.dumps(field) for field in fields.values())
    items = gallery.search(png(3), k=4).ids
    assert (
        client.form("/search", [("image", png(3)), ("k", "2"), ("exclude", items[0])]).json["hits"][0]["id"] == items[1]
    )
    twice = client.form("/search", [("image", png(3)), ("k", "2"), ("exclude", items[0]), ("exclude", items[1])])
    assert [hit["id"] for hit in twice.json["hits"]] == list(items[2:4])
    for name, value in (("reverse", "true"), ("diversity", "0.5"), ("collapse", "1"), ("expand", "neighbours")):
        narrowed = {
            "query": {"image": in_base64(png(3))},
            "k": 4,
            name: json.loads(value) if value[0] != "n" else value,
        }
        narrowed[name] = bool(narrowed[name]) if name == "collapse" else narrowed[name]
        by_form = client.form("/search", [("image", png(3)), ("k", "4"), (name, value)])
        assert heard(by_form.json) == heard(client.post("/search", narrowed).json)


def test_several_queries_are_answered_by_a_list(client, gallery):
    queries = [{"id": "photos/0001.png"}, {"image": in_base64(png(2))}, {"id": "photos/0003.png"}]
    answers = client.post("/search", {"queries": queries, "k": 4}).json
    here = [gallery.search(query, k=4) for query in ("id:photos/0001.png", png(2), "id:photos/0003.png")]
    assert list(map(heard, answers)) == list(map(told, here))
    one = client.form("/search", [("images", png(2)), ("images", png(5)), ("k", "1")]).json
    assert [[hit["id"] for hit in answer["hits"]] for answer in one] == [["photos/0002.png"], ["photos/0005.png"]]


def test_what_narrows_a_search_does(client, gallery):
    query = {"id": "photos/0005.png"}
    assert client.search(query, k=1, include_self=True) == ["photos/0005.png"]
    assert client.search(query, where="id in ('photos/0001.png', 'photos/0002.png')") == [
        hit.id for hit in gallery.search("id:photos/0005.png", where="id in ('photos/0001.png', 'photos/0002.png')")
    ]
    scores = gallery.search("id:photos/0005.png", k=12).scores
    assert len(client.search(query, k=12, min_score=scores[2])) == 3


def test_a_page_tells_the_next_and_another_query_has_no_use_for_it(client, gallery):
    query = {"id": "photos/0005.png"}
    first = client.post("/search", {"query": query, "k": 8, "cursor": "start"}).json
    second = client.post("/search", {"query": query, "k": 8, "cursor": first["cursor"]}).json
    assert heard(first) + heard(second) == told(gallery.search("id:photos/0005.png", k=12))
    assert "cursor" not in second
    other = client.post("/search", {"query": {"id": "photos/0006.png"}, "k": 8, "cursor": first["cursor"]})
    assert (other.status, other.error) == (422, "InputError")


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_score": "most"},
        {"diversity": 1.5},
        {"expand": "everything"},
        {"rerank": "sideways"},
        {"sort": "colour"},
        {"cursor": "not a cursor"},
        {"exclude": [""]},
        {"collapse": True, "reverse": True},
        {"expand": "neighbours", "metric": "l2"},
    ],
)
def test_an_option_that_makes_no_sense_is_a_problem_of_who_asked(client, wrong):
    answer = client.post("/search", {"query": {"id": "photos/0005.png"}, **wrong})
    assert answer.status == 422
    assert answer.error


def test_galleries_go_by_their_names(client):
    assert client.get("/galleries").json == ["toys", "few"]
    found = client.post("/galleries/few/search", {"query": {"id": "photos/0001.png"}}).json
    assert len(found["hits"]) == 2
    assert found["gallery"] == "few"
    assert found["hits"][0]["uri"].startswith("/galleries/few/items/")
    assert client.get(found["hits"][0]["uri"]).status == 200
    assert About.model_validate(client.get("/galleries/few/info").json).total == 3
    assert client.get("/info").json["total"] == 12
    unknown = client.post("/galleries/none/search", {"query": {"id": "a"}})
    assert (unknown.status, unknown.error) == (404, "UnknownGalleryError")


def test_the_address_of_a_hit_tells_of_it_and_shows_it(client):
    hit = client.post("/search", {"query": {"image": in_base64(png(3))}, "k": 1}).json["hits"][0]
    item = Item.model_validate(client.get(hit["uri"]).json)
    assert (item.id, item.attributes, item.bytes) == ("photos/0003.png", hit["attributes"], len(png(3)))
    shown = client.get(hit["thumbnail"])
    assert shown.headers["Content-Type"] == "image/jpeg"
    assert Image.open(BytesIO(shown.body)).size == (8, 8)
    assert client.get(hit["thumbnail"], If_None_Match=shown.headers["ETag"]).status == 304


def test_no_answer_tells_a_path_of_the_disk(client, gallery):
    place = str(gallery.location.base).encode()
    answers = [
        client.post("/search", {"query": {"id": "photos/0003.png"}}),
        client.post("/search", {"query": {"id": "none"}}),
        client.post("/search", {"query": {"id": "photos/0003.png"}, "where": "uri like '/%'"}),
        client.post("/search", {"query": {"text": "words"}}),
        client.get("/items/photos%2F0003.png"),
        client.get("/items/none"),
        client.get("/thumbnails/none"),
        client.get("/info"),
        client.get("/metrics"),
    ]
    assert [answer.status for answer in answers] == [200, 404, 422, 422, 200, 404, 404, 200, 200]
    assert not any(place in answer.body for answer in answers)


def test_a_mistake_in_a_condition_is_told_with_the_attributes_that_may_be_used(client):
    for condition in ("colour = 'red'", "ur = 'x'", "id ="):
        told = client.post("/search", {"query": {"id": "photos/0003.png"}, "where": condition})
        assert (told.status, told.error) == (422, "InputError")
        assert "the attributes are: id, " in told.json["error"]["message"]
        assert "uri" not in told.json["error"]["message"]


def test_a_picture_that_changed_on_disk_is_not_shown(tmp_path):
    gallery = toy_gallery(tmp_path, 2)
    (tmp_path / "photos" / "0001.png").write_bytes(png(99))
    with serving(toys=gallery) as client:
        gone = client.get("/thumbnails/photos%2F0001.png")
        assert (gone.status, gone.error) == (404, "PictureGoneError")
        assert str(tmp_path).encode() not in gone.body


def test_the_front_is_the_page_or_says_what_there_is(client, monkeypatch):
    assert client.get("/").headers["Content-Type"].startswith("text/html")
    assert client.get("/docs").status == 200
    monkeypatch.setitem(sys.modules, "gradio", None)  # as where it is not installed
    with serving() as plain:
        front = plain.get("/")
        assert (front.status, front.headers["Content-Type"].partition(";")[0]) == (200, "text/plain")
        assert b"/docs" in front.body
        assert b'pip install "lookalike[ui]"' in front.body


def test_metrics_count_requests_and_stages(client):
    client.search({"image": in_base64(png(3))})
    text = client.get("/metrics").body.decode()
    for stage in ("decode", "encode", "search"):
        assert f'lookalike_stage_seconds_count{{stage="{stage}"}}' in text
    assert 'lookalike_requests_total{method="POST",route="/search",status="200"}' in text
    assert "lookalike_queries_in_flight 0.0" in text


def test_a_gallery_that_is_gone_is_not_ready(tmp_path):
    import shutil

    gallery = toy_gallery(tmp_path, 2)
    with serving(toys=gallery) as client:
        assert client.get("/health/ready").status == 200
        shutil.rmtree(gallery.path)
        assert client.get("/health").status == 200
        failed = client.get("/health/ready")
        assert (failed.status, failed.headers["Retry-After"]) == (503, "1")
        assert str(tmp_path).encode() not in failed.body


def test_the_description_has_the_bodies(client):
    described = client.get("/openapi.json").json
    assert {"/search", "/items", "/items/{id}", "/thumbnails/{id}", "/health", "/metrics"} <= described["paths"].keys()
    models = described["components"]["schemas"]
    for path, method in (("/search", "post"), ("/items", "post")):
        content = described["paths"][path][method]["requestBody"]["content"]
        assert content.keys() == {"application/json", "multipart/form-data"}
        assert content["application/json"]["schema"]["$ref"].rpartition("/")[2] in models


def test_every_request_and_every_answer_has_an_example(client):
    described = client.get("/openapi.json").json
    models = described["components"]["schemas"]
    bare = []
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for kind, content in chain.from_iterable(body.get("content", {}).items() for body in bodies):
                schema = content.get("schema", {})
                named = [schema, *schema.get("anyOf", [])]
                examples = [models[one["$ref"].rpartition("/")[2]].get("examples") for one in named if "$ref" in one]
                if not kind.startswith("image/") and "example" not in content and not any(examples):
                    bare.append((method, path, kind))
    assert bare == []


def test_the_examples_are_right(client, writable):
    models = client.get("/openapi.json").json["components"]["schemas"]
    assert MODELS.keys() <= models.keys()
    for name, examples in MODELS.items():
        for example in examples:
            model = getattr(schemas, name, None) or getattr(answers, name)
            kept = model.model_validate(example).model_dump(exclude_unset=True)
            assert kept.keys() == example.keys()
    statuses = [client.post("/search", example).status for example in models["SearchRequest"]["examples"]]
    assert statuses == [404, 200, 404, 404]  # well formed, and of no items here
    assert writable.post("/items", models["AddRequest"]["examples"][0]).json["added"] == 1
    assert {"/galleries", "/health", "/health/ready", "/map", "/metrics"} == ANSWERS.keys()
    forms = client.get("/openapi.json").json["paths"]
    for path, example in FORMS.items():
        form = forms[path]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
        assert example.keys() <= form.keys()
