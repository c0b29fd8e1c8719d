"""A gallery that a server has (``lookalike serve``), asked as one on disk is."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, fields, replace
from datetime import datetime
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from lookalike.api.hits import Hits
from lookalike.api.label_rules import NO_LABELS
from lookalike.api.remote_queries import SentQuery, in_base64, sent
from lookalike.api.searchable import Searchable
from lookalike.building.report import BuildReport, Failure, Removal
from lookalike.errors import InputError, RemoteError
from lookalike.gallery.record import SEEN, column_name
from lookalike.images.decode import DEFAULT_LIMITS
from lookalike.images.digest import content_digest
from lookalike.images.ref import as_json
from lookalike.images.region import Region
from lookalike.search.hit import Hit, Method, Strength
from lookalike.search.notation import ITEM
from lookalike.search.options import SearchOptions, checked_k
from lookalike.search.terms import Kind, Term
from lookalike.sources.combined import broken_parts
from lookalike.sources.labelled import labelled_by
from lookalike.sources.names import original
from lookalike.sources.resolve import open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from lookalike.images.ref import ImageRef
    from lookalike.sources.base import Source

T = TypeVar("T")

_AT_ONCE, _BYTES_AT_ONCE = 32, 24_000_000
"""Queries and pictures that go in one request."""
_MOST_BYTES = 40_000_000
"""Of one picture to add."""
_MISTAKES = (403, 404, 413, 415, 422)
"""Statuses whose message says what is wrong with the request."""
_TRIES = 6
_SHOWN_DIGEST = 8


class RemoteGallery(Searchable):
    """A gallery on a server; see :class:`lookalike.api.gallery.Gallery` for what its methods take.

    Files are read and URLs fetched here, and their bytes sent. A picture is new to the server, also if it is one of the
    gallery's: of the queries only ``id:ID`` is left out of its own hits.

    Parameters
    ----------
    url : of the server.
    api_key : where it asks for one.
    gallery : its name there; None for the server's default.
    """

    def __init__(self, url: str, *, api_key: str | None = None, gallery: str | None = None) -> None:
        import urllib3

        self._root = url.rstrip("/")
        self.url = self._root + ("" if gallery is None else f"/galleries/{quote(gallery, safe='')}")
        # who is asked to come back does so; no request is sent twice for another reason
        patience = urllib3.Retry(
            total=_TRIES,
            connect=1,
            read=0,
            redirect=0,
            other=0,
            status_forcelist=[503],
            allowed_methods=None,
            raise_on_status=False,
        )
        self._headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
        self._connections = urllib3.PoolManager(timeout=urllib3.Timeout(connect=10, read=120), retries=patience)
        self._types: Mapping[str, str] = {}

    def __len__(self) -> int:
        return int(self.info()["total"])

    def __repr__(self) -> str:
        return f"RemoteGallery({self.url!r})"

    def info(self) -> dict[str, Any]:
        """Return what the gallery holds, the encoder that made it, and how it is searched.

        Raises
        ------
        RemoteError : if the server does not answer.
        """
        about: dict[str, Any] = self._ask("GET", "/info")
        self._types = about["attributes"]
        return about

    def search_batch(
        self, queries: Sequence[Any], k: int = 10, options: SearchOptions | None = None, *, include_self: bool = False
    ) -> list[Hits]:
        """Find the items that are most alike to each of several queries; see :meth:`search`."""
        options = options or SearchOptions()
        chosen = {field.name: getattr(options, field.name) for field in fields(options)}
        asked = {**chosen, "metric": options.metric.value, "k": checked_k(k), "include_self": include_self}
        answers: list[Hits] = []
        ready = (sent(query, self._has) for query in queries)
        for together in _grouped(ready, lambda query: query.size):
            found = self._ask("POST", "/search", {**asked, "queries": [query.values for query in together]})
            pairs = zip(together, found, strict=True)
            answers += [self._hits(query, told, are_least=options.reverse) for query, told in pairs]
        return answers

    def search_each(
        self,
        source: Any,
        k: int = 10,
        options: SearchOptions | None = None,
        *,
        crop: Any = None,
        on_failure: Callable[[Failure], None] = lambda _: None,
    ) -> Iterator[Hits]:
        """Find the items that are most alike to each picture of a source; see the method of ``Gallery``."""
        region = None if crop is None else Region.of(crop)
        opened = open_source(source, base=Path.cwd())
        pictures = _sound((_Picture.read(opened, ref) for ref in opened), on_failure)
        for together in _grouped(pictures, lambda picture: (1, len(picture.data))):
            yield from self._of_pictures(together, (k, options, region), on_failure)

    def duplicates(self, *, threshold: float | str = "auto", keep: str = "best", most: int = 100) -> dict[str, Any]:
        """Return the duplicates, of at most so many groups, as the server tells them; it moves none.

        Raises
        ------
        InputError : if an option cannot be used.
        RemoteError : if the server does not answer.
        """
        asked = {"threshold": threshold, "keep": keep, "most": most}
        found: dict[str, Any] = self._ask("POST", "/duplicates", asked)
        return found

    def explain(self, query: Any, hit: Hit | str) -> bytes:
        """Return which parts of a query and of a hit make them alike, as a PNG file of both under heat maps.

        Raises
        ------
        InputError : if the query is no picture, there is no such item, or the encoder does not show what it sees where.
        RemoteError : if the server does not answer.
        """
        item = hit.id if isinstance(hit, Hit) else hit.removeprefix(ITEM)
        box = hit.box if isinstance(hit, Hit) else None
        body = json.dumps({"query": sent(query, self._has).values, "id": item, "box": box}).encode()
        return self._request("POST", "/explain", body)

    def add(self, source: Any, *, label_from: str | None = None) -> BuildReport:
        """Add the images of a source, or replace those that were added before; see the method of ``Gallery``.

        Their ids are those that a gallery in the working directory would give them, after ``upload:``; of files outside
        of it only the name of their folder is told, and a digest of where that is. What is no longer in the source
        stays.

        Raises
        ------
        SourceError : if the source does not exist, cannot be read or holds no images.
        InputError : if the server is read-only.
        RemoteError : if it does not answer.
        """
        opened = open_source(source, base=Path.cwd())
        if label_from is not None and label_from != NO_LABELS:
            opened = labelled_by(opened, label_from)
        report = BuildReport()

        pictures = (_Picture.read(opened, ref) for ref in opened)
        for together in _grouped(_sound(pictures, report.failed.append), lambda picture: (1, len(picture.data))):
            answer = self._ask("POST", "/items", {"items": [picture.values() for picture in together]})
            reasons = {failed["id"]: failed["reason"] for failed in answer["failed"]}
            uris = {f"upload:{picture.id}": picture.ref.uri for picture in together}
            report.failed += [Failure(uris[item], reason) for item, reason in reasons.items()]
            report.added += answer["added"]
            report.updated += answer["updated"]
            report.unchanged += answer["unchanged"]
            report.total = answer["total"]
        report.failed += [Failure(error.uri, error.reason) for error in broken_parts(opened)]
        return report

    def remove(self, ids: str | Sequence[str]) -> Removal:
        """Take items out of the gallery.

        Parameters
        ----------
        ids : each as ``id:ID``.

        Raises
        ------
        InputError : if one of them is no item, after those before it were removed; or if the server is read-only.
        RemoteError : if it does not answer.
        """
        names = [ids] if isinstance(ids, str) else list(ids)
        wrong = next((name for name in names if not name.startswith(ITEM)), None)
        if wrong is not None:
            msg = f"{wrong!r} is no id of an item; name items as id:ID"
            raise InputError(msg)
        items = [name.removeprefix(ITEM) for name in names]
        total = len(self) if not items else 0
        for item in items:
            total = self._ask("DELETE", f"/items/{quote(item, safe='')}")["total"]
        return Removal(tuple(items), total, len(items))

    def read(self, hit: Hit) -> bytes:
        """Return the thumbnail of a hit, as a JPEG file; larger pictures stay on the server."""
        return self._request("GET", f"/thumbnails/{quote(hit.id, safe='')}", None)

    def _of_pictures(
        self,
        pictures: Sequence[_Picture],
        how: tuple[int, SearchOptions | None, Region | None],
        on_failure: Callable[[Failure], None],
    ) -> list[Hits]:
        k, options, region = how
        try:
            queries = [Term(picture.data, crop=region, kind=Kind.IMAGE) for picture in pictures]
            answers = self.search_batch(queries, k, options)
        except InputError as error:
            if len(pictures) > 1:  # one that cannot be read is no fault of the others
                return [hits for picture in pictures for hits in self._of_pictures([picture], how, on_failure)]
            on_failure(Failure(pictures[0].ref.uri, str(error)))
            return []
        return [replace(hits, query=picture.ref.uri) for hits, picture in zip(answers, pictures, strict=True)]

    def _has(self, item: str) -> bool:
        try:
            self._ask("GET", f"/items/{quote(item, safe='')}")
        except InputError:
            return False
        return True

    def _hits(self, query: SentQuery, told: Mapping[str, Any], *, are_least: bool) -> Hits:
        hits = tuple(self._hit(hit) for hit in told["hits"])
        method = Method(told["index"], told["recall"])
        how = (method, are_least, told.get("cursor"))
        return Hits(query.name, hits, told["seconds"], query.picture, self.read, DEFAULT_LIMITS, *how)

    def _hit(self, told: Mapping[str, Any]) -> Hit:
        attributes = told["attributes"]
        if not attributes.keys() <= self._types.keys():
            self.info()
        times = {
            name: datetime.fromisoformat(value)
            for name, value in attributes.items()
            if value is not None and self._types.get(name, "").startswith("timestamp")
        }
        about = (told["id"], f"{self._root}{told['uri']}", told["score"], {**attributes, **times})
        box = None if told.get("box") is None else tuple(told["box"])
        strength = None if told.get("strength") is None else Strength(told["strength"])
        return Hit(told["rank"], *about, box=box, strength=strength, collapsed=told.get("collapsed"))

    def _ask(self, method: str, path: str, values: Mapping[str, Any] | None = None) -> Any:
        body = None if values is None else json.dumps(values).encode()
        return json.loads(self._request(method, path, body))

    def _request(self, method: str, path: str, body: bytes | None) -> bytes:
        import urllib3

        headers = self._headers if body is None else {**self._headers, "Content-Type": "application/json"}
        try:
            response = self._connections.request(method, f"{self.url}{path}", body=body, headers=headers)
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            reason = f"no answer ({type(error).__name__}); is `lookalike serve` running there?"
            raise RemoteError(self.url, reason) from error
        if response.status < 300:
            return response.data
        message = _message(response.data) or f"it answers {response.status} {response.reason}"
        if response.status in _MISTAKES:
            raise InputError(message)
        raise RemoteError(self.url, message)


@dataclass(frozen=True, slots=True)
class _Picture:
    """An image to add, or why it cannot be."""

    ref: ImageRef
    data: bytes
    fault: str = ""

    @classmethod
    def read(cls, source: Source, ref: ImageRef) -> _Picture:
        try:
            data = source.read(ref)
        except OSError as error:
            return cls(ref, b"", error.strerror or str(error))
        fault = f"it has more than {_MOST_BYTES / 1e6:g} MB, the most that is sent" if len(data) > _MOST_BYTES else ""
        return cls(ref, data, fault)

    def values(self) -> dict[str, Any]:
        known = self.ref.attributes.items()
        # as a gallery would keep them: what the picture itself tells is left out
        attributes = {column_name(name): as_json(value) for name, value in known if name not in SEEN}
        return {"id": self.id, "image": in_base64(self.data), "attributes": attributes}

    @property
    def id(self) -> str:
        """What the item is called: that of a file elsewhere by its folder's name, and a digest of where that is."""
        path = PurePath(self.ref.id)
        if not path.is_absolute():
            return self.ref.id
        digest = content_digest(os.fsencode(original(str(path.parent))))
        return f"{path.parent.name}-{digest[:_SHOWN_DIGEST]}/{path.name}"


def _sound(pictures: Iterable[_Picture], on_failure: Callable[[Failure], None]) -> Iterator[_Picture]:
    for picture in pictures:
        if picture.fault:
            on_failure(Failure(picture.ref.uri, picture.fault))
        else:
            yield picture


def connect(url: str, *, api_key: str | None = None, gallery: str | None = None) -> RemoteGallery:
    """Return a gallery that ``lookalike serve`` has.

    Parameters
    ----------
    url : of the server, such as ``http://localhost:8000``.
    api_key : where it asks for one.
    gallery : its name there; the default is the server's default.

    Raises
    ------
    RemoteError : if the server does not answer, or the key is wrong.
    InputError : if it has no such gallery.
    """
    remote = RemoteGallery(url, api_key=api_key, gallery=gallery)
    remote.info()
    return remote


def _grouped(items: Iterable[T], size_of: Callable[[T], tuple[int, int]]) -> Iterator[list[T]]:
    """Yield the items in groups that fit into one request, by how many pictures each is and their bytes."""
    group: list[T] = []
    count = size = 0
    for item in items:
        more, larger = size_of(item)
        if group and (count + more > _AT_ONCE or size + larger > _BYTES_AT_ONCE):
            yield group
            group, count, size = [], 0, 0
        group.append(item)
        count += more
        size += larger
    if group:
        yield group


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return ""
