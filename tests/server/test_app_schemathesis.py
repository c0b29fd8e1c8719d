"""Whatever the service's own description lets a client send, and more: no answer is a failure of the server."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from lookalike.server.options import ServerOptions
from tests.server.service import serving, toy_gallery

_KNOWN = (200, 201, 304, 400, 403, 404, 405, 408, 413, 415, 421, 422)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with serving(ServerOptions(is_writable=True), toys=toy_gallery(tmp_path_factory.mktemp("gallery"), 4)) as client:
        yield client


@pytest.fixture
def described(client):
    return schemathesis.openapi.from_dict(client.get("/openapi.json").json)


schema = schemathesis.pytest.from_fixture("described")


@schema.parametrize()
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_request_makes_the_server_fail(case, client):
    response = case.call(base_url=client.url)
    assert response.status_code in _KNOWN, (response.status_code, response.text)
    if response.status_code >= 400:
        assert response.json()["error"].keys() == {"type", "message"}
    assert urlsplit(client.url).netloc
    case.validate_response(response, checks=[schemathesis.checks.not_a_server_error])
