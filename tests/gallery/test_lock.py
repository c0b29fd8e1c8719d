"""One writer at a time; other processes are in tests/e2e/test_interruption.py."""

from __future__ import annotations

import os
import threading

import pytest

from lookalike.errors import StoreError, StoreLockedError
from lookalike.gallery.location import Location
from lookalike.gallery.lock import writer_lock


@pytest.fixture
def location(tmp_path):
    return Location(tmp_path / "new" / ".lookalike")


def test_a_second_writer_is_told_who_the_first_is(location):
    with (
        writer_lock(location),
        pytest.raises(StoreLockedError, match=rf"process {os.getpid()} \(since"),
        writer_lock(location),
    ):
        pass
    with writer_lock(location):
        pass


@pytest.mark.parametrize("text", ["", "{", "[]", '{"process": 3}', None])
def test_a_second_writer_is_told_something_whatever_the_first_left(location, text):
    with writer_lock(location):
        holder = location.lock.with_suffix(".holder")
        holder.unlink() if text is None else holder.write_text(text)
        with pytest.raises(StoreLockedError, match="another process"), writer_lock(location):
            pass


def test_a_second_writer_can_wait(location):
    told, order = [], []
    has_begun, may_end = threading.Event(), threading.Event()

    def first() -> None:
        with writer_lock(location):
            has_begun.set()
            may_end.wait(20)
            order.append("first")

    def tell(holder: str) -> None:
        told.append(holder)
        may_end.set()

    thread = threading.Thread(target=first)
    thread.start()
    has_begun.wait(20)
    with writer_lock(location, tell):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]
    assert len(told) == 1
    assert str(os.getpid()) in told[0]


def test_it_is_let_go_of_after_an_error(location):
    with pytest.raises(KeyboardInterrupt), writer_lock(location):
        raise KeyboardInterrupt
    with writer_lock(location):
        pass
    assert not location.lock.with_suffix(".holder").exists()


def test_what_the_holder_raises_is_not_changed(location):
    with pytest.raises(OSError, match="mine"), writer_lock(location):
        raise OSError(28, "mine")


def test_where_a_file_is_in_the_way_it_says_so(tmp_path):
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with (
            pytest.raises(StoreError, match=r"cannot be used \((File exists|Not a directory)\).*--gallery"),
            writer_lock(Location(folder)),
        ):
            pass
