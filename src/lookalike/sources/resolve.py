"""What a user names to a source."""

from __future__ import annotations

import glob
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.errors import InputError, LookalikeError, SourceError, SourceGoneError
from lookalike.sources.braces import expand_braces, has_braces
from lookalike.sources.combined import combined, open_all
from lookalike.sources.dataset import HUB_PREFIX, DatasetSource, hub_dataset, is_saved_dataset, saved_dataset
from lookalike.sources.fetch import is_web_url
from lookalike.sources.files import FilesSource, missing
from lookalike.sources.folder import FolderSource
from lookalike.sources.lists import LIST_SUFFIXES, STANDARD_INPUT, list_source, standard_input_source
from lookalike.sources.names import original, printable
from lookalike.sources.pattern import GlobSource, is_pattern
from lookalike.sources.precomputed_files import NPY_SUFFIX, npy_embeddings
from lookalike.sources.remote import RemoteSource
from lookalike.sources.shards import ShardsSource
from lookalike.sources.table import split_table, table_source
from lookalike.sources.urls import url_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lookalike.sources.base import Source

_SUPPORTED = (
    "name a folder, image files, a glob pattern such as 'photos/**/*.jpg', a table (.parquet, .csv, .tsv, .json or "
    ".jsonl), tar archives such as shard-{000..009}.tar, a list of paths or URLs (.txt, or - for standard input), an "
    "http(s) or other URL, hf:NAME[:SPLIT], a data set saved on disk, or embeddings (.npy)"
)
_PACKED = re.compile(r"\.(tar\.\w+|tgz|zip)$", re.IGNORECASE)
_URL = re.compile(r"^(?!file:)[a-z][a-z0-9+.-]+://", re.IGNORECASE)


def open_source(spec: Any, *, base: Path) -> Source:
    """Return the source that a user named.

    Parameters
    ----------
    spec : a folder, a file, a glob pattern, a table as ``x.parquet`` or ``x.parquet#COLUMN``, a tar archive as
        ``x.tar`` or ``x-{000..009}.tar``, a list of paths and URLs as ``x.txt`` or ``-`` for standard input, an
        ``http:`` or ``https:`` URL, a URL that ``fsspec`` reaches, ``hf:NAME[:SPLIT]``, a folder that
        ``Dataset.save_to_disk`` wrote, or embeddings as ``x.npy``, as text or a path; a ``Dataset`` or ``DatasetDict``;
        a source already; or a list of any of these.
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
    except OSError as error:  # of a table, or of a folder's data set
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
    files: list[Path] = []
    archives: list[Path] = []
    others: list[Any] = []
    for spec in specs:
        path = _named_file(spec)
        if path is None:
            others.append(spec)
        else:
            (archives if _is_archive(path) else files).append(path)
    sources = open_all(others, lambda spec: open_source(spec, base=base))
    names = [prefix for source in sources if isinstance(source, DatasetSource) for prefix in source.prefixes]
    if len(names) != len(set(names)):
        twice = next(name for name in names if names.count(name) > 1)
        msg = f"two data sets would both be {twice!r}, and their rows could not be told apart; concatenate them"
        raise InputError(msg)
    # a shell expands a pattern to many: one source looks an id up among them all
    if files:
        sources.append(FilesSource(files, base=base))
    if archives:
        sources.append(ShardsSource(archives, base=base))
    return combined(sources)


def _named_file(spec: Any) -> Path | None:
    """Return the path of a spec that names one file that is an image or a tar archive."""
    if not isinstance(spec, (str, Path)) or spec == STANDARD_INPUT:
        return None
    path = _path(str(spec))
    return path if os.path.isfile(path) and (_is_archive(path) or not _is_collection(path)) else None  # noqa: PTH113


def _open_text(spec: str, base: Path) -> Source:
    if spec.startswith(HUB_PREFIX) and not _URL.match(spec):
        return hub_dataset(spec)
    if spec == STANDARD_INPUT:
        return standard_input_source(base=base)
    if not spec.strip():
        msg = f"an empty name was given as a source; {_SUPPORTED}"
        raise InputError(msg)
    if _URL.match(spec):
        return _open_url(spec, base)
    return _open_path(_path(spec), base)


def _open_url(url: str, base: Path) -> Source:
    place = re.split("[?#]|::", url, maxsplit=1)[0]
    if split_table(place) is not None or _PACKED.search(place) or _is_archive(Path(place)):
        msg = f"{printable(url)}: tables and archives are read from disk; download it, then name the file"
        raise InputError(msg)
    return url_source(url, base=base) if is_web_url(url) else RemoteSource(url)


def _path(text: str) -> Path:
    path = Path(original(text))
    return path.expanduser() if path.parts[:1] == ("~",) else path


def _open_path(path: Path, base: Path) -> Source:
    # unlike those of Path, these functions take any text: a pattern may be longer than a name can be
    if os.path.isdir(path):  # noqa: PTH112
        return saved_dataset(path, base=base) if is_saved_dataset(path) else FolderSource(path, base=base)
    if os.path.isfile(path):  # noqa: PTH113
        return _open_file(path, base)
    if os.path.exists(path):  # noqa: PTH110
        raise SourceError(printable(str(path)), "it is neither a file nor a folder")
    table = split_table(str(path))
    if table is not None and table[1] is not None and os.path.isfile(table[0]):  # noqa: PTH113
        return table_source(Path(table[0]), table[1], base=base)
    if has_braces(str(path)) and _is_collection(path):
        return _open_range(str(path), base)
    if is_pattern(str(path)):
        return _open_pattern(str(path), base)
    raise missing(str(path))


def _open_file(path: Path, base: Path) -> Source:
    if split_table(str(path)) is not None:
        return table_source(path, base=base)
    if path.suffix.lower() in LIST_SUFFIXES:
        return list_source(path, base=base)
    if _is_archive(path):
        return ShardsSource([path], base=base)
    if path.suffix.lower() == NPY_SUFFIX:
        return npy_embeddings(path, base=base)
    if _PACKED.search(path.name):
        msg = (
            f"{printable(str(path))!r} is a packed archive, in which single pictures cannot be reached; unpack it and "
            "name the folder, or a plain .tar file"
        )
        raise InputError(msg)
    return FilesSource([path], base=base)


def _open_pattern(pattern: str, base: Path) -> Source:
    # a pattern for pictures matches nothing else; one for tables says so by its end
    if not _is_collection(Path(pattern)):
        return GlobSource(pattern, base=base)
    found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
    if not found:
        raise SourceGoneError(printable(pattern), "matches no files")
    return _open_all(found, base)


def _open_range(names: str, base: Path) -> Source:
    paths = [Path(name) for name in expand_braces(names)]
    absent = [path for path in paths if not os.path.isfile(path)]  # noqa: PTH113
    if absent:
        what = "none of them is" if len(absent) == len(paths) else f"{len(absent):,} of them are not"
        reason = f"it names {len(paths):,} files, and {what} there, such as {printable(str(absent[0]))}"
        raise SourceGoneError(printable(names), reason)
    return _open_all(paths, base)


def _is_archive(path: Path) -> bool:
    return path.suffix.lower() == ".tar"


def _is_collection(path: Path) -> bool:
    """Say whether a file holds or lists several pictures, by its suffix."""
    is_listing = path.suffix.lower() in (*LIST_SUFFIXES, NPY_SUFFIX) or split_table(path.name) is not None
    return is_listing or _is_archive(path) or _PACKED.search(path.name) is not None
