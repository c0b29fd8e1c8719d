"""An encoder from its name: the embedded one, a third party's, or a Hugging Face checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.errors import BackendMissingError, InputError, SpaceMismatchError, UnknownNameError
from lookalike.plugins import Plugin, Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from lookalike.encoders.base import Encoder, EncoderSpec

ENCODERS = Registry(
    "encoder",
    {
        "embedded": Plugin("lookalike.encoders.embedded:load"),
        "efficientnet-lite0": Plugin("lookalike.encoders.embedded:load"),
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


def load_encoder(  # noqa: PLR0913  # one keyword for each choice that a caller has
    name: str = "embedded",
    *,
    pooling: str = "auto",
    preprocessing: str = "auto",
    precision: str = "auto",
    device: str = "auto",
    trust_remote_code: bool = False,
    exact_preprocessing: bool = False,
) -> Encoder:
    """Make an encoder.

    Parameters
    ----------
    name : ``embedded`` (EfficientNet-Lite0, installed with the package), the name that a plug-in registered, a folder
        that holds a saved ``transformers`` model, or a model's id on the Hugging Face hub (``owner/model``).
    pooling : how a checkpoint's features become one vector: ``auto`` (what the model's documentation has one do; see
        :func:`lookalike.encoders.pooling.choose_pooling`), ``cls``, ``mean`` (over patches), ``gem`` (the generalised
        mean over patches or a feature map), ``pooler``, ``image-features`` (the embedding that is shared with texts)
        or ``average`` (over a feature map). ``cls@-4``, ``mean@6``, ``gem@-1`` and ``average@2`` take the hidden state
        of a layer, before the model's final normalisation.
    preprocessing : ``auto``, ``processor`` (a checkpoint's own, of the image decoded in full), ``fast`` (the same
        within a mean difference of one of 255 levels, faster, for most processors; what ``auto`` means where it is to
        be had, else ``processor``), or ``resize-crop`` (short side to 256/224 of the model's size, centre crop, the
        processor's mean and deviation).
    precision : ``f32`` (what ``auto`` means) or ``bf16``.
    device : ``auto`` (the fastest at hand), ``cuda``, ``mps``, ``cpu``, as PyTorch names them.
    trust_remote_code : whether to run Python code that a checkpoint brings along.
    exact_preprocessing : the same as the preprocessing ``processor``.

    Returns
    -------
    The encoder; its ``spec`` holds the choices that ``auto`` came to.

    Raises
    ------
    UnknownNameError : if the name is none of those.
    InputError : if a folder holds no model, or an option has no meaning for the encoder.
    BackendMissingError : if a checkpoint is asked for and PyTorch or transformers is not installed.
    EncoderError : if the model cannot be loaded, for example without a network.

    Examples
    --------
    >>> load_encoder().spec.dim
    1280
    """
    preprocessing = preprocessing_named(preprocessing, exact=exact_preprocessing)
    return _find(name)(EncoderOptions(pooling, preprocessing, precision, device, trust_remote_code))


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


def load_encoder_for(spec: EncoderSpec, *, device: str = "auto", trust_remote_code: bool = False) -> Encoder:
    """Make the encoder of a stored spec again.

    Parameters
    ----------
    spec : what a gallery was made by.
    device : see :func:`load_encoder`.
    trust_remote_code : see :func:`load_encoder`.

    Raises
    ------
    SpaceMismatchError : if the encoder of that name is another one by now, such as after a change of its weights.
    LookalikeError : as :func:`load_encoder` does.
    """
    make = _find(spec.name)
    options = EncoderOptions(spec.pooling, spec.preprocessing, spec.precision, device, trust_remote_code)
    remedy = "bring back the weights that it was made with, or index its images again"
    try:
        encoder = make(options)
    except InputError as error:
        if device != "auto":  # the caller's choice, which may be what was refused
            raise
        # the encoder of that name no longer has the spec's options
        raise SpaceMismatchError(_describe(spec), f"what {spec.name} is today", remedy) from error
    if encoder.spec.space != spec.space:
        raise SpaceMismatchError(_describe(spec), _describe(encoder.spec), remedy)
    return encoder


def _find(name: str) -> Callable[[EncoderOptions], Encoder]:
    """Return what makes the encoder of that name."""
    if name in ENCODERS.names():
        return partial(ENCODERS.load(name), name)
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            msg = f"the folder {name} holds no model (no config.json in it); give one written by save_pretrained"
            raise InputError(msg)
        return partial(_load_checkpoint, str(folder.resolve()))
    if folder.is_absolute() or name.startswith((".", "~")):
        msg = f"there is no folder {name} to load an encoder from; check the path"
        raise InputError(msg)
    if name.count("/") == 1 and all(name.split("/")):
        return partial(_load_checkpoint, name)
    raise UnknownNameError(ENCODERS.kind, name, ENCODERS.names())


def _describe(spec: EncoderSpec) -> str:
    return f"{spec} with weights {spec.weights_digest[:12]}"


def _load_checkpoint(name: str, options: EncoderOptions) -> Encoder:
    try:
        from lookalike.encoders.checkpoints import load
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("lookalike"):
            raise
        raise BackendMissingError(error.name or "transformers", "hf") from error
    return load(name, options)
