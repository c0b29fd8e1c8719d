"""Datasets of the ``datasets`` library: from a hub, saved on disk, or in memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.errors import BackendMissingError, InputError, SourceError, first_line
from lookalike.hub import quiet_hub
from lookalike.images.ref import ImageRef
from lookalike.sources.columns import Columns, columns_of
from lookalike.sources.names import anchored, item_id, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lookalike.images.ref import Scalar

HUB_PREFIX = "hf:"
_BATCH = 1000
_UNNAMED_SPLIT = "train"  # as the datasets library names the only split of a data set


@dataclass(frozen=True, slots=True)
class _Split:
    images: Any
    """A Dataset of the image column alone, not decoded."""
    attributes: Any
    """A Dataset of the attribute columns."""
    columns: Columns
    fingerprint: str


class DatasetSource:
    """The rows of a ``Dataset``, or of every split of a ``DatasetDict``; ids are NAME/SPLIT/ROW.

    Parameters
    ----------
    dataset : a ``datasets.Dataset`` or ``DatasetDict``.
    name : begins every id; by default the data set's own, or "dataset". Name two unnamed ones apart.
    uri : begins every URI; by default made of the name.

    Raises
    ------
    InputError : if it is streamed, or no column holds pictures.
    """

    def __init__(self, dataset: Any, *, name: str | None = None, uri: str | None = None) -> None:
        import datasets

        if isinstance(dataset, datasets.Dataset):
            dataset = {str(dataset.split or _UNNAMED_SPLIT): dataset}
        elif not isinstance(dataset, dict) or isinstance(dataset, datasets.IterableDatasetDict):
            msg = f"a {type(dataset).__name__} cannot be listed twice; load the data set without streaming=True"
            raise InputError(msg)
        own = next((split.info.dataset_name for split in dataset.values()), None)
        self._name = name or own or "dataset"
        self.uri = uri or f"dataset:{self._name}"
        self._splits = {str(split): _split(rows) for split, rows in dataset.items()}

    @property
    def prefixes(self) -> list[str]:
        """What the ids of each split's rows begin with."""
        return [f"{self._name}/{split}" for split in self._splits]

    def __iter__(self) -> Iterator[ImageRef]:
        """List the rows of each split in order.

        Raises
        ------
        SourceError : if there are none.
        """
        is_empty = True
        for name, split in self._splits.items():
            for row, attributes in enumerate(_attributes(split)):
                is_empty = False
                uri = f"{self.uri}#{name}/{row}"
                yield ImageRef(f"{self._name}/{name}/{row}", uri, attributes, f"{split.fingerprint}:{row}")
        if is_empty:
            raise SourceError(self.uri, "the data set holds no rows")

    def read(self, ref: ImageRef) -> bytes:
        """Return the bytes of the row's picture as they were stored, not encoded again.

        Raises
        ------
        OSError : if the row holds none, or names a file that cannot be read.
        """
        located = self._locate(ref.id)
        if located is None:
            raise SourceError(ref.uri, f"it is not in {self.uri}")
        split, row = located
        value = split.images[row][split.columns.image]
        if isinstance(value, dict):
            value = value["bytes"] if value["bytes"] is not None else value["path"]
        if isinstance(value, bytes):
            return value
        if not value:
            raise SourceError(ref.uri, "the row holds no picture")
        return Path(value).read_bytes()

    def covers(self, item_id: str) -> bool:
        """Say whether the item is a row, present or past, of one of these splits."""
        return self._split_and_row(item_id) is not None

    def _locate(self, item_id: str) -> tuple[_Split, int] | None:
        found = self._split_and_row(item_id)
        return found if found is not None and found[1] < len(found[0].images) else None

    def _split_and_row(self, item_id: str) -> tuple[_Split, int] | None:
        if not item_id.startswith(f"{self._name}/"):
            return None
        split, _, row = item_id[len(self._name) + 1 :].rpartition("/")
        if split not in self._splits or not (row.isascii() and row.isdecimal()):
            return None
        return self._splits[split], int(row)


def hub_dataset(spec: str) -> DatasetSource:
    """Return the data set that ``hf:NAME`` or ``hf:NAME:SPLIT`` names.

    Raises
    ------
    BackendMissingError : if the ``datasets`` library is not installed.
    SourceError : if there is no such data set or split, or the hub cannot be reached.
    InputError : if no column holds pictures.
    """
    name, _, split = spec.removeprefix(HUB_PREFIX).partition(":")
    if not name:
        msg = f"{spec!r} names no data set; write hf:NAME or hf:NAME:SPLIT"
        raise InputError(msg)
    datasets = datasets_library()
    try:
        with quiet_hub():
            loaded = datasets.load_dataset(name, split=split or None)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise SourceError(spec, first_line(error)) from error
    return DatasetSource({split: loaded} if split else loaded, name=name, uri=f"{HUB_PREFIX}{name}")


def saved_dataset(folder: Path, *, base: Path) -> DatasetSource:
    """Return the data set that ``save_to_disk`` wrote to a folder; in ids its name is the folder's path.

    Raises
    ------
    BackendMissingError : if the ``datasets`` library is not installed.
    SourceError : if it cannot be read.
    InputError : if no column holds pictures.
    """
    datasets = datasets_library()
    path = anchored(folder, base)
    try:
        loaded = datasets.load_from_disk(path)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise SourceError(printable(path), f"the saved data set is damaged: {first_line(error)}") from error
    # not the path alone: no file is there to be read without this source
    return DatasetSource(loaded, name=item_id(path, base), uri=f"dataset:{printable(path)}")


def is_saved_dataset(folder: Path) -> bool:
    """Say whether ``save_to_disk`` wrote the folder."""
    try:
        if (folder / "dataset_dict.json").is_file():
            return True
        return (folder / "state.json").is_file() and (folder / "dataset_info.json").is_file()
    except OSError:  # a folder that cannot be entered
        return False


def _split(rows: Any) -> _Split:
    from datasets import Image

    columns = columns_of(rows.features)
    plain = rows.with_format(None)
    images = plain.select_columns([columns.image])
    if isinstance(rows.features[columns.image], Image):
        images = images.cast_column(columns.image, Image(decode=False))
    return _Split(images, plain.select_columns(columns.attributes), columns, rows._fingerprint)


def _attributes(split: _Split) -> Iterator[dict[str, Scalar]]:
    """Return the attributes of each row, reading only the columns that hold them."""
    names = split.columns.attributes
    if not names:
        yield from ({} for _ in range(len(split.images)))
        return
    for batch in split.attributes.iter(batch_size=_BATCH):
        for values in zip(*(batch[name] for name in names), strict=True):
            yield split.columns.attributes_of(dict(zip(names, values, strict=True)))


def datasets_library() -> Any:
    """Return the library ``datasets``.

    Raises
    ------
    BackendMissingError : if it is not installed.
    """
    try:
        import datasets
    except ImportError as error:
        backend, extra = "datasets", "hf"
        raise BackendMissingError(backend, extra) from error
    return datasets
