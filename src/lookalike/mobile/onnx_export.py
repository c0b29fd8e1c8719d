"""A gallery for browsers and other devices: its encoder as ONNX, its embeddings as Parquet, and JSON about both."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lookalike.arrays import normalised
from lookalike.encoders.base import EncoderSpec
from lookalike.errors import InputError
from lookalike.exports.destination import check_folder
from lookalike.gallery.lance_store import embedding_matrix
from lookalike.gallery.record import EMBEDDING as COLUMN
from lookalike.mobile.convertible import check_convertible, is_embedded, public_spec
from lookalike.mobile.onnx_model import EMBEDDING, PIXELS, OnnxModel, embedded_onnx

if TYPE_CHECKING:
    from pathlib import Path

    from lookalike.gallery.lance_store import LanceStore

MODEL, ROWS, ABOUT = "encoder.onnx", "gallery.parquet", "gallery.json"


@dataclass(frozen=True, slots=True)
class OnnxReport:
    """What was exported."""

    folder: Path
    rows: int
    dim: int
    nbytes: int
    """Of all files."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready values."""
        files = {"model": MODEL, "rows_file": ROWS, "about": ABOUT}
        return {"output": str(self.folder), **files, "rows": self.rows, "dim": self.dim, "bytes": self.nbytes}


def export_onnx(store: LanceStore, folder: Path) -> OnnxReport:
    """Write ``encoder.onnx``, ``gallery.parquet`` (id, attributes, embedding of unit length) and ``gallery.json``.

    Parameters
    ----------
    store : the gallery; its rows stream into the file.
    folder : made if missing; files of these names are replaced.

    Raises
    ------
    InputError : if the folder cannot be written, or the gallery's encoder cannot be converted.
    BackendMissingError, EncoderError : see :func:`lookalike.mobile.conversion.onnx_model`.
    """
    folder = folder.expanduser().absolute()
    check_folder(folder)
    spec = EncoderSpec.from_dict(store.manifest.encoder)
    model = _model(spec)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MODEL).write_bytes(model.content)
        rows = _write_rows(store, folder / ROWS)
        about = _about(spec, model, rows)
        (folder / ABOUT).write_text(json.dumps(about, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        msg = f"{folder} cannot be written ({error.strerror}); choose another place"
        raise InputError(msg) from error
    nbytes = sum((folder / name).stat().st_size for name in (MODEL, ROWS, ABOUT))
    return OnnxReport(folder, rows, spec.dim, nbytes)


def _model(spec: EncoderSpec) -> OnnxModel:
    if is_embedded(spec):
        return embedded_onnx()
    check_convertible(spec)
    from lookalike.mobile.conversion import onnx_model

    return onnx_model(spec)


def _write_rows(store: LanceStore, path: Path) -> int:
    # where an image is on this machine is nobody's business
    names = ["id", *store.attributes]
    fields = [*(store.schema.field(name).remove_metadata() for name in names), store.schema.field(COLUMN)]
    rows = 0
    with pq.ParquetWriter(path, pa.schema(fields)) as writer:
        for batch in store.scan([*names, COLUMN]):
            vectors = normalised(embedding_matrix(batch[COLUMN]))
            flat = pa.array(np.ascontiguousarray(vectors).reshape(-1), pa.float32())
            unit = pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
            columns = [*(batch[name] for name in names), unit]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=writer.schema))
            rows += len(batch)
    return rows


def _about(spec: EncoderSpec, model: OnnxModel, rows: int) -> dict[str, Any]:
    shape = ["n", model.height, model.width, 3]
    return {
        "encoder": public_spec(spec),
        "model": {
            "file": MODEL,
            "input": {"name": PIXELS, "shape": shape, "type": "uint8", "channels": "RGB"},
            "output": {"name": EMBEDDING, "shape": ["n", spec.dim], "type": "float32", "length": 1},
            "precision": "f32",
        },
        "preparation": model.preparation,
        "rows": {"file": ROWS, "count": rows, "column": COLUMN, "score": "inner product"},
    }
