"""Errors say what is wrong, what was found and what to do, and can be caught as Python's own."""

from __future__ import annotations

import re

import pytest

from lookalike import errors


@pytest.mark.parametrize(
    ("error", "parts"),
    [
        (errors.ShapeError("(n, 4)", (3, 5)), ["(n, 4)", "(3, 5)"]),
        (
            errors.SpaceMismatchError("A", "B", "index again with --encoder A"),
            ["A", "B", "index again with --encoder A"],
        ),
        (errors.BackendMissingError("torch", "hf"), ["torch", 'pip install "lookalike[hf]"']),
        (errors.SourceError("photos/", "permission denied"), ["photos/", "permission denied"]),
        (errors.StoreMissingError("g"), ["no gallery at g", "lookalike index"]),
        (errors.StoreVersionError("g", 7, 3), ["g", "7", "3", "upgrade"]),
        (errors.StoreCorruptError("g", "a file is cut short"), ["g", "a file is cut short", "index again"]),
        (errors.StoreLockedError("g", "process 7"), ["g", "process 7", "wait"]),
        (errors.StoreFullError("g"), ["no space", "g", "run the same command again"]),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_message_names_what_was_found_and_the_remedy(error, parts):
    assert [part for part in parts if part not in str(error)] == []


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.InputError, ValueError),
        (errors.ShapeError, ValueError),
        (errors.ImageDecodeError, ValueError),
        (errors.UnknownNameError, ValueError),
        (errors.SpaceMismatchError, ValueError),
        (errors.EncoderError, RuntimeError),
        (errors.BackendMissingError, ImportError),
        (errors.SourceError, OSError),
        (errors.StoreError, RuntimeError),
    ],
)
def test_an_error_is_both_of_lookalike_and_of_python(kind, builtin):
    assert issubclass(kind, errors.LookalikeError)
    assert issubclass(kind, builtin)


def test_a_near_miss_is_offered():
    error = errors.UnknownNameError("encoder", "eficientnet-lite0", ["efficientnet-lite0", "dinov2"])
    assert "did you mean 'efficientnet-lite0'?" in str(error)
    assert error.known == ("dinov2", "efficientnet-lite0")


def test_without_a_near_miss_every_name_is_listed():
    assert str(errors.UnknownNameError("index", "zzz", {"faiss", "exact"})).endswith("known: exact, faiss.")


def test_the_tree_in_the_documentation_is_the_tree_in_the_code():
    drawn = {}
    stack = []
    for indent, name in re.findall(r"^( {4,})(\w+Error)\b", errors.__doc__, re.MULTILINE):
        depth = (len(indent) - 4) // 2
        stack[depth:] = [name]
        drawn[name] = stack[depth - 1] if depth else "Exception"
    defined = {
        name: value.__bases__[0].__name__
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.LookalikeError)
    }
    assert drawn == defined
