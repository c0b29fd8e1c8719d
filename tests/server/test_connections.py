"""There is room for some, and those that have waited longest make it."""

from __future__ import annotations

import resource

import pytest

from lookalike.server import connections
from lookalike.server.connections import Connections, most_connections


class Ended:
    def __init__(self):
        self.gave_way = False

    def give_way(self):
        self.gave_way = True


def test_the_one_that_has_waited_longest_gives_way(monkeypatch):
    monkeypatch.setattr(connections, "_AT_ONCE", 0.0)
    held = Connections(3)
    first, second, third, fourth = (Ended() for _ in range(4))
    assert all(held.enter(one) for one in (first, second, third))
    held.answer(first)
    assert held.enter(fourth)
    assert [one.gave_way for one in (first, second, third)] == [False, True, False]
    held.leave(third)
    held.wait(first)
    assert held.enter(second)
    assert not first.gave_way
    assert held.enter(third)
    assert [one.gave_way for one in (first, fourth)] == [False, True]


def test_who_has_just_come_and_who_is_answered_stay(monkeypatch):
    held, only = Connections(1), Ended()
    assert held.enter(only)
    assert not held.enter(Ended())
    monkeypatch.setattr(connections, "_AT_ONCE", 0.0)
    held.answer(only)
    assert not held.enter(Ended())
    assert not only.gave_way


@pytest.mark.parametrize(("files", "most"), [(1_024, 512), (64, 32), (1 << 20, 4_096), (resource.RLIM_INFINITY, 4_096)])
def test_there_may_be_half_as_many_as_files(monkeypatch, files, most):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    assert most_connections() == most
