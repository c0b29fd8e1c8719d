"""Which encoder a caller asked for, compared with a gallery's own before anything heavy is loaded."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lookalike.encoders.base import EncoderSpec
from lookalike.encoders.loading import (
    AUTO,
    CHOICES,
    ENCODERS,
    EncoderOptions,
    check_name,
    described,
    is_checkpoint,
    load_encoder,
    load_encoder_for,
)
from lookalike.encoders.pooling import parse_pooling
from lookalike.encoders.presets import checkpoint_of
from lookalike.errors import SpaceMismatchError, StoreCorruptError, UnknownNameError

if TYPE_CHECKING:
    from pathlib import Path

    from lookalike.encoders.base import Encoder
    from lookalike.encoders.loading import Calibration
    from lookalike.gallery.lance_store import LanceStore

DEFAULT_ENCODER = "embedded"
_ALIASES = {DEFAULT_ENCODER: "efficientnet-lite0"}


@dataclass(frozen=True, slots=True)
class EncoderChoice:
    """A name and options, or nothing: the gallery's own encoder, and the embedded one for a new gallery."""

    name: str | None = None
    options: EncoderOptions = field(default_factory=EncoderOptions)

    def load(
        self, spec: EncoderSpec | None, *, kept: Path | None = None, calibration: Calibration | None = None
    ) -> Encoder:
        """Load the encoder for a gallery of that spec, or for a new one.

        Parameters
        ----------
        spec : the gallery's, or None.
        kept : the folder in which the gallery keeps what cannot be made again.
        calibration : images of a new gallery, for a precision that has to be calibrated.

        Raises
        ------
        SpaceMismatchError : if it is not the encoder that the gallery was made by.
        LookalikeError : if it cannot be loaded; see :func:`lookalike.load_encoder`.
        """
        chosen = self.options
        if spec is not None:
            self.check(spec)
            return load_encoder_for(
                spec,
                name=self.name if self.may_have_moved(spec) else None,
                device=chosen.device,
                trust_remote_code=chosen.trust_remote_code,
                runtime=chosen.runtime,
                kept=kept,
            )
        return load_encoder(
            self.name or DEFAULT_ENCODER,
            pooling=chosen.pooling,
            preprocessing=chosen.preprocessing,
            precision=chosen.precision,
            device=chosen.device,
            trust_remote_code=chosen.trust_remote_code,
            runtime=chosen.runtime,
            calibration=chosen.calibration or calibration,
        )

    def check(self, spec: EncoderSpec) -> None:
        """Compare what was asked for with the gallery's encoder, as far as that goes without loading either.

        Raises
        ------
        UnknownNameError : if there is no such encoder, or an option has no such choice.
        InputError : if the encoder is a folder that holds no model, or a pooling names a layer that none can have.
        SpaceMismatchError : if they differ.
        """
        differing = []
        is_other = self.name is not None and _canonical(self.name) != _canonical(spec.name)
        if self.name is not None and is_other and not self.may_have_moved(spec):
            check_name(self.name)
            differing.append(self.name)
        for option, known in CHOICES.items():
            wanted, held = getattr(self.options, option), getattr(spec, option)
            if wanted == AUTO or _as_mean(wanted) == _as_mean(held):
                continue
            kind = parse_pooling(wanted)[0] if option == "pooling" else wanted
            if kind not in known:
                raise UnknownNameError(option, wanted, {*known, held})
            differing.append(f"{option} {wanted}")
        if differing:
            gallery = f"{spec} with {spec.preprocessing} preprocessing"
            raise SpaceMismatchError(gallery, ", ".join(differing), MISMATCH_REMEDY)

    def may_have_moved(self, spec: EncoderSpec) -> bool:
        """Say whether what was asked for is a checkpoint in another folder, of which its weights alone tell more."""
        if self.name is None or _canonical(self.name) == _canonical(spec.name) or spec.name in ENCODERS.names():
            return False
        return is_checkpoint(_canonical(self.name))


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
        raise SpaceMismatchError(described(gallery), described(encoder), remedy)


def _as_mean(choice: str) -> str:
    """Return the pooling with one name for the mean: that of a feature map, asked for as ``mean``, is ``average``."""
    return choice.replace("average", "mean")


def _canonical(name: str) -> str:
    name = _ALIASES.get(name, checkpoint_of(name))
    folder = os.path.expanduser(name)  # noqa: PTH111 - unlike those of Path, these functions take any text
    return os.path.realpath(folder) if os.path.isdir(folder) else name  # noqa: PTH112
