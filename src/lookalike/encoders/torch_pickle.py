"""Read the tensors of a legacy PyTorch checkpoint (before PyTorch 1.6), and nothing else, without PyTorch.

A checkpoint is a pickle, and a pickle is a program. This reader's unpickler knows an ordered dictionary, the tensor
constructor and the storage types, each replaced by an inert stand-in, so that no file can make it run code.

The layout, from ``torch.serialization._legacy_save``: four pickles (magic number, protocol version, system, the
object), a pickled list of storage keys, and then for each key the number of elements (int64) and the raw elements.
"""

from __future__ import annotations

import io
import math
import pickle  # only a subclass of Unpickler that resolves names to stand-ins
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np

from lookalike.errors import EncoderError

if TYPE_CHECKING:
    import numpy.typing as npt

_MAGIC = 0x1950A86A20F9469CFC6C
_DTYPES: dict[str, np.dtype[Any]] = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
}
# what unpickling malformed bytes raises, according to the pickle documentation "and possibly others"
_MALFORMED = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)


# The stand-ins have neither attributes nor a state of their own that a pickle could set: tuples, and one empty class.


class _StorageType(NamedTuple):
    dtype: np.dtype[Any]


class _Storage(NamedTuple):
    key: str
    dtype: np.dtype[Any]
    elements: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def read(self, elements: npt.NDArray[Any]) -> npt.NDArray[Any]:
        last = self.offset + sum((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True))
        # the product, too: strides of 0 would make a huge tensor of few elements
        if max(last, math.prod(self.shape) - 1) >= len(elements) or 0 in self.shape:
            msg = f"a tensor of shape {self.shape} lies outside its storage"
            raise ValueError(msg)
        strides = tuple(stride * elements.itemsize for stride in self.strides)
        return np.lib.stride_tricks.as_strided(elements[self.offset :], self.shape, strides, writeable=False)


class _RebuildTensor:
    """Stands for ``torch._utils._rebuild_tensor_v2``."""

    __slots__ = ()

    def __call__(self, storage: object, offset: object, shape: object, strides: object, *_: object) -> _Tensor:
        match storage, offset, shape, strides:
            case _Storage(), int(), tuple(), tuple():
                numbers = (offset, *shape, *strides)
                if len(shape) == len(strides) and all(isinstance(n, int) and n >= 0 for n in numbers):
                    return _Tensor(storage, offset, shape, strides)
        msg = "a tensor without a storage, an offset, a shape or strides"
        raise pickle.UnpicklingError(msg)


class _TensorUnpickler(pickle.Unpickler):
    """Resolves the few names that a checkpoint of tensors holds, and refuses every other."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _RebuildTensor()
        if module == "torch" and name in _DTYPES:
            return _StorageType(_DTYPES[name])
        msg = f"it refers to {module}.{name}, which is no part of a tensor"
        raise pickle.UnpicklingError(msg)

    def persistent_load(self, pid: object) -> _Storage:
        match pid:
            case ("storage", kind, str(key), str(), int(count), None) if count >= 0 and isinstance(kind, _StorageType):
                return _Storage(key, kind.dtype, count)
        msg = "a storage that is not described as one"
        raise pickle.UnpicklingError(msg)


def read_tensors(checkpoint: bytes) -> dict[str, npt.NDArray[Any]]:
    """Return the named tensors of a checkpoint.

    Parameters
    ----------
    checkpoint : the content of a file that ``torch.save(state_dict, path)`` of PyTorch before 1.6 wrote.

    Returns
    -------
    One array for each name, in the file's order; read-only views of ``checkpoint``.

    Raises
    ------
    EncoderError : if the bytes are no such file, are cut short, or hold anything that is not a tensor. Nothing that
        they ask for is executed.
    """
    stream = io.BytesIO(checkpoint)
    try:
        return _read(stream, checkpoint)
    except _MALFORMED as error:
        msg = f"the weights are not a checkpoint of tensors alone ({error}); reinstall the package they came with"
        raise EncoderError(msg) from error


def _read(stream: io.BytesIO, checkpoint: bytes) -> dict[str, npt.NDArray[Any]]:
    if _load(stream) != _MAGIC:
        _refuse("no PyTorch checkpoint of the legacy format")
    _load(stream)  # protocol version
    system = _load(stream)
    if not (isinstance(system, dict) and system.get("little_endian") is True):
        _refuse("not written in little-endian order")
    tensors = _load(stream)
    keys = _load(stream)
    if not (isinstance(tensors, OrderedDict) and all(isinstance(tensor, _Tensor) for tensor in tensors.values())):
        _refuse("no dictionary of tensors")
    storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    if not isinstance(keys, list) or set(keys) != set(storages):
        _refuse("the list of storages is not that of the tensors")
    elements = {}
    position = stream.tell()
    for key in keys:
        storage = storages[key]
        # np.frombuffer checks both reads against the bytes that are there, before anything is allocated
        count = int(np.frombuffer(checkpoint, "<i8", 1, position)[0])
        if count != storage.elements:
            _refuse(f"a storage of {storage.elements} elements is announced with {count}")
        elements[key] = np.frombuffer(checkpoint, storage.dtype, count, position + 8)
        position += 8 + elements[key].nbytes
    return {str(name): tensor.read(elements[tensor.storage.key]) for name, tensor in tensors.items()}


def _load(stream: io.BytesIO) -> Any:
    return _TensorUnpickler(stream).load()


def _refuse(reason: str) -> NoReturn:
    raise ValueError(reason)
