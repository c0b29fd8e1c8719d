"""Named parts: built in, added by an installed package, or missing an extra."""

from __future__ import annotations

import math
import sys

import pytest

from lookalike.errors import BackendMissingError, UnknownNameError
from lookalike.plugins import Plugin, Registry


@pytest.fixture
def registry():
    return Registry("shape", {"root": Plugin("math:sqrt"), "needy": Plugin("a_package_that_wants:x", extra="heif")})


@pytest.fixture
def third_party(tmp_path, monkeypatch):
    """What pip leaves of an installed package: a module, and metadata with entry points."""
    (tmp_path / "acme_shapes.py").write_text("def hexagon():\n    return 6\n\n\ndef root(x):\n    return 'theirs'\n")
    info = tmp_path / "acme_shapes-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-shapes\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[lookalike.shapes]\nhexagon = acme_shapes:hexagon\nroot = acme_shapes:root\n\n[lookalike.others]\nx = acme:x\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("acme_shapes", None)


def test_a_built_in_part_is_loaded_by_name(registry):
    assert registry.load("root") is math.sqrt


def test_names_are_sorted(registry):
    assert registry.names() == ["needy", "root"]


@pytest.mark.usefixtures("third_party")
def test_an_installed_package_adds_names(registry):
    assert registry.names() == ["hexagon", "needy", "root"]
    assert "acme_shapes" not in sys.modules  # listing imports nothing
    assert registry.load("hexagon")() == 6


@pytest.mark.usefixtures("third_party")
def test_a_built_in_name_wins_over_a_package(registry):
    assert registry.load("root") is math.sqrt


def test_the_group_of_a_package_is_the_plural_of_the_kind(tmp_path, monkeypatch):
    info = tmp_path / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[lookalike.indexes]\nsquare = math:sqrt\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert Registry("index").load("square") is math.sqrt


def test_an_unknown_name_offers_a_near_one(registry):
    with pytest.raises(UnknownNameError, match=r"no shape named 'rot'; did you mean 'root'\?"):
        registry.load("rot")


def test_a_missing_dependency_names_its_extra(registry, tmp_path, monkeypatch):
    (tmp_path / "a_package_that_wants.py").write_text("import json.no_such_part_of_it\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BackendMissingError, match=r'pip install "lookalike\[heif\]"') as caught:
        registry.load("needy")
    assert caught.value.backend == "json.no_such_part_of_it"
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_a_blanked_package_counts_as_missing(registry, monkeypatch):
    monkeypatch.setitem(sys.modules, "a_package_that_wants", None)
    with pytest.raises(BackendMissingError, match=r"lookalike\[heif\]"):
        registry.load("needy")


def test_a_fault_of_our_own_is_not_called_a_missing_extra():
    registry = Registry("shape", {"typo": Plugin("lookalike.no_such_module:x", extra="heif")})
    with pytest.raises(ModuleNotFoundError) as caught:
        registry.load("typo")
    assert not isinstance(caught.value, BackendMissingError)


def test_a_part_of_the_core_has_no_extra_to_name():
    registry = Registry("shape", {"core": Plugin("no_such_core_package:x")})
    with pytest.raises(ModuleNotFoundError) as caught:
        registry.load("core")
    assert not isinstance(caught.value, BackendMissingError)
