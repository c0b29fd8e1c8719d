from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from lookalike.errors import InputError, StoreCorruptError, StoreError, StoreFullError
from lookalike.gallery.lance_errors import message_of, store_errors
from lookalike.gallery.location import Location

LOCATION = Location(Path("/photos/.lookalike"))


def raised(error: Exception) -> StoreError:
    with pytest.raises(StoreError) as caught, store_errors(LOCATION):
        raise error
    assert "/photos/.lookalike" in str(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_apart_whoever_says_so(number):
    system = OSError(number, os.strerror(number))
    table = OSError(
        f"LanceError(IO): Generic LocalFileSystem error: {os.strerror(number)} (os error {number}), /r/x.rs:1"
    )
    for error in (system, table, RuntimeError(str(table))):
        assert type(raised(error)) is StoreFullError


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EFBIG, errno.EPERM])
def test_a_closed_folder_is_told_apart_whoever_says_so(number):
    for error in (
        OSError(number, os.strerror(number)),
        OSError(f"LanceError(IO): {os.strerror(number)} (os error {number})"),
    ):
        found = raised(error)
        assert type(found) is StoreError
        assert os.strerror(number) in str(found)
        assert "--gallery" in str(found)


def test_anything_else_that_the_system_says_is_no_damage():
    assert "Not a directory" in str(raised(NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))))


def test_anything_else_that_the_table_says_is_damage():
    error = raised(ValueError("Not found: data/1.lance, /build/x.rs:12\nmore"))
    assert type(error) is StoreCorruptError
    assert error.reason == "Not found: data/1.lance"


def test_errors_of_this_project_pass():
    with pytest.raises(InputError, match="mine"), store_errors(LOCATION):
        raise InputError("mine")


def test_an_error_without_words_has_its_name():
    assert message_of(ValueError()) == "ValueError"
