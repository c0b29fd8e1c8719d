"""What a user names to a source."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.errors import InputError, LookalikeError, SourceError
from lookalike.sources.combined import CombinedSource
from lookalike.sources.dataset import HUB_PREFIX, DatasetSource, hub_dataset, is_saved_dataset, saved_dataset
from lookalike.sources.files import FilesSource, missing
from lookalike.sources.folder import FolderSource
from lookalike.sources.names import original, printable
from lookalike.sources.pattern import GlobSource, is_pattern

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lookalike.sources.base import Source

_SUPPORTED = (
    "name a folder, image files, a glob pattern such as 'photos/**/*.jpg', hf:NAME[:SPLIT], or a data set saved on disk"
)
_UNSUPPORTED = {
    "a table of images": re.compile(r"\.(parquet|csv|tsv|json|jsonl)$", re.IGNORECASE),
    "a tar archive": re.compile(r"\.(tar|tar\.gz|tgz|zip)$", re.IGNORECASE),
    "a URL": re.compile(r"^(?!file:)[a-z][a-z0-9+.-]+://", re.IGNORECASE),
    "a list on standard input": re.compile(r"^-$"),
}


def open_source(spec: Any, *, base: Path) -> Source:
    """Return the source that a user named.

    Parameters
    ----------
    spec : a folder, a file, a glob pattern, ``hf:NAME[:SPLIT]``, or a folder that ``Dataset.save_to_disk`` wrote, as
        text or a path; a ``Dataset`` or ``DatasetDict``; a source already; or a list of any of these.
    base : the folder that holds the gallery: ids of files inside are relative to it.

    Raises
    ------
    SourceError : if it does not exist or cannot be read.
    InputError : if it is nothing that images are read from.
    BackendMissingError : if reading it needs a library that is not installed.
    """
    try:
        if isinstance(spec, str):
            return _open_text(spec, base)
        if isinstance(spec, Path):
            return _open_path(spec, base)
        if isinstance(spec, (list, tuple)):
            return _open_all(spec, base)
    except LookalikeError:
        raise
    except OSError as error:  # a name too long for the file system, or below a folder that cannot be entered
        raise SourceError(printable(str(error.filename or spec)), error.strerror or "cannot be read") from error
    return _open_object(spec)


def _open_object(spec: Any) -> Source:
    datasets = sys.modules.get("datasets")  # an object of it exists only where it is imported
    if datasets is not None and isinstance(
        spec, (datasets.Dataset, datasets.DatasetDict, datasets.IterableDataset, datasets.IterableDatasetDict)
    ):
        return DatasetSource(spec)
    if all(hasattr(spec, part) for part in ("uri", "read", "covers", "__iter__")):
        source: Source = spec
        return source
    msg = f"cannot read images from a {type(spec).__qualname__}; {_SUPPORTED}"
    raise InputError(msg)


def _open_all(specs: Sequence[Any], base: Path) -> Source:
    if not specs:
        msg = f"no source of images was named; {_SUPPORTED}"
        raise InputError(msg)
    sources: list[Source] = []
    files: list[Path] = []
    for spec in specs:
        path = _named_file(spec)
        if path is None:
            sources.append(open_source(spec, base=base))
        else:
            files.append(path)
    names = [prefix for source in sources if isinstance(source, DatasetSource) for prefix in source.prefixes]
    if len(names) != len(set(names)):
        twice = next(name for name in names if names.count(name) > 1)
        msg = f"two data sets would both be {twice!r}, and their rows could not be told apart; concatenate them"
        raise InputError(msg)
    if files:  # a shell expands a pattern to many: one source looks an id up among them all
        sources.append(FilesSource(files, base=base))
    return sources[0] if len(sources) == 1 else CombinedSource(sources)


def _named_file(spec: Any) -> Path | None:
    """Return the path of a spec that names one file to be read as an image."""
    if not isinstance(spec, (str, Path)):
        return None
    path = _path(str(spec))
    if not path.is_file():
        return None
    _refuse_unsupported(str(path))
    return path


def _open_text(spec: str, base: Path) -> Source:
    if spec.startswith(HUB_PREFIX):
        return hub_dataset(spec)
    if not spec.strip():
        msg = f"an empty name was given as a source; {_SUPPORTED}"
        raise InputError(msg)
    path = _path(spec)
    if path.exists():
        return _open_path(path, base)
    _refuse_unsupported(spec)
    if is_pattern(str(path)):
        return GlobSource(str(path), base=base)
    raise missing(str(path))


def _path(text: str) -> Path:
    path = Path(original(text))
    return path.expanduser() if path.parts[:1] == ("~",) else path


def _open_path(path: Path, base: Path) -> Source:
    if path.is_dir():
        return saved_dataset(path, base=base) if is_saved_dataset(path) else FolderSource(path, base=base)
    if path.is_file():
        _refuse_unsupported(str(path))
        return FilesSource([path], base=base)
    if path.exists():
        raise SourceError(printable(str(path)), "it is neither a file nor a folder")
    raise missing(str(path))


def _refuse_unsupported(spec: str) -> None:
    for kind, shape in _UNSUPPORTED.items():
        if shape.search(spec):
            msg = f"{printable(spec)!r} is {kind}, which is not read yet; {_SUPPORTED}"
            raise InputError(msg)
