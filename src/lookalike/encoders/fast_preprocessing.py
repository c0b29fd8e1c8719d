"""What a processor does, done faster: one resize of the part that is kept, and one multiplication.

Nothing is assumed of a processor. A chain is built from the sizes that it states, the values are read off what it makes
of plain colours, and the chain is taken only if it makes of pictures what the processor makes of them.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import numpy.typing as npt

    from lookalike.images.decode import Pixels

_REDUCED_BEFORE = {
    Image.Resampling.BILINEAR: 2.2,
    Image.Resampling.BICUBIC: 2.2,
    Image.Resampling.LANCZOS: 3.0,
    Image.Resampling.HAMMING: 3.0,
}
"""How many times the resized side a JPEG's side must keep when its decoder reduces it; other methods show the step."""
_MOST_SHIFT = 0.05
"""How far a reduction by the decoder may move the edges of the resized image; in its pixels."""
_TOLERANCE = 1.0
"""The mean absolute difference that a chain may show, in each channel, where pixels go from 0 to 255."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """The size that an image is resized to, and the centre that is kept of it; in pixels."""

    short: int | None
    """The short side of the resized image, its aspect kept; None where it becomes ``full`` whatever its aspect."""
    full: tuple[int, int]
    """Height and width of the resized image where ``short`` is None."""
    kept: tuple[int, int]
    """Height and width of what is kept."""

    def is_possible(self) -> bool:
        """Whether what is kept lies within every resized image, so that nothing has to be padded."""
        limits = self.full if self.short is None else (self.short, self.short)
        return all(part <= limit for part, limit in zip(self.kept, limits, strict=True))

    def resized(self, height: int, width: int) -> tuple[int, int]:
        """Return the height and width that an image of that size is resized to."""
        if self.short is None:
            return self.full
        if width <= height:
            return int(self.short * height / width), self.short
        return self.short, int(self.short * width / height)


@dataclass(frozen=True, slots=True)
class Values:
    """Pixels to the model's values: channel ``i`` is ``scale[i] * pixels[order[i]] + offset[i]``."""

    order: npt.NDArray[np.intp]
    scale: npt.NDArray[np.float32]
    """Shape (3, 1, 1)."""
    offset: npt.NDArray[np.float32]
    """Shape (3, 1, 1)."""


@dataclass(frozen=True, slots=True)
class FastChain:
    """Prepares an image as a processor does, within a mean difference of one of 255 levels."""

    kind: ClassVar[str] = "fast"
    geometry: Geometry
    resample: Image.Resampling
    values: Values

    def to_dict(self) -> dict[str, Any]:
        """Return the chain as JSON-ready values."""
        values = {part: getattr(self.values, part).ravel().tolist() for part in ("order", "scale", "offset")}
        return {**asdict(self.geometry), "resample": int(self.resample), **values}

    @classmethod
    def from_dict(cls, numbers: Mapping[str, Any]) -> FastChain:
        """Return the chain that :meth:`to_dict` described.

        Raises
        ------
        KeyError, TypeError, ValueError : if the numbers are damaged.
        """
        full, kept = ((int(height), int(width)) for height, width in (numbers["full"], numbers["kept"]))
        scale, offset = (np.asarray(numbers[part], np.float32).reshape(3, 1, 1) for part in ("scale", "offset"))
        values = Values(np.asarray(numbers["order"], np.intp), scale, offset)
        return cls(Geometry(numbers["short"], full, kept), Image.Resampling(numbers["resample"]), values)

    @property
    def decode_side(self) -> int | None:
        """See :class:`lookalike.encoders.base.StagedEncoder`."""
        times = _REDUCED_BEFORE.get(self.resample)
        return None if times is None else math.ceil(times * self._side)

    @property
    def decode_drift(self) -> float:
        """See :class:`lookalike.encoders.base.StagedEncoder`."""
        return _MOST_SHIFT / self._side

    @property
    def _side(self) -> int:
        return self.geometry.short or max(self.geometry.full)

    def __call__(self, image: Pixels) -> npt.NDArray[np.float32]:
        """Return shape (3, height, width)."""
        size = image.shape[:2]
        resized, kept = self.geometry.resized(*size), self.geometry.kept
        starts = [(whole - part) // 2 for whole, part in zip(resized, kept, strict=True)]
        # only what is kept is computed: the rest of a long strip would fill the memory
        top, left = (start * side / whole for start, side, whole in zip(starts, size, resized, strict=True))
        bottom, right = (
            min(side, (start + part) * side / whole)
            for start, part, side, whole in zip(starts, kept, size, resized, strict=True)
        )
        small = Image.fromarray(image).resize(kept[::-1], self.resample, box=(left, top, right, bottom))
        pixels = np.asarray(small).transpose(2, 0, 1)[self.values.order]
        prepared: npt.NDArray[np.float32] = np.multiply(pixels, self.values.scale, dtype=np.float32)
        prepared += self.values.offset
        return prepared


def find_fast_chain(processor: Any, prepare: Callable[[Pixels], npt.NDArray[Any]]) -> FastChain | None:
    """Return a chain that equals a processor, or None if there is none.

    Parameters
    ----------
    processor : a ``transformers`` image processor, which says its sizes and its resampling.
    prepare : prepares one image by it.

    Notes
    -----
    Equal means: of noise, lying and standing, larger and smaller than the model's input, the mean absolute difference
    in each channel is at most one level of 255. A shift by one pixel, or another resampling, is far beyond that.
    """
    resample = getattr(processor, "resample", None)
    if not isinstance(resample, int):
        return None
    values = None
    for geometry in filter(Geometry.is_possible, _geometries(processor)):
        values = values or _values(prepare)
        if values is None:
            return None
        chain = FastChain(geometry, Image.Resampling(resample), values)
        if all(_is_equal(chain, prepare, picture) for picture in _pictures(geometry)):
            return chain
    return None


def _geometries(processor: Any) -> Iterator[Geometry]:
    """Yield what the stated sizes may mean, by the ways in which the processors of transformers read them."""
    size = getattr(processor, "size", None)
    full, shortest = _full(size), side_of(size, "shortest_edge")
    kept = _full(getattr(processor, "crop_size", None)) if getattr(processor, "do_center_crop", False) else None
    if full:
        yield Geometry(None, full, kept or full)
    if shortest:
        square = (shortest, shortest)
        percentage = getattr(processor, "crop_pct", None) or 1.0
        for short in dict.fromkeys((shortest, int(shortest / percentage), int((256 / 224) * shortest))):
            yield Geometry(short, square, kept or square)
        yield Geometry(None, square, kept or square)


def _full(size: Any) -> tuple[int, int] | None:
    height, width = side_of(size, "height"), side_of(size, "width")
    return (height, width) if height and width else None


def side_of(size: Any, name: str) -> int | None:
    """Return a side from a size: a dictionary, or an object with the same names, by the version of transformers."""
    value = size.get(name) if isinstance(size, dict) else getattr(size, name, None)
    return int(value) if isinstance(value, int) else None


def _values(prepare: Callable[[Pixels], npt.NDArray[Any]]) -> Values | None:
    """Return how values follow from pixels, read off plain colours; None if each does not follow from one channel."""
    plain = [prepare(np.full((64, 64, 3), color, np.uint8)) for color in ((0, 0, 0), *(255 * np.eye(3, dtype=int)))]
    if any(values.ndim != 3 or len(values) != 3 for values in plain):
        return None
    black, *colors = (values.mean(axis=(1, 2)) for values in plain)
    gains = np.stack([color - black for color in colors], axis=1)  # (output channel, input channel)
    order = np.abs(gains).argmax(axis=1)
    if sorted(order) != [0, 1, 2]:
        return None
    scale = gains[np.arange(3), order] / 255
    return Values(order, *(np.asarray(part, np.float32).reshape(3, 1, 1) for part in (scale, black)))


def _pictures(geometry: Geometry) -> Iterator[Pixels]:
    rng = np.random.default_rng(0)
    for height, width in ((1.3, 2.1), (2.4, 1.5), (0.6, 0.8)):
        shape = round(height * geometry.kept[0]), round(width * geometry.kept[1]), 3
        yield rng.integers(0, 256, shape, np.uint8)


def _is_equal(chain: FastChain, prepare: Callable[[Pixels], npt.NDArray[Any]], picture: Pixels) -> bool:
    exact = prepare(picture)
    if exact.shape != (3, *chain.geometry.kept):
        return False
    difference = np.abs(chain(picture) - exact).mean(axis=(1, 2), keepdims=True)
    return bool((difference <= _TOLERANCE * np.abs(chain.values.scale)).all())
