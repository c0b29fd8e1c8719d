"""The service, as an ASGI application (https://asgi.readthedocs.io)."""

from __future__ import annotations

import asyncio
import importlib.util
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, FastAPI, Path, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException

import lookalike
from lookalike.server import answers, routes
from lookalike.server.description import describe
from lookalike.server.guard import NAMED, Guard
from lookalike.server.local import local_socket
from lookalike.server.options import ServerOptions
from lookalike.server.problems import problem
from lookalike.server.routes import PROBLEMS
from lookalike.server.served import ServedGallery
from lookalike.server.swagger import add_docs
from lookalike.server.workers import Workers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.requests import Request

    from lookalike.api.gallery import Gallery
    from lookalike.server.page.mounting import MountedPage

_ABOUT = "Find the images of a gallery that are most alike to a picture, an item, or words."


def create_app(galleries: Mapping[str, Gallery], options: ServerOptions | None = None) -> FastAPI:
    """Return the service for some galleries.

    Parameters
    ----------
    galleries : by the names that clients call them, the default first. While the application runs, the process uses
        them in several threads.
    options : what clients may do.

    Notes
    -----
    When it is shut down, it writes what was asked for.
    """
    options = options or ServerOptions()
    workers = Workers(options)
    served = {name: ServedGallery(name, gallery, workers) for name, gallery in galleries.items()}
    page = _page(served, options)

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        try:
            async with AsyncExitStack() as parts:
                for gallery in served.values():
                    await asyncio.to_thread(gallery.start)
                    if options.has_local_socket:
                        await parts.enter_async_context(local_socket(gallery.gallery, workers))
                if page is not None:
                    await parts.enter_async_context(page.running())
                yield
        finally:
            for gallery in served.values():
                await asyncio.to_thread(gallery.close)
            workers.close()

    app = FastAPI(
        title="lookalike",
        description=_ABOUT,
        version=lookalike.__version__,
        lifespan=running,
        docs_url=None,  # that of the framework takes its files from the web
        redoc_url=None,
    )
    app.state.galleries = served
    app.state.workers = workers
    app.add_middleware(Guard, options=options, metrics=workers.metrics)
    app.add_exception_handler(HTTPException, _http_problem)
    app.add_exception_handler(RequestValidationError, _validation_problem)
    app.include_router(routes.router, tags=["the default gallery"])
    app.include_router(routes.router, prefix=NAMED, tags=["a gallery by name"], dependencies=[Depends(_named)])
    _add_own_routes(app)
    add_docs(app)
    if page is None:
        app.get("/", include_in_schema=False, response_class=PlainTextResponse)(_front)
    else:
        app.router.default = page  # for what is none of the routes above
    describe(app, has_key=options.api_key is not None)
    return app


async def _named(gallery: Annotated[str, Path(description="The name of a gallery.")]) -> None:
    """Tell OpenAPI of the parameter."""


def _add_own_routes(app: FastAPI) -> None:
    """Add the routes that are about the server."""

    @app.get("/galleries", tags=["server"], responses=PROBLEMS)
    async def galleries() -> list[str]:
        """Name the galleries, the default first."""
        return list(app.state.galleries)

    @app.get("/health", tags=["server"])
    async def health() -> dict[str, str]:
        """Tell that the server answers."""
        return {"status": "ok"}

    @app.get("/health/ready", tags=["server"], responses={503: {"model": answers.Problem}})
    async def ready() -> dict[str, str]:
        """Tell whether the galleries can be searched."""
        for gallery in app.state.galleries.values():
            await gallery.check()
        return {"status": "ok"}

    @app.get("/metrics", tags=["server"], response_class=PlainTextResponse, responses=PROBLEMS)
    async def metrics() -> Response:
        """Tell counts and times, for Prometheus."""
        return Response(app.state.workers.metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def has_page() -> bool:
    """Say whether what the page is made of is installed."""
    return importlib.util.find_spec("gradio") is not None


def _page(galleries: Mapping[str, ServedGallery], options: ServerOptions) -> MountedPage | None:
    if not has_page():
        return None
    from lookalike.server.page.mounting import MountedPage

    return MountedPage(galleries, options)


async def _front() -> str:
    return 'lookalike answers here; see /docs. For a page to search with: pip install "lookalike[ui]"\n'


async def _http_problem(_: Request, error: Any) -> JSONResponse:
    return problem(error.status_code, "RequestError", str(error.detail).lower(), error.headers)


async def _validation_problem(_: Request, error: Any) -> JSONResponse:
    first = error.errors()[0]
    return problem(422, "InputError", f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
