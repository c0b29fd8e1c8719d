"""Whatever the service's own description lets a client send, and what it does not: the server itself never fails."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings

from lookalike.server.options import ServerOptions
from tests.server.service import serving, toy_gallery

_REFUSALS = (400, 403, 404, 405, 408, 413, 415, 421, 422, 501)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with serving(ServerOptions(is_writable=True), toys=toy_gallery(tmp_path_factory.mktemp("gallery"), 4)) as client:
        yield client


@pytest.fixture(scope="module")
def operations(client):
    schema = schemathesis.openapi.from_dict(client.get("/openapi.json").json)
    return [found.ok() for found in schema.get_all_operations()]


def test_no_request_that_is_described_makes_the_server_fail(client, operations):
    assert len(operations) >= 30
    for operation in operations:
        _try(operation, schemathesis.GenerationMode.POSITIVE, client)


def test_no_body_that_breaks_the_description_makes_the_server_fail(client, operations):
    with_body = [operation for operation in operations if "requestBody" in operation.definition.raw]
    assert len(with_body) == 14
    for operation in with_body:
        _try(operation, schemathesis.GenerationMode.NEGATIVE, client)


def _try(operation, mode, client):
    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy(generation_mode=mode))
    def answered(case):
        response = case.call(base_url=client.url)
        told = (operation.label, response.request.url, response.request.body, response.status_code, response.text)
        assert response.status_code in (200, 304, *_REFUSALS), told
        if response.status_code in _REFUSALS:
            assert response.json()["error"].keys() == {"type", "message"}, told

    for tries_left in (2, 1, 0):
        try:
            answered()
            break
        except ValueError as error:  # it cannot always judge the files that it makes up itself
            if tries_left == 0 or "Unsupported type: 'Binary'" not in str(error):
                raise
