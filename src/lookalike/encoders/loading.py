"""An encoder from its name: the embedded one, a third party's, or a Hugging Face checkpoint."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from lookalike.encoders.pooling import POOLINGS
from lookalike.encoders.presets import PRESET_NAMES, checkpoint_of
from lookalike.errors import EncoderError, InputError, SpaceMismatchError, UnknownNameError
from lookalike.plugins import Plugin, Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from lookalike.encoders.base import Encoder, EncoderSpec
    from lookalike.images.decode import Pixels

Calibration: TypeAlias = "Sequence[Pixels] | Callable[[], Iterable[Pixels]]"
"""Images to calibrate on, or a function that reads them when they are needed."""

AUTO = "auto"
CHOICES = {
    "pooling": (AUTO, *POOLINGS),
    "preprocessing": (AUTO, "fast", "processor", "resize-crop"),
    "precision": (AUTO, "f32", "bf16", "f16", "int8"),
}
"""What may be chosen about the encoders that come along and about checkpoints; one encoder need not have it all."""

ENCODERS = Registry(
    "encoder",
    {
        "embedded": Plugin("lookalike.encoders.embedded:load"),
        "efficientnet-lite0": Plugin("lookalike.encoders.embedded:load"),
        "precomputed": Plugin("lookalike.encoders.precomputed:load"),
    },
)
"""Names to functions ``(name: str, options: EncoderOptions) -> Encoder``."""


@dataclass(frozen=True, slots=True)
class EncoderOptions:
    """What may be chosen about an encoder; ``auto`` leaves it to the encoder."""

    pooling: str = "auto"
    preprocessing: str = "auto"
    precision: str = "auto"
    device: str = "auto"
    trust_remote_code: bool = False
    revision: str = ""
    """Of a checkpoint on the hub: the commit to load; empty: the newest."""
    runtime: str = "auto"
    calibration: Calibration | None = None
    """Images to calibrate int8 on."""
    spec: EncoderSpec | None = None
    """A stored spec, whose encoder is to be made again."""
    kept: Path | None = None
    """The folder in which a gallery keeps what its encoder cannot be made again from."""


def load_encoder(  # noqa: PLR0913  # one keyword for each choice that a caller has
    name: str = "embedded",
    *,
    pooling: str = "auto",
    preprocessing: str = "auto",
    precision: str = "auto",
    device: str = "auto",
    trust_remote_code: bool = False,
    runtime: str = "auto",
    calibration: Calibration | None = None,
    exact_preprocessing: bool = False,
) -> Encoder:
    """Make an encoder.

    Parameters
    ----------
    name : ``embedded`` (EfficientNet-Lite0, installed with the package), another preset (``small``, ``best``, ``text``,
        ``beans``; see :mod:`lookalike.encoders.presets`), the name that a plug-in registered, a folder that holds a
        saved ``transformers`` model, or a model's id on the Hugging Face hub (``owner/model``).
    pooling : how a checkpoint's features become one vector: ``auto`` (what the model's documentation has one do; see
        :func:`lookalike.encoders.pooling.choose_pooling`), ``cls``, ``mean`` (over patches), ``gem`` (the generalised
        mean over patches or a feature map), ``pooler``, ``image-features`` (the embedding that is shared with texts)
        or ``average`` (over a feature map). ``cls@-4``, ``mean@6``, ``gem@-1`` and ``average@2`` take the hidden state
        of a layer, before the model's final normalisation.
    preprocessing : ``auto``, ``processor`` (a checkpoint's own, of the image decoded in full), ``fast`` (the same
        within a mean difference of one of 255 levels, faster, for most processors; what ``auto`` means where it is to
        be had, else ``processor``), or ``resize-crop`` (short side to 256/224 of the model's size, centre crop, the
        processor's mean and deviation).
    precision : ``f32``, ``bf16``, ``f16`` (on a GPU), or ``int8`` (the embedded encoder, or a checkpoint on the CPU);
        each makes a space of its own. ``auto`` is ``f32`` on the CPU, and for a checkpoint on a GPU ``bf16`` where it
        computes in that, else ``f16``.
    device : ``auto`` (the fastest at hand), ``cuda``, ``mps``, ``cpu``, as PyTorch names them.
    trust_remote_code : whether to run Python code that a checkpoint brings along.
    runtime : ``torch``, ``openvino`` (on the CPU), or ``auto``: a checkpoint is run by OpenVINO on the CPU if it
        converts, and by PyTorch otherwise; the encoder's ``runtime`` and ``runtime_reason`` say which, and why.
    calibration : images like those to be searched, for a new int8 encoder: a sequence of pixels, or a function without
        arguments that returns an iterable of them. 100 to 300 are enough.
    exact_preprocessing : the same as the preprocessing ``processor``.

    Returns
    -------
    The encoder; its ``spec`` holds the choices that ``auto`` came to.

    Raises
    ------
    UnknownNameError : if the name is none of those.
    InputError : if a folder holds no model, or an option has no meaning for the encoder.
    BackendMissingError : if a checkpoint is asked for and PyTorch or transformers is not installed, or nncf for int8.
    EncoderError : if the model cannot be loaded, for example without a network.

    Notes
    -----
    The conversion happens once; it is kept in the user's cache folder, or in that which the environment variable
    ``LOOKALIKE_CACHE`` names. OpenVINO takes the place of PyTorch only where all embeddings of a probe then have a
    cosine of at least .9999 in f32, or .999 in bf16, to those of PyTorch in f32; so a gallery that was made by one can
    be searched by the other.

    Examples
    --------
    >>> load_encoder().spec.dim
    1280
    """
    preprocessing = preprocessing_named(preprocessing, exact=exact_preprocessing)
    chosen = (pooling, preprocessing, precision, device, trust_remote_code)
    return _find(name)(EncoderOptions(*chosen, runtime=runtime, calibration=calibration))


def preprocessing_named(name: str, *, exact: bool) -> str:
    """Return the name of the preprocessing that was asked for by name, or as an exact one.

    Raises
    ------
    InputError : if it was asked for by both, and they differ.
    """
    if not exact:
        return name
    if name not in ("auto", "processor"):
        msg = f"exact preprocessing is the checkpoint's own processor, not {name}; leave one of the two out"
        raise InputError(msg)
    return "processor"


def load_encoder_for(  # noqa: PLR0913  # one keyword for each choice that a caller has
    spec: EncoderSpec,
    *,
    name: str | None = None,
    device: str = "auto",
    trust_remote_code: bool = False,
    runtime: str = "auto",
    kept: Path | None = None,
) -> Encoder:
    """Make the encoder of a stored spec again.

    Parameters
    ----------
    spec : what a gallery was made by. Of a checkpoint on the hub, the revision that it names is loaded where it can be
        had, though the name may stand for a newer one by now.
    name : where it is found now, if not under its own name.
    device : see :func:`load_encoder`.
    trust_remote_code : see :func:`load_encoder`.
    runtime : see :func:`load_encoder`.
    kept : the folder in which a gallery keeps an int8 model.

    Raises
    ------
    SpaceMismatchError : if the encoder of that name is another one by now, such as after a change of its weights.
    LookalikeError : as :func:`load_encoder` does.
    """
    # an int8 model is found by itself, whatever has become of the checkpoint; one that is named is compared with it
    is_found = name is None and _is_quantised_checkpoint(spec)
    make = partial(_load_checkpoint, spec.name) if is_found else _find_again(spec, name)
    chosen = (spec.pooling, spec.preprocessing, spec.precision, device, trust_remote_code, spec.revision, runtime)
    options = EncoderOptions(*chosen, spec=spec, kept=kept)
    remedy = "bring back the weights that it was made with, or index its images again"
    if name is not None:
        remedy = "name the encoder that it was made by, or index into a new gallery"
    try:
        encoder = with_revision(make, options)
    except InputError as error:
        if device != "auto" or runtime not in ("auto", "torch"):  # the caller's choice, which may be what was refused
            raise
        # the encoder of that name no longer has the spec's options
        raise SpaceMismatchError(described(spec), f"what {name or spec.name} is today", remedy) from error
    if encoder.spec.space != spec.space:
        raise SpaceMismatchError(described(spec), described(encoder.spec), remedy)
    return encoder


def described(spec: EncoderSpec) -> str:
    """Return all that tells the spaces of two encoders apart, for people."""
    return f"{spec} with {spec.preprocessing} preprocessing and weights {spec.weights_digest[:12]}"


def check_name(name: str) -> None:
    """Check that there is an encoder of that name, as far as is known without loading it.

    Raises
    ------
    UnknownNameError, InputError : see :func:`load_encoder`.
    """
    if name not in ENCODERS.names():
        _find(name)


def is_checkpoint(folder: str) -> bool:
    """Say whether a folder holds a saved ``transformers`` model."""
    return os.path.isfile(os.path.join(folder, "config.json"))  # noqa: PTH113, PTH118 - take any text, however long


def _find_again(spec: EncoderSpec, name: str | None) -> Callable[[EncoderOptions], Encoder]:
    try:
        return _find(name or spec.name)
    except InputError as error:
        if name is None and os.path.isabs(spec.name):  # noqa: PTH117 - as the functions below
            msg = (
                f"the encoder of this gallery was in the folder {spec.name}, which holds no model now; bring it back, "
                "or name the folder that it has moved to, with: lookalike index SOURCE --encoder FOLDER"
            )
            raise InputError(msg) from error
        raise


def with_revision(make: Callable[[EncoderOptions], Encoder], options: EncoderOptions) -> Encoder:
    """Make an encoder from the commit in the options, or from what there is if that is not at hand any more."""
    try:
        return make(options)
    except EncoderError:
        if not options.revision:
            raise
        # if only other files have changed since, the present commit is as good; the digest of the weights will tell
        return make(replace(options, revision=""))


def _find(name: str) -> Callable[[EncoderOptions], Encoder]:
    """Return what makes the encoder of that name."""
    name = checkpoint_of(name)
    if name in ENCODERS.names():
        return partial(ENCODERS.load(name), name)
    # unlike those of Path, these functions take any text, however long
    folder = os.path.expanduser(name)  # noqa: PTH111
    if os.path.isdir(folder):  # noqa: PTH112
        if not is_checkpoint(folder):
            msg = f"the folder {name} holds no model (no config.json in it); give one written by save_pretrained"
            raise InputError(msg)
        return partial(_load_checkpoint, os.path.realpath(folder))
    if os.path.isabs(folder) or name.startswith((".", "~")):  # noqa: PTH117
        msg = f"there is no folder {name} to load an encoder from; check the path"
        raise InputError(msg)
    if name.count("/") == 1 and all(name.split("/")):
        return partial(_load_checkpoint, name)
    raise UnknownNameError(ENCODERS.kind, name, {*ENCODERS.names(), *PRESET_NAMES})


def _is_quantised_checkpoint(spec: EncoderSpec) -> bool:
    return spec.precision == "int8" and spec.name not in ENCODERS.names()


def _load_checkpoint(name: str, options: EncoderOptions) -> Encoder:
    from lookalike.encoders.runtimes import load

    return load(name, options)
