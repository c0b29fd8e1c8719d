"""Projections by name."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from lookalike.errors import ShapeError, UnknownNameError
from lookalike.projections.fitting import PROJECTIONS, fit_projection


def test_an_unknown_name_offers_a_near_one():
    with pytest.raises(UnknownNameError, match=r"no projection named 'pcr'; did you mean 'pca'\?"):
        fit_projection("pcr:4", np.zeros((2, 8), np.float32))


def test_rows_that_are_no_matrix_are_refused():
    with pytest.raises(ShapeError):
        fit_projection("rp:4", np.zeros((2, 3, 8), np.float32))


def test_the_spec_is_kept_as_it_was_asked_for():
    rows = np.random.default_rng(0).normal(size=(20, 8)).astype(np.float32)
    assert fit_projection(" pca: 4 , whiten", rows).spec == "pca:4,whiten"


def test_a_package_adds_a_projection(tmp_path, monkeypatch):
    (tmp_path / "acme_projections.py").write_text(
        "import numpy as np\n"
        "from lookalike.projections.linear import LinearProjection\n"
        "def first(vectors, options, *, seed):\n"
        "    dim = vectors.shape[1]\n"
        "    return LinearProjection('', np.eye(int(options.arguments[0]), dim, dtype='f4'), np.zeros(dim, 'f4'))\n"
    )
    info = tmp_path / "acme_projections-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-projections\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[lookalike.projections]\nfirst = acme_projections:first\n")
    monkeypatch.syspath_prepend(tmp_path)
    rows = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert PROJECTIONS.names() == ["first", "pca", "rp", "srp"]
    np.testing.assert_array_equal(fit_projection("first:2", rows).project(rows), rows[:, :2])
    sys.modules.pop("acme_projections")
