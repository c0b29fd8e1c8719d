"""An encoder from its name: the embedded one, a third party's, or a Hugging Face checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from lookalike.errors import InputError, SpaceMismatchError, UnknownNameError
from lookalike.plugins import Plugin, Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from lookalike.encoders.base import Encoder, EncoderSpec
    from lookalike.images.decode import Pixels

Calibration: TypeAlias = "Sequence[Pixels] | Callable[[], Iterable[Pixels]]"
"""Images to calibrate on, or a function that reads them when they are needed."""

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
) -> Encoder:
    """Make an encoder.

    Parameters
    ----------
    name : ``embedded`` (EfficientNet-Lite0, installed with the package), the name that a plug-in registered, a folder
        that holds a saved ``transformers`` model, or a model's id on the Hugging Face hub (``owner/model``).
    pooling : how a checkpoint's features become one vector: ``auto``, ``cls``, ``mean`` (over patches), ``pooler``,
        ``image-features`` (the embedding that is shared with texts) or ``average`` (over a feature map).
    preprocessing : ``auto``, ``processor`` (a checkpoint's own), or ``resize-crop`` (short side to 256/224 of the
        model's size, centre crop, the processor's mean and deviation).
    precision : ``f32`` (what ``auto`` means), ``bf16``, or for a checkpoint on the CPU ``int8``.
    device : ``auto`` (the fastest at hand), ``cuda``, ``mps``, ``cpu``, as PyTorch names them.
    trust_remote_code : whether to run Python code that a checkpoint brings along.
    runtime : ``torch``, ``openvino`` (on the CPU), or ``auto``: a checkpoint is run by OpenVINO on the CPU if it
        converts, and by PyTorch otherwise; the encoder's ``runtime`` and ``runtime_reason`` say which, and why.
    calibration : images like those to be searched, for a new int8 encoder: a sequence of pixels, or a function without
        arguments that returns an iterable of them. 100 to 300 are enough.

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
    ``LOOKALIKE_CACHE`` names. In f32 the two runtimes agree to a cosine of at least .99999, and in bf16 as closely as
    each agrees with f32, so a gallery that was made by one can be searched by the other.

    Examples
    --------
    >>> load_encoder().spec.dim
    1280
    """
    options = EncoderOptions(pooling, preprocessing, precision, device, trust_remote_code, runtime, calibration)
    return _find(name)(options)


def load_encoder_for(
    spec: EncoderSpec,
    *,
    device: str = "auto",
    trust_remote_code: bool = False,
    runtime: str = "auto",
    kept: Path | None = None,
) -> Encoder:
    """Make the encoder of a stored spec again.

    Parameters
    ----------
    spec : what a gallery was made by.
    device : see :func:`load_encoder`.
    trust_remote_code : see :func:`load_encoder`.
    runtime : see :func:`load_encoder`.
    kept : the folder in which a gallery keeps an int8 model.

    Raises
    ------
    SpaceMismatchError : if the encoder of that name is another one by now, such as after a change of its weights.
    LookalikeError : as :func:`load_encoder` does.
    """
    # an int8 model is found by itself, whatever has become of the checkpoint
    make = partial(_load_checkpoint, spec.name) if _is_quantised_checkpoint(spec) else _find(spec.name)
    chosen = (spec.pooling, spec.preprocessing, spec.precision, device, trust_remote_code, runtime)
    options = EncoderOptions(*chosen, spec=spec, kept=kept)
    remedy = "bring back the weights that it was made with, or index its images again"
    try:
        encoder = make(options)
    except InputError as error:
        if device != "auto" or runtime not in ("auto", "torch"):  # the caller's choice, which may be what was refused
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


def _is_quantised_checkpoint(spec: EncoderSpec) -> bool:
    return spec.precision == "int8" and spec.name not in ENCODERS.names()


def _load_checkpoint(name: str, options: EncoderOptions) -> Encoder:
    from lookalike.encoders.runtimes import load

    return load(name, options)
