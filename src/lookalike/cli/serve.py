"""``lookalike serve``: galleries as a service."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike.cli.options import JsonOption
from lookalike.cli.output import say
from lookalike.errors import BackendMissingError, InputError

if TYPE_CHECKING:
    from lookalike.api.gallery import Gallery

_SLEEPING = {"OPENBLAS_THREAD_TIMEOUT": "4", "OMP_WAIT_POLICY": "passive"}
"""Threads of a product that is done would go on spinning for a while, and take the cores from the encoder. Read when
NumPy and FAISS are loaded."""
_KEY_VARIABLE = "LOOKALIKE_API_KEY"
_KEY = re.compile(r"[\x21-\x7e]{16,512}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NEW_KEY = "python -c 'import secrets; print(secrets.token_urlsafe(32))'"


def serve(
    gallery: Annotated[
        list[str] | None,
        typer.Option(
            "--gallery",
            "-g",
            metavar="[NAME=]PATH",
            help="A gallery, and what clients call it; may be given several times, the default gallery first.",
            show_default=False,
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on; others than loopback need an API key.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The port; 0 takes one that is free.")] = 8_000,
    writable: Annotated[bool, typer.Option("--writable", help="Let clients add and remove images.")] = False,
    api_key_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"Holds the key that clients must send. Default: ${_KEY_VARIABLE}, if set."),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="A name that clients reach the server by, behind a proxy say.", show_default=False
        ),
    ] = None,
    allow_urls: Annotated[
        bool, typer.Option("--allow-urls", help="Let queries name pictures on the public web, which are fetched.")
    ] = False,
    max_pixels: Annotated[int, typer.Option(min=1, help="Refuse images with more pixels.")] = 50_000_000,
    max_bytes: Annotated[int, typer.Option(min=1, help="Refuse images with more bytes.")] = 20_000_000,
    as_json: JsonOption = False,
) -> None:
    """Answer searches over HTTP, and make `lookalike search` on this machine quick, until Ctrl-C."""
    for name, value in _SLEEPING.items():
        os.environ.setdefault(name, value)
    try:
        from lookalike.server.app import has_page
        from lookalike.server.logs import LOG
        from lookalike.server.running import is_loopback, listen, run_server, url_of
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("lookalike"):
            raise
        raise BackendMissingError(error.name or "fastapi", "server") from error
    from lookalike.images.limits import Limits
    from lookalike.server.options import LOOPBACK, ServerOptions

    key = _api_key(api_key_file)
    is_local = is_loopback(host)
    if not is_local and key is None:
        msg = (
            f"other machines can reach {host}, so clients need a key: make one ({_NEW_KEY}) and name its file with "
            f"--api-key-file, or put it into ${_KEY_VARIABLE}"
        )
        raise InputError(msg)
    galleries = _galleries(gallery, writable=writable)
    options = ServerOptions(
        is_writable=writable,
        api_key=key,
        hosts=(*(LOOPBACK if is_local else ()), *(name.lower() for name in allow_host or ())),
        allows_urls=allow_urls,
        limits=Limits(max_pixels=max_pixels, max_bytes=max_bytes),
        has_local_socket=True,
    )
    with listen(host, port) as listening:
        url = url_of(listening)

        def ready() -> None:
            page = f"{url}/" if has_page() else None
            if sys.stderr.isatty():
                place = url if page is None else f"{page} (a page to search with)"
                say(f"{' and '.join(galleries)} at {place}, described at {url}/docs; Ctrl-C ends it")
            else:  # a part of the log
                LOG.info("listening", extra={"url": url, "page": page, "galleries": list(galleries)})
            if as_json:
                # on one line, for who waits for it
                typer.echo(json.dumps({"url": url, "galleries": {name: str(g.path) for name, g in galleries.items()}}))
                sys.stdout.flush()

        run_server(galleries, options, listening, ready=ready)


def _api_key(file: Path | None) -> str | None:
    if file is None:
        key, place = os.environ.get(_KEY_VARIABLE), f"${_KEY_VARIABLE}"
    else:
        place = str(file)
        try:
            key = file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            msg = f"the API key in {file} cannot be read ({reason}); name a file that holds it"
            raise InputError(msg) from error
    if key is not None and not _KEY.fullmatch(key):
        msg = f"the API key in {place} must have 16 to 512 letters, digits and signs of ASCII; make one: {_NEW_KEY}"
        raise InputError(msg)
    return key


def _galleries(named: list[str] | None, *, writable: bool) -> dict[str, Gallery]:
    from lookalike.api.gallery import Gallery
    from lookalike.errors import StoreMissingError
    from lookalike.gallery.location import locate

    galleries: dict[str, Gallery] = {}
    for text in named or [""]:
        name, equals, path = text.partition("=")
        location = locate((path if equals else text) or None)
        name = name if equals else re.sub(r"[^A-Za-z0-9._-]+", "-", location.base.name).lstrip("._-") or "gallery"
        if not _NAME.fullmatch(name):
            msg = f"{name!r} cannot name a gallery; take up to 64 letters, digits, and . _ - (not first)"
            raise InputError(msg)
        if name in galleries:
            msg = f"two galleries have the name {name!r}; name them apart, as in --gallery NAME=PATH"
            raise InputError(msg)
        if not location.exists() and not writable:
            raise StoreMissingError(str(location.folder))
        galleries[name] = Gallery(location)
    return galleries
