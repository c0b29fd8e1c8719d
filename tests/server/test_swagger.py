"""The page that describes the service."""

from __future__ import annotations

import re

from tests.server.service import serving, toy_gallery


def test_the_page_and_all_that_it_loads_are_here(tmp_path):
    with serving(toys=toy_gallery(tmp_path, 2)) as client:
        page = client.get("/docs")
        assert page.headers["Content-Type"].startswith("text/html")
        assert "unsafe-inline" not in re.search("script-src[^;]*", page.headers["Content-Security-Policy"])[0]
        assert "http" not in page.headers["Content-Security-Policy"]
        loaded = re.findall(r'(?:src|href)="([^"]+)"', page.body.decode())
        files = {address: client.get(address) for address in loaded if not address.startswith("data:")}
        assert sorted(files) == ["/docs/start.js", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"]
        for address, file in files.items():
            assert file.status == 200
            assert file.headers["Content-Type"].partition(";")[0] == (
                "text/css" if "css" in address else "text/javascript"
            )
        assert client.get("/docs/redoc.standalone.js").status == 404
        assert client.get("/docs/%2e%2e").status == 404
