from __future__ import annotations

import os
import textwrap

import pytest

from lookalike.evaluation.comparison import compare, split_model
from lookalike.evaluation.sample import SampleImage


def plug_in(folder, body):
    """Install an encoder named ``odd`` whose module does something odd, as a package of a third party would."""
    folder.mkdir()
    (folder / "odd_encoder.py").write_text(textwrap.dedent(body))
    about = folder / "odd_encoder-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-encoder\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[lookalike.encoders]\nodd = odd_encoder:load\n")


@pytest.fixture
def sample(beans):
    paths = sorted((beans / "test" / "healthy").iterdir())[:4]
    return [SampleImage(str(path), None) for path in paths]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("import os, signal\ndef load(name, options): os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL: there is too"),
        ("import os\ndef load(name, options): os._exit(7)", "ended with 7"),
        ("def load(name, options): raise KeyError('odd')", "KeyError: 'odd'"),
    ],
    ids=["killed", "exits", "raises"],
)
def test_one_that_fails_in_any_way_does_not_stop_the_next(sample, tmp_path, monkeypatch, body, reason):
    plug_in(tmp_path / "site", body)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    first, second = compare(["odd", "embedded"], sample, by_labels=False)
    assert (first.model, first.result) == ("odd", None)
    assert reason in first.error
    assert second.error is None
    assert second.result["images"] == 4


def test_each_runs_in_a_process_of_its_own_and_leaves_nothing_behind(sample, tmp_path, monkeypatch):
    plug_in(tmp_path / "site", "import os\ndef load(name, options): raise KeyError(os.getpid())")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    processes = [trial.error for trial in compare(["odd", "odd"], sample, by_labels=False)]
    assert len({*processes, f"KeyError: {os.getpid()}"}) == 3
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_precision_is_named_behind_the_model(tmp_path, monkeypatch):
    assert split_model("embedded") == ("embedded", "auto")
    assert split_model("owner/model@bf16") == ("owner/model", "bf16")
    assert split_model("owner/model@main") == ("owner/model@main", "auto")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model@f32").mkdir()
    assert split_model("model@f32") == ("model@f32", "auto")
