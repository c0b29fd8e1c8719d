"""URLs of strangers reach the public web and nothing else: the classic list of server-side request forgery."""

from __future__ import annotations

import socket
import ssl

import pytest

from lookalike.errors import SourceError
from lookalike.sources import public_web
from lookalike.sources.fetch import FetchLimits, fetch
from lookalike.sources.public_web import is_public
from tests.sources.web import serving

LIMITS = FetchLimits(seconds=10, silence=3, tries=1)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
        "::1", "::", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd12:3456::1", "ff02::1", "ff0e::1",
        "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1",
        "64:ff9b:1::1", "2002:7f00:1::", "2001:0:7f00:1::", "no address",
    ],
)  # fmt: skip
def test_these_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "::ffff:8.8.8.8", "2606:4700:4700::1111"])
def test_these_are(address):
    assert is_public(address)


@pytest.fixture
def web():
    with serving() as server:
        server.put("/picture", b"secret")
        yield server


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]", "0.0.0.0", "127.0.0.1."])
def test_no_name_of_this_machine_is_asked(web, host):
    port = web.server_address[1]
    with pytest.raises(SourceError, match="takes no connection"):
        fetch(f"http://{host}:{port}/picture", limits=LIMITS, public_only=True)
    assert web.asked == []
    assert fetch(web.url("/picture"), limits=LIMITS) == b"secret"  # which is there


@pytest.mark.parametrize("host", ["2130706433", "127.1", "0x7f.1", "0177.0.0.1", "0x7f000001", "0"])
def test_no_odd_way_of_writing_an_address_is_asked(web, host, monkeypatch):
    def getaddrinfo(host, port, **kwargs):  # as the system's, which takes all these
        address = socket.inet_ntoa(socket.inet_aton(host))
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(public_web.socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(SourceError, match="takes no connection"):
        fetch(f"http://{host}:{web.server_address[1]}/picture", limits=LIMITS, public_only=True)
    assert web.asked == []


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/", "data:,x", "//x/y", "x"]
)
def test_no_other_scheme_is_followed(url):
    with pytest.raises(SourceError):
        fetch(url, limits=LIMITS, public_only=True)


@pytest.fixture
def as_public(monkeypatch, web):
    """Let one name lead to the web server here as if that were public, and look on at what is resolved."""
    asked = []
    addresses = {"public.example": "127.0.0.1", "internal.example": "10.0.0.8"}

    def getaddrinfo(host, port, *args, **kwargs):
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (addresses.get(host, host), port))]

    monkeypatch.setattr(public_web.socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(public_web, "is_public", lambda address: address == "127.0.0.1")
    return asked


@pytest.mark.parametrize("target", ["http://internal.example/x", "http://169.254.169.254/latest/meta-data/"])
def test_a_redirect_to_the_inside_is_not_followed(web, as_public, target):
    web.put("/away", b"", 302, Location=target)
    with pytest.raises(SourceError, match="takes no connection"):
        fetch(web.url("/away", host="public.example"), limits=LIMITS, public_only=True)
    assert web.asked == ["/away"]


def test_a_redirect_to_another_scheme_is_not_followed(web, as_public):
    web.put("/away", b"", 302, Location="file:///etc/passwd")
    with pytest.raises(SourceError, match="only http and https"):
        fetch(web.url("/away", host="public.example"), limits=LIMITS, public_only=True)


def test_a_name_is_resolved_once_and_that_address_is_asked(web, as_public):
    assert fetch(web.url("/picture", host="public.example"), limits=LIMITS, public_only=True) == b"secret"
    assert as_public == ["public.example"]


def test_one_inner_address_among_several_is_enough_to_refuse(web, monkeypatch):
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 80)) for ip in ("1.1.1.1", "10.0.0.1")]
    monkeypatch.setattr(public_web.socket, "getaddrinfo", lambda *args, **kwargs: both)
    with pytest.raises(SourceError, match="takes no connection"):
        fetch("http://mixed.example/", limits=LIMITS, public_only=True)


def test_the_proxy_of_the_environment_is_not_used(web, monkeypatch):
    monkeypatch.setenv("http_proxy", web.url(""))
    with pytest.raises(SourceError, match="takes no connection"):
        fetch("http://0.0.0.0/picture", limits=LIMITS, public_only=True)
    assert web.asked == []


def test_certificates_are_of_the_name_that_was_asked(monkeypatch):
    """The connection goes to an address, and the name that is sent and checked stays that of the URL."""
    names = []

    def wrap_socket(self, sock, *args, server_hostname=None, **kwargs):
        names.append((server_hostname, self.check_hostname, self.verify_mode))
        raise ssl.SSLError

    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", wrap_socket)
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", server.getsockname())]
        monkeypatch.setattr(public_web.socket, "getaddrinfo", lambda *args, **kwargs: found)
        monkeypatch.setattr(public_web, "is_public", lambda address: True)
        with pytest.raises(SourceError):
            fetch("https://photos.example/x", limits=LIMITS, public_only=True)
    assert names == [("photos.example", True, ssl.CERT_REQUIRED)]
