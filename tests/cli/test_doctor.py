"""`lookalike doctor` tells the truth about this installation."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys

from PIL import features

from tests.cli.command import lookalike, lookalike_json


def test_core_works_and_optional_parts_are_as_installed(tmp_path):
    findings = {finding["part"]: finding for finding in lookalike_json("doctor", cwd=tmp_path)}
    assert all(finding["works"] for finding in findings.values() if not finding["optional"])
    assert findings["HEIC pictures"]["works"] == (importlib.util.find_spec("pillow_heif") is not None)
    has_models = all(importlib.util.find_spec(name) is not None for name in ("torch", "transformers"))
    assert findings["models from transformers"]["works"] == has_models
    for finding in findings.values():
        assert finding["detail"]


def test_a_missing_part_names_its_extra(tmp_path):
    # the interpreter's own isolation hides the optional packages, as if they were not installed
    hidden = (
        "import sys; sys.modules.update(dict.fromkeys(['torch', 'transformers', 'datasets', 'pillow_heif', 'fsspec']))"
    )
    run = f"{hidden}; sys.argv = ['lookalike', 'doctor']; from lookalike.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert 'pip install "lookalike[hf]"' in done.stdout
    assert 'pip install "lookalike[heif]"' in done.stdout
    assert 'pip install "lookalike[cloud]"\n' in done.stdout
    assert 'pip install "lookalike[cloud]" s3fs\n' in done.stdout


def test_a_part_that_is_installed_but_broken_does_not_work(tmp_path):
    for name, code in (
        ("s3fs", "raise ImportError('no libX')"),
        ("gcsfs", "import os; os.abort()"),
        ("paramiko", "pass"),
    ):
        (tmp_path / f"{name}.py").write_text(code)
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "lookalike", "doctor", "--json"]
    done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, check=True)
    findings = {finding["part"].removeprefix("sources: "): finding for finding in json.loads(done.stdout)}
    assert findings["sftp:// URLs"]["works"]
    assert not findings["s3:// URLs"]["works"]
    assert "no libX" in findings["s3:// URLs"]["detail"]
    assert not findings["gs:// URLs"]["works"]
    assert "ends the process" in findings["gs:// URLs"]["detail"]
    assert findings["zip:// and other URLs of fsspec"]["works"]
    assert findings["AVIF pictures"]["works"] == features.check("avif")


def test_table_lists_every_part(tmp_path):
    lines = lookalike("doctor", cwd=tmp_path).stdout.splitlines()
    assert {line.split("\t")[0] for line in lines} <= {"yes", "no"}
    assert len(lines) >= 8
