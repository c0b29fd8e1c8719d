"""Whatever ends a run, what was committed stays, and the next run goes on from there."""

from __future__ import annotations

import random
import signal
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

import lookalike
from tests.e2e.runs import ROWS_PER_COMMIT, Run, contents
from tests.toys import ToyEncoder, plant, png, toy_embedding

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = 300
BROKEN = [f"{number * 31:04d}b.jpg" for number in range(9)]
KILLS = 5

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


def album(folder: Path) -> Path:
    """Make a folder of good and bad images."""
    plant(folder, range(IMAGES))
    for name in BROKEN:
        (folder / name).write_bytes(b"no picture")
    return folder


def rearrange(folder: Path) -> None:
    """Change, remove, rename, copy and swap files."""
    for number in range(100):
        (folder / f"{number:04d}.png").write_bytes(png(1000 + number))
    for number in range(100, 130):
        (folder / f"{number:04d}.png").unlink()
    for number in range(130, 190):
        (folder / f"{number:04d}.png").rename(folder / f"renamed-{number}.png")
    for number in range(190, 200):
        (folder / f"copy-{number}.png").write_bytes(png(number))
    for number in range(200, 230):  # far apart, so that one's row is overwritten before the other's turn
        one, other, aside = folder / f"{number:04d}.png", folder / f"{459 - number:04d}.png", folder / "aside"
        one.rename(aside)
        other.rename(one)
        aside.rename(other)


@pytest.fixture
def start():
    """Starts runs, and lets none outlive the test."""
    runs: list[Run] = []

    def begin(folder: Path, **options: float) -> Run:
        runs.append(Run(folder, folder, **options))
        return runs[-1]

    yield begin
    for run in runs:
        run.kill()


def kill_after(run: Run, images: int, seconds: float) -> None:
    """Kill a run that has done so many images, a moment later."""
    for _ in run.events():
        if run.done >= images:
            time.sleep(seconds)
            break
    run.kill()


def check_complete(folder: Path) -> None:
    """Assert that the gallery holds the folder's images, each once, with the embeddings of their own pixels."""
    held = {item: values[0] for item, values in contents(folder).items()}
    truth = {path.name: toy_embedding(np.asarray(Image.open(path))).tobytes() for path in folder.glob("*.png")}
    assert held.keys() == truth.keys()
    assert [item for item in held if held[item] != truth[item]] == []
    assert [item.id for item in lookalike.open(folder).failures()] == sorted(BROKEN)


def test_killed_again_and_again_it_still_comes_to_its_end(start, tmp_path):
    folder = album(tmp_path / "photos")
    moments = random.Random(7)
    kept = 0
    for _ in range(KILLS):
        run = start(folder)
        kill_after(run, moments.randint(0, 90), moments.uniform(0, 0.03))
        # in flight: the rows collected for the next commit, and those of a commit that is being written
        in_flight = 2 * ROWS_PER_COMMIT
        assert len(lookalike.open(folder)) >= kept + max(run.done - in_flight, 0)
        kept = len(lookalike.open(folder))
        if kept:
            assert len(lookalike.open(folder).search(np.ones(12), k=IMAGES)) == kept
    assert 0 < kept < IMAGES
    report = start(folder).finish()
    assert report == {"added": IMAGES - kept, "unchanged": kept, "total": IMAGES}
    check_complete(folder)
    whole = album(tmp_path / "whole" / "photos")
    lookalike.open(whole, encoder=ToyEncoder()).add(whole)
    assert contents(folder) == contents(whole)


def test_killed_while_it_brings_changes_in_it_still_comes_to_its_end(start, tmp_path):
    folder = album(tmp_path / "photos")
    lookalike.open(folder, encoder=ToyEncoder()).add(folder)
    check_complete(folder)
    rearrange(folder)
    moments = random.Random(8)
    for _ in range(KILLS):
        kill_after(start(folder), moments.choice([5, 20, 40, 60, 300]), moments.uniform(0, 0.05))
        before = contents(folder)
        assert len(lookalike.open(folder).search(np.ones(12), k=1000)) == len(before)
    start(folder).finish()
    check_complete(folder)
    again = lookalike.open(folder, encoder=ToyEncoder()).add(folder)
    assert (again.added, again.updated, again.removed, again.embedded) == (0, 0, 0, 0)


def test_ctrl_c_keeps_all_that_was_done(start, tmp_path):
    folder = album(tmp_path / "photos")
    run = start(folder, seconds_per_image=0.1)  # lest it end before a busy machine interrupts it
    for _ in run.events():
        if run.done >= 50:
            break
    run.process.send_signal(signal.SIGINT)
    assert run.until("interrupted")
    assert run.close() == ""
    assert run.process.returncode == 0
    kept = len(lookalike.open(folder))
    assert run.done <= kept < IMAGES
    assert start(folder).finish() == {"added": IMAGES - kept, "unchanged": kept, "total": IMAGES}
    check_complete(folder)


def test_of_two_runs_at_once_one_says_for_whom_it_waits(start, tmp_path):
    folder = album(tmp_path / "photos")
    first = start(folder)
    first.until("done")
    first.process.send_signal(signal.SIGSTOP)  # lest it end before the other one waits
    second = start(folder)
    assert f"process {first.process.pid}" in second.until("waiting")
    first.process.send_signal(signal.SIGCONT)
    first.finish()
    assert second.finish() == {"added": 0, "unchanged": IMAGES, "total": IMAGES}
    check_complete(folder)


def test_runs_that_begin_together_make_one_gallery(start, tmp_path):
    folder = album(tmp_path / "photos")
    runs = [start(folder) for _ in range(3)]
    reports = [run.finish() for run in runs]
    assert sorted(report["added"] for report in reports) == [0, 0, IMAGES]
    check_complete(folder)


def test_a_run_that_waits_for_a_killed_one_goes_on(start, tmp_path):
    folder = album(tmp_path / "photos")
    first = start(folder)
    first.until("done")
    first.process.send_signal(signal.SIGSTOP)
    second = start(folder)
    second.until("waiting")
    first.kill()
    assert second.finish()["total"] == IMAGES
    check_complete(folder)


@pytest.mark.parametrize(
    "remains", [[], ["data"], ["data", "_versions"], ["_transactions", "_versions/1.manifest.tmp"]]
)
@pytest.mark.parametrize("table", ["items.lance", "skipped.lance"])
def test_a_first_write_that_was_killed_loses_nothing(tmp_path, table, remains):
    plant(tmp_path, range(3))
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    gallery = lookalike.open(tmp_path, encoder=ToyEncoder())
    if table == "skipped.lance":
        gallery.add(sorted(map(str, tmp_path.glob("*.png"))))
    for name in ["", *remains]:
        (tmp_path / ".lookalike" / table / name).mkdir(parents=True, exist_ok=True)
    if remains:
        (tmp_path / ".lookalike" / table / remains[0] / "half.lance").write_bytes(b"LANC")
    reopened = lookalike.open(tmp_path, encoder=ToyEncoder())
    assert len(reopened) == (3 if table == "skipped.lance" else 0)
    reopened.add(tmp_path)
    assert len(reopened) == 3
    assert [item.id for item in reopened.failures()] == ["bad.jpg"]
    assert lookalike.open(tmp_path, encoder=ToyEncoder()).add(tmp_path).unchanged == 3
