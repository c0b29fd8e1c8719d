"""A gallery as a searcher for phones: one file that the ImageSearcher of the TFLite Task Library opens."""

from __future__ import annotations

import json
import statistics
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.encoders.base import EncoderSpec
from lookalike.errors import InputError, SourceError
from lookalike.exports.destination import check_file
from lookalike.mobile import index_search, suffixes
from lookalike.mobile.choosing import Built, IndexMaker
from lookalike.mobile.convertible import check_convertible, is_embedded, public_spec
from lookalike.mobile.index_training import IndexKind
from lookalike.mobile.model_file import append_index, attach, check_size
from lookalike.mobile.model_metadata import ModelMetadata
from lookalike.mobile.phone_model import PhoneModel
from lookalike.mobile.picture_rows import embed_pictures
from lookalike.mobile.searcher_options import K, SearcherOptions, SearcherReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lookalike.building.report import Progress
    from lookalike.mobile.picture_rows import PictureRows, Pictures

_INDEX_NAME = "gallery.ldb"
_OVERHEAD = 64
"""Bytes that a table has for a row besides its metadata, generously."""
_TIMED = 20


def export_searcher(  # noqa: PLR0913  (the version is not to be chosen)
    pictures: Pictures,
    path: Path,
    options: SearcherOptions,
    *,
    progress: Progress,
    report: Callable[[str], None] = lambda _: None,
    version: str,
) -> SearcherReport:
    """Write a searcher.

    Parameters
    ----------
    pictures : of the gallery; they are embedded again, by the model as the phone will run it.
    path : of the ``.tflite`` file; it appears when it is whole.
    options : what may be chosen.
    progress : told how the embedding goes on.
    report : told what is being done besides.
    version : of lookalike, which the file tells.

    Raises
    ------
    InputError : if the file cannot be written, nothing fits into it, or the model is none for a phone.
    BackendMissingError, EncoderError : if the gallery's encoder cannot be converted.
    """
    path = _checked(path)
    kind = None if options.index is None else IndexKind.parse(options.index)
    spec = EncoderSpec.from_dict(pictures.store.manifest.encoder)
    model = _model(spec, options)
    if options.max_bytes is not None and options.max_bytes <= len(model.content):
        msg = (
            f"the model alone has {len(model.content) / 1e6:.1f} MB, and {options.max_bytes / 1e6:.1f} MB are "
            "allowed; raise --max-size" + ("" if options.in_int8 else ", or take --model-precision int8")
        )
        raise InputError(msg)
    rows = embed_pictures(pictures, model, progress)
    maker = IndexMaker(rows.vectors, rows.metadata, is_dot=not model.is_unit)
    others = len(model.content) + sum(map(len, rows.metadata)) + _OVERHEAD * len(rows.metadata)
    if kind is None:
        built = maker.best(None if options.max_bytes is None else options.max_bytes - others, report)
    else:
        check_size(others + kind.bytes_for(*rows.vectors.shape))
        built = maker.build(kind)
    about = {"made_by": f"lookalike {version}", **_about(spec, model, built, maker.queries)}
    user_info = json.dumps(about, ensure_ascii=False).encode()
    built = replace(built, index=replace(built.index, user_info=user_info))
    size = others + built.kind.bytes_for(*rows.vectors.shape)
    check_size(size)
    if options.max_bytes is not None and size > options.max_bytes:
        msg = (
            f"the index {built.kind} makes {size / 1e6:.1f} MB, more than the {options.max_bytes / 1e6:.1f} MB "
            "that were allowed; leave --index out, or raise --max-size"
        )
        raise InputError(msg)
    files = _written(path, model, built, separate=options.separate)
    return SearcherReport(
        path=path,
        index_path=files[1] if options.separate else None,
        model=model.name,
        dim=model.dim,
        rows=len(rows.metadata),
        index=str(built.kind),
        recall=built.recall,
        queries=maker.queries,
        nbytes=sum(file.stat().st_size for file in files),
        latency_ms=_latency(model, built, rows),
        failed=rows.failed,
    )


def _checked(path: Path) -> Path:
    path = path.expanduser().absolute()
    if path.suffix.lower() != suffixes.MODEL:
        msg = f"a searcher is a {suffixes.MODEL} file, not {path.name}; name one, such as searcher{suffixes.MODEL}"
        raise InputError(msg)
    check_file(path)
    return path


def _model(spec: EncoderSpec, options: SearcherOptions) -> PhoneModel:
    if options.model is not None:
        if options.in_int8:
            msg = "a ready model stays as it is; leave --model-precision out"
            raise InputError(msg)
        try:
            return PhoneModel.ready(options.model.read_bytes(), options.model.stem)
        except OSError as error:
            raise SourceError(str(options.model), error.strerror or str(error)) from error
    if is_embedded(spec):
        from lookalike.mobile.embedded_model import embedded_model

        return embedded_model(in_int8=options.in_int8)
    check_convertible(spec)
    from lookalike.mobile.conversion import tflite_model

    return tflite_model(spec, in_int8=options.in_int8)


def _about(spec: EncoderSpec, model: PhoneModel, built: Built, queries: int) -> dict[str, Any]:
    return {
        "encoder": public_spec(spec),
        "model": model.name,
        "rows": len(built.index),
        "dim": model.dim,
        "index": str(built.kind),
        "recall": {"k": K, "value": round(built.recall, 4), "queries": queries},
    }


def _written(path: Path, model: PhoneModel, built: Built, *, separate: bool) -> list[Path]:
    """Write the files and return their paths, the model first."""
    description = f"Finds the nearest of {len(built.index)} pictures."
    about = ModelMetadata(model.name, description, model.mean, model.std, "" if separate else _INDEX_NAME)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        index_path = path.with_suffix(suffixes.INDEX)
        if separate:
            with _whole(index_path) as partial, partial.open("wb") as stream:
                built.index.write(stream)
        with _whole(path) as partial:
            partial.write_bytes(attach(model.content, about.to_bytes()))
            if not separate:
                append_index(partial, _INDEX_NAME, built.index.write)
    except OSError as error:
        msg = f"{path} cannot be written ({error.strerror}); choose another place"
        raise InputError(msg) from error
    return [path, index_path] if separate else [path]


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Lend another name to write to, which becomes this one when all is written."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _latency(model: PhoneModel, built: Built, rows: PictureRows) -> dict[str, float]:
    image = np.random.default_rng(0).integers(0, 256, (model.height, model.width, 3), np.uint8)
    query = np.array(rows.vectors[:1])
    calls = {"model": lambda: model.embed_resized(image), "search": lambda: index_search.search(built.index, query, K)}
    return {name: _median_ms(call) for name, call in calls.items()}


def _median_ms(call: Callable[[], object]) -> float:
    call()
    seconds = []
    for _ in range(_TIMED):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds) * 1e3
