"""A gallery that a server has (``lookalike serve``), asked as one on disk is."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from lookalike.api.hits import Hits
from lookalike.api.label_rules import NO_LABELS
from lookalike.api.remote_pictures import SentPicture, grouped, sound
from lookalike.api.remote_queries import SentQuery, sent
from lookalike.api.searchable import Searchable
from lookalike.building.report import BuildReport, Failure, Removal
from lookalike.errors import InputError, RemoteError
from lookalike.exports.destination import saved_path, write
from lookalike.images.decode import DEFAULT_LIMITS
from lookalike.images.region import Region
from lookalike.search.hit import Hit, Method, Strength
from lookalike.search.notation import ITEM
from lookalike.search.options import SearchOptions, checked_k
from lookalike.search.terms import Kind, Term
from lookalike.sources.combined import broken_parts
from lookalike.sources.labelled import labelled_by
from lookalike.sources.resolve import open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lookalike.indexes.tuning import Goal

_MISTAKES = (403, 404, 413, 415, 422)
"""Statuses whose message says what is wrong with the request."""
_TRIES = 6
_SECONDS_TO_CONNECT = 10
_SECONDS, _SECONDS_FOR_ALL, _SECONDS_TO_BUILD = 120, 600, 7_200
"""For an answer; where the server looks at the whole gallery for it; and where it builds indexes over it."""


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
        self._connections = urllib3.PoolManager(retries=patience)
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
        for together in grouped(ready, lambda query: query.size):
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
        pictures = sound((SentPicture.read(opened, ref) for ref in opened), on_failure)
        for together in grouped(pictures, lambda picture: (1, len(picture.data))):
            yield from self._of_pictures(together, (k, options, region), on_failure)

    def duplicates(self, *, threshold: float | str = "auto", keep: str = "best", most: int = 100) -> dict[str, Any]:
        """Return the duplicates, of at most so many groups, as the server tells them; it moves none.

        Raises
        ------
        InputError : if an option cannot be used.
        RemoteError : if the server does not answer.
        """
        asked = {"threshold": threshold, "keep": keep, "most": most}
        found: dict[str, Any] = self._ask("POST", "/duplicates", asked, seconds=_SECONDS_FOR_ALL)
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

        pictures = (SentPicture.read(opened, ref) for ref in opened)
        for together in grouped(sound(pictures, report.failed.append), lambda picture: (1, len(picture.data))):
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

    def remove(
        self, ids: str | Sequence[str] | None = None, *, where: str | None = None, dry_run: bool = False
    ) -> Removal:
        """Take items out of the gallery, all that are meant or none.

        Parameters
        ----------
        ids : each as ``id:ID``; up to 10,000.
        where : only items that match; see :meth:`search`.
        dry_run : only say what would go.

        Raises
        ------
        InputError : if nothing is given, one of ``ids`` is no item, or the condition cannot be used; or if the server
            is read-only.
        RemoteError : if it does not answer.
        """
        names = None if ids is None else [ids] if isinstance(ids, str) else list(ids)
        wrong = next((name for name in names or () if not name.startswith(ITEM)), None)
        if wrong is not None:
            msg = f"{wrong!r} is no id of an item; name items as id:ID"
            raise InputError(msg)
        items = None if names is None else [name.removeprefix(ITEM) for name in names]
        gone = self._ask("POST", "/remove", {"ids": items, "where": where, "dry_run": dry_run})
        return Removal(tuple(gone["ids"]), gone["total"], gone["removed"])

    def evaluate(
        self, *, label_from: str | None = None, k: Sequence[int] = (1, 5, 10), sample: int | None = None
    ) -> dict[str, Any]:
        """Judge how far up the gallery ranks what is relevant to its own items, or to changed copies of them.

        Parameters
        ----------
        label_from, k, sample : see the method of ``Gallery``; here up to 16 ``k``, and 1,000 queries.

        Returns
        -------
        What the ``to_dict`` of the local evaluation returns, but for places: the gallery and the encoder are told by
        their names, and pictures that could not be read by their addresses on the server.

        Raises
        ------
        InputError : if there is nothing to judge by, or an option cannot be used.
        RemoteError : if the server does not answer.
        """
        asked = {"label_from": label_from, "k": [checked_k(each) for each in k], "sample": sample}
        found: dict[str, Any] = self._ask("POST", "/evaluate", asked, seconds=_SECONDS_FOR_ALL)
        return found

    def tune(self, goal: Goal | None = None, *, specs: Sequence[str] = ()) -> dict[str, Any]:
        """Find the fastest index that reaches a recall, and let the server search with it from now on.

        Parameters
        ----------
        goal : see :class:`lookalike.indexes.tuning.Goal`; by default a recall@10 of 0.98.
        specs : choose among these kinds, without options.

        Returns
        -------
        What the ``to_dict`` of the local result returns, and the gallery's name.

        Raises
        ------
        InputError : if the gallery is empty, there is no such index, or the server is read-only.
        RemoteError : if the server does not answer, does so already, or lacks a package for an index. It goes on where
            the answer is no longer waited for; :meth:`info` tells the index then.
        """
        asked: dict[str, Any] = {"index": list(specs)}
        if goal is not None:
            asked |= {"recall": goal.recall, "k": goal.k}
            asked["latency"] = None if goal.seconds is None else 1e3 * goal.seconds
            asked["memory"] = None if goal.nbytes is None else goal.nbytes / 1e6
        found: dict[str, Any] = self._ask("POST", "/tune", asked, seconds=_SECONDS_TO_BUILD)
        return found

    def optimize(self) -> dict[str, Any]:
        """Let the server bring the gallery's files and index up to date; returns and raises as :meth:`tune` does."""
        done: dict[str, Any] = self._ask("POST", "/optimize", seconds=_SECONDS_TO_BUILD)
        return done

    def map(self, path: str | Path, *, label_from: str | None = None, most: int = 2_000, seed: int = 0) -> Path:
        """Write a page with a map of the images, which needs no other file; a click asks the server for a picture.

        Parameters
        ----------
        path : of the ``.html`` file.
        label_from, seed : see :class:`lookalike.api.map.MapOptions`.
        most : images on the map, up to 2,000; of a larger gallery it shows a sample.

        Returns
        -------
        The absolute path.

        Raises
        ------
        InputError : if there are no images, no such attribute, or the file cannot be written.
        RemoteError : if the server does not answer, or cannot draw maps.
        """
        target = saved_path(path, (".html",))
        named = {} if label_from is None else {"label_from": label_from}
        asked = urlencode({**named, "most": most, "seed": seed})
        page = self._request("GET", f"/map?{asked}", None, seconds=_SECONDS_FOR_ALL)
        base = f'<head><base href="{escape(self.url)}/">'
        if page.count(b"<head>") != 1:
            raise RemoteError(self.url, "its map is none that this version can save; install the version of the server")
        write(target, page.replace(b"<head>", base.encode()))
        return target

    def read(self, hit: Hit) -> bytes:
        """Return the thumbnail of a hit, as a JPEG file; larger pictures stay on the server."""
        return self._request("GET", f"/thumbnails/{quote(hit.id, safe='')}", None)

    def _of_pictures(
        self,
        pictures: Sequence[SentPicture],
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

    def _ask(
        self, method: str, path: str, values: Mapping[str, Any] | None = None, *, seconds: float = _SECONDS
    ) -> Any:
        body = None if values is None else json.dumps(values).encode()
        return json.loads(self._request(method, path, body, seconds=seconds))

    def _request(self, method: str, path: str, body: bytes | None, *, seconds: float = _SECONDS) -> bytes:
        import urllib3

        headers = self._headers if body is None else {**self._headers, "Content-Type": "application/json"}
        try:
            address, timeout = f"{self.url}{path}", urllib3.Timeout(connect=_SECONDS_TO_CONNECT, read=seconds)
            response = self._connections.request(method, address, body=body, headers=headers, timeout=timeout)
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            reason = f"no answer ({type(error).__name__}); is `lookalike serve` running there?"
            raise RemoteError(self.url, reason) from error
        if response.status < 300:
            return response.data
        message = _message(response.data) or f"it answers {response.status} {response.reason}"
        if response.status in _MISTAKES:
            raise InputError(message)
        raise RemoteError(self.url, message)


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


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return ""
