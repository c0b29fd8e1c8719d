"""An encoder as a function for ``Dataset.map`` of the ``datasets`` library."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL.Image import Image

from lookalike.encoders.loading import load_encoder_for
from lookalike.encoders.staging import batch_size, decode_for
from lookalike.errors import ImageDecodeError, InputError, SourceError
from lookalike.images.damage import DECODER_ERRORS
from lookalike.images.decode import as_pixels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lookalike.arrays import Vectors
    from lookalike.encoders.base import Encoder, EncoderSpec
    from lookalike.images.decode import Pixels


def map_function(
    encoder: Encoder,
    *,
    image_column: str = "image",
    embedding_column: str = "embedding",
    device: str = "auto",
    trust_remote_code: bool = False,
) -> MapFunction:
    """Return the encoder as a function for ``Dataset.map(..., batched=True)``, also with ``num_proc``.

    Parameters
    ----------
    encoder : in other processes it is loaded again by its spec, so there its name has to be one that
        :func:`lookalike.load_encoder` takes.
    image_column : holds pictures: a column of ``datasets.Image``, decoded or not, or of paths or bytes of files.
    embedding_column : is added.
    device : for other processes; see :func:`lookalike.load_encoder`.
    trust_remote_code : for other processes; see :func:`lookalike.load_encoder`.

    Notes
    -----
    With ``num_proc`` a process that has opened a gallery gets the warning that Lance is not safe to fork. It does not
    concern this function, which uses no gallery.

    Examples
    --------
    >>> dataset.map(map_function(load_encoder()), batched=True, num_proc=2)  # doctest: +SKIP
    """
    options = (device, trust_remote_code, getattr(encoder, "kept", None), getattr(encoder, "runtime", "auto"))
    return MapFunction(encoder.spec, image_column, embedding_column, *options, encoder)


@dataclass(slots=True)
class MapFunction:
    """Adds a column of embeddings to a batch of rows; made by :func:`map_function`.

    What is pickled, and what ``datasets`` tells cached results by, are the encoder's spec and the options, not the
    encoder: the same spec and options mean the same embeddings.
    """

    spec: EncoderSpec
    image_column: str
    embedding_column: str
    device: str
    trust_remote_code: bool
    kept: Path | None = None
    """The folder that holds what the encoder cannot be made again from."""
    runtime: str = "auto"
    """What runs the encoder; see :func:`lookalike.load_encoder`."""
    _encoder: Encoder | None = field(default=None, repr=False, compare=False)

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Embed the pictures of a batch.

        Encoded pictures, as a column of ``Image(decode=False)`` holds them, are embedded as a gallery embeds them.
        Pictures that ``datasets`` has decoded are embedded as ``encode_images`` embeds their pixels: that is slower,
        and for large JPEGs a little different.

        Parameters
        ----------
        batch : the rows, by column.

        Returns
        -------
        The new column: float32, one embedding of ``spec.dim`` numbers a row, and None for a row that holds no picture
        or an encoded one that is damaged. If all rows of the first batch are such, ``Dataset.map`` has to be told the
        column's type by its ``features``.

        Raises
        ------
        InputError : if there is no such column, it holds no pictures, or ``batched=True`` was forgotten.
        ImageDecodeError : if a picture that ``datasets`` decodes is damaged.
        SourceError : if a file that a row names cannot be read.
        LookalikeError : if the encoder cannot be loaded; see :func:`lookalike.load_encoder`.
        """
        values = self._values(batch)
        if self._encoder is None:
            self._encoder = load_encoder_for(
                self.spec,
                device=self.device,
                trust_remote_code=self.trust_remote_code,
                runtime=self.runtime,
                kept=self.kept,
            )
        encoder, size = self._encoder, batch_size(self._encoder)
        embeddings: list[Vectors | None] = []
        # a few pictures at a time: a thousand photos, which is a usual batch of rows, need not fit into memory
        for start in range(0, len(values), size):
            pixels = [self._pixels(encoder, row, values[row]) for row in range(start, min(start + size, len(values)))]
            found = iter(encoder.encode_images([image for image in pixels if image is not None]))
            embeddings.extend(None if image is None else next(found) for image in pixels)
        return {self.embedding_column: embeddings}

    def __reduce__(self) -> tuple[Any, ...]:
        columns = (self.image_column, self.embedding_column)
        return MapFunction, (self.spec, *columns, self.device, self.trust_remote_code, self.kept, self.runtime)

    def _values(self, batch: Mapping[str, Any]) -> Sequence[Any]:
        if self.image_column not in batch:
            msg = f"there is no column {self.image_column!r} (there are: {', '.join(batch)}); name it as image_column"
            raise InputError(msg)
        try:
            values = batch[self.image_column]
        except DECODER_ERRORS as error:
            reason = (
                f"a picture in the column {self.image_column!r} cannot be read ({error}); to have None for such rows, "
                f"first: dataset = dataset.cast_column({self.image_column!r}, datasets.Image(decode=False))"
            )
            raise ImageDecodeError(reason) from error
        if values is None or isinstance(values, (str, bytes, dict, Image)):
            msg = "the function embeds batches of rows; call Dataset.map with batched=True"
            raise InputError(msg)
        rows: Sequence[Any] = values
        return rows

    def _pixels(self, encoder: Encoder, row: int, value: Any) -> Pixels | None:
        try:
            return _pixels(encoder, value)
        except ImageDecodeError:
            return None
        except InputError as error:
            msg = f"the column {self.image_column!r}, row {row} of a batch: {error}"
            raise InputError(msg) from error


def _pixels(encoder: Encoder, value: Any) -> Pixels | None:
    if isinstance(value, dict):
        data = value.get("bytes")
        value = value.get("path") if data is None else data
    if value is None:
        return None
    if isinstance(value, str):
        value = _read(value)
    return decode_for(encoder, value).pixels if isinstance(value, bytes) else as_pixels(value)


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise SourceError(path, error.strerror or str(error)) from error
