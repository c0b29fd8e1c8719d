"""What is refused before it is looked at, and how answers are dressed."""

from __future__ import annotations

import base64
import contextlib
import hmac
import http.client
import json
import logging
import socket
import time
import zlib
from struct import pack

import pytest

from lookalike.images.limits import Limits
from lookalike.server.options import ServerOptions
from tests.server.service import serving, toy_gallery
from tests.toys import png

KEY = "a-key-of-thirty-two-characters-x"
QUERY = {"query": {"id": "photos/0001.png"}}


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    return toy_gallery(tmp_path_factory.mktemp("guarded"), 4)


@pytest.fixture(scope="module")
def client(gallery):
    with serving(toys=gallery) as client:
        yield client


@pytest.fixture(scope="module")
def writable(tmp_path_factory):
    options = ServerOptions(is_writable=True, max_body=200_000, limits=Limits(max_pixels=10_000, max_bytes=50_000))
    with serving(options, toys=toy_gallery(tmp_path_factory.mktemp("writable"), 4)) as client:
        yield client


@pytest.fixture(scope="module")
def keyed(gallery):
    with serving(ServerOptions(api_key=KEY, is_writable=True), toys=gallery) as client:
        yield client


def raw(client, request: bytes) -> bytes:
    """Send bytes that no client library would, and return what comes back."""
    host, port = client.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"me:{password}".encode()).decode()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {KEY}x"},
        {"Authorization": f"Bearer {KEY[:-1]}"},
        {"Authorization": KEY},
        {"Authorization": basic("wrong")},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic /w=="},
        {"X_API_Key": ""},
        {"X_API_Key": "\u00e9"},
    ],
)
def test_without_the_key_nothing_is_told(keyed, headers):
    for method, path in (("GET", "/info"), ("POST", "/search"), ("GET", "/metrics"), ("GET", "/docs"), ("GET", "/")):
        refused = keyed.ask(method, path, QUERY if method == "POST" else None, **headers)
        assert (refused.status, refused.error) == (401, "KeyError")
        assert refused.headers["WWW-Authenticate"].startswith("Basic")
    assert keyed.ask("DELETE", "/items/photos%2F0001.png", **headers).status == 401
    assert keyed.get("/openapi.json", **headers).status == 401


@pytest.mark.parametrize(
    "headers", [{"Authorization": f"Bearer {KEY}"}, {"X_API_Key": KEY}, {"Authorization": basic(KEY)}]
)
def test_with_the_key_all_is_told(keyed, headers):
    assert keyed.post("/search", QUERY, **headers).status == 200


def test_health_needs_no_key_and_tells_nothing(keyed):
    assert keyed.get("/health").json == {"status": "ok"}


def test_the_key_is_compared_in_constant_time(keyed, monkeypatch):
    compared = []

    def compare_digest(shown, key):
        compared.append((shown, key))
        return original(shown, key)

    original = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", compare_digest)
    assert keyed.get("/info", Authorization="Bearer wrong").status == 401
    assert compared == [(b"wrong", KEY.encode())]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example", "[::1", "", "a@b"]
)
def test_a_name_that_was_bound_to_this_machine_is_refused(client, host):
    refused = client.get("/info", Host=host)
    assert refused.status in (400, 421)
    assert b"photos" not in refused.body


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:99", "[::1]:8000"])
def test_the_names_of_loopback_are_answered(client, host):
    assert client.get("/info", Host=host).status == 200


def test_two_hosts_are_none(client):
    answer = raw(client, b"GET /info HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
    assert answer.split()[1] in (b"400", b"421")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_pages_of_other_sites_can_change_nothing(writable, headers):
    assert writable.form("/items", [("image", png(1))], **headers).error == "OriginError"
    assert writable.ask("DELETE", "/items/photos%2F0001.png", **headers).error == "OriginError"
    assert writable.post("/search", QUERY, **headers).error == "OriginError"
    assert writable.get("/items/photos%2F0001.png").status == 200


def test_its_own_pages_can(writable):
    assert writable.post("/search", QUERY, Origin=writable.url, Sec_Fetch_Site="same-origin").status == 200


def test_no_other_site_may_read(client):
    answer = client.get("/info", Origin="https://evil.example")
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    preflight = client.ask("OPTIONS", "/search", Origin="https://evil.example", Access_Control_Request_Method="POST")
    assert preflight.status == 405
    assert not [name for name in preflight.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("path", ["/health", "/info", "/items/none", "/nowhere", "/docs", "/", "/thumbnails/none"])
def test_every_answer_has_the_headers_of_caution(client, path):
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Server" not in headers


def test_a_read_only_server_changes_nothing(client, gallery):
    before = gallery.store.version
    for refused in (
        client.form("/items", [("image", png(9))]),
        client.ask("DELETE", "/items/photos%2F0001.png"),
        client.post("/remove", {"where": "true"}),
        client.post("/remove", {"where": "true", "dry_run": True}),
    ):
        assert (refused.status, refused.error) == (403, "ReadOnlyError")
    gallery.store.refresh()
    assert gallery.store.version == before
    assert not (gallery.path / "uploads").exists()


@pytest.mark.parametrize(
    "item",
    ["../../etc/passwd", "..%2F..%2F..%2Fetc%2Fpasswd", "%2Fetc%2Fpasswd", "....//....//etc/passwd", "file:///etc/passwd",
     "photos%2F..%2F..%2F.lookalike%2Flock", "%00", "a%0d%0aX-Evil:%201", "%ff%fe", "'%20or%20'1'='1", "C:%5Cboot.ini"],
)  # fmt: skip
def test_no_id_reaches_the_disk(writable, item):
    for method, path in (("GET", "/items/"), ("GET", "/thumbnails/"), ("DELETE", "/items/")):
        refused = raw(
            writable, f"{method} {path}{item} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        )
        head, _, body = refused.partition(b"\r\n\r\n")
        assert head.split()[1] in (b"400", b"404", b"422")
        assert b"x-evil" not in head.lower()
        assert b"root:" not in body


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "..\\evil", "a/../../b", "con", ".lookalike", "x" * 505])
def test_no_name_becomes_a_path(writable, name):
    gallery = next(iter(writable.app.state.galleries.values())).gallery
    before = {
        path for path in gallery.location.base.rglob("*") if "uploads" not in path.parts and path.suffix != ".lance"
    }
    added = writable.form("/items", [("image", png(30)), ("id", name)])
    assert added.json["items"] == [f"upload:{name}"]
    files = list((gallery.path / "uploads").iterdir())
    assert files
    assert all(set(path.name) <= set("0123456789abcdef-") for path in files)
    after = {
        path for path in gallery.location.base.rglob("*") if "uploads" not in path.parts and path.suffix != ".lance"
    }
    assert {path.name for path in after - before if path.parent == gallery.location.base} == set()


@pytest.mark.parametrize("name", ["", "a\r\nX-Evil: 1", "a\x00b", "x" * 506, "\u0085"])
def test_names_with_control_characters_are_refused(writable, name):
    image = base64.b64encode(png(1)).decode()
    assert writable.post("/items", {"items": [{"image": image, "id": name}]}).status == 422


def bomb(side: int) -> bytes:
    """Return a small PNG file that says it has side times side pixels, and has the bytes for them."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(b"\0" * (side // 8 + 1) * side, 9)
    header = pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_decompression_bomb_is_refused_by_its_header(writable):
    data = bomb(8_000)
    assert len(data) < 20_000
    refused = writable.form("/search", [("image", data)])
    assert (refused.status, refused.error) == (422, "ImageDecodeError")
    assert "megapixels" in refused.json["error"]["message"]
    assert writable.form("/items", [("image", data)]).json["added"] == 0


def test_a_picture_of_too_many_bytes_is_refused(writable):
    assert writable.form("/search", [("image", png(1) + b"\0" * 60_000)]).error == "ImageDecodeError"


HEAD = b"POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "start",
    [
        b"GET /info HTTP/1.1\r\nHost: localhost\r\nX-Endless: ",
        b"GET /",
        b"GET /info HTTP/1.1\r\nX-Endless",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Trailer: ",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n2;extension=",
    ],
)
def test_a_head_without_end_is_not_kept(client, start):
    host, port = client.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(start)
        sent = 0
        with pytest.raises(OSError, match=r"(?i)broken pipe|reset|abort"):
            while sent < 50_000_000:
                sent += connection.send(b"x" * 10_000)
    assert sent < 10_000_000  # what lies in the buffers of both sides
    assert client.get("/health").status == 200


def test_a_long_body_behind_its_head_is_no_long_head(client):
    body = json.dumps({"query": {"id": "photos/0001.png"}, "exclude": ["x" * 200] * 400}).encode()
    request = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    answers = raw(client, request + request.replace(b"Host:", b"Connection: close\r\nHost:", 1))
    assert answers.count(b"HTTP/1.1 200 OK") == 2


@pytest.mark.parametrize(
    "ambiguous",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Content-Length: +5\r\n",
    ],
)
def test_a_body_of_two_lengths_is_refused(client, ambiguous):
    answers = raw(
        client, HEAD + ambiguous + b"\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    assert b"HTTP/1.1 200" not in answers


def test_requests_far_ahead_of_their_answers_end_the_connection(client):
    some = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" * 8
    last = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert raw(client, some + last).count(b"HTTP/1.1 200 OK") == 9
    host, port = client.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        answers = b""
        with contextlib.suppress(OSError):
            connection.sendall(some * 500)
            answers = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answers.count(b"HTTP/1.1 200 OK") < 100
    assert client.get("/health").status == 200


def test_a_body_in_many_small_chunks_is_read(client):
    body = json.dumps({"query": {"id": "photos/0001.png"}, "exclude": ["x" * 200] * 400}).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[i : i + 7] for i in range(0, len(body), 7)))
    answer = raw(client, HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK")


def test_a_body_that_says_it_is_too_large_is_not_read(writable):
    head = b"POST /search HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 999999999\r\n\r\n"
    assert b" 413 " in raw(writable, head).partition(b"\r\n")[0]


def test_a_body_that_turns_out_too_large_is_cut_off_on_its_way(writable):
    connection = http.client.HTTPConnection(writable.url.removeprefix("http://"), timeout=20)
    sent = []

    def parts():
        for _ in range(2_000):
            sent.append(1)
            yield b"x" * 10_000

    try:
        connection.request("POST", "/search", parts(), {"Content-Type": "application/json"}, encode_chunked=True)
    except (BrokenPipeError, ConnectionResetError):
        pass  # it did not wait for the rest
    else:
        assert connection.getresponse().status == 413
    finally:
        connection.close()
    assert writable.get("/health").status == 200


def test_all_bodies_together_have_a_limit(gallery):
    with serving(ServerOptions(max_bodies=100_000), toys=gallery) as client:
        refused = client.form("/search", [("image", b"\0" * 200_000)])
        assert (refused.status, refused.error, refused.headers["Retry-After"]) == (503, "BusyError", "1")
        for _ in range(3):  # what was refused gives its room back
            assert client.post("/search", QUERY).status == 200


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"[" * 100_000, "application/json"),
        (b'{"query":' * 20_000, "application/json"),
        (b'{"query": {"id": "a"}, "k": ' + b"9" * 5_000 + b"}", "application/json"),
        (b'{"query": {"id": "\\ud800"}}', "application/json"),
        (b'{"query": {"image": "%%%"}}', "application/json"),
        (b'{"query": {"vector": [NaN]}}', "application/json"),
        (b'{"query": {"vector": [1e999]}}', "application/json"),
        (b'{"query": {"id": "a"}, "min_score": Infinity}', "application/json"),
        (b'{"query": {}}', "application/json"),
        (b'{"query": {"id": "a", "text": "b"}}', "application/json"),
        (b'{"query": {"id": "a"}, "queries": []}', "application/json"),
        (b'{"query": {"id": "a"}, "path": "/etc/passwd"}', "application/json"),
        (json.dumps({"queries": [{"id": "a"}] * 65}).encode(), "application/json"),
        (json.dumps({"query": {"id": "photos/0001.png"}, "where": "(" * 1_900}).encode(), "application/json"),
        (json.dumps({"query": {"id": "photos/0001.png"}, "where": "not " * 480 + "true"}).encode(), "application/json"),
        (b"", "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"no form", "multipart/form-data"),
        (b"no form", "multipart/form-data; boundary=x"),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\n\r\n--x--", "multipart/form-data; boundary=x"),
        (b"a=b", "application/x-www-form-urlencoded"),
        (b"<a/>", "text/xml"),
    ],
)  # fmt: skip
def test_odd_bodies_are_mistakes_of_the_client(client, body, kind):
    refused = client.ask("POST", "/search", body, **{"Content-Type": kind})
    assert 400 <= refused.status < 500
    assert refused.error
    assert "Traceback" not in refused.body.decode()


def test_a_form_has_limits_of_its_own(client):
    assert client.form("/search", [("images", b"x")] * 65).status == 400
    assert client.form("/search", [(f"f{i}", "x") for i in range(1_100)]).status == 400
    assert client.form("/search", [("image", png(1)), ("where", "x" * 70_000)]).status == 400
    assert client.form("/search", [("image", png(1)), ("k", "1"), ("k", "2")]).status == 422
    assert client.form("/search", [("image", "no file")]).status == 422


def test_what_clients_make_up_is_not_counted_apart(client):
    for number, method in enumerate(("PROPFIND", "PURGE", "LINK")):
        assert client.ask(method, f"/made/up/{number}").status == 404
    assert client.ask("MADEUP", "/made/up").status == 405  # it does not get so far as to be counted
    text = client.get("/metrics").body
    assert b'method="other",route="other",status="404"} 3.0' in text
    assert b"up/" not in text


def test_urls_are_off(client):
    refused = client.post("/search", {"query": {"url": "http://127.0.0.1/x.png"}})
    assert (refused.status, refused.error) == (403, "UrlsOffError")


def test_the_log_holds_no_secret(keyed, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("lookalike.server"), "propagate", True)  # a server that ran may keep it
    with caplog.at_level("INFO", logger="lookalike.server"):
        keyed.post(
            "/search?token=secret-in-query", QUERY, Authorization=f"Bearer {KEY}", Cookie="session=secret-cookie"
        )
    from lookalike.server.logs import JsonLines

    end = time.monotonic() + 10  # a request is logged once it is answered
    while not any(record.name == "lookalike.server" for record in caplog.records) and time.monotonic() < end:
        time.sleep(0.01)
    lines = [JsonLines().format(record) for record in caplog.records if record.name == "lookalike.server"]
    assert {"route": "/search", "status": 200, "method": "POST"}.items() <= json.loads(lines[-1]).items()
    assert not any(secret in line for line in lines for secret in (KEY, "secret-in-query", "secret-cookie"))
