"""`lookalike doctor` tells the truth about this installation."""

from __future__ import annotations

import importlib.util

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
    hidden = "import sys; sys.modules.update(dict.fromkeys(['torch', 'transformers', 'datasets', 'pillow_heif']))"
    run = f"{hidden}; sys.argv = ['lookalike', 'doctor']; from lookalike.__main__ import main; main()"
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert 'pip install "lookalike[hf]"' in done.stdout
    assert 'pip install "lookalike[heif]"' in done.stdout


def test_table_lists_every_part(tmp_path):
    lines = lookalike("doctor", cwd=tmp_path).stdout.splitlines()
    assert {line.split("\t")[0] for line in lines} <= {"yes", "no"}
    assert len(lines) >= 8
