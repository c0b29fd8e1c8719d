"""What must never stand in the project: paths of one machine, and code that runs what it reads."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
# written so that this file does not hold what it looks for
MACHINE_PATH = re.compile(r"(?<![\w.~\]])/(?:root|home|Users)/(?=[\w.])")
UNPICKLING = frozenset({"load", "loads", "Unpickler"})


def _text_files() -> list[Path]:
    if (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        paths = [ROOT / name for name in listed.split("\0") if name]
    else:
        paths = [path for folder in ("src", "tests") for path in (ROOT / folder).rglob("*.py")]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:8192]]


def test_no_file_names_a_path_of_a_developers_machine():
    files = _text_files()
    assert len(files) > 20
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in files
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), start=1)
        if MACHINE_PATH.search(line)
    ]
    assert found == []


def _dangers(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any("Unpickler" in ast.unparse(base) for base in node.bases):
            methods = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
            if "find_class" not in methods:
                found.append(f"line {node.lineno}: an unpickler that admits every name")
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        module, _, attribute = called.rpartition(".")
        if called in ("eval", "exec") or (module in ("pickle", "dill", "joblib") and attribute in UNPICKLING):
            found.append(f"line {node.lineno}: {called}()")
        for keyword in node.keywords:
            is_true = isinstance(keyword.value, ast.Constant) and keyword.value.value is True
            if keyword.arg in ("trust_remote_code", "allow_pickle", "shell") and is_true:
                found.append(f"line {node.lineno}: {keyword.arg}=True")
            if keyword.arg == "weights_only" and not is_true:
                found.append(f"line {node.lineno}: weights_only must be True")
        if called == "torch.load" and "weights_only" not in {keyword.arg for keyword in node.keywords}:
            found.append(f"line {node.lineno}: torch.load without weights_only=True")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_no_module_runs_what_it_reads(path):
    assert _dangers(ast.parse(path.read_text("utf-8", errors="replace"))) == []


@pytest.mark.parametrize(
    "code",
    [
        "eval(text)",
        "pickle.loads(data)",
        "pickle.Unpickler(file).load()",
        "class U(pickle.Unpickler): pass",
        "np.load(path, allow_pickle=True)",
        "AutoModel.from_pretrained(name, trust_remote_code=True)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "subprocess.run(command, shell=True)",
    ],
)
def test_each_danger_is_seen(code):
    assert len(_dangers(ast.parse(code))) == 1


def test_what_only_looks_dangerous_passes():
    harmless = "model.eval(); json.loads(text); f(trust_remote_code=False); torch.load(path, weights_only=True)"
    assert _dangers(ast.parse(harmless)) == []
