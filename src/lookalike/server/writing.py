"""The one thread that writes to a gallery for all clients: each time what is waiting, in one run."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lookalike.building.build import BuildOptions
from lookalike.building.work import item_stamp
from lookalike.errors import LookalikeError
from lookalike.gallery.lance_errors import store_errors
from lookalike.gallery.lance_store import ids_filter
from lookalike.server.uploads import UploadFolder, UploadSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lookalike.api.gallery import Gallery
    from lookalike.images.limits import Limits
    from lookalike.images.ref import ImageRef
    from lookalike.server.uploads import Upload

_MOST = 256
"""Uploads that one run takes, if it takes more than one request."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one upload."""

    id: str
    change: str
    """``added``, ``updated``, ``unchanged`` or ``failed``."""
    reason: str = ""
    """Why it failed."""


@dataclass(frozen=True, slots=True)
class _Adding:
    uploads: Sequence[Upload]
    done: Future[list[Outcome]]


@dataclass(frozen=True, slots=True)
class _Removing:
    item: str
    done: Future[bool]


class GalleryWriter:
    """Adds and removes items of one gallery, in the order of the requests.

    Parameters
    ----------
    gallery : may be searched by other threads meanwhile.
    limits : of each picture.
    """

    def __init__(self, gallery: Gallery, limits: Limits) -> None:
        self._gallery = gallery
        self._options = BuildOptions(limits=limits)
        self._files = UploadFolder(gallery.location)
        self._waiting: deque[_Adding | _Removing] = deque()
        self._is_closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="lookalike-serve-write")
        self._thread.start()

    def add(self, uploads: Sequence[Upload]) -> Future[list[Outcome]]:
        """Add pictures of different ids, or replace those of the same ids; the result is in their order."""
        request = _Adding(uploads, Future())
        self._put(request)
        return request.done

    def remove(self, item: str) -> Future[bool]:
        """Remove an item, and its file if that was uploaded; the result says whether there was one."""
        request = _Removing(item, Future())
        self._put(request)
        return request.done

    def close(self) -> None:
        """Write what was asked for, and end."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join()

    def _put(self, request: _Adding | _Removing) -> None:
        request.done.set_running_or_notify_cancel()  # it is done also if who asked has left meanwhile
        with self._changed:
            self._waiting.append(request)
            self._changed.notify()

    def _run(self) -> None:
        while taken := self._take():
            self._settle(taken)

    def _settle(self, taken: Sequence[_Adding | _Removing]) -> None:
        try:
            results = self._add([request for request in taken if isinstance(request, _Adding)])
            results += [self._remove(request.item) for request in taken if isinstance(request, _Removing)]
        except Exception as error:  # noqa: BLE001  (it is the answer to who asked)
            if len(taken) == 1:
                taken[0].done.set_exception(error)
            else:  # what one asked for, such as an attribute of another type, is no fault of the others
                for request in taken:
                    self._settle([request])
        else:
            for request, result in zip(taken, results, strict=True):
                request.done.set_result(result)

    def _take(self) -> list[_Adding | _Removing]:
        """Wait for a request, and return it with those behind it that can be settled together; none at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            taken: list[_Adding | _Removing] = []
            ids: set[str] = set()
            while self._waiting and _goes_with(taken, self._waiting[0], ids):
                taken.append(self._waiting.popleft())
                ids |= _ids(taken[-1])
            return taken

    def _add(self, requests: Sequence[_Adding]) -> list[Any]:
        if not requests:
            return []
        with store_errors(self._gallery.location):
            stored = [(upload, self._files.write(upload)) for request in requests for upload in request.uploads]
        source = UploadSource(stored)
        ids = [upload.id for upload, _ in stored]
        known = self._stamps(ids)
        try:
            report = self._gallery.add(source, self._options)
        except LookalikeError:
            for item in set(ids) - self._stamps(ids).keys():
                self._files.keep_only(item, None)
            raise
        reasons = {failure.uri: failure.reason for failure in report.failed}
        outcomes = {}
        for ref, (upload, path) in zip(source, stored, strict=True):
            outcomes[ref.id] = _outcome(ref, known.get(ref.id), reasons.get(ref.uri))
            self._files.keep_only(upload.id, path)
        return [[outcomes[upload.id] for upload in request.uploads] for request in requests]

    def _remove(self, item: str) -> bool:
        if not self._stamps([item]):
            return False
        self._gallery.remove(f"id:{item}")
        self._files.keep_only(item, None)
        return True

    def _stamps(self, ids: Sequence[str]) -> dict[str, str]:
        """Return what the gallery notes of those of the items that it holds."""
        if not self._gallery.location.exists():
            return {}
        self._gallery.store.refresh()
        found = self._gallery.store.scan(["id", "stamp"], where=ids_filter(ids))
        return {row["id"]: row["stamp"] for batch in found for row in batch.to_pylist()}


def _goes_with(taken: Sequence[_Adding | _Removing], request: _Adding | _Removing, ids: set[str]) -> bool:
    if not taken:
        return True
    both_add = isinstance(taken[0], _Adding) and isinstance(request, _Adding)
    return both_add and not ids & _ids(request) and len(ids) < _MOST


def _ids(request: _Adding | _Removing) -> set[str]:
    return {upload.id for upload in request.uploads} if isinstance(request, _Adding) else {request.item}


def _outcome(ref: ImageRef, known: str | None, reason: str | None) -> Outcome:
    if reason is not None:
        return Outcome(ref.id, "failed", reason)
    if known is None:
        return Outcome(ref.id, "added")
    return Outcome(ref.id, "unchanged" if known == item_stamp(ref) else "updated")
