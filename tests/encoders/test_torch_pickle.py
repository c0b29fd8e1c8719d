"""The reader of checkpoints returns tensors, and executes nothing."""

from __future__ import annotations

import io
import os
import pickle
import struct
from collections import OrderedDict

import numpy as np
import pytest

from lookalike.encoders.torch_pickle import read_tensors
from lookalike.errors import EncoderError

MAGIC = 0x1950A86A20F9469CFC6C
SYSTEM = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}


def op(value: object) -> bytes:
    """The opcodes that push a plain value."""
    return pickle.dumps(value, 2)[2:-1]


def tensor(key="0", count=6, shape=(2, 3), strides=(3, 1), offset=0, kind="FloatStorage") -> bytes:
    """The opcodes that push a tensor, as ``torch.save`` writes them."""
    storage = b"(" + op("storage") + f"ctorch\n{kind}\n".encode() + op(key) + op("cpu") + op(count) + b"NtQ"
    rest = op(offset) + op(shape) + op(strides) + b"\x89ccollections\nOrderedDict\n)R"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + rest + b"tR"


def dictionary(**entries: bytes) -> bytes:
    """The opcodes that push a dictionary of tensors."""
    return b"ccollections\nOrderedDict\n)R(" + b"".join(op(name) + entry for name, entry in entries.items()) + b"u"


def checkpoint(content: bytes, storages: dict[str, bytes], *, magic: bytes = op(MAGIC)) -> bytes:
    """A file of the legacy format: ``storages`` hold the counts and elements."""
    parts = [b"\x80\x02" + part + b"." for part in (magic, op(1001), op(SYSTEM), content, op(list(storages)))]
    return b"".join(parts) + b"".join(storages.values())


def floats(*values: float) -> bytes:
    return struct.pack(f"<q{len(values)}f", len(values), *values)


GOOD = checkpoint(dictionary(weight=tensor()), {"0": floats(0, 1, 2, 3, 4, 5)})


def test_tensors_are_read():
    content = dictionary(
        weight=tensor(),
        turned=tensor(shape=(3, 2), strides=(1, 3)),
        part=tensor(shape=(2,), strides=(1,), offset=4),
        steps=tensor(key="1", count=1, shape=(), strides=(), kind="LongStorage"),
    )
    tensors = read_tensors(checkpoint(content, {"0": floats(0, 1, 2, 3, 4, 5), "1": struct.pack("<qq", 1, 77)}))
    assert list(tensors) == ["weight", "turned", "part", "steps"]
    np.testing.assert_array_equal(tensors["weight"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(tensors["turned"], [[0, 3], [1, 4], [2, 5]])
    np.testing.assert_array_equal(tensors["part"], [4, 5])
    assert tensors["weight"].dtype == np.float32
    assert tensors["steps"].dtype == np.int64
    assert int(tensors["steps"]) == 77


def test_what_pytorch_writes_is_read():
    torch = pytest.importorskip("torch")
    base = torch.arange(24, dtype=torch.float32)
    state = {
        "a": base.reshape(2, 3, 4),
        "b": base.reshape(4, 6).T,
        "c": torch.randn(5, dtype=torch.float64),
        "d": torch.tensor(7),
        "e": torch.randn(3).half(),
    }
    stream = io.BytesIO()
    ordered = OrderedDict(state)  # with the metadata that a module's state has
    ordered._metadata = OrderedDict([("", {"version": 1})])
    torch.save(ordered, stream, _use_new_zipfile_serialization=False)
    tensors = read_tensors(stream.getvalue())
    assert set(tensors) == set(state)
    for name, expected in state.items():
        np.testing.assert_array_equal(tensors[name], expected.numpy())


class Command:
    """Pickles to a call."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def attacks(marker: str) -> dict[str, bytes]:
    """Opcodes that would leave a file named ``marker``."""
    command = f"touch '{marker}'"
    posix = op(command)
    return {
        "os.system": op(Command(os.system, command)),
        "eval": op(Command(eval, f"open({marker!r}, 'w')")),
        "open": op(Command(open, marker, "w")),
        "getattr": b"c__builtin__\ngetattr\n(cos\n__dict__\n" + op("system") + b"tR(" + posix + b"tR",
        "importlib": b"cimportlib\nimport_module\n(" + op("os") + b"tR",
        "instance": b"(" + posix + b"ios\nsystem\n",
        "object": b"(cos\nsystem\n" + posix + b"o",
        "dotted name": b"\x80\x04" + op("collections") + op("OrderedDict.__init__.__globals__") + b"\x93.",
        "torch": b"ctorch\nload\n(" + op(marker) + b"tR",
        "module of ours": b"clookalike.encoders.torch_pickle\nos\n",
    }


@pytest.mark.parametrize("name", attacks("x"))
@pytest.mark.parametrize("place", ["first", "beside", "within", "argument"])
def test_nothing_is_executed(name, place, tmp_path):
    marker = tmp_path / "executed"
    attack = attacks(str(marker))[name]
    if place == "first":
        forged = checkpoint(dictionary(weight=tensor()), {"0": floats(0, 1, 2, 3, 4, 5)}, magic=attack)
    elif place == "beside":
        forged = checkpoint(attack + b"0" + dictionary(weight=tensor()), {"0": floats(0, 1, 2, 3, 4, 5)})
    elif place == "within":
        forged = checkpoint(dictionary(weight=tensor(), other=attack), {"0": floats(0, 1, 2, 3, 4, 5)})
    else:
        forged = checkpoint(b"ctorch._utils\n_rebuild_tensor_v2\n(" + attack + b"tR", {})
    with pytest.raises(EncoderError, match="not a checkpoint of tensors alone"):
        read_tensors(forged)
    assert not marker.exists()


def test_the_attacks_would_work_on_an_ordinary_unpickler(tmp_path):
    marker = tmp_path / "executed"
    pickle.loads(b"\x80\x02" + attacks(str(marker))["os.system"] + b".")
    assert marker.exists()


STORAGE = b"(" + op("storage") + b"ctorch\nFloatStorage\n" + op("0") + op("cpu") + op(6) + b"NtQ"
TARGETS = {
    "constructor": b"ctorch._utils\n_rebuild_tensor_v2\n",
    "storage type": b"ctorch\nFloatStorage\n",
    "dictionary type": b"ccollections\nOrderedDict\n",
    "storage": STORAGE,
    "tensor": tensor(),
}


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
@pytest.mark.parametrize("name", ["__call__", "__class__", "__setitem__", "dtype", "count", "offset", "read"])
@pytest.mark.parametrize("slots", [False, True])
def test_the_reader_itself_cannot_be_altered(target, name, slots):
    state = b"N" + op({name: 1}) + b"\x86" if slots else op({name: 1})
    forged = checkpoint(target + state + b"b0" + dictionary(weight=tensor()), {"0": floats(*range(6))})
    with pytest.raises(EncoderError):
        read_tensors(forged)
    assert read_tensors(GOOD)["weight"].shape == (2, 3)


HUGE = 1 << 50
FORGED = {
    "huge storage": (dictionary(w=tensor(count=HUGE)), {"0": struct.pack("<q", HUGE)}),
    "huge announcement": (dictionary(w=tensor()), {"0": struct.pack("<q", HUGE)}),
    "huge tensor": (dictionary(w=tensor(shape=(HUGE, HUGE), strides=(1, 1))), {"0": floats(*range(6))}),
    "huge repeated tensor": (dictionary(w=tensor(shape=(HUGE,), strides=(0,))), {"0": floats(*range(6))}),
    "negative storage": (dictionary(w=tensor(count=-1)), {"0": struct.pack("<q", -1)}),
    "negative stride": (dictionary(w=tensor(strides=(-3, 1))), {"0": floats(*range(6))}),
    "negative offset": (dictionary(w=tensor(offset=-1)), {"0": floats(*range(6))}),
    "beyond the storage": (dictionary(w=tensor(offset=1)), {"0": floats(*range(6))}),
    "too few elements": (dictionary(w=tensor()), {"0": floats(*range(5))}),
    "strides of another rank": (dictionary(w=tensor(strides=(3,))), {"0": floats(*range(6))}),
    "a storage of no one": (dictionary(w=tensor()), {"0": floats(*range(6)), "1": floats(1)}),
    "a storage is missing": (dictionary(w=tensor()), {}),
    "a type of another kind": (dictionary(w=tensor(kind="UntypedStorage")), {"0": floats(*range(6))}),
    "no dictionary": (op([1, 2]), {}),
    "no tensors": (dictionary(w=op(5)), {}),
    "empty tensor": (dictionary(w=tensor(shape=(0, 3))), {"0": floats(*range(6))}),
}


@pytest.mark.parametrize(("content", "storages"), FORGED.values(), ids=FORGED)
def test_a_forged_file_is_refused(content, storages):
    with pytest.raises(EncoderError, match="not a checkpoint of tensors alone"):
        read_tensors(checkpoint(content, storages))


def test_a_file_cut_short_is_refused_wherever_it_ends():
    assert len(read_tensors(GOOD)) == 1
    for end in range(len(GOOD)):
        with pytest.raises(EncoderError):
            read_tensors(GOOD[:end])


def test_other_files_are_refused():
    big_endian = checkpoint(op(1), {}).replace(op(SYSTEM), op({**SYSTEM, "little_endian": False}))
    for content in (b"", b"PK\x03\x04 a zip archive", b"<html>", bytes(1000), big_endian, pickle.dumps(MAGIC)):
        with pytest.raises(EncoderError, match="reinstall"):
            read_tensors(content)
