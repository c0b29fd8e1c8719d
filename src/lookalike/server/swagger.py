"""The page ``/docs``: Swagger UI (https://github.com/swagger-api/swagger-ui), with nothing from the web."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from fastapi.responses import HTMLResponse, Response

from lookalike.server.problems import RefusedError

if TYPE_CHECKING:
    from fastapi import FastAPI

PATH = "/docs"
POLICY = (
    "default-src 'none'; connect-src 'self'; frame-ancestors 'none'; img-src 'self' data:; script-src 'self'; "
    "style-src 'self' 'unsafe-inline'"
)
_FILES = files("fastapi_offline") / "static"  # of which only these are used
_KINDS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}
_PAGE = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>lookalike</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{PATH}/swagger-ui.css">
<div id="swagger-ui"></div>
<script src="{PATH}/swagger-ui-bundle.js"></script>
<script src="{PATH}/start.js"></script>
</html>
"""
_START = """SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
});
"""


def add_docs(app: FastAPI) -> None:
    """Add the page and its files."""

    @app.get(PATH, include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(_PAGE)

    @app.get(f"{PATH}/start.js", include_in_schema=False)
    async def start() -> Response:
        return Response(_START, media_type="text/javascript")

    @app.get(f"{PATH}/{{name}}", include_in_schema=False)
    def file(name: str) -> Response:
        if name not in _KINDS:
            raise RefusedError(404, "RequestError", "not found")
        return Response((_FILES / name).read_bytes(), media_type=_KINDS[name])
