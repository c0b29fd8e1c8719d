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
from lookalike.search.notation import ITEM
from lookalike.server.problems import unknown
from lookalike.server.uploads import UploadFolder, UploadSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lookalike.api.gallery import Gallery
    from lookalike.building.report import Removal
    from lookalike.images.limits import Limits
    from lookalike.images.ref import ImageRef
    from lookalike.server.uploads import Upload

_MOST = 256
"""Uploads that one run takes, if it takes more than one request."""
_LOOKED_UP = 1_000
"""Ids that one condition names."""


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
class Leaving:
    """Which items are to go: those that fit all that is given."""

    ids: Sequence[str] | None
    where: str | None = None
    """A condition that clients may use."""
    is_trial: bool = False
    """Whether it is only asked what would go."""


@dataclass(frozen=True, slots=True)
class _Removing:
    leaving: Leaving
    done: Future[Removal]


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

    def remove(self, leaving: Leaving) -> Future[Removal]:
        """Remove items, and the files of those that were uploaded; none if one of the ids is no item."""
        request = _Removing(leaving, Future())
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
            results += [self._remove(request.leaving) for request in taken if isinstance(request, _Removing)]
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
            self._files.drop(set(ids) - self._stamps(ids).keys())
            raise
        reasons = {failure.uri: failure.reason for failure in report.failed}
        outcomes = {}
        for ref, (upload, path) in zip(source, stored, strict=True):
            outcomes[ref.id] = _outcome(ref, known.get(ref.id), reasons.get(ref.uri))
            self._files.keep_only(upload.id, path)
        return [[outcomes[upload.id] for upload in request.uploads] for request in requests]

    def _remove(self, leaving: Leaving) -> Removal:
        ids = leaving.ids
        known = self._stamps(ids or [])
        lost = next((item for item in ids or () if item not in known), None)
        if lost is not None:
            raise unknown(lost, "nothing was removed" if ids and len(ids) > 1 else "")
        # only ever ids: another name would be looked for on the disk
        names = None if ids is None else [f"{ITEM}{item}" for item in ids]
        removal = self._gallery.remove(names, where=leaving.where, dry_run=leaving.is_trial)
        if removal.removed:
            self._files.drop(removal.ids)
        return removal

    def _stamps(self, ids: Sequence[str]) -> dict[str, str]:
        """Return what the gallery notes of those of the items that it holds."""
        if not self._gallery.location.exists():
            return {}
        store = self._gallery.store
        store.refresh()
        parts = (ids[start : start + _LOOKED_UP] for start in range(0, len(ids), _LOOKED_UP))
        found = (batch for part in parts for batch in store.scan(["id", "stamp"], where=ids_filter(part)))
        return {row["id"]: row["stamp"] for batch in found for row in batch.to_pylist()}


def _goes_with(taken: Sequence[_Adding | _Removing], request: _Adding | _Removing, ids: set[str]) -> bool:
    if not taken:
        return True
    both_add = isinstance(taken[0], _Adding) and isinstance(request, _Adding)
    return both_add and not ids & _ids(request) and len(ids) < _MOST


def _ids(request: _Adding | _Removing) -> set[str]:
    return {upload.id for upload in request.uploads} if isinstance(request, _Adding) else set()


def _outcome(ref: ImageRef, known: str | None, reason: str | None) -> Outcome:
    if reason is not None:
        return Outcome(ref.id, "failed", reason)
    if known is None:
        return Outcome(ref.id, "added")
    return Outcome(ref.id, "unchanged" if known == item_stamp(ref) else "updated")
