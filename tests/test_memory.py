from __future__ import annotations

import os
import sys

import pytest

from lookalike import memory
from lookalike.memory import available_memory

MACHINE = "MemTotal:       16000000 kB\nMemFree:         1000000 kB\nMemAvailable:    8000000 kB\n"


@pytest.fixture
def system(tmp_path, monkeypatch):
    """Files as Linux shows them, of a machine with 8,192 MB available."""
    (tmp_path / "meminfo").write_text(MACHINE)
    monkeypatch.setattr(memory, "_MACHINE", tmp_path / "meminfo")
    groups = [(tmp_path / folder.name, *names) for folder, *names in memory._GROUPS]
    monkeypatch.setattr(memory, "_GROUPS", groups)
    for folder, *_ in groups:
        folder.mkdir()
    return groups


def fill(group, limit, used, cached):
    folder, limit_name, used_name = group
    (folder / limit_name).write_text(f"{limit}\n")
    (folder / used_name).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\ninactive_file {cached}\nactive_file 7\n")


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize(
    ("limit", "used", "cached", "expected"),
    [
        (1_000_000_000, 700_000_000, 200_000_000, 500_000_000),
        (1_000, 5_000, 0, 0),
        (9_223_372_036_854_771_712, 5, 0, 8_192_000_000),
        ("max", 5, 0, 8_192_000_000),
    ],
)
def test_a_container_may_allow_less_and_what_is_cached_counts_as_free(system, version, limit, used, cached, expected):
    fill(system[version], limit, used, cached)
    assert available_memory() == expected


def test_without_containers_it_is_what_the_machine_has(system):
    assert available_memory() == 8_192_000_000


def test_nothing_is_claimed_where_the_system_does_not_tell(system, monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "_MACHINE", tmp_path / "none")
    assert available_memory() is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells")
def test_this_machine_has_some_and_no_more_than_there_is():
    assert 0 < available_memory() <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
