"""The page's endpoints, asked by a client that does not keep to the page."""

from __future__ import annotations

import json
import re

import pytest

from lookalike.server.options import ServerOptions
from tests.server.service import serving, toy_gallery
from tests.toys import png

KEY = "k" * 20
SESSION = "s1"


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    return toy_gallery(tmp_path_factory.mktemp("gallery"))


@pytest.fixture(scope="module")
def client(gallery):
    with serving(ServerOptions(), toys=gallery) as client:
        yield client


def uploaded(client, data, name="a.png"):
    """Upload a file as the page does, and return its path on the server."""
    answer = client.form("/gradio_api/upload", [("files", data)])
    assert answer.status == 200, answer.body
    return answer.json[0]


def file(path):
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def called(client, name, data, event=None):
    """Call a function of the page, and return what its stream ends with."""
    config = client.get("/config").json
    number = next(d["id"] for d in config["dependencies"] if d["api_name"] == name)
    joined = client.post(
        "/gradio_api/queue/join", {"data": data, "fn_index": number, "session_hash": SESSION, "event_data": event}
    )
    assert joined.status == 200, joined.body
    stream = client.get(f"/gradio_api/queue/data?session_hash={SESSION}").body.decode()
    messages = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: ")]
    return next(message for message in messages if message["msg"] == "process_completed")


_AS_THEY_COME = (False, 0, "", "", "", False, "")
"""Near-duplicates are not folded, and hits not spread."""


def search(client, picture, gallery="toys", where=None, k=3, **more):
    form = [
        gallery,
        picture,
        more.get("region", ""),
        more.get("words", ""),
        k,
        where,
        *more.get("cutoff", (None, None)),
        *_AS_THEY_COME,
    ]
    return called(client, "_search_anew", [None, None, *form])


def test_an_upload_is_searched_as_the_gallery_does(client, gallery):
    done = search(client, file(uploaded(client, png(3))))
    assert done["success"], done
    page = json.dumps(done["output"]["data"])
    assert gallery.search(png(3), k=3).ids[0] == "photos/0003.png"
    places = [page.index(f"thumbnails/{item.replace('/', '%2F')}") for item in gallery.search(png(3), k=3).ids]
    assert places == sorted(places)


def test_no_file_of_the_server_is_read(client, gallery, tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(png(3))
    inside = gallery.path.parent / "photos" / "0003.png"
    for path in (secret, inside, "/etc/passwd", f"{uploaded(client, png(1))}/../../../../etc/passwd"):
        for data in (
            [None, None, "toys", file(str(path)), "", "", 3, None, None, None, *_AS_THEY_COME],
            [None, None, "toys", None, "", file(str(path)), 3, None, None, None, *_AS_THEY_COME],
        ):
            done = called(client, "_search_anew", data)
            assert not done["success"]
            assert "root:" not in json.dumps(done)
        assert "has to be uploaded" in called(client, "_look_at", ["toys", file(str(path))])["output"]["error"]
        assert client.get(f"/gradio_api/file={path}").status in (403, 404)


def test_no_address_is_fetched(client):
    for address in ("http://127.0.0.1:9/a.png", "https://example.org/a.png"):
        done = search(client, file(address))
        assert "has to be uploaded" in done["output"]["error"]
        assert client.get(f"/gradio_api/proxy={address}").status == 404
    assert client.get("/gradio_api/file=https://example.org/a.png").status in (403, 404)


def test_mistakes_are_sentences(client):
    bad = {
        "Not a picture in a format": search(client, file(uploaded(client, b"no picture"))),
        "over uri": search(client, file(uploaded(client, png(1))), where="uri like '%a%'"),
        "nothing to search for": search(client, None),
        "no gallery": search(client, file(uploaded(client, png(1))), gallery="other"),
        "less than or equal to 1000": search(client, file(uploaded(client, png(1))), k=10**9),
        "a valid number": search(client, file(uploaded(client, png(1))), cutoff=("below", "much")),
        "region": search(client, file(uploaded(client, png(1))), region="a<b>"),
        "embeds no words": search(client, None, words="/etc/passwd"),
    }
    for expected, done in bad.items():
        assert done["success"], done
        told = re.fullmatch('<p class="look-trouble" role="alert">(.*)</p>', done["output"]["data"][3])
        message = told[1]
        assert expected in message, message
        assert "Traceback" not in message
        assert "<" not in message


def test_only_what_was_found_and_on_a_writable_server_is_moved(client, gallery):
    photos = gallery.path.parent / "photos"
    there = sorted(photos.iterdir())
    for asked in (["photos/0003.png"], ["/etc/passwd"], "photos/0003.png", None):
        assert not called(client, "_move", [None], event={"ids": asked})["success"]
    done = called(client, "_undo", ["toys"])
    assert "read-only" in done["output"]["error"]
    assert not called(client, "_keep_apart", [None], event={"id": "photos/0003.png"})["success"]
    assert sorted(photos.iterdir()) == there


def test_only_what_the_page_uses_is_answered(client):
    for path in (
        "/login",
        "/gradio_api/info",
        "/gradio_api/run/predict",
        "/monitoring",
        "/gradio_api/deep_link",
        "/nothing",
    ):
        answer = client.get(path)
        assert (answer.status, answer.error) == (404, "RequestError")
    assert client.post("/gradio_api/process_recording", {}).status == 404
    assert client.get("/search").status == 405  # a route of the service stays one
    assert client.post("/gradio_api/vibe-edit", {}).status == 404


def test_the_page_asks_nobody_else_and_may_not_be_framed(client):
    front = client.get("/")
    assert front.status == 200
    assert front.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in front.headers["Content-Security-Policy"]
    assert "default-src 'self'" in front.headers["Content-Security-Policy"]
    for host in ("googleapis", "jsdelivr", "cdnjs", "gradio-api"):
        assert host not in front.body.decode()


def test_uploads_are_capped(gallery):
    from lookalike.images.limits import Limits

    with serving(ServerOptions(limits=Limits(max_bytes=1_000)), toys=gallery) as client:
        assert client.form("/gradio_api/upload", [("files", bytes(2_000))]).status == 413
        assert client.form("/gradio_api/upload", [("files", bytes(500))]).status == 200


def test_the_servers_checks_hold_for_the_page(gallery):
    with serving(ServerOptions(api_key=KEY, framed_by=("https://example.org",)), toys=gallery) as client:
        for path in ("/", "/config", "/theme.css"):
            assert client.get(path).status == 401
            assert client.get(path, X_API_Key=KEY, Host="evil.example").status == 421
            assert client.get(path, X_API_Key=KEY).status == 200
        upload = client.form("/gradio_api/upload", [("files", png(1))], X_API_Key=KEY, Origin="https://evil.example")
        assert upload.status == 403
        front = client.get("/", X_API_Key=KEY)
        assert "X-Frame-Options" not in front.headers
        assert "frame-ancestors https://example.org" in front.headers["Content-Security-Policy"]
        assert "'none'" in client.get("/docs", X_API_Key=KEY).headers["Content-Security-Policy"]
