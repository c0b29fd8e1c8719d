"""The protocols of encoders, and the identity of the space they embed into."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from lookalike.arrays import Vectors
    from lookalike.encoders.patches import Patches
    from lookalike.images.decode import Pixels


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """The identity of an embedding space: embeddings compare only under equal specs."""

    name: str
    """What :func:`lookalike.load_encoder` takes to make it again."""
    revision: str
    weights_digest: str
    """Hexadecimal digest of the weights; in int8 that of the quantised model, a hyphen, and that of the weights."""
    pooling: str
    preprocessing: str
    precision: str
    """``f32``, ``bf16``, ``f16`` or ``int8``: their embeddings differ enough to change the order of hits."""
    dim: int
    modalities: tuple[str, ...] = ("image",)
    """``image``, and ``text`` where the encoder embeds texts into the same space."""
    pooling_reason: str = field(default="", compare=False)
    """Why the pooling is that one, a clause; no part of the identity, and empty where nothing was chosen."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready values."""
        return {**asdict(self), "modalities": list(self.modalities)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EncoderSpec:
        """Return the spec that :meth:`to_dict` described."""
        return cls(**{**values, "modalities": tuple(values["modalities"])})

    @property
    def space(self) -> tuple[str | int, ...]:
        """What decides whether embeddings compare: not the name and the revision, which change when a model moves."""
        return (self.weights_digest, self.pooling, self.preprocessing, self.precision, self.dim)

    def __str__(self) -> str:
        return f"{self.name} ({self.pooling} pooling, {self.precision}, {self.dim}-d)"


@runtime_checkable
class Encoder(Protocol):
    """Turns images into embeddings; this one method is all that a plug-in must have."""

    @property
    def spec(self) -> EncoderSpec:
        """The identity of the space."""
        ...

    def encode_images(self, images: Sequence[Pixels]) -> Vectors:
        """Embed a batch.

        Parameters
        ----------
        images : each of shape (height, width, 3), uint8, RGB; sizes may differ.

        Returns
        -------
        Shape (len(images), spec.dim), float32, not normalised.
        """
        ...


@runtime_checkable
class StagedEncoder(Encoder, Protocol):
    """An encoder whose preprocessing can run in other threads than its inference, so that the two overlap.

    One whose :meth:`encode_prepared` may be called from several threads, and is quicker so, has the number of calls at
    once as ``batches_at_once``, at least 1.
    """

    @property
    def batch_size(self) -> int:
        """The number of images that one call of :meth:`encode_prepared` takes at its best speed."""
        ...

    @property
    def decode_side(self) -> int | None:
        """A JPEG may be decoded at a reduced scale if its short side keeps this many pixels; None: in full only.

        An encoder that also has ``decode_drift`` is given only reduced pictures whose far edges lie off by no more
        than that share of their sides.
        """
        ...

    def prepare(self, image: Pixels) -> npt.NDArray[Any]:
        """Preprocess one image into the model's input, without the batch axis. Safe to call from several threads."""
        ...

    def encode_prepared(self, batch: npt.NDArray[Any]) -> Vectors:
        """Embed a batch of prepared inputs, stacked along a first axis; returns shape (n, dim), float32."""
        ...


@runtime_checkable
class PatchEncoder(StagedEncoder, Protocol):
    """An encoder that shows what it sees at each place of an image."""

    def encode_patches(self, batch: npt.NDArray[Any]) -> Patches:
        """Return the features of prepared inputs, stacked along a first axis, at the layer that embeddings come from.

        Raises
        ------
        LookalikeError : if its features do not lie on a grid.
        """
        ...


@runtime_checkable
class TextEncoder(Encoder, Protocol):
    """An encoder that embeds texts into the same space as images."""

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Embed texts; returns shape (len(texts), spec.dim), float32, not normalised."""
        ...


@runtime_checkable
class KeptEncoder(Encoder, Protocol):
    """An encoder that may not be possible to make again from its name alone, so that a gallery keeps what it takes."""

    def keep_in(self, folder: Path) -> None:
        """Copy what cannot be made again into a folder, if there is anything.

        Raises
        ------
        OSError : if the folder cannot be written.
        """
        ...
