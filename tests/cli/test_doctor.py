"""`lookalike doctor` tells the truth about this installation."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from PIL import features

from tests.cli.command import lookalike, lookalike_json


def test_core_works_and_optional_parts_are_as_installed(tmp_path):
    findings = {finding["part"]: finding for finding in lookalike_json("doctor", cwd=tmp_path)}
    assert all(finding["works"] for finding in findings.values() if not finding["optional"])
    assert findings["HEIC pictures"]["works"] == (importlib.util.find_spec("pillow_heif") is not None)
    for part, modules in {
        "precision int8": ["nncf"],
        "plots": ["matplotlib"],
        "indexes: scann": ["scann"],
        "indexes: milvus, on a server": ["pymilvus"],
        "indexes to compare with: hnswlib": ["hnswlib"],
        "indexes to compare with: usearch": ["usearch"],
        "models from transformers, run by OpenVINO": ["torch", "openvino"],
    }.items():
        assert findings[part]["works"] == all(importlib.util.find_spec(name) is not None for name in modules)
    assert findings["precision bf16 on this processor"]["works"] == findings["embedded encoder in bf16"]["works"]
    assert findings["cache of converted models"]["detail"] == str(Path(os.environ["LOOKALIKE_CACHE"]) / "encoders")
    has_models = all(importlib.util.find_spec(name) is not None for name in ("torch", "transformers"))
    assert findings["models from transformers"]["works"] == has_models
    for finding in findings.values():
        assert finding["detail"]


def test_a_missing_part_names_its_extra(tmp_path):
    # the interpreter's own isolation hides the optional packages, as if they were not installed
    hidden = (
        "import sys; sys.modules.update(dict.fromkeys(['torch', 'transformers', 'datasets', 'pillow_heif', 'fsspec', "
        "'nncf', 'matplotlib', 'scann', 'pymilvus', 'hnswlib', 'usearch']))"
    )
    run = f"{hidden}; sys.argv = ['lookalike', 'doctor']; from lookalike.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert 'pip install "lookalike[hf]"' in done.stdout
    for extra in ("heif", "int8", "plot", "milvus", "ann"):
        assert f'pip install "lookalike[{extra}]"' in done.stdout
    is_for_scann = (platform.system(), platform.machine()) == ("Linux", "x86_64")
    assert ('pip install "lookalike[scann]"' if is_for_scann else "for Linux x86_64 only") in done.stdout
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


def test_a_cache_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    environ = {**os.environ, "LOOKALIKE_CACHE": str(tmp_path / "file")}
    command = [sys.executable, "-m", "lookalike", "doctor", "--json"]
    done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, check=True)
    (found,) = [finding for finding in json.loads(done.stdout) if finding["part"] == "cache of converted models"]
    assert not found["works"]
    assert f"{tmp_path / 'file'} cannot be written" in found["detail"]


def test_table_lists_every_part(tmp_path):
    lines = lookalike("doctor", cwd=tmp_path).stdout.splitlines()
    assert {line.split("\t")[0] for line in lines} <= {"yes", "no"}
    assert len(lines) >= 8
