from __future__ import annotations

import pytest

from lookalike.encoders.presets import PRESET_NAMES
from tests.cli.command import lookalike, lookalike_json, mistake, picture

pytest.importorskip("torch")
pytest.importorskip("transformers")


def test_lists_every_preset_with_what_a_script_needs(tmp_path):
    found = {row["name"]: row for row in lookalike_json("models", cwd=tmp_path)}
    assert tuple(found) == PRESET_NAMES
    embedded = found["embedded"]
    assert (embedded["installed"], embedded["cached"], embedded["extra"], embedded["remedy"]) == (
        True,
        True,
        None,
        None,
    )
    small = found["small"]
    assert (small["checkpoint"], small["dim"], small["extra"]) == ("facebook/dinov2-small", 384, "hf")
    assert small["installed"]
    assert found["text"]["modalities"] == ["image", "text"]


def test_says_what_is_at_hand(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    snapshot = tmp_path / "hub" / "hub" / "models--facebook--dinov2-small" / "snapshots" / "0123"
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").write_bytes(b"weights")
    refs = snapshot.parents[1] / "refs"
    refs.mkdir()
    (refs / "main").write_text("0123")
    rows = [line.split("\t") for line in lookalike("models", cwd=tmp_path).stdout.splitlines()]
    assert {row[0]: row[3] for row in rows}["embedded"] == "13 MB"
    assert {row[0]: row[3] for row in rows}["best"] == "1,217 MB"
    here = {row[0]: row[-1] for row in rows}
    assert here["embedded"] == here["small"] == "ready"
    assert here["best"] == "a download of 1,217 MB, once"


def test_a_name_that_is_nearly_one_is_offered(tmp_path):
    picture(tmp_path / "a.png", 1)
    assert "did you mean 'small'?" in mistake("index", "a.png", "--encoder", "smal", cwd=tmp_path)
    assert not (tmp_path / ".lookalike").exists()
