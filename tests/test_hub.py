"""A hub that cannot be reached is one sentence."""

from __future__ import annotations

import logging
import os
import subprocess
import sys

import pytest

from lookalike.hub import quiet_hub
from tests.toys import plant

# a hub at an address where nobody listens: the client tries again and again, and says so each time
_NOWHERE = {"HF_ENDPOINT": "http://127.0.0.1:9", "COLUMNS": "500"}


@pytest.mark.parametrize(
    ("needs", "arguments", "words"),
    [
        ("transformers", ["index", "photos", "--encoder", "owner/model"], "the encoder owner/model cannot be loaded"),
        ("datasets", ["index", "hf:owner/photos"], "hf:owner/photos: "),
    ],
)
def test_a_hub_that_cannot_be_reached_is_one_sentence(tmp_path, needs, arguments, words):
    pytest.importorskip(needs)
    plant(tmp_path / "photos", range(2))
    environ = {**os.environ, **_NOWHERE, "HF_HOME": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "lookalike", *arguments]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {words}")


def test_what_else_the_hub_says_is_heard_again_afterwards(caplog):
    logger = logging.getLogger("huggingface_hub.utils")
    with quiet_hub():
        logger.warning("within")
        logger.error("broken")
    logger.warning("after")
    assert [record.message for record in caplog.records] == ["broken", "after"]
