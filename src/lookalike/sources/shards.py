"""Tar archives of samples, as the WebDataset library writes them."""

from __future__ import annotations

import json
import tarfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.errors import SourceError
from lookalike.images.formats import has_image_suffix
from lookalike.images.ref import ImageRef
from lookalike.sources.combined import damage_noted
from lookalike.sources.files import missing
from lookalike.sources.kinds import Kinds
from lookalike.sources.names import anchored, item_id, printable
from lookalike.sources.seen import Seen
from lookalike.sources.walk import is_visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LARGEST_NOTE = 1 << 20
_TEXTS = {"txt": "text", "text": "text", "caption": "text", "cls": "label"}
"""Attributes by the suffixes of the members that hold them as text."""


@dataclass(frozen=True, slots=True)
class _Member(ImageRef):
    shard: str = ""
    offset: int = 0


@dataclass(slots=True)
class _Sample:
    key: str
    images: list[tarfile.TarInfo] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)


class ShardsSource:
    """The images in tar archives, which are read where they lie and never unpacked.

    As in WebDataset, members whose paths are the same up to the first dot of the name are one sample if they follow
    each other. Its image has the id SHARD/KEY; a further image of the same sample, SHARD/KEY#2. Single values of a
    ``.json`` member become attributes, a ``.txt`` member the attribute ``text``, and a ``.cls`` member ``label``.
    Hidden members and all that are no regular files are left out. One damaged archive does not keep the others from
    being listed.

    Parameters
    ----------
    paths : of the archives, in the order in which they are listed.
    base : the folder that holds the gallery: ids of archives inside are relative to it.
    """

    def __init__(self, paths: Sequence[Path], *, base: Path) -> None:
        self.uri = printable(str(paths[0])) if len(paths) == 1 else f"{len(paths)} tar archives"
        # from id to path
        self._shards = {item_id(path, base): path for path in (anchored(path, base) for path in paths)}
        self._kinds: Kinds | None = None
        self._broken: dict[str, tuple[SourceError, Seen]] = {}
        """What is damaged, and which items were listed of it nevertheless."""

    @property
    def broken(self) -> list[SourceError]:
        """Why archives could not be listed to their end on the latest listing."""
        return [error for error, _ in self._broken.values()]

    def __iter__(self) -> Iterator[ImageRef]:
        """List the images of each archive in order.

        Raises
        ------
        SourceGoneError : if an archive is missing.
        SourceError : at the end, if all archives are damaged or compressed, or there are no images.
        """
        kinds = self._learnt()
        is_empty = True
        for shard, path in self._shards.items():
            seen = Seen()
            with damage_noted() as damage:
                for ref in _refs(shard, path, kinds):
                    is_empty = False
                    if seen.add(ref.id):
                        yield ref
            if damage:
                self._broken[shard] = (damage[0], seen)
            else:
                self._broken.pop(shard, None)
        if len(self._broken) == len(self._shards):
            raise self.broken[0]
        if is_empty:
            raise SourceError(self.uri, "holds no images")

    def read(self, ref: ImageRef) -> bytes:
        """Return the bytes of the member.

        Raises
        ------
        OSError : if the archive cannot be read.
        """
        if not isinstance(ref, _Member):
            raise SourceError(ref.uri, f"it is not in {self.uri}")
        with Path(ref.shard).open("rb") as file:  # of its own, so that threads do not share a place in it
            file.seek(ref.offset)
            data = file.read(ref.size)
        if len(data) != ref.size:
            raise SourceError(ref.uri, "the archive ends before the picture does")
        return data

    def covers(self, item_id: str) -> bool:
        """Say whether the item is, or was, in one of these archives; of a damaged one only what was listed is known."""
        shards = {item_id[:at] for at, letter in enumerate(item_id) if letter == "/"} & self._shards.keys()
        return any(shard not in self._broken or item_id in self._broken[shard][1] for shard in shards)

    def _learnt(self) -> Kinds:
        """Return the types of the attributes, read through once."""
        if self._kinds is None:
            kinds = Kinds()
            for path in self._shards.values():
                with suppress(SourceError):  # it is raised again where the archive is listed
                    for sample in _samples(path):
                        kinds.learn(sample.notes)
            self._kinds = kinds
        return self._kinds


def _refs(shard: str, path: str, kinds: Kinds) -> Iterator[_Member]:
    with _reading(path):
        status = Path(path).stat()
    for sample in _samples(path):
        attributes = kinds.scalars(sample.notes)
        for number, member in enumerate(sample.images, start=1):
            yield _Member(
                id=f"{shard}/{sample.key}" + (f"#{number}" if number > 1 else ""),
                # not a path, as no file is there to be read without this source
                uri=f"tar:{printable(path)}#{printable(member.name)}",
                attributes=attributes,
                stamp=f"{status.st_size}:{status.st_mtime_ns}:{member.offset_data}",
                size=member.size,
                shard=path,
                offset=member.offset_data,
            )


def _samples(path: str) -> Iterator[_Sample]:
    """Yield the samples of an archive that have images."""
    sample = _Sample("")
    with _reading(path), tarfile.open(path, "r:", errors="surrogateescape") as archive:
        for member in _members(archive):
            key, suffix = _split(member.name)
            if key != sample.key:
                if sample.images:
                    yield sample
                sample = _Sample(key)
            if has_image_suffix(member.name):
                sample.images.append(member)
            elif member.size <= _LARGEST_NOTE:
                sample.notes.update(_notes(archive, member, suffix))
    if sample.images:
        yield sample


@contextmanager
def _reading(path: str) -> Iterator[None]:
    name = printable(path)
    try:
        yield
    except FileNotFoundError as error:
        raise missing(path) from error
    except (tarfile.TarError, ValueError) as error:
        raise SourceError(name, f"it is damaged, or no plain tar archive: {error}") from error
    except OSError as error:
        raise SourceError(name, error.strerror or "cannot be read") from error


def _members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while (member := archive.next()) is not None:
        archive.members = []  # type: ignore[attr-defined]  # it would hold every member of the archive
        parts = _parts(member.name)
        if member.isreg() and not member.issparse() and parts and all(map(is_visible, parts)):
            yield member
    # tarfile takes a damaged entry for the end, which is an empty block or nothing
    file = archive.fileobj
    if file is not None:
        file.seek(archive.offset)
        if any(file.read(tarfile.BLOCKSIZE)):
            reason = f"no entry can be read at byte {archive.offset}"
            raise tarfile.ReadError(reason)


def _parts(name: str) -> list[str]:
    return [part for part in name.split("/") if part not in ("", ".", "..")]


def _split(name: str) -> tuple[str, str]:
    """Return the key of a member, valid as part of an id, and what follows the first dot of its name."""
    *folders, last = _parts(name)
    stem, _, suffix = last.partition(".")
    return printable("/".join([*folders, stem])), suffix.lower()


def _notes(archive: tarfile.TarFile, member: tarfile.TarInfo, suffix: str) -> dict[str, Any]:
    kind = suffix.rpartition(".")[2]
    if kind != "json" and kind not in _TEXTS:
        return {}
    file = archive.extractfile(member)
    data = file.read() if file is not None else b""
    text = data.decode("utf-8", errors="replace").strip()
    if kind != "json":
        return {_TEXTS[kind]: text}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
