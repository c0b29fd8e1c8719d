from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image

from lookalike.errors import BackendMissingError, InputError
from lookalike.evaluation.plot import check_plot, save_plot

pytest.importorskip("matplotlib")

POINTS = [("embedded", 200.0, 0.55), ("small", 20.0, 0.7), ("/a/very/long/path/" + "x" * 60, 3.0, 0.8)]


def drawn(path):
    with Image.open(path) as picture:
        return np.array(picture.convert("RGB")).astype(int)


def test_a_picture_is_drawn_with_a_spot_for_each(tmp_path):
    path = tmp_path / "new" / "plot.png"
    check_plot(path)
    save_plot(POINTS, path, quality="mAP", title="Encoders")
    one = drawn(path)
    assert one.shape[0] > 500
    assert one.shape[1] > 900
    blue, orange, green = (31, 119, 180), (255, 127, 14), (44, 160, 44)  # the first colours of matplotlib
    spots = [np.argwhere((np.abs(one - colour) < 3).all(axis=2)).mean(axis=0) for colour in (blue, orange, green)]
    assert all(np.isfinite(spot).all() for spot in spots)
    save_plot(POINTS[:1], tmp_path / "one.png", quality="mAP", title="Encoders")
    alone = drawn(tmp_path / "one.png")
    assert not (np.abs(alone - orange) < 3).all(axis=2).any()


def test_a_place_that_cannot_be_written_is_refused_beforehand(tmp_path):
    with pytest.raises(InputError, match=r"saved as \.png, not as \.pdf"):
        check_plot(tmp_path / "plot.pdf")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="choose another place"):
        check_plot(tmp_path / "file" / "plot.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        save_plot(POINTS, tmp_path / "folder.png", quality="mAP", title="Encoders")


def test_without_matplotlib_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "matplotlib", raising=False)
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(BackendMissingError, match=r'pip install "lookalike\[plot\]"'):
        check_plot(tmp_path / "plot.png")
