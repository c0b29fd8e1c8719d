"""Every error crosses a process boundary with its data and its message."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

from lookalike import errors

EXAMPLES = [
    errors.LookalikeError("it failed"),
    errors.InputError("k must be at least 1, got 0"),
    errors.ShapeError("(n, 4)", (3, 5)),
    errors.ShapeError(expected="(n, 4)", actual=(3, 5)),
    errors.ImageDecodeError("not an image"),
    errors.UnknownNameError("encoder", "efficientnet", {"efficientnet-lite0", "dinov2"}),
    errors.UnknownItemError("photos/1.jpg", "did you mean 'id:1.jpg'?"),
    errors.ConditionError("price > 3", "there is no attribute 'price'", ["id", "label"]),
    errors.IndexTooLargeError("hnsw over 9 rows", "memory", 5, 3),
    errors.SpaceMismatchError("A", "B", "index again"),
    errors.RemoteError("http://localhost:8000", "no connection"),
    errors.EncoderError("the model m cannot be loaded"),
    errors.BackendMissingError("torch", "hf"),
    errors.BackendMissingError(backend="torch", extra="hf"),
    errors.SourceError("photos/", "permission denied"),
    errors.SourceError(uri="photos/", reason="permission denied"),
    errors.SourceGoneError("photos/", "there is no such file or folder"),
    errors.StoreError("cannot"),
    errors.StoreMissingError("g"),
    errors.StoreVersionError("g", 7, 3),
    errors.StoreCorruptError("g", "a file is cut short"),
    errors.StoreLockedError(path="g", holder="process 7"),
    errors.StoreFullError("g"),
    errors.IndexUnusableError("g/indexes/lsh", "a file is missing"),
]


def test_there_is_an_example_of_every_error():
    classes = {value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, Exception)}
    assert {type(error) for error in EXAMPLES} == classes


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(
    "duplicate", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))], ids=["copy", "pickle"]
)
def test_a_copy_says_and_holds_the_same(error, duplicate):
    same = duplicate(error)
    assert type(same) is type(error)
    assert str(same) == str(error) != ""
    assert vars(same) == vars(error)
    assert same.args == error.args


def test_notes_survive():
    error = errors.StoreFullError("g")
    error.__dict__["__notes__"] = ["while adding"]  # what add_note does; Python 3.10 has no add_note
    assert pickle.loads(pickle.dumps(error)).__notes__ == ["while adding"]
