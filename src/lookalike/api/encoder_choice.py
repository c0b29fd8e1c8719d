"""Which encoder a caller asked for, compared with a gallery's own before anything heavy is loaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.encoders.base import EncoderSpec
from lookalike.encoders.loading import EncoderOptions, load_encoder, load_encoder_for
from lookalike.errors import SpaceMismatchError, StoreCorruptError

if TYPE_CHECKING:
    from lookalike.encoders.base import Encoder
    from lookalike.gallery.lance_store import LanceStore

DEFAULT_ENCODER = "embedded"
_ALIASES = {DEFAULT_ENCODER: "efficientnet-lite0"}


@dataclass(frozen=True, slots=True)
class EncoderChoice:
    """A name and options, or nothing: the gallery's own encoder, and the embedded one for a new gallery."""

    name: str | None = None
    options: EncoderOptions = field(default_factory=EncoderOptions)

    def load(self, spec: EncoderSpec | None) -> Encoder:
        """Load the encoder for a gallery of that spec, or for a new one.

        Raises
        ------
        SpaceMismatchError : if it is not the encoder that the gallery was made by.
        LookalikeError : if it cannot be loaded; see :func:`lookalike.load_encoder`.
        """
        chosen = self.options
        if spec is not None:
            self.check(spec)
            return load_encoder_for(spec, device=chosen.device, trust_remote_code=chosen.trust_remote_code)
        return load_encoder(
            self.name or DEFAULT_ENCODER,
            pooling=chosen.pooling,
            preprocessing=chosen.preprocessing,
            precision=chosen.precision,
            device=chosen.device,
            trust_remote_code=chosen.trust_remote_code,
        )

    def check(self, spec: EncoderSpec) -> None:
        """Compare what was asked for with the gallery's encoder, without loading either.

        Raises
        ------
        SpaceMismatchError : if they differ.
        """
        asked = [
            (_canonical(self.name or spec.name), _canonical(spec.name), ""),
            (_as_mean(self.options.pooling), _as_mean(spec.pooling), " pooling"),
            (self.options.preprocessing, spec.preprocessing, " preprocessing"),
            (self.options.precision, spec.precision, ""),
        ]
        differing = [wanted + what for wanted, held, what in asked if wanted not in ("auto", held)]
        if differing:
            gallery = f"{spec} with {spec.preprocessing} preprocessing"
            raise SpaceMismatchError(gallery, ", ".join(differing), MISMATCH_REMEDY)


MISMATCH_REMEDY = "leave the encoder options out to use its own, or index into a new gallery with --gallery"


def spec_of(store: LanceStore) -> EncoderSpec:
    """Return the encoder that a gallery was made by.

    Raises
    ------
    StoreCorruptError : if the gallery does not say it.
    """
    try:
        return EncoderSpec.from_dict(store.manifest.encoder)
    except (KeyError, TypeError) as error:
        reason = f"what it says of its encoder cannot be read: {error}"
        raise StoreCorruptError(str(store.location.folder), reason) from error


def check_space(gallery: EncoderSpec, encoder: EncoderSpec) -> None:
    """Compare an encoder at hand with the one that a gallery was made by.

    Raises
    ------
    SpaceMismatchError : if their embeddings do not compare.
    """
    if gallery.space != encoder.space:
        remedy = "open the gallery without an encoder to use its own, or index into a new gallery"
        raise SpaceMismatchError(_described(gallery), _described(encoder), remedy)


def _described(spec: EncoderSpec) -> str:
    return f"{spec} with {spec.preprocessing} preprocessing and weights {spec.weights_digest[:12]}"


def _as_mean(pooling: str) -> str:
    """Return the pooling with one name for the mean: that of a feature map, asked for as ``mean``, is ``average``."""
    return pooling.replace("average", "mean")


def _canonical(name: str) -> str:
    name = _ALIASES.get(name, name)
    folder = Path(name).expanduser()
    return str(folder.resolve()) if folder.is_dir() else name
