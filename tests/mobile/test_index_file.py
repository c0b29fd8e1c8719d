"""Index files: byte for byte those of the official builder, and no file for what the client would misread."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest

from lookalike.arrays import normalised
from lookalike.errors import InputError
from lookalike.mobile import wire
from lookalike.mobile.index_file import OnDeviceIndex, _config
from lookalike.mobile.index_training import encode, partition, train_codebook
from tests.mobile.searchers import in_client

DIM = 24
ROWS = normalised(np.random.default_rng(0).normal(size=(500, DIM)).astype(np.float32))
METADATA = [f"row {number}".encode() for number in range(len(ROWS))]

BUILD = """
import base64, json, sys, numpy as np
from tensorflow_lite_support.scann_ondevice.cc.python import index_builder
given = json.load(sys.stdin)
arrays = {name: np.frombuffer(base64.b64decode(data), dtype) for name, (data, dtype) in given["arrays"].items()}
sys.stdout.buffer.write(index_builder.create_serialized_index_file(
    embedding_dim=given["dim"], serialized_config=base64.b64decode(given["config"]), userinfo=given["user_info"],
    partition_assignment=np.array(given["assignment"], np.uint32),
    metadata=given["metadata"], compression=False, **arrays))
"""


def made(*, leaves: int = 1, block: int = 0, rows=ROWS, fraction: float = 0.3):
    """Return an index over the rows, and which partition each row is in, in the order of the rows."""
    parts = partition(rows, leaves, training=rows)
    assignment = np.searchsorted(parts.offsets, np.arange(len(rows)), side="right") - 1
    of_rows = np.empty(len(rows), int)
    of_rows[parts.order] = assignment
    codebook = train_codebook(rows, block) if block else ()
    stored = encode(rows, codebook) if block else rows
    index = OnDeviceIndex(
        stored[parts.order],
        DIM,
        [METADATA[row] for row in parts.order],
        b"about",
        parts.offsets,
        parts.centres,
        fraction,
        codebook,
    )
    return index, stored, of_rows


def content(index) -> bytes:
    stream = io.BytesIO()
    index.write(stream)
    return stream.getvalue()


@pytest.mark.parametrize("leaves", [1, 12])
@pytest.mark.parametrize("block", [0, 5, 8])
def test_bytes_are_those_of_the_official_builder(leaves, block):
    index, stored, assignment = made(leaves=leaves, block=block)
    scann = bytes(wire.blobs(wire.read_message(memoryview(_config(index))), 1)[0])
    name = "hashed_database" if block else "float_database"
    given = {
        "dim": stored.shape[1],
        "config": base64.b64encode(scann).decode(),
        "user_info": "about",
        "assignment": assignment.tolist(),
        "metadata": [entry.decode() for entry in METADATA],
        "arrays": {name: [base64.b64encode(stored.tobytes()).decode(), stored.dtype.str]},
    }
    assert in_client(BUILD, json.dumps(given).encode()) == content(index)


@pytest.mark.parametrize("leaves", [1, 12])
@pytest.mark.parametrize("block", [0, 5])
def test_what_is_written_is_read(leaves, block):
    index, *_ = made(leaves=leaves, block=block)
    again = OnDeviceIndex.read(memoryview(content(index)))
    np.testing.assert_array_equal(again.rows, index.rows)
    np.testing.assert_array_equal(again.leaves, index.leaves)
    assert all(np.array_equal(a, b) for a, b in zip(again.codebook, index.codebook, strict=True))
    assert list(again.metadata) == list(index.metadata)
    assert (again.dim, again.offsets, again.user_info) == (DIM, index.offsets, b"about")
    assert again.fraction == pytest.approx(0.3)


def test_without_partitions_there_is_one_and_no_centre():
    again = OnDeviceIndex.read(memoryview(content(OnDeviceIndex(ROWS, DIM, METADATA, is_dot=True))))
    assert (again.leaves, again.offsets, again.is_dot) == (None, (0,), True)
    np.testing.assert_array_equal(again.rows, ROWS)


CODES = encode(ROWS, train_codebook(ROWS, 8))
CENTRES = train_codebook(ROWS, 8)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"dim": DIM + 1}, "not 25"),
        ({"rows": ROWS[:, :12]}, "have 12 numbers"),
        ({"metadata": METADATA[1:]}, "entries of metadata"),
        ({"rows": np.where(np.arange(DIM) == 3, np.nan, ROWS).astype(np.float32)}, "not finite"),
        ({"rows": CODES, "codebook": (CENTRES[0][:9], *CENTRES[1:])}, "must all have as many"),
        ({"rows": CODES, "codebook": tuple(np.tile(c, (2, 1)) for c in CENTRES)}, "at most 256"),
        ({"rows": CODES, "codebook": tuple(c[:9] for c in CENTRES)}, "names no centre"),
        ({"rows": CODES, "codebook": CENTRES[:2]}, "not the 24 dimensions"),
        ({"fraction": 0.0}, "share of 0.0"),
        ({"offsets": (0, 5)}, "without centres"),
        ({"offsets": (0, 900), "leaves": ROWS[:2]}, "do not follow"),
        ({"offsets": (0, 5), "leaves": ROWS[:3]}, "lacks its centre"),
    ],
)
def test_what_the_client_would_misread_is_refused(changed, reason):
    good = {"rows": ROWS, "dim": DIM, "metadata": METADATA}
    with pytest.raises(InputError, match=reason):
        OnDeviceIndex(**{**good, **changed})


def test_a_file_without_a_part_is_refused():
    from lookalike.mobile.table_file import write_table

    stream = io.BytesIO()
    write_table(stream, [(b"E_0", ROWS.tobytes()), (b"INDEX_CONFIG", _config(OnDeviceIndex(ROWS, DIM, METADATA)))])
    with pytest.raises(InputError, match="lacks a part"):
        OnDeviceIndex.read(memoryview(stream.getvalue()))
